"""Backbones as a list to choose from: what is on this disk first, with parameters, size, source and licence."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from workbench.backbones import plane
from workbench.backbones import transformer_files as files
from workbench.backbones.cards import cards
from workbench.backbones.naming import check_name
from workbench.backbones.vision import cached_names, is_cached, repository, timm_names

Row = dict[str, Any]
# What the hub has for texts and recordings; how long they take here is known once they are on this disk.
ENCODERS = {
    "language": {
        "sentence-transformers/all-MiniLM-L6-v2": "sentences in English, by meaning",
        "intfloat/multilingual-e5-small": "sentences in a hundred languages",
        "distilbert/distilbert-base-uncased": "English; the classic to fine-tune",
    },
    "speech": {
        "openai/whisper-tiny": "speech in many languages",
        "facebook/wav2vec2-base": "speech in English, learned without labels",
        "MIT/ast-finetuned-audioset-10-10-0.4593": "sounds of every kind",
    },
}


def listing() -> list[Row]:
    """A row a backbone: ours, then timm's on this disk, then timm's on the hub, then those without weights.

    `name`, `where` (bundled, on this disk, hub, no weights), `parameters` (known for what is on this disk; `about`
    counts those of one), `MB` of float32 weights, `pixels` (the side it was trained on), `source`, `licence`,
    `domain` (vision, language, speech).
    """
    import timm

    here = [_ours(name, card) for name, card in cards().items()]
    here += [_timms(name, "on this disk", count=True) for name in cached_names() if _is_known(name)]
    here += [_encoder(name) for name in files.here()] + [_plane()]
    published = [name for name in timm.list_pretrained() if repository(name)]
    there = {row["name"] for row in here}
    rows = here + [_timms(name, "hub") for name in published if name not in there]
    with_weights = {name.split(".")[0] for name in published}
    return rows + [_timms(name, "no weights") for name in sorted(timm_names() - with_weights)]


def search(text: str, domain: str = "") -> list[Row]:
    """The rows whose name, source or licence hold every word of `text`: names that are it first, then that begin so.

    `domain`: of that alone, and encoders of the hub that read it too; the list of all has none of those.
    Parameters are counted for what is on this disk alone; `about` counts those of one row, which may take a second.
    """
    words = _parted(text)
    rows = [row for row in listing() if domain in ("", row["domain"])]
    there = {row["name"] for row in rows}
    rows += [_encoder(name) | {"domain": domain} for name in ENCODERS.get(domain, ()) if name not in there]
    found = [row for row in rows if all(word in _said(row) for word in text.lower().split())]
    return sorted(found, key=lambda row: _far(_parted(row["name"]), words))  # else in the list's own order


def _parted(name: str) -> str:
    """A name's parts with a space before each and after the last: `vit_large.dino` as ` vit large dino `."""
    return f" {' '.join(re.split(r'[^a-z0-9]+', name.lower()))} ".replace("  ", " ")


def _far(name: str, words: str) -> int:
    """How far a name is from what is looked for: it begins with the words, or their letters; holds them, or each."""
    whole = all(word in name for word in words.split())
    near = (name.startswith(words), name.startswith(words.rstrip()), words in name, whole, True)
    return near.index(True)


def described(name: str) -> str:
    """One line on the backbone `name`: `372,400 parameters, 1.5 MB · 32 px · bundled · Apache-2.0`."""
    return line(about(name))


def about(name: str) -> Row:
    """The row of one backbone, its parameters counted."""
    check_name(name)
    ours = cards().get(name)
    if ours:
        return _ours(name, ours)
    if name == plane.NAME:
        return _plane()
    if not _is_known(name):
        return _encoder(name)
    place = "on this disk" if is_cached(name) else "hub" if repository(name) else "no weights"
    return _timms(name, place, count=True)


def line(row: Row) -> str:
    """A row in one line, without its name."""
    count = f"{row['parameters']:,} parameters, {row['MB']:.1f} MB" if row["parameters"] else ""
    place = {"hub": f"to be downloaded: {row['source']}", "no weights": "no weights on the hub: random ones, or a path"}
    side = f"{row['pixels']} px" if row["pixels"] else ""
    parts = (count, side, place.get(row["where"], row["where"]), row["licence"])
    return " · ".join(part for part in parts if part)


@lru_cache(maxsize=512)
def parameters(name: str) -> int:
    """How many numbers timm's network `name` holds without a head; built without memory for them."""
    import timm
    import torch

    with torch.device("meta"):
        body = timm.create_model(name, pretrained=False, num_classes=0)
    return sum(p.numel() for p in body.parameters())


def _ours(name: str, card: Row) -> Row:
    about = {"pixels": card.get("input_size"), "source": card["command"], "licence": card["licence"]}
    return {"name": name, "where": "bundled"} | _weight(card["parameters"]) | about | {"domain": card["domain"]}


def _plane() -> Row:
    about = {"pixels": None, "source": "a point's coordinates", "licence": ""}
    return {"name": plane.NAME, "where": "bundled"} | _weight(None) | about | {"domain": "points"}


def _encoder(name: str) -> Row:
    """A model of transformers: what its files say, where they are on this disk by now."""
    return _encoder_in(name, files.on_this_disk(name))


@lru_cache(maxsize=64)
def _encoder_in(name: str, folder: Path | None) -> Row:
    from safetensors import safe_open

    count = 0
    for path in folder.glob("*.safetensors") if folder else []:
        with safe_open(path, "pt") as held:
            count += sum(math.prod(held.get_slice(key).get_shape()) for key in held.keys())  # noqa: SIM118  # no dict
    about = {"pixels": None, "source": name, "licence": files.licence_of(folder) if folder else ""}
    domain = files.domain_of(name) if folder else "language"
    return (
        {"name": name, "where": "on this disk" if folder else "hub"}
        | _weight(count or None)
        | about
        | {"domain": domain}
    )


def _timms(name: str, where: str, count: bool = False) -> Row:
    import timm

    config = timm.get_pretrained_cfg(name, allow_unregistered=True)
    side = config.input_size[-1] if config else None
    source = config.hf_hub_id if config and where != "no weights" else None
    licence = config.license if config and where != "no weights" else None
    about = {"pixels": side, "source": source or "", "licence": licence or ""}
    return {"name": name, "where": where} | _weight(parameters(name) if count else None) | about | {"domain": "vision"}


def _weight(count: int | None) -> Row:
    return {"parameters": count, "MB": round(count * 4 / 1e6, 1) if count else None}


def _said(row: Row) -> str:
    return f"{row['name']} {row['where']} {row['source']} {row['licence']}".lower()


def _is_known(name: str) -> bool:
    return name.split(".")[0] in timm_names()
