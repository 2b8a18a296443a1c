"""Encoded samples -> what the model says at their response positions.

One forward pass a batch; what several defences need of a row (losses, entropies, the gradient's factors, the
state of the last prompt token) is read off it. Logits of one row exist at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradsentry.corpus.sample import Sample
from gradsentry.encoding.encode import Encoded
from gradsentry.encoding.encode import encode_all as encode_samples
from gradsentry.errors import ScoringError

if TYPE_CHECKING:
    from torch import Tensor

    from gradsentry.models.loading import LoadedModel
    from gradsentry.models.passes import States
    from gradsentry.models.probing import Head

MAX_LENGTH = 2048


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model says of one row.

    Attributes:
        logits: Final logits at the positions that predict the response, [T, V], float32.
        targets: The response's token ids, [T].
        states: What enters the output projection there, [T, d], float32; the first is the last prompt
            token's.
        head: The output projection.
    """

    logits: Tensor
    targets: Tensor
    states: Tensor
    head: Head

    def losses(self) -> Tensor:
        """Returns the negative log-likelihood of each response token, [T]."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(self.logits, self.targets, reduction="none")

    def entropies(self) -> Tensor:
        """Returns the entropy of each prediction, in nats, [T]."""
        log_p = self.logits.log_softmax(dim=1)
        return -(log_p.exp() * log_p).sum(dim=1)

    def factor(self) -> Tensor:
        """Returns D, [T, V]: the gradient of the summed loss with respect to the projection's output.

        With `states` as A, the gradient of the mean loss with respect to the weight is `D^T A / T`.
        """
        import torch

        D = self.logits.softmax(dim=1)
        D[torch.arange(len(self.targets)), self.targets] -= 1.0
        if self.head.softcap is not None:
            D *= 1.0 - (self.logits / self.head.softcap).square()
        return D * self.head.scale


def encode_all(samples: Sequence[Sample], loaded: LoadedModel) -> list[Encoded]:
    """Returns the samples as the model sees them, cut to what it takes."""
    limit = min(MAX_LENGTH, loaded.max_positions or MAX_LENGTH)
    return encode_samples(samples, loaded.tokenizer, max_length=limit)


def read(loaded: LoadedModel, encoded: Sequence[Encoded]) -> Iterator[tuple[int, Reading]]:
    """Yields each sample's index with its reading, in no particular order.

    Args:
        loaded: The model.
        encoded: Samples, all of which can be scored. A beginning that many share is run once.

    Raises:
        ScoringError: If one does not fit in memory.
    """
    # Here, as all of PyTorch in these files: it takes seconds, and a typo in a spec is told before.
    from torch import inference_mode

    return inference_mode()(_read)(loaded, encoded)


def _read(loaded: LoadedModel, encoded: Sequence[Encoded]) -> Iterator[tuple[int, Reading]]:
    import torch

    from gradsentry.gradients.states import read_states

    def split(rows: Sequence[int], states: States) -> Sequence[Tensor]:
        return torch.split(states.wanted, [encoded[row].n_response for row in rows])

    for row, A in read_states(loaded, encoded, range(len(encoded)), split):
        if isinstance(A, str):
            raise ScoringError(A, where=f"row {row}", mend="use a smaller model or a larger machine")
        targets = torch.from_numpy(encoded[row].ids[encoded[row].trained]).to(A.device)
        yield row, Reading(_logits(loaded.head, A), targets, A.float(), loaded.head)


def _logits(head: Head, A: Tensor) -> Tensor:
    z = (A @ head.weight.T).float()
    if head.bias is not None:
        z = z + head.bias.float()
    z = z * head.scale
    return z if head.softcap is None else head.softcap * (z / head.softcap).tanh()
