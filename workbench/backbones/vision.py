"""Vision backbones: ours and timm's, by name, with weights from this disk, from the hub, or random."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from workbench import paths, progress
from workbench.backbones.base import Backbone, Built, fingerprint
from workbench.backbones.cards import cards
from workbench.backbones.pictures import Pictures
from workbench.errors import NoWeights

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = "model.safetensors"  # what a repository on the hub calls them
ANSWERS = 10.0  # seconds in which the hub answers where there is a network


@cache
def timm_names() -> frozenset[str]:
    """Every architecture that the installed timm knows."""
    import timm

    return frozenset(timm.list_models())


def on_disk() -> list[str]:
    """Names of the vision backbones whose pretrained weights lie on this disk: ours, then timm's in the hub's cache."""
    return [*(name for name, card in cards().items() if card["domain"] == "vision"), *cached_names()]


def cached_names() -> list[str]:
    """timm's models in the hub's cache folder."""
    from huggingface_hub.constants import HF_HUB_CACHE

    found = Path(HF_HUB_CACHE).glob("models--timm--*/snapshots/*/*.safetensors")
    return sorted({path.parents[2].name.removeprefix("models--timm--") for path in found})


def build(backbone: Backbone, *, side: int, seed: int) -> Built:
    """Make the network and load its weights. `side`: of the pictures, in pixels; `seed`: for random weights."""
    card = cards().get(backbone.architecture)
    size: int | None
    if card:
        channels, size = card["channels"], card["input_size"]
        body = _made(backbone, card["architecture"], card["arguments"], seed)
        width = _width(body, channels, card["input_size"])
    else:
        channels = 3
        body, width, size = _fitting(backbone, side, seed)
    config: Any = body.pretrained_cfg
    return Built(
        body=body.requires_grad_(False).eval(),
        width=width,
        front=Pictures(channels, size, tuple((card or config)["mean"]), tuple((card or config)["std"])),
        fingerprint=fingerprint(body, backbone.architecture),
        pooled="the class token of the last layer" if _by_token(body) else "the last layer's mean over the picture",
    )


def _by_token(body: nn.Module) -> bool:
    """Whether the features are those of one token, as timm's transformers have it, and no mean."""
    return getattr(body, "global_pool", "") == "token"


def _made(backbone: Backbone, name: str, arguments: dict[str, Any], seed: int) -> nn.Module:
    """timm's network with random weights, or with those of a safetensors file."""
    import timm
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if backbone.weights == "random":
            return timm.create_model(name, pretrained=False, num_classes=0, **arguments)
        path = _weights_file(backbone)
        overlay: dict[str, Any] = {"file": str(path)}
        if "in_chans" in arguments:  # else timm takes weights of one channel for weights of three, and warns
            overlay["input_size"] = (arguments["in_chans"], 32, 32)
        try:
            body = timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay, num_classes=0, **arguments)
        except (RuntimeError, ValueError, KeyError, SafetensorError, OSError) as error:
            first = str(error).split("\n")[0][:200]
            raise NoWeights(f"{path.name} does not fit {backbone.architecture}: {first}") from error
    random = backbone.replace(weights="random")
    _must_hold_all(path, body, lambda: _made(random, name, arguments, seed), backbone.architecture)
    return body


def _must_hold_all(path: Path, body: nn.Module, fresh: Callable[[], nn.Module], architecture: str) -> None:
    """Raise `NoWeights` where the file left weights as `fresh` has them: timm loads any file, another net's too.

    It renames what older files hold, so a name that the file lacks is no proof until the values are as random.
    """
    import torch
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        held = set(file.keys())
    missing = [name for name, weight in body.named_parameters() if name not in held and weight.dim() > 1]
    if missing:
        random = dict(fresh().named_parameters())
        missing = [name for name in missing if torch.equal(body.get_parameter(name), random[name])]
    if missing:
        more = f", nor {len(missing) - 1} other weights" if len(missing) > 1 else ""
        raise NoWeights(f"{path.name} does not fit {architecture}: it does not hold {missing[0]}{more}.")


def _fitting(backbone: Backbone, side: int, seed: int) -> tuple[nn.Module, int, int | None]:
    """timm's network, its width, and the side that pictures must have, None for any.

    Pictures of a side that the network does not take are fed to it at the next multiple of 32, else at its own.
    """
    import timm

    config: Any = timm.get_pretrained_cfg(backbone.architecture)

    def at(size: int) -> tuple[nn.Module, int, int | None]:
        fixed = {"img_size": size} if config.fixed_input_size else {}
        body = _made(backbone, backbone.architecture, fixed, seed)
        return body, _width(body, 3, size), size if fixed or size != side else None

    for size in (side, -(-side // 32) * 32):
        with suppress(RuntimeError, AssertionError, ValueError, ArithmeticError):
            return at(size)
    return at(config.input_size[-1])


_widths: dict[tuple[Any, ...], int] = {}


def _width(body: nn.Module, channels: int, side: int) -> int:
    """How many features it gives, by trying it; once for each network and side, since that takes up to a second."""
    import torch

    about = (type(body), tuple(w.shape for w in body.parameters()), channels, side)
    if about not in _widths:
        with torch.no_grad():
            _widths[about] = int(body.eval()(torch.zeros(2, channels, side, side)).shape[-1])
    return _widths[about]


def _weights_file(backbone: Backbone) -> Path:
    """The safetensors file that holds the weights: ours, a user's, or the hub's (downloaded where it must be)."""
    if backbone.weights == "pretrained":
        ours = paths.weights() / f"{backbone.architecture}.safetensors"
        return ours if ours.is_file() else _from_hub(backbone.architecture)
    path = Path(backbone.weights).expanduser()
    path = path / WEIGHTS if path.is_dir() else path
    if not path.is_file():
        raise NoWeights(
            f"weights must be 'pretrained', 'random', or a safetensors file or folder; {backbone.weights!r} is none."
        )
    if path.suffix != ".safetensors":
        raise NoWeights(f"weights are read from safetensors only (others can run code), got {path.name!r}.")
    return path


def repository(name: str) -> str:
    """Where on the hub the weights of timm's `name` lie (without a tag, those that timm chooses); "" for nowhere."""
    import timm

    config: Any = timm.get_pretrained_cfg(name, allow_unregistered=True)
    repo = str(config.hf_hub_id or "") if config else ""
    return repo + ".".join(filter(None, (config.architecture, config.tag))) if repo.endswith("/") else repo


def is_cached(name: str) -> bool:
    """Whether the weights that timm's `name` stands for, with a tag or without, lie in the hub's cache folder."""
    return repository(name).removeprefix("timm/") in cached_names()


def _from_hub(name: str) -> Path:
    """The file in the hub's cache, else downloaded: after one short question, since the hub's client asks for 31 s."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import LocalEntryNotFoundError

    said = f"On this disk: {', '.join(on_disk())}."
    repo = repository(name)
    if not repo:
        raise NoWeights(f"nobody published weights for {name!r}: take weights='random', or a path. {said}")
    with suppress(LocalEntryNotFoundError):
        return Path(hf_hub_download(repo, WEIGHTS, local_files_only=True))
    progress.tell(f"asking the hub for the weights of {name}, {repo}", 0, 1)
    try:
        get_hf_file_metadata(hf_hub_url(repo, WEIGHTS), timeout=ANSWERS)
        return Path(hf_hub_download(repo, WEIGHTS))
    except Exception as error:
        raise NoWeights(
            f"the weights of {name!r} are not on this disk, and the hub did not give them "
            f"({type(error).__name__}). {said} Or take weights='random', or weights='a/file.safetensors'."
        ) from error
