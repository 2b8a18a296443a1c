"""A Ray cluster of this machine, which drivers join and which outlives them; which processes there are."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

# For a port that is not given Ray waits 15 s and no more, on a busy machine too little for an agent to begin.
_PORTS = (
    "port",
    "dashboard-agent-grpc-port",
    "dashboard-agent-listen-port",
    "metrics-export-port",
    "runtime-env-agent-port",
)
_STARTED = 240.0  # seconds at most


@dataclass(frozen=True)
class RayCluster:
    """A cluster.

    Attributes:
        address: For `RAY_ADDRESS`.
        session: That of all its processes.
    """

    address: str
    session: int

    def workers(self) -> list[str]:
        """Returns what Ray calls the processes that do work, or wait for some."""
        titles = commands(of_session(self.session))
        return [one for one in titles if one.startswith("ray::") and not one.endswith("Agent")]


@contextmanager
def ray_cluster(processors: int) -> Iterator[RayCluster]:
    """Yields a cluster, which has ended afterwards; skips the test where Ray is not installed."""
    pytest.importorskip("ray")
    with ExitStack() as stack:
        ports = [stack.enter_context(socket.socket()) for _ in _PORTS]
        for one in ports:
            one.bind(("127.0.0.1", 0))
        numbers = [one.getsockname()[1] for one in ports]
    # A short path, for sockets lie below it; and one of its own, so that nobody else's driver finds it there.
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        command = [str(Path(sys.executable).parent / "ray"), "start", "--head", "--block"]
        command += [f"--{name}={number}" for name, number in zip(_PORTS, numbers, strict=True)]
        command += [f"--num-cpus={processors}", "--include-dashboard=false", "--include-log-monitor=false"]
        command += ["--no-monitor", "--disable-usage-stats"]
        said = Path(folder) / "said"
        with said.open("wb") as stream:
            head = subprocess.Popen(
                command,
                env={**os.environ, "RAY_TMPDIR": folder, "RAY_AUTH_MODE": "disabled"},
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        try:
            until = time.monotonic() + _STARTED
            while b"Ray runtime started" not in said.read_bytes():
                assert head.poll() is None, said.read_text()
                assert time.monotonic() < until, said.read_text()
                time.sleep(0.2)
            address = re.search(rf"[\w.]+:{numbers[0]}\b", said.read_text())
            assert address, said.read_text()
            yield RayCluster(address[0], head.pid)
        finally:
            head.terminate()  # it ends the others
            _, left = psutil.wait_procs(of_session(head.pid), timeout=20)
            for one in left:
                one.kill()
            head.wait(timeout=20)


def of_session(session: int) -> list[psutil.Process]:
    """Returns the processes of a session."""
    return [one for one in psutil.process_iter() if _told(os.getsid, one.pid) == session]


def of_group(group: int) -> list[psutil.Process]:
    """Returns the processes of a group."""
    return [one for one in psutil.process_iter() if _told(os.getpgid, one.pid) == group]


def commands(processes: Iterable[psutil.Process]) -> list[str]:
    """Returns the command lines of those that still run."""
    found = []
    for one in processes:
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            found.append(" ".join(one.cmdline()))
    return [one for one in found if one]


def _told(of: Callable[[int], int], process: int) -> int | None:
    try:
        return of(process)
    except ProcessLookupError:
        return None
