// Charts that are read and clicked: tiles, bars, intervals, histograms and curves, drawn from numbers.
// Every text is set as text: nothing here parses markup.

const SVG = "http://www.w3.org/2000/svg";

function s(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  if (text !== undefined) node.textContent = text;
  return node;
}
const said = (n) => n.toLocaleString("en");
function short(n) {
  if (n >= 1024 && (n & (n - 1)) === 0) return n >= 1 << 20 ? `${n >> 20}M` : `${n >> 10}k`;
  return n >= 1e6 ? `${+(n / 1e6).toPrecision(2)}M` : n >= 1e3 ? `${+(n / 1e3).toPrecision(2)}k` : String(n);
}
function clickable(cls, where, go) {
  const node = h(where ? "button" : "div", cls);
  if (where) { node.type = "button"; node.onclick = () => go({ ...where }); }
  return node;
}

function tiles(list, go) {
  const box = h("div", "tiles");
  for (const tile of list) {
    const node = clickable("tile", tile.go, go);
    node.append(h("span", "", tile.label), h("b", "", tile.value));
    box.append(node);
  }
  return box;
}
const LISTED = 14;  // rows that are seen at once: of more, the last fade, and one scrolls
function bars(panel, go) {
  const box = h("div", `rows${panel.items.length > LISTED ? " more" : ""}`);
  const most = Math.max(1, ...panel.items.map((item) => item.parts.reduce((sum, part) => sum + part.value, 0)));
  for (const item of panel.items) {
    const total = item.parts.reduce((sum, part) => sum + part.value, 0);
    const node = clickable("row", item.go, go);
    node.dataset.key = item.key;
    node.title = `${item.label}: ${item.parts.map((part) => `${said(part.value)} ${part.name}`).join(", ")}`;
    const track = h("div", "track");
    for (const part of item.parts) if (part.value) {
      const fill = h("i", part.tone);
      fill.style.width = `${100 * part.value / most}%`;
      track.append(fill);
    }
    node.append(h("span", "name", null, ...(item.code ? [h("small", "", item.code)] : []), document.createTextNode(item.label)), track, h("span", "value", item.value ?? said(total)));
    box.append(node);
  }
  return box;
}
function intervals(panel, go) {
  const box = h("div", `rows wide${panel.items.length > LISTED ? " more" : ""}`);
  for (const item of panel.items) {
    const node = clickable("row", item.go, go);
    node.dataset.key = item.key;
    const range = h("div", "range");
    if (item.judged) {
      const span = h("i"), dot = h("b");
      span.style.left = `${100 * item.low}%`;
      span.style.width = `${100 * (item.high - item.low)}%`;
      dot.style.left = `${100 * item.share}%`;
      range.append(span, dot);
    }
    node.append(h("span", "name", null, h("small", "", item.code), document.createTextNode(item.label)), range, h("span", "value", item.text));
    box.append(node);
  }
  return box;
}
const WIDE = 640, HIGH = 220, LEFT = 44, RIGHT = 12, TOP = 20, BOTTOM = 34;
function frame(label, most, ticks) {
  const svg = s("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": label });
  const base = HIGH - BOTTOM;
  for (const tick of ticks) {
    const y = base - (base - TOP) * tick / most;
    svg.append(s("line", { class: "grid", x1: LEFT, x2: WIDE - RIGHT, y1: y, y2: y }), s("text", { class: "end", x: LEFT - 8, y: y + 4 }, Number.isInteger(tick) ? short(tick) : String(tick)));
  }
  return svg;
}
function rounded(most) {
  const scale = 10 ** Math.floor(Math.log10(most / 3 || 1));
  const step = [1, 2, 5, 10].map((f) => f * scale).find((f) => f >= most / 3) || 1;
  const ticks = [];
  for (let at = 0; at < most + step; at += step) ticks.push(+at.toPrecision(6));
  return ticks;
}
function leads(bar, act, key) {  // a bar that opens its queue, by mouse and by keyboard
  for (const [name, value] of [["role", "button"], ["tabindex", "0"], ["data-key", key]]) bar.setAttribute(name, String(value));
  bar.onclick = act;
  bar.onkeydown = (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); act(); } };
}
function histogram(panel, go) {
  const bins = panel.bins;
  if (!bins.length) return h("p", "empty", "Nothing to show.");
  const ticks = rounded(Math.max(...bins.map((bin) => bin[1]))), most = ticks[ticks.length - 1];
  const svg = frame(panel.title, most, ticks);
  svg.append(s("text", { x: 0, y: 10 }, panel.unit || "rows"));
  const base = HIGH - BOTTOM, step = (WIDE - LEFT - RIGHT) / bins.length, total = bins.reduce((sum, bin) => sum + bin[1], 0);
  const place = (tokens) => { const n = bins.findIndex((bin) => bin[0] >= tokens); return LEFT + step * (n < 0 ? bins.length : n + 1); };
  const every = Math.ceil(bins.length / 10);
  let below = 0;
  for (const [n, [bound, rows]] of bins.entries()) {
    const tall = rows ? Math.max(1.5, (base - TOP) * rows / most) : 0;
    const bar = s("rect", { class: panel.limit && bound > panel.limit ? "beyond" : "bar", x: LEFT + n * step + 1, y: base - tall, width: Math.max(1, step - 2), height: tall, rx: 1.5 });
    bar.append(s("title", {}, `${said(below + 1)} to ${said(bound)} tokens: ${said(rows)} rows`));
    if (panel.go && bar.classList.contains("beyond") && rows) leads(bar, () => go({ ...panel.go }), bound);
    svg.append(bar);
    if ((bins.length - 1 - n) % every === 0) svg.append(s("text", { class: "mid", x: LEFT + (n + .5) * step, y: base + 17 }, short(bound)));
    below = bound;
  }
  let sum = 0;
  const marks = [];
  for (const [bound, rows] of bins) { const before = sum; sum += rows; for (const share of [0.5, 0.95]) if (before < share * total && sum >= share * total) marks.push([`${share * 100}%`, bound]); }
  if (panel.limit) marks.push([`limit ${short(panel.limit)}`, panel.limit]);
  marks.sort((one, other) => one[1] - other[1]);
  for (const [n, [name, bound]] of marks.entries()) {
    const x = place(bound), near = (other) => other && Math.abs(place(other[1]) - x) < 56;
    const side = near(marks[n + 1]) ? "end" : near(marks[n - 1]) ? "" : "mid";  // two that are near each other stand apart
    svg.append(s("line", { class: name.startsWith("limit") ? "limit" : "share", x1: x, x2: x, y1: TOP - 2, y2: base }));
    svg.append(s("text", { class: side, x: side === "end" ? x - 3 : side ? x : x + 3, y: TOP - 7 }, name));
  }
  svg.append(s("text", { class: "end", x: WIDE - RIGHT, y: HIGH - 2 }, "tokens, up to"));
  return svg;
}
function curve(panel) {
  const lines = Object.entries(panel.lines).filter(([, points]) => points.length);
  if (!lines.length) return h("p", "empty", panel.empty || "Nothing to show yet.");
  const all = lines.flatMap(([, points]) => points);
  const ticks = rounded(Math.max(...all.map((p) => p[1]))), most = ticks[ticks.length - 1], last = Math.max(1, ...all.map((p) => p[0]));
  const svg = frame(panel.title, most, ticks), base = HIGH - BOTTOM;
  for (const [n, [, points]] of lines.entries()) {
    svg.append(s("polyline", { class: n ? "second" : "", points: points.map(([x, y]) => `${LEFT + (WIDE - LEFT - RIGHT) * x / last},${base - (base - TOP) * Math.min(y, most) / most}`).join(" ") }));
  }
  svg.append(s("text", { class: "end", x: WIDE - RIGHT, y: HIGH - 14 }, `step ${said(last)}`));
  const legend = h("div", "legend");
  for (const [n, [name, points]] of lines.entries()) legend.append(h("span", "", null, h("i", n ? "second" : "plain"), document.createTextNode(`${name.replace("_", " ")} ${points[points.length - 1][1].toPrecision(3)}`)));
  return h("div", "", null, svg, legend);
}
const KINDS = { bars, intervals, histogram, curve };

export default function ({ data: handed, parentElement, setTriggerValue }) {
  const data = handed?.[0];
  const board = parentElement.querySelector(".board");
  tone(board);
  const go = (where) => setTriggerValue("go", { ...where, at: Date.now() });
  const panels = h("div", "panels");
  for (const panel of data?.panels || []) {
    const figure = h("figure", "panel", null, h("figcaption", "", null, h("h2", "", panel.title), ...(panel.note ? [h("p", "", panel.note)] : [])));
    figure.append(panel.items && !panel.items.length ? h("p", "empty", panel.empty || "Nothing to show.") : KINDS[panel.kind](panel, go));
    if (panel.legend && panel.items?.length) figure.append(h("div", "legend", null, ...panel.legend.map(([tone, name]) => h("span", "", null, h("i", tone), document.createTextNode(name)))));
    panels.append(figure);
  }
  unpressed(parentElement, () => board.replaceChildren(...(data?.tiles ? [tiles(data.tiles, go)] : []), ...(data?.panels?.length ? [panels] : [])));
  return () => {};
}
