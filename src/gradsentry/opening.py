"""A run directory, and what of it can be read again: its data, how it was decided, the verdict."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass
from functools import cache
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
    source, data, where = _source_now(manifest), manifest["identity"]["data"], str(run.path)
    kept = None if source else kept_in(run.path)
    if not source and kept is None:
        what = "its data was in memory, and the rows that were kept in it are gone"
        raise RunError(what, where=where, mend="bring them back, or judge the data again")
    reading = DataSettings.read(data["reading"], where=where)
    try:
        if kept is None:
            corpus = open_corpus(source, reading)
        else:
            corpus = open_kept(kept, reading).leaving_out(manifest["source"].get("left_out", ()))
        unchanged = corpus.sha256() == data["sha256"]
    except DataError as error:
        mend = "bring it back, run this in a checkout that holds it, or scan again into another directory"
        raise RunError(f"its data cannot be read ({error.line()})", where=where, mend=mend) from None
    if not unchanged:
        raise RunError(
            f"its data was changed since the scan ({manifest['source']['name']})",
            where=where,
            mend="scan again into another directory",
        )
    return corpus


def _source_now(manifest: Json) -> str | list[str]:
    """Returns what opens the data of a run where the command runs: of an artefact, in another checkout of it.

    What is not where it was is looked for at the same place below the working directory. That they are the
    same data is checked by their hash.
    """
    source, folder = manifest["source"]["data"], manifest["source"].get("folder")

    def now(named: str) -> str:
        path = Path(named)
        if folder is None or path.exists() or not path.is_relative_to(folder):
            return named
        here = Path.cwd() / path.relative_to(folder)
        return str(here) if here.exists() else named

    return [now(named) for named in source] if isinstance(source, list) else now(source)


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
