"""What every data set is once it is loaded: tensors, labels, three parts, and what was found on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.choices import Choice
from workbench.datasets.parting import cut, spoil
from workbench.datasets.ragged import Ragged, Texts
from workbench.errors import BadData

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from workbench.datasets.columns import Columns

    Inputs = Any  # a tensor of pictures, a Ragged of clips, or Texts
    Parts = tuple[np.ndarray, np.ndarray, np.ndarray]


LISTED = 10  # classes named in a sentence
BALANCES = ("as is", "weighted", "resampled")


class Dataset(Choice):
    """Something to learn from. A subclass has `load`, which returns a `Data`."""

    domain = "vision"  # or "language", "speech", "points"
    size = 32  # side in pixels of its pictures; else how much of an example a model may see: tokens, or samples
    own = False  # whether a person brings the examples; then no backbone is chosen in silence
    seed = 0  # decides the split
    per_class: int | None = None  # training examples a class, None: all
    label_noise = 0.0  # share of the training labels that are made wrong
    augment = "none"  # how training pictures are changed at random
    balance = "as is"  # what is done about rare classes

    def columns(self) -> Columns | None:
        """Which columns of a table are taken, named or guessed, of its first rows; None where it is no table."""
        return None

    def load(self) -> Data:
        """Read, check and split the examples."""
        raise NotImplementedError

    def extent(self) -> tuple[int, int]:
        """How many examples there are and their side in pixels, without reading them where that can be known."""
        loaded = self.load()
        return len(loaded.labels), loaded.side

    def parts(self) -> tuple[int, int, int]:
        """How many examples train, how many validate, and of how many classes; unread ones by what is known of them."""
        loaded = self.load()
        return len(loaded.train), len(loaded.valid), len(loaded.classes)

    def reading(self) -> tuple[float, int]:
        """Seconds that reading will take, tried on a few, and how many are not kept from before."""
        return 0.0, 0


@dataclass(frozen=True, eq=False)
class Data:
    """Examples with labels, in three parts that share no example.

    `inputs`: of pictures (examples, channels, height, width), uint8; of recordings int16 samples at 16 kHz, a row an
    example; or texts. `labels`: (examples,), int64, as given to the
    learner, wrong ones included; `true_labels` the same before labels were spoilt on purpose. `train`, `valid`, `test`:
    positions of the examples of each part. `fingerprint`: a hash of everything above. `notes`: sentences for the user.
    """

    inputs: Inputs
    labels: Tensor
    true_labels: Tensor
    classes: tuple[str, ...]
    train: Tensor
    valid: Tensor
    test: Tensor
    fingerprint: str
    notes: tuple[str, ...] = ()
    keys: tuple[str, ...] = field(default=(), repr=False)  # one name an example: a file, or a row number
    groups: Tensor | None = field(default=None, repr=False)  # equal for what must be in one part; None: all apart
    near: tuple[tuple[int, int], ...] = field(default=(), repr=False)  # positions of pairs that look alike
    content: str = field(default="", repr=False)  # a hash of `inputs` alone

    def __post_init__(self) -> None:
        if not self.content:
            object.__setattr__(self, "content", _hashed(self.inputs).hex()[:16])

    @property
    def domain(self) -> str:
        """vision, language, speech or points, by what the inputs are; a picture of two pixels is a point."""
        plain = "points" if self.side == 2 else "vision"
        return {Texts: "language", Ragged: "speech"}.get(type(self.inputs), plain)

    @property
    def side(self) -> int:
        """Side of the pictures in pixels; else how much of an example a model may see: tokens, or samples."""
        return int(self.inputs.longest or 0) if isinstance(self.inputs, Ragged | Texts) else self.inputs.shape[-1]

    @property
    def measured_on(self) -> str:
        """A hash of the validation part, its labels too: two runs that share it can be compared."""
        digest = hashlib.sha256(self.content.encode())
        for part in (self.valid, self.labels[self.valid]):
            digest.update(part.numpy().tobytes())
        return digest.hexdigest()[:16]

    @property
    def sealed_as(self) -> str:
        """What the test part is counted under when it is looked at: its examples, at any size, by any label."""
        names = sorted(self.keys[at] for at in self.test.tolist()) + list(self.classes)
        return hashlib.sha256("\n".join(names).encode("utf-8", "surrogateescape")).hexdigest()[:16]

    @property
    def spoilt(self) -> bool:
        """Whether some training labels were made wrong on purpose."""
        return bool((self.labels != self.true_labels).any())


def finish(
    inputs: Inputs,
    labels: np.ndarray,
    classes: list[str],
    parts: Parts,
    *,
    per_class: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
    notes: list[str] | None = None,
    keys: list[str] | None = None,
    mended: Mapping[int, int | None] | None = None,
    groups: np.ndarray | None = None,
    near: Sequence[tuple[int, int]] = (),
    content: bytes = b"",
) -> Data:
    """The common end of every `load`: cut, spoil, correct, check, fingerprint, and say what the parts hold.

    `mended`: the corrected class by position, None for an example that is dropped; `content`: a hash of the inputs
    where one is known, since hashing all pixels takes a while.
    """
    given, labels, parts = _labelled(labels, classes, parts, per_class, label_noise, seed, mended)
    train, valid, test = parts
    content = content or _hashed(inputs)
    wrong = int((given != labels).sum()) if label_noise else None
    return Data(
        inputs=inputs,
        labels=_tensor(given),
        true_labels=_tensor(labels),
        classes=tuple(classes),
        train=_tensor(train),
        valid=_tensor(valid),
        test=_tensor(test),
        fingerprint=_fingerprint(inputs, content, (given, labels, *parts), classes),
        notes=(*_said(given, classes, parts, wrong), *(notes or [])),
        keys=tuple(keys or map(str, range(len(labels)))),
        groups=_numbered(groups),
        near=tuple(near),
        content=hashlib.sha256(repr(_shape(inputs)).encode() + content).hexdigest()[:16],
    )


def _labelled(
    labels: np.ndarray,
    classes: list[str],
    parts: Parts,
    per_class: int | None,
    label_noise: float,
    seed: int,
    mended: Mapping[int, int | None] | None,
) -> tuple[np.ndarray, np.ndarray, Parts]:
    """The labels as given to the learner, the true ones, and the parts: after the cut, the noise and corrections."""
    train, valid, test = parts
    _check(labels, classes, {"training": train, "validation": valid, "test": test})
    train = cut(train, labels, per_class)
    given = spoil(labels, train, label_noise, len(classes), seed)
    if mended:
        train, valid, test = (_without_dropped(part, mended) for part in (train, valid, test))
        given, labels = _corrected(given, mended), labels if label_noise else _corrected(labels, mended)
        _check(given, classes, {"training": train, "validation": valid, "test": test})
    return given, labels, (train, valid, test)


def _tensor(numbers: np.ndarray) -> Tensor:
    import torch

    return torch.from_numpy(numbers.astype("int64"))


def _numbered(groups: np.ndarray | None) -> Tensor | None:
    """A number for each name; None where no two examples share one."""
    numbers = {name: at for at, name in enumerate(dict.fromkeys(groups.tolist()))} if groups is not None else {}
    if groups is None or len(numbers) == len(groups):
        return None
    import numpy as np

    return _tensor(np.array([numbers[name] for name in groups.tolist()]))


def _said(labels: np.ndarray, classes: list[str], parts: Parts, wrong: int | None) -> list[str]:
    """How many examples each part holds, of each class too; and how many labels are wrong on purpose."""
    train, valid, test = map(len, parts)
    said = [f"{train} training, {valid} validation and {test} test examples of {len(classes)} classes."]
    said += [] if wrong is None else [f"{wrong} of {train} training labels are wrong on purpose."]
    return said + _shares(labels, classes, parts)


def _shares(labels: np.ndarray, classes: list[str], parts: Parts) -> list[str]:
    """How many of each class train, validate and test, the rarest first; and which classes no test speaks of."""
    import numpy as np

    counts = np.array([np.bincount(labels[part], minlength=len(classes)) for part in parts]).T
    order = np.argsort(counts.sum(1), kind="stable")
    listed = "; ".join(f"{classes[at]} {', '.join(map(str, counts[at].tolist()))}" for at in order[:LISTED].tolist())
    rest = f"; and {len(classes) - LISTED} more classes" if len(classes) > LISTED else ""
    absent = [classes[at] for at in np.flatnonzero(counts[:, 2] == 0).tolist()]
    said = [f"How many train, validate and test, the rarest class first: {listed}{rest}."]
    return said + [f"The test part holds no example of {_few(absent)}: the test says nothing on it."] * bool(absent)


def _few(names: Sequence[str]) -> str:
    return f"{', '.join(names[:LISTED])}{' and others' if len(names) > LISTED else ''}"


def _shape(inputs: Inputs) -> tuple[int, ...]:
    return (len(inputs),) if isinstance(inputs, Ragged | Texts) else inputs.shape


def _hashed(inputs: Inputs) -> bytes:
    """A hash of all inputs and their shape, without a copy of them."""
    if isinstance(inputs, Ragged | Texts):
        return inputs.digest()
    digest = hashlib.sha256(repr((inputs.shape, inputs.dtype)).encode())
    for part in inputs.contiguous().split(4096):
        digest.update(part.numpy().tobytes())
    return digest.digest()


def _without_dropped(part: np.ndarray, mended: Mapping[int, int | None]) -> np.ndarray:
    import numpy as np

    return np.array([at for at in part.tolist() if mended.get(at, -1) is not None], dtype=np.int64)


def _corrected(labels: np.ndarray, mended: Mapping[int, int | None]) -> np.ndarray:
    found = labels.copy()
    for at, label in mended.items():
        if label is not None:
            found[at] = label
    return found


def _fingerprint(inputs: Inputs, content: bytes, parts: tuple[np.ndarray, ...], classes: list[str]) -> str:
    """A hash of all of it, with the shapes: one part more and the next one less is another data set."""
    digest = hashlib.sha256(repr((_shape(inputs), [len(part) for part in parts], classes)).encode())
    digest.update(content)
    for part in parts:
        digest.update(part.astype("int64").tobytes())
    return digest.hexdigest()[:16]


def _check(labels: np.ndarray, classes: list[str], parts: dict[str, np.ndarray]) -> None:
    import numpy as np

    if len(classes) < 2:
        raise BadData(f"at least two classes must be there to tell apart, got {len(classes)}: {', '.join(classes)}.")
    among = np.concatenate([*parts.values()])
    for part, members in parts.items():
        missing = [at for at in range(len(classes)) if not np.any(labels[members] == at)]
        if (missing and part != "test") or not len(members):
            shown = _few([classes[at] for at in missing])
            there = _few([f"{int((labels[among] == at).sum())} of {classes[at]}" for at in missing])
            raise BadData(
                f"the {part} part holds no example of {shown}: there are {there} in all. Add examples, or leave the "
                f"class out; where the parts are cut by hash, another seed may do."
            )
