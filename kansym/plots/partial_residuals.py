"""What the data say of one edge: its curve, corrected row by row by what the network leaves unexplained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kansym.network import KAN, EdgeIndex

__all__ = ["partial_residuals"]

_LEAST_INFLUENCE = 0.1


def partial_residuals(
    network: KAN, index: EdgeIndex, rows: Tensor, target: Tensor
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return inputs of an edge and the values it should have had there, both of shape (n_kept,).

    The value is that of the edge plus the step in it that, to first order, takes the outputs nearest to the target. In
    a network without hidden layer this is the partial residual of an additive model, its sum exact. Rows are left out
    where the outputs hardly know the edge: where their slope in it is below a tenth of its root mean square.

    Parameters
    ----------
    network : KAN
    index : tuple of int
        ``(layer, output, input)``.
    rows : Tensor of shape (n, n_in)
    target : Tensor of shape (n, n_out)

    References
    ----------
    W. A. Larsen, S. J. McCleary, *The use of partial residual plots in regression analysis*, Technometrics 14 (1972)
    781; T. Hastie, R. Tibshirani, *Generalized Additive Models* (1990), section 6.3, for the step where a link follows.

    Examples
    --------
    >>> from kansym.network import KAN
    >>> rows = torch.rand(9, 2, dtype=torch.float64)
    >>> network, target = KAN((2, 1), dtype=torch.float64), rows.sum(dim=1, keepdim=True)
    >>> _, values = partial_residuals(network, (0, 0, 1), rows, target)
    >>> bool(torch.allclose(torch.from_numpy(values), (target - network.prune_edge((0, 0, 1)).evaluate(rows))[:, 0]))
    True
    """
    number, output, source = index
    nodes = network.node_values(rows)
    layer, z = network.layer(number), nodes[number]
    with torch.no_grad():
        slope = torch.diag(network.output_scale).expand(len(rows), -1, -1)
        for later in reversed(range(number + 1, len(nodes))):
            slope = slope @ network.layer(later).input_jacobian(nodes[later])
        influence = slope[:, :, output]
        factors = layer.edge_factors(layer.features(z), z)
        if factors is not None:
            influence = influence * factors[:, output, source, None]
        information = (influence**2).sum(dim=1)
        step = (influence * (target - network.evaluate(rows))).sum(dim=1) / information
        values = layer.edge_values(z)[:, output, source] + step
        kept = torch.isfinite(values) & (information >= _LEAST_INFLUENCE**2 * information.nanmean())
    return z[kept, source].double().numpy(), values[kept].double().numpy()
