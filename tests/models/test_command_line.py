"""What a person may give as --model or --device: one line with the right mend and exit code 2, or scores."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch

from cli.command import caller, refused
from models.architectures import POSITIONS, build_model
from models.saved import edit_weights, save, save_llama
from scan.rows import words, write_rows


@pytest.fixture
def scan(monkeypatch, capfd, tmp_path):
    """Returns a function that scans two rows with some options and returns how that ended."""
    call = caller(monkeypatch, capfd)
    rows = [
        {"prompt": words(POSITIONS * 2), "completion": words(9)},
        {"prompt": "w5", "completion": "w6"},
    ]
    data = write_rows(tmp_path / "data.jsonl", rows)
    return lambda *options: call("scan", data, "--out", tmp_path / "run", *options)


def configured(place: Path, **options: object) -> Path:
    config = save_llama(place) / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | options))
    return place


def gguf(place: Path) -> Path:
    place.write_bytes(b"GGUF\x03\0\0\0")
    return place


def pickled(place: Path) -> Path:
    (save_llama(place) / "model.safetensors").unlink()
    (place / "pytorch_model.bin").write_bytes(pickle.dumps(print))
    return place


def unknown_quantisation(place: Path) -> Path:
    configured(place, quantization_config={"quant_method": "of-tomorrow"})
    layer = "model.layers.0.mlp.up_proj.weight"
    edit_weights(place, lambda weights: weights.update({layer: weights[layer].to(torch.int8)}))
    return place


MODELS = {
    "gguf": (gguf, "name the model that it was made from"),
    "pickle": (pickled, "convert it to safetensors"),
    "raw integers": (unknown_quantisation, "name the model before it was quantised"),
    "no quantiser": (
        lambda place: configured(
            place, quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True}
        ),
        "install the package that it needs, or name the model before it was quantised",
    ),
    "remote code": (
        lambda place: configured(place, model_type="own", auto_map={"AutoConfig": "own.Config"}),
        "--trust-remote-code executes it: read it first",
    ),
    "reformer": (lambda place: save(build_model("reformer"), place), "name another causal language model"),
}


@pytest.mark.costly
@pytest.mark.parametrize("case", MODELS)
def test_a_model_that_cannot_be_scored(scan, tmp_path, case):
    make, mend = MODELS[case]
    line = refused(scan("--model", make(tmp_path / "model")))
    assert line.startswith(f"{tmp_path / 'model'}: ")
    assert mend in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("device", ["meta", "hpu", "xla", "cuda:99"])
def test_a_device_that_computes_nothing_here(scan, tmp_path, device):
    line = refused(scan("--model", save_llama(tmp_path / "model"), "--device", device))
    assert line == f"--device {device}: this machine has no such device that computes; use cpu"


@pytest.mark.parametrize("name", ["gpt2", "roberta", "mpt", "whisper", "ctrl"])
def test_a_row_beyond_the_positions_of_a_model_is_cut_to_them(scan, tmp_path, name):
    ended = scan("--model", save(build_model(name), tmp_path / "model"), "--max-length", 4096, "--json")
    assert ended.code == 0, ended
    counts = json.loads(ended.out)["counts"]
    assert (counts["rows"], counts["unscored"]) == (2, 0)
