"""Fixtures that more than one subject needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from gradsentry.models.loading import LoadedModel, load_model, quiet_libraries

# No test reaches for the Hub, and libraries read this when they are imported.
os.environ["HF_HUB_OFFLINE"] = "1"
quiet_libraries()
# A deadline for an example measures what else the machine does; the tests have one of their own.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture(scope="session", autouse=True)
def the_same_on_every_processor() -> Iterator[None]:
    """Lets `auto` be float32: what is expected of a score must not depend on the processor."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gradsentry.models.loading.multiplies_in_bfloat16", lambda: False)
        yield


@pytest.fixture(scope="session")
def embedded() -> LoadedModel:
    """The embedded model, in float32 on the CPU; change nothing in it."""
    return load_model("smollm2", device="cpu", dtype="float32")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The directory of public data sets beside the repository; a clone by itself has none."""
    path = Path(__file__).parents[2] / "shared" / "data"
    if not path.is_dir():
        pytest.skip("no ../shared/data beside the repository")
    return path
