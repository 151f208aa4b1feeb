"""Examples of unequal length: clips, tokens, frames, one after the other in one tensor; and texts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Ragged:
    """Rows of unequal length. `values`: (all of them, ...), one row after the other; `starts`: (rows + 1,), int64.

    `longest`: how much of a row a model may see; None for all of it.
    """

    values: Tensor
    starts: Tensor
    longest: int | None = None

    @classmethod
    def of(cls, rows: Sequence[Tensor], longest: int | None = None) -> Ragged:
        """From a tensor a row, equal in all but their first axis."""
        import torch

        ends = torch.tensor([0, *map(len, rows)]).cumsum(0)
        return cls(torch.cat([*rows]) if rows else torch.zeros(0), ends, longest)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> Tensor:
        """How long each row is: (rows,), int64."""
        return self.starts[1:] - self.starts[:-1]

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return int(self.values.nbytes + self.starts.nbytes)

    def row(self, at: int) -> Tensor:
        """The row at this position: (length, ...)."""
        return self.values[int(self.starts[at]) : int(self.starts[at + 1])]

    def __getitem__(self, rows: Any) -> Ragged:
        """The rows at these positions, a tensor or a slice."""
        import torch

        at = torch.arange(len(self))[rows.cpu() if isinstance(rows, torch.Tensor) else rows]
        return Ragged.of([self.row(each) for each in at.tolist()], self.longest)

    def padded(self, fill: float) -> Tensor:
        """(rows, length of the longest, ...), what is beyond a row's end filled."""
        import torch

        return torch.nn.utils.rnn.pad_sequence(
            [self.row(at) for at in range(len(self))], batch_first=True, padding_value=fill
        )

    def digest(self) -> bytes:
        """A hash of all of it."""
        about = hashlib.sha256(repr((self.values.dtype, tuple(self.values.shape), self.longest)).encode())
        about.update(self.starts.numpy().tobytes())
        about.update(self.values.contiguous().numpy().tobytes())
        return about.digest()


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts, or pairs of them. `second`: as many, or none. `longest`: how many tokens a model may see of each."""

    first: tuple[str, ...]
    second: tuple[str, ...] = ()
    longest: int | None = None

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, rows: Any) -> Texts:
        """The texts at these positions, a tensor or a slice."""
        import torch

        at = torch.arange(len(self))[rows.cpu() if isinstance(rows, torch.Tensor) else rows].tolist()
        second = tuple(self.second[each] for each in at) if self.second else ()
        return Texts(tuple(self.first[each] for each in at), second, self.longest)

    def digest(self) -> bytes:
        """A hash of all of it."""
        about = hashlib.sha256(repr((len(self), len(self.second), self.longest)).encode())
        for each in (*self.first, *self.second):
            coded = each.encode("utf-8", "surrogatepass")
            about.update(len(coded).to_bytes(8, "big") + coded)
        return about.digest()
