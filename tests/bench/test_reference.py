"""The page of a spec's keys is that of the code, and each key of every section is explained in it."""

from __future__ import annotations

from pathlib import Path

from gradsentry.bench.reference import SECTIONS, meanings, page
from gradsentry.bench.spec import Spec
from gradsentry.validated import settings_in


def test_the_page_is_current():
    said = "run `python -m gradsentry.bench.reference > docs/spec.md`"
    assert (Path(__file__).parents[2] / "docs/spec.md").read_text(encoding="utf-8") == page(), said


def test_every_key_is_explained_and_every_section_that_a_spec_leads_to_is_there():
    for kind in SECTIONS:
        assert meanings(kind).keys() >= kind.model_fields.keys(), kind
        for field in kind.model_fields.values():
            assert set(settings_in(field.annotation)) <= SECTIONS.keys()


def test_types_and_defaults_are_those_of_the_code():
    text = page()
    assert f"| `rows` | whole number, ≥ 2 | `{Spec.model_fields['rows'].default}` |" in text
    assert "| `name` | text | needed |" in text
    assert "| `optional` | true or false | `false` |" in text
    assert "| `method` | `lora` or `full` | `lora` |" in text
    assert "[an entry of defences](#an-entry-of-defences)" in text
    assert "## An entry of `defences`" in text
