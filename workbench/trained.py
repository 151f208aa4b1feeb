"""What a scope trains of a backbone: counted, and in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.backbones import Built
    from workbench.recipe import Recipe

KEPT = {"pretrained": "as they were pretrained", "random": "as they were drawn"}


def counts(recipe: Recipe, classes: int, side: int) -> dict[str, int]:
    """How many numbers train and how many stay frozen: `body trained`, `body frozen`, `head trained`.

    Counted on random weights: there are as many, and nothing is downloaded. `side`: of pictures in pixels; else tokens,
    or samples, that may be seen. Raises BadChoice where the backbone reads another kind of examples.
    """
    return _counted(recipe, _built(recipe, side), classes)


def sentence(recipe: Recipe, classes: int, side: int) -> str:
    """What trains, and on what: `head: trains 1,290 weights on the mean of ...; the encoder's 1.4 M stay as ...`."""
    from workbench.scopes import Head

    built, scope = _built(recipe, side), recipe.scope
    found = _counted(recipe, built, classes)
    whole = "network" if built.front.domain == "vision" else "encoder"
    top = f"{_said(found['head trained'])} weights" if isinstance(scope, Head) else (
        f"{scope.said(built.body, _said(found['body trained']), whole)} and the head's {_said(found['head trained'])}"
    )  # fmt: skip
    deep = f", in {scope.layers + 1} layers," if isinstance(scope, Head) and scope.layers else ""
    other = "other " if found["body trained"] else ""
    kept = KEPT.get(recipe.backbone.weights, "as their file has them")
    frozen = f"the {whole}'s {other}{_said(found['body frozen'])} stay {kept}" if found["body frozen"] else (
        "nothing stays frozen"
    )  # fmt: skip
    return f"{scope.name}: trains {top}{deep} on {built.pooled}; {frozen}."


def _said(count: int) -> str:
    """Exact below a million, where one may want to add it up."""
    return f"{count:,}" if count < 1e6 else f"{count / 1e6:.1f} M"


def _built(recipe: Recipe, side: int) -> Built:
    from workbench.backbones.building import build, must_read

    must_read(recipe.backbone, recipe.data.domain)
    return build(recipe.backbone.replace(weights="random"), side=side, seed=0)


def _counted(recipe: Recipe, built: Built, classes: int) -> dict[str, int]:
    import torch

    from workbench.learners import head
    from workbench.scopes import Head

    chosen = set(recipe.scope.chosen(built.body))
    sizes = {name: p.numel() for name, p in built.body.named_parameters()}
    spec = recipe.scope if recipe.scope.name == "head" else Head()
    top = head.start(spec, built.width, classes, [0], torch.float32)
    return {
        "body trained": sum(n for name, n in sizes.items() if name in chosen),
        "body frozen": sum(n for name, n in sizes.items() if name not in chosen),
        "head trained": sum(w.numel() for w in top.values()),
    }
