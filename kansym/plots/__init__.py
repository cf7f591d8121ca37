"""Pictures of fitted models, one file each; every function draws into the axes it is given or makes some.

Colours can be told apart by the colour-blind, and no meaning hangs on colour alone; markers and lines stay vectors. Ink
and paper are those of the axes, so that the pictures follow the user's style, dark ones too. matplotlib is loaded when
the first picture is drawn; no function shows a window or changes a setting.
"""

from kansym.plots.edge import plot_edge
from kansym.plots.front import plot_front
from kansym.plots.history import plot_history
from kansym.plots.network import plot_network
from kansym.plots.predictions import plot_predictions
from kansym.plots.slices import plot_slices

__all__ = ["plot_edge", "plot_front", "plot_history", "plot_network", "plot_predictions", "plot_slices"]
