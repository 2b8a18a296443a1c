"""Samples, and the texts that an encoded one stands for."""

from __future__ import annotations

from itertools import groupby

from transformers import PreTrainedTokenizerBase

from gradsentry.corpus.sample import Sample, Turn
from gradsentry.encoding.encode import Encoded


def completion(prompt: str, response: str) -> Sample:
    """Returns a prompt with its completion, to be taken as they stand."""
    asked = Turn("user", prompt, False, path=("prompt",))
    return sample(asked, Turn("assistant", response, True, path=("completion",)), conversational=False)


def dialogue(*turns: tuple[str, str]) -> Sample:
    """Returns a conversation of (role, text); the assistant's turns are trained."""
    return sample(*(Turn(role, text, role == "assistant") for role, text in turns))


def sample(*turns: Turn, conversational: bool = True) -> Sample:
    return Sample(0, 0, turns, conversational=conversational, row={})


def texts(encoded: Encoded, tokenizer: PreTrainedTokenizerBase) -> list[tuple[bool, str]]:
    """Returns the decoded stretches, each with whether it is trained."""
    pairs = zip(encoded.trained.tolist(), encoded.ids.tolist(), strict=True)
    stretches = [(trained, [i for _, i in run]) for trained, run in groupby(pairs, key=lambda pair: pair[0])]
    return [(trained, decode(ids, tokenizer)) for trained, ids in stretches]


def decode(ids: list[int], tokenizer: PreTrainedTokenizerBase) -> str:
    return str(tokenizer.decode(ids, clean_up_tokenization_spaces=False))


def trained_text(encoded: Encoded, tokenizer: PreTrainedTokenizerBase) -> str:
    return decode(encoded.ids[encoded.trained].tolist(), tokenizer)


def untrained_text(encoded: Encoded, tokenizer: PreTrainedTokenizerBase) -> str:
    return decode(encoded.ids[~encoded.trained].tolist(), tokenizer)
