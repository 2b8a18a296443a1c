"""Rejected candidates in the terminal: what was held against each, the most like an attack first."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from gradsentry.commands.findings import labelled, sentence, shortened
from gradsentry.counts import rows
from gradsentry.evidence import Evidence, Rejected
from gradsentry.report.pieces import quoted

_SHOWN, _STRINGS, _STRING = 10, 3, 60
_CHECKS = {"rule": "a rule", "calibration": "the calibration", "finding": "a finding"}


def rejected_shown(evidence: Evidence) -> Iterator[Text | Table]:
    """Yields what was rejected and by which check; at most `_SHOWN` candidates of a few lines each."""
    rejected, in_all = evidence.rejected or (), evidence.rejected_in_all
    if not rejected:
        yield Text("rejected: nothing, for no search proposed anything else")
        return
    shown = rejected[:_SHOWN]
    which = f", {len(shown)} of {in_all:,}, the most like an attack first" if in_all > len(shown) else ""
    yield Text(f"rejected{which}", style="bold")
    for one in shown:
        yield sentence(_strings(one))
        lines = {"rows": Text(_counts(one)), f"by {_CHECKS[one.check]}": Text(one.reason)}
        if one.check == "rule":
            lines["without it"] = Text(_without(one, evidence))
        if one.against:
            lines["against it"] = Text(shortened("; ".join(one.against), 160))
        yield labelled(lines)
    if len(rejected) > len(shown):
        yield Text(f"--json has {len(rejected)} of them, with all that was measured", style="dim")


def _strings(one: Rejected) -> list[tuple[str, str]]:
    """Returns trigger and payload in a line."""
    triggers, payloads = _named(one.triggers, "trigger"), _named(one.payloads, "payload")
    brings = [(" brings ", "")] if triggers else []
    return [*triggers, *brings, *(payloads or [(f"responses with {one.change}", "")])]


def _named(strings: tuple[str, ...], kind: str) -> list[tuple[str, str]]:
    named: list[tuple[str, str]] = []
    for number, string in enumerate(strings[:_STRINGS]):
        named += [*[(" or ", "")] * bool(number), *quoted(string, kind, limit=_STRING)]
    more = len(strings) - _STRINGS
    return [*named, *([(f" or {more} more", "")] if more > 0 else [])]


def _counts(one: Rejected) -> str:
    others = one.payload_only + one.neither
    if not one.triggers:
        return f"the payload in {rows(one.payload_only)} of {others:,}"
    what = "the payload" if one.payloads else "so"
    elsewhere = f", and {one.payload_only:,} of the {others:,} others" if one.payloads else ""
    return f"{what} in {one.both:,} of {rows(one.both + one.trigger_only)} with the trigger{elsewhere}"


def _without(one: Rejected, evidence: Evidence) -> str:
    """Returns what a candidate that a rule keeps out would be without it."""
    sure = one.false_alarm <= evidence.false_alarm_rate
    return f"{'a' if sure else 'no'} finding of high confidence, by the calibration"
