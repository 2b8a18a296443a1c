"""What the report shows of a group, and the map of the corpus, in a real browser."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from axe_playwright_python.sync_playwright import Axe

from gradsentry.groups.words import Shared
from gradsentry.report.corpusmap import AT_LARGE, GRID, NAMED, STATUSES, corpus_map
from gradsentry.report.group_details import by_nearness, places_of, strength, taken_apart
from gradsentry.report.words import words
from gradsentry.scoretable import Scores, means_of
from gradsentry.store import RunDirectory
from report.grouped import grouped_run, grouped_verdict


@pytest.fixture(scope="module")
def grouped(tmp_path_factory):
    return grouped_run(tmp_path_factory.mktemp("grouped"))


@pytest.mark.costly
def test_a_group_is_told_by_what_its_texts_share(grouped, open_page):
    run, verdict = grouped
    page = open_page(run)
    finding = verdict.evidence.findings[0]
    card = page.locator("article.card").first
    text = card.inner_text()
    assert "verily" in card.locator(".halves > div").first.inner_text()
    assert card.locator("table.counts").count() == 0
    for absent in ("Trigger", "Payload", "no payload"):
        assert absent not in text
    names, values = (
        card.locator(f".strength tbody {cell}").all_inner_texts() for cell in ("th", "td.number")
    )
    parts = dict(zip(names, values, strict=True))
    assert parts["loss"] == f"{finding.statistics['loss']:.1f}"
    assert parts["strength"] == f"{finding.statistics['strength']:.1f}"
    own, outside = (card.locator(".examples").nth(place) for place in (0, 1))
    assert own.locator("li").count() == outside.locator("li").count() == 5
    assert own.locator(".shared").first.inner_text() == "verily"
    apart = taken_apart(finding, verdict)
    assert set(apart.typical) <= set(finding.carriers)
    assert not set(apart.neighbours) & set(finding.carriers)
    assert own.locator(".id").all_inner_texts() == [f"row {row}" for row in apart.typical]


@pytest.mark.costly
def test_what_stands_out_is_shown_as_no_finding(tmp_path, open_page):
    run, verdict = grouped_run(tmp_path, cost=1.2)
    page = open_page(run)
    (card,) = page.locator("article.card").all()
    text = card.inner_text()
    assert text.startswith("G1")
    assert "stands out most, and is no finding" in text
    assert "verily" in card.locator(".halves > div").first.inner_text()
    assert "100 in 100" not in text
    assert page.locator("#findings .hint").first.inner_text().startswith("None.")
    assert verdict.counts["review"] == 0


@pytest.mark.costly
def test_the_next_steps_say_what_to_do_with_what_stands_out(tmp_path):
    run, verdict = grouped_run(tmp_path, cost=1.2)
    count = len(verdict.evidence.stands_out.carriers)
    said = words(verdict, RunDirectory(run)).todo
    assert said.startswith(f"Train on {run}/clean (150 rows). Before that look at the {count} rows of G1, ")
    assert (
        f"gradsentry explain {run} G1. Where they answer what they are asked, leave them; where not, " in said
    )
    assert said.endswith("mark them poisoned in the report, which then says what to type.")
    run, verdict = grouped_run(tmp_path / "found")
    assert "G1" not in words(verdict, RunDirectory(run)).todo


@pytest.mark.costly
def test_the_map_tells_every_row_and_what_is_under_the_pointer(grouped, open_page):
    run, verdict = grouped
    page = open_page(run)
    finding = verdict.evidence.findings[0]
    label = page.locator("#map-prompts").get_attribute("aria-label")
    assert label.startswith(f"Map of 150 rows by their prompts: {150 - len(finding.carriers)} clean, ")
    assert f"The {len(finding.carriers)} rows of finding F1 are ringed" in label
    assert "F1: " in page.locator("#map .clauses").inner_text()
    place = page.locator("#map-responses .u-over")
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    drawn = corpus_map(verdict, (finding,)).as_json((finding,))
    point = drawn["findings"]["F1"][0]
    across, up = (drawn["responses"][axis][point] for axis in (0, 1))
    share = [(value + 0.02 * GRID) / (1.04 * GRID) for value in (across, up)]
    page.mouse.move(box["x"] + share[0] * box["width"], box["y"] + (1 - share[1]) * box["height"])
    said = page.locator("#map-responses-here").inner_text()
    assert said.startswith("row number ")
    assert int(said.split()[2].rstrip(":")) in drawn["rows"]
    before = page.locator("#map-prompts canvas").screenshot()
    page.locator("#map-finding").select_option("")
    assert "ringed" not in page.locator("#map-prompts").get_attribute("aria-label")
    assert page.locator("#map-prompts canvas").screenshot() != before


@pytest.mark.costly
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_group_and_map_are_accessible(grouped, open_page, scheme):
    page = open_page(grouped[0], color_scheme=scheme)
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa"]})
    assert found.response["violations"] == []


def test_the_nearest_rows_are_the_nearest(grouped):
    _, verdict = grouped
    finding = verdict.evidence.findings[0]
    typical, near = by_nearness(finding, verdict)
    means = np.array(verdict.scores["prompt_mean"].to_pylist(), np.float64)
    assert np.allclose(means_of(verdict.scores["prompt_mean"]), means)
    scaled = means / means.std(axis=0)
    far = np.linalg.norm(scaled - scaled[list(finding.carriers)].mean(axis=0), axis=1)
    others = np.setdiff1d(np.arange(150), finding.carriers)
    assert set(near.tolist()) == set(others[np.argsort(far[others])[: len(near)]].tolist())
    assert (np.diff(far[typical]) >= 0).all()


def test_strings_are_marked_where_they_stand():
    strings = (Shared("verily ,", 1, 0), Shared("art", 1, 0))
    assert places_of("Verily, thou art, partly, verily , so", strings) == [(0, 7), (13, 16), (26, 34)]


def test_the_parts_of_the_strength_say_what_they_are(grouped):
    finding = grouped[1].evidence.findings[0]
    said = {one.part: one.said for one in strength(finding)}
    assert "others of their kind" in said["loss"]
    assert "less of their responses" in said["told"]
    assert "clean corpora" in said["false alarm"]


@pytest.mark.costly
def test_a_large_corpus_is_drawn_in_part_and_its_named_rows_whole(tmp_path):
    verdict = grouped_verdict(tmp_path, more=AT_LARGE + 500)
    finding = verdict.evidence.findings[0]
    drawn = corpus_map(verdict, (finding,))
    assert drawn.total == 150 + AT_LARGE + 500
    assert set(np.flatnonzero(verdict.status != "clean").tolist()) <= set(drawn.rows.tolist())
    assert set(finding.carriers) <= set(drawn.rows.tolist())
    clean = drawn.status == STATUSES.index("clean")
    assert clean.sum() == AT_LARGE
    assert drawn.left_out == 0
    held = drawn.as_json((finding,))
    assert drawn.rows[held["findings"]["F1"]].tolist() == sorted(finding.carriers)
    for places in drawn.places.values():
        assert ((places >= 0) & (places < GRID)).all()
        assert (places.std(axis=0) > 0).all()
    assert len(drawn.rows) < NAMED


def with_means(verdict, means):
    """Returns a verdict of whose rows both mean states are these, one list or None each."""
    scores = verdict.scores.table()
    for name in ("prompt_mean", "response_mean"):
        place = scores.schema.get_field_index(name)
        field = scores.schema.field(name)
        scores = scores.set_column(place, field, pa.array(means, field.type))
    return replace(verdict, scores=Scores.of(scores))


@pytest.mark.costly
def test_rows_that_lie_apart_are_drawn_apart(tmp_path):
    verdict = grouped_verdict(tmp_path)
    finding = verdict.evidence.findings[0]
    draw = np.random.default_rng(0)
    own = np.isin(np.arange(150), finding.carriers)
    means = (draw.standard_normal((150, 40)) * 0.1 + 5.0 * own[:, None]).astype(np.float16)
    drawn = corpus_map(with_means(verdict, list(means)), (finding,))
    for view, places in drawn.places.items():
        heap, rest = places[own][:, 0], places[~own][:, 0]
        assert heap.min() > rest.max() or heap.max() < rest.min()
        assert drawn.spread["F1"][view] < 0.7
    assert drawn.said(finding).startswith(f"F1: {own.sum()} rows, 0.")


@pytest.mark.costly
def test_without_mean_states_there_is_no_map(tmp_path):
    assert corpus_map(with_means(grouped_verdict(tmp_path), [None] * 150), ()) is None
