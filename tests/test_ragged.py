"""Rows of unequal length and texts: chosen, padded, and hashed by all that they hold."""

from __future__ import annotations

import torch

from workbench.datasets.ragged import Ragged, Texts

ROWS = [torch.tensor([1, 2, 3]), torch.tensor([4]), torch.tensor([], dtype=torch.long), torch.tensor([5, 6])]


def test_rows_are_chosen_by_position_and_padded_to_the_longest():
    held = Ragged.of(ROWS, longest=2)
    assert len(held) == 4 and held.lengths.tolist() == [3, 1, 0, 2] and held.longest == 2
    assert held[torch.tensor([3, 0])].padded(-1).tolist() == [[5, 6, -1], [1, 2, 3]]
    assert [held[1:][at].values.tolist() for at in (slice(0, 1), slice(2, 3))] == [[4], [5, 6]]
    frames = Ragged.of([torch.ones(2, 3), torch.zeros(1, 3)])
    assert frames.padded(float("nan")).shape == (2, 2, 3) and frames.padded(float("nan"))[1, 1].isnan().all()


def test_every_change_gives_another_hash():
    several = [Ragged.of(ROWS), Ragged.of(ROWS[::-1]), Ragged.of(ROWS, 2), Ragged.of([*ROWS[:3], torch.tensor([5, 7])])]
    several += [Ragged.of([torch.tensor([1, 2]), torch.tensor([3, 4]), *ROWS[2:]])]  # the same numbers, cut elsewhere
    assert len({each.digest() for each in several}) == len(several)
    assert Ragged.of(ROWS).digest() == several[0].digest()
    texts = [Texts(("a", "bc")), Texts(("ab", "c")), Texts(("a", "bc"), ("", "")), Texts(("a", "bc"), longest=3)]
    texts += [Texts(("a",), ("bc",)), Texts(("\ud800", "bc"))]
    assert len({each.digest() for each in texts}) == len(texts)


def test_texts_are_chosen_with_their_second_ones():
    held = Texts(("a", "b", "c"), ("x", "y", "z"), 9)
    found = held[torch.tensor([2, 0])]
    assert (found.first, found.second, found.longest) == (("c", "a"), ("z", "x"), 9)
    assert held[:1].second == ("x",) and Texts(("a", "b"))[torch.tensor([1])].second == ()
