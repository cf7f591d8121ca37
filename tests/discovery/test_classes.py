"""Joint fits of several classes: what they are made on, and that they end when they are told to."""

from dataclasses import replace

import numpy as np
import pytest
import sympy

from kansym import default_library
from kansym.discovery import SearchSettings, classes
from kansym.discovery.classes import _Classes, discover_classes
from kansym.discovery.several import discover_each
from kansym.symbolic.complexity import complexity
from kansym.symbolic.rows import Rows

SETTINGS = SearchSettings(default_library())


def rows(n_rows, shares=(0.3, 0.3, 0.4)):
    generator = np.random.default_rng(0)
    codes = generator.choice(len(shares), n_rows, p=shares).astype(float)
    return Rows.from_arrays(codes[:, None] + generator.normal(size=(n_rows, 1)), codes)


@pytest.mark.parametrize(
    ("n_rows", "shares", "searched"),
    [(500, (0.3, 0.3, 0.4), 500), (30_000, (0.3, 0.3, 0.4), 10_000), (30_000, (0.499, 0.499, 0.002), 30_000)],
    ids=["few rows", "many rows", "a rare class"],
)
def test_searches_see_some_of_many_rows_unless_a_class_is_rare(n_rows, shares, searched):
    assert len(_Classes(rows(n_rows, shares)).sample(0).rows) == searched


def test_a_formula_without_a_value_on_a_row_that_was_not_searched_is_left_out():
    table = rows(50)
    (variable,) = table.variables
    found = _found(table)
    front = found[0].front
    logarithm = replace(front[0], expression=sympy.log(variable + 1), complexity=complexity(sympy.log(variable + 1)))
    kept = _Classes(table)._defined(replace(front, formulas=(front[0], logarithm)), default_library())
    assert table.columns.min() < -1
    assert tuple(kept) == (front[0],)


def test_a_formula_that_is_selected_in_the_end_may_have_a_column_that_was_put_aside():
    generator = np.random.default_rng(0)
    columns = generator.normal(size=(120, 2))
    table = Rows.from_arrays(columns, np.clip(np.round(columns[:, 0] + 0.3 * generator.normal(size=120)), -1, 1) + 1)
    discovery = _found(table)[0]
    other, one = table.variables
    put_aside = replace(discovery, relevant=(), network=None, pruned_network=None, symbolic_network=None)
    front = replace(discovery.front, formulas=(replace(discovery.front[0], expression=2 * other - one, complexity=6),))
    found = _Classes(table)._with_front(put_aside, front, SETTINGS)
    assert found.relevant == (0, 1)
    assert found.symbolic_network is not None
    assert found.symbolic_network.widths == (2, 1)


@pytest.mark.parametrize("is_over", [True, False])
def test_the_rounds_of_the_joint_fit_end_with_the_time(is_over, monkeypatch):
    table = rows(200)
    found, fits = _found(table), []
    usual = classes.refit
    monkeypatch.setattr(classes, "refit", lambda *arguments, **options: fits.append(1) or usual(*arguments, **options))
    together = _Classes(table)._fitted_together(found, 2, SETTINGS, lambda: is_over)
    assert bool(fits) is not is_over
    if is_over:
        for number, discovery in found.items():
            known = {formula.expression for formula in discovery.front}
            assert {formula.expression for formula in together[number].front} <= known
    assert all(np.isfinite([formula.loss for formula in discovery.front]).all() for discovery in together)


@pytest.mark.parametrize("place", ["build_logit_network", "refit", "assess"])
def test_an_interrupt_anywhere_keeps_what_was_found_and_a_second_one_ends_at_once(place, monkeypatch):
    table, usual, calls = rows(100), getattr(classes, place), []

    def interrupting(times):
        def function(*arguments, **options):
            calls.append(place)
            if len(calls) <= times:
                raise KeyboardInterrupt
            return usual(*arguments, **options)

        calls.clear()
        return function

    monkeypatch.setattr(classes, place, interrupting(1))
    found = discover_classes(table, SETTINGS, max_steps=3)
    assert [discovery.reason for discovery in found].count("interrupted") == 2  # all but the reference
    assert all(np.isfinite([formula.loss for formula in discovery.front]).all() for discovery in found)
    if place == "assess":  # the last thing to be done
        monkeypatch.setattr(classes, place, interrupting(2))
        with pytest.raises(KeyboardInterrupt):
            discover_classes(table, SETTINGS, max_steps=3)


def test_many_rows_are_fitted_to_all():
    table = rows(12_000)
    for discovery in discover_classes(table, SETTINGS, max_steps=3):
        assert discovery.front.n_rows == 12_000


def _found(table):
    some = _Classes(table)
    counts = some.counts
    logits = np.tile(np.log(counts / counts[2]), (len(table), 1))
    tables = [some.given(number, logits) for number in (0, 1)]
    return dict(enumerate(discover_each(tables, SETTINGS, [0, 0], max_steps=3)))
