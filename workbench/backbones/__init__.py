"""The menu of backbones."""

from workbench.backbones.base import Backbone as Backbone
from workbench.backbones.base import Built as Built
from workbench.backbones.base import backbone as backbone
