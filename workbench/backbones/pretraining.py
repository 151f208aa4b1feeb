"""How our own small backbones were pretrained; `python -m workbench pretrain NAME`. Here: to read characters."""

from __future__ import annotations

import importlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.checks import known

if TYPE_CHECKING:
    from torch import Generator, nn

MEAN, STD = 0.2, 0.3


@dataclass(frozen=True)
class Pretraining:
    """A recipe: timm's architecture, what it is made with, and how long it learns at which highest rate."""

    architecture: str
    arguments: dict[str, Any] = field(default_factory=dict)
    steps: int = 1500
    batch: int = 128
    lr: float = 4e-3


RECIPES = {
    "glyph-resnet": Pretraining("test_resnet", {"in_chans": 1}),
    # Relative positions, and layers at full scale: with absolute ones, and layers scaled by 1e-5 (timm's test_vit2),
    # the loss stays near chance for hundreds of steps.
    "glyph-vit": Pretraining(
        "test_vit_relpos",
        {"in_chans": 1, "img_size": 32, "patch_size": 4, "init_values": None}
        | {"embed_dim": 64, "depth": 6, "num_heads": 2, "mlp_ratio": 3},
        steps=3000,
        lr=3e-3,
    ),
    "glyph-convnext": Pretraining("test_convnext2", {"in_chans": 1, "patch_size": 2}, steps=3000),
}


OTHERS = {"docs-bert": "docs", "formant-encoder": "formants"}  # the modules that know how those are made


def pretrain(name: str, folder: str | Path, *, seed: int = 0, steps: int | None = None, draws: int = 5) -> Path:
    """Pretrain `name` and write its weights and its card `<name>.json` into `folder`; returns the weights' path.

    `steps` shortens the recipe; the card's figures are means over `draws` draws of few labelled examples.
    """
    from safetensors.torch import save_file

    known(name, [*RECIPES, *OTHERS], "there is no recipe to pretrain")
    if name in OTHERS:
        made: Path = importlib.import_module(f"workbench.backbones.{OTHERS[name]}").pretrain(
            folder, seed=seed, steps=steps, draws=draws
        )
        return made
    recipe, started = RECIPES[name], time.perf_counter()
    command = f"python -m workbench pretrain {name}"
    command += (f" --seed {seed}" if seed else "") + (f" --steps {steps}" if steps else "")
    taken = replace(recipe, steps=steps or recipe.steps)
    body = trained(taken, seed, taken.steps)
    card = {"name": name, **_card(taken, body), "command": command, "seed": seed}
    card["seconds"] = round(time.perf_counter() - started)
    card["versions"] = {each: version(each) for each in ("torch", "timm", "matplotlib")}
    card["reaches"] = {place: reached(body, place, range(draws)) for place in ("centred", "scattered")}
    target = Path(folder) / f"{name}.safetensors"
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{os.getpid()}-{target.name}")
    save_file({key: t.contiguous() for key, t in body.state_dict().items()}, aside)
    aside.replace(target)
    target.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return target


def _card(recipe: Pretraining, body: nn.Module) -> dict[str, Any]:
    """What is said of the network and of how it learnt."""
    how = {"steps": recipe.steps, "batch": recipe.batch, "lr": recipe.lr}
    return {
        "architecture": recipe.architecture,
        "arguments": recipe.arguments,
        "channels": 1,
        "input_size": 32,
        "mean": [MEAN],
        "std": [STD],
        "parameters": sum(p.numel() for p in body.parameters()),
        "licence": "Apache-2.0",
        "source": "characters drawn with the fonts that come with matplotlib; no picture from outside",
        "recipe": how | {"optimizer": "AdamW", "schedule": "one cycle"},
    }


def trained(recipe: Pretraining, seed: int, steps: int) -> nn.Module:
    """The body, after learning to tell the characters apart."""
    import torch

    with torch.random.fork_rng(devices=[]):  # what the caller draws next stays what it would have been
        torch.manual_seed(seed)
        return _trained(recipe, torch.Generator().manual_seed(seed), steps)


def _trained(recipe: Pretraining, draw: Generator, steps: int) -> nn.Module:
    import timm
    import torch
    from torch.nn import functional as F
    from tqdm import tqdm

    from workbench.backbones import glyphs

    drawn = glyphs.atlas()
    model: Any = timm.create_model(recipe.architecture, num_classes=len(drawn), **recipe.arguments)
    model.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(model.parameters(), recipe.lr, weight_decay=0.05)
    clock = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.lr, total_steps=steps + 1, pct_start=0.15)
    with tqdm(range(steps), unit="step", mininterval=1) as bar:
        for step in bar:
            x, labels = glyphs.batch(drawn, recipe.batch, draw)
            x = ((x - MEAN) / STD).contiguous(memory_format=torch.channels_last)
            loss = F.cross_entropy(model(x), labels, label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            clock.step()
            if step % 50 == 0:
                bar.set_postfix(loss=f"{loss.item():.2f}")
    model.reset_classifier(0)
    body: nn.Module = model.eval()
    return body


def reached(body: nn.Module, placement: str, seeds: Sequence[int]) -> dict[str, float]:
    """Test accuracy on digits of a linear probe on standardised features, 20 labelled digits a class.

    `mean` over the seeds (of split, cut and placement), `spread`: their standard deviation.
    """
    import numpy as np
    import torch
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from workbench.datasets import Digits

    found = []
    for seed in seeds:
        data = Digits(per_class=20, placement=placement, seed=seed).load()
        with torch.no_grad():
            features = body((data.inputs.float() / 255 - MEAN) / STD).numpy()
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
        probe.fit(features[data.train], data.labels[data.train])
        found.append(probe.score(features[data.test], data.labels[data.test]))
    spread = float(np.std(found, ddof=1)) if len(found) > 1 else 0.0  # one draw says nothing of it
    return {"mean": round(float(np.mean(found)), 4), "spread": round(spread, 4)}
