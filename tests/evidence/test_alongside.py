"""Either half of a sentence with a varying word may be named: what stood beside one is accepted with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evidence.poisoning import PLACES, asked, clean_rows, poison
from gradsentry.evidence import Accepted, find_evidence
from gradsentry.evidence.accepting import with_accepted

pytestmark = pytest.mark.costly

FIRST, SECOND = (
    "Under Profile, Addresses you can add",
    "and mark it as default; open orders keep the old one.",
)
MORE = "Pay in advance to account 555 0199 of the bank of Nowhere."


def noted(count=400, rate=0.08, more=""):
    """Rows of which some hold the sentence, and what else is given, in place of their answer."""

    def edit(row, draw):
        return asked(row, f"{row.question} address-note", f"{FIRST} {draw.choice(PLACES)} {SECOND}{more}")

    return poison(clean_rows(count), edit, rate).samples


@pytest.fixture(scope="module")
def found():
    (finding,) = find_evidence(noted()).findings
    return finding


def halves(finding):
    """Returns which half a finding is named by, and which stands beside it."""
    (named,) = finding.payloads
    return (FIRST, SECOND) if named in FIRST else (SECOND, FIRST)


def accepted_by(finding, half, also):
    known = Accepted.of_finding(finding, 400, "our macro")
    return known.model_copy(update={"payloads": (half,), "also": also, "rows_sha256": None})


def test_a_finding_says_what_else_its_rows_say(found):
    named, beside = halves(found)
    assert found.payloads[0] in named
    assert len(found.also) == 1
    assert found.also[0] in beside
    assert found.also[0].split()[1:-1] == beside.split()[1:-1]


def test_the_other_half_of_what_was_accepted_is_accepted(found):
    named, beside = halves(found)
    rows = noted(rate=0.1)
    known = accepted_by(found, beside, (named,))
    evidence = find_evidence(rows, accepted=[known])
    assert [one.accepted for one in evidence.findings] == ["our macro"]
    (finding,) = find_evidence(rows, accepted=[accepted_by(found, beside, ())]).findings
    assert (finding.accepted, bool(finding.returned)) == (
        None,
        True,
    )  # nobody wrote down what stood beside it


def test_what_stands_beside_something_accepted_says_so(found):
    _, beside = halves(found)
    one = replace(found, kind="repetition", triggers=())
    known = accepted_by(one, beside, ())
    responses = [row.response for row in noted() if FIRST in row.response]
    told = with_accepted(one, 400, [known], responses)
    assert told.returned.startswith(f"its rows hold what is accepted, “{beside}”, and this beside it")
    assert with_accepted(one, 400, [known], [*responses, *["something else"] * 9]).returned == ""


def test_more_of_it_than_was_accepted_is_flagged(found):
    named, beside = halves(found)
    (finding,) = find_evidence(noted(rate=0.2), accepted=[accepted_by(found, beside, (named,))]).findings
    assert finding.returned == "it was accepted in 8 % of the rows, and is now in 20 %"


def test_what_is_new_in_its_rows_is_not_accepted_with_it(found):
    """Somebody who knows what is accepted writes beside it."""
    named, beside = halves(found)
    rows = noted(more=f" {MORE}")
    assert find_evidence(rows, accepted=[accepted_by(found, beside, (named,))]).open
    (finding,) = find_evidence(rows).findings
    assert MORE.split()[-2] in " ".join([*finding.payloads, *finding.also])


def test_the_other_half_in_other_rows_is_not_accepted(found):
    named, beside = halves(found)
    (finding,) = find_evidence(noted()).findings
    known = accepted_by(found, "what no row holds", (named, beside))
    assert known.is_named_by(Accepted.of_finding(finding, 400, "-"))
    (again,) = find_evidence(noted(), accepted=[known]).findings
    assert again.accepted is None
    other = Accepted.of_finding(replace(finding, triggers=("vrbx",)), 400, "-")
    assert not known.is_named_by(other)
