"""From the workbench back to the model: a formula made by hand enters the front of a fitted model."""

from __future__ import annotations

import copy
import warnings

from kansym import validation
from kansym.errors import FitWarning, ParameterError
from kansym.regressor import KANRegressor
from kansym.symbolic.front import Formula, HallOfFame
from kansym.symbolic.printing import to_text
from kansym.symbolic.rows import Rows

__all__ = ["with_formula"]


def with_formula(model: KANRegressor, formula: Formula, rows: Rows, target: str) -> KANRegressor:
    """Return a copy of the model with one more formula on the front of a target, see :meth:`Workbench.add_to`."""
    if not isinstance(model, KANRegressor):
        raise ParameterError(f"model must be a KANRegressor, got {type(model).__name__}")
    validation.require_formulas(model)
    if target not in model.output_names_ or rows.variables != model.variables_:
        known = ", ".join(symbol.name for symbol in model.variables_)
        raise ParameterError(
            f"model must be one of {target} from {', '.join(symbol.name for symbol in rows.variables)},"
            f" got one of {', '.join(model.output_names_)} from {known}"
        )
    place = model.output_names_.index(target)
    front = model.fronts_[place]
    if front.n_rows != len(rows):
        raise ParameterError(
            f"the workbench must hold the {front.n_rows} rows that the front was judged on, got {len(rows)};"
            " start it with model.workbench(X, y) on the rows of the fit"
        )
    hall = HallOfFame(front.variance, front.n_rows)
    for known_formula in (*front, formula):
        hall = hall.add(known_formula)
    longer = hall.front()
    if all(entry is not formula for entry in longer):
        text = to_text(formula.expression, formula.digits)
        warnings.warn(f"{text} does not enter the front: one that is no larger is as good", FitWarning, stacklevel=3)
    result = copy.copy(model)
    discoveries = list(model.discoveries_)
    discoveries[place] = discoveries[place].with_front(longer)
    result.discoveries_ = tuple(discoveries)
    result.fronts_ = tuple(discovery.front for discovery in discoveries)
    return result
