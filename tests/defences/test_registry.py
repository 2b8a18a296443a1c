"""Which defences there are, and what they say of themselves."""

from __future__ import annotations

import inspect

import pytest

from gradsentry.defences import DETECTORS, Detector, detector_named
from gradsentry.errors import SettingsError

FLOORS = {"response_length", "loss"}
WITHOUT_A_PAPER = FLOORS | {"evidence", "scan"}


def test_the_registry_holds_ours_the_floors_and_the_baselines():
    assert set(DETECTORS) == FLOORS | {
        "gradsentry",
        "gradsentry_full",
        "evidence",
        "scan",
        "ifd",
        "rftc",
        "graceful",
        "cube",
        "onion",
        "spectral_signature",
        "activation_clustering",
        "strip",
    }


@pytest.mark.parametrize("name", DETECTORS)
def test_each_names_its_paper_and_what_it_needs(name: str):
    detector = DETECTORS[name]
    assert detector.needs
    assert (detector.paper is None) == (name in WITHOUT_A_PAPER)
    if detector.paper is not None:
        assert detector.paper.arxiv in (inspect.getdoc(inspect.getmodule(detector)) or "") + str(
            detector.paper
        )


@pytest.mark.parametrize("name", DETECTORS)
def test_no_step_takes_the_truth(name: str):
    for step, known in (("judge", ["self", "features"]), ("decide", ["self", "scores"])):
        assert list(inspect.signature(getattr(DETECTORS[name], step)).parameters) == known
    assert DETECTORS[name].score is Detector.score


def test_an_unknown_name_or_setting_is_refused():
    with pytest.raises(SettingsError, match=r"known: .*graceful"):
        detector_named("magic")
    with pytest.raises(SettingsError, match="known keys"):
        detector_named("strip").read({"mixs": 3}, where="defence strip")
