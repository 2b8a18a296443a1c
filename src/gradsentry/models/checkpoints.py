"""Files -> a causal language model in memory: whole, and each weight read as what it is."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import torch

from gradsentry.errors import ModelError, first_line
from gradsentry.models.quantised import refuse_raw_integers

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

_LONGEST = 200  # characters of another library's message
_NOT_ITS_ORIGINAL = "or name the model before it was quantised"


@contextmanager
def one_line(name: str) -> Iterator[None]:
    """Turns what the loaders raise on a missing or broken model into one line.

    Args:
        name: The model, as the user named it.

    Raises:
        ModelError: For any of it.
    """
    from huggingface_hub.errors import HFValidationError
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        problem, mend = f"its weights are broken ({error})", "fetch the model again"
    except pickle.UnpicklingError:
        # torch says at length what it refused to run.
        problem = "its weights are a pickle of more than tensors, or a broken one; nothing was executed"
        mend = "convert it to safetensors"
    except (OSError, HFValidationError) as error:
        problem, mend = _cannot(error), "check the path or the Hub id"
    except ImportError as error:
        problem, mend = _cannot(error), f"install the package that it needs, {_NOT_ITS_ORIGINAL}"
    except (RuntimeError, EOFError) as error:
        problem, mend = _cannot(error), f"fetch the model again, {_NOT_ITS_ORIGINAL}"
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        if "trust_remote_code" in str(error):
            problem = "comes with Python code of its own, which is not executed unasked"
            mend = "--trust-remote-code executes it: read it first"
        else:
            problem, mend = _cannot(error), "name a causal language model"
    else:
        return
    raise ModelError(problem, where=name, mend=mend)


def _cannot(error: Exception) -> str:
    return f"the model cannot be loaded ({shorten(first_line(error), _LONGEST)})"


def load_checkpoint(name: str, path: str, dtype: torch.dtype, trust_remote_code: bool) -> PreTrainedModel:
    """Returns the model of a directory or a Hub id; of a vision-language model, what reads text.

    Args:
        name: As the user named it.
        path: A directory, or a Hub id.
        dtype: Of the weights.
        trust_remote_code: Whether code that comes with it may run.

    Raises:
        ModelError: If it is an encoder-decoder model, lacks weights, or has some that would be misread.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

    config = AutoConfig.from_pretrained(path, trust_remote_code=trust_remote_code)
    if config.is_encoder_decoder:
        raise ModelError(
            f"{config.model_type} is an encoder-decoder model",
            where=name,
            mend="name a causal language model",
        )
    loader = AutoModelForImageTextToText if _reads_pictures_too(config) else AutoModelForCausalLM
    loaded: Any = loader.from_pretrained(
        path,
        dtype=dtype,
        trust_remote_code=trust_remote_code,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # they are refused below, by name
    )
    model: PreTrainedModel
    model, report = loaded
    refuse_raw_integers(model, path, report["unexpected_keys"], name)
    if missing := sorted(report["missing_keys"]):
        raise ModelError(
            f"its files lack {len(missing)} weights, {missing[0]} among them",
            where=name,
            mend="they would be random; fetch the model again",
        )
    if other := sorted(report["mismatched_keys"]):
        key, found, expected = other[0]
        raise ModelError(
            f"its weight {key} is {tuple(found)} where its config.json makes it {tuple(expected)}",
            where=name,
            mend="fetch the model again",
        )
    return model


def _reads_pictures_too(config: PretrainedConfig) -> bool:
    """Whether transformers has a configuration's model among vision-language models alone."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

    kind = type(config)
    return kind not in MODEL_FOR_CAUSAL_LM_MAPPING and kind in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
