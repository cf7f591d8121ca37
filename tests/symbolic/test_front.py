"""Hall of fame and Pareto front: independent of order, strictly improving, and honest about noise."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.errors import ParameterError
from kansym.symbolic.complexity import complexity
from kansym.symbolic.constants import Fit, refit
from kansym.symbolic.evaluation import count_constants
from kansym.symbolic.front import SELECTIONS, Formula, HallOfFame, ParetoFront, advantage, select
from kansym.symbolic.rows import Rows
from kansym.symbolic.uncertainty import Uncertainty

X, Y = sympy.symbols("x0 x1", real=True)
SHAPES = [
    sympy.Float(0.5),
    X,
    2.5 * X,
    2.5 * X + 1.5,
    sympy.exp(X),
    sympy.sin(X),
    X**2,
    1.5 * X**2,
    X + Y,
    2.5 * sympy.exp(X * Y),
    2.5 * sympy.sin(1.5 * X + 0.5) + Y,
]


def formula(expression, loss, variance=1.0, origin=""):
    fit = Fit(expression, loss, np.zeros(0), np.zeros(0), loss, 0.0, Uncertainty.unknown(count_constants(expression)))
    return Formula.from_fit(fit, variance, origin)


def hall_of(*formulas, variance=1.0, n_rows=1000):
    hall = HallOfFame(variance, n_rows)
    for entry in formulas:
        hall = hall.add(entry)
    return hall


formulas = st.lists(
    st.tuples(st.sampled_from(SHAPES), st.one_of(st.floats(1e-30, 1), st.sampled_from([0.0, 0.5, math.inf, math.nan]))),
    min_size=1,
    max_size=9,
).map(lambda pairs: [formula(*pair) for pair in pairs])


@settings(max_examples=100, deadline=None)
@given(formulas, st.randoms(use_true_random=False))
def test_the_order_of_additions_does_not_matter(entries, random):
    shuffled = list(entries)
    random.shuffle(shuffled)
    first, second = hall_of(*entries), hall_of(*shuffled)
    assert set(first.best) == set(second.best)
    for key, entry in first.best.items():
        # Of formulas that differ by rounding, either may stay.
        assert second.best[key].expression == entry.expression
    assert [f.expression for f in first.front()] == [f.expression for f in second.front()]


@settings(max_examples=100, deadline=None)
@given(formulas, formulas)
def test_merging_is_commutative_and_as_good_as_adding_all(one, other):
    first, second = hall_of(*one).merge(hall_of(*other)), hall_of(*other).merge(hall_of(*one))
    together = hall_of(*one, *other)
    for hall in (second, together):
        assert set(hall.best) == set(first.best)
        assert all(hall.best[key].expression == entry.expression for key, entry in first.best.items())


@settings(max_examples=100, deadline=None)
@given(formulas)
def test_a_hall_never_gets_worse_and_is_not_changed(entries):
    hall = HallOfFame(1.0, 1000)
    for entry in entries:
        before = dict(hall.best)
        grown = hall.add(entry)
        assert hall.best == before
        for key, kept in before.items():
            assert grown.best[key].loss <= kept.loss * (1 + 1e-5) or kept.loss < 1e-20
        hall = grown
    assert all(math.isfinite(f.loss) for f in hall.best.values())


@settings(max_examples=100, deadline=None)
@given(formulas)
def test_the_front_improves_strictly_with_size(entries):
    front = hall_of(*entries).front()
    for simpler, better in itertools.pairwise(front):
        assert (simpler.complexity, simpler.n_constants) < (better.complexity, better.n_constants)
        assert better.loss < simpler.loss
        assert simpler.loss > 1e-20
    assert len(front.gains) == len(front)
    assert all(gain >= 0 for gain in front.gains)
    finite = [entry for entry in entries if math.isfinite(entry.loss)]
    assert (len(front) > 0) == bool(finite)


def test_formulas_know_their_measures():
    entry = formula(2.5 * X + 1.5, 0.25, variance=2.0, origin="span")
    assert entry.complexity == complexity(2.5 * X + 1.5)
    assert entry.n_constants == count_constants(2.5 * X + 1.5) == 2
    assert entry.r2 == pytest.approx(0.875)
    assert entry.origin == "span"


@pytest.mark.parametrize(("loss", "r2"), [(0.0, 1.0), (1e-9, 0.0)])
def test_r2_of_a_constant_target(loss, r2):
    assert formula(sympy.Float(3.0), loss, variance=0.0).r2 == r2


def test_a_form_costs_its_tree_or_less_where_a_family_names_it():
    fit = Fit(X**2 + sympy.tan(X), 0.1, np.zeros(0), np.zeros(0), 0.1, 0.0, Uncertainty.unknown(0))
    alone = Formula.from_fit(fit, 1.0).structure_bits
    assert Formula.from_fit(fit, 1.0, structure_bits=1.0).structure_bits == 1.0
    assert Formula.from_fit(fit, 1.0, structure_bits=alone + 1.0).structure_bits == alone


@pytest.mark.parametrize(
    ("entries", "kept"),
    [
        # (expression, loss), and which are on the front of 1000 rows of variance one
        ([(X, 0.9), (X**2, 0.1)], [X, X**2]),
        ([(X, 0.1), (X**2, 0.9)], [X]),
        ([(X, 0.5), (X**2, 0.5)], [X]),
        ([(X, 0.5), (Y, 0.4)], [Y]),
        ([(X**2, 0.5), (2.5 * X, 0.5)], [X**2]),  # equal size, fewer constants
        ([(X**2, 0.5), (2.5 * X, 0.4)], [X**2, 2.5 * X]),
        ([(sympy.Float(0.5), 1.0), (X, 0.999)], [X]),  # the variable is as small as a constant, and needs no fit
        ([(X, 0.9), (X**2, math.nan)], [X]),
        ([(X, 0.9), (X**2, math.inf)], [X]),
        # Exact formulas: the simplest only, whichever has the smallest rounding error.
        ([(X, 0.9), (X**2, 1e-25), (2.5 * X + 1.5, 1e-31), (X + Y + X * Y, 0.0)], [X, X**2]),
        ([(X, 0.9), (X**2, 1e-15), (X + Y + X * Y, 0.0)], [X, X**2, X + Y + X * Y]),
    ],
)
def test_table_of_fronts(entries, kept):
    front = hall_of(*(formula(*entry) for entry in entries)).front()
    assert [entry.expression for entry in front] == kept


def test_nothing_pays_that_noise_could_do():
    hall = hall_of(formula(sympy.Float(0.5), 1.0), formula(2.5 * X, 0.97), variance=1.0, n_rows=30)
    assert [entry.expression for entry in hall.front()] == [sympy.Float(0.5)]
    hall = hall_of(formula(sympy.Float(0.5), 1.0), formula(2.5 * X, 0.97), variance=1.0, n_rows=3000)
    assert len(hall.front()) == 2


def test_gains_are_logarithms_of_the_loss_per_node():
    front = ParetoFront((formula(X, 1.0), formula(X**2, math.exp(-4)), formula(1.5 * X**2, 0.0)), 1.0, 100)
    first, second, third = front.gains
    assert first == 0
    assert second == pytest.approx(2.0)
    assert math.isfinite(third)
    assert third > 100


def test_an_empty_hall_has_an_empty_front():
    front = HallOfFame(1.0, 10).front()
    assert len(front) == 0
    assert list(front) == []
    assert front.gains == ()


# --- selection ------------------------------------------------------------------------------------------------------


@pytest.fixture
def front():
    # The line explains nearly all; the last formula improves on it by what noise does.
    shapes = sympy.Float(0.5), 2.5 * X, 2.5 * X + 1.5, 2.5 * X + 1.5 * sympy.tan(0.5 * Y)
    losses = 1.0, 0.1, 1e-4, 9.9e-5
    return ParetoFront(tuple(map(formula, shapes, losses)), 1.0, 200)


@pytest.mark.parametrize(("rule", "position"), [("best", 2), ("accuracy", 3), ("simplest", 2)])
def test_select(front, rule, position):
    assert select(front, rule) == position


@pytest.mark.parametrize("rule", SELECTIONS)
def test_the_only_formula_is_selected_by_every_rule(rule):
    assert select(ParetoFront((formula(X, 0.5),), 1.0, 100), rule) == 0


def test_an_unknown_rule_is_refused(front):
    with pytest.raises(ParameterError, match="must be one of best, accuracy, simplest, got 'shortest'"):
        select(front, "shortest")


@settings(max_examples=100, deadline=None)
@given(formulas)
def test_the_best_beats_the_simplest_and_is_not_dearer_than_its_predecessors(entries):
    front = hall_of(*entries).front()
    if not len(front):
        return
    chosen = front[select(front)]
    assert chosen is front[0] or advantage(chosen, front[0], front) > -1e-9
    assert front[select(front, "accuracy")].loss == min(entry.loss for entry in front)


def test_the_front_of_clean_data_ends_with_the_simplest_exact_formula():
    x = np.random.default_rng(0).uniform(0.5, 2, (100, 2))
    rows = Rows.from_arrays(x, x[:, 0] ** 2)
    starts = [0.5 * X, 1.0 * X + 0.1, X**2, 0.9 * X ** sympy.Float(1.9), 0.9 * X**2 + 0.1 * Y, sympy.sqrt(X) * X**1.5]
    hall = HallOfFame(rows.variance, len(rows))
    for start in starts:
        hall = hall.add(Formula.from_fit(refit(sympy.sympify(start), rows), rows.variance))
    assert hall.front()[-1].expression == X**2
    assert hall.front()[select(hall.front())].expression == X**2


def test_of_formulas_equal_on_the_rows_the_one_shorter_to_say_is_kept():
    odd = formula(sympy.Rational(7, 13) * X, 0.25)
    plain = formula(X**2 + X, 0.25)
    assert odd.complexity < plain.complexity
    assert odd.structure_bits > plain.structure_bits
    assert list(hall_of(odd, plain).front()) == [plain]
    assert list(hall_of(replace(odd, loss=0.2, left_out_loss=0.2), plain).front()) != [plain]


def test_a_constant_that_serves_one_row_alone_speaks_for_nothing():
    law = formula(X**2, 1.0)
    lucky = replace(formula(sympy.Float(2.5) * X**2 + 1 / (X - sympy.Float(3.5)), 0.001), left_out_loss=2.0)
    lasting = replace(lucky, left_out_loss=0.002)
    assert select(ParetoFront((law, lucky), 10.0, 30)) == 0
    assert select(ParetoFront((law, lasting), 10.0, 30)) == 1
    hall = HallOfFame(10.0, 30).add(law)
    assert len(hall.add(lucky).front()) == 1
    assert len(hall.add(lasting).front()) == 2


def test_a_further_constant_costs_the_more_the_less_the_simpler_formula_leaves():
    """Each loss is a quarter of the last: as much evidence, but constants have to be said more exactly."""

    def known(expression, loss, spread):
        uncertainty = Uncertainty(spread * np.eye(count_constants(expression)), np.empty((0, 0)), math.sqrt(loss), 990)
        return replace(formula(expression, loss), uncertainty=uncertainty)

    line, parabola = 2.5 * X + 1.5, 2.5 * X + 1.5 + 0.5 * X**2
    gains = []
    for loss in (1e-1, 1e-3, 1e-6):
        simpler, longer = known(line, loss, 1e-3), known(parabola, loss / 4, 1e-3)
        gains.append(advantage(longer, simpler, hall_of(simpler, longer).front()))
    assert gains[0] > gains[1] > gains[2] > 0
    # A hundredth of the noise is a tenth of the deviation: log2(10) digits more for the one further constant.
    assert gains[0] - gains[1] == pytest.approx(math.log2(10), abs=0.01)


def test_left_out_rows_are_compared_with_what_the_mean_of_the_others_says_of_them():
    """Six rows: a formula enters the front when it pays against the mean, which is left out alike."""
    y = np.array([109.0, 149.0, 149.0, 191.0, 213.0, 224.0])
    of_mean = np.mean([(y[i] - np.delete(y, i).mean()) ** 2 for i in range(6)])
    candidate = formula(2.5 * X + 1.5, 0.03 * y.var(), y.var())
    costs = candidate.structure_bits + 2 * 0.5 * math.log2(6)  # constants of which nothing is known
    ratio = 2.0 ** (costs / 2.0)  # of losses, whose logarithm counts (6 − 2)/2 times
    for factor, enters in ((0.99, True), (1.01, False)):
        left_out = replace(candidate, loss=1e-6 * y.var(), left_out_loss=factor * of_mean / ratio)
        front = hall_of(formula(sympy.Float(y.mean()), y.var(), y.var()), left_out, variance=y.var(), n_rows=6).front()
        assert (left_out in front.formulas) == enters
