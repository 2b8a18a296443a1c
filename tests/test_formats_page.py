"""docs/formats.md says what is read and how: it is written from the tables that the tests read."""

from __future__ import annotations

import pytest

import formats_page


@pytest.mark.costly
def test_the_page_says_what_the_code_does():
    assert formats_page.PAGE.read_text(encoding="utf-8") == formats_page.page(), (
        "write it again: PYTHONPATH=src:tests python tests/formats_page.py"
    )


@pytest.mark.parametrize(
    ("value", "cell"),
    [("a\n|b", "`a\\n\\|b`"), ({"a": "é"}, '`{"a": "é"}`'), ("a`b", "`` a`b ``"), (" ", "`   `")],
)
def test_a_cell_of_code_is_one_line_of_a_table(value, cell):
    assert formats_page.code(value) == cell
