"""Accuracy by the clock: what a body computes once is in it; who was as good when."""

from __future__ import annotations

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadChoice

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_row_an_epoch_and_what_a_body_computes_once_counts_even_where_it_is_kept(tiny):
    head = wb.Recipe(wb.Digits(per_class=2), tiny, epochs=2, precision="float32")
    wb.fine_tune(head)  # now its features are kept
    whole = head.replace(scope="all", epochs=1)
    found = wb.labs.in_time({"head": head, "all": whole})
    assert [(row.name, row.epoch) for row in found.itertuples(index=False)] == [
        *(("head", 0), ("head", 1), ("head", 2), ("all", 0), ("all", 1)),
    ]
    seconds = found.groupby("name")["seconds"]
    assert seconds.apply(lambda each: each.is_monotonic_increasing).all()
    first, last = seconds.first()["head"], seconds.last()["head"]
    assert first > last - first  # one pass through the body takes longer than two epochs of a head
    assert found["accuracy"].between(found["low"], found["high"]).all()
    assert found["accuracy"].tolist()[:3] == [row["valid_accuracy"] for row in wb.fine_tune(head).rows]


def frame(**accuracies):
    return pd.DataFrame(
        [
            {"name": name, "epoch": epoch, "seconds": seconds, "accuracy": accuracy}
            for name, each in accuracies.items()
            for epoch, (seconds, accuracy) in enumerate(each)
        ]
    )


def test_who_was_as_good_when():
    found = frame(
        quick=[(1, 0.1), (2, 0.9)], slow=[(3, 0.1), (20, 0.85), (30, 0.8)], even=[(25, 0.9)], late=[(60, 1.0)]
    )
    best = "“slow” was best after 20.0 s, 0.850; "
    assert wb.labs.sooner(found, "quick", "slow") == f"{best}“quick” was as good after 2.0 s: 10 times sooner."
    assert wb.labs.sooner(found, "even", "slow") == f"{best}“even” was as good after 25.0 s: about as soon."
    assert wb.labs.sooner(found, "late", "slow") == f"{best}“late” was as good after 60.0 s: later."
    never = "“quick” was best after 2.0 s, 0.900; “slow” never came as far: 0.850 at most."
    assert wb.labs.sooner(found, "slow", "quick") == never
    with pytest.raises(BadChoice, match=r"nobody was timed who is called 'quik'\. Did you mean 'quick'\?"):
        wb.labs.sooner(found, "quik", "slow")
