"""Every error is one line that says what, where and the mend."""

from hypothesis import given
from hypothesis import strategies as st

from gradsentry import errors
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
