"""When a search goes on, and when it has found enough."""

import numpy as np
import pytest
import sympy

from kansym.discovery import SearchSettings
from kansym.discovery.budget import Budget
from kansym.discovery.search import Search
from kansym.discovery.single import discover
from kansym.discovery.view_search import ViewSearch
from kansym.discovery.views import View, reduced_views
from kansym.library import default_library
from kansym.symbolic.front import HallOfFame
from kansym.symbolic.rows import Rows


def searched(law, n_rows, n_columns, noise, last=None):
    """The search of such rows, gone as far as the stage ``last``, and the stages it went through."""
    generator = np.random.default_rng(n_rows)
    X = generator.uniform(1, 4, (n_rows, n_columns))
    y = law(X)
    rows = Rows.from_arrays(X, y + noise * y.std() * generator.normal(size=n_rows))
    search = Search(rows, SearchSettings(default_library()), Budget(None), 0)
    stages = []
    for stage in search.stages():
        stages.append(stage)
        if stage == last:
            break
    return search, stages


def test_a_short_law_is_sought_beside_a_long_one_that_fits_as_well():
    """Forty rows with an error of one per cent are fitted by x0·x1·x2^a·exp(b·x2), too, which comes first."""
    search, _ = searched(lambda X: X[:, 0] * X[:, 1] / (1 + X[:, 2]), 40, 3, 0.01, last="symmetries")
    x0, x1, x2 = search.all_rows.variables
    assert search.best is not None
    assert sympy.simplify(search.best.expression - x0 * x1 / (1 + x2)) == 0


def test_a_short_law_that_explains_all_but_noise_ends_the_search():
    search, stages = searched(lambda X: 2 * X[:, 0] ** 2 / X[:, 1], 60, 2, 0.01)
    assert search.settled
    assert "deep span search" not in stages
    assert "network" not in stages


def test_laws_of_parts_come_before_deep_spans_under_noise_and_after_the_short_ones_without():
    rows = Rows.from_arrays(np.ones((9, 2)), np.arange(9.0))
    search = Search(rows, SearchSettings(default_library()), Budget(None), 0)
    search.noise = 1.0
    noisy = [stage for stage, _ in search._plan()]
    search.noise = 0.0
    exact = [stage for stage, _ in search._plan()]
    assert noisy.index("span search") < noisy.index("varying coefficients") < noisy.index("deep span search")
    assert exact.index("varying coefficients") < exact.index("span search") < exact.index("quotients of rough data")
    assert sorted({*exact, "span search of the smallest problem"} - {"quotients of rough data"}) == sorted(
        {*noisy, "span search of the smallest problem"}
    )


def test_noise_that_a_smooth_model_takes_for_its_own_error_does_not_hide_a_quotient(monkeypatch):
    # What the models say of the noise is a matter of chance near the border; here they say that there is none.
    monkeypatch.setattr("kansym.discovery.search.noise_of", lambda views: 0.0)
    monkeypatch.setattr(Search, "_span", lambda search, view, constants=True: None)  # slow, and no help

    def beam(X):
        return 3 * np.exp(-((X[:, 0] - 1) ** 2) / (0.5 + 0.3 * X[:, 1] ** 2))

    search, stages = searched(beam, 400, 2, 0.01, last="quotients of rough data")
    assert stages[-1] == "quotients of rough data"
    fresh = np.random.default_rng(1).uniform(1, 4, (500, 2))
    assert search.best is not None
    found = sympy.lambdify(search.all_rows.variables, search.best.expression)(*fresh.T)
    assert np.sqrt(np.mean((found - beam(fresh)) ** 2)) < 0.3 * 0.01 * beam(fresh).std()


def test_a_law_of_the_root_of_a_combination_is_found_in_powers_of_it():
    """tanh(m·L)/(m·L) with m² = 2h/k: the efficiency of a fin, a law of u = L²·h/k that no snap of u reaches."""
    columns = np.random.default_rng(0).uniform(1.0, 3.0, (300, 3))
    h, k, L = columns.T
    reach = L * np.sqrt(2 * h / k)
    found = discover(Rows.from_arrays(columns, np.tanh(reach) / reach), SearchSettings(default_library()), Budget(None))
    assert found.reason == "an exact formula was found"
    assert found.front[-1].complexity < 30


def test_a_search_that_is_cut_off_early_has_simple_features_in_hand():
    """What has no short law is described before the long stages, not after them."""

    def no_law(X):
        return X[:, 3] ** 0.2 * np.log(X[:, 0] * X[:, 1]) ** 0.4 / (X[:, 0] * X[:, 3] + np.exp(X[:, 2])) ** 0.3

    search, _ = searched(no_law, 400, 4, 0.2, last="monomials")
    assert search.best is not None
    before = search.best.loss
    search.of_view.short_span(View.of(search.rows))
    assert search.best.origin.startswith("span of ")
    assert search.best.loss < 0.9 * before


def test_inner_constants_of_rough_data_wait_for_the_span_search(monkeypatch):
    """Two columns leave a smooth law to a model; where that does not follow, the exact search comes last."""
    smooth, rough = (lambda X: np.sin(1.7 * X[:, 0] + 0.3) / X[:, 1]), (lambda X: np.floor(3 * X[:, 0]) * X[:, 1])
    for law, last in ((smooth, False), (rough, True)):
        search, _ = searched(law, 300, 2, 0.0, last="relevant columns")
        search.views, calls = reduced_views(search.rows, 0, search.budget.exhausted, 0.0), []
        monkeypatch.setattr(search, "_inner_constants", lambda view, calls=calls: calls.append("constants"))
        monkeypatch.setattr(
            type(search.of_view), "_proposed", lambda self, *hits, calls=calls: bool(calls.append("formulas"))
        )
        search._span(View.of(search.rows))
        assert "constants" in calls
        assert (calls[-1] == "constants") == last


def test_a_span_of_one_column_comes_before_the_long_search_for_inner_constants():
    column = np.random.default_rng(0).uniform(-1.0, 1.0, (200, 1))
    law = np.sin(column[:, 0] ** 2) * np.cos(column[:, 0]) - 1.0
    search = Search(Rows.from_arrays(column, law), SearchSettings(default_library()), Budget(None), 0)
    for stage in search.stages():
        if stage == "laws of one variable":
            break
    assert search.candidates.exact
    assert search.best is not None
    assert search.best.origin.startswith("span of ")


EARLY = {
    "kinetic energy": (lambda m, v: 9 * m * (1 / np.sqrt(1 - v**2 / 9) - 1), [(1, 5), (0, 2.7)]),
    "resonance": (
        lambda w, L, C, R: 1 / np.sqrt((1 - w**2 * L * C) ** 2 + (w * R * C) ** 2),
        [(0.1, 3), (0.5, 2), (0.5, 2), (0.1, 2)],
    ),
    "membrane": (
        lambda K, a, b, c, d: 0.0257 * np.log((K * a + 0.04 * b) / (K * c + 0.04 * d)),
        [(0.5, 2), (1, 5), (50, 150), (80, 150), (5, 20)],
    ),
    "gas": (
        lambda T, V: 8.314 * T / (V - 0.08) - 3.2 / (np.sqrt(T) * V * (V + 0.08)),
        [(250, 500), (0.3, 4)],
    ),
    "engine": (lambda r, g: 1 - r ** (1 - g), [(4, 12), (1.2, 1.67)]),
    "option": (
        lambda S, K, t: (np.log(S / K) + 0.05 * t) / (0.2 * np.sqrt(t)),
        [(50, 150), (60, 140), (0.2, 3)],
    ),
    "titration": (lambda a, b: (a + b + 1.3 - np.sqrt((a + b + 1.3) ** 2 - 4 * a * b)) / 2, [(0.5, 6), (0.5, 6)]),
    "loop": (lambda m, R, z: m * R**2 / (2 * (R**2 + z**2) ** 1.5), [(1, 5), (0.5, 3), (0.1, 4)]),
}


@pytest.mark.parametrize("name", EARLY)
def test_laws_with_a_closed_way_to_them_need_no_long_search(name):
    law, ranges = EARLY[name]
    low, high = np.array(ranges).T
    columns = np.random.default_rng(0).uniform(low, high, (600, len(low)))
    rows, stages = Rows.from_arrays(columns, law(*columns.T)), []
    settings = SearchSettings(default_library())
    found = discover(rows, settings, Budget(None), on_progress=lambda progress: stages.append(progress.stage))
    assert found.reason == "an exact formula was found"
    assert "span search" not in stages
    assert found.front[-1].complexity < 40


def test_equations_of_state_are_written_in_parts():
    law, ranges = EARLY["gas"]
    low, high = np.array(ranges).T
    columns = np.random.default_rng(0).uniform(low, high, (600, 2))
    found = discover(Rows.from_arrays(columns, law(*columns.T)), SearchSettings(default_library()), Budget(None))
    assert len(sympy.Add.make_args(found.front[-1].expression)) == 2


OTHER_LAWS_OF_ONE_VARIABLE = ("one_variable", "short_span", "quotients", "one_power", "powers", "snaps_of_power")


def no_short_law(X):
    return np.exp(np.sin(0.7 * X[:, 0])) + X[:, 0] ** 1.7


@pytest.mark.parametrize(("noise", "at_once"), [(0.0, True), (1e-4, False)])
def test_exact_laws_of_an_inexact_curve_are_looked_for_last(monkeypatch, noise, at_once):
    """A ten-thousandth of noise hides a constant inside a function; half of the curve tells it in milliseconds."""
    looked = []
    monkeypatch.setattr(Search, "_inner_constants", lambda search, view: looked.append(view))
    for other in OTHER_LAWS_OF_ONE_VARIABLE:
        monkeypatch.setattr(ViewSearch, other, lambda *_, **__: None)
    search, stages = searched(no_short_law, 200, 1, noise, last="laws of one variable")
    assert stages[-1] == "laws of one variable"
    assert bool(looked) == at_once
    search._postponed_laws()
    assert len(looked) == 1


def test_curves_too_short_to_tell_are_looked_at_last_too(monkeypatch):
    looked = []
    monkeypatch.setattr(Search, "_inner_constants", lambda search, view: looked.append(view))
    for other in OTHER_LAWS_OF_ONE_VARIABLE:
        monkeypatch.setattr(ViewSearch, other, lambda *_, **__: None)
    search, stages = searched(no_short_law, 14, 1, 0.0, last="laws of one variable")
    assert stages[-1] == "laws of one variable"
    assert not looked
    search._postponed_laws()
    assert len(looked) == 1


def test_two_rates_of_a_temperature_are_found_before_constants_inside(monkeypatch):
    """A sum of two exponentials of 1/T: no sum of curves of T, and two functions too many for one constant inside."""
    called = "kansym.discovery.view_search.laws_with_inner_constant"
    monkeypatch.setattr(called, lambda *arguments: pytest.fail("no need of them"))
    temperature = np.random.default_rng(0).uniform(250.0, 600.0, (300, 1))
    rate = 3e5 * np.exp(-4500.0 / temperature[:, 0]) + 2e3 * np.exp(-2500.0 / temperature[:, 0])
    search = Search(Rows.from_arrays(temperature, rate), SearchSettings(default_library()), Budget(None), 0)
    assert "laws of one variable" in list(search.stages())
    assert search.candidates.exact
    assert search.best is not None
    assert search.best.n_constants == 4


def test_a_long_exact_formula_counts_again_after_a_look_for_a_shorter_one():
    search, _ = searched(lambda X: X[:, 0], 60, 1, 0.0)
    candidates = search.candidates
    assert candidates.exact
    with candidates.short_exact_only():
        assert candidates.exact
    candidates.hall = HallOfFame(search.rows.variance, len(search.rows), evidence=search.rows.evidence)
    with candidates.short_exact_only():
        assert not candidates.exact
    assert candidates.exact
