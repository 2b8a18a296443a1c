"""The libraries that others build their pipelines with, which are installed beside the environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

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
