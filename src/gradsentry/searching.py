"""A corpus -> what its texts tell: the findings, how it was read, what the rows that they name are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradsentry.corpus import Corpus, Sample
from gradsentry.corpus.overview import Looked, Overview
from gradsentry.corpus.unread import refuse_if_all
from gradsentry.evidence import Evidence, Finding, find_evidence
from gradsentry.evidence.accepting import of_answers
from gradsentry.evidence.judging import Judging
from gradsentry.evidence.together import Together, with_more
from gradsentry.scoretable import Scores, row_id
from gradsentry.settings import Answers

Ids = Mapping[int, str]


@dataclass(frozen=True)
class Searched:
    """What the texts of a corpus tell.

    Attributes:
        evidence: The findings.
        read: How the corpus was read.
        ids: What the rows that findings name are called, by row number.
    """

    evidence: Evidence
    read: Overview
    ids: Ids


def search(corpus: Corpus, judging: Judging, *, why: bool = False, more: Sequence[Finding] = ()) -> Searched:
    """Returns what the texts of a corpus tell.

    Args:
        corpus: The corpus.
        judging: How evidence is judged.
        why: Whether what was rejected is told too.
        more: What was found in it and others together; see `search_together`.

    Raises:
        DataError: If no row can be read.
    """
    looked = Looked(corpus)
    found = with_more(_found(looked, judging, corpus.reading.answers, why=why), more)
    mend = "mend the rows, or name another --format"
    refuse_if_all(found.rows, found.unread, where=corpus.name, mend=mend)
    rows = named_rows(found)
    ids = {row: row_id(sample) for row, sample in zip(rows, corpus.take(rows), strict=True)}
    return Searched(found, looked.overview(), ids)


def search_together(corpora: Sequence[Corpus], judging: Judging) -> list[tuple[Finding, ...]]:
    """Returns of each of several corpora what the texts of all of them together tell of its rows."""
    if len(corpora) < 2:
        return [() for _ in corpora]
    rows = Together(corpora)
    return rows.parted(_found(rows, judging, corpora[0].reading.answers))


def _found(
    rows: Iterable[Sample], judging: Judging, answers: Answers | None, *, why: bool = False
) -> Evidence:
    return find_evidence(
        rows,
        calibration=judging.calibration,
        false_alarm_rate=judging.false_alarm_rate,
        accepted=of_answers(judging.accepted, answers),
        answers=answers or "chosen",
        why=why,
        own=judging.own,
    )


def named_rows(found: Evidence) -> list[int]:
    """Returns the rows that any finding names, ascending."""
    return sorted({row for finding in found.findings for row in finding.carriers})


def ids_of(found: Evidence, scores: Scores) -> Ids:
    """Returns what the rows that findings name are called, by the score table."""
    rows = named_rows(found)
    return dict(zip(rows, scores["id"].take(rows).to_pylist(), strict=True)) if rows else {}


def evidence_json(found: Evidence, ids: Ids) -> dict[str, Any]:
    """Returns the content of `evidence.json`: the findings, and what the rows that they name are called."""
    return found.as_json() | {"ids": {str(row): name for row, name in ids.items()}}
