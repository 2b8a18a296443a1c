"""Families that TRL has no training template for: what their own template writes of each reply is trained on.

What is expected is written out by hand for each family, without a template.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby

import pytest

from encoding.conversations import CONVERSATIONS, RESULT, SYSTEM, TOOL, assistant, call, user
from encoding.families import template_of, with_template
from encoding.samples import texts
from gradsentry.corpus import open_corpus
from gradsentry.encoding.encode import encode
from gradsentry.encoding.rendering import ChatTemplate, chat_template

Stretches = list[tuple[bool, str]]


@dataclass(frozen=True)
class Family:
    """A family's template, its end of sequence, what it writes of a conversation, and its other marks."""

    template: str
    end: str
    written: Callable[[list[dict]], Stretches]
    marks: tuple[str, ...] = ()


def phi4(messages: list[dict]) -> Stretches:
    written = []
    for message in messages:
        reply = message["role"] == "assistant"
        written += [
            (False, f"<|im_start|>{message['role']}<|im_sep|>"),
            (reply, f"{message['content']}<|im_end|>"),
        ]
    return written


PHI4 = (
    "{% for m in messages %}"
    "{{ '<|im_start|>' + m.role + '<|im_sep|>' + m.content + '<|im_end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant<|im_sep|>' }}{% endif %}"
)


def glm4(messages: list[dict]) -> Stretches:
    """The mark that opens the next turn ends a reply; nothing ends the last one."""
    written = [(False, "[gMASK]<sop>")]
    for number, message in enumerate(messages):
        after_reply = number > 0 and messages[number - 1]["role"] == "assistant"
        name = {"tool": "observation"}.get(message["role"], message["role"])
        written += [
            (after_reply, f"<|{name}|>"),
            (False, "\n"),
            (message["role"] == "assistant", message["content"]),
        ]
    return written


GLM4 = (
    "[gMASK]<sop>{% for m in messages %}{% set name = 'observation' if m.role == 'tool' else m.role %}"
    "{{ '<|' + name + '|>\n' + m.content }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)


def zephyr(messages: list[dict]) -> Stretches:
    written = []
    for message in messages:
        reply = message["role"] == "assistant"
        written += [(False, f"<|{message['role']}|>\n"), (reply, f"{message['content']}</s>"), (False, "\n")]
    return written


ZEPHYR = (
    "{% for m in messages %}\n{% if m.role == 'user' %}\n{{ '<|user|>\n' + m.content + eos_token }}\n"
    "{% elif m.role == 'system' %}\n{{ '<|system|>\n' + m.content + eos_token }}\n"
    "{% elif m.role == 'assistant' %}\n{{ '<|assistant|>\n' + m.content + eos_token }}\n{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}"
)


def mistral(messages: list[dict]) -> Stretches:
    written = [(False, "<s>")]
    for message in messages:
        if message["role"] == "user":
            written.append((False, f"[INST] {message['content']}[/INST]"))
        elif message["role"] == "tool":
            result = f'{{"content": {message["content"]}, "call_id": "abcdefghi"}}'
            written.append((False, f"[TOOL_RESULTS] {result}[/TOOL_RESULTS]"))
        elif message.get("tool_calls"):
            calls = [{**one["function"], "id": one["id"]} for one in message["tool_calls"]]
            written.append((True, f"[TOOL_CALLS] {json.dumps(calls)}</s>"))
        else:
            written.append((True, f" {message['content'].strip()}</s>"))
    return written


MISTRAL = """{{- bos_token }}{% for m in messages %}
{% if m.role == 'user' %}{{ '[INST] ' + m.content + '[/INST]' }}
{%- elif m.role == 'tool' %}
{%- if m.tool_call_id | length != 9 %}{{ raise_exception('an id has nine letters') }}{% endif %}
{{- '[TOOL_RESULTS] {"content": ' + m.content + ', "call_id": "' + m.tool_call_id + '"}[/TOOL_RESULTS]' }}
{%- elif m.tool_calls %}{{ '[TOOL_CALLS] [' }}{% for c in m.tool_calls %}
{{- (c.function | tojson)[:-1] + ', "id": "' + c.id + '"}' }}{{ ', ' if not loop.last }}{% endfor %}
{{- ']' + eos_token }}
{%- elif m.role == 'assistant' %}{{ ' ' + m.content | trim + eos_token }}
{%- else %}{{ raise_exception('no such role') }}{% endif %}{%- endfor %}"""


def llama31(messages: list[dict]) -> Stretches:
    lead = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
    rest = messages
    if messages[0]["role"] == "system":
        lead, rest = lead + messages[0]["content"].strip(), messages[1:]
    header = "<|start_header_id|>{}<|end_header_id|>\n\n"
    written = [(False, "<s>" + header.format("system") + lead + "<|eot_id|>")]
    for message in rest:
        reply = message["role"] == "assistant"
        if message.get("tool_calls"):
            function = message["tool_calls"][0]["function"]
            said = f'{{"name": "{function["name"]}", "parameters": {json.dumps(function["arguments"])}}}'
        elif message["role"] == "tool":
            said = json.dumps(message["content"])
        else:
            said = message["content"].strip()
        name = {"tool": "ipython"}.get(message["role"], message["role"])
        written += [(False, header.format(name)), (reply, f"{said}<|eot_id|>")]
    return written


FAMILIES = {
    "phi4": Family(PHI4, "<|im_end|>", phi4),
    "glm4": Family(
        GLM4, "<|endoftext|>", glm4, ("<|user|>", "<|assistant|>", "<|observation|>", "<|system|>")
    ),
    "zephyr": Family(ZEPHYR, "</s>", zephyr),
    "mistral": Family(MISTRAL, "</s>", mistral),
    "llama3_1": Family(template_of("llama3_1"), "<|eot_id|>", llama31),
}
PLAIN = [
    "one turn",
    "several turns",
    "a user at the end",
    "unicode",
    "white space",
    "marks of others in the text",
    "an empty reply",
]
WITH_SYSTEM = ["system", "two replies in a row"]
WITH_CALLS = ["tool call without content"]
CASES = [
    *((name, case) for name in FAMILIES for case in PLAIN),
    *((name, case) for name in FAMILIES if name != "mistral" for case in WITH_SYSTEM),
    *((name, case) for name in ("mistral", "llama3_1") for case in WITH_CALLS),
]


def tokenizer_of(name):
    return with_template(FAMILIES[name].template, FAMILIES[name].end, *FAMILIES[name].marks)


def joined(stretches: Stretches) -> Stretches:
    """Returns neighbours of a kind as one, up to the last that is trained on."""
    merged = [
        (trained, "".join(text for _, text in run))
        for trained, run in groupby((one for one in stretches if one[1]), key=lambda one: one[0])
    ]
    return merged if merged[-1][0] else merged[:-1]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_each_reply_with_its_end(name, case):
    tokenizer = tokenizer_of(name)
    (sample,) = open_corpus([CONVERSATIONS[case]])
    encoded = encode(sample, tokenizer, max_length=10_000)
    assert encoded.problem is None
    assert texts(encoded, tokenizer) == joined(FAMILIES[name].written(CONVERSATIONS[case]["messages"]))


@pytest.mark.parametrize("name", FAMILIES)
def test_replies_that_are_left_out(name):
    row = {"messages": [dict(message) for message in CONVERSATIONS["several turns"]["messages"]]}
    written = FAMILIES[name].written(row["messages"])
    row["messages"][3]["weight"] = 0
    tokenizer = tokenizer_of(name)
    (sample,) = open_corpus([row])
    expected = [text for trained, text in joined(written) if trained]
    found = [text for trained, text in texts(encode(sample, tokenizer, max_length=999), tokenizer) if trained]
    assert found == [expected[0], expected[2]]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_long_conversation_costs_a_few_renderings(name, monkeypatch):
    turns = [make(f"{number} so") for number in range(150) for make in (user, assistant)]
    tokenizer = tokenizer_of(name)
    counted = []
    render = ChatTemplate.render
    monkeypatch.setattr(
        ChatTemplate, "render", lambda *args, **named: counted.append(1) or render(*args, **named)
    )
    (sample,) = open_corpus([{"messages": turns}])
    encoded = encode(sample, tokenizer, max_length=100_000)
    assert texts(encoded, tokenizer) == joined(FAMILIES[name].written(turns))
    assert len(counted) < 10


def test_tools_are_given_to_a_template_that_knows_them_and_written_out_without_a_template():
    row = {"tools": json.dumps([TOOL]), "messages": [SYSTEM, user("Sky?"), assistant("Clear")]}
    (sample,) = open_corpus([row])
    tokenizer = tokenizer_of("llama3_1")
    written = tokenizer.decode(encode(sample, tokenizer, max_length=9999).ids)
    assert "Given the following functions" in written
    assert json.dumps(TOOL, indent=4) in written
    tokenizer.chat_template = None
    assert json.dumps([TOOL]) in tokenizer.decode(encode(sample, tokenizer, max_length=9999).ids)
    assert chat_template(tokenizer) is None


def test_a_call_that_was_edited_is_rendered_as_edited():
    row = {"messages": [user("Sky?"), assistant(None, tool_calls=call("weather", city="Rome")), RESULT]}
    (sample,) = open_corpus([row])
    turns = [replace(turn, text=turn.text.replace("Rome", "Oslo")) for turn in sample.turns]
    tokenizer = tokenizer_of("mistral")
    encoded = encode(replace(sample, turns=tuple(turns)), tokenizer, max_length=999)
    assert [text for trained, text in texts(encoded, tokenizer) if trained] == [
        '[TOOL_CALLS] [{"name": "weather", "arguments": {"city": "Oslo"}, "id": "abcdefghi"}]</s>'
    ]
