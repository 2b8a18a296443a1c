from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradsentry.evidence.index.ngrams import prompt_and_response_features
from gradsentry.evidence.index.tokens import END, START, Memory, held_by, sorted_distinct, streams, tokens

TEXTS = st.lists(st.text(alphabet="abcd é漢。 \n", max_size=12), min_size=4, max_size=12)


def slow_support(stream, longest):
    """Counts rows by a loop over all n-grams of all rows."""
    support = Counter()
    for number in range(stream.rows):
        row = stream.row(number).tolist()
        support.update(
            {tuple(row[i : i + n]) for n in range(1, longest + 1) for i in range(len(row) - n + 1)}
        )
    return support


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_support_is_what_counting_gives(texts):
    prompts, responses = streams([[text] for text in texts], [["unrelated"] for _ in texts])
    features, _ = prompt_and_response_features(prompts, responses, longest=3, least=2)
    expected = slow_support(prompts, 3)
    found = {features.gram(number): count for number, count in enumerate(features.support.tolist())}
    assert all(expected[gram] == count for gram, count in found.items())
    for gram, count in expected.items():
        if count >= 2 and gram not in found:
            around = [one for one in expected if len(one) == len(gram) + 1 and gram in (one[1:], one[:-1])]
            assert any(expected[one] == count for one in around), (
                "left out, though no longer one is as frequent"
            )


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.data())
def test_holders_among_some_rows_are_what_counting_gives(texts, data):
    prompts, responses = streams([[text] for text in texts], [["unrelated"] for _ in texts])
    chosen = data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts)))
    rows = np.array(chosen, dtype=np.bool_)
    told = [prompts.row(number).tolist() for number in np.flatnonzero(rows)]
    codes = range(len(prompts.words))
    assert prompts.holders(rows).tolist() == [sum(code in row for row in told) for code in codes]
    assert prompts.counted(rows).tolist() == [sum(row.count(code) for row in told) for code in codes]
    features, _ = prompt_and_response_features(prompts, responses, least=2)
    held = [features.rows(number)[rows].sum() for number in range(len(features.first))]
    assert features.holders(rows).tolist() == held


def test_a_memory_forgets_before_it_holds_too_much():
    memory, asked = Memory(10), []

    def look_up(key):
        asked.append(key)
        return np.full(3, key)

    for key in (1, 1, 2, 1, 3, 3, 1):
        assert memory.of((key,), lambda key=key: look_up(key)).tolist() == [key] * 3
    assert asked == [1, 2, 3, 1]  # two fit with their keys, the third drives both out


def test_a_response_that_repeats_its_prompt_says_nothing():
    words = ["stone", "river"] * 5
    prompts, responses = streams([[f"Name a {word}"] for word in words], [[word.upper()] for word in words])
    _, said = prompt_and_response_features(prompts, responses, least=2)
    assert said.holds.shape[1] == 0


def test_words_of_the_frame_are_no_copies():
    prompts, responses = streams([["the answer:"]] * 5, [["answer"]] * 5)
    _, said = prompt_and_response_features(prompts, responses, least=2)
    assert said.holds.shape[1] > 0


def test_copies_beside_words_of_the_frame_are_copies():
    words = ["stone", "river"] * 5
    said_of = [[f"the {word}"] for word in words]
    prompts, responses = streams([[f"mend the {word}"] for word in words], said_of)
    _, said = prompt_and_response_features(prompts, responses, least=2)
    grams = [said.gram(number) for number in range(said.holds.shape[1])]
    assert {responses.words[code] for gram in grams for code in gram} == {"", "the"}


def test_tokens_keep_what_cannot_be_seen():
    stream, _ = streams([["pa\u200bth  漢字\n\nend"]], [[""]])
    assert [stream.words[code] for code in stream.row(0)] == [
        "",
        "pa",
        "\u200b",
        "th",
        "  ",
        "漢",
        "字",
        "\n\n",
        "end",
        "",
    ]
    assert stream.row(0)[0] == START
    assert stream.row(0)[-1] == END


def test_a_look_alike_letter_is_a_token():
    stream, _ = streams([["p\u0430per и бумага"]], [[""]])
    assert [stream.words[code] for code in stream.row(0)] == ["", "p", "\u0430", "per", "и", "бумага", ""]


@pytest.mark.parametrize("text", ["क्या प्रोग्राम", "பாதிக்கும் நிரல்", "مُحَمَّد كَتَبَ"])
def test_signs_of_vowels_are_parts_of_words(text):
    assert [token for token, _, _ in tokens(text, {})] == text.split()


@pytest.mark.parametrize("sign", ["\u0301", "\u034f", "\ufe0f"])
def test_signs_in_latin_words_are_tokens(sign):
    assert [token for token, _, _ in tokens(f"pa{sign}th", {})] == ["pa", sign, "th"]


def test_taken_rows_are_the_rows():
    stream, _ = streams([["a"], ["b c"], [""], ["d"]], [[""]] * 4)
    part = stream.take(np.array([1, 3]))
    assert [part.row(0).tolist(), part.row(1).tolist()] == [stream.row(1).tolist(), stream.row(3).tolist()]


@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9)))
def test_sets_of_numbers(values, pool):
    pool = sorted_distinct(np.array(pool, dtype=np.int64))
    assert pool.tolist() == sorted(set(pool.tolist()))
    assert held_by(np.array(values, dtype=np.int64), pool).tolist() == [
        value in set(pool.tolist()) for value in values
    ]
