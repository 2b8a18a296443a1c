"""`gradsentry doctor`."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def doctor(
    json_: Annotated[bool, typer.Option("--json", help="Print it as JSON and nothing else.")] = False,
) -> None:
    """Say what is installed, on which devices a scan would run, where the cache is, and what is missing."""
    from gradsentry.commands import stdout

    found = examined()
    if json_:
        stdout.write_json(found)
        return
    for name, value in found.items():
        lines = value if isinstance(value, dict) else {"": value}
        for key, line in lines.items():
            stdout.say(f"{name:<9} {key + ' ' if key else ''}{line}")


def examined() -> dict[str, Any]:
    """Returns what is found on this machine, as plain data."""
    import os
    import platform

    from gradsentry.about import VERSION
    from gradsentry.extras import EXTRAS, lacking

    missing = {extra: lacking(extra) for extra in EXTRAS}
    return {
        "version": f"gradsentry {VERSION}, Python {platform.python_version()}",
        "machine": f"{platform.machine()}, {platform.system()}, {os.cpu_count()} cores",
        "extra": {
            extra: "there"
            if not packages
            else f"lacks {', '.join(packages)}: pip install 'gradsentry[{extra}]'"
            for extra, packages in missing.items()
        },
        "device": "not known without PyTorch" if "torch" in missing["scan"] else _device(),
        "model": _embedded(),
        "runs": {
            "evidence": "yes: it needs no model",
            "scan": "yes" if not missing["scan"] else "no: see the extra scan",
        },
    }


def _device() -> str:
    """Returns where a scan would run, and in which dtype, unless it is told otherwise."""
    import torch

    from gradsentry.models.loading import resolve_device, resolve_dtype, told_device

    device = resolve_device("auto")
    dtype = str(resolve_dtype("auto", device)).removeprefix("torch.")
    return f"{told_device(device)}, {dtype}, PyTorch {torch.__version__}, {torch.get_num_threads()} threads"


def _embedded() -> str:
    """Returns where the embedded model is, or what is to be typed for it."""
    from importlib.util import find_spec

    from gradsentry.models.embedded import INSTALL, NAME, PACKAGE, converted_path

    path = converted_path()
    if (path / "config.json").is_file():
        return f"{NAME}, in {path}"
    if find_spec(PACKAGE) is None:
        return f"{NAME} is not installed: {INSTALL}"
    return f"{NAME}, which the first use will convert into {path}"
