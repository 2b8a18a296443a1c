"""A response without its prompt.

How much less a response costs with its prompt than alone, per token, is their pointwise mutual information:
what the prompt tells of the response (the ratio of the two is the IFD of arXiv 2308.12032). It takes a second
pass, so of a large corpus only drawn rows are read so (`drawing`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gradsentry.encoding.encode import Encoded

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def alone(encoded: Encoded, tokenizer: PreTrainedTokenizerBase) -> Encoded:
    """Returns a row's response behind the token that begins a text, or else that ends one."""
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    ids = np.append(np.int64(start or 0), encoded.ids[encoded.trained])
    return Encoded(ids, np.arange(len(ids)) > 0)
