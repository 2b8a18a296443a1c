"""Verdict -> JUnit XML: a test case for the data as a whole, and one for each finding.

A case fails where the gate does, and for that: what no gate refuses is told in the case, and passes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml  # nothing is parsed

from gradsentry.deciding.gate import Asked
from gradsentry.evidence.wording import certain, plain, uncertain
from gradsentry.integrations.places import named_numbers, named_places
from gradsentry.report.words import outcome_words

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision

_NAMED = 20  # rows of a failure
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(verdict: Decision, asked: Asked = Asked()) -> bytes:  # noqa: B008  (frozen)
    """Returns a verdict as JUnit XML; where it is not let through, the findings that keep it are failures.

    Args:
        verdict: The verdict.
        asked: What the gate asks; if not given, nothing, and nothing fails.
    """
    unread = sum(verdict.evidence.unread.values())
    passage = asked.passage(verdict.outcome, verdict.counts["flagged"], unread)
    suite = Xml.Element("testsuite", name="gradsentry", timestamp=verdict.manifest["started"].rstrip("Z"))
    whole = _case(suite, verdict, "the data")
    message = f"{outcome_words(verdict)}: {passage.why}" if passage.why else outcome_words(verdict)
    kinds = {"failed": "failure", "unread": "error"}
    _told_of(whole, kinds.get(passage.result), verdict.outcome, message, _rows(verdict))
    for finding in verdict.evidence.findings:
        case = _case(suite, verdict, f"{finding.name}: {plain(certain(finding))}")
        is_open = finding.accepted is None
        fails = passage.result == "failed" and is_open and asked.refuses(finding.confidence)
        message = f"{finding.confidence} confidence" if is_open else f"accepted: {finding.accepted}"
        _told_of(case, "failure" if fails else None, finding.confidence, message, uncertain(finding))
    found = {kind: str(len(suite.findall(f"testcase/{kind}"))) for kind in ("failure", "error")}
    suite.attrib |= {
        "tests": str(len(suite.findall("testcase"))),
        "failures": found["failure"],
        "errors": found["error"],
        "skipped": "0",
    }
    suites = Xml.Element("testsuites", suite.attrib | {"name": "gradsentry"})
    suites.append(suite)
    made: bytes = Xml.tostring(suites, encoding="utf-8", xml_declaration=True)
    return made


def _rows(verdict: Decision) -> str:
    """Returns a line for each of the first rows that are flagged or to review, and how many more."""
    lines = [
        f"{f'{one.file}:{one.line}' if one.line else one.sample.origin} {one.reason}"
        for one in named_places(verdict, _NAMED)
    ]
    more = len(named_numbers(verdict)) - len(lines)
    return "\n".join([*lines, *([f"and {more:,} more rows, which --sarif and --out list"] if more else [])])


def _case(suite: Xml.Element, verdict: Decision, name: str) -> Xml.Element:
    return Xml.SubElement(suite, "testcase", classname=_told(verdict.corpus.name), name=_told(name), time="0")


def _told_of(case: Xml.Element, result: str | None, kind: str, message: str, text: str) -> None:
    """Adds what is to be said of a case: as a failure or an error, or where it passes as its output."""
    if result is None:
        Xml.SubElement(case, "system-out").text = _told(f"{message}\n{text}".rstrip())
    else:
        Xml.SubElement(case, result, type=kind, message=_told(message)).text = _told(text)


def _told(text: str) -> str:
    """Returns a text with what XML cannot hold replaced."""
    return _NO_XML.sub("\ufffd", text)
