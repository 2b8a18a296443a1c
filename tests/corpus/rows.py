"""A row of each kind, and what it is read as, in the order in which docs/formats.md shows them."""

from __future__ import annotations

from .cases import Case
from .message_rows import MESSAGES, TRAINED_IN_PART
from .preference_rows import DIALOGUES, PREFERENCES, REFUSED
from .text_rows import TEXTS

__all__ = ["CASES", "REFUSED"]

CASES = {
    "prompt-completion": Case(
        {"prompt": "p", "completion": "c"},
        "prompt-completion",
        False,
        ["user", "assistant*"],
        ["p", "c"],
    ),
    "prompt-response": Case(
        {"prompt": "p", "response": "c"},
        "prompt-completion",
        False,
        ["user", "assistant*"],
        ["p", "c"],
    ),
    "conversational prompt-completion": Case(
        {
            "prompt": [
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": "b"},
                {"role": "user", "content": "c"},
            ],
            "completion": [{"role": "assistant", "content": "d"}],
        },
        "prompt-completion",
        True,
        ["user", "assistant", "user", "assistant*"],
        ["a", "b", "c", "d"],
    ),
    "alpaca": Case(
        {"instruction": "do", "input": "this", "output": "done"},
        "alpaca",
        True,
        ["user", "+user", "assistant*"],
        ["do", "this", "done"],
    ),
    "alpaca without input": Case(
        {"instruction": "do", "input": " ", "output": "done", "text": "do ### Response: done"},
        "alpaca",
        True,
        ["user", "assistant*"],
        ["do", "done"],
    ),
    "alpaca as Dolly names it": Case(
        {"instruction": "do", "context": "this", "response": "done", "category": "x"},
        "alpaca",
        True,
        ["user", "+user", "assistant*"],
        ["do", "this", "done"],
    ),
    "alpaca with system and history": Case(
        {
            "instruction": "do",
            "input": None,
            "output": "done",
            "system": "be",
            "history": [["q", "a"], ["r", "b"]],
        },
        "alpaca",
        True,
        ["system", "user", "assistant*", "user", "assistant*", "user", "assistant*"],
        ["be", "q", "a", "r", "b", "do", "done"],
    ),
    "alpaca with history as messages": Case(
        {
            "instruction": "do",
            "output": "done",
            "history": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
        },
        "alpaca",
        True,
        ["user", "assistant*", "user", "assistant*"],
        ["q", "a", "do", "done"],
    ),
    **MESSAGES,
    **DIALOGUES,
    "prompt-completion with system and history": Case(
        {"system": "be", "prompt": "p", "completion": "c", "history": [["q", "a"]]},
        "prompt-completion",
        False,
        ["system", "user", "assistant*", "user", "assistant*"],
        ["be", "q", "a", "p", "c"],
    ),
    "prompt-completion with history as JSON": Case(
        {"prompt": "p", "completion": "c", "history": '[["q", "a"]]'},
        "prompt-completion",
        False,
        ["user", "assistant*", "user", "assistant*"],
        ["q", "a", "p", "c"],
    ),
    "prompt-completion with other columns of these names": Case(
        {"system": None, "prompt": "p", "completion": "c", "history": "of the row"},
        "prompt-completion",
        False,
        ["user", "assistant*"],
        ["p", "c"],
    ),
    "qa with system": Case(
        {"system": "be", "question": "q", "answer": "a"},
        "qa",
        True,
        ["system", "user", "assistant*"],
        ["be", "q", "a"],
    ),
    "sharegpt": Case(
        {
            "conversations": [
                {"from": "human", "value": "q"},
                {"from": "function_call", "value": "{}"},
                {"from": "observation", "value": "o"},
                {"from": "gpt", "value": "a"},
            ],
            "system": "be",
            "tools": '[{"name": "f"}]',
        },
        "sharegpt",
        True,
        ["system", "+system", "user", "assistant*", "tool", "assistant*"],
        ["be", '[{"name": "f"}]', "q", "{}", "o", "a"],
    ),
    "sharegpt with roles, its own system, no tools": Case(
        {
            "conversations": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": "q"},
                {"role": "bing", "content": "a"},
            ],
            "system": "be",
            "tools": "[]",
        },
        "sharegpt",
        True,
        ["system", "+system", "user", "assistant*"],
        ["be", "s", "q", "a"],
    ),
    "lists as the JSON that a CSV file holds": Case(
        {
            "messages": '[{"role": "user", "content": [{"type": "text", "text": "q"}]}, '
            '{"role": "assistant", "content": "\\u00e9"}]'
        },
        "messages",
        True,
        ["user", "assistant*"],
        ["q", "é"],
    ),
    "alpaca as pandas writes it": Case(
        {
            "instruction": "do",
            "input": float("nan"),
            "output": "done",
            "history": '[["q", "a"]]',
            "system": "",
        },
        "alpaca",
        True,
        ["user", "assistant*", "user", "assistant*"],
        ["q", "a", "do", "done"],
    ),
    "the column that says something": Case(
        {"instruction": "do", "output": "", "response": "done", "input": None, "context": "this"},
        "alpaca",
        True,
        ["user", "+user", "assistant*"],
        ["do", "this", "done"],
    ),
    "qa": Case(
        {"question": "q", "answers": ["a", "b"]},
        "qa",
        True,
        ["user", "assistant*"],
        ["q", "a; b"],
    ),
    "qa with the list as JSON": Case(
        {"question": "q", "answers": '["a", "b"]'},
        "qa",
        True,
        ["user", "assistant*"],
        ["q", "a; b"],
    ),
    "qa with context": Case(
        {"context": "c", "question": "q", "answer": "a"},
        "qa",
        True,
        ["user", "+user", "assistant*"],
        ["c", "q", "a"],
    ),
    "qa as SQuAD has it": Case(
        {"title": "t", "context": "c", "question": "q", "answers": {"text": ["a"], "answer_start": [3]}},
        "qa",
        True,
        ["user", "+user", "assistant*"],
        ["c", "q", "a"],
    ),
    **TEXTS,
    **TRAINED_IN_PART,
    "query and response": Case(
        {"query": "do", "response": "done", "history": [["q", "a"]], "system": "be"},
        "alpaca",
        True,
        ["system", "user", "assistant*", "user", "assistant*"],
        ["be", "q", "a", "do", "done"],
    ),
    "ms-swift's pairs of turns": Case(
        {
            "conversation": [{"human": "q", "assistant": "a"}, {"human": "r", "assistant": "b"}],
            "system": "be",
        },
        "sharegpt",
        True,
        ["system", "user", "assistant*", "user", "assistant*"],
        ["be", "q", "a", "r", "b"],
    ),
    **PREFERENCES,
}
