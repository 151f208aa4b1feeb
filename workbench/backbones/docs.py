"""How `docs-bert` was pretrained, without labels: docstrings of one module belong together.

Source of the method: contrast within a batch, van den Oord and others, "Representation learning with contrastive
predictive coding", 2018; for sentences, Gao and others, "SimCSE", 2021.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

    from workbench.datasets.ragged import Ragged

    Corpus = list[list[tuple[str, ...]]]  # a list of docstrings a module, each its paragraphs

NAME = "docs-bert"
PULLS = (0.003, 0.01, 0.03, 0.1, 0.3)  # scikit-learn's C of the probes: the smaller, the stronger
LABELLED: dict[str, int | None] = {"10 a library": 10, "50 a library": 50, "all": None}
FEWEST = 40  # letters of a docstring that says something
MORE = ("matplotlib", "numpy", "transformers", "timm", "jupyter_server", "IPython", "jupyterlab", "traitlets",
        "nbconvert", "tornado", "optuna", "PIL", "sympy", "networkx", "jinja2", "sqlalchemy", "torchvision",
        "ipywidgets", "fsspec", "huggingface_hub", "hypothesis")  # fmt: skip  # what is installed with us anyway


@dataclass(frozen=True)
class Reading:
    """A recipe: a small BERT, its own vocabulary, and how long it learns at which highest rate."""

    layers: int = 3
    width: int = 128
    heads: int = 4
    vocabulary: int = 6000
    tokens: int = 64
    steps: int = 800
    pairs: int = 128
    at_once: int = 32  # texts of about one length that are padded together: less is padded, and nothing else changes
    attention_dropout: float = 0.0  # without it attention is one fast call
    lr: float = 1e-3
    temperature: float = 0.07


def pretrain(folder: str | Path, *, seed: int = 0, steps: int | None = None, draws: int = 5) -> Path:
    """Pretrain it and write the folder `docs-bert` and its card `docs-bert.json` into `folder`; returns the former.

    `steps` shortens the recipe; the card's figures are means over `draws` draws of labelled texts.
    """
    recipe, started = replace(Reading(), steps=steps or Reading.steps), time.perf_counter()
    texts = gathered()
    tokenizer = vocabulary([text for module in texts for text in module], recipe)
    model = trained(recipe, texts, tokenizer, seed)
    seconds = round(time.perf_counter() - started)
    target = Path(folder) / NAME
    target.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(target)
    tokenizer.save(str(target / "tokenizer.json"))
    command = f"python -m workbench pretrain {NAME}"
    card = {
        "name": NAME,
        "domain": "language",
        "tokens": recipe.tokens,
        "parameters": sum(p.numel() for p in model.parameters()),
        "licence": "Apache-2.0",
        "source": "docstrings of installed packages, without labels; modules of the validation and test parts left out",
        "command": command + (f" --seed {seed}" if seed else "") + (f" --steps {steps}" if steps else ""),
        "recipe": {**recipe.__dict__, "modules": len(texts), "docstrings": sum(map(len, texts)), "optimizer": "AdamW"},
        "seed": seed,
        "seconds": seconds,
        "versions": {each: version(each) for each in ("torch", "transformers", "tokenizers")},
        "reaches": reached(target, range(draws)),
    }
    target.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return target


def gathered() -> Corpus:
    """The docstrings to learn from, by module: those of the six libraries, and of what is installed with us anyway."""
    from importlib.util import find_spec

    from workbench.datasets.docstrings import LIBRARIES, corpus

    there = [*LIBRARIES.values(), *(name for name in MORE if find_spec(name))]
    by_module: dict[str, dict[tuple[str, ...], None]] = {}
    for module, paragraphs in corpus(there):
        if len(" ".join(paragraphs)) >= FEWEST:
            by_module.setdefault(module, {})[paragraphs] = None  # each docstring once
    return [list(found) for found in by_module.values() if len(found) > 1]


def vocabulary(texts: Sequence[tuple[str, ...]], recipe: Reading) -> Tokenizer:
    """A WordPiece tokenizer of its own, trained on the texts; lower case."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=recipe.vocabulary, special_tokens=special, show_progress=False)
    made.train_from_iterator((" ".join(paragraphs) for paragraphs in texts), trainer)
    last, first = ((name, special.index(name)) for name in ("[SEP]", "[CLS]"))
    made.post_processor = processors.BertProcessing(last, first)
    made.enable_truncation(recipe.tokens)
    return made


def trained(recipe: Reading, texts: Corpus, tokenizer: Tokenizer, seed: int) -> Any:
    """The model, after learning which docstrings belong together."""
    import torch
    from transformers import BertConfig, BertModel

    with torch.random.fork_rng(devices=[]):  # what the caller draws next stays what it would have been
        torch.manual_seed(seed)
        config = BertConfig(
            vocab_size=tokenizer.get_vocab_size(), hidden_size=recipe.width, num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads, intermediate_size=4 * recipe.width, max_position_embeddings=256,
            attention_probs_dropout_prob=recipe.attention_dropout,
        )  # fmt: skip
        model: Any = BertModel(config, add_pooling_layer=False)
        return _trained(recipe, model, texts, tokenizer, torch.Generator().manual_seed(seed))


def _trained(recipe: Reading, model: Any, texts: Corpus, tokenizer: Tokenizer, draw: torch.Generator) -> Any:
    import torch
    from torch.nn import functional as F
    from tqdm import tqdm

    from workbench.backbones.language import TextEncoder
    from workbench.features import alike
    from workbench.learners.plan import resolved

    body = TextEncoder(model.train())
    optimizer = torch.optim.AdamW(model.parameters(), recipe.lr, weight_decay=0.01)
    clock = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.lr, total_steps=recipe.steps + 1, pct_start=0.1)
    mixed = torch.autocast("cpu", torch.bfloat16, enabled=resolved("auto", torch.device("cpu")) == torch.bfloat16)
    with tqdm(range(recipe.steps), unit="step", mininterval=1) as bar:
        for step in bar:
            tokens = _pairs(recipe, texts, tokenizer, draw)
            order = alike(tokens.lengths, recipe.at_once)
            with mixed:
                found = torch.cat([body(tokens[at].padded(-1)) for at in order])
            one, other = F.normalize(found.float(), dim=-1)[torch.cat(order).argsort()].chunk(2)
            likeness = one @ other.T / recipe.temperature
            whose = torch.arange(len(likeness))
            loss = (F.cross_entropy(likeness, whose) + F.cross_entropy(likeness.T, whose)) / 2
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            clock.step()
            if step % 50 == 0:
                bar.set_postfix(loss=f"{loss.item():.2f}")
    return model.eval()


def _pairs(recipe: Reading, texts: Corpus, tokenizer: Tokenizer, draw: torch.Generator) -> Ragged:
    """Tokens of two docstrings each of so many modules: 2 * pairs rows, the second ones after the first."""
    import torch

    from workbench.datasets.ragged import Ragged

    modules = torch.randperm(len(texts), generator=draw)[: recipe.pairs].tolist()
    both: tuple[list[str], list[str]] = ([], [])
    for module in modules:
        here = texts[module]
        for side, at in zip(both, torch.randperm(len(here), generator=draw)[:2].tolist(), strict=True):
            first = int(torch.randint(len(here[at]), (), generator=draw))
            side.append("\n".join(here[at][first if first < 2 else 0 :]))  # now and then not from its beginning
    coded = tokenizer.encode_batch([*both[0], *both[1]])
    return Ragged.of([torch.tensor(each.ids) for each in coded])


def reached(
    folder: Path, seeds: Sequence[int], labelled: Mapping[str, int | None] = LABELLED
) -> dict[str, dict[str, float]]:
    """Test accuracy on docstrings of a linear probe on standardised features, with so many labelled texts a library.

    Its L2 is what serves best on the validation part. `mean` over the seeds (which texts are labelled), `spread`: their
    standard deviation.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from workbench.backbones.base import Backbone
    from workbench.backbones.language import build
    from workbench.datasets.docstrings import Docstrings
    from workbench.features import compute

    found = {}
    for name, each in labelled.items():
        scores = []
        for seed in seeds if each else seeds[:1]:
            data = Docstrings(per_class=each, seed=seed).load()
            built = build(Backbone(str(folder)), side=data.side, seed=0)
            train, valid, test = (
                (compute(built, data.inputs, rows, "cpu", None).numpy(), data.labels[rows].numpy())
                for rows in (data.train, data.valid, data.test)
            )
            pulls = [make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=2000)) for c in PULLS]
            best = max((probe.fit(*train) for probe in pulls), key=lambda probe: probe.score(*valid))
            scores.append(best.score(*test))
        spread = float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0
        found[name] = {"mean": round(float(np.mean(scores)), 4), "spread": round(spread, 4)}
    return found
