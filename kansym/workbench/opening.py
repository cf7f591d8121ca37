"""A workbench for a fitted model: which network, which rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from kansym import parameters, validation
from kansym.discovery.networks import build_network
from kansym.errors import DataError, ParameterError
from kansym.network import KAN, join
from kansym.symbolic.rows import Rows
from kansym.workbench.bench import Workbench
from kansym.workbench.data import checked_rows

if TYPE_CHECKING:
    from kansym.regressor import KANRegressor

__all__ = ["open_workbench"]

STATIONS = ("pruned_network", "network", "symbolic_network")


def open_workbench(
    model: KANRegressor, X: Any, y: Any, sample_weight: Any, output: int | str | None, station: str
) -> Workbench:
    """Start a workbench, see :meth:`kansym.KANRegressor.workbench`."""
    parameters.check_choice("station", station, STATIONS)
    place = _place(output, model.output_names_)
    rows = _rows(model, X, y, sample_weight, place)
    discovery = model.discoveries_[place]
    network: KAN | None = getattr(discovery, station)
    origin = f"{station}_ of the model"
    relevant = discovery.relevant
    if network is None:
        relevant = relevant or tuple(range(rows.n_variables))
        network = _trained(model, rows.select(relevant), station)
        origin = "trained for the workbench: the search ended before it had a network"
    network = join([network], [relevant], rows.n_variables)
    return Workbench(network.copy().double(), rows, model.output_names_[place], model._library(), origin=origin)


def _place(output: int | str | None, names: tuple[str, ...]) -> int:
    if output is None and len(names) == 1:
        return 0
    if isinstance(output, str) and output in names:
        return names.index(output)
    if isinstance(output, (int, np.integer)) and not isinstance(output, bool) and 0 <= output < len(names):
        return int(output)
    known = ", ".join(map(repr, names))
    raise ParameterError(f"output must be one of {known} or its position, got {output!r}; a workbench has one target")


def _rows(model: KANRegressor, X: Any, y: Any, sample_weight: Any, place: int) -> Rows:
    if (X is None) != (y is None):
        raise ParameterError("X and y must be given both or neither, got one of them")
    if X is not None:
        columns = model._checked(X)
        target = y if np.ndim(y) < 2 else (y.iloc[:, place] if hasattr(y, "iloc") else np.asarray(y)[:, place])
        return checked_rows(columns, target, sample_weight, model.variables_)
    kept: tuple[Rows, ...] | None = getattr(model, "_kept_rows", None)
    if kept is None:
        raise ParameterError("X and y must be given: the model was read from a file, and files hold no rows")
    if kept[place].is_constant:
        raise DataError("y must vary for a workbench, got a constant: there is nothing to explain")
    return kept[place]


def _trained(model: KANRegressor, rows: Rows, station: str) -> KAN:
    (seed,) = validation.seeds(model.random_state, 1)
    with threadpool_limits(limits=1):
        stations = build_network(rows, model._settings().network, seed, lambda: False)
    return stations.network if station == "network" else stations.pruned
