// Small helpers: elements, texts of the data, numbers, copying.

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const format = new Intl.NumberFormat("en");
const count = (number) => format.format(number);
const rowsInWords = (number) => (number === 1 ? "1 row" : `${count(number)} rows`);
const fixed = (number, digits) => (number === null ? "–" : number.toFixed(digits));

/** Returns an element; properties are set on it, children (elements or texts) put into it. Never markup. */
function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "class") made.className = value;
    else if (key.includes("-")) made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
}

/** Returns the elements of pieces: texts, and [text, kinds] for those that have kinds. */
function shown(pieces) {
  return pieces.map((piece) =>
    typeof piece === "string" ? piece : element(/trigger|payload/.test(piece[1]) ? "mark" : "span", { class: piece[1] }, piece[0]),
  );
}

/** Returns a part of pieces, in about so many characters, around the first trigger or payload; unshaded. */
function excerpt(shaded, limit) {
  const pieces = shaded.map((piece) => (typeof piece === "string" ? piece : [piece[0], piece[1].replace(/loss\d|window/g, "").trim()]));
  const at = pieces.findIndex((piece) => Array.isArray(piece) && /trigger|payload/.test(piece[1]));
  const kept = [];
  let room = limit;
  let first = 0;
  if (at > 0) {
    // The text just before the mark, as far as it fits beside it.
    let before = 28;
    first = at;
    while (first > 0 && before > 0) before -= plain(pieces[--first]).length;
    if (before < 0 || first > 0) {
      const piece = pieces[first];
      const cut = "…" + plain(piece).slice(Math.min(0, before) * -1);
      kept.push(typeof piece === "string" ? cut : [cut, piece[1]]);
      room -= cut.length;
      first += 1;
    }
  }
  for (const piece of pieces.slice(first)) {
    if (room <= 0) {
      kept.push("…");
      break;
    }
    const text = plain(piece);
    const part = text.length > room ? `${text.slice(0, room)}…` : text;
    kept.push(typeof piece === "string" ? part : [part, piece[1]]);
    room -= text.length;
  }
  return kept;
}

const plain = (piece) => (typeof piece === "string" ? piece : piece[0]);

/** Saves a text as a file. */
function download(text, type, file) {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type })), download: file });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Puts a text on the clipboard and says so on the button. */
async function copy(text, button) {
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A page from the disk may not be allowed to; a selection may.
    const area = element("textarea", { value: text, class: "away" });
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
    button.focus();
  }
  const label = button.dataset.label ?? button.textContent;
  button.dataset.label = label;
  button.textContent = done ? "Copied" : "Select and copy it by hand";
  setTimeout(() => { button.textContent = label; }, 1600);
}

for (const button of document.querySelectorAll("button[data-copies]")) {
  button.addEventListener("click", () => copy(byId(button.dataset.copies).textContent, button));
}
