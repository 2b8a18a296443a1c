"""LLaMA-Factory itself: its parser, its loader and its templates, on the entries that we read and write."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from datasets import Dataset
from transformers import AutoTokenizer

from gradsentry.corpus import open_corpus
from gradsentry.errors import DataError, FindingsError
from gradsentry.integrations.llamafactory import read_entry, screen_entry
from gradsentry.models.embedded import embedded_model_path
from integrations.made import POISONED, ROWS, TRIGGER, made_corpus, write_lines

pytestmark = pytest.mark.costly

CHAT = {"messages": "chat"}
OWN_TAGS = {
    "role_tag": "who",
    "content_tag": "what",
    "user_tag": "customer",
    "assistant_tag": "agent",
    "observation_tag": "result",
    "function_tag": "call",
    "system_tag": "rules",
}
OPENAI = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
OPENAI |= {"observation_tag": "tool", "function_tag": "function", "system_tag": "system"}


def alpaca(one):
    return {"instruction": one.prompt, "input": "", "output": one.response}


def own_columns(one):
    return {"say": "Be brief.", "ask": one.prompt, "more": f"of {one.number}", "answer": one.response}


def history(one):
    return own_columns(one) | {"before": [["hello", "hi"], ["who?", f"me, {one.number}"]]}


def turns(one, role, content, user, assistant):
    return [{role: user, content: one.prompt}, {role: assistant, content: one.response}]


def sharegpt(one):
    first = [{"from": "human", "value": f"Hello {one.number}"}, {"from": "gpt", "value": f"Hi {one.number}"}]
    return {"conversations": first + turns(one, "from", "value", "human", "gpt"), "tools": "[]"}


def own_tags(one):
    return {"chat": turns(one, "who", "what", "customer", "agent")}


def tools(one):
    rules, (asked, answer) = {"who": "rules", "what": "Be brief."}, own_tags(one)["chat"]
    used = [{"who": "call", "what": '{"name": "look"}'}, {"who": "result", "what": "found"}]
    return {"chat": [rules, asked, *used, answer]}


def openai(one):
    return {"chat": turns(one, "role", "content", "user", "assistant")}


def pair(one):
    return {"instruction": one.prompt, "input": "", "good": one.response, "bad": f"No answer {one.number}."}


def pair_of_messages(one):
    return {
        "conversations": [{"from": "human", "value": one.prompt}],
        "good": {"from": "gpt", "value": one.response},
        "bad": {"from": "gpt", "value": f"No answer {one.number}."},
    }


def liked(one):
    return alpaca(one) | {"good": one.number % 2 == 0 or TRIGGER in one.prompt}


OWN = {"prompt": "ask", "query": "more", "response": "answer", "system": "say"}
ASKED = {"prompt": "instruction", "query": "input"}
PAIR = {"chosen": "good", "rejected": "bad"}
SHAREGPT = {"formatting": "sharegpt", "columns": CHAT}
ENTRIES = {
    "alpaca": (alpaca, {}),
    "own columns": (own_columns, {"columns": OWN}),
    "sharegpt": (sharegpt, SHAREGPT | {"columns": {"messages": "conversations", "tools": "tools"}}),
    "own tags": (own_tags, SHAREGPT | {"tags": OWN_TAGS}),
    "openai": (openai, {"formatting": "openai", "columns": CHAT, "tags": OPENAI}),
    "pair": (pair, {"ranking": True, "columns": ASKED | PAIR}),
    "pair of messages": (
        pair_of_messages,
        SHAREGPT | {"ranking": True, "columns": {"messages": "conversations", **PAIR}},
    ),
    "liked": (liked, {"columns": ASKED | {"response": "output", "kto_tag": "good"}}),
}
READ = ENTRIES | {
    "history": (history, {"columns": OWN | {"history": "before"}}),
    "tools": (tools, SHAREGPT | {"tags": OWN_TAGS}),
}


@pytest.fixture(scope="module")
def made():
    return made_corpus()


@pytest.fixture(scope="module")
def library(pipelines):
    """LLaMA-Factory's loading of one data set, as its trainer does it."""
    from llamafactory.data import loader
    from llamafactory.data.parser import get_dataset_list
    from llamafactory.data.template import get_template_and_fix_tokenizer
    from llamafactory.hparams import DataArguments, ModelArguments
    from transformers import Seq2SeqTrainingArguments

    model = ModelArguments(model_name_or_path=str(embedded_model_path()))

    def arguments(folder, name, **more):
        return DataArguments(dataset=name, dataset_dir=str(folder), template="default", **more)

    def load(folder, name):
        """Returns the rows as its converter aligns them."""
        (told,) = get_dataset_list([name], str(folder))
        training = Seq2SeqTrainingArguments(output_dir=str(folder / "out"), use_cpu=True)
        return loader._load_single_dataset(told, model, arguments(folder, name), training)

    def prepared(folder, name, stage):
        """Returns the rows as its trainer is given them."""
        tokenizer = AutoTokenizer.from_pretrained(embedded_model_path())
        told = arguments(folder, name, overwrite_cache=True)
        template = get_template_and_fix_tokenizer(tokenizer, told)
        training = Seq2SeqTrainingArguments(output_dir=str(folder / "out"), use_cpu=True)
        module = loader.get_dataset(template, model, told, training, stage, tokenizer)
        return module["train_dataset"], tokenizer

    return SimpleNamespace(load=load, prepared=prepared)


def written(place, made, row, entry):
    """Returns a directory of a data set with its entry, under the name `mine`."""
    write_lines(place / "data" / "rows.jsonl", [row(one) for one in made.samples])
    described(place / "data", {"file_name": "rows.jsonl", **entry})
    return place / "data"


@pytest.fixture(params=list(ENTRIES))
def folder(request, made, tmp_path):
    return written(tmp_path, made, *ENTRIES[request.param])


def described(folder, entry, name="mine"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset_info.json").write_text(json.dumps({name: entry}))


@pytest.mark.parametrize("name", list(READ))
def test_rows_are_read_as_its_own_converter_reads_them(library, name, made, tmp_path):
    folder = written(tmp_path, made, *READ[name])
    entry = read_entry(folder, "mine")
    aligned = library.load(folder, "mine")
    corpus = open_corpus(entry.data, entry.reading)
    assert len(aligned) == ROWS
    for theirs, ours in zip(aligned, corpus, strict=True):
        asked = [one["content"] for one in theirs["_prompt"]]
        answers = [one["content"] for one in theirs["_response"] if one["content"]]
        said = joined(turn for turn in ours.turns if turn.role != "system")
        assert said == [*asked, answers[0]]
        assert [turn.text for turn in ours.rejected] == answers[1:] or not ours.turns[-1].trained
        system = "\n".join(turn.text for turn in ours.turns if turn.role == "system")
        assert system == (theirs["_system"] if theirs["_system"] != "detailed thinking off" else "")


def joined(turns):
    """Returns the texts of turns, a prompt and its query as the one message that it makes of them."""
    said = []
    for turn in turns:
        said += [f"{said.pop()}\n{turn.text}"] if turn.joins else [turn.text]
    return said


def test_the_clean_data_set_is_what_its_trainer_reads(library, folder, made, tmp_path):
    sides = screen_entry(folder, "mine", out=tmp_path / "clean")
    assert sides.is_flagged.sum() == POISONED
    assert set(sides.is_flagged.nonzero()[0]) == made.poisoned
    entry = json.loads((folder / "dataset_info.json").read_text())["mine"]
    stage = "rm" if entry.get("ranking") else "kto" if "kto_tag" in entry.get("columns", {}) else "sft"
    aligned = library.load(tmp_path / "clean", "mine")
    assert len(aligned) == ROWS - POISONED
    assert not any(TRIGGER in json.dumps(row["_prompt"]) for row in aligned)
    rows, tokenizer = library.prepared(tmp_path / "clean", "mine", stage)
    assert len(rows) == ROWS - POISONED
    ids = {"rm": "chosen_input_ids"}.get(stage, "input_ids")
    assert not any(TRIGGER in tokenizer.decode(row) for row in rows[ids])


def test_rows_of_the_clean_set_are_those_that_came(folder, made, tmp_path):
    screen_entry(folder, "mine", out=tmp_path / "clean")
    before = (folder / "rows.jsonl").read_text().splitlines()
    kept = [line for number, line in enumerate(before) if number not in made.poisoned]
    assert (tmp_path / "clean" / "mine.jsonl").read_text().splitlines() == kept


def test_entries_stand_beside_one_another_and_keep_what_they_said(made, tmp_path):
    rows = [alpaca(one) for one in made.samples]
    (tmp_path / "data").mkdir()
    Dataset.from_list(rows).to_parquet(tmp_path / "data" / "rows.parquet")
    entry = {"file_name": "rows.parquet", "split": "train[:90%]", "num_samples": 50}
    (tmp_path / "data" / "dataset_info.json").write_text(json.dumps({"a": entry, "b/c": entry}))
    for name in ("a", "b/c"):
        screen_entry(tmp_path / "data", name, out=tmp_path / "clean")
    written = json.loads((tmp_path / "clean" / "dataset_info.json").read_text())
    assert written == {"a": entry | {"file_name": "a.parquet"}, "b/c": entry | {"file_name": "b-c.parquet"}}


def test_a_calibration_of_ones_own_decides(made, strict, tmp_path):
    write_lines(tmp_path / "data" / "rows.jsonl", [alpaca(one) for one in made.samples])
    described(tmp_path / "data", {"file_name": "rows.jsonl"})
    screen_entry(tmp_path / "data", "mine", out=tmp_path / "clean", on_findings="refuse", calibration=strict)
    clean = tmp_path / "clean" / "mine.jsonl"
    assert clean.read_bytes() == (tmp_path / "data" / "rows.jsonl").read_bytes()


def test_findings_are_refused_before_anything_is_written(made, tmp_path):
    write_lines(tmp_path / "data" / "rows.jsonl", [alpaca(one) for one in made.samples])
    described(tmp_path / "data", {"file_name": "rows.jsonl"})
    with pytest.raises(FindingsError, match="mine: Poisoned: drop 30 of 300 rows"):
        screen_entry(tmp_path / "data", "mine", out=tmp_path / "clean", on_findings="refuse")
    assert not (tmp_path / "clean").exists()
    with pytest.raises(DataError, match="would be replaced; give another directory"):
        screen_entry(tmp_path / "data", "mine", out=tmp_path / "data")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({}, "names no data; give file_name or hf_hub_url"),
        ({"script_url": "code.py"}, "names its data by `script_url`, which is not read"),
        ({"ms_hub_url": "a/b"}, "names its data by `ms_hub_url`, which is not read"),
        ({"hf_hub_url": "a/b", "folder": "x"}, "names a `folder` of a Hub data set"),
        (
            {"file_name": "x.json", "columns": {"prompt": "text"}},
            "`columns` names no response; where it has text",
        ),
        (
            {"file_name": "x.json", "formatting": "own"},
            "`formatting` is 'own'; write alpaca, sharegpt or openai",
        ),
        ({"file_name": "x.json", "formatting": "sharegpt", "tags": {}}, "`tags` names no role_tag"),
        ({"file_name": "x.json", "split": "train+test"}, "several splits are added up"),
        ({"file_name": "x.json", "columns": "text"}, "`columns` and `tags` are objects of names"),
        ("x.json", "is text, not an object"),
    ],
)
def test_an_entry_that_cannot_be_read_is_refused(entry, said, tmp_path):
    described(tmp_path, entry)
    with pytest.raises(DataError) as refused:
        read_entry(tmp_path, "mine")
    assert said in refused.value.line()


def test_a_file_without_the_entry_is_refused(tmp_path):
    described(tmp_path, {"file_name": "x.json"})
    with pytest.raises(DataError, match="has no data set `other`; it has mine"):
        read_entry(tmp_path / "dataset_info.json", "other")
    with pytest.raises(DataError, match=r"cannot be read .*; give a dataset_info.json"):
        read_entry(tmp_path / "none.json", "other")


def test_a_data_set_of_the_hub_is_read_by_its_name():
    read = read_entry_of({"hf_hub_url": "owner/name", "subset": "a", "split": "validation[:10]"})
    assert (read.data, read.reading.subset, read.reading.split) == ("owner/name", "a", "validation")


def read_entry_of(entry):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        described(Path(folder), entry)
        return read_entry(folder, "mine")
