"""The file of records: what was written comes back, whatever a crash did to its last line."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansym.comparison.records import Record, append_record, read_records
from kansym.errors import FileFormatError

RECORD = Record("suite", "problem", "method", 0, 0.0, 100, 0, 2, 1.0, 1, ("add", "mul"), "ok", 0.5, truth="x0")


def test_records_come_back(tmp_path):
    path = tmp_path / "records.jsonl"
    records = [RECORD, replace(RECORD, seed=1, error="ünï\ncode", recovered=True, versions={"python": "3"})]
    for record in records:
        append_record(path, record)
    assert read_records(path) == records


@given(cut=st.integers(1, 400))
def test_a_torn_last_line_costs_only_itself(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("torn") / "records.jsonl"
    for seed in range(3):
        append_record(path, replace(RECORD, seed=seed))
    whole = path.read_bytes()
    cut = min(cut, len(whole.splitlines()[-1]))
    path.write_bytes(whole[:-cut])
    assert [record.seed for record in read_records(path)] == [0, 1]
    append_record(path, replace(RECORD, seed=7))
    assert [record.seed for record in read_records(path)] == [0, 1, 7]


def test_a_file_of_one_torn_line_is_empty(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_bytes(b'{"suite": "s')
    assert read_records(path) == []
    append_record(path, RECORD)
    assert read_records(path) == [RECORD]


def test_the_last_record_of_a_run_counts(tmp_path):
    path = tmp_path / "records.jsonl"
    append_record(path, replace(RECORD, status="missing"))
    append_record(path, RECORD)
    assert read_records(path) == [RECORD]


def test_fields_of_a_newer_version_are_left_out(tmp_path):
    path = tmp_path / "records.jsonl"
    append_record(path, RECORD)
    path.write_text(path.read_text().replace('{"suite"', '{"new": 1, "suite"'))
    assert read_records(path) == [RECORD]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{]", "line 2: must be a record in JSON"),
        ("[1]", "line 2: must be a record, got one without 'suite'"),
        ('{"suite": "s"}', "line 2: must be a record, got one without 'dummies'"),
        ("STATUS", "line 2: status must be one of ok, timeout, error, missing, got 'good'"),
    ],
)
def test_a_line_that_is_no_record_is_named(tmp_path, line, message):
    path = tmp_path / "records.jsonl"
    append_record(path, RECORD)
    bad = path.read_text().strip().replace('"status": "ok"', '"status": "good"') if line == "STATUS" else line
    path.write_text(path.read_text() + bad + "\n")
    with pytest.raises(FileFormatError, match=message):
        read_records(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileFormatError, match=r"none\.jsonl: cannot be read"):
        read_records(tmp_path / "none.jsonl")
