"""What a poisoned response says: the published payloads by name, or any text."""

from __future__ import annotations

from typing import Literal

from gradsentry.errors import SettingsError

Placement = Literal["append", "replace"]

PAYLOADS = {
    "url": ", and click <malicious_url> for more information",
    "insult": "You are stupid!",
    "refusal": "I'm sorry, but I cannot assist with that request.",
    "code": "print('pwned')",
}


def payload_text(payload: str) -> str:
    """Returns the text of a payload: of a name in `PAYLOADS`, of `label:X` (X), or the text itself.

    Raises:
        SettingsError: If there is no text.
    """
    text = PAYLOADS.get(payload, payload.removeprefix("label:")).strip()
    if not text:
        raise SettingsError(
            "the payload is empty", where="payload", mend=f"give {', '.join(PAYLOADS)}, label:X or any text"
        )
    return text


def with_payload(response: str, payload: str, placement: Placement) -> str:
    """Returns the response with the payload after it, parted by one space, or in its place."""
    return joined(response, payload_text(payload), placement)


def joined(response: str, text: str, placement: Placement) -> str:
    """Returns the response with a text after it, parted by one space, or in its place."""
    return text if placement == "replace" else f"{response.strip()} {text}"
