"""Looking at examples: a batch as the model sees it, those that a run answers worst, and pairs that look alike."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import paths
from workbench.checks import known
from workbench.errors import BadData

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from workbench.backbones import Backbone
    from workbench.datasets import Data, Dataset
    from workbench.recipe import Recipe
    from workbench.run import Run

PLAIN, PLAYED = 16_000, 160_000  # samples up to which a recording is sent as it is, and up to which it is played
ORDERS = ("loss", "confidence")  # worst first: by the label's loss, or the wrong answers by their confidence


def worst(run: Run, most: int | None = 300, by: str = "loss", part: str = "") -> pd.DataFrame:
    """The examples that `run` answers worst at its best epoch, worst first; never one of the test part.

    `by`: "loss", the cross-entropy of the label, or "confidence": the wrong answers alone, the surest first. `part`:
    "train", "valid", or both. A row each: `key`, `part`, `label`, `answer`, `confidence`, `loss`, `right`.
    """
    known(by, ORDERS, "examples cannot be sorted by")
    found = run.answers(part)
    if by == "confidence":
        found = found[~found["right"]]
    return found.sort_values(by, ascending=False, kind="stable").head(most or len(found)).reset_index(drop=True)


def batch(recipe: Recipe | Dataset, count: int = 16, seed: int = 0) -> list[dict[str, Any]]:
    """Some training examples as the backbone gets them: pictures changed at random, resized, in its channels; texts as
    tokens; clips as its own spectrogram, or log-mel frames where it hears samples. Of data alone, without a recipe,
    pictures and words as they are.

    A dict each: `key`, `label`, and `picture` (uint8, channels, height, width), or `tokens` and how many more are
    `unseen`, or `picture` and `sound` (the bytes of a WAV or MP3 file). `seed`: which examples, changed how.
    """
    import torch

    from workbench.datasets import Dataset

    chosen, backbone = (recipe, None) if isinstance(recipe, Dataset) else (recipe.data, recipe.backbone)
    data = chosen.load()
    order = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(seed))[:count]
    rows = data.train[order]
    shown = {"vision": _pictures, "language": _tokens, "speech": _sounds, "points": _pictures}[data.domain](
        chosen, backbone if backbone and backbone.architecture else None, data, rows, seed
    )
    return [
        {"key": data.keys[at], "label": data.classes[data.labels[at]], **each}
        for at, each in zip(rows.tolist(), shown, strict=True)
    ]


def _tokens(chosen: Dataset, backbone: Backbone | None, data: Data, rows: Tensor, seed: int) -> list[dict[str, Any]]:
    if backbone is None:
        return [{"tokens": text.split()} for text in data.inputs[rows].first]
    from workbench.backbones.building import build_for

    front: Any = build_for(backbone.replace(weights="random"), data, 0).front
    texts = data.inputs[rows]
    pairs = zip(texts.first, texts.second or [None] * len(texts), strict=True)
    return [{"tokens": front.pieces(*pair), "unseen": front.unseen(*pair)} for pair in pairs]


def _sounds(chosen: Dataset, backbone: Backbone | None, data: Data, rows: Tensor, seed: int) -> list[dict[str, Any]]:
    clips = [data.inputs.row(at)[: data.inputs.longest] for at in rows.tolist()]
    seen: list[Tensor] = []
    if backbone is not None:
        from workbench.backbones.building import build_for

        front: Any = build_for(backbone.replace(weights="random"), data, 0).front
        seen = [_drawn(frames) for frames in front.spectrograms(data.inputs[rows])]
    pictures = seen or [spectrogram(clip) for clip in clips]
    return [{"picture": picture, "sound": playable(clip)} for picture, clip in zip(pictures, clips, strict=True)]


def spectrogram(clip: Tensor) -> Tensor:
    """The log-mel frames of int16 samples at 16 kHz as a picture, uint8 (1, bands, frames), low tones at the bottom."""
    from workbench.backbones.mel import log_mel
    from workbench.datasets.ragged import Ragged

    return _drawn(log_mel(Ragged.of([clip]))[0].T)


def _drawn(frames: Tensor) -> Tensor:
    """A spectrogram (bands, frames) as a picture, from its least to its greatest value."""
    import torch

    if not frames.numel():
        return torch.zeros(1, 1, 1, dtype=torch.uint8)
    low, high = frames.min(), frames.max()
    return ((frames.flip(0) - low) / (high - low).clamp_min(1e-9) * 255).to(torch.uint8)[None]


def examples(data: Data | Dataset, rows: pd.DataFrame | Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with a `key`, such as those of `worst`, each with what there is to see or to hear.

    That is `picture` (uint8, channels, height, width), `text`, or `picture` and `sound` (a file's bytes).
    """
    import pandas as pd

    from workbench.datasets import Dataset

    data = data.load() if isinstance(data, Dataset) else data
    places = {key: at for at, key in enumerate(data.keys)}
    given = rows.to_dict("records") if isinstance(rows, pd.DataFrame) else rows
    return [row | to_see(data, places[row["key"]]) for row in given]  # type: ignore[misc]


def to_see(data: Data, at: int) -> dict[str, Any]:
    """What there is to see or to hear of the example at this position, as `examples` has it."""
    if data.domain == "language":
        texts = data.inputs
        return {"text": " | ".join([texts.first[at], *texts.second[at : at + 1]])}
    if data.domain == "speech":
        clip = data.inputs.row(at)[: data.inputs.longest]
        return {"picture": spectrogram(clip), "sound": playable(clip)}
    return {"picture": data.inputs[at]}


def playable(clip: Tensor) -> bytes:
    """int16 samples at 16 kHz as a file that browsers play: WAV up to a second, else MP3, of the first 10 s at most.

    A page of recordings is one message, and Jupyter's server takes 3 MB in three seconds: 24 of 10 s would be 10 MB.
    """
    if len(clip) <= PLAIN:
        return wav(clip)
    import soundfile

    content = io.BytesIO()
    soundfile.write(content, clip[:PLAYED].numpy(), 16_000, format="MP3")
    return content.getvalue()


def wav(clip: Tensor) -> bytes:
    """int16 samples at 16 kHz as a WAV file."""
    import wave

    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(clip.numpy().astype("<i2").tobytes())
    return content.getvalue()


def _pictures(chosen: Dataset, backbone: Backbone | None, data: Data, rows: Tensor, seed: int) -> list[dict[str, Any]]:
    from workbench.datasets.augmentation import augmented

    shown = augmented(data.inputs[rows], chosen.augment, seed)
    if backbone:
        from workbench.backbones.building import build

        built = build(backbone.replace(weights="random"), side=data.inputs.shape[-1], seed=0)
        shown = _as_pictures(built.prepare(shown), built)
    return [{"picture": picture} for picture in shown]


def _as_pictures(prepared: Tensor, built: Any) -> Tensor:
    import torch

    mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (built.front.mean, built.front.std))
    return ((prepared * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)


class Pair(dict[str, Any]):
    """Two examples that are alike, by name; it prints in one line, without their pixels."""

    def __repr__(self) -> str:
        each = zip(self["keys"], self["parts"], self["labels"], strict=True)
        return "Pair(" + " ~ ".join(f"{key!r} ({part}, {label!r})" for key, part, label in each) + ")"


def alike(data: Data | Dataset, most: int = 100) -> list[Pair]:
    """Pairs of examples that are alike, those in two parts first: `keys`, `parts`, `labels` and `pictures` of both.

    Of texts `texts` instead of `pictures`.
    """
    from workbench.datasets import Dataset

    data = data.load() if isinstance(data, Dataset) else data
    part = {at: name for name in ("train", "valid", "test") for at in getattr(data, name).tolist()}
    pairs = [pair for pair in data.near if all(at in part for at in pair)]
    pairs.sort(key=lambda pair: part[pair[0]] == part[pair[1]])
    return [
        Pair(
            keys=tuple(data.keys[at] for at in pair),
            parts=tuple(part[at] for at in pair),
            labels=tuple(data.classes[data.labels[at]] for at in pair),
            **(
                {"texts": tuple(data.inputs.first[at] for at in pair)}
                if data.domain == "language"
                else {"pictures": tuple(data.inputs[at] for at in pair)}
            ),
        )
        for pair in pairs[:most]
    ]


def png(picture: Tensor) -> bytes:
    """A picture, uint8 (1 or 3, height, width), as a PNG."""
    from PIL import Image

    content = io.BytesIO()
    pixels = picture[0] if len(picture) == 1 else picture.permute(1, 2, 0)
    Image.fromarray(pixels.numpy()).save(content, "PNG")
    return content.getvalue()


def corrections_of(data: Dataset) -> Path:
    """Where corrections of this data go: the file that it names, else one of its own beside the runs."""
    if not data.own:
        raise BadData(f"labels of {data.name} cannot be corrected: only those of your own files.")
    values = data.values()
    if "corrections" not in values:
        raise BadData(f"labels of {data.name} cannot be corrected here: mend them in the folder, or in the table.")
    if values.get("corrections"):
        return Path(re.sub(r"@\d+$", "", values["corrections"])).expanduser()
    place = str(Path(values.get("path") or values.get("table") or values["folder"]).expanduser().resolve())
    digest = hashlib.sha256(place.encode("utf-8", "backslashreplace")).hexdigest()[:6]
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(place).stem).strip("-")[:40] or "data"
    return paths.runs() / "corrections" / f"{stem}-{digest}.jsonl"


def brought(run: Run) -> str:
    """What the corrections that `run` learned from brought, beside the newest run of the same recipe on fewer of them.

    Both are measured on the same validation examples with the corrected labels; "" where there is no such run.
    """
    from workbench.comparing import compare

    named = run.recipe.data.values().get("corrections", "")
    before = _on_fewer(run, named) if named else None
    return str(compare({"before": before, "mended": run}).pairs["said"][0]) if before else ""


def _on_fewer(run: Run, named: str) -> Run | None:
    """The newest finished run that differs from `run` in nothing but that it knew fewer corrections, or none."""
    import json

    from workbench.errors import WorkbenchError
    from workbench.run import Run as Opened

    plain = run.recipe.replace(data=run.recipe.data.replace(corrections=""))
    files = sorted(paths.runs().glob("*/recipe.json"), key=lambda path: -path.stat().st_mtime)
    for path in files:
        try:
            text = str(json.loads(path.read_text())["recipe"]["data"])
            if path.parent == run.folder or not text.startswith(f"{run.recipe.data.name}("):
                continue
            other = Opened(path.parent)
            theirs = other.recipe.data.values().get("corrections", "")
            same = other.recipe.replace(data=other.recipe.data.replace(corrections="")) == plain
            if same and _count(theirs) < _count(named) and other.state == "finished":
                return other
        except (WorkbenchError, OSError, ValueError, KeyError, TypeError):  # a damaged recipe is none to stand beside
            continue
    return None


def _count(named: str) -> float:
    """How many lines of its file a recipe names: all of them where it says nothing."""
    lines = re.search(r"@(\d+)$", named)
    return float(lines[1]) if lines else float("inf") if named else 0.0
