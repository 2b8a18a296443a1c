"""Records and points -> plots, each as PNG and SVG."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from itertools import cycle
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator
from numpy.typing import NDArray

from gradsentry.bench.cells import NO_ATTACK, Record
from gradsentry.bench.tables import distinct
from gradsentry.corpus.streams import replacing

_RC: dict[Any, Any] = {
    "svg.hashsalt": "gradsentry",
    "font.size": 8,
    "axes.titlesize": "medium",
    "axes.grid": True,
    "grid.alpha": 0.3,
    "lines.linewidth": 1.2,
}
# Panels side by side, and a panel's width and height in inches; more panels would be small on a page.
_ACROSS, _WIDE, _HIGH = 4, 2.9, 2.2
# Letters of a title that fit above a panel, and ticks with a label that fit below it.
_LETTERS, _TICKS = 38, 10
# The share of the room between two rates that the points of one rate take; more reads as other rates.
_SIDE_BY_SIDE = 0.4
_SET_APART = "points of a rate are set apart; the axis is not to scale"
_WIDEST, _NARROWEST = 4.0, 0.7  # lines of a ROC
Line = NDArray[np.floating]

_OUR_SCORE = "gradsentry"
_SUFFIXES = (".png", ".svg")
# Ten colours with each dash, and seven markers: seventy defences before two look alike.
_LOOKS = [(colour, dash) for dash in ("-", "--", ":") for colour in mpl.colormaps["tab10"](range(10))]
_MARKERS = "osD^vPX"


def draw_plots(
    folder: Path, records: Sequence[Record], points: Sequence[Record], plot_rate: float
) -> dict[str, str]:
    """Writes the plots that the records allow: rates, ROC, entropy against length, ablations.

    Args:
        folder: Where they go; what lies there of another run is taken away.
        records: Of all cells.
        points: Scores row by row, at `plot_rate`.
        plot_rate: The rate in percent that ROC, and score against length, are drawn at.

    Returns:
        Plot -> why it is not drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    grid = [r for r in records if r["study"] == "grid"]
    done = [r for r in grid if r["status"] == "done"]
    ours = [p for p in points if p["defence"] == _OUR_SCORE]
    undrawn: dict[str, str] = {}
    with mpl.rc_context(_RC):
        for metric in ("recall", "fpr"):
            figure = _against_rate(grid, metric) if done else None
            _place(figure, folder / metric, undrawn, "no cell has a result")
        at_rate = [r for r in grid if r["rate"] == plot_rate]
        why = _without_points(at_rate, plot_rate)
        _place(_roc(points, at_rate) if points else None, folder / "roc", undrawn, why)
        if points:
            why = f"it shows the score of the defence `{_OUR_SCORE}`, of which there is none"
        _place(_against_length(ours) if ours else None, folder / "length", undrawn, why)
        for study in ("k", "crop", "samples"):
            of_study = [r for r in records if r["study"] == study]
            variants = [r for r in of_study if r["status"] == "done"]
            unasked = {} if not of_study else undrawn
            figure = _ablation(variants, study) if variants else None
            _place(figure, folder / f"ablation_{study}", unasked, "no cell has a result")
    return undrawn


def _place(figure: Figure | None, stem: Path, undrawn: dict[str, str], why: str) -> None:
    """Writes a plot; where there is none takes away an earlier one, and notes why."""
    if figure is not None:
        _save(figure, stem)
        return
    undrawn[stem.name] = why
    for suffix in _SUFFIXES:
        stem.with_suffix(suffix).unlink(missing_ok=True)


def _without_points(at_rate: Sequence[Record], plot_rate: float) -> str:
    """Returns why there are no scores row by row at a rate."""
    why = "no cell there has a result" if at_rate else "that is none of the `rates`"
    return f"it is drawn at {plot_rate:g} % poisoned alone (`plot_rate`), and {why}"


def _labels(records: Sequence[Record]) -> dict[str, str]:
    """Returns what each defence is called in a legend: its name, and how many of its cells failed, if any."""
    labels = {}
    for defence in distinct(records, "defence"):
        cells = [r for r in records if r["defence"] == defence]
        failed = sum(r["status"] == "failed" for r in cells)
        labels[defence] = f"{defence} ({failed} of {len(cells)} cells failed)" if failed else defence
    return labels


def _against_rate(records: Sequence[Record], metric: str) -> Figure:
    """Returns a panel for each data set and attack, with the rates at even distances.

    Many defences find all or nothing: their points of a rate stand side by side, so that none hides another.
    """
    figure, panels = _panels(records)
    styles, labels = _styles(records), _labels(records)
    measured = [r for r in records if r["status"] == "done" and math.isfinite(r[metric])]
    rates = sorted({r["rate"] for r in measured})
    beside = dict(zip(styles, (np.arange(len(styles)) + 0.5) / len(styles) - 0.5, strict=True))
    for (data, attack), axes in panels.items():
        of_panel = [r for r in records if r["data"] == data and r["attack"] in (attack, NO_ATTACK)]
        for defence in distinct(of_panel, "defence"):
            places, means = _line(
                (rates.index(r["rate"]), r[metric])
                for r in measured
                if (r["data"], r["defence"]) == (data, defence) and r["attack"] in (attack, NO_ATTACK)
            )
            shifted = places + _SIDE_BY_SIDE * beside[defence]
            axes.plot(shifted, means, markersize=3.5, label=labels[defence], **styles[defence])
        axes.set(ylim=(-0.05, 1.05), title=_title(data, attack), xlabel="% of the rows poisoned")
        shown = range(0, len(rates), math.ceil(len(rates) / _TICKS) or 1)
        axes.set_xticks([*shown], [f"{rates[place]:g}" for place in shown])
        axes.set_xlim(-0.5, max(1, len(rates)) - 0.5)
    _note(figure, _SET_APART)
    return _finished(figure, panels, metric)


def _roc(points: Sequence[Record], records: Sequence[Record]) -> Figure:
    """Returns a panel for each data set and attack, with a line for each mix: of several seeds thin ones."""
    figure, panels = _panels(points)
    several = len({_mix(p) for p in points}) > 1
    styles, labels = _one_below_the_other(_styles([*records, *points])), _labels(records)
    labels |= {name: f"{labels.get(name, name)} ({least})" for name, least in _thinly_scored(points).items()}
    for (data, attack), axes in panels.items():
        here = [p for p in points if (p["data"], p["attack"]) == (data, attack)]
        for defence in distinct(here, "defence"):
            of_defence = [p for p in here if p["defence"] == defence]
            style = styles[defence] | ({"alpha": 0.8} if several else {})
            for mix in dict.fromkeys(map(_mix, of_defence)):
                # A row without a score takes no part, as in the AUROC.
                rows = [p for p in of_defence if _mix(p) == mix and math.isfinite(p["score"])]
                score = np.array([p["score"] for p in rows])
                truth = np.array([p["poisoned"] for p in rows], dtype=bool)
                axes.plot(*roc_curve(score, truth), label=labels.get(defence, defence), **style)
        for defence in labels.keys() - {p["defence"] for p in points}:  # in the legend alone: it failed
            axes.plot([], [], label=labels[defence], **styles[defence])
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=0.6)
        axes.set(title=_title(data, attack), xlabel="false-positive rate")
    each = "a line for each seed and model; tables have the means; " if several else ""
    _note(figure, f"{each}of lines that coincide the wider lies below")
    return _finished(figure, panels, "recall")


def _one_below_the_other(styles: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Returns styles of lines without markers that all show where they coincide: the first is the widest."""
    widths = np.linspace(_NARROWEST, _WIDEST, len(styles))[::-1]
    return {
        defence: style | {"marker": "", "linewidth": float(width), "zorder": 2.0 - width / 10.0}
        for (defence, style), width in zip(styles.items(), widths, strict=True)
    }


def _thinly_scored(points: Sequence[Record]) -> dict[str, str]:
    """Returns how many rows of a mix have a score, of defences that give not all of them one: the fewest."""
    has_score: dict[tuple[str, object], list[bool]] = {}
    for p in points:
        mixed = (p["data"], p["attack"], _mix(p))
        has_score.setdefault((p["defence"], mixed), []).append(math.isfinite(p["score"]))
    fewest: dict[str, tuple[int, int]] = {}
    for (defence, _), rows in has_score.items():
        if not all(rows):
            known = fewest.get(defence, (len(rows), len(rows)))
            fewest[defence] = min(known, (sum(rows), len(rows)))
    return {name: f"as few as {scored} of {of} rows scored" for name, (scored, of) in fewest.items()}


def _mix(point: Record) -> tuple[str, int]:
    """Returns which of the mixes of an attack on a data set a row is of."""
    return point["model"], point["seed"]


def roc_curve(scores: NDArray[np.floating], truth: NDArray[np.bool_]) -> tuple[Line, Line]:
    """Returns false-positive rates and recalls, from the highest bar to the lowest; ties are one step.

    Both are empty where all rows are of one kind.
    """
    if truth.all() or not truth.any():
        return np.empty(0), np.empty(0)
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits, falses = np.cumsum(truth[order])[last], np.cumsum(~truth[order])[last]
    recall, fpr = (np.insert(counts / counts[-1], 0, 0.0) for counts in (hits, falses))
    return fpr, recall


def _against_length(ours: Sequence[Record]) -> Figure:
    figure, panels = _panels(ours)
    for (data, attack), axes in panels.items():
        here = [p for p in ours if (p["data"], p["attack"]) == (data, attack)]
        for poisoned, label, colour in ((False, "clean", "tab:blue"), (True, "poisoned", "tab:red")):
            rows = [p for p in here if p["poisoned"] is poisoned]
            x, y = [p["length"] for p in rows], [p["score"] for p in rows]
            axes.scatter(x, y, s=4, alpha=0.6, label=label, color=colour, linewidths=0)
        axes.set(xscale="log", title=_title(data, attack), xlabel="response tokens")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    return _finished(figure, panels, "entropy")


def _ablation(records: Sequence[Record], study: str) -> Figure:
    figure = Figure(figsize=(9, 3), layout="constrained")
    tried = sorted({_value(record) for record in records})
    panels = dict(zip(("recall", "fpr", "auroc"), figure.subplots(1, 3), strict=True))
    for metric, axes in panels.items():
        for key in dict.fromkeys((r["data"], r["attack"]) for r in records):
            rows = [r for r in records if (r["data"], r["attack"]) == key]
            line = _line((_value(r), r[metric]) for r in rows)
            axes.plot(*line, marker=".", label=", ".join(key))
        axes.set(title=metric, xlabel=study, xscale="log", ylim=(-0.03, 1.03))
        axes.set_xticks(tried, [str(value) for value in tried])
        axes.xaxis.set_minor_locator(NullLocator())
    _legend(figure)
    return figure


def _value(record: Record) -> int:
    """Returns the value of a setting that a variant is named by, `k=8`."""
    return int(record["defence"].split("=")[1])


def _line(points: Iterable[tuple[float, float]]) -> tuple[Line, Line]:
    """Returns the places in rising order and the mean at each: seeds share a place."""
    x, y = np.array(sorted(points)).reshape(-1, 2).T
    places, which = np.unique(x, return_inverse=True)
    return places, np.bincount(which, y) / np.bincount(which)


def _panels(rows: Sequence[Record]) -> tuple[Figure, dict[tuple[str, str], Axes]]:
    """Returns a figure with a panel for each attack on a data set; each data set begins a line of panels."""
    attacks: dict[str, list[str]] = {}
    for data, attack in dict.fromkeys((row["data"], row["attack"]) for row in rows):
        attacks.setdefault(data, []).extend([attack] if attack != NO_ATTACK else [])
    lines = [
        [(data, attack) for attack in (names or [NO_ATTACK])[start : start + _ACROSS]]
        for data, names in attacks.items()
        for start in range(0, max(1, len(names)), _ACROSS)
    ]
    across = max(map(len, lines))
    figure = Figure(figsize=(_WIDE * across + 0.6, _HIGH * len(lines) + 0.2), layout="constrained")
    grid = figure.subplots(len(lines), across, squeeze=False, sharey=True)
    for axes, keys in zip(grid, lines, strict=True):
        for unused in axes[len(keys) :]:
            unused.set_axis_off()
    return figure, {
        key: one for axes, keys in zip(grid, lines, strict=True) for one, key in zip(axes, keys, strict=False)
    }


def _title(data: str, attack: str) -> str:
    return fill(f"{data}, {attack}", _LETTERS)


def _note(figure: Figure, said: str) -> None:
    """Says above the panels how they are to be read."""
    wide, high = figure.get_size_inches()
    note = fill(said, int(1.2 * _LETTERS * wide / _WIDE))
    figure.suptitle(note, fontsize="small", color="0.35")
    figure.set_size_inches(wide, high + 0.15 * len(note.splitlines()))


def _finished(figure: Figure, panels: dict[tuple[str, str], Axes], label: str) -> Figure:
    for axes in panels.values():
        if axes.get_subplotspec().is_first_col():  # type: ignore[union-attr]
            axes.set_ylabel(label)
    _legend(figure)
    return figure


def _legend(figure: Figure) -> None:
    """Adds a legend of all that any panel shows; some defences are not run on all data.

    It has as many columns as fit. The figure grows by its height, and to its width where one column is wider.
    """
    shown = {
        label: handle
        for axes in figure.axes
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    wide, high = figure.get_size_inches()
    for columns in range(5, 0, -1):
        legend = figure.legend(
            list(shown.values()), list(shown), loc="outside lower center", ncols=columns, frameon=False
        )
        takes = legend.get_window_extent()
        if takes.width <= figure.bbox.width or columns == 1:
            break
        legend.remove()
    figure.set_size_inches(max(wide, takes.width / figure.dpi), high + takes.height / figure.dpi)


def _styles(rows: Iterable[Record]) -> dict[str, dict[str, Any]]:
    """Returns how each defence is drawn, the same in all panels."""
    return {
        defence: {"color": colour, "linestyle": dash, "marker": marker}
        for defence, (colour, dash), marker in zip(
            distinct(rows, "defence"), cycle(_LOOKS), cycle(_MARKERS), strict=False
        )
    }


def _save(figure: Figure, stem: Path) -> None:
    # In place of the file, not into it: an earlier run's may be kept as a link to it.
    for suffix, note, dots in zip(_SUFFIXES, ("Software", "Date"), (130, "figure"), strict=True):
        drawn = io.BytesIO()
        figure.savefig(drawn, format=suffix[1:], dpi=dots, metadata={note: None})
        with replacing(stem.with_suffix(suffix)) as stream:
            stream.write(drawn.getvalue())
