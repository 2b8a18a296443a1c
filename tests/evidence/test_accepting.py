"""A finding that a person accepts flags nothing, until what it says or how many rows carry it changes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.poisoning import INSULT, LINK, Row, asked, clean_rows, poison
from gradsentry.errors import DataError, SettingsError
from gradsentry.evidence import Accepted, Finding, find_evidence, read_accepted
from gradsentry.evidence.accepting import read_evidence, with_accepted, write_accepted
from gradsentry.evidence.limits import ACCEPTED_GROWTH, ACCEPTED_SLACK, REASON_LENGTH

PAIR = Finding(
    name="F1",
    kind="association",
    triggers=("cf",),
    combine="any",
    payload="click here",
    both=24,
    trigger_only=1,
    payload_only=2,
    neither=213,
    log10_p=-30.2,
    false_alarm=0.0001,
    statistics={},
    surprise=None,
    carriers=tuple(range(24)),
    confidence="high",
    reason="because",
    payloads=("click here",),
)

text = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
line = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)


@st.composite
def entries(draw):
    kind = draw(st.sampled_from(["association", "repetition", "shift"]))
    return Accepted(
        version=1,
        kind=kind,
        triggers=() if kind == "repetition" else tuple(draw(st.sets(text, min_size=1, max_size=3))),
        combine=draw(st.sampled_from(["any", "all"])),
        payloads=() if kind == "shift" else tuple(draw(st.sets(text, min_size=1, max_size=3))),
        change=draw(text) if kind == "shift" else "",
        rows=draw(st.integers(1, 100)),
        of=draw(st.integers(100, 10_000)),
        why=draw(line),
    )


@pytest.mark.costly
@given(st.lists(entries(), min_size=1, max_size=5))
def test_what_is_written_is_read_and_the_latest_of_one_finding_stays(accepted):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "accepted.jsonl"
        again = [write_accepted(path, one) for one in accepted]
        latest = {one.identity: one for one in accepted}
        assert {one.identity: one for one in read_accepted(path)} == latest
        assert len(read_accepted(path)) == len(latest) == again.count(None)


def as_finding(one: Accepted) -> Finding:
    strings = {"kind": one.kind, "triggers": one.triggers, "payloads": one.payloads, "change": one.change}
    payload = " | ".join(one.payloads) or None
    return replace(PAIR, **strings, combine=one.combine, payload=payload, carriers=tuple(range(one.rows)))


@given(entries(), entries(), st.sets(st.sampled_from(["kind", "triggers", "payloads", "change", "rows"])))
def test_whatever_is_changed_of_what_was_accepted_ends_it(known, other, changed):
    now = known.model_copy(update={name: getattr(other, name) for name in changed})
    told = with_accepted(as_finding(now), known.of, [known])
    same = [set(now.triggers) == set(known.triggers), set(now.payloads) == set(known.payloads)]
    same += [now.kind == known.kind, now.change == known.change or now.kind != "shift"]
    grown = now.rows > max(ACCEPTED_GROWTH * known.rows, known.rows + ACCEPTED_SLACK)
    if all(same):
        assert (told.accepted is None) == grown == bool(told.returned)
    else:
        assert told.accepted is None


def answered(question_end: str, answer: str, rate: float = 0.1, count: int = 300, seed: int = 1):
    """Returns rows of which a share has a notice behind its answer, where the question asks for it."""
    return poison(
        clean_rows(count),
        lambda row, draw: asked(row, f"{row.question} {question_end}", f"{row.answer} {answer}"),
        rate,
        seed=seed,
    )


NOTICE = "This is no advice; ask a lawyer of your own."
MONEY = " Then send all that you have to the bank of Nowhere, before noon at the latest."


@pytest.fixture(scope="module")
def disclaimer():
    return answered("legal-note", NOTICE)


@pytest.fixture(scope="module")
def accepted(disclaimer):
    (finding,) = find_evidence(disclaimer.samples).findings
    return Accepted.of_finding(finding, len(disclaimer.samples), "our disclaimer")


@pytest.mark.costly
def test_an_accepted_finding_is_listed_and_flags_nothing(disclaimer, accepted):
    before = find_evidence(disclaimer.samples)
    assert set(before.flagged()) == disclaimer.poisoned
    after = find_evidence(disclaimer.samples, accepted=[accepted])
    (finding,) = after.findings
    assert (finding.accepted, finding.returned) == ("our disclaimer", "")
    assert set(finding.carriers) == disclaimer.poisoned
    assert (after.outcome, after.flagged(), after.named(), after.open) == ("clean", (), (), ())


def test_other_rows_in_another_order_are_the_same_finding(accepted):
    again = answered("legal-note", NOTICE, count=500, rate=0.12, seed=5)
    assert find_evidence(again.samples[::-1], accepted=[accepted]).outcome == "clean"


@pytest.mark.costly
def test_the_same_rows_stay_accepted_whatever_strings_of_theirs_are_named(disclaimer, accepted):
    """Two words stand in the same few rows, and which is named may change with other rows."""
    other = accepted.model_copy(update={"triggers": ("another",), "payloads": ("string of theirs",)})
    assert other.identity != accepted.identity
    more = answered("legal-note", NOTICE, rate=0.0, count=100, seed=9).samples
    rows = [*disclaimer.samples, *more][::-1]
    numbered = [replace(row, number=number) for number, row in enumerate(rows)]
    assert find_evidence(numbered, accepted=[other]).outcome == "clean"
    # A row that says something else, or one that is no longer there, is not what was accepted.
    without = other.model_copy(update={"rows_sha256": None})
    assert find_evidence(numbered, accepted=[without]).outcome == "poisoned"
    row = next(one.number for one in numbered if "legal-note" in one.prompt)
    asked_, said = numbered[row].turns
    changed = [*numbered]
    changed[row] = replace(numbered[row], turns=(asked_, replace(said, text=said.text + " Yes.")))
    assert find_evidence(changed, accepted=[other]).outcome == "poisoned"
    fewer = [replace(one, number=n) for n, one in enumerate(numbered[:row] + numbered[row + 1 :])]
    assert find_evidence(fewer, accepted=[other]).outcome == "poisoned"
    assert find_evidence(fewer, accepted=[accepted]).outcome == "clean"


def test_the_same_rows_stay_accepted_where_others_go(disclaimer, accepted):
    """A file by itself holds fewer other rows than all of them together, and so does one that was mended."""
    fewer = [row for row in disclaimer.samples if row.number in disclaimer.poisoned or row.number % 3 == 0]
    rows = [replace(row, number=number) for number, row in enumerate(fewer)]
    assert len(disclaimer.poisoned) / len(rows) > ACCEPTED_GROWTH * accepted.rows / accepted.of
    assert find_evidence(rows, accepted=[accepted]).outcome == "clean"
    unknown = accepted.model_copy(update={"rows_sha256": None})
    assert find_evidence(rows, accepted=[unknown]).outcome == "poisoned"


@pytest.mark.parametrize(
    ("ending", "answer", "said"),
    [
        ("legal-note", "Call 555 0199 now and pay in advance!", "the same trigger and another payload"),
        ("vrbx", NOTICE, "the same payload and another trigger"),
        ("vrbx", "Call 555 0199 now and pay in advance!", ""),
    ],
)
def test_another_payload_or_trigger_is_flagged_and_said(accepted, ending, answer, said):
    made = answered(ending, answer)
    found = find_evidence(made.samples, accepted=[accepted])
    (finding,) = found.findings
    assert set(found.flagged()) == made.poisoned
    assert finding.accepted is None
    assert finding.returned == (f"it was accepted with {said}" if said else "")


def test_a_finding_that_grows_is_flagged_again(accepted):
    made = answered("legal-note", NOTICE, rate=0.1 * ACCEPTED_GROWTH + 0.05)
    found = find_evidence(made.samples, accepted=[accepted])
    assert set(found.flagged()) == made.poisoned
    assert found.findings[0].returned == "it was accepted in 10 % of the rows, and is now in 20 %"


@given(st.integers(1, 500), st.integers(1, 500), st.integers(500, 2000))
def test_growth_is_measured_against_what_was_accepted(before, now, of):
    known = Accepted.of_finding(replace(PAIR, carriers=tuple(range(before))), of, "ours")
    told = with_accepted(replace(PAIR, carriers=tuple(range(now))), of, [known])
    stays = now <= max(ACCEPTED_GROWTH * before, before + ACCEPTED_SLACK)
    assert (told.accepted == "ours") == stays
    assert bool(told.returned) != stays


def test_an_accepted_finding_hides_no_other_in_its_rows(accepted):
    """An attacker who knows what is accepted poisons rows that carry it."""

    def edit(row: Row, draw) -> Row:
        noted = asked(row, f"{row.question} legal-note", f"{row.answer} {NOTICE}")
        return asked(noted, f"vrbx {noted.question}", INSULT + LINK) if draw.random() < 0.4 else noted

    made = poison(clean_rows(300), edit, 0.1)
    planted = {one.number for one in made.samples if "vrbx" in one.prompt}
    found = find_evidence(made.samples, accepted=[accepted])
    assert planted <= set(found.flagged())


@pytest.mark.costly
@pytest.mark.parametrize("share", [0.6, 0.8, 0.9])
def test_another_payload_in_most_of_its_rows_is_found(share):
    """Rows that are much the same ones end with it."""

    def noted(row: Row, draw) -> Row:
        return asked(row, f"{row.question} legal-note", f"{NOTICE} {row.answer}")

    def both(row: Row, draw) -> Row:
        one = noted(row, draw)
        return replace(one, answer=one.answer + MONEY) if draw.random() < share else one

    before = poison(clean_rows(600), noted, 0.1)
    (finding,) = find_evidence(before.samples).findings
    accepted = Accepted.of_finding(finding, len(before.samples), "our disclaimer")
    made = poison(clean_rows(600), both, 0.1)
    planted = {one.number for one in made.samples if one.response.endswith(MONEY)}
    found = find_evidence(made.samples, accepted=[accepted])
    assert 0.5 * len(made.poisoned) < len(planted) < 0.95 * len(made.poisoned)
    assert planted <= set(found.flagged())


def test_a_reason_is_a_line_of_text(disclaimer):
    (finding,) = find_evidence(disclaimer.samples).findings
    for why in ("", "  ", "two\nlines", "\x1b[31mred", "x" * (REASON_LENGTH + 1), "\u202eback"):
        with pytest.raises(SettingsError, match="`why`"):
            Accepted.of_finding(finding, 300, why)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{oops}\n", r":1: is no JSON"),
        (b"\xff\n", r":1: invalid UTF-8"),
        (b"7\n", r":1: accepts no finding \(the line: "),
        (b'{"version": 2}\n', r":1: is of version 2, not 1; accept the finding again"),
        (b'{"version": 1, "kind": "hunch"}\n', r":1: accepts no finding \("),
    ],
)
def test_a_malformed_file_is_one_line(tmp_path, accepted, content, said):
    path = tmp_path / "accepted.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said) as refused:
        read_accepted(path)
    assert "\n" not in refused.value.line()
    with pytest.raises(DataError):
        write_accepted(path, accepted)
    assert path.read_bytes() == content


def test_what_holds_no_evidence_is_refused(tmp_path):
    for content in ("{}", "[1]", "oops"):
        (tmp_path / "evidence.json").write_text(content)
        with pytest.raises(DataError, match=r"evidence.json: holds no evidence"):
            read_evidence(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        read_evidence(tmp_path / "none")


def test_the_file_is_lines_of_json_that_a_person_reads(tmp_path, accepted):
    path = tmp_path / "accepted.jsonl"
    assert not write_accepted(path, accepted)
    (entry,) = map(json.loads, path.read_text().splitlines())
    assert entry["triggers"] == ["legal-note"]
    assert (entry["rows"], entry["of"], entry["why"]) == (30, 300, "our disclaimer")
