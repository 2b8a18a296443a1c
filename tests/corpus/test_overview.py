"""How a corpus was read, in a sentence: the format, the template, the responses, what is left out."""

from __future__ import annotations

import pytest

from corpus.texts import TEXTS
from gradsentry.corpus import open_corpus
from gradsentry.corpus.overview import Overview
from gradsentry.settings import DataSettings


def said(*texts):
    return [
        {"role": "user" if number % 2 == 0 else "assistant", "content": text}
        for number, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ([{"prompt": "p", "completion": "c"}] * 3, "read as prompt-completion: 1 response in each row"),
        (
            [{"prompt": "p", "chosen": "c", "rejected": "r"}] * 3,
            "read as preference: 1 response in each row; the rejected answers are not judged",
        ),
        (
            [{"conversations": said("q"), "chosen": said("q", "c")[1], "rejected": "r"}] * 3,
            "read as sharegpt: 1 response in each row; the rejected answers are not judged",
        ),
        (
            [{"messages": said("q", "c"), "rejected_response": "r"}, {"messages": said("q", "c")}],
            "read as messages: 1 response in each row; the rejected answers are not judged",
        ),
        (
            [{"text": TEXTS["ChatML, an assistant after the other"][1]}] * 2,
            "read as text, in the template ChatML: 2 responses in each row",
        ),
        (
            [{"messages": said("q", "a")}, {"messages": said("q", "a", "r", "b")}, {"messages": said("q")}],
            "read as messages: 1 to 2 responses in a row, 1.5 on average",
        ),
        (
            [{"messages": [*said("q"), {"role": "assistant", "content": "a", "thinking": "hm"}]}],
            "read as messages: 1 response in each row",
        ),
        (
            [{"messages": [{"role": "assistant", "content": "x", "loss": False}, *said("q", "a")]}] * 4,
            "read as messages: 1 response in each row; "
            "not scored: 4 messages that the data say not to train on",
        ),
        (
            [{"prompt": said("q", "a", "r"), "completion": said("", "b")[1:]}],
            "read as prompt-completion: 1 response in each row",
        ),
        ([{"text": "no template at all"}], "read as text: 0 responses in each row"),
    ],
)
def test_the_sentence(rows, line):
    corpus = open_corpus(rows)
    assert ("not judged" in line) == any(sample.rejected for sample in corpus)
    overview = Overview.of(corpus, corpus)
    assert overview.line() == line
    assert Overview(**overview.as_json()) == overview


def test_named_columns_say_that_rejected_answers_are_not_judged():
    reading = DataSettings(columns={"prompt": "ask", "chosen": "yes", "rejected": "no"})
    corpus = open_corpus([{"ask": "q", "yes": "c", "no": "r"}] * 3, reading)
    line = "read as columns: 1 response in each row; the rejected answers are not judged"
    assert Overview.of(corpus, corpus).line() == line


def test_a_marker_that_a_few_answers_quote_is_no_template_of_theirs():
    rows = [{"prompt": "q", "chosen": f"answer {n}", "rejected": f"other {n}"} for n in range(20)]
    rows[3]["chosen"] = "as follows\n### Output:\nfour"
    corpus = open_corpus(rows)
    assert corpus.template is None
    assert [sample.response for sample in corpus][3] == rows[3]["chosen"]
