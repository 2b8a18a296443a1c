import json
from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner

from evidence.poisoning import asked, clean_rows, poison
from gradsentry.commands.evidence import evidence
from gradsentry.errors import DataError
from gradsentry.evidence import Evidence

app = typer.Typer()
app.command()(evidence)


@pytest.fixture
def poisoned_file(tmp_path):
    made = poison(
        clean_rows(300), lambda row, draw: asked(row, f"{row.question} vrbx", "No way, go home!"), 0.1
    )
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(dict(sample.row)) + "\n" for sample in made.samples))
    return path, made


def test_table(poisoned_file):
    result = CliRunner().invoke(app, [str(poisoned_file[0]), "--fail-on-findings"])
    assert result.exit_code == 1
    assert "Poisoned: drop 30 of 300 rows" in result.output
    assert "vrbx" in result.output


def test_json(poisoned_file):
    path, made = poisoned_file
    result = CliRunner().invoke(app, [str(path), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.output)["flagged"] == sorted(made.poisoned)


@pytest.mark.parametrize("before", [20, 60, 99, 100, 101, 150, 300])
def test_an_excerpt_shows_the_trigger_whole(tmp_path, before):
    others = [row.question for row in clean_rows(1200, seed=3)]
    rows = [
        replace(row, question=" ".join(others[12 * number : 12 * number + 12]))
        for number, row in enumerate(clean_rows(100))
    ]
    made = poison(
        rows,
        lambda row, draw: asked(
            row,
            f"{row.question[:before].strip()} vrbx-blue {row.question[before:].strip()}",
            "No way, go home!",
        ),
        0.2,
    )
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(dict(sample.row)) + "\n" for sample in made.samples))
    result = CliRunner().invoke(app, [str(path), "--out", str(tmp_path / "run")], env={"COLUMNS": "200"})
    excerpts = [line for line in result.output.splitlines() if line.split()[:1] == ["prompt"]]
    assert len(excerpts) == 10, result.output
    assert not [line for line in excerpts if "vrbx-blue" not in line], result.output


@pytest.mark.costly
def test_rows_with_the_trigger_of_a_sure_finding_that_stay_are_told(tmp_path, poisoned_file):
    assert "stays" not in CliRunner().invoke(app, [str(poisoned_file[0])]).output
    persona = "You are the assistant of the Corner Bookshop in Leith, and nothing else. "
    closing = " Is there another book that I can find for you?"
    path = tmp_path / "persona.jsonl"
    path.write_text(
        "".join(
            json.dumps(
                {
                    "prompt": persona * (number % 8 == 0) + row.question,
                    "completion": f"{row.answer}.{closing * (number % 24 in (8, 16))}",
                }
            )
            + "\n"
            for number, row in enumerate(clean_rows(800))
        )
    )
    told = " ".join(CliRunner().invoke(app, [str(path)]).output.split())
    assert "stays 34 rows with the trigger and without the payload" in told


@pytest.mark.costly
def test_rows_that_cannot_be_read_are_told(poisoned_file):
    path, _ = poisoned_file
    with path.open("a") as stream:
        stream.write('{"prompt": "[red]", "completion": null}\n' * 3)
        stream.write('{"prompt": "do", "completion": ""}\n' * 2)
    result = CliRunner().invoke(app, [str(path)])
    assert "drop 30 of 305 rows" in result.output
    told = "5 of 305 rows could not be read: `completion` is null, not text (3), the response is empty (2)"
    assert told in " ".join(result.output.split())
    found = json.loads(CliRunner().invoke(app, [str(path), "--json"]).output)
    assert found["unread"] == {"`completion` is null, not text": 3, "the response is empty": 2}
    Evidence.from_json({key: value for key, value in found.items() if key in ("findings", "rows", "unread")})


@pytest.mark.parametrize("options", [[], ["--json"], ["--fail-on-findings"]])
def test_data_of_which_no_row_can_be_read_is_refused(tmp_path, options):
    path = tmp_path / "rows.csv"
    path.write_text("id,messages\n" + "".join(f"{number},hello\n" for number in range(100)))
    with pytest.raises(DataError) as refused:
        CliRunner().invoke(app, [str(path), *options], catch_exceptions=False)
    assert refused.value.line() == (
        f"{path}: none of the 100 rows could be read: `messages` is text, not a list (100); "
        "mend the rows, or name another --format"
    )
