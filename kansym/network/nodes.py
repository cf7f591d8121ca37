"""What the masks of a layer say, looked up once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Nodes"]


@dataclass(frozen=True)
class Nodes:
    """Whether every edge is a spline, and which nodes multiply.

    Parameters
    ----------
    all_splines : bool
    multiplying : Tensor of shape (m,), integer
        Their places among the outputs.

    Examples
    --------
    >>> Nodes.of(torch.ones(2, 3, dtype=torch.bool), torch.tensor([False, True]))
    Nodes(all_splines=True, multiplying=tensor([1]))
    """

    all_splines: bool
    multiplying: Tensor

    @classmethod
    def of(cls, spline_mask: Tensor, product_mask: Tensor) -> Nodes:
        """Look at the masks; on the meta device there is nothing to see until a state is loaded."""
        if product_mask.is_meta:
            return cls(False, product_mask.new_empty(0, dtype=torch.long))
        return cls(bool(spline_mask.all()), product_mask.nonzero().flatten())
