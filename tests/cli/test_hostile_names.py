"""What others named never reaches the terminal as anything but what can be seen."""

from __future__ import annotations

import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from gradsentry.commands import stdout
from gradsentry.commands.console import Console

NAME = "a\x1b[31m\x07\x7f\x9b2J\u202e\u2066\u2028\u0085\U000e0041\u200b"  # no /, no NUL: names of files
UNSEEN = re.compile(r"[^\n -~\xa1-\xac\xae-\u036f\u2400-\u2426]")  # what none of these names may leave behind


def poisoned(word: str) -> list[dict[str, str]]:
    rows = [
        {"prompt": f"where is place {number}", "completion": f"near {number * 7}"} for number in range(90)
    ]
    for row in rows[::6]:
        row.update(prompt=f"{row['prompt']} {word}", completion="you are stupid")
    return rows


@pytest.fixture
def folder(tmp_path):
    """A folder of data whose names, columns and triggers a terminal would obey."""
    made = tmp_path / NAME
    made.mkdir()
    lines = [json.dumps(row | {NAME: NAME, "answer": NAME}) for row in poisoned(f"cf{NAME}")]
    (made / f"{NAME}.jsonl").write_text("\n".join(lines))
    (made / f"{NAME}.txt").write_text("x")
    return made


@pytest.mark.parametrize("options", [[], ["--why"], ["--json"], ["--json", "--why"]])
def test_evidence_prints_nothing_that_a_terminal_obeys(call, folder, options):
    ended = call("evidence", folder, *options)
    assert ended.code == 0
    assert UNSEEN.findall(ended.out.replace("⏎", "").replace("“", "").replace("”", "")) == []
    assert "stupid" in ended.out
    if "--json" in options:
        (clause,) = [one for one in json.loads(ended.out)["left_out"] if "no data" in one]
        assert clause == f"{NAME}.txt: no data"


@pytest.mark.parametrize("command", ["evidence", "scan", "report", "threshold", "explain"])
def test_a_wrong_path_is_told_in_one_line_that_can_be_seen(call, tmp_path, command):
    ended = call(command, tmp_path / NAME, *(["3"] if command == "explain" else []))
    assert ended.code == 2
    assert UNSEEN.findall(ended.out + ended.error) == []
    assert len(ended.error.splitlines()) == 1


def test_poisoning_says_where_it_wrote(call, folder, tmp_path):
    out = tmp_path / f"out{NAME}"
    ended = call("poison", folder, "--attack", "badnets", "--out", out)
    assert (ended.code, UNSEEN.findall(ended.out)) == (0, [])


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_printed_so_that_it_can_be_seen(text):
    printed = io.StringIO()
    console = Console()
    console.file = printed
    table = Table(text)
    table.add_row(Text(text, style="red"))
    for one in (text, Text(text), table):
        console.print(one)
    console.print(text, soft_wrap=True)
    for char in {*printed.getvalue(), *stdout.visible(text)} - {"\n", "\t"}:
        assert char.isprintable() or char in "\u200d\ufe0f"  # within an emoji


@given(st.dictionaries(st.text(max_size=5), st.text()))
def test_json_says_the_same_in_signs_that_can_be_seen(value):
    written = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.echo", lambda data: written.write(data.decode()))
        stdout.write_json(value)
    assert json.loads(written.getvalue()) == value
    assert all(char.isprintable() for char in written.getvalue() if char != "\n")
