"""Limits that the environment sets: named where they are passed, and refused where they are none."""

from __future__ import annotations

import pytest

from gradsentry.encoding.bounds import CostlyTemplateError, bounded
from gradsentry.errors import SettingsError
from gradsentry.limits import Limit
from gradsentry.yamlfiles import parsed_yaml


def test_yaml(monkeypatch):
    text = "[" + "a, " * 50 + "a]"
    assert parsed_yaml(text) == ["a"] * 51
    for variable, value in (("GRADSENTRY_YAML_CHARACTERS", 100), ("GRADSENTRY_YAML_VALUES", 40)):
        with monkeypatch.context() as patch:
            patch.setenv(variable, str(value))
            with pytest.raises(ValueError, match=f"more than {value} .*; {variable} sets the limit"):
                parsed_yaml(text)
            patch.setenv(variable, "1e9")
            assert parsed_yaml(text) == ["a"] * 51


def test_a_template(monkeypatch):
    monkeypatch.setenv("GRADSENTRY_TEMPLATE_SECONDS", "0.2")
    with pytest.raises(CostlyTemplateError, match=r"than 0\.2 s .*; GRADSENTRY_TEMPLATE_SECONDS sets"):
        _for_ever()
    monkeypatch.setenv("GRADSENTRY_TEMPLATE_MIB", "64")
    with pytest.raises(CostlyTemplateError, match=r"than 64 MiB .*; GRADSENTRY_TEMPLATE_MIB sets"):
        _much()


@bounded()
def _for_ever():
    while True:
        pass


@bounded()
def _much():
    return bytearray(1 << 28)


@pytest.mark.parametrize("value", ["", "0", "-1", "many", "nan"])
def test_what_is_no_limit_is_refused(monkeypatch, value):
    monkeypatch.setenv("X_LIMIT", value)
    limit = Limit("X_LIMIT", 7)
    if not value:
        assert limit.value == 7
        return
    with pytest.raises(SettingsError) as caught:
        _ = limit.value
    assert caught.value.line() == f"X_LIMIT: is no limit: {value}; give a number above 0; the usual one is 7"
