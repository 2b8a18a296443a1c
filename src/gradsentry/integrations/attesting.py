"""Verdict -> a statement of it that can be signed: in-toto, or CycloneDX 1.6.

Both name the files that were judged by their SHA-256, and say what was found whatever it is, in one word for
who trusts the signature: `clean` only where nothing was found, accepted or not. A hash is of all that a file
holds, so what of it was not judged is named beside the word. Nothing is signed here; that is for a tool that
holds keys.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any, Literal

from gradsentry.corpus.filecorpus import FileCorpus
from gradsentry.corpus.lines import shown_path
from gradsentry.corpus.records import dump_json
from gradsentry.corpus.remote import STDIN
from gradsentry.counts import rows
from gradsentry.deciding.gate import Judged, not_judged
from gradsentry.deciding.verdictfile import SCHEMA_VERSION, verdict_json
from gradsentry.errors import DataError, SettingsError
from gradsentry.evidence.wording import certain, plain
from gradsentry.report.words import outcome_words

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision

Json = dict[str, Any]
Result = Literal["clean", "too_few_rows", "accepted", "suspicious", "poisoned"]
PREDICATE_TYPE = f"urn:gradsentry:verdict:v{SCHEMA_VERSION}"
"""A name and no place: who checks statements compares it, and the project may move."""
_STATEMENT = "https://in-toto.io/Statement/v1"
_BOM_SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
_DATA, _EVIDENCE = "data", "verdict-evidence"
_NO_FINDING, _NOTHING_ASIDE = "no-finding", "nothing-aside"
_REQUIREMENTS = {
    _NO_FINDING: "In what was judged of the data the search finds no trigger and no payload, not even one "
    "that a person accepts.",
    _NOTHING_ASIDE: "Nothing of the data is named as not judged (`gradsentry:not_judged`).",
}
"""What a document in CycloneDX tells of, each by itself: who reads the scores alone sees both."""


def in_toto(verdict: Decision) -> Json:
    """Returns a verdict as an in-toto statement: of which files, by what, with which settings.

    Raises:
        SettingsError: If no file was judged.
        DataError: If a file was changed since.
    """
    subject = [{"name": name, "digest": {"sha256": digest}} for name, digest in judged_files(verdict)]
    return {
        "_type": _STATEMENT,
        "subject": subject,
        "predicateType": PREDICATE_TYPE,
        "predicate": _predicate(verdict),
    }


def cyclonedx(verdict: Decision) -> Json:
    """Returns a verdict as a CycloneDX 1.6 document: the data as a component, the verdict as its attestation.

    Raises:
        SettingsError: If no file was judged.
        DataError: If a file was changed since.
    """
    files, predicate = judged_files(verdict), _predicate(verdict)
    content = dump_json({"subject": files, "predicate": predicate})
    started = verdict.manifest["started"]
    components = []
    if len(files) == 1:
        whole = _component(_DATA, *files[0])
    else:
        whole = _component(_DATA, verdict.corpus.name)  # a listing, which is no file and has no hash
        components = [
            _component(f"{_DATA}/{number}", name, digest) for number, (name, digest) in enumerate(files)
        ]
    whole["properties"] = [
        {"name": f"gradsentry:{name}", "value": value} for name, value in _properties(verdict)
    ]
    version = verdict.manifest["versions"]["gradsentry"]
    purl = f"pkg:pypi/gradsentry@{version}"
    tool = {"type": "application", "name": "gradsentry", "version": version, "purl": purl}
    return {
        "$schema": _BOM_SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, hashlib.sha256(content).hexdigest())}",
        "version": 1,
        "metadata": {"timestamp": started, "tools": {"components": [tool]}, "component": whole},
        "components": components,
        "definitions": {"standards": [_standard()]},
        "declarations": _declarations(verdict, predicate, started),
    }


def result(verdict: Decision) -> Result:
    """Returns what a statement says in a word: the worst that was found, whatever policy decided.

    `accepted` is what the verdict calls clean because a person accepts a finding, or marked rows clean: who
    trusts the statement has not seen the reasons, and may not share them. `too_few_rows` is what
    is clean because nothing could be found.
    """
    outcomes = (verdict.outcome, verdict.outcome_of_findings)
    if worst := next((one for one in ("poisoned", "suspicious") if one in outcomes), None):
        return worst
    is_set_aside = verdict.evidence.findings or (verdict.is_flagged_by_policy & verdict.marked.clean).any()
    if is_set_aside:
        return "accepted"
    return "too_few_rows" if verdict.too_few_rows else "clean"


def judged_files(verdict: Decision) -> list[tuple[str, str]]:
    """Returns the name and the SHA-256 of each file that was judged.

    Raises:
        SettingsError: If no file was judged, or only a part of one, which its hash would not tell.
        DataError: If one was changed since, or has rows in which nothing was looked for.
    """
    corpus = verdict.corpus
    if (limit := verdict.manifest["identity"]["data"]["reading"].get("limit")) is not None:
        what = f"was judged by its first {limit} rows alone, and its hash is of all"
        raise SettingsError(what, where=corpus.name, mend="judge all of it")
    if unread := Judged.of(verdict).unread:
        what = f"has {rows(unread)} that could not be read: nothing was looked for in them"
        raise DataError(what, where=corpus.name, mend="mend them, or take them out")
    if not isinstance(corpus, FileCorpus) or corpus.copy_of == STDIN:
        mend = "judge a file, a directory or a URL"
        raise SettingsError("has no file that could be named by its hash", where=corpus.name, mend=mend)
    if corpus.sha256() != verdict.manifest["identity"]["data"]["sha256"]:
        raise DataError("was changed since it was judged", where=corpus.name, mend="judge it again")
    digests = corpus.digests()
    if corpus.copy_of:
        return [
            (f"{corpus.copy_of}#{place}" if len(digests) > 1 else corpus.copy_of, digest)
            for place, _, digest in digests
        ]
    return [(shown_path(path), digest) for _, path, digest in digests]


def _predicate(verdict: Decision) -> Json:
    """Returns what is stated: the result, what it is not on, `verdict.json`, by what it was decided."""
    manifest = verdict.manifest
    identity, judging = dict(manifest["identity"]), manifest["evidence"]
    own = judging.get("calibration")
    return {
        "result": result(verdict),
        "not_judged": list(not_judged(verdict)),
        "accepted": _accepted(verdict),
        "verdict": verdict_json(verdict),
        "model": {**manifest["model"], **identity["model"]} if manifest["model"] else None,
        "settings": {
            "reading": identity.pop("data")["reading"],
            "scoring": {key: value for key, value in identity.items() if key not in ("columns", "model")},
            "false_alarm_rate": judging["false_alarm_rate"],
            "calibration_sha256": own and hashlib.sha256(dump_json(own)).hexdigest(),
            "accept_file_entries": len(judging.get("accepted", ())),
            "own_checks": judging.get("checks", []),
            "own_generators": judging.get("generators", []),
        },
        "versions": manifest["versions"],
        "started": manifest["started"],
    }


def _accepted(verdict: Decision) -> Json:
    """Returns what a person set aside: which findings of this data, by which file, and how many rows."""
    accepted = [one for one in verdict.evidence.findings if one.accepted is not None]
    return {
        "findings": [
            {"name": one.name, "certain": plain(certain(one)), "why": one.accepted} for one in accepted
        ],
        "count": len(accepted),
        "file_sha256": verdict.manifest["evidence"].get("accepted_sha256"),
        "rows_marked_clean": int(verdict.marked.clean.sum()),
    }


def _component(reference: str, name: str, digest: str = "") -> Json:
    hashes = {"hashes": [{"alg": "SHA-256", "content": digest}]} if digest else {}
    own = {"type": "data", "bom-ref": reference, "name": name, "data": [{"type": "dataset", "name": name}]}
    return own | hashes


def _properties(verdict: Decision) -> list[tuple[str, str]]:
    counts = [(name, str(count)) for name, count in verdict.counts.items()]
    rest = [("not_judged", clause) for clause in not_judged(verdict)]
    accepted = _accepted(verdict)
    aside = [
        ("accepted_findings", str(accepted["count"])),
        ("rows_marked_clean", str(accepted["rows_marked_clean"])),
    ]
    if accepted["file_sha256"]:
        aside.append(("accepted_file_sha256", accepted["file_sha256"]))
    return [("result", result(verdict)), ("policy", verdict.policy), *counts, *aside, *rest]


def _standard() -> Json:
    requirements = [
        {"bom-ref": name, "identifier": name, "text": text} for name, text in _REQUIREMENTS.items()
    ]
    return {
        "bom-ref": "gradsentry-verdict",
        "name": "GradSentry verdict",
        "version": str(SCHEMA_VERSION),
        "requirements": requirements,
    }


def _declarations(verdict: Decision, predicate: Json, started: str) -> Json:
    rest = predicate["not_judged"]
    aside = f"not judged: {'; '.join(rest)}" if rest else "nothing is named as not judged"
    words = f"{outcome_words(verdict)}; {aside}"
    claimed = {_NO_FINDING: (predicate["result"] == "clean", words), _NOTHING_ASIDE: (not rest, aside)}
    attachment = {"contentType": "application/json", "content": dump_json(predicate).decode()}
    evidence = {
        "bom-ref": _EVIDENCE,
        "propertyName": "gradsentry:verdict",
        "description": "What was counted, by what, with which settings. Nothing found is no proof.",
        "created": started,
        "data": [{"name": "verdict", "contents": {"attachment": attachment}}],
    }
    return {
        "attestations": [
            {
                "summary": words,
                "map": [
                    {
                        "requirement": name,
                        "claims" if holds else "counterClaims": [f"{name}-claim"],
                        "conformance": {"score": int(holds), "rationale": said},
                    }
                    for name, (holds, said) in claimed.items()
                ],
            }
        ],
        "claims": [
            {"bom-ref": f"{name}-claim", "target": _DATA, "predicate": said, "evidence": [_EVIDENCE]}
            for name, (_, said) in claimed.items()
        ],
        "evidence": [evidence],
    }
