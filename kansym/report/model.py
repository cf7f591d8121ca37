"""The report of a fitted model: from its fronts, and rows if there are any, to one HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING

from kansym import KANClassifier
from kansym.plots import plot_slices
from kansym.plots.drawing import BLUE, VERMILION, as_fitted, checked_units
from kansym.plots.network import draw_network, network_picture
from kansym.report.cautions import cautions_of
from kansym.report.facts import (
    columns_of,
    meaning_of,
    measures_of,
    python_call,
    reference_of,
    settings_of,
    versions,
)
from kansym.report.page import render_page, write_page
from kansym.report.panels import output_of
from kansym.report.rows import Data, data_of
from kansym.report.svg import blank_axes, to_svg
from kansym.report.wording import counted, listing, percent
from kansym.validation import require_formulas

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

    from kansym.estimator import FormulaEstimator

__all__ = ["model_report"]

_COLORS = {BLUE: "var(--blue)", VERMILION: "var(--vermilion)"}
_MOST_SLICES = 12
_MOST_NAMED = 5


def model_report(
    model: FormulaEstimator,
    path: str | PathLike[str],
    X: ArrayLike | None = None,
    y: ArrayLike | None = None,
    *,
    units: Mapping[str, str] | None = None,
    title: str | None = None,
    command: str | None = None,
) -> None:
    """Write one HTML file that shows a fitted model whole; it needs nothing else, and asks nothing of the network.

    The front is a chart in which each point leads to its formula: typeset, as LaTeX, Python and C, with its fit and
    residuals. For a classifier the formulas are log-odds, and beside each is how often its class came true. The rows
    are not part of a model, which can be handed on without them; so they are given here, or the parts that need them
    say that they are missing.

    Parameters
    ----------
    model : KANRegressor or KANClassifier
        Fitted.
    path : str or path-like
        The HTML file, in an existing folder. It is written whole or not at all.
    X : array_like of shape (n_samples, n_features), optional
        Rows to show, best those of the fit; up to 500 are drawn.
    y : array_like of shape (n_samples,) or (n_samples, n_outputs), optional
        Their targets or labels.
    units : mapping of str to str, optional
        Units of columns and targets by name.
    title : str, optional
        By default says what was found from what.
    command : str, optional
        The command that made the model; by default Python code that would.

    Raises
    ------
    DataError
        If X or y cannot be used, or only one of them is given.
    ParameterError
        If the units are not as stated.
    NotFittedError
        If there are no formulas yet; the message says what to call.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from kansym import KANRegressor
    >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [2.0, 4.0, 6.0, 8.0]
    >>> page = pathlib.Path(tempfile.mkdtemp(), "report.html")
    >>> model_report(KANRegressor(max_steps=3, random_state=0).fit(X, y), page, X, y)
    >>> "<math" in page.read_text(encoding="utf-8")
    True
    """
    require_formulas(model)
    units = checked_units(model, units)
    data = data_of(model, X, y)
    reference = reference_of(model)
    places = [place for place in range(len(model.output_names_)) if place != reference]
    page = render_page(
        "model.html.j2",
        "model.js",
        styles=("page.css", "model.css"),
        title=title or _title(model),
        outputs=[output_of(model, data, place, units) for place in places],
        slices={f"output-{place}": _slices_picture(model, data, place, units) for place in places},
        several=len(places) > 1,
        share=measures_of(model, model.fronts_[places[0]][0])[0],
        meaning=meaning_of(model),
        confusion=_confusion(model, data),
        n_rows=model.fronts_[0].n_rows,
        n_columns=len(model.variables_),
        data=data,
        network=_network_picture(model, data, units),
        columns=columns_of(model, data, units),
        cautions=cautions_of(model, data),
        settings=settings_of(model),
        versions=versions(),
        command=command,
        code=python_call(model),
        repeatable=_repeatable(model),
        counted=counted,
        percent=percent,
    )
    write_page(path, page)


def _title(model: FormulaEstimator) -> str:
    names = [variable.name for variable in model.variables_]
    targets = [model.target_name_] if isinstance(model, KANClassifier) else model.output_names_
    return f"{listing(targets)} from {listing(names) if len(names) <= _MOST_NAMED else counted(len(names), 'column')}"


def _confusion(model: FormulaEstimator, data: Data | None) -> list[tuple[str, list[int]]]:
    """How many rows of each class are taken for each class by the selected formulas; nothing but for classes."""
    if data is None or not isinstance(model, KANClassifier):
        return []
    counts = data.class_rows(model, 0, model.selected()[0]).confusion()
    return list(zip(map(str, model.classes_), counts.tolist(), strict=True))


# ------------------------------------------------------------------------------------------------------------- pictures


@dataclass(frozen=True)
class _Figure:
    """A figure of matplotlib with the pixels that it is wide at its own size."""

    svg: str
    width: int

    @classmethod
    def of(cls, figure: Figure, name: str) -> _Figure:
        return cls(to_svg(figure, name, _COLORS), round(96 * figure.get_size_inches()[0]))


def _network_picture(model: FormulaEstimator, data: Data | None, units: Mapping[str, str]) -> _Figure:
    picture = network_picture(model, None if data is None else as_fitted(model, data.columns), units=units)
    frame = None if picture is None else picture.frame()
    with blank_axes((5.0, 1.0) if frame is None else frame.size, layout=None) as (figure, axes):
        axes.grid(False)
        axes.set_position((0.0, 0.0, 1.0, 1.0))
        draw_network(picture, axes, frame)
        return _Figure.of(figure, "network")


def _slices_picture(model: FormulaEstimator, data: Data | None, place: int, units: Mapping[str, str]) -> _Figure | None:
    """Slices of the selected formula; with one column its fit shows the same, and with many they are too small."""
    formula = model.fronts_[place][model.selected()[place]]
    count = len(formula.expression.free_symbols)
    if data is None or len(model.variables_) == 1 or not 1 <= count <= _MOST_SLICES:
        return None
    table = as_fitted(model, data.columns)
    targets = model.classes_[data.targets[:, 0].astype(int)] if isinstance(model, KANClassifier) else data.targets
    rows = {1: 1, 2: 1, 3: 1, 4: 2}.get(count, -(-count // 5))
    with blank_axes((9.0, 2.2 * rows + 0.4)) as (figure, axes):
        plot_slices(model, table, targets, output=place, units=units, ax=axes)
        return _Figure.of(figure, f"slices-{place}")


def _repeatable(model: FormulaEstimator) -> str:
    """Whether the same call gives the same formulas."""
    if any(formula.origin == "workbench" for front in model.fronts_ for formula in front):
        return "A formula was added by hand, and the workbench's script makes it again; this call finds the others."
    if any(discovery.reason == "interrupted" for discovery in model.discoveries_):
        return "The search was interrupted: this call goes on further."
    if not isinstance(model.random_state, int):
        return "The seed was not fixed: another run may take another way and find another formula."
    if model.max_steps is None and any("budget" in discovery.reason for discovery in model.discoveries_):
        return "The time was used up: a machine of another speed may come further, or less far."
    return "The same seed, versions and data, with their weights if they had any, give the same formulas."
