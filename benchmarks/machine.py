"""The machine that a benchmark runs on."""

from __future__ import annotations

import platform
from pathlib import Path


def processor() -> str:
    """Returns the name of the processor, or its kind where the system does not say."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
