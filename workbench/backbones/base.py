"""A backbone by name, and what it is once it is built."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from workbench.choices import Choice, Text, knob

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Backbone(Choice):
    """A network by the name under which timm, or our own list, knows it; written `resnet18(weights='random')`.

    `weights`: "pretrained", "random", or the path of a safetensors file or of a folder that holds `model.safetensors`.
    """

    name = "backbone"
    architecture: str = knob("glyph-resnet", Text("folder", folders=True), "The network's name.")
    weights: str = knob(
        "pretrained", Text("file", (".safetensors",), folders=True), "'pretrained', 'random', or a file or folder."
    )

    @classmethod
    def made(cls, name: str, knobs: Mapping[str, Any]) -> Backbone:
        from workbench.backbones.naming import check_name

        if name:  # none yet: a recipe says what that means
            check_name(name)
        return cls(architecture=name, **knobs)

    def spelled(self, *, full: bool = True) -> str:
        if not self.architecture:
            return ""
        return self.architecture + (f"(weights={self.weights!r})" if full or self.weights != "pretrained" else "")


def backbone(architecture: str, weights: str = "pretrained") -> Backbone:
    """The backbone of that name. `weights`: "pretrained", "random", or a path."""
    from workbench.backbones.naming import check_name

    check_name(architecture)
    return Backbone.made(architecture, {"weights": str(weights)})


class Front(Protocol):
    """How examples come to a body: coded once for all, then put together into one tensor a batch."""

    @property
    def domain(self) -> str:
        """vision, language or speech."""

    @property
    def about(self) -> str:
        """Everything that decides what `prepare` makes, as text."""

    def encode(self, inputs: Any) -> Any:
        """What a data set's inputs are kept as: a tensor, or a `Ragged`."""

    def prepare(self, encoded: Any) -> Tensor:
        """A batch of them as the body takes it."""

    def blank(self, count: int, side: int) -> Any:
        """So many coded examples that say nothing, of that size: for probes."""

    def bytes(self, encoded: Any) -> int:
        """What all of them take once they are prepared; 0 where that depends on the batch."""

    def said(self, inputs: Any) -> list[str]:
        """Sentences on what the body does not see of them."""


@dataclass(frozen=True, eq=False)
class Built:
    """A backbone as a torch module, and how examples come to it.

    `body`: what `prepare` makes of a batch, one tensor -> (batch, width).
    """

    body: nn.Module
    width: int
    front: Front
    fingerprint: str
    pooled: str = "its features"  # what the features are, in words

    @property
    def reading(self) -> str:
        """16 hex digits that name how examples come to the body, and how its answer becomes features."""
        return hashlib.sha256(f"{self.front.about}|{self.pooled}".encode()).hexdigest()[:16]

    def encode(self, inputs: Any) -> Any:
        """Inputs of a data set, coded once for all: pictures as they are, texts as tokens, clips as frames."""
        return self.front.encode(inputs)

    def prepare(self, encoded: Any) -> Tensor:
        """A batch of coded examples as the one tensor that the body takes."""
        return self.front.prepare(encoded)


def fingerprint(body: nn.Module, name: str) -> str:
    """16 hex digits that name a network with just these weights."""
    digest = hashlib.sha256(name.encode())
    for key, tensor in sorted(body.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.contiguous().numpy().reshape(-1))  # as it lies: of a large model a copy takes longer
    return digest.hexdigest()[:16]
