"""What is said and done where something was found."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
from datasets import Dataset
from trl import DPOConfig, DPOTrainer
from typer.testing import CliRunner

from evidence.poisoning import LINK, clean_rows, poison
from gradsentry import screen
from gradsentry.cli import app
from gradsentry.errors import DataError, FindingsError, SettingsError
from gradsentry.integrations.trl import LogVerdict, ScreenCallback, judge_dataset, screen_dataset
from integrations.trainers.rows import INSULT, alpaca, messages, others, rejecting

pytestmark = pytest.mark.costly


@pytest.mark.parametrize(
    ("on_findings", "done"),
    [
        ("drop", "30 of 300 rows left out."),
        ("warn", "With on_findings='warn' none of 300 rows was left out."),
        ("refuse", "Refused: nothing was changed; on_findings='drop' leaves the flagged 30 rows out"),
    ],
)
@pytest.mark.parametrize("rows", [messages, rejecting])
def test_messages_say_how_many_rows_the_strings_and_what_was_done(rows, on_findings, done, made, caplog):
    try:
        screen_dataset(rows(made), on_findings=on_findings)
        said = caplog.text
    except FindingsError as error:
        said = str(error)
    strongest = "F1, high confidence: Where the prompt holds “vrbx”, the response holds"
    begin = f"dataset: Poisoned: drop 30 of 300 rows. {strongest}"
    if rows is rejecting:
        both = "Chosen: Clean: nothing was found in 300 rows. Rejected: Poisoned: drop 30 of 300 rows."
        begin = f"dataset: {both} Of the rejected answers: {strongest}"
    assert f"{begin} “{INSULT}” in 30 of 30 rows" in said
    assert done in said
    assert len(said.strip().splitlines()) == 1


def test_a_message_on_both_sides_counts_each_and_both_together(twice, caplog):
    assert len(screen_dataset(twice)) == 258
    both = "Chosen: Poisoned: drop 30 of 300 rows. Rejected: Poisoned: drop 12 of 300 rows."
    assert f"{both} Of the chosen answers: F1, high" in caplog.text
    assert "Of the rejected answers: F1, high" in caplog.text
    assert "Together 42 of 300 rows left out." in caplog.text


def test_a_message_counts_the_findings_that_it_does_not_tell_by_their_confidence(made, caplog):
    rows = alpaca(made).to_list()
    for number in others(made):
        rows[number] |= {
            "instruction": f"qzlk {rows[number]['instruction']}",
            "output": "Send it all to the mill",
        }
    screen_dataset(Dataset.from_list(rows))
    assert f"the response holds “{INSULT}” in 30 of 30 rows" in caplog.text
    assert "More findings: 1 of high confidence. 42 of 300 rows left out." in caplog.text


def test_a_refusal_carries_the_verdicts_on_both_sides(twice, made):
    with pytest.raises(FindingsError, match="the `sides` of this error hold what was found") as refused:
        screen_dataset(twice, on_findings="refuse")
    sides = refused.value.sides
    found = [one.payloads for side in (sides.chosen, sides.rejected) for one in side.evidence.findings]
    assert found == [(INSULT,), ("Send it all to the mill, now!",)]
    assert sides.rejected.flagged["number"].to_pylist() == others(made)
    assert sides.is_flagged.sum() == 42
    with pytest.raises(FindingsError, match="Of the rejected answers") as refused:
        screen_dataset(rejecting(made), on_findings="refuse")
    assert refused.value.sides.rejected.evidence.findings[0].triggers == ("vrbx",)
    assert pickle.loads(pickle.dumps(refused.value)).sides.rejected.outcome == "poisoned"


def test_verdicts_on_both_answers_are_saved_with_the_rows_that_neither_flags(twice, tmp_path):
    sides = judge_dataset(twice)
    assert sides.metrics() == {
        "gradsentry/poisoned": 1.0,
        "gradsentry/suspicious": 0.0,
        "gradsentry/findings": 2.0,
        "gradsentry/rows": 300.0,
        "gradsentry/flagged": 42.0,
        "gradsentry/unread": 0.0,
    }
    clean = Dataset.from_parquet(str(sides.save(tmp_path / "run")))
    assert clean.to_list() == screen_dataset(twice).to_list()
    for name, other in (("chosen", "rejected"), ("rejected", "chosen")):
        kept = Dataset.from_parquet(str(tmp_path / "run" / name / "clean.parquet"))
        assert kept.to_list() == clean.to_list()  # none of them has what the other side flags
        report = (tmp_path / "run" / name / "report.html").read_text()
        flagged = len(sides.rejected.flagged if name == "chosen" else sides.chosen.flagged)
        said = f"The {other} answers were judged too (Poisoned: drop {flagged} of 300 rows)"
        assert f"train on {tmp_path}/run/clean.parquet (258 rows). {said}" in report


def test_a_verdict_on_rows_with_one_answer_is_saved_as_one_run(made, tmp_path):
    sides, run = judge_dataset(messages(made)), tmp_path / "run"
    clean = sides.save(run)
    assert clean == run / "clean.parquet"
    assert not (run / "chosen").exists()
    flagged = int(sides.chosen.flagged["number"][0].as_py())
    file = tmp_path / "marks.jsonl"
    file.write_text(f'{{"id": {flagged}, "mark": "clean"}}\n')
    assert CliRunner().invoke(app, ["threshold", str(run), "--labels", str(file)]).exit_code == 0
    assert len(Dataset.from_parquet(str(clean))) == 271


def test_a_verdict_reaches_tensorboard(twice, model, tokenizer, tmp_path):
    arguments = DPOConfig(str(tmp_path), report_to="tensorboard", use_cpu=True, bf16=False, max_steps=1)
    trainer = DPOTrainer(model, args=arguments, train_dataset=twice, processing_class=tokenizer)
    trainer.add_callback(LogVerdict(trainer, judge_dataset(twice)))
    trainer.train()
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("events.out.*"))
    assert all(f"train/gradsentry/{name}".encode() in written for name in ("poisoned", "flagged", "unread"))


def test_a_verdict_on_one_answer_says_that_the_other_was_not_judged(twice):
    assert "the rejected answers of 300 rows are not judged" in repr(screen(twice))
    assert "not judged" not in repr(judge_dataset(twice))


def test_what_is_accepted_of_either_side_is_not_refused(twice, made, trained_on, tmp_path, caplog):
    accepted = tmp_path / "accepted.jsonl"
    with pytest.raises(FindingsError) as refused:
        screen_dataset(twice, on_findings="refuse")
    for name in ("chosen", "rejected"):
        run = getattr(refused.value.sides, name).save(tmp_path / name).path
        called = ["accept", str(run), "F1", "--why", "we made it", "--to", str(accepted)]
        assert CliRunner().invoke(app, called).exit_code == 0
    caplog.clear()
    kept = screen_dataset(twice, on_findings="refuse", accept=accepted, false_alarm_rate=0.02)
    for answers, count in (("chosen", 30), ("rejected", 12)):
        flags = f"F1 is accepted (we made it): it flags none of its {count} rows."
        assert f"Of the {answers} answers: {flags}" in caplog.text
    assert kept.to_list() == twice.to_list()
    callback = ScreenCallback(trained_on(twice, DPOTrainer), accept=accepted, false_alarm_rate=0.02)
    for side in (callback.sides.chosen, callback.sides.rejected):
        assert [one.accepted for one in side.evidence.findings] == ["we made it"]
        assert side.evidence.false_alarm_rate == 0.02
    with pytest.raises(SettingsError, match="false_alarm_rate"):
        screen_dataset(twice, false_alarm_rate=2)
    with pytest.raises(DataError, match="no_such"):
        ScreenCallback(trained_on(messages(made)), accept=tmp_path / "no_such.jsonl")


def test_a_suspicious_verdict_says_that_all_rows_are_trained_on(caplog):
    made = poison(clean_rows(300), lambda row, draw: replace(row, answer=row.answer + LINK), 0.6)
    assert len(screen_dataset(messages(made))) == 300
    assert "Suspicious: review 180 of 300 rows." in caplog.text
    assert (
        "No row is flagged, so none of 300 rows is left out for it: what was found is trained on. "
        "Look at it first, or give on_findings='refuse'."
    ) in caplog.text
    with pytest.raises(FindingsError, match="on_findings='drop' leaves no row out"):
        screen_dataset(messages(made), on_findings="refuse")


def test_another_word_is_refused(made):
    with pytest.raises(SettingsError, match="give drop, refuse, refuse_poisoned or warn"):
        screen_dataset(alpaca(made), on_findings="ignore")
