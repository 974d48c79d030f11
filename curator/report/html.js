
"use strict";
(() => {
  const PAGE = 100;
  const NAMED = 40; // stretches of other rows that are shown without a click
  const LEVELS = { error: "error", warning: "warning", info: "note" };
  const [CODE, FILE, LINE, PATH, MESSAGE, FIX, EXCERPT, RELATED, TITLE, EVIDENCE] = Array(10).keys();
  const { rows, rules, files } = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const all = (selector) => [...document.querySelectorAll(selector)];

  // Text from the data enters the page here alone, as text.
  const make = (tag, name, ...children) => {
    const node = document.createElement(tag);
    if (name) node.className = name;
    node.append(...children.filter((child) => child !== null));
    return node;
  };

  // The folder that all files share says nothing in a list.
  const folders = files.map((file) => file.slice(0, file.lastIndexOf("/") + 1));
  const shared = folders.reduce((one, other) => {
    let end = 0;
    while (end < one.length && one[end] === other[end]) end++;
    return one.slice(0, one.lastIndexOf("/", end - 1) + 1);
  }, folders[0] || "");
  const short = (file) => files[file].slice(shared.length);
  const where = (row) => `${short(row[FILE])}:${row[LINE]}`;

  const haystacks = [];
  const haystack = (number) => {
    if (haystacks[number] === undefined) {
      const row = rows[number];
      const [code, name] = rules[row[CODE]];
      const text = row[EXCERPT] ? row[EXCERPT].join("") : "";
      haystacks[number] = [code, name, where(row), row[PATH], row[MESSAGE], text, row[TITLE]].join("\n").toLowerCase();
    }
    return haystacks[number];
  };

  const excerpt = (parts) => {
    if (!parts) return null;
    if (parts.length === 1) return make("div", "text", parts[0]);
    return make("div", "text", parts[0], make("mark", "", parts[1]), parts[2]);
  };

  const related = (row) => {
    if (!row[RELATED].length) return null;
    const places = row[RELATED].map(([file, first, last]) => {
      const lines = first === last ? first : `${first} to ${last}`;
      return file === row[FILE] ? `${first === last ? "line" : "lines"} ${lines}` : `${short(file)}:${lines}`;
    });
    if (places.length <= NAMED) return make("div", "more", `See ${places.join(", ")}`);
    const rows = row[RELATED].reduce((sum, [, first, last]) => sum + last - first + 1, 0);
    const all = make("details", "more", make("summary", "", `See ${rows.toLocaleString("en")} other rows`));
    all.addEventListener("toggle", () => all.children.length > 1 || all.append(make("p", "", places.join(", "))), { once: true });
    return all;
  };

  const fix = (row) => {
    if (!row[FIX]) return null;
    const safe = row[FIX] === 1;
    const label = make("b", safe ? "safe" : "unsafe", safe ? "Safe fix" : "Fix, if you agree");
    return make("div", "more", label, `: ${row[TITLE]}`);
  };

  const line = (row) => {
    const [code, name, severity] = rules[row[CODE]];
    const rule = make("button", "rule", make("code", severity, code), make("span", "name", name), make("small", "", LEVELS[severity]));
    rule.type = "button";
    rule.title = `Only ${code}`;
    rule.addEventListener("click", () => choose(code));
    const spot = make("span", "place", short(row[FILE]), make("span", "line", `:${row[LINE]}`));
    spot.title = files[row[FILE]];
    const place = make("td", "", spot, make("span", "path", row[PATH]));
    const pairs = (row[EVIDENCE] || []).map(([name, value]) => make("span", "", make("small", "", name), " ", make("code", "", value)));
    const evidence = pairs.length ? make("div", "more evidence", ...pairs) : null;
    const what = make("td", "", row[MESSAGE], excerpt(row[EXCERPT]), related(row), fix(row), evidence);
    return make("tr", "", place, make("td", "", rule), what);
  };

  let hits = [];
  let page = 0;

  const filtered = () => {
    const words = at("query").value.toLowerCase().split(/\s+/).filter(Boolean);
    const code = at("code").value;
    const file = at("file").value;
    const mend = at("fix").value;
    const levels = new Set(all(".level[aria-pressed=true]").map((button) => button.dataset.level));
    const out = [];
    for (let number = 0; number < rows.length; number++) {
      const row = rows[number];
      const rule = rules[row[CODE]];
      if (code && rule[0] !== code) continue;
      if (!levels.has(rule[2])) continue;
      if (file && row[FILE] !== Number(file)) continue;
      if (mend && row[FIX] !== Number(mend)) continue;
      if (words.length && !words.every((word) => haystack(number).includes(word))) continue;
      out.push(number);
    }
    return out;
  };

  const show = () => {
    const pages = Math.max(1, Math.ceil(hits.length / PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    const first = page * PAGE;
    const part = hits.slice(first, first + PAGE);
    const none = make("td", "empty", "Nothing matches these filters.");
    none.colSpan = 3;
    at("list").replaceChildren(...(part.length ? part.map((number) => line(rows[number])) : [make("tr", "", none)]));
    const count = (number) => number.toLocaleString("en");
    const total = hits.length === rows.length ? count(rows.length) : `${count(hits.length)} of ${count(rows.length)}`;
    at("status").textContent = pages > 1 ? `${total}, ${count(first + 1)} to ${count(first + part.length)} shown` : total;
    at("page").textContent = `Page ${count(page + 1)} of ${count(pages)}`;
    at("pager").hidden = pages === 1;
    at("previous").disabled = page === 0;
    at("next").disabled = page === pages - 1;
  };

  const update = () => {
    hits = filtered();
    page = 0;
    const code = at("code").value;
    all(".bar[data-key]").forEach((bar) => bar.setAttribute("aria-pressed", String(bar.dataset.key === code)));
    all(".bars").forEach((chart) => chart.classList.toggle("chosen", code !== ""));
    show();
  };

  const choose = (code) => {
    at("code").value = at("code").value === code ? "" : code;
    update();
    at("findings").scrollIntoView();
  };

  const turn = (by) => {
    page += by;
    show();
    at("findings").scrollIntoView();
  };

  const copy = async (button) => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      const field = make("textarea", "unseen");
      field.value = button.dataset.copy;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  };

  const theme = () => {
    const root = document.documentElement;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
    const label = () => { at("theme").textContent = isDark() ? "Light" : "Dark"; };
    at("theme").addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; label(); });
    dark.addEventListener("change", label);
    at("theme").hidden = false;
    label();
  };

  theme();
  all(".copy").forEach((button) => { button.hidden = false; button.addEventListener("click", () => copy(button)); });
  if (!at("filters")) return;

  let waiting = 0;
  at("query").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(update, 120); });
  all(".filters select").forEach((field) => field.addEventListener("change", update));
  all(".level").forEach((button) => button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    update();
  }));
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  at("filters").addEventListener("reset", () => setTimeout(() => {
    all(".level").forEach((button) => button.setAttribute("aria-pressed", "true"));
    update();
  }));
  all(".bar[data-key]").forEach((bar) => {
    bar.addEventListener("click", () => choose(bar.dataset.key));
    bar.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose(bar.dataset.key);
    });
  });
  at("previous").addEventListener("click", () => turn(-1));
  at("next").addEventListener("click", () => turn(1));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.closest("input, select, textarea")) return;
    event.preventDefault();
    at("query").focus();
  });
  update();
})();
