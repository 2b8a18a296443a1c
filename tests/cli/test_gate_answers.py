"""What no gate lets through without a word: answers that are not judged, and of which side a finding is."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from cli.command import last, refused, write

GATE = ("--fail-on", "poisoned")


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
