"""axolotl itself: its loading and its prompt strategies, on the entries that we read and write."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import yaml
from datasets import Dataset, load_from_disk
from transformers import AutoTokenizer

from cli.command import caller
from gradsentry.corpus import open_corpus
from gradsentry.errors import DataError, FindingsError
from gradsentry.integrations.axolotl import read_entries, read_entry, screen_config
from gradsentry.models.embedded import embedded_model_path
from integrations.made import POISONED, ROWS, TRIGGER, made_corpus, read_lines, write_lines

pytestmark = pytest.mark.costly

MODEL = str(embedded_model_path())


def alpaca(one):
    return {"instruction": one.prompt, "input": f"of {one.number}", "output": one.response}


def own_fields(one):
    return {
        "ask": one.prompt,
        "more": f"of {one.number}",
        "say": one.response,
        "rule": f"Be brief {one.number}.",
    }


def messages(one):
    return {
        "messages": [{"role": "user", "content": one.prompt}, {"role": "assistant", "content": one.response}]
    }


def own_messages(one):
    first = [{"who": "customer", "text": f"Hi {one.number}", "learn": False}]
    first += [{"who": "agent", "text": f"Hello {one.number}", "learn": False}]
    asked = {"who": "customer", "text": one.prompt, "learn": False}
    return {"chat": [*first, asked, {"who": "agent", "text": one.response, "learn": True}]}


def segments(one):
    return {"segments": [{"label": False, "text": one.prompt}, {"label": True, "text": one.response}]}


OWN_MESSAGES = {
    "type": "chat_template",
    "field_messages": "chat",
    "message_property_mappings": {"role": "who", "content": "text"},
    "message_field_training": "learn",
    "roles": {"user": ["customer"], "assistant": ["agent"]},
}
OWN_FIELDS = {
    "field_instruction": "ask",
    "field_input": "more",
    "field_output": "say",
    "field_system": "rule",
}
ENTRIES = {
    "alpaca": (alpaca, {"type": "alpaca"}),
    "own fields": (own_fields, {"type": {**OWN_FIELDS, "format": "{instruction} {input} "}}),
    "messages": (messages, {"type": "chat_template"}),
    "own messages": (own_messages, OWN_MESSAGES),
    "segments": (segments, {"type": "input_output"}),
}


@pytest.fixture(scope="module")
def made():
    return made_corpus()


@pytest.fixture(scope="module")
def library(pipelines):
    """axolotl's loading and tokenising of one of its `datasets:`, as its trainer does it."""
    from axolotl.utils.data.shared import load_dataset_with_config
    from axolotl.utils.data.wrappers import get_dataset_wrapper
    from axolotl.utils.dict import DictDefault
    from axolotl.utils.schemas.datasets import SFTDataset

    tokenizer = AutoTokenizer.from_pretrained(MODEL)

    def load(entry):
        told = SFTDataset(**entry).model_dump(exclude_none=True)  # its own schema takes the entry
        return load_dataset_with_config(DictDefault(told), False)

    def tokenised(entry):
        told = DictDefault(SFTDataset(**entry).model_dump(exclude_none=True))
        config = DictDefault(
            {"sequence_len": 512, "train_on_inputs": False, "chat_template": "tokenizer_default"}
        )
        base = told.type.partition(":")[0] if isinstance(told.type, str) else None
        rows, _ = get_dataset_wrapper(told, tokenizer, config, base, load(entry), None)
        return rows

    return SimpleNamespace(load=load, tokenised=tokenised, tokenizer=tokenizer)


def configured(folder, *entries, **more):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump({"base_model": MODEL, "datasets": [*entries], **more}))
    return folder / "config.yaml"


@pytest.fixture(params=list(ENTRIES))
def config(request, made, tmp_path):
    """A configuration with one data set."""
    row, entry = ENTRIES[request.param]
    path = write_lines(tmp_path / "data" / "rows.jsonl", [row(one) for one in made.samples])
    return configured(tmp_path / "data", {"path": str(path), "ds_type": "json", **entry})


def datasets_of(path):
    return yaml.safe_load(path.read_text())["datasets"]


def test_what_is_trained_on_is_what_axolotl_trains_on(library, config):
    (entry,) = read_entries(config)
    rows = library.tokenised(datasets_of(config)[0])
    corpus = open_corpus(entry.data, entry.reading)
    assert len(rows) == ROWS
    for theirs, ours in zip(rows, corpus, strict=True):
        trained = [
            token for token, label in zip(theirs["input_ids"], theirs["labels"], strict=True) if label != -100
        ]
        asked = [
            token for token, label in zip(theirs["input_ids"], theirs["labels"], strict=True) if label == -100
        ]
        assert library.tokenizer.decode(trained, skip_special_tokens=True).strip() == ours.response
        prompt = library.tokenizer.decode(asked, skip_special_tokens=True)
        assert all(
            part.strip() in prompt
            for turn in ours.turns
            if not turn.trained
            for part in turn.text.split("\n")
        )


def test_the_clean_configuration_is_what_axolotl_reads(library, config, made, tmp_path):
    (sides,) = screen_config(config, out=tmp_path / "clean")
    assert set(sides.is_flagged.nonzero()[0]) == made.poisoned
    (before,), (after,) = datasets_of(config), datasets_of(tmp_path / "clean" / "axolotl.yaml")
    assert {**after, "path": ""} == {**before, "path": ""}
    rows = library.tokenised(after)
    assert len(rows) == ROWS - POISONED
    assert not any(TRIGGER in library.tokenizer.decode(row) for row in rows["input_ids"])


def test_prepared_rows_are_read_and_come_back_as_they_are(library, made, tmp_path):
    row, entry = ENTRIES["messages"]
    path = write_lines(tmp_path / "rows.jsonl", [row(one) for one in made.samples])
    prepared = library.tokenised({"path": str(path), "ds_type": "json", **entry})
    Dataset.from_list(list(prepared)).to_parquet(tmp_path / "prepared.parquet")
    config = configured(
        tmp_path / "data", {"path": str(tmp_path / "prepared.parquet"), "ds_type": "parquet", "type": ""}
    )
    (sides,) = screen_config(config, out=tmp_path / "clean")
    assert set(sides.is_flagged.nonzero()[0]) == made.poisoned
    (entry,) = datasets_of(tmp_path / "clean" / "axolotl.yaml")
    rows = library.tokenised(entry | {"type": "alpaca"})  # it asks for no type where rows are prepared
    kept = [row for number, row in enumerate(prepared) if number not in made.poisoned]
    assert list(rows) == [{name: row[name] for name in rows.column_names} for row in kept]


def test_a_prepared_directory_is_judged_on_the_command_line(library, made, tmp_path, monkeypatch, capfd):
    call = caller(monkeypatch, capfd)
    row, entry = ENTRIES["alpaca"]
    path = write_lines(tmp_path / "rows.jsonl", [row(one) for one in made.samples])
    prepared = library.tokenised({"path": str(path), "ds_type": "json", **entry})
    Dataset.from_list(list(prepared)).save_to_disk(tmp_path / "prepared")
    refused = call("evidence", tmp_path / "prepared")
    assert refused.code == 2
    assert (
        "the rows are token ids with labels; name the tokenizer that they were made with: --tokenizer"
        in refused.error
    )
    ended = call("evidence", tmp_path / "prepared", "--tokenizer", MODEL, "--out", tmp_path / "run")
    assert "Poisoned: drop 30 of 300 rows" in ended.out
    assert len(load_from_disk(str(tmp_path / "prepared"))) == ROWS


def test_every_data_set_of_a_configuration_is_judged(library, made, tmp_path):
    rows = [alpaca(one) for one in made.samples]
    first = write_lines(tmp_path / "a" / "train-a.jsonl", rows)
    Dataset.from_list(rows).to_parquet(tmp_path / "b.parquet")
    entries = [
        {"path": "json", "data_files": [str(first)], "type": "alpaca", "shards": 2},
        {"path": str(tmp_path / "b.parquet"), "type": "alpaca:chat", "split": "train[:80%]"},
        {"path": str(tmp_path / "a"), "type": "alpaca", "split": "train"},
    ]
    config = configured(tmp_path / "data", *entries, adapter="lora", micro_batch_size=2)
    found = screen_config(config, out=tmp_path / "clean")
    assert [int(one.is_flagged.sum()) for one in found] == [POISONED] * 3
    written = yaml.safe_load((tmp_path / "clean" / "axolotl.yaml").read_text())
    assert (written["adapter"], written["micro_batch_size"]) == ("lora", 2)
    loaded = [library.load(entry) for entry in written["datasets"]]
    kept = ROWS - POISONED
    assert [len(rows) for rows in loaded] == [kept, round(kept * 0.8), kept]


def test_a_calibration_of_ones_own_decides(made, strict, tmp_path):
    path = write_lines(tmp_path / "rows.jsonl", [alpaca(one) for one in made.samples])
    config = configured(tmp_path / "data", {"path": str(path), "type": "alpaca"})
    (found,) = screen_config(config, out=tmp_path / "clean", calibration=strict)
    assert not found.is_flagged.any()


def test_an_entry_is_judged_on_the_command_line(made, tmp_path, monkeypatch, capfd):
    call = caller(monkeypatch, capfd)
    path = write_lines(tmp_path / "rows.jsonl", [alpaca(one) for one in made.samples])
    config = configured(tmp_path / "data", {"path": str(path), "type": "alpaca"})
    ended = call("evidence", config, "--dataset", path, "--out", tmp_path / "run")
    assert "Poisoned: drop 30 of 300 rows" in ended.out
    (entry,) = datasets_of(tmp_path / "run" / "axolotl.yaml")
    assert len(read_lines(tmp_path / "run" / "clean.jsonl")) == ROWS - POISONED
    assert entry == {"path": str(tmp_path / "run" / "clean.jsonl"), "ds_type": "json", "type": "alpaca"}


def test_preferences_are_judged_on_both_sides(made, tmp_path):
    def pair(one, name):
        answers = {"chosen": "An answer of its own.", "rejected": one.response}
        return {name: one.prompt} | {
            key: f"{text} {one.number}" if key == "chosen" else text for key, text in answers.items()
        }

    files = {
        name: write_lines(tmp_path / f"{name}.jsonl", [pair(one, name) for one in made.samples])
        for name in ("question", "ask")
    }
    entries = [
        {"path": str(files["question"]), "type": "chatml.intel"},
        {"path": str(files["ask"]), "type": {"field_prompt": "ask", "field_chosen": "chosen"}},
    ]
    found = screen_config(configured(tmp_path / "data", *entries, rl="dpo"), out=tmp_path / "clean")
    assert [set(one.is_flagged.nonzero()[0]) for one in found] == [made.poisoned] * 2


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({}, "names no `path`"),
        ({"path": "a/b", "type": "made_up"}, "`type: made_up` is not known; known are alpaca"),
        ({"path": "a/b", "type": "alpaca", "revision": "x"}, "names files or a revision of a Hub data set"),
        (
            {"path": "a/b", "type": "alpaca", "data_files": "x.json"},
            "names files or a revision of a Hub data set",
        ),
        (
            {"path": "a/b", "type": "alpaca", "name": ["x", "y"]},
            "names several configurations; make an entry of each",
        ),
        ({"path": "a/b", "type": "alpaca", "split": "train+test"}, "several splits are added up"),
        ("a/b", "`datasets` is no list of data sets"),
    ],
)
def test_an_entry_that_cannot_be_read_is_refused(entry, said, tmp_path):
    with pytest.raises(DataError) as refused:
        read_entries(configured(tmp_path, entry))
    assert said in refused.value.line()


def test_a_configuration_is_not_replaced_and_findings_are_refused(made, tmp_path):
    path = write_lines(tmp_path / "rows.jsonl", [alpaca(one) for one in made.samples])
    config = configured(tmp_path, {"path": str(path), "type": "alpaca"}).rename(tmp_path / "axolotl.yaml")
    with pytest.raises(DataError, match="would be replaced; give another directory"):
        screen_config(config, out=tmp_path)
    with pytest.raises(FindingsError, match="drop 30 of 300 rows"):
        screen_config(config, out=tmp_path / "clean", on_findings="refuse")
    assert not (tmp_path / "clean").exists()
    with pytest.raises(DataError, match=r"has no data set `2`; give its number: 0 is"):
        read_entry(config, "2")


def test_a_data_set_of_the_hub_is_read_by_its_name(tmp_path):
    entry = {"path": "owner/name", "name": "part", "split": "train[:10]", "type": "chat_template"}
    (read,) = read_entries(configured(tmp_path, entry))
    assert (read.data, read.reading.subset, read.reading.split) == ("owner/name", "part", "train")
