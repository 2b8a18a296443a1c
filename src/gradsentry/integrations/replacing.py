"""What stands where a report is to be written: an earlier one, which gives way, or something else."""

from __future__ import annotations

import json
from pathlib import Path

from gradsentry.corpus.streams import reading
from gradsentry.settings import Limits

_KEYS = {
    "--sarif": ("runs", "version"),
    "--in-toto": ("_type", "predicateType", "subject"),
    "--cyclonedx": ("bomFormat", "specVersion"),
    "--croissant": ("@context", "@type", "conformsTo"),
}
"""Keys that a JSON document of each form has, whoever wrote it."""
_BEGIN = 4096


def is_report(file: Path, option: str) -> bool:
    """Returns whether a file is empty, or of the form that an option writes, and may be replaced."""
    with reading(file, Limits()) as stream:
        begin = stream.read(_BEGIN)
        if not begin.strip():
            return True
        if option == "--junit":
            return begin.lstrip().startswith(b"<") and b"<testsuite" in begin
        try:
            value = json.loads(begin + stream.read())
        except (ValueError, RecursionError):
            return False
    return isinstance(value, dict) and all(key in value for key in _KEYS[option])
