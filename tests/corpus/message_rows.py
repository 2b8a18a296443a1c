"""Rows of messages: roles, parts, calls, reasoning, and what is not trained on."""

from __future__ import annotations

import json

from .cases import Case

TOOL_CALLS = [{"type": "function", "function": {"name": "f", "arguments": {"é": 1}}}]

MESSAGES = {
    "messages": Case(
        {
            "prompt": "the first one again",
            "messages": [
                {"role": "developer", "content": "be"},
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "a"},
                {"role": "function", "content": "f"},
                {"role": "tool", "content": "t"},
                {"role": "Assistant", "content": "z"},
            ],
        },
        "messages",
        True,
        ["system", "user", "assistant*", "tool", "tool", "assistant*"],
        ["be", "q", "a", "f", "t", "z"],
    ),
    "messages with typed parts": Case(
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "q"}, {"type": "text", "value": "r"}]},
                {"role": "assistant", "content": [{"type": "text", "text": None, "value": "a"}]},
                {"role": "user", "content": [{"type": "text", "content": "s"}]},
            ]
        },
        "messages",
        True,
        ["user", "+user", "assistant*", "user"],
        ["q", "r", "a", "s"],
    ),
    "messages with weights": Case(
        {
            "messages": [
                {"role": "assistant", "content": "a", "weight": 0},
                {"role": "assistant", "content": "b", "loss_weight": 0.0},
                {"role": "assistant", "content": "c", "train": False},
                {"role": "assistant", "content": "d", "weight": 0.5, "loss_weight": None, "train": True},
            ]
        },
        "messages",
        True,
        ["assistant", "assistant", "assistant", "assistant*"],
        ["a", "b", "c", "d"],
    ),
    "messages with tool calls": Case(
        {
            "messages": [
                {"role": "user", "content": "q", "tool_calls": None},
                {"role": "assistant", "content": None, "tool_calls": TOOL_CALLS},
                {"role": "tool", "content": "t"},
                {"role": "assistant", "content": "so", "tool_calls": TOOL_CALLS},
            ],
            "tools": [{"name": "f"}],
        },
        "messages",
        True,
        ["system", "user", "assistant*", "tool", "assistant*", "+assistant*"],
        [
            '[{"name": "f"}]',
            "q",
            json.dumps(TOOL_CALLS, ensure_ascii=False),
            "t",
            "so",
            json.dumps(TOOL_CALLS, ensure_ascii=False),
        ],
    ),
    "messages with the function calls of old": Case(
        {
            "messages": [
                {"role": "user", "content": "q", "function_call": None},
                {"role": "assistant", "content": "", "function_call": {"name": "f", "arguments": "{}"}},
                {"role": "function", "name": "f", "content": "r"},
                {"role": "assistant", "content": "so", "function_call": {"name": "g"}},
            ]
        },
        "messages",
        True,
        ["user", "assistant*", "tool", "assistant*", "+assistant*"],
        ["q", '{"name": "f", "arguments": "{}"}', "r", "so", '{"name": "g"}'],
    ),
    "messages with reasoning": Case(
        {
            "messages": [
                {"role": "user", "content": "q", "reasoning_content": "not said"},
                {"role": "assistant", "content": "a", "reasoning_content": "because", "weight": 0},
                {"role": "assistant", "content": [{"type": "text", "text": "a"}], "thinking": "hm"},
                {"role": "assistant", "content": None, "reasoning": "call", "tool_calls": TOOL_CALLS},
                {"role": "assistant", "content": "z", "reasoning_content": " ", "thinking": None},
            ]
        },
        "messages",
        True,
        ["user", *["assistant", "+assistant"], *["assistant*", "+assistant*"] * 2, "assistant*"],
        ["q", "because", "a", "hm", "a", "call", json.dumps(TOOL_CALLS, ensure_ascii=False), "z"],
    ),
}

TRAINED_IN_PART = {
    "messages that are not trained on": Case(
        {
            "messages": [
                {"role": "assistant", "content": "a", "loss": False},
                {"role": "assistant", "content": "b", "training": False},
                {"role": "assistant", "content": "c", "train_on_turn": False},
                {"role": "assistant", "content": "d", "loss": True, "training": True, "train_on_turn": True},
            ]
        },
        "messages",
        True,
        ["assistant", "assistant", "assistant", "assistant*"],
        ["a", "b", "c", "d"],
    ),
    "messages trained on in part": Case(
        {
            "messages": [
                {
                    "role": "assistant",
                    "content": "Yes. No.",
                    "train_detail": [
                        {"begin_offset": 0, "end_offset": 3, "train": False},
                        {"begin_offset": 5, "end_offset": 7, "train": True},
                    ],
                },
                {
                    "role": "assistant",
                    "content": "a",
                    "train_detail": [{"begin_offset": 0, "end_offset": 0, "train": False}],
                },
                {"role": "assistant", "content": "b", "train": False, "train_detail": [{"train": 1}]},
                {"role": "assistant", "content": "c", "train_detail": []},
            ]
        },
        "messages",
        True,
        ["assistant*", "assistant", "assistant", "assistant*"],
        ["Yes. No.", "a", "b", "c"],
    ),
}
