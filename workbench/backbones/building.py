"""From a backbone's name to the network, whichever domain it is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.backbones import plane
from workbench.backbones.cards import cards
from workbench.errors import BadChoice
from workbench.recipe import BUNDLED, READS

if TYPE_CHECKING:
    from workbench.backbones.base import Backbone, Built
    from workbench.datasets import Data


def domain_of(name: str) -> str:
    """vision, language, speech or points."""
    from workbench.backbones import transformer_files, vision

    if name == plane.NAME:
        return "points"
    if name in cards():
        return str(cards()[name]["domain"])
    if name.partition(".")[0] in vision.timm_names() or not transformer_files.is_one(name):
        return "vision"
    return transformer_files.domain_of(name)


def build(backbone: Backbone, *, side: int, seed: int) -> Built:
    """Make the network and load its weights.

    `side`: of the pictures, in pixels; else how much of an example it may see, in tokens or samples. `seed`: for random
    weights.
    """
    from workbench.backbones import language, naming, speech, vision

    naming.check_name(backbone.architecture)
    domain = domain_of(backbone.architecture)
    made = {"vision": vision.build, "language": language.build, "speech": speech.build, "points": plane.build}[domain]
    return made(backbone, side=side, seed=seed)


def build_for(backbone: Backbone, data: Data, seed: int) -> Built:
    """The same for these data, refused where it reads another kind of examples."""
    must_read(backbone, data.domain)
    return build(backbone, side=data.side, seed=seed)


def must_read(backbone: Backbone, wanted: str) -> None:
    """Raise BadChoice where the backbone reads other examples than those of the domain `wanted`."""
    from workbench.backbones.naming import check_name

    check_name(backbone.architecture)
    if (reads := domain_of(backbone.architecture)) != wanted:
        raise BadChoice(
            f"{backbone.architecture} reads {READS[reads]}, and the data are {READS[wanted]}: take another backbone, "
            f"such as {BUNDLED[wanted]!r}."
        )
