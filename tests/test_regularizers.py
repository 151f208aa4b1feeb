"""Each regularizer's mathematics, against an independent computation."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench.choices import entries
from workbench.regularizers import Now, Regularizer


def two_trials():
    return [torch.randn(2, 5, 3, dtype=torch.float64), torch.randn(2, 3, 4, dtype=torch.float64)]


def now(**knobs):
    return Now(lr=torch.tensor([0.1, 0.2], dtype=torch.float64), **knobs)


STRENGTH = torch.tensor([0.5, 2.0], dtype=torch.float64)


def test_l1_and_l2_by_hand():
    weights = two_trials()
    for made, power in ((wb.L1(), 1), (wb.L2(), 2)):
        by_hand = [s * sum(float((w[t].abs() ** power).sum()) for w in weights) for t, s in enumerate((0.5, 2.0))]
        assert made.penalty(weights, now(strength=STRENGTH)).tolist() == pytest.approx(by_hand)


def test_weight_decay_is_that_of_torchs_adamw():
    weights = two_trials()
    expected = [torch.stack([w[0] * (1 - 0.1 * 0.5), w[1] * (1 - 0.2 * 2.0)]) for w in weights]
    wb.WeightDecay().on_gradients(weights, now(strength=STRENGTH))
    for got, wanted in zip(weights, expected, strict=True):
        torch.testing.assert_close(got, wanted)


def test_weight_decay_takes_no_more_than_all_of_a_weight():
    weights = two_trials()
    wb.WeightDecay().on_gradients(weights, now(strength=torch.tensor([100.0, 0.0], dtype=torch.float64)))
    assert all((w[0] == 0).all() and (w[1] != 0).all() for w in weights)


def test_label_smoothing_is_that_of_torch():
    logits, targets = torch.randn(2, 7, 4, dtype=torch.float64), torch.randint(0, 4, (1, 7))
    extra = wb.LabelSmoothing().on_logits(logits, targets, now(amount=torch.tensor([0.1, 0.3], dtype=torch.float64)))
    for trial, amount in enumerate((0.1, 0.3)):
        ce = torch.nn.functional.cross_entropy
        wanted = ce(logits[trial], targets[0], label_smoothing=amount) - ce(logits[trial], targets[0])
        assert float(extra[trial]) == pytest.approx(float(wanted))


def history(values, column="valid_loss"):
    return [{"epoch": at, column: value} for at, value in enumerate(values)]


def test_early_stopping_waits_and_stops():
    stop = wb.EarlyStopping(patience=2)
    assert not stop.should_stop(history([9, 3, 2, 2.5]))
    assert stop.should_stop(history([9, 3, 2, 2.5, 2.1]))
    assert not stop.should_stop(history([9, 3, 2, 2.5, 1.9, 2]))
    assert not stop.should_stop(history([0.1]))  # the row before training does not count
    assert wb.EarlyStopping(patience=2, at_least=0.5).should_stop(history([9, 3, 2.8, 2.6]))


def test_by_the_gap_it_waits_while_the_gap_is_closed_or_validation_improves():
    def stops(losses, lows, **knobs):
        rows = [
            {"epoch": at, "valid_loss": v, "gap_loss_low": g}
            for at, (v, g) in enumerate(zip(losses, lows, strict=True))
        ]
        return wb.EarlyStopping(watch="gap", patience=2, **knobs).should_stop(rows)

    assert not stops([9, 3, 2, 1, 0.5], [-1, 0.1, 0.2, 0.3, 0.4])  # the gap grows, and so does what is learnt
    assert not stops([9, 3, 4, 5, 6], [-1, -0.1, -0.1, -0.1, 0.1])
    assert stops([9, 3, 4, 5], [-1, -0.1, 0.1, 0.1]) and not stops([9, 3, 4, 5], [-1, -0.1, 0.1, 0.1], at_least=0.1)
    assert stops([9, 3, 2.9, 2.9, 2.9], [-1, 0.3, 0.3, 0.3, 0.3], at_least=0.2)


@pytest.mark.usefixtures("one_thread")
def test_by_the_gap_a_healthy_run_goes_to_its_end_and_one_on_wrong_labels_does_not():
    healthy = wb.Recipe(wb.Digits(per_class=20), epochs=55, regularizers="early-stopping(watch='gap')")
    run = wb.fine_tune(healthy)
    assert run.rows[-1]["epoch"] == 55 and run.rows[-1]["gap_loss_low"] > 0  # a gap, and better with every epoch
    run = wb.fine_tune(healthy.replace(data=wb.Digits(per_class=20, label_noise=0.4), lr=1e-2))
    assert 20 < run.rows[-1]["epoch"] < 50 and run.rows[-1]["rise_low"] > 0


@pytest.mark.parametrize("name", entries(Regularizer))
def test_every_entry_trains(name, tiny):
    run = wb.fine_tune(wb.Recipe(wb.Digits(per_class=5), tiny, regularizers=name, epochs=2))
    assert run.state == "finished" and len(run.rows) == 3


def weights_of(run):
    return run.files.load(run.files.steps()[-1])[0]["head.0.weight"]


def test_they_do_what_they_say(tiny):
    plain = wb.Recipe(wb.Digits(per_class=5), tiny, epochs=20, lr=1e-2)

    def size(regularizers):
        return float(weights_of(wb.fine_tune(plain.replace(regularizers=regularizers))).abs().sum())

    free = size("")
    for strong in ("l1(strength=0.05)", "l2(strength=0.3)", "weight-decay(strength=10)"):
        assert size(strong) < 0.7 * free


def test_they_stack(tiny):
    recipe = wb.Recipe(wb.Digits(per_class=5), tiny, epochs=3, regularizers=", ".join(entries(Regularizer)))
    run = wb.fine_tune(recipe)
    assert run.rows[-1]["penalty"] > 0 and run.rows[-1]["objective"] > run.rows[-1]["penalty"]


def stepped(weight, gradient, step, strength=0.5):
    """One weight a trial after one step of L1's, its gradient the rest of the loss's."""
    w = torch.tensor([[[weight]]], dtype=torch.float64, requires_grad=True)
    made, at = wb.L1(), now(strength=torch.tensor([strength], dtype=torch.float64))
    (made.penalty([w], at).sum() + gradient * w.sum()).backward()
    with torch.no_grad():
        made.on_gradients([w], at)
        w += step
        made.after_step([w], at)
    return float(w.detach()), float(w.grad)


def test_l1_holds_at_zero_what_does_not_pull_harder():
    assert stepped(0.1, 0.0, -0.2) == (0.0, 0.5)  # across zero: it rests there
    assert stepped(0.1, 0.0, -0.05)[0] == pytest.approx(0.05)
    assert stepped(0.1, 0.7, -0.2) == (pytest.approx(-0.1), pytest.approx(1.2))  # the rest pulls on, to the other side
    assert stepped(0.0, 0.4, -0.1) == (0.0, 0.0)  # weaker than the force: held, whatever momentum says
    assert stepped(0.0, -0.7, 0.1) == (0.1, pytest.approx(-0.2))  # what is left beyond the force
    assert stepped(0.0, -0.7, -0.1)[0] == 0.0  # momentum, against the slope
    assert stepped(0.1, 0.0, -0.2, strength=0.0) == (pytest.approx(-0.1), 0.0)  # no force: as if it were not there
    assert stepped(0.1, float("nan"), 0.0)[0] == 0.1  # a trial that diverged keeps its last finite weights


@pytest.mark.parametrize("scope", ["head", "blocks"])
def test_l1s_zeros_are_exact(scope, tiny):
    recipe = wb.Recipe(wb.Digits(per_class=5), tiny, scope=scope, epochs=3, lr=1e-2, precision="float32")
    weights = weights_of(wb.fine_tune(recipe.replace(regularizers="l1(strength=1)")))
    assert (weights == 0).float().mean() > 0.5
    assert (weights_of(wb.fine_tune(recipe.replace(regularizers="l2(strength=1)"))) == 0).sum() == 0
