"""PSE: parallel symbolic enumeration, millions of expressions evaluated at once by torch, through the package psrn."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import sympy

from kansym.comparison.methods.base import Answer, Method, Task
from kansym.comparison.methods.global_state import seeded
from kansym.comparison.methods.real_functions import whole_exponents
from kansym.comparison.methods.scaling import power_of_ten
from kansym.errors import ParameterError
from kansym.symbolic.parsing import parse_expression

__all__ = ["PSE"]

_OPERATORS = {
    **{"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "pow": "Pow", "square": "Pow2", "cube": "Pow3"},
    **{name: name.capitalize() for name in ("sqrt", "exp", "log", "sin", "cos", "cosh", "tanh", "abs")},
}
_LAYERS, _INPUTS, _COLUMNS_AT_ONCE, _FITTED_PER_ROUND = 2, 10, 3, 10
_SOLVED = 1e-12


class PSE(Method):
    """psrn's ``PSRN_Regressor`` in a configuration that a CPU gets through in a second or two a round.

    Two layers of operators over ten inputs (up to three columns, then subexpressions that its genetic programming
    proposes), which enumerates some 400,000 expressions a round; the constants of the ten best are fitted. Three
    layers, its default, want a GPU. All else is its default, the rounding of constants to six digits included. Columns
    are single-precision numbers inside.

    It has no ``tan``, ``sinh``, ``asin``, ``acos`` and ``atan``, and its genetic programming has no ``cosh``. The
    answer is the most accurate expression of its Pareto front, which is what its ``predict`` evaluates.
    """

    name = "pse"
    modules = ("psrn",)
    packages = ("psrn", "torch")
    about = "parallel symbolic enumeration (psrn), small configuration for CPUs; single precision"

    def load(self) -> None:
        """Import psrn and run one round, since its genetic programming is compiled at first use."""
        x = np.linspace(1.0, 2.0, 20).reshape(-1, 1)
        with seeded(0):
            model = _regressor(Task(x, x[:, 0], time_limit=0.1, seed=0, operators=("add", "mul")))
            model.fit(x, np.sin(9.0 * x), use_threshold=False, top_k=1, real_time_display=False)

    def fit(self, task: Task) -> Answer:
        """Enumerate rounds until the time is used up or an expression fits to rounding error."""
        model, scale = self.search(task)
        factor = sympy.Integer(1) if scale == 1.0 else sympy.Float(scale)
        texts = [entry[0] for entry in model.get_pf(sort_by="mse")]
        best = whole_exponents(parse_expression(texts[0], task.variables))
        others = (_read(text, task.variables) for text in texts[1:])
        return Answer(factor * best, tuple(factor * found for found in (best, *others) if found is not None))

    def search(self, task: Task) -> tuple[Any, float]:
        """Return the fitted regressor, and what y was divided by."""
        scale = power_of_ten(task.y)
        y = (task.y / scale).reshape(-1, 1)
        with seeded(task.seed):
            model = _regressor(task)
            threshold = _SOLVED * float(np.mean(y**2))
            model.fit(task.X, y, threshold=threshold, top_k=_FITTED_PER_ROUND, real_time_display=False)
        return model, scale


def _regressor(task: Task) -> Any:
    psrn = importlib.import_module("psrn")
    operators = ["Identity", *(name for operator, name in _OPERATORS.items() if operator in task.operators)]
    stage = {
        "operators": operators,
        "time_limit": task.time_limit,
        "n_psrn_inputs": _INPUTS,
        "n_sample_variables": _COLUMNS_AT_ONCE,
    }
    return psrn.PSRN_Regressor(
        variables=[variable.name for variable in task.variables],
        operators=operators,
        n_symbol_layers=_LAYERS,
        n_inputs=_INPUTS,
        # Without the table of duplicate expressions, which would be written to a file for every set of operators.
        use_dr_mask=False,
        use_const=True,
        device="cpu",
        token_generator="GP",
        token_generator_config={"base": {"has_const": True, "tokens": [*filter("Cosh".__ne__, operators)]}},
        stage_config={"default": stage, "stages": [{}]},
    )


def _read(text: str, variables: tuple[sympy.Symbol, ...]) -> sympy.Expr | None:
    """Read an expression of the front that was not selected; None if it is no real expression."""
    try:
        return whole_exponents(parse_expression(text, variables))
    except ParameterError:
        return None
