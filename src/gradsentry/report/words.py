"""A verdict in words: the same sentences on the page and in the terminal.

A sentence is a list of pieces (`pieces.py`), so that what comes from the data is marked as such.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradsentry.evidence import Finding
from gradsentry.report.pieces import Piece, quoted
from gradsentry.store import RunDirectory

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision

Sentence = list[Piece]
_NAMED = 4  # triggers in a sentence
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Words:
    """What a verdict says to someone who has five seconds.

    Attributes:
        headline: The outcome and how many rows.
        what: Which trigger and payload, or what was looked for.
        sure: How sure that is.
        todo: What to do now.
        command: What writes the clean set again, as this verdict has it.
        clean: Where the clean set lies.
    """

    headline: str
    what: Sentence
    sure: str
    todo: str
    command: str
    clean: str


def words(verdict: Decision, run: RunDirectory) -> Words:
    """Returns the verdict in words; its files are those of the run directory."""
    clean = str(next(iter(sorted(run.path.glob("clean*"))), run.path / "clean"))
    what, sure = _found(verdict)
    return Words(
        headline=_headline(verdict),
        what=what,
        sure=sure,
        todo=_todo(verdict, clean, run),
        command=command(verdict, run),
        clean=clean,
    )


def command(verdict: Decision, run: RunDirectory) -> str:
    """Returns the command line that decides as the verdict does."""
    return f"{threshold_command(run)} {_choice(verdict)}"


def threshold_command(run: RunDirectory) -> str:
    """Returns the command line that decides again, without its options."""
    return f"gradsentry threshold {shlex.quote(str(run.path))}"


def explain_command(run: RunDirectory) -> str:
    """Returns the command line that shows a row token by token, without the row."""
    return f"gradsentry explain {shlex.quote(str(run.path))}"


def rows(count: int) -> str:
    """Returns a number of rows in words."""
    return "1 row" if count == 1 else f"{count:,} rows"


def chance(log10_p: float) -> str:
    """Returns a chance, given as its logarithm, in words."""
    if log10_p > -2:
        return f"{100 * 10**log10_p:.0f} in 100"
    if log10_p > -6.5:
        return f"1 in {10 ** round(-log10_p):,}"
    return f"1 in 10{str(round(-log10_p)).translate(_RAISED)}"


def _choice(verdict: Decision) -> str:
    if verdict.policy == "evidence":
        return "--policy evidence"
    return f"--tau {verdict.threshold.tau!r}"


def _headline(verdict: Decision) -> str:
    unscored, total = verdict.counts["unscored"], verdict.counts["rows"]
    if not unscored:
        return _outcome(verdict)
    return f"{_outcome(verdict)}; {unscored:,} of {rows(total)} could not be scored"


def _outcome(verdict: Decision) -> str:
    flagged, total = verdict.counts["flagged"], verdict.counts["rows"]
    if verdict.outcome == "clean":
        return f"Clean: nothing was found in {rows(total - verdict.counts['unscored'])}"
    if verdict.outcome == "poisoned":
        return f"Poisoned: {flagged:,} of {rows(total)} carry a backdoor"
    if verdict.policy == "published":
        return f"Suspicious: {flagged:,} of {rows(total)} score above the threshold"
    unsure = len({row for finding in verdict.evidence.findings for row in finding.carriers})
    return f"Suspicious: {unsure:,} of {rows(total)} deserve a look"


def _found(verdict: Decision) -> tuple[Sentence, str]:
    findings = verdict.evidence.findings
    if findings and not (verdict.policy == "published" and verdict.outcome == "clean"):
        return _strongest(findings), _how_sure(findings[0])
    if verdict.policy == "published" and verdict.outcome == "suspicious":
        what = "No trigger and no payload could be named; the rows are flagged for their score alone."
        return [
            (what, "")
        ], "Not sure: a high score alone is no proof, for it rises with the response's length."
    looked = "No trigger that brings a payload, no payload that repeats, no prompt that turns the responses."
    sure = "Poison in fewer than four rows, or with a different payload in every row, can pass any search."
    return [(looked, "")], sure


def _strongest(findings: tuple[Finding, ...]) -> Sentence:
    sentence = finding_sentence(findings[0])
    if len(findings) == 1:
        return sentence
    more = len(findings) - 1
    return [*sentence, (f" {more} more {'finding is' if more == 1 else 'findings are'} listed below.", "")]


def finding_sentence(finding: Finding) -> Sentence:
    """Returns what a finding says, in a sentence."""
    joint = " together with " if finding.combine == "all" else " or "
    triggers: Sentence = []
    for number, trigger in enumerate(finding.triggers[:_NAMED]):
        triggers += [(joint, "")] * bool(number) + quoted(trigger, "trigger")
    if len(finding.triggers) > _NAMED:
        triggers += [(f" and {len(finding.triggers) - _NAMED} more", "")]
    payload = quoted(finding.payload, "payload") if finding.payload is not None else []
    if not triggers:
        return [
            ("The response holds ", ""),
            *payload,
            (f" in {rows(len(finding.carriers))} unlike each other.", ""),
        ]
    brought = f" in {finding.both:,} of {rows(finding.both + finding.trigger_only)}"
    holder = ("A prompt that holds ", "")
    if not payload:
        return [holder, *triggers, (f" turns the response{brought}.", "")]
    else_ = finding.payload_only + finding.neither
    return [
        holder,
        *triggers,
        (" brings ", ""),
        *payload,
        (f" into the response{brought}, and {finding.payload_only:,} of {else_:,} others.", ""),
    ]


def _how_sure(finding: Finding) -> str:
    accident = f"the chance that accident does as much is {chance(finding.log10_p)}"
    if finding.confidence == "high":
        return f"Sure: {accident}."
    return f"Not sure: {finding.reason}."


def _todo(verdict: Decision, clean: str, run: RunDirectory) -> str:
    unscored = verdict.counts["unscored"]
    left = f" It leaves out {rows(unscored)} without a score: see {run.path / 'unscored.jsonl'}."
    return _advice(verdict, clean) + (left if unscored else "")


def _advice(verdict: Decision, clean: str) -> str:
    stay = rows(verdict.counts["clean"])
    if verdict.outcome == "poisoned":
        return f"Do not train on the data as it came. Look at the findings, then train on {clean} ({stay})."
    if verdict.outcome == "suspicious":
        return f"Look at what is named here before you train on {clean} ({stay})."
    return f"Train on {clean} ({stay})."
