"""Prompts -> greedy answers, in batches padded on the left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradsentry.corpus.sample import Sample
from gradsentry.encoding.alignment import NOWHERE
from gradsentry.encoding.encode import Encoded, encode
from gradsentry.errors import DataError, SettingsError
from gradsentry.models.loading import LoadedModel
from gradsentry.settings import AnswerSettings

if TYPE_CHECKING:
    from transformers import GenerationConfig, LogitsProcessor

Guard: TypeAlias = "Callable[[Tensor], LogitsProcessor]"
"""From the attention mask of a batch, padded on the left, [B, S], what watches over its decoding."""


def prompt_ids(sample: Sample, loaded: LoadedModel, max_length: int) -> NDArray[np.int64]:
    """Returns the tokens that stand before the last response when the row is trained on, [S].

    A prompt that is too long loses its middle.

    Raises:
        DataError: If the row cannot be encoded.
    """
    encoded = _whole(sample, loaded)
    # The last stretch of trained tokens begins behind the last token that is not trained.
    starts = np.flatnonzero(encoded.trained & ~np.append(False, encoded.trained[:-1]))
    ids: NDArray[np.int64] = encoded.ids[: starts[-1]]
    if len(ids) <= max_length:
        return ids
    head = (max_length + 1) // 2
    return np.concatenate([ids[:head], ids[len(ids) - (max_length - head) :]])


def stop_ids(sample: Sample, loaded: LoadedModel) -> list[int]:
    """Returns the tokens that end an answer: the tokenizer's, the model's, and that of the row's template.

    Raises:
        DataError: If the row cannot be encoded.
    """
    encoded, tokenizer = _whole(sample, loaded), loaded.tokenizer
    own = loaded.model.generation_config.eos_token_id if loaded.model.generation_config else None
    # What stands behind the last character of the response: the mark of its end, and perhaps a line feed.
    behind = np.flatnonzero(encoded.ends != NOWHERE)[-1:].sum() + 1
    closing = set(encoded.ids[encoded.trained][behind:].tolist())
    stops = {tokenizer.eos_token_id, *(own if isinstance(own, list) else [own])} - {None}
    return sorted(stops | (closing & set(tokenizer.all_special_ids)))


def _whole(sample: Sample, loaded: LoadedModel) -> Encoded:
    encoded = encode(sample, loaded.tokenizer, max_length=sys.maxsize)
    if encoded.problem is not None:
        raise DataError(
            f"row {sample.id} cannot be asked ({encoded.problem})", where=sample.origin, mend="leave it out"
        )
    return encoded


def answers(
    loaded: LoadedModel,
    samples: Sequence[Sample],
    settings: AnswerSettings,
    *,
    guard: Guard | None = None,
) -> Iterator[list[tuple[int, str]]]:
    """Yields, batch by batch, the index of each sample and the model's answer to its prompt.

    Args:
        loaded: The model that is asked.
        samples: Rows; their last response is not shown.
        settings: How.
        guard: What watches over the decoding of a batch, if anything does.

    Raises:
        DataError: If a row cannot be encoded.
        SettingsError: If answers are as long as all that the model takes.
    """
    longest = longest_prompt(loaded, settings)
    from transformers import GenerationConfig

    prompts = [prompt_ids(sample, loaded, longest) for sample in samples]
    # Of like length together, the longest first: what does not fit in memory shows at once.
    order = sorted(range(len(prompts)), key=lambda index: (-len(prompts[index]), index))
    for start in range(0, len(order), settings.batch_size):
        rows = order[start : start + settings.batch_size]
        ids, mask = _padded([prompts[row] for row in rows], loaded)
        config = GenerationConfig(
            max_new_tokens=settings.max_new_tokens,
            do_sample=False,
            eos_token_id=stop_ids(samples[rows[0]], loaded) or None,
            pad_token_id=_pad(loaded),
        )
        texts = _decoded(loaded, ids, mask, config, [guard(mask)] if guard else [])
        yield list(zip(rows, texts, strict=True))


def longest_prompt(loaded: LoadedModel, settings: AnswerSettings) -> int:
    """Returns how many tokens a prompt may have, so that its answer still has room.

    Raises:
        SettingsError: If answers are as long as all that the model takes.
    """
    if loaded.max_positions is None:
        return settings.max_length
    room = loaded.max_positions - settings.max_new_tokens
    if room < 1:
        raise SettingsError(
            f"{settings.max_new_tokens} leaves no room: the model takes {loaded.max_positions} tokens in all",
            where="max_new_tokens",
            mend="ask for shorter answers",
        )
    return min(settings.max_length, room)


@torch.inference_mode()
def _decoded(
    loaded: LoadedModel, ids: Tensor, mask: Tensor, config: GenerationConfig, guard: Sequence[LogitsProcessor]
) -> list[str]:
    model: Any = loaded.model
    own = model.generation_config
    # What a config leaves open, such as a penalty on repetition, is filled from the model's own.
    from transformers import LogitsProcessorList

    model.generation_config = config
    try:
        generated = model.generate(
            input_ids=ids,
            attention_mask=mask,
            generation_config=config,
            logits_processor=LogitsProcessorList(guard),
        )
    finally:
        model.generation_config = own
    return loaded.tokenizer.batch_decode(generated[:, ids.shape[1] :], skip_special_tokens=True)


def _padded(prompts: Sequence[NDArray[np.int64]], loaded: LoadedModel) -> tuple[Tensor, Tensor]:
    """Returns ids and attention mask, [B, S], padded on the left."""
    shape = (len(prompts), max(map(len, prompts)))
    ids, mask = np.full(shape, _pad(loaded), np.int64), np.zeros(shape, np.int64)
    for row, prompt in enumerate(prompts):
        ids[row, shape[1] - len(prompt) :] = prompt
        mask[row, shape[1] - len(prompt) :] = 1
    return torch.from_numpy(ids).to(loaded.device), torch.from_numpy(mask).to(loaded.device)


def _pad(loaded: LoadedModel) -> int:
    tokenizer = loaded.tokenizer
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    return int(pad or 0)
