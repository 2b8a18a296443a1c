"""The words: one for each thing, everywhere; what is certain apart from what is not."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from evidence.poisoning import LINK, clean_rows, poison
from gradsentry.evidence import Finding, find_evidence
from gradsentry.evidence.wording import OPEN, accident, carries, certain, counted, plain, uncertain
from gradsentry.opening import open_run
from gradsentry.report.glossary import GLOSSARY, page
from report.pages import unfold

OBSCURE = r"\bnats\b|spreads|P else|P given it|borderline|most suspicious|more suspicious|costliest|usual\b"
WIDTHS = (40, 56, 80, 160)

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
REPETITION = replace(
    PAIR, kind="repetition", triggers=(), both=0, trigger_only=0, payload_only=24, neither=216, log10_p=None
)
SHIFT = replace(PAIR, kind="shift", triggers=("cf", "m\u200bn"), combine="all", payload=None, payloads=())


def test_the_page_of_words_is_that_of_the_report():
    assert (Path(__file__).parents[2] / "docs/words.md").read_text(encoding="utf-8") == page()


def test_what_is_certain_is_the_counts():
    assert plain(certain(PAIR)) == (
        "Where the prompt holds “cf”, the response holds “click here” in 24 of 25 rows, "
        "and in 2 of the 215 others."
    )
    assert plain(certain(REPETITION)) == (
        "The response holds “click here” in 24 of 240 rows, which are otherwise unlike each other."
    )
    assert plain(certain(SHIFT)) == (
        "Where the prompt holds “cf” together with “mU+200Bn”, the response is unlike those to prompts alike "
        "in 24 of 25 rows."
    )
    assert counted(SHIFT).startswith("where the prompt holds all the triggers, the response is unlike")
    assert carries(PAIR, in_part=False) == (
        "F1: carries trigger 'cf', payload 'click here' or both (24 of 25 rows with the trigger have both)"
    )
    exact = replace(PAIR, trigger_only=0, payload_only=0)
    assert (
        carries(exact, in_part=False)
        == "F1: carries payload 'click here' after trigger 'cf' (24 of 24 rows with the trigger)"
    )


def test_rows_that_hold_a_part_of_a_string_are_told_apart():
    some = replace(PAIR, partly=(3, 5))
    assert plain(certain(some)) == (
        "Where the prompt holds “cf”, the response holds “click here” in 24 of 25 rows "
        "(in 2 of them in part), and in 2 of the 215 others."
    )
    alone = replace(REPETITION, partly=(3,))
    assert "in 24 of 240 rows (in 1 of them in part), which" in plain(certain(alone))
    assert carries(some, in_part=True) == "F1: carries a part of 'cf' and 'click here'"
    assert carries(alone, in_part=True) == "F1: carries a part of 'click here'"


def test_what_is_not_certain_is_chance_and_intent():
    assert uncertain(PAIR) == (
        "The chance that accident does as much is 1 in 10^30, which rejects accident, not an honest cause. "
        f"{OPEN}."
    )
    assert "rejects" not in uncertain(replace(PAIR, log10_p=-0.5))
    assert accident(PAIR) == "1 in 10^30 that accident does as much"


def test_where_nothing_was_tested_no_chance_is_told():
    for said in (uncertain(REPETITION), accident(REPETITION)):
        assert not re.search(r"\d", said)
    made = poison(
        clean_rows(800), lambda row, draw: replace(row, answer=row.answer + LINK + " at once"), 0.05
    )
    (found,) = find_evidence(made.samples).findings
    assert (found.kind, found.log10_p) == ("repetition", None)
    stored = found.as_json()
    assert (stored["log10_p"], stored["p_given_trigger"]) == (None, None)
    assert stored["certain"] == plain(certain(found))
    assert stored["uncertain"] == uncertain(found)


@pytest.mark.costly
@pytest.mark.parametrize("width", WIDTHS)
def test_every_width_shows_trigger_and_payload(call, poisoned, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    run, truth = poisoned
    (finding,) = open_run(run).evidence.findings
    for ended in (
        call("evidence", run.parent / "data.jsonl"),
        call("threshold", run, "--policy", "evidence"),
    ):
        assert (ended.code, ended.error) == (0, "")
        said = " ".join(ended.out.split())
        _, _, block = said.partition("F1 high confidence: drop its ")
        assert block.startswith(f"{len(truth.poisoned)} rows trigger “")
        squeezed = "".join(block.split())
        for string in (*finding.triggers, finding.payload):
            assert f"“{''.join(string.split())}”" in squeezed
        assert not re.search(OBSCURE, said)
        assert all(len(line) <= width for line in ended.out.splitlines() if "/" not in line)
    assert "flagged rows, 10 of" in said
    assert "".join(finding.payload.split())[:20] in "".join(said.partition("flagged rows, 10")[2].split())


@pytest.mark.costly
def test_the_score_alarms_nobody_where_it_did_not_decide(call, run, open_page):
    said = " ".join(call("threshold", run, "--policy", "evidence").out.split())
    assert "did not decide here: the findings did" in said
    assert not re.search(r"\btau\b|above|█", said)
    shown = open_page(run)
    assert (
        shown.locator("#distribution > .hint").first.inner_text().startswith("The score did not decide here")
    )
    assert not shown.locator("#histogram").is_visible()
    unfold(shown)
    assert shown.locator("#histogram canvas").is_visible()
    assert shown.locator("#histogram canvas").bounding_box()["width"] > 300
    said = call("threshold", run, "--policy", "published").out
    assert "decided: " in said
    assert "█" in said
    assert open_page(run).locator("#histogram").is_visible()


@pytest.mark.costly
def test_the_page_speaks_the_words_of_the_files(run, open_page):
    shown = open_page(run)
    verdict = json.loads((run / "verdict.json").read_text())
    text = shown.locator("main").inner_text()
    assert not re.search(OBSCURE, text)
    assert (
        f"{verdict['counts']['review']} of them to review" in " ".join(text.split())
        or not (verdict["counts"]["review"])
    )
    shown.locator("#filter").select_option("all")
    statuses = set(shown.locator("#table-rows .status").all_inner_texts())
    assert statuses <= {"flagged", "review", "clean"}
    for group, words in GLOSSARY.items():
        part = shown.locator("#words .run-groups > div", has=shown.get_by_role("heading", name=group))
        assert (
            dict(zip(part.locator("dt").all_inner_texts(), part.locator("dd").all_inner_texts(), strict=True))
            == words
        )
    finding = verdict["findings"][0]
    assert f"Chance: {accident(open_run(run).evidence.findings[0])}." in text
    assert finding["uncertain"] == shown.locator(".unsure").inner_text()
