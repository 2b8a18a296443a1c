"""A run of a million rows: a page that is small, quick to build, and at work at once."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page

from gradsentry.report.render import write_report
from gradsentry.report.selection import SHOWN
from gradsentry.settings import ThresholdSettings
from report.million import drawn_run
from report.pages import counts, set_tau

ROWS = 1_000_000
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def million(tmp_path_factory):
    return drawn_run(tmp_path_factory.mktemp("million") / "run", ROWS)


def seconds_to_work(page: Page) -> float:
    """Returns how long the page takes until it is at work; other processes can only slow it."""
    page.reload()
    page.wait_for_selector("html[data-ready]")
    return page.evaluate("performance.getEntriesByName('ready')[0].startTime") / 1000


def seconds_to_follow(page: Page, tau: float) -> float:
    """Returns how long the page takes to follow the slider."""
    return page.evaluate(
        """(tau) => {
          const slider = document.getElementById('tau');
          const begun = performance.now();
          slider.value = tau;
          slider.dispatchEvent(new Event('input'));
          return (performance.now() - begun) / 1000;
        }""",
        tau,
    )


@pytest.mark.costly
@pytest.mark.parametrize("policy", [pytest.param("evidence", marks=pytest.mark.slow), "published"])
def test_a_million_rows(million, policy, open_page):
    run, verdict = million
    verdict = verdict.decide(ThresholdSettings(), policy)
    begun = time.process_time()
    write_report(run, verdict)
    assert time.process_time() - begun < 60
    page = (run.path / "report.html").stat().st_size
    assert page < 8 * MEGABYTE
    shown = open_page(run.path)
    assert min(seconds_to_work(shown) for _ in range(3)) < 2
    assert counts(shown) == {name: verdict.counts[name] for name in ("clean", "flagged")}
    assert min(seconds_to_follow(shown, tau) for tau in (0.3, 0.5, 0.7)) < 0.2
    set_tau(shown, 0.55)
    assert counts(shown)["flagged"] == int((verdict.scores["score"].to_numpy() > 0.55).sum())
    said = shown.locator("#rows > p.hint").first.inner_text()
    embedded = shown.evaluate(
        "JSON.parse(document.getElementById('data').textContent).rows.map((row) => row.number)"
    )
    left_out = int(verdict.is_flagged.sum() - verdict.is_flagged[embedded].sum())
    assert len(set(embedded)) == SHOWN
    assert f"{SHOWN:,} of {ROWS:,} scored rows are in this page." in said
    assert f"{left_out:,} rows that are flagged had no room: all flagged rows are in" in said
    assert str(run.path / "flagged.jsonl") in said
