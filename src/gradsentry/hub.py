"""The Hugging Face Hub, asked once where its client and transformers would ask for half a minute or more."""

from __future__ import annotations

from pathlib import Path

from gradsentry.errors import ModelError, first_line

_PATIENCE = 10.0  # seconds for the first answer: what the Hub's own client waits for one
_FILES = ("config.json", "adapter_config.json", "tokenizer_config.json", "tokenizer.json")
"""Of a model, an adapter or a tokenizer that is in the cache, one of these is."""


def out_of_reach(url: str) -> str:
    """Returns why the Hub does not answer; nothing where it answers something, or is not to be asked."""
    from huggingface_hub import get_hf_file_metadata

    try:
        get_hf_file_metadata(url, timeout=_PATIENCE)
    except OSError:  # an answer, or no network is wanted
        return ""
    except Exception as error:  # the client of HTTP has exceptions of its own
        return first_line(error) or type(error).__name__
    return ""


def at_hand(name: str) -> str:
    """Returns what to load a model, an adapter or a tokenizer from: its name, or its directory in the cache.

    The latter where the Hub is out of reach or not to be asked, and for an adapter, which we load from a
    directory alone.

    Raises:
        ModelError: If the Hub cannot be reached, and it is not in the cache. What the Hub answers is left to
            transformers.
    """
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.errors import HFValidationError

    if Path(name).is_dir():
        return name
    try:
        cached, url = _cached(name), hf_hub_url(name, _FILES[0])
    except HFValidationError:  # no name that the Hub could have, such as a path
        return name
    why = out_of_reach(url)
    if why and cached is None:
        what = f"is no directory here, and the Hub cannot be reached ({why})"
        raise ModelError(what, where=name, mend="check the path, or the network")
    if cached is None:
        return name
    is_adapter = not (cached / "config.json").is_file() and (cached / "adapter_config.json").is_file()
    return str(cached) if why or constants.HF_HUB_OFFLINE or is_adapter else name


def _cached(name: str) -> Path | None:
    """Returns the directory of a name in the Hub's cache, or None where there is none."""
    from huggingface_hub import try_to_load_from_cache

    found = (try_to_load_from_cache(name, file) for file in _FILES)
    return next((Path(one).parent for one in found if isinstance(one, str)), None)
