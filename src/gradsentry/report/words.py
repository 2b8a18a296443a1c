"""A verdict in words: the same sentences on the page and in the terminal.

A sentence is a list of pieces (`pieces.py`), so that what comes from the data is marked as such.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gradsentry.counts import rows
from gradsentry.evidence import Evidence, Finding, Outcome
from gradsentry.evidence.limits import ENOUGH_ROWS, QUOTED
from gradsentry.evidence.wording import certain, uncertain
from gradsentry.report.pieces import Piece, quoted

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision
    from gradsentry.store import RunDirectory

Sentence = list[Piece]


@dataclass(frozen=True)
class Words:
    """What a verdict says to someone who has five seconds.

    Attributes:
        headline: The outcome and how many rows.
        what: What is certain: which trigger and payload, in how many rows; or what was looked for.
        unsure: What is not.
        todo: What to do now.
        action: What to take for that: the clean set, or the next command; and when, in a clause.
        command: What writes the clean set again, as this verdict has it.
        clean: Where the clean set lies.
    """

    headline: str
    what: Sentence
    unsure: str
    todo: str
    action: tuple[str, str]
    command: str
    clean: str


def words(verdict: Decision, run: RunDirectory) -> Words:
    """Returns the verdict in words; its files are those of the run directory."""
    own = str(next(iter(sorted(run.path.glob("clean*"))), run.path / "clean"))
    # One that was taken away from the other run has its own copy of what neither flags.
    is_there = verdict.beside is not None and verdict.beside.is_there(run.path)
    clean = str(verdict.beside.path(run.path)) if verdict.beside and is_there else own
    what, unsure = _found(verdict)
    return Words(
        headline=_headline(verdict),
        what=what,
        unsure=unsure,
        todo=_todo(verdict, clean, run),
        action=_action(verdict, clean, run),
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


def accept_command(run: RunDirectory, finding: Finding) -> str:
    """Returns the command line that accepts a finding, with a reason to be written."""
    return f"gradsentry accept {shlex.quote(str(run.path))} {finding.name} --why 'WHY IT IS HARMLESS'"


def _choice(verdict: Decision) -> str:
    if verdict.policy == "evidence" or verdict.threshold is None:
        return "--policy evidence"
    return f"--tau {verdict.threshold.tau!r}"


def _headline(verdict: Decision) -> str:
    total, disliked = verdict.counts["rows"], verdict.undesirable
    said = [outcome_words(verdict)]
    if unscored := verdict.counts["unscored"] - disliked:
        said.append(f"{unscored:,} of {rows(total)} could not be {_judged(verdict)}")
    if disliked:
        said.append(undesirable_words(verdict))
    return "; ".join(said)


def undesirable_words(verdict: Decision) -> str:
    """Returns how many rows are marked as undesirable, which only `--answers` has judged."""
    total, disliked = verdict.counts["rows"], verdict.undesirable
    return f"{disliked:,} of {rows(total)} are marked as undesirable and were not judged"


def _judged(verdict: Decision) -> str:
    """Returns what is done to a row before it is judged."""
    return "read" if verdict.threshold is None else "scored"


def outcome_words(verdict: Decision) -> str:
    """Returns the verdict and how many rows it is of, in a clause."""
    flagged, total = verdict.counts["flagged"], verdict.counts["rows"]
    if verdict.policy == "published" and verdict.outcome == "suspicious":
        return f"Suspicious: {flagged:,} of {rows(total)} score above tau"
    evidence = verdict.evidence
    if verdict.outcome == "clean" and verdict.policy == "evidence" and evidence.open:
        all_settled = len(evidence.open) == len(evidence.findings)
        others = "" if all_settled else ", and accepts the others"
        return f"Clean: a person marked the rows of {'all' if all_settled else 'some'} findings clean{others}"
    count = flagged if verdict.outcome == "poisoned" else int(verdict.is_named.sum())
    return headline(evidence, count, total, int(verdict.is_judged.sum()), verdict.outcome)


def headline(
    evidence: Evidence, count: int, total: int, looked_at: int, outcome: Outcome | None = None
) -> str:
    """Returns a verdict by the findings in a clause.

    Args:
        evidence: The findings.
        count: How many rows carry a finding; of a poisoned corpus, one of high confidence.
        total: How many rows there are.
        looked_at: How many of them could be judged.
        outcome: The verdict, where it is another one than the findings alone say.
    """
    outcome = outcome or evidence.outcome
    if outcome == "clean":
        accepted = len(evidence.findings) - len(evidence.open)
        known = "1 finding" if accepted == 1 else f"{accepted} findings"
        but = f" but {known} that a person accepts" if accepted else ""
        if evidence.too_few_rows:
            least = f"it takes {ENOUGH_ROWS} different ones to find a tenth of them poisoned"
            return f"Too few rows to say: nothing was found in {rows(looked_at)}; {least}"
        return f"Clean: nothing was found in {rows(looked_at)}{but}"
    return (
        f"{outcome.capitalize()}: {'drop' if outcome == 'poisoned' else 'review'} {count:,} of {rows(total)}"
    )


def _found(verdict: Decision) -> tuple[Sentence, str]:
    findings = verdict.findings
    if findings and not (verdict.policy == "published" and verdict.outcome == "clean"):
        return _strongest(findings), _open(findings[0])
    if verdict.policy == "published" and verdict.outcome == "suspicious":
        what = "No trigger and no payload could be named; the rows are flagged for their score alone."
        return [(what, "")], "A high score alone is no proof, for it rises with the response's length."
    looked = (
        "No trigger that brings a payload, no payload that repeats, no prompt that turns the responses, but "
        "what clean corpora show as well."
    )
    unsure = (
        "Poison in fewer than four rows, or with a different payload in every row, can pass any search; "
        "so does about half of it in fewer than ten."
    )
    return [(looked, "")], unsure


def _strongest(findings: tuple[Finding, ...]) -> Sentence:
    sentence = finding_sentence(findings[0])
    if len(findings) == 1:
        return sentence
    more = len(findings) - 1
    return [*sentence, (f" {more} more {'finding is' if more == 1 else 'findings are'} listed below.", "")]


def finding_sentence(finding: Finding, limit: int = QUOTED) -> Sentence:
    """Returns what is certain of a finding, in a sentence; of a string at most so many characters."""
    return [
        piece
        for text, kind in certain(finding)
        for piece in (quoted(text, kind, limit) if kind else [(text, "")])
    ]


def _open(finding: Finding) -> str:
    if finding.accepted is not None:
        return f"A person accepts it: {finding.accepted}."
    said = uncertain(finding)
    return said if finding.confidence == "high" else f"Low confidence: {finding.reason}. {said}"


def _todo(verdict: Decision, clean: str, run: RunDirectory) -> str:
    return "".join(
        [
            _advice(verdict, clean),
            _look(verdict, run),
            _left_out(verdict, run.path / "unscored.jsonl"),
            _other_answers(verdict),
        ]
    )


def _left_out(verdict: Decision, file: Path) -> str:
    """Returns how many rows stay out because nobody judged them, and how they would come in."""
    disliked = verdict.undesirable
    parts = []
    if unscored := verdict.counts["unscored"] - disliked:
        lacking = "without a score" if verdict.threshold else "that could not be read"
        parts.append(f"{rows(unscored)} {lacking}")
    if disliked:
        parts.append(f"{rows(disliked)} marked as undesirable")
    if not parts:
        return ""
    ways = " --answers chosen leaves the undesirable ones in, and --answers rejected judges them."
    return f" It leaves out {' and '.join(parts)}: see {file}.{ways if disliked else ''}"


def _other_answers(verdict: Decision) -> str:
    """Returns what became of the other answers of preferences, or what to do where they were not judged."""
    if beside := verdict.beside:
        return f" The {beside.answers} answers were judged too ({beside.verdict}): both leave these rows."
    read = verdict.read
    if read is None or not (read.rejected or read.answers):
        return ""
    other = "chosen" if read.answers == "rejected" else "rejected"
    judged = f"judge those of the rows that stay with --answers {other}"
    return f" The {other} answers were not judged here: if not before, {judged}."


def _action(verdict: Decision, clean: str, run: RunDirectory) -> tuple[str, str]:
    """Returns when something new is to be taken, and that: it never repeats what made the verdict."""
    if verdict.outcome != "suspicious":
        return "What to train on", clean
    if verdict.policy == "evidence" and verdict.open_findings:
        return "If they are harmless", accept_command(run, verdict.open_findings[0])
    return "Once you have marked the rows, and exported your marks", f"{threshold_command(run)} --labels FILE"


def _look(verdict: Decision, run: RunDirectory) -> str:
    """Returns what to do with the group that stands out most and is no finding."""
    group = verdict.evidence.stands_out
    if group is None:
        return ""
    look = f"Before that look at the {rows(len(group.carriers))} of {group.name}, which is no finding"
    mark = "Where they answer what they are asked, leave them; where not, mark them poisoned in the report"
    return f" {look}: {explain_command(run)} {group.name}. {mark}, which then says what to type."


def _advice(verdict: Decision, clean: str) -> str:
    count = verdict.beside.rows if verdict.beside else verdict.counts["clean"]
    stay = rows(count)
    if not count:
        return "No row stays. Look at the findings, and accept one that is harmless, or mark its rows clean."
    if verdict.outcome == "poisoned":
        return f"Do not train on the data as it came. Look at the findings, then train on {clean} ({stay})."
    if verdict.outcome == "suspicious":
        return f"Review what is named here before you train on {clean} ({stay})."
    if verdict.too_few_rows:
        return f"Judge it together with the data that it is trained with; {clean} has its {stay}."
    return f"Train on {clean} ({stay})."
