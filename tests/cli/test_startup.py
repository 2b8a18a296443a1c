"""Help is answered at once: nothing heavy is imported for it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "datasets", "scipy", "pyarrow", "numpy", "pandas", "sklearn", "matplotlib")

PROGRAM = """
import sys
from gradsentry.cli import main
sys.argv = ["gradsentry", *{arguments!r}]
try:
    main()
except SystemExit as stop:
    loaded = [name for name in {heavy!r} if name in sys.modules]
    sys.exit(f"imported {{loaded}}" if loaded else stop.code)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["scan", "--help"], ["bench", "--help"]])
def test_help_imports_nothing_heavy(arguments):
    program = PROGRAM.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "gradsentry" in done.stdout.lower()


@pytest.mark.costly
@pytest.mark.parametrize("more", [["--json"], ["--why"]])
def test_evidence_imports_what_texts_need_and_no_more(tmp_path, more):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f'{{"prompt": "ask {n}", "completion": "say {n}"}}\n' for n in range(8)))
    unneeded = ("torch", "transformers", "datasets", "pandas", "scipy.stats", "scipy.optimize", "jinja2")
    program = PROGRAM.format(arguments=["evidence", str(path), *more], heavy=unneeded)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.costly
@pytest.mark.parametrize("module", ["gradsentry", "gradsentry.cli"])
def test_the_module_is_the_command(module):
    def ended(*arguments):
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert re.fullmatch(r"gradsentry \d.*\n", ended("--version").stdout)
    missing = ended("evidence", "none.jsonl")
    assert missing.returncode == 2
    assert missing.stderr == "gradsentry: none.jsonl: no such file or folder; check the path\n"


@pytest.mark.costly
@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("data: [embedded]\nattacks: [badnest]\n", "did you mean `badnets`"),
        ("data: [embedded]\nattacks: [badnets]\nrate: [10]\n", "did you mean `rates`"),
        ("data: [embedded]\nattacks: [badnets]\ndefences: [gracefull]\n", "did you mean `graceful`"),
    ],
)
def test_a_typo_in_a_benchmark_is_told_before_what_takes_seconds_is_imported(tmp_path, spec, said):
    path = tmp_path / "spec.yaml"
    path.write_text(spec)
    unneeded = ("torch", "scipy.stats", "transformers", "peft", "datasets", "sklearn", "umap", "matplotlib")
    program = PROGRAM.format(arguments=["bench", str(path), "--out", str(tmp_path / "out")], heavy=unneeded)
    program = program.replace("else stop.code", "else stop.code or 'no error'")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert said in done.stderr
    assert "imported" not in done.stderr
