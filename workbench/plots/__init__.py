"""Figures of runs: plain rows in, plotly out."""

from workbench.plots.capacity import shapes as shapes
from workbench.plots.comparison import compared as compared
from workbench.plots.confusion import confusion as confusion
from workbench.plots.confusion import confusions as confusions
from workbench.plots.curves import gap as gap
from workbench.plots.curves import learning_curves as learning_curves
from workbench.plots.landscape import contour as contour
from workbench.plots.landscape import curves_of_trials as curves_of_trials
from workbench.plots.landscape import importance as importance
from workbench.plots.landscape import slices as slices
from workbench.plots.learning_rate import rates as rates
from workbench.plots.linear import votes as votes
from workbench.plots.linear import weights as weights
from workbench.plots.path import path as path
from workbench.plots.pictures import pictures as pictures
from workbench.plots.pretraining import in_time as in_time
from workbench.plots.pretraining import pretraining as pretraining
from workbench.plots.recalls import recalls as recalls
from workbench.plots.strategies import looked as looked
from workbench.plots.strategies import race as race
from workbench.plots.strategies import surrogate as surrogate
from workbench.plots.trials import gaps as gaps
from workbench.plots.trials import parallel as parallel
from workbench.plots.trials import trials as trials
