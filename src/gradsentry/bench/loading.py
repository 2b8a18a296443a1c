"""The models and data sets that a spec names: each loaded once, and held to the spec's lock."""

from __future__ import annotations

import platform
from functools import lru_cache
from importlib.metadata import version

from gradsentry import plugins
from gradsentry.about import VERSION
from gradsentry.bench.pools import content_hash, load_rows
from gradsentry.bench.spec import DataSpec, Lock, Spec
from gradsentry.corpus import Sample
from gradsentry.errors import DataError, SettingsError
from gradsentry.models.loading import LoadedModel, load_model, resolve_device, told_device

_LIBRARIES = ("torch", "transformers", "scikit-learn", "umap-learn", "scipy", "numpy", "peft")


class Missing(Exception):  # noqa: N818
    """An optional data set is not there; the message is the reason."""


class Loader:
    """Loads what a spec names.

    Args:
        spec: The benchmark.
    """

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._lock = Lock()
        # One model at a time; the texts of all data sets fit in memory.
        self.model = lru_cache(maxsize=1)(self._model)
        self.rows = lru_cache(maxsize=None)(self._rows)

    def _model(self, name: str) -> LoadedModel:
        loaded = load_model(name, device=self._spec.device, dtype=self._spec.dtype)
        now = Lock(
            models={name: loaded.fingerprint},
            dtypes={name: loaded.facts.dtype},
            device=told_device(loaded.device),
        )
        if self._spec.locked:
            _refuse_other_dtype(name, self._spec.locked.dtypes.get(name), now.dtypes[name])
            _refuse_other(f"model {name}", self._spec.locked.models.get(name), loaded.fingerprint)
        known = self._lock
        self._lock = now.model_copy(
            update={"models": known.models | now.models, "dtypes": known.dtypes | now.dtypes}
        )
        return loaded

    def _rows(self, data: DataSpec) -> tuple[Sample, ...]:
        try:
            everything = load_rows(data)
        except DataError as error:
            if not data.optional:
                raise
            raise Missing(error.line()) from None
        if self._spec.locked:
            known = self._spec.locked.data.get(data.shown)
            _refuse_other(f"data set {data.shown}", known, content_hash(everything))
        return everything

    def locked(self) -> Spec:
        """Returns the spec with the hashes, dtypes, device and versions of this run."""
        data: dict[str, str] = {}
        for one in self._spec.data:
            try:
                data[one.shown] = content_hash(load_rows(one))
            except DataError:
                continue
        lock = self._lock.model_copy(update={"data": data, "versions": _versions()})
        return self._spec.model_copy(update={"locked": lock})


def unlike(spec: Spec) -> list[str]:
    """Returns what is not as a spec was locked with, in clauses: device and versions, which no run refuses.

    Raises:
        ModelError: If this machine has no such device.
    """
    lock = spec.locked or Lock()
    now, device = _versions(), told_device(resolve_device(spec.device))
    others = [f"device {lock.device}, now {device}"] if lock.device not in ("", device) else []
    return others + [
        f"{name} {_short(was)}, now {_short(now[name])}" if name in now else f"{name} is not there now"
        for name, was in lock.versions.items()
        if now.get(name) != was
    ]


def _versions() -> dict[str, str]:
    """Returns the versions of what computes, and the hashes of code of one's own."""
    versions = {"gradsentry": VERSION, "python": platform.python_version()}
    return versions | {name: version(name) for name in _LIBRARIES} | plugins.versions()


def _short(version: str) -> str:
    return version[: len("sha256:") + 8] if version.startswith("sha256:") else version


def _refuse_other_dtype(name: str, known: str | None, found: str) -> None:
    # Said before its fingerprint, which is another one for that alone.
    if known is not None and known != found:
        raise SettingsError(
            f"model {name} was run in {known}, and is {found} here, which gives other figures",
            where="locked",
            mend=f"set `dtype: {known}` in the spec, or delete `locked` from it",
        )


def _refuse_other(what: str, known: str | None, found: str) -> None:
    if known is not None and known != found:
        raise SettingsError(
            f"{what} is not the one that the spec was locked with",
            where="locked",
            mend="take that one, or delete `locked` from the spec",
        )
