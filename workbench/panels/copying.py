"""A button that puts a text on the clipboard of whoever sits before the browser."""

from __future__ import annotations

import anywidget
import traitlets


class CopyButton(anywidget.AnyWidget):
    """Copies `text`; `copied` counts how often. The text is never put into the page."""

    _esm = """
    function render({ model, el }) {
      const button = document.createElement("button");
      button.className = "lm-Widget jupyter-widgets jupyter-button widget-button";
      button.style.width = "auto";
      const show = () => { button.textContent = model.get("description"); button.title = model.get("tooltip"); };
      button.addEventListener("click", async () => {
        let done = true;
        try { await navigator.clipboard.writeText(model.get("text")); } catch (error) { done = false; }
        model.set("worked", done);
        model.set("copied", model.get("copied") + 1);
        model.save_changes();
      });
      model.on("change:description", show);
      show();
      el.appendChild(button);
    }
    export default { render };
    """
    text = traitlets.Unicode("").tag(sync=True)
    description = traitlets.Unicode("Copy as code").tag(sync=True)
    tooltip = traitlets.Unicode("Python that makes this recipe, on the clipboard").tag(sync=True)
    copied = traitlets.Int(0).tag(sync=True)
    worked = traitlets.Bool(True).tag(sync=True)
