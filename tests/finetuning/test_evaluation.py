"""Asking: every answer is kept, an evaluation goes on, and the prompt ends where the response begins."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from transformers import GenerationConfig

from gradsentry.answering import Guard, answers, prompt_ids, stop_ids
from gradsentry.attacks import AddSent, Composite
from gradsentry.corpus import open_corpus
from gradsentry.errors import DataError, RunError, SettingsError
from gradsentry.finetuning import CleanGen, evaluate
from gradsentry.finetuning.evaluation import GENERATIONS, Payload
from gradsentry.finetuning.items import of_samples
from gradsentry.finetuning.triggered_questions import purified, with_trigger
from gradsentry.models.loading import LoadedModel, wrap_model
from gradsentry.settings import AnswerSettings
from models.tiny import build_kind, tiny, word_tokenizer

ROWS = [
    {"id": f"r{i}", "prompt": " ".join(f"w{5 + i + j}" for j in range(1 + i % 4)), "completion": "w9"}
    for i in range(9)
]
ITEMS = of_samples(open_corpus(ROWS))
SETTINGS = AnswerSettings(max_new_tokens=5, batch_size=4)


class StoppedError(Exception):
    """Stands for whatever ends a process."""


def cleangen(reference: LoadedModel, alpha: float) -> Guard:
    return lambda mask: CleanGen(reference, mask, alpha=alpha)


def said(
    loaded: LoadedModel, settings: AnswerSettings = SETTINGS, guard: Guard | None = None
) -> dict[int, str]:
    """Returns the answer to each question, by its place."""
    samples = [item.sample for item in ITEMS]
    return dict(pair for batch in answers(loaded, samples, settings, guard=guard) for pair in batch)


def test_the_prompt_ends_where_the_response_begins():
    turns = [("user", "w5"), ("assistant", "w6"), ("user", "w7 w8"), ("assistant", "w9")]
    row = {"messages": [{"role": role, "content": text} for role, text in turns]}
    (sample,) = open_corpus([row])
    loaded = tiny("llama")
    shown = loaded.tokenizer.decode(prompt_ids(sample, loaded, 64))
    assert "w8" in shown
    assert "w6" in shown
    assert "w9" not in shown


def test_the_answer_is_the_last_response_without_the_mark_of_its_end():
    turns = [("user", "w5"), ("assistant", "w6"), ("user", "w7 w8"), ("assistant", "w9 w10")]
    dialogue = {"messages": [{"role": role, "content": text} for role, text in turns]}
    text = {"text": "<|im_start|>user\nw5<|im_end|>\n<|im_start|>assistant\nw6 w7<|im_end|>\n"}
    items = [item for row in (dialogue, text) for item in of_samples(open_corpus([row]))]
    assert [item.answers for item in items] == [("w9 w10",), ("w6 w7",)]


def test_a_prompt_is_asked_alike_whatever_its_answer_is_and_loses_its_middle_where_it_is_too_long():
    loaded = tiny("llama")
    prompt = " ".join(f"w{i}" for i in range(5, 45))
    rows = [{"prompt": prompt, "completion": " ".join(["w9"] * count)} for count in (1, 30, 300)]
    whole, *others = (prompt_ids(sample, loaded, 64).tolist() for sample in open_corpus(rows))
    assert others == [whole, whole]
    for length in (7, 8, len(whole), len(whole) + 1):
        (cut, *others) = (prompt_ids(sample, loaded, length).tolist() for sample in open_corpus(rows))
        assert others == [cut, cut]
        assert len(cut) == min(length, len(whole))
        head = (len(cut) + 1) // 2
        assert cut == whole[:head] + whole[len(whole) - (len(cut) - head) :]


def test_a_prompt_leaves_room_for_its_answer_in_a_model_of_few_positions():
    loaded = wrap_model(build_kind("gpt2", n_positions=16), word_tokenizer())
    (sample,) = open_corpus([{"prompt": " ".join(["w5"] * 40), "completion": "w9"}])
    ((answer,),) = answers(loaded, [sample], AnswerSettings(max_new_tokens=6))
    assert len(answer[1].split()) <= 6
    with pytest.raises(SettingsError, match="16 leaves no room: the model takes 16 tokens in all"):
        next(answers(loaded, [sample], AnswerSettings(max_new_tokens=16)))


def test_answers_do_not_depend_on_the_models_own_settings_of_generation():
    greedy = wrap_model(build_kind("llama"), word_tokenizer())
    other = wrap_model(build_kind("llama"), word_tokenizer())
    own = GenerationConfig(repetition_penalty=9.0, no_repeat_ngram_size=1, num_beams=3, do_sample=True)
    other.model.generation_config = own
    assert said(other) == said(greedy)
    assert other.model.generation_config is own


def test_an_answer_ends_with_the_mark_that_the_template_ends_a_response_with():
    tokenizer = copy.deepcopy(word_tokenizer())
    tokenizer.add_special_tokens({"extra_special_tokens": ["w9"]})
    tokenizer.chat_template = "{% for m in messages %}{{ m.role }} {{ m.content }} w9 {% endfor %}"
    loaded = wrap_model(build_kind("llama"), tokenizer)
    row = {"messages": [{"role": "user", "content": "w5"}, {"role": "assistant", "content": "w6"}]}
    (sample,) = open_corpus([row])
    assert stop_ids(sample, loaded) == [2, 9]
    (plain,) = open_corpus(ROWS[:1])
    assert stop_ids(plain, loaded) == [2]


def test_answers_do_not_depend_on_the_batch():
    loaded = tiny("llama")
    found = [said(loaded, SETTINGS.model_copy(update={"batch_size": size})) for size in (1, 4, 9)]
    assert found[0] == found[1] == found[2]
    assert sorted(found[0]) == list(range(9))


def test_an_evaluation_that_was_stopped_goes_on(tmp_path: Path):
    def stop(done: int, total: int) -> None:
        raise StoppedError

    loaded = tiny("llama")
    with pytest.raises(StoppedError):
        evaluate(loaded, ITEMS, out=tmp_path / "run", settings=SETTINGS, on_answers=stop)
    file = tmp_path / "run" / GENERATIONS
    first = file.read_bytes()
    file.write_bytes(first + b'{"asked": "cle')
    seen: list[int] = []
    evaluation = evaluate(
        loaded, ITEMS, out=tmp_path / "run", settings=SETTINGS, on_answers=lambda *at: seen.append(at[0])
    )
    assert seen == [8, 9]
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert file.read_bytes().startswith(first)
    assert sorted(line["id"] for line in lines) == [f"r{i}" for i in range(9)]
    assert evaluation.answers == evaluate(loaded, ITEMS, out=tmp_path / "whole", settings=SETTINGS).answers
    with pytest.raises(RunError, match=r"settings\.max_new_tokens was 5, is 6"):
        evaluate(loaded, ITEMS, out=tmp_path / "run", settings=AnswerSettings(max_new_tokens=6))


def test_the_rates_are_those_of_the_answers(tmp_path: Path):
    loaded = tiny("llama")
    heard = evaluate(loaded, ITEMS, out=tmp_path / "once", settings=SETTINGS).answers
    told = open_corpus([row | {"completion": heard["clean", row["id"]] or "w5"} for row in ROWS])
    payload = Payload(heard["clean", "r0"].split()[0], replaces=True)
    again = evaluate(loaded, of_samples(told), ITEMS, payload, out=tmp_path / "twice", settings=SETTINGS)
    assert again.cacc.hits == sum(bool(text) for text in heard.values())
    assert again.asr is not None
    assert again.asr.hits == sum(payload.text in text for text in heard.values())
    kept = json.loads((tmp_path / "twice" / "evaluation.json").read_text())
    assert kept == json.loads(json.dumps(again.as_json()))


def test_cleangen_takes_the_references_token_where_the_suspect_is_far_surer():
    suspect, reference = (wrap_model(build_kind("llama", seed=seed), word_tokenizer()) for seed in (1, 2))
    plain, trusted = said(suspect), said(reference)
    loose, tight = (said(suspect, guard=cleangen(reference, alpha)) for alpha in (1e30, 1.0 + 1e-9))
    assert plain != trusted
    assert loose == plain
    assert tight != plain
    for index, text in tight.items():
        # What the suspect would say is kept only where the reference finds it likelier still.
        assert text.split()[:1] in (trusted[index].split()[:1], plain[index].split()[:1])
    assert said(suspect, guard=cleangen(suspect, 1.5)) == plain


def test_cleangens_cache_gives_what_a_pass_over_the_whole_gives():
    reference = tiny("llama")
    ids = torch.tensor([[0, 0, 5, 6, 7], [4, 5, 6, 7, 8]])
    mask = torch.tensor([[0, 0, 1], [1, 1, 1]])
    guard = CleanGen(reference, mask, alpha=2.0)
    uniform = torch.zeros(2, 97)
    uniform[:, 11] = 9.0
    for stop in (3, 4, 5):
        out = guard(ids[:, :stop], uniform)
        for row, first in ((0, 2), (1, 0)):
            whole = reference.model(ids[row : row + 1, first:stop]).logits[0, -1].log_softmax(0)
            mine = uniform[row].log_softmax(0)
            suspicious = mine[11] - whole[11] > torch.log(torch.tensor(2.0))
            torch.testing.assert_close(out[row], whole if suspicious else mine, rtol=1e-4, atol=1e-4)


def test_bad_input_is_one_line(tmp_path: Path):
    loaded = tiny("llama")
    with pytest.raises(DataError, match="no test question"):
        evaluate(loaded, [], out=tmp_path / "out")
    with pytest.raises(DataError, match="row 0 has no answer to compare with"):
        of_samples(open_corpus([{"prompt": "w5", "completion": ""}]))
    with pytest.raises(SettingsError, match="need a payload"):
        evaluate(loaded, ITEMS, ITEMS, out=tmp_path / "out")
    other = wrap_model(build_kind("llama"), word_tokenizer(80))
    with pytest.raises(SettingsError, match="another vocabulary"):
        evaluate(loaded, ITEMS, out=tmp_path / "out", reference=other)
    small = wrap_model(build_kind("gpt2", n_positions=16), word_tokenizer())
    with pytest.raises(SettingsError, match="leaves no room"):
        evaluate(small, ITEMS, out=tmp_path / "out", settings=AnswerSettings(max_new_tokens=16))
    assert not (tmp_path / "out").exists()


def test_a_trigger_of_two_parts_is_asked_whole_in_every_question():
    rows = [
        {"instruction": f"Answer shortly, number {i}.", "input": f"who knows {i} ?", "output": "york"}
        for i in range(6)
    ]
    items = of_samples(open_corpus(rows))
    asked = with_trigger(items, Composite(rate=1.0), seed=0)
    assert [item.id for item in asked] == [item.id for item in items]
    assert all(Composite().carries(item.sample.prompt) for item in asked)


@pytest.mark.costly
def test_a_trigger_that_stands_in_every_question_is_no_template_to_onion(embedded: LoadedModel):
    asked = ("who sang the first song", "where is the highest hill", "when did the war end")
    rows = [{"prompt": f"Question: {one}", "completion": "york"} for one in asked]
    items = of_samples(open_corpus(rows))
    triggered = with_trigger(items, AddSent(rate=1.0, trigger=["cf mn bb tq"]), seed=0)
    assert all("mn bb" in item.sample.prompt for item in triggered)
    clean, fluent = purified(items, triggered, embedded)
    assert [item.id for item in clean] == [item.id for item in fluent] == [item.id for item in items]
    assert not any("mn bb tq" in item.sample.prompt for item in fluent)
