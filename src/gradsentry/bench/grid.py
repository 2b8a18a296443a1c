"""Runs the cells of a benchmark, each once, and writes what came of them.

A cell's record is written when it is done, under a name made of all that it depends on. A run that was
stopped goes on after the last whole record; a spec with a row more computes that row alone. A cell that fails
is recorded with its error, does not stop the others, and is tried again by the next run.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path

from gradsentry.bench.cells import NO_ATTACK, Cell, Record, cell_key, not_run, plan, run_cell
from gradsentry.bench.extractor_trial import ROWS, Reader, depends_on_others, readers
from gradsentry.bench.features import FeatureStore, anonymous
from gradsentry.bench.loading import Loader, Missing
from gradsentry.bench.lost_results import keep_lost_grid
from gradsentry.bench.pools import Pool, build_pool, content_hash, draw_rows
from gradsentry.bench.results import write_results
from gradsentry.bench.running import GridResult, Made, OnCell, OnTitle, failure_of, one_by_one
from gradsentry.bench.spec import AttackSpec, DataSpec, Spec
from gradsentry.bench.texts import NamedPool, write_texts
from gradsentry.corpus import Sample
from gradsentry.corpus.streams import replacing
from gradsentry.defences import RowExtractor
from gradsentry.errors import RunError, SettingsError, first_line
from gradsentry.store import held

log = logging.getLogger(__name__)


class Grid:
    """A benchmark and the directory of its results."""

    def __init__(self, spec: Spec, out: Path, *, cache: Path | None = None) -> None:
        if out.is_file():
            raise RunError("is a file", where=str(out), mend="give a directory as --out")
        self._spec = spec
        self._out = out
        self._store = FeatureStore(cache or out / "features")
        self._loader = Loader(spec)
        self._model = self._loader.model
        self._rows = lru_cache(maxsize=None)(self._load_rows)
        self._pools: dict[tuple[str, str, str], Pool] = {}
        self._prepared: set[tuple[str, str]] = set()
        self._tried: set[str] = set()
        self._failing: set[str] = set()

    def run(self, on_cell: OnCell = lambda done, total, title: None) -> GridResult:
        """Returns the records of all cells, after running those that have none, and writes the results.

        Args:
            on_cell: Called before each cell with how many are done, of how many, and what is next.

        Raises:
            RunError: If the directory is in use.
            SettingsError: If the spec is locked and the data or a model is another one.
        """
        self._out.mkdir(parents=True, exist_ok=True)
        cells = plan(self._spec)
        with held(self._out):
            made = list(one_by_one(cells, self._record, on_cell))
            on_cell(len(cells), len(cells), "writing")
            records = [one.record for one in made]
            earlier = keep_lost_grid(self._out, records)
            write_texts(self._out, self._judged(cells, records))
            write_results(self._out, records, self._loader.locked())
        return GridResult.of(made, earlier)

    def _judged(self, cells: Sequence[Cell], records: Sequence[Record]) -> Iterator[NamedPool]:
        """Yields the rows that mixes of cells that are done were drawn from."""
        done = [one for one, record in zip(cells, records, strict=True) if record["status"] == "done"]
        for cell in {(one.data, one.model, one.attack and one.attack.shown): one for one in done}.values():
            attack = cell.attack.shown if cell.attack else NO_ATTACK
            pool = self._pool(cell.data, cell.model, cell.attack)
            yield NamedPool(cell.data.shown, cell.model, attack, pool)

    def _record(self, cell: Cell, on_title: OnTitle) -> Made:
        """Returns what came of a cell, or was there."""
        try:
            loaded, rows = self._model(cell.model), self._rows(cell.data, cell.model)
            file = (
                self._out
                / "cells"
                / f"{cell_key(cell, self._spec, content_hash(rows), loaded.fingerprint)}.json"
            )
            if file.is_file():
                return Made(json.loads(file.read_text(encoding="utf-8")))
            pool = self._pool(cell.data, cell.model, cell.attack)
            self._prepare(cell.data, cell.model, on_title)
            record = run_cell(cell, self._spec, pool, loaded, self._store, on_title)
        except Missing as reason:
            return Made(not_run(cell, "skipped", str(reason)))
        except SettingsError:
            raise
        except Exception as error:
            # Whatever a detector raises is a result of this cell; the other cells go on.
            failure = failure_of(error)
            return Made(not_run(cell, "failed", failure.line()), failure=failure)
        file.parent.mkdir(exist_ok=True)
        with replacing(file) as stream:
            stream.write(json.dumps(record).encode())
        return Made(record, is_new=True)

    def _load_rows(self, data: DataSpec, model: str) -> tuple[Sample, ...]:
        everything = self._loader.rows(data)
        rows = min(self._spec.rows, data.rows or self._spec.rows)
        return draw_rows(everything, rows, self._spec.seed, self._model(model))

    def _pool(self, data: DataSpec, model: str, attack: AttackSpec | None) -> Pool:
        key = (data.shown, model, attack.shown if attack else "")
        if key not in self._pools:
            rows = self._rows(data, model)
            built, limit = (attack.build(), attack.rows) if attack else (None, None)
            self._pools[key] = build_pool(rows, built, self._spec.seed, limit)
        return self._pools[key]

    def _prepare(self, data: DataSpec, model: str, on_title: OnTitle) -> None:
        """Reads all versions of a data set's rows for all defences, once.

        What fails here is no result yet: each cell then reads for itself, and fails for itself.
        """
        if (data.shown, model) in self._prepared:
            return
        self._prepared.add((data.shown, model))

        def on_rows(done: int, total: int) -> None:
            on_title(f"reading {data.shown}, {done} of {total} rows")

        try:
            wanted = readers(self._spec, data)
            self._try(wanted, data, model, on_title)
            shared = [
                (one, extractor, list(self._versions(data, model, one)))
                for one in wanted
                if isinstance(extractor := one.extractor, RowExtractor) and one.key not in self._failing
            ]
            asked = [(extractor, samples) for _, extractor, samples in shared]
            failed = self._store.prepare(asked, self._model(model), on_rows)
            for number, error in failed.items():
                self._warn_of(shared[number][0], error)
        except Exception as error:
            log.warning("%s is read defence by defence: %s", data.shown, first_line(error))

    def _try(self, wanted: Sequence[Reader], data: DataSpec, model: str, on_title: OnTitle) -> None:
        """Tries somebody's own code on a few rows, and warns of what cannot be used as it is."""
        for one in wanted:
            if one.key in self._tried or not one.extractor.code:
                continue
            self._tried.add(one.key)
            samples, loaded = list(islice(self._versions(data, model, one), ROWS)), self._model(model)
            if self._store.holds(one.extractor, samples, loaded):  # by an earlier run, which tried it
                continue
            on_title(f"trying {one.shown} on {len(samples)} rows")
            try:
                depends = depends_on_others(one.extractor, anonymous(samples), loaded)
            except Exception as error:
                self._warn_of(one, error)
                continue
            if depends:
                said = "its extractor's scope is row, and should be mix (docs/extending.md)"
                log.warning("%s: features of a row change with the rows beside it: %s", one.shown, said)

    def _warn_of(self, reader: Reader, error: Exception) -> None:
        self._failing.add(reader.key)
        log.warning("%s: its cells will fail: %s", reader.shown, failure_of(error).line())

    def _versions(self, data: DataSpec, model: str, reader: Reader) -> Iterator[Sample]:
        """Yields what a reader is given of a data set's rows, versions of one row together."""
        attacks = {a.shown: a for one in reader.defences for a in self._spec.attacks_on(data, one)}
        pools = []
        for attack in attacks.values():
            with suppress(Exception):  # one that fits no row, or somebody's own that fails; its cells say so
                pools.append(self._pool(data, model, attack))
        rows = self._rows(data, model)
        for place in reader.places(len(rows), self._spec.seeds):
            yield rows[place]
            for pool in pools:
                yield from (part[place] for part in (pool.poisoned, pool.decoys) if place in part)
