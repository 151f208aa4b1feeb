"""The button that copies."""

from __future__ import annotations

from workbench.panels.copying import CopyButton


def test_its_text_and_its_clicks_travel_and_the_text_is_never_put_into_the_page():
    button, clicks = CopyButton(text="wb.Recipe()"), []
    button.observe(clicks.append, "copied")
    state = button.get_state()
    assert (state["text"], state["description"], state["copied"]) == ("wb.Recipe()", "Copy as code", 0)
    button.set_state({"worked": False, "copied": 1})  # what the browser sends
    assert len(clicks) == 1 and not button.worked
    assert "innerHTML" not in button._esm and "textContent" in button._esm
    assert state["tooltip"].startswith("Python that makes this recipe")
