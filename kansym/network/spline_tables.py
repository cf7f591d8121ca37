"""Tables of B-splines and of their slopes at many rows, by the quickest way that the knots allow."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from kansym.network.cardinal_splines import CardinalSplines
from kansym.network.power_splines import PowerSplines
from kansym.network.recurrence import Recurrence

__all__ = ["BSplines", "Positions", "Splines", "positions", "spline_tables", "splines_on"]

BSplines = CardinalSplines | Recurrence
Splines = BSplines | PowerSplines
Positions = tuple[Tensor, Tensor | None]

# Numbers of a table that each core makes at a time, so that a dozen operations on them run in its caches.
_NUMBERS_PER_BLOCK = 2**18


def splines_on(grid: Tensor, order: int) -> BSplines:
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


def spline_tables(
    splines: Splines, columns: Tensor, with_slopes: bool, at: Positions | None = None
) -> tuple[Tensor, Tensor | None]:
    """Return the functions at every point, and their slopes before ``splines.slope_scale``.

    Parameters
    ----------
    splines : CardinalSplines, PowerSplines or Recurrence
        Of ``in`` inputs.
    columns : Tensor of shape (in, n)
        The points, a row for each input.
    with_slopes : bool
        Whether the slopes are wanted.
    at : tuple, optional
        What :func:`positions` says of the columns, where it is known.

    Returns
    -------
    functions : Tensor of shape (in, n_basis, n)
    slopes : Tensor of shape (in, n_basis, n), or None
        Powers have two slopes less, and their row of the constant is not written, see :meth:`PowerSplines.fill`.

    Examples
    --------
    >>> functions, _ = spline_tables(splines_on(torch.arange(8.0)[None], 2), torch.tensor([[3.0]]), False)
    >>> functions.flatten()
    tensor([0.0000, 0.5000, 0.5000, 0.0000, 0.0000])
    """
    inputs, rows = columns.shape
    n_basis = splines.grid_size + splines.order
    n_slopes = n_basis - 2 if isinstance(splines, PowerSplines) else n_basis
    inside, excess = at or positions(splines, columns)
    functions = columns.new_empty((inputs, n_basis, rows))
    slopes = columns.new_empty((inputs, n_slopes, rows)) if with_slopes else None
    numbers = _NUMBERS_PER_BLOCK * torch.get_num_threads()
    if functions.numel() <= numbers or functions.device.type != "cpu":  # elsewhere every operation costs a launch
        splines.fill(inside, excess, 0, functions, slopes)
        return functions, slopes
    for first, count, row, height in _blocks(inputs, n_basis, rows, numbers):
        places = slice(first, first + count), slice(None), slice(row, row + height)
        beyond, of_slopes = (None if some is None else some[places] for some in (excess, slopes))
        splines.fill(inside[places], beyond, first, functions[places], of_slopes)
    return functions, slopes


def positions(splines: Splines, columns: Tensor) -> Positions:
    """Return points in intervals from the lower end, held to the range, and by how much they are beyond it.

    Parameters
    ----------
    splines, columns
        As in :func:`spline_tables`.

    Returns
    -------
    inside : Tensor of shape (in, 1, n)
    excess : Tensor of shape (in, 1, n), or None
        None where no point is beyond. To know costs little on a CPU and saves the slopes; elsewhere to ask would stop
        the queue.

    Examples
    --------
    >>> splines = splines_on(torch.arange(8.0)[None], 2)
    >>> [part.flatten().tolist() for part in positions(splines, torch.tensor([[2.5, 7.0]]))]
    [[0.5, 3.0], [0.0, 2.0]]
    >>> positions(splines, torch.tensor([[2.5]]))[1] is None
    True
    """
    columns = columns.unsqueeze(1)
    position = columns.new_empty(columns.shape)  # contiguous, whatever the columns are
    torch.sub(columns, splines.origin, out=position).mul_(splines.scale)
    if position.device.type == "cpu" and position.numel():
        least, most = position.aminmax()
        if float(least) >= 0.0 and float(most) <= splines.grid_size:
            return position, None
    inside = position.clamp(0.0, splines.grid_size)
    return inside, position.sub_(inside)


def _blocks(inputs: int, n_basis: int, rows: int, numbers: int) -> Iterator[tuple[int, int, int, int]]:
    """First and count of the inputs, first and count of the rows of every block."""
    height = max(1, min(rows, numbers // n_basis))
    width = max(1, numbers // (n_basis * height))
    for first in range(0, inputs, width):
        for row in range(0, rows, height):
            yield first, min(width, inputs - first), row, min(height, rows - row)
