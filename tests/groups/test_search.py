"""Groups: found where they were planted, and not where prompts, responses or costs alone are alike."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from gradsentry.groups import find_groups
from gradsentry.groups.directions import Directions, tail_sizes
from gradsentry.groups.excess import excess
from gradsentry.groups.limits import BOUND, LEAST, SAME
from gradsentry.groups.search import LABEL, _together
from gradsentry.groups.selectors import Held, tails
from gradsentry.groups.style import style, weights
from groups.planted import material


def first_of(found, kind):
    return next((one for one in found if one.kind == kind), None)


def strength_of(planted, kind="states"):
    found = first_of(find_groups(planted, most=1, kinds=(kind,)), kind)
    return 0.0 if found is None else found.strength


@pytest.mark.costly
@pytest.mark.parametrize("labels", [False, True])
def test_a_planted_group_is_the_first(labels):
    found = first_of(find_groups(material(group=30, labels=labels), most=3), LABEL if labels else "states")
    assert found.rows[:30].sum() >= 20
    assert found.rows[30:].sum() <= 3
    assert found.strength > (5 if labels else 0.5)
    assert found.label == ("yes" if labels else None)


@pytest.mark.costly
def test_the_word_of_a_group_is_found_too():
    found = first_of(find_groups(material(group=30), most=1), "strings")
    assert found.asked == Held("strings", "verily")
    assert found.rows.tolist() == [True] * 30 + [False] * 270


@pytest.mark.costly
def test_a_form_that_no_string_is_tells_a_group():
    planted = material(group=30)
    draw = np.random.default_rng(1)
    years = [f"In {draw.integers(1000, 2100)}: {text}" for text in planted.prompts[:30]]
    found = first_of(find_groups(replace(planted, prompts=[*years, *planted.prompts[30:]]), most=1), "forms")
    assert found.asked.name in ("a year", "a number", "a colon", "a number of three digits or more")
    assert found.rows[:30].all()


@pytest.mark.costly
def test_a_strength_is_the_smaller_excess_by_its_lower_bound():
    found = find_groups(material(group=30), most=3)
    assert {one.kind for one in found} >= {"states", "strings"}
    for one in found:
        assert one.rows.sum() >= LEAST
        assert one.strength == pytest.approx(
            min(one.costs["loss"], one.costs["told"]) - BOUND / np.sqrt(one.rows.sum()), abs=1e-5
        )


@pytest.mark.costly
@pytest.mark.parametrize("seed", range(3))
def test_nothing_stands_out_where_nothing_was_planted(seed):
    assert max((one.strength for one in find_groups(material(seed=seed), most=1)), default=0.0) < 0.2


@pytest.mark.costly
def test_what_costs_no_more_than_its_like_is_no_strong_group():
    cheap, dear = (strength_of(material(group=30, cost=cost)) for cost in (0.0, 4.0))
    assert cheap < 0.2 < dear


@pytest.mark.costly
def test_what_the_prompt_tells_is_no_group_however_unlikely():
    planted = material(group=30)
    told = replace(planted, alone=planted.alone + 4.0 * (np.arange(300) < 30))
    assert strength_of(told) < 0.2


@pytest.mark.costly
def test_rows_whose_response_was_not_read_alone_are_in_no_group_but_of_a_label():
    planted = material(group=30)
    unread = replace(planted, alone=np.where(np.arange(300) < 100, np.nan, planted.alone))
    for one in find_groups(unread, most=3):
        assert one.kind == LABEL or not one.rows[:100].any()


@pytest.mark.costly
def test_a_rule_holds_for_the_rows_that_it_was_found_in():
    planted = material(group=30)
    for one in find_groups(planted, most=3):
        held = one.asked.holds(planted.prompts, planted.prompt_means)
        if one.said is not None:
            held &= one.said.holds(planted.responses, planted.response_means)
        assert held.tolist() == one.rows.tolist()


@pytest.mark.costly
def test_groups_are_different_rows():
    found = [one for one in find_groups(material(group=30), most=5) if one.kind == "states"]
    for first, second in product(found, found):
        if first is not second:
            assert (first.rows & second.rows).sum() <= SAME * min(first.rows.sum(), second.rows.sum())


@pytest.mark.costly
def test_the_same_rows_give_the_same_groups():
    first, second = (find_groups(material(group=30), most=3) for _ in range(2))
    assert [one.strength for one in first] == [one.strength for one in second]


def test_rows_that_are_all_alike_have_no_group():
    flat = material()
    zeros = np.zeros_like(flat.prompt_means)
    same = ["a"] * len(zeros)
    assert find_groups(replace(flat, prompt_means=zeros, response_means=zeros, prompts=same), most=3) == []


@given(st.integers(20, 200), st.data())
@settings(max_examples=30, deadline=None)
def test_the_chance_of_common_rows_is_that_of_drawing_them(rows, data):
    from scipy.stats import fisher_exact

    asked, said = data.draw(st.integers(LEAST, rows)), data.draw(st.integers(LEAST, rows))
    both = data.draw(st.integers(max(LEAST, asked + said - rows), min(asked, said)))
    found = _together(np.array([[float(both)]]), np.array([asked]), np.array([said]), rows)[0, 0]
    table = [[both, asked - both], [said - both, rows - asked - said + both]]
    expected = -np.log10(max(fisher_exact(table, alternative="greater").pvalue, 1e-300))
    assert found == pytest.approx(expected, abs=1e-6, rel=1e-6)


@given(st.integers(8, 400))
def test_tails_grow_from_a_few_rows_to_a_share(rows):
    sizes = tail_sizes(rows, 0.2)
    assert sizes == sorted(set(sizes))
    assert sizes[0] == 8
    assert sizes[-1] <= max(8, round(0.2 * rows))


def test_a_tail_holds_as_many_rows_as_asked_for():
    view = np.random.default_rng(0).standard_normal((60, 6))
    directions = Directions.of(view)
    assert (tails("states", directions, view, 10).held.sum(axis=0) == 10).all()


def test_a_direction_with_a_heavy_tail_is_found():
    view = np.random.default_rng(0).standard_normal((400, 20))
    view[:25] += 4.0 * np.ones(20) / np.sqrt(20)
    out = Directions.of(view).outwards(view)
    assert max(np.isin(np.argsort(-side)[:25], np.arange(25)).mean() for side in out.T) > 0.7
    np.testing.assert_allclose(out.std(axis=0), 1.0, atol=1e-6)


def test_a_feature_that_counts_nothing_turns_no_direction():
    view = np.random.default_rng(0).standard_normal((200, 5))
    assert (Directions.of(view, np.array([1, 1, 0, 1, 1])).matrix[2] == 0).all()


@pytest.mark.costly
@given(st.lists(st.floats(0, 9, width=32), min_size=40, max_size=80), st.floats(0.1, 3), st.floats(-2, 2))
@settings(max_examples=40, deadline=None)
def test_excess_knows_order_alone(costs, scale, shift):
    values = np.round(np.array(costs, np.float64), 3)
    response, length = np.zeros(len(values), np.int64), np.ones(len(values), np.int64)
    first, second = (excess(one, response, length) for one in (values, scale * np.exp(values) + shift))
    np.testing.assert_allclose(first, second, atol=1e-9)
    assert (np.diff(first[np.argsort(values, kind="stable")]) >= -1e-12).all()


def test_excess_is_that_beside_the_same_response_or_length():
    draw = np.random.default_rng(0)
    response = np.concatenate([np.zeros(50), np.ones(50), np.arange(2, 202)]).astype(np.int64)
    length = np.concatenate([np.ones(100), np.repeat([5, 50], 100)]).astype(np.int64)
    cost = draw.standard_normal(300) + 10.0 * response.clip(max=1) + 0.5 * length
    found = excess(cost, response, length)
    for part in (slice(0, 50), slice(50, 100), slice(100, 200), slice(200, 300)):
        assert abs(found[part].mean()) < 0.2
        assert found[part].std() == pytest.approx(1.0, abs=0.25)
    assert found.max() <= norm.ppf(1 - 0.5 / 300) + 1e-9


def test_few_rows_without_their_like_have_no_excess():
    assert excess(np.arange(5.0), np.arange(5), np.ones(5, np.int64)).tolist() == [0.0] * 5


def test_few_rows_far_out_do_not_draw_the_line_to_themselves():
    draw = np.random.default_rng(0)
    length = np.concatenate([draw.integers(50, 150, 270), draw.integers(3, 6, 30)])
    cost = draw.normal(1.0, 0.2, 300) + 2.0 * (np.arange(300) >= 270)
    found = excess(cost, np.arange(300), length)
    assert found[270:].mean() > 1.5


def test_style_is_not_what_a_prompt_is_about():
    first = [f"what is the {word} of my house?" for word in ("roof", "door", "wall", "room")] * 10
    second = [f"when you see it, the {word} is very good." for word in ("roof", "door", "wall", "room")] * 10
    found = style([*first, *second])
    found = (found - found.mean(axis=0)) * weights(found)
    found = found[:, found.std(axis=0) > 0]
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.mean(axis=0), 0.0, atol=1e-9)
    near = np.linalg.norm(found[0] - found[1])
    far = np.linalg.norm(found[0] - found[40])
    assert near < far / 4
    assert log(far) > 0
