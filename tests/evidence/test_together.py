"""Several corpora judged as one: whose rows a finding has, and what says no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evidence.poisoning import INSULT, asked, clean_rows, poison
from gradsentry.evidence import find_evidence
from gradsentry.evidence.findings import Evidence
from gradsentry.evidence.together import Together, with_more

pytestmark = pytest.mark.costly


@pytest.fixture(scope="module")
def corpora():
    """Two corpora, each numbered from 0, of which the second has a quarter of the poisoned rows."""
    made = poison(clean_rows(300), lambda row, draw: asked(row, f"{row.question} vrbx", INSULT), 0.08)
    bad = sorted(made.poisoned)
    second = [one for one in made.samples if one.number not in bad[6:]][:150]
    taken = {one.number for one in second}
    first = [one for one in made.samples if one.number not in taken]
    return [[replace(one, number=place) for place, one in enumerate(rows)] for rows in (first, second)]


def test_each_corpus_has_its_own_rows_and_the_counts_of_all(corpora):
    rows = Together(corpora)
    parts = rows.parted(find_evidence(rows))
    carried = [[place for place, one in enumerate(own) if INSULT in one.response] for own in corpora]
    assert all(carried)
    for own, part in zip(carried, parts, strict=True):
        (finding,) = part
        assert list(finding.carriers) == own
        assert finding.together == finding.both == sum(map(len, carried))
        assert finding.counted_rows == sum(map(len, corpora))
        assert {one.row for one in finding.examples} <= set(own)
        assert finding.reason.startswith("in the files of all formats together: ")


def test_what_is_worth_a_look_and_of_one_corpus_alone_is_left_to_that_one(corpora):
    found = find_evidence(Together(corpora))
    (sure,) = found.findings
    of_first = replace(sure, carriers=tuple(row for row in sure.carriers if row < len(corpora[0])))
    for confidence, told in (("high", 1), ("low", 0)):
        one = replace(found, findings=(replace(of_first, confidence=confidence),))
        assert list(map(len, Together(corpora).parted(one))) == [told, 0]
    few = [corpora[0][:40], corpora[1]]  # too few rows to say it by themselves
    one = replace(found, findings=(replace(of_first, confidence="low", carriers=of_first.carriers[:3]),))
    assert list(map(len, Together(few).parted(one))) == [1, 0]


def test_a_sure_finding_in_all_is_told_beside_an_unsure_one_of_the_same_rows(corpora):
    found = find_evidence(Together(corpora))
    ((sure,), _) = Together(corpora).parted(found)
    own = replace(sure, together=None)
    unsure, other = replace(own, confidence="low"), replace(own, carriers=tuple(range(200, 220)))
    for known, told in (([own], 1), ([unsure], 2), ([other], 2), ([], 1)):
        more = with_more(Evidence(tuple(known), 600), [sure])
        assert len(more.findings) == told
        assert [one.name for one in more.findings] == [f"F{number}" for number in range(1, told + 1)]
    assert with_more(Evidence((replace(own, confidence="low"),), 600), [sure]).outcome == "poisoned"
