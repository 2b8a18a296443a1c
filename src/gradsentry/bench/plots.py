"""Records and points -> plots, each as PNG and SVG."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray

from gradsentry.bench.cells import NO_ATTACK, Record
from gradsentry.corpus.streams import replacing

_RC: dict[Any, Any] = {
    "svg.hashsalt": "gradsentry",
    "font.size": 8,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "lines.linewidth": 1.2,
}
# The least rate that a logarithmic axis shows; clean data stands there.
_LEAST = 0.25
Line = NDArray[np.floating]

_OUR_SCORE = "gradsentry"
_OURS = (_OUR_SCORE, "gradsentry_full", "evidence")
_SUFFIXES = (".png", ".svg")
_COLOURS = [mpl.colormaps["tab20"](place) for place in (*range(0, 20, 2), *range(1, 20, 2))]


def draw_plots(
    folder: Path, records: Sequence[Record], points: Sequence[Record], plot_rate: float
) -> dict[str, str]:
    """Writes the plots that the records allow: rates, ROC, entropy against length, ablations.

    Args:
        folder: Where they go; what lies there of another run is taken away.
        records: Of all cells.
        points: Scores row by row.
        plot_rate: The rate in percent that those are kept at.

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
    """Returns why there are no scores row by row."""
    kept = f"scores are kept row by row at {plot_rate:g} % poisoned alone (`plot_rate`)"
    return f"{kept}, and {'no cell there has a result' if at_rate else 'that is none of the `rates`'}"


def _labels(records: Sequence[Record]) -> dict[str, str]:
    """Returns what each defence is called in a legend: its name, and how many of its cells failed, if any."""
    labels = {}
    for defence in _distinct(records, "defence"):
        cells = [r for r in records if r["defence"] == defence]
        failed = sum(r["status"] == "failed" for r in cells)
        labels[defence] = f"{defence} ({failed} of {len(cells)} cells failed)" if failed else defence
    return labels


def _against_rate(records: Sequence[Record], metric: str) -> Figure:
    figure, panels = _panels(records)
    styles, labels = _styles(records), _labels(records)
    for (data, attack), axes in panels.items():
        here = [r for r in records if r["data"] == data and r["attack"] in (attack, NO_ATTACK)]
        for defence in _distinct(here, "defence"):
            line = _line(
                (max(r["rate"], _LEAST), r[metric])
                for r in here
                if r["defence"] == defence and r["status"] == "done"
            )
            axes.plot(*line, marker=".", label=labels[defence], **styles[defence])
        axes.set(xscale="log", ylim=(-0.03, 1.03), title=f"{data}, {attack}")
        ticks = [_LEAST, 1, 10, 50]
        axes.set_xticks(ticks, ["clean", *(f"{tick} %" for tick in ticks[1:])])
    return _finished(figure, panels, metric)


def _roc(points: Sequence[Record], records: Sequence[Record]) -> Figure:
    figure, panels = _panels(points)
    styles, labels = _styles([*records, *points]), _labels(records)
    for (data, attack), axes in panels.items():
        here = [p for p in points if (p["data"], p["attack"]) == (data, attack)]
        for defence in _distinct(here, "defence"):
            rows = [p for p in here if p["defence"] == defence]
            score = np.array([p["score"] for p in rows])
            truth = np.array([p["poisoned"] for p in rows])
            axes.plot(*roc_curve(score, truth), label=labels.get(defence, defence), **styles[defence])
        for defence in labels.keys() - {p["defence"] for p in points}:  # in the legend alone: it failed
            axes.plot([], [], label=labels[defence], **styles[defence])
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=0.6)
        axes.set(title=f"{data}, {attack}", xlabel="false-positive rate")
    return _finished(figure, panels, "recall")


def roc_curve(scores: NDArray[np.floating], truth: NDArray[np.bool_]) -> tuple[Line, Line]:
    """Returns false-positive rates and recalls, from the highest bar to the lowest; ties are one step."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits, falses = np.cumsum(truth[order])[last], np.cumsum(~truth[order])[last]
    recall, fpr = (np.insert(counts / max(1, counts[-1]), 0, 0.0) for counts in (hits, falses))
    return fpr, recall


def _against_length(ours: Sequence[Record]) -> Figure:
    figure, panels = _panels(ours)
    for (data, attack), axes in panels.items():
        here = [p for p in ours if (p["data"], p["attack"]) == (data, attack)]
        for poisoned, label, colour in ((False, "clean", "tab:blue"), (True, "poisoned", "tab:red")):
            rows = [p for p in here if p["poisoned"] is poisoned]
            x, y = [p["length"] for p in rows], [p["score"] for p in rows]
            axes.scatter(x, y, s=4, alpha=0.6, label=label, color=colour, linewidths=0)
        axes.set(xscale="log", title=f"{data}, {attack}", xlabel="response tokens")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    return _finished(figure, panels, "entropy")


def _ablation(records: Sequence[Record], study: str) -> Figure:
    figure = Figure(figsize=(9, 3), layout="constrained")
    panels = dict(zip(("recall", "fpr", "auroc"), figure.subplots(1, 3), strict=True))
    for metric, axes in panels.items():
        for key in dict.fromkeys((r["data"], r["attack"]) for r in records):
            rows = [r for r in records if (r["data"], r["attack"]) == key]
            line = _line((int(r["defence"].split("=")[1]), r[metric]) for r in rows)
            axes.plot(*line, marker=".", label=", ".join(key))
        axes.set(title=metric, xlabel=study, xscale="log", ylim=(-0.03, 1.03))
    _legend(figure)
    return figure


def _line(points: Iterable[tuple[float, float]]) -> tuple[Line, Line]:
    """Returns the places in rising order and the mean at each: seeds share a place."""
    x, y = np.array(sorted(points)).reshape(-1, 2).T
    places, which = np.unique(x, return_inverse=True)
    return places, np.bincount(which, y) / np.bincount(which)


def _panels(rows: Sequence[Record]) -> tuple[Figure, dict[tuple[str, str], Axes]]:
    """Returns a figure with a line of panels for each data set, one for each attack that was run on it."""
    attacks: dict[str, list[str]] = {}
    for data, attack in dict.fromkeys((row["data"], row["attack"]) for row in rows):
        attacks.setdefault(data, []).extend([attack] if attack != NO_ATTACK else [])
    lines = {data: names or [NO_ATTACK] for data, names in attacks.items()}
    across = max(map(len, lines.values()))
    figure = Figure(figsize=(2.4 * across + 0.6, 2.2 * len(lines) + 0.8), layout="constrained")
    grid = figure.subplots(len(lines), across, squeeze=False, sharey=True)
    for axes, names in zip(grid, lines.values(), strict=True):
        for unused in axes[len(names) :]:
            unused.set_axis_off()
    return figure, {
        (data, attack): axes[at]
        for (data, names), axes in zip(lines.items(), grid, strict=True)
        for at, attack in enumerate(names)
    }


def _finished(figure: Figure, panels: dict[tuple[str, str], Axes], label: str) -> Figure:
    for axes in panels.values():
        if axes.get_subplotspec().is_first_col():  # type: ignore[union-attr]
            axes.set_ylabel(label)
    _legend(figure)
    return figure


def _legend(figure: Figure) -> None:
    """Adds a legend of all that any panel shows; some defences are not run on all data."""
    shown = {
        label: handle
        for axes in figure.axes
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(list(shown.values()), list(shown), loc="outside lower center", ncols=5, frameon=False)


def _styles(rows: Iterable[Record]) -> dict[str, dict[str, Any]]:
    """Returns how each defence is drawn, the same in all panels."""
    return {
        defence: {"color": colour} | ({"linewidth": 2.2, "zorder": 3} if defence in _OURS else {})
        for defence, colour in zip(_distinct(rows, "defence"), cycle(_COLOURS), strict=False)
    }


def _distinct(rows: Iterable[Record], key: str) -> list[str]:
    return list(dict.fromkeys(row[key] for row in rows))


def _save(figure: Figure, stem: Path) -> None:
    # In place of the file, not into it: an earlier run's may be kept as a link to it.
    for suffix, note, dots in zip(_SUFFIXES, ("Software", "Date"), (130, "figure"), strict=True):
        drawn = io.BytesIO()
        figure.savefig(drawn, format=suffix[1:], dpi=dots, metadata={note: None})
        with replacing(stem.with_suffix(suffix)) as stream:
            stream.write(drawn.getvalue())
