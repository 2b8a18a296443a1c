"""All that judges on the way to a training takes the accepted findings and the rate of false alarms."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest

from gradsentry import screen


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("trl", "screen_dataset"),
        ("trl", "ScreenCallback"),
        ("datasets", "drop_flagged"),
        ("llamafactory", "screen_entry"),
        ("axolotl", "screen_config"),
        ("datatrove", "ScreenFilter"),
        ("nemo_curator", "ScreenStage"),
    ],
)
def test_it_takes_what_screen_takes(module, name):
    judge = getattr(import_module(f"gradsentry.integrations.{module}"), name)
    judge = (
        judge.__init__ if inspect.isclass(judge) else judge
    )  # a library may have made its classes callable
    given, meant = inspect.signature(judge).parameters, inspect.signature(screen).parameters
    for option in ("accept", "false_alarm_rate"):
        assert given[option] == meant[option]
