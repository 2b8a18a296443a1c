"""Every error is one line that says what, where and the mend."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry import errors, screen
from gradsentry.errors import DataError, GradSentryError, UsageError, first_line


@given(st.text(), st.text(), st.text())
def test_line_is_always_one_line(what, where, mend):
    line = DataError(what, where=where, mend=mend).line()
    assert len(line.splitlines()) <= 1
    assert line == line.strip()


def test_line_names_the_place_first_and_the_mend_last():
    error = DataError("is no JSON", where="a.jsonl:4711", mend="mend\nthe line")
    assert error.line() == str(error) == "a.jsonl:4711: is no JSON; mend the line"


def test_line_without_a_place_and_a_mend_is_what_is_wrong():
    assert DataError("is empty").line() == "is empty"


def test_what_a_user_gave_is_told_from_what_the_machine_did():
    known = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    kinds = {kind for kind in known if kind.__module__ == errors.__name__}
    usage = {kind.__name__ for kind in kinds if issubclass(kind, UsageError)}
    assert usage == {"UsageError", "SettingsError", "DataError", "ModelError", "RunError"}
    assert all(issubclass(kind, GradSentryError) for kind in kinds)


@given(st.text())
def test_first_line_is_one_line_and_never_empty(message):
    line = first_line(ValueError(message))
    assert len(line.splitlines()) == 1
    assert line


@pytest.mark.costly
def test_every_error_of_a_user_says_the_mend():
    kinds = {"UsageError", "SettingsError", "DataError", "ModelError", "RunError"}
    lacking = []
    for file in Path(errors.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            made = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if made in kinds and "mend" not in {one.arg for one in node.keywords}:
                lacking.append(f"{file.name}:{node.lineno}")
    assert lacking == []


def test_python_is_told_of_parameters_and_the_command_line_of_options():
    error = DataError(
        "is cut", where="--max-length", mend="give --dtype float32, or `gradsentry scan --json`"
    )
    assert error.line() == "--max-length: is cut; give --dtype float32, or `gradsentry scan --json`"
    assert str(error) == "`max_length`: is cut; give `dtype` float32, or `gradsentry scan --json`"
    rows = [{"prompt": "a", "completion": "b"}, {"question": "q", "answer": "z"}]
    with pytest.raises(DataError, match="or give `format` prompt-completion to leave the others unscored"):
        screen(rows)


def test_what_is_like_a_wrong_word_is_asked_for():
    assert errors.meaning_to_say("limt", ["limit", "out"]) == "did you mean `limit`? "
    assert errors.meaning_to_say("zzz", ["limit", "out"]) == ""
