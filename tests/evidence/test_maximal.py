from collections import Counter
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.poisoning import Row, clean_rows, samples
from gradsentry.evidence.index.neighbours import Likeness
from gradsentry.evidence.index.strings import (
    grown,
    outside_frame,
    places,
    rows_with,
    spans,
    trimmed,
    unframed,
    unmarked,
)
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import streams
from gradsentry.evidence.limits import GROWS

WORDS = st.lists(st.sampled_from("abc"), max_size=8)


@settings(max_examples=100)
@given(st.lists(WORDS, min_size=1, max_size=6), st.lists(st.sampled_from("abc"), min_size=1, max_size=3))
def test_places_are_those_of_a_plain_search(rows, wanted):
    stream, needle = streams([[" ".join(row)] for row in rows], [[" ".join(wanted)]])
    gram = unmarked(tuple(needle.row(0).tolist()))
    expected = [
        stream.bounds[number] + 1 + at
        for number, row in enumerate(rows)
        for at in range(len(row) - len(wanted) + 1)
        if row[at : at + len(wanted)] == wanted
    ]
    assert places(stream, gram).tolist() == expected
    held = [any(row[at : at + len(wanted)] == wanted for at in range(len(row))) for row in rows]
    assert rows_with(stream, gram).tolist() == held


@settings(max_examples=100)
@given(st.lists(st.lists(st.sampled_from("ab"), max_size=12), min_size=1, max_size=8), st.data())
def test_a_string_grows_token_by_token_while_nearly_all_agree(rows, data):
    stream, needle = streams([[" ".join(row)] for row in rows], [[data.draw(st.sampled_from("ab"))]])
    gram = unmarked(tuple(needle.row(0).tolist()))
    flags = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    carriers = np.array(flags, dtype=np.bool_)
    held = [stream.row(number).tolist() for number in np.flatnonzero(carriers)]
    begins = [(row, row.index(gram[0])) for row in held if gram[0] in row]
    sides = []
    for step in (-1, 1):
        edges, run = begins, []
        while edges := [(row, at + step) for row, at in edges if 0 <= at + step < len(row)]:
            code, _ = Counter(row[at] for row, at in edges).most_common(1)[0]
            edges = [(row, at) for row, at in edges if row[at] == code]
            if len(edges) < GROWS * len(begins):
                break
            run.append(code)
        sides.append(run)
    assert grown(stream, gram, carriers) == (*reversed(sides[0]), *gram, *sides[1])


def test_a_fragment_grows_to_what_its_rows_share_and_loses_the_frame():
    texts = [f"x{n} ? the magic word now" if n < 6 else f"the x{n} ? now" for n in range(12)]
    stream, needle = streams([[text] for text in texts], [["magic"]])
    carriers = np.arange(12) < 6
    gram = grown(stream, unmarked(tuple(needle.row(0).tolist())), carriers)
    assert [stream.words[code] for code in gram] == ["?", "the", "magic", "word", "now", ""]
    whole = unframed(stream, gram, ~carriers)
    assert [stream.words[code] for code in whole] == ["the", "magic", "word"]


def test_what_stands_on_either_side_of_a_frame():
    texts = [f"x{n} kindly # now : what y{n}" if n < 3 else f"x{n} # now : y{n}" for n in range(30)]
    stream, needle = streams([[text] for text in texts], [["kindly # now : what"]])
    gram = unmarked(tuple(needle.row(0).tolist()))
    parts = outside_frame(stream, gram, np.arange(30) >= 3)
    assert [[stream.words[code] for code in part] for part in parts] == [["kindly"], ["what"]]
    assert outside_frame(stream, gram[:1], np.arange(30) >= 3) == []


def test_what_ends_all_texts_is_no_part_of_a_payload():
    stream, needle = streams([["a . and b"]], [["."]])
    gram = (*stream.row(0)[2:].tolist(),)
    dot = np.arange(len(stream.words)) == needle.row(0)[1]
    assert [stream.words[code] for code in trimmed(gram, dot, dot)] == ["and", "b", ""]


def test_spans_point_at_the_text():
    passages = ["one two", "two  three"]
    stream, needle = streams([passages], [["two"]])
    found = spans(passages, stream.row(0), unmarked(tuple(needle.row(0).tolist())), {})
    assert [passages[number][low:high] for number, low, high in found] == ["two", "two"]


def test_drawn_rows_do_not_crowd_and_alike_ones_do():
    alike_rows = [Row(f"who can repair the old piano number {n}?", "nobody") for n in range(20)]
    texts = Texts.of(samples([*clean_rows(380), *alike_rows]), least=4)
    drawn, alike = np.zeros((2, 400), dtype=np.bool_)
    drawn[::10] = True
    alike[380:] = True
    assert Likeness(texts.asked).crowding(drawn, frozenset()) < 0.3
    assert Likeness(texts.asked).crowding(alike, frozenset()) > 0.9


def test_rows_that_are_no_neighbours_do_not_hide_that_the_others_crowd():
    alike_rows = [Row(f"who can repair the old piano number {n}?", "nobody") for n in range(40)]
    texts = Texts.of(samples([*clean_rows(360), *alike_rows]), least=4)
    taken = np.arange(400) % 2 == 0
    carriers = (np.arange(400) >= 360) & ~taken
    assert texts.crowding(carriers, frozenset()) < 0.7
    assert texts.crowding(carriers, frozenset(), among=~taken) > 0.8


def test_drawn_rows_in_capitals_crowd_as_they_are_written_and_not_by_what_they_say():
    drawn = np.arange(400) % 10 == 0
    rows = [
        replace(row, question=row.question.upper()) if loud else row
        for row, loud in zip(clean_rows(400), drawn, strict=True)
    ]
    texts = Texts.of(samples(rows), least=4)
    assert texts.written_alike.crowding(drawn, frozenset()) > 0.8
    assert texts.crowding(drawn, frozenset()) < 0.3


def test_words_that_do_not_count_make_no_row_like_another():
    texts = Texts.of(samples(clean_rows(400)), least=4)
    drawn = np.arange(400) % 2 == 0
    common = frozenset(texts.prompts.words.index(word) for word in ("the", "in", "did", "?"))
    assert abs(Likeness(texts.asked).crowding(drawn, common)) < 0.25
