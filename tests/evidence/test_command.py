import json

import pytest
import typer
from typer.testing import CliRunner

from evidence.poisoning import asked, clean_rows, poison
from gradsentry.commands.evidence import evidence

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
    assert "poisoned - 1 findings; drop 30 of 300 rows" in result.output
    assert "vrbx" in result.output


def test_json(poisoned_file):
    path, made = poisoned_file
    result = CliRunner().invoke(app, [str(path), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.output)["flagged"] == sorted(made.poisoned)
