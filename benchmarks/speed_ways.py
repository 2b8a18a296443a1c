"""Three ways to run the same rows: the published one, a bare forward pass, and ours with its phases."""

from __future__ import annotations

import io
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from unittest import mock

import pyarrow.parquet as pq
import torch

from gradsentry import scoring, spectra
from gradsentry.corpus import Sample, open_corpus
from gradsentry.corpus.qa import load_qa
from gradsentry.embedded import embedded_data_path
from gradsentry.encoding.encode import Encoded, encode
from gradsentry.gradients import head, states
from gradsentry.gradients.batching import plan_batches
from gradsentry.gradients.reference import reference_gradient
from gradsentry.models.loading import LoadedModel
from gradsentry.settings import ScoreSettings

SHARED = Path(__file__).parents[2] / "shared" / "data"
SETTINGS = ScoreSettings()
FORWARD_BUDGET = {"cpu": 1024, "cuda": 8192}  # tokens; beyond that the logits of all fill the memory
CORPORA = {
    "webqa": lambda: load_qa("webqa", data_root=SHARED),
    "nq": lambda: load_qa("nq", data_root=SHARED),
    "alpaca": lambda: open_corpus(SHARED / "instruct" / "alpaca_en_demo.json"),
    "embedded": lambda: open_corpus(embedded_data_path()),
}
# Phase, and the functions whose time it is.
PHASES = {
    "tokenise": [(scoring, "encode_all")],
    "forward": [(states, "packed_pass"), (states, "padded_pass")],
    "head": [(head, "_normalise"), (head, "_derivative")],
    "spectrum": [(spectra, "sample_values"), (head, "_summed_values")],
}


@dataclass(frozen=True)
class Rows:
    """Rows of a corpus, as read and as the model sees them."""

    samples: list[Sample]
    encoded: list[Encoded]

    @property
    def tokens(self) -> float:
        return sum(len(row.ids) for row in self.encoded) / len(self.encoded)

    @property
    def responses(self) -> float:
        return sum(row.n_response for row in self.encoded) / len(self.encoded)


def read_rows(corpus: str, count: int, loaded: LoadedModel) -> Rows:
    """Returns the first rows of a corpus that can be scored."""
    samples = list(islice(CORPORA[corpus](), count))
    encoded = [encode(sample, loaded.tokenizer, max_length=SETTINGS.max_length) for sample in samples]
    good = [place for place, row in enumerate(encoded) if row.problem is None]
    return Rows([samples[i] for i in good], [encoded[i] for i in good])


def reference(loaded: LoadedModel, rows: Sequence[Encoded]) -> None:
    """Scores rows as published: autograd's gradient, its corner, `torch.svd_lowrank`, one row at a time."""
    for row in rows:
        gradient = reference_gradient(loaded, row)
        corner = gradient[: gradient.shape[0] // SETTINGS.crop, : gradient.shape[1] // SETTINGS.crop]
        spectra.entropy(torch.svd_lowrank(corner.float(), q=SETTINGS.k)[1])


@torch.inference_mode()
def forward(loaded: LoadedModel, rows: Sequence[Encoded]) -> None:
    """Runs the model and its head over the rows' tokens in batches of like length, without scoring."""
    for batch in plan_batches([len(row.ids) for row in rows], FORWARD_BUDGET[loaded.device.type]):
        ids = torch.zeros(len(batch), max(len(rows[i].ids) for i in batch), dtype=torch.long)
        for place, i in enumerate(batch):
            ids[place, : len(rows[i].ids)] = torch.from_numpy(rows[i].ids)
        loaded.model(input_ids=ids.to(loaded.device), use_cache=False)
    wait(loaded)


def ours(loaded: LoadedModel, samples: Sequence[Sample]) -> dict[str, float]:
    """Scores rows as `gradsentry scan` does, from text to shards of scores; returns seconds by phase."""
    seconds: defaultdict[str, float] = defaultdict(float)
    started = time.perf_counter()
    with ExitStack() as stack:
        for phase, functions in PHASES.items():
            for module, name in functions:
                stack.enter_context(clocked(module, name, phase, seconds, loaded))
        tables = list(scoring.score_samples(samples, loaded, SETTINGS))
    writing = time.perf_counter()
    for table in tables:
        pq.write_table(table, io.BytesIO(), compression="zstd")
    done = time.perf_counter()
    seconds["write"], seconds["all"] = done - writing, done - started
    return dict(seconds)


@contextmanager
def clocked(
    module: object, name: str, phase: str, seconds: dict[str, float], loaded: LoadedModel
) -> Iterator[None]:
    """Adds what a function takes to its phase."""
    original: Callable[..., object] = getattr(module, name)

    def timed(*args: object, **kwargs: object) -> object:
        started = time.perf_counter()
        result = original(*args, **kwargs)
        wait(loaded)
        seconds[phase] += time.perf_counter() - started
        return result

    with mock.patch.object(module, name, timed):
        yield


def wait(loaded: LoadedModel) -> None:
    if loaded.device.type == "cuda":
        torch.cuda.synchronize()


@contextmanager
def peak_memory(device: torch.device) -> Iterator[list[float]]:
    """Yields a list that holds, afterwards, the largest memory, in MB: of the GPU, or resident."""
    peak: list[float] = []
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    else:
        _reset_peak()
    yield peak
    peak.append(round(torch.cuda.max_memory_allocated() / 2**20) if on_gpu else _resident_peak())


def _reset_peak() -> None:
    """Lets Linux forget the largest resident size; elsewhere it is that of the whole run."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    except OSError:
        return


def _resident_peak() -> float:
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.is_file() else []
    sizes = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
    return round(sizes[0] / 1024) if sizes else float("nan")
