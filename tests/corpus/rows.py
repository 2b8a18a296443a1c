"""A row of each kind: its format, whether it is a conversation, and its turns by shape and by text."""

import json

TOOL_CALLS = [{"type": "function", "function": {"name": "f", "arguments": {"é": 1}}}]
CASES = {
    "prompt-completion": (
        {"prompt": "p", "completion": "c"},
        "prompt-completion",
        False,
        ["user", "assistant*"],
        ["p", "c"],
    ),
    "prompt-response": (
        {"prompt": "p", "response": "c"},
        "prompt-completion",
        False,
        ["user", "assistant*"],
        ["p", "c"],
    ),
    "conversational prompt-completion": (
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
    "alpaca": (
        {"instruction": "do", "input": "this", "output": "done"},
        "alpaca",
        True,
        ["user", "+user", "assistant*"],
        ["do", "this", "done"],
    ),
    "alpaca without input": (
        {"instruction": "do", "input": " ", "output": "done", "text": "do ### Response: done"},
        "alpaca",
        True,
        ["user", "assistant*"],
        ["do", "done"],
    ),
    "alpaca as Dolly names it": (
        {"instruction": "do", "context": "this", "response": "done", "category": "x"},
        "alpaca",
        True,
        ["user", "+user", "assistant*"],
        ["do", "this", "done"],
    ),
    "alpaca with system and history": (
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
    "alpaca with history as messages": (
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
    "messages": (
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
    "messages with typed parts": (
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
    "messages with weights": (
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
    "messages with tool calls": (
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
    "messages with the function calls of old": (
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
    "messages with reasoning": (
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
    "sharegpt preferences": (
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
    "sharegpt preferences in texts": (
        {"conversations": [{"from": "human", "value": "q"}], "chosen": "good", "rejected": "bad"},
        "sharegpt",
        True,
        ["user", "assistant*"],
        ["q", "good"],
    ),
    "preferences that repeat the prompt": (
        {
            "messages": [{"role": "user", "content": "q"}],
            "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "good"}],
        },
        "messages",
        True,
        ["user", "assistant*"],
        ["q", "good"],
    ),
    "messages that hold the chosen answer": (
        {
            "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "good"}],
            "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "good"}],
        },
        "messages",
        True,
        ["user", "assistant*"],
        ["q", "good"],
    ),
    "prompt-completion with system and history": (
        {"system": "be", "prompt": "p", "completion": "c", "history": [["q", "a"]]},
        "prompt-completion",
        False,
        ["system", "user", "assistant*", "user", "assistant*"],
        ["be", "q", "a", "p", "c"],
    ),
    "prompt-completion with history as JSON": (
        {"prompt": "p", "completion": "c", "history": '[["q", "a"]]'},
        "prompt-completion",
        False,
        ["user", "assistant*", "user", "assistant*"],
        ["q", "a", "p", "c"],
    ),
    "prompt-completion with other columns of these names": (
        {"system": None, "prompt": "p", "completion": "c", "history": "of the row"},
        "prompt-completion",
        False,
        ["user", "assistant*"],
        ["p", "c"],
    ),
    "qa with system": (
        {"system": "be", "question": "q", "answer": "a"},
        "qa",
        True,
        ["system", "user", "assistant*"],
        ["be", "q", "a"],
    ),
    "sharegpt": (
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
    "sharegpt with roles, its own system, no tools": (
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
    "lists as the JSON that a CSV file holds": (
        {
            "messages": '[{"role": "user", "content": [{"type": "text", "text": "q"}]}, '
            '{"role": "assistant", "content": "\\u00e9"}]'
        },
        "messages",
        True,
        ["user", "assistant*"],
        ["q", "é"],
    ),
    "alpaca as pandas writes it": (
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
    "the column that says something": (
        {"instruction": "do", "output": "", "response": "done", "input": None, "context": "this"},
        "alpaca",
        True,
        ["user", "+user", "assistant*"],
        ["do", "this", "done"],
    ),
    "qa": (
        {"question": "q", "answers": ["a", "b"]},
        "qa",
        True,
        ["user", "assistant*"],
        ["q", "a; b"],
    ),
    "qa with the list as JSON": (
        {"question": "q", "answers": '["a", "b"]'},
        "qa",
        True,
        ["user", "assistant*"],
        ["q", "a; b"],
    ),
    "qa with context": (
        {"context": "c", "question": "q", "answer": "a"},
        "qa",
        True,
        ["user", "+user", "assistant*"],
        ["c", "q", "a"],
    ),
    "qa as SQuAD has it": (
        {"title": "t", "context": "c", "question": "q", "answers": {"text": ["a"], "answer_start": [3]}},
        "qa",
        True,
        ["user", "+user", "assistant*"],
        ["c", "q", "a"],
    ),
    "text": (
        {"text": "### Instruction:\ndo\n\n### Response:\n\ndone\n"},
        "text",
        False,
        ["user", "assistant*"],
        ["### Instruction:\ndo\n\n### Response:\n\n", "done\n"],
    ),
    "text with a marker after the other": (
        {"text": "### Input: do\n### Response: no\n### Response:\n\nyes\n"},
        "text",
        False,
        ["user", "assistant*", "assistant", "assistant*"],
        ["### Input: do\n### Response:", " no", "\n### Response:\n\n", "yes\n"],
    ),
    "text of a chat template": (
        {"text": "<|im_start|>user\nAssistant:<|im_end|>\n<|im_start|>assistant\nyes<|im_end|>"},
        "text",
        False,
        ["user", "assistant*", "assistant"],
        ["<|im_start|>user\nAssistant:<|im_end|>\n<|im_start|>assistant\n", "yes", "<|im_end|>"],
    ),
    "text of a chat template, more than one reply": (
        {
            "text": "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\na\n<|im_end|>\n"
            "<|im_start|>tool\nt<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n"
            "<|im_start|>user\nbye<|im_end|>\n"
        },
        "text",
        False,
        ["user", "assistant*", "user", "assistant*", "user"],
        [
            "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n",
            "a",
            "\n<|im_end|>\n<|im_start|>tool\nt<|im_end|>\n<|im_start|>assistant\n",
            "b",
            "<|im_end|>\n<|im_start|>user\nbye<|im_end|>\n",
        ],
    ),
    "text of Llama 2": (
        {"text": "<s>[INST] q [/INST] a </s><s>[INST] r [/INST] b </s>"},
        "text",
        False,
        ["user", "assistant*", "user", "assistant*", "assistant"],
        ["<s>[INST] q [/INST]", " a", " </s><s>[INST] r [/INST]", " b", " </s>"],
    ),
    "text under headers, more than one reply": (
        {"text": "### Human: q### Assistant: a\n### Human: r### Assistant: b\n### Input: 3\n"},
        "text",
        False,
        ["user", "assistant*", "user", "assistant*"],
        ["### Human: q### Assistant:", " a", "\n### Human: r### Assistant:", " b\n### Input: 3\n"],
    ),
    "completion with the mark of its end": (
        {"prompt": "p", "completion": "c.<|im_end|>\n"},
        "prompt-completion",
        False,
        ["user", "assistant*", "assistant"],
        ["p", "c.", "<|im_end|>\n"],
    ),
    "messages that are not trained on": (
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
    "messages trained on in part": (
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
    "query and response": (
        {"query": "do", "response": "done", "history": [["q", "a"]], "system": "be"},
        "alpaca",
        True,
        ["system", "user", "assistant*", "user", "assistant*"],
        ["be", "q", "a", "do", "done"],
    ),
    "ms-swift's pairs of turns": (
        {
            "conversation": [{"human": "q", "assistant": "a"}, {"human": "r", "assistant": "b"}],
            "system": "be",
        },
        "sharegpt",
        True,
        ["system", "user", "assistant*", "user", "assistant*"],
        ["be", "q", "a", "r", "b"],
    ),
    "preference": (
        {"prompt": "p", "chosen": "good", "rejected": "bad"},
        "preference",
        False,
        ["user", "assistant*"],
        ["p", "good"],
    ),
    "preference, conversational": (
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
    "preference, conversational, with the prompt in both": (
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
    "preference of LLaMA-Factory": (
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
    "preference with a question": (
        {"system": "be", "question": "q", "chosen": "good", "rejected": "bad"},
        "preference",
        True,
        ["system", "user", "assistant*"],
        ["be", "q", "good"],
    ),
    "preference of Argilla": (
        {"instruction": "do", "chosen_response": "good", "rejected_response": "bad"},
        "preference",
        True,
        ["user", "assistant*"],
        ["do", "good"],
    ),
    "preference of ms-swift": (
        {
            "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "good"}],
            "rejected_response": "bad",
        },
        "messages",
        True,
        ["user", "assistant*"],
        ["q", "good"],
    ),
    "preference in two dialogues (hh-rlhf)": (
        {
            "chosen": "\n\nHuman: q\n\nAssistant: a\n\nHuman: r\n\nAssistant: good",
            "rejected": "\n\nHuman: q\n\nAssistant: a\n\nHuman: r\n\nAssistant: bad",
        },
        "preference",
        False,
        ["user", "assistant", "user", "assistant*"],
        ["\n\nHuman: q\n\nAssistant:", " a", "\n\nHuman: r\n\nAssistant:", " good"],
    ),
    "preference in two texts": (
        {"chosen": "What is best?\nIt is good", "rejected": "What is best?\nIt is bad"},
        "preference",
        False,
        ["user", "assistant*"],
        ["What is best?\n", "It is good"],
    ),
    "KTO, desirable": (
        {"prompt": "p", "completion": "good", "label": True},
        "prompt-completion",
        False,
        ["user", "assistant*"],
        ["p", "good"],
    ),
}

REFUSED = {
    "KTO, undesirable": ({"prompt": "p", "completion": "bad", "label": False}, "prompt-completion", "label"),
    "KTO, undesirable, in a CSV file": (
        {"prompt": "p", "completion": "bad", "label": "False"},
        "prompt-completion",
        "label",
    ),
    "KTO, undesirable, of LLaMA-Factory": (
        {"instruction": "i", "output": "bad", "kto_tag": False},
        "alpaca",
        "kto_tag",
    ),
    "KTO, undesirable, of ms-swift": (
        {
            "messages": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "bad"}],
            "label": False,
        },
        "messages",
        "label",
    ),
}
"""Rows whose answer training moves away from: their format, and the column that says so."""
