"""The menu of data sets."""

from workbench.datasets.audio import Audio as Audio
from workbench.datasets.base import Data as Data
from workbench.datasets.base import Dataset as Dataset
from workbench.datasets.digits import Digits as Digits
from workbench.datasets.docstrings import Docstrings as Docstrings
from workbench.datasets.hub import Hub as Hub
from workbench.datasets.hub_pictures import HubImages as HubImages
from workbench.datasets.hub_recordings import HubAudio as HubAudio
from workbench.datasets.images import Images as Images
from workbench.datasets.points import Points as Points
from workbench.datasets.table import Table as Table
from workbench.datasets.vowels import Vowels as Vowels
