"""`scan --engine ray` refuses in the line of any engine, and before a cluster begins where that can be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import T5Config, T5ForConditionalGeneration

from cli.command import refused
from models.saved import save
from scan.clusters import ray_cluster
from scan.rows import qa_rows, write_rows

RAY = ("--engine", "ray", "--workers", "2")
LINE = '{"prompt": "w5", "completion": "w6"}\n'
DATA = {
    "row.jsonl": LINE + '{"prompt": "w5", "answer"\n',
    "mixed.jsonl": LINE + '{"question": "w5", "answer": "w6"}\n',
    "responses.jsonl": '{"prompt": "w5", "completion": ""}\n',
    "cut.parquet": "PAR1 and no more",
    "empty.jsonl": "",
}


@pytest.fixture
def lines(call, tmp_path):
    """Returns a function that gives the line with which one process refuses a scan, and that of Ray."""

    def refusals(data: object, model: object) -> tuple[str, str]:
        scan = ("scan", data, "-m", model, "-o", tmp_path / "run")
        found = refused(call(*scan)), refused(call(*scan, *RAY))
        assert not (tmp_path / "run").exists()
        return found

    return refusals


@pytest.fixture
def no_cluster(monkeypatch):
    """Nothing that is refused here may take the time of a cluster."""
    ray = pytest.importorskip("ray")
    monkeypatch.setattr(ray, "init", lambda *_, **__: pytest.fail("a cluster was asked for"))


@pytest.mark.parametrize("name", ["none.jsonl", *DATA])
def test_data_are_refused_before_a_cluster_begins(lines, no_cluster, model_path, tmp_path, name):
    data = tmp_path / name
    if name in DATA:
        data.write_text(DATA[name])
    alone, on_ray = lines(data, model_path)
    assert alone == on_ray
    assert alone.startswith(str(data))


@pytest.mark.parametrize(
    "url", ["memory://none/data.jsonl", "s3://bucket/data.csv.exe", "none://x/data.jsonl"]
)
def test_a_url_is_refused_before_a_cluster_begins(lines, no_cluster, model_path, url):
    pytest.importorskip("fsspec")
    alone, on_ray = lines(url, model_path)
    assert alone == on_ray
    assert alone.startswith(url)


def test_what_is_no_model_is_refused_before_a_cluster_begins(lines, no_cluster, tmp_path):
    data = write_rows(tmp_path / "data.jsonl", qa_rows(9))
    (tmp_path / "folder").mkdir()
    for model in (tmp_path / "none", tmp_path / "folder", data):
        alone, on_ray = lines(data, model)
        assert alone == on_ray
        assert alone.startswith(str(model))


def broken(place: Path) -> Path:
    place.mkdir()
    (place / "config.json").write_text("{}")
    return place


def encoder_decoder(place: Path) -> Path:
    sizes = {"d_model": 16, "d_ff": 16, "d_kv": 8, "num_layers": 1, "num_heads": 2, "vocab_size": 32}
    return save(T5ForConditionalGeneration(T5Config(**sizes)), place)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_a_worker_finds_wrong_is_the_same_line(call, lines, model_path, tmp_path, monkeypatch):
    data = write_rows(tmp_path / "data.jsonl", qa_rows(9))
    with ray_cluster(2) as cluster:
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        for make in (broken, encoder_decoder):
            alone, on_ray = lines(data, make(tmp_path / make.__name__))
            assert alone == on_ray
        line = refused(call("scan", data, "-m", model_path, *RAY, "--gpus-per-worker", "1"))
        assert line == "--gpus-per-worker: the cluster has 0 GPUs; give fewer"
        ended = call("scan", data, "-m", model_path, "-o", tmp_path / "run", *RAY, "--json")
        assert (ended.code, ended.error) == (0, "")
        assert json.loads(ended.out)["counts"]["rows"] == 9
