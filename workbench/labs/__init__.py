"""Labs: experiments of many runs with one figure."""

from workbench.labs.ablation import ablation as ablation
from workbench.labs.by_heart import ByHeart as ByHeart
from workbench.labs.by_heart import by_heart as by_heart
from workbench.labs.capacity import shapes as shapes
from workbench.labs.complexity import unfrozen as unfrozen
from workbench.labs.complexity import widths as widths
from workbench.labs.data_size import data_size as data_size
from workbench.labs.label_noise import label_noise as label_noise
from workbench.labs.learning_rate import rates as rates
from workbench.labs.learning_rate import verdicts as verdicts
from workbench.labs.pretraining import pretraining as pretraining
from workbench.labs.pretraining import worth as worth
from workbench.labs.remedies import remedies as remedies
from workbench.labs.robustness import hardest as hardest
from workbench.labs.robustness import robustness as robustness
from workbench.labs.strategies import contest as contest
from workbench.labs.strategies import leaders as leaders
from workbench.labs.strategies import replayed as replayed
from workbench.labs.surrogate import learned as learned
from workbench.labs.surrogate import steps as steps
from workbench.labs.table import Table as Table
from workbench.labs.table import recorded as recorded
from workbench.labs.timing import in_time as in_time
from workbench.labs.timing import sooner as sooner
