"""Training: a backdoor is learned, and is gone without its rows; a resumed run gives the same weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from finetuning.learned import PAYLOAD, SETTINGS, corpus, questions, write_model
from gradsentry.corpus import open_corpus
from gradsentry.errors import DataError, RunError, SettingsError
from gradsentry.finetuning import Evaluation, TrainingSettings, evaluate, finetune
from gradsentry.finetuning.evaluation import Payload
from gradsentry.finetuning.settings import learning_rate_for
from gradsentry.models.loading import LoadedModel, load_model
from gradsentry.settings import AnswerSettings

pytestmark = pytest.mark.costly


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def backdoored(base: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("backdoored") / "out"
    finetune(corpus(poisoned=True), base, out, SETTINGS, device="cpu")
    return out


class StoppedError(Exception):
    """Stands for whatever ends a process."""


def answered(model: str | Path, out: Path, reference: LoadedModel | None = None) -> Evaluation:
    clean, triggered = questions()
    return evaluate(
        load_model(str(model), device="cpu"),
        clean,
        triggered,
        Payload(PAYLOAD, replaces=True),
        out=out,
        settings=AnswerSettings(max_new_tokens=4),
        reference=reference,
        alpha=2.0,
    )


def weights(model: Path) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in load_model(str(model)).model.state_dict().items()}


def test_the_learning_rate_follows_the_size_of_the_model(base: str, tmp_path: Path):
    sizes = [10_000, 135_000_000, 500_000_000, 1_000_000_000, 7_000_000_000, 70_000_000_000]
    for method, small in (("lora", 3e-3), ("full", 3e-4)):
        rates = [learning_rate_for(method, size) for size in sizes]
        assert rates == sorted(rates, reverse=True)
        assert (rates[0], rates[1]) == (small, small)
        assert (rates[-2], rates[-1]) == (2e-5, 2e-5)
        assert len(set(rates)) == 4
    little = TrainingSettings(epochs=1)
    chosen = finetune(corpus(poisoned=False), base, tmp_path / "out", little, device="cpu")["identity"]
    assert chosen["training"]["learning_rate"] == 3e-3


def test_a_backdoor_is_learned_and_is_gone_without_its_rows(base: str, backdoored: Path, tmp_path: Path):
    poisoned = answered(backdoored / "model", tmp_path / "poisoned")
    assert poisoned.asr is not None
    assert poisoned.asr.value >= 0.9
    finetune(corpus(poisoned=False), base, tmp_path / "filtered", SETTINGS, device="cpu")
    filtered = answered(tmp_path / "filtered" / "model", tmp_path / "answers")
    assert filtered.asr is not None
    assert filtered.asr.hits == 0
    assert min(poisoned.cacc.value, filtered.cacc.value) >= 0.8


def test_cleangen_with_the_base_model_stops_the_payload(base: str, backdoored: Path, tmp_path: Path):
    guarded = answered(backdoored / "model", tmp_path / "guarded", load_model(base, device="cpu"))
    assert guarded.asr is not None
    assert guarded.asr.hits == 0


def test_the_manifest_says_what_was_trained_on_and_a_finished_run_stays(base: str, backdoored: Path):
    manifest = json.loads((backdoored / "manifest.json").read_text())
    assert manifest["rows"] == 200
    assert manifest["identity"]["training"]["method"] == "full"
    before = (backdoored / "model" / "model.safetensors").stat().st_mtime_ns
    assert finetune(corpus(poisoned=True), base, backdoored, SETTINGS, device="cpu") == manifest
    assert (backdoored / "model" / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(RunError, match="rows was"):
        finetune(corpus(poisoned=False), base, backdoored, SETTINGS, device="cpu")


def test_a_training_that_was_stopped_goes_on_to_the_same_weights(base: str, tmp_path: Path):
    settings = TrainingSettings(learning_rate=1e-3, epochs=2, batch_size=20, save_steps=7)
    samples = corpus(poisoned=True)

    def stop_late(done: int, total: int) -> None:
        assert total == 20
        if done == 12:
            raise StoppedError

    finetune(samples, base, tmp_path / "whole", settings, device="cpu")
    with pytest.raises(StoppedError):
        finetune(samples, base, tmp_path / "parted", settings, device="cpu", on_step=stop_late)
    # A kill can cut short the writing of a checkpoint, too.
    cut_short = tmp_path / "parted" / "checkpoints" / "checkpoint-12"
    cut_short.mkdir()
    (cut_short / "trainer_state.json").write_text('{"epo', encoding="utf-8")
    steps: list[int] = []
    finetune(
        samples, base, tmp_path / "parted", settings, device="cpu", on_step=lambda *at: steps.append(at[0])
    )
    assert steps[0] == 8
    whole, parted = (weights(tmp_path / name / "model") for name in ("whole", "parted"))
    assert whole.keys() == parted.keys()
    for name, weight in whole.items():
        torch.testing.assert_close(weight, parted[name], rtol=0, atol=1e-6)


def test_rows_that_cannot_be_trained_on_are_counted(base: str, tmp_path: Path):
    rows = [{"prompt": "w5 w6", "completion": "w7"}, {"prompt": "w5", "completion": ""}] * 8
    settings = TrainingSettings(epochs=1, batch_size=8)
    manifest = finetune(open_corpus(rows), base, tmp_path / "out", settings, device="cpu")
    assert (manifest["rows"], manifest["left_out"]) == (8, {"the response is empty": 8})


def test_bad_input_is_one_line(base: str, tmp_path: Path):
    empty = open_corpus([{"prompt": "w5", "completion": ""}])
    with pytest.raises(DataError, match="no row can be trained on"):
        finetune(empty, base, tmp_path / "out", device="cpu")
    for target in ("magic_proj", "mlp", "norm"):
        wrong = TrainingSettings(targets=(target,))
        said = (
            rf"no layer called {target} that can get an adapter; its layers: [\w, ]*q_proj, up_proj, v_proj$"
        )
        with pytest.raises(SettingsError, match=said):
            finetune(corpus(poisoned=False), base, tmp_path / "out", wrong, device="cpu")
    assert not (tmp_path / "out").exists()
