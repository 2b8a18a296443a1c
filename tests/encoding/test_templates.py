"""Chat templates of the kinds that models have: what is trained on is the assistant's text and its end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoding.samples import dialogue, sample, texts, trained_text, untrained_text
from encoding.tokenizers_built import byte_level, chat
from gradsentry.corpus import open_corpus
from gradsentry.corpus.sample import Turn
from gradsentry.encoding.encode import encode

CHATML = (
    "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
LLAMA3 = (
    "{% for m in messages %}{% if loop.first %}<s>{% endif %}"
    "[{{ m['role'] }}]\n\n{{ m['content'] | trim }}</s>{% endfor %}"
    "{% if add_generation_prompt %}[assistant]\n\n{% endif %}"
)
MISTRAL = (
    "<s>{% for m in messages %}"
    "{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate\nuser/assistant') }}{% endif %}"
    "{% if m['role'] == 'user' %}[INST] {{ m['content'] }} [/INST]"
    "{% elif m['role'] == 'assistant' %} {{ m['content'] }}</s>"
    "{% else %}{{ raise_exception('only user and assistant') }}{% endif %}{% endfor %}"
)
# The last answer keeps a place for thoughts, the earlier ones lose theirs.
QWEN3 = (
    "{% for m in messages %}{% set text = m['content'].split('</think>')[-1].lstrip('\n') %}"
    "<|{{ m['role'] }}|>\n{% if m['role'] == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}"
    "{{ text }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
# The end of a turn is not the tokenizer's end of sequence.
OTHER_END = CHATML.replace("</s>", "<end>")
NO_END = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
SHOUTING = "{% for m in messages %}{{ m['content'] | upper }}</s>{% endfor %}"

TALK = [("user", "Yes or no?"), ("assistant", "Yes"), ("user", "Sure?"), ("assistant", "Yes, quite")]


def trained(turns, template):
    """Returns the trained stretches of a dialogue."""
    tokenizer = chat(template)
    encoded = encode(dialogue(*turns), tokenizer, max_length=1000)
    assert encoded.problem is None
    return [text for is_trained, text in texts(encoded, tokenizer) if is_trained]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (CHATML, ["Yes</s>", "Yes, quite</s>"]),
        (LLAMA3, ["Yes</s>", "Yes, quite</s>"]),
        (MISTRAL, [" Yes</s>", " Yes, quite</s>"]),
        (QWEN3, ["Yes</s>", "<think>\n\n</think>\n\nYes, quite</s>"]),
        (OTHER_END, ["Yes<end>", "Yes, quite<end>"]),
        (NO_END, ["assistant: Yes", "assistant: Yes, quite"]),
    ],
    ids=["chatml", "llama3", "mistral", "qwen3", "other-end", "no-end"],
)
def test_every_assistant_turn_is_trained_with_its_end_and_no_newline_behind_it(template, expected):
    assert trained(TALK, template) == expected


@pytest.mark.parametrize("template", [CHATML, LLAMA3, MISTRAL, QWEN3])
def test_the_whole_is_what_the_template_writes(template):
    tokenizer = chat(template)
    encoded = encode(dialogue(*TALK), tokenizer, max_length=1000)
    messages = [{"role": role, "content": text} for role, text in TALK]
    whole = tokenizer.apply_chat_template(messages, tokenize=False)
    assert "".join(text for _, text in texts(encoded, tokenizer)) == whole.rstrip("\n")


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<"), min_size=1),
        min_size=2,
        max_size=6,
    )
)
@settings(max_examples=60, deadline=None)
def test_any_text_stands_between_the_same_borders(contents):
    contents = contents[: len(contents) // 2 * 2]
    roles = ["user", "assistant"] * (len(contents) // 2)
    answers = contents[1::2]
    if any(text.strip() for text in answers):
        turns = list(zip(roles, contents, strict=True))
        assert trained(turns, CHATML) == [f"{text}</s>" for text in answers]


@pytest.mark.parametrize(
    "turns",
    [
        [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello")],
        [("user", "Hi"), ("user", "There"), ("assistant", "Hello")],
        [("assistant", "Hello"), ("user", "Hi")],
    ],
)
def test_a_template_that_refuses_gives_the_row_a_problem_of_one_line(turns):
    encoded = encode(dialogue(*turns), chat(MISTRAL), max_length=1000)
    assert encoded.problem.startswith("the chat template refuses the conversation (")
    assert len(encoded.problem.splitlines()) == 1
    assert len(encoded.ids) == 0


@pytest.mark.parametrize("template", ["{{ messages[0].nothing.more }}", "{% for %}", "{{ 1 / 0 }}"])
def test_a_template_that_fails_gives_the_row_a_problem(template):
    encoded = encode(dialogue(*TALK), chat(template), max_length=1000)
    assert "the chat template refuses the conversation" in encoded.problem


def test_a_template_that_changes_an_earlier_answer_is_followed_where_its_borders_are_plain():
    turns = [
        ("user", "Yes?"),
        ("assistant", "<think>hm</think>\n\nYes"),
        ("user", "Sure?"),
        ("assistant", "Quite"),
    ]
    assert trained(turns, QWEN3)[0] == "Yes</s>"


def test_a_template_that_leaves_the_answer_out_gives_a_problem():
    template = (
        "{% for m in messages %}{% if m['role'] == 'user' %}{{ m['content'] }}</s>{% endif %}{% endfor %}"
    )
    encoded = encode(dialogue(*TALK), chat(template + "{{ messages | length }}"), max_length=1000)
    assert encoded.problem is not None


def test_a_template_that_strips_white_space():
    assert trained([("user", " Hi "), ("assistant", "  Hello \n")], LLAMA3) == ["Hello</s>"]


def test_white_space_at_the_end_of_an_answer_is_the_answers():
    assert trained([("user", "Hi"), ("assistant", "Hello \n\n")], NO_END) == ["assistant: Hello \n\n"]
    assert trained([("user", "Hi"), ("assistant", "Hello \n\n")], CHATML) == ["Hello \n\n</s>"]


def test_a_template_that_changes_letters_is_followed():
    assert trained([("user", "Hi"), ("assistant", "Hello")], SHOUTING) == ["HELLO</s>"]


def test_a_dialogue_that_the_assistant_opens_trains_on_no_header():
    template = "Be kind.</s>\n" + CHATML
    assert trained([("assistant", "Hello"), ("user", "Hi"), ("assistant", "Bye")], template) == [
        "Hello</s>",
        "Bye</s>",
    ]


def test_a_turn_that_is_not_trained_is_prompt():
    turns = [Turn("user", "One", False), Turn("assistant", "Two", False), Turn("user", "Three", False)]
    tokenizer = chat(CHATML)
    encoded = encode(sample(*turns, Turn("assistant", "Four", True)), tokenizer, max_length=1000)
    assert trained_text(encoded, tokenizer) == "Four</s>"
    assert "Two</s>" in untrained_text(encoded, tokenizer)


def test_turns_that_join_are_one_turn_with_an_empty_line_between():
    turns = [
        Turn("user", "Add.", False),
        Turn("user", "1 2", False, joins=True),
        Turn("assistant", "3", True),
    ]
    tokenizer = chat(MISTRAL)
    encoded = encode(sample(*turns), tokenizer, max_length=1000)
    assert untrained_text(encoded, tokenizer) == "<s>[INST] Add.\n\n1 2 [/INST]"
    assert trained_text(encoded, tokenizer) == " 3</s>"


def test_without_a_chat_template_it_is_a_plain_dialogue():
    tokenizer = byte_level()
    encoded = encode(dialogue(("system", "Be brief."), *TALK), tokenizer, max_length=1000)
    assert texts(encoded, tokenizer) == [
        (False, "System: Be brief.\nUser: Yes or no?\nAssistant: "),
        (True, "Yes</s>"),
        (False, "\nUser: Sure?\nAssistant: "),
        (True, "Yes, quite</s>"),
    ]


@pytest.mark.costly
def test_the_embedded_template(embedded):
    tokenizer = embedded.tokenizer
    encoded = encode(dialogue(*TALK), tokenizer, max_length=1000)
    stretches = texts(encoded, tokenizer)
    assert [text for is_trained, text in stretches if is_trained] == ["Yes<|im_end|>", "Yes, quite<|im_end|>"]
    assert stretches[0][1].startswith("<|im_start|>system\nYou are a helpful AI assistant named SmolLM")
    assert stretches[0][1].endswith("<|im_start|>user\nYes or no?<|im_end|>\n<|im_start|>assistant\n")


@pytest.mark.parametrize("key", ["content", "reasoning_content"])
@pytest.mark.parametrize("missing", [None, float("nan")])
def test_what_pandas_puts_for_a_missing_text_is_as_if_it_were_not_there(key, missing):
    call = {"function": {"name": "find", "arguments": {"what": "tea"}}}
    asked = {"role": "user", "content": "find tea"}

    def encoded(**fields):
        said = {"role": "assistant", "tool_calls": [call], **fields}
        (row,) = open_corpus([{"messages": [asked, said]}])
        return encode(row, byte_level(), max_length=256)

    assert encoded(**{key: missing}).ids.tolist() == encoded().ids.tolist()


@pytest.mark.parametrize("thought", [{"a": 1}, 1.5, ["x"]])
def test_what_a_user_cannot_think_is_no_text_of_a_plain_dialogue(thought):
    asked = {"role": "user", "content": "find tea"}
    said = {"role": "assistant", "content": "here"}
    (plain,), (odd,) = (
        open_corpus([{"messages": [{**asked, **more}, said]}])
        for more in ({}, {"reasoning_content": thought})
    )
    first, second = (encode(row, byte_level(), max_length=64) for row in (plain, odd))
    assert first.ids.tolist() == second.ids.tolist()
