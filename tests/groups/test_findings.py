"""Groups as findings: named beside those of the texts, for a look alone, and known again when accepted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from gradsentry.corpus.sample import Sample, Turn
from gradsentry.evidence import Evidence
from gradsentry.evidence.accepting import Accepted
from gradsentry.evidence.wording import carries, certain, counted, plain
from gradsentry.features.drawing import drawn
from gradsentry.groups import with_groups
from gradsentry.groups.limits import MOST_FREE
from gradsentry.scoretable import SCHEMA, Scores
from groups.planted import material

ROWS, GROUP = 150, 25


def scanned(
    group: int = GROUP, seed: int = 0, rows: int = ROWS, cost: float = 4.0
) -> tuple[list[Sample], pa.Table]:
    """Returns rows and a score table of them, in which the first rows are a group."""
    known = material(rows, group, seed=seed, cost=cost)
    samples, lines = [], []
    for row, (prompt, response) in enumerate(zip(known.prompts, known.responses, strict=True)):
        turns = (Turn("user", prompt, False, ("prompt",)), Turn("assistant", response, True, ("completion",)))
        samples.append(Sample(row, row, turns, False, {}))
        lines.append(
            {
                "number": row,
                "id": str(row),
                "status": "scored",
                "reason": "",
                "n_prompt": 9,
                "n_response": int(known.length[row]),
                "loss": float(known.loss[row]),
                "loss_alone": float(known.alone[row]),
                "spectrum": [float(known.norm[row]), 0.0],
                "prompt_mean": known.prompt_means[row].astype(np.float16),
                "response_mean": known.response_means[row].astype(np.float16),
            }
        )
    return samples, Scores.of(pa.Table.from_pylist(lines, schema=SCHEMA))


def nothing() -> Evidence:
    return Evidence(findings=(), rows=ROWS)


@pytest.fixture(scope="module")
def found() -> Evidence:
    return with_groups(nothing(), *scanned())


def test_a_planted_group_is_named_for_a_look(found):
    first = found.findings[0]
    assert (first.name, first.kind, first.confidence) == ("F1", "group", "low")
    assert np.mean(np.array(first.carriers) < GROUP) > 0.9
    assert len(first.carriers) >= 15
    assert found.outcome == "suspicious"
    assert found.flagged() == ()
    assert len(first.examples) == 5


def test_it_says_what_its_texts_share(found):
    first = found.findings[0]
    for said in (plain(certain(first)), counted(first), carries(first, in_part=False), first.change):
        assert "verily" in said
    assert "the prompt tells less" in first.reason
    assert "no proof" in first.reason


def test_it_is_the_same_finding_read_back(found):
    assert Evidence.from_json(found.as_json()) == found


def test_rows_without_a_group_have_no_finding():
    assert with_groups(nothing(), *scanned(0, seed=1)).findings == ()


def test_what_clean_corpora_hold_too_stands_out_and_decides_nothing():
    found = with_groups(nothing(), *scanned(cost=2.0))
    assert (found.outcome, found.findings, found.named()) == ("clean", (), ())
    first = found.stands_out
    assert first is not None
    assert (first.name, first.kind) == ("G1", "group")
    assert np.mean(np.array(first.carriers) < GROUP) > 0.9
    assert first.false_alarm > 0.05
    assert Evidence.from_json(found.as_json()) == found


def test_how_often_clean_corpora_hold_weak_groups_is_not_pretended_to_be_known():
    first = with_groups(nothing(), *scanned(cost=1.2)).stands_out
    assert first is not None
    assert "clean corpora often hold such a group" in first.reason


def test_without_mean_states_nothing_is_added():
    samples, scored = scanned()
    scores = scored.table()
    for name in ("prompt_mean", "response_mean", "loss_alone"):
        place = scores.schema.get_field_index(name)
        scores = scores.set_column(place, SCHEMA.field(name), pa.nulls(ROWS, SCHEMA.field(name).type))
    assert with_groups(nothing(), samples, Scores.of(scores)) == nothing()


def test_few_rows_are_not_searched():
    samples, scores = scanned()
    assert with_groups(nothing(), samples[:60], Scores.of(scores.table().slice(0, 60))) == nothing()


def test_what_the_texts_name_is_not_named_again(found):
    known = replace(found, findings=found.findings[:1])
    again = with_groups(known, *scanned())
    assert all(set(one.carriers) != set(known.findings[0].carriers) for one in again.findings[1:])


@pytest.mark.costly
def test_an_accepted_group_is_no_reason_to_look(found):
    first = found.findings[0]
    accepted = [Accepted.of_finding(one, ROWS, "our style") for one in found.findings]
    again = with_groups(nothing(), *scanned(), accepted)
    assert again.findings[0].accepted == "our style"
    assert again.outcome == "clean"
    other = Accepted.of_finding(replace(first, change="something else"), ROWS, "no")
    assert with_groups(nothing(), *scanned(), [other]).findings[0].accepted is None


def test_copies_of_a_row_of_the_group_carry_it_and_count_once(found):
    samples, scores = scanned()
    copied = replace(samples[found.findings[0].carriers[0]], number=ROWS, id=ROWS)
    line = scores.row(found.findings[0].carriers[0])
    more = pa.Table.from_pylist([{**line, "number": ROWS, "id": str(ROWS)}], schema=SCHEMA)
    again = with_groups(nothing(), [*samples, copied], Scores.of(pa.concat_tables([scores.table(), more])))
    assert ROWS in again.findings[0].carriers
    assert again.findings[0].both == found.findings[0].both


@pytest.mark.costly
def test_rows_that_were_not_drawn_belong_to_a_group_too():
    samples, scores = scanned(60, rows=500)
    found = with_groups(Evidence(findings=(), rows=500), samples, scores).findings[0]
    drawn_ones = set(drawn(np.arange(500), MOST_FREE).tolist())
    beyond = [row for row in found.carriers if row not in drawn_ones]
    assert np.mean([row < 60 for row in beyond]) > 0.8
    assert len(beyond) > 10
