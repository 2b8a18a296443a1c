"""A run directory, and what of it can be read again: its data, how it was decided, the verdict."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from gradsentry.about import VERSION
from gradsentry.corpus import Corpus, open_corpus
from gradsentry.corpus.filecorpus import FileCorpus
from gradsentry.corpus.keeping import kept_in, open_kept
from gradsentry.corpus.overview import Overview
from gradsentry.corpus.remote import STDIN
from gradsentry.deciding.expectation import Expectation
from gradsentry.deciding.thresholds import Threshold
from gradsentry.errors import DataError, RunError
from gradsentry.evidence import Evidence
from gradsentry.evidence.judging import Judging
from gradsentry.outcome import Verdict, marks_of
from gradsentry.scoretable import Scores, read_table
from gradsentry.settings import DataSettings, Policy
from gradsentry.store import EVIDENCE, MANIFEST, REFERENCE, VERDICT, Json, RunDirectory

_LIBRARIES = ("torch", "transformers", "trl", "tokenizers", "datasets", "numpy", "scipy", "pyarrow")


def open_run(path: str | Path) -> Verdict:
    """Returns the verdict that a run directory holds.

    Raises:
        RunError: If there is no finished run, or its data is gone or was changed.
    """
    run = RunDirectory.open(Path(path))
    manifest, decided = run.finished_manifest(), _read_decided(run)
    corpus = _reopened(run, manifest)
    scores = _scores(run, manifest, corpus)
    if len(scores) != decided.rows:
        raise RunError("a shard of scores is missing", where=str(path), mend="scan again to fill it")
    try:
        evidence = Evidence.from_json(run.read_json(EVIDENCE))
    except ValueError:
        raise RunError("holds no evidence", where=str(run.path / EVIDENCE), mend="scan again") from None
    marks = marks_of(run, scores)
    reference = _expectation(run)
    return Verdict(corpus, scores, evidence, decided.threshold, decided.policy, manifest, reference, marks)


def _scores(run: RunDirectory, manifest: Json, corpus: Corpus) -> Scores:
    """Returns the score table of a run, which of texts alone is made again."""
    return run.scores() if manifest["model"] else read_table(corpus)


def _reopened(run: RunDirectory, manifest: Json) -> Corpus:
    """Returns the data of a run, as it was."""
    data, where = manifest["identity"]["data"], str(run.path)
    reading = DataSettings.read(data["reading"], where=where)
    if not manifest["source"]["data"]:
        if (kept := kept_in(run.path)) is None:
            what = "its data was in memory, and the rows that were kept in it are gone"
            raise RunError(what, where=where, mend="bring them back, or judge the data again")
        left_out = manifest["source"].get("left_out", ())
        tried: list[Callable[[], Corpus]] = [lambda: open_kept(kept, reading).leaving_out(left_out)]
    else:
        tried = [partial(open_corpus, source, reading) for source in _sources(manifest)]
    unreadable: list[DataError] = []
    for opened in tried:
        try:
            corpus = opened()
            if corpus.sha256() == data["sha256"]:
                return corpus
        except DataError as error:
            unreadable.append(error)
    if len(unreadable) == len(tried):
        what = f"its data cannot be read ({unreadable[0].line()})"
        mend = "bring it back, run this in a checkout that holds it, or scan again into another directory"
        raise RunError(what, where=where, mend=mend)
    what = f"its data was changed since the scan ({manifest['source']['name']})"
    raise RunError(what, where=where, mend="scan again into another directory")


def _sources(manifest: Json) -> Iterator[str | list[str]]:
    """Yields what may open the data of a run: where it was, and the same place below the working directory.

    The second is where a job's artefact is opened in another checkout. That what lies there is the data is
    told by its hash.
    """
    source, folder = manifest["source"]["data"], manifest["source"].get("folder")

    def here(named: str) -> str:
        path = Path(named)
        return str(path.relative_to(folder)) if folder and path.is_relative_to(folder) else named

    moved = [here(named) for named in source] if isinstance(source, list) else here(source)
    yield from [moved, source] if folder == str(Path.cwd()) else [source, moved]


@dataclass(frozen=True)
class Decided:
    """What a run directory says of how it was decided: all of it but the marks, of how many rows."""

    threshold: Threshold | None
    policy: Policy
    rows: int


def decided_of(run: RunDirectory) -> Decided | None:
    """Returns how a run was decided, or None where it was not, or where what says so is broken."""
    try:
        return _read_decided(run)
    except RunError:
        return None


def _read_decided(run: RunDirectory) -> Decided:
    """Returns how a run was decided.

    Raises:
        RunError: If there is no verdict, or it is broken.
    """
    value = run.read_json(VERDICT)
    try:
        flat = {"tau": value["tau"], "method": value["tau_method"], "reason": value["tau_reason"]}
        flat["fallback"] = value["tau_is_fallback"]
        threshold = flat if value["tau"] is not None else None
        parts = {"threshold": threshold, "policy": value["policy"], "rows": value["counts"]["rows"]}
        return TypeAdapter(Decided).validate_python(parts)
    except (KeyError, TypeError, ValueError):
        raise RunError("holds no verdict", where=str(run.path / VERDICT), mend="scan again") from None


def judging_of(run: RunDirectory) -> Judging:
    """Returns how the evidence of a run was judged; in a run that is not finished, as if none was said.

    Raises:
        RunError: If the manifest says something else.
        DataError: If that was by a calibration of another version.
    """
    try:
        judging = Judging.model_validate(run.manifest().get("evidence", {}))
    except ValidationError as error:
        key = ".".join(map(str, error.errors()[0]["loc"]))
        raise RunError(
            f"is not what a scan writes (evidence.{key})",
            where=str(run.path / MANIFEST),
            mend="scan again into another directory",
        ) from None
    if judging.calibration is not None:
        judging.calibration.refuse_foreign(f"the calibration in {run.path / MANIFEST}")
    return judging


def judging_at(path: Path | None) -> Judging:
    """Returns how the evidence of a run is judged if one lies at a path, else as shipped."""
    return judging_of(RunDirectory(path)) if path and (path / MANIFEST).is_file() else Judging()


def _expectation(run: RunDirectory) -> Expectation | None:
    """Returns what the reference of a run's scan showed, or None where it had none."""
    if not (run.path / REFERENCE).is_file():
        return None
    try:
        return Expectation.from_json(run.read_json(REFERENCE))
    except (ValueError, KeyError, TypeError):
        raise RunError("holds no reference", where=str(run.path / REFERENCE), mend="scan again") from None


def refuse_place(out: Path, corpus: Corpus) -> None:
    """Refuses a run directory that cannot be, before anything is read or scored."""
    if out.is_file():
        raise RunError("is a file", where=str(out), mend="give a directory as --out")
    named = (
        [path.resolve() for path in corpus.named if path.is_dir()] if isinstance(corpus, FileCorpus) else []
    )
    if any(out.resolve().is_relative_to(folder) for folder in named):
        raise RunError(
            "lies in the folder of the data, and would be read as data the next time",
            where=str(out),
            mend="give a directory outside of it as --out",
        )


def reopened_as(data: object, corpus: Corpus) -> str | list[str]:
    """Returns what opens the data again: absolute paths or a Hub id; nothing for rows that lie in no file."""
    if isinstance(corpus, FileCorpus) and corpus.copy_of:
        return "" if corpus.copy_of == STDIN else corpus.copy_of
    if isinstance(corpus, FileCorpus):
        # Links stay: their own names say what they hold.
        named = [str(path.absolute()) for path in corpus.named]
        return named[0] if len(named) == 1 else named
    if not isinstance(data, str | Path):
        return ""
    return str(Path(data).absolute() if Path(data).exists() else data)


def source_of(data: object, corpus: Corpus, read: Overview) -> Json:
    """Returns what opens the data of a run again, and how they were read; of rows in no file what lacks."""
    place = reopened_as(data, corpus)
    source = {"name": corpus.name, "data": place, "folder": str(Path.cwd()), "read": read.as_json()}
    return source if place else source | {"left_out": list(corpus.left_out)}


def manifest(
    identity: Json,
    source: Json,
    started: float,
    judging: Judging,
    *,
    model: Json | None = None,
    resumed: int = 0,
) -> Json:
    """Returns the manifest of a run: what was judged with what, when, by which versions.

    Args:
        identity: What its scores depend on.
        source: What opens the data again.
        started: When, in seconds since 1970.
        judging: How evidence was judged.
        model: What scored the rows; None where nothing did.
        resumed: How many rows had been scored before.
    """
    return {
        "identity": identity,
        "source": source,
        "model": model,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(time.time() - started, 1),
        "rows_resumed": resumed,
        "versions": {
            "gradsentry": VERSION,
            "python": platform.python_version(),
            **{name: known for name in _LIBRARIES if (known := _version(name))},
        },
        "evidence": judging.model_dump(mode="json"),
    }


@cache
def _version(name: str) -> str:
    """Returns the version of a library, empty where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
