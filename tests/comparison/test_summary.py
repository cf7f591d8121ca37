import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from kansym.comparison.records import STATUSES, Record
from kansym.comparison.summary import (
    SETTING,
    failures,
    is_recovered,
    paired_differences,
    rated_records,
    solved_within,
    summarise,
    unrecovered,
)
from kansym.errors import ParameterError

TABLES = (summarise, paired_differences, solved_within, failures, unrecovered)


def run(method="kansym", problem="nguyen-1", *, status="ok", law=True, **changes):
    """A record in which nothing is left to chance: a formula that is not the law, unless `recovered` says so."""
    facts = {
        "suite": "nguyen",
        "seed": 0,
        "noise": 0.0,
        "rows": 300,
        "dummies": 0,
        "n_variables": 1,
        "time_limit": 4.0,
        "threads": 1,
        "operators": ("add", "mul"),
        "truth": "x + 1" if law else None,
        "expression": "x" if status == "ok" else None,
    }
    return Record(method=method, problem=problem, status=status, **{**facts, **changes})


def only_row(table):
    assert len(table) == 1
    return table.iloc[0]


# ---------------------------------------------------------------------------------------------------------- known cases


def test_a_small_table_counted_by_hand():
    row = only_row(
        summarise(
            [
                run(problem="a", recovered=True, symbolic=True, on_front=True, r2_test=1.0, error_wide=1e-9,
                    complexity=3, edit_distance=0.0, seconds=1.0, peak_memory=100.0),
                run(problem="b", on_front=True, r2_test=0.9995, error_wide=0.1,
                    complexity=5, edit_distance=0.5, seconds=2.0, peak_memory=300.0),
                run(problem="c", r2_test=0.5, error_wide=2.0, complexity=8, edit_distance=0.25, seconds=3.5),
                run(problem="d", status="timeout", seconds=4.5),
                run(problem="e", status="error", error="crash"),
            ]
        )
    )  # fmt: skip
    assert row[list(SETTING)].tolist() == ["nguyen", 0.0, 300, 0]
    assert row[["runs", *STATUSES, "rated", "recovered", "symbolic", "on_front_only"]].tolist() == [
        5,
        3,
        1,
        1,
        0,
        5,
        1,
        1,
        1,
    ]
    assert row["rate"] == row["symbolic_rate"] == 0.2
    assert row["rate_low"] == pytest.approx(0.0362, abs=1e-4)  # of 1 in 5, from the tables of Wilson's interval
    assert row["rate_high"] == pytest.approx(0.6245, abs=1e-4)
    assert row["r2_median"] == 0.5  # 1, 0.9995, 0.5 and two that failed
    assert row["accurate_rate"] == 0.4
    assert row["error_wide_median"] == 2.0
    assert row["complexity_median"] == 5
    assert row["edit_distance_median"] == 0.5  # 0, 0.25, 0.5, 1, 1: no formula is as far from the law as can be
    assert row["seconds_median"] == 2.75
    assert row["seconds_total"] == 11.0
    assert row["peak_memory_median"] == 200.0


def test_failing_more_often_never_makes_a_median_better():
    fits = [run(problem=f"{k}", r2_test=0.9 + k / 100, error_wide=1.0 / (k + 1), edit_distance=0.5) for k in range(4)]
    before = only_row(summarise(fits))
    after = only_row(summarise([*fits, *(run(problem=f"late-{k}", status="timeout") for k in range(5))]))
    assert after["r2_median"] == -math.inf < before["r2_median"]
    assert after["error_wide_median"] == math.inf > before["error_wide_median"]
    assert after["edit_distance_median"] == 1.0 > before["edit_distance_median"]


def test_a_timeout_that_left_the_law_is_not_recovered():
    late = run(status="timeout", expression="x + 1", recovered=True, symbolic=True, on_front=True, r2_test=1.0)
    assert not is_recovered(late)
    row = only_row(summarise([late]))
    assert row[["recovered", "symbolic", "on_front_only"]].tolist() == [0, 0, 0]
    assert row["rate"] == row["accurate_rate"] == 0.0


def test_a_missing_method_has_no_rate():
    row = only_row(summarise([run(status="missing", error="not installed"), run(problem="b", status="missing")]))
    assert row[["runs", "missing", "rated"]].tolist() == [2, 2, 0]
    assert row[["rate", "rate_low", "rate_high", "symbolic_rate", "accurate_rate", "r2_median"]].isna().all()


def test_a_method_that_always_fails_has_the_rate_zero():
    row = only_row(summarise([run(status="error"), run(problem="b", status="timeout")]))
    assert row[["rated", "rate"]].tolist() == [2, 0.0]


def test_a_method_without_formulas_has_accuracy_but_no_rate():
    records = [run(expression=None, r2_test=0.9999), run(problem="b", status="timeout")]
    row = only_row(summarise(records))
    assert row["rated"] == 0
    assert math.isnan(row["rate"])
    assert row["accurate_rate"] == 0.5
    assert rated_records(records) == []


def test_a_method_that_once_leaves_no_formula_is_rated_all_the_same():
    row = only_row(summarise([run(recovered=True), run(problem="b", expression=None)]))
    assert row[["rated", "rate"]].tolist() == [2, 0.5]


def test_problems_without_a_known_law_enter_accuracy_only():
    row = only_row(summarise([run(law=False, r2_test=0.9999), run(problem="b", recovered=True, r2_test=0.1)]))
    assert row[["runs", "rated", "rate", "accurate_rate"]].tolist() == [2, 1, 1.0, 0.5]


@pytest.mark.parametrize(
    "change", [{"suite": "jin"}, {"noise": 0.1}, {"rows": 20}, {"dummies": 3}, {"method": "operon"}]
)
def test_settings_are_not_mixed(change):
    table = summarise([run(recovered=True), run(**change)])
    assert sorted(table["rate"]) == [0.0, 1.0]


def test_paired_differences_counted_by_hand():
    ours = [run("kansym", name, recovered=name in "abcd") for name in "abcdefg"]
    theirs = [run("operon", name, recovered=name in "ae") for name in "abcdef"]
    untried = [run("pysr", name, status="missing") for name in "abc"]
    row = only_row(paired_differences([*ours, *theirs, *untried]))
    assert row[["first", "second", "pairs"]].tolist() == ["kansym", "operon", 6]
    assert row[["both", "only_first", "only_second", "neither"]].tolist() == [1, 3, 1, 1]
    assert row["difference"] == pytest.approx(2 / 6)
    assert row["difference_low"] < 2 / 6 < row["difference_high"]
    assert row["p_value"] == pytest.approx(0.625)  # 2 · (1 + 4) / 2⁴


def test_methods_without_a_common_problem_are_not_paired():
    assert paired_differences([run("kansym", "a"), run("operon", "b")]).empty


def test_seeds_are_paired_with_themselves():
    records = [
        run("kansym", seed=0, recovered=True),
        run("kansym", seed=1),
        run("operon", seed=1),
        run("operon", seed=2),
    ]
    assert only_row(paired_differences(records))[["pairs", "neither"]].tolist() == [1, 1]


def test_solved_within_counted_by_hand():
    records = [
        run(problem="a", recovered=True, seconds=2.0),
        run(problem="b", recovered=True, seconds=0.5),
        run(problem="c", recovered=True, seconds=2.0),
        run(problem="d", recovered=True),
        run(problem="e", seconds=0.1),
    ]
    steps = solved_within(records)
    assert steps["seconds"].tolist() == [0.0, 0.5, 2.0, 4.0]  # the time that is not known counts as the limit
    assert steps["recovered"].tolist() == [0, 1, 3, 4]
    assert steps["rate"].tolist() == [0.0, 0.2, 0.6, 0.8]


def test_failures_are_listed_with_their_text():
    said = {"timeout": "killed", "error": "signal 11", "missing": "pip install pysr"}
    table = failures([run(), *(run(problem=status, status=status, error=text) for status, text in said.items())])
    assert dict(zip(table["status"], table["error"], strict=True)) == said


def test_unrecovered_lists_formula_beside_law():
    records = [run(problem="a", recovered=True), run(problem="b", expression="2*x"), run(problem="c", law=False)]
    row = only_row(unrecovered([*records, run(problem="d", status="error")]))
    assert row[["problem", "expression", "truth"]].tolist() == ["b", "2*x", "x + 1"]


@pytest.mark.parametrize("table", TABLES)
def test_no_records_make_an_empty_table_with_its_columns(table):
    empty = table([])
    assert empty.empty
    assert list(empty.columns) == list(table([run(), run("operon", status="error")]).columns)


@pytest.mark.parametrize("table", TABLES)
def test_a_run_that_occurs_twice_is_refused(table):
    with pytest.raises(ParameterError, match=r"each run once, got two of suite 'nguyen', problem 'nguyen-1', method"):
        table([run(), run(recovered=True)])


# ------------------------------------------------------------------------------------------------------ for all records

numbers = st.none() | st.floats(0, 100)


@st.composite
def many_records(draw):
    keys = st.tuples(
        st.sampled_from(["nguyen", "jin"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["kansym", "operon", "mlp"]),
        st.integers(0, 2),
        st.sampled_from([0.0, 0.1]),
    )
    records = []
    for suite, problem, method, seed, noise in draw(st.lists(keys, unique=True, max_size=25)):
        status = draw(st.sampled_from(STATUSES))
        records.append(
            run(
                method,
                problem,
                suite=suite,
                seed=seed,
                noise=noise,
                status=status,
                law=problem != "c",
                expression=draw(st.sampled_from(["x", None])) if status == "ok" and method != "mlp" else None,
                recovered=draw(st.booleans()),
                on_front=draw(st.booleans()),
                symbolic=draw(st.sampled_from([True, False, None])),
                r2_test=draw(st.none() | st.floats(-1e9, 1)),
                error_wide=draw(numbers),
                edit_distance=draw(st.none() | st.floats(0, 1)),
                seconds=draw(numbers),
                complexity=draw(st.none() | st.integers(1, 90)),
                peak_memory=draw(numbers),
            )
        )
    return records


@given(many_records(), st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(records, random):
    shuffled = random.sample(records, len(records))
    for table in TABLES:
        assert_frame_equal(table(records), table(shuffled), check_exact=True)


@given(many_records())
def test_the_tables_agree_with_each_other(records):
    summary, steps = summarise(records), solved_within(records)
    assert summary["runs"].sum() == len(records)
    assert summary[list(STATUSES)].sum(axis=1).eq(summary["runs"]).all()
    assert len(failures(records)) == len(records) - summary["ok"].sum()
    rated = rated_records(records)
    assert summary["rated"].sum() == len(rated)
    failed = sum(record.status != "ok" for record in rated)
    assert summary["recovered"].sum() + len(unrecovered(records)) + failed == len(rated)
    known = summary[summary["rated"] > 0]
    assert (known["rate_low"] - 1e-12 <= known["rate"]).all()
    assert (known["rate"] <= known["rate_high"] + 1e-12).all()
    group = [*SETTING, "method"]
    ends = steps.groupby(group)["rate"].last().reset_index()
    for name in (*group, "rate"):
        assert list(ends[name]) == list(known[name])
    assert (steps.groupby(group)["seconds"].diff().dropna() >= 0).all()


@given(many_records())
def test_where_two_methods_tried_the_same_their_difference_is_that_of_their_rates(records):
    rates = summarise(records).set_index([*SETTING, "method"])
    for row in paired_differences(records).to_dict("records"):
        setting = tuple(row[name] for name in SETTING)
        first, second = (rates.loc[(*setting, row[which])] for which in ("first", "second"))
        assert row["both"] + row["only_first"] + row["only_second"] + row["neither"] == row["pairs"]
        if first["rated"] == second["rated"] == row["pairs"]:
            assert row["difference"] == pytest.approx(first["rate"] - second["rate"])
        assert row["difference_low"] - 1e-12 <= row["difference"] <= row["difference_high"] + 1e-12
        assert 0 <= row["p_value"] <= 1


def test_the_summary_survives_csv(tmp_path):
    table = summarise([run(recovered=True, seconds=0.1 + 0.2), run("pysr", status="missing")])
    table.to_csv(tmp_path / "summary.csv", index=False)
    assert_frame_equal(pd.read_csv(tmp_path / "summary.csv"), table, check_dtype=False, check_exact=True)
