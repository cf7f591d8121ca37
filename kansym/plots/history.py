"""The picture of a training: how the loss fell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kansym.errors import ParameterError
from kansym.network import TrainingResult
from kansym.network.checks import check_kind
from kansym.plots.drawing import BLUE, VERMILION, axes_or_new, ink, shade, tidy
from kansym.plots.lettering import title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_history"]


def plot_history(training: TrainingResult, *, ax: Axes | None = None) -> Axes:
    """Draw the loss of each iteration of :func:`kansym.network.train`, that of the validation rows dashed.

    A fitted model keeps no history: its networks are trained many times while they are pruned and snapped.

    Parameters
    ----------
    training : TrainingResult
        What ``train`` returned.
    ax : Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    ParameterError
        If the history is empty, or there is none, as in a fitted model.

    Examples
    --------
    >>> import matplotlib, torch
    >>> matplotlib.use("agg")
    >>> from kansym.network import KAN, train
    >>> x = torch.rand(50, 1)
    >>> plot_history(train(KAN((1, 1)), x, x**2, max_iterations=3)).get_xlabel()
    'iteration'
    """
    from matplotlib.ticker import MaxNLocator

    check_kind("training", training, TrainingResult)
    if not training.history:
        raise ParameterError("training must have a history of at least one step, got none")
    ax = axes_or_new(ax, (5.2, 3.4))
    tidy(ax)
    steps = [step.iteration for step in training.history]
    tiny = np.finfo(float).tiny
    losses = np.maximum([step.loss for step in training.history], tiny)
    ax.plot(steps, losses, color=shade(ax, BLUE), linewidth=1.8, label="training rows")
    held = [(step.iteration, step.validation_loss) for step in training.history if step.validation_loss is not None]
    if held:
        at, losses = np.array(held, dtype=float).T
        losses = np.maximum(losses, tiny)
        ax.plot(at, losses, "--", color=shade(ax, VERMILION), linewidth=1.8, label="validation rows")
        best = int(np.argmin(losses))
        ax.plot(at[best], losses[best], "o", mfc="none", mec=ink(ax), markersize=9, label="kept")
        ax.legend(frameon=False)
    ax.set_yscale("log")
    ax.set_xlabel("iteration")
    ax.set_ylabel("mean squared error")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    title(ax, training.reason)
    return ax
