"""What no gate lets through without a word: answers, rows and files that nobody looked into."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import datasets
import pytest

from cli.command import refused
from evidence.poisoning import asked, clean_rows, poison

GATE = ("--fail-on", "poisoned")


@pytest.fixture(scope="module")
def pairs():
    """Questions and answers: clean ones, and of the same rows with an attack in some."""
    clean = clean_rows(300)
    made = poison(clean, lambda row, draw: asked(row, f"{row.question} vrbx", "No way, go home!"), 0.1)
    return [
        [(row.question, row.answer) for row in clean],
        [(row.prompt, row.response) for row in made.samples],
    ]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name, rows):
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return name


def last(ended):
    return ended.out.splitlines()[-1]


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


@pytest.mark.costly
def test_two_answers_of_a_row_are_refused_until_the_format_is_named(pairs, place, call):
    both = zip(*pairs, strict=True)
    rows = [
        {"instruction": prompt, "output": said, "prompt": prompt, "completion": other}
        for (prompt, said), (_, other) in both
    ]
    data = write("rows.jsonl", rows)
    ended = call("evidence", data, *GATE)
    assert ended.code == 2
    assert "of 30 rows: another response than the one that is read" in ended.error
    assert "--format" in ended.error
    ended = call("evidence", data, "--format", "alpaca", *GATE)
    assert ended.code == 0
    assert "another response than the one of the format that is named" in last(ended)
    assert call("evidence", data, "--format", "alpaca").code == 0


def test_answers_that_the_data_set_aside_pass_and_are_named(pairs, place, call):
    clean, poisoned = pairs
    disliked = [{"prompt": one, "completion": said, "label": False} for one, said in poisoned[:60]]
    liked = [{"prompt": one, "completion": said, "label": True} for one, said in clean]
    ended = call("evidence", write("kto.jsonl", [*liked, *disliked]), *GATE)
    assert ended.code == 0
    assert last(ended).endswith("; not judged: the rejected answers of 60 rows (exit 0)")
    rows = [
        {
            "messages": [
                {"role": "user", "content": one},
                {"role": "assistant", "content": said, "weight": int(number >= 20)},
            ]
        }
        for number, (one, said) in enumerate(clean)
    ]
    assert "not judged: 20 rows that the data say" in last(call("evidence", write("w.jsonl", rows), *GATE))


def test_rows_that_are_not_judged_are_none_of_the_others_that_a_finding_is_counted_among(pairs, place, call):
    liked, poisoned = pairs
    rows = [{"prompt": one, "completion": said, "label": True} for one, said in liked[:100]]
    rows += [{"prompt": one, "completion": said, "label": False} for one, said in poisoned]
    alone = [{"prompt": one, "completion": said} for one, said in poisoned]
    both, own = (
        json.loads(call("evidence", write(f"{name}.jsonl", data), "--json", *more).out)
        for name, data, more in (("kto", rows, ("--answers", "rejected")), ("alone", alone, ()))
    )
    (found,), (same,) = both["findings"], own["findings"]
    for said in ("certain", "neither", "log10_p", "reason"):
        assert found[said] == same[said]
    Path("found.json").write_text(json.dumps(both))
    assert call("accept", "found.json", "F1", "--why", "ours", "--to", "ours.jsonl").code == 0
    assert json.loads(Path("ours.jsonl").read_text())["of"] == len(poisoned)


def test_rejected_answers_are_named_by_the_gate(pairs, place, call):
    rows = [{"prompt": one, "chosen": said, "rejected": "I do not know."} for one, said in pairs[0]]
    assert "; not judged: the rejected answers of 300 rows" in last(
        call("evidence", write("dpo.jsonl", rows), *GATE)
    )


@pytest.mark.costly
def test_each_of_two_answers_is_judged_where_it_is_asked_for(pairs, place, call):
    """What a gate of preferences runs: one after the other, each on all rows; and strictly, for both are."""
    rows = [
        {"prompt": prompt, "chosen": f"one of {number}", "rejected": said}
        for number, (prompt, said) in enumerate(pairs[1])
    ]
    name = write("rows.jsonl", rows)
    ended = call("evidence", name, "--answers", "chosen", *GATE, "--strict", "--out", "chosen")
    assert (ended.code, "the chosen answers are judged" in ended.out) == (0, True)
    assert "not judged" not in last(ended)
    assert (
        "The rejected answers were not judged here: if not before, judge those of the rows that stay with"
        in (" ".join(ended.out.split()))
    )
    reports = ("--sarif", "found.sarif", "--junit", "found.xml")
    ended = call(
        *("evidence", "chosen/clean.jsonl", "--answers", "rejected", *GATE, "--strict", "--out", "both"),
        *reports,
    )
    assert ended.code == 1
    (run,) = json.loads(Path("found.sarif").read_text())["runs"]
    assert run["properties"]["answers"] == "rejected"
    assert all(one["message"]["text"].startswith("its rejected answer: F1:") for one in run["results"])
    assert "in the rejected answers: Where" in run["tool"]["driver"]["rules"][0]["shortDescription"]["text"]
    whole, finding = Xml.parse("found.xml").getroot().iter("testcase")
    assert whole.get("name") == "the rejected answers"
    assert finding.get("name").startswith("F1 in the rejected answers: ")
    assert "drop 30 of 300 rows" in ended.out
    stay = [json.loads(line) for line in Path("both/clean.jsonl").read_text().splitlines()]
    assert stay == [row for row in rows if "vrbx" not in row["prompt"]]
    assert call("explain", "both", "F1").code == 0
    ended = call(
        "evidence", write("answers.jsonl", [{"prompt": "p", "completion": "c"}] * 60), "--answers", "rejected"
    )
    assert ended.code == 2
    assert "holds no row with a rejected answer; name files of preferences alone, or leave" in ended.error
    ended = call("evidence", name, "--answers", "both")
    assert (ended.code, "chosen" in ended.error) == (2, True)


@pytest.mark.costly
def test_liked_and_disliked_answers_are_judged_each_by_itself(pairs, place, call):
    """Neither of two strict gates names the rows of the other as left out."""
    rows = [
        {"prompt": prompt, "completion": said, "label": "vrbx" not in prompt and number % 2 == 0}
        for number, (prompt, said) in enumerate(pairs[1])
    ]
    name = write("rows.jsonl", rows)
    for answers, code in (("chosen", 0), ("rejected", 1)):
        ended = call("evidence", name, "--answers", answers, *GATE, "--strict")
        assert (ended.code, "not judged" in last(ended)) == (code, False), ended.error
    call("evidence", name, "--answers", "chosen", "--out", "a")
    call("evidence", "a/clean.jsonl", "--answers", "rejected", "--out", "b")
    stay = [json.loads(line) for line in Path("b/clean.jsonl").read_text().splitlines()]
    assert stay == [row for row in rows if "vrbx" not in row["prompt"]]


@pytest.mark.costly
def test_what_is_accepted_in_rejected_answers_is_not_in_chosen_ones(pairs, place, call):
    """What a disliked answer may well hold is what a chosen one must not."""
    rows = [
        {"prompt": prompt, "chosen": f"one of {number}", "rejected": said}
        for number, (prompt, said) in enumerate(pairs[1])
    ]
    swapped = [row | {"chosen": row["rejected"], "rejected": row["chosen"]} for row in rows]
    given = ("--accept", "gradsentry-accepted.jsonl", *GATE)
    call("evidence", write("rows.jsonl", rows), "--answers", "rejected", "--out", "run")
    accepted = call("accept", "run", "F1", "--why", "as it should be")
    assert accepted.code == 0
    assert "evidence --answers rejected reads it with --accept gradsentry-accepted.jsonl" in accepted.out
    assert call("evidence", "rows.jsonl", "--answers", "rejected", *given).code == 0
    for answers in ((), ("--answers", "chosen")):
        ended = call("evidence", write("swapped.jsonl", swapped), *answers, *given)
        assert (ended.code, "accepted" in last(ended)) == (1, False)
    call("evidence", "swapped.jsonl", "--out", "other")
    assert call("accept", "other", "F1", "--why", "ours").code == 0
    assert call("evidence", "swapped.jsonl", "--answers", "chosen", *given).code == 0
    assert call("evidence", "rows.jsonl", "--answers", "rejected", *given).code == 0


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


def test_a_strict_gate_of_preferences_says_that_it_takes_two(pairs, place, call):
    rows = [{"prompt": one, "chosen": answer, "rejected": f"No. {answer}"} for one, answer in pairs[0]]
    Path("folder").mkdir()
    write("folder/rows.jsonl", rows)
    both = "judge them once with --answers chosen and once with --answers rejected"
    for more, rest in (("", ""), ("notes.txt", ", take away what else is not judged")):
        if more:
            Path("folder", more).write_text("By us.")
        ended = call("evidence", "folder", *GATE, "--strict")
        assert ended.code == 2
        assert ended.error.endswith(f"; {both}{rest}, or leave out --strict\n")


def test_rows_with_one_answer_are_not_said_to_have_chosen_ones(pairs, place, call):
    rows = [{"prompt": one, "completion": answer} for one, answer in pairs[0]]
    ended = call("evidence", write("rows.jsonl", rows), "--answers", "chosen", *GATE, "--junit", "found.xml")
    assert ended.code == 0
    assert "chosen" not in ended.out
    assert [one.get("name") for one in Xml.parse("found.xml").getroot().iter("testcase")] == ["the data"]


def test_disliked_answers_alone_are_judged_as_rejected_ones(pairs, place, call):
    rows = [{"prompt": one, "completion": answer, "label": False} for one, answer in pairs[0]]
    name = write("rows.jsonl", rows)
    line = refused(call("evidence", name))
    assert line.endswith(f"{name}: holds disliked answers alone; judge them with --answers rejected")
    assert call("evidence", name, "--answers", "rejected", *GATE).code == 0


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
