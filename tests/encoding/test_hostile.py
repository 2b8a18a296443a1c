"""Chat templates that loop or fill the memory, and conversations that make an honest one costly."""

from __future__ import annotations

import copy
import resource
import threading
import time

import pytest

from gradsentry.corpus import open_corpus
from gradsentry.encoding.bounds import CostlyTemplateError, bounded
from gradsentry.encoding.encode import encode
from gradsentry.errors import ModelError

from .tokenizers_built import byte_level

HONEST = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
LOOPS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
COSTLY = {
    "loop": (LOOPS, "it takes more than 0.3 s of a processor for one conversation"),
    "text": ("{{ 'x' * 10000000000 }}", "it takes more than 1,024 MiB for one conversation"),
    "doubled": (
        "{% set n = namespace(s='xxxxxxxx') %}{% for a in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
        "for one conversation",
    ),
    "padded": ("{{ '%9999999999d' | format(1) }}", "it takes more than 1,024 MiB for one conversation"),
    "squared": (
        "{% set n = namespace(x=9) %}{% for a in range(60) %}{% set n.x = n.x * n.x %}{% endfor %}",
        "it takes more than 0.3 s of a processor for one conversation",
    ),
    "power": ("{{ 9 ** 9 ** 9 }}", "it holds a power (`**`), which can take for ever"),
}


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setenv("GRADSENTRY_TEMPLATE_SECONDS", "0.3")


def tokenizer(template: str):
    made = copy.deepcopy(byte_level())
    made.chat_template = template
    return made


def sample(*said: str):
    roles = ["user", "assistant"] * len(said)
    messages = [{"role": role, "content": text} for role, text in zip(roles, said, strict=False)]
    return next(iter(open_corpus([{"messages": messages}])))


@pytest.mark.costly
@pytest.mark.parametrize("name", COSTLY)
def test_a_template_that_always_costs_too_much_is_no_template_of_a_model(name):
    template, said = COSTLY[name]
    start = time.process_time()
    with pytest.raises(ModelError) as caught:
        encode(sample("a", "b"), tokenizer(HONEST + template), max_length=99)
    assert "the tokenizer: its chat template was stopped: " in str(caught.value)
    assert said in str(caught.value)
    assert time.process_time() - start < 8


@pytest.mark.costly
@pytest.mark.parametrize("name", [name for name in COSTLY if name != "power"])
def test_a_row_that_makes_a_template_costly_is_unscored_and_the_rest_goes_on(name):
    template, said = COSTLY[name]
    built = tokenizer(f"{HONEST}{{% if messages[0].content == 'now' %}}{template}{{% endif %}}")
    refused, fine = (encode(sample(asked, "b"), built, max_length=99) for asked in ("now", "a"))
    assert refused.problem.startswith("the chat template was stopped: ")
    assert said in refused.problem
    assert (fine.problem, fine.n_response) == (None, 2)


def test_conversations_whose_turns_are_all_followed_by_something_else():
    numbered = tokenizer(HONEST.replace("{{ m.content }}", "{{ loop.index }}. {{ m.content }}"))
    few = encode(sample(*["hello"] * 60), numbered, max_length=9999)
    assert few.problem is None
    start = time.process_time()
    many = encode(sample(*["hello"] * 4000), numbered, max_length=9999)
    assert many.problem.startswith("the chat template was stopped: ")
    assert time.process_time() - start < 5


def test_a_long_conversation_of_an_ordinary_template_is_scored(monkeypatch):
    monkeypatch.delenv("GRADSENTRY_TEMPLATE_SECONDS")
    encoded = encode(sample(*["hello"] * 1600), tokenizer(HONEST), max_length=10**6)
    assert (encoded.problem, encoded.n_response > 800) == (None, True)


@pytest.mark.costly
def test_what_ends_in_time_is_left_alone_whoever_else_is_ended():
    ended, done = [], []
    before = resource.getrlimit(resource.RLIMIT_AS)

    def loop():
        try:
            with bounded():
                while True:
                    pass
        except CostlyTemplateError:
            ended.append(True)

    threads = [threading.Thread(target=loop) for _ in range(2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        with bounded():
            done.append(sum(range(100)))
    time.sleep(0.3)
    assert ended == [True, True]
    assert set(done) == {4950}
    assert resource.getrlimit(resource.RLIMIT_AS) == before
