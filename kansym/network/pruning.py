"""Pruning: which edges carry the output's variance, and backward elimination of those that the data do not need."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from kansym.network.checks import check_callable, check_equal_rows, check_kind, check_number, check_pair, check_rows
from kansym.network.edges import edge_function
from kansym.network.editing import set_kind
from kansym.network.kan import KAN
from kansym.network.objective import Objective
from kansym.network.products import product_of_others
from kansym.network.records import EdgeIndex
from kansym.network.surgery import absorb, active, compacted, reaches_inputs
from kansym.network.training import train

__all__ = ["Attribution", "Elimination", "PruningResult", "attribute", "prune"]

_BATCH_SHARES = (1e-1, 1e-2, 1e-4)
_TRIAL_ITERATIONS = (4, 8, 16)
_ATTRIBUTION_ROWS = 2000
_WORTHWHILE = 0.7


@dataclass(frozen=True)
class Attribution:
    """How much of the outputs' variance each edge and node carries.

    Parameters
    ----------
    edges : tuple of Tensor of shape (out, in)
        One for each layer; the edges of a layer sum to at most the number of outputs.
    nodes : tuple of Tensor of shape (width,)
        One for each layer of nodes, inputs first; every output has 1.

    Examples
    --------
    >>> Attribution((), (torch.ones(1),)).nodes
    (tensor([1.]),)
    """

    edges: tuple[Tensor, ...]
    nodes: tuple[Tensor, ...]


@dataclass(frozen=True)
class PruningResult:
    """The outcome of :func:`prune`.

    Parameters
    ----------
    network : KAN
        The smaller network, without dead nodes.
    removed : tuple of EdgeIndex
        Edges that are gone, as ``(layer, output, input)`` of the network given.
    loss_before, loss_after : float
        Mean squared error on the validation rows, in y units squared.
    reason : str
        Why pruning ended.

    Examples
    --------
    >>> PruningResult(KAN((1, 1)), (), 0.1, 0.1, "stopped on request").removed
    ()
    """

    network: KAN
    removed: tuple[EdgeIndex, ...]
    loss_before: float
    loss_after: float
    reason: str


def attribute(network: KAN, X: Tensor) -> Attribution:
    """Share of the outputs' variance that each edge and node carries on rows ``X``.

    An edge's part in its node is the mean square of what the node loses when the edge is replaced by its mean: the
    variance of its curve in a sum, the variance of the factor times the other factors in a product. The parts of a
    node's edges are scaled to sum to the node's own share, which is passed back from the outputs, each of which has 1.

    Parameters
    ----------
    network : KAN
        The network.
    X : Tensor of shape (n, n_in)
        Rows, of which at most a few thousand are used.

    Returns
    -------
    Attribution

    References
    ----------
    Z. Liu et al., *KAN 2.0*, arXiv:2408.10205, section 4.1, of which this is the form with variances.

    Examples
    --------
    >>> attribute(KAN((2, 1)).prune_edge((0, 0, 1)), torch.rand(9, 2)).edges[0].detach()
    tensor([[1., 0.]])
    """
    rows = check_rows("X", X, check_kind("network", network, KAN).widths[0])
    nodes = network.node_values(rows[:: max(1, len(rows) // _ATTRIBUTION_ROWS)])
    share = torch.ones_like(network.output_scale)
    shares, edges = [share], []
    with torch.no_grad():
        for number in reversed(range(len(nodes))):
            layer = network.layer(number)
            values = layer.edge_values(nodes[number])
            lost = values - values.mean(0)
            products = layer.product_mask
            lost[:, products] = lost[:, products] * product_of_others(values[:, products])
            part = torch.nan_to_num(lost.square().mean(0)) * active(layer)
            part = part / part.sum(1, keepdim=True).clamp(min=torch.finfo(part.dtype).tiny)
            edges.insert(0, part * share.unsqueeze(-1))
            share = edges[0].sum(0)
            shares.insert(0, share)
    return Attribution(tuple(edges), tuple(shares))


def prune(
    network: KAN,
    X: Tensor,
    y: Tensor,
    *,
    sample_weight: Tensor | None = None,
    validation: tuple[Tensor, Tensor] | None = None,
    tolerance: float = 0.05,
    floor: float = 1e-6,
    smoothing: float = 1e-10,
    should_stop: Callable[[], bool] | None = None,
) -> PruningResult:
    """Remove, one after another, what the data do not need; return the smaller network.

    Backward elimination: edges of small attribution all at once, then the least attributed node or edge alone. What is
    removed is replaced by its mean, the rest is refitted by a few iterations, and the removal stays if the loss on the
    validation rows is at most ``(1 + tolerance)·loss + floor·variance of y``, with the loss before this removal. No
    output loses its last path to an input. Ends when no removal stays, so that pruning again removes nothing.

    Parameters
    ----------
    network : KAN
        A trained network; it is not changed.
    X : Tensor of shape (n, n_in)
        Rows on which it is refitted.
    y : Tensor of shape (n, n_out)
        Targets.
    sample_weight : Tensor of shape (n,), optional
        Weights of the rows in the refits.
    validation : tuple of Tensor, optional
        ``(X, y)`` on which removals are judged; by default the training rows.
    tolerance : float
        Share by which one removal may raise the loss.
    floor : float
        Rise of the loss, in variances of y, that is never held against a removal: losses of splines on noise-free
        targets are of this size and mean nothing.
    smoothing : float
        As in :func:`train`.
    should_stop : callable, optional
        Asked before each trial and inside it; True ends the pruning with what was reached.

    Returns
    -------
    PruningResult

    Raises
    ------
    DataError, ParameterError
        As :func:`train`.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> x = torch.rand(300, 2, generator=generator)
    >>> trained = train(KAN((2, 1), generator=generator), x, x[:, :1] ** 2).network
    >>> prune(trained, x, x[:, :1] ** 2).removed
    ((0, 0, 1),)
    """
    check_number("tolerance", tolerance, 0.0, float("inf"))
    check_number("floor", floor, 0.0, float("inf"))
    check_callable("should_stop", should_stop)
    widths = check_kind("network", network, KAN).widths
    X, y = check_rows("X", X, widths[0]), check_rows("y", y, widths[-1])
    check_equal_rows("X and y", X, y)
    judged_X, judged_y = (X, y) if validation is None else check_pair("validation", validation)
    judged_X = check_rows("X of validation", judged_X, widths[0])
    judged_y = check_rows("y of validation", judged_y, widths[-1])
    judged = Objective.of(judged_X.double(), judged_y.double(), None)
    refit = _Refit(X, y, sample_weight, judged, smoothing, should_stop)
    slack = floor * judged.scale
    trials = Elimination(X, refit, lambda loss: (1.0 + tolerance) * loss + slack, should_stop)
    dtype = network.layer(0).coef.dtype
    current, names = compacted(network.copy().double())
    before = loss = judged.loss(current)
    while (accepted := trials.first_accepted(current, loss)) is not None:
        current, kept, loss = accepted
        names = [[old[j] for j in of_layer] for old, of_layer in zip(names, kept, strict=True)]
    left = {(layer, names[layer + 1][output], names[layer][source]) for layer, output, source in current.edges()}
    removed = tuple(index for index in network.edges() if index not in left)
    reason = "stopped on request" if trials.stopped() else "converged: every further removal raises the loss"
    return PruningResult(current.to(dtype), removed, before, loss, reason)


@dataclass(frozen=True)
class Elimination:
    """Removals tried on a network, and the rule by which they stay.

    Parameters
    ----------
    X : Tensor of shape (n, n_in)
        Rows on which edges are attributed.
    refit : callable
        From a smaller network and the loss that it must not exceed to the network fitted anew and its loss.
    limit : callable
        From the loss before a removal to the largest one after it.
    should_stop : callable, optional
        Asked before each trial.
    """

    X: Tensor
    refit: Callable[[KAN, float], tuple[KAN, float]]
    limit: Callable[[float], float]
    should_stop: Callable[[], bool] | None = None

    def stopped(self) -> bool:
        """Whether it was asked to stop."""
        return self.should_stop is not None and self.should_stop()

    def first_accepted(self, network: KAN, loss: float) -> tuple[KAN, list[list[int]], float] | None:
        """Return the network, the nodes left and the loss after the first removal that stays; None if none does."""
        limit = self.limit(loss)
        for batch in _removals(network, attribute(network, self.X)):
            if self.stopped():
                return None
            smaller = without_edges(network, batch, self.X)
            if not bool(reaches_inputs(smaller)[reaches_inputs(network)].all()):
                continue
            smaller, kept = compacted(smaller)
            refitted, refitted_loss = self.refit(smaller, limit)
            if refitted_loss <= limit:
                return refitted, kept, refitted_loss
        return None


@dataclass(frozen=True)
class _Refit:
    """Least squares on rows, judged on others."""

    X: Tensor
    y: Tensor
    sample_weight: Tensor | None
    judged: Objective
    smoothing: float
    should_stop: Callable[[], bool] | None

    def __call__(self, network: KAN, limit: float) -> tuple[KAN, float]:
        """Refit until the loss is within the limit or hardly falls any more."""
        loss = self.judged.loss(network)
        for iterations in _TRIAL_ITERATIONS:
            network = train(
                network,
                self.X,
                self.y,
                sample_weight=self.sample_weight,
                validation=(self.judged.x, self.judged.y),
                max_iterations=iterations,
                tolerance=1e-3,
                smoothing=self.smoothing,
                should_stop=self.should_stop,
            ).network
            previous, loss = loss, self.judged.loss(network)
            if loss <= limit or not loss < _WORTHWHILE * previous:
                break
        return network, loss


def _removals(network: KAN, attribution: Attribution) -> Iterator[list[EdgeIndex]]:
    """Yield sets of edges worth trying to remove: all small ones at once, then every hidden node, then every edge."""
    edges = sorted(network.edges(), key=lambda index: float(attribution.edges[index[0]][index[1:]]))
    size = len(edges)
    for share in _BATCH_SHARES:
        small = [index for index in edges if float(attribution.edges[index[0]][index[1:]]) < share]
        if 1 < len(small) < size:
            size = len(small)
            yield small
    hidden = [(layer, node) for layer, width in enumerate(network.widths[1:-1], start=1) for node in range(width)]
    for layer, node in sorted(hidden, key=lambda at: float(attribution.nodes[at[0]][at[1]])):
        yield [index for index in edges if index[0] == layer and index[2] == node]
    yield from ([index] for index in edges)


def without_edges(network: KAN, edges: Collection[EdgeIndex], X: Tensor) -> KAN:
    """Return a copy without some edges, each replaced by its mean over rows ``X`` where another edge can take it."""
    nodes = network.node_values(X[:: max(1, len(X) // _ATTRIBUTION_ROWS)])
    result = network.copy()
    removed = set(edges)
    for layer_number, output, source in edges:
        layer = result.layer(layer_number)
        others = active(layer)[output].nonzero().flatten().tolist()
        staying = [other for other in others if (layer_number, output, other) not in removed]
        mean = edge_function(layer, output, source, nodes[layer_number][:, source]).mean()
        if bool(torch.isfinite(mean)):
            any(absorb(layer, (output, other), mean) for other in staying)
        set_kind(layer, (output, source), "pruned")
    return result
