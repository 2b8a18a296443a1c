// Marks of a person on rows: those that the run holds, and later ones, which this browser keeps under the run's
// name; exported as JSON Lines.

const KEY = `gradsentry:${data.id}`;
const MARKS = { p: "poisoned", c: "clean", u: "unsure" };
let marks = new Map();
const markFollowers = [];

function readMarks() {
  try {
    const held = data.rows.filter((row) => row.mark).map((row) => [row.number, row.mark]);
    marks = new Map(held);
    marks = new Map([...held, ...JSON.parse(localStorage.getItem(KEY) ?? "[]")]);
  } catch {
    byId("marks-kept").textContent = "This browser keeps nothing: export before you close the page.";
  }
}

/** Marks a row, or takes its mark away where there is none to set. */
function mark(row, value) {
  if (value) marks.set(row.number, value);
  else marks.delete(row.number);
  try {
    localStorage.setItem(KEY, JSON.stringify([...marks]));
  } catch {
    byId("marks-kept").textContent = "This browser keeps nothing: export before you close the page.";
  }
  for (const change of markFollowers) change();
}

/** Returns the marks as JSON Lines, by row. */
function exported() {
  return data.rows
    .filter((row) => marks.has(row.number))
    .sort((one, other) => one.number - other.number)
    .map((row) => `${JSON.stringify({ id: row.id, mark: marks.get(row.number) })}\n`)
    .join("");
}

function wireMarks() {
  readMarks();
  const file = `marks-${data.id}.jsonl`;
  byId("export").addEventListener("click", () => download(exported(), "application/jsonl", file));
  byId("labels-command").textContent = `${data.commands.threshold} --labels ${file}`;
  const change = () => {
    const values = data.rows.map((row) => marks.get(row.number)).filter(Boolean);
    byId("export").disabled = !values.length;
    byId("labels").hidden = !values.length;
    const each = Object.values(MARKS).map((name) => `${values.filter((value) => value === name).length} ${name}`);
    byId("marks-count").textContent = values.length ? `${rowsInWords(values.length)} marked: ${each.join(", ")}.` : "No row is marked yet.";
    byId("marks-precision").textContent = precisionInWords();
  };
  markFollowers.push(change);
  followers.push(change);
  change();
}

/** Returns how many of the marked rows that the choice flags are poisoned, in words. */
function precisionInWords() {
  const sure = data.rows.filter((row) => statusOf(row) === "flagged" && ["poisoned", "clean"].includes(marks.get(row.number)));
  if (!sure.length) return "";
  const right = sure.filter((row) => marks.get(row.number) === "poisoned").length;
  return `Of the ${sure.length} flagged ones marked poisoned or clean, ${right} are poisoned: precision ${(right / sure.length).toFixed(3)}.`;
}
