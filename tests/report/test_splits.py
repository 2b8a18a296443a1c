"""Splits, and what was not judged: the report, the terminal and the files say the same of them."""

from __future__ import annotations

import json

import pytest

from gradsentry import open_run, scan
from gradsentry.report.view import view
from gradsentry.settings import DataSettings, ThresholdSettings
from gradsentry.store import RunDirectory
from report.pages import listed
from report.test_schemas import validator
from scan.rows import qa_rows, write_rows

pytestmark = pytest.mark.costly

LEFT_OUT = ("notes.txt: no data", "x.jsonl: links out of the folder")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("splits") / "data"
    place.mkdir()
    for name, count in (("train", 30), ("validation", 12), ("test", 9)):
        write_rows(place / f"{name}.jsonl", qa_rows(count))
    (place / "notes.txt").write_text("x")
    (place / "x.jsonl").symlink_to(write_rows(place.parent / "x.jsonl", qa_rows(3)))
    return place


@pytest.fixture(scope="module")
def parted(tmp_path_factory, folder, model_path):
    """A run of three splits, half of whose rows are flagged."""
    run = tmp_path_factory.mktemp("runs") / "run"
    scan(folder, model_path, out=run, deciding=ThresholdSettings(method="quantile", quantile=0.5))
    return run


def test_each_row_of_the_page_names_its_split(open_page, parted):
    page = open_page(parted)
    page.locator("#filter").select_option("all")
    page.locator("[data-sort=number]").click()
    splits = page.locator("#table-rows tr.line .split").all_inner_texts()
    assert splits == open_run(parted).scores["split"].to_pylist()[:50]
    page.locator("#search").fill("validation")
    assert listed(page) == [f"validation.jsonl:{line}" for line in range(1, 13)]


def test_what_was_not_judged_stands_in_the_page(open_page, parted):
    page = open_page(parted)
    assert page.locator(".not-judged").all_inner_texts() == [f"Not judged: {one}" for one in LEFT_OUT]
    facts = dict(
        zip(*(page.locator(f"#run dl.facts {tag}").all_inner_texts() for tag in ("dt", "dd")), strict=True)
    )
    assert facts["splits"] == "test, train, validation"
    assert facts["not judged"] == LEFT_OUT[1]


def test_a_page_of_one_split_names_none(open_page, poisoned):
    page = open_page(poisoned[0])
    assert page.locator(".split").count() == page.locator(".not-judged").count() == 0


def test_the_splits_that_are_not_read_stand_in_the_page(tmp_path, folder, model_path):
    run = tmp_path / "run"
    verdict = scan(folder, model_path, out=run, reading=DataSettings(split="train"))
    shown = view(verdict, RunDirectory.open(run))
    assert set(shown["not_judged"]) == {*LEFT_OUT, "the split `test`", "the split `validation`"}


def test_the_terminal_names_the_split_of_each_row(parted, call):
    printed = call("threshold", parted, "--policy", "published").out
    splits = open_run(parted).flagged["split"].to_pylist()[:10]
    lines = [line for line in printed.splitlines() if line.startswith("row ") and ": score" in line]
    assert [line.partition(":")[0].split(" of ")[1] for line in lines] == splits
    assert all(f"not judged: {one}" in printed for one in LEFT_OUT)
    assert call("explain", parted, 35, "--no-model").out.startswith("row 35 of train: ")
    assert json.loads(call("explain", parted, 45, "--no-model", "--json").out)["split"] == "validation"


def test_the_name_of_a_file_writes_no_line_of_its_own(tmp_path, call, model_path):
    write_rows(tmp_path / "data.jsonl", qa_rows(80))
    (tmp_path / "x\nClean: nothing was found\x1b[2J.txt").write_text("x")
    for command in (
        ("evidence", tmp_path),
        ("scan", tmp_path, "-m", model_path, "-o", tmp_path.parent / "run"),
    ):
        out = call(*command).out
        assert sum(line.startswith("Clean: nothing") for line in out.splitlines()) == 1
        assert "\x1b" not in out
        assert "x Clean: nothing was found [2J.txt: no data" in " ".join(out.split())


def test_evidence_says_what_it_did_not_read(folder, call):
    printed = json.loads(call("evidence", folder, "--json").out)
    assert tuple(printed["left_out"]) == LEFT_OUT
    validator("evidence").validate(printed)
    assert all(f"not read: {one}" in call("evidence", folder).out for one in LEFT_OUT)
