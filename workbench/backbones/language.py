"""Text encoders: ours and those of transformers, with their tokenizers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from workbench import paths, progress
from workbench.backbones import transformer_files as files
from workbench.backbones.base import Backbone, Built, fingerprint
from workbench.datasets.ragged import Ragged, Texts
from workbench.errors import BadChoice

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor, nn

LONGEST = 128  # tokens of a text where nobody says how many
SECOND = 1 << 24  # is added to the tokens of a pair's second text
OFFSET = ("roberta", "xlm-roberta", "camembert", "mpnet")  # whose positions begin after the padding token's number
AT_ONCE = 1024  # texts that are coded together


class TextEncoder(torch.nn.Module):
    """Tokens (batch, length), -1 beyond a text's end, to the mean over a text's last hidden states: (batch, width).

    `first`: take the first token's state instead, for models that were pretrained so.
    """

    def __init__(self, model: nn.Module, first: bool = False):
        super().__init__()
        self.model, self.first = model, first
        self.kinds = getattr(model.config, "type_vocab_size", 0) > 1

    def forward(self, tokens: Tensor) -> Tensor:
        """Pooled features (batch, width)."""
        mask = tokens >= 0
        kinds = {"token_type_ids": (tokens >= SECOND).long()} if self.kinds else {}
        ids = (tokens % SECOND).where(mask, 0)
        hidden: Tensor = self.model(input_ids=ids, attention_mask=mask.long(), **kinds).last_hidden_state
        if self.first:
            return hidden[:, 0]
        there = mask[..., None].to(hidden.dtype)
        return (hidden * there).sum(1) / there.sum(1).clamp(min=1)

    def group_matcher(self, coarse: bool = False) -> Callable[[str], int]:
        """Which block a weight belongs to, in timm's manner."""
        return by_layers(self)


def by_layers(body: nn.Module) -> Callable[[str], int]:
    """Blocks by the longest list of layers in `body`: before it is block 0, after it the last."""
    lists = {name: part for name, part in body.named_modules() if isinstance(part, torch.nn.ModuleList)}
    if not lists:
        raise BadChoice(f"{type(body).__name__} has no list of layers: choose the scope head, norms or all.")
    path = max(lists, key=lambda name: sum(p.numel() for p in lists[name].parameters())) + "."
    order = [name for name, _ in body.named_parameters()]
    first = next(at for at, name in enumerate(order) if name.startswith(path))
    before, layers = set(order[:first]), len(lists[path[:-1]])

    def block(name: str) -> int:
        if name.startswith(path):
            return 1 + int(name.removeprefix(path).partition(".")[0])
        return 0 if name in before else layers + 1

    return block


@dataclass(frozen=True, eq=False)
class Words:
    """How texts come to an encoder: cut into tokens once, padded to the longest of each batch."""

    tokenizer: Tokenizer
    longest: int
    named: str  # the tokenizer's hash
    domain = "language"

    @property
    def about(self) -> str:
        """Everything that decides what `prepare` makes."""
        return f"{self.named}|{self.longest}"

    def encode(self, texts: Texts | Ragged) -> Ragged:
        """The tokens of each text, of a pair one after the other, cut at `longest`; tokens as they are."""
        if isinstance(texts, Ragged):
            return texts
        rows, second = [], texts.second or [None] * len(texts)
        for at in range(0, len(texts), AT_ONCE):
            some = [
                _given(*pair) for pair in zip(texts.first[at : at + AT_ONCE], second[at : at + AT_ONCE], strict=True)
            ]
            rows += [_ids(each) for each in self.tokenizer.encode_batch(some)]
            progress.tell("texts cut into tokens", min(len(texts), at + AT_ONCE), len(texts))
        return Ragged.of(rows, self.longest)

    def prepare(self, tokens: Ragged) -> Tensor:
        """(batch, length of the longest), int64, -1 beyond a text's end."""
        return tokens.padded(-1)

    def blank(self, count: int, side: int) -> Ragged:
        """Texts of as many tokens as may be seen."""
        return Ragged.of([torch.ones(self.longest, dtype=torch.long)] * count, self.longest)

    def bytes(self, tokens: Ragged) -> int:
        """0: each batch is padded for itself."""
        return 0

    def pieces(self, text: str, second: str | None = None) -> list[str]:
        """The tokens of a text as the model sees them."""
        (found,) = self.tokenizer.encode_batch([_given(text, second)])
        return list(found.tokens)

    def unseen(self, text: str, second: str | None = None) -> int:
        """How many tokens of a text the model does not see."""
        (found,) = self.tokenizer.encode_batch([_given(text, second)])
        return sum(len(each.ids) - sum(each.special_tokens_mask) for each in found.overflowing)

    def mask(self) -> tuple[int, Tensor]:
        """The token that hides another (an unknown one where there is no mask), and those that are none of the text."""
        added = self.tokenizer.get_added_tokens_decoder()
        special = {token.content: at for at, token in added.items() if token.special}
        named = [special[name] for name in ("[MASK]", "<mask>", "[UNK]", "<unk>") if name in special]
        if not named:
            raise BadChoice("token-masking needs a tokenizer with a mask or an unknown token: leave it out.")
        return named[0], torch.tensor([*special.values()])

    def said(self, texts: Texts) -> list[str]:
        """How many texts are longer than the model may see."""
        cut = 0
        for at in range(0, len(texts), AT_ONCE):
            some = texts[at : at + AT_ONCE]
            pairs = zip(some.first, some.second or [None] * len(some), strict=True)
            cut += sum(bool(each.overflowing) for each in self.tokenizer.encode_batch([_given(*p) for p in pairs]))
            progress.tell("texts looked at for their length", min(len(texts), at + AT_ONCE), len(texts))
        return [f"{cut:,} of {len(texts):,} texts are longer than {self.longest} tokens: the rest is not seen."] * bool(
            cut
        )


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")  # lone surrogates cannot go to the tokenizer


def _given(first: str, second: str | None) -> Any:
    return _clean(first) if second is None else (_clean(first), _clean(second))


def _ids(coded: Any) -> Tensor:
    ids = torch.tensor(coded.ids, dtype=torch.long)
    return ids + SECOND * torch.tensor(coded.type_ids, dtype=torch.long) if any(coded.type_ids) else ids


def build(backbone: Backbone, *, side: int, seed: int) -> Built:
    """Make the encoder and load its weights. `side`: the most tokens of a text, 0 for what the model takes."""
    folder = folder_of(backbone.architecture, weights=backbone.weights == "pretrained")
    source = folder if backbone.weights in ("pretrained", "random") else Path(backbone.weights).expanduser()
    model = files.made(source, backbone.weights == "random", seed)
    config: Any = model.config
    most = getattr(config, "max_position_embeddings", None) or 512
    most -= config.pad_token_id + 1 if config.model_type in OFFSET else 0
    front = _words(folder, min(side or LONGEST, most))
    body = TextEncoder(model, _takes_first(folder)).requires_grad_(False).eval()
    pooled = "the first token of the last layer" if body.first else "the mean of the last layer's tokens"
    digest = fingerprint(body, Path(backbone.architecture).name)
    return Built(body, int(config.hidden_size), front, digest, pooled)


def folder_of(name: str, weights: bool = True) -> Path:
    """Our own lie under data/weights, each in a folder of its name. Without `weights` none are downloaded."""
    ours = paths.weights() / name
    return ours if (ours / "config.json").is_file() else files.folder_of(name, weights)


def _words(folder: Path, longest: int) -> Words:
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if path.is_file():
        found = Tokenizer.from_file(str(path))
    else:  # older models hold other files, from which the library makes the same
        from transformers import AutoTokenizer

        try:
            fast = AutoTokenizer.from_pretrained(folder, use_fast=True, local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError, KeyError, TypeError) as error:
            why = str(error).splitlines()[0][:200]
            raise BadChoice(f"the tokenizer of {folder} cannot be had without code of its own: {why}") from error
        if not fast.is_fast:
            raise BadChoice(
                f"{folder} has no tokenizer that the library `tokenizers` knows: save one as tokenizer.json."
            )
        found = fast.backend_tokenizer
    found.no_padding()
    found.enable_truncation(longest)
    return Words(found, longest, hashlib.sha256(found.to_str().encode()).hexdigest()[:16])


def _takes_first(folder: Path) -> bool:
    try:
        about = json.loads((folder / "1_Pooling" / "config.json").read_text())
    except (OSError, ValueError):
        return False
    return bool(about.get("pooling_mode_cls_token"))
