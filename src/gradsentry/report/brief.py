"""A verdict in short: in a line, in a notebook's cell, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import Environment

from gradsentry.counts import rows
from gradsentry.extras import require
from gradsentry.report.pieces import plain
from gradsentry.report.words import finding_sentence, outcome_words, undesirable_words
from gradsentry.scoretable import finite_scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gradsentry.deciding.decision import Decision

_SHOWN, _BINS = 10, 50

_CELL = Environment(autoescape=True).from_string(
    """<div><p><b>{{ headline }}</b></p>
<table><thead><tr><th>finding</th><th>confidence</th><th>rows</th><th>certain</th></tr></thead><tbody>
{% for one in findings %}
<tr>{% for value in one %}<td>{{ value }}</td>{% endfor %}</tr>
{% else %}<tr><td colspan="4">none</td></tr>
{% endfor %}</tbody></table>
<p>{{ counts }}{% if aside %}; {{ aside }}{% endif %}</p></div>"""
)


def line(verdict: Decision) -> str:
    """Returns a verdict in a line: what was found, and how many rows go and stay."""
    counts = verdict.counts
    strongest = f"; {plain(finding_sentence(verdict.findings[0]))}" if verdict.findings else ""
    stay = f"{counts['clean']:,} rows stay, {counts['flagged']:,} go, {counts['unscored']:,} unscored"
    rejected = verdict.read.rejected if verdict.read else 0
    other = f"; the rejected answers of {rows(rejected)} are not judged" if rejected else ""
    if verdict.undesirable:
        other = f"; {undesirable_words(verdict)}: `clean` is without them"
    return f"<Verdict: {outcome_words(verdict)}; {stay}{other}{strongest}>"


def cell(verdict: Decision) -> str:
    """Returns a verdict as HTML for a notebook; what comes from the data is text there."""
    counts = verdict.counts
    return _CELL.render(
        headline=outcome_words(verdict),
        findings=[
            (one.name, one.confidence, len(one.carriers), plain(finding_sentence(one)))
            for one in verdict.findings[:_SHOWN]
        ],
        counts=", ".join(f"{counts[name]:,} {name}" for name in ("rows", "clean", "flagged", "unscored")),
        aside=undesirable_words(verdict) if verdict.undesirable else "",
    )


def plot(verdict: Decision, ax: Axes | None = None) -> Axes:
    """Returns axes with the scores and tau; where no model scored the rows, with the findings' rows.

    Raises:
        SettingsError: If matplotlib is not installed.
    """
    require("plot")
    import matplotlib.pyplot as plt

    axes = ax or plt.subplots()[1]
    if verdict.threshold is None:
        shown = verdict.findings[:_SHOWN]
        axes.barh([one.name for one in shown], [len(one.carriers) for one in shown])
        axes.invert_yaxis()
        axes.set(xlabel="rows", title=outcome_words(verdict))
        return axes
    axes.hist(finite_scores(verdict.scores.narrow), bins=_BINS, range=(0.0, 1.0))
    axes.axvline(verdict.threshold.tau, color="tab:red", label=f"tau {verdict.threshold.tau:.3f}")
    axes.legend()
    axes.set(xlabel="score", ylabel="rows", title=outcome_words(verdict))
    return axes
