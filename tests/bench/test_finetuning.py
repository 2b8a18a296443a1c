"""Fine-tunings of a benchmark: a backdoor comes and goes with the poisoned rows, and a kill costs little."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.finetuned import TRAINING, block, ran, written_spec
from finetuning.learned import TRIGGER
from gradsentry.bench import GridResult, Spec
from gradsentry.bench.finetune_cells import blank_finetuning, plan_finetuning
from gradsentry.bench.finetuning import FineTuning
from gradsentry.bench.results import FINETUNING_FILES, read_finetuning
from gradsentry.errors import RunError, SettingsError

pytestmark = pytest.mark.costly


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Spec, Path, GridResult]:
    folder = tmp_path_factory.mktemp("finetuning")
    defences = ["none", "published", "default", "graceful", "cleangen", "onion", "oracle"]
    spec = written_spec(folder, runs=[block(defences)])
    return spec, folder / "out", ran(spec, folder / "out")


def test_the_backdoor_goes_with_the_rows_that_brought_it(done: tuple[Spec, Path, GridResult]):
    _, out, result = done
    assert not result.failed
    by_name = {record["defence"]: record for record in result.records}
    assert (by_name["none"]["kept"], by_name["none"]["kept_poisoned"]) == (160, 32)
    assert by_name["none"]["asr"]["rate"] >= 0.9
    for name in ("default", "oracle"):
        assert (by_name[name]["kept"], by_name[name]["kept_poisoned"]) == (128, 0)
        assert by_name[name]["asr"]["hits"] == 0
    assert by_name["cleangen"]["asr"]["hits"] == 0
    assert min(by_name[name]["cacc"]["rate"] for name in ("none", "oracle")) >= 0.8
    assert read_finetuning(out) == json.loads(json.dumps(result.records))


def test_a_learning_rate_that_was_chosen_is_told_beside_the_one_that_was_asked_for(tmp_path: Path):
    training = {"method": "full", "epochs": 1, "batch_size": 16}
    spec = written_spec(tmp_path, training=training, runs=[block(["none"])])
    (record,) = ran(spec, tmp_path / "out").records
    (cell,) = plan_finetuning(spec)
    assert record["training"] == blank_finetuning(cell)["training"]
    assert record["training"]["learning_rate"] is None
    assert record["trained"]["learning_rate"] == 3e-4


def test_defences_that_leave_the_same_rows_share_a_model(done: tuple[Spec, Path, GridResult]):
    _, out, result = done
    trained = {record["trained"]["rows_sha256"] for record in result.records}
    assert len(list((out / "finetune" / "models").iterdir())) == len(trained) < len(result.records)


def test_a_second_run_computes_nothing_and_every_answer_is_kept(done: tuple[Spec, Path, GridResult]):
    spec, out, result = done
    again = ran(spec, out)
    assert again.computed == 0
    assert again.records == json.loads(json.dumps(result.records))
    for file in (out / "finetune" / "answers").glob("*/generations.jsonl"):
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        # By these an evaluation that was stopped knows its questions: 20 that were drawn after 160 rows.
        assert sorted(line["id"] for line in lines) == sorted(2 * [*range(160, 180)])


def test_a_failing_cell_is_shown_with_its_error_and_the_others_go_on(tmp_path: Path):
    wrong = block(["none"], training={"method": "lora", "targets": ["magic_proj"]})
    spec = written_spec(tmp_path, runs=[wrong, block(["oracle"])], training=TRAINING | {"epochs": 1})
    result = ran(spec, tmp_path / "out")
    assert [record["status"] for record in result.records] == ["failed", "done"]
    assert "no layer called magic_proj" in result.records[0]["error"]
    table = (tmp_path / "out" / "finetune.md").read_text(encoding="utf-8")
    assert f"| failed: {result.records[0]['error']} |" in table


def files_of(folder: Path) -> dict[str, bytes]:
    """Returns what lies under the names that a run of the fine-tunings writes."""
    return {name: (folder / name).read_bytes() for name in FINETUNING_FILES}


def test_results_of_an_earlier_run_are_kept_where_this_one_fails_or_is_stopped(tmp_path: Path):
    out, lora = tmp_path / "out", {"method": "lora", "epochs": 1, "batch_size": 16}
    good = written_spec(tmp_path, training=lora, runs=[block(["none", "oracle"])])
    bad = written_spec(
        tmp_path, training=lora | {"targets": ["magic_proj"]}, runs=[block(["none", "oracle"])]
    )
    assert ran(good, out).earlier is None
    before = files_of(out)
    # Nothing is lost, and nothing kept.
    assert ran(good, out).earlier is None
    assert not list((out / "earlier").iterdir())

    lost = ran(bad, out)
    assert [record["status"] for record in lost.records] == ["failed", "failed"]
    assert lost.earlier == out / "earlier" / "001"
    assert files_of(lost.earlier) == before
    assert read_finetuning(out) == json.loads(json.dumps(lost.records))
    # What had no result before is not lost, and what is good again is there without being measured.
    assert ran(bad, out).earlier is None
    mended = ran(good, out)
    assert (mended.computed, mended.earlier, files_of(out)) == (0, None, before)

    def stopped(done: int, total: int, title: str) -> None:
        if done == 1:  # the first cell has failed, and is written
            raise KeyboardInterrupt

    assert bad.finetune is not None
    with pytest.raises(KeyboardInterrupt):
        FineTuning(bad, bad.finetune, out).run(stopped)
    assert [record["status"] for record in read_finetuning(out)] == ["failed"]
    assert files_of(out / "earlier" / "002") == before


def test_after_a_kill_it_goes_on_to_the_same_results(tmp_path: Path):
    training = TRAINING | {"epochs": 3, "save_steps": 10}
    spec = written_spec(tmp_path, training=training, runs=[block(["none"])])
    file, out = tmp_path / "spec.yaml", tmp_path / "out"
    file.write_text(yaml.safe_dump(spec.model_dump(mode="json")), encoding="utf-8")
    arguments = ["gradsentry", "bench", str(file), "--out", str(out)]
    killed = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import sys; sys.argv = {arguments!r}; from gradsentry.cli import main; main()",
        ],
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )
    while killed.poll() is None and not list(
        out.glob("finetune/models/*/checkpoints/checkpoint-*/optimizer.pt")
    ):
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not list(out.glob("finetune/cells/*.json"))
    assert ran(spec, out).records == ran(spec, tmp_path / "whole").records


def test_its_lock_reruns_it_and_a_directory_that_is_a_file_is_refused(
    done: tuple[Spec, Path, GridResult], tmp_path: Path
):
    _, out, _ = done
    locked = Spec.read_yaml(out / "spec.lock.yaml")
    assert locked.locked is not None
    assert list(locked.locked.data) == ["words"]
    assert ran(locked, out).computed == 0
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="is a file"):
        ran(locked, tmp_path / "file")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"runs": []}, "runs"),
        ({"runs": [block(["magic"])]}, "magic"),
        ({"runs": [block(["none"], data=["nq"])]}, "'nq' is not in the benchmark"),
        ({"runs": [block(["none"], attacks=["cba"])]}, "'cba' is not in the benchmark"),
        ({"runs": [block(["none"], rates=[0])]}, "rates"),
        ({"runs": [block(["none"], training={"epoch": 3})]}, "epoch"),
        ({"runs": [block(["none"], evaluation={"tokens": 3})]}, "tokens"),
        ({"training": {"learning_rate": 0}}, "learning_rate"),
    ],
)
def test_what_is_wrong_is_named_before_anything_is_computed(
    tmp_path: Path, section: dict[str, Any], message: str
):
    with pytest.raises(SettingsError, match=message):
        written_spec(tmp_path, **section)


def test_cells_run_block_by_block_with_their_own_settings(tmp_path: Path):
    changes = {"training": {"method": "lora", "rank": 2}, "evaluation": {"batch_size": 3}}
    full = block(["none", "oracle"], rates=[1, 50], rows=7, **changes)
    cells = plan_finetuning(written_spec(tmp_path, runs=[block(["none"]), full]))
    assert [(cell.defence, cell.rate, cell.training.method) for cell in cells] == [
        ("none", 20.0, "full"),
        ("none", 1.0, "lora"),
        ("oracle", 1.0, "lora"),
        ("none", 50.0, "lora"),
        ("oracle", 50.0, "lora"),
    ]
    assert [cell.rows for cell in cells] == [cells[0].rows, 7, 7, 7, 7]
    assert cells[0].rows != 7
    assert (cells[1].training.rank, cells[1].training.epochs) == (2, 12)
    assert [(cell.evaluation.batch_size, cell.evaluation.max_new_tokens) for cell in cells[:2]] == [
        (16, 4),
        (3, 4),
    ]


def test_an_attack_whose_success_cannot_be_asked_for_fails_before_anything_is_trained(tmp_path: Path):
    values = written_spec(tmp_path, runs=[block(["none"])]).model_dump()
    values["attacks"] = [{"name": "label_flip", "label": "badnets", "settings": {"trigger": [TRIGGER]}}]
    (record,) = ran(Spec.read(values, where="test"), tmp_path / "out").records
    assert (record["status"], record["trained"]) == ("failed", None)
    assert "has no payload that an answer could hold" in record["error"]
    assert not (tmp_path / "out" / "finetune" / "models").exists()


def test_fewer_rows_are_fewer_in_every_block(tmp_path: Path):
    spec = written_spec(
        tmp_path, runs=[block(["none"], rows=150), block(["oracle"]), block(["none"], rows=9)]
    )
    assert [cell.rows for cell in plan_finetuning(spec.limited(20))] == [20, 20, 9]
