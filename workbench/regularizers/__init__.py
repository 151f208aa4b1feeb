"""The menu of regularizers, a file for each moment at which they act."""

from workbench.regularizers.base import Now as Now
from workbench.regularizers.base import Regularizer as Regularizer
from workbench.regularizers.base import Row as Row
from workbench.regularizers.layers import Dropout as Dropout
from workbench.regularizers.outputs import LabelSmoothing as LabelSmoothing
from workbench.regularizers.stopping import EarlyStopping as EarlyStopping
from workbench.regularizers.weights import L1 as L1
from workbench.regularizers.weights import L2 as L2
from workbench.regularizers.weights import WeightDecay as WeightDecay
