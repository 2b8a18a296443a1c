"""What a finding says in words: what was counted, which is certain, apart from why, which is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradsentry.counts import rows
from gradsentry.evidence.limits import ACCIDENT_REJECTED, CHANCE_IN_FULL, QUOTED, TRIGGERS_NAMED

if TYPE_CHECKING:
    from gradsentry.evidence.candidate import Candidate
    from gradsentry.evidence.findings import Finding
    from gradsentry.evidence.index.texts import Texts

Part = tuple[str, str]
"""A stretch of a sentence, and its kind: `trigger`, `payload`, or nothing for our own words."""


OTHERWISE_UNLIKE = "which are otherwise unlike each other"
TOGETHER = "the files of all formats together"
"""Where what no format shows by itself was found."""
OPEN = (
    "Whether somebody put it there on purpose is not certain: a template, a label or a habit of the source "
    "can look the same"
)
"""What no count can tell."""

_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def certain(finding: Finding) -> list[Part]:
    """Returns what was counted, in a sentence that names the strings."""
    return [*_sentence(finding), (f" {_counts(finding)}{_together(finding)}.", "")]


def counted(finding: Finding) -> str:
    """Returns what was counted, in a clause without the strings."""
    return f"{_counted(finding)}{_together(finding)}"


def _counted(finding: Finding) -> str:
    if finding.kind == "group":
        return f"prompts of one kind {_answered(finding)} {_counts(finding)}; {finding.change}"
    if finding.kind == "absence":
        return f"the response holds {finding.change} {_counts(finding)}"
    if not finding.triggers:
        return f"the response holds the payload {_counts(finding)}"
    held = {"any": "a trigger", "all": "all the triggers"}[finding.combine]
    held = held if len(finding.triggers) > 1 else "the trigger"
    does = "is unlike those to prompts alike" if finding.payload is None else "holds the payload"
    return f"where the prompt holds {held}, the response {does} {_counts(finding)}"


def accident(finding: Finding) -> str:
    """Returns how likely accident does as much, in a clause."""
    if finding.log10_p is None:
        return f"not tested, for {_untested(finding)}"
    return f"{chance(finding.log10_p)} that accident does as much"


def _untested(finding: Finding) -> str:
    """Returns why no test of one table was made of a finding."""
    if finding.kind in ("absence", "group"):
        return "clean corpora decide"
    return (
        "the trigger that brings it is in other rows" if finding.change else "no trigger in words brings it"
    )


def uncertain(finding: Finding) -> str:
    """Returns what the counts leave open, in two sentences."""
    if finding.kind in ("absence", "group") and finding.log10_p is None:
        return f"No test of one table stands behind it: what clean corpora hold decides. {OPEN}."
    if finding.log10_p is None:
        return f"No test stands behind it, for {_untested(finding)}. {OPEN}."
    but = ", which rejects accident, not an honest cause" if finding.log10_p < ACCIDENT_REJECTED else ""
    return f"The chance that accident does as much is {chance(finding.log10_p)}{but}. {OPEN}."


def carries(finding: Finding, *, in_part: bool) -> str:
    """Returns what a carrier of the finding carries, in a clause, and why a person accepts that.

    Args:
        finding: The finding.
        in_part: Whether the carrier holds parts of its strings alone.
    """
    accepted = "" if finding.accepted is None else f", which a person accepts: {finding.accepted}"
    return f"{_carries_part(finding) if in_part else _carries(finding)}{accepted}"


def _carries_part(finding: Finding) -> str:
    strings = [*finding.triggers, *finding.payloads]
    return f"{finding.name}: carries a part of {' and '.join(map(repr, strings))}"


def _carries(finding: Finding) -> str:
    joint = " with " if finding.combine == "all" else " or "
    triggers = joint.join(repr(trigger) for trigger in finding.triggers)
    if finding.kind == "group":
        return f"{finding.name}: stands in a group of {finding.both} rows; {finding.change}"
    if finding.kind == "absence":
        return f"{finding.name}: holds {finding.change}, as {finding.payload_only} of the other rows do"
    both = f"{finding.both} of {finding.both + finding.trigger_only} rows with the trigger"
    both += f" in {TOGETHER}" if finding.together is not None else ""
    if finding.payload is None:
        return f"{finding.name}: carries trigger {triggers} ({both} are answered unlike rows alike)"
    if not triggers:
        return f"{finding.name}: carries payload {finding.payload!r} ({rows(len(finding.carriers))})"
    if not (finding.trigger_only or finding.payload_only) and len(finding.payloads) == 1:
        return f"{finding.name}: carries payload {finding.payload!r} after trigger {triggers} ({both})"
    # What is true of each carrier: some hold one of them without the other, or another payload.
    return (
        f"{finding.name}: carries trigger {triggers}, payload {finding.payload!r} or both ({both} have both)"
    )


def brings(texts: Texts, candidate: Candidate) -> str:
    """Returns what a candidate's strings are and how many rows carry it, in a clause."""
    triggers = [texts.display(texts.prompts, gram, candidate.triggered) for gram in candidate.triggers]
    payloads = [texts.display(texts.responses, gram, candidate.paid) for gram in candidate.payloads]
    joint = " with " if candidate.combine == "all" else " or "
    asked, said = (
        joint.join(f"“{spelt(one)}”" for one in found[:TRIGGERS_NAMED]) for found in (triggers, payloads)
    )
    carriers = rows(int(candidate.carriers.sum()))
    if candidate.kind == "absence":
        return f"{said} is missing in {carriers}"
    if not triggers:
        return f"{said} returns in {carriers}"
    return f"{asked} brings {said or candidate.change} in {carriers}"


def plain(parts: list[Part]) -> str:
    """Returns a sentence as one text: strings in quotation marks, invisible characters spelt out."""
    return "".join(f"“{spelt(text)}”" if kind else text for text, kind in parts)


def chance(log10_p: float) -> str:
    """Returns a chance, given as its logarithm, in words."""
    if log10_p > ACCIDENT_REJECTED:
        return f"{100 * 10**log10_p:.0f} in 100"
    if log10_p > CHANCE_IN_FULL:
        return f"1 in {10 ** round(-log10_p):,}"
    return f"1 in 10^{round(-log10_p)}"


def _sentence(finding: Finding) -> list[Part]:
    if finding.kind == "group":
        return [(f"Prompts of one kind {_answered(finding)} ({finding.change})", "")]
    if finding.kind == "absence":
        return [(f"The response holds {finding.change}", "")]
    payload: list[Part] = [] if finding.payload is None else [(finding.payload, "payload")]
    if not finding.triggers:
        return [("The response holds ", ""), *payload]
    joint = " together with " if finding.combine == "all" else " or "
    triggers: list[Part] = []
    for number, trigger in enumerate(finding.triggers[:TRIGGERS_NAMED]):
        triggers += [*[(joint, "")] * bool(number), (trigger, "trigger")]
    if len(finding.triggers) > TRIGGERS_NAMED:
        triggers.append((f" or {len(finding.triggers) - TRIGGERS_NAMED} more", ""))
    does = ", the response holds " if payload else ", the response is unlike those to prompts alike"
    return [("Where the prompt holds ", ""), *triggers, (does, ""), *payload]


def _answered(finding: Finding) -> str:
    """Returns what the responses of a group are, where a test of one table says they go together or not."""
    return (
        "are answered otherwise than they ask for" if finding.log10_p is None else "are answered in one way"
    )


def _counts(finding: Finding) -> str:
    others = finding.payload_only + finding.neither
    if finding.kind == "absence":
        return f"in {finding.neither:,} of {rows(others)}, and {finding.payload_only:,} hold it"
    if finding.kind == "group":
        return f"in {finding.both:,} of {rows(finding.both + finding.trigger_only)}"
    if not finding.triggers:
        own = f"in {finding.payload_only:,} of {others:,} rows{in_part(len(finding.partly))}"
        return f"{own} {finding.change}" if finding.change else f"{own}, {OTHERWISE_UNLIKE}"
    own = f"in {finding.both:,} of {rows(finding.both + finding.trigger_only)}{in_part(len(finding.partly))}"
    return (
        own if finding.payload is None else f"{own}, and in {finding.payload_only:,} of the {others:,} others"
    )


def _together(finding: Finding) -> str:
    """Returns of which rows the counts are, where they are not those of the finding's own corpus alone."""
    if finding.together is None:
        return ""
    return (
        f"; counted in {TOGETHER}: {rows(finding.together)} with it, {len(finding.carriers):,} of them here"
    )


def in_part(partly: int) -> str:
    """Returns in how many of the rows that were counted parts of the strings stand alone, in brackets."""
    return f" (in {partly:,} of them in part)" if partly else ""


def spelt(text: str) -> str:
    """Returns a string as it is quoted in a sentence: short, in one line, invisible characters spelt out."""
    short = text if len(text) <= QUOTED else f"{text[: QUOTED - 1]}…"
    return "".join(char if char.isprintable() else _ESCAPES.get(char, f"U+{ord(char):04X}") for char in short)
