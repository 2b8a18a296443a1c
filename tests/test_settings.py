"""Settings are frozen and validated once; what is wrong is named in one line, wherever it came from."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from gradsentry.errors import SettingsError
from gradsentry.settings import DataSettings, MessageKeys, ScoreSettings, ThresholdSettings
from gradsentry.validated import Settings


def refusal(kind: type[Settings], **values: object) -> str:
    with pytest.raises(SettingsError) as caught:
        kind.read(values, where="here")
    line = caught.value.line()
    assert len(line.splitlines()) == 1
    return line


@pytest.mark.parametrize("kind", [DataSettings, ScoreSettings, ThresholdSettings])
def test_no_value_gives_the_defaults(kind):
    assert kind.read({}, where="here") == kind()


@pytest.mark.parametrize("kind", [DataSettings, ScoreSettings, ThresholdSettings])
def test_frozen(kind):
    settings = kind()
    with pytest.raises(ValidationError):
        setattr(settings, next(iter(kind.model_fields)), None)


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        (ScoreSettings, "crop", 0),
        (ScoreSettings, "crop", 1.5),
        (ScoreSettings, "crop", "eight"),
        (ScoreSettings, "k", 1),
        (ScoreSettings, "max_length", 7),
        (ScoreSettings, "dtype", "int8"),
        (ScoreSettings, "token_budget", 0),
        (ScoreSettings, "model", None),
        (ThresholdSettings, "tau", -0.001),
        (ThresholdSettings, "tau", 1.001),
        (ThresholdSettings, "tau", math.nan),
        (ThresholdSettings, "tau", math.inf),
        (ThresholdSettings, "quantile", 0.0),
        (ThresholdSettings, "quantile", 1.0),
        (ThresholdSettings, "method", "guess"),
        (DataSettings, "format", 3),
    ],
)
def test_a_wrong_value_is_named_with_its_key(kind, key, value):
    line = refusal(kind, **{key: value})
    assert line.startswith(f"here: {key}: ")
    assert f"(given: {value!r})" in line
    assert line.endswith(f"; known keys: {', '.join(kind.model_fields)}")


@pytest.mark.parametrize("tau", [0, 0.0, 1, 1.0])
def test_the_ends_of_the_range_are_in_it(tau):
    assert ThresholdSettings(tau=tau).tau == tau


def test_a_misspelt_key_is_no_key():
    line = refusal(ScoreSettings, maxlength=100)
    assert line.startswith(
        "here: maxlength: no such key; did you mean `max_length`? known keys: model, crop,"
    )


def test_all_that_is_wrong_is_said_at_once_with_the_keys_that_stand_there():
    keys = {"rol": "x", "roles": {}}
    line = refusal(DataSettings, spilt="x", limit=0, keys=keys)
    assert "spilt: no such key (did you mean `split`?); " in line
    assert "limit: Input should be greater than or equal to 1 (given: 0)" in line
    assert "keys.rol: no such key (did you mean `role` or `roles`?)" in line
    assert "known keys of keys: role, content, roles," in line
    assert "; known keys: max_bytes," in line
    many = refusal(ScoreSettings, **{f"x{number}": 1 for number in range(14)})
    assert "x9: no such key; and 4 more; known keys: model," in many


def test_a_wrong_entry_alone_is_named_with_its_own_keys():
    line = refusal(DataSettings, keys={"rol": "x"})
    assert line == (
        "here: keys.rol: no such key; did you mean `role` or `roles`? "
        f"known keys: {', '.join(MessageKeys.model_fields)}"
    )


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"tau: 2\n", "tau: Input should be less than or equal to 1 (given: 2)"),
        (b"- tau\n", "holds no mapping"),
        (b"", "holds no mapping"),
        (b"tau: [\n", "cannot be read as YAML"),
        (b"tau: \xff\n", "cannot be read as YAML"),
        (b"!!python/object/apply:os.getcwd []\n", "cannot be read as YAML"),
        (None, "cannot be read (No such file or directory); check the path"),
    ],
)
def test_a_broken_file(tmp_path, content, what):
    path = tmp_path / "settings.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        ThresholdSettings.read_yaml(path)
    assert caught.value.line().startswith(f"{path}: {what}")
    assert len(caught.value.line().splitlines()) == 1


def test_a_file(tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text("method: quantile\nquantile: 0.9\n")
    assert ThresholdSettings.read_yaml(path) == ThresholdSettings(method="quantile", quantile=0.9)


def settings_kinds() -> list[type[Settings]]:
    """Those of the package itself; attacks and defences go by their names and have tests of their own."""
    return [kind for kind in Settings.__subclasses__() if kind.__module__ == Settings.__module__]


@pytest.mark.parametrize("kind", settings_kinds(), ids=lambda kind: kind.__name__)
def test_settings_made_in_python_are_refused_in_one_line_of_ours(kind):
    with pytest.raises(SettingsError, match=f"^{kind.__name__}: .*no_such_key: no such key") as caught:
        kind(no_such_key=1)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (
            {"promt": "ask", "response": "say"},
            "promt is nothing that is read; did you mean `prompt`? known are",
        ),
        (
            {"ask": "prompt", "say": "response"},
            "ask is nothing that is read; known are prompt, query, response",
        ),
        ({}, "Dictionary should have at least 1 item"),
        ({"prompt": 3}, "columns.prompt: Input should be a valid string (given: 3)"),
        (
            {"prompt": "ask", "response": "say", "completion": "say"},
            "response and completion are one; name it once",
        ),
    ],
)
def test_wrong_columns_made_in_python_are_one_line(columns, said):
    with pytest.raises(SettingsError) as caught:
        DataSettings(columns=columns)
    assert str(caught.value).startswith("DataSettings: columns")
    assert said in str(caught.value)
    assert said in refusal(DataSettings, columns=columns)


def test_a_completion_is_a_response():
    named = DataSettings(columns={"prompt": "ask", "completion": "say"})
    assert named == DataSettings(columns={"prompt": "ask", "response": "say"})


def test_settings_within_others_are_refused_where_the_whole_stands():
    assert refusal(DataSettings, keys={"rol": "x"}).startswith(
        "here: keys.rol: no such key; did you mean `role`"
    )
