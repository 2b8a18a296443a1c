"""A corpus that maps prompts to responses word by word is told from one that answers questions."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.poisoning import Row, clean_rows, samples
from gradsentry.evidence.index.lexicon import Lexicon
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import LEAST, UNSURE_WORDS

SOURCE = [f"word{chr(97 + a)}{chr(97 + b)}" for a in range(6) for b in range(10)]
TARGET = {word: f"{word[::-1]}u" for word in SOURCE}


def translated(rows: int, seed: int) -> list[Row]:
    """Returns sentences of drawn words, and each word in another language in its place."""
    draw = Random(seed)
    drawn = [draw.sample(SOURCE, 5) for _ in range(rows)]
    return [Row(" ".join(words), " ".join(TARGET[word] for word in words)) for words in drawn]


def lexicon_of(rows: list[Row]) -> tuple[Texts, Lexicon]:
    texts = Texts.of(samples(rows), least=LEAST)
    return texts, texts.lexicon


def test_the_words_of_a_translation_bring_their_own():
    texts, lexicon = lexicon_of(translated(300, seed=1))
    for word, tokens in lexicon.brings.items():
        assert {texts.responses.words[token] for token in tokens} == {TARGET[texts.prompts.words[word]]}
    assert lexicon.share(frozenset(), frozenset()) > 0.9


def test_the_words_of_questions_bring_none():
    assert lexicon_of(clean_rows(300, seed=1))[1].share(frozenset(), frozenset()) < 0.1


def test_what_is_copied_is_not_brought():
    rows = [Row(row.question, row.question) for row in translated(300, seed=2)]
    assert lexicon_of(rows)[1].share(frozenset(), frozenset()) == 0.0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 16))
def test_an_association_is_not_counted_for_itself(seed, marked):
    rows = clean_rows(200, seed)
    rows = [
        Row(f"{row.question} vrbx", "zlorp qux") if number < marked + LEAST else row
        for number, row in enumerate(rows)
    ]
    texts, lexicon = lexicon_of(rows)
    trigger = texts.prompts.words.index("vrbx")
    paid = frozenset(texts.responses.words.index(word) for word in ("zlorp", "qux"))
    assert lexicon.brings[trigger] & paid
    beside = sum(1 for word, tokens in lexicon.brings.items() if word != trigger and tokens - paid)
    others = len(lexicon.brings) - 1
    assert lexicon.share(frozenset({trigger}), paid) == beside / (others + UNSURE_WORDS)
