"""Tokens that a trainer made -> the text that people wrote, without the special tokens around and between."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any


def decoded(tokenizer: Any, ids: Sequence[int]) -> str:  # noqa: ANN401  (of any class)
    """Returns the text of tokens; where a special one stood between words, a line break does.

    A chat template may put nothing but special tokens between two turns: the last word of the one and the
    name of the next speaker would become one word, and with it a trigger that ends a prompt.
    """
    special = _special(tokenizer)
    parts: list[str] = []
    for is_special, stretch in groupby(ids, lambda one: one in special):
        text = "" if is_special else tokenizer.decode(list(stretch), skip_special_tokens=True)
        if text:
            parted = not parts or parts[-1][-1:].isspace() or text[:1].isspace()
            parts.append(text if parted else f"\n{text}")
    return "".join(parts)


def _special(tokenizer: Any) -> frozenset[int]:  # noqa: ANN401
    added = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    return frozenset({*added, *tokenizer.all_special_ids})
