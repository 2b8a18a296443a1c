"""YAML from others: what it says, or in a line what is wrong with it, in bounded time and memory."""

from __future__ import annotations

import re
import time
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.corpus.configurations import configurations_of
from gradsentry.errors import DataError, SettingsError
from gradsentry.settings import ScoreSettings
from gradsentry.yamlfiles import parsed_yaml

LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 9)
)
COSTLY = {
    "anchors of anchors": (LAUGHS, "more than 200,000 values once what is repeated stands written out"),
    "itself": ("&a [*a]", "`*a` repeats what it stands in, or nothing"),
    "levels of flow": ("[" * 200_000, "more than 64 levels"),
    "levels of block": ("".join(" " * level + "a:\n" for level in range(2000)), "more than 64 levels"),
    "merged": (LAUGHS.replace("[", "{k: [").replace("]", "]}"), "more than 200,000 values"),
    "minutes": ("a: 1" + ":1" * 400_000, "a value that is no text has more than 1,000 characters"),
    "tagged minutes": ('a: !!int "1' + ":1" * 400_000 + '"', "a value that is no text has more than 1,000"),
    "length": ("a" * (1 + (4 << 20)), "more than 4,194,304 characters"),
}
WRONG = {
    "no month": ("a: 2024-99-99", "month must be in 1..12"),
    "object": ("!!python/object/apply:os.system [ls]", "could not determine a constructor for the tag"),
    "other tag": ("!!map 3", "expected a mapping node"),
    "no time": ("!!timestamp foo", "a value is not of its tag (AttributeError)"),
    "no number": ("!!int foo", "invalid literal for int"),
    "a key twice": ("limit: 3\nb: 1\nlimit: 4", "the key 'limit' stands twice on line 3"),
    "a list as key": ("? [a]\n: 3", "found unhashable key"),
    "cut": ("a: [", "did not find expected node content"),
}


@pytest.mark.parametrize("name", [*COSTLY, *WRONG])
def test_what_is_costly_or_wrong_is_told_in_a_line(tmp_path, name):
    text, said = (COSTLY | WRONG)[name]
    start = time.process_time()
    with pytest.raises(ValueError, match=re.escape(said)):
        parsed_yaml(text)
    (tmp_path / "README.md").write_text(f"---\n{text}\n---\n")
    (tmp_path / "settings.yaml").write_text(text)
    with pytest.raises(DataError, match="its head is no YAML"):
        configurations_of(tmp_path)
    with pytest.raises(SettingsError, match="cannot be read as YAML"):
        ScoreSettings.read_yaml(tmp_path / "settings.yaml")
    assert time.process_time() - start < 5


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read_as_ever(value):
    assert parsed_yaml(yaml.safe_dump([value, value])) == [value, value]


@given(st.text(max_size=60))
def test_any_text_is_yaml_or_an_error(text):
    with suppress(ValueError):
        parsed_yaml(text)


def test_what_is_repeated_stands_where_it_is_repeated():
    assert parsed_yaml("a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}") == {
        "a": {"b": 1},
        "c": {"b": 1},
        "d": {"b": 1, "e": 2},
    }


def test_a_wrong_value_is_shown_shortened():
    with pytest.raises(SettingsError) as caught:
        ScoreSettings.read({"crop": ["x" * 100] * 10_000}, where="file")
    assert len(str(caught.value)) < 400
