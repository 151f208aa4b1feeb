"""The regularizers of a job at work: the present values of their knobs, and moments that are one for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from workbench.regularizers import Now, Regularizer

if TYPE_CHECKING:
    from torch import Tensor


class Moments:
    """What each of `regularizers` gets in its hooks, as `now` by its name, while `learner` trains.

    `on_pictures`, `on_features`: that moment of all that have a use for it, one after the other; None where none has.
    """

    def __init__(self, regularizers: Sequence[Regularizer], learner: Any, classes: int, steps: int):
        self.regularizers, self.learner = sorted(regularizers, key=lambda r: r.turn), learner
        self.now = {r.name: Now(memory={}, learner=learner, classes=classes, steps=steps) for r in self.regularizers}
        self.on_pictures, self.on_features = self._chain("on_pictures"), self._chain("on_features")

    def _chain(self, moment: str) -> Callable[..., Tensor] | None:
        own = [r for r in self.regularizers if getattr(type(r), moment) is not getattr(Regularizer, moment)]

        def change(x: Tensor, *given: Any) -> Tensor:
            for r in own:
                x = getattr(r, moment)(x, *given, self.now[r.name])
            return x

        return change if own else None

    def set(self, knobs_of: Sequence[Mapping[str, Any]], epochs: Sequence[int], dtype: torch.dtype) -> None:
        """Have the hooks see these values of the knobs and these epochs: one of each a trial that trains."""
        where = self.learner.device
        for r in self.regularizers:
            now = self.now[r.name]
            now.epochs = torch.tensor(epochs, device=where)
            for knob in r.knobs():
                values = [knobs[f"{r.name}.{knob.name}"] for knobs in knobs_of]
                plain = isinstance(values[0], str | bool)
                setattr(now, knob.name, values[0] if plain else torch.tensor(values, dtype=dtype, device=where))

    def prepare(self, path: str = "") -> None:
        """Before the optimizer exists; or again for the one of which the knob at `path` was turned."""
        for r in self.regularizers:
            if not path or path.startswith(f"{r.name}."):
                r.prepare(self.learner, self.now[r.name])

    def at(self, **values: Any) -> None:
        """Tell all of them where training is."""
        for now in self.now.values():
            now.__dict__.update(values)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """With the weights that answer in place of those that train, where a regularizer has others."""
        means: dict[str, Tensor] = {}
        for r in self.regularizers:
            means |= r.answering(self.now[r.name].memory)
        own = self.learner.averaged() if means else {}
        with torch.no_grad():
            held = {name: own[name].clone() for name in means}
            for name, mean in means.items():
                own[name].copy_(mean)
            try:
                yield
            finally:
                for name, before in held.items():
                    own[name].copy_(before)

    # -- memory -------------------------------------------------------------------------------------------------------

    def keep(self, at: Tensor) -> None:
        """Go on with the trials at these positions of the trial axis alone."""
        for now in self.now.values():
            now.memory = {name: tensor[at] for name, tensor in now.memory.items()}

    def memory(self) -> dict[str, Tensor]:
        """What all of them remember, by name: a copy on the CPU."""
        return {
            f"memory.{name}.{key}": tensor.to("cpu", copy=True)
            for name, now in self.now.items()
            for key, tensor in now.memory.items()
        }

    def recall(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back what `memory` gave; who was not there then joins now."""
        where = self.learner.device
        for r in self.regularizers:
            prefix, now = f"memory.{r.name}.", self.now[r.name]
            held = {k.removeprefix(prefix): t.to(where) for k, t in tensors.items() if k.startswith(prefix)}
            if held:
                now.memory = held
            else:
                r.join(self.learner, now)
