"""From a trained run to answers on new inputs; the data that it was trained on need not be there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from workbench.datasets.columns import TEXTS, text_columns
from workbench.datasets.ragged import Ragged, Texts
from workbench.datasets.sheets import TABLES, is_table, sheet
from workbench.datasets.texts import cleaned
from workbench.errors import BadData, BrokenRun
from workbench.features import alike
from workbench.learners import head
from workbench.scopes import Head

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.backbones import Built
    from workbench.datasets import Dataset
    from workbench.folder import RunFolder
    from workbench.learners.plan import Plan
    from workbench.recipe import Recipe
    from workbench.scopes import Scope


BATCH = 256  # examples that are answered together
CALLED = 60  # letters by which a text is called among the answers


class Whole(torch.nn.Module):
    """Body, standardisation and head in one: prepared pictures (batch, channels, height, width) to logits."""

    def __init__(self, body: torch.nn.Module, standard: tuple[Tensor, Tensor], weights: dict[str, Tensor], bent: str):
        super().__init__()
        self.body, self.bent = body, bent
        self.register_buffer("mean", standard[0])
        self.register_buffer("std", standard[1])
        self.head = torch.nn.ParameterDict({n.replace(".", "_"): torch.nn.Parameter(w) for n, w in weights.items()})

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (batch, classes)."""
        features = (self.body(pictures).to(self.mean.dtype) - self.mean) / self.std
        weights = {name.replace("_", "."): w for name, w in self.head.items()}
        return head.apply(weights, features.unsqueeze(0), self.bent)[0]


@dataclass(frozen=True, eq=False)
class Predictor:
    """A trained model with what belongs to it: how pictures come to it, its classes, where and in what it computes."""

    model: Whole
    built: Built
    classes: tuple[str, ...]
    device: torch.device
    dtype: torch.dtype
    step: int | None = None  # of the checkpoint that its weights are from, if they are from one


def of_plan(plan: Plan, state: Mapping[str, Tensor] | None = None) -> Predictor:
    """The plan's network with the weights that answer in a job's snapshot; else with its present ones."""
    held = answering(plan.recipe, plan.learner.state() if state is None else state)
    model = whole(plan.recipe.scope, plan.built, held)
    return Predictor(model, plan.built, plan.data.classes, plan.device, plan.dtype)


def whole(scope: Scope, built: Built, state: Mapping[str, Tensor]) -> Whole:
    """One network from a backbone and what a learner's `state` holds, on the CPU in eval mode."""
    body = deepcopy(built.body).cpu()  # the caller's own: what is done to it changes no later answer
    there = dict(body.named_parameters()) | dict(body.named_buffers())
    with torch.no_grad():
        for name, tensor in state.items():
            own = there.get(name.removeprefix("body.").removeprefix("buffer."))
            if own is not None and name.startswith(("body.", "buffer.")):
                own.copy_(tensor)
    weights = {name: w.detach().cpu().clone() for name, w in state.items() if name.startswith("head.")}
    dtype = next(iter(weights.values())).dtype
    standard = state["buffer.mean"].cpu().to(dtype), state["buffer.std"].cpu().to(dtype)
    spec = scope if isinstance(scope, Head) else Head()
    return Whole(body, standard, weights, spec.activation).eval()


def answering(recipe: Recipe, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A checkpoint's tensors with the weights that answer in their places, where a regularizer has others."""
    found = dict(state)
    for each in recipe.regularizers:
        prefix = f"memory.{each.name}."
        memory = {name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)}
        means = each.answering(memory) if memory else {}
        found |= {name: mean.reshape(state[name].shape) for name, mean in means.items()}
    return found


def from_folder(recipe: Recipe, files: RunFolder, step: int) -> Predictor:
    """The model whose weights a run's folder holds of `step`; the data that it was trained on need not be there."""
    from workbench.backbones.building import build
    from workbench.learners.plan import DTYPES, device

    about = files.read("environment.json") or {}
    if "classes" not in about:
        raise BrokenRun(
            f"{files.path} does not say what its classes are: it was made by an earlier version. Run it again."
        )
    state = answering(recipe, files.load(step)[0])
    built = build(recipe.backbone, side=about["side"], seed=recipe.seed)
    if built.fingerprint != about["backbone"]:
        raise BrokenRun(f"the weights of {recipe.backbone} are not those that {files.path} was trained from.")
    if about.get("reading", built.reading) != built.reading:
        raise BrokenRun(
            f"the tokenizer, the feature extractor or the pooling of {recipe.backbone} is not the one that "
            f"{files.path} was trained with: its answers would mean nothing. Put the folder back as it was."
        )
    dtype = DTYPES[about["precision"]]
    return Predictor(whole(recipe.scope, built, state), built, tuple(about["classes"]), device(), dtype, step)


def given(inputs: Any, data: Dataset, broken: str) -> tuple[list[str] | None, Any, list[str]]:
    """What a person gives as a data set holds it, with the files' names and a sentence on each that cannot be read."""
    if isinstance(inputs, str | Path):
        inputs = [inputs]
    elif hasattr(inputs, "to_list"):  # a column of a table
        inputs = inputs.to_list()
    if not isinstance(inputs, list | tuple) or not all(isinstance(each, str | Path | tuple) for each in inputs):
        return None, inputs, []
    if data.domain == "language":
        return texts(inputs, data, broken)
    return files(inputs, data, broken)


def texts(
    inputs: Sequence[str | Path | tuple[str, ...]], data: Dataset, broken: str = "refuse"
) -> tuple[list[str], Texts, list[str]]:
    """Texts, pairs of them, and those of every table that is named: what each is called, the texts, and a sentence on
    each that is empty where `broken` is "leave out"; else these are an error.

    A text is called by its beginning; one of a table by file and row.
    """
    found: list[tuple[str, tuple[str, ...]]] = []
    named = [each for each in inputs if isinstance(each, Path) or (isinstance(each, str) and _is_file(each))]
    if lost := [str(each) for each in named if not is_table(each)]:
        raise BadData(f"{lost[0]!r} is no table of texts that is there: name one ({' '.join(TABLES)}), or give texts.")
    for each in inputs:
        if isinstance(each, str | Path) and is_table(each):
            found += _of_table(Path(each).expanduser(), data)
        else:
            pair = each if isinstance(each, tuple) else (str(each),)
            found.append((" | ".join(pair)[:CALLED], pair))
    wrong = [f"{name!r}: no text" for name, pair in found if not pair[0].strip()]
    found = [(name, tuple(map(cleaned, pair))) for name, pair in found if pair[0].strip()]
    if wrong and (broken == "refuse" or not found):
        raise BadData(f"cannot be answered: {'; '.join(wrong[:10])}. Go on without them by broken='leave out'.")
    pairs = [pair for _, pair in found]
    second = tuple(pair[1] if len(pair) > 1 else "" for pair in pairs) if any(len(pair) > 1 for pair in pairs) else ()
    return [name for name, _ in found], Texts(tuple(pair[0] for pair in pairs), second, data.size), wrong


def _is_file(text: str) -> bool:
    """Whether a text is the name of a file, ending and all; or can hardly be anything else."""
    from workbench.datasets.files import ENDINGS, HEARD

    ending, one_word = os.path.splitext(text)[1].lower(), len(text.split()) == 1
    known = (*TABLES, *ENDINGS, *HEARD, ".txt", ".zip")
    return bool(ending) and (os.path.isfile(text) or (one_word and ending in known))


def _of_table(path: Path, data: Dataset) -> Iterator[tuple[str, tuple[str, ...]]]:
    knobs = data.values()
    names = (knobs.get("text", "").lower() or TEXTS[0], *TEXTS)
    opened = sheet(path, knobs.get("encoding", ""), alone=names)
    wanted = text_columns(opened, knobs.get("text", ""), knobs.get("second", ""))
    for row in opened.rows(wanted):
        yield f"{path.name}:{row.number}", tuple(row.cells) or ("",)


def files(
    inputs: Sequence[str | Path], data: Dataset, broken: str = "refuse"
) -> tuple[list[str], Tensor | Ragged, list[str]]:
    """Files, and all that lie below folders, as `data` reads its own: their names, uint8 (files, 3, side, side) or a
    clip each, and a sentence on each that cannot be read where `broken` is "leave out"; else these are an error."""
    from workbench.datasets.files import PICTURES, RECORDINGS, Folder

    kind = RECORDINGS if data.domain == "speech" else PICTURES
    found: list[Path] = []
    for path in map(Path, inputs):
        below = [path / name for name in Folder(path, kind).names] if path.is_dir() else [path]
        if not below or not path.exists():
            why = f"holds no {kind.many}" if path.exists() else "is not there"
            raise BadData(f"{path} {why}: name {kind.many}, or folders.")
        found += below
    read: dict[str, Tensor] = {}
    wrong = []
    for path in found:
        try:
            read[str(path)] = _read(path, data)
        except (ValueError, OSError) as error:
            wrong.append(f"{path}: {error}")
    if wrong and (broken == "refuse" or not read):
        raise BadData(f"cannot be read: {'; '.join(wrong)}. Go on without them by broken='leave out'.")
    rows = [*read.values()]
    return [*read], Ragged.of(rows, data.size) if data.domain == "speech" else torch.stack(rows), wrong


def _read(path: Path, data: Dataset) -> Tensor:
    if data.domain == "speech":
        from workbench.datasets.hearing import clip

        with path.open("rb") as file:
            return torch.from_numpy(clip(file, data.size)[0])
    from workbench.datasets.decoding import picture

    return torch.from_numpy(picture(path.read_bytes(), data.size).copy())


@torch.no_grad()
def logits(by: Predictor, inputs: Any) -> Tensor:
    """Logits (examples, classes) of what a data set holds: uint8 pictures (examples, channels, height, width), texts or
    clips; in batches."""
    model = by.model.to(by.device)
    encoded = by.built.encode(inputs if isinstance(inputs, Ragged | Texts) else _as_pictures(inputs))
    plain = not isinstance(encoded, Ragged)
    turns = torch.arange(len(encoded)).split(BATCH) if plain else alike(encoded.lengths, BATCH)
    with torch.autocast(by.device.type, torch.bfloat16, enabled=by.dtype == torch.bfloat16):
        parts = [
            model(_floats(by.built.prepare(encoded[at].to(by.device) if plain else encoded[at]), by)) for at in turns
        ]
    return torch.cat([part.float().cpu() for part in parts])[torch.cat([*turns]).argsort()]


def _floats(prepared: Tensor, by: Predictor) -> Tensor:
    """On the device, in the body's own numbers; tokens stay whole."""
    dtype = next((each.dtype for each in by.model.body.parameters()), torch.float32)  # the plane has none
    return prepared.to(by.device, dtype) if prepared.is_floating_point() else prepared.to(by.device)


def _as_pictures(inputs: Any) -> Tensor:
    pictures = torch.as_tensor(inputs)
    if pictures.dim() != 4 or pictures.shape[1] not in (1, 3):
        rule = "inputs must be files, or uint8 pictures (examples, 1 or 3 channels, height, width)"
        raise BadData(f"{rule}, got {tuple(pictures.shape)}.")
    return pictures
