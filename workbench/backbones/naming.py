"""Names of backbones: which there are, on this disk and elsewhere."""

from __future__ import annotations

from workbench.backbones import plane
from workbench.backbones import transformer_files as files
from workbench.backbones.cards import cards
from workbench.backbones.vision import on_disk as vision_on_disk
from workbench.backbones.vision import timm_names
from workbench.checks import known, nearest
from workbench.errors import BadChoice


def check_name(name: str) -> None:
    """Raise `BadChoice` unless `name` is one of ours, timm's (with or without a tag), or a model of transformers."""
    if not name:
        raise BadChoice(
            "no backbone is chosen, and for your own data none is taken in silence: name one, such as "
            "backbone='resnet18'. wb.shortlist(data) lists those that fit this data and this machine."
        )
    bare, _, tag = name.partition(".")
    if name in (plane.NAME, *cards()) or (bare in timm_names() and not tag):
        return
    if bare in timm_names():
        import timm

        known(name, [bare, *timm.list_pretrained(f"{bare}.*")], "there is no backbone called")
        return
    if files.is_one(name):
        return
    near = nearest(name, [*cards(), *files.here(), *timm_names()])
    raise BadChoice(
        f"there is no backbone called {name!r}.{near} On this disk: {', '.join(on_disk())}. "
        f"timm knows {len(timm_names())} more: `wb.menu('backbones')` lists them. A model of transformers is named as "
        f"on the hub (owner/name), or by its folder."
    )


def on_disk() -> list[str]:
    """Names of the backbones whose pretrained weights lie on this disk: ours, then those in the hub's cache."""
    ours = vision_on_disk()
    others = [name for name, card in cards().items() if card["domain"] != "vision"]
    return [*ours, *others, *files.here()]
