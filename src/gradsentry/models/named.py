"""What a user names as a model: a directory, a name of the Hub, or plainly neither."""

from __future__ import annotations

from pathlib import Path

from gradsentry.errors import ModelError, first_line, meaning_to_say
from gradsentry.models import embedded

_NO_GGUF = "name the model that it was made from, as a directory of safetensors or a Hub id"
_PATIENCE = 10.0  # seconds for the Hub's first answer: what its own client waits for one


def refuse_no_model(name: str) -> None:
    """Refuses what is plainly no model, before transformers asks the Hub for it, or any process is begun.

    Raises:
        ModelError: If it is none.
    """
    if name == embedded.NAME:
        return
    place = Path(name)
    if place.is_dir():
        if any((place / file).is_file() for file in ("config.json", "adapter_config.json")):
            return
        if any(place.glob("*.gguf")):
            raise ModelError("the directory holds a GGUF file and no config.json", where=name, mend=_NO_GGUF)
        raise ModelError("the directory holds no config.json", where=name, mend="name a model directory")
    if place.is_file():
        with place.open("rb") as opened:
            gguf = opened.read(4) == b"GGUF"
        if gguf or place.suffix.lower() == ".gguf":
            raise ModelError("is a GGUF file, made for inference", where=name, mend=_NO_GGUF)
        raise ModelError("is a file, not a model directory", where=name, mend="name the directory it is in")
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(
            "there is no such model directory", where=name, mend="check the path given as --model"
        )
    # What has no owner on the Hub is one of its first models, and none of them is called nearly so.
    if "/" not in name and (guess := meaning_to_say(name.lower(), [embedded.NAME])):
        mend = f"{guess}Else give the directory, or the owner too: OWNER/{name}"
        raise ModelError("there is no such model", where=name, mend=mend)
    _refuse_no_hub_id(name)


def _refuse_no_hub_id(name: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError:
        what = "is no model directory, and no name that the Hub could have"
        mend = f"give `{embedded.NAME}`, a model directory, or a Hub id such as OWNER/MODEL"
        raise ModelError(what, where=name, mend=mend) from None


def ask_the_hub(path: str) -> str:
    """Returns what to load for a name, after asking the Hub once, where transformers would for half a minute.

    That is the name itself; where the Hub cannot be reached, the directory in the Hub's cache.

    Raises:
        ModelError: If it cannot be reached, and the model is not in the cache. What it answers is left to
            transformers.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache

    file = "config.json"
    if Path(path).is_dir():
        return path
    try:
        get_hf_file_metadata(hf_hub_url(path, file), timeout=_PATIENCE)
    except OSError:  # an answer, or no network is wanted
        return path
    except Exception as error:  # the client of HTTP has exceptions of its own
        if isinstance(cached := try_to_load_from_cache(path, file), str):
            return str(Path(cached).parent)
        what = f"is no model directory, and the Hub cannot be reached ({first_line(error)})"
        raise ModelError(what, where=path, mend="check the path, or the network") from None
    return path
