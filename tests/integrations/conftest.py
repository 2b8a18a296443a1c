"""The libraries that others build their pipelines with, which are installed beside the environment."""

from __future__ import annotations

import json
import os
import sys
from importlib import resources
from pathlib import Path

import pytest

from gradsentry.evidence.calibration import Calibration

PIPELINES = Path(sys.prefix) / "pipelines"
"""Where `make install` puts them, each without what it depends on, for that pins another torch."""


@pytest.fixture(scope="module", autouse=True)
def pipelines():
    """The path to these libraries, for one module of tests."""
    before = [*sys.path]
    sys.path.append(str(PIPELINES))
    yield PIPELINES
    sys.path[:] = before


# Read when they are imported; none of them may look for another version, or call home.
os.environ |= {"DISABLE_VERSION_CHECK": "1", "AXOLOTL_DO_NOT_TRACK": "1", "DO_NOT_TRACK": "1"}


@pytest.fixture
def strict(tmp_path) -> Path:
    """A calibration of its own, by which clean corpora show everything."""
    shipped = json.loads((resources.files("gradsentry.evidence") / "calibration.json").read_text())
    for kind in shipped["kinds"].values():
        kind["intercept"] = -1000.0
    file = tmp_path / "strict.json"
    file.write_text(json.dumps(shipped | {"source": "strict ones"}))
    assert Calibration.from_file(file).source == "strict ones"
    return file
