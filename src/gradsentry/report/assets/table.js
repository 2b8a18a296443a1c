// The table of rows: sorted, filtered, searched, opened and marked, by mouse or by keys.

const PAGE = 50;
const WORDS = { flagged: "flagged", review: "review", near: "near tau", clean: "clean" };
const RANK = { flagged: 0, review: 1, near: 1, clean: 2 };
const table = { sort: "status", falling: false, page: 0, current: null, open: new Set(), rows: [] };

const KEYS_OF = {
  status: (row) => RANK[statusOf(row)] * 2 - row.score,
  number: (row) => row.number,
  score: (row) => row.score,
  excess: (row) => (row.expected === null ? -1 : row.score - row.expected),
  tokens: (row) => row.tokens,
  loss: (row) => row.loss ?? -1,
  mark: (row) => marks.get(row.number) ?? "~",
};

function wireTable() {
  for (const row of data.rows) {
    row.text = `${row.id}\n${row.split.map(plain).join("")}\n${row.prompt.map(plain).join("")}\n${row.response.map(plain).join("")}\n${row.reason.map(plain).join("")}`.toLowerCase();
  }
  for (const name of ["search", "filter"]) {
    byId(name).addEventListener("input", () => list(true));
  }
  for (const button of document.querySelectorAll("button[data-sort]")) {
    button.addEventListener("click", () => {
      const falls = ["score", "excess", "tokens", "loss"].includes(button.dataset.sort);
      table.falling = table.sort === button.dataset.sort ? !table.falling : falls;
      table.sort = button.dataset.sort;
      list(true);
    });
  }
  byId("earlier").addEventListener("click", () => turn(-1));
  byId("later").addEventListener("click", () => turn(1));
  byId("table-rows").addEventListener("keydown", onKey);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || /input|select|textarea/i.test(event.target.tagName)) return;
    event.preventDefault();
    byId("search").focus();
  });
  for (const link of document.querySelectorAll("a[data-shows]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      show(Number(link.dataset.shows));
    });
  }
  if (!data.rows.some((row) => statusOf(row) !== "clean")) byId("filter").value = "all";
  markFollowers.push(() => list(false));
  follow(() => list(false));
}

/** Returns whether a row is among those asked for. */
function isAsked(row, filter, words) {
  if (filter === "look" && statusOf(row) === "clean") return false;
  if (filter in WORDS && statusOf(row) !== filter) return false;
  if (filter === "marked" && !marks.has(row.number)) return false;
  if (filter.startsWith("finding ") && !row.findings.includes(filter.slice(8))) return false;
  return words.every((word) => row.text.includes(word));
}

/** Lists the rows that are asked for, in the order that is. */
function list(fromStart) {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const filter = byId("filter").value;
  const key = KEYS_OF[table.sort];
  const way = table.falling ? -1 : 1;
  table.rows = data.rows
    .filter((row) => isAsked(row, filter, words))
    .map((row) => [key(row), row])
    .sort(([one, first], [other, second]) => (one < other ? -way : one > other ? way : first.number - second.number))
    .map(([, row]) => row);
  const pages = Math.max(Math.ceil(table.rows.length / PAGE), 1);
  table.page = fromStart ? 0 : Math.min(table.page, pages - 1);
  render(pages);
}

function render(pages) {
  const first = table.page * PAGE;
  const rows = table.rows.slice(first, first + PAGE);
  if (!rows.includes(table.current)) table.current = rows[0] ?? null;
  const body = byId("table-rows");
  const focused = body.contains(document.activeElement) ? document.activeElement.dataset : null;
  body.replaceChildren(...rows.flatMap((row) => (table.open.has(row) ? [line(row), detail(row)] : [line(row)])));
  for (const place of body.querySelectorAll("[data-spectrum]")) {
    drawSpectrum(place, data.rows.find((row) => String(row.number) === place.dataset.spectrum).spectrum);
  }
  for (const box of body.querySelectorAll(".answer-box")) toPayload(box);
  if (focused) refocus(body, focused);
  for (const button of document.querySelectorAll("button[data-sort]")) {
    const way = button.dataset.sort === table.sort ? (table.falling ? "descending" : "ascending") : "none";
    button.closest("th").setAttribute("aria-sort", way);
  }
  byId("nothing").hidden = rows.length > 0;
  byId("earlier").disabled = table.page === 0;
  byId("later").disabled = table.page >= pages - 1;
  byId("pager").hidden = pages < 2;
  byId("page-of").textContent = `page ${table.page + 1} of ${pages}`;
  byId("listed").textContent = `${rowsInWords(table.rows.length)} of ${count(data.rows.length)} in this page`;
}

/** Has a box begin with the first payload in it, as far as it can be scrolled. */
function toPayload(box) {
  const payload = box.querySelector("mark.payload");
  if (payload) box.scrollTop += payload.getBoundingClientRect().top - box.getBoundingClientRect().top - 10;
}

/** Shows a row in the table, opened, wherever it stands. */
function show(number) {
  const row = data.rows.find((one) => one.number === number);
  byId("search").value = "";
  byId("filter").value = "all";
  table.open.add(row);
  table.current = row;
  list(true);
  table.page = Math.floor(table.rows.indexOf(row) / PAGE);
  list(false);
  const line = byId("table-rows").querySelector(`tr[data-row="${number}"]`);
  line.focus();
  line.scrollIntoView({ block: "start" });
}

/** Puts the focus where it was before the rows were made again. */
function refocus(body, focused) {
  const row = focused.row ?? focused.of;
  const button = focused.act && body.querySelector(`[data-of="${row}"][data-act="${focused.act}"]`);
  (button || body.querySelector(`tr[data-row="${row}"]`) || body.querySelector("tr[data-row]"))?.focus({ preventScroll: true });
}

/** Returns the line of a row in the table. */
function line(row) {
  const status = statusOf(row);
  const isOpen = table.open.has(row);
  const opener = element("button", {
    class: "opener", type: "button", "aria-expanded": String(isOpen), "data-of": row.number, "data-act": "open",
    "aria-label": `${isOpen ? "Close" : "Open"} row ${row.id}`, onclick: () => toggle(row),
  }, isOpen ? "▾" : "▸");
  const excess = row.expected === null ? "–" : `${row.score >= row.expected ? "+" : "−"}${Math.abs(row.score - row.expected).toFixed(2)}`;
  const made = element("tr", { class: `line is-${status}`, role: "row", "data-row": row.number, tabIndex: row === table.current ? 0 : -1 },
    element("td", { role: "cell",  class: "id" }, opener, element("span", { class: "own-id" }, ...shown(row.label)),
      ...(row.split.length ? [element("span", { class: "split" }, ...shown(row.split))] : [])),
    element("td", { role: "cell" }, element("span", { class: `status is-${status}` }, WORDS[status])),
    ...(data.tau === null ? [] : [
      element("td", { role: "cell",  class: "number" }, row.score === null ? "–" : row.score.toFixed(3)),
      element("td", { role: "cell",  class: "number wide" }, excess),
      element("td", { role: "cell",  class: "number wide" }, count(row.tokens)),
      element("td", { role: "cell",  class: "number wide" }, fixed(row.loss, 2)),
    ]),
    element("td", { role: "cell",  class: "texts" },
      element("div", { class: "data one", dir: "auto" }, ...shown(excerpt(row.prompt, 150))),
      element("div", { class: "data one answer", dir: "auto" }, ...shown(excerpt(row.response, 150)))),
    element("td", { role: "cell",  class: "mark-cell" }, markOf(row)),
  );
  made.addEventListener("focus", () => { setCurrent(row, made); });
  made.addEventListener("click", (event) => {
    if (!event.target.closest("button") && !String(getSelection())) toggle(row);
  });
  return made;
}

function markOf(row) {
  const value = marks.get(row.number);
  return value ? element("span", { class: `marked is-${value}` }, value) : element("span", { class: "none" }, "–");
}

/** Returns what opens under a row: all of it. */
function detail(row) {
  const buttons = Object.entries(MARKS).map(([key, value]) => element("button", {
    type: "button", class: `mark-button is-${value}`, "aria-pressed": String(marks.get(row.number) === value),
    "data-of": row.number, "data-act": value,
    onclick: () => mark(row, marks.get(row.number) === value ? null : value),
  }, value, element("kbd", {}, key)));
  // An id that a shell would not take as it stands is a poor argument; the row's number is none.
  const explaining = `${data.commands.explain} ${/^[\w.:/][\w.:/-]*$/.test(row.id) ? row.id : row.number}`;
  const facts = [
    ["why", row.reason],
    ["findings", [row.findings.join(", ") || "none"]],
    ...(data.tau === null ? [] : [
      ["score", [row.score === null ? "none" : `${row.score.toFixed(4)}${row.expected === null ? "" : `, where ${row.expected.toFixed(2)} is expected at ${count(row.tokens)} tokens`}`], "score"],
      ["mean loss", [row.loss === null ? "–" : row.loss.toFixed(2)], "loss"],
    ]),
    ...(row.window ? [["window", [`${row.window.tokens} tokens (overlined), mean loss ${row.window.loss.toFixed(1)}, anomaly ${row.window.anomaly.toFixed(1)}`], "anomaly"]] : []),
    ...(row.note.length ? [["note", row.note]] : []),
  ];
  return element("tr", { class: "detail", role: "row" }, element("td", { role: "cell", colSpan: data.tau === null ? 4 : 8 },
    element("div", { class: "detail-grid" },
      element("div", {},
        element("h3", {}, "Prompt"), element("div", { class: "data full", dir: "auto", tabIndex: 0, role: "group", "aria-label": `Prompt of row ${row.id}` }, ...shown(row.prompt)),
        element("h3", {}, "Response"), element("div", { class: "data full shaded answer-box", dir: "auto", tabIndex: 0, role: "group", "aria-label": `Response of row ${row.id}` }, ...shown(row.response))),
      element("div", {},
        element("div", { class: "marking", role: "group", "aria-label": `Mark row ${row.id}` }, ...buttons),
        element("dl", { class: "facts" }, ...facts.flatMap(([name, value, word]) => [
          element("dt", {}, name),
          element("dd", { dir: "auto" }, ...shown(value), ...(word ? [element("span", { class: "meaning" }, data.meanings[word])] : [])),
        ])),
        ...(data.tau === null ? [] : [
          element("div", { class: "plot spectrum", role: "img", "data-spectrum": row.number }),
          element("p", { class: "hint" }, "Token by token: ", element("code", {}, explaining), " ",
            element("button", { type: "button", "data-of": row.number, "data-act": "explain", onclick: (event) => copy(explaining, event.target) }, "Copy"))])))));
}

function setCurrent(row, line) {
  for (const other of byId("table-rows").querySelectorAll('tr[tabindex="0"]')) other.tabIndex = -1;
  table.current = row;
  line.tabIndex = 0;
}

function toggle(row) {
  if (table.open.has(row)) table.open.delete(row);
  else table.open.add(row);
  table.current = row;
  list(false);
}

/** Turns to another page and goes to its first or last row. */
function turn(by, toLast = false) {
  const pages = Math.max(Math.ceil(table.rows.length / PAGE), 1);
  const page = table.page + by;
  if (page < 0 || page >= pages) return;
  table.page = page;
  render(pages);
  const lines = byId("table-rows").querySelectorAll("tr[data-row]");
  lines[toLast ? lines.length - 1 : 0]?.focus();
}

function onKey(event) {
  const line = event.target.closest("tr[data-row]");
  if (!line || event.target !== line || event.ctrlKey || event.metaKey || event.altKey) return;
  const row = data.rows.find((one) => String(one.number) === line.dataset.row);
  const lines = [...byId("table-rows").querySelectorAll("tr[data-row]")];
  const at = lines.indexOf(line);
  const go = (to) => (lines[to] ? lines[to].focus() : turn(to < 0 ? -1 : 1, to < 0));
  const actions = {
    ArrowDown: () => go(at + 1), j: () => go(at + 1),
    ArrowUp: () => go(at - 1), k: () => go(at - 1),
    Home: () => go(0), End: () => go(lines.length - 1),
    Enter: () => toggle(row), " ": () => toggle(row),
    Escape: () => table.open.has(row) && toggle(row),
    x: () => mark(row, null),
  };
  for (const [key, value] of Object.entries(MARKS)) actions[key] = () => mark(row, value);
  if (!(event.key in actions)) return;
  event.preventDefault();
  actions[event.key]();
}
