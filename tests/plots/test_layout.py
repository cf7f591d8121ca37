import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansym.plots.layout import lay_out


@st.composite
def networks(draw):
    widths = draw(st.lists(st.integers(1, 6), min_size=2, max_size=4))
    every = [
        (layer, output, source)
        for layer, (inputs, outputs) in enumerate(itertools.pairwise(widths))
        for output in range(outputs)
        for source in range(inputs)
    ]
    edges = draw(st.lists(st.sampled_from(every), unique=True))
    return widths, sorted(edges), sorted(draw(st.lists(st.sampled_from(edges), unique=True)) if edges else [])


@given(networks())
def test_nothing_lies_on_anything_else(network):
    widths, edges, cards = network
    layout = lay_out(widths, edges, cards)
    for places, apart in ((layout.nodes, 0.5), (layout.cards, 1.1)):
        for (x0, y0), (x1, y1) in itertools.combinations(places.values(), 2):
            assert abs(x0 - x1) >= apart - 1e-9 or abs(y0 - y1) >= 1.5


@given(networks())
def test_everything_is_inside_and_there(network):
    widths, edges, cards = network
    layout = lay_out(widths, edges, cards)
    assert set(layout.cards) == set(cards)
    ends = {(layer, source) for layer, _, source in edges} | {(layer + 1, output) for layer, output, _ in edges}
    outputs = {(len(widths) - 1, output) for output in range(widths[-1])}
    assert set(layout.nodes) == (ends if ends & outputs else ends | outputs)
    assert all(0 <= x <= layout.width and 0 <= y <= layout.height for x, y in layout.nodes.values())
    assert all(0.5 <= x <= layout.width - 0.5 for x, _ in layout.cards.values())


def test_inputs_and_outputs_keep_their_order():
    edges = [(0, output, source) for output in range(3) for source in range(3)]
    layout = lay_out((3, 3), edges, [])
    for layer in (0, 1):
        places = [layout.nodes[layer, node][0] for node in range(3)]
        assert places == sorted(places)


def test_hidden_nodes_stand_above_their_sources():
    layout = lay_out((3, 3, 1), [(0, 2 - k, k) for k in range(3)] + [(1, 0, k) for k in range(3)], [])
    for source in range(3):
        assert layout.nodes[1, 2 - source][0] == pytest.approx(layout.nodes[0, source][0], abs=0.2)


@given(networks(), st.floats(1, 20), st.floats(1, 20))
def test_a_layout_inside_of_a_place_fits_and_keeps_things_apart(network, width, height):
    widths, edges, cards = network
    unit, layout = lay_out(widths, edges, cards).inside(width, height)
    assert unit * layout.width <= width * (1 + 1e-9)
    assert unit * layout.height <= height * (1 + 1e-9)
    for places, apart in ((layout.nodes, 0.5), (layout.cards, 1.1)):
        for (x0, y0), (x1, y1) in itertools.combinations(places.values(), 2):
            assert abs(x0 - x1) >= apart - 1e-9 or abs(y0 - y1) >= 1.1
