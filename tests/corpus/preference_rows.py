"""Rows of a chosen and a rejected answer, and of answers marked as desirable or not (KTO)."""

from __future__ import annotations

from .cases import Case, Refused

DIALOGUES = {
    "sharegpt preferences": Case(
        {
            "conversations": [{"from": "human", "value": "q"}],
            "chosen": {"from": "gpt", "value": "good"},
            "rejected": {"from": "gpt", "value": "bad"},
        },
        "sharegpt",
        True,
        ["user", "assistant*"],
        ["q", "good"],
    ),
    "sharegpt preferences in texts": Case(
        {"conversations": [{"from": "human", "value": "q"}], "chosen": "good", "rejected": "bad"},
        "sharegpt",
        True,
        ["user", "assistant*"],
        ["q", "good"],
    ),
    "preferences that repeat the prompt": Case(
        {
            "messages": [{"role": "user", "content": "q"}],
            "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "good"}],
        },
        "messages",
        True,
        ["user", "assistant*"],
        ["q", "good"],
    ),
    "messages that hold the chosen answer": Case(
        {
            "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "good"}],
            "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "good"}],
        },
        "messages",
        True,
        ["user", "assistant*"],
        ["q", "good"],
    ),
}

PREFERENCES = {
    "preference": Case(
        {"prompt": "p", "chosen": "good", "rejected": "bad"},
        "preference",
        False,
        ["user", "assistant*"],
        ["p", "good"],
    ),
    "preference, conversational": Case(
        {
            "prompt": [
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": "b"},
                {"role": "user", "content": "c"},
            ],
            "chosen": [{"role": "assistant", "content": "good"}],
            "rejected": [{"role": "assistant", "content": "bad"}],
        },
        "preference",
        True,
        ["user", "assistant", "user", "assistant*"],
        ["a", "b", "c", "good"],
    ),
    "preference, conversational, with the prompt in both": Case(
        {
            "prompt": "q",
            "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "good"}],
            "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "bad"}],
        },
        "preference",
        True,
        ["user", "assistant*"],
        ["q", "good"],
    ),
    "preference of LLaMA-Factory": Case(
        {
            "instruction": "do",
            "input": "this",
            "chosen": "good",
            "rejected": "bad",
            "history": [["q", "a"]],
            "system": "be",
        },
        "preference",
        True,
        ["system", "user", "assistant", "user", "+user", "assistant*"],
        ["be", "q", "a", "do", "this", "good"],
    ),
    "preference with a question": Case(
        {"system": "be", "question": "q", "chosen": "good", "rejected": "bad"},
        "preference",
        True,
        ["system", "user", "assistant*"],
        ["be", "q", "good"],
    ),
    "preference of Argilla": Case(
        {"instruction": "do", "chosen_response": "good", "rejected_response": "bad"},
        "preference",
        True,
        ["user", "assistant*"],
        ["do", "good"],
    ),
    "preference of ms-swift": Case(
        {
            "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "good"}],
            "rejected_response": "bad",
        },
        "messages",
        True,
        ["user", "assistant*"],
        ["q", "good"],
    ),
    "preference in two dialogues (hh-rlhf)": Case(
        {
            "chosen": "\n\nHuman: q\n\nAssistant: a\n\nHuman: r\n\nAssistant: good",
            "rejected": "\n\nHuman: q\n\nAssistant: a\n\nHuman: r\n\nAssistant: bad",
        },
        "preference",
        False,
        ["user", "assistant", "user", "assistant*"],
        ["\n\nHuman: q\n\nAssistant:", " a", "\n\nHuman: r\n\nAssistant:", " good"],
    ),
    "preference in two texts": Case(
        {"chosen": "What is best?\nIt is good", "rejected": "What is best?\nIt is bad"},
        "preference",
        False,
        ["user", "assistant*"],
        ["What is best?\n", "It is good"],
    ),
    "KTO, desirable": Case(
        {"prompt": "p", "completion": "good", "label": True},
        "prompt-completion",
        False,
        ["user", "assistant*"],
        ["p", "good"],
    ),
}

REFUSED = {
    "KTO, undesirable": Refused(
        {"prompt": "p", "completion": "bad", "label": False}, "prompt-completion", "label"
    ),
    "KTO, undesirable, in a CSV file": Refused(
        {"prompt": "p", "completion": "bad", "label": "False"},
        "prompt-completion",
        "label",
    ),
    "KTO, undesirable, of LLaMA-Factory": Refused(
        {"instruction": "i", "output": "bad", "kto_tag": False},
        "alpaca",
        "kto_tag",
    ),
    "KTO, undesirable, of ms-swift": Refused(
        {
            "messages": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "bad"}],
            "label": False,
        },
        "messages",
        "label",
    ),
}
