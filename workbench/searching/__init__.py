"""Searching: strategies and stopping rules, and a study that survives."""

from workbench.searching.driving import search as search
from workbench.searching.driving import start_search as start_search
from workbench.searching.listing import open_study as open_study
from workbench.searching.listing import studies as studies
from workbench.searching.path import path as path
from workbench.searching.pricing import price as price
from workbench.searching.stopping import FirstEpoch as FirstEpoch
from workbench.searching.stopping import Halving as Halving
from workbench.searching.stopping import Hyperband as Hyperband
from workbench.searching.stopping import Median as Median
from workbench.searching.stopping import NoStopping as NoStopping
from workbench.searching.stopping import StoppingRule as StoppingRule
from workbench.searching.strategies import Bayesian as Bayesian
from workbench.searching.strategies import Grid as Grid
from workbench.searching.strategies import QuasiRandom as QuasiRandom
from workbench.searching.strategies import Random as Random
from workbench.searching.strategies import Strategy as Strategy
from workbench.searching.study import Study as Study
