"""A formula as a torch module whose constants can be trained."""

from __future__ import annotations

from collections.abc import Sequence

import sympy
import torch
from torch import nn

from kansym.errors import ParameterError
from kansym.library import Library
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.normal_form import replace_constants
from kansym.symbolic.printing import to_text

__all__ = ["FormulaModule", "torch_module"]


class FormulaModule(nn.Module):
    """Formulas as a differentiable module; make it with :func:`torch_module`.

    Its parameters ``constants.0``, ``constants.1``, … are vectors of the fitted constants of each output; numbers that
    are exact, such as 2 or π, are no parameters. Computes on the device and in the precision of parameters and input.

    Attributes
    ----------
    names : tuple of str
        What the columns are called, in their order.
    constants : ParameterList
    """

    def __init__(
        self,
        expressions: Sequence[sympy.Expr],
        variables: Sequence[sympy.Symbol],
        library: Library | None,
        flat: bool,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self._tapes = [compile_expression(expression, variables, library) for expression in expressions]
        self._flat = flat
        self.names = tuple(variable.name for variable in variables)
        self.constants = nn.ParameterList([nn.Parameter(torch.tensor(t.constants, dtype=dtype)) for t in self._tapes])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Evaluate at ``x`` of shape (..., n_columns); the result has shape (...) or (..., n_outputs).

        Raises
        ------
        ParameterError
            If the last axis of ``x`` has another length.
        """
        if x.ndim == 0 or x.shape[-1] != len(self.names):
            got = tuple(x.shape)
            raise ParameterError(f"x must have {len(self.names)} columns, {', '.join(self.names)}, got shape {got}")
        dtype = torch.promote_types(x.dtype, self.constants[0].dtype)
        columns = x.to(dtype).unbind(-1)
        outputs = []
        for tape, constants in zip(self._tapes, self.constants, strict=True):
            value = tape.evaluate(torch, columns, constants.unbind())
            outputs.append(torch.as_tensor(value, dtype=dtype, device=x.device).expand(x.shape[:-1]))
        return outputs[0] if self._flat else torch.stack(outputs, dim=-1)

    def sympy(self) -> tuple[sympy.Expr, ...]:
        """The formulas with the constants as they are now, one for each output."""
        pairs = zip(self._tapes, self.constants, strict=True)
        return tuple(replace_constants(tape.expression, constants.tolist()) for tape, constants in pairs)

    def extra_repr(self) -> str:
        """The formulas, one a line."""
        return "\n".join(to_text(expression) for expression in self.sympy())


def torch_module(
    expressions: Sequence[sympy.Expr],
    variables: Sequence[sympy.Symbol],
    library: Library | None = None,
    *,
    flat: bool | None = None,
    dtype: torch.dtype = torch.float64,
) -> FormulaModule:
    """Make a module of formulas.

    Parameters
    ----------
    expressions : sequence of sympy.Expr
        One for each output.
    variables : sequence of sympy.Symbol
        Column ``i`` is variable ``i``.
    library : Library, optional
        Where functions beyond the default ones are looked up.
    flat : bool, optional
        Whether a single output has no axis of its own; by default it has none.
    dtype : torch.dtype
        Of the constants; ``module.float()`` halves the precision later.

    Examples
    --------
    >>> t = sympy.Symbol("t", real=True)
    >>> module = torch_module([2.5 * sympy.exp(-0.5 * t)], [t])
    >>> module(torch.zeros(2, 1, dtype=torch.float64))
    tensor([2.5000, 2.5000], dtype=torch.float64, grad_fn=<ExpandBackward0>)
    >>> module.constants[0].tolist()
    [2.5, -0.5]
    """
    return FormulaModule(expressions, variables, library, len(expressions) == 1 if flat is None else flat, dtype)
