// What decides, at which tau, and how many rows that makes. Counts are exact at every position of the slider.

const STEPS = data.scores.all.above.length - 1;
const OWN = { by: data.policy === "evidence" ? "findings" : "score", tau: data.tau };
const choice = { ...OWN };
const followers = [];

/** Has a function called now and whenever the choice changes. */
function follow(change) {
  followers.push(change);
  change();
}

function choose(changes) {
  Object.assign(choice, changes);
  for (const change of followers) change();
}

const isOwn = () => choice.by === OWN.by && (choice.by === "findings" || choice.tau === OWN.tau);

/** Returns how many rows of a group score above tau. */
function above(group, tau = choice.tau) {
  return tau === data.tau ? group.above_own : group.above[Math.round(tau * STEPS)];
}

/** Returns how many rows of a group the choice flags; what a person decided counts more than the score. */
function flaggedOf(group) {
  if (choice.by === "score" && group === data.scores.all) {
    const { poisoned, clean } = data.scores.marked;
    return above(group) - above(poisoned) - above(clean) + poisoned.rows;
  }
  if (choice.by === "score") return above(group);
  return group === data.scores.all ? data.scores.by_findings.rows : group.by_findings;
}

function counts() {
  if (isOwn()) return data.counts;
  const flagged = flaggedOf(data.scores.all);
  const review = choice.by === "findings" ? data.scores.review : 0;
  return { ...data.counts, flagged, review, clean: data.scores.all.rows - flagged };
}

/** Returns what the choice makes of an embedded row: flagged, review, near tau or clean. */
function statusOf(row) {
  if (row.mark === "poisoned") return "flagged";
  if (row.mark === "clean") return "clean";
  if (choice.by === "findings") return row.by_findings ? "flagged" : row.needs_review ? "review" : "clean";
  if (row.score > choice.tau) return "flagged";
  return row.score > choice.tau - data.margin ? "near" : "clean";
}

/** Returns the command line that decides so. */
function commandLine() {
  if (isOwn()) return data.commands.own;
  return `${data.commands.threshold} ${choice.by === "findings" ? "--policy evidence" : `--tau ${choice.tau}`}`;
}

function wireChoice() {
  follow(showCounts);
  if (data.tau === null) return;
  const slider = byId("tau");
  const number = byId("tau-number");
  const move = (text) => {
    const value = Math.round(Number(text) * STEPS) / STEPS;
    if (text !== "" && value >= 0 && value <= 1) choose({ by: "score", tau: value });
  };
  slider.addEventListener("input", () => move(slider.value));
  number.addEventListener("change", () => move(number.value));
  for (const radio of document.querySelectorAll("input[name=by]")) {
    radio.addEventListener("change", () => choose({ by: radio.value }));
  }
  byId("back").addEventListener("click", () => choose(OWN));
  follow(() => {
    if (document.activeElement !== slider || Number(slider.value) !== choice.tau) slider.value = choice.tau;
    slider.setAttribute("aria-valuetext", `tau ${choice.tau.toFixed(3)}`);
    number.value = choice.tau.toFixed(3);
    byId(`by-${choice.by}`).checked = true;
    byId("choice-command").textContent = commandLine();
    byId("preview").hidden = isOwn();
    byId("own").hidden = !isOwn();
    byId("choice-words").textContent = choiceInWords(counts());
  });
}

/** Shows how many rows the choice makes of each kind. */
function showCounts() {
  const now = counts();
  for (const place of document.querySelectorAll("[data-count]")) place.textContent = count(now[place.dataset.count]);
  byId("to-review").hidden = !now.review;
  for (const bar of document.querySelectorAll("[data-share]")) {
    bar.style.flexGrow = now[bar.dataset.share];
    bar.hidden = !now[bar.dataset.share];
  }
}

function choiceInWords(now) {
  const rule = choice.by === "findings" ? "The findings decide" : `The score decides: above ${choice.tau.toFixed(3)}`;
  let also = "";
  if (choice.by === "findings" && now.flagged) {
    also = `, ${count(above(data.scores.by_findings))} of which also score above ${choice.tau.toFixed(3)}`;
  }
  return `${rule}. ${rowsInWords(now.flagged)} flagged${also}; ${count(now.clean)} clean.`;
}
