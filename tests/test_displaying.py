"""Examples as HTML: texts and names letter by letter, a player for each recording."""

from __future__ import annotations

import base64

import torch

import workbench as wb
from workbench.displaying import READ, shown

PAYLOAD = "<img src=x onerror=alert(1)>"
PICTURE = torch.zeros(1, 4, 6, dtype=torch.uint8)


def test_texts_and_tokens_are_shown_letter_by_letter():
    text = {"key": PAYLOAD, "label": PAYLOAD, "text": PAYLOAD}
    tokens = {"key": "1", "label": "a", "tokens": [PAYLOAD, "##b"]}
    for each in (text, tokens):
        found = wb.gallery([each])._repr_html_()
        assert "<img" not in found and "&lt;img src=x" in found


def test_a_long_text_is_cut_and_an_answer_stands_beside_the_label():
    row = {"key": "1", "label": "ham", "answer": "spam", "confidence": 0.914, "text": "x" * (READ + 1)}
    found = shown([row])
    assert "ham → spam 0.91" in found and "x" * READ + "…" in found and "x" * (READ + 1) not in found


def test_a_recording_has_its_spectrogram_and_its_player_a_picture_has_none():
    found = shown([{"key": "a/1.wav", "label": PAYLOAD, "picture": PICTURE, "sound": b"RIFF"}])
    assert f"data:audio/wav;base64,{base64.b64encode(b'RIFF').decode()}" in found and "data:image/png" in found
    assert "onerror=alert(1)>" not in found
    assert "<audio" not in shown([{"key": "a/1.png", "label": "a", "picture": PICTURE}])


def test_what_is_not_seen_of_a_text_is_counted_and_an_mp3_is_played_as_such():
    row = {"key": "1", "label": "a", "tokens": ["x"]}
    assert "and 7 more, which are not seen" in shown([row | {"unseen": 7}]) and "more" not in shown(
        [row | {"unseen": 0}]
    )
    assert "data:audio/mpeg;base64," in shown([{"key": "1", "label": "a", "picture": PICTURE, "sound": b"\xff\xf3"}])


def test_a_gallery_says_how_many_it_holds_and_may_be_empty():
    assert repr(wb.gallery([])) == "0 examples" and wb.gallery([])._repr_html_() == ""
