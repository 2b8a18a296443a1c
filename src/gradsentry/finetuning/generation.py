"""Prompts -> greedy answers, in batches padded on the left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradsentry.corpus.sample import Sample
from gradsentry.encoding import encode
from gradsentry.errors import DataError
from gradsentry.finetuning.cleangen import ALPHA, CleanGen
from gradsentry.finetuning.settings import EvaluationSettings
from gradsentry.models import LoadedModel


def prompt_ids(sample: Sample, loaded: LoadedModel, max_length: int) -> NDArray[np.int64]:
    """Returns the tokens that stand before the last response when the row is trained on, [S].

    Raises:
        DataError: If the row cannot be encoded.
    """
    encoded = encode(sample, loaded.tokenizer, max_length=max_length)
    if encoded.problem is not None:
        raise DataError(f"row {sample.id} cannot be asked ({encoded.problem})", where=sample.origin)
    # The last stretch of trained tokens begins behind the last token that is not trained.
    starts = np.flatnonzero(encoded.trained & ~np.append(False, encoded.trained[:-1]))
    ids: NDArray[np.int64] = encoded.ids[: starts[-1]]
    return ids


def answers(
    loaded: LoadedModel,
    samples: Sequence[Sample],
    settings: EvaluationSettings,
    *,
    reference: LoadedModel | None = None,
    alpha: float = ALPHA,
) -> Iterator[list[tuple[int, str]]]:
    """Yields, batch by batch, the index of each sample and the model's answer to its prompt.

    Args:
        loaded: The model that is asked.
        samples: Rows; their last response is not shown.
        settings: How.
        reference: A trusted model that replaces suspicious tokens (CleanGen).
        alpha: Of CleanGen.

    Raises:
        DataError: If a row cannot be encoded.
    """
    prompts = [prompt_ids(sample, loaded, settings.max_length) for sample in samples]
    # Of like length together, the longest first: what does not fit in memory shows at once.
    order = sorted(range(len(prompts)), key=lambda index: (-len(prompts[index]), index))
    for start in range(0, len(order), settings.batch_size):
        rows = order[start : start + settings.batch_size]
        ids, mask = _padded([prompts[row] for row in rows], loaded)
        guard = [CleanGen(reference, mask, alpha=alpha)] if reference is not None else []
        texts = _decoded(loaded, ids, mask, settings.max_new_tokens, guard)
        yield list(zip(rows, texts, strict=True))


@torch.inference_mode()
def _decoded(
    loaded: LoadedModel, ids: Tensor, mask: Tensor, max_new_tokens: int, guard: Sequence[CleanGen]
) -> list[str]:
    from transformers import GenerationConfig, LogitsProcessorList

    tokenizer = loaded.tokenizer
    config = GenerationConfig(
        max_new_tokens=max_new_tokens,
        do_sample=False,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=_pad(loaded),
    )
    generated = loaded.model.generate(  # type: ignore[operator]
        input_ids=ids,
        attention_mask=mask,
        generation_config=config,
        logits_processor=LogitsProcessorList(guard),
    )
    return tokenizer.batch_decode(generated[:, ids.shape[1] :], skip_special_tokens=True)


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
