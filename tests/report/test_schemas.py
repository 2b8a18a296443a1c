"""What `--json` prints and `--in-toto` states is what the package's schemas say, no key more or less."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

pytestmark = pytest.mark.costly

SCHEMAS = files("gradsentry") / "schemas"


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    beside = [
        (one.name, Resource.from_contents(json.loads(one.read_text("utf-8")))) for one in SCHEMAS.iterdir()
    ]
    return Draft202012Validator(schema, registry=Registry().with_resources(beside))


@pytest.mark.parametrize("name", ["verdict", "evidence"])
def test_the_files_of_runs(name, poisoned, clean_run, hostile_run):
    for run in (poisoned[0], clean_run, hostile_run):
        validator(name).validate(json.loads((run / f"{name}.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("options", [("--tau", 0.5), ("--method", "quantile"), ("--policy", "evidence")])
def test_what_threshold_prints(run, call, options):
    validator("verdict").validate(json.loads(call("threshold", run, *options, "--json").out))


def test_what_a_statement_of_a_scan_says(run, call, tmp_path):
    call("threshold", run, "--policy", "evidence", "--in-toto", tmp_path / "said.json")
    predicate = json.loads((tmp_path / "said.json").read_text())["predicate"]
    assert predicate["model"]["fingerprint"]
    validator("predicate").validate(predicate)
    assert not validator("predicate").is_valid(predicate | {"verdict": {}})


def test_what_evidence_prints(poisoned, call):
    printed = json.loads(call("evidence", poisoned[0].parent / "data.jsonl", "--json").out)
    assert printed["findings"][0]["surprise"] is None
    validator("evidence").validate(printed)


def test_a_schema_refuses_what_it_does_not_know(poisoned):
    verdict = json.loads((poisoned[0] / "verdict.json").read_text())
    assert not validator("verdict").is_valid(verdict | {"more": 1})
    del verdict["tau"]
    assert not validator("verdict").is_valid(verdict)
