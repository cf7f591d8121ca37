"""A user's table: from a CSV file, as spreadsheets and loggers write it, to the columns that a fit needs.

Reading guesses only what has one sensible answer (separator, decimal mark, encoding) and refuses the rest in one
sentence that names the file, the column and the row. Rows are counted from 1, the header and blank lines not counted.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from kansym.errors import DataError, FileFormatError, FitWarning
from kansym.hints import name_hint, quote

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Selection", "first_rounded", "read_table", "select_columns", "select_features"]

_SEPARATORS = ("\t", ";", ",")  # the comma last, since it also stands inside cells of the others
_SNIFFED_RECORDS = 20
_MAX_COLUMNS = 100_000
_BLOCK = 16 * 2**20
_LARGEST_INTEGER = 2**53
_MOST_LOOKED_AT = 1000
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, eq=False)
class Selection:
    """The columns of a table that a fit uses.

    Parameters
    ----------
    features : DataFrame of shape (n_rows, n_features)
        Finite numbers as float64, under the names of the file.
    target : Series of shape (n_rows,)
        Finite numbers as float64.
    left_out : tuple of str
        Columns that were not asked for by name and do not hold numbers.
    """

    features: pd.DataFrame
    target: pd.Series
    left_out: tuple[str, ...]


def read_table(path: str | PathLike[str]) -> pd.DataFrame:
    """Read a table with one header line from a text file.

    Fields may be separated by commas, semicolons or tabs, and be quoted; between semicolons, the comma may be the
    decimal mark. The text is UTF-8, with or without a byte-order mark, or UTF-16 with one, or else Latin-1.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)
        Columns under their names as they stand in the file, not altered in any way. Columns without a name, such as
        an index that pandas wrote or the stray separators of a spreadsheet, are left out: nothing could refer to them.

    Raises
    ------
    FileFormatError
        If the file is missing, a directory, unreadable, empty or not a table.
    DataError
        If there are no rows, or two columns have the same name.
    """
    path = Path(path)
    raw = _read_bytes(path)
    encoding = _encoding(raw)
    separator, header = _sniff(raw, encoding, path)
    _check_header(header, path)
    frame = _parse(raw, encoding, separator, path)
    if frame.shape[1] != len(header):
        raise FileFormatError(f"{path}: the header has {len(header)} columns but the rows have {frame.shape[1]}")
    if frame.empty:
        raise DataError(f"{path}: the table must have rows below its header, got none")
    frame.columns = header  # pandas renames columns without a name
    return _with_all_numbers(frame.loc[:, [name != "" for name in header]])


def select_columns(frame: pd.DataFrame, target: str, features: Sequence[str] | None = None) -> Selection:
    """Split a table into features and target, and check that every cell that is used is a finite number.

    Parameters
    ----------
    frame : DataFrame
        A table with distinct column names, as of :func:`read_table`.
    target : str
        Name of the column to predict.
    features : sequence of str or None
        Names of the columns to predict from, in the order wanted. None takes every column but the target that holds
        numbers, and names the others in ``left_out``. Booleans count as 0 and 1.

    Returns
    -------
    Selection
        Features, target and the columns left out.

    Raises
    ------
    DataError
        If a name is unknown or stands twice, nothing is left to predict from, or a cell that is used is missing,
        infinite or text; the message names the column and the row.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"body": ["Mars", "Ceres"], "a": [1.524, 2.767], "T": [687, 1681]})
    >>> selection = select_columns(table, "T")
    >>> selection.features.columns.tolist(), selection.left_out
    (['a'], ('body',))
    >>> select_columns(table, "t")
    Traceback (most recent call last):
        ...
    kansym.errors.DataError: the table has no column 't' for the target; did you mean 'T'?
    """
    import pandas as pd

    _check_name(frame, target, "target")
    left_out: tuple[str, ...] = ()
    if features is None:
        others = [name for name in frame.columns if name != target]
        of_numbers = set(itertools.compress(frame.columns, _are_numeric(frame)))
        features = [name for name in others if name in of_numbers]
        left_out = tuple(name for name in others if name not in of_numbers)
        if not features:
            raise DataError(f"the table must have a column of numbers besides the target {quote(target)}, got none")
    if target in features:
        raise DataError(f"features must not name the target, got {quote(target)} as both")
    return Selection(
        features=select_features(frame, features),
        target=pd.Series(_numbers(frame, [target])[:, 0], name=target),
        left_out=left_out,
    )


def select_features(frame: pd.DataFrame, features: Sequence[str], role: str = "features") -> pd.DataFrame:
    """Take the named columns of a table, in the order given, and check them as :func:`select_columns` does.

    Parameters
    ----------
    frame : DataFrame
        A table with distinct column names, as of :func:`read_table`.
    features : sequence of str
        Names of the columns.
    role : str
        What errors call them.

    Returns
    -------
    DataFrame of shape (n_rows, n_features)
        Finite numbers as float64.

    Raises
    ------
    DataError
        As :func:`select_columns`.
    """
    import pandas as pd

    names = list(features)
    if not names:
        raise DataError(f"{role} must name at least one column, got none")
    seen: set[str] = set()
    for name in names:
        _check_name(frame, name, role)
        if name in seen:
            raise DataError(f"{role} must name each column once, got {quote(name)} twice")
        seen.add(name)
    return pd.DataFrame(_numbers(frame, names), columns=pd.Index(names))


def first_rounded(integers: NDArray[Any]) -> int | None:
    """Row of the first of some integers that a double rounds, counted from 0; None if there is none.

    Examples
    --------
    >>> first_rounded(np.array([1, 2**53, 2**53 + 1]))
    2
    """
    sizes = abs(integers)
    large = np.flatnonzero((sizes > _LARGEST_INTEGER) & (sizes <= np.finfo(float).max))[:_MOST_LOOKED_AT]
    return next((int(row) for row in large if int(integers[row]) != int(float(integers[row]))), None)


# ------------------------------------------------------------------------------------------------- from file to table


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # In blocks: a device without end is known by its first one.
            raw = b"".join(_checked_blocks(file, path))
    except FileNotFoundError:
        raise FileFormatError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise FileFormatError(f"{path}: must be a file, got a directory") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise FileFormatError(f"{path}: cannot be read: {reason}") from None
    if not raw.strip():
        raise FileFormatError(f"{path}: must hold a header and rows, got an empty file")
    return raw


def _checked_blocks(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """Read a file block by block; raise at the first block that is not text."""
    is_utf16 = False
    while block := file.read(_BLOCK):
        is_utf16 = is_utf16 or block.startswith(_UTF16_MARKS)
        if b"\0" in block and not is_utf16:
            raise FileFormatError(f"{path}: must be a text file, got binary data; export the table as CSV")
        yield block


def _encoding(raw: bytes) -> str:
    if raw.startswith(_UTF16_MARKS):
        return "utf-16"
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _sniff(raw: bytes, encoding: str, path: Path) -> tuple[str, list[str]]:
    """Separator and header: the first separator that cuts header and first rows alike, else the most frequent."""
    heads = {separator: _first_records(raw, encoding, separator) for separator in _SEPARATORS}
    widths = {separator: [len(record) for record in records] or [0] for separator, records in heads.items()}
    alike = [separator for separator in _SEPARATORS if widths[separator][0] > 1 and len(set(widths[separator])) == 1]
    separator = alike[0] if alike else max(reversed(_SEPARATORS), key=lambda separator: widths[separator][0])
    if not heads[separator]:
        raise FileFormatError(f"{path}: must hold a header and rows, got no line that can be split into fields")
    return separator, heads[separator][0]


def _first_records(raw: bytes, encoding: str, separator: str) -> list[list[str]]:
    text = io.TextIOWrapper(io.BytesIO(raw), encoding=encoding, newline="")
    try:
        return list(itertools.islice(filter(None, csv.reader(text, delimiter=separator)), _SNIFFED_RECORDS))
    except (csv.Error, UnicodeError):  # a "field" longer than any cell is: the wrong separator
        return []


def _check_header(header: list[str], path: Path) -> None:
    if len(header) > _MAX_COLUMNS:
        raise FileFormatError(
            f"{path}: must have at most {_MAX_COLUMNS:,} columns, got {len(header):,}; are rows and columns exchanged?"
        )
    seen: set[str] = {""}
    for name in filter(None, header):
        if name in seen:
            raise DataError(f"{path}: column names must be distinct, got {quote(name)} twice; rename one of them")
        seen.add(name)
    if len(seen) == 1:
        raise FileFormatError(f"{path}: the header must name the columns, got no name")


def _parse(raw: bytes, encoding: str, separator: str, path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        # Semicolons separate where commas are decimal marks; between tabs, 1,500 may be either.
        decimal = "," if separator == ";" and _has_decimal_commas(raw.decode(encoding)) else "."
        with warnings.catch_warnings():
            # pandas only warns of a first row that is longer than the header, and cuts it.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.BytesIO(raw),
                sep=separator,
                decimal=decimal,
                encoding=encoding,
                index_col=False,
                low_memory=False,
            )
    except pd.errors.EmptyDataError:  # nothing but byte-order marks, which pandas takes for no text
        raise FileFormatError(f"{path}: must hold a header and rows, got no text") from None
    except pd.errors.ParserWarning:
        raise FileFormatError(f"{path}: rows must be as long as the header, but the first rows are longer") from None
    except (pd.errors.ParserError, UnicodeError) as error:
        reason = str(error).rpartition("C error: ")[2].strip()
        raise FileFormatError(f"{path}: must be a table with rows as long as its header: {reason}") from None


def _has_decimal_commas(text: str) -> bool:
    """Whether, between semicolons, a cell such as ``1,5`` occurs and none such as ``1.5``."""

    def occurs(mark: str) -> bool:
        cell = rf'(?:^|[;"])\s*[+-]?\d*{re.escape(mark)}\d+(?:[eE][+-]?\d+)?\s*(?:$|[;"])'
        return mark in text and re.search(cell, text, re.MULTILINE) is not None

    return occurs(",") and not occurs(".")


def _with_all_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Make numbers of what pandas leaves as objects: integers beyond 64 bits, and booleans with gaps."""
    for position, numeric in enumerate(_are_numeric(frame)):
        if not numeric:
            column = frame.iloc[:, position]
            numbers = _to_numbers(column)
            if np.array_equal(np.isnan(numbers), column.isna()):
                frame.isetitem(position, numbers)
    return frame


# ---------------------------------------------------------------------------------------------- from table to numbers


def _check_name(frame: pd.DataFrame, name: str, role: str) -> None:
    if name not in frame.columns:
        hint = name_hint(name, [str(column) for column in frame.columns])
        raise DataError(f"the table has no column {quote(name)} for the {role}; {hint}")


def _numbers(frame: pd.DataFrame, names: list[str]) -> NDArray[np.float64]:
    """Return the columns as one array of shape (n_rows, n_names), every cell a finite number."""
    chosen = frame[names].copy()
    for position, numeric in enumerate(_are_numeric(chosen)):
        if not numeric:
            chosen.isetitem(position, _parse_text(chosen.iloc[:, position]))
    values = chosen.to_numpy(dtype=float, na_value=np.nan)
    finite = np.isfinite(values)
    if not finite.all():
        column = int(np.argmin(finite.all(axis=0)))
        row = int(np.argmin(finite[:, column]))
        what = "a missing cell" if np.isnan(values[row, column]) else f"{values[row, column]}"
        raise DataError(
            f"column {quote(names[column])} must hold finite numbers, got {what} in row {row + 1};"
            " correct the cell, or leave out the row or the column"
        )
    for name, column in chosen.items():
        row = first_rounded(column.to_numpy()) if column.dtype.kind in "iu" else None
        if row is not None:
            message = f"column {quote(str(name))} holds integers beyond 2^53, the first in row {row + 1}, which are"
            warnings.warn(f"{message} rounded; subtract one of them from all", FitWarning, stacklevel=4)
    return values


def _are_numeric(frame: pd.DataFrame) -> list[bool]:
    import pandas as pd

    return [pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes]


def _to_numbers(column: pd.Series) -> NDArray[np.float64]:
    """Cells of any type as floats; missing ones and text become NaN."""
    import pandas as pd

    try:
        return np.asarray(pd.to_numeric(column, errors="coerce"), dtype=float)
    except OverflowError:  # an integer beyond the largest float; its digits are read as infinity
        return np.asarray(pd.to_numeric(column.astype(str), errors="coerce"), dtype=float)


def _parse_text(column: pd.Series) -> NDArray[np.float64]:
    """Numbers of a column of another type; raise for the first cell that is text."""
    numbers = _to_numbers(column)
    wrong = np.isnan(numbers) & column.notna().to_numpy()
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"column {quote(str(column.name))} must hold numbers, got the text {quote(str(column.iloc[row]))}"
            f" in row {row + 1}; correct the cell, or leave out the row or the column"
        )
    return numbers
