"""Verdicts -> JUnit XML: of each a test case for the data as a whole, and one for each finding.

A case fails where the gate does, and for that: what no gate refuses is told in the case, and passes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml  # nothing is parsed

from gradsentry.deciding.gate import Asked, Judged
from gradsentry.evidence.wording import certain, plain, uncertain
from gradsentry.integrations.places import named_numbers, named_places
from gradsentry.report.words import outcome_words

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision
    from gradsentry.evidence import Finding

_NAMED = 20  # rows of a failure
_KINDS = {"failed": "failure", "refused": "error"}
_COUNTED = {"tests": "", "failures": "/failure", "errors": "/error"}
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(verdicts: Sequence[Decision], judged: Judged, asked: Asked = Asked()) -> bytes:  # noqa: B008  (frozen)
    """Returns verdicts as JUnit XML, a suite each; where one is not let through, what keeps it is a failure.

    Args:
        verdicts: Of each corpus one; none where nothing was data.
        judged: What was judged, all together.
        asked: What the gate asks; if not given, nothing, and nothing fails.
    """
    suites = Xml.Element("testsuites", name="gradsentry")
    for verdict in verdicts:
        _suite(suites, verdict, judged, asked)
    if others := judged.in_no_part([Judged.of(verdict) for verdict in verdicts]):
        suite = Xml.SubElement(suites, "testsuite", name="gradsentry")
        alone = replace(Judged.together([], others), is_any=bool(verdicts))
        passage = asked.passage(alone)
        why = passage.why if passage.result == "refused" or not verdicts else "not judged"
        case = Xml.SubElement(suite, "testcase", classname="files", name="what is not judged", time="0")
        _told_of(case, _KINDS.get(passage.result), "clean", why, "\n".join(others))
    for suite in suites:
        suite.attrib |= _counts(suite)
    suites.attrib |= _counts(suites)
    made: bytes = Xml.tostring(suites, encoding="utf-8", xml_declaration=True)
    return made


def _suite(suites: Xml.Element, verdict: Decision, judged: Judged, asked: Asked) -> None:
    """Adds what is to be said of a verdict; flagged rows count together with those of the other ones."""
    own = Judged.of(verdict)
    passage = asked.passage(replace(own, flagged=judged.flagged if own.flagged else 0))
    name, started = f"gradsentry {verdict.corpus.format}", verdict.manifest["started"].rstrip("Z")
    suite = Xml.SubElement(suites, "testsuite", name=name, timestamp=started)
    whole = _case(suite, verdict, f"the {verdict.answers} answers" if verdict.answers else "the data")
    message = f"{outcome_words(verdict)}: {passage.why}" if passage.why else outcome_words(verdict)
    text = "\n".join([*_rows(verdict), *(f"not judged: {clause}" for clause in own.aside)])
    _told_of(whole, _KINDS.get(passage.result), verdict.outcome, message, text)
    for finding in verdict.evidence.findings:
        where = f"{finding.name} in the rejected answers" if verdict.answers == "rejected" else finding.name
        case = _case(suite, verdict, f"{where}: {plain(certain(finding))}")
        is_open = finding in verdict.open_findings
        fails = passage.result == "failed" and is_open and asked.refuses(finding.confidence)
        message = f"{finding.confidence} confidence" if is_open else _settled(finding)
        _told_of(case, "failure" if fails else None, finding.confidence, message, uncertain(finding))


def _settled(finding: Finding) -> str:
    """Returns who settled a finding that is not open."""
    return f"accepted: {finding.accepted}" if finding.accepted else "a person marked its rows clean"


def _counts(element: Xml.Element) -> dict[str, str]:
    """Returns how many cases there are below an element, and how many of them fail."""
    found = {name: len(element.findall(f".//testcase{path}")) for name, path in _COUNTED.items()}
    return {name: str(count) for name, count in found.items()} | {"skipped": "0"}


def _rows(verdict: Decision) -> list[str]:
    """Returns a line for each of the first rows that are flagged or to review, and how many more."""
    lines = [f"{one.name} {one.reason}" for one in named_places(verdict, _NAMED)]
    more = len(named_numbers(verdict)) - len(lines)
    return [*lines, *([f"and {more:,} more rows, which --sarif and --out list"] if more else [])]


def _case(suite: Xml.Element, verdict: Decision, name: str) -> Xml.Element:
    return Xml.SubElement(suite, "testcase", classname=_told(verdict.corpus.name), name=_told(name), time="0")


def _told_of(case: Xml.Element, result: str | None, kind: str, message: str, text: str) -> None:
    """Adds what is to be said of a case: as a failure or an error, or where it passes as its output."""
    if result is None:
        Xml.SubElement(case, "system-out").text = _told(f"{message}\n{text}".rstrip())
    else:
        # An error is no outcome: the data may be clean as far as it was judged.
        kind = kind if result == "failure" else "not judged"
        Xml.SubElement(case, result, type=kind, message=_told(message)).text = _told(text)


def _told(text: str) -> str:
    """Returns a text with what XML cannot hold replaced."""
    return _NO_XML.sub("\ufffd", text)
