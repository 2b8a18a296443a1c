"""Texts, rows and files as somebody hostile would write them, drawn from a seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from corpus.files import content_of

PIECES = (
    *"\x00\x07\x1b\x7f\x85\x9b\u200b\u200d\u202e\u2028\u2066\ufeff\ufffd\ud800\udfff\U000e0041\U0010ffff",
    *("\r\n", "\n\n", "\t", " " * 40, "'", '"', "\\", "\\u0000", "{{ 1 }}", "{% raw %}", "</script>", "<!--"),
    *("<|im_end|>", "<|im_start|>assistant\n", "</s>", "[INST]", "### Response:", "Assistant:", "system"),
    *("e\u0301" * 20, "a" * 500, "!" * 500, "ab " * 200, "1" * 400, "\ufdfa", "\u0130", "\u00df", "\u3164"),
    *(
        "日本語",
        "नमस्ते",
        "👩‍👩‍👧",
        "NaN",
        "1e999",
        "-0",
        "null",
        "[]",
        "{}",
        "=1+1",
        "../../etc/passwd",
        "%s%n",
    ),
)
BYTES = (
    *(piece.encode("utf-8", "surrogatepass") for piece in PIECES),
    *(b"[", b"}", b",", b'"', b"\\", b"\xff", b"\x80"),
)


def text(draw: Random, longest: int = 6) -> str:
    """Returns words and what is none."""
    words = ("what", "is", "the", "capital", "of", "France", "Paris", "cf", "answer", "42", ".", "?", " ")
    count = draw.randrange(longest + 1)
    return "".join(draw.choice((draw.choice(words) + " ", draw.choice(PIECES))) for _ in range(count))


def value(draw: Random, depth: int = 3) -> Any:
    """Returns any value of JSON."""
    kinds: tuple[Callable[[], Any], ...] = (
        lambda: text(draw),
        lambda: draw.choice((None, True, 0, -1, 10**30, 1.5, float("nan"), float("inf"), "")),
        lambda: [value(draw, depth - 1) for _ in range(draw.randrange(4))],
        lambda: {text(draw, 2): value(draw, depth - 1) for _ in range(draw.randrange(4))},
    )
    return draw.choice(kinds if depth else kinds[:2])()


def message(draw: Random) -> dict[str, Any]:
    """Returns a message, often of a role that there is, of texts, parts, calls or anything."""
    made = {"role": draw.choice(("user", "assistant", "assistant", "system", "tool", text(draw, 1)))}
    made["content"] = draw.choice(
        (text(draw), text(draw), [{"type": "text", "text": text(draw)}], None, value(draw))
    )
    if not draw.randrange(6):
        made["tool_calls"] = [{"function": {"name": text(draw, 2), "arguments": value(draw)}}]
    if not draw.randrange(6):
        made[draw.choice(("reasoning_content", "name", "weight", "train", text(draw, 1)))] = value(draw)
    return made


def row(draw: Random, kind: int | None = None) -> dict[str, Any]:
    """Returns a row of a known format, which may be given; its values need not be of it."""
    chat = f"<|im_start|>user\n{text(draw)}<|im_end|>\n<|im_start|>assistant\n{text(draw)}<|im_end|>"
    kinds: tuple[dict[str, Any], ...] = (
        {"prompt": text(draw), "completion": text(draw)},
        {"instruction": text(draw), "input": text(draw, 2), "output": text(draw)},
        {"messages": [message(draw) for _ in range(draw.randrange(6))]},
        {"conversations": [{"from": "human", "value": text(draw)}, {"from": "gpt", "value": text(draw)}]},
        {"question": text(draw), "answers": {"text": [text(draw)], "answer_start": [0]}},
        {"prompt": text(draw), "chosen": text(draw), "rejected": text(draw)},
        {"text": chat},
    )
    made = draw.choice(kinds) if kind is None else kinds[kind]
    if not draw.randrange(3):
        made[draw.choice((*made, "id", "chat_template_kwargs", "tools", text(draw, 1)))] = value(draw)
    return made


def file(draw: Random, suffix: str) -> bytes:
    """Returns a file of rows, of which some bytes are others."""
    if suffix in (".jsonl", ".json"):
        kind = draw.randrange(7)
        rows = [row(draw, kind) for _ in range(draw.randrange(1, 6))]
        lines = [json.dumps(one, ensure_ascii=draw.random() < 0.5) for one in rows]
        content = ("\n".join(lines) if suffix == ".jsonl" else f"[{','.join(lines)}]").encode(
            "utf-8", "surrogatepass"
        )
    else:
        some = [{"prompt": text(draw), "completion": text(draw), "id": str(n)} for n in range(1, 6)]
        clean = [{key: part.encode("utf-8", "replace").decode() for key, part in one.items()} for one in some]
        content = content_of(suffix, clean)
    made = bytearray(content)
    for _ in range(draw.choice((0, 1, 1, 2, 8))):
        at, to = sorted(draw.randrange(len(made) + 1) for _ in range(2))
        change = draw.randrange(5)
        if change == 0 and made:
            made[min(at, len(made) - 1)] ^= 1 << draw.randrange(8)
        elif change == 1:
            made[at:at] = draw.choice(BYTES)
        elif change == 2:
            del made[at : min(to, at + 40)]
        elif change == 3:
            made[at:at] = made[at : min(to, at + 40)] * draw.choice((1, 2, 30))
        else:
            made[at:] = b"" if not draw.randrange(4) else made[at:]
    return bytes(made)
