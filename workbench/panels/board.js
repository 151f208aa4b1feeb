// Points in a plane over the model's answers: a press adds one of the chosen class, a press on one takes it away.
const NEAR = 0.025; // of the board's side: so near, a press means the point that is there
const WATCHED = ["surface", "points", "held", "colours", "said"];

function render({ model, el }) {
  const canvas = document.createElement("canvas");
  canvas.className = "wb-board";
  canvas.width = canvas.height = 480;
  canvas.setAttribute("role", "img");
  el.append(canvas);
  const small = document.createElement("canvas");

  function surface(context, side) {
    const bytes = model.get("surface");
    const cells = model.get("cells");
    if (!cells || !bytes || bytes.byteLength !== cells * cells * 3) return;
    const pixels = new Uint8ClampedArray(cells * cells * 4).fill(255);
    const colours = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < cells * cells; at++) pixels.set(colours.subarray(3 * at, 3 * at + 3), 4 * at);
    small.width = small.height = cells;
    small.getContext("2d").putImageData(new ImageData(pixels, cells, cells), 0, 0);
    context.drawImage(small, 0, 0, side, side);
  }

  // each class has a form as well as a colour; what is held out for validation is hollow
  const forms = [
    (c, x, y, r) => c.arc(x, y, r, 0, 2 * Math.PI),
    (c, x, y, r) => c.rect(x - r, y - r, 2 * r, 2 * r),
    (c, x, y, r) => { c.moveTo(x, y - 1.3 * r); c.lineTo(x + 1.2 * r, y + r); c.lineTo(x - 1.2 * r, y + r); c.closePath(); },
    (c, x, y, r) => { c.moveTo(x, y - 1.4 * r); c.lineTo(x + 1.4 * r, y); c.lineTo(x, y + 1.4 * r); c.lineTo(x - 1.4 * r, y); c.closePath(); },
  ];

  const place = (x, y) => `${Math.round(x * 1000)} ${Math.round(y * 1000)}`; // as board.py names it

  function draw() {
    const context = canvas.getContext("2d");
    const side = canvas.width;
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, side, side);
    surface(context, side);
    const colours = model.get("colours");
    const hollow = new Set(model.get("held"));
    for (const [x, y, kind] of model.get("points")) {
      const held = hollow.has(place(x, y));
      context.beginPath();
      forms[kind % forms.length](context, x * side, (1 - y) * side, 4.5);
      context.lineWidth = 2;
      context.strokeStyle = held ? colours[kind % colours.length] : "#ffffff";
      context.fillStyle = held ? "#ffffff" : colours[kind % colours.length];
      context.fill();
      context.stroke();
    }
    canvas.setAttribute("aria-label", model.get("said"));
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const box = canvas.getBoundingClientRect();
    const x = Math.round((1000 * (event.clientX - box.left)) / box.width) / 1000;
    const y = Math.round(1000 - (1000 * (event.clientY - box.top)) / box.height) / 1000;
    const points = model.get("points");
    const hit = points.findIndex((each) => Math.hypot(each[0] - x, each[1] - y) < NEAR);
    const kept = points.filter((_, at) => at !== hit);
    model.set("points", hit < 0 ? [...points, [x, y, model.get("kind")]] : kept);
    model.set("drawn", model.get("drawn") + 1);
    model.save_changes();
    draw();
  });

  let waiting = false; // one drawing a frame, however much changed
  const later = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(); });
  };
  for (const name of WATCHED) model.on(`change:${name}`, later);
  draw();
  return () => { for (const name of WATCHED) model.off(`change:${name}`, later); };
}

export default { render };
