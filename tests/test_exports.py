"""The public surface, and that it is there before torch is."""

from __future__ import annotations

import subprocess
import sys

import pytest

import gradsentry
from gradsentry.about import VERSION


def test_the_public_names():
    assert gradsentry.__all__ == ["Verdict", "__version__", "find_evidence", "open_run", "scan", "screen"]
    from gradsentry.opening import open_run
    from gradsentry.outcome import Verdict
    from gradsentry.screening import scan

    assert (gradsentry.Verdict, gradsentry.open_run, gradsentry.scan) == (Verdict, open_run, scan)
    assert gradsentry.__version__ == VERSION
    assert set(gradsentry.__all__) <= set(dir(gradsentry))
    with pytest.raises(AttributeError, match="has no attribute 'scam'"):
        _ = gradsentry.scam


@pytest.mark.parametrize(
    "code",
    [
        "import gradsentry",
        "sys.argv = ['gradsentry', '--help']; from gradsentry.cli import main; main()",
    ],
)
def test_heavy_libraries_wait_until_they_are_needed(code):
    watched = (
        "import atexit, sys\n"
        "heavy = ('torch', 'transformers', 'datasets', 'scipy', 'pyarrow')\n"
        "atexit.register(lambda: print([name for name in heavy if name in sys.modules], file=sys.stderr))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", watched + code], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stderr == "[]\n"


def told(code):
    return subprocess.run(
        [sys.executable, "-c", f"import gradsentry, sys\n{code}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.costly
def test_integrations_are_there_as_they_are_called():
    named = "gradsentry.integrations.llamafactory.screen_entry, gradsentry.integrations.datasets.drop_flagged"
    assert told(named).stderr == ""
    assert told("print('integrations' in dir(gradsentry), dir(gradsentry.integrations)[-1])").stdout == (
        "True trl\n"
    )
    assert "has no attribute 'trI'" in told("gradsentry.integrations.trI").stderr


NONE_OF_TRANSFORMERS = """
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "transformers":
            raise ModuleNotFoundError(name=name)

sys.meta_path.insert(0, Without())
gradsentry.integrations.trl
"""


def test_an_integration_whose_library_is_missing_says_what_to_type():
    said = told(NONE_OF_TRANSFORMERS).stderr
    assert "transformers is not installed; pip install 'gradsentry[scan]'" in said
