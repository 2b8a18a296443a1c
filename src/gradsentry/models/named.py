"""What a user names as a model: a directory, a name of the Hub, or plainly neither."""

from __future__ import annotations

from pathlib import Path

from gradsentry.errors import ModelError, meaning_to_say
from gradsentry.models import embedded

_NO_GGUF = "name the model that it was made from, as a directory of safetensors or a Hub id"


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
