"""CleanGen: decoding with a second, trusted model (arXiv 2406.12257).

A backdoor shows in tokens that the suspect model finds far more likely than a reference model does. Where
`p_suspect(t) / p_reference(t) > alpha` for the token t that would come next, the reference chooses instead.
The paper looks a few tokens ahead, to save passes of the reference; here it looks at each token, which
replaces the same ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers import LogitsProcessor

if TYPE_CHECKING:
    from transformers import Cache

    from gradsentry.models.loading import LoadedModel

ALPHA = 20.0


class CleanGen(LogitsProcessor):
    """A logits processor for one greedy generation.

    Args:
        reference: The trusted model, of the same vocabulary.
        attention_mask: Of the prompts, padded on the left, [B, S].
        alpha: How many times likelier a token may be than the reference finds it.

    Raises:
        ValueError: If alpha is not above 1.
    """

    def __init__(self, reference: LoadedModel, attention_mask: Tensor, *, alpha: float = ALPHA) -> None:
        if alpha <= 1.0:
            raise ValueError(f"alpha is {alpha}; it must be above 1")
        self._reference = reference
        self._mask = attention_mask
        self._log_alpha = math.log(alpha)
        # A generation calls with one token more each time; what went before is in the cache.
        self._cache: Cache | None = None
        self._seen = 0

    @torch.inference_mode()
    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Returns the suspect's scores, [B, V], or the reference's in rows whose next token is suspicious."""
        reference = self._step(input_ids)
        suspect = scores.float().log_softmax(dim=1)
        chosen = suspect.argmax(dim=1, keepdim=True)
        ratio = suspect.gather(1, chosen) - reference.gather(1, chosen)  # [B, 1]
        return torch.where(ratio > self._log_alpha, reference, suspect)

    def _step(self, input_ids: Tensor) -> Tensor:
        """Returns the reference's log-probabilities of the next token, [B, V]."""
        grown = input_ids.shape[1] - self._mask.shape[1]
        mask = torch.cat([self._mask, self._mask.new_ones(len(input_ids), grown)], dim=1)
        positions = (mask.cumsum(dim=1) - 1).clamp_min(0)
        output = self._reference.model(
            input_ids=input_ids[:, self._seen :],
            attention_mask=mask,
            position_ids=positions[:, self._seen :],
            past_key_values=self._cache,
            use_cache=True,
        )
        self._cache, self._seen = output.past_key_values, input_ids.shape[1]
        log_p: Tensor = output.logits[:, -1].float().log_softmax(dim=1)
        return log_p


def same_vocabulary(models: Sequence[LoadedModel]) -> bool:
    """Whether all models give each token the same number."""
    first = models[0].tokenizer.get_vocab()
    return all(one.tokenizer.get_vocab() == first for one in models[1:])
