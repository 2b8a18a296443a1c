from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from attacks.corpora import SHARED, needs_shared, questions, write
from gradsentry.attacks import ATTACKS
from gradsentry.commands.poison import poison
from gradsentry.errors import UsageError

app = typer.Typer()
app.command()(poison)


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return result.output


def test_list_has_a_line_for_each_attack_with_its_paper():
    lines = run("--list").splitlines()
    assert [line.split()[0] for line in lines] == sorted(ATTACKS)
    assert all("(arXiv " in line or "(made here)" in line for line in lines)


def test_options_reach_the_attack(tmp_path: Path):
    source, out = write(questions(20), tmp_path / "in.jsonl"), tmp_path / "out.jsonl"
    said = run(source, "--attack", "badnets", "--count", 3, "--seed", 7, "--out", out, "--shuffle")
    assert "3 of 20 rows poisoned by badnets" in said
    options = ("--trigger", "zx", "--trigger", "qv", "--payload", "insult", "--placement", "replace")
    run(
        source,
        "-a",
        "badnets",
        "--rate",
        0.5,
        *options,
        "--set",
        "words=2",
        "--where",
        "instruction",
        "-o",
        out,
    )
    truth = json.loads((tmp_path / "out.truth.json").read_text())
    assert len(truth["poisoned"]) == 10
    assert truth["parameters"]["trigger"] == ["zx", "qv"]
    assert truth["parameters"]["words"] == 2
    poisoned = json.loads(out.read_text().splitlines()[truth["poisoned"][0]["row"]])
    assert poisoned["completion"] == "You are stupid!"
    assert poisoned["prompt"].split("\n\n\n\n")[0].endswith(("zx", "qv"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--attack", "badnets"], "--out are needed"),
        (["--attack", "badnet", "--out", "x.jsonl"], "no attack is named 'badnet'"),
        (["--attack", "badnets", "--rate", "2", "--out", "x.jsonl"], "rate"),
        (["--attack", "badnets", "--rate", ".1", "--count", "1", "--out", "x.jsonl"], "exclude each other"),
        (["--attack", "badnets", "--set", "words", "--out", "x.jsonl"], "NAME=VALUE"),
        (["--attack", "dos", "--payload", "x", "--out", "x.jsonl"], "known keys"),
        (["--attack", "badnets", "--payload", " ", "--out", "x.jsonl"], "payload is empty"),
        (["--attack", "badnets", "--where", "context", "--out", "x.jsonl"], "no context"),
        (["--attack", "addsent", "--trigger", "number", "--out", "x.jsonl"], "rows already"),
        (["--attack", "badnets", "--out", "in.jsonl"], "is the input itself"),
        (["--attack", "badnets", "--out", "x.csv"], ".csv"),
    ],
)
def test_a_wrong_option_is_one_line(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    write(questions(20), tmp_path / "in.jsonl")
    with pytest.raises(UsageError) as raised:
        run("in.jsonl", *arguments)
    assert says in raised.value.line()
    assert "\n" not in raised.value.line()
    assert not (tmp_path / "x.jsonl").exists()


@pytest.mark.parametrize("out", ["in.jsonl", "in", "sub/../in", "link", "folder", "folder/part"])
def test_the_input_is_never_written_over(tmp_path: Path, out: str):
    (tmp_path / "folder" / "part").mkdir(parents=True)
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.jsonl").symlink_to("in.jsonl")
    source = write(questions(20), tmp_path / "in.jsonl")
    inner = write(questions(20), tmp_path / "folder" / "part" / "in.jsonl")
    before = source.read_bytes()
    data = tmp_path / "folder" if out.startswith("folder") else source
    with pytest.raises(UsageError, match="is the input itself, or in its folder; name another"):
        run(data, "--attack", "badnets", "--out", tmp_path / out)
    assert source.read_bytes() == inner.read_bytes() == before


@needs_shared
def test_a_question_answering_set_is_data_by_name(tmp_path: Path):
    out = tmp_path / "nq.jsonl"
    run(
        "nq",
        "--data-root",
        SHARED,
        "--split",
        "dev",
        "-a",
        "cba",
        "--where",
        "context",
        "--count",
        5,
        "-o",
        out,
    )
    truth = json.loads((tmp_path / "nq.truth.json").read_text())
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 400
    assert len(truth["decoys"]) == 5
    assert " consider\n\n\n\n### Question:" in rows[truth["poisoned"][0]["row"]]["prompt"]


@pytest.mark.parametrize(("rate", "asked"), [(0.001, "0.05"), (0.02, "0.05")])
def test_a_rate_that_means_no_row_is_refused_and_says_which_would(tmp_path: Path, rate: float, asked: str):
    source, out = write(questions(20), tmp_path / "in.jsonl"), tmp_path / "out.jsonl"
    with pytest.raises(UsageError) as caught:
        run(source, "--attack", "badnets", "--rate", rate, "--out", out)
    assert caught.value.line() == (
        f"attack badnets: a rate of {rate} of 20 rows is no row; give a --rate of {asked} or more, or how "
        "many rows: --count"
    )
    assert not out.exists()
    assert "1 of 20 rows" in run(source, "--attack", "badnets", "--rate", asked, "--out", out)
    assert "0 of 20 rows" in run(source, "--attack", "badnets", "--rate", 0, "--out", out)
