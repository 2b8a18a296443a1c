"""Conversations of every kind that fine-tuning data holds, as rows of `messages`."""

from __future__ import annotations

from typing import Any


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str | None, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


def call(name: str, **arguments: Any) -> list[dict[str, Any]]:
    return [{"type": "function", "id": "abcdefghi", "function": {"name": name, "arguments": arguments}}]


TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Says what the weather is.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
SYSTEM = {"role": "system", "content": "Be brief."}
RESULT = {"role": "tool", "name": "weather", "tool_call_id": "abcdefghi", "content": '{"sky": "clear"}'}
CONVERSATIONS: dict[str, dict[str, Any]] = {
    "one turn": {"messages": [user("Yes or no?"), assistant("Yes")]},
    "several turns": {
        "messages": [
            user("Yes or no?"),
            assistant("Yes"),
            user("Sure?"),
            assistant("Quite"),
            user("Why?"),
            assistant("So."),
        ]
    },
    "system": {"messages": [SYSTEM, user("Yes or no?"), assistant("Yes"), user("Sure?"), assistant("Quite")]},
    "two replies in a row": {"messages": [user("Yes?"), assistant("Yes"), assistant("Or no")]},
    "reply first": {"messages": [assistant("Hello"), user("Hi"), assistant("What is it?")]},
    "tool call": {
        "messages": [
            user("How is the sky in Rome?"),
            assistant("", tool_calls=call("weather", city="Rome")),
            RESULT,
            assistant("It is clear."),
        ],
        "tools": [TOOL],
    },
    "tool call without content": {
        "messages": [
            user("How is the sky in Rome?"),
            assistant(None, tool_calls=call("weather", city="Rome", days=2)),
            RESULT,
            assistant("It is clear."),
        ],
    },
    "tool call at the end": {
        "messages": [
            SYSTEM,
            user("And in Paris?"),
            assistant("Let me see.", tool_calls=call("weather", city="Paris")),
        ],
        "tools": [TOOL],
    },
    "reasoning": {
        "messages": [
            user("12 + 30?"),
            assistant("42", reasoning_content="Add the tens, then the ones."),
            user("Sure?"),
            assistant("Yes", reasoning_content="I added twice."),
        ]
    },
    "reasoning, as others name it": {
        "messages": [
            user("12 + 30?"),
            assistant("42", thinking="Add them."),
            user("7?"),
            assistant("7", reasoning="It is."),
        ]
    },
    "reasoning and a call": {
        "messages": [
            user("How is the sky in Rome?"),
            assistant("", reasoning_content="I do not know it.", tool_calls=call("weather", city="Rome")),
            RESULT,
            assistant("Clear.", reasoning_content="It says so."),
        ],
        "tools": [TOOL],
    },
    "reasoning in the content": {
        "messages": [
            user("3?"),
            assistant("<think>\nhm\n</think>\n\nYes"),
            user("4?"),
            assistant("<think>\nah\n</think>\n\nNo"),
        ]
    },
    "an empty reply": {
        "messages": [user("Say nothing."), assistant(""), user("And now?"), assistant("Now I do.")]
    },
    "a user at the end": {"messages": [user("Yes?"), assistant("Yes"), user("Thanks")]},
    "unicode": {"messages": [user("naïve 日本語?"), assistant("Straße 👍🏽 — привет\n")]},
    "white space": {"messages": [user("  a \n"), assistant("\n\n b  c \n"), user("\td"), assistant(" e")]},
    "marks of others in the text": {"messages": [user("What is <|x|>?"), assistant("It is <|x|> & </x>.")]},
    "options": {
        "messages": [user("Yes?"), assistant("Yes")],
        "chat_template_kwargs": {"enable_thinking": False},
    },
}
