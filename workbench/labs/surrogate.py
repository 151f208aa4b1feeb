"""How a Bayesian search learns: a Gaussian process over one knob, and where it looks next."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.choices import Range
from workbench.labs.table import Table, scaled, unscaled

POINTS = 201  # at which it is drawn
BAND = 1.96  # standard deviations on either side: 95 %


def learned(domain: Range, tried: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """What a Gaussian process makes of trials (value, loss) over one knob; lower is better.

    `x`, `mean`, `low`, `high` (95 %) of the loss, `improvement`: by how much a trial there is expected to come below
    the lowest loss so far; `next`: where that is most. scikit-learn's process with a Matérn kernel and noise; optuna's
    sampler fits one of its own of the same kind, over all knobs, and looks by the same measure.

    Source: Jones and others, "Efficient global optimization of expensive black-box functions", 1998.
    """
    from scipy.stats import norm
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    kernel = ConstantKernel(1.0, (0.1, 10)) * Matern(0.3, (0.15, 2), nu=2.5) + WhiteKernel(1e-3, (1e-5, 1e-1))
    process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # few trials leave a bound of the kernel as good as any
        process.fit([[scaled(domain, value)] for value, _ in tried], [loss for _, loss in tried])
    places = np.linspace(0, 1, POINTS)
    mean, spread = process.predict(places[:, None], return_std=True)
    best = min(loss for _, loss in tried)
    ahead = (best - mean) / spread
    improvement = spread * (ahead * norm.cdf(ahead) + norm.pdf(ahead))
    x = [unscaled(domain, float(place)) for place in places]
    band = {"low": (mean - BAND * spread).tolist(), "high": (mean + BAND * spread).tolist()}
    found = {"x": x, "mean": mean.tolist(), **band, "improvement": improvement.tolist()}
    return found | {"next": x[int(improvement.argmax())]}


def steps(table: Table, knob: str, domain: Range, trials: int = 8, first: int = 3) -> list[dict[str, Any]]:
    """The process after `first` trials, spread evenly within the range, and after each more, up to `trials`.

    Each step holds what `learned` says, `knob`, `log`, the trials `tried`, and the `truth`: the table's own loss at
    each `x`, which a search does not know.
    """
    tried = [unscaled(domain, (at + 0.5) / first) for at in range(first)]
    found: list[dict[str, Any]] = []
    truth: list[float] = []
    while len(tried) <= trials:
        pairs = [(value, table.loss({knob: value})) for value in tried]
        step = learned(domain, pairs)
        truth = truth or [table.loss({knob: value}) for value in step["x"]]
        found.append(step | {"knob": knob, "log": domain.log, "tried": pairs, "truth": truth})
        tried.append(step["next"])
    return found
