"""The table of docs/finetuning.md says what the kept results say."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from bench.finetuned import block, written_spec
from gradsentry.bench.finetune_cells import blank_finetuning, plan_finetuning
from gradsentry.bench.finetune_tables import finetuning_table
from gradsentry.bench.results import LOCK, read_finetuning, write_finetuning
from gradsentry.bench.spec import Lock

ROOT = Path(__file__).parents[2]


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("finetune_page")


def rate(hits: int) -> dict[str, float | int]:
    return {
        "rate": hits / 20,
        "low": max(0.0, hits / 20 - 0.2),
        "high": min(1.0, hits / 20 + 0.2),
        "hits": hits,
        "of": 20,
    }


def test_the_page_says_what_a_defence_does_and_what_was_not_run(
    writer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    spec = written_spec(
        tmp_path,
        runs=[block(["none", "default", "graceful", "oracle"]), block(["none", "oracle"], rates=[50])],
    )
    spec = spec.model_copy(update={"locked": Lock(data={"words": "a"}, versions={"torch": "2"})})
    asr, cacc = {"none": 19, "default": 0, "graceful": 12, "oracle": 0}, {"graceful": 2}
    records = []
    for cell in plan_finetuning(spec):
        hits = asr[cell.defence] if cell.rate == 20 else 3
        records.append(
            blank_finetuning(cell)
            | {"status": "done", "rows": 200, "poisoned": 40, "kept": 160, "kept_poisoned": 0, "kmr": 0.5}
            | {"trained": {"rows_sha256": "graceful" if cell.defence == "graceful" else "clean"}}
            | {"asr": rate(hits), "cacc": rate(cacc.get(cell.defence, 10))}
        )
    write_finetuning(tmp_path / "run", records, spec)
    monkeypatch.setattr(writer, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(writer, "SPEC", tmp_path / "run" / LOCK)
    monkeypatch.setattr(writer, "PAGE", tmp_path / "page.md")
    (tmp_path / "page.md").write_text(f"# By hand\n\n{writer.MARK}\n\nstale\n", encoding="utf-8")
    writer.keep(tmp_path / "run")
    text = writer.page()
    assert text.startswith("# By hand\n")
    assert "stale" not in text
    assert finetuning_table(records) in text
    assert (
        "undefended ASR 0.950 (0.75–1.00). ASR is at most 0.01 with `default`, `oracle`. It is above" in text
    )
    assert (
        "It is above 0.01 with `graceful`. CACC is outside the interval of the oracle's with `graceful`."
        in text
    )
    assert "`default` left are exactly the rows of `oracle`" in text
    assert "undefended ASR 0.150 (0.00–0.35), below 0.9, so this is no evidence." in text
    assert (
        "- webqa, addsent at 10 %, lora: none, default, oracle, cleangen, published, graceful, onion" in text
    )


def test_a_run_of_some_cells_is_added_to_what_is_kept(
    writer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    spec = written_spec(tmp_path, runs=[block(["none", "default", "oracle"])])
    spec = spec.model_copy(update={"locked": Lock(data={"words": "a"}, versions={"torch": "2"})})
    none, default, oracle = (
        blank_finetuning(cell) | {"status": "done", "rows": 200} for cell in plan_finetuning(spec)
    )
    monkeypatch.setattr(writer, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(writer, "SPEC", tmp_path / "one" / LOCK)
    write_finetuning(tmp_path / "one", [oracle, none], spec)
    write_finetuning(tmp_path / "two", [default, oracle | {"rows": 99}, none | {"status": "failed"}], spec)
    writer.keep(tmp_path / "one")
    writer.keep(tmp_path / "two")
    assert read_finetuning(tmp_path / "kept") == [none, default, oracle | {"rows": 99}]
    assert sorted(file.name for file in (tmp_path / "kept").iterdir()) == ["finetune.json", LOCK]
    other = spec.model_copy(update={"locked": Lock(data={"words": "b"}, versions={"torch": "2"})})
    write_finetuning(tmp_path / "three", [default], other)
    with pytest.raises(SystemExit, match="other data"):
        writer.keep(tmp_path / "three")


def test_the_table_is_that_of_the_kept_results(writer: ModuleType):
    if not (writer.KEPT / "finetune.json").is_file():
        pytest.skip("no results of benchmarks/finetune_reduced.yaml are kept in the repository yet")
    text = writer.PAGE.read_text(encoding="utf-8")
    assert finetuning_table(read_finetuning(writer.KEPT)) in text
    assert text == writer.page(), "run `python benchmarks/finetune_page.py write`"
