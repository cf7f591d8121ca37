"""What a report shows of each formula: typeset, in three languages, with its figures and charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kansym import KANClassifier
from kansym.errors import ParameterError
from kansym.export.latex import formula_latex
from kansym.export.source import formula_source
from kansym.report.charts import Chart
from kansym.report.class_charts import class_charts
from kansym.report.facts import Fact, constants_of, left_of, measures_of
from kansym.report.formula_charts import MOST_DOTS, fit_charts, front_chart, front_points
from kansym.report.mathml import to_mathml
from kansym.report.wording import counted, number, r_squared
from kansym.symbolic.printing import to_text

if TYPE_CHECKING:
    from kansym.estimator import FormulaEstimator
    from kansym.report.points import Point
    from kansym.report.rows import Data
    from kansym.symbolic.front import Formula

__all__ = ["Output", "Panel", "Picture", "output_of"]

_GAIN = "fall of the logarithm of the error for each node more than the simpler formula before it"
_COMPLEXITY = "nodes of the formula's tree"


@dataclass(frozen=True)
class Picture:
    """A chart with what is said of it; ``line`` is the class of its curve in the style sheet."""

    chart: Chart
    label: str
    caption: str
    line: str = ""


@dataclass(frozen=True)
class Panel:
    """All that is shown of one formula."""

    anchor: str
    text: str
    complexity: int
    share: str
    mathml: str
    facts: list[Fact]
    sources: list[tuple[str, str, str]]
    constants: list[tuple[str, str]]
    point: Point
    pictures: list[Picture]


@dataclass(frozen=True)
class Output:
    """One target or class: its front and its formulas."""

    name: str
    anchor: str
    selected: int
    facts: list[Fact]
    front: Chart
    panels: list[Panel]


def output_of(model: FormulaEstimator, data: Data | None, place: int, units: Mapping[str, str]) -> Output:
    """Describe one output of a model."""
    front, discovery, selected = model.fronts_[place], model.discoveries_[place], model.selected()[place]
    is_class = isinstance(model, KANClassifier)
    chart = front_chart(front, "unexplained share, 1 − D²") if is_class else front_chart(front)
    panels = [
        _panel(model, data, place, position, point, units)
        for position, point in enumerate(front_points(front, chart))
    ]
    steps = f"{counted(discovery.steps, 'step')} in {discovery.seconds:.1f} s"
    formula = front[selected]
    facts = [
        *measures_of(model, formula),
        Fact("complexity", str(formula.complexity), _COMPLEXITY),
        Fact("confidence", discovery.confidence.sentence()),
        Fact("the search ended", f"{discovery.reason}; {steps}"),
    ]
    return Output(model.output_names_[place], f"output-{place}", selected, facts, chart, panels)


def _panel(
    model: FormulaEstimator,
    data: Data | None,
    place: int,
    position: int,
    point: Point,
    units: Mapping[str, str],
) -> Panel:
    front = model.fronts_[place]
    formula = front[position]
    facts = [
        Fact("complexity", str(formula.complexity), _COMPLEXITY),
        *measures_of(model, formula),
        Fact("gain", number(front.gains[position]), _GAIN),
        *([Fact("found by", formula.origin)] if formula.origin else []),
    ]
    return Panel(
        anchor=f"formula-{place}-{position}",
        text=to_text(formula.expression, formula.digits),
        complexity=formula.complexity,
        share=r_squared(formula.r2),
        mathml=to_mathml(formula.expression, formula.digits, left_of(model, place)),
        facts=facts,
        sources=_sources(model, formula),
        constants=constants_of(formula),
        point=point,
        pictures=[] if data is None else _pictures(model, data, place, position, units),
    )


def _sources(model: FormulaEstimator, formula: Formula) -> list[tuple[str, str, str]]:
    """Name of the language, its short name, and the formula in it."""
    found = [("LaTeX", "latex", formula_latex(formula, None))]
    for language, short in (("Python", "python"), ("C", "c")):
        try:
            source = formula_source({"formula": formula}, model.variables_, model._library(), short)
            found.append((language, short, source))
        except ParameterError as error:  # a function of the user's own has no source
            found.append((language, "", str(error)))
    return found


def _pictures(
    model: FormulaEstimator, data: Data, place: int, position: int, units: Mapping[str, str]
) -> list[Picture]:
    count, one_column = len(data.columns), data.columns.shape[1] == 1
    undefined = int(np.isnan(data.predictions(model, place, position)).sum())
    rest = f"; {min(MOST_DOTS, count):,} of {count:,} rows drawn" if count > MOST_DOTS else ""
    rest += f"; not defined on {counted(undefined, 'row')}" if undefined else ""
    if isinstance(model, KANClassifier):
        name = model.output_names_[place]
        fit, rows = class_charts(model, data, place, position, units)
        curve = "the curve is its probability" if one_column else "on the line it is its probability"
        about = f"Share of {name} in groups of rows, with 95 % intervals; {curve}."
        return [
            Picture(fit, "Observed shares and probabilities", about, "law-line"),
            Picture(rows, "Rows by class", f"The rows, those of {name} above the others{rest}."),
        ]
    fit, residuals = fit_charts(model, data, place, position, units)
    about = "Each row as measured and as predicted; on the line they are equal."
    if one_column:
        band = "; the band is expected to hold 95 % of new measurements, if the form is right" if fit.band else ""
        about = f"Rows, and the formula as a curve{band}."
    return [
        Picture(fit, "Rows and formula", about, "law-line"),
        Picture(residuals, "Residuals", f"Residuals, measured minus predicted{rest}."),
    ]
