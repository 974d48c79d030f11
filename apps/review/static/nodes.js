// What all scripts of the app share: nodes made of text, never of markup, and the tone of the page.
// It stands before each of them, as one script.

function h(tag, cls, text, ...children) {
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  if (text !== undefined && text !== null) node.textContent = text;
  node.append(...children);
  return node;
}
function parts(list) {
  const out = document.createDocumentFragment();
  for (const [cls, text] of list) out.append(cls ? h("span", cls, text) : document.createTextNode(text));
  return out;
}
const UNSEEN = /(?![\n\t\u200c\u200d])[\p{C}\p{Zl}\p{Zp}\u115f\u1160\u2800\u3164\uffa0\ufe00-\ufe0e]|(?<=^|[\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?=[\x00-\x7f]|$)/gu;
function chipped(text) {  // what stands in a field, with a chip for each character that a field does not show; null where there is none
  const out = document.createDocumentFragment();
  let from = 0;
  for (const { 0: char, index } of text.matchAll(UNSEEN)) {
    out.append(text.slice(from, index), h("span", "chip", `U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`));
    from = index + char.length;
  }
  out.append(text.slice(from));
  return from ? out : null;
}
function spoken(turn) {  // what a turn says and calls
  const calls = turn.calls || [];
  const said = turn.parts.length ? h("div", turn.role ? "text" : "text mono", null, parts(turn.parts)) : h("div", "cut", calls.length ? "no text" : "empty");
  return [said, ...calls.map((call) => h("p", "call", null, parts(call)))];
}
function prose(text) {  // of a rule: what stands in back quotes is code
  const out = document.createDocumentFragment();
  text.split(/`([^`]+)`/).forEach((said, n) => out.append(n % 2 ? h("code", "", said) : document.createTextNode(said)));
  return out;
}
function button(cls, label, key, act, title) {
  const node = h("button", cls);
  node.type = "button";
  if (key) node.append(h("kbd", "", key));
  node.append(document.createTextNode(label));
  if (title) node.title = title;
  node.onclick = act;
  return node;
}
// What is drawn anew below a pointer that is pressed takes its click away: it waits until that is let go.
const PRESSED = 5000;  // ms after which it waits no longer
const presses = new WeakMap();
function unpressed(root, draw) {
  let press = presses.get(root);
  if (!press) {
    presses.set(root, press = { down: false, waiting: [] });
    root.addEventListener("pointerdown", () => {
      const ended = new AbortController();
      const end = () => { ended.abort(); setTimeout(() => { press.down = false; for (const each of press.waiting.splice(0)) each(); }); };  // behind the click
      press.down = true;
      for (const kind of ["pointerup", "pointercancel"]) window.addEventListener(kind, end, { capture: true, signal: ended.signal });
      setTimeout(() => { if (!ended.signal.aborted) end(); }, PRESSED);
    }, true);
  }
  if (press.down) press.waiting.push(draw);
  else draw();
}
const count = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

// Whether the page is dark or light, as a class on `root`: style sheets go by it.
function tone(root) {
  const colour = getComputedStyle(root).getPropertyValue("--st-background-color").trim(), hex = colour.replace("#", "");
  const [r, g, b] = hex.length >= 6 ? [0, 2, 4].map((n) => parseInt(hex.slice(n, n + 2), 16)) : (colour.match(/[\d.]+/g) || [255, 255, 255]).map(Number);
  const dark = 0.2126 * r + 0.7152 * g + 0.0722 * b < 0.4 * 255;
  root.classList.toggle("dark", dark);
  root.classList.toggle("light", !dark);
}
