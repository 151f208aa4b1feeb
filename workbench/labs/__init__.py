"""Labs: experiments of many runs with one figure."""

from workbench.labs.capacity import shapes as shapes
from workbench.labs.learning_rate import rates as rates
from workbench.labs.learning_rate import verdicts as verdicts
from workbench.labs.pretraining import pretraining as pretraining
from workbench.labs.pretraining import worth as worth
from workbench.labs.strategies import contest as contest
from workbench.labs.strategies import leaders as leaders
from workbench.labs.strategies import replayed as replayed
from workbench.labs.surrogate import learned as learned
from workbench.labs.surrogate import steps as steps
from workbench.labs.table import Table as Table
from workbench.labs.table import recorded as recorded
from workbench.labs.timing import in_time as in_time
from workbench.labs.timing import sooner as sooner
