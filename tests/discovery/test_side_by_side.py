"""Searches in other processes: what they have so far is told, and they end when nobody waits for them."""

import os
from pathlib import Path

import numpy as np
import pytest

from kansym.discovery import SearchSettings, discover_each, side_by_side
from kansym.discovery.side_by_side import Task, discover_side_by_side
from kansym.library import default_library
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.rows import Rows

X = np.random.default_rng(0).uniform(1, 2, (200, 3))
NOISE = 0.1 * np.random.default_rng(1).normal(size=200)
TABLES = [Rows.from_arrays(X, np.sin(5 * X[:, 0] * X[:, k]) + NOISE) for k in (1, 2)]
SETTINGS = SearchSettings(default_library())


def expressions(discoveries):
    return [[formula.expression for formula in discovery.front] for discovery in discoveries]


def test_what_is_better_is_told_and_changes_nothing(monkeypatch):
    monkeypatch.setattr(side_by_side, "_LOOK_EVERY", 0.01)
    told = []
    watched = discover_each(TABLES, SETTINGS, [0, 1], max_steps=60, n_jobs=2, on_improvement=told.append)
    assert told
    assert all(len(outcomes) == 2 for outcomes in told)
    for table, outcome in zip(TABLES, told[-1], strict=True):
        best = outcome.front[-1]
        predicted = compile_expression(best.expression, table.variables, SETTINGS.library)(table.columns)
        assert best.loss == pytest.approx(np.mean((table.target - predicted) ** 2), rel=1e-9)
        assert best.loss < table.variance
    assert expressions(watched) == expressions(discover_each(TABLES, SETTINGS, [0, 1], max_steps=60))


def test_an_error_of_what_is_told_ends_the_searches(monkeypatch):
    monkeypatch.setattr(side_by_side, "_LOOK_EVERY", 0.01)

    def fail(outcomes):
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        discover_each(TABLES, SETTINGS, [0, 1], n_jobs=2, on_improvement=fail)


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell")
def test_a_search_ends_with_the_process_that_asked_for_it(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    task = Task(TABLES[0], SETTINGS, None, None, 0, ())
    gone = 2**31 - 1
    found = side_by_side._within(task, folder / "interrupted", folder / "0", gone)
    assert found.reason == "interrupted"
    assert not folder.exists()


def test_notes_that_cannot_be_written_do_not_end_a_search(tmp_path):
    flag = tmp_path / "nowhere" / "interrupted"
    tasks = [Task(table, SETTINGS, None, 5, 0, ()) for table in TABLES]
    told = []
    found = discover_side_by_side(2, tasks, flag, (), told.append)
    assert [discovery.reason for discovery in found] == ["the budget was used up"] * 2
    assert not told
    assert not Path(flag).parent.exists()
