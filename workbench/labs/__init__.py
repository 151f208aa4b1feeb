"""Labs: experiments of many runs with one figure."""

from workbench.labs.strategies import contest as contest
from workbench.labs.strategies import leaders as leaders
from workbench.labs.strategies import replayed as replayed
from workbench.labs.surrogate import learned as learned
from workbench.labs.surrogate import steps as steps
from workbench.labs.table import Table as Table
from workbench.labs.table import recorded as recorded
