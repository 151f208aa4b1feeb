"""How `formant-encoder` was pretrained: to tell, at each time, which phone of a word that nobody has said is heard."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from torch import Generator, Tensor, nn

    from workbench.datasets.ragged import Ragged

    Word = tuple[Tensor, Tensor]  # log-mel frames (frames, bands), and which phone is heard every 20 ms, 0 for none

NAME = "formant-encoder"
AT_ONCE = 128  # words that are made together
ALIKE = 8  # batches' worth of words from which one takes those of about a length


@dataclass(frozen=True)
class Hearing:
    """A recipe: Whisper's encoder, small; how many words it hears, how long it learns at which highest rate."""

    config: dict[str, Any] = field(
        default_factory=lambda: {
            "d_model": 96, "encoder_layers": 3, "encoder_attention_heads": 4, "encoder_ffn_dim": 384,
            "num_mel_bins": 40, "max_source_positions": 500, "dropout": 0.0,
        }
    )  # fmt: skip
    words: int = 12_800
    steps: int = 500
    batch: int = 64
    lr: float = 2e-3


def pretrain(folder: str | Path, *, seed: int = 0, steps: int | None = None, draws: int = 5) -> Path:
    """Pretrain it and write `formant-encoder.safetensors` and its card into `folder`; returns the former.

    `steps` shortens the recipe, the words that are made too; the card's figures are means over `draws` draws of 20
    labelled vowels a class.
    """
    from safetensors.torch import save_file

    taken, started = Hearing(), time.perf_counter()
    if steps:
        taken = replace(taken, steps=steps, words=min(taken.words, steps * taken.batch))
    body = trained(taken, seed)
    seconds = round(time.perf_counter() - started)
    command = f"python -m workbench pretrain {NAME}"
    command += (f" --seed {seed}" if seed else "") + (f" --steps {steps}" if steps else "")
    card = {"name": NAME, "domain": "speech", **_card(taken, body), "command": command, "seed": seed}
    card |= {"seconds": seconds, "versions": {each: version(each) for each in ("torch", "transformers", "numpy")}}
    card["reaches"] = {"vowels": reached(body, range(draws))}
    target = Path(folder) / f"{NAME}.safetensors"
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{os.getpid()}-{target.name}")
    save_file({key: tensor.contiguous() for key, tensor in body.state_dict().items()}, aside)
    aside.replace(target)
    target.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return target


def _card(recipe: Hearing, body: nn.Module) -> dict[str, Any]:
    """What is said of the network and of how it learnt."""
    how = {name: value for name, value in asdict(recipe).items() if name != "config"}
    return {
        "config": recipe.config,
        "parameters": sum(p.numel() for p in body.parameters()),
        "licence": "Apache-2.0",
        "source": "speech synthesized by source and filter from published formants; no recording from outside",
        "recipe": how | {"optimizer": "AdamW", "schedule": "one cycle"},
    }


def trained(recipe: Hearing, seed: int) -> nn.Module:
    """The encoder, after learning which phone is heard when."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # its steps are small: on two threads they crawl where other load is on the machine
    try:
        with torch.random.fork_rng(devices=[]):  # what the caller draws next stays what it would have been
            torch.manual_seed(seed)
            return _trained(recipe, heard_words(recipe.words, seed), torch.Generator().manual_seed(seed))
    finally:
        torch.set_num_threads(threads)


def heard_words(count: int, seed: int) -> list[Word]:
    """Words as they are learnt from, each said once, by a voice and over a line of its own."""
    import numpy as np
    import torch
    from tqdm import tqdm

    from workbench.backbones import babble
    from workbench.backbones.mel import HOP, log_mel
    from workbench.datasets.ragged import Ragged

    draw = np.random.default_rng(seed)
    found: list[Word] = []
    with tqdm(total=count, unit="word", mininterval=1) as bar:
        while len(found) < count:
            many = min(AT_ONCE, count - len(found))
            samples, lengths, phones = babble.spoken(babble.words(many, draw), draw)
            clips = Ragged.of([torch.from_numpy(row[:n]) for row, n in zip(samples, lengths, strict=True)])
            for frames, said, n in zip(log_mel(clips), phones, lengths // HOP, strict=True):
                found.append((frames[:n].clone(), torch.from_numpy(said[:n:2] + 1)))
            bar.update(many)
    return found


def _trained(recipe: Hearing, words: list[Word], draw: Generator) -> nn.Module:
    import torch
    from torch.nn import functional as F
    from tqdm import tqdm

    from workbench.backbones import babble
    from workbench.backbones.speaking import SpeechEncoder

    body = SpeechEncoder(recipe.config).train()
    answer = torch.nn.Linear(recipe.config["d_model"], len(babble.phones()) + 1)
    weights = [*body.parameters(), *answer.parameters()]
    optimizer = torch.optim.AdamW(weights, recipe.lr, weight_decay=0.05)
    clock = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.lr, total_steps=recipe.steps + 1, pct_start=0.15)
    lengths = torch.tensor([len(frames) for frames, _ in words])
    with tqdm(range(recipe.steps), unit="step", mininterval=1) as bar:
        for step in bar:
            rows = _alike(lengths, recipe.batch, draw)
            frames, said = _padded([words[at] for at in rows])
            heard = body.heard(_damaged(frames, draw))
            there = ~torch.isnan(heard[:, :, 0])
            loss = F.cross_entropy(answer(body.encoder.layer_norm(heard[there])), said[there])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            clock.step()
            if step % 50 == 0:
                bar.set_postfix(loss=f"{loss.item():.2f}")
    return body.eval()


def _alike(lengths: Tensor, batch: int, draw: Generator) -> list[int]:
    """Words of about a length, so that little is padded."""
    import torch

    some = torch.randint(len(lengths), (batch * ALIKE,), generator=draw)
    first = int(torch.randint(ALIKE, (1,), generator=draw)) * batch
    rows: list[int] = some[lengths[some].argsort(stable=True)][first : first + batch].tolist()
    return rows


def _padded(words: list[Word]) -> tuple[Tensor, Tensor]:
    from torch.nn.utils.rnn import pad_sequence

    frames, said = zip(*words, strict=True)
    return pad_sequence(list(frames), True, float("nan")), pad_sequence(list(said), True)


def _damaged(frames: Tensor, draw: Generator) -> Tensor:
    """The same through another microphone, and half of them without a few bands or a few moments, which are silent."""
    import torch

    count, most, bands = frames.shape
    colour = 0.1 * torch.randn(count, 1, 5, generator=draw)
    found = (frames + colour.repeat_interleave(bands // 5, 2)).clamp(-1.2, 1.5)
    for axis, size, widest in ((2, bands, 6), (1, most, 8)):
        width = torch.randint(1, widest, (count, 1), generator=draw)
        width = width * (torch.rand(count, 1, generator=draw) < 0.5)
        first = (torch.rand(count, 1, generator=draw) * (size - widest)).long()
        at = torch.arange(size)
        gone = (at >= first) & (at < first + width)
        found = found.masked_fill(gone[:, None, :] if axis == 2 else gone[:, :, None], -1.0)
    return torch.where(torch.isnan(frames), frames, found)


def reached(body: nn.Module, seeds: Sequence[int]) -> dict[str, float]:
    """Test accuracy on `vowels` of a linear probe on standardised features, 20 labelled clips a class.

    `mean` over the seeds (of split, cut and noise), `spread`: their standard deviation.
    """
    import numpy as np

    from workbench.datasets import Vowels

    found = []
    for seed in seeds:
        data = Vowels(per_class=20, seed=seed).load()
        found.append(probed(body, data.inputs, data.labels.numpy(), data.train.numpy(), data.test.numpy()))
    spread = float(np.std(found, ddof=1)) if len(found) > 1 else 0.0  # one draw says nothing of it
    return {"mean": round(float(np.mean(found)), 4), "spread": round(spread, 4)}


def probed(body: nn.Module, clips: Ragged, labels: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    """Test accuracy of a linear probe on standardised features of `clips`."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    probe.fit(features(body, clips, train), labels[train])
    return float(probe.score(features(body, clips, test), labels[test]))


def features(body: nn.Module, clips: Ragged, rows: np.ndarray) -> np.ndarray:
    """What the encoder makes of these rows: (rows, width)."""
    import torch

    from workbench.backbones.mel import log_mel

    with torch.no_grad():
        return torch.cat([body(log_mel(clips[some])) for some in torch.from_numpy(rows).split(256)]).numpy()
