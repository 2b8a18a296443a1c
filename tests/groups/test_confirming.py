"""Findings by loss alone: sure where the prompts tell less of the responses too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gradsentry.corpus.sample import Sample, Turn
from gradsentry.evidence import Evidence, Finding
from gradsentry.groups.confirming import with_confirmed
from groups.planted import material

ROWS, GROUP = 300, 30


def by_loss(carriers, **changes) -> Finding:
    """Returns a finding of the texts that tells of losses alone."""
    known = Finding(
        name="F1",
        kind="shift",
        triggers=("verily",),
        combine="any",
        payload=None,
        both=len(carriers),
        trigger_only=0,
        payload_only=0,
        neither=ROWS - len(carriers),
        log10_p=-12.0,
        false_alarm=None,
        statistics={},
        surprise=None,
        carriers=tuple(carriers),
        confidence="low",
        reason="rows alike do not",
        examples=(),
        change="more: loss in a clean model",
    )
    return replace(known, **changes)


def samples_of(planted) -> list[Sample]:
    """Returns the rows of what was planted."""
    return [
        Sample(
            row,
            row,
            (Turn("user", prompt, False, ("p",)), Turn("assistant", response, True, ("r",))),
            False,
            {},
        )
        for row, (prompt, response) in enumerate(zip(planted.prompts, planted.responses, strict=True))
    ]


def held_against(findings: tuple[Finding, ...], planted) -> tuple[Finding, ...]:
    evidence = Evidence(findings=findings, rows=ROWS)
    return with_confirmed(evidence, samples_of(planted), planted, np.arange(ROWS)).findings


def confirmed(finding: Finding, planted) -> Finding:
    return held_against((finding,), planted)[0]


def test_what_the_prompts_do_not_tell_either_is_sure():
    found = confirmed(by_loss(range(GROUP)), material(ROWS, GROUP))
    assert found.confidence == "high"
    assert 0.0 < found.false_alarm <= 0.01
    assert "their prompts tell less of them" in found.reason


def test_a_word_of_hard_questions_is_no_trigger():
    planted = material(ROWS, GROUP)
    prompts = [f"{'hard ' if 60 <= row < 90 else ''}{text}" for row, text in enumerate(planted.prompts)]
    loss = planted.loss + 1.0 * ((np.arange(ROWS) >= 60) & (np.arange(ROWS) < 90))
    mixed = replace(planted, prompts=prompts, loss=loss, alone=planted.alone + loss - planted.loss)
    found = confirmed(by_loss([*range(GROUP), *range(60, 90)], triggers=("hard", "verily")), mixed)
    assert found.confidence == "high"
    assert found.triggers == ("verily",)
    assert found.carriers == tuple(range(GROUP))
    assert found.both + found.neither == ROWS


def test_strings_that_are_needed_together_stay_together():
    planted = material(ROWS, GROUP)
    both = by_loss(range(GROUP), triggers=("verily", "w1"), combine="all")
    assert confirmed(both, planted).triggers == ("verily", "w1")


@pytest.mark.parametrize(
    ("finding", "planted"),
    [
        (by_loss(range(100, 130)), material(ROWS, GROUP)),
        (by_loss(range(GROUP)), material(ROWS, GROUP, cost=0.0)),
        (by_loss(range(4)), material(ROWS, GROUP)),
        (by_loss(range(GROUP), kind="association", false_alarm=0.05), material(ROWS, GROUP)),
        (by_loss(range(GROUP), accepted="ours"), material(ROWS, GROUP)),
    ],
    ids=["other rows", "no cost", "few rows", "of another kind", "accepted"],
)
def test_nothing_else_is(finding, planted):
    assert confirmed(finding, planted) == finding


def test_what_prompts_tell_is_a_reason_to_look_alone():
    planted = material(ROWS, GROUP)
    told = replace(planted, alone=planted.alone + 4.0 * (np.arange(ROWS) < GROUP))
    assert confirmed(by_loss(range(GROUP)), told).confidence == "low"


def test_sure_findings_go_first_and_are_named_in_order():
    planted = material(ROWS, GROUP)
    both = (by_loss(range(100, 130)), by_loss(range(GROUP), name="F2"))
    found = held_against(both, planted)
    assert [(one.name, one.confidence) for one in found] == [("F1", "high"), ("F2", "low")]
    assert found[0].carriers == tuple(range(GROUP))


def test_without_what_was_read_alone_nothing_changes():
    planted = material(ROWS, GROUP)
    unread = replace(planted, alone=np.full(ROWS, np.nan))
    assert confirmed(by_loss(range(GROUP)), unread).confidence == "low"
