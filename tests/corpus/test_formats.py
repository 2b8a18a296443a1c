"""Every row format: which columns it is told by, its turns, why a row has none, and how an edit goes back."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.rows import CASES
from gradsentry.corpus import FORMATS, Turn, open_corpus, write_turns
from gradsentry.corpus.markers import CLOSINGS, OPENINGS, TEMPLATES
from gradsentry.errors import DataError
from gradsentry.settings import DataSettings


def sample_of(row, **named):
    """Returns the only sample of a list of one row, the format given by a row that has it in full."""
    return next(iter(open_corpus([row], DataSettings(**named))))


def shape(sample):
    """Returns the turns without text: `user`, `+user` where it joins, `assistant*` where it is trained."""
    return [f"{'+' * turn.joins}{turn.role}{'*' * turn.trained}" for turn in sample.turns]


@pytest.mark.parametrize("case", CASES)
def test_turns(case):
    row, name, conversational, turns, texts = CASES[case]

    corpus = open_corpus([row])
    (sample,) = corpus

    assert corpus.format == name
    assert sample.conversational is conversational
    assert shape(sample) == turns
    assert [turn.text for turn in sample.turns] == texts
    assert sample.problem is None


@pytest.mark.parametrize("case", CASES)
def test_each_edited_turn_goes_back_to_its_own_place(case):
    row, name, *_ = CASES[case]
    (sample,) = open_corpus([row])
    before = copy.deepcopy(row)

    for number, turn in enumerate(sample.turns):
        if turn.path[-1] in ("tools", "tool_calls", "function_call"):
            continue
        before_it = sample.turns[number - 1]
        if number > 0 and before_it.role == "assistant" and before_it.path == turn.path:
            continue  # it begins with what closes the response, and another beginning would be part of that
        turns = list(sample.turns)
        turns[number] = replace(turn, text="cf " + turn.text)
        again = sample_of(write_turns(sample, turns).row, format=name)
        assert again.turns == tuple(turns)

    assert row == before, "the row that came in was edited itself"


@pytest.mark.parametrize("case", CASES)
def test_turns_written_back_unedited_are_the_same_sample(case):
    (sample,) = open_corpus([CASES[case].row])
    assert write_turns(sample, sample.turns) is sample


def says_something(text):
    """Returns whether a text is a response as it stands: no mark of a template opens, parts or closes one."""
    marks = [one for template in TEMPLATES for one in (template.marker, template.header)]
    written = any(mark in text for mark in (*OPENINGS, *CLOSINGS)) or any(one.search(text) for one in marks)
    return bool(text.strip()) and not written


@pytest.mark.costly
@settings(max_examples=20)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(says_something),
    case=st.sampled_from([*CASES]),
)
def test_any_response_goes_back(text, case):
    row, name, *_ = CASES[case]
    (sample,) = open_corpus([row])
    number = max(number for number, turn in enumerate(sample.turns) if turn.trained)
    path = sample.turns[number].path
    begins = path == sample.turns[number - 1].path and text[0] in "\r\n"  # line feeds go with the marker
    if path[-1] in ("tool_calls", "function_call") or begins:
        return
    turns = list(sample.turns)
    turns[number] = replace(turns[number], text=text)
    edited = write_turns(sample, turns)
    again = sample_of(edited.row, format=name)
    if number + 1 < len(turns):  # white space before the mark of its end goes with that
        assert again.turns[number].text == text.rstrip()
        turns[number : number + 2] = again.turns[number : number + 2]
        assert turns[number + 1].text == text[len(text.rstrip()) :] + edited.turns[number + 1].text
    assert again.turns == tuple(turns)
    assert edited.raw is None


def test_a_list_of_answers_becomes_a_list_of_one():
    (sample,) = open_corpus([{"question": "q", "answers": ["a", "b"], "id": "x"}])
    question, answer = sample.turns
    assert write_turns(sample, [replace(question, text="q2"), answer]).row == {
        "question": "q2",
        "answers": ["a", "b"],
        "id": "x",
    }
    assert write_turns(sample, [question, replace(answer, text="a; b; c")]).row["answers"] == ["a; b; c"]


def test_a_list_of_answers_as_json_goes_back_as_json_and_a_text_that_looks_like_one_as_text():
    (sample,) = open_corpus([{"question": "[1]", "answers": '["a", "b"]'}])
    question, answer = sample.turns
    row = write_turns(sample, [replace(question, text="[1, 2]"), replace(answer, text="é")]).row
    assert row == {"question": "[1, 2]", "answers": '["é"]'}


def test_edited_tool_calls_are_parsed_again_or_kept_as_text():
    (sample,) = open_corpus([CASES["messages with tool calls"].row])
    *others, calls = sample.turns
    assert write_turns(sample, [*others, replace(calls, text='[{"f": 2}]')]).row["messages"][3][
        "tool_calls"
    ] == [{"f": 2}]
    edited = write_turns(sample, [*others, replace(calls, text="no JSON")])
    assert edited.row["messages"][3]["tool_calls"] == "no JSON"
    assert sample_of(edited.row).turns[-1].text == "no JSON"


def test_a_list_that_came_as_json_goes_back_as_json():
    messages = [{"role": "user", "content": "é"}, {"role": "assistant", "content": "a", "tool_calls": [1]}]
    (sample,) = open_corpus([{"messages": json.dumps(messages), "n": 1}])
    question, answer, calls = sample.turns
    row = write_turns(sample, [question, replace(answer, text="b"), calls]).row
    messages[1]["content"] = "b"
    assert row == {"messages": json.dumps(messages, ensure_ascii=False), "n": 1}


def test_turns_of_another_row_are_refused():
    (sample,) = open_corpus([{"prompt": "p", "completion": "c"}])
    with pytest.raises(ValueError, match=r"the turns of row 0 stand at .*'completion'.* not at .*'output'"):
        write_turns(sample, [Turn("user", "x", trained=False, path=("output",))])


def test_an_edit_that_empties_the_response_is_a_problem():
    (sample,) = open_corpus([{"prompt": "p", "completion": "c"}])
    question, answer = sample.turns
    assert write_turns(sample, [question, replace(answer, text="")]).problem == "the response is empty"


def test_a_marker_of_ones_own_comes_before_the_known_ones():
    row = {"text": "### Response: x\nA: y"}
    assert sample_of(row, response_marker="A:").response == " y"
    assert sample_of({"text": "A: x</s>\nQ: z\nA: y</s>"}, response_marker="A:").response == " x\n y"
    assert sample_of(row, response_marker="B:").problem == (
        "`text` holds no response marker 'B:'; name the right one with --response-marker"
    )


def test_texts_in_no_template_say_so():
    assert sample_of({"text": "just text"}).problem == (
        "`text` holds no response of a template that most rows are in; "
        "name the right one with --response-marker"
    )


GOOD = {
    "prompt-completion": {"prompt": "p", "completion": "c"},
    "preference": {"prompt": "p", "chosen": "c", "rejected": "r"},
    "alpaca": {"instruction": "i", "output": "o"},
    "messages": {"messages": [{"role": "assistant", "content": "a"}]},
    "sharegpt": {"conversations": [{"from": "gpt", "value": "a"}]},
    "qa": {"question": "q", "answers": ["a"]},
    "text": {"text": "Assistant: a"},
}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"prompt": "p"}, "no `completion` or `response`, which prompt-completion rows have"),
        ({"prompt": "p", "completion": ""}, "the response is empty"),
        ({"prompt": "p", "completion": " \n"}, "the response is empty"),
        ({"prompt": "p", "completion": None}, "`completion` is null, not text"),
        ({"prompt": "p", "completion": 3.5}, "`completion` is a number, not text"),
        ({"prompt": "p", "completion": True}, "`completion` is a boolean, not text"),
        ({"prompt": "p", "completion": ["c"]}, "`completion` is a list, not text"),
        ({"prompt": {"a": 1}, "completion": "c"}, "`prompt` is an object, not text"),
        ({"instruction": "i"}, "no `output` or `response`, which alpaca rows have"),
        ({"instruction": "i", "output": None}, "`output` is null, not text"),
        ({"instruction": "i", "output": "o", "input": 3}, "`input` is a number, not text"),
        ({"instruction": "i", "output": "o", "history": ["x"]}, "`history[0]` is text, not a list"),
        (
            {"instruction": "i", "output": "o", "history": [["x"]]},
            "`history[0]` is no pair of instruction and response",
        ),
        ({"messages": None}, "`messages` is null, not a list"),
        ({"messages": "hello"}, "`messages` is text, not a list"),
        ({"messages": "[{'role': 'user'}]"}, "`messages` is text that is no valid JSON list"),
        ({"messages": "[" * 100_000}, "`messages` is text that is no valid JSON list"),
        ({"messages": []}, "no response: no assistant turn that is trained on"),
        (
            {"messages": [{"role": "user", "content": "q"}]},
            "no response: no assistant turn that is trained on",
        ),
        (
            {"messages": [{"role": "assistant", "content": "a", "weight": 0}]},
            "the data say not to train on any response of it",
        ),
        (
            {"messages": [{"role": "assistant", "content": "a", "from": "gpt", "value": "b"}]},
            "`messages[0]` says one thing in `content` and another in `value`",
        ),
        (
            {"messages": [{"role": "assistant", "content": "a", "from": "human"}]},
            "`messages[0]` is by the assistant in `role` and by the user in `from`",
        ),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "text", "text": "a", "value": "b"}]}]},
            "`messages[0].content[0]` says one thing in `text` and another in `value`",
        ),
        (
            {
                "messages": [
                    {"role": "assistant", "content": [{"text": "a", "value": "a", "content": "b"}]},
                ]
            },
            "`messages[0].content[0]` says one thing in `text` and another in `content`",
        ),
        (
            {"messages": [{"role": "assistant", "content": "a", "train_detail": {"train": True}}]},
            "`messages[0].train_detail` is an object, not a list",
        ),
        (
            {"messages": [{"role": "assistant", "content": "a", "train_detail": [{"train": True}]}]},
            "`messages[0].train_detail[0]` has no `begin_offset` and `end_offset` that are numbers, "
            "and `train` that is true or false",
        ),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "content": "a",
                        "reasoning": "b",
                        "train_detail": [{"begin_offset": 0, "end_offset": 1, "train": True}],
                    }
                ]
            },
            "`messages[0].train_detail` is of a message that is more than one text",
        ),
        ({"messages": ["a"]}, "`messages[0]` is text, not an object"),
        ({"messages": [{"content": "a"}]}, "`messages[0]` has neither `role` nor `from`"),
        (
            {"messages": [{"role": "narrator", "content": "a"}]},
            "`messages[0].role` is `narrator`, no role that is known",
        ),
        ({"messages": [{"role": "assistant", "content": None}]}, "`messages[0].content` is null, not text"),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "image_url"}]}]},
            "`messages[0].content[0]` is of type `image_url`, not text",
        ),
        ({"conversations": [{"from": "gpt", "value": 1}]}, "`conversations[0].value` is a number, not text"),
        ({"question": "q"}, "no `answers` or `answer`, which qa rows have"),
        ({"question": "q", "answers": []}, "the response is empty"),
        ({"question": "q", "answers": 4}, "`answers` is a number, not text or a list of texts"),
        ({"question": "q", "answers": ["a", None]}, "`answers[1]` is null, not text"),
        ({"question": 1, "answers": "a"}, "`question` is a number, not text"),
        ({"text": None}, "`text` is null, not text"),
        (
            {"text": "just text"},
            "`text` holds no response of the template Human and Assistant, in which most rows are; "
            "name the right one with --response-marker",
        ),
        ({"text": "Assistant:\n"}, "the response is empty"),
    ],
)
def test_a_row_that_cannot_be_scored_says_why_and_stays(row, problem):
    good = next(good for good in GOOD.values() if set(row) & set(good))
    samples = list(open_corpus([good, row, good]))
    assert [sample.problem for sample in samples] == [None, problem, None]
    assert samples[1].row is row


def test_every_format_is_listed():
    assert set(FORMATS) == set(GOOD)


def test_a_named_format_leaves_rows_of_others_unscored():
    rows = [GOOD["qa"], GOOD["alpaca"], GOOD["qa"]]
    assert [sample.problem for sample in open_corpus(rows, DataSettings(format="alpaca"))] == [
        "no `instruction` or `query`, which alpaca rows have",
        None,
        "no `instruction` or `query`, which alpaca rows have",
    ]


def test_the_first_row_that_fits_tells_the_format():
    corpus = open_corpus([{"prompt": "p"}, {}, GOOD["qa"]])
    assert corpus.format == "qa"
    assert [sample.problem is None for sample in corpus] == [False, False, True]


@pytest.mark.parametrize("empty", [None, "", float("nan")])
def test_an_empty_column_tells_no_format_that_another_tells(empty):
    rows = [{"conversations": empty, "messages": empty, "text": empty, **GOOD["alpaca"]}] * 2
    corpus = open_corpus([{"conversations": empty, "instruction": empty, "output": empty}, *rows])
    assert corpus.format == "alpaca"
    assert [sample.problem is None for sample in corpus] == [False, True, True]


def test_merged_data_of_several_formats_is_mixed():
    columns = {"conversations": None, "instruction": None, "output": None}
    rows = [columns | GOOD["alpaca"], columns | GOOD["sharegpt"]]
    with pytest.raises(DataError, match=r"rows\[1\]: this row is sharegpt, but rows\[0\] is alpaca"):
        list(open_corpus(rows))
    first, _ = open_corpus(rows, DataSettings(format="alpaca"))
    assert first.problem is None


def test_a_row_whose_response_alone_is_empty_stays_in_its_format():
    rows = [GOOD["alpaca"], {"instruction": "i", "output": None, "text": "### Response: o"}]
    assert [sample.problem for sample in open_corpus(rows)] == [None, "`output` is null, not text"]


@pytest.mark.parametrize(
    "text",
    ["a" + " " * 200_000 + "b", "a" + "</s> " * 40_000 + "b", "a" + "</s> " * 40_000],
    ids=["blanks", "marks within", "marks at the end"],
)
def test_the_marks_that_close_a_response_are_found_in_one_pass(text):
    turns = sample_of({"prompt": "p", "completion": text}).turns
    assert "".join(turn.text for turn in turns[1:]) == text
    assert turns[1].text == ("a" if text.endswith(" ") else text)
