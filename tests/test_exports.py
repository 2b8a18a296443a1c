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
