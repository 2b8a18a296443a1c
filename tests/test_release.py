"""What a release is made of: one version, one home, and files that those who read them take."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from check_jsonschema.schema_loader import BuiltinSchemaLoader
from jsonschema.validators import validator_for

import gradsentry
from gradsentry.about import VERSION

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RELEASE = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
PLACEHOLDER = "OWNER/gradsentry"
# The places that carry where the project lives; CONTRIBUTING.md says how they are changed.
AT_HOME = {"pyproject.toml", "CITATION.cff", "README.md", "docs/ci.md"}
URLS = PROJECT["project"]["urls"]
TELL_OF_IT = {"CONTRIBUTING.md", ".github/workflows/release.yml", "tests/test_release.py"}


def test_the_version_stands_in_one_place():
    assert "version" not in PROJECT["project"]
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "src/gradsentry/about.py"
    assert gradsentry.__version__ == VERSION
    assert re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", VERSION)


def test_what_has_to_repeat_it_says_the_same():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == VERSION
    assert f"  version = {{{VERSION}}}," in (ROOT / "README.md").read_text()
    page = (ROOT / "docs/ci.md").read_text()
    assert set(re.findall(r"gradsentry@v(\S+)|rev: v(\S+)", page)) == {(VERSION, ""), ("", VERSION)}


def test_the_changelog_has_it_as_the_last_version():
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert headings[0] in ("Unreleased", headings[-1])
    released = [
        re.fullmatch(r"(\d+\.\d+\.\d+) \(\d{4}-\d{2}-\d{2}\)", one) for one in headings if one != "Unreleased"
    ]
    assert all(released)
    versions = [tuple(map(int, one[1].split("."))) for one in released]
    assert versions == sorted(set(versions), reverse=True)
    assert released[0][1] == VERSION


def test_where_the_project_lives_stands_in_few_places():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("no checkout")
    files = [name for name in tracked.stdout.splitlines() if (ROOT / name).is_file()]
    home = URLS["Repository"].removeprefix("https://github.com/").encode()
    holding = {name for name in files if home in (ROOT / name).read_bytes()}
    assert AT_HOME <= holding <= AT_HOME | TELL_OF_IT
    assert all(url.startswith(URLS["Repository"]) for url in URLS.values())


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("citation-file-format", "CITATION.cff"),
        ("github-workflows", ".github/workflows/release.yml"),
        ("github-actions", "action.yml"),
        ("github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
        *(
            ("github-issue-forms", f".github/ISSUE_TEMPLATE/{name}.yml")
            for name in ("bug", "finding", "idea")
        ),
    ],
)
def test_files_for_others_follow_their_schemas(schema, file):
    rules = BuiltinSchemaLoader(f"vendor.{schema}").get_schema()
    # As JSON has it: a date that YAML knows is a text there.
    value = json.loads(
        json.dumps(
            yaml.load(
                (ROOT / file).read_text(),
                Loader=yaml.BaseLoader if schema == "citation-file-format" else yaml.SafeLoader,
            )
        )
    )
    if True in value or "true" in value:  # the `on` of a workflow, which YAML 1.1 takes for a truth
        value["on"] = value.pop("true")
    validator_for(rules)(rules).validate(value)


def test_publishing_needs_no_secret_and_comes_after_the_tests():
    jobs = RELEASE["jobs"]
    assert RELEASE["permissions"] == {"contents": "read"}
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert (jobs["publish"]["needs"], jobs["test"]["needs"]) == ("test", "build")
    assert "secrets." not in json.dumps(jobs)
    steps = [step for job in jobs.values() for step in job["steps"]]
    assert all(
        re.fullmatch(r"[\w-]+/[\w-]+@v\d+(\.\d+\.\d+)?", step["uses"]) for step in steps if "uses" in step
    )
    assert steps[-1]["uses"].startswith("pypa/gh-action-pypi-publish@")
    listed = {
        one.rpartition(" ")[2] for one in PROJECT["project"]["classifiers"] if re.search(r":: 3\.\d+$", one)
    }
    assert set(jobs["test"]["strategy"]["matrix"]["python"]) == listed


@pytest.mark.parametrize(("tag", "code"), [(f"v{VERSION}", 0), ("v9.9.9", 1)])
def test_a_tag_that_is_not_the_version_is_refused(tag, code):
    (step,) = (one for one in RELEASE["jobs"]["build"]["steps"] if "not the version" in one.get("name", ""))
    ended = subprocess.run(
        ["bash", "-e", "-c", step["run"]], cwd=ROOT, env=os.environ | {"GITHUB_REF_NAME": tag}, check=False
    )
    assert ended.returncode == code


def test_a_placeholder_is_not_published(tmp_path):
    (step,) = (one for one in RELEASE["jobs"]["build"]["steps"] if "placeholder" in one.get("name", ""))

    def ended() -> int:
        return subprocess.run(
            ["bash", "-e", "-c", step["run"]], cwd=tmp_path, capture_output=True, check=False
        ).returncode

    for name in TELL_OF_IT:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(PLACEHOLDER)
    assert ended() == 0
    (tmp_path / "pyproject.toml").write_text(PLACEHOLDER)
    assert ended() == 1


def test_the_command_of_the_release_section_replaces_it_everywhere(tmp_path):
    text = (ROOT / "CONTRIBUTING.md").read_text()
    (line,) = re.findall(r"^ {4}(sed .*OWNER/gradsentry.*)$", text, re.M)
    named = set(line.split("' ")[-1].split("#")[0].split())
    assert named == AT_HOME
    for name in named:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(["bash", "-e", "-c", line], cwd=tmp_path, check=True)
    assert all(
        b"OWNER" not in (tmp_path / name).read_bytes().replace(b"# OWNER: where the project lives", b"")
        for name in named
    )
    urls = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]["urls"]
    assert urls["Repository"] == "https://github.com/your-name/gradsentry"


def test_the_citation_has_the_day_of_its_version():
    cited = yaml.load((ROOT / "CITATION.cff").read_text(), Loader=yaml.BaseLoader)
    assert f"## {cited['version']} ({cited['date-released']})" in (ROOT / "CHANGELOG.md").read_text()
