"""The network: edits return new networks that do what they say, and no look changes anything."""

import copy
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.errors import DataError, FileFormatError, ParameterError
from kansym.library import Library
from kansym.network import KAN, KANLayer, stack

SMOOTH = Library(["x^n", "sin"])
topologies = st.lists(st.integers(1, 4), min_size=2, max_size=4).map(tuple)
seeds = st.integers(0, 10_000)


def close(actual: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-10) -> None:
    torch.testing.assert_close(actual.detach(), expected.detach(), rtol=tolerance, atol=tolerance)


@settings(max_examples=20, deadline=None)
@given(seeds, topologies)
def test_looking_changes_nothing(random_network, rows, seed, widths):
    network = random_network(seed, widths)
    before = copy.deepcopy(network.state_dict())
    x = rows(seed, 7, widths[0])
    index = (0, 0, 0)
    looks = [network(x), network.node_values(x), network.input_gradient(x), network.to_state(), network.edges()]
    looks += [network.edge_curve(edge, x) for edge in network.edges()]
    edits = [network.prune_edge(index), network.snap(index, SMOOTH["sin"]), network.unsnap(index, x)]
    edits += [network.refine(6, x), network.update_grids(x), network.without_dead_nodes(), stack([network, network])]
    assert all(edited is not network for edited in edits)
    after = network.state_dict()
    assert before.keys() == after.keys()
    for name, value in before.items():
        assert torch.equal(value, after[name]) if isinstance(value, torch.Tensor) else value == after[name]


@settings(max_examples=20, deadline=None)
@given(seeds, topologies)
def test_input_gradient_equals_autograd(random_network, rows, seed, widths):
    network, x = random_network(seed, widths), rows(seed, 5, widths[0])
    expected = torch.autograd.functional.jacobian(lambda z: network(z).sum(0), x).transpose(0, 1)
    close(network.input_gradient(x), expected, 1e-8)


@pytest.mark.parametrize("grid_size", [5, 7, 10, 20])
def test_refine_keeps_the_function_exactly(random_network, rows, grid_size):
    network, x = random_network(2, (2, 4, 3, 2)), rows(2, 50, 2)
    refined = network.refine(grid_size, x)
    assert refined.layer(1).basis.grid_size == grid_size
    close(refined(3 * x), network(3 * x), 1e-9)


@pytest.mark.parametrize("basis", ["rbf", "rswaf", "chebyshev"])
def test_refine_of_other_bases_is_near(rows, basis, generator):
    network = KAN((2, 3, 1), basis=basis, generator=generator, dtype=torch.float64)
    x = rows(0, 200, 2)
    assert (network.refine(9, x)(x) - network(x)).std() < 2e-2 * network(x).std()


def test_refine_refuses_a_smaller_grid():
    with pytest.raises(ParameterError, match="grid_size must be at least the present 5 to refine, got 4"):
        KAN((1, 1)).refine(4, torch.rand(3, 1))


@pytest.mark.parametrize("basis", ["bspline", "chebyshev"])
def test_coarsen_undoes_refine(rows, basis, generator):
    network = KAN((2, 3, 1), grid_size=4, basis=basis, generator=generator, dtype=torch.float64)
    x = rows(0, 200, 2)
    back = network.refine(11, x).coarsen(4, x)
    close(back(x), network(x), 1e-9)
    close(back.layer(0).basis.grid, network.layer(0).basis.grid, 1e-9)


def test_coarsen_changes_least(rows):
    # A bend in one place: the breakpoints around it stay, and the fit beats the one on an even grid of the same size.
    x = torch.linspace(-1, 1, 400, dtype=torch.float64).unsqueeze(-1)
    bend = np.tanh(20 * (x[:, 0].numpy() - 0.3))
    fine = KAN((1, 1), grid_size=20, dtype=torch.float64).with_edge_curve((0, 0, 0), x[:, 0].numpy(), bend)
    even = KAN((1, 1), grid_size=8, dtype=torch.float64).with_edge_curve((0, 0, 0), x[:, 0].numpy(), bend)
    coarse = fine.coarsen(8, x)
    assert coarse.layer(0).basis.grid_size == 8
    assert set(coarse.layer(0).basis.points[0].tolist()) <= set(fine.layer(0).basis.points[0].tolist())
    assert (coarse(x) - fine(x)).square().mean() < 0.5 * (even(x) - fine(x)).square().mean()
    errors = [float((fine.coarsen(size, x)(x) - fine(x)).square().mean().detach()) for size in (20, 15, 8, 2, 1)]
    assert errors == sorted(errors)
    assert errors[0] == 0.0


def test_coarsen_refuses_a_larger_grid():
    with pytest.raises(ParameterError, match="grid_size must be at most the present 5 to coarsen, got 6"):
        KAN((1, 1)).coarsen(6, torch.rand(3, 1))


def test_update_grids_spans_the_data_and_keeps_curves(rows, generator):
    x = rows(0, 400, 2)
    network = KAN((2, 3, 1), grid_size=12, grid_range=(-2, 2), generator=generator, dtype=torch.float64)
    updated = network.update_grids(x, adaptivity=0.5)
    for number, z in enumerate(updated.node_values(x)):
        points = updated.layer(number).basis.points
        close(points[:, 0], z.amin(0))
        close(points[:, -1], z.amax(0))
    assert (updated(x) - network(x)).abs().max() < 1e-2
    close(updated.update_grids(x, adaptivity=0.5)(x), updated(x), 1e-9)


def test_update_grids_survives_awkward_columns():
    x = torch.tensor([[1.0, 0.0, 5e8], [1.0, 1.0, 5e8], [1.0, 1.0, 6e8]], dtype=torch.float64).repeat(4, 1)
    network = KAN((3, 2, 1), dtype=torch.float64).fitted_to(x, x[:, 1:2] * 1e-9, adaptivity=1.0)
    assert torch.isfinite(network(x)).all()


def test_edge_curve_is_the_edge_on_the_data(random_network, rows):
    network, x = random_network(5, (2, 3, 1), prune_share=0.0), rows(5, 40, 2)
    nodes = network.node_values(x)
    curve = network.edge_curve((1, 0, 2), x)
    order = np.argsort(nodes[1][:, 2].numpy())
    np.testing.assert_allclose(curve.x, nodes[1][:, 2].numpy()[order])
    edges = network.layer(1).edge_values(nodes[1])[:, 0, 2].detach().numpy()
    np.testing.assert_allclose(curve.y, edges[order], atol=1e-12)
    thinned = network.edge_curve((1, 0, 2), x, n_points=5)
    assert thinned.x[0] == curve.x[0]
    assert thinned.x[-1] == curve.x[-1]
    assert len(thinned.x) == 5


def test_with_edge_curve_fits_and_is_determined_without_data():
    x = np.linspace(-1, 1, 200)
    network = KAN((1, 1), grid_size=20, dtype=torch.float64)
    fitted = network.with_edge_curve((0, 0, 0), x, np.sin(3 * x))
    assert np.abs(fitted.edge_curve((0, 0, 0), torch.as_tensor(x).unsqueeze(-1)).y - np.sin(3 * x)).max() < 1e-4
    line = network.with_edge_curve((0, 0, 0), np.array([0.2, 0.3]), np.array([1.0, 1.0]))
    assert line.layer(0).coef.abs().max() < 3.0


def test_snap_and_unsnap(rows):
    network, x = KAN((2, 1), grid_size=20, dtype=torch.float64), rows(0, 300, 2)
    snapped = network.snap((0, 0, 1), SMOOTH["x^n"], 0.5, 1.0, 2.0, -1.0, exponent=1.5)
    state = snapped.edge_state((0, 0, 1))
    assert (state.kind, state.function, state.a, state.exponent) == ("symbolic", SMOOTH["x^n"], 0.5, 1.5)
    curve = snapped.edge_curve((0, 0, 1), x)
    np.testing.assert_allclose(curve.y, 2.0 * (0.5 * curve.x + 1.0) ** 1.5 - 1.0)
    back = snapped.unsnap((0, 0, 1), x)
    assert back.edge_state((0, 0, 1)).kind == "spline"
    close(back(x), snapped(x), 1e-5)


def test_n_parameters_counts_active_edges():
    network = KAN((2, 1), grid_size=4, spline_order=3)
    assert network.n_parameters == 16
    assert network.snap((0, 0, 0), SMOOTH["x^n"], exponent=2.0).prune_edge((0, 0, 1)).n_parameters == 5


@settings(max_examples=60, deadline=None)
@given(seeds, topologies, st.sampled_from([0.3, 0.6, 0.9]), st.sampled_from(["bspline", "chebyshev", "rbf"]))
def test_without_dead_nodes_keeps_the_function(random_network, rows, seed, widths, share, basis):
    network, x = random_network(seed, widths, prune_share=share, basis=basis), rows(seed, 20, widths[0])
    smaller = network.without_dead_nodes()
    close(smaller(x), network(x))
    assert (smaller.widths[0], smaller.widths[-1]) == (widths[0], widths[-1])
    assert all(new <= old for new, old in zip(smaller.widths, widths, strict=True))
    assert smaller.without_dead_nodes().widths == smaller.widths


def test_without_dead_nodes_drops_both_kinds():
    network = KAN((2, 3, 1), dtype=torch.float64).prune_edge((1, 0, 0)).prune_edge((0, 2, 0)).prune_edge((0, 2, 1))
    assert network.without_dead_nodes().widths == (2, 1, 1)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 3), st.booleans(), st.booleans())
def test_stack_is_concatenation(random_network, rows, seed, depth, rescaled, refined):
    widths = [(2, *([hidden] * (depth - 1)), outputs) for hidden, outputs in ((3, 1), (2, 2), (1, 1))]
    parts = [random_network(seed + k, width) for k, width in enumerate(widths)]
    if not rescaled:
        parts = [part.with_scaling(0.1, 2.0, part.output_shift, part.output_scale) for part in parts]
    x = rows(seed, 15, 2)
    if refined:
        parts[1] = parts[1].refine(8, x)
    joined = stack(parts)
    close(joined(2 * x), torch.cat([part(2 * x) for part in parts], dim=-1), 1e-9)
    if not rescaled and not refined:
        assert len(joined.layers) == depth


@pytest.mark.parametrize(
    "other", [KAN((3, 1)), KAN((2, 2, 1)), KAN((2, 1), basis="rbf"), KAN((2, 1), base_function="none")]
)
def test_stack_refuses_unlike_networks(other):
    with pytest.raises(ParameterError, match="networks must agree"):
        stack([KAN((2, 1)), other])
    with pytest.raises(ParameterError, match="at least one network"):
        stack([])


@settings(max_examples=20, deadline=None)
@given(seeds, topologies, st.sampled_from(["bspline", "rbf", "rswaf", "chebyshev"]))
def test_state_round_trip(random_network, rows, seed, widths, basis):
    network, x = random_network(seed, widths, basis=basis), rows(seed, 9, widths[0])
    description, arrays = network.to_state()
    restored = KAN.from_state(json.loads(json.dumps(description)), arrays)
    assert torch.equal(restored(x), network(x))
    assert restored.edges() == network.edges()


def test_state_of_layers_that_differ(rows):
    layers = [
        KANLayer(2, 3, base_function="identity", grid_size=4, dtype=torch.float64),
        KANLayer(3, 2, basis="rbf", spline_order=2, dtype=torch.float64),
        KANLayer(2, 1, grid_size=8, base_function="none", dtype=torch.float64),
    ]
    network, x = KAN.from_layers(layers), rows(0, 9, 2)
    description, arrays = network.to_state()
    assert description["grid_size"] == [4, 5, 8]
    restored = KAN.from_state(json.loads(json.dumps(description)), arrays)
    assert torch.equal(restored(x), network(x))
    description["grid_size"] = [4, 5]
    with pytest.raises(FileFormatError, match="grid_size must hold 3 entries, one a layer"):
        KAN.from_state(description, arrays)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_state_of_short_numbers(dtype):
    network = KAN((2, 3, 1), dtype=dtype)
    restored = KAN.from_state(*network.to_state())
    assert restored.layer(0).coef.dtype == dtype
    assert all(
        torch.equal(own, other) for own, other in zip(network.parameters(), restored.parameters(), strict=True)
    )


def test_unequal_grids_are_refined_and_coarsened_layer_by_layer(rows):
    layers = [KANLayer(2, 3, grid_size=3, dtype=torch.float64), KANLayer(3, 1, grid_size=8, dtype=torch.float64)]
    network, x = KAN.from_layers(layers), rows(0, 50, 2)

    def sizes(one):
        return [one.layer(number).basis.grid_size for number in range(2)]

    finer = network.refine(9, x)
    assert sizes(finer) == [9, 9]
    close(finer(x), network(x))
    assert sizes(finer.coarsen(4, x)) == sizes(network.refine(8, x).coarsen(4, x)) == [4, 4]
    with pytest.raises(ParameterError, match="grid_size must be at least the present 8"):
        network.refine(5, x)
    with pytest.raises(ParameterError, match="grid_size must be at most the present 3"):
        network.coarsen(5, x)


def test_state_of_user_functions_needs_their_library():
    sine = SMOOTH["sin"]
    own = type(sine)("my_sine", sine.value, sine.slope, sine.expression)
    state = KAN((1, 1)).snap((0, 0, 0), own).to_state()
    with pytest.raises(FileFormatError, match="function 'my_sine' of layer 0 must be in the library"):
        KAN.from_state(*state)
    assert KAN.from_state(*state, library=Library([own])).edge_state((0, 0, 0)).function is own


def corrupted():
    yield "format", lambda d, a: d.update(format=99)
    yield "description must hold", lambda d, a: d.pop("widths")
    yield "dtype must be one of", lambda d, a: d.update(dtype="int8")
    yield "not valid", lambda d, a: d.update(widths=[2, -1, 1])
    yield "not valid", lambda d, a: d.update(widths="no")
    yield "functions must be a list", lambda d, a: d.update(functions=None)
    yield "must name those of its symbolic edges", lambda d, a: d["functions"][0].clear()
    yield "function 'evil' of layer 0", lambda d, a: d["functions"][0].update({"0,0": "evil"})
    yield "format must be .*, got 'xx", lambda d, a: d.update(format="x" * 10_000)
    yield r"dtype must be one of .*, got \[0, 0", lambda d, a: d.update(dtype=[0] * 10_000)
    yield "function 'eee", lambda d, a: d["functions"][0].update({"0,0": "e" * 10_000})
    yield "is missing", lambda d, a: a.pop("layers.0.coef")
    yield "must be floating of shape", lambda d, a: a.update({"layers.1.coef": np.zeros((1, 1))})
    yield "must be bool of shape", lambda d, a: a.update({"layers.1.spline_mask": np.zeros((1, 3))})
    yield "must be finite", lambda d, a: a["input_shift"].fill(np.nan)
    yield "must be positive", lambda d, a: a["output_scale"].fill(0.0)
    yield "must increase", lambda d, a: a["layers.0.grid"].fill(1.0)
    yield "spline or symbolic, not both", lambda d, a: a["layers.0.spline_mask"].fill(True)


@pytest.mark.parametrize(("message", "corrupt"), list(corrupted()))
def test_nonsense_state_is_refused(message, corrupt):
    description, arrays = KAN((2, 3, 1)).snap((0, 0, 0), SMOOTH["sin"]).to_state()
    corrupt(description, arrays)
    with pytest.raises(FileFormatError, match=message) as caught:
        KAN.from_state(description, arrays)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: KAN((2,)), ParameterError, "widths must hold inputs and outputs"),
        (lambda: KAN((2, 0, 1)), ParameterError, "widths must be an integer >= 1, got 0"),
        (lambda: KAN((2, 1), product_nodes=(1, 0)), ParameterError, "product_nodes must hold 1 counts"),
        (lambda: KAN((2, 1)).prune_edge((0, 1, 0)), ParameterError, "index must be"),
        (lambda: KAN((2, 1)).snap((0, 0, 0), SMOOTH["sin"], exponent=2.0), ParameterError, "exponent must be None"),
        (lambda: KAN((2, 1)).snap((0, 0, 0), SMOOTH["sin"], a=np.nan), ParameterError, "a must be a finite number"),
        (lambda: KAN((2, 1)).with_scaling(0, 0, 0, 1), ParameterError, "input_scale must be finite and positive"),
        (lambda: KAN((2, 1)).update_grids(torch.rand(4, 2), 2.0), ParameterError, r"adaptivity must be a number in"),
        (lambda: KAN((2, 1)).update_grids(torch.full((4, 2), np.nan)), DataError, "x must be finite, got nan in row 0"),
        (lambda: KAN((2, 1)).with_edge_curve((0, 0, 0), np.zeros(1), np.zeros(0)), DataError, "equal lengths"),
    ],
)
def test_wrong_use(call, error, message):
    with pytest.raises(error, match=message):
        call()
