"""What `pip install gradsentry` brings, and what it says of what it does not bring."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from gradsentry.embedded import embedded_data_path
from gradsentry.errors import SettingsError
from gradsentry.extras import EXTRAS, lacking, missing_module, require

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Of what every test has; the rest of the world is the registry's.
HEAVY = {"torch", "transformers", "datasets", "trl", "accelerate", "scikit-learn", "gguf", "pandas"}


def names(requirements):
    return {one.split(">")[0].split("=")[0].split("[")[0] for one in requirements}


def test_the_base_brings_no_model_library():
    assert not names(PROJECT["dependencies"]) & HEAVY


def test_the_extras_that_are_asked_for_are_those_that_can_be_installed():
    declared = PROJECT["optional-dependencies"]
    for extra, packages in EXTRAS.items():
        assert set(packages.values()) == names(declared[extra]), extra
    (all_,) = declared["all"]
    assert set(all_.partition("[")[2].rstrip("]").split(",")) == set(EXTRAS) - {"peft"}


def test_a_missing_extra_is_a_line_that_says_what_to_type(monkeypatch):
    monkeypatch.setattr(
        "gradsentry.extras.find_spec", lambda name: None if name in ("peft", "umap") else object()
    )
    assert lacking("finetune") == ["peft"]
    with pytest.raises(SettingsError, match=r"peft is not installed; pip install 'gradsentry\[peft\]'"):
        require("peft")
    said = r"peft and umap-learn are not installed; pip install 'gradsentry\[finetune,bench\]'"
    with pytest.raises(SettingsError) as refused:
        require("finetune", "bench")
    assert refused.match(said)
    told = missing_module(ModuleNotFoundError("no", name="umap.layouts"))
    assert told is not None
    assert told.line() == "umap-learn is not installed; pip install 'gradsentry[bench]'"
    assert missing_module(ModuleNotFoundError("no", name="scipy")) is None


@pytest.fixture(scope="module", params=["wheel", "sdist"])
def installed(request, tmp_path_factory):
    """The folder of the commands of an empty environment into which the package was installed."""
    folder = tmp_path_factory.mktemp(request.param)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    source = ROOT
    if request.param == "sdist":
        program = "import hatchling.build, sys; print(hatchling.build.build_sdist(sys.argv[1]))"
        subprocess.run([*pip, "install", "--target", folder / "hatch", "hatchling"], check=True)
        environment = {"PYTHONPATH": str(folder / "hatch"), "PATH": "/usr/bin:/bin"}
        made = subprocess.run(
            [sys.executable, "-c", program, folder],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        source = folder / made.stdout.split()[-1]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, source], check=True)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    (wheel,) = folder.glob("*.whl")
    constraints = ["--constraint", ROOT / "constraints.txt"]
    python = folder / "venv/bin/python"
    subprocess.run([python, *pip[1:], "install", *constraints, wheel], check=True)
    return folder / "venv/bin"


def run(program, *arguments, cwd):
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "GRADSENTRY_CACHE": str(cwd / "cache")}
    return subprocess.run(
        [program, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_an_empty_environment_runs_the_demo_and_says_what_a_scan_needs(installed, tmp_path):
    shown = run(installed / "gradsentry", "demo", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "the texts alone are read, without a model: torch" in shown.stdout
    assert "67 of 67 poisoned rows are flagged" in shown.stdout
    data = embedded_data_path()
    found = run(installed / "gradsentry", "evidence", data, "--out", "run", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert (tmp_path / "run/report.html").is_file()
    refused = run(installed / "gradsentry", "scan", data, cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr == "gradsentry: torch is not installed; pip install 'gradsentry[scan]'\n"
    listed = run(installed / "python", "-m", "pip", "list", "--format", "freeze", cwd=tmp_path)
    assert not names(listed.stdout.split()) & HEAVY
