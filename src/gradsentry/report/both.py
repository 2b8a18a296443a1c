"""Verdicts on both answers of preferences -> one page, which leads to the report of each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradsentry.counts import rows
from gradsentry.deciding.gate import WORSE
from gradsentry.report.cards import SHOWN
from gradsentry.report.render import REPORT, page
from gradsentry.report.words import finding_sentence, outcome_words, words
from gradsentry.store import RunDirectory

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision
    from gradsentry.settings import Answers


def both_page(folder: Path, verdicts: Mapping[Answers, Decision], clean: str, stay: int) -> bytes:
    """Returns the page of two verdicts.

    Args:
        folder: Where both runs lie, each by the name of its answers.
        verdicts: On the chosen and on the rejected answers.
        clean: The file there of the rows that stay by both.
        stay: How many these are.
    """
    worst = max(verdicts.values(), key=lambda one: WORSE.index(one.outcome))
    shown = {
        "name": worst.manifest["source"]["name"],
        "outcome": worst.outcome,
        "too_few": worst.outcome == "clean" and any(one.too_few_rows for one in verdicts.values()),
        "headline": f"{stay:,} of {rows(worst.counts['rows'])} stay by both answers",
        "clean": str(folder / clean),
        "stay": rows(stay),
        "not_judged": [*dict.fromkeys(one for verdict in verdicts.values() for one in verdict.left_out)],
        "sides": [_side(answers, verdict, folder) for answers, verdict in verdicts.items()],
    }
    return page("both.html.jinja", shown)


def _side(answers: Answers, verdict: Decision, folder: Path) -> dict[str, Any]:
    """Returns what the page says of one verdict."""
    findings = verdict.findings
    return {
        "answers": answers,
        "report": f"{answers}/{REPORT}",
        "outcome": verdict.outcome,
        "said": outcome_words(verdict),
        "unsure": words(verdict, RunDirectory(folder / answers)).unsure,
        "findings": [(one, finding_sentence(one)) for one in findings[:SHOWN]],
        "more": max(len(findings) - SHOWN, 0),
    }
