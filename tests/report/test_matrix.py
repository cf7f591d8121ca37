import dataclasses
import json
import math

import pytest

from kansym.comparison.records import Record
from kansym.report.matrix import OUTCOMES, embedded, matrix, outcome


def run(problem="nguyen-1", method="operon", *, seed=0, status="ok", **changes):
    return Record("nguyen", problem, method, seed, 0.0, 300, 0, 1, 4.0, 1, ("add",), status, **changes)


@pytest.mark.parametrize(
    ("record", "name"),
    [
        (run(recovered=True, on_front=True, r2_test=1.0), "recovered"),
        (run(on_front=True, r2_test=1.0), "front"),
        (run(r2_test=0.9991), "accurate"),
        (run(r2_test=0.999), "inaccurate"),
        (run(), "inaccurate"),
        (run(status="timeout", recovered=True, on_front=True, r2_test=1.0), "timeout"),
        (run(status="error"), "error"),
        (run(status="missing"), "missing"),
    ],
)
def test_each_end_has_its_outcome(record, name):
    assert outcome(record).name == name


def test_outcomes_differ_in_sign_and_word():
    assert len({entry.sign for entry in OUTCOMES}) == len({entry.word for entry in OUTCOMES}) == len(OUTCOMES)


def test_problems_stand_in_natural_order():
    names = ["nguyen-10", "nguyen-2", "nguyen-1", "bode", "nguyen-2b", "", "7", "nguyen-02"]
    rows = matrix(enumerate(map(run, names)), ["operon"])
    expected = ["", "7", "bode", "nguyen-1", "nguyen-02", "nguyen-2", "nguyen-2b", "nguyen-10"]
    assert [row.problem for row in rows] == expected


def test_a_name_of_very_many_digits_is_sorted_too():
    assert [row.problem for row in matrix(enumerate([run("9" * 5000), run("1")]), ["operon"])] == ["1", "9" * 5000]


def test_columns_follow_the_methods_and_gaps_stay_gaps():
    rows = matrix(enumerate([run("a", "operon"), run("b", "pykan", recovered=True)]), ["pykan", "operon"])
    assert [[cell and cell.name for cell in row.cells] for row in rows] == [[None, "inaccurate"], ["recovered", None]]
    assert rows[1].cells[0] is not None
    assert rows[1].cells[0].text == "✓ law"
    assert rows[1].cells[0].runs == (1,)


def test_several_seeds_share_a_cell():
    records = [run(seed=2, status="error"), run(seed=0, recovered=True), run(seed=1, recovered=True)]
    ((cell,),) = (row.cells for row in matrix(enumerate(records), ["operon"]))
    assert cell is not None
    assert (cell.text, cell.label, cell.name) == ("✓2 ✕1", "2 recovered, 1 error", "recovered")
    assert cell.runs == (1, 2, 0)


def test_of_equally_many_the_worse_gives_the_colour():
    ((cell,),) = (row.cells for row in matrix(enumerate([run(recovered=True), run(seed=1)]), ["operon"]))
    assert cell is not None
    assert cell.name == "inaccurate"


def test_methods_differ_unless_all_that_were_there_came_to_the_same_end():
    methods = ["a", "b", "c"]
    same = [run("p", "a"), run("p", "b"), run("p", "c", status="missing")]
    other = [run("q", "a"), run("q", "b", recovered=True)]
    assert [row.differs for row in matrix(enumerate([*same, *other]), methods)] == [False, True]


def test_embedded_records_are_json_and_complete(records):
    data = json.loads(json.dumps(embedded(records), allow_nan=False))
    runs = [dict(zip(data["fields"], values, strict=True)) for values in data["runs"]]
    for found, record in zip(runs, records, strict=True):
        for name in {field.name for field in dataclasses.fields(Record)} & set(found) - {"versions"}:
            value = getattr(record, name)
            assert found[name] == (pytest.approx(value, rel=1e-5) if isinstance(value, float) else value)
        assert found["outcome"] in data["outcomes"]


def test_numbers_that_are_not_finite_become_null_and_nearly_one_is_kept():
    near = 1 - 3e-12
    data = embedded([run(r2_test=near, error_test=math.inf, error_wide=math.nan)])
    found = dict(zip(data["fields"], data["runs"][0], strict=True))
    assert found["error_test"] is found["error_wide"] is None
    assert found["r2_test"] == near
