// The decision loop. It holds the next findings, draws the next one at once, and sends numbered batches of
// decisions. The server answers with what became of each; what it has not answered for is sent again.
// Every text is set as text: nothing here parses markup.

const THROTTLE = 250;   // ms between two batches
const LATE = 2500;      // ms without an answer while decisions wait, after which the page says so
const PATIENCE = 4000;  // ms without an answer, after which a batch is sent again
const BATCH = 100;      // decisions sent at once
const FETCH = 160;      // undecided findings held, below which more are asked for: a key on any of them counts
const TOLD = 400;       // findings of a row of which the server tells how they stand
const SILENCE = 1500;   // ms in which nothing is sent, once another page is asked for
const DIALOG = "[role='dialog'][aria-modal='true'], .stDialog";
const HELD = 40;        // ms after which what is held back is tried again
const ACTS = ["click", "keydown", "change"];
const ACT = 200;        // ms after something was done on the page around the card, until the page is seen to run for it
const RUN = 1500;       // ms that a run of the page is waited for
const REST = 400;       // ms that a new page is left to draw itself, before it asks for more than it came with

// What is decided and not answered for outlives this card, and a reload of the page. It is kept by data set: on this
// port another may be served next, and what waits for a set waits until that is served again.
const KEPT = "curator-review-unsaved ";
const store = (window.__curatorReview ??= { set: null, name: "", unsent: [], inFlight: null, drafts: {}, notes: new Map(), made: [], message: 0, client: random(4), pace: [], heard: performance.now() });

function kept(set) {
  try { return JSON.parse(sessionStorage.getItem(KEPT + set)) || { wishes: [] }; } catch { return { wishes: [] }; }
}
function keep() {
  const wishes = [...(store.inFlight?.wishes || []), ...store.unsent];
  try {
    if (wishes.length) sessionStorage.setItem(KEPT + store.set, JSON.stringify({ name: store.name, wishes }));
    else sessionStorage.removeItem(KEPT + store.set);
  } catch { /* no room: the page warns who leaves it */ }
}
const DRAFTS = "curator-review-drafts ";  // edits that were typed and not saved, by their findings; `at` once the row is another
const placeOf = (item) => `${item.code} ${item.file}:${item.line} ${item.path}`;
function keptDrafts(set) {
  try { return JSON.parse(sessionStorage.getItem(DRAFTS + set)) || {}; } catch { return {}; }
}
function keepDrafts() {
  try { sessionStorage.setItem(DRAFTS + store.set, JSON.stringify(store.drafts)); } catch { /* no room: the page warns who leaves it */ }
}
function turnTo(set, name) {  // true where another data set is served than before
  const other = store.set !== set;
  if (other && store.set !== null) keep();
  if (other) Object.assign(store, { set, unsent: kept(set).wishes, inFlight: null, left: null, drafts: keptDrafts(set), notes: new Map(), made: [] });
  store.name = name;
  return other;
}
function elsewhere() {  // what waits for other data sets: [name, decisions]
  return Object.keys(sessionStorage).filter((key) => key.startsWith(KEPT) && key !== KEPT + store.set)
    .map((key) => kept(key.slice(KEPT.length))).map((each) => [each.name, each.wishes.length]);
}

function random(words) {
  return Array.from(crypto.getRandomValues(new Uint32Array(words)), (n) => n.toString(16).padStart(8, "0")).join("");
}

let lastTime = 0;
function newId() {  // a UUID of version 7 that rises within this page
  lastTime = Math.max(Date.now(), lastTime + 1);
  const noise = random(3);
  return lastTime.toString(16).padStart(12, "0") + "7" + noise.slice(0, 3) + "8" + noise.slice(3, 18);
}

class Desk extends Editing {
  constructor(root) {
    super();
    this.root = root;
    this.items = [];          // in the order of the queue
    this.byId = new Map();
    this.at = 0;
    this.view = null;
    this.details = new Map();
    this.open = null;         // which detail is shown
    this.editing = null;
    this.shownAt = performance.now();
    this.ui = Object.fromEntries(["desk", "progress", "pace", "saved", "banner", "body", "queue", "card", "context", "verbs", "help"].map((name) => [name, root.querySelector("." + name)]));
    this.onKey = (event) => this.key(event);
    document.addEventListener("keydown", this.onKey, true);
    this.onLeave = (event) => { if (this.unsaved() || Object.values(store.drafts).some((draft) => !draft.at)) { event.preventDefault(); event.returnValue = ""; } };
    window.addEventListener("beforeunload", this.onLeave);
    this.timer = setInterval(() => this.tick(), 500);
    this.onClick = (event) => this.leave(event);
    document.addEventListener("click", this.onClick, true);
    this.onAct = (event) => this.acted(event);
    for (const kind of ACTS) document.addEventListener(kind, this.onAct, true);
    this.onBack = () => this.hold();
    window.addEventListener("popstate", this.onBack);
    this.sized = new ResizeObserver(() => this.fit());
    for (const node of [document.querySelector(".stMainBlockContainer"), document.documentElement]) if (node) this.sized.observe(node);
    this.drawHelp();
  }
  close() {
    document.removeEventListener("keydown", this.onKey, true);
    window.removeEventListener("beforeunload", this.onLeave);
    document.removeEventListener("click", this.onClick, true);
    for (const kind of ACTS) document.removeEventListener(kind, this.onAct, true);
    window.removeEventListener("popstate", this.onBack);
    this.sized.disconnect();
    clearTimeout(this.asking);
    clearTimeout(this.flushing);
    clearInterval(this.timer);
  }

  // ------------------------------------------------------------ what the server says

  take(component) {
    this.send = component.setTriggerValue;
    const data = component.data?.[0];
    if (!data) return;
    this.data = data;
    tone(this.ui.desk);
    if (turnTo(data.set, data.name)) this.tellWaiting();
    for (const item of data.redrawn || []) if (this.byId.has(item.id)) Object.assign(this.byId.get(item.id), item);
    const flight = store.inFlight;
    if (flight && data.client === store.client && data.m >= flight.m) {
      store.inFlight = null;
      store.heard = performance.now();
      this.results(data.outcomes || [], flight);
      keep();
      if (store.unsent.length) this.flush();
    }
    if (this.view !== data.view) this.renew(data);
    else if (data.anew) {
      const editing = this.editing;
      this.begin(data, data.anew);
      if (editing?.id === data.anew) this.editing = editing;  // opened while the queue around it was on its way
    }
    else this.merge(data.items || [], data.front);
    if (data.front) this.fronted(data.items);
    if (data.brought?.length) this.bring(data.brought);
    if (data.detail) this.details.set(`${data.detail.id} ${data.detail.what}`, data.detail);
    if (data.form && this.editing && this.editing.id === data.form.id && !this.editing.form) this.fill(data.form);
    if (data.check && this.editing && this.editing.id === data.check.id) this.checked(data.check);
    for (const [id, others] of Object.entries(data.others || {})) if (this.byId.has(id)) this.byId.get(id).others = others;
    this.more = data.more;
    this.draw();
    if (this.leaving && !this.unsaved()) {
      const link = this.leaving;
      this.leaving = null;
      this.hold();
      setTimeout(() => link.click());
    } else this.ask();
  }
  renew(data) {
    this.view = data.view;
    const anew = data.whole === undefined;  // an answer to the card in whose place this one was put: it alone held the queue
    const left = (data.returned || anew && !store.left?.over) && store.left?.view === data.view ? store.left.id : "";
    this.begin(data, left || data.at);
    this.rest = this.shownAt + REST;
    if (left && !this.byId.has(left)) this.goTo(left);
    else if (data.returned && this.items.length) this.ask({ before: this.edge(false) });
    this.place();
  }
  begin(data, id) {  // what follows each other in the queue, from a finding on: no gap is left to those held before
    this.items = [];
    this.whole = Boolean(data.whole);  // nothing of the filter lies before what is held
    this.byId.clear();
    this.editing = null;
    this.open = null;
    this.merge(data.items || []);
    const at = this.items.findIndex((item) => item.id === id);
    this.at = at >= 0 ? at : Math.max(0, this.items.findIndex((item) => this.waits(item)));
    this.shownAt = performance.now();
  }
  fronted(items) {  // those before have come: the key that asked for them goes on
    const back = this.back;
    this.back = false;
    if (back && items.length) this.at = Math.max(0, this.at - 1);
    else if (back) this.say("This is the first.", 2500);
  }
  merge(items, front) {
    const fresh = [];
    for (const item of items) {
      const held = this.byId.get(item.id);
      if (held) {
        held.brought = false;
        if (!this.pendingOn(item.id)) Object.assign(held, item);
      } else {
        const made = this.pendingOn(item.id);
        if (made && made.action !== "undo") item.asked = item.status = RESULT[made.action];
        this.byId.set(item.id, item);
        fresh.push(item);
      }
    }
    if (front) {
      this.items.unshift(...fresh);
      this.at += fresh.length;
    } else this.items.push(...fresh);
  }
  bring(found) {  // what is found in a row as it was edited comes next, wherever it stands in the queue
    const now = this.items[this.at], next = [];
    for (const item of found) {
      const held = this.byId.get(item.id) || item;
      if (held === now || this.pendingOn(item.id)) continue;
      next.push(Object.assign(held, item, { brought: true }));
      this.byId.set(item.id, held);
    }
    if (!next.length) return;
    this.items = this.items.filter((item) => !next.includes(item));
    this.at = now ? this.items.indexOf(now) : this.items.length;
    this.items.splice(now ? this.at + 1 : this.at, 0, ...next);
    this.say(`Found in the row as you edited it: ${count(next.length, "finding")}, ${now ? "which you see next" : "shown now"}.`, 6000);
  }
  edge(last) {  // the lowest or the highest key of what is held of the queue without a gap, "" for none
    const keys = this.items.filter((item) => !item.brought).map((item) => this.order(item));
    return keys.length ? String(keys.reduce((a, b) => (a < b) === last ? b : a)) : "";
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
        if (wish?.action === "edit") this.giveUp(outcome.finding);
        if (item) item.judged = wish?.action !== "undo";  // in a queue of what is decided: decided anew
        if (wish?.action === "undo" && outcome.finding) this.goTo(outcome.finding);
        if (wish?.action === "undo" && outcome.why) this.say(`Taken back: ${outcome.why}.`, 8000);
        else if (wish?.action === "undo" && !wish.of) this.say("Taken back: your last decision, which was not made on this page since it was loaded.", 8000);
      } else if (flight.wishes.find((each) => each.id === outcome.id)?.action === "undo") {
        this.say(`Nothing was taken back: ${outcome.why}.`, 6000);
      } else {
        for (const made of store.made) if (made.id === outcome.id) made.refused = true;
        if (outcome.why) {
          problems.push(outcome);
          this.reopen(flight.wishes.find((each) => each.id === outcome.id));
        }
      }
    }
    const roots = new Set(outcomes.map((outcome) => this.byId.get(outcome.finding)?.root));
    for (const item of this.items) if (roots.has(item.root)) delete item.others;  // what else is found in the row may be another
    if (roots.has(this.items[this.at]?.root)) this.askedAbout = "";
    this.forget(roots);
    for (const [id, now] of Object.entries(this.data.changed || {})) {
      const item = this.byId.get(id);
      if (item && !this.pendingOn(id)) { Object.assign(item, now); delete item.asked; }
    }
    if (problems.length) this.tell(problems);
  }
  forget(roots) {  // findings in an edit that another edit, or none, has taken the place of
    const told = this.data.changed || {}, now = this.items[this.at];
    if (Object.keys(told).length >= TOLD) return;
    const gone = new Set(this.items.filter((item) => item.edited && roots.has(item.root) && !told[item.id]));
    if (!gone.size) return;
    this.items = this.items.filter((item) => !gone.has(item));
    for (const item of gone) this.byId.delete(item.id);
    const at = this.items.indexOf(now);
    if (at >= 0) this.at = at;
  }

  // ------------------------------------------------------------ what is sent

  pendingOn(id) { return [...(store.inFlight?.wishes || []), ...store.unsent].findLast((wish) => wish.finding === id); }
  waiting() { return Boolean(this.more || (store.inFlight || this.wanted?.show) && !this.items.length); }
  late() {  // whatever holds a batch back, it may have been sent or not
    const n = this.unsaved();
    if (!n) store.heard = performance.now();
    return n > 0 && (performance.now() - store.heard > LATE || store.inFlight?.tries > 0);
  }
  unsaved() { return store.unsent.length + (store.inFlight?.wishes.length || 0); }
  flush() {
    this.rest = 0;
    clearTimeout(this.flushing);
    this.flushing = 0;
    if (store.inFlight || !this.send) return;
    if (this.held()) { this.flushing = setTimeout(() => this.flush(), HELD); return; }
    const wishes = store.unsent.splice(0, BATCH);
    this.post({ wishes });
  }
  later() {  // a throttle, not a debounce: while keys go on, batches still leave
    if (!this.flushing && !store.inFlight) this.flushing = setTimeout(() => this.flush(), THROTTLE);
    this.drawSaved();
  }
  post(message) {
    const full = {
      m: ++store.message, client: store.client, set: store.set, wishes: [], view: this.view, at: this.items[this.at]?.id || "",
      have: this.edge(true), ahead: this.ahead(), ...message,
    };
    store.inFlight = { ...full, since: performance.now(), tries: 0 };
    if (full.go) this.place();  // the page runs, and begins at what the address names
    this.send("sent", full);
    this.drawSaved();
  }
  tick() {
    const flight = store.inFlight;
    if (flight && performance.now() - flight.since > PATIENCE && !this.held()) {
      flight.since = performance.now();
      flight.tries += 1;
      const { since, tries, ...message } = flight;
      this.send("sent", { ...message, tries: flight.tries });
    }
    if (!flight && store.unsent.length) this.flush();
    this.place();
    this.drawSaved();
  }
  leave(event) {  // to another page: the way back leads here, and what is decided is saved first, for what is shown there
    const link = event.target?.closest?.("a[href]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    this.place();
    if (!this.unsaved() || this.leaving === link) { this.hold(); return; }
    event.preventDefault();
    event.stopPropagation();
    this.leaving = link;
    this.flush();
  }
  hold(time = SILENCE) { this.silent = Math.max(this.silent || 0, performance.now() + time); }  // what is sent now would break off the page that is on its way
  acted(event) {
    const path = event.composedPath();
    if (event.defaultPrevented) return;  // a key of this card, wherever the focus is
    if (!path.includes(this.root) && ![document, document.documentElement, document.body].includes(path[0])) { this.hold(ACT); this.place(); }
  }
  held() {  // beside what is said here a click in a dialog would be lost, and a run of the page would take this card away
    return performance.now() < (this.silent || 0) || Boolean(document.querySelector(DIALOG)) || this.running();
  }
  running() {
    const app = document.querySelector("[data-test-script-state]")?.dataset.testScriptState;
    if (!["running", "rerunRequested"].includes(app)) this.ran = undefined;
    else this.ran ??= performance.now();
    return performance.now() - this.ran < RUN;
  }
  place() {  // the address names the finding, for a reload; the server is not to write what a filter writes meanwhile
    const id = this.items[this.at]?.id, address = new URL(location.href);
    if (!id || !this.ui.desk.isConnected || address.searchParams.get("at") === id) return;
    address.searchParams.set("at", id);
    history.replaceState(history.state, "", address);
  }
  ask(extra) {  // more findings, or more about one
    if (extra) this.wanted = { ...this.wanted, ...extra };
    if (store.inFlight || this.flushing || this.held()) { this.asking ??= setTimeout(() => { this.asking = undefined; this.ask(); }, HELD); return; }
    const hungry = this.more && this.ahead() < FETCH;
    const item = this.items[this.at];
    const about = item && !item.others && this.askedAbout !== item.id ? item.id : "";
    if (!this.wanted && !hungry && !about) return;
    const rest = this.rest - performance.now();
    if (rest > 0 && !this.wanted && !about && this.ahead()) { this.asking ??= setTimeout(() => { this.asking = undefined; this.ask(); }, rest); return; }
    if (about) this.askedAbout = about;
    const message = { wishes: store.unsent.splice(0, BATCH), ...this.wanted, about };
    this.wanted = undefined;
    this.post(message);
  }
  ahead() { return this.items.slice(this.at).filter((item) => this.waits(item)).length; }
  waits(item) { return !item.asked && !(item.judged && item.status !== "open") && (this.data.wants || ["open"]).includes(item.status); }

  // ------------------------------------------------------------ deciding

  decide(action, more = {}) {
    const item = this.items[this.at];
    this.leaving = null;
    if (!item) { this.say(this.waiting() ? "The next finding is on its way: that key decided nothing." : "There is nothing to decide on here.", 2500); return; }
    if (this.editing && action !== "edit") { this.say("First save the edit (Ctrl+Enter) or leave it (Esc).", 2500); return; }
    if (item.kind === "changed") { this.say("Nothing was decided: the row was changed in its file. Lint again, then decide.", 6000); return; }
    if (!this.allowed(item).includes(action)) { this.say(action === "accept" ? (this.leavesNone(item) ? "The row that the fix leaves is dropped already: 1 keeps this one, X drops both." : "No fix is offered here.") : "That makes no sense here.", 2500); return; }
    const note = this.noteOn(item);
    if (this.data.reasons && RESULT[action] === "keep" && item.severity === "error" && !note) {
      this.say("An error is kept with a reason: write why, then press Enter and the key again.", 6000);
      this.root.querySelector(".note")?.focus();
      return;
    }
    if (action !== "edit") this.giveUp(item.id);
    const before = { status: item.status, head: item.head, who: item.who, asked: item.asked };
    const earlier = [...(store.inFlight?.wishes || []), ...store.unsent].filter((wish) => wish.finding === item.id).pop();
    const wish = { id: newId(), action, finding: item.id, base: earlier ? earlier.id : item.head || "", note, who: this.data.reviewer, ...more };
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
    keep();
    this.next(true);
    this.later();
  }
  noteOn(item) { return store.notes.get(item.id) ?? (item.who === this.data.reviewer && item.note || ""); }
  remember(entry) { store.made.push(entry); if (store.made.length > 500) store.made.shift(); }
  undo() {
    const last = store.made.pop();
    if (last?.refused) {
      this.say("That key was not recorded: there is nothing of it to take back. U again takes back the one before it.", 8000);
      this.goTo(last.finding);
      return;
    }
    const unsent = last && store.unsent.findIndex((wish) => wish.id === last.id);
    if (last && unsent >= 0) {  // it never left this page
      store.unsent.splice(unsent, 1);
      const item = this.byId.get(last.finding);
      if (item) Object.assign(item, last.before);
      if (item && !last.before.asked) delete item.asked;
      for (const other of this.items) if (other.root === item?.root && other !== item && other.asked && !this.pendingOn(other.id)) { other.status = "open"; delete other.asked; }
      this.goTo(last.finding);
      keep();
    } else {
      store.unsent.push({ id: newId(), action: "undo", finding: last?.finding || "", of: last?.id || "", who: this.data.reviewer });
      if (last) { const item = this.byId.get(last.finding); if (item) delete item.asked; }
      keep();
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
    if (to < 0) {
      if (!this.edge(false)) return;
      this.back = true;
      this.ask({ before: this.edge(false) });
      return;
    }
    if (to >= this.items.length) { if (!this.more) { this.at = this.items.length; this.moved(); } return; }
    this.at = to;
    this.moved();
  }
  goTo(id) {
    const at = this.items.findIndex((item) => item.id === id);
    if (at >= 0) { this.at = at; this.moved(); } else this.ask({ show: id });
  }
  moved() {
    this.shownAt = performance.now();
    this.open = null;
    if (this.editing && !this.editing.saving && store.drafts[this.editing.id]) this.say("Your edit is not saved. It is kept with its finding: E goes on with it.", 6000);
    this.editing = null;
    this.draw();
    this.ask();
  }
  allowed(item) {
    if (item.kind === "changed") return [];
    if (item.kind === "error") return ["keep", "drop", "later"];
    const verbs = item.pair ? ["left", "right", "both", "none", "later", "keep", "drop", "edit"] : ["accept", "keep", "drop", "edit", "later"];
    if (item.pair && item.fix && !this.leavesNone(item)) verbs.push("accept");
    return item.fix || item.pair ? verbs : verbs.filter((verb) => verb !== "accept");
  }

  going() {  // the rows that go, by what is recorded and what this page has decided since
    const gone = new Set(this.data.goes || []);
    for (const wish of [...(store.inFlight?.wishes || []), ...store.unsent]) {
      const item = this.byId.get(wish.finding);
      const [left, right] = item?.rows || [item?.root];
      if (!item || left === right) continue;  // of equal rows one stays
      const goes = { left: [right], right: [left], none: [left, right], drop: [left], accept: item.fix?.drops ? [left] : [] }[wish.action];
      const stays = { left: [left], right: [right], both: [left, right], keep: right ? [left, right] : [] }[wish.action];
      for (const row of goes || []) gone.add(row);
      for (const row of stays || []) gone.delete(row);
    }
    return gone;
  }
  lost(item) {  // of a pair: whether the left and the right row go
    const gone = this.going();
    return (item.rows || []).map((row) => gone.has(row));
  }
  leavesNone(item) { return Boolean(item.fix?.drops && item.rows && item.rows[0] !== item.rows[1] && this.lost(item)[1]); }

  // ------------------------------------------------------------ keys

  key(event) {
    if (event.defaultPrevented || !this.ui.desk.isConnected) return;
    const target = event.composedPath()[0];
    const typing = target?.matches?.("input, textarea, select, [contenteditable='true'], [contenteditable='']");
    if (document.querySelector(DIALOG)) return;
    if (event.key === "Escape") {
      if (!this.ui.help.hidden) this.ui.help.hidden = true;
      else if (this.editing) { this.cancel(); this.ui.desk.focus(); }
      else if (typing && this.root.contains(target)) this.ui.desk.focus();
      return;
    }
    if (this.editing && (event.ctrlKey || event.metaKey) && event.key === "Enter") { event.preventDefault(); this.saveEdit(); return; }
    if (typing && target.classList.contains("note") && event.key === "Enter") { event.preventDefault(); this.ui.desk.focus(); return; }
    if (typing && event.key === "Enter" && target.matches(".stTextInput input")) { setTimeout(() => target.blur()); return; }  // what was searched for is chosen: keys are for the card again
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
      z: () => { if (this.whole) { this.at = 0; this.moved(); } else this.ask({ first: "any" }); }, "?": () => { this.ui.help.hidden = !this.ui.help.hidden; },
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

}

const desks = new WeakMap();

export default function (component) {
  const root = component.parentElement;
  let desk = desks.get(root);
  if (!desk) {
    desk = new Desk(root);
    desks.set(root, desk);
  }
  unpressed(root, () => { if (desks.get(root) === desk) desk.take(component); });
  return () => { desk.close(); desks.delete(root); };
}
