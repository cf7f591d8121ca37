"""Tables of B-splines and of their slopes at many rows, by the quickest way that the knots allow."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from kansym.network.cardinal_splines import CardinalSplines
from kansym.network.power_splines import PowerSplines
from kansym.network.recurrence import Recurrence

__all__ = ["Splines", "spline_tables", "splines_on"]

Splines = CardinalSplines | PowerSplines | Recurrence

# Numbers of a table that each core makes at a time, so that a dozen operations on them run in its caches.
_NUMBERS_PER_BLOCK = 2**18


def splines_on(grid: Tensor, order: int) -> Splines:
    """Return what evaluates the B-splines on knots ``grid`` (in, grid_size + 2·order + 1).

    Examples
    --------
    >>> type(splines_on(torch.arange(8.0).expand(2, -1), order=2)).__name__
    'CardinalSplines'
    """
    recurrence = Recurrence.of(grid, order)
    even = torch.arange(-order, recurrence.grid_size + order + 1, dtype=grid.dtype, device=grid.device)
    # A knot is known to within the rounding of its magnitude, which in units of the mean interval is this:
    scale = recurrence.scale.squeeze(-1)
    rounding = 8 * torch.finfo(grid.dtype).eps * (grid.abs().amax(1, keepdim=True) * scale + recurrence.grid_size)
    uniform = bool(((recurrence.knots.squeeze(-1) - even).abs() <= rounding).all())
    if uniform and order in CardinalSplines.ORDERS:
        return CardinalSplines.of(grid[:, order : grid.shape[1] - order], order)
    return recurrence


def spline_tables(splines: Splines, columns: Tensor, with_slopes: bool) -> tuple[Tensor, Tensor | None]:
    """Return the functions at every point, and their slopes before ``splines.slope_scale``.

    Parameters
    ----------
    splines : CardinalSplines, PowerSplines or Recurrence
        Of ``in`` inputs.
    columns : Tensor of shape (in, n)
        The points, a row for each input.
    with_slopes : bool
        Whether the slopes are wanted.

    Returns
    -------
    functions : Tensor of shape (in, n_basis, n)
    slopes : Tensor of shape (in, n_basis, n), or None
        Powers have two slopes less, see :meth:`PowerSplines.fill`.

    Examples
    --------
    >>> functions, _ = spline_tables(splines_on(torch.arange(8.0)[None], 2), torch.tensor([[3.0]]), False)
    >>> functions.flatten()
    tensor([0.0000, 0.5000, 0.5000, 0.0000, 0.0000])
    """
    inputs, rows = columns.shape
    n_functions, n_slopes = splines.shapes
    inside, excess = _placed(splines, columns)
    functions = columns.new_empty((inputs, n_functions, rows))
    slopes = columns.new_empty((inputs, n_slopes, rows)) if with_slopes else None
    numbers = _NUMBERS_PER_BLOCK * torch.get_num_threads()
    if functions.numel() <= numbers or functions.device.type != "cpu":  # elsewhere every operation costs a launch
        splines.fill(inside, excess, 0, functions, slopes)
        return functions, slopes
    for first, count, row, height in _blocks(inputs, n_functions, rows, numbers):
        places = slice(first, first + count), slice(None), slice(row, row + height)
        beyond, of_slopes = (None if some is None else some[places] for some in (excess, slopes))
        splines.fill(inside[places], beyond, first, functions[places], of_slopes)
    return functions, slopes


def _placed(splines: Splines, columns: Tensor) -> tuple[Tensor, Tensor | None]:
    """Points in intervals from the origin, held to the range, and by how much they are beyond it.

    Both are (in, 1, n); the second is None where none is beyond. To know costs little on a CPU and saves the slopes;
    elsewhere to ask would stop the queue.
    """
    columns, (least, most) = columns.unsqueeze(1), splines.ends
    position = columns.new_empty(columns.shape)  # contiguous, whatever the columns are
    torch.sub(columns, splines.origin, out=position).mul_(splines.scale)
    if position.device.type == "cpu" and position.numel():
        lowest, highest = position.aminmax()
        if float(lowest) >= least and float(highest) <= most:
            return position, None
    inside = position.clamp(least, most)
    return inside, position.sub_(inside)


def _blocks(inputs: int, n_basis: int, rows: int, numbers: int) -> Iterator[tuple[int, int, int, int]]:
    """First and count of the inputs, first and count of the rows of every block."""
    height = max(1, min(rows, numbers // n_basis))
    width = max(1, numbers // (n_basis * height))
    for first in range(0, inputs, width):
        for row in range(0, rows, height):
            yield first, min(width, inputs - first), row, min(height, rows - row)
