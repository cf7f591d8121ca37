"""What a fitted model does with its formulas beside predicting: LaTeX, and exports to other tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sympy

from kansym import parameters
from kansym.export.latex import formula_latex, latex_table
from kansym.export.numpy import numpy_function
from kansym.export.source import LANGUAGES, formula_source, source_names
from kansym.export.torch import torch_module
from kansym.library import Library

if TYPE_CHECKING:
    from kansym.export.numpy import NumpyFunction
    from kansym.export.torch import FormulaModule
    from kansym.symbolic.front import Formula, ParetoFront

__all__ = ["FormulaMixin"]


class FormulaMixin:
    """Methods of an estimator whose fit leaves a front of formulas for each output."""

    fronts_: tuple[ParetoFront, ...]
    variables_: tuple[sympy.Symbol, ...]
    output_names_: tuple[str, ...]

    @property
    def _is_flat(self) -> bool:
        """Whether predictions have one dimension."""
        raise NotImplementedError

    def selected(self) -> tuple[int, ...]:
        """Return the position of the selected formula on each front."""
        raise NotImplementedError

    def _formulas(self, index: int | Sequence[int] | None) -> list[Formula]:
        raise NotImplementedError

    def _library(self) -> Library:
        raise NotImplementedError

    def latex(self, index: int | Sequence[int] | None = None, precision: int | str | None = None) -> Any:
        r"""Return the formula in LaTeX; a list for several outputs.

        Constants are written to ``precision`` significant digits, by default to as many as the written formula needs to
        fit as well, at least four; with ``"uncertainty"`` to their standard errors, as ``365.036(12)``.

        Examples
        --------
        >>> from kansym import KANRegressor
        >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [2.1, 3.9, 6.1, 7.9]
        >>> model = KANRegressor(max_steps=30, random_state=0).fit(X, y)
        >>> model.latex()
        '2 x_{0}'
        >>> model.latex(0, precision="uncertainty")
        '5.0(13)'
        """
        parameters.check_precision(precision)
        texts = [formula_latex(formula, precision) for formula in self._formulas(index)]
        return texts[0] if len(texts) == 1 else texts

    def latex_table(self, precision: int | str | None = None) -> Any:
        r"""Return the front as a LaTeX table with the rules of ``booktabs``; a list of them for several outputs.

        Examples
        --------
        >>> from kansym import KANRegressor
        >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [2.1, 3.9, 6.1, 7.9]
        >>> model = KANRegressor(max_steps=30, random_state=0).fit(X, y)
        >>> print(model.latex_table())
        \begin{tabular}{lrrrl}
        \toprule
         & complexity & loss & $R^2$ & formula \\
        \midrule
         & $1$ & $4.81$ & $0.0000$ & $y = 5.0$ \\
        $\rightarrow$ & $3$ & $0.01$ & $0.9979$ & $y = 2 x_{0}$ \\
        \bottomrule
        \end{tabular}
        """
        parameters.check_precision(precision)
        fronts = zip(self.selected(), self.fronts_, self.output_names_, strict=True)
        tables = [latex_table(front, name, selected=row, precision=precision) for row, front, name in fronts]
        return tables[0] if len(tables) == 1 else tables

    def to_numpy(self, index: int | Sequence[int] | None = None) -> NumpyFunction:
        """Return the formula as a callable on arrays of shape (..., n_features), without the estimator around it.

        The columns are those of the fit, in their order; names are not compared. Undefined values are NaN without a
        warning.

        Examples
        --------
        >>> from kansym import KANRegressor
        >>> model = KANRegressor(max_steps=20, random_state=0).fit([[1.0], [2.0], [3.0], [4.0]], [1.0, 4.0, 9.0, 16.0])
        >>> square = model.to_numpy()
        >>> square, square([[5.0], [6.0]])
        (<NumpyFunction x0^2 of (x0)>, array([25., 36.]))
        """
        expressions = [formula.expression for formula in self._formulas(index)]
        return numpy_function(expressions, self.variables_, self._library(), flat=self._is_flat)

    def to_torch(self, index: int | Sequence[int] | None = None) -> FormulaModule:
        """Return the formula as a torch module on tensors of shape (..., n_features); its constants can be trained.

        It computes in double precision; ``module.float()`` makes it single. Numbers that were found to be exact, such
        as 2 or π, are no parameters.

        Examples
        --------
        >>> import numpy as np, torch
        >>> from kansym import KANRegressor
        >>> t = np.linspace(0, 4, 40)[:, None]
        >>> model = KANRegressor(max_steps=50, random_state=0).fit(t, 2.37 * np.exp(-0.61 * t[:, 0]))
        >>> module = model.to_torch()
        >>> module.constants[0].detach().numpy().round(6).tolist()
        [2.37, -0.61]
        >>> module(torch.zeros(1, 1, dtype=torch.float64)).item()
        2.37
        """
        expressions = [formula.expression for formula in self._formulas(index)]
        return torch_module(expressions, self.variables_, self._library(), flat=self._is_flat)

    def to_source(
        self,
        index: int | Sequence[int] | None = None,
        language: str = "python",
        precision: int | str | None = None,
    ) -> str:
        """Return the formula as source that stands alone: a function ``formula`` of the columns of X, in their order.

        The source takes the steps of ``predict`` in its order. Python gives the same values but for roundings in powers
        and quotients; C uses the functions of its own library, which round differently in the last bit. So both agree
        with ``predict`` to 1e-12 unless terms cancel: a difference of terms a million times as large as itself makes a
        million times as much of a last bit, and ``predict`` is then no nearer to the exact value.

        Parameters
        ----------
        index : int or sequence of int, optional
        language : {"python", "c"}, default="python"
            Python for numpy, or C99. For several outputs there is one function each, ``formula_`` and its name.
        precision : int, "uncertainty" or None
            Significant digits of the constants; None writes every bit, so that the source agrees with ``predict``.
            ``"uncertainty"`` rounds each to its standard error, and the comment at the head says what that costs.

        Examples
        --------
        >>> from kansym import KANRegressor
        >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [2.1, 3.9, 6.1, 7.9]
        >>> model = KANRegressor(max_steps=30, random_state=0).fit(X, y)
        >>> model.to_source(language="c").splitlines()[-2].strip()
        'return 2.0*x0;'
        """
        parameters.check_choice("language", language, tuple(LANGUAGES))
        parameters.check_precision(precision)
        found = self._formulas(index)
        formulas = dict(zip(source_names(self.output_names_), found, strict=True))
        return formula_source(formulas, self.variables_, self._library(), language, precision)
