"""Training: from a network and rows to a better network, with its history and the reason why it ended."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from kansym.errors import ParameterError
from kansym.network import first_order, growing_sample, levenberg_marquardt
from kansym.network.checks import (
    check_choice,
    check_integer,
    check_kind,
    check_kinds,
    check_number,
    check_pair,
    check_table,
    check_tuple,
)
from kansym.network.edges import check_edge
from kansym.network.history import History, TrainingResult
from kansym.network.kan import KAN
from kansym.network.layer import KANLayer
from kansym.network.objective import Objective
from kansym.network.records import EdgeIndex
from kansym.network.restarts import minimise_together
from kansym.network.stopping import stopping

__all__ = ["train", "train_restarts"]

METHODS = ("levenberg-marquardt", "gauss-newton", "growing-sample", "lbfgs", "adam")
_WITH_JACOBIAN = METHODS[:3]


def train(
    network: KAN,
    X: Tensor,
    y: Tensor,
    *,
    sample_weight: Tensor | None = None,
    method: str = "levenberg-marquardt",
    max_iterations: int = 100,
    sparsity: float = 0.0,
    smoothing: float = 1e-10,
    validation: tuple[Tensor, Tensor] | None = None,
    tolerance: float = 1e-6,
    fixed: Collection[EdgeIndex] = (),
    time_limit: float | None = None,
    should_stop: Callable[[], bool] | None = None,
    generator: torch.Generator | None = None,
) -> TrainingResult:
    """Fit a network to rows by least squares and return the fitted copy.

    Parameters
    ----------
    network : KAN
        Where to start; it is not changed.
    X : Tensor of shape (n, n_in)
        Inputs, in the user's units; rows are moved to the device of the network.
    y : Tensor of shape (n, n_out)
        Targets.
    sample_weight : Tensor of shape (n,), optional
        Non-negative weights of the rows, of any sum.
    method : {"levenberg-marquardt", "gauss-newton", "growing-sample", "lbfgs", "adam"}
        Levenberg-Marquardt computes in float64 whatever the network's type, on all rows or, for many rows, on a random
        sample that grows as far as it must. "gauss-newton" takes the same steps without damping and halves those that
        do not help: where the output is linear in the numbers one step is the answer, elsewhere damping is the safer.
        "adam" draws minibatches of 1024 rows. The first three need a device that has float64, which mps does not.
    max_iterations : int
        Accepted steps, >= 0; for "adam" passes over the rows.
    sparsity : float
        Weight of the group penalty ``Σ RMS(edge curve − its mean)`` over spline edges, relative to the variance of y.
    smoothing : float
        Weight of the squared second differences of spline coefficients, relative to the variance of y.
    validation : tuple of Tensor, optional
        ``(X, y)`` by which the best state is chosen; training ends 25 iterations after it.
    tolerance : float
        Levenberg-Marquardt ends when three steps in a row decrease the objective by less than this share.
    fixed : collection of EdgeIndex
        Edges whose numbers stay as they are; for Levenberg-Marquardt and Gauss-Newton only. Parameters that require no
        gradient stay as they are, too, whatever the method; edits that make layers anew, such as
        ``without_dead_nodes``, give free ones.
    time_limit : float, optional
        Seconds of wall clock; what is then the best state is returned.
    should_stop : callable, optional
        Asked in every iteration; True ends the training, too.
    generator : torch.Generator, optional
        Order of the rows of "growing-sample" and "adam".

    Returns
    -------
    TrainingResult
        With the same dtype and device as ``network``.

    Raises
    ------
    DataError
        If shapes disagree with the network or an entry is not finite.
    ParameterError
        If a number or the method is not as stated.

    References
    ----------
    K. Levenberg, Q. Appl. Math. 2 (1944) 164; D. W. Marquardt, J. SIAM 11 (1963) 431; J. J. Moré, *The
    Levenberg-Marquardt algorithm*, 1978.

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 200).unsqueeze(-1)
    >>> result = train(KAN((1, 1)), x, torch.sin(3 * x))
    >>> result.loss < 1e-5
    True
    """
    check_kind("network", network, KAN)
    ending = stopping(should_stop, time_limit)
    check_choice("method", method, METHODS)
    check_integer("max_iterations", max_iterations, 0)
    check_number("tolerance", tolerance, 0.0, 1.0)
    check_number("sparsity", sparsity, 0.0, math.inf)
    check_number("smoothing", smoothing, 0.0, math.inf)
    fixed = [check_edge(network, index) for index in check_tuple("fixed", fixed, "a collection of edges")]
    if fixed and method not in ("levenberg-marquardt", "gauss-newton"):
        methods = "'levenberg-marquardt' or 'gauss-newton'"
        raise ParameterError(f"fixed edges must be trained around by {methods}, got method={method!r}")
    dtype = network.layer(0).coef.dtype
    double = method in _WITH_JACOBIAN
    if double and any(_is_half_frozen(network.layer(number)) for number in range(len(network.layers))):
        halves = "coef and base_weight of a layer must both require a gradient or neither"
        raise ParameterError(f"{halves} for method={method!r}, got one of each; 'lbfgs' or 'adam' trains such a layer")
    if double and network.input_shift.device.type == "mps":
        raise ParameterError(f"method must be 'lbfgs' or 'adam' on an mps device, which has no float64, got {method!r}")
    computing = torch.float64 if double else dtype
    objective = _objective(network, X, y, sample_weight, computing, sparsity, smoothing)
    checked = _validation(network, validation, computing)
    working = copy.deepcopy(network).to(computing)
    watch = _Watch(working, checked, max_iterations, ending)
    damped = method != "gauss-newton"
    descents: dict[str, Callable[[], str]] = {
        "growing-sample": lambda: growing_sample.minimise_growing(
            working, objective, tolerance, watch, ending, generator
        ),
        "lbfgs": lambda: first_order.minimise_lbfgs(working, objective, tolerance, watch),
        "adam": lambda: first_order.minimise_adam(working, objective, watch, generator, ending),
    }
    minimise = levenberg_marquardt.minimise
    by_jacobian = partial(minimise, working, objective, tolerance, watch, ending, fixed, damped)
    reason = watch(objective.loss(working)) or descents.get(method, by_jacobian)()
    best = watch.best()
    loss = objective.loss(best)
    return TrainingResult(best.to(dtype), loss, tuple(watch.history.steps), reason)


def _is_half_frozen(layer: KANLayer) -> bool:
    return layer.base_function != "none" and layer.coef.requires_grad != layer.base_weight.requires_grad


def train_restarts(
    networks: Sequence[KAN],
    X: Tensor,
    y: Tensor,
    *,
    sample_weight: Tensor | None = None,
    method: str = "levenberg-marquardt",
    max_iterations: int = 100,
    smoothing: float = 1e-10,
    validation: tuple[Tensor, Tensor] | None = None,
    tolerance: float = 1e-6,
    time_limit: float | None = None,
    should_stop: Callable[[], bool] | None = None,
    anchored: bool = False,
) -> tuple[TrainingResult, ...]:
    """Train several starts of one topology at once, as :func:`train` would each of them.

    Small networks cost more in calls than in arithmetic: of a few hundred numbers, many take little longer than one.

    Parameters
    ----------
    networks : sequence of KAN
        Equal widths, bases, product nodes and pruned edges, no symbolic edges, all their parameters free; they are not
        changed.
    method : {"levenberg-marquardt", "gauss-newton"}
        See :func:`train`.
    X, y, sample_weight, max_iterations, smoothing, validation, tolerance, time_limit, should_stop
        As in :func:`train`; all starts see the same rows.
    anchored : bool
        Apply the smoothing to what is added to the curves of the starts, not to the curves: where no row speaks they
        stay as they are, instead of becoming straight.

    Returns
    -------
    tuple of TrainingResult
        One for each start, in order.

    Raises
    ------
    ParameterError
        If the topologies differ, or a number is not as stated.
    DataError
        If shapes disagree with the networks or an entry is not finite.

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 200).unsqueeze(-1)
    >>> starts = [KAN((1, 2, 1), generator=torch.Generator().manual_seed(seed)) for seed in range(3)]
    >>> min(result.loss for result in train_restarts(starts, x, torch.sin(3 * x))) < 1e-5
    True
    """
    networks = check_kinds("networks", networks, KAN)
    ending = stopping(should_stop, time_limit)
    check_choice("method", method, ("levenberg-marquardt", "gauss-newton"))
    if any(_has_frozen(network.layer(number)) for network in networks for number in range(len(network.layers))):
        raise ParameterError("parameters of networks trained together must require gradients, got some that do not")
    check_integer("max_iterations", max_iterations, 0)
    check_number("tolerance", tolerance, 0.0, 1.0)
    check_number("smoothing", smoothing, 0.0, math.inf)
    dtypes = [network.layer(0).coef.dtype for network in networks]
    working = [copy.deepcopy(network).to(torch.float64) for network in networks]
    objective = _objective(working[0], X, y, sample_weight, torch.float64, smoothing=smoothing)
    checked = _validation(working[0], validation, torch.float64)
    damped = method == "levenberg-marquardt"
    results = minimise_together(working, objective, checked, tolerance, max_iterations, ending, anchored, damped)
    pairs = zip(results, dtypes, strict=True)
    return tuple(replace(result, network=result.network.to(dtype)) for result, dtype in pairs)


def _has_frozen(layer: KANLayer) -> bool:
    return not layer.coef.requires_grad or (layer.base_function != "none" and not layer.base_weight.requires_grad)


def _objective(
    network: KAN,
    X: Tensor,
    y: Tensor,
    sample_weight: Tensor | None,
    dtype: torch.dtype,
    sparsity: float = 0.0,
    smoothing: float = 0.0,
) -> Objective:
    """Rows as an objective of the computing type, their columns checked against the network."""
    check_table("X", X, network.widths[0])
    check_table("y", y, network.widths[-1])
    device = network.input_shift.device
    return Objective.of(X.to(device, dtype), y.to(device, dtype), sample_weight, sparsity, smoothing)


def _validation(network: KAN, pair: tuple[Tensor, Tensor] | None, dtype: torch.dtype) -> Objective | None:
    if pair is None:
        return None
    X, y = check_pair("validation", pair)
    return _objective(network, check_table("X of validation", X, network.widths[0]), y, None, dtype)


class _Watch:
    """Keeps the history and the best state, and says when to end."""

    def __init__(
        self, network: KAN, validation: Objective | None, max_iterations: int, should_stop: Callable[[], bool]
    ) -> None:
        self.network, self.validation, self.should_stop = network, validation, should_stop
        self.history = History(max_iterations)
        self.best_state = copy.deepcopy(network.state_dict())

    def __call__(self, loss: float, damping: float | None = None) -> str | None:
        judged = None if self.validation is None else self.validation.loss(self.network)
        if self.history.add(loss, judged, damping) and judged is not None:
            self.best_state = copy.deepcopy(self.network.state_dict())
        return "stopped on request" if self.should_stop() else self.history.ending()

    def best(self) -> KAN:
        """Return the network in its best state."""
        if self.validation is not None:
            self.network.load_state_dict(self.best_state)
        return self.network
