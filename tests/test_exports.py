"""The public surface, and that it is there before torch is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

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
        "import gradsentry; gradsentry.settings.ScoreSettings, gradsentry.errors.GradSentryError",
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


API = Path(__file__).parents[1] / "docs/api.md"
NAMED = re.findall(r"^::: (\S+)$", API.read_text(encoding="utf-8"), re.M)


@pytest.mark.costly
@pytest.mark.parametrize("module", sorted({name.rpartition(".")[0] for name in NAMED}))
def test_a_name_of_the_page_can_be_used_after_the_import_of_the_package_alone(module):
    library = module.rpartition(".")[2]
    if library in ("datatrove", "nemo_curator"):
        pytest.importorskip(library)
    said = told("\n".join(name for name in NAMED if name.rpartition(".")[0] == module))
    assert (said.returncode, said.stderr) == (0, "")
    assert {"settings", "errors", "evidence"} <= set(dir(gradsentry))


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
