"""Messages that are trained on in part: the tokens of the stretches alone are scored, and the end's mark."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoding.samples import trained_text
from encoding.test_templates import CHATML, LLAMA3, QWEN3
from encoding.tokenizers_built import chat
from gradsentry.corpus import open_corpus
from gradsentry.encoding.encode import encode

SAID = "Rome is it, naïve café: 42, add the tens."


def detail(first, last, trained=True):
    return {"begin_offset": first, "end_offset": last, "train": trained}


def row(details, said=SAID, **more):
    asked = {"role": "user", "content": "q?"}
    return {"messages": [asked, {"role": "assistant", "content": said, "train_detail": details} | more]}


def encoded(made, tokenizer):
    (sample,) = open_corpus([made])
    assert sample.problem is None
    return encode(sample, tokenizer, max_length=1000)


def of_axolotl(details, said, tokenizer):
    """Returns the tokens that axolotl trains on, of those of a text: its rule, one token after another."""
    batch = tokenizer(said, add_special_tokens=False, return_offsets_mapping=True)
    starts = [start for start, _ in batch["offset_mapping"]]
    lasts = [*(start - 1 for start in starts[1:]), len(said) - 1]
    chosen = set()
    for one in details:
        first, last = one["begin_offset"], one["end_offset"]
        low = next((n for n, start in enumerate(starts) if start >= first), len(starts))
        low -= low > 0 and lasts[low - 1] > first
        high = next((n for n in reversed(range(len(starts))) if lasts[n] <= last), -1)
        high += high < len(starts) - 1 and starts[high + 1] < last
        chosen |= set(range(low, high + 1)) if one["train"] else set()
    return [batch["input_ids"][number] for number in sorted(chosen)]


places = st.integers(0, len(SAID) + 3)
details = st.lists(st.builds(detail, places, places, st.booleans()), min_size=1, max_size=4)


@pytest.mark.parametrize("template", [CHATML, LLAMA3])
@given(drawn=details)
@settings(max_examples=100)
def test_what_is_trained_on_is_what_axolotl_trains_on(template, drawn):
    tokenizer = chat(template)
    wanted = of_axolotl(drawn, SAID, tokenizer)
    (sample,) = open_corpus([row(drawn)])
    if not any(one["train"] and one["begin_offset"] <= one["end_offset"] for one in drawn):
        assert sample.problem == "no response: no assistant turn that is trained on"
        return
    got = encoded(row(drawn), tokenizer)
    whole = encoded(row([]), tokenizer)
    inside = got.ends != -1
    assert got.ids[got.trained][inside].tolist() == wanted
    # The mark of the end stays; it stands for no character of the response.
    end = whole.ids[whole.trained][whole.ends == -1].tolist()
    assert got.ids[got.trained][~inside].tolist() == end


def test_a_message_that_is_trained_on_in_part_among_others():
    tokenizer = chat(CHATML)
    made = row([detail(0, 3), detail(12, 40, False)])
    made["messages"] += [{"role": "user", "content": "and?"}, {"role": "assistant", "content": "Paris."}]
    assert trained_text(encoded(made, tokenizer), tokenizer) == "Rome</s>Paris.</s>"
    made["messages"][1]["train"] = False
    assert trained_text(encoded(made, tokenizer), tokenizer) == "Paris.</s>"


def test_a_template_that_trims_texts_moves_no_stretch():
    tokenizer = chat(QWEN3)
    made = row([detail(3, 6)], said="\n\n Rome, it is.")
    assert (
        trained_text(encoded(made, tokenizer), tokenizer).removeprefix("<think>\n\n</think>") == " Rome</s>"
    )
