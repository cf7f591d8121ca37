import json
from dataclasses import asdict, replace

import pytest

from kansym.comparison import records
from kansym.comparison.records import Record, append_record, read_records
from kansym.errors import FileFormatError

RECORD = Record(
    suite="nguyen",
    problem="Nguyen-1",
    method="operon",
    seed=0,
    noise=0.1,
    rows=300,
    dummies=0,
    n_variables=1,
    time_limit=4.0,
    threads=1,
    operators=("add", "mul"),
    status="ok",
    seconds=1.25,
    expression="`größe (m)`**2 + 0.1",
    recovered=True,
    versions={"python": "3.11"},
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records.jsonl"


def numbered(count):
    return [replace(RECORD, seed=seed) for seed in range(count)]


def test_what_is_written_is_read(path):
    for record in numbered(5):
        append_record(path, record)
    assert read_records(path) == numbered(5)
    assert [json.loads(line)["seed"] for line in path.read_text(encoding="utf-8").splitlines()] == list(range(5))


@pytest.mark.parametrize("text", ["a\nb\r\n", "\u2028\u0085\x00", "\ud800", '"quoted" \\', "🎉"])
def test_any_text_stays_on_one_line(path, text):
    record = replace(RECORD, error=text, problem=text)
    append_record(path, record)
    append_record(path, RECORD)
    assert path.read_bytes().count(b"\n") == 2
    assert read_records(path) == [record, RECORD]


def test_the_last_record_of_a_run_counts(path):
    for status in ("missing", "error", "ok"):
        append_record(path, replace(RECORD, status=status))
        append_record(path, replace(RECORD, status=status, seed=1))
    assert [(record.status, record.seed) for record in read_records(path)] == [("ok", 0), ("ok", 1)]


@pytest.mark.parametrize("block", [7, 65_536])
def test_a_line_that_was_cut_off_anywhere_is_left_out_and_then_removed(path, monkeypatch, block):
    monkeypatch.setattr(records, "_BLOCK", block)
    first, second, third = numbered(3)
    append_record(path, first)
    whole = path.stat().st_size
    append_record(path, second)
    content = path.read_bytes()
    for size in (*range(whole, len(content), 29), len(content) - 1):
        path.write_bytes(content[:size])
        assert read_records(path) == [first]
        append_record(path, third)
        assert read_records(path) == [first, third]
        assert path.read_bytes().startswith(content[:whole])


def test_a_first_line_that_was_cut_off(path):
    path.write_bytes(b'{"suite": "ngu')
    assert read_records(path) == []
    append_record(path, RECORD)
    assert read_records(path) == [RECORD]


def test_a_number_that_json_has_not_is_refused_before_anything_is_written(path):
    with pytest.raises(ValueError, match="JSON compliant"):
        append_record(path, replace(RECORD, seconds=float("nan")))
    append_record(path, RECORD)
    assert read_records(path) == [RECORD]


def test_fields_of_another_version(path):
    values = asdict(RECORD)
    del values["machine"]
    path.write_text(json.dumps({**values, "carbon": 3.2}) + "\n", encoding="utf-8")
    assert read_records(path) == [RECORD]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "fine"}, "line 2: status must be one of ok, timeout, error, missing, got 'fine'"),
        ({"suite": ["a"]}, r"line 2: suite must be a text, got \['a'\]"),
        ({"seed": 0.5}, "line 2: seed must be an integer, got 0.5"),
        ({"rows": True}, "line 2: rows must be an integer, got True"),
        ({"noise": "0"}, "line 2: noise must be a number, got '0'"),
        ({"operators": 3}, "line 2: operators must be a list, got 3"),
    ],
)
def test_a_wrong_value(path, change, message):
    append_record(path, RECORD)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(RECORD) | change) + "\n")
    with pytest.raises(FileFormatError, match=message):
        read_records(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"not json", "line 1: must be a record in JSON, got b'not json'"),
        (b"\xff\xfe", "line 1: must be a record in JSON"),
        (b"[" * 100_000, "line 1: must be a record in JSON"),
        (b'{"suite": 1' + b"0" * 5000 + b"}", "line 1: must be a record in JSON"),
        (b"[1]", "line 1: must be a record, got one without 'suite'"),
        (b'{"suite": "a"}', "line 1: must be a record, got one without 'dummies'"),
        (b"", "line 1: must be a record in JSON, got b''"),
    ],
)
def test_a_line_that_is_no_record(path, line, message):
    path.write_bytes(line + b"\n")
    with pytest.raises(FileFormatError, match=message):
        read_records(path)


def test_no_file(path):
    with pytest.raises(FileFormatError, match="cannot be read: No such file"):
        read_records(path)
