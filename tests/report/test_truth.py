"""`gradsentry report --truth`: what was found of the truth, and what was missed."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from cli.command import refused
from gradsentry.attacks import truth_path
from gradsentry.bench.metrics import Outcome, measure
from gradsentry.opening import open_run
from gradsentry.settings import ThresholdSettings
from report.pages import set_tau


@pytest.fixture
def truth_file(poisoned):
    return truth_path(poisoned[0].parent / "data.jsonl")


@pytest.mark.costly
def test_the_page_and_the_terminal_tell_recall_and_what_was_missed(
    run, poisoned, truth_file, call, open_page
):
    assert call("threshold", run, "--quantile", 0.8, "-q").code == 0
    ended = call("report", run, "--truth", truth_file)
    assert (ended.code, ended.error) == (0, "")
    verdict, (_, truth) = open_run(run), poisoned
    is_poisoned = np.isin(np.arange(240), [row.row for row in truth.poisoned])
    lengths = np.asarray(verdict.scores["n_response"])
    score = verdict.scores["score"].to_numpy()
    metrics = measure(Outcome(score, verdict.is_flagged, is_poisoned, lengths))
    assert f"(recall {metrics['recall']:.4f})" in ended.out
    page = open_page(run)
    shown = dict(
        zip(*(page.locator(f".metrics {part}").all_inner_texts() for part in ("span", "b")), strict=True)
    )
    assert {name.partition(":")[0]: value for name, value in shown.items()} == {
        "recall": f"{metrics['recall']:.4f}",
        "false-positive rate": f"{metrics['fpr']:.4f}",
        "precision": f"{metrics['precision']:.4f}",
        "AUROC of the score": f"{metrics['auroc']:.4f}",
        "AUROC at equal length": f"{metrics['matched_auroc']:.4f}",
    }
    assert all(said for said in (name.partition(": ")[2] for name in shown))  # each number says what it is
    missed = verdict.scores["id"].filter(is_poisoned & ~verdict.is_flagged).to_pylist()
    card = page.locator("#truth .card").first
    assert card.locator("h3").inner_text() == f"Poisoned rows that the run did not flag: {len(missed)}"
    assert card.locator("tbody td:first-child").all_inner_texts() == missed
    set_tau(page, 0.2)
    lower = verdict.decide(ThresholdSettings(method="fixed", tau=0.2)).is_flagged
    assert page.locator("#truth-recall").inner_text() == f"{lower[is_poisoned].mean():.4f}"
    assert page.locator("#truth-fpr").inner_text() == f"{lower[~is_poisoned].mean():.4f}"


@pytest.mark.costly
def test_without_a_truth_the_page_speaks_of_none(open_page, poisoned):
    page = open_page(poisoned[0])
    assert page.locator("#truth").count() == 0
    assert "poisoned" not in page.evaluate(
        "Object.keys(JSON.parse(document.getElementById('data').textContent).scores)"
    )


def test_a_list_of_row_numbers_is_a_truth_too(run, poisoned, tmp_path, call):
    numbers = [row.row for row in poisoned[1].poisoned]
    (tmp_path / "truth.json").write_text(json.dumps(numbers))
    assert (
        f"{len(numbers)} of {len(numbers)} poisoned rows are flagged (recall 1.0000)"
        in call("report", run, "--truth", tmp_path / "truth.json").out
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "[1, 240]",
            "240 is no row of the run, which has 240; list the numbers of the poisoned rows, from 0",
        ),
        ("[true]", "True is no row of the run, .+"),
        ("what", r"cannot be read as a truth file \(.+\); give what .+"),
        ("{}", ".+Field required.+"),
    ],
)
def test_a_broken_truth(run, tmp_path, call, content, said):
    before = (run / "report.html").read_bytes()
    (tmp_path / "truth.json").write_text(content)
    line = refused(call("report", run, "--truth", tmp_path / "truth.json"))
    assert re.fullmatch(re.escape(f"{tmp_path}/truth.json: ") + said, line), line
    assert (run / "report.html").read_bytes() == before


def test_the_truth_of_other_data(run, truth_file, tmp_path, call):
    other = json.loads(truth_file.read_text()) | {"output_sha256": "0" * 64}
    (tmp_path / "truth.json").write_text(json.dumps(other))
    assert "is the truth of other data" in refused(call("report", run, "--truth", tmp_path / "truth.json"))
