// The decision loop. It holds the next findings, draws the next one at once, and sends numbered batches of
// decisions. The server answers with what became of each; what it has not answered for is sent again.
// Every text is set as text: nothing here parses markup.

const THROTTLE = 250;   // ms between two batches
const PATIENCE = 4000;  // ms without an answer, after which a batch is sent again
const MOST = 40;        // decisions that may wait for the server
const FETCH = 16;       // undecided findings held, below which more are asked for

const store = (window.__curatorReview ??= { unsent: [], inFlight: null, message: 0, client: random(4), pace: [] });

function random(words) {
  return Array.from(crypto.getRandomValues(new Uint32Array(words)), (n) => n.toString(16).padStart(8, "0")).join("");
}

let lastTime = 0;
function newId() {  // a UUID of version 7 that rises within this page
  lastTime = Math.max(Date.now(), lastTime + 1);
  const noise = random(3);
  return lastTime.toString(16).padStart(12, "0") + "7" + noise.slice(0, 3) + "8" + noise.slice(3, 18);
}

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
function button(cls, label, key, act, title) {
  const node = h("button", cls);
  node.type = "button";
  if (key) node.append(h("kbd", "", key));
  node.append(document.createTextNode(label));
  if (title) node.title = title;
  node.onclick = act;
  return node;
}
const count = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

const DONE = { accept: "accepted", keep: "kept", drop: "dropped", edit: "edited", later: "later" };
const VERBS = {
  accept: ["Accept fix", "A"], keep: ["Keep row", "K"], drop: ["Drop row", "X"], edit: ["Edit", "E"], later: ["Later", "F"],
  left: ["Keep left", "1"], right: ["Keep right", "2"], both: ["Keep both", "0"], none: ["Drop both", "X"],
};
const HELP = [
  ["A", "accept the fix"], ["1", "keep the left row"], ["K", "keep the row as it is"], ["2", "keep the right row"],
  ["X", "drop the row, or both"], ["0", "keep both rows"], ["E", "edit the row"], ["B", "decide on all shown"],
  ["F", "look at it later"], ["G", "the group of the row"], ["U", "undo"], ["T", "tokens"],
  ["J", "the one before"], ["P", "with the chat template"], ["L", "the next one"], ["W", "the whole row"],
  ["N", "write a note"], ["Z", "begin at the first"], ["?", "this page"], ["Esc", "close"],
];
const RESULT = { accept: "accept", keep: "keep", drop: "drop", edit: "edit", later: "later", left: "drop", right: "drop", both: "keep", none: "drop" };

class Desk {
  constructor(root, component) {
    this.root = root;
    this.items = [];          // in the order of the queue
    this.byId = new Map();
    this.at = 0;
    this.view = null;
    this.details = new Map();
    this.open = null;         // which detail is shown
    this.editing = null;
    this.notes = new Map();
    this.shownAt = performance.now();
    this.ui = Object.fromEntries(["desk", "progress", "pace", "saved", "banner", "queue", "card", "context", "verbs", "help"].map((name) => [name, root.querySelector("." + name)]));
    this.onKey = (event) => this.key(event);
    document.addEventListener("keydown", this.onKey, true);
    this.onLeave = (event) => { if (this.unsaved()) { event.preventDefault(); event.returnValue = ""; } };
    window.addEventListener("beforeunload", this.onLeave);
    this.timer = setInterval(() => this.tick(), 500);
    this.drawHelp();
  }
  close() {
    document.removeEventListener("keydown", this.onKey, true);
    window.removeEventListener("beforeunload", this.onLeave);
    clearInterval(this.timer);
  }

  // ------------------------------------------------------------ what the server says

  take(component) {
    this.send = component.setTriggerValue;
    const data = component.data;
    if (!data) return;
    this.data = data;
    const dark = luminance(getComputedStyle(this.ui.desk).getPropertyValue("--st-background-color")) < 0.4;
    this.ui.desk.classList.toggle("dark", dark);
    this.ui.desk.classList.toggle("light", !dark);
    const flight = store.inFlight;
    if (flight && data.client === store.client && data.m >= flight.m) {
      store.inFlight = null;
      this.results(data.outcomes || [], flight);
      if (store.unsent.length) this.flush();
    }
    if (this.view !== data.view) this.renew(data);
    else this.merge(data.items || [], data.front);
    if (this.showing && this.byId.has(this.showing)) {
      this.items.sort((a, b) => this.order(a) < this.order(b) ? -1 : 1);
      this.at = this.items.indexOf(this.byId.get(this.showing));
      this.showing = null;
      this.shownAt = performance.now();
    }
    if (data.detail) this.details.set(`${data.detail.id} ${data.detail.what}`, data.detail);
    if (data.form && this.editing && this.editing.id === data.form.id && !this.editing.form) this.fill(data.form);
    if (data.check && this.editing && this.editing.id === data.check.id) this.checked(data.check);
    for (const [id, others] of Object.entries(data.others || {})) if (this.byId.has(id)) this.byId.get(id).others = others;
    this.more = data.more;
    this.draw();
    this.ask();
  }
  renew(data) {
    this.view = data.view;
    this.items = [];
    this.byId.clear();
    this.editing = null;
    this.open = null;
    this.merge(data.items || []);
    const at = this.items.findIndex((item) => item.id === data.at);
    this.at = at >= 0 ? at : Math.max(0, this.items.findIndex((item) => this.waits(item)));
    this.shownAt = performance.now();
  }
  merge(items, front) {
    const fresh = [];
    for (const item of items) {
      const held = this.byId.get(item.id);
      if (held) {
        if (!this.pendingOn(item.id)) Object.assign(held, item);
      } else {
        this.byId.set(item.id, item);
        fresh.push(item);
      }
    }
    if (front) {
      this.items.unshift(...fresh);
      this.at += fresh.length;
    } else this.items.push(...fresh);
    if (fresh.some((item) => item.edited)) {  // what an edit brought up comes right behind it
      const now = this.items[this.at];
      this.items.sort((a, b) => this.order(a) < this.order(b) ? -1 : 1);
      if (now) this.at = this.items.indexOf(now);
    }
  }
  order(item) { return this.data.order === "sample" ? BigInt(item.slot) : this.data.order === "file" ? item.seq : item.rank; }
  results(outcomes, flight) {
    const problems = [];
    for (const outcome of outcomes) {
      const item = this.byId.get(outcome.finding);
      if (item) {
        delete item.asked;
        if (outcome.status) Object.assign(item, { status: outcome.status, head: outcome.head, who: outcome.who });
        if (outcome.head) store.unsent.forEach((wish) => { if (wish.finding === item.id && wish.chained) wish.base = outcome.head; });
      }
      if (outcome.result === "done") {
        const wish = flight.wishes.find((each) => each.id === outcome.id);
        if (wish?.action === "undo" && outcome.finding) this.goTo(outcome.finding);
      } else if (outcome.why) problems.push((item ? `${item.code} line ${item.line}: ` : "") + outcome.why);
    }
    for (const [id, now] of Object.entries(this.data.changed || {})) {
      const item = this.byId.get(id);
      if (item && !this.pendingOn(id)) { Object.assign(item, now); delete item.asked; }
    }
    if (problems.length) this.say(problems.join(" · "), 9000);
  }

  // ------------------------------------------------------------ what is sent

  pendingOn(id) { return store.unsent.some((w) => w.finding === id) || store.inFlight?.wishes.some((w) => w.finding === id); }
  unsaved() { return store.unsent.length + (store.inFlight?.wishes.length || 0); }
  flush() {
    clearTimeout(this.flushing);
    this.flushing = 0;
    if (store.inFlight || !this.send) return;
    const wishes = store.unsent.splice(0);
    this.post({ wishes });
  }
  later() {  // a throttle, not a debounce: while keys go on, batches still leave
    if (!this.flushing && !store.inFlight) this.flushing = setTimeout(() => this.flush(), THROTTLE);
    this.drawSaved();
  }
  post(message) {
    const last = this.items[this.items.length - 1];
    const full = {
      m: ++store.message, client: store.client, wishes: [], view: this.view, at: this.items[this.at]?.id || "",
      have: last ? String(this.order(last)) : "", ahead: this.ahead(), ...message,
    };
    store.inFlight = { ...full, since: performance.now(), tries: 0 };
    this.send("sent", full);
    this.drawSaved();
  }
  tick() {
    const flight = store.inFlight;
    if (flight && performance.now() - flight.since > PATIENCE) {
      flight.since = performance.now();
      flight.tries += 1;
      const { since, tries, ...message } = flight;
      this.send("sent", { ...message, tries: flight.tries });
    }
    if (!flight && store.unsent.length) this.flush();
    this.drawSaved();
  }
  ask(extra) {  // more findings, or more about one
    if (extra) this.wanted = { ...this.wanted, ...extra };
    if (store.inFlight || this.flushing) { this.asking ??= setTimeout(() => { this.asking = undefined; this.ask(); }, 120); return; }
    const hungry = this.more && this.ahead() < FETCH;
    const item = this.items[this.at];
    const about = item && !item.others && this.askedAbout !== item.id ? item.id : "";
    if (!this.wanted && !hungry && !about) return;
    if (about) this.askedAbout = about;
    const message = { wishes: store.unsent.splice(0), ...this.wanted, about };
    this.wanted = undefined;
    this.post(message);
  }
  ahead() { return this.items.slice(this.at).filter((item) => this.waits(item)).length; }
  waits(item) { return !item.asked && (this.data.wants || ["open"]).includes(item.status); }

  // ------------------------------------------------------------ deciding

  decide(action, more = {}) {
    const item = this.items[this.at];
    if (!item || this.editing && action !== "edit") return;
    if (!this.allowed(item).includes(action)) { this.say(action === "accept" ? "No fix is offered here." : "That makes no sense here.", 2500); return; }
    if (this.unsaved() >= MOST) { this.say(`${this.unsaved()} decisions wait for the server: no more until it answers.`, 6000); return; }
    const note = this.notes.get(item.id) || "";
    const before = { status: item.status, head: item.head, who: item.who, asked: item.asked };
    const earlier = [...(store.inFlight?.wishes || []), ...store.unsent].filter((wish) => wish.finding === item.id).pop();
    const wish = { id: newId(), action, finding: item.id, base: earlier ? earlier.id : item.head || "", note, ...more };
    if (earlier) wish.chained = true;
    store.unsent.push(wish);
    this.remember({ id: wish.id, finding: item.id, before, at: this.at });
    item.asked = RESULT[action];
    item.status = RESULT[action];
    item.who = this.data.reviewer;
    if (action === "drop" || action === "none" || action === "edit") {
      for (const other of this.items) if (other !== item && other.root === item.root && !other.edited && this.waits(other)) other.asked = other.status = RESULT[action];
    }
    store.pace.push(Math.min(performance.now() - this.shownAt, 60000));
    if (store.pace.length > 30) store.pace.shift();
    this.next(true);
    this.later();
  }
  remember(entry) { (this.made ??= []).push(entry); if (this.made.length > 500) this.made.shift(); }
  undo() {
    const last = this.made?.pop();
    const unsent = last && store.unsent.findIndex((wish) => wish.id === last.id);
    if (last && unsent >= 0) {  // it never left this page
      store.unsent.splice(unsent, 1);
      const item = this.byId.get(last.finding);
      Object.assign(item, last.before);
      if (!last.before.asked) delete item.asked;
      for (const other of this.items) if (other.root === item.root && other !== item && other.asked && !this.pendingOn(other.id)) { other.status = "open"; delete other.asked; }
      this.goTo(last.finding);
    } else {
      store.unsent.push({ id: newId(), action: "undo", finding: last?.finding || "", of: last?.id || "" });
      if (last) { const item = this.byId.get(last.finding); if (item) delete item.asked; }
      this.later();
    }
    this.draw();
  }
  next(decided) {
    const from = this.at;
    const ahead = this.items.findIndex((item, n) => n > from && (decided ? this.waits(item) : true));
    if (ahead >= 0) this.at = ahead;
    else if (decided) this.at = this.items.length;  // past the end: more may come
    this.moved();
  }
  step(by) {
    const to = this.at + by;
    if (to < 0) { this.ask({ before: this.items.length ? String(this.order(this.items[0])) : "" }); return; }
    if (to >= this.items.length) { if (!this.more) { this.at = this.items.length; this.moved(); } return; }
    this.at = to;
    this.moved();
  }
  goTo(id) {
    const at = this.items.findIndex((item) => item.id === id);
    if (at >= 0) { this.at = at; this.moved(); } else { this.showing = id; this.ask({ show: id }); }
  }
  moved() {
    this.shownAt = performance.now();
    this.open = null;
    this.editing = null;
    this.draw();
    this.ask();
  }
  allowed(item) {
    if (item.kind === "error") return ["keep", "drop", "later"];
    const verbs = item.pair ? ["left", "right", "both", "none", "later", "keep", "drop", "edit"] : ["accept", "keep", "drop", "edit", "later"];
    if (item.pair && item.fix) verbs.push("accept");
    return item.fix || item.pair ? verbs : verbs.filter((verb) => verb !== "accept");
  }

  // ------------------------------------------------------------ keys

  key(event) {
    if (event.defaultPrevented || !this.ui.desk.isConnected) return;
    const target = event.composedPath()[0];
    const typing = target?.matches?.("input, textarea, select, [contenteditable='true'], [contenteditable='']");
    if (document.querySelector("[role='dialog'][aria-modal='true'], .stDialog")) return;
    if (event.key === "Escape") {
      if (!this.ui.help.hidden) this.ui.help.hidden = true;
      else if (this.editing) { this.editing = null; this.draw(); this.ui.desk.focus(); }
      else if (typing && this.root.contains(target)) this.ui.desk.focus();
      return;
    }
    if (this.editing && (event.ctrlKey || event.metaKey) && event.key === "Enter") { event.preventDefault(); this.saveEdit(); return; }
    if (typing && target.classList.contains("note") && event.key === "Enter") { event.preventDefault(); this.ui.desk.focus(); return; }
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const item = this.items[this.at];
    const go = { l: () => this.step(1), ArrowRight: () => this.step(1), j: () => this.step(-1), ArrowLeft: () => this.step(-1) }[key];
    const act = go || (event.repeat ? () => {} : {
      a: () => this.decide("accept"), k: () => this.decide("keep"), x: () => this.decide(item?.pair ? "none" : "drop"),
      e: () => this.edit(), f: () => this.decide("later"), u: () => this.undo(), n: () => this.root.querySelector(".note")?.focus(),
      1: () => this.decide("left"), 2: () => this.decide("right"), 0: () => this.decide("both"),
      t: () => this.toggle("tokens"), p: () => this.toggle("template"), w: () => this.toggle("raw"),
      b: () => this.go({ bulk: true }), g: () => item?.cluster && this.go({ group: item.cluster }),
      z: () => { this.at = 0; this.moved(); }, "?": () => { this.ui.help.hidden = !this.ui.help.hidden; },
    }[key]);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    if (!this.ui.help.hidden && key !== "?") this.ui.help.hidden = true;
    act();
  }
  go(where) { this.ask({ go: where }); }
  toggle(what) {
    const item = this.items[this.at];
    if (!item) return;
    this.open = this.open === what ? null : what;
    if (this.open && !this.details.has(`${item.id} ${what}`)) this.ask({ detail: { id: item.id, what } });
    this.drawContext();
  }

  // ------------------------------------------------------------ editing

  edit() {
    const item = this.items[this.at];
    if (!item || !this.allowed(item).includes("edit")) return;
    this.editing = { id: item.id, form: null, whole: false };
    this.ask({ form: item.id });
    this.drawCard();
    this.drawVerbs();
  }
  fill(form) {
    this.editing.form = form;
    this.drawCard();
    this.root.querySelector(".editor textarea")?.focus();
  }
  drawEditor() {
    const { form, whole } = this.editing;
    const box = h("div", "editor");
    if (!form) { box.append(h("p", "soft", "Opening the row …")); return box; }
    if (form.problem) { box.append(h("p", "error", form.problem)); return box; }
    const tabs = h("div", "tabs");
    for (const [name, on] of [["Texts", false], ["Whole row", true]]) {
      const tab = button("small", name, "", () => { this.editing.whole = on; this.editing.node = null; this.drawCard(); this.root.querySelector(".editor textarea")?.focus(); });
      tab.setAttribute("aria-expanded", String(whole === on));
      tabs.append(tab);
    }
    if (form.texts.some((text) => text.fixed !== null) && !whole) {
      tabs.append(button("small", "Put the fix in", "", () => { form.texts.forEach((text) => { if (text.fixed !== null) text.now = text.fixed; }); this.editing.node = null; this.drawCard(); this.check(); }));
    }
    box.append(tabs);
    const area = (holder, name, cls) => {
      const label = h("label", "", name);
      const node = h("textarea", cls);
      node.value = holder.now ?? holder.text;
      node.spellcheck = true;
      node.oninput = () => { holder.now = node.value; this.check(); };
      label.append(node);
      box.append(label);
    };
    if (whole) area(form.row ??= { text: form.whole }, "The row as JSON", "whole");
    else if (form.texts.length) for (const text of form.texts) area(text, `${text.role}  ${text.path}`);
    else { this.editing.whole = true; return this.drawEditor(); }
    this.checkBox = h("div", "check");
    this.checkBox.setAttribute("aria-live", "polite");
    const row = h("div", "row");
    row.append(button("small", "Save", "Ctrl+Enter", () => this.saveEdit()), button("small", "Cancel", "Esc", () => { this.editing = null; this.draw(); }));
    box.append(row, this.checkBox);
    return box;
  }
  edited() {
    const { form, whole } = this.editing;
    if (whole) return { whole: form.row?.now ?? form.whole };
    return { texts: Object.fromEntries(form.texts.filter((text) => text.now !== undefined && text.now !== text.text).map((text) => [text.path, text.now])) };
  }
  check() {
    clearTimeout(this.checking);
    this.checking = setTimeout(() => { if (this.editing?.form) this.ask({ check: { id: this.editing.id, ...this.edited() } }); }, 350);
  }
  checked(check) {
    if (!this.checkBox) return;
    this.checkBox.replaceChildren();
    if (check.problem) this.checkBox.append(h("p", "error", check.problem));
    else if (!check.found.length) this.checkBox.append(h("p", "soft", "Nothing is found in the row as it is now."));
    else {
      this.checkBox.append(h("p", "soft", `Found in the row as it is now: ${check.found.length}`));
      for (const found of check.found) this.checkBox.append(h("p", found.severity, null, document.createTextNode(`${found.code} ${found.name}${found.new ? " (new)" : ""}: `), parts(found.message)));
    }
  }
  saveEdit() {
    if (!this.editing?.form || this.editing.form.problem) return;
    const edited = this.edited();
    if (edited.texts && !Object.keys(edited.texts).length) { this.say("Nothing was changed.", 2500); return; }
    this.editing.saving = true;
    this.decide("edit", edited);
    this.ui.desk.focus();
  }

  // ------------------------------------------------------------ drawing

  say(text, time) {
    this.ui.banner.textContent = text;
    this.ui.banner.hidden = false;
    clearTimeout(this.saying);
    this.saying = setTimeout(() => { this.ui.banner.hidden = true; }, time);
  }
  draw() {
    this.drawTop();
    this.drawQueue();
    this.drawCard();
    this.drawContext();
    this.drawVerbs();
    this.drawSaved();
  }
  drawTop() {
    const counts = { ...this.data.counts };
    const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
    const waiting = (counts.open || 0) - store.unsent.filter((wish) => wish.action !== "undo").length;
    const done = Math.max(0, total - Math.max(0, waiting) - (counts.later || 0));
    const share = total ? done / total : 0;
    this.ui.progress.firstElementChild.style.width = `${100 * share}%`;
    this.ui.progress.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    const times = [...store.pace].sort((a, b) => a - b);
    const each = times.length >= 5 ? times[Math.floor(times.length / 2)] : 0;
    const left = each && waiting > 0 ? ` · about ${duration(each * waiting)} left` : "";
    this.ui.pace.textContent = `${done.toLocaleString("en")} of ${total.toLocaleString("en")} decided${total ? ` · ${Math.floor(100 * share)} %` : ""}${counts.later ? ` · ${counts.later.toLocaleString("en")} for later` : ""}${left}`;
  }
  drawSaved() {
    const n = this.unsaved();
    const late = store.inFlight && store.inFlight.wishes.length && performance.now() - store.inFlight.since > 2500 || store.inFlight?.tries;
    this.ui.saved.textContent = n ? `unsaved ${n}` : "saved";
    this.ui.saved.classList.toggle("waiting", Boolean(n && late));
    this.ui.desk.dataset.unsaved = String(n);
    if (n && late && this.ui.banner.hidden) this.say(`The server does not answer: ${count(n, "decision")} not saved yet. Leave this page open.`, 4000);
  }
  drawQueue() {
    const list = this.ui.queue.firstElementChild;
    const low = Math.max(0, this.at - 8);
    const shown = this.items.slice(low, low + 44);
    const nodes = [];
    let code = null;
    for (const [n, item] of shown.entries()) {
      const li = h("li");
      if (item.code !== code && this.data.order === "rule") {
        code = item.code;
        li.append(h("h3", "", null, h("span", "", item.name)));
      }
      const node = h("button", this.waits(item) ? "" : "done");
      node.type = "button";
      node.title = `${item.code} ${item.name}, line ${item.line}`;
      node.setAttribute("aria-current", String(low + n === this.at));
      node.append(h("span", `dot ${item.severity}`), h("span", "what", item.excerpt || item.code), this.waits(item) ? h("span", "line", String(item.line)) : h("span", "verdict", DONE[item.status] || ""));
      node.onclick = () => { this.at = low + n; this.moved(); };
      li.append(node);
      nodes.push(li);
    }
    list.replaceChildren(...nodes);
    const current = list.querySelector("[aria-current='true']");
    if (current) {
      const box = this.ui.queue.getBoundingClientRect(), at = current.getBoundingClientRect();
      if (at.top < box.top || at.bottom > box.bottom) this.ui.queue.scrollTop += at.top - box.top - box.height / 3;
    }
  }
  drawCard() {
    const item = this.items[this.at];
    if (item && this.editing?.id === item.id && this.editing.node?.isConnected) return;  // somebody types in it
    this.ui.card.replaceChildren();
    this.ui.card.dataset.id = item?.id || "";
    this.ui.card.dataset.status = item?.status || "";
    if (!item) { this.ui.card.append(this.drawState()); return; }
    this.ui.card.append(this.drawHead(item));
    if (this.editing?.id === item.id) {
      const box = this.drawEditor();
      if (this.editing.form) this.editing.node = box;
      this.ui.card.append(box);
      return;
    }
    if (item.problem) { this.ui.card.append(h("div", "pane", null, h("div", "text", null, parts(item.problem)))); return; }
    const panes = h("div", item.right ? "panes two" : "panes");
    for (const pane of [item.left, item.right]) if (pane) panes.append(this.drawPane(pane, item));
    this.ui.card.append(panes);
    const mark = this.ui.card.querySelector(".mark, .del, .ins, .diff");
    this.ui.card.scrollTop = 0;
    if (mark) {
      const box = this.ui.card.getBoundingClientRect(), at = mark.getBoundingClientRect();
      if (at.bottom > box.bottom - 24) this.ui.card.scrollTop = at.top - box.top - box.height / 2;
    }
  }
  drawHead(item) {
    const head = h("header", "head");
    const id = h("p", "id");
    id.append(h("span", `kind ${item.severity}`, item.severity), h("span", "", item.name), h("span", "code", item.code));
    if (item.fix) id.append(h("span", "tag", `${item.fix.safety} fix`));
    if (item.edited) id.append(h("span", "tag strong", "in your edit"));
    if (item.copies > 1) id.append(h("span", "tag", `${item.copies} places`));
    if (!this.waits(item)) id.append(h("span", "tag strong", (DONE[item.status] || item.status) + (item.who && item.who !== this.data.reviewer ? ` by ${item.who}` : "")));
    id.append(h("span", "where", `${item.file}:${item.line}`));
    head.append(id, h("h2", "", null, parts(item.message)));
    const notes = h("div", "notes");
    if (item.fix) notes.append(h("p", "", `Fix: ${item.fix.title}`));
    if (item.more) notes.append(h("p", "", `and ${count(item.more, "more row")}: press G for the group`));
    if (item.earlier) notes.append(h("p", "", `${item.earlier.who || "Somebody"} said ${item.earlier.verdict} on ${item.earlier.when}, before the row changed${item.earlier.why ? `: ${item.earlier.why}` : ""}. Does it still hold?`));
    for (const said of item.said || []) notes.append(h("p", "", `${said.who || "Somebody"}: ${said.verdict}${said.why ? `, ${said.why}` : ""} (${said.when})`));
    if (notes.childNodes.length) head.append(notes);
    return head;
  }
  drawPane(pane, item) {
    const box = h("div", "pane");
    if (pane.title) box.append(h("h3", "", pane.title));
    for (const turn of pane.turns) {
      if (turn.skip) { box.append(h("p", "skip", `${count(turn.skip, "turn")} not shown`)); continue; }
      const quiet = item.kind === "fix" && !turn.told || item.kind === "text" && !turn.told && pane.turns.some((t) => t.told);
      const node = h("div", `turn ${["system", "user", "assistant", "tool"].includes(turn.role) ? turn.role : ""} ${quiet ? "quiet" : ""}`);
      if (turn.role) node.append(h("p", "role", null, h("b", turn.roleClass || "", turn.role), ...(turn.side ? [h("span", "", turn.side)] : [])));
      node.append(turn.parts.length ? h("div", turn.role ? "text" : "text mono", null, parts(turn.parts)) : h("div", "cut", turn.calls.length ? "no text" : "empty"));
      for (const call of turn.calls) node.append(h("p", "call", call));
      box.append(node);
    }
    return box;
  }
  drawState() {
    const box = h("div", "state");
    if (this.more || store.inFlight && !this.items.length) { box.append(h("p", "", "Fetching the next findings …")); return box; }
    const counts = this.data.counts || {};
    const open = counts.open || 0;
    const filtered = Object.keys(this.data.filter || {}).length > 0;
    const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
    if (!total) {
      box.append(h("h2", "", filtered ? "Nothing here" : "Nothing was found"), h("p", "", filtered ? "No finding is in this filter." : "The lint has nothing to say about this data."));
      if (filtered) box.append(h("div", "row", null, button("small", "Show all findings", "", () => this.go({ query: {} }))));
      return box;
    }
    const left = this.items.filter((item) => this.waits(item)).length;
    box.append(h("h2", "", left || open > this.unsaved() ? "The end of the queue" : "All decided"));
    const said = Object.entries(counts).filter(([status, n]) => n && status !== "open").map(([status, n]) => `${n.toLocaleString("en")} ${DONE[status]}`);
    box.append(h("p", "", said.join(", ") || "nothing decided yet"));
    const row = h("div", "row");
    if (left) row.append(button("small", `Go back to ${count(left, "skipped finding")}`, "Z", () => { this.at = this.items.findIndex((item) => this.waits(item)); this.moved(); }));
    if (counts.later) row.append(button("small", `Look at the ${counts.later.toLocaleString("en")} for later`, "", () => this.go({ query: { ...this.data.filter, status: "later" } })));
    if (filtered) row.append(button("small", "Show all findings", "", () => this.go({ query: {} })));
    row.append(button("small", "Apply the decisions", "", () => this.go({ page: "apply" })), button("small", "Undo the last", "U", () => this.undo()));
    box.append(row);
    return box;
  }
  drawContext() {
    const item = this.items[this.at];
    const box = this.ui.context;
    const note = box.querySelector(".note");
    if (note && note === this.root.activeElement) { if (item && note.dataset.id === item.id) return; }
    box.replaceChildren();
    if (!item) return;
    const part = (title, ...nodes) => box.append(h("div", "", null, h("h3", "", title), ...nodes));
    const rule = this.data.rules?.[item.code];
    if (rule) part("Why it matters", h("p", "", rule.summary), h("p", "", rule.why));
    if (item.evidence.length) {
      const list = h("dl");
      for (const [name, value] of item.evidence) list.append(h("dt", "", name), h("dd", "", null, parts(value)));
      part("Evidence", list);
    }
    if (item.others?.length) {
      const nodes = item.others.map((other) => {
        const node = h("button", "other", null, h("span", other.severity, `${other.code} ${other.name}`), h("span", "soft", null, parts(other.message)));
        node.type = "button";
        node.onclick = () => this.goTo(other.id);
        return node;
      });
      part("Also found in this row", ...nodes);
    }
    const more = h("div", "more");
    for (const [what, name, key] of [["tokens", "Tokens", "T"], ["template", "Template", "P"], ["raw", "Whole row", "W"]]) {
      const node = button("small", ` ${name}`, key, () => this.toggle(what));
      node.setAttribute("aria-expanded", String(this.open === what));
      more.append(node);
    }
    if (item.cluster) more.append(button("small", " Group", "G", () => this.go({ group: item.cluster })));
    part("The row", more, ...this.drawDetail(item));
    const input = h("input", "note");
    input.placeholder = "Why, for the record";
    input.value = this.notes.get(item.id) ?? item.note ?? "";
    input.maxLength = 500;
    input.dataset.id = item.id;
    input.setAttribute("aria-label", "Note");
    input.oninput = () => this.notes.set(item.id, input.value);
    box.append(h("div", "", null, h("h3", "", null, document.createTextNode("Note "), h("kbd", "", "N")), input));
  }
  drawDetail(item) {
    if (!this.open) return [];
    const detail = this.details.get(`${item.id} ${this.open}`);
    const box = h("div", "detail");
    if (!detail) box.append(h("p", "soft", "…"));
    else if (detail.problem) box.append(h("p", "soft", detail.problem));
    else if (this.open === "raw") {
      box.append(h("div", "text raw", null, parts(detail.parts)));
      if (detail.cut) box.append(h("p", "cut", `${detail.cut.toLocaleString("en")} characters more`));
    } else if (this.open === "tokens") {
      box.append(h("p", "", `${detail.total.toLocaleString("en")} tokens${detail.limit ? ` of ${detail.limit.toLocaleString("en")}` : ""} (${detail.tokenizer}${detail.exact ? "" : ", an estimate"})`));
      const table = h("table");
      for (const [role, n, trained] of detail.turns) table.append(h("tr", "", null, h("td", "", role), h("td", "soft", trained ? "trained" : ""), h("td", "", n.toLocaleString("en"))));
      box.append(table);
    } else for (const render of detail.renders) {
      box.append(h("p", "soft", `${render.template}: ${render.trained.toLocaleString("en")} of ${(render.trained + render.rest).toLocaleString("en")} tokens trained`));
      box.append(render.error.length ? h("p", "error", null, parts(render.error)) : h("div", "text raw", null, parts(render.parts)));
    }
    return [box];
  }
  drawVerbs() {
    const item = this.items[this.at];
    const nodes = [];
    if (item && !this.editing) {
      const allowed = this.allowed(item);
      const shown = item.pair ? ["left", "right", "both", "none", "edit", "later"] : ["accept", "keep", "drop", "edit", "later"];
      for (const verb of shown) {
        const [label, key] = VERBS[verb];
        const main = verb === (item.pair ? "right" : item.fix ? "accept" : "");
        const node = button((main ? "main" : "") + (item.status === RESULT[verb] && !item.pair && !this.waits(item) ? " on" : ""), label, key, () => this.decide2(verb));
        node.dataset.verb = verb;
        node.disabled = !allowed.includes(verb);
        nodes.push(node);
      }
      if (item.pair && item.fix) {
        const node = button("", item.fix.title, "A", () => this.decide("accept"));
        node.dataset.verb = "accept";
        nodes.splice(4, 0, node);
      }
    }
    nodes.push(h("span", "gap"));
    for (const [label, key, act] of [["Undo", "U", () => this.undo()], ["Before", "J", () => this.step(-1)], ["Next", "L", () => this.step(1)], ["All shown", "B", () => this.go({ bulk: true })], ["Keys", "?", () => { this.ui.help.hidden = false; }]]) {
      const node = button("quiet", label, key, act);
      node.dataset.verb = label.toLowerCase().replace(" ", "-");
      nodes.push(node);
    }
    this.ui.verbs.replaceChildren(...nodes);
  }
  decide2(verb) { if (verb === "edit") this.edit(); else this.decide(verb); }
  drawHelp() {
    const list = h("dl");
    for (const [key, text] of HELP) list.append(h("dt", "", null, h("kbd", "", key)), h("dd", "", text));
    this.ui.help.replaceChildren(h("div", "", null, h("h2", "", "Keys"), list));
    this.ui.help.onclick = () => { this.ui.help.hidden = true; };
  }
}

function duration(ms) {
  const minutes = ms / 60000;
  return minutes < 1 ? "a minute" : minutes < 90 ? `${Math.round(minutes)} min` : `${(minutes / 60).toFixed(1)} h`;
}
function luminance(colour) {
  const hex = colour.trim().replace("#", "");
  const [r, g, b] = hex.length >= 6 ? [0, 2, 4].map((n) => parseInt(hex.slice(n, n + 2), 16)) : (colour.match(/[\d.]+/g) || [255, 255, 255]).map(Number);
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}

const desks = new WeakMap();

export default function (component) {
  const root = component.parentElement;
  let desk = desks.get(root);
  if (!desk) {
    desk = new Desk(root, component);
    desks.set(root, desk);
  }
  desk.take(component);
  return () => { desk.close(); desks.delete(root); };
}
