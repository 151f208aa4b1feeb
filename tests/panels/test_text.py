"""Text in panels is shown letter by letter."""

from __future__ import annotations

from panels.by_hand import PAYLOAD, said

from workbench.panels.text import escaped, line, spoken, style_sheet, table

SAFE = "&lt;img src=x onerror=alert(1)&gt;"


def test_text_is_escaped_whole():
    assert escaped(PAYLOAD) == SAFE and escaped("a & \"b\" 'c'") == "a &amp; &quot;b&quot; &#x27;c&#x27;"
    assert spoken(PAYLOAD, "faint") == f'<div class="wb-faint">{SAFE}</div>'
    assert line(PAYLOAD).value == f'<div class="wb-note">{SAFE}</div>' and said(line(PAYLOAD)) == PAYLOAD


def test_errors_are_announced_and_nothing_is_said_of_nothing():
    assert spoken("no", "error") == '<div class="wb-error" role="alert">no</div>'
    assert spoken("40 %", "strong", role="status") == '<div class="wb-strong" role="status">40 %</div>'
    assert spoken("") == line("").value == ""


def test_a_table_escapes_every_cell():
    found = table([["name", PAYLOAD], ["a", 1], [PAYLOAD, None]])
    assert found.count(SAFE) == 2 and PAYLOAD not in found
    assert found.count("<tr>") == 3 and '<th scope="row">a</th><td>1</td>' in found and "<td>None</td>" in found


def test_a_table_with_a_head_escapes_that_too():
    found = table([["a", 1]], ["knob", PAYLOAD])
    assert f'<thead><tr><th scope="col">knob</th><th scope="col">{SAFE}</th></tr></thead>' in found
    assert "wb-wide" in found and "wb-wide" not in table([["a", 1]]) and "<thead>" not in table([["a", 1]])


def test_each_kind_of_text_has_its_style():
    assert all(f".wb-{kind} " in style_sheet()._css for kind in ("note", "faint", "strong", "head", "error", "table"))
