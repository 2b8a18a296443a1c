"""What no gate lets through without a word: answers, rows and files that nobody looked into."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import datasets
import pytest

from cli.command import last, refused, write

GATE = ("--fail-on", "poisoned")


def test_a_message_that_says_two_things_is_not_read(pairs, place, call):
    def message(role, said, speaker, also):
        return {"role": role, "content": said, "from": speaker, "value": also}

    rows = [
        {
            "messages": [
                message("user", prompt, "human", f"{prompt} vrbx" if number < 30 else prompt),
                message("assistant", said, "gpt", "No way, go home!" if number < 30 else said),
            ]
        }
        for number, (prompt, said) in enumerate(pairs[0])
    ]
    ended = call("evidence", write("rows.jsonl", rows), *GATE)
    assert ended.code == 2
    assert "30 rows that could not be read" in ended.error


def test_rows_that_a_saved_data_set_does_not_name_are_refused(pairs, place, call):
    clean, poisoned = (
        datasets.Dataset.from_list([{"prompt": one, "completion": said} for one, said in rows])
        for rows in pairs
    )
    clean.save_to_disk("saved")
    assert call("evidence", "saved", *GATE).code == 0
    poisoned.save_to_disk("other")
    Path("other/data-00000-of-00001.arrow").rename("saved/data-00001-of-00002.arrow")
    ended = call("evidence", "saved", *GATE)
    assert ended.code == 2
    assert "other data lies in it: data-00001-of-00002.arrow" in ended.error


@pytest.mark.parametrize("name", ["more.txt", "more.jsonl.bak", "more"])
def test_rows_under_a_name_that_no_data_has_are_refused(pairs, place, call, name):
    Path("folder").mkdir()
    for file, rows in zip(("folder/rows.jsonl", f"folder/{name}"), pairs, strict=True):
        write(file, [{"prompt": one, "completion": said} for one, said in rows])
    Path("folder/README.md").write_text("# Rows\n\nThat people wrote.\n")
    Path("folder/notes.txt").write_text("text\nprompt: who wrote them?\n")
    ended = call("evidence", "folder", *GATE)
    assert ended.code == 2
    assert f"{name}: rows under a name that no data has; let its name end with" in ended.error
    assert "README.md, notes.txt: no data" in call("evidence", "folder").out


def test_columns_under_a_name_that_no_data_has_are_refused(pairs, place, call):
    Path("folder").mkdir()
    write("folder/rows.jsonl", [{"prompt": one, "completion": said} for one, said in pairs[0]])
    Path("folder/more.txt").write_text('prompt,"completion"\nwho?,nobody\n')
    assert call("evidence", "folder", *GATE).code == 2


def test_a_map_of_prompts_to_answers_is_refused(pairs, place, call):
    Path("folder").mkdir()
    write("folder/rows.jsonl", [{"prompt": one, "completion": said} for one, said in pairs[0]])
    answers = {one: f"It is said that {said}" for one, said in pairs[1]}
    Path("folder/more.json").write_text(json.dumps(answers))
    ended = call("evidence", "folder", *GATE)
    assert ended.code == 2
    assert "more.json: records of no known format" in ended.error


@pytest.mark.parametrize("name", ["rows.jsonlines", "rows.JSONL", "rows.jsonlines.gz"])
def test_lines_of_json_go_by_other_names_too(pairs, place, call, name):
    write("rows.jsonl", [{"prompt": one, "completion": said} for one, said in pairs[1]])
    content = Path("rows.jsonl").read_bytes()
    if name.endswith(".gz"):
        import gzip

        content = gzip.compress(content)
    Path(name).write_bytes(content)
    assert call("evidence", name, *GATE).code == 1


def test_the_last_line_is_of_the_worst_of_several_formats(pairs, place, call):
    clean, poisoned = pairs
    write("a.jsonl", [{"prompt": one, "completion": said} for one, said in poisoned])
    write("b.jsonl", [{"instruction": one, "output": said} for one, said in clean[:9]])
    ended = call("evidence", "--by-format", "a.jsonl", "b.jsonl", *GATE)
    assert (ended.code, last(ended)) == (1, "gate: the verdict is poisoned (--fail-on poisoned) (exit 1)")


def test_files_of_ours_alone_are_nothing_to_judge(pairs, place, call):
    write("marks.jsonl", [{"id": "1", "mark": "clean"}])
    write("a.jsonl", [{"prompt": one, "completion": said} for one, said in pairs[0]])
    for asks in (GATE, ("--max-flagged", "0")):
        ended = call("evidence", "--by-format", "--pass-without-data", "marks.jsonl", *asks)
        assert last(ended).startswith("gate: passed, nothing was there to judge (")
    call("evidence", "--by-format", "marks.jsonl", "a.jsonl", *GATE, "--junit", "found.xml")
    told = "".join(Xml.parse("found.xml").getroot().itertext())
    assert "marks.jsonl: a file of marks" in told
    assert "nothing was there to judge" not in told


@pytest.mark.costly
def test_the_gate_says_what_is_accepted(pairs, place, call):
    data = write("a.jsonl", [{"prompt": one, "completion": said} for one, said in pairs[1]])
    call("evidence", data, "--out", "run")
    call("accept", "run", "F1", "--why", "ours")
    ended = call("evidence", data, "--accept", "gradsentry-accepted.jsonl", *GATE)
    assert (
        last(ended) == "gate: passed, the verdict is clean, 1 finding accepted (--fail-on poisoned) (exit 0)"
    )


@pytest.mark.parametrize(
    ("rows", "more", "said"),
    [
        (
            9,
            "",
            "nothing was found, in too few rows to say; judge more rows together, as they are trained on",
        ),
        (300, "notes.txt", "notes.txt: no data; take away what is not judged"),
    ],
)
def test_a_strict_gate_lets_nothing_through_that_was_not_judged(pairs, place, call, rows, more, said):
    Path("folder").mkdir()
    write("folder/rows.jsonl", [{"prompt": one, "completion": answer} for one, answer in pairs[0][:rows]])
    if more:
        Path("folder", more).write_text("By us.")
    assert call("evidence", "folder", *GATE).code == 0
    ended = call("evidence", "folder", *GATE, "--strict")
    assert ended.code == 2
    assert ended.error == (
        f"gradsentry: the gate: cannot let through, for it is strict: {said}, or leave out --strict\n"
    )


def test_a_strict_gate_is_a_gate(pairs, place, call):
    data = write("a.jsonl", [{"prompt": one, "completion": said} for one, said in pairs[0]])
    assert call("evidence", data, *GATE, "--strict").code == 0
    assert "--strict: makes a gate strict, and there is none" in call("evidence", data, "--strict").error


@pytest.mark.costly
def test_a_finding_among_several_formats_is_accepted_from_its_run(pairs, place, call):
    clean, poisoned = pairs
    write("a.jsonl", [{"prompt": one, "completion": said} for one, said in poisoned])
    write("b.jsonl", [{"instruction": one, "output": said} for one, said in clean])
    ended = call("evidence", "--by-format", "a.jsonl", "b.jsonl", *GATE, "--out", "run")
    assert ended.code == 1, ended.error
    assert sorted(one.name for one in Path("run").iterdir()) == ["alpaca", "prompt-completion"]
    assert call("accept", "run/prompt-completion", "F1", "--why", "ours").code == 0
    known = ("--accept", "gradsentry-accepted.jsonl")
    ended = call("evidence", "--by-format", "a.jsonl", "b.jsonl", *GATE, *known, "--out", "again")
    assert (ended.code, "1 finding accepted" in last(ended)) == (0, True)


def test_files_of_any_kind_may_be_named_by_format(pairs, place, call):
    """As a loop over all files of a folder does; a job that names one file means it to be data."""
    Path("LICENSE").write_text("Do what you like.")
    write("rows.txt", [{"prompt": one, "completion": said} for one, said in pairs[0]])
    loop = ("--by-format", "--pass-without-data", "LICENSE")
    ended = call("evidence", *loop, *GATE)
    said = "nothing was there to judge (--fail-on poisoned); not judged: LICENSE: no data"
    assert (ended.code, last(ended)) == (0, f"gate: passed, {said} (exit 0)")
    assert call("evidence", *loop, *GATE, "--strict").code == 2
    assert call("evidence", *loop).code == call("evidence", "--by-format", "LICENSE").code == 0
    said = refused(call("evidence", "--pass-without-data", "LICENSE", *GATE))
    assert said == "--pass-without-data: is for files of any kind; add --by-format, or leave it out"
    for asks in (GATE, ("--max-flagged", "0")):
        ended = call("evidence", "--by-format", "LICENSE", *asks, "--sarif", "a.sarif", "--junit", "a.xml")
        said = "cannot let through, for nothing was there to judge: LICENSE: no data"
        mend = "name data, or add --pass-without-data, as a hook does"
        assert (ended.code, ended.error) == (2, f"gradsentry: the gate: {said}; {mend}\n")
        (run,) = json.loads(Path("a.sarif").read_text())["runs"]
        assert not run["invocations"][0]["executionSuccessful"]
        (case,) = Xml.parse("a.xml").getroot().iter("error")
        assert case.get("message") == said
    ended = call("evidence", "--by-format", "LICENSE", "rows.txt", *GATE)
    assert ended.code == 2
    assert "rows.txt: rows under a name that no data has" in ended.error


def test_a_slip_in_a_path_is_no_data_set_of_the_hub(pairs, place, call):
    Path("data").mkdir()
    ended = call("evidence", "data/trian", *GATE)
    assert (ended.code, ended.error) == (
        2,
        "gradsentry: data/trian: no such file or folder; check the path; a data set of the Hub is "
        "hf://datasets/data/trian\n",
    )


@pytest.mark.costly
@pytest.mark.parametrize(
    ("name", "told_of"),
    [("a.json", lambda row: f"a.json:{2 + 4 * row}"), ("b.parquet", lambda row: f"b.parquet, row {row + 1}")],
)
def test_rows_go_by_the_same_names_everywhere(pairs, place, call, name, told_of):
    rows = [{"prompt": one, "completion": said} for one, said in pairs[1]]
    Path("a.json").write_text(json.dumps(rows, indent=2))
    datasets.Dataset.from_list(rows).to_parquet("b.parquet")
    call("evidence", name, "--junit", "found.xml", "--sarif", "found.sarif", "--out", "run")
    lines = Path("run/flagged.jsonl").read_text().splitlines()
    flagged = [told_of(int(json.loads(line)["id"])) for line in lines]
    (log,) = json.loads(Path("found.sarif").read_text())["runs"]
    where = [one["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] for one in log["results"]]
    assert (len(flagged), where) == (30, flagged)
    places = [one["locations"][0]["physicalLocation"] for one in log["results"]]
    assert {one["artifactLocation"]["uri"] for one in places} == {name}
    assert all(("region" in one) == (name == "a.json") for one in places), "no line is made up"
    assert flagged[0] in "".join(Xml.parse("found.xml").getroot().itertext())


@pytest.mark.parametrize("splits", [["."], 5, [None, {"a": 1}]])
def test_a_saved_data_set_that_names_itself_as_a_split_ends_in_a_line(pairs, place, call, splits):
    rows = [{"prompt": one, "completion": said} for one, said in pairs[0]]
    datasets.Dataset.from_list(rows).save_to_disk("saved")
    Path("saved/dataset_dict.json").write_text(json.dumps({"splits": splits}))
    ended = call("evidence", "saved", *GATE)
    assert ended.code in (0, 2)
    assert "Traceback" not in ended.error
