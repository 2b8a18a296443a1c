"""Verdict -> JUnit XML: a test case for each finding, and one for the data as a whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml  # nothing is parsed

from gradsentry.evidence.wording import certain, plain, uncertain
from gradsentry.integrations.places import Place, named_places
from gradsentry.report.words import outcome_words

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision

_NAMED = 20  # rows of a failure
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(verdict: Decision) -> bytes:
    """Returns a verdict as JUnit XML; findings that nobody accepts are failures."""
    suite = Xml.Element("testsuite", name="gradsentry", timestamp=verdict.manifest["started"].rstrip("Z"))
    whole = _case(suite, verdict, "the data")
    if verdict.outcome != "clean":
        lines = [f"{one.file or one.sample.origin}:{one.line or ''} {one.reason}" for one in _places(verdict)]
        _failure(whole, verdict.outcome, outcome_words(verdict), "\n".join(lines))
    for finding in verdict.evidence.findings:
        case = _case(suite, verdict, f"{finding.name}: {plain(certain(finding))}")
        if finding.accepted is None:
            _failure(case, finding.confidence, f"{finding.confidence} confidence", uncertain(finding))
    cases, failures = len(suite.findall("testcase")), len(suite.findall("testcase/failure"))
    suite.attrib |= {"tests": str(cases), "failures": str(failures), "errors": "0", "skipped": "0"}
    suites = Xml.Element("testsuites", suite.attrib | {"name": "gradsentry"})
    suites.append(suite)
    made: bytes = Xml.tostring(suites, encoding="utf-8", xml_declaration=True)
    return made


def _places(verdict: Decision) -> list[Place]:
    return named_places(verdict, _NAMED)


def _case(suite: Xml.Element, verdict: Decision, name: str) -> Xml.Element:
    return Xml.SubElement(suite, "testcase", classname=_told(verdict.corpus.name), name=_told(name), time="0")


def _failure(case: Xml.Element, kind: str, message: str, text: str) -> None:
    Xml.SubElement(case, "failure", type=kind, message=_told(message)).text = _told(text)


def _told(text: str) -> str:
    """Returns a text with what XML cannot hold replaced."""
    return _NO_XML.sub("\ufffd", text)
