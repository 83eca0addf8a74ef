// The case report's player. Everything it shows is in the page: #case-data holds the pictures and the outlines.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("case-data").textContent);
  const byId = (id) => document.getElementById(id);
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const state = { frame: data.first.frame, slice: data.first.slice, contours: true, edges: false, whole: false, playing: false };

  // --- pictures and outlines ---------------------------------------------------------------------------------------
  const sheets = data.sheets.map((sheet) => {
    const picture = new Image();
    picture.onload = () => draw();
    picture.src = "data:image/jpeg;base64," + sheet;
    return picture;
  });

  const view = () => (state.whole ? data.box : data.heart); // [row0, col0, row1, col1]
  const aspect = ([row0, col0, row1, col1]) => ((col1 - col0) * data.pixelMm[1]) / ((row1 - row0) * data.pixelMm[0]);

  const paths = new Map();
  // Corners of the pixels' outline, one for each step of one pixel.
  function unitCorners(ring) {
    const points = [];
    let [row, col] = ring;
    for (let i = 2; i < ring.length; i++) {
      for (let left = Math.abs(ring[i]); left > 0; left--) {
        points.push([col, row]);
        if (i % 2 === 0) col += Math.sign(ring[i]);
        else row += Math.sign(ring[i]);
      }
    }
    return points;
  }

  const WEIGHTS = [1, 6, 15, 20, 15, 6, 1].map((weight) => weight / 64);
  const softened = (points) => points.map((_, at) => {
    let x = 0, y = 0;
    WEIGHTS.forEach((weight, i) => {
      const [px, py] = points[(at + i - 3 + points.length) % points.length];
      x += weight * px;
      y += weight * py;
    });
    return [x, y];
  });

  // Smoothed against the stairs of the pixels without shrinking; no point moves by more than half a pixel.
  function smoothed(points) {
    if (points.length < 12) return points;
    const once = softened(softened(points)), twice = softened(softened(once));
    return points.map(([x, y], i) => {
      const dx = 2 * once[i][0] - twice[i][0] - x, dy = 2 * once[i][1] - twice[i][1] - y;
      const share = Math.min(1, 0.5 / (Math.hypot(dx, dy) || 1));
      return [x + dx * share, y + dy * share];
    });
  }

  function ringInto(path, ring) {
    const corners = unitCorners(ring);
    const points = state.edges ? corners : smoothed(corners);
    points.forEach(([x, y], i) => (i === 0 ? path.moveTo(x, y) : path.lineTo(x, y)));
    path.closePath();
  }

  function outline(structure, frame, slice) {
    const key = `${structure},${frame},${slice},${state.edges}`;
    if (!paths.has(key)) {
      const path = new Path2D();
      data.rings[structure][frame][slice].forEach((ring) => ringInto(path, ring));
      paths.set(key, path);
    }
    return paths.get(key);
  }

  // --- drawing -----------------------------------------------------------------------------------------------------
  function sized(canvas) {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
    const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    return pen;
  }

  function drawImage(canvas, slice) {
    const pen = sized(canvas);
    const sheet = sheets[slice];
    if (!sheet.complete || !sheet.naturalWidth) return;
    const [row0, col0, row1, col1] = view();
    const [top, left, bottom, right] = data.box;
    const x = (state.frame % data.columns) * (right - left) + col0 - left;
    const y = Math.floor(state.frame / data.columns) * (bottom - top) + row0 - top;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(sheet, x, y, col1 - col0, row1 - row0, 0, 0, canvas.width, canvas.height);
  }

  function drawOutlines(canvas, slice, width) {
    const pen = sized(canvas);
    if (!state.contours) return pen;
    const ratio = window.devicePixelRatio || 1;
    const [row0, col0, row1, col1] = view();
    const sx = canvas.width / (col1 - col0), sy = canvas.height / (row1 - row0);
    data.structures.forEach((structure, index) => {
      const placed = new Path2D();
      placed.addPath(outline(index, state.frame, slice), { a: sx, d: sy, e: -col0 * sx, f: -row0 * sy });
      pen.lineWidth = width * ratio;
      pen.setLineDash(width > 1.5 ? structure.dash.map((length) => length * ratio) : []);
      pen.lineJoin = "round";
      pen.strokeStyle = structure.colour;
      pen.stroke(placed);
    });
    return pen;
  }

  function drawScaleBar(pen, canvas) {
    if (!data.pixelKnown) return;
    const [, col0, , col1] = view();
    const perMm = canvas.width / ((col1 - col0) * data.pixelMm[1]);
    const length = [100, 50, 20, 10, 5, 2, 1, 0.5].find((mm) => mm * perMm < canvas.width * 0.3);
    if (!length) return;
    const ratio = window.devicePixelRatio || 1;
    const right = canvas.width - 12 * ratio, y = canvas.height - 12 * ratio;
    pen.setLineDash([]);
    pen.strokeStyle = pen.fillStyle = "#fff";
    pen.shadowColor = "#000";
    pen.shadowBlur = 3 * ratio;
    pen.lineWidth = 2 * ratio;
    pen.beginPath();
    pen.moveTo(right - length * perMm, y);
    pen.lineTo(right, y);
    pen.stroke();
    pen.font = `${12 * ratio}px system-ui, sans-serif`;
    pen.textAlign = "right";
    pen.fillText(`${length} mm`, right, y - 6 * ratio);
    pen.shadowBlur = 0;
  }

  const large = byId("large");
  const tiles = [...document.querySelectorAll(".tile")];

  function draw() {
    const [image, overlay] = large.querySelectorAll("canvas");
    drawImage(image, state.slice);
    drawScaleBar(drawOutlines(overlay, state.slice, 2), overlay);
    tiles.forEach((tile, slice) => {
      const [small, lines] = tile.querySelectorAll("canvas");
      drawImage(small, slice);
      drawOutlines(lines, slice, 1.2);
      tile.setAttribute("aria-pressed", String(slice === state.slice));
    });
    describe();
  }

  function layout() {
    const shape = aspect(view());
    const room = large.parentElement.clientWidth;
    const height = Math.min(room / shape, Math.max(340, window.innerHeight * 0.6));
    large.style.aspectRatio = String(shape);
    large.style.height = `${Math.round(height)}px`;
    large.style.width = `${Math.round(height * shape)}px`;
    const count = tiles.length;
    const most = window.innerWidth < 500 ? 4 : 6;
    byId("montage").style.setProperty("--columns", Math.max(2, Math.ceil(count / Math.ceil(count / most))));
    tiles.forEach((tile) => { tile.style.aspectRatio = String(shape); });
    draw();
  }

  // --- words -------------------------------------------------------------------------------------------------------
  const three = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : String(Number(value.toPrecision(3))));
  function phaseName() {
    const names = [];
    if (state.frame === data.phases.ed) names.push("ED");
    if (state.frame === data.phases.es) names.push("ES");
    return names.join(" ");
  }

  function describe() {
    const time = data.timesMs ? ` · ${Math.round(data.timesMs[state.frame])} ms` : "";
    const frame = data.frames > 1 ? `Frame ${state.frame + 1} of ${data.frames}${time}` : "";
    const slice = `Slice ${state.slice + 1} of ${data.slices}`;
    byId("where").innerText = frame ? `${slice}\n${frame}` : slice;
    byId("phase").textContent = phaseName();
    large.setAttribute("aria-label", `Short-axis image, ${slice}${frame ? ", " + frame : ""} ${phaseName()}`);
    const slider = byId("frame");
    if (slider) {
      slider.value = String(state.frame + 1);
      slider.setAttribute("aria-valuetext", `${frame} ${phaseName()}`);
    }
    data.lines.forEach((line) => {
      const y = line.y[state.frame], dot = byId(`now-${line.key}`);
      dot.setAttribute("cx", y === null ? -9 : data.frameX[state.frame]);
      dot.setAttribute("cy", y === null ? -9 : y);
    });
    const cursor = byId("cursor");
    if (cursor) {
      cursor.setAttribute("x1", data.frameX[state.frame]);
      cursor.setAttribute("x2", data.frameX[state.frame]);
      byId("readout").replaceChildren(...data.lines.flatMap((line) => {
        const name = document.createElement("b");
        name.className = line.key;
        name.textContent = line.title;
        const volume = line.volumes[state.frame];
        return [name, volume === null ? " –  " : ` ${three(volume)} ${data.volumeUnit}  `];
      }));
    }
  }

  // --- moving ------------------------------------------------------------------------------------------------------
  function remember() {
    const parts = [`frame=${state.frame + 1}`, `slice=${state.slice + 1}`];
    if (!state.contours) parts.push("contours=0");
    if (state.edges) parts.push("edges=1");
    if (state.whole) parts.push("whole=1");
    try { history.replaceState(null, "", "#" + parts.join("&")); } catch { /* some browsers refuse it for local files */ }
  }

  function goTo(frame, slice = state.slice) {
    state.frame = ((frame % data.frames) + data.frames) % data.frames;
    state.slice = clamp(slice, 0, data.slices - 1);
    draw();
    if (!state.playing) remember();
  }

  function recall() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const number = (name, now, count) => {
      const value = parseInt(asked.get(name), 10);
      return Number.isFinite(value) ? clamp(value, 1, count) - 1 : now;
    };
    state.frame = number("frame", state.frame, data.frames);
    state.slice = number("slice", state.slice, data.slices);
    if (asked.has("contours")) state.contours = asked.get("contours") !== "0";
    if (asked.has("edges")) state.edges = asked.get("edges") === "1";
    if (asked.has("whole")) state.whole = byId("whole") !== null && asked.get("whole") === "1";
    byId("contours").checked = state.contours;
    byId("edges").checked = state.edges;
    if (byId("whole")) byId("whole").checked = state.whole;
    layout();
  }

  const times = data.timesMs;
  const frameMs = times ? times[times.length - 1] / (times.length - 1) : data.frames < 6 ? 500 : 40; // single phases would flicker
  let due = 0;
  function tick(now) {
    if (!state.playing) return;
    if (now >= due) {
      due = Math.max(due + frameMs / Number(byId("speed").value), now);
      goTo(state.frame + 1);
    }
    requestAnimationFrame(tick);
  }

  function play(on) {
    if (data.frames < 2) return;
    state.playing = on;
    byId("play").textContent = on ? "Pause" : "Play";
    byId("play").setAttribute("aria-pressed", String(on));
    due = performance.now();
    if (on) requestAnimationFrame(tick);
    else remember();
  }

  function showContours(on) {
    state.contours = byId("contours").checked = on;
    draw();
    remember();
  }

  function showEdges(on) {
    state.edges = byId("edges").checked = on;
    draw();
    remember();
  }

  function showWhole(on) {
    if (!byId("whole")) return;
    state.whole = byId("whole").checked = on;
    layout();
    remember();
  }

  function jump(frame) {
    if (frame === null) return;
    play(false);
    goTo(frame);
  }

  // --- listening ---------------------------------------------------------------------------------------------------
  tiles.forEach((tile, slice) => tile.addEventListener("click", () => goTo(state.frame, slice)));
  byId("viewer").addEventListener("mousedown", (event) => { if (event.target.closest("button")) event.preventDefault(); });
  byId("contours").addEventListener("change", (event) => showContours(event.target.checked));
  byId("edges").addEventListener("change", (event) => showEdges(event.target.checked));
  byId("whole")?.addEventListener("change", (event) => showWhole(event.target.checked));
  byId("play")?.addEventListener("click", () => play(!state.playing));
  byId("to-ed")?.addEventListener("click", () => jump(data.phases.ed));
  byId("to-es")?.addEventListener("click", () => jump(data.phases.es));
  byId("frame")?.addEventListener("input", (event) => jump(Number(event.target.value) - 1));
  for (const name of ["brightness", "contrast"]) {
    byId(name).addEventListener("input", (event) => byId("viewer").style.setProperty(`--${name}`, event.target.value));
  }
  byId("reset").addEventListener("click", () => {
    for (const name of ["brightness", "contrast"]) {
      byId(name).value = "1";
      byId("viewer").style.setProperty(`--${name}`, "1");
    }
  });

  const curve = byId("curve");
  function scrub(event) {
    const box = curve.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * curve.viewBox.baseVal.width;
    const far = data.frameX.map((at) => Math.abs(at - x));
    jump(far.indexOf(Math.min(...far)));
  }
  curve?.addEventListener("pointerdown", (event) => { curve.setPointerCapture(event.pointerId); scrub(event); });
  curve?.addEventListener("pointermove", (event) => { if (event.buttons & 1) scrub(event); });

  const keys = {
    ArrowLeft: () => jump((state.frame + data.frames - 1) % data.frames),
    ArrowRight: () => jump((state.frame + 1) % data.frames),
    ArrowUp: () => goTo(state.frame, state.slice - 1),
    ArrowDown: () => goTo(state.frame, state.slice + 1),
    " ": () => play(!state.playing),
    c: () => showContours(!state.contours),
    p: () => showEdges(!state.edges),
    w: () => showWhole(!state.whole),
    e: () => jump(data.phases.ed),
    s: () => jump(data.phases.es),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target;
    const own = target.closest?.("select, summary, .slider, a") || (event.key === " " && target.closest?.("button, input"));
    const inSight = byId("viewer").getBoundingClientRect().bottom > 120;
    if (own || !inSight || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  window.addEventListener("hashchange", recall);
  window.addEventListener("resize", layout);
  window.addEventListener("beforeprint", () => play(false));
  recall();
})();
