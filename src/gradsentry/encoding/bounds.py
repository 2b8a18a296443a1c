"""A bound on the time and memory of what a chat template does: it is a program of the model's author.

Jinja's sandbox keeps it from files and from Python, and not from looping or from building a text that fills
the memory. Time is that of the processor in this thread, looked at ten times a second by another; a template
that took too much of it is ended by an exception between two of its steps. Memory is the address space of the
process, as far as the system bounds that. One step that takes for ever, `9 ** 9 ** 9`, is refused beforehand.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import jinja2

from gradsentry.limits import Limit

SECONDS = Limit("GRADSENTRY_TEMPLATE_SECONDS", 5.0)  # for one conversation; long ones take some hundredths
MEBIBYTES = Limit("GRADSENTRY_TEMPLATE_MIB", 1024)  # more than the process had when the rendering began
_LOOK, _AGAIN = 0.1, 0.5  # seconds


class CostlyTemplateError(Exception):
    """A chat template took more than it may."""

    def __init__(self, what: str = "") -> None:
        much = f"it takes more than {SECONDS.value:g} s of a processor for one conversation"
        super().__init__(what or f"{much}; {SECONDS.setting}")


@contextmanager
def bounded() -> Iterator[None]:
    """Ends what is done inside once it takes too long or too much.

    Raises:
        CostlyTemplateError: If it did.
    """
    try:
        with _MEMORY.bounded(), _WATCH.watching():
            yield
    except MemoryError:
        much = f"it takes more than {MEBIBYTES.value:,g} MiB for one conversation"
        raise CostlyTemplateError(f"{much}; {MEBIBYTES.setting}") from None


@lru_cache(maxsize=8)
def refuse_powers(template: str) -> None:
    """Raises where a template holds a power, which one step may take for ever to reckon; no honest one does.

    Raises:
        CostlyTemplateError: If it does.
    """
    try:
        tokens = list(jinja2.Environment().lex(template))  # noqa: S701  (nothing is rendered)
    except jinja2.TemplateError:
        return  # it says why when it is compiled
    if any((kind, value) == ("operator", "**") for _, kind, value in tokens):
        raise CostlyTemplateError("it holds a power (`**`), which can take for ever")


@dataclass
class _Watched:
    """What a thread does: until when of its processor time it may, and whether it was told to end."""

    until: float
    is_told: bool = False


@dataclass
class _Watch:
    """A thread that ends what takes too long in others; it sleeps where nothing is watched."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _begun: threading.Event = field(default_factory=threading.Event)
    _watched: dict[int, _Watched] = field(default_factory=dict)
    _thread: threading.Thread | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        thread = threading.get_ident()
        with self._lock:
            self._watched[thread] = _Watched(_used(thread) + SECONDS.value)
            if self._thread is None or not self._thread.is_alive():  # a forked process has no such thread
                self._thread = threading.Thread(target=self._look, daemon=True, name="template watch")
                self._thread.start()
        self._begun.set()
        try:
            yield
        finally:
            with self._lock:
                if self._watched.pop(thread).is_told:
                    _raise_in(thread, None)  # where it has not come yet it must not come later

    def _look(self) -> None:
        while True:
            self._begun.wait()
            time.sleep(_LOOK)
            with self._lock:
                if not self._watched:
                    self._begun.clear()
                for thread, watched in self._watched.items():
                    if (used := _used(thread)) > watched.until:
                        # Where it comes in a finaliser Python drops it, and then it is told again.
                        watched.is_told, watched.until = True, used + _AGAIN
                        _raise_in(thread, CostlyTemplateError)


_WATCH = _Watch()


def _used(thread: int) -> float:
    """Returns the seconds of a processor that a thread used; of the clock where the system does not say."""
    if hasattr(time, "pthread_getcpuclockid"):
        return time.clock_gettime(time.pthread_getcpuclockid(thread))
    return time.monotonic()


def _raise_in(thread: int, error: type[Exception] | None) -> None:
    raised = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)


@dataclass
class _Memory:
    """The bound on the address space, which is one for all threads: the last to end takes it away."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _inside: int = 0
    _before: tuple[int, int] = (0, 0)

    @contextmanager
    def bounded(self) -> Iterator[None]:
        if sys.platform != "linux":
            yield
            return
        import resource

        with self._lock:
            if not self._inside:
                self._before = before, hard = resource.getrlimit(resource.RLIMIT_AS)
                pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
                limit = pages * resource.getpagesize() + round(MEBIBYTES.value * (1 << 20))
                tighter = [one for one in (before, hard) if one != resource.RLIM_INFINITY]
                resource.setrlimit(resource.RLIMIT_AS, (min([limit, *tighter]), hard))
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    resource.setrlimit(resource.RLIMIT_AS, self._before)


_MEMORY = _Memory()
