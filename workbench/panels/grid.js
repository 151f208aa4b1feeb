// Rows of a table. All text goes in by textContent, value, title or an attribute, so that none of it is ever HTML.

const MOST = 200; // rows in the page at once: with a thousand every stroke in the filter would take a second

function made(tag, about = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(about)) {
    if (name === "text") node.textContent = value;
    else if (name === "on") Object.entries(value).forEach(([event, act]) => node.addEventListener(event, act));
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function textOf(row, column) {
  const value = row[column.shown ?? column.key];
  return value === null || value === undefined ? "" : String(value);
}

function compared(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

function sorted(rows, key, descending) {
  if (!key) return rows;
  const empty = (value) => value === null || value === undefined || value === "";
  return [...rows].sort((a, b) => {
    if (empty(a[key]) || empty(b[key])) return empty(a[key]) - empty(b[key]); // what is not known stands last
    return descending ? compared(b[key], a[key]) : compared(a[key], b[key]);
  });
}

function matching(rows, columns, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (!wanted.length) return rows;
  return rows.filter((row) => {
    const text = columns.map((column) => textOf(row, column)).join(" ").toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

function render({ model, el }) {
  const get = (name) => model.get(name);
  const set = (values) => { Object.entries(values).forEach(([k, v]) => model.set(k, v)); model.save_changes(); };
  el.classList.add("wb-grid");
  el.dataset.lmSuppressShortcuts = "true"; // a letter typed here is no command to the notebook

  const filter = made("input", { type: "search", placeholder: "filter: words of a row", "aria-label": "filter" });
  filter.value = get("words");
  const foot = made("span", { class: "wb-grid-foot", role: "status" });
  const head = made("thead");
  const body = made("tbody");
  const table = made("table", { "aria-label": get("label") }, head, body);
  const scroll = made("div", { class: "wb-grid-scroll", tabindex: "0" }, table);
  el.append(made("div", { class: "wb-grid-top" }, filter, foot), scroll);

  let shown = [];
  let late = false; // rows came in while a note was being written

  function tick(keys, on) {
    const others = get("ticked").filter((key) => !keys.includes(key));
    set({ ticked: on ? [...others, ...keys] : others });
  }

  function drawHead() {
    const line = made("tr");
    if (get("ticks")) {
      const all = made("input", { type: "checkbox", "aria-label": "all rows that are shown", title: "All rows shown" });
      all.addEventListener("change", () => tick(shown.map((row) => row.key), all.checked));
      line.append(made("th", { class: "wb-grid-tick" }, all));
    }
    for (const column of get("columns")) {
      const here = get("sorted_by") === column.key;
      const way = here ? (get("descending") ? "descending" : "ascending") : "none";
      const button = made("button", { type: "button", title: column.help ?? "", text: column.title });
      button.append(made("span", { "aria-hidden": "true", text: here ? (get("descending") ? " ▾" : " ▴") : "" }));
      button.addEventListener("click", () => {
        // numbers from the most, texts from A; a third click is the order in which the rows came
        const first = Boolean(column.number);
        if (!here) set({ sorted_by: column.key, descending: first });
        else if (get("descending") === first) set({ descending: !first });
        else set({ sorted_by: "", descending: false });
        const again = [...head.querySelectorAll("button")].find((each) => each.dataset.key === column.key);
        if (again) again.focus();
      });
      button.dataset.key = column.key;
      const place = column.number ? "wb-grid-number" : "";
      line.append(made("th", { scope: "col", "aria-sort": way, class: place }, button));
    }
    head.replaceChildren(line);
  }

  function cell(row, column) {
    const text = textOf(row, column);
    if (!column.editable) {
      const place = column.number ? "wb-grid-number" : "";
      return made("td", { class: place, title: text.length > 18 ? text : "", text });
    }
    const field = made("input", { type: "text", "aria-label": `${column.title} of ${row.key}`, placeholder: "…" });
    field.value = text;
    field.addEventListener("change", () => {
      const number = (get("edited").number ?? 0) + 1;
      set({ edited: { row: row.key, column: column.key, text: field.value, number } });
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") field.blur();
      if (event.key === "Escape") { field.value = text; field.blur(); }
    });
    field.addEventListener("blur", () => { if (late) setTimeout(drawBody); });
    return made("td", { class: "wb-grid-note" }, field);
  }

  function drawBody() {
    if (body.contains(document.activeElement) && document.activeElement.type === "text") { late = true; return; }
    late = false;
    const columns = get("columns");
    const found = sorted(matching(get("rows"), columns, get("words")), get("sorted_by"), get("descending"));
    shown = found.slice(0, MOST);
    const lines = shown.map((row) => {
      const line = made("tr", { "data-key": row.key });
      if (get("ticks")) {
        const box = made("input", { type: "checkbox", "aria-label": `tick ${row.key}` });
        box.addEventListener("change", () => tick([row.key], box.checked));
        line.append(made("td", { class: "wb-grid-tick" }, box));
        line.addEventListener("click", (event) => { // anywhere in the row, unless text in it was marked
          if (event.target.tagName !== "INPUT" && getSelection().isCollapsed) box.click();
        });
      }
      line.append(...columns.map((column) => cell(row, column)));
      return line;
    });
    const empty = get("rows").length ? "No row has these words." : get("none");
    if (!lines.length) lines.push(made("tr", {}, made("td", { colspan: columns.length + 1, text: empty })));
    body.replaceChildren(...lines);
    drawTicks(found.length);
  }

  function drawTicks(found) {
    const ticked = new Set(get("ticked"));
    for (const line of body.children) {
      const on = ticked.has(line.dataset.key);
      line.classList.toggle("wb-grid-on", on);
      const box = line.querySelector("input[type=checkbox]");
      if (box) box.checked = on;
    }
    const all = head.querySelector("input[type=checkbox]");
    const on = shown.filter((row) => ticked.has(row.key)).length;
    if (all) { all.checked = on > 0 && on === shown.length; all.indeterminate = on > 0 && on < shown.length; }
    const many = found ?? Number(foot.dataset.found);
    foot.dataset.found = many;
    const parts = [many === get("rows").length ? `${many} rows` : `${many} of ${get("rows").length} rows`];
    if (many > shown.length) parts.push(`${many - shown.length} more, filter to see them`);
    if (ticked.size) parts.push(`${ticked.size} ticked` + (ticked.size > on ? `, ${ticked.size - on} not shown` : ""));
    foot.textContent = parts.join(" · ");
  }

  const drawAll = () => { drawHead(); drawBody(); };
  filter.addEventListener("input", () => set({ words: filter.value }));
  const listeners = {
    "change:rows": drawBody,
    "change:columns": drawAll,
    "change:sorted_by change:descending": drawAll,
    "change:words": () => { if (filter.value !== get("words")) filter.value = get("words"); drawBody(); },
    "change:ticked": () => drawTicks(),
  };
  Object.entries(listeners).forEach(([event, act]) => model.on(event, act));
  drawAll();
  return () => Object.entries(listeners).forEach(([event, act]) => model.off(event, act));
}

export default { render };
