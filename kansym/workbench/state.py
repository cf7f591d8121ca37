"""What a workbench holds and shows: a network on its rows, the way it went, its edges, formula and script."""

from __future__ import annotations

import operator
import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from kansym import validation
from kansym.display import explained_text
from kansym.errors import DataError, ParameterError
from kansym.library import Library, default_library
from kansym.network import KAN, EdgeIndex
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.expression import network_expressions
from kansym.symbolic.front import Formula
from kansym.symbolic.normal_form import normal_form
from kansym.symbolic.polishing import polish
from kansym.symbolic.printing import to_text
from kansym.symbolic.rounding import digits_needed
from kansym.symbolic.rows import Rows
from kansym.workbench import tables
from kansym.workbench.candidates import Candidate, candidates
from kansym.workbench.steps import Step, write_script

if TYPE_CHECKING:
    import pandas as pd
    import sympy
    from numpy.typing import ArrayLike, NDArray

    from kansym.workbench.bench import Workbench

__all__ = ["BenchState"]


@dataclass(frozen=True, eq=False, repr=False)
class BenchState:
    """A network on its rows, and the states it came from; :class:`kansym.workbench.Workbench` adds the actions.

    Attributes
    ----------
    network : KAN
        With one output, in float64. As long as edges are splines, this is the model.
    rows : Rows
        What the model is judged and refitted on.
    target : str
        The target's name.
    library : Library
        Functions that an edge may become.
    locked : frozenset of (layer, output, input)
        Edges that no action changes.
    step : Step or None
        What led here; None at the start.
    former : Workbench or None
        Where it led from.
    origin : str
        Where the network at the start came from.
    """

    network: KAN
    rows: Rows
    target: str = "y"
    library: Library = field(default_factory=default_library)
    locked: frozenset[EdgeIndex] = frozenset()
    step: Step | None = None
    former: Workbench | None = None
    origin: str = "the network given"

    @cached_property
    def loss(self) -> float:
        """Weighted mean squared error on the rows, in y units squared; infinite where the model is not defined."""
        return self.rows.loss(self._evaluate(self.rows.columns))

    @property
    def r2(self) -> float:
        """Share of the variance on the rows that the model explains.

        Examples
        --------
        >>> from kansym.workbench import Workbench
        >>> x = np.linspace(0.1, 3, 50)[:, None]
        >>> bench = Workbench.from_network(KAN((1, 1)), x, np.sqrt(x[:, 0])).refit()
        >>> bench.r2 > 0.99
        True
        """
        return 1.0 - self.loss / self.rows.variance

    @property
    def splines(self) -> tuple[EdgeIndex, ...]:
        """Edges that no function is named for yet.

        Examples
        --------
        >>> from kansym.workbench import Workbench
        >>> x = np.linspace(0.1, 3, 50)[:, None]
        >>> bench = Workbench.from_network(KAN((1, 1)), x, np.sqrt(x[:, 0])).refit()
        >>> bench.splines, bench.snap((0, 0, 0), "sqrt").splines
        (((0, 0, 0),), ())
        """
        return tuple(edge for edge in self.network.edges() if self.network.edge_state(edge).kind == "spline")

    @property
    def history(self) -> tuple[Step, ...]:
        """All steps from the start, the first one first.

        Examples
        --------
        >>> from kansym.workbench import Workbench
        >>> x = np.linspace(0.1, 3, 50)[:, None]
        >>> bench = Workbench.from_network(KAN((1, 1)), x, np.sqrt(x[:, 0])).refit()
        >>> [str(step) for step in bench.snap((0, 0, 0), "sqrt").history]
        ['refit()', "snap((0, 0, 0), 'sqrt')"]
        """
        return tuple(bench.step for bench in self._past if bench.step is not None)

    @property
    def _past(self) -> tuple[BenchState, ...]:
        """All states from the start to this one."""
        states: list[BenchState] = []
        bench: BenchState | None = self
        while bench is not None:
            states.append(bench)
            bench = bench.former
        return tuple(reversed(states))

    def edges(self) -> pd.DataFrame:
        """List the edges: what they join and are, their share of the variance, the best candidate for each spline.

        Returns
        -------
        DataFrame
            One row for each edge that is not pruned: ``edge``, ``from``, ``to``, ``kind`` (spline, symbolic), what it
            computes of the node it reads (``function``, in standardised units), ``share`` of the output's variance,
            ``locked``, and for splines the ``candidate`` of the shortest description, how well it fits the edge's curve
            (``curve_r2``) and the R² of the whole model with it in place (``model_r2``).

        Examples
        --------
        >>> from kansym.workbench import Workbench
        >>> x = np.linspace(0.1, 1, 50)[:, None]
        >>> bench = Workbench.from_network(KAN((1, 1)), x, np.exp(x[:, 0])).refit()
        >>> bench.edges()[["edge", "from", "to", "kind", "candidate"]].iloc[0].to_list()
        [(0, 0, 0), 'x0', 'y', 'spline', 'exp']
        """
        return tables.edge_table(self, {edge: self._candidates(edge) for edge in self.splines})

    def suggest(self, edge: EdgeIndex, count: int = 5) -> pd.DataFrame:
        """Rank functions for an edge, each tried in place with a short refit of the whole model.

        Parameters
        ----------
        edge : (layer, output, input)
            A spline, or a symbolic edge that is to be something else.
        count : int
            How many of the functions that fit the edge's curve are tried.

        Returns
        -------
        DataFrame
            One row for each: ``function``; ``curve_r2`` on the edge alone; ``model_r2``, ``unexplained`` (one minus it)
            and ``loss`` of the whole model; ``bits``, the length of model and data together, by which they are ranked.
            Empty if no function of the library explains half of the curve.

        Examples
        --------
        >>> from kansym.workbench import Workbench
        >>> x = np.linspace(0.1, 3, 50)[:, None]
        >>> bench = Workbench.from_network(KAN((1, 1)), x, np.sqrt(x[:, 0])).refit()
        >>> bench.suggest((0, 0, 0))["function"].iloc[0]
        'sqrt'
        """
        edge = self._edge(edge)
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
            raise ParameterError(f"count must be an integer >= 1, got {count!r}")
        return tables.candidate_table(self._candidates(edge, int(count)))

    def formula(self, rounded: bool = False) -> sympy.Expr:
        """Return the formula that the network computes, in the user's variables and units.

        Parameters
        ----------
        rounded : bool
            Fit the constants of the formula once more and make them exact where that shortens the description:
            ``3.14159`` becomes ``pi``. Without it, the formula predicts what the network does, to rounding.

        Returns
        -------
        sympy.Expr
            A spline that is left stands as an unknown function ``f_layer_output_input``.

        Raises
        ------
        ParameterError
            If constants are to be rounded while an edge is a spline.

        Examples
        --------
        >>> from kansym.workbench import Workbench
        >>> x = np.linspace(0.1, 3, 50)[:, None]
        >>> Workbench.from_network(KAN((1, 1)), x, x[:, 0] ** 2).formula().func
        f_0_0_0
        """
        return self._rounded.expression if rounded else self._expression

    @cached_property
    def _expression(self) -> Any:
        return normal_form(network_expressions(self.network, self.rows.variables, name_splines=True)[0])

    @cached_property
    def _rounded(self) -> Formula:
        if self.splines:
            edges = ", ".join(map(str, self.splines))
            raise ParameterError(f"every edge must be a function first, but {edges} are splines; snap or prune them")
        fit = polish(self._expression, self.rows, library=self.library)
        if fit is None:
            raise ParameterError("the formula must be defined on every row to be rounded, but it is not")
        digits = digits_needed(fit.expression, fit.loss, self.rows, library=self.library)
        return replace(Formula.from_fit(fit, self.rows.variance, "workbench"), digits=digits)

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Evaluate the formula; as long as edges are splines, the network.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_inputs)

        Returns
        -------
        ndarray of shape (n_rows,)
            NaN where the formula is not defined, with a :class:`kansym.errors.FitWarning`.

        Examples
        --------
        >>> from kansym.workbench import Workbench
        >>> x = np.linspace(0.1, 3, 50)[:, None]
        >>> bench = Workbench.from_network(KAN((1, 1)), x, np.sqrt(x[:, 0])).refit()
        >>> bench.snap((0, 0, 0), "sqrt").refit().predict([[9.0]]).round(6)
        array([3.])
        """
        validation.check_table(X, "X")
        columns = np.asarray(X, dtype=float)
        if columns.ndim != 2 or columns.shape[1] != self.rows.n_variables:
            raise DataError(f"X must be a table of {self.rows.n_variables} columns, got shape {columns.shape}")
        if self.splines:
            return self._evaluate(columns)
        predicted = compile_expression(self._expression, self.rows.variables, self.library)(columns)
        validation.warn_if_undefined([predicted])
        return predicted

    def data(self) -> pd.DataFrame:
        """Return the rows as a table: variables, target, and ``sample_weight`` unless all weigh the same.

        Examples
        --------
        >>> from kansym.workbench import Workbench
        >>> x = np.linspace(0.1, 3, 50)[:, None]
        >>> bench = Workbench.from_network(KAN((1, 1)), x, np.sqrt(x[:, 0])).refit()
        >>> bench.data().columns.to_list()
        ['x0', 'y']
        """
        return tables.data_table(self.rows, self.target)

    def compare(self, *others: BenchState) -> pd.DataFrame:
        """Set workbenches beside each other; without any given, this one and all its former states.

        Returns
        -------
        DataFrame
            One row for each: the last ``step`` and what came of it (``note``), ``splines`` and ``symbolic`` edges,
            ``parameters`` of the network, ``loss``, ``r2`` and ``formula``.

        Examples
        --------
        >>> from kansym.workbench import Workbench
        >>> x = np.linspace(0.1, 3, 50)[:, None]
        >>> bench = Workbench.from_network(KAN((1, 1)), x, np.sqrt(x[:, 0])).refit()
        >>> bench.snap((0, 0, 0), "sqrt").compare()[["step", "splines", "symbolic"]].values.tolist()
        [['start', 1, 0], ['refit()', 1, 0], ["snap((0, 0, 0), 'sqrt')", 0, 1]]
        """
        for other in others:
            if not isinstance(other, BenchState):
                raise ParameterError(f"others must be workbenches, got {other!r:.80}")
        return tables.comparison_table((self, *others) if others else self._past)

    def script(self, data: str | os.PathLike[str] = "rows.csv") -> str:
        """Write a Python script that starts from the same network, takes the same steps and prints the formula.

        Parameters
        ----------
        data : str or path-like
            Path of the table that the script reads: :meth:`data` written by ``to_csv(path, index=False)``, or the
            user's own table of the same rows.

        Returns
        -------
        str
            The network is in the script, number by number; the rows are not.

        Raises
        ------
        ParameterError
            If the library holds functions of the user's own: they are code that the script could not repeat.

        Examples
        --------
        >>> from kansym.workbench import Workbench
        >>> x = np.linspace(0.1, 3, 50)[:, None]
        >>> bench = Workbench.from_network(KAN((1, 1)), x, np.sqrt(x[:, 0])).refit()
        >>> bench.script("rows.csv").splitlines()[-1]
        'print(bench.formula())'
        """
        start = self._past[0]
        return write_script(start.network, start.rows, start.target, start.library, self.history, os.fspath(data))

    # --- showing ----------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        """Say what the network is, how good it is, and what it computes."""
        return f"Workbench of {self._summary()}, {self.target} = {self._text}"

    def _repr_html_(self) -> str:
        """Show the formula, the edges and the steps in a notebook."""
        return tables.bench_html(self, self._summary(), self._text)

    def _summary(self) -> str:
        count = len(self.history)
        splines = len(self.splines)
        symbolic = len(self.network.edges()) - splines
        kinds = [f"{n} {kind} edge{'s' * (n != 1)}" for n, kind in ((splines, "spline"), (symbolic, "symbolic")) if n]
        steps = f"{count} step{'s' * (count != 1)}"
        r2 = explained_text(self.loss / self.rows.variance)
        return f"widths {self.network.widths}, {steps}: {', '.join(kinds)}, R² {r2}"

    @property
    def _text(self) -> str:
        return to_text(self._expression)

    # --- inside -----------------------------------------------------------------------------------------------------

    @cached_property
    def tensors(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Columns (n, n_inputs), target (n, 1) and weights (n,) as float64 tensors."""
        arrays = (self.rows.columns, self.rows.target[:, None], self.rows.weights)
        X, y, weights = (torch.from_numpy(array) for array in arrays)  # the states of a bench share one memory
        return X, y, weights

    @cached_property
    def _tried(self) -> dict[tuple[EdgeIndex, int], tuple[Candidate, ...]]:
        return {}

    def _candidates(self, edge: EdgeIndex, count: int = 5) -> tuple[Candidate, ...]:
        if (edge, count) not in self._tried:
            with threadpool_limits(limits=1):
                found = candidates(self.network, edge, self.rows, self.library, count, self.locked - {edge})
            self._tried[edge, count] = found
        return self._tried[edge, count]

    def _evaluate(self, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.network.evaluate(torch.tensor(columns))[:, 0].numpy()

    def _edge(self, edge: Any, becoming: str | None = None) -> EdgeIndex:
        """Return the edge as integers if it is there and, where it is to be changed, not locked."""
        try:
            layer, output, source = map(operator.index, edge)
            index = (layer, output, source)
            state = self.network.edge_state(index)
        except (TypeError, ValueError):
            raise ParameterError(
                f"edge must be (layer, output, input) of a network of widths {self.network.widths}, got {edge!r}"
            ) from None
        if state.kind == "pruned":
            raise ParameterError(f"edge {index} must not be pruned, but it is: it has no curve; undo() brings it back")
        if becoming and index in self.locked:
            raise ParameterError(f"edge {index} must not be locked to be {becoming}; unlock it first")
        return index
