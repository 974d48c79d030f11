// Editing a row in its card: its texts or the whole row, judged while one types.

const SEEN = 20000;  // characters of a field that are looked through for what it does not show

class Editing extends Drawing {
  edit() {
    const item = this.items[this.at];
    if (!item || !this.allowed(item).includes("edit")) return;
    this.editing = { id: item.id, form: null, whole: false };
    this.ask({ form: item.id });
    this.drawCard();
    this.drawVerbs();
  }
  reopen(wish) {  // an edit that was not recorded: what was typed is there again
    if (wish?.action !== "edit" || this.editing || !this.byId.has(wish.finding)) return;
    this.goTo(wish.finding);
    if (this.byId.get(wish.finding).kind === "changed") return;  // what was typed is shown there
    this.editing = { id: wish.finding, form: null, whole: wish.whole !== undefined };
    this.ask({ form: wish.finding });
  }
  fill(form) {
    this.editing.form = form;
    this.takeUp(form);
    this.drawCard();
    const told = this.byId.get(this.editing.id)?.path, areas = [...this.root.querySelectorAll(".editor textarea")];
    (areas.find((area) => area.dataset.path === told) || areas[0])?.focus();
  }
  takeUp(form) {  // what was typed and left without saving it
    const draft = store.drafts[this.editing.id];
    if (!draft || form.problem) return;
    let changed = Boolean(draft.row) && draft.row[0] !== form.whole;
    for (const text of form.texts) {
      const [was, now] = draft.texts[text.path] || [];
      if (now === undefined) continue;
      text.now = now;
      changed ||= was !== text.text;
    }
    if (draft.row) form.row = { text: form.whole, now: draft.row[1] };
    this.editing.whole = draft.whole;
    this.say(changed ? "The row has changed since this was typed: look before you save." : "Your edit as you left it. Esc gives it up.", 5000);
    this.check();
  }
  typed() {  // each letter is kept: whatever turns to another card, page or filter loses none
    const { id, form, whole } = this.editing;
    const other = (text) => text?.now !== undefined && text.now !== text.text;
    const texts = Object.fromEntries(form.texts.filter(other).map((text) => [text.path, [text.text, text.now]]));
    const row = other(form.row) ? [form.row.text, form.row.now] : null;
    if (row || Object.keys(texts).length) store.drafts[id] = { texts, row, whole };
    else delete store.drafts[id];
    keepDrafts();
    this.check();
  }
  giveUp(id) {
    if (!store.drafts[id]) return;
    delete store.drafts[id];
    keepDrafts();
  }
  cancel() {
    this.giveUp(this.editing.id);
    this.editing = null;
    this.draw();
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
      tabs.append(button("small", "Put the fix in", "", () => { form.texts.forEach((text) => { if (text.fixed !== null) text.now = text.fixed; }); this.editing.node = null; this.drawCard(); this.typed(); }));
    }
    box.append(tabs);
    const area = (holder, name, cls) => {
      const label = h("label", "", name);
      const node = h("textarea", cls);
      node.value = holder.now ?? holder.text;
      node.spellcheck = true;
      node.dataset.path = holder.path || "";
      const unseen = h("div", `unseen text ${cls || ""}`);
      const show = (text) => { const told = chipped(text.slice(0, SEEN)); unseen.hidden = !told; unseen.replaceChildren(told || ""); };
      node.oninput = () => { holder.now = node.value; show(node.value); this.typed(); };
      show(holder.now ?? holder.text);
      label.append(node, unseen);
      box.append(label);
    };
    if (whole) area(form.row ??= { text: form.whole }, "The row as JSON", "whole");
    else if (form.texts.length) for (const text of form.texts) area(text, `${text.role}  ${text.path}`);
    else { this.editing.whole = true; return this.drawEditor(); }
    this.checkBox = h("div", "check");
    this.checkBox.setAttribute("aria-live", "polite");
    const row = h("div", "row");
    row.append(button("small", "Save", "Ctrl+Enter", () => this.saveEdit()), button("small", "Cancel", "Esc", () => this.cancel()));
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
}
