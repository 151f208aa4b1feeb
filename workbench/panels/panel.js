// ipywidgets hides the label of a control without a description, and names no slider's handle: a screen reader would say
// "slider" or "number". Both take the name that stands beside them, or what their tooltip says. Nor are radio buttons a
// group by themselves: without the question, which stands before them, a screen reader would only say "yes".
const PAUSE = 300; // milliseconds between two looks, however much changes

function label(box) {
  const found = box?.querySelector(":scope > label");
  return found && found.style.display !== "none" ? found.textContent.trim() : "";
}

function hint(box) {
  const said = box?.querySelector(":scope > label")?.title ?? "";
  return said === "null" ? "" : said;
}

function name(panel) {
  for (const group of panel.querySelectorAll(".widget-radio-box:not([role])")) {
    const box = group.parentElement;
    group.setAttribute("role", "radiogroup");
    group.setAttribute("aria-label", label(box) || box.previousElementSibling?.textContent.trim() || "options");
  }
  for (const control of panel.querySelectorAll(".noUi-handle:not([aria-label]), input:not([aria-label]):not([type=radio])")) {
    const box = control.closest(".jupyter-widgets");
    const field = control.tagName === "INPUT";
    if (!box || (field && label(box))) continue;
    const said = label(box) || label(box.previousElementSibling) || hint(box);
    if (said) control.setAttribute("aria-label", field ? said : `${said}, slider`);
  }
}

// In a notebook's command mode arrows go to other cells and letters are commands, wherever in a cell the focus is. Keys
// without Ctrl, Alt or Meta that are pressed in a panel belong to its controls.
function keep(panel, event) {
  if (!panel.contains(event.target)) return;
  const theirs = event.ctrlKey || event.altKey || event.metaKey || (event.shiftKey && event.key === "Enter");
  if (theirs) delete event.target.dataset.lmSuppressShortcuts;
  else event.target.dataset.lmSuppressShortcuts = "true"; // JupyterLab looks for it later, and at what has the focus
}

function render({ el }) {
  let waiting = 0;
  const pressed = (event) => { if (el.parentElement) keep(el.parentElement, event); };
  window.addEventListener("keydown", pressed, true);
  const later = () => { waiting ||= setTimeout(() => { waiting = 0; if (el.parentElement) name(el.parentElement); }, PAUSE); };
  const seen = new MutationObserver(later);
  const begin = () => {
    if (!el.parentElement) return requestAnimationFrame(begin);
    seen.observe(el.parentElement, { childList: true, subtree: true });
    later();
  };
  begin();
  return () => { seen.disconnect(); clearTimeout(waiting); window.removeEventListener("keydown", pressed, true); };
}

export default { render };
