"""How time grows with rows, response length and vocabulary; thresholds, start-up and padding."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice

import numpy as np
import torch
from speed_ways import SHARED, Rows, ours, peak_memory
from transformers import AutoConfig, AutoModelForCausalLM

from gradsentry.corpus import open_corpus
from gradsentry.corpus.qa import load_qa
from gradsentry.deciding.thresholds import choose_threshold
from gradsentry.encoding.encode import Encoded, encode
from gradsentry.gradients.batching import plan_batches
from gradsentry.gradients.head import head_results
from gradsentry.gradients.packing import walk
from gradsentry.gradients.states import PADDING
from gradsentry.models.loading import LoadedModel, wrap_model
from gradsentry.models.pack_layout import lay_out
from gradsentry.models.probing import Head
from gradsentry.scoretable import WINDOW_ROWS
from gradsentry.settings import ThresholdSettings

WIDTH, CROP, K = 576, 8, 16
BUDGET = 1024


def slope(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Returns the exponent by which time grows: the slope of the line through the logarithms."""
    return round(float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0]), 3)


def rows_growth(loaded: LoadedModel, sizes: Sequence[int], rows: Rows) -> dict[str, object]:
    """Returns seconds and peak memory over the number of rows, those given repeated with other numbers.

    The model is a tiny random one, so that what is no forward pass shows; tokenising is ours, of real text.
    """
    torch.manual_seed(0)
    shape = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = AutoConfig.for_model("llama", vocab_size=len(loaded.tokenizer), **shape)
    tiny = wrap_model(AutoModelForCausalLM.from_config(config).to(loaded.device), loaded.tokenizer)
    found = []
    for size in sizes:
        samples = [rows.samples[i % len(rows.samples)] for i in range(size)]
        with peak_memory(loaded.device) as peak:
            seconds = min(ours(tiny, samples)["all"] for _ in range(2 if size <= 1000 else 1))
        found.append({"rows": size, "seconds": round(seconds, 3), "peak_mb": peak[0]})
    return {"points": found, "slope": _slope(found, "rows")}


def head_growth(
    lengths: Sequence[int], vocabularies: Sequence[int], largest: tuple[int, int], device: torch.device
) -> dict[str, object]:
    """Returns seconds for the head and the spectrum of one row, over response length and vocabulary."""
    by_length = [_head_point(tokens, vocabularies[0], device) for tokens in lengths]
    by_vocabulary = [_head_point(64, vocabulary, device) for vocabulary in vocabularies]
    return {
        "length": {"points": by_length, "slope": _slope(by_length, "tokens")},
        "vocabulary": {"points": by_vocabulary, "slope": _slope(by_vocabulary, "vocabulary")},
        "largest": _head_point(*largest, device, repeats=1),
    }


def _slope(points: Sequence[dict[str, float]], by: str) -> float:
    return slope([point[by] for point in points], [point["seconds"] for point in points])


def _head_point(tokens: int, vocabulary: int, device: torch.device, *, repeats: int = 3) -> dict[str, float]:
    generator = torch.Generator().manual_seed(tokens)
    weight = torch.randn(vocabulary, WIDTH, generator=generator).mul_(0.04).to(device)
    A = torch.randn(tokens, WIDTH, generator=generator).to(device)
    ids = torch.randint(0, vocabulary, (tokens + 1,), generator=generator).numpy()
    row = Encoded(ids, np.arange(tokens + 1) > 0)
    head = Head(weight=weight, bias=None, scale=1.0, softcap=None)
    with peak_memory(device) as peak:
        seconds = _median(lambda: head_results(head, [row], A, crop=CROP, k=K), repeats)
    return {"tokens": tokens, "vocabulary": vocabulary, "seconds": round(seconds, 4), "peak_mb": peak[0]}


def _median(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def thresholds(sizes: Sequence[int]) -> list[dict[str, float]]:
    """Returns seconds to choose tau for so many scores, by the published rule."""
    found = []
    for size in sizes:
        rng = np.random.default_rng(0)
        scores = np.concatenate([rng.normal(0.3, 0.05, size - size // 10), rng.normal(0.8, 0.05, size // 10)])
        scores = np.clip(scores, 0.0, 1.0)
        seconds = _median(partial(choose_threshold, scores, ThresholdSettings()), 3)
        found.append({"scores": size, "seconds": round(seconds, 3)})
    return found


def start_up(repeats: int) -> dict[str, float]:
    """Returns seconds of a new process: for help, the libraries alone, and the embedded model made ready."""
    help_line = "import sys; sys.argv = ['gradsentry', '--help']; from gradsentry.cli import main; main()"
    load_line = "from gradsentry.models.loading import load_model; load_model('smollm2')"
    import_line = "from transformers import AutoTokenizer, LlamaForCausalLM"

    def run(program: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    if repeats > 1:  # the first one fills the disk cache
        run(load_line)()
    return {
        "help": round(_median(run(help_line), repeats), 2),
        "libraries": round(_median(run(import_line), repeats), 2),
        "embedded_model": round(_median(run(load_line), repeats), 2),
    }


def padding(loaded: LoadedModel, count: int) -> list[dict[str, object]]:
    """Returns the share of padding in each corpus of ../shared/data, over windows of a shard.

    `packed` is that of tokens in packs, `attention` that of scores in their attention, `padded` what padded
    batches waste, for the models that take no packs.
    """
    corpora = {name: load_qa(name, split, data_root=SHARED) for name, split in QA_SPLITS.items()}
    corpora |= {path.stem: open_corpus(path) for path in sorted(SHARED.glob("poisoned/*-0.1.jsonl"))}
    corpora |= {
        path.stem.partition(".")[0]: open_corpus(path) for path in sorted(SHARED.glob("instruct/*.json*"))
    }
    corpora["gsm8k"] = open_corpus(SHARED / "instruct" / "gsm8k" / "train.jsonl")
    return [
        {
            "corpus": name,
            **_waste([encode(s, loaded.tokenizer, max_length=2048) for s in islice(corpus, count)]),
        }
        for name, corpus in corpora.items()
    ]


QA_SPLITS = {"webqa": "train", "freebaseqa": "train", "nq": "train", "coqa": "test"}


def _waste(encoded: Sequence[Encoded]) -> dict[str, float]:
    real, run, laid, asked, scores, padded = 0, 0, 0, 0, 0, 0
    for place in range(0, len(encoded), WINDOW_ROWS):
        window = [row for row in encoded[place : place + WINDOW_ROWS] if row.problem is None]
        way = walk(window, range(len(window)))
        start = 0
        while start < len(window):
            stop = way.fill(start, way.shared[start], BUDGET)
            layout = lay_out(
                [window[row].ids for row in way.rows[start:stop]],
                [window[row].trained for row in way.rows[start:stop]],
                way.shared[start:stop],
                carried=way.shared[start],
                kept=0,
                device=torch.device("cpu"),
            )
            laid += len(layout.ids)
            scores += sum(call.queries.numel() * call.keys.shape[1] for call in layout.all.calls)
            asked += sum((way.lengths[i] - way.shared[i]) * way.lengths[i] for i in range(start, stop))
            start = stop
        run += sum(way.lengths) - sum(way.shared)
        lengths = [len(row.ids) for row in window]
        real += sum(lengths)
        padded += sum(
            len(batch) * lengths[batch[0]] for batch in plan_batches(lengths, BUDGET, padding=PADDING)
        )
    return {
        "rows": len(encoded),
        "run_once": round(1 - run / real, 3),
        "packed": round(1 - run / laid, 4),
        "attention": round(1 - asked / scores, 3),
        "padded": round(1 - real / padded, 4),
    }
