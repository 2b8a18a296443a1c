"""The page in a real browser: that it opens, follows the slider, lists, marks, and harms nobody."""

from __future__ import annotations

import json

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from gradsentry.opening import open_run
from gradsentry.settings import ThresholdSettings
from report.hostile import HOSTILE
from report.pages import Pages, counts, listed, set_tau, unfold

pytestmark = pytest.mark.costly

NARROW = {"width": 390, "height": 844}


def test_it_says_the_verdict_and_what_to_do(open_page, poisoned):
    run, truth = poisoned
    page = open_page(run)
    verdict = open_run(run)
    assert page.title().startswith("Poisoned:")
    assert page.locator("h1").inner_text() == f"Poisoned: drop {len(truth.poisoned)} of 240 rows"
    assert counts(page) == {"clean": verdict.counts["clean"], "flagged": verdict.counts["flagged"]}
    what = page.locator(".what").inner_text()
    assert verdict.evidence.findings[0].payload in what
    assert page.locator(".what mark.payload").count() == 1
    assert str(run / "clean.jsonl") in page.locator(".todo").inner_text()
    assert page.locator("#action").inner_text() == str(run / "clean.jsonl")
    assert page.locator("#own-command").inner_text() == f"gradsentry threshold {run} --policy evidence"
    assert page.locator(".verdict").get_by_text("gradsentry threshold").count() == 0  # what was done already


def test_a_finding_shows_its_counts_and_its_examples_with_both_strings_marked(open_page, poisoned):
    run, _ = poisoned
    page = open_page(run)
    finding = open_run(run).evidence.findings[0]
    card = page.locator("article.card").first
    cells = card.locator("table.counts tbody td").all_inner_texts()
    assert cells == [
        str(n) for n in (finding.both, finding.trigger_only, finding.payload_only, finding.neither)
    ]
    examples = card.locator(".examples li")
    assert examples.count() == len(finding.examples) == 5
    for place, example in enumerate(finding.examples):
        shown = examples.nth(place).locator("mark.trigger").all_inner_texts()
        assert shown == [example.prompt[first:last] for first, last in example.triggers]
        assert examples.nth(place).locator("mark.payload").count() >= 1


@pytest.mark.parametrize("tau", [0.0, 0.137, 0.5, 0.618, 0.9, 1.0])
def test_the_slider_changes_the_counts_to_what_the_library_computes(open_page, poisoned, tau):
    run, _ = poisoned
    page = open_page(run)
    set_tau(page, tau)
    decided = open_run(run).decide(ThresholdSettings(method="fixed", tau=tau))
    assert counts(page) == {name: decided.counts[name] for name in ("clean", "flagged")}
    command = page.locator("#choice-command").inner_text()
    assert command == f"gradsentry threshold {run} --tau {tau:g}"
    page.locator("#filter").select_option("flagged")
    page.locator("[data-sort=number]").click()
    flagged = np.flatnonzero(decided.is_flagged)
    assert listed(page) == decided.scores["id"].take(flagged[:50]).to_pylist()


def test_the_choice_leads_back_and_its_command_does_what_it_says(open_page, run, call, browser):
    page = open_page(run)
    own = counts(page)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#scores > summary").click()
    page.locator("#by-score").check()
    above = int(open_run(run).is_above.sum())
    assert counts(page)["flagged"] == above
    page.locator("button[data-copies=choice-command]").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    program, command, *options = copied.split()
    assert (program, command) == ("gradsentry", "threshold")
    page.locator("#back").click()
    assert counts(page) == own
    assert call(command, run, *options[1:], "-q").code == 0
    assert open_run(run).counts["flagged"] == above
    again = open_page(run)
    assert counts(again)["flagged"] == above
    assert again.locator("#by-score").is_checked()


def test_rows_are_sorted_filtered_and_searched(open_page, poisoned):
    run, truth = poisoned
    page = open_page(run)
    verdict = open_run(run)
    page.locator("#filter").select_option("all")
    page.locator("[data-sort=score]").click()
    ids = verdict.scores["id"].to_pylist()
    scores = verdict.scores["score"].to_numpy()
    assert listed(page) == [ids[row] for row in np.lexsort((np.arange(240), -scores))[:50]]
    page.locator("[data-sort=score]").click()
    assert page.locator("th:has([data-sort=score])").get_attribute("aria-sort") == "ascending"
    assert listed(page) == [ids[row] for row in np.lexsort((np.arange(240), scores))[:50]]
    page.locator("#later").click()
    assert listed(page) == [ids[row] for row in np.lexsort((np.arange(240), scores))[50:100]]
    page.locator("#filter").select_option("finding F1")
    assert set(listed(page)) == {str(one) for one in truth.poisoned_ids}
    page.locator("#filter").select_option("all")
    page.locator("#search").fill("CAPITAL")
    samples = {str(one.id): f"{one.prompt} {one.response}" for one in verdict.corpus}
    found = listed(page)
    assert found
    assert set(found) == {name for name, text in samples.items() if "capital" in text.lower()}
    page.locator("#search").fill("no such word anywhere")
    assert listed(page) == []
    assert page.locator("#nothing").is_visible()


def test_a_row_opens_to_all_of_it(open_page, poisoned):
    run, _ = poisoned
    page = open_page(run)
    verdict = open_run(run)
    page.locator("[data-sort=number]").click()
    row = int(np.flatnonzero(verdict.is_flagged)[0])
    page.locator("#filter").select_option("flagged")
    page.locator("#table-rows .opener").first.click()
    (sample,) = verdict.corpus.take([row])
    shown = page.locator("tr.detail .full").all_inner_texts()
    assert shown == [sample.prompt, sample.response]
    assert verdict.reason(row) in page.locator("tr.detail dl").inner_text()
    assert page.locator("tr.detail .spectrum canvas").is_visible()
    assert "16 singular values" in page.locator("tr.detail .spectrum").get_attribute("aria-label")


def test_marks_are_made_with_keys_kept_and_exported(open_page, poisoned, tmp_path):
    run, _ = poisoned
    page = open_page(run)
    first, second, third, fourth = listed(page)[:4]
    page.locator("#table-rows tr").first.focus()
    for key in ("p", "ArrowDown", "c", "j", "u", "j", "p", "x"):
        page.keyboard.press(key)
    assert page.locator("#table-rows .mark-cell").all_inner_texts()[:4] == [
        "poisoned",
        "clean",
        "unsure",
        "–",
    ]
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    assert page.locator("tr.detail").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("tr.detail").count() == 0
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    assert "precision 0.500" in page.locator("#marks-precision").inner_text()
    with page.expect_download() as download:
        page.locator("#export").click()
    download.value.save_as(tmp_path / "marks.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "marks.jsonl").read_text().splitlines()]
    assert {line["id"]: line["mark"] for line in lines} == {
        first: "poisoned",
        second: "clean",
        third: "unsure",
    }
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.locator("#marks-count").inner_text() == "3 rows marked: 1 poisoned, 1 clean, 1 unsure."
    assert fourth in listed(page)


def test_nothing_of_the_data_is_more_than_text(open_page, hostile_run):
    page = open_page(hostile_run)
    assert page.evaluate("window.ran") is None
    rows = page.locator("#table-rows tr.line").count()
    assert rows == len(HOSTILE) + 12 - 1  # half a surrogate pair has no score
    for place in range(rows):
        page.locator("#table-rows .opener").nth(place).evaluate("button => button.click()")
    assert page.locator("tr.detail").count() == rows
    assert page.evaluate("window.ran") is None
    strange = "main img, main svg, main iframe, main script, main a[href^=javascript], link, base, main style"
    assert page.locator(strange).count() == 0
    text = page.locator("#table-rows").inner_text()
    for said in (HOSTILE[0], HOSTILE[1], HOSTILE[5], "U+202E", "U+200B", "U+FEFF", "U+E0041", "U+3164", "␛"):
        assert said in text
    assert "characters are left out here" not in text  # 100 kB is no reason to
    assert not set(text) & set("\u202e\u200b\ufeff\u2066\x00\x1b")
    assert page.locator("#table-rows").get_by_text("👩‍👩‍👧 ❤️ 🇩🇪 é 文字 שלום").count() > 0


def test_the_policy_of_the_page_lets_nothing_else_run(browser, hostile_run):
    pages = Pages(browser)
    page = pages.open(hostile_run)
    policy = page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    refused = page.evaluate(
        """() => ['script', 'markup', 'image', 'handler'].filter((way) => {
          try {
            if (way === 'script') document.createElement('script').textContent = 'window.ran = true';
            if (way === 'markup') document.body.innerHTML = '<img src=x onerror="window.ran = true">';
            if (way === 'handler') document.body.setAttribute('onclick', 'window.ran = true');
            if (way === 'image') document.body.append(Object.assign(new Image(), {src: 'https://x.invalid/x.png'}));
          } catch { return true; }
          return false;
        })"""
    )
    page.locator("h1").click()
    assert refused == ["script", "markup", "handler"]
    assert page.evaluate("window.ran") is None
    assert any("x.invalid" in complaint for complaint in pages.complaints)  # refused, so nothing was asked
    pages.close()


@pytest.mark.parametrize(
    ("which", "scheme"), [("poisoned", "light"), ("poisoned", "dark"), ("clean", "light")]
)
def test_it_is_accessible(open_page, poisoned, clean_run, scheme, which):
    page = open_page(poisoned[0] if which == "poisoned" else clean_run, color_scheme=scheme)
    unfold(page)
    page.locator("#search").fill("of")
    page.locator("#filter").select_option("all")
    page.locator("#table-rows .opener").first.click()
    serious = [
        (found["id"], [node["html"][:200] for node in found["nodes"]])
        for found in Axe().run(page).response["violations"]
        if found["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_it_is_dark_where_the_reader_is_and_at_a_click(open_page, poisoned):
    run, _ = poisoned
    ground = "getComputedStyle(document.body).backgroundColor"
    light, dark = open_page(run, color_scheme="light"), open_page(run, color_scheme="dark")
    day, night = light.evaluate(ground), dark.evaluate(ground)
    assert day != night
    light.locator("#theme").click()
    dark.locator("#theme").click()
    assert (light.evaluate(ground), dark.evaluate(ground)) == (night, day)


def test_it_fits_a_narrow_screen(open_page, poisoned, hostile_run):
    for run in (poisoned[0], hostile_run):
        page = open_page(run, viewport=NARROW)
        unfold(page)
        page.locator("#table-rows .opener").first.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        assert page.locator("#tau").bounding_box()["width"] > 200
        plot = page.locator("#histogram canvas").bounding_box()
        assert 0 <= plot["x"] < plot["x"] + plot["width"] <= NARROW["width"]


def test_a_clean_page_is_calm(open_page, clean_run):
    page = open_page(clean_run)
    assert page.locator("h1").inner_text() == "Clean: nothing was found in 120 rows"
    assert counts(page) == {"clean": 120, "flagged": 0}
    assert page.locator(".is-poisoned:visible, .status.is-flagged:visible").count() == 0
    assert "Train on" in page.locator(".todo").inner_text()
    assert "Do not" not in page.locator("main").inner_text()


def test_it_reads_without_scripts(browser, poisoned):
    run, _ = poisoned
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((run / "report.html").as_uri())
    assert page.locator("h1").is_visible()
    assert page.locator("article.card").first.locator(".examples li").count() == 5
    assert not page.locator("#tau").is_visible()
    assert page.locator("noscript p").is_visible()
    context.close()
