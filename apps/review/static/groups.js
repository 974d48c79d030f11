// Groups of rows: one column a row, the words that differ marked; one of them is chosen to stay.
// Every text is set as text: nothing here parses markup.

function action(label, act) {
  const node = h("button", "small", label);
  node.type = "button";
  node.onclick = () => { node.disabled = true; act(); };
  return node;
}

function turning(group, turn) {  // of very many rows some are shown at a time
  const n = (number) => number.toLocaleString("en"), last = Math.min(group.from + group.page, group.size);
  const before = action("Rows before", () => turn(group.from - group.page)), after = action("More rows", () => turn(group.from + group.page));
  before.disabled = group.from === 0;
  after.disabled = last === group.size;
  return h("footer", "", null, before, after, h("span", "", `${n(group.from + 1)} to ${n(last)} of ${n(group.size)} rows`));
}

export default function ({ data: handed, parentElement, setTriggerValue }) {
  const data = handed?.[0];
  const root = parentElement.querySelector(".groups");
  root.classList.add("desk");
  tone(root);
  const choose = (group, row) => setTriggerValue("chosen", { group: group.number, row, shown: group.state, at: Date.now() });
  unpressed(parentElement, () => root.replaceChildren(...(data?.groups || []).map((group) => {
    const box = h("section", "group");
    box.dataset.group = String(group.number);
    const header = h("header", "", null, h("b", "", `${group.size.toLocaleString("en")} rows`), h("span", "", group.codes), ...(group.told ? [h("span", "", null, parts(group.told))] : []));
    header.append(action("Keep all", () => choose(group, "")));
    const members = h("div", "members");
    for (const member of group.members) {
      const column = h("article", `member ${member.state}`);
      const bar = h("div", "bar", null, h("span", "", member.place));
      if (member.suggested) bar.append(h("span", "tag", "suggested"));
      if (member.state) bar.append(h("span", "tag strong", member.state === "stays" ? "stays" : "goes"));
      bar.append(action("Keep this one", () => choose(group, member.row)));
      column.append(bar);
      for (const turn of member.turns) {
        if (turn.skip) { column.append(h("p", "skip", `${turn.skip} turns not shown`)); continue; }
        column.append(h("div", `turn ${turn.role}`, null, h("p", "role", null, h("b", "", turn.role), ...(turn.side ? [h("span", "", turn.side)] : [])), ...spoken(turn)));
      }
      members.append(column);
    }
    box.append(header, members);
    if (group.size > group.page) box.append(turning(group, (from) => setTriggerValue("turned", { group: group.number, from, at: Date.now() })));
    return box;
  })));
  return () => {};
}
