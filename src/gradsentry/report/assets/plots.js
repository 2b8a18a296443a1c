// The plots, by uPlot: it draws axes and scales, and what is drawn on them follows the choice.

const BARS = 100;
const plots = [];
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const redraw = () => plots.forEach((plot) => plot.redraw());

/** Returns a plot that fills its place, follows its width and is redrawn when colours change. */
function plotIn(place, options, values) {
  const size = () => ({ width: Math.max(place.clientWidth, 200), height: options.height });
  const axis = (given) => ({
    stroke: () => colour("muted"),
    font: "12px system-ui, sans-serif",
    labelFont: "12px system-ui, sans-serif",
    labelSize: 18,
    grid: { stroke: () => colour("line"), width: 1 },
    ticks: { stroke: () => colour("line"), width: 1, size: 4 },
    ...given,
  });
  const plot = new uPlot(
    { legend: { show: false }, padding: [10, 12, 0, 0], ...options, ...size(), axes: options.axes.map((given, side) => axis({ size: side ? 50 : 30, ...given })) },
    values,
    place,
  );
  plots.push(plot);
  let width = place.clientWidth;
  new ResizeObserver(() => {
    if (place.clientWidth === width) return;
    width = place.clientWidth;
    plot.setSize(size());
  }).observe(place);
  return plot;
}

/** Draws a line across the plot at tau. */
function drawTau(plot, scale) {
  const { ctx, bbox } = plot;
  const at = Math.round(plot.valToPos(choice.tau, scale, true)) + 0.5;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour("ink");
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash(choice.by === "score" ? [] : [5 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  if (scale === "x") {
    ctx.moveTo(at, bbox.top);
    ctx.lineTo(at, bbox.top + bbox.height);
  } else {
    ctx.moveTo(bbox.left, at);
    ctx.lineTo(bbox.left + bbox.width, at);
  }
  ctx.stroke();
  ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
  const label = `tau ${choice.tau.toFixed(3)}`;
  const gap = 5 * devicePixelRatio;
  if (scale === "x") {
    const left = at + gap + ctx.measureText(label).width < bbox.left + bbox.width;
    ctx.textAlign = left ? "left" : "right";
    ctx.fillText(label, at + (left ? gap : -gap), bbox.top + 12 * devicePixelRatio);
  } else {
    ctx.textAlign = "right";
    ctx.fillText(label, bbox.left + bbox.width - gap, at - gap);
  }
  ctx.restore();
}

/** Returns how many rows of a group score in each bar; the first holds a score of 0 as well. */
function bars(group) {
  const wide = STEPS / BARS;
  const found = [];
  for (let bar = 0; bar < BARS; bar++) found.push(group.above[bar * wide] - group.above[(bar + 1) * wide]);
  return found;
}

/** Returns how many rows of each bar are flagged. */
function flaggedBars(all, carried) {
  if (choice.by === "findings") return carried;
  const place = Math.min(Math.floor(choice.tau * BARS), BARS - 1);
  const beyond = all.slice(place + 1).reduce((sum, one) => sum + one, 0);
  return all.map((one, bar) => (bar > place ? one : bar === place ? Math.max(above(data.scores.all) - beyond, 0) : 0));
}

function drawHistogram() {
  const place = byId("histogram");
  const scores = data.scores;
  const all = bars(scores.all);
  const total = scores.all.above[0];
  all[0] += scores.all.rows - total;
  const carried = bars(scores.by_findings);
  const middle = all.map((_, bar) => (bar + 0.5) / BARS);
  const density = middle.map((x) => densityAt(x) * scores.all.rows / BARS);
  const values = () => [middle, all, flaggedBars(all, carried), density];
  const bar = uPlot.paths.bars({ size: [0.92, 60] });
  const plot = plotIn(place, {
    height: 260,
    cursor: { y: false, points: { show: false } },
    scales: { x: { time: false, range: [0, 1] }, y: { range: (_, low, high) => [0, Math.max(high * 1.08, 1)] } },
    axes: [{ label: "score" }, { label: "rows", size: 58, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? count(tick) : "")) }],
    series: [
      {},
      { paths: bar, fill: () => colour("stay"), width: 0, points: { show: false } },
      { paths: bar, fill: () => colour("flag"), width: 0, points: { show: false } },
      { stroke: () => colour("ink"), width: 1.25, points: { show: false } },
    ],
    hooks: {
      draw: [(one) => drawTau(one, "x")],
      setCursor: [(one) => {
        const at = one.cursor.idx;
        byId("histogram-here").textContent = at === null || at === undefined ? "" :
          `${(at / BARS).toFixed(2)} to ${((at + 1) / BARS).toFixed(2)}: ${rowsInWords(all[at])}, ${count(one.data[2][at])} flagged`;
      }],
    },
  }, values());
  follow(() => {
    plot.setData(values());
    const now = counts();
    place.setAttribute("aria-label",
      `Histogram of the score of ${rowsInWords(scores.all.rows)}, from 0 to 1, with its density. tau is ${choice.tau.toFixed(3)}; ${rowsInWords(above(scores.all))} above it; ${rowsInWords(now.flagged)} flagged.`);
  });
}

/** Returns the density at a score, between the two nearest points of the curve. */
function densityAt(x) {
  const points = data.scores.curve;
  if (!points.length) return null;
  const step = points[1][0] - points[0][0];
  const at = Math.min(Math.max((x - points[0][0]) / step, 0), points.length - 1.001);
  const low = Math.floor(at);
  return points[low][1] + (at - low) * (points[low + 1][1] - points[low][1]);
}

const LENGTHS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000];

function drawBesideLength() {
  const place = byId("beside-length");
  const { points, cells, across } = data.scores.length;
  const longest = points ? points.reduce((most, point) => Math.max(most, point[0]), 1) : across[across.length - 1];
  const logarithmic = longest > 40;
  const scale = logarithmic ? { time: false, distr: 3, range: [0.8, longest * 1.1] } : { time: false, range: [0, longest + 1] };
  const ticks = logarithmic ? { splits: () => LENGTHS.filter((one) => one <= longest * 1.1), filter: (_, all) => all } : {};
  const nothing = { paths: () => null, points: { show: false } };
  const plot = plotIn(place, {
    height: 260,
    cursor: { show: false },
    scales: { x: scale, y: { range: [0, 1] } },
    axes: [{ label: "response tokens", values: (_, all) => all.map((one) => (Number.isInteger(one) ? count(one) : "")), ...ticks }, { label: "score", size: 50 }],
    series: [{}, nothing],
    hooks: {
      draw: [(one) => {
        one.ctx.save();
        one.ctx.beginPath();
        one.ctx.rect(one.bbox.left, one.bbox.top, one.bbox.width, one.bbox.height);
        one.ctx.clip();
        if (points) drawPoints(one, points, logarithmic);
        else drawCells(one, cells, across);
        drawExpected(one);
        one.ctx.restore();
        drawTau(one, "y");
      }],
    },
  }, [[1, Math.max(longest, 2)], [0, 1]]);
  follow(() => {
    plot.redraw(false);
    place.setAttribute("aria-label",
      `Score against response length, from 1 to ${count(longest)} tokens, coloured by status, with the score that is expected at each length. ${expectedInWords()}`);
  });
}

function expectedInWords() {
  const line = data.scores.expected;
  if (line.length < 2) return "";
  const [first, last] = [line[0], line[line.length - 1]];
  return `At ${first[0]} tokens ${first[1].toFixed(2)} is expected, at ${count(last[0])} tokens ${last[1].toFixed(2)}.`;
}

function drawPoints(plot, points, logarithmic) {
  const { ctx } = plot;
  const radius = (points.length > 1500 ? 1.6 : 2.3) * devicePixelRatio;
  const isFlagged = ([, score, carried]) => (choice.by === "findings" ? carried === 1 : score > choice.tau);
  for (const flagged of [false, true]) {
    ctx.fillStyle = colour(flagged ? "flag" : "stay");
    ctx.globalAlpha = flagged ? 0.75 : 0.55;
    ctx.beginPath();
    points.forEach((point, number) => {
      if (isFlagged(point) !== flagged) return;
      // Lengths are whole: points are spread within their length, or they would hide each other.
      const shift = ((number * 0.618034) % 1) - 0.5;
      const x = plot.valToPos(point[0] + shift * (logarithmic ? 0.5 : 0.7), "x", true);
      const y = plot.valToPos(point[1], "y", true);
      ctx.moveTo(x + radius, y);
      ctx.arc(x, y, radius, 0, 2 * Math.PI);
    });
    ctx.fill();
  }
  ctx.globalAlpha = 1;
}

function drawCells(plot, cells, across) {
  const { ctx } = plot;
  const up = data.scores.length.up;
  const most = Math.log1p(cells.reduce((high, cell) => Math.max(high, cell[2]), 1));
  for (const [column, level, rows, carried] of cells) {
    const flagged = choice.by === "findings" ? carried / rows : (level + 0.5) / up > choice.tau ? 1 : 0;
    const left = plot.valToPos(Math.max(across[column] - 0.5, 0.8), "x", true);
    const right = plot.valToPos((across[column + 1] ?? across[column] + 1) - 0.5, "x", true);
    const top = plot.valToPos((level + 1) / up, "y", true);
    const bottom = plot.valToPos(level / up, "y", true);
    const strength = 0.15 + 0.85 * Math.log1p(rows) / most;
    for (const [name, share] of [["stay", 1], ["flag", flagged]]) {
      if (!share) continue;
      ctx.fillStyle = colour(name);
      ctx.globalAlpha = name === "flag" ? Math.max(strength, 0.5) * (0.4 + 0.6 * share) : strength;
      ctx.fillRect(left, top, Math.max(right - left, 1), Math.max(bottom - top, 1));
    }
  }
  ctx.globalAlpha = 1;
}

function drawExpected(plot) {
  const { ctx } = plot;
  ctx.strokeStyle = colour("ink");
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.beginPath();
  data.scores.expected.forEach(([tokens, score], number) => {
    const at = [plot.valToPos(tokens, "x", true), plot.valToPos(score, "y", true)];
    if (number) ctx.lineTo(...at);
    else ctx.moveTo(...at);
  });
  ctx.stroke();
}

/** Draws recall against the false-positive rate of every tau, and where the choice is. */
function drawRoc() {
  if (data.tau === null) return;
  const place = byId("roc");
  const poisoned = data.scores.poisoned;
  if (!place || !poisoned) return;
  const clean = data.counts.rows - poisoned.rows;
  const rates = (hits, flagged) => [clean ? (flagged - hits) / clean : 0, poisoned.rows ? hits / poisoned.rows : 0];
  const line = poisoned.above.map((hits, step) => rates(hits, data.scores.all.above[step])).reverse();
  const plot = plotIn(place, {
    height: 260,
    cursor: { show: false },
    scales: { x: { time: false, range: [-0.01, 1] }, y: { range: [0, 1.03] } },
    axes: [{ label: "false-positive rate" }, { label: "recall", size: 50 }],
    series: [{}, { stroke: () => colour("accent"), width: 2, points: { show: false } }],
    hooks: {
      draw: [(one) => {
        const [x, y] = rates(flaggedOf(poisoned), counts().flagged);
        one.ctx.fillStyle = colour("flag");
        one.ctx.beginPath();
        one.ctx.arc(one.valToPos(x, "x", true), one.valToPos(y, "y", true), 5 * devicePixelRatio, 0, 2 * Math.PI);
        one.ctx.fill();
      }],
    },
  }, [line.map((point) => point[0]), line.map((point) => point[1])]);
  follow(() => {
    plot.redraw(false);
    const [wrong, recall] = rates(flaggedOf(poisoned), counts().flagged);
    byId("truth-recall").textContent = recall.toFixed(4);
    byId("truth-fpr").textContent = wrong.toFixed(4);
    const flagged = counts().flagged;
    byId("truth-precision").textContent = flagged ? (flaggedOf(poisoned) / flagged).toFixed(4) : "–";
    place.setAttribute("aria-label", `ROC of the score. The choice has recall ${recall.toFixed(3)} at a false-positive rate of ${wrong.toFixed(3)}.`);
  });
}

/** Draws the singular values of a row, as shares of their sum. */
function drawSpectrum(place, spectrum) {
  const sum = spectrum.reduce((total, value) => total + value, 0) || 1;
  place.setAttribute("aria-label", `Spectrum: the largest of ${spectrum.length} singular values has ${(100 * spectrum[0] / sum).toFixed(0)} % of their sum.`);
  return plotIn(place, {
    height: 130,
    cursor: { show: false },
    scales: { x: { time: false, range: [0.4, spectrum.length + 0.6] }, y: { range: (_, low, high) => [0, high * 1.05] } },
    axes: [{ label: "singular value", splits: () => [1, ...[4, 8, 12, 16, 24, 32, 64].filter((one) => one <= spectrum.length)] }, { size: 44, values: (_, ticks) => ticks.map((tick) => `${Math.round(100 * tick)} %`) }],
    series: [{}, { paths: uPlot.paths.bars({ size: [0.7, 40] }), fill: () => colour("stay"), width: 0, points: { show: false } }],
  }, [spectrum.map((_, number) => number + 1), spectrum.map((value) => value / sum)]);
}
