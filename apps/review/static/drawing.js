// What is seen of the decision loop: queue, card, context and verbs, drawn anew from what the loop holds.

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

function duration(ms) {
  const minutes = ms / 60000;
  return minutes < 1 ? "a minute" : minutes < 90 ? `${Math.round(minutes)} min` : `${(minutes / 60).toFixed(1)} h`;
}

class Drawing {
  say(text, time, ...more) {
    this.ui.banner.replaceChildren(h("span", "", text), ...more);
    this.ui.banner.hidden = false;
    clearTimeout(this.saying);
    this.saying = setTimeout(() => this.hush(), time);
  }
  hush() { this.ui.banner.hidden = true; }
  tell(problems) {  // decisions that were not recorded: none of them need be about the finding that is shown now
    const last = problems[problems.length - 1];
    const said = problems.slice(-3).map((each) => `${each.about || "a finding that is gone"}: ${each.why}`).join(" · ");
    const more = problems.length > 3 ? ` · and ${(problems.length - 3).toLocaleString("en")} more` : "";
    const look = this.byId.has(last.finding) ? [button("small", "Look at it", "", () => { this.hush(); this.goTo(last.finding); })] : [];
    this.say(`Not recorded. ${said}${more}`, 12000, ...look, button("small", "Close", "", () => this.hush()));
  }
  tellWaiting() {  // decisions on other data that this port served before
    const said = elsewhere().map(([name, n]) => `${count(n, "decision")} on ${name}`).join(", ");
    if (said) this.say(`Not saved: ${said}. Kept in this tab until that review is started again on this port.`, 20000, button("small", "Close", "", () => this.hush()));
  }
  fit() {  // the three columns take what the window leaves: the page itself is not to scroll
    const block = document.querySelector(".stMainBlockContainer"), room = block?.parentElement.clientHeight;
    if (!block || !this.ui.body.isConnected || !room) return;
    const page = block.getBoundingClientRect(), body = this.ui.body.getBoundingClientRect();
    const tall = `${Math.max(380, Math.floor(room - (body.top - page.top) - (page.bottom - body.bottom)))}px`;
    if (this.ui.desk.style.getPropertyValue("--tall") !== tall) this.ui.desk.style.setProperty("--tall", tall);
  }
  draw() {
    if (this.items[this.at]) store.left = { view: this.view, id: this.items[this.at].id };
    else if (store.left && !this.waiting()) store.left.over = true;  // the end of the queue is shown
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
    const late = this.late();
    this.ui.saved.textContent = n ? `unsaved ${n}` : "saved";
    this.ui.saved.classList.toggle("waiting", late);
    this.ui.desk.dataset.unsaved = String(n);
    this.ui.desk.dataset.held = String(this.ahead());
    if (late && this.ui.banner.hidden) this.say(`The server does not answer: ${count(n, "decision")} not saved yet. Leave this page open.`, 4000);
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
    if (item.problem) this.ui.card.append(h("div", "pane", null, h("div", "text", null, parts(item.problem)), ...(item.kind === "changed" ? this.drawChanged(item) : [])));
    if (item.problem && item.kind !== "changed") return;
    if (item.kind !== "changed") this.ui.card.append(...this.drawFormer(item));
    const panes = h("div", item.right ? "panes two" : "panes");
    const lost = this.lost(item), told = [lost[0] ? ", dropped" : "", lost[1] ? ", dropped already: to keep it takes that back" : ""];
    for (const [n, pane] of [item.left, item.right].entries()) if (pane) panes.append(this.drawPane(pane, item, told[n]));
    this.ui.card.append(panes);
    const mark = this.ui.card.querySelector(".mark, .del, .ins, .diff");
    this.ui.card.scrollTop = 0;
    if (mark) {
      const box = this.ui.card.getBoundingClientRect(), at = mark.getBoundingClientRect();
      if (at.bottom > box.bottom - 24) this.ui.card.scrollTop = at.top - box.top - box.height / 2;
    }
  }
  drawChanged(item) {  // a row that is another in its file now: the way on, and what was typed for the one before
    const row = h("div", "row", null, button("small", "Lint again", "", () => this.go({ lint: true })));
    const draft = store.drafts[item.id];
    if (!draft) return [row];
    draft.at = placeOf(item);  // linted again, the finding is another: by this its draft is known there
    keepDrafts();
    return [row, this.drawTyped(draft, "What you had typed, to be copied:")];
  }
  drawTyped(draft, told) {
    const areas = [...Object.values(draft.texts), ...(draft.row ? [draft.row] : [])].map(([, now]) => {
      const area = h("textarea");
      area.readOnly = true;
      area.value = now;
      return area;
    });
    return h("div", "editor", null, h("p", "soft", told), ...areas);
  }
  drawFormer(item) {  // what was typed for the row that stood here before
    const [id, draft] = Object.entries(store.drafts).find(([id, draft]) => id !== item.id && draft.at === placeOf(item)) || [];
    if (!draft || !this.waits(item)) return [];
    const box = this.drawTyped(draft, "What you had typed before this row changed, to be copied:");
    box.append(h("div", "row", null, button("small", "Forget it", "", () => { this.giveUp(id); this.drawCard(); })));
    return [box];
  }
  drawHead(item) {
    const head = h("header", "head");
    const id = h("p", "id");
    id.append(h("span", `kind ${item.severity}`, item.severity), h("span", "", item.name), h("span", "code", item.code));
    if (item.fix) id.append(h("span", "tag", `${item.fix.safety} fix`));
    if (item.edited) id.append(h("span", "tag strong", "in your edit"));
    if (store.drafts[item.id] && item.kind !== "changed" && this.editing?.id !== item.id && !this.pendingOn(item.id)) id.append(h("span", "tag strong", "an edit, not saved: E goes on with it"));
    if (item.copies > 1) id.append(h("span", "tag", `${item.copies} places`));
    if (!this.waits(item)) id.append(h("span", "tag strong", (DONE[item.status] || item.status) + (item.who && item.who !== this.data.reviewer ? ` by ${item.who}` : "")));
    id.append(h("span", "where", `${item.file}:${item.line}`));
    head.append(id, h("h2", "", null, parts(item.message)));
    const notes = h("div", "notes");
    if (item.fix) notes.append(h("p", "", `Fix: ${item.fix.title}${item.pair && this.leavesNone(item) ? ". Not offered: the other row is dropped already" : ""}`));
    if (item.noRow) notes.append(h("p", "", "No loader reads this line. Kept, the lint is silent about it; the clean set is written without it all the same."));
    if (item.more) notes.append(h("p", "", `and ${count(item.more, "more row")}: press G for the group`));
    if (item.earlier) notes.append(h("p", "", `${item.earlier.who || "Somebody"} said ${item.earlier.verdict} on ${item.earlier.when}, before the row changed${item.earlier.why ? `: ${item.earlier.why}` : ""}. Does it still hold?`));
    const said = item.said || [];
    for (const each of said) notes.append(h("p", "", `${each.who || "Somebody"}: ${each.verdict}${each.why ? `, ${each.why}` : ""} (${each.when})${each === said[said.length - 1] ? ": counts now" : ""}`));
    if (!said.length && item.note && item.who !== this.data.reviewer) notes.append(h("p", "", `${item.who || "Somebody"}: ${item.note}`));
    if (notes.childNodes.length) head.append(notes);
    return head;
  }
  drawPane(pane, item, told) {
    const box = h("div", "pane");
    if (pane.title) box.append(h("h3", "", pane.title + told));
    for (const turn of pane.turns) {
      if (turn.skip) { box.append(h("p", "skip", `${count(turn.skip, "turn")} not shown`)); continue; }
      const quiet = item.kind === "fix" && !turn.told || item.kind === "text" && !turn.told && pane.turns.some((t) => t.told);
      const node = h("div", `turn ${["system", "user", "assistant", "tool"].includes(turn.role) ? turn.role : ""} ${quiet ? "quiet" : ""}`);
      if (turn.role) node.append(h("p", "role", null, h("b", turn.roleClass || "", turn.role), ...(turn.side ? [h("span", "", turn.side)] : [])));
      node.append(...spoken(turn));
      box.append(node);
    }
    return box;
  }
  drawState() {
    const box = h("div", "state");
    if (this.waiting()) {
      const n = this.unsaved();
      box.append(h("h2", "", "The next findings are on their way"), h("p", "", n ? `${count(n, "decision")} ${n === 1 ? "waits" : "wait"} for the server and will be saved: leave this page open.` : "The server is asked for them."));
      return box;
    }
    const counts = this.data.counts || {};
    const open = counts.open || 0;
    const filtered = Object.keys(this.data.filter || {}).length > 0;
    const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
    if (!total) {
      box.append(h("h2", "", filtered ? "Nothing here" : "Nothing was found"), h("p", "", filtered ? "No finding is in this filter." : "The lint has nothing to say about this data."));
      if (filtered) box.append(h("div", "row", null, button("small", "Show all findings", "", () => this.go({ query: {} }))));
      return box;
    }
    const status = this.data.filter?.status || "open";  // what was skipped before a reload is not held here
    const known = ["open", "later"].includes(status) ? (counts[status] || 0) - this.unsaved() : 0;
    const left = Math.max(known, this.items.filter((item) => this.waits(item)).length);
    box.append(h("h2", "", left || open > this.unsaved() ? "The end of the queue" : "All decided"));
    const said = Object.entries(counts).filter(([status, n]) => n && status !== "open").map(([status, n]) => `${n.toLocaleString("en")} ${DONE[status]}`);
    box.append(h("p", "", said.join(", ") || "nothing decided yet"));
    const row = h("div", "row");
    if (left) row.append(button("small", `Go back to ${count(left, "skipped finding")}`, "", () => this.ask({ first: "open" })));
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
    if (box.dataset.id !== item.id) box.scrollTop = 0;
    box.dataset.id = item.id;
    const part = (title, ...nodes) => box.append(h("div", "", null, h("h3", "", title), ...nodes));
    const rule = this.data.rules?.[item.code];
    if (rule) part("Why it matters", h("p", "", null, prose(rule.summary)), h("p", "", null, prose(rule.why)));
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
    for (const [what, name, key] of [["tokens", "Tokens", "T"], ["template", "Template", "P"], ["raw", "JSON", "W"]]) {
      const node = button("small", name, key, () => this.toggle(what));
      node.setAttribute("aria-expanded", String(this.open === what));
      more.append(node);
    }
    if (item.cluster) more.append(button("small", "Group", "G", () => this.go({ group: item.cluster })));
    part("The row", more, ...this.drawDetail(item));
    const input = h("input", "note");
    input.placeholder = "Why, for the record";
    input.value = this.noteOn(item);
    input.maxLength = 500;
    input.dataset.id = item.id;
    input.setAttribute("aria-label", "Note");
    input.oninput = () => store.notes.set(item.id, input.value);
    box.append(h("div", "", null, h("h3", "", null, document.createTextNode("Note "), h("kbd", "", "N")), input));
    this.reveal(box);
  }
  reveal(box) {  // a detail that was asked for is seen, wherever the fold is
    const shown = box.querySelector(".detail");
    if (!shown) return;
    const below = shown.getBoundingClientRect().bottom - box.getBoundingClientRect().bottom;
    if (below > 0) box.scrollTop += below;
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
      const allowed = this.allowed(item), lost = this.lost(item);
      const likely = lost[1] ? (lost[0] ? "none" : "left") : "right";  // the one that takes nothing back
      const shown = item.pair ? ["left", "right", "both", "none", "edit", "later"] : ["accept", "keep", "drop", "edit", "later"];
      for (const verb of shown) {
        const [label, key] = VERBS[verb];
        const main = verb === (item.pair ? likely : item.fix ? "accept" : "");
        const node = button((main ? "main" : "") + (item.status === RESULT[verb] && !item.pair && !this.waits(item) ? " on" : ""), label, key, () => this.decide2(verb));
        node.dataset.verb = verb;
        node.disabled = !allowed.includes(verb);
        nodes.push(node);
      }
      if (item.pair && allowed.includes("accept")) {
        const node = button("", item.fix.title.charAt(0).toUpperCase() + item.fix.title.slice(1), "A", () => this.decide("accept"));
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
