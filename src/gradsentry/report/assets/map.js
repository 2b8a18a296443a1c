// The map of the corpus: the same rows twice, by their prompts and by their responses.

const SHAPES = [["clean", "stay", 1.7, 0.5], ["review", "suspicious", 3, 0.9], ["flagged", "flag", 2.7, 0.85], ["unscored", "muted", 2, 0.7]];
const NEAR = 12; // pixels from the pointer to a row that is told

function drawMaps() {
  const map = data.map;
  if (!map) return;
  const select = byId("map-finding");
  const ringed = () => new Set(select ? map.findings[select.value] ?? [] : []);
  let rings = ringed();
  const drawn = ["prompts", "responses"].map((view) => drawMap(view, () => rings));
  select?.addEventListener("change", () => {
    rings = ringed();
    for (const plot of drawn) plot.redraw(false);
    nameMaps(select.value);
  });
  nameMaps(select?.value);
}

function nameMaps(finding) {
  const counted = SHAPES.map(([name], kind) => [data.map.status.filter((one) => one === kind).length, name]).filter(([rows]) => rows);
  const ringed = finding ? ` The ${rowsInWords(data.map.findings[finding].length)} of finding ${finding} are ringed; how closely they lie together is told above.` : "";
  for (const view of ["prompts", "responses"]) {
    byId(`map-${view}`).setAttribute("aria-label",
      `Map of ${rowsInWords(data.map.rows.length)} by their ${view}: ${counted.map(([rows, name]) => `${count(rows)} ${name}`).join(", ")}.${ringed}`);
  }
}

/** Draws the rows by their prompts or their responses, and tells which row is under the pointer. */
function drawMap(view, rings) {
  const place = byId(`map-${view}`);
  const [across, up] = data.map[view];
  const range = [-0.02 * data.map.grid, 1.02 * data.map.grid];
  const plot = plotIn(place, {
    height: 340,
    padding: [4, 4, 4, 4],
    cursor: { show: false },
    scales: { x: { time: false, range }, y: { range } },
    axes: [{ show: false }, { show: false }],
    series: [{}, { paths: () => null, points: { show: false } }],
    hooks: { draw: [(one) => drawRows(one, across, up, rings())] },
  }, [range, range]);
  place.addEventListener("pointermove", (event) => {
    const box = plot.over.getBoundingClientRect();
    const at = nearestRow(plot, across, up, event.clientX - box.left, event.clientY - box.top);
    byId(`map-${view}-here`).textContent = at === null ? "" : rowInWords(at);
  });
  place.addEventListener("pointerleave", () => { byId(`map-${view}-here`).textContent = ""; });
  return plot;
}

function drawRows(plot, across, up, rings) {
  const { ctx } = plot;
  const { status } = data.map;
  const dot = devicePixelRatio;
  const at = (row) => [plot.valToPos(across[row], "x", true), plot.valToPos(up[row], "y", true)];
  ctx.save();
  SHAPES.forEach(([name, tone, radius, strength], kind) => {
    ctx.fillStyle = colour(tone);
    ctx.globalAlpha = strength;
    ctx.beginPath();
    status.forEach((one, row) => {
      if (one !== kind) return;
      const [x, y] = at(row);
      const r = radius * dot;
      if (name === "flagged") ctx.rect(x - r, y - r, 2 * r, 2 * r);
      else if (name === "review") {
        ctx.moveTo(x, y - r);
        for (const [dx, dy] of [[r, 0], [0, r], [-r, 0]]) ctx.lineTo(x + dx, y + dy);
        ctx.closePath();
      } else {
        ctx.moveTo(x + r, y);
        ctx.arc(x, y, r, 0, 2 * Math.PI);
      }
    });
    ctx.fill();
  });
  ctx.globalAlpha = 1;
  ctx.strokeStyle = colour("ink");
  ctx.lineWidth = 1.4 * dot;
  ctx.beginPath();
  for (const row of rings) {
    const [x, y] = at(row);
    ctx.moveTo(x + 5 * dot, y);
    ctx.arc(x, y, 5 * dot, 0, 2 * Math.PI);
  }
  ctx.stroke();
  ctx.restore();
}

/** Returns which row lies nearest to a place in the plot, or null where none is near. */
function nearestRow(plot, across, up, x, y) {
  let [best, least] = [null, NEAR * NEAR];
  for (let row = 0; row < across.length; row++) {
    const far = (plot.valToPos(across[row], "x") - x) ** 2 + (plot.valToPos(up[row], "y") - y) ** 2;
    if (far <= least) [best, least] = [row, far];
  }
  return best;
}

function rowInWords(at) {
  const { rows, status, findings } = data.map;
  const carried = Object.keys(findings).filter((name) => findings[name].includes(at));
  return `row number ${rows[at]}: ${SHAPES[status[at]][0]}${carried.length ? `; ${carried.join(", ")}` : ""}`;
}
