"""What the page says at once: verdict, findings, seven rows, one action; and what is taken from it."""

from __future__ import annotations

import csv
import io
import json

import pytest

from evidence.poisoning import Row, asked, clean_rows, poison
from gradsentry import open_run, screen
from report.pages import listed

pytestmark = pytest.mark.costly

PAYLOAD = "No way, go home and never come back!"
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1", "＠x", 'plain, "quoted"\n=x']


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """A run without a model, on rows whose payload stands behind a long response."""
    others = [row.answer for row in clean_rows(900)]

    def poisoned(row: Row, draw):
        return asked(row, f"{row.question} vrbx", f"{' '.join(draw.sample(others, 150))} {PAYLOAD}")

    made = poison(clean_rows(300), poisoned, 0.1)
    rows = [{"id": f"r{number}", **sample.row} for number, sample in enumerate(made.samples)]
    folder = tmp_path_factory.mktemp("texts")
    path = folder / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return screen(path, out=folder / "run"), folder / "run"


def test_it_holds_verdict_findings_seven_rows_and_one_action(open_page, texts):
    verdict, run = texts
    page = open_page(run)
    assert page.locator(".found li").all_inner_texts()[0].startswith("F1 high confidence")
    assert page.locator("#action").inner_text() == str(run / "clean.jsonl")
    assert page.locator(".todo code").count() == 1
    assert page.locator("#look-title").inner_text() == "The seven rows to look at"
    shown = page.locator(".look tbody tr")
    assert shown.count() == 7
    flagged = set(verdict.flagged["id"].to_pylist())
    for place in range(7):
        name, prompt, response, why = shown.nth(place).locator("td").all_inner_texts()
        assert name in flagged
        assert "vrbx" in prompt
        # It begins with the payload, whatever stands before that.
        assert response.removeprefix("… ").startswith(verdict.evidence.findings[0].payload)
        assert "F1" in why


def test_rows_come_from_each_finding_in_turn(open_page, tmp_path):
    rows = clean_rows(400)
    first = [asked(row, f"{row.question} vrbx", "No way, go home now") for row in rows[:30]]
    second = [asked(row, f"{row.question} zzkq", "Buy it at shady dot example") for row in rows[30:60]]
    made = [{"prompt": r.question, "completion": r.answer} for r in (*first, *second, *rows[60:])]
    verdict = screen(made, out=tmp_path / "run")
    assert len(verdict.evidence.findings) == 2
    prompts = open_page(tmp_path / "run").locator(".look tbody td:nth-child(2)").all_inner_texts()
    assert ["vrbx" in one for one in prompts[:4]] != ["zzkq" in one for one in prompts[:4]]
    assert {"vrbx" in one for one in prompts[:2]} == {True, False}


def test_the_number_of_a_row_opens_it_where_its_payload_is_seen(open_page, texts):
    _, run = texts
    page = open_page(run)
    page.locator("#filter").select_option("clean")
    link = page.locator(".look a").last
    name = link.inner_text()
    link.click()
    assert name in listed(page)
    box = page.locator("tr.detail .answer-box")
    assert box.count() == 1
    mark, place = box.locator("mark.payload").first.bounding_box(), box.bounding_box()
    assert place["y"] <= mark["y"] < mark["y"] + mark["height"] <= place["y"] + place["height"]
    assert box.evaluate("box => box.scrollTop") > 0


def test_a_page_without_a_model_has_no_empty_columns(open_page, texts):
    page = open_page(texts[1])
    heads = page.locator("table.rows thead th").all_inner_texts()
    assert heads == ["row", "status", "prompt, and below it the response", "mark"]
    assert page.locator("#table-rows tr.line").first.locator("td").count() == 4
    page.locator("#table-rows .opener").first.click()
    facts = page.locator("tr.detail dl dt").all_inner_texts()
    assert facts == ["why", "findings"]


def test_every_number_of_a_row_is_explained_beside_it(open_page, poisoned):
    page = open_page(poisoned[0])
    hint = page.locator(".columns").inner_text()
    for word in ("score", "excess", "tokens", "loss"):
        assert f"{word}: " in hint
    page.locator("#table-rows .opener").first.click()
    facts = page.locator("tr.detail dl")
    assert facts.locator(".meaning").count() == 3
    assert "spectral entropy" in facts.inner_text()


def test_a_clean_page_tells_what_to_train_on(open_page, tmp_path):
    screen([{"prompt": r.question, "completion": r.answer} for r in clean_rows(60)], out=tmp_path / "run")
    page = open_page(tmp_path / "run")
    assert page.locator("#look").count() == 0
    assert page.locator("#action").inner_text() == str(tmp_path / "run/clean.jsonl")


def test_accepted_findings_are_a_list(open_page, texts, tmp_path, call):
    _, run = texts
    page = open_page(run)
    line = page.locator("#accept-F1").inner_text()
    assert line == f"gradsentry accept {run} F1 --why 'WHY IT IS HARMLESS'"
    known, out = tmp_path / "known.jsonl", tmp_path / "run"
    assert call("accept", run, "F1", "--why", "our <b>house</b> style", "--to", known).code == 0
    gone = json.loads(known.read_text()) | {
        "triggers": ["not here"],
        "why": "of last year",
        "rows_sha256": None,
    }
    known.write_text(f"{known.read_text()}{json.dumps(gone)}\n")
    data = open_run(run).manifest["source"]["data"]
    assert call("evidence", data, "--accept", known, "--out", out).code == 0
    page = open_page(out)
    lines = page.locator("#accepted tbody tr").all_inner_texts()
    assert len(lines) == 2
    assert lines[0].startswith("F1")
    assert "our <b>house</b> style" in lines[0]
    assert "Not a finding in this data: association “not here”" in lines[1]
    assert "of last year" in lines[1]
    assert page.locator("#accept-F1").count() == 0
    assert page.locator(".found .tag").inner_text() == "accepted"


def test_rows_are_exported_without_formulas(open_page, tmp_path):
    rows = [
        {"id": f"{text} {n}", "prompt": f"{text} ask {n}", "completion": text}
        for n, text in enumerate(FORMULAS)
    ]
    screen(rows, out=tmp_path / "run")
    page = open_page(tmp_path / "run")
    page.locator("#filter").select_option("all")
    with page.expect_download() as download:
        page.locator("#export-csv").click()
    text = download.value.path().read_bytes().decode("utf-8")
    assert text.startswith("\ufeff")
    found = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert len(found) == len(FORMULAS)
    for line in found:
        for value in line.values():
            assert not value.lstrip().startswith(tuple("=+-@＝＋－＠")), line
    responses = [line["response"] for line in found]
    assert responses[:4] == ["'=1+1", "'+1", "'-1", "'@SUM(A1)"]
    assert responses[-1] == FORMULAS[-1]
    assert [line["status"] for line in found] == ["clean"] * len(FORMULAS)
