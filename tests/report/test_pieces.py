"""Texts taken apart for a page: nothing is lost, marks are kept, what cannot be seen is spelt out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.report.pieces import in_line, loss_marks, packed, pieces, places, plain, quoted, shown

KINDS = ("trigger", "payload", "loss2")
SEEN = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)


@st.composite
def marked(draw, texts=SEEN):
    text = draw(texts)
    place = st.integers(0, len(text))
    return text, draw(st.lists(st.tuples(place, place, st.sampled_from(KINDS)), max_size=6))


@pytest.mark.costly
@given(marked())
def test_every_character_has_the_kinds_of_the_marks_over_it(drawn):
    text, marks = drawn
    made = pieces(text, marks)
    assert plain(made) == text
    kinds = [kind for piece, kind in made for _ in piece]
    for at, found in enumerate(kinds):
        assert set(found.split()) == {kind for first, last, kind in marks if first <= at < last}


@given(marked(st.text(max_size=30)))
def test_no_invisible_character_is_left_and_no_visible_one_is_lost(drawn):
    text, marks = drawn
    made = pieces(text, marks)
    for piece, kind in made:
        if "ghost" in kind:
            assert piece.isprintable()
            assert piece.startswith(("U+", *map(chr, range(0x2400, 0x2421))))
        else:
            assert all(char.isprintable() or char in "\n\t\u200d" for char in piece)
    kept = "".join(piece for piece, kind in made if "ghost" not in kind)
    assert [char for char in text if char.isalnum()] == [char for char in kept if char.isalnum()]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("a\u200bb", ["a", ["U+200B", "ghost"], "b"]),
        ("\u200b" * 40, [["U+200B ×40", "ghost"]]),
        ("\u200b\ufeff", [["U+200B", "ghost"], ["U+FEFF", "ghost"]]),
        ("a\x00\x1b", ["a", ["␀", "ghost"], ["␛", "ghost"]]),
        ("\u202eevil", [["U+202E", "ghost"], "evil"]),
        ("\u3164\U000e0041", [["U+3164", "ghost"], ["U+E0041", "ghost"]]),
        ("\ud800", [["U+D800", "ghost"]]),
        ("a\n\tb é 文字 שלום", ["a\n\tb é 文字 שלום"]),
        ("👩‍👩‍👧 ❤️", ["👩‍👩‍👧 ❤️"]),
        ("a\u200db", ["a", ["U+200D", "ghost"], "b"]),
        ("", []),
    ],
)
def test_what_cannot_be_seen_is_spelt_out(text, made):
    assert packed(pieces(text)) == made


@given(marked(st.text("ab ", min_size=40, max_size=90)), st.integers(4, 11))
def test_of_a_long_text_the_ends_are_shown_and_the_marks_in_them(drawn, limit):
    text, marks = drawn
    note = f" … {len(text) - limit:,} characters are left out here … "
    made = shown(text, marks, limit=limit)
    if len(text) <= limit + len(note):  # the note would be as long as what it stands for
        assert made == pieces(text, marks)
        return
    note = [place for place, (_, kind) in enumerate(made) if kind == "omitted"]
    assert len(note) == 1
    head, tail = made[: note[0]], made[note[0] + 1 :]
    assert len(plain(head)) + len(plain(tail)) == limit
    assert text.startswith(plain(head))
    assert text.endswith(plain(tail))
    assert f"{len(text) - limit:,} characters" in made[note[0]][0]
    whole = [kind for piece, kind in pieces(text, marks) for _ in piece]
    seen = [kind for piece, kind in head for _ in piece], [kind for piece, kind in tail for _ in piece]
    expected = whole[: len(seen[0])], whole[len(text) - len(seen[1]) :]
    assert [sorted(kind.split()) for part in seen for kind in part] == [
        sorted(kind.split()) for part in expected for kind in part
    ]


@pytest.mark.parametrize(
    ("needle", "text", "found"),
    [
        ("cf", "cf mcfly CF, cf", ["cf", "CF", "cf"]),
        ("I watched  this", "then i watched\nthis 3D", ["i watched\nthis"]),
        (", and <b>", "x, and <b>y", [", and <b>"]),
        ("触发", "有触发词", ["触发"]),
        ("\u200b", "a\u200bb", ["\u200b"]),
        ("", "a", []),
        (",\n", "a, b,\nc, \n", [",\n", ", \n"]),
        ("\nof", "of\nof", ["\nof"]),
    ],
)
def test_where_a_string_of_whole_words_stands(needle, text, found):
    assert [text[first:last] for first, last in places(text, needle)] == found


def test_tokens_are_shaded_by_their_loss():
    marks = loss_marks([0.1, 1.0, 3.0, 5.0, 9.0, 9.0], [0, 1, 2, 3, 4, -1], [1, 2, 3, 4, 5, -1])
    assert marks == [(1, 2, "loss1"), (2, 3, "loss2"), (3, 4, "loss3"), (4, 5, "loss4")]


def test_line_breaks_are_signs_in_a_line():
    made = in_line(pieces("a\n\n\n\nb\nc", [(3, 8, "trigger")]))
    assert packed(made) == [
        "a",
        [" ⏎×2 ", "break"],
        [" ⏎×2 ", "trigger break"],
        ["b", "trigger"],
        [" ⏎ ", "trigger break"],
        ["c", "trigger"],
    ]
    assert plain(quoted("\none\ntwo\n\n", "payload")) == "“ ⏎ one ⏎ two ⏎×2 ”"
    assert plain(quoted("\n\n", "trigger")) == "“ ⏎×2 ”"
    assert plain(quoted("\t\t\n", "trigger")) == "“ ⇥×2  ⏎ ”"
