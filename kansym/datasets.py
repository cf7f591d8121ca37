"""The data that come with kansym: measured data sets, benchmark suites and published results of other methods.

What each file holds, where it comes from and under which licence stands in ``data/README.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kansym.errors import ParameterError
from kansym.hints import name_hint, quote
from kansym.tables import read_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Dataset", "data_path", "list_datasets", "load_dataset"]

_INDEX = "real/INDEX.csv"


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """One data set with what is known about it.

    Parameters
    ----------
    name : str
        The name that :func:`load_dataset` takes.
    frame : DataFrame of shape (n_rows, n_columns)
        All columns, the target among them; some data sets have columns of text.
    target : str
        The column that the expected law predicts.
    kind : str
        Whether the rows were measured or generated.
    units : str
        Units of the columns, or what they mean.
    expected_law : str
        The accepted relation, in words or symbols; ``b1``, ``b2``, … are constants that a fit has to find.
    source : str
        Where the numbers were taken from.
    licence : str
        The licence, and the publication to cite.

    Examples
    --------
    >>> planets = load_dataset("planets")
    >>> planets.name, planets.target, planets.target in planets.frame
    ('planets', 'T_days', True)
    """

    name: str
    frame: pd.DataFrame
    target: str
    kind: str
    units: str
    expected_law: str
    source: str
    licence: str

    def __repr__(self) -> str:
        """Show the facts, one a line."""
        columns = ", ".join(self.frame.columns)
        return (
            f"Dataset {self.name}: {len(self.frame)} rows, {self.kind}\n"
            f"  columns       {columns}\n"
            f"  target        {self.target}\n"
            f"  units         {self.units}\n"
            f"  expected law  {self.expected_law}\n"
            f"  source        {self.source}\n"
            f"  licence       {self.licence}"
        )


def data_path(name: str) -> Path:
    """Path of a file that comes with kansym.

    Parameters
    ----------
    name : str
        The file, relative to the folder ``data`` of the project.

    Returns
    -------
    Path
        An existing file, in the installed package or in the checkout that an editable installation points to.

    Raises
    ------
    ParameterError
        If there is no such file.

    Examples
    --------
    >>> data_path("suites.csv").name
    'suites.csv'
    """
    folder = _folder()
    path = folder / name
    if not path.is_file():
        known = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.*"))
        raise ParameterError(f"name must be a file that comes with kansym, got {quote(name)}; {name_hint(name, known)}")
    return path


def list_datasets() -> pd.DataFrame:
    """Facts about every data set, one a row.

    Returns
    -------
    DataFrame
        Indexed by name, with columns rows, cols, target, kind, units, expected_law, source and licence.

    Examples
    --------
    >>> list_datasets().loc["planets", "target"]
    'T_days'
    """
    index = read_table(data_path(_INDEX))
    index.index = index.pop("file").str.removesuffix(".csv").rename("name")
    return index


def load_dataset(name: str) -> Dataset:
    """Load a data set by its name.

    Parameters
    ----------
    name : str
        A name from :func:`list_datasets`.

    Returns
    -------
    Dataset
        The table and what is known about it.

    Raises
    ------
    ParameterError
        If there is no data set of that name; the message names the closest.

    Examples
    --------
    >>> load_dataset("planets")
    Dataset planets: 10 rows, measured
      columns       body, a_AU, T_days, bode_index
      target        T_days
      units         AU, days
      expected law  T=365.256 a^1.5; Bode a=0.4+0.3*2^(n-2)
      source        widely published orbital elements (semi-major axis, sidereal period); T/a^1.5 constant to 0.074 %
      licence       facts
    """
    index = list_datasets()
    if name not in index.index:
        raise ParameterError(f"unknown data set {quote(name)}; {name_hint(name, list(index.index))}")
    facts = index.loc[name, ["target", "kind", "units", "expected_law", "source", "licence"]].to_dict()
    return Dataset(name=name, frame=read_table(data_path(f"real/{name}.csv")), **facts)


def _folder() -> Path:
    """Return the folder inside the package if this is an installed one, else the folder of the checkout."""
    package = Path(__file__).parent
    installed = package / "data"
    return installed if installed.is_dir() else package.parent / "data"
