"""Models: load, freeze, find the target weight, and refuse what cannot be scored exactly."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gradsentry.errors import ModelError
from gradsentry.hub import at_hand
from gradsentry.models import embedded
from gradsentry.models.adapters import load_adapter
from gradsentry.models.checkpoints import load_checkpoint, one_line
from gradsentry.models.families import REFUSED, Sharing, sharing
from gradsentry.models.named import refuse_no_model
from gradsentry.models.passes import last_layer, middle_layer, packs
from gradsentry.models.probing import Head, probe_head
from gradsentry.settings import DType

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "tokenizer_config.json",
    "vocab.txt",
    "spiece.model",
)
# Where configurations say how many tokens a model takes: most; MPT; Whisper.
_POSITIONS = ("max_position_embeddings", "max_seq_len", "max_target_positions")
KERNELS_KEPT = 64  # shapes of products whose kernels torch keeps: a batch has some ten


@dataclass(frozen=True)
class ModelFacts:
    """What there is to know of a model that is loaded somewhere.

    Attributes:
        name: As the user named it.
        device: Where its weights are.
        dtype: Of its output projection.
        tied: See `LoadedModel`.
        fingerprint: See `LoadedModel`.
    """

    name: str
    device: str
    dtype: str
    tied: bool
    fingerprint: str


@dataclass(frozen=True)
class LoadedModel:
    """A model in eval mode with what scoring needs of it.

    Attributes:
        name: As the user named it.
        model: The causal language model; adapters are merged.
        tokenizer: Its tokenizer (a fast one).
        projection: The module that holds the target weight.
        head: The output projection and what follows it.
        tied: Whether the target weight is the input embedding too; its gradient is then the output
            projection's share.
        sharing: Which rows may share a pass.
        last_layer: The layer that packs run to its end for response positions alone, or None.
        middle_layer: The layer at half depth, whose states tell what rows are about, or None.
        max_positions: How many tokens the model takes, or None where it does not say.
        fingerprint: SHA-256 over the configuration, the vocabulary and a sample of every weight.
    """

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    projection: nn.Module
    head: Head
    tied: bool
    sharing: Sharing
    last_layer: nn.Module | None
    middle_layer: nn.Module | None
    max_positions: int | None
    fingerprint: str

    @property
    def device(self) -> torch.device:
        return self.head.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.head.weight.dtype

    @property
    def facts(self) -> ModelFacts:
        dtype = str(self.dtype).removeprefix("torch.")
        return ModelFacts(self.name, str(self.device), dtype, self.tied, self.fingerprint)


def load_model(
    name: str, *, dtype: DType = "auto", device: str = "auto", trust_remote_code: bool = False
) -> LoadedModel:
    """Returns a model by name: `smollm2`, a directory (of a model or a PEFT adapter), or a Hub id
    (of an adapter, one that is in the Hub's cache).

    Raises:
        ModelError: If it is missing, broken, has no tokenizer, or cannot be scored exactly.
    """
    _bound_kernel_caches()
    place = resolve_device(device)
    path = str(embedded.embedded_model_path()) if name == embedded.NAME else name
    refuse_no_model(name)
    kind = resolve_dtype(dtype, place)
    path = at_hand(path)
    with one_line(name):
        adapter = (Path(path) / "adapter_config.json").is_file()
        load = load_adapter if adapter else load_checkpoint
        model = load(name, path, kind, trust_remote_code)
        torch.nn.Module.to(model, place)
    model.requires_grad_(False)
    return wrap_model(model, _load_tokenizer(name, path, trust_remote_code), name=name)


def wrap_model(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, name: str | None = None
) -> LoadedModel:
    """Returns a model that is already in memory, in eval mode and probed; whether it trains is left as it is.

    Raises:
        ModelError: If it cannot be scored exactly.
    """
    name = name or getattr(model, "name_or_path", "") or type(model).__name__
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError("its tokenizer is a slow one", where=name, mend="convert it to tokenizer.json")
    if reason := REFUSED.get(model.config.model_type):
        raise ModelError(
            f"{model.config.model_type} {reason}", where=name, mend="name another causal language model"
        )
    model.eval()
    projection = model.get_output_embeddings()
    weight = getattr(projection, "weight", None)
    if projection is None or not isinstance(weight, Tensor) or weight.ndim != 2:
        raise ModelError(
            f"{type(model).__name__} has no output projection with a weight matrix",
            where=name,
            mend="GradSentry scores causal language models",
        )
    if not weight.is_floating_point():
        raise ModelError(
            "its output projection is quantised",
            where=name,
            mend="leave lm_head unquantised, or load bfloat16",
        )
    embedding = model.get_input_embeddings()
    head, places = probe_head(model, projection, name)
    shared, last = _tried(sharing(model), model, projection)
    return LoadedModel(
        name=name,
        model=model,
        tokenizer=tokenizer,
        projection=projection,
        head=head,
        tied=embedding is not None and getattr(embedding, "weight", None) is weight,
        sharing=shared,
        last_layer=last,
        middle_layer=middle_layer(model),
        max_positions=_max_positions(model.config.get_text_config(), places),
        fingerprint=_fingerprint(model, tokenizer),
    )


def _tried(
    shared: Sharing, model: PreTrainedModel, projection: nn.Module
) -> tuple[Sharing, nn.Module | None]:
    """Returns which rows may share a pass, packs tried, and the layer that they run in two steps or None."""
    if shared.packs:
        last = last_layer(model)
        if last is not None and packs(model, projection, last):
            return shared, last
        if packs(model, projection, None):
            return shared, None
    return replace(shared, packs=False), None


def _max_positions(config: PretrainedConfig, places: int | None) -> int | None:
    """Returns how many tokens a model takes, or None where that is not said.

    Args:
        config: Of its text model.
        places: How many its table of positions has room for; None where it has none.
    """
    said = [places, *(getattr(config, key, None) for key in _POSITIONS)]
    return min((one for one in said if isinstance(one, int)), default=None)


def resolve_device(device: str) -> torch.device:
    """Returns the device meant by a setting; `auto` is CUDA, then MPS, then the CPU.

    Raises:
        ModelError: If this machine has no such device.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        place = torch.device(device)
        # `meta` takes any tensor, but computes nothing that can be read.
        torch.ones(1, device=place).item()
    except (RuntimeError, AssertionError, NotImplementedError, ImportError):
        raise ModelError(
            "this machine has no such device that computes", where=f"--device {device}", mend="use cpu"
        ) from None
    return place


def told_device(device: torch.device) -> str:
    """Returns what computes: a GPU with its name, a processor with the instructions that torch uses of it."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"cpu ({torch.backends.cpu.get_cpu_capability()})" if device.type == "cpu" else device.type


def resolve_dtype(dtype: DType, device: torch.device) -> torch.dtype:
    if dtype == "auto":
        pays = device.type == "cuda" or (device.type == "cpu" and multiplies_in_bfloat16())
        return torch.bfloat16 if pays else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[dtype]


def _bound_kernel_caches() -> None:
    """Bounds what torch keeps of bfloat16 products on a CPU: some 0.4 MB for each number of tokens it saw.

    Without a bound it keeps a thousand of them, and rows that run together rarely have as many tokens again.
    Both names are read at the first product.
    """
    for name in ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY"):
        os.environ.setdefault(name, str(KERNELS_KEPT))


def multiplies_in_bfloat16() -> bool:
    """Returns whether the processor has instructions for it: without them it is slower than float32."""
    told: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # an older torch does not tell
    return any(told.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def _load_tokenizer(name: str, path: str, trust_remote_code: bool) -> PreTrainedTokenizerBase:
    from transformers import AutoTokenizer

    place = Path(path)
    source = path
    if place.is_dir() and not any((place / file).is_file() for file in _TOKENIZER_FILES):
        adapter = place / "adapter_config.json"
        base = json.loads(adapter.read_text(encoding="utf-8")) if adapter.is_file() else {}
        source = base.get("base_model_name_or_path") or ""
        if not source:
            raise ModelError(
                "the model directory holds no tokenizer",
                where=name,
                mend="save the tokenizer beside the model",
            )
    with one_line(name):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            at_hand(source), trust_remote_code=trust_remote_code
        )
    return tokenizer


def _fingerprint(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> str:
    """Returns a SHA-256 that training, another configuration or another vocabulary changes."""
    digest = hashlib.sha256()
    config = {key: value for key, value in model.config.to_dict().items() if not key.startswith("_")}
    for volatile in ("transformers_version", "dtype", "use_cache"):
        config.pop(volatile, None)
    digest.update(json.dumps(config, sort_keys=True, default=str).encode())
    digest.update(json.dumps(sorted(tokenizer.get_vocab().items())).encode())
    digest.update(
        (tokenizer.chat_template or "").encode() if isinstance(tokenizer.chat_template, str) else b""
    )
    for key, weight in sorted(model.state_dict().items()):
        flat = weight.detach().reshape(-1)
        step = max(1, flat.numel() // 64)
        digest.update(f"{key} {tuple(weight.shape)} {weight.dtype}".encode())
        digest.update(flat[::step][:64].float().cpu().numpy().tobytes())
    return digest.hexdigest()


def quiet_libraries() -> None:
    """Silences the progress bars and warnings of the libraries: a scan prints its own."""
    from transformers.utils import logging as transformers_logging

    # Read when `datasets` is imported, which takes most of a second and is left to who needs it.
    os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    # PEFT and TRL ask for what transformers calls otherwise by now.
    warnings.filterwarnings(
        "ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning
    )
