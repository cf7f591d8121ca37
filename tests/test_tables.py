import os
import warnings
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansym.datasets import list_datasets, load_dataset
from kansym.errors import DataError, FileFormatError, FitWarning
from kansym.tables import read_table, select_columns, select_features


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


# ------------------------------------------------------------------------------------------------------ odd but good

PLAIN = {"a": [1.5, -2.0], "b": [3.0, 4.0]}

GOOD = {
    "commas": ("a,b\n1.5,3\n-2,4\n", PLAIN),
    "semicolons": ("a;b\n1.5;3\n-2;4\n", PLAIN),
    "tabs": ("a\tb\n1.5\t3\n-2\t4\n", PLAIN),
    "decimal commas": ("a;b\n1,5;3\n-2,0;4\n", PLAIN),
    "decimal commas with exponents and quotes": ('a;b\n"1,5e0";3\n-2;"4,0"\n', PLAIN),
    "decimal commas after the first rows": (
        "a;b\n" + "1;2\n" * 50 + "1,5;2\n",
        {"a": [1.0] * 50 + [1.5], "b": [2.0] * 51},
    ),
    "commas in semicolon headers": ("a, m;b, kg\n1;2\n3;4\n", {"a, m": [1, 3], "b, kg": [2, 4]}),
    "commas in every cell between semicolons": ("a, m;b, m\n1,5;2,5\n", {"a, m": [1.5], "b, m": [2.5]}),
    "commas in one header between semicolons": ("a, m;b\n1,5;3\n-2,0;4\n", {"a, m": [1.5, -2.0], "b": [3.0, 4.0]}),
    "semicolons in comma headers": ("a;m,b\n1,2\n3,4\n", {"a;m": [1, 3], "b": [2, 4]}),
    "windows line ends": ("a,b\r\n1.5,3\r\n-2,4\r\n", PLAIN),
    "no last line end": ("a,b\n1.5,3\n-2,4", PLAIN),
    "byte-order mark": (b"\xef\xbb\xbfa,b\n1.5,3\n-2,4\n", PLAIN),
    "byte-order mark before a quote": (b'\xef\xbb\xbf"a",b\n1.5,3\n-2,4\n', PLAIN),
    "utf-16": ("a\tb\n1.5\t3\n-2\t4\n".encode("utf-16"), PLAIN),
    "utf-16 with decimal commas": ("a;b\n1,5;3\n-2;4\n".encode("utf-16"), PLAIN),
    "latin-1": ("Größe;b\n1,5;3\n-2;4\n".encode("latin-1"), {"Größe": [1.5, -2.0], "b": [3.0, 4.0]}),
    "quoted header": ('"a","b, in ""m"""\n1,2\n3,4\n', {"a": [1, 3], 'b, in "m"': [2, 4]}),
    "header over two lines": ('"a\n(m)",b\n1,2\n3,4\n', {"a\n(m)": [1, 3], "b": [2, 4]}),
    "quoted numbers": ('a,b\n"1.5","3"\n"-2","4"\n', PLAIN),
    "blanks around numbers": ("a,b\n 1.5, 3\n-2 ,4 \n", PLAIN),
    "blank lines": ("\n\na,b\n\n1.5,3\n\n-2,4\n\n", PLAIN),
    "one column": ("a\n1\n2\n", {"a": [1, 2]}),
    "one row": ("a,b\n1,2\n", {"a": [1], "b": [2]}),
    "an index that pandas wrote": (",a,b\n0,1.5,3\n1,-2,4\n", PLAIN),
    "stray separators": ("a,b,,\n1.5,3,,\n-2,4,,\n", PLAIN),
    "stray separators below the header only": ("a,b\n1.5,3,\n-2,4,\n", PLAIN),
    "booleans": ("a,b\nTrue,false\nFALSE,true\n", {"a": [1, 0], "b": [0, 1]}),
    "integers of 64 bits": ("a\n18446744073709551615\n0\n", {"a": [2.0**64, 0]}),
    "integers beyond 64 bits": ("a\n123456789012345678901234567890\n1\n", {"a": [123456789012345678901234567890.0, 1]}),
    "wide integers among floats": (
        "a\n123456789012345678901234567890\n0.5\n",
        {"a": [123456789012345678901234567890.0, 0.5]},
    ),
}


@pytest.mark.filterwarnings("ignore:column 'a' holds integers beyond")
@pytest.mark.parametrize(("content", "expected"), GOOD.values(), ids=GOOD)
def test_good_tables(write, content, expected):
    frame = read_table(write(content))
    assert frame.columns.tolist() == list(expected)
    chosen = select_features(frame, list(expected))
    assert (chosen.dtypes == np.float64).all()
    assert {name: chosen[name].tolist() for name in chosen} == expected


HOSTILE_NAMES = [
    "lambda",
    "S",
    "I",
    "beta",
    "E",
    "x y",
    " x ",
    "größe",
    "温度",
    "a.1",
    "Unnamed: 0",
    "self",
    "__init__",
    "1",
    "{}",
]


def test_names_are_never_altered(write):
    frame = read_table(write(",".join(HOSTILE_NAMES) + "\n" + ",".join("1" for _ in HOSTILE_NAMES) + "\n"))
    assert frame.columns.tolist() == HOSTILE_NAMES
    selection = select_columns(frame, "beta")
    assert selection.features.columns.tolist() == [name for name in HOSTILE_NAMES if name != "beta"]
    assert selection.target.name == "beta"


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8)


@given(st.lists(names.filter(lambda name: name != "\ufeff"), min_size=2, max_size=4, unique=True), st.data())
def test_what_pandas_writes_is_read_as_it_was(tmp_path_factory, columns, data):
    cells = st.floats(allow_nan=False, allow_infinity=False)
    rows = data.draw(st.lists(st.lists(cells, min_size=len(columns), max_size=len(columns)), min_size=1, max_size=5))
    path = tmp_path_factory.mktemp("tables") / "table.csv"
    written = pd.DataFrame(rows, columns=pd.Index(columns))
    # utf-8-sig, since a first name may begin with the character that serves as a byte-order mark
    written.to_csv(path, index=False, quoting=1, encoding="utf-8-sig")
    frame = select_features(read_table(path), columns)
    assert frame.columns.tolist() == columns
    assert frame.to_numpy().tolist() == rows


@pytest.mark.parametrize("name", list_datasets().index)
def test_every_measured_data_set_can_be_selected(name):
    dataset = load_dataset(name)
    selection = select_columns(dataset.frame, dataset.target)
    assert np.isfinite(selection.features.to_numpy()).all()
    assert np.isfinite(selection.target.to_numpy()).all()
    used = {*selection.features.columns, selection.target.name, *selection.left_out}
    assert used == set(dataset.frame.columns)


def test_text_columns_are_left_out_and_named():
    selection = select_columns(load_dataset("cornish_1928_duct").frame, "Friction_factor")
    assert selection.left_out == ("Units",)
    assert "Units" not in selection.features


def test_named_features_come_in_the_order_asked_for(write):
    frame = read_table(write("a,b,c,note\n1,2,3,x\n4,5,6,y\n"))
    selection = select_columns(frame, "b", ["c", "a"])
    assert selection.features.to_dict("list") == {"c": [3.0, 6.0], "a": [1.0, 4.0]}
    assert selection.target.tolist() == [2.0, 5.0]
    assert selection.left_out == ()


def test_integers_that_floats_round_are_warned_about(write):
    frame = read_table(write("id,a,y\n9007199254740992,1,1\n9007199254740993,2,2\n"))
    with pytest.warns(FitWarning, match=r"column 'id' holds integers beyond 2\^53, the first in row 2, .*; subtr"):
        select_columns(frame, "y")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        select_columns(frame, "y", ["a"])


def test_the_table_itself_is_not_altered(write):
    frame = read_table(write("a,b\nTrue,1\n,2\nFalse,3\n"))
    before = frame.copy()
    with pytest.raises(DataError, match="a missing cell in row 2"):
        select_columns(frame, "b", ["a"])
    pd.testing.assert_frame_equal(frame, before)


def test_a_pipe_can_be_read():
    end, start = os.pipe()
    os.write(start, b"a,b\n1,2\n")
    os.close(start)
    try:
        assert read_table(f"/dev/fd/{end}").columns.tolist() == ["a", "b"]
    finally:
        os.close(end)


# ------------------------------------------------------------------------------------------------------------- bad

BAD_FILES = {
    "empty": ("", FileFormatError, r"table\.csv: must hold a header and rows, got an empty file"),
    "blank": ("\n \n\t\n", FileFormatError, "got an empty file"),
    "only a byte-order mark": (b"\xef\xbb\xbf\n", FileFormatError, "no line that can be split into fields"),
    "header only": ("a,b\n", DataError, "the table must have rows below its header, got none"),
    "header and blank lines": ("a,b\n\n\n", DataError, "must have rows below its header"),
    "no names": (",,\n1,2,3\n", FileFormatError, "the header must name the columns, got no name"),
    "a name twice": ("a,b,a\n1,2,3\n", DataError, "column names must be distinct, got 'a' twice; rename one of them"),
    "a long row": (
        "a,b\n1,2\n3,4\n5,6,7\n",
        FileFormatError,
        "rows as long as its header: Expected 2 fields in line 4, saw 3$",
    ),
    "a long first row": (
        "a,b\n1,2,3\n4,5\n",
        FileFormatError,
        "rows must be as long as the header, but the first rows",
    ),
    "an open quote": ('a,b\n1,"2\n3,4\n', FileFormatError, "rows as long as its header: EOF inside string"),
    "binary": (b"PK\x03\x04\0\0\x01", FileFormatError, "must be a text file, got binary data; export the table as CSV"),
    "broken utf-16": (b"\xff\xfea\0,\0b\0\n\0\x00\xd8", FileFormatError, "no line that can be split into fields"),
}


@pytest.mark.parametrize(("content", "error", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_bad_files(write, content, error, message):
    with pytest.raises(error, match=message) as caught:
        read_table(write(content))
    assert "\n" not in str(caught.value)


BAD_SELECTIONS = {
    "unknown target": ("a,b\n1,2\n", "c", None, r"no column 'c' for the target; there are 'a', 'b'$"),
    "almost the target": ("speed,b\n1,2\n", "sped", None, r"no column 'sped' for the target; did you mean 'speed'\?"),
    "target in other case": ("T,b\n1,2\n", "t", None, r"did you mean 'T'\?"),
    "target with blanks": ("a, b\n1,2\n", "b", None, r"did you mean ' b'\?"),
    "many columns": (",".join(f"c{i}" for i in range(20)) + "\n" + "1," * 19 + "1\n", "?", None, "'c7' and 12 more"),
    "unknown feature": ("a,b\n1,2\n", "a", ["B", "b"], r"no column 'B' for the features; did you mean 'b'\?"),
    "no features": ("a,b\n1,2\n", "a", [], "features must name at least one column, got none"),
    "a feature twice": ("a,b\n1,2\n", "a", ["b", "b"], "features must name each column once, got 'b' twice"),
    "target among features": ("a,b\n1,2\n", "a", ["b", "a"], "features must not name the target, got 'a' as both"),
    "only the target": ("a\n1\n", "a", None, "a column of numbers besides the target 'a', got none"),
    "only text besides": ("a,b\n1,x\n", "a", None, "a column of numbers besides the target 'a', got none"),
    "missing cell": (
        "a,b\n1,2\n,4\n,6\n",
        "b",
        None,
        "column 'a' must hold finite numbers, got a missing cell in row 2",
    ),
    "missing after blank lines": ("a,b\n\n1,2\n\n3,\n", "a", None, "column 'b' .* a missing cell in row 2"),
    "missing as NA": ("a,b\n1,2\nNA,4\n", "b", None, "column 'a' .* a missing cell in row 2"),
    "missing at the end of a row": ("a,b\n1,2\n3\n", "a", None, "column 'b' .* a missing cell in row 2"),
    "empty column": ("a,b\n1,\n2,\n", "a", None, "column 'b' .* a missing cell in row 1"),
    "missing target": ("a,b\n1,2\n,4\n", "a", None, "column 'a' .* a missing cell in row 2"),
    "missing boolean": ("a,b\nTrue,2\n,4\n", "b", ["a"], "column 'a' .* a missing cell in row 2"),
    "infinite": ("a,b\n1,2\n3,inf\n", "a", None, "column 'b' must hold finite numbers, got inf in row 2"),
    "minus infinite": ("a,b\n1,2\n3,-Infinity\n", "a", None, "column 'b' .* got -inf in row 2"),
    "beyond floats": ("a,b\n1,2\n3,1e999\n", "a", None, "column 'b' .* got inf in row 2"),
    "an integer beyond floats": (f"a,b\n1,2\n3,{10**400}\n", "a", ["b"], "column 'b' .* got inf in row 2"),
    "text": ("a,b\n1,2\n3,four\n", "a", ["b"], "column 'b' must hold numbers, got the text 'four' in row 2; correct"),
    "text target": ("a,b\nx,2\n3,4\n", "a", None, "column 'a' must hold numbers, got the text 'x' in row 1"),
    "long text": ("a,b\n1," + "w" * 1000 + "\n", "a", ["b"], "got the text 'w{59}…' in row 1"),
    "text that steers a terminal": ("a,b\n1,\x1b[31m\n", "a", ["b"], r"got the text '\\x1b\[31m' in row 1"),
    "both decimal marks": ("a;b\n1,5;2.5\n", "b", ["a"], "got the text '1,5' in row 1"),
    "decimal comma between tabs": ("a\tb\n1,500\t2\n", "b", ["a"], "got the text '1,500' in row 1"),
    "complex": ("a,b\n1+2j,2\n", "b", ["a"], r"got the text '1\+2j' in row 1"),
}


@pytest.mark.parametrize(("content", "target", "features", "message"), BAD_SELECTIONS.values(), ids=BAD_SELECTIONS)
def test_bad_selections(write, content, target, features, message):
    frame = read_table(write(content))
    with pytest.raises(DataError, match=message) as caught:
        select_columns(frame, target, features)
    assert "\n" not in str(caught.value)


def test_paths_that_cannot_be_read(tmp_path):
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    cases = {
        tmp_path / "none.csv": r"none\.csv: there is no such file",
        tmp_path: "must be a file, got a directory",
        loop: "loop.csv: cannot be read: ",
        tmp_path / "a\0b": "cannot be read: embedded null",
    }
    for path, message in cases.items():
        with pytest.raises(FileFormatError, match=message):
            read_table(path)


def test_forbidden_file(write, monkeypatch):
    def refuse(path, mode):
        raise PermissionError(13, "Permission denied")

    path = write("a\n1\n")
    monkeypatch.setattr("pathlib.Path.open", refuse)  # permissions may not bind who runs this test
    with pytest.raises(FileFormatError, match="cannot be read: Permission denied"):
        read_table(path)


def test_a_million_columns_are_refused_before_the_rows_are_read(write, monkeypatch):
    path = write(",".join(f"c{i}" for i in range(10**6)) + "\n" + "1," * (10**6 - 1) + "1\n")
    monkeypatch.setattr(pd, "read_csv", Mock(side_effect=AssertionError("the rows were read")))
    with pytest.raises(FileFormatError, match="at most 100,000 columns, got 1,000,000; are rows and columns exchanged"):
        read_table(path)


def test_a_wrong_name_among_many_columns_is_answered():
    frame = pd.DataFrame(np.zeros((1, 50_000)), columns=pd.Index([f"column number {i}" for i in range(50_000)]))
    with pytest.raises(DataError, match=r"no column 'column nomber 7' .*; did you mean 'column number 7'"):
        select_columns(frame, "column nomber 7")
