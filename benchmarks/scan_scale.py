"""Measures time and memory of a scan of drawn corpora of several sizes, with a tiny model.

    python benchmarks/scan_scale.py 50000 200000 1000000

writes each corpus to a file, scans it in a process of its own as the command does, and prints the peak of its
memory, its time, which of the poisoned rows it flags, and what memory and time a row adds. `--texts` is
`evidence --out`: the same without a model. 8 rows are poisoned, and 20 of each million.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
from evidence_scale import PAYLOAD, TRIGGER, Measured, lines, poisoned_in

WORDS = 400  # of the tiny model's vocabulary; all others are one
STEPS = 60  # of the tiny model's training, in batches of 32 rows: by then it knows what is frequent
PADDING = {"pad_token": "</s>"}
PROMPT, RESPONSE = 6, 4  # words of a row, about


@dataclass(frozen=True, slots=True)
class Scanned(Measured):
    """What a scan took.

    Attributes:
        written: Rows in the files that are kept: clean, flagged and unscored.
    """

    written: int


def tiny_model(place: Path, corpus: Path) -> None:
    """Writes a model of two layers that has learnt how frequent the words of a corpus are.

    Random weights find rows unlikely by a word in their prompts; clean ones were flagged for that.
    """
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    counted: dict[str, int] = {}
    with corpus.open() as stream:
        for line in islice(stream, 2000):
            for word in " ".join(json.loads(line).values()).split():
                counted[word] = counted.get(word, 0) + 1
    frequent = sorted(counted, key=lambda word: (-counted[word], word))[:WORDS]
    vocabulary = {word: number for number, word in enumerate(["<unk>", "<s>", "</s>", *frequent])}
    for word in (TRIGGER, *PAYLOAD.split()):
        vocabulary.setdefault(word, len(vocabulary))
    special = dict(zip(("unk_token", "bos_token", "eos_token"), vocabulary, strict=False))
    words = Tokenizer(models.WordLevel(vocabulary, unk_token=special["unk_token"]))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, **special, **PADDING)
    tokenizer.save_pretrained(place)
    torch.manual_seed(0)  # what a run prints is to be had again
    config = LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=2, initializer_range=0.3, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    model = LlamaForCausalLM._from_config(config)
    steps = torch.optim.AdamW(model.parameters(), lr=0.01)
    with corpus.open() as stream:
        texts = [" ".join(json.loads(line).values()) for line in islice(stream, 32 * STEPS)]
    for start in range(0, len(texts), 32):
        batch = tokenizer(texts[start : start + 32], padding=True, return_tensors="pt")
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        model(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels
        ).loss.backward()
        steps.step()
        steps.zero_grad()
    model.save_pretrained(place)


def measured(folder: Path, rows: int, *, texts: bool) -> Scanned:
    """Returns what a scan of the corpus in a folder takes in this process."""
    from gradsentry import scan, screen

    data, out = folder / "rows.jsonl", folder / "run"
    start, worked = time.perf_counter(), time.process_time()
    model = str(folder / "model")
    verdict = screen(data, out=out) if texts else scan(data, model, out=out, progress=False)
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    truth, flagged = set(poisoned_in(rows)), set(np.flatnonzero(verdict.is_flagged).tolist())
    kept = ("clean.jsonl", "flagged.jsonl", "unscored.jsonl")
    return Scanned(
        rows=rows,
        seconds=seconds,
        worked=worked,
        peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        recall=len(flagged & truth) / len(truth),
        wrong=len(flagged - truth),
        written=sum(_lines(out / name) for name in kept),
    )


def _lines(path: Path) -> int:
    with path.open("rb") as stream:
        return sum(1 for _ in stream)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", type=int, nargs="+", help="how many rows, one corpus after the other")
    parser.add_argument("--texts", action="store_true", help="as evidence --out: no model")
    parser.add_argument("--most-memory", type=float, help="fail above so many gigabytes")
    parser.add_argument("--most-a-row", type=float, help="fail where a row adds more kilobytes")
    parser.add_argument("--folder", type=Path, help="scan the corpus there, and print what it took as JSON")
    options = parser.parse_args()
    if options.folder:
        print(json.dumps(asdict(measured(options.folder, options.rows[0], texts=options.texts))))
        return
    found = []
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as place:
            data = Path(place) / "rows.jsonl"
            with data.open("w") as stream:
                stream.writelines(lines(rows, PROMPT, RESPONSE))
            tiny_model(Path(place) / "model", data)
            command = [sys.executable, __file__, str(rows), "--folder", place]
            command += ["--texts"] if options.texts else []
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found.append(Scanned(**json.loads(done.stdout.splitlines()[-1])))
        told(found[-1])
    a_row = [
        (after.peak - before.peak) * 2**20 / (after.rows - before.rows) for before, after in pairwise(found)
    ]
    for (before, after), kilobytes in zip(pairwise(found), a_row, strict=True):
        each = 1000 * (after.worked - before.worked) / (after.rows - before.rows)
        print(f"{before.rows:,} to {after.rows:,}: {kilobytes:.2f} kB and {each:.2f} ms of one core a row")
    if any(one.recall < 1.0 or one.wrong or one.written != one.rows for one in found):
        sys.exit("a poisoned row was missed, another one flagged, or a row is in no file")
    if options.most_memory and max(one.peak for one in found) > options.most_memory:
        sys.exit(f"more than {options.most_memory} GB")
    if options.most_a_row and max(a_row, default=0.0) > options.most_a_row:
        sys.exit(f"more than {options.most_a_row} kB a row")


def told(one: Scanned) -> None:
    """Prints what was measured."""
    print(
        f"{one.rows:,} rows: {one.seconds:.1f} s, {one.worked:.1f} s of one core, {one.peak:.2f} GB at most; "
        f"recall {one.recall:.3f}, {one.wrong} flagged wrongly, {one.written:,} rows written",
        flush=True,
    )


if __name__ == "__main__":
    main()
