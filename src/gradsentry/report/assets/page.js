// Puts the page to work.

function wireTheme() {
  const button = byId("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const change = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
    redraw();
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    change();
  });
  system.addEventListener("change", change);
  // Paper is white, and a plot is drawn with the colours of the moment.
  addEventListener("beforeprint", () => { root.dataset.print = "yes"; redraw(); });
  addEventListener("afterprint", () => { delete root.dataset.print; redraw(); });
  change();
}

document.documentElement.classList.add("works");
wireChoice();
if (data.scores.all.rows) {
  drawHistogram();
  drawBesideLength();
}
drawRoc();
drawMaps();
wireMarks();
wireTable();
wireCsv();
wireTheme();
performance.mark("ready");
document.documentElement.dataset.ready = "yes";
