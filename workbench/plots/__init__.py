"""Figures of runs: plain rows in, plotly out."""

from workbench.plots.comparison import compared as compared
from workbench.plots.confusion import confusion as confusion
from workbench.plots.curves import gap as gap
from workbench.plots.curves import learning_curves as learning_curves
