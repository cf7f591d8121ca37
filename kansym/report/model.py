"""The report of a fitted model: from its fronts, and rows if there are any, to one HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kansym import validation
from kansym.errors import DataError, ParameterError
from kansym.export.latex import formula_latex
from kansym.export.source import formula_source
from kansym.plots import plot_slices
from kansym.plots.drawing import BLUE, VERMILION, as_fitted, checked_units, measured, predicted, refuse_classifier
from kansym.plots.network import draw_network, network_picture
from kansym.report.charts import Chart
from kansym.report.facts import (
    Data,
    columns_of,
    constants_of,
    python_call,
    settings_of,
    versions,
    warnings_of,
)
from kansym.report.formula_charts import MOST_DOTS, fit_charts, front_chart, front_points
from kansym.report.mathml import to_mathml
from kansym.report.page import render_page, write_page
from kansym.report.points import Point
from kansym.report.svg import blank_axes, to_svg
from kansym.report.wording import counted, listing, number, r_squared
from kansym.symbolic.printing import to_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

    from kansym.regressor import KANRegressor
    from kansym.symbolic.front import Formula

__all__ = ["model_report"]

Array = NDArray[np.float64]

_COLORS = {BLUE: "var(--blue)", VERMILION: "var(--vermilion)"}
_MOST_SLICES = 12


def model_report(
    model: KANRegressor,
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
    residuals. The rows are not part of a model, which can be handed on without them; so they are given here, or the
    parts that need them say that they are missing.

    Parameters
    ----------
    model : KANRegressor
        Fitted.
    path : str or path-like
        The HTML file, in an existing folder. It is written whole or not at all.
    X : array_like of shape (n_samples, n_features), optional
        Rows to show, best those of the fit; up to 500 are drawn.
    y : array_like of shape (n_samples,) or (n_samples, n_outputs), optional
        Their targets.
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
        If the units are not as stated, or the model is a classifier: labels have no residuals.
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
    refuse_classifier(model, "a report")
    units = checked_units(model, units)
    data = _data(model, X, y)
    outputs = [_output(model, data, place, units) for place in range(len(model.output_names_))]
    predictions = [output.predictions[output.selected] for output in outputs]
    names = [variable.name for variable in model.variables_]
    several = len(outputs) > 1
    page = render_page(
        "model.html.j2",
        "model.js",
        styles=("page.css", "model.css"),
        title=title or f"{listing(model.output_names_)} from {_few(names)}",
        outputs=outputs,
        several=several,
        n_rows=model.fronts_[0].n_rows,
        data=data,
        n_drawn=min(MOST_DOTS, 0 if data is None else len(data.columns)),
        network=_network_picture(model, data, units),
        columns=columns_of(model, data, units),
        warnings=warnings_of(model, data, predictions),
        settings=settings_of(model),
        versions=versions(),
        command=command,
        code=python_call(model),
        repeatable=_repeatable(model),
        counted=counted,
        number=number,
        r_squared=r_squared,
    )
    write_page(path, page)


@dataclass(frozen=True)
class _Picture:
    """A figure with the pixels that it is wide at its own size."""

    svg: str
    width: int

    @classmethod
    def of(cls, figure: Figure, name: str) -> _Picture:
        return cls(to_svg(figure, name, _COLORS), round(96 * figure.get_size_inches()[0]))


@dataclass(frozen=True)
class _Panel:
    """All that is shown of one formula."""

    anchor: str
    formula: Formula
    text: str
    mathml: str
    sources: list[tuple[str, str, str]]
    constants: list[tuple[str, str]]
    gain: float
    rms: float
    point: Point
    fit: Chart | None
    residuals: Chart | None
    undefined: int


@dataclass(frozen=True)
class _Output:
    """One target: its front and its formulas."""

    name: str
    anchor: str
    selected: int
    confidence: str
    ending: str
    front: Chart
    panels: list[_Panel]
    predictions: list[Array]
    slices: _Picture | None


def _data(model: KANRegressor, X: ArrayLike | None, y: ArrayLike | None) -> Data | None:
    if X is None and y is None:
        return None
    if X is None or y is None:
        raise DataError(f"X and y must be given together or not at all, got {'y' if X is None else 'X'} alone")
    columns = model._checked(X)
    validation.check_table(y, "y")
    count = len(model.output_names_)
    targets = np.column_stack([measured(y, place, count, len(columns)) for place in range(count)])
    return Data(columns, targets)


def _output(model: KANRegressor, data: Data | None, place: int, units: Mapping[str, str]) -> _Output:
    name, front, discovery = model.output_names_[place], model.fronts_[place], model.discoveries_[place]
    predictions = [
        np.empty(0) if data is None else predicted(model, data.columns, place, position)
        for position in range(len(front))
    ]
    chart = front_chart(front)
    panels = [
        _panel(model, data, place, position, point, predictions[position], units)
        for position, point in enumerate(front_points(front, chart))
    ]
    seconds = f"{counted(discovery.steps, 'step')} in {discovery.seconds:.1f} s"
    return _Output(
        name=name,
        anchor=f"output-{place}",
        selected=model.selected()[place],
        confidence=discovery.confidence.sentence(),
        ending=f"{discovery.reason}; {seconds}",
        front=chart,
        panels=panels,
        predictions=predictions,
        slices=_slices_picture(model, data, place, units),
    )


def _panel(
    model: KANRegressor,
    data: Data | None,
    place: int,
    position: int,
    point: Point,
    values: Array,
    units: Mapping[str, str],
) -> _Panel:
    front = model.fronts_[place]
    formula, name = front[position], model.output_names_[place]
    fit = residuals = None
    if data is not None:
        fit, residuals = fit_charts(model, data, place, position, values, units)
    return _Panel(
        anchor=f"formula-{place}-{position}",
        formula=formula,
        text=to_text(formula.expression, formula.digits),
        mathml=to_mathml(formula.expression, formula.digits, name),
        sources=_sources(model, formula),
        constants=constants_of(formula),
        gain=front.gains[position],
        rms=float(np.sqrt(formula.loss)),
        point=point,
        fit=fit,
        residuals=residuals,
        undefined=int((~np.isfinite(values)).sum()),
    )


def _sources(model: KANRegressor, formula: Formula) -> list[tuple[str, str, str]]:
    """Name of the language, its short name, and the formula in it."""
    found = [("LaTeX", "latex", formula_latex(formula, None))]
    for language, short in (("Python", "python"), ("C", "c")):
        try:
            source = formula_source({"formula": formula}, model.variables_, model._library(), short)
            found.append((language, short, source))
        except ParameterError as error:  # a function of the user's own has no source
            found.append((language, "", str(error)))
    return found


# ------------------------------------------------------------------------------------------------------------- pictures


def _network_picture(model: KANRegressor, data: Data | None, units: Mapping[str, str]) -> _Picture:
    picture = network_picture(model, None if data is None else as_fitted(model, data.columns), units=units)
    frame = None if picture is None else picture.frame()
    with blank_axes((5.0, 1.0) if frame is None else frame.size, layout=None) as (figure, axes):
        axes.grid(False)
        axes.set_position((0.0, 0.0, 1.0, 1.0))
        draw_network(picture, axes, frame)
        return _Picture.of(figure, "network")


def _slices_picture(model: KANRegressor, data: Data | None, place: int, units: Mapping[str, str]) -> _Picture | None:
    """Slices of the selected formula; with one column its fit shows the same, and with many they are too small."""
    formula = model.fronts_[place][model.selected()[place]]
    count = len(formula.expression.free_symbols)
    if data is None or len(model.variables_) == 1 or not 1 <= count <= _MOST_SLICES:
        return None
    table, targets = as_fitted(model, data.columns), data.targets
    rows = {1: 1, 2: 1, 3: 1, 4: 2}.get(count, -(-count // 5))
    with blank_axes((9.0, 2.2 * rows + 0.4)) as (figure, axes):
        plot_slices(model, table, targets, output=place, units=units, ax=axes)
        return _Picture.of(figure, f"slices-{place}")


def _few(names: list[str]) -> str:
    return listing(names) if len(names) <= 5 else f"{counted(len(names), 'column')}"


def _repeatable(model: KANRegressor) -> str:
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
