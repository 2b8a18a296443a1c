"""Options from a file, columns of other names, the first rows, standard input, patterns, URLs, and help."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import fsspec
import pytest

from cli.command import refused

ROWS = [{"id": f"r{n}", "ask": f"What is {n} and {n}?", "say": f"It is {2 * n}."} for n in range(12)]
KNOWN = [{"id": row["id"], "prompt": row["ask"], "completion": row["say"]} for row in ROWS]


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def data(tmp_path):
    return written(tmp_path / "rows.jsonl", KNOWN)


def looked_at(ended):
    assert ended.code == 0, ended
    return json.loads(ended.out)["rows"]


def test_a_file_of_options_gives_way_to_what_is_typed(data, tmp_path, call):
    options = tmp_path / "options.yaml"
    options.write_text(f"data: {data}\nlimit: 7\njson: true\nfalse-alarm-rate: 0.02\n")
    found = json.loads(call("evidence", "--config", options).out)
    assert (found["rows"], found["false_alarm_rate"]) == (7, 0.02)
    assert looked_at(call("evidence", "--config", options, "--limit", 9)) == 9


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("limt: 7", "evidence has no option `limt`; did you mean `limit` or `split`? known are accept, "),
        ("config: x", "evidence has no option `config`"),
        ("- limit", "holds no mapping"),
        ("limit: {", "cannot be read as YAML"),
        ("limit: many", "options.yaml: limit: is 'many' (Input should be a valid integer"),
        ("limit: 0", "options.yaml: limit: is 0 (Input should be greater than or equal to 1"),
        ("limit: 7.5", "options.yaml: limit: is 7.5 (Input should be a valid integer"),
        ("limit: true", "options.yaml: limit: cannot be true or false; write one text or number"),
        ("limit:", "options.yaml: limit: has no value; write one, or leave the line out"),
        ("limit: [1, 2]", "options.yaml: limit: cannot be a list; write one text or number"),
        ("data: {a: b}", "options.yaml: data: cannot be a mapping; write a text or a number, or a list"),
        ("data: [{a: b}]", "options.yaml: data: cannot be a mapping"),
        ("out: {a: b}", "options.yaml: out: cannot be a mapping"),
        ("split: 2026-01-01", "options.yaml: split: cannot be of type date; write one text"),
        ("json: 7", "options.yaml: json: is 7, no yes or no; write true or false"),
        (
            "fail-on: bad",
            "options.yaml: fail-on: is 'bad' ('bad' is not one of 'suspicious', 'poisoned'); see",
        ),
        ("false-alarm-rate: 3", "options.yaml: false-alarm-rate: is 3 (Input should be less than"),
        # What no type tells, the library does, and the file is named all the same.
        ("max-bytes: -3", "options.yaml: max_bytes: Input should be greater than or equal to 1 (given: -3)"),
        ("columns: ask", "options.yaml: --columns: cannot be read: ask; write prompt=COLUMN"),
        ("format: alpca", "options.yaml: --format: unknown format `alpca`; did you mean `alpaca`? choose"),
        ("calibration: nope.json", "options.yaml: nope.json: cannot be read (No such file or directory); "),
        ("sarif: /dev/null", "options.yaml: --sarif /dev/null: is no ordinary file; name a file"),
    ],
)
def test_a_wrong_file_of_options_is_one_line(data, tmp_path, call, content, said):
    (tmp_path / "options.yaml").write_text(content)
    assert said in refused(call("evidence", data, "--config", tmp_path / "options.yaml"))


def test_text_in_a_file_of_options_is_read_as_what_is_typed(data, tmp_path, call):
    options = tmp_path / "options.yaml"
    options.write_text(f"data: ['{data}']\nlimit: '7'\njson: true\nfalse-alarm-rate: '0.02'\n")
    found = json.loads(call("evidence", "--config", options).out)
    assert (found["rows"], found["false_alarm_rate"]) == (7, 0.02)


def test_a_file_of_options_is_not_blamed_for_what_is_typed(data, tmp_path, call):
    (tmp_path / "options.yaml").write_text("format: alpaca\nlimit: 7")
    line = refused(call("evidence", data, "--config", tmp_path / "options.yaml", "--format", "alpca"))
    assert line.startswith("--format: unknown format `alpca`")


def test_a_file_that_is_not_there_says_what_to_check(data, call):
    for option in ("--config", "--calibration"):
        line = refused(call("evidence", data, option, "nope.yaml"))
        assert line.startswith("nope.yaml: cannot be read (No such file or directory); check the path")


def test_what_is_mistyped_is_guessed(data, call):
    assert refused(call("evidense", data)) == (
        "No such command 'evidense'; did you mean evidence? see gradsentry --help"
    )
    assert refused(call("evidence", data, "--jsn")) == (
        "No such option: --jsn; did you mean --json or --junit? see gradsentry evidence --help"
    )
    assert refused(call("zzz")) == "No such command 'zzz'; see gradsentry --help"


def test_every_option_of_a_command_can_stand_in_a_file(data, tmp_path, call):
    said = refused(call("evidence", data, "--config", written(tmp_path / "x.yaml", [{"x": 1}])))
    known = set(said.partition("known are ")[2].split(", "))
    help_ = call("evidence", "--help").out
    options = {word.removeprefix("--") for word in help_.split() if word.startswith("--")}
    assert options - {"config", "help"} <= known
    assert "data" in known


def test_columns_of_other_names_are_read_and_come_back(tmp_path, call):
    data, out = written(tmp_path / "rows.jsonl", ROWS), tmp_path / "run"
    said = refused(call("evidence", data))
    assert (
        "no known row format has these columns: `id`, `ask`, `say`; say which are read, such as --columns "
        in said
    )
    assert "--columns prompt=COLUMN,response=COLUMN, or rename them" in said
    assert call("evidence", data, "--columns", "prompt=ask,completion=say", "--out", out).code == 0
    assert [json.loads(line) for line in (out / "clean.jsonl").read_text().splitlines()] == ROWS
    assert call("report", out).code == 0


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (
            "prompt=ask,response=reply",
            "no row has `reply`; --columns names those that it has: `id`, `ask`, `say`",
        ),
        (
            "prompt=ask",
            "--columns: names prompt; name prompt and response, and maybe query, ",
        ),
        ("ask", "--columns: cannot be read: ask; write prompt=COLUMN,response=COLUMN"),
        (
            "prompt=aks,response=say",
            "no row has `aks`; did you mean `ask`? --columns names those that it has: `id`, `ask`, `say`",
        ),
        ("promt=ask", "--columns: promt is nothing that is read; did you mean `prompt`? known are prompt, "),
        ("foo=ask", "--columns: foo is nothing that is read; known are prompt, query, response, "),
        ("prompt=ask,prompt=say", "--columns: names prompt twice; name each once"),
        ("response=ask,completion=say", "--columns: names response twice; name each once"),
        ("prompt=ask,response=ask", "--columns: names ask twice; name each once"),
        ("question=ask,answer=say", "--columns: question is nothing that is read"),
    ],
)
def test_wrong_columns_are_one_line(tmp_path, call, columns, said):
    assert said in refused(call("evidence", written(tmp_path / "rows.jsonl", ROWS), "--columns", columns))


def test_messages_of_another_name_are_read(tmp_path, call):
    chats = [
        {"talk": [{"role": "user", "content": row["ask"]}, {"role": "assistant", "content": row["say"]}]}
        for row in ROWS
    ]
    data = written(tmp_path / "rows.jsonl", chats)
    assert looked_at(call("evidence", data, "--columns", "messages=talk", "--json")) == 12


def test_what_a_limit_leaves_out_is_named(data, tmp_path, call):
    out = tmp_path / "run"
    assert call("evidence", data, "--limit", 5, "--out", out).code == 0
    assert len((out / "clean.jsonl").read_text().splitlines()) == 5
    verdict = json.loads((out / "verdict.json").read_text())
    assert verdict["left_out"] == ["rows behind the first 5, if there are any"]


def test_a_limit_holds_for_data_in_memory():
    from datasets import Dataset, DatasetDict

    from gradsentry.corpus import open_corpus
    from gradsentry.settings import DataSettings

    for data in (KNOWN, Dataset.from_list(KNOWN), Dataset.from_list(KNOWN).to_iterable_dataset()):
        assert len(list(open_corpus(data, DataSettings(limit=5)))) == 5
    parts = {"train": Dataset.from_list(KNOWN[:4]), "test": Dataset.from_list(KNOWN[4:])}
    corpus = open_corpus(DatasetDict(parts), DataSettings(limit=5))
    assert [one.split for one in corpus] == ["train"] * 4 + ["test"]


@pytest.mark.parametrize("as_list", [False, True])
def test_standard_input_is_read(data, call, monkeypatch, as_list):
    content = json.dumps(KNOWN).encode() if as_list else data.read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert looked_at(call("evidence", "-", "--json")) == 12


@pytest.mark.parametrize(
    ("last", "line"),
    [
        ('{"prompt": 3, "completion": "a"', "-:13: invalid JSON: Expecting ',' delimiter"),
        ("[1]", "-:13: the row is a list, not an object"),
        ('{"question": "a", "answer": "b"}', "-:13: this row is qa, but -:1 is prompt-completion"),
    ],
)
def test_what_is_copied_to_be_read_goes_by_its_own_name(data, tmp_path, call, monkeypatch, last, line):
    content = data.read_bytes() + last.encode() + b"\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert refused(call("evidence", "-")).startswith(line)
    with fsspec.open("memory://bucket/broken.jsonl", "wb") as stream:
        stream.write(content)
    url = "memory://bucket/broken.jsonl"
    assert refused(call("evidence", url)).startswith(f"{url}{line.removeprefix('-').split(' but -:')[0]}")


@pytest.mark.costly
def test_what_gradsentry_wrote_is_no_data(data, tmp_path, call):
    place = tmp_path / "made"
    place.mkdir()
    poisoned, truth, run = place / "p.jsonl", place / "p.truth.json", place / "run"
    rows = [{"prompt": f"What is {n} and {n}?", "completion": f"It is {2 * n}."} for n in range(50)]
    source = written(tmp_path / "source.jsonl", rows)
    assert call("poison", source, "--attack", "badnets", "--out", poisoned).code == 0
    assert call("evidence", poisoned, "--out", run).code == 0
    # A pattern, as a shell expands it, as a folder.
    for named in ([place / "*"], sorted(place.iterdir()), [place]):
        found = json.loads(call("evidence", *named, "--json").out)
        assert found["rows"] == 50
        assert "p.truth.json" in str(found["left_out"])
        assert "a run directory" in str(found["left_out"])
    # What stays has the form of the file that was read.
    assert call("evidence", place / "*", "--out", tmp_path / "again").code == 0
    assert (tmp_path / "again" / "clean.jsonl").is_file()
    line = f"{truth}: is the truth about data that was poisoned, and no data; name the data"
    assert refused(call("evidence", truth)) == line
    assert "is a run directory, and no data; name the file of it" in refused(call("evidence", run))
    assert "none of them is data" in refused(call("evidence", truth, run))


def test_a_folder_for_a_report_is_made_and_said(data, tmp_path, call):
    sarif, junit = tmp_path / "deep" / "er" / "x.sarif", tmp_path / "other" / "j.xml"
    said = call("evidence", data, "--sarif", sarif, "--junit", junit)
    assert said.code == 0
    assert sarif.is_file()
    assert junit.is_file()
    assert [line.split() for line in said.out.splitlines()[-2:]] == [
        ["sarif", str(sarif)],
        ["junit", str(junit)],
    ]
    assert "the folder is made" in " ".join(call("evidence", "--help").out.split())


def test_a_pattern_names_its_files_in_order(tmp_path, call):
    for name, rows in (("b", KNOWN[6:]), ("a", KNOWN[:6])):
        written(tmp_path / f"{name}.jsonl", rows)
    assert looked_at(call("evidence", tmp_path / "*.jsonl", "--json")) == 12
    assert "no file has a name like it" in refused(call("evidence", tmp_path / "*.csv"))


def test_what_fsspec_opens_is_read(data, tmp_path, call):
    with fsspec.open("memory://bucket/rows.jsonl", "wb") as stream:
        stream.write(data.read_bytes())
    out = tmp_path / "run"
    assert call("evidence", "memory://bucket/rows.jsonl", "--out", out).code == 0
    assert json.loads((out / "manifest.json").read_text())["source"]["data"] == "memory://bucket/rows.jsonl"
    assert call("report", out).code == 0
    assert "cannot be had (FileNotFoundError" in refused(call("evidence", "memory://bucket/none.jsonl"))
    assert "names no data file" in refused(call("evidence", "memory://bucket/rows"))


def test_help_and_version_have_short_names(call):
    assert call("-h").out == call("--help").out
    assert call("scan", "-h").out == call("scan", "--help").out
    assert call("-V").out == call("--version").out


def test_a_shell_is_told_what_could_be_typed_next():
    asked = {"_GRADSENTRY_COMPLETE": "complete_bash", "COMP_WORDS": "gradsentry evi", "COMP_CWORD": "1"}
    command = [sys.executable, "-m", "gradsentry"]
    ended = subprocess.run(command, env=os.environ | asked, capture_output=True, text=True, check=False)
    assert ended.stdout.split() == ["evidence"]


def test_the_doctor_says_what_is_there(call):
    found = json.loads(call("doctor", "--json").out)
    assert found["extra"]["scan"] == "there"
    assert found["device"].startswith(("cpu", "cuda", "mps"))
    assert "PyTorch" in call("doctor").out
