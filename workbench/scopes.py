"""The menu of scopes: which weights train, and what the head is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.choices import Choice, Options, Range, knob
from workbench.errors import BadChoice, BadKnob

if TYPE_CHECKING:
    from torch import nn


class Scope(Choice):
    """What trains. A subclass names the backbone's weights that do; the head's always do."""

    trains_statistics = False  # whether BatchNorm's running statistics move

    def chosen(self, body: nn.Module) -> list[str]:
        """Names of the backbone's weights that train."""
        raise NotImplementedError

    def said(self, body: nn.Module, count: str, whole: str) -> str:
        """What of the backbone trains, in words. `count`: how many numbers; `whole`: what the backbone is called."""
        return f"{count} weights of the {whole}"


@dataclass(frozen=True)
class Head(Scope):
    """Train a new head alone; the backbone stays as it was pretrained."""

    name = "head"
    layers: int = knob(0, Range(0, 3), "Hidden layers in the head; none makes it linear.", limits=(0, 8))
    width: int = knob(128, Range(8, 1024, log=True), "Units in each hidden layer.", limits=(1, 65536))
    activation: str = knob("relu", Options(("relu", "gelu", "tanh")), "What bends a hidden layer's output.")

    def chosen(self, body: nn.Module) -> list[str]:
        return []


@dataclass(frozen=True)
class Blocks(Scope):
    """Train the last blocks of the backbone and the head."""

    name = "blocks"
    last: int = knob(1, Range(1, 12), "How many of the last blocks train.", limits=(1, 1000))

    def chosen(self, body: nn.Module) -> list[str]:
        blocks = blocks_of(body)
        if self.last > len(blocks):
            raise BadKnob(f"blocks.last must be in [1, {len(blocks)}] for this backbone, got {self.last}.")
        return [name for block in blocks[-self.last :] for name in block]

    def said(self, body: nn.Module, count: str, whole: str) -> str:
        return f"the last {self.last} of the {whole}'s {len(blocks_of(body))} blocks ({count} weights)"


@dataclass(frozen=True)
class Norms(Scope):
    """Train the backbone's norms and biases, and the head."""

    name = "norms"

    def chosen(self, body: nn.Module) -> list[str]:
        norms = [name for name, part in body.named_modules() if type(part).__name__.find("Norm") >= 0]
        inside = {f"{norm}.{kind}" for norm in norms for kind in ("weight", "bias")}
        return [name for name, _ in body.named_parameters() if name in inside or name.endswith("bias")]

    def said(self, body: nn.Module, count: str, whole: str) -> str:
        return f"the {whole}'s norms and biases ({count} numbers)"


@dataclass(frozen=True)
class All(Scope):
    """Train every weight of the backbone, and the head."""

    name = "all"
    trains_statistics = True

    def chosen(self, body: nn.Module) -> list[str]:
        return [name for name, _ in body.named_parameters()]

    def said(self, body: nn.Module, count: str, whole: str) -> str:
        return f"all of the {whole}'s {count} weights"


def blocks_of(body: nn.Module) -> list[list[str]]:
    """The names of the weights of each block, in the order of the forward pass, by timm's own grouping."""
    from timm.models import group_parameters

    groups: dict[int, list[str]] = {}
    try:
        matcher = body.group_matcher(coarse=False)  # type: ignore[operator]
    except AttributeError:
        said = f"timm does not say what the blocks of {type(body).__name__} are: choose the scope head, norms or all."
        raise BadChoice(said) from None
    layer_of = group_parameters(body, matcher, reverse=True)
    for name, _ in body.named_parameters():
        groups.setdefault(int(layer_of[name]), []).append(name)
    found: list[list[str]] = []
    for at in sorted(groups):
        if found and all(body.get_parameter(name).dim() < 2 for name in groups[at]):
            found[-1] += groups[at]  # a last norm belongs to the block before it
        else:
            found.append(groups[at])
    return found
