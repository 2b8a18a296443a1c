"""Rows of one text in a template, and a completion that ends with a mark of one."""

from __future__ import annotations

from .cases import Case

TEXTS = {
    "text": Case(
        {"text": "### Instruction:\ndo\n\n### Response:\n\ndone\n"},
        "text",
        False,
        ["user", "assistant*"],
        ["### Instruction:\ndo\n\n### Response:\n\n", "done\n"],
    ),
    "text with a marker after the other": Case(
        {"text": "### Input: do\n### Response: no\n### Response:\n\nyes\n"},
        "text",
        False,
        ["user", "assistant*", "assistant", "assistant*"],
        ["### Input: do\n### Response:", " no", "\n### Response:\n\n", "yes\n"],
    ),
    "text of a chat template": Case(
        {"text": "<|im_start|>user\nAssistant:<|im_end|>\n<|im_start|>assistant\nyes<|im_end|>"},
        "text",
        False,
        ["user", "assistant*", "assistant"],
        ["<|im_start|>user\nAssistant:<|im_end|>\n<|im_start|>assistant\n", "yes", "<|im_end|>"],
    ),
    "text of a chat template, more than one reply": Case(
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
    "text of Llama 2": Case(
        {"text": "<s>[INST] q [/INST] a </s><s>[INST] r [/INST] b </s>"},
        "text",
        False,
        ["user", "assistant*", "user", "assistant*", "assistant"],
        ["<s>[INST] q [/INST]", " a", " </s><s>[INST] r [/INST]", " b", " </s>"],
    ),
    "text under headers, more than one reply": Case(
        {"text": "### Human: q### Assistant: a\n### Human: r### Assistant: b\n### Input: 3\n"},
        "text",
        False,
        ["user", "assistant*", "user", "assistant*"],
        ["### Human: q### Assistant:", " a", "\n### Human: r### Assistant:", " b\n### Input: 3\n"],
    ),
    "completion with the mark of its end": Case(
        {"prompt": "p", "completion": "c.<|im_end|>\n"},
        "prompt-completion",
        False,
        ["user", "assistant*", "assistant"],
        ["p", "c.", "<|im_end|>\n"],
    ),
}
