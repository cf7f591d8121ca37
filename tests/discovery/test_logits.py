"""The search for logits: what its stages find, what it leaves alone, and the network behind it."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from scipy.special import expit

from kansym.discovery import Budget, NetworkSettings, SearchSettings, discover
from kansym.discovery.logit_network import build_logit_network, logits_of
from kansym.discovery.logit_search import LogitSearch
from kansym.library import default_library
from kansym.network import train_on
from kansym.network.surgery import used_inputs
from kansym.symbolic.labels import LabelledRows

SETTINGS = SearchSettings(default_library(), NetworkSettings(), 40, "best")


def labelled(law, n_rows=600, n_columns=2, seed=0, low=-2.0, high=2.0):
    generator = np.random.default_rng(seed)
    X = generator.uniform(low, high, (n_rows, n_columns))
    codes = (generator.uniform(size=n_rows) < expit(law(*X.T))).astype(int)
    variables = sympy.symbols(f"x0:{n_columns}", real=True)
    return LabelledRows.binary(X, codes, np.ones(n_rows), variables)


def searched(rows, until, max_steps=None):
    """A search after the stage ``until``, and the stages up to it."""
    search: Any = LogitSearch(rows, SETTINGS, Budget(None, max_steps), 0)
    stages = []
    for stage in search.stages():
        stages.append(stage)
        if stage == until:
            break
    return search, stages


# ------------------------------------------------------------------------------------------------------------ search


def test_a_linear_logit_is_found_before_any_network():
    search, _ = searched(labelled(lambda x, y: 3 * x - 2 * y + 1), "sums of columns")
    assert search.network is None
    x, y = search.all_rows.variables
    assert search.best.expression.free_symbols == {x, y}
    assert sympy.Poly(search.best.expression, x, y).total_degree() == 1


def test_a_few_of_many_columns_are_found():
    search, _ = searched(labelled(lambda *x: 3 * x[7] - 3 * x[21], n_columns=30), "sums of columns")
    assert {str(symbol) for symbol in search.best.expression.free_symbols} == {"x7", "x21"}
    assert {7, 21} <= set(search.relevant)


def test_columns_of_the_best_sum_are_relevant_whatever_the_test_of_columns_says(monkeypatch):
    monkeypatch.setattr("kansym.discovery.logit_search.relevant_columns", lambda *_, **__: [0])
    search, _ = searched(labelled(lambda x, y, z: 3 * y - 3 * z, n_columns=3), "sums of columns")
    assert search.relevant == [0, 1, 2]


def test_a_product_is_a_feature():
    rows = labelled(lambda x, y: 4 * x * y)
    search, _ = searched(rows, "sums of features")
    assert search.best.expression.free_symbols == set(rows.variables)
    assert search.best.n_constants <= 2
    assert search.best.loss < 1.01 * rows.loss(4 * rows.columns.prod(axis=1))


def test_labels_without_a_law_get_a_constant():
    rows = labelled(lambda *x: 0 * x[0], n_rows=300, n_columns=12)
    found = discover(rows, SETTINGS, Budget(None, 80))
    assert not found.front[0].expression.free_symbols
    assert len(found.front) == 1


@pytest.mark.parametrize(("turns", "admitted"), [(1.0, False), (1.9, False), (2.1, True)])
def test_a_wave_must_be_seen_twice(turns, admitted):
    rows = labelled(lambda x: x, n_columns=1, low=0.0, high=1.0)
    (x,) = rows.variables
    span = float(np.ptp(rows.columns))
    search = LogitSearch(rows, SETTINGS, Budget(None), 0)
    assert search.candidates.admits(sympy.sin(sympy.Float(2 * np.pi * turns / span) * x)) is admitted


@pytest.mark.parametrize(("place", "admitted"), [(-0.5, True), (0.5, False), (1.5, True)])
@pytest.mark.parametrize("exponent", [-1, -2])
def test_a_pole_must_lie_outside_the_rows(place, exponent, admitted):
    rows = labelled(lambda x: x, n_columns=1, low=0.0, high=1.0)
    search = LogitSearch(rows, SETTINGS, Budget(None), 0)
    pole = (rows.variables[0] - sympy.Float(place)) ** exponent
    assert search.candidates.admits(1 + sympy.Float(2.0) * pole) is admitted


def test_columns_that_the_network_dropped_are_not_searched():
    search, _ = searched(labelled(lambda *x: 4 * np.abs(x[1]) - 4, n_columns=8), "symmetries")
    assert used_inputs(search.pruned).nonzero()[:, 0].tolist() == [search.relevant.index(1)]
    assert search.views[0].rows.n_variables == 1


def test_many_columns_are_not_searched_for_symmetries(monkeypatch):
    asked = []
    monkeypatch.setattr("kansym.discovery.logit_search.reduced_views", lambda rows, *_: asked.append(rows) or ())
    monkeypatch.setattr("kansym.discovery.logit_search._MOST_FOR_SYMMETRIES", 1)
    search, _ = searched(labelled(lambda x, y: 3 * x - 3 * y), "symmetries")
    assert asked == []
    assert search.views[0].rows.n_variables == 2


def test_a_budget_ends_it_at_any_step():
    rows = labelled(lambda x, y: 4 * x * y, n_rows=200)
    for steps in range(1, 25, 3):
        found = discover(rows, SETTINGS, Budget(None, steps))
        assert np.isfinite(found.front[0].loss)
        assert found.front[-1].loss <= rows.null_loss * (1 + 1e-6)  # fits aim at smoothed labels


def test_a_better_network_says_less_doubt():
    weak, strong = (
        searched(labelled(lambda x, y, size=size: size * x, n_rows=400), "network")[0].doubt for size in (1.0, 6.0)
    )
    assert 0 < strong < weak


# ----------------------------------------------------------------------------------------------------------- network


def network_of(rows, budget=None, **settings):
    return build_logit_network(rows, NetworkSettings(**settings), 0, budget or Budget(None))


def test_the_logits_are_near_the_truth():
    def law(x, y):
        return 3 * np.sin(x) + y**2 - 2

    stations = network_of(labelled(law, n_rows=2000))
    fresh = labelled(law, n_rows=1000, seed=5)
    logits = logits_of(stations.pruned, fresh)
    assert np.corrcoef(logits, law(*fresh.columns.T))[0, 1] > 0.97
    assert fresh.loss(logits) < 1.05 * fresh.loss(law(*fresh.columns.T))


@pytest.mark.parametrize(("asked_for", "used"), [("auto", "cpu"), ("cpu", "cpu"), ("cuda", "cuda")])
def test_networks_are_trained_where_they_are_asked_to_be(monkeypatch, asked_for, used):
    places = set()

    def trained(device, *arguments, **options):
        places.add(device)
        return train_on("cpu", *arguments, **options)

    monkeypatch.setattr("kansym.discovery.logit_network.train_on", trained)
    network_of(labelled(lambda x, y: x, n_rows=60), device=asked_for)
    assert places == {used}


def test_the_loss_is_that_of_the_pruned_network():
    rows = labelled(lambda x, y: 3 * x)
    stations = network_of(rows)
    assert stations.loss == pytest.approx(rows.loss(logits_of(stations.pruned, rows)))
    values = stations.pruned.evaluate(torch.tensor(rows.columns)).numpy()
    np.testing.assert_array_equal(values[:, 0], logits_of(stations.pruned, rows))


def test_columns_that_tell_nothing_are_pruned():
    stations = network_of(labelled(lambda *x: 4 * x[2], n_columns=6, n_rows=1000))
    assert used_inputs(stations.network).all()
    assert used_inputs(stations.pruned).nonzero()[:, 0].tolist() == [2]


def test_hidden_nodes_are_taken_for_products_only():
    sums = network_of(labelled(lambda x, y: 3 * x - y**2))
    product = network_of(labelled(lambda x, y: 5 * x * y, n_rows=1000))
    assert len(sums.network.widths) == 2
    assert len(product.network.widths) == 3


def test_widths_that_the_user_asks_for_are_kept():
    assert network_of(labelled(lambda x, y: x), hidden_widths=(2,)).network.widths == (2, 2, 1)


def test_an_offset_is_not_learnt_again():
    """What is known of the other classes comes in as an offset; the network gives what is missing."""
    plain = labelled(lambda x, y: 3 * x + 2 * y, n_rows=2000)
    rows = LabelledRows(
        **{**vars_of(plain), "offset": 2 * plain.columns[:, 1]}
    )
    network = network_of(rows).pruned
    slopes = [np.corrcoef(column, logits_of(network, rows))[0, 1] for column in plain.columns.T]
    assert slopes[0] > 0.97
    assert abs(slopes[1]) < 0.2


def vars_of(rows):
    names = ("columns", "target", "weights", "variables", "goal", "offset", "rest", "null_loss")
    return {name: getattr(rows, name) for name in names}


@pytest.mark.parametrize("n_rows", [8, 39, 60])
def test_few_rows_give_a_stiff_network(n_rows):
    rows = labelled(lambda x, y: 9 * x, n_rows=n_rows)
    stations = network_of(rows)
    assert stations.loss < rows.null_loss
    assert np.all(np.abs(logits_of(stations.network, rows)) < 30)


def test_without_a_budget_left_there_is_a_network_all_the_same():
    budget = SimpleNamespace(exhausted=lambda: True, spend=lambda *_: None)
    stations = network_of(labelled(lambda x, y: 3 * x), budget=budget)
    assert np.isfinite(stations.loss)
