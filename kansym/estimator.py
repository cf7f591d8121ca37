"""What regressor and classifier share: a fitted front of formulas behind scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils.validation import check_is_fitted

from kansym import parameters, validation
from kansym.discovery import NetworkSettings, SearchSettings
from kansym.formulas import FormulaMixin
from kansym.inspection import InspectionMixin
from kansym.library import Library, default_library
from kansym.network import check_device, join
from kansym.symbolic.front import select
from kansym.symbolic.showing import formulas_html
from kansym.tabulation import front_table

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import ArrayLike, NDArray
    from sympy import Symbol
    from typing_extensions import Self

    from kansym.discovery import Discovery
    from kansym.network import KAN
    from kansym.symbolic.front import Formula, ParetoFront

__all__ = ["FormulaEstimator"]


class FormulaEstimator(InspectionMixin, FormulaMixin, BaseEstimator):
    """Base of the estimators: parameters of a search, and the fronts of formulas that it leaves, one for each output.

    Attributes are documented with :class:`kansym.KANRegressor` and :class:`kansym.KANClassifier`.
    """

    hidden_widths: str | Sequence[int]
    basis: str
    grid_size: int
    spline_order: int
    library: Library | Sequence[str] | None
    max_complexity: int
    model_selection: str
    time_limit: float | None
    max_steps: int | None
    n_jobs: int | None
    device: str
    random_state: int | np.random.RandomState | None
    verbose: int

    fronts_: tuple[ParetoFront, ...]
    discoveries_: tuple[Discovery, ...]
    network_: KAN | None
    pruned_network_: KAN | None
    symbolic_network_: KAN | None
    variables_: tuple[Symbol, ...]
    n_features_in_: int
    feature_names_in_: NDArray[Any]
    _low: NDArray[np.float64]
    _high: NDArray[np.float64]

    @property
    def equations_(self) -> Any:
        """The front as a DataFrame, one row for each formula; a list of them for several outputs.

        Examples
        --------
        >>> from kansym import KANRegressor
        >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [2.1, 3.9, 6.1, 7.9]
        >>> model = KANRegressor(max_steps=30, random_state=0).fit(X, y)
        >>> model.equations_[["complexity", "equation"]].values.tolist()
        [[1, '5.0'], [3, '2·x0']]
        """
        validation.require_formulas(self)
        shares = [
            discovery.confidence.shares if discovery.front is front else ()
            for front, discovery in zip(self.fronts_, self.discoveries_, strict=True)
        ]
        tables = [front_table(front, share) for front, share in zip(self.fronts_, shares, strict=True)]
        return tables[0] if len(tables) == 1 else tables

    def get_best(self) -> Any:
        """Return the selected row of ``equations_``; a list of them for several outputs.

        Examples
        --------
        >>> from kansym import KANRegressor
        >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [2.1, 3.9, 6.1, 7.9]
        >>> model = KANRegressor(max_steps=30, random_state=0).fit(X, y)
        >>> model.get_best()["equation"]
        '2·x0'
        """
        tables = self.equations_
        selected = self.selected()
        if isinstance(tables, list):
            return [table.iloc[position] for table, position in zip(tables, selected, strict=True)]
        return tables.iloc[selected[0]]

    def selected(self) -> tuple[int, ...]:
        """Return the position on the front that ``model_selection`` chooses, for each output.

        Examples
        --------
        >>> from kansym import KANRegressor
        >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [2.1, 3.9, 6.1, 7.9]
        >>> model = KANRegressor(max_steps=30, random_state=0).fit(X, y)
        >>> model.selected()
        (1,)
        """
        validation.require_formulas(self)
        return tuple(select(front, self.model_selection) for front in self.fronts_)

    def sympy(self, index: int | Sequence[int] | None = None) -> Any:
        """Return the formula as a sympy expression in real symbols named as the columns; a list for several outputs.

        Examples
        --------
        >>> from kansym import KANRegressor
        >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [2.1, 3.9, 6.1, 7.9]
        >>> model = KANRegressor(max_steps=30, random_state=0).fit(X, y)
        >>> model.sympy(), model.sympy(0)
        (2*x0, 5.00000000000000)
        """
        expressions = [formula.expression for formula in self._formulas(index)]
        return expressions[0] if len(expressions) == 1 else expressions

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted model to a file: a zip of JSON and arrays, see :mod:`kansym.persistence`.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from kansym import KANRegressor
        >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [2.1, 3.9, 6.1, 7.9]
        >>> model = KANRegressor(max_steps=30, random_state=0).fit(X, y)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(pathlib.Path(folder, "line.kansym"))
        ...     KANRegressor.load(pathlib.Path(folder, "line.kansym")).sympy()
        2*x0
        """
        from kansym.persistence import save

        save(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a model that :meth:`save` wrote; nothing in the file is executed.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from kansym import KANRegressor
        >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [2.1, 3.9, 6.1, 7.9]
        >>> model = KANRegressor(max_steps=30, random_state=0).fit(X, y)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(pathlib.Path(folder, "line.kansym"))
        ...     KANRegressor.load(pathlib.Path(folder, "line.kansym")).predict([[5.0]])
        array([10.])
        """
        from kansym.persistence import load

        return load(path, cls)

    def _repr_html_inner(self) -> str:
        return super()._repr_html_inner() + self._fronts_html()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        """Show scikit-learn's diagram in a notebook and, once fitted, the front of each target below it."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] += self._fronts_html()
        return bundle

    def _fronts_html(self) -> str:
        if not hasattr(self, "fronts_"):
            return ""
        what = "logit of" if is_classifier(self) else "formulas of"
        fronts = zip(self.output_names_, self.fronts_, self.selected(), strict=True)
        return "".join(
            formulas_html(front, caption=f"{what} {name}", marked=selected) for name, front, selected in fronts
        )

    def _settings(self) -> SearchSettings:
        hidden = parameters.checked_widths(self.hidden_widths)
        parameters.check_choice("basis", self.basis, ("bspline", "rbf", "rswaf", "chebyshev"))
        parameters.check_integer("grid_size", self.grid_size, 1)
        parameters.check_integer("spline_order", self.spline_order, 1)
        parameters.check_integer("max_complexity", self.max_complexity, 1)
        parameters.check_choice("model_selection", self.model_selection, ("best", "accuracy", "simplest"))
        parameters.check_positive("time_limit", self.time_limit)
        if self.max_steps is not None:
            parameters.check_integer("max_steps", self.max_steps, 1)
        parameters.check_jobs(self.n_jobs)
        check_device(self.device)
        parameters.check_integer("verbose", self.verbose, 0)
        network = NetworkSettings(hidden, self.basis, self.grid_size, self.spline_order, self.device)
        return SearchSettings(self._library(), network, self.max_complexity, self.model_selection)

    def _library(self) -> Library:
        if self.library is None:
            return default_library()
        return self.library if isinstance(self.library, Library) else Library(self.library)

    def _keep(self, discoveries: tuple[Discovery, ...]) -> None:
        self.discoveries_ = discoveries
        self.fronts_ = tuple(discovery.front for discovery in discoveries)
        self._join_networks(len(self.variables_))

    def _join_networks(self, n_features: int) -> None:
        relevant = [discovery.relevant for discovery in self.discoveries_]
        for station in ("network", "pruned_network", "symbolic_network"):
            networks: list[KAN | None] = [getattr(discovery, station) for discovery in self.discoveries_]
            there = [network for network in networks if network is not None]
            complete = len(there) == len(networks)
            setattr(self, f"{station}_", join(there, relevant, n_features) if complete else None)

    def _formulas(self, index: int | Sequence[int] | None) -> list[Formula]:
        positions = validation.positions(index, self.selected(), [len(front) for front in self.fronts_])
        return [front[position] for front, position in zip(self.fronts_, positions, strict=True)]

    def _checked(self, X: ArrayLike) -> NDArray[np.float64]:
        check_is_fitted(self, "n_features_in_")
        validation.check_table(X, "X")
        with validation.as_data_error("X must be a table of numbers with the columns of the fit"):
            return np.ascontiguousarray(validation.validated(self, X, dtype=np.float64, reset=False))
