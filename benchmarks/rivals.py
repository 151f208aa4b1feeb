"""What the rivals' arms share: loops as an expert writes them, a frozen network with a head, trials under optuna."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Settings = Mapping[str, float]
Told = dict[str, float]


def plain_epoch(network: Any, optimizer: Any, x: Any, y: Any, batch: int) -> None:
    """One pass over tensors in memory in random order."""
    import torch
    from torch.nn import functional as F

    network.train()
    for at in torch.randperm(len(x)).split(batch):
        loss = F.cross_entropy(network(x[at]), y[at])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def proposed(recipe: Any, many: int) -> tuple[list[dict[str, Any]], Any]:
    """The settings that our random search proposes for this recipe, round after round, and the space."""
    import workbench as wb
    from workbench.searching.space import space_of

    space, strategy, found = space_of(recipe), wb.Random(trials=many), []
    while len(found) < many:
        count = min(strategy.size, many - len(found))
        found += strategy.propose(space, [(each, 0.0) for each in found], recipe.seed, count)
    return found, space


def drawn(what: int, epoch: int, step: int = 0, seed: int = 0) -> Any:
    """Random numbers as our own runs have them: `what` is 1 for an epoch's order, 2 for a step's masks."""
    import numpy as np
    import torch

    key = np.random.SeedSequence([seed, what, epoch, step]).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(key[0]) << 31 | int(key[1]) >> 1)


def spread_of(features: Any) -> tuple[Any, Any]:
    """Mean and spread by which our own runs standardise features."""
    from workbench.learners.plan import spread_of as ours

    return ours(features)


def dropout(rate: float, steps: int = 0) -> Any:
    """torch's dropout; or, with an epoch's `steps`, one that drops what our own runs drop."""
    import torch

    class Same(torch.nn.Module):
        calls = 0

        def forward(self, x: Any) -> Any:
            if not self.training:
                return x
            generator = drawn(2, *divmod(self.calls, steps))
            self.calls += 1
            return x * (torch.rand(x.shape, generator=generator) >= rate) / (1 - rate)

    return Same() if steps else torch.nn.Dropout(rate)


def started(layers: int, width: int, classes: int, hidden: int = 64, drop: Any = None) -> Any:
    """A head as torch's modules, with the initial weights of our own runs (seed 0), and `drop` before it."""
    import torch
    from torch import nn

    from workbench.learners import head
    from workbench.scopes import Head

    held = head.start(Head(layers=layers, width=hidden), width, classes, [0], torch.float32)
    parts: list[Any] = [drop] if drop else []
    for at in range(layers + 1):
        weight, bias = held[f"head.{at}.weight"][0].T, held[f"head.{at}.bias"].flatten()
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            linear.weight.copy_(weight)
            linear.bias.copy_(bias)
        parts += [linear] + [nn.ReLU()] * (at < layers)
    return nn.Sequential(*parts)


def penalty(head: Any, settings: Settings) -> Any:
    """L1 and L2 on the weights, as our regularizers have them; 0 where neither is asked for."""
    weights = [w for w in head.parameters() if w.dim() > 1]
    l2, l1 = settings.get("l2.strength", 0.0), settings.get("l1.strength", 0.0)
    squares = l2 * sum((w * w).sum() for w in weights) if l2 else 0.0
    return squares + (l1 * sum(w.abs().sum() for w in weights) if l1 else 0.0)


def head_alone(
    settings: Settings, train: Any, parts: Sequence[Any], network: Any, epochs: int, batch: int,
    heed: Callable[[int, Told], None] = lambda epoch, told: None, forward: Any = None,
) -> Told:  # fmt: skip
    """One head trained as an expert writes it, in the order of our own runs; the best of its epochs by loss.

    `train`: inputs and labels; `parts`: what is evaluated each epoch, the validation part last; `heed` is told of every
    epoch, and may raise; `forward`: inputs to logits where a body stands before the head.
    """
    import torch
    from torch.nn import functional as F

    (x, y), forward = train, forward or network
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings["lr"], weight_decay=0.0, fused=True)
    best: Told = {"loss": float("inf"), "accuracy": 0.0, "most": 0.0}
    for epoch in range(epochs):
        network.train()
        for at in torch.randperm(len(x), generator=drawn(1, epoch)).to(y.device).split(batch):
            loss = F.cross_entropy(forward(x[at]), y[at]) + penalty(network, settings)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            for inputs, labels in parts:
                size = batch if forward is not network else 8192
                logits = torch.cat([forward(inputs[at : at + size]) for at in range(0, len(inputs), size)])
                told = {"loss": float(F.cross_entropy(logits, labels))}
                told["accuracy"] = float((logits.argmax(1) == labels).float().mean())
        best["most"] = max(best["most"], told["accuracy"])
        if told["loss"] < best["loss"]:
            best |= told
        heed(epoch + 1, told)
    return best


def frozen(body: Any, standard: Any, head: Any, prepare: Callable[[Any], Any] | None = None) -> Any:
    """A frozen body in eval mode, whatever a framework asks for, its outputs standardised, and a head that trains.

    `prepare`: examples of unequal length to one padded tensor, where they are such.
    """
    import torch

    class Probe(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head, self.prepare = body.eval().requires_grad_(False), head, prepare
            self.register_buffer("mean", standard[0])
            self.register_buffer("std", standard[1])

        def train(self, mode: bool = True) -> Any:
            super().train(mode)
            self.body.eval()
            return self

        def forward(self, x: Any) -> Any:
            with torch.no_grad():
                features = (self.body(x if isinstance(x, torch.Tensor) else self.prepare(x)) - self.mean) / self.std
            return self.head(features)

    return Probe()


def wrapped(network: Any, extra: Callable[[], Any] = lambda: 0.0) -> Any:
    """The network as a module that gives its loss (`extra` added in training) and logits in a dict."""
    import torch

    class Wrapped(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, inputs: Any, labels: Any = None) -> dict[str, Any]:
            logits = self.network(inputs)
            loss = torch.nn.functional.cross_entropy(logits, labels)
            return {"loss": loss + extra() if self.training else loss, "logits": logits}

    return Wrapped()


def under_optuna(
    objective: Callable[[Any, Settings], float], settings: Sequence[Settings], space: Mapping[str, Any],
    pruner: Any = None, direction: str = "minimize",
) -> Any:  # fmt: skip
    """An optuna study in memory that goes through these settings; `objective` gets the trial and what it suggests."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = pruner or optuna.pruners.NopPruner()
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(sampler=sampler, pruner=pruner, direction=direction, study_name="rival")
    for each in settings:
        study.enqueue_trial(dict(each))

    def tried(trial: Any) -> float:
        return objective(trial, {p: trial.suggest_float(p, d.low, d.high, log=d.log) for p, d in space.items()})

    study.optimize(tried, n_trials=len(settings))
    return study
