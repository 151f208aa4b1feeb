"""Texts that are nearly the same are found and told; others are not."""

from __future__ import annotations

import numpy as np

import workbench as wb
from workbench.datasets import near_texts
from workbench.datasets.near_texts import near
from workbench.looking import alike

WORDS = [f"{a}{b}{c}" for a in ("ka", "lo", "mi", "ter", "un", "vo") for b in ("ra", "ne", "sil", "po") for c in "stmx"]


def sentence(draw, words=14):
    return " ".join(draw.choice(WORDS, words))


def changed(text, draw):
    """One word another, and other case and white space."""
    words = text.split()
    words[draw.integers(len(words))] = draw.choice(WORDS)
    return "  ".join(words).capitalize()


def test_planted_copies_with_a_word_changed_are_found_and_others_are_not():
    draw = np.random.default_rng(0)
    texts = [sentence(draw) for _ in range(1000)]
    texts += [changed(texts[at], draw) for at in range(200)]
    found = near(texts, [str(at) for at in range(1200)])
    planted = {(at, 1000 + at) for at in range(200)}
    hit = planted & {*found}
    really = {pair for pair in planted if near_texts._likeness(*(texts[at] for at in pair)) >= near_texts.ALIKE}
    assert really <= hit and len(really) > 100 and {*found} <= planted


def test_of_equal_texts_one_is_compared_and_short_ones_are_not():
    draw = np.random.default_rng(1)
    first = sentence(draw, 30)
    texts = [first, first, first + " too", "ok", "ok.", "ok!"]
    assert near(texts, ["a", "a", "b", "c", "d", "e"]) == [(0, 2)]
    assert near([], []) == [] and near([first], ["a"]) == []


def test_very_many_from_one_template_take_no_time_and_are_kept(monkeypatch):
    texts = [
        f"Dear customer number {at:05}, your parcel has left our house today and comes tomorrow" for at in range(600)
    ]
    same = [str(at) for at in range(600)]
    found = near(texts, same)
    assert 0 < len(found) <= near_texts.MOST
    monkeypatch.setattr(near_texts, "_pairs", lambda texts: 1 / 0)
    assert near(texts, same) == found  # what was found is kept


def test_a_table_tells_them_those_across_parts_by_row(tmp_path):
    draw = np.random.default_rng(2)
    texts = [sentence(draw, 20) for _ in range(60)]
    texts += [f"{text} indeed" for text in texts[:20]]
    lines = [f"{text},{'good' if at % 2 else 'bad'}" for at, text in enumerate(texts)]
    (tmp_path / "own.csv").write_text("\n".join(["text,label", *lines]))
    data = wb.Table(path=str(tmp_path / "own.csv")).load()
    assert "20 pairs of texts are nearly the same though not equal." in data.notes
    assert any("of these pairs lie in two parts, so figures may flatter: " in note for note in data.notes)
    pairs = alike(data)
    assert len(pairs) == 20 and all(two == f"{one} indeed" for one, two in (pair["texts"] for pair in pairs))
    assert len({*pairs[0]["parts"]}) == 2 and "pictures" not in pairs[0]


def test_of_very_many_texts_it_is_told_that_none_are_compared(tmp_path, monkeypatch):
    for module in ("near_texts", "texts"):
        monkeypatch.setattr(f"workbench.datasets.{module}.MOST_TEXTS", 30)
    lines = [f"a letter of some length with number {at} in it,{'good' if at % 2 else 'bad'}" for at in range(60)]
    (tmp_path / "own.csv").write_text("\n".join(["text,label", *lines]))
    data = wb.Table(path=str(tmp_path / "own.csv")).load()
    assert "More than 30 texts: those that are nearly the same are not looked for." in data.notes and data.near == ()
