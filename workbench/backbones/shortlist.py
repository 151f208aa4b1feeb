"""A short list of backbones for a person's own data: what each is for, and how long it takes with them here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.choices import entry, menu_base
from workbench.errors import BadChoice

if TYPE_CHECKING:
    import pandas as pd

SMALL_ONES = (
    "learned from drawn characters: for digits, letters, icons and lessons, and what runs here at once; of photographs "
    "it has seen none"
)
# Each one's use in a word. Licences are timm's to tell; those that forbid commercial use are left out.
PHOTOGRAPHS = {
    "mobilenetv4_conv_small.e2400_r224_in1k": "photographs (ImageNet); made for phones",
    "resnet18.a1_in1k": "photographs (ImageNet); the classic to compare with",
    "efficientnet_b0.ra_in1k": "photographs (ImageNet); few parameters",
    "convnext_nano.in12k_ft_in1k": "photographs (12,000 classes, then ImageNet)",
    "convnext_tiny.in12k_ft_in1k": "photographs (12,000 classes, then ImageNet); for a GPU, or an evening",
    "vit_small_patch14_dinov2.lvd142m": "photographs of many kinds, learned without labels",
    "convnext_base.fb_in22k_ft_in1k": "photographs (22,000 classes, then ImageNet); for a GPU",
}
OURS = {"language": "learned from docstrings: for lessons, short English texts, and what runs here at once",
        "speech": "learned from made-up speech: for lessons, single words, and what runs here at once"}  # fmt: skip
BYTES = 16  # a parameter that trains: its number, its gradient, and AdamW's two moments
BATCH = 32  # pictures whose activations a step holds: a recipe's own default


def shortlist(data: Any = None) -> pd.DataFrame:
    """Backbones for `data` on this machine, each with what it costs by a probe of a few seconds.

    Those that know photographs come first, what is on this disk before what must be downloaded; then the bundled ones;
    those that do not fit come last (their head trains all the same).
    A row each: `name`, `where` (bundled, on this disk, hub), `parameters`, `MB`, `licence`, `head_seconds` (the first
    epoch with a frozen body, which is computed once), `all_seconds` (an epoch with every weight training; both for as
    many pictures as `data` holds), `fits` (whether all of it trains, 32 pictures of this side a step, in the memory
    that is free on the device), `for`.
    """
    from workbench import progress
    from workbench.whole_table import WholeTable

    chosen = entry(menu_base("datasets"), data or "digits")
    if chosen.domain == "points":
        raise BadChoice("points in a plane have one backbone, 'plane': there is nothing to choose from.")
    examples, side = chosen.extent()
    rows: list[dict[str, Any]] = []
    named = _candidates() if chosen.domain == "vision" else _encoders(chosen.domain)
    for name, why in named.items():
        rows.append(_row(name, why, examples, side))
        progress.tell("backbones tried", len(rows), len(named))
    rows.sort(key=lambda row: not row["fits"])
    return WholeTable(rows)


def _candidates() -> dict[str, str]:
    from workbench.backbones.cards import cards
    from workbench.backbones.vision import cached_names, timm_names

    here = [name for name in cached_names() if name.split(".")[0] in timm_names()]
    known = {name: PHOTOGRAPHS.get(name, "on this disk already") for name in here}
    ours = [name for name, card in cards().items() if card["domain"] == "vision"]
    return known | {n: why for n, why in PHOTOGRAPHS.items() if n not in known} | dict.fromkeys(ours, SMALL_ONES)


def _encoders(domain: str) -> dict[str, str]:
    from workbench.backbones import transformer_files as files
    from workbench.backbones.cards import cards
    from workbench.backbones.listing import ENCODERS

    here = {name: "on this disk already" for name in files.here() if files.domain_of(name) == domain}
    ours = {name: OURS[domain] for name, card in cards().items() if card["domain"] == domain}
    return here | ours | {name: why for name, why in ENCODERS[domain].items() if name not in here}


def _row(name: str, why: str, examples: int, side: int) -> dict[str, Any]:
    from workbench import cost
    from workbench.backbones import backbone
    from workbench.backbones.listing import about

    known = about(name)
    if known["domain"] != "vision" and known["where"] == "hub":
        unknown = {"head_seconds": None, "all_seconds": None, "fits": True, "for": why}
        return {"name": name, **{key: known[key] for key in ("where", "parameters", "MB", "licence")}} | unknown
    each = cost.forward_seconds(backbone(name), side)
    needed = known["parameters"] * BYTES + BATCH * cost.held_bytes(backbone(name), side)
    return {
        "name": name,
        **{key: known[key] for key in ("where", "parameters", "MB", "licence")},
        "head_seconds": round(each * examples, 1),
        "all_seconds": round(each * examples * cost.WHOLE, 1),
        "fits": needed < room(),
        "for": why,
    }


def room() -> float:
    """Bytes that a run may take on the device that it takes: a GPU's that are free, else half of the machine's."""
    import psutil
    import torch

    from workbench.learners.plan import device

    where = device()
    if where.type == "cuda":
        return 0.9 * torch.cuda.mem_get_info(where)[0]  # the rest is fragments, and what cuDNN tries
    return psutil.virtual_memory().available / 2


def in_a_line(row: Mapping[Any, Any]) -> str:
    """A row in one line, without its name."""
    from workbench.cost import lasting

    head, whole = row["head_seconds"], row["all_seconds"]
    known = whole is not None and not math.isnan(whole)  # a table holds NaN for what is not known
    count = f"{row['parameters'] / 1e6:.1f} M parameters" if known else ""
    times = f"head {lasting(head)}, all weights {lasting(whole)} an epoch" if known else ""
    room = "" if row["fits"] else "not all of it trains in this memory"
    place = {"hub": "to be downloaded"}.get(row["where"], row["where"])
    return " · ".join(filter(None, (count, times, room, place, row["licence"] or "licence unknown", row["for"])))
