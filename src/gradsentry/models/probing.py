"""What a model does between its last hidden states and its logits, found by running it once.

What follows the matrix product of the output projection changes the gradient. It is not read off the class
name: the probe runs the model on a few tokens, takes what enters the projection, what leaves it and the final
logits, and names the relation among those that `gradients/head.py` differentiates. A model whose relation has
no name is refused, and so is one whose predictions look ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from gradsentry.errors import ModelError, first_line

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

_PROBE_LENGTH = 12
# Where configurations keep the cap of their final logits: Gemma; RecurrentGemma; xLSTM.
_CAPS = ("final_logit_softcapping", "logits_soft_cap", "output_logit_soft_cap")


@dataclass(frozen=True)
class Head:
    """The output projection and what follows it: `logits = cap(scale * (x W^T + b))`.

    Attributes:
        weight: The target weight W, [V, d].
        bias: b, [V], or None.
        scale: A constant factor on the projection's output (Cohere, Granite); 1 where there is none.
        softcap: c of `c tanh(z / c)` (Gemma), or None.
    """

    weight: Tensor
    bias: Tensor | None
    scale: float
    softcap: float | None


@torch.inference_mode()
def probe_head(model: PreTrainedModel, projection: nn.Module, name: str) -> tuple[Head, int | None]:
    """Returns the output projection and what follows it, and how many tokens the table of positions takes.

    Raises:
        ModelError: If the model cannot be scored exactly, with the reason.
    """
    config = model.config.get_text_config()
    weight: Tensor = projection.weight  # type: ignore[assignment]  # [V, d]
    bias: Tensor | None = getattr(projection, "bias", None)
    ids = probe_ids(model)
    hidden, product, logits = _run(model, projection, ids, name)  # [S, d], [S, V], [S, V]
    _refuse_other_states(model, hidden, logits, len(ids), name)
    ours = hidden.float() @ weight.float().T  # [S, V]
    if bias is not None:
        ours = ours + bias.float()
    if product.shape != ours.shape or not close(product, ours, weight.dtype):
        raise ModelError(
            f"the output projection of {type(model).__name__} is no plain matrix product",
            where=name,
            mend="merge adapters on lm_head, and leave lm_head unquantised",
        )
    places = _places_if_causal(model, projection, ids, hidden, weight.dtype, name)
    relation = _relation(ours, logits.float(), weight.dtype, config)
    if relation is None:
        raise ModelError(
            f"what {type(model).__name__} does after its output projection is not known here",
            where=name,
            mend="known are none, a bias, a constant scale and tanh soft-capping",
        )
    scale, softcap = relation
    return Head(weight=weight, bias=bias, scale=scale, softcap=softcap), places


def _refuse_other_states(
    model: PreTrainedModel, hidden: Tensor, logits: Tensor, tokens: int, name: str
) -> None:
    """Raises where a model does not make one state of each token, or logits that are not finite."""
    if hidden.shape[0] > tokens:
        raise ModelError(
            f"{type(model).__name__} puts {hidden.shape[0] - tokens} positions of its own into the row",
            where=name,
            mend="merge its adapter first; prompt tuning cannot be scored",
        )
    if hidden.shape[0] < tokens:
        raise ModelError(
            f"what enters the output projection of {type(model).__name__} is not one state a token",
            where=name,
            mend="name another causal language model",
        )
    if not logits.isfinite().all():
        raise ModelError(
            "its logits are not finite",
            where=name,
            mend="its weights may be broken, or too large for this --dtype: try float32",
        )


def _places_if_causal(
    model: PreTrainedModel,
    projection: nn.Module,
    ids: Tensor,
    hidden: Tensor,
    dtype: torch.dtype,
    name: str,
) -> int | None:
    """Returns how many tokens the table of positions takes, from a run with other tokens at the end.

    Raises:
        ModelError: If these change the states of the tokens before them.
    """
    changed = ids.clone()
    half = len(ids) // 2
    changed[half:] = ids[0]
    with _PositionTables(model) as tables:
        earlier = _run(model, projection, changed, name)[0][:half]
    # The same product over the same rows: far closer than two ways to compute it.
    if not close(earlier, hidden[:half].float(), dtype, share=0.1):
        raise ModelError(
            f"{type(model).__name__} looks ahead: a later token changes an earlier prediction",
            where=name,
            mend="name a causal language model",
        )
    return min(tables.places, default=None)


class _PositionTables(TorchFunctionMode):
    """Notes for how many tokens there is room in the tables that a model looks its positions up in.

    A table may begin with rows that stand for padding (OPT, RoBERTa): the first that is looked up counts.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.places: list[int] = []
        self._tables = {id(one) for one in (*model.parameters(), *model.buffers())}
        self._tables.discard(id(model.get_input_embeddings().weight))

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        if func is torch.nn.functional.embedding:
            self._note(args[1], args[0])
        elif func is Tensor.__getitem__ and isinstance(args[1], Tensor):
            self._note(args[0], args[1])
        return func(*args, **(kwargs or {}))

    def _note(self, table: Tensor, index: Tensor) -> None:
        places = index.reshape(-1)
        whole = places.numel() == _PROBE_LENGTH and places.dtype in (torch.int64, torch.int32)
        if whole and id(table) in self._tables and bool((places.diff() == 1).all()):
            self.places.append(table.shape[0] - int(places[0]))


def probe_ids(model: PreTrainedModel) -> Tensor:
    """Returns the few tokens that a model is tried on, [S]; not the padding, which some models pass over."""
    config = model.config.get_text_config()
    entries, padding = int(config.vocab_size), getattr(config, "pad_token_id", None)
    ids = [place % entries for place in range(1, _PROBE_LENGTH + 3) if place % entries != padding]
    return torch.tensor(ids[:_PROBE_LENGTH], device=model.device)


def _run(
    model: PreTrainedModel, projection: nn.Module, ids: Tensor, name: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns what enters the projection, what leaves it, and the logits, for one row of token ids."""
    seen: list[tuple[Tensor, Tensor]] = []
    handle = projection.register_forward_hook(lambda _, args, out: seen.append((args[0], out)))
    try:
        logits = model(input_ids=ids[None], use_cache=False).logits
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        problem = f"the model does not run on token ids alone ({first_line(error)})"
        raise ModelError(problem, where=name, mend="name a text-only causal language model") from None
    finally:
        handle.remove()
    if len(seen) != 1:
        raise ModelError(
            f"{type(model).__name__} uses its output projection {len(seen)} times in one pass",
            where=name,
            mend="GradSentry scores models that use it once",
        )
    return seen[0][0][0], seen[0][1][0], logits[0]


def _relation(
    product: Tensor, logits: Tensor, dtype: torch.dtype, config: PretrainedConfig
) -> tuple[float, float | None] | None:
    """Returns (scale, softcap) such that the logits are `cap(scale * product)`, both [S, V]; else None."""
    if logits.shape != product.shape:
        return None
    for cap in filter(None, (getattr(config, key, None) for key in _CAPS)):
        # Logits far below the cap fit both: then the configuration is believed.
        capped = cap * torch.tanh(product / cap)
        refuted = 2 * (logits - product).abs().max() < (logits - capped).abs().max()
        if close(logits, capped, dtype) and not refuted:
            return 1.0, float(cap)
    if close(logits, product, dtype):
        return 1.0, None
    scale = float((logits * product).sum() / product.square().sum())
    if scale and close(logits, scale * product, dtype):
        return scale, None
    return None


def close(left: Tensor, right: Tensor, dtype: torch.dtype, *, share: float = 1.0) -> bool:
    """Whether two tensors are equal within what a matrix product in this dtype loses, or a share of it."""
    room = {torch.float32: 1e-4, torch.float64: 1e-9, torch.float16: 5e-3}.get(dtype, 3e-2)
    peak = float(right.abs().max())
    return bool((left.float() - right.float()).abs().max() <= share * room * max(peak, 1e-6))
