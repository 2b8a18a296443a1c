// The listed rows as CSV, for a spreadsheet: no cell of it is a formula.

// What a spreadsheet may take for a formula: these signs, their wide forms, and any behind blanks.
const FORMULA = /^(?:[\t\r\n]|\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/;

function csvCell(value) {
  const text = value === null || value === undefined ? "" : String(value);
  const inert = typeof value === "string" && FORMULA.test(text) ? `'${text}` : text;
  return `"${inert.replaceAll('"', '""')}"`;
}

/** Returns the rows that the table lists, in its order, with what the page says of each. */
function asCsv() {
  const whole = (pieces) => pieces.map(plain).join("");
  const scores = data.tau === null ? [] : [["score", (row) => row.score], ["expected", (row) => row.expected], ["tokens", (row) => row.tokens], ["loss", (row) => row.loss]];
  const columns = [
    ["number", (row) => row.number], ["id", (row) => row.id], ["split", (row) => whole(row.split)],
    ["status", (row) => WORDS[statusOf(row)]], ["findings", (row) => row.findings.join(" ")], ...scores,
    ["reason", (row) => whole(row.reason)], ["mark", (row) => marks.get(row.number) ?? ""],
    ["prompt", (row) => whole(row.prompt)], ["response", (row) => whole(row.response)],
  ];
  const lines = [columns.map(([name]) => name), ...table.rows.map((row) => columns.map(([, value]) => value(row)))];
  return lines.map((line) => `${line.map(csvCell).join(",")}\r\n`).join("");
}

function wireCsv() {
  // A spreadsheet takes a file without the mark for one of its own encoding.
  byId("export-csv").addEventListener("click", () => download(`\uFEFF${asCsv()}`, "text/csv", `rows-${data.id}.csv`));
}
