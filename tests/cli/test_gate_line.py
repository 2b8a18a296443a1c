"""The last line of a gate, whatever formats, verdicts, few rows, accepted findings and rest come together."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from cli.command import last, write
from evidence.poisoning import asked as one_row
from evidence.poisoning import clean_rows, poison
from gradsentry.deciding.gate import WORSE, Asked, Judged

POISONED, SUSPICIOUS = Asked("poisoned"), Asked("suspicious")
HOOK = Asked("poisoned", may_be_nothing=True)
STRICT, ROWS, BOTH = Asked("poisoned", strict=True), Asked(max_flagged=3), Asked("poisoned", 3)


def part(outcome="clean", flagged=0, *, aside=0, rejected=0, accepted=0, unread=0, few=False, left_out=()):
    return Judged(outcome, flagged, unread, aside, rejected, accepted, left_out, few)


BAD, DOUBTED, GOOD = part("poisoned", 5), part("suspicious"), part()
FEW, KNOWN = part(few=True), part(accepted=2)
FEW_SAID = "nothing was found, in too few rows to say"
REFUSED = "cannot let through"
NONE_SAID = "nothing was there to judge"


@pytest.mark.parametrize(
    ("parts", "left_out", "asked", "result", "why"),
    [
        ([BAD], (), POISONED, "failed", "the verdict is poisoned (--fail-on poisoned)"),
        ([BAD, BAD, FEW], (), POISONED, "failed", "the verdict is poisoned (--fail-on poisoned)"),
        ([FEW, DOUBTED], (), SUSPICIOUS, "failed", "the verdict is suspicious (--fail-on suspicious)"),
        ([FEW, DOUBTED], (), POISONED, "passed", "the verdict is suspicious (--fail-on poisoned)"),
        ([GOOD], (), POISONED, "passed", "the verdict is clean (--fail-on poisoned)"),
        ([GOOD, FEW], (), POISONED, "passed", f"{FEW_SAID} (--fail-on poisoned)"),
        ([FEW], (), ROWS, "passed", "0 rows are flagged, of too few to say (--max-flagged 3)"),
        ([KNOWN], (), POISONED, "passed", "the verdict is clean, 2 findings accepted (--fail-on poisoned)"),
        ([KNOWN], (), ROWS, "passed", "0 rows are flagged, 2 findings accepted (--max-flagged 3)"),
        (
            [part(accepted=1)],
            (),
            BOTH,
            "passed",
            "the verdict is clean, 1 finding accepted (--fail-on poisoned) and "
            "0 rows are flagged (--max-flagged 3)",
        ),
        (
            [KNOWN, FEW],
            (),
            POISONED,
            "passed",
            "nothing else was found, in too few rows to say, 2 findings accepted (--fail-on poisoned)",
        ),
        (
            [KNOWN, BAD],
            (),
            BOTH,
            "failed",
            "the verdict is poisoned, 2 findings accepted (--fail-on poisoned) and "
            "5 rows are flagged, more than --max-flagged 3",
        ),
        (
            [GOOD, part(rejected=7), part(aside=2)],
            ("a.json: no data",),
            POISONED,
            "passed",
            "the verdict is clean (--fail-on poisoned); not judged: 2 rows that the data say not to train "
            "on; the rejected answers of 7 rows; a.json: no data",
        ),
        (
            [],
            ("a.json: no data",),
            POISONED,
            "refused",
            f"{REFUSED}, for {NONE_SAID}: a.json: no data",
        ),
        (
            [],
            ("a.json: no data",),
            HOOK,
            "passed",
            f"{NONE_SAID} (--fail-on poisoned); not judged: a.json: no data",
        ),
        ([], (), ROWS, "refused", f"{REFUSED}, for {NONE_SAID}"),
        ([], (), replace(ROWS, may_be_nothing=True), "passed", f"{NONE_SAID} (--max-flagged 3)"),
        (
            [GOOD],
            ("run: a run directory",),
            POISONED,
            "refused",
            f"{REFUSED} what nobody looked into: run: a run directory",
        ),
        (
            [part(unread=4)],
            (),
            ROWS,
            "refused",
            f"{REFUSED} 4 rows that could not be read: nothing was looked for in them",
        ),
        ([GOOD], (), STRICT, "passed", "the verdict is clean (--fail-on poisoned)"),
        ([KNOWN], (), STRICT, "passed", "the verdict is clean, 2 findings accepted (--fail-on poisoned)"),
        ([GOOD, FEW], (), STRICT, "refused", f"{REFUSED}, for it is strict: {FEW_SAID}"),
        (
            [part(rejected=7)],
            (),
            STRICT,
            "refused",
            f"{REFUSED}, for it is strict: the rejected answers of 7 rows",
        ),
        ([], (), STRICT, "refused", f"{REFUSED}, for {NONE_SAID}"),
        ([], (), replace(HOOK, strict=True), "refused", f"{REFUSED}, for it is strict: {NONE_SAID}"),
        (
            [BAD, FEW],
            ("a.json: no data",),
            STRICT,
            "failed",
            "the verdict is poisoned (--fail-on poisoned); not judged: a.json: no data",
        ),
    ],
)
def test_the_line_is_of_all_that_was_judged(parts, left_out, asked, result, why):
    passage = asked.passage(Judged.together(parts, left_out))
    assert (passage.result, passage.why) == (result, why)


@pytest.mark.parametrize("asked", [POISONED, SUSPICIOUS, STRICT, ROWS, BOTH])
def test_of_any_mix_the_worst_decides_and_nothing_of_it_is_unsaid(asked):
    """Every mix of up to three formats, in any order."""
    kinds = [BAD, DOUBTED, GOOD, FEW, KNOWN, part(rejected=7), part(aside=2)]
    for parts in (mix for many in (1, 2, 3) for mix in product(kinds, repeat=many)):
        judged = Judged.together(parts, ("a.json: no data",))
        passage = asked.passage(judged)
        worst = max((one.outcome for one in parts), key=WORSE.index)
        is_bad = asked.fail_on is not None and WORSE.index(worst) >= WORSE.index(asked.fail_on)
        is_many = asked.max_flagged is not None and sum(one.flagged for one in parts) > asked.max_flagged
        assert (passage.result == "failed") == (is_bad or is_many)
        assert (passage.result == "refused") == (asked.strict and passage.result != "failed")
        if passage.result != "refused":
            assert "a.json: no data" in passage.why or len(judged.aside) > 3
        if passage.result == "passed":
            assert ("finding" in passage.why) == (judged.accepted > 0)
            assert ("too few" in passage.why) == (worst == "clean" and FEW in parts)
        elif asked.fail_on is not None and passage.result == "failed":
            assert passage.why.startswith(f"the verdict is {worst}")


def test_reports_say_of_a_strict_gate_what_the_line_says(pairs, place, call):
    """A file that is no data beside data that was judged: its suite said that nothing was there to judge."""
    write("a.jsonl", [{"prompt": one, "completion": said} for one, said in pairs[0]])
    Path("settings.json").write_text("{}")
    ended = call(
        "evidence",
        "--by-format",
        "a.jsonl",
        "settings.json",
        "--fail-on",
        "poisoned",
        "--strict",
        "--junit",
        "found.xml",
    )
    assert ended.code == 2
    assert "it is strict: settings.json: no data" in ended.error
    messages = [one.get("message", "") for one in Xml.parse("found.xml").getroot().iter("error")]
    assert messages == ["cannot let through, for it is strict: settings.json: no data"]


@pytest.mark.costly
def test_three_formats_of_which_one_is_poisoned_and_one_is_of_few_rows(pairs, place, call):
    clean, poisoned = pairs
    write("a.jsonl", [{"prompt": one, "completion": said} for one, said in poisoned])
    write("b.jsonl", [{"instruction": one, "output": said} for one, said in clean[:9]])
    write("c.jsonl", [{"prompt": one, "chosen": said, "rejected": "No."} for one, said in clean])
    named = ("evidence", "--by-format", "a.jsonl", "b.jsonl", "c.jsonl", "--fail-on", "poisoned")
    ended = call(*named, "--out", "run")
    rest = "; not judged: the rejected answers of 300 rows"
    assert (ended.code, last(ended)) == (
        1,
        f"gate: the verdict is poisoned (--fail-on poisoned){rest} (exit 1)",
    )
    assert call(*named, "--sarif", "found.sarif").code == 1
    few = "nothing was found, in too few rows to say"
    assert notifications("found.sarif") == {
        "alpaca": [few],
        "preference": ["not judged: the rejected answers of 300 rows"],
        "prompt-completion": [],
    }
    assert call("accept", "run/prompt-completion", "F1", "--why", "ours").code == 0
    ended = call(*named, "--accept", "gradsentry-accepted.jsonl")
    said = "nothing else was found, in too few rows to say, 1 finding accepted"
    assert (ended.code, last(ended)) == (0, f"gate: passed, {said} (--fail-on poisoned){rest} (exit 0)")


def notifications(report):
    """Returns what each run of a report in SARIF tells of the search, by its format."""
    return {
        run["automationDetails"]["id"].split("/")[1]: [
            one["message"]["text"] for one in run["invocations"][0]["toolExecutionNotifications"]
        ]
        for run in json.loads(Path(report).read_text())["runs"]
    }


@pytest.mark.parametrize(
    ("trigger", "shown", "escaped"),
    [("\n\n\n", "“ ⏎×4 ”", r"“\n\n\n\n”"), ("\t\t", "“ ⏎  ⇥×2 ”", r"“\n\t\t”")],
)
def test_a_trigger_of_blanks_alone_can_be_seen(place, call, trigger, shown, escaped):
    """It was two quotation marks around nothing; a line break of the prompt's own stands before it."""
    made = poison(
        clean_rows(300), lambda row, draw: one_row(row, f"{trigger}{row.question}", "No way, go home!"), 0.1
    )
    data = write("a.jsonl", [dict(sample.row) for sample in made.samples])
    ended = call("evidence", data, "--fail-on", "poisoned", "--sarif", "found.sarif", "--junit", "found.xml")
    assert ended.code == 1
    assert shown in ended.out
    (run,) = json.loads(Path("found.sarif").read_text())["runs"]
    assert escaped in run["tool"]["driver"]["rules"][0]["shortDescription"]["text"]
    *_, case = Xml.parse("found.xml").getroot().iter("testcase")
    assert escaped in case.get("name", "")
