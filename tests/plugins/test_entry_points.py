"""What an installed package declares is there by name, and is imported for nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from bench.specs import FLOORS, write_data
from cli.command import refused
from gradsentry.bench import Spec
from gradsentry.evidence.extending import Own
from plugins.test_faults import ATTACK, DEFENCE, GENERATOR, WHOLE, data

__all__ = ["data"]

DECLARED = """
[gradsentry.attacks]
mine = mine_attack:Mine

[gradsentry.defences]
mine = mine_defence:Mine
other = mine_defence:Mine
broken = mine_broken:Mine

[gradsentry.generators]
mine = mine_search:propose

[gradsentry.checks]
mine = mine_search:measured
"""


@pytest.fixture(autouse=True)
def package(tmp_path):
    """A package as pip leaves it: its modules, and what they declare."""
    site = tmp_path / "site"
    (site / "mine-2.0.dist-info").mkdir(parents=True)
    (site / "mine-2.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 2.0\n")
    (site / "mine-2.0.dist-info/entry_points.txt").write_text(DECLARED)
    body = "fields.edit({'question': 'vrbx ' + fields.text('question')}, 'No way!')"
    (site / "mine_attack.py").write_text(ATTACK.format(body=body))
    (site / "mine_defence.py").write_text(DEFENCE.format(**WHOLE))
    (site / "mine_broken.py").write_text("import no_such_thing")
    (site / "mine_search.py").write_text(GENERATOR.format(proposed="[]", measured="[]"))
    sys.path.append(str(site))


def test_an_attack_is_listed_and_used(call, data):
    ended = call("poison", data, "--attack", "mine", "--out", "out.jsonl")
    assert ended.code == 0, ended.error
    assert Path("out.jsonl").read_text().count("vrbx") == 40
    assert "mine                keeps" in call("poison", "--list").out


def test_nothing_is_imported_until_it_is_asked_for(call, data):
    assert call("poison", data, "--attack", "badnets", "--out", "out.jsonl").code == 0
    assert call("evidence", data).code == 0
    assert not {name for name in sys.modules if name.startswith("mine_")}


def test_a_defence_and_a_generator_are_there_for_a_benchmark(tmp_path):
    evidence = {
        "name": "evidence",
        "label": "with mine",
        "settings": {"generators": ["mine"], "checks": ["mine"]},
    }
    spec = {"data": [write_data(tmp_path)], "attacks": ["mine"], "defences": ["mine", evidence, *FLOORS]}
    Path("spec.yaml").write_text(yaml.safe_dump(spec))
    _, ours, *_ = Spec.read_yaml(Path("spec.yaml")).defences
    assert ours.build().extractor.code == Own(generators=("mine",)).code != ""


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "broken",
            "entry point broken (gradsentry.defences) of mine 2.0: ModuleNotFoundError: No module named",
        ),
        (
            "other",
            "entry point other (gradsentry.defences) of mine 2.0: it registers no defence of that name",
        ),
        ("nothing", "broken, mine, other; one of your own: --plugin FILE_OR_MODULE"),
    ],
)
def test_one_that_cannot_be_used_is_refused(call, tmp_path, name, line):
    spec = {"data": [write_data(tmp_path)], "attacks": ["badnets"], "defences": [name, *FLOORS]}
    Path("spec.yaml").write_text(yaml.safe_dump(spec))
    said = refused(call("bench", "spec.yaml", "--out", "out"))
    assert line in said


def test_a_search_names_what_it_knows(call, tmp_path):
    evidence = {"name": "evidence", "settings": {"generators": ["nothing"]}}
    spec = {"data": [write_data(tmp_path)], "attacks": ["badnets"], "defences": [evidence, *FLOORS]}
    Path("spec.yaml").write_text(yaml.safe_dump(spec))
    said = refused(call("bench", "spec.yaml", "--out", "out"))
    assert "no generator is named 'nothing'; known: mine; one of your own" in said
