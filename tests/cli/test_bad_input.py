"""Everything that a user can get wrong ends in one line, exit code 2, and nothing on the disk."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from transformers import T5Config, T5ForConditionalGeneration

from cli.command import refused
from gradsentry.opening import open_run
from models.saved import save, save_llama
from models.tiny import build_kind, word_tokenizer
from scan.rows import qa_rows, read_rows, words, write_rows

LINE = b'{"prompt": "w5", "completion": "w6"}\n'
QA = b'{"question": "w5", "answer": "w6"}\n'


@pytest.fixture
def refusal(call, tmp_path, model_path):
    """Returns a function that scans bytes and returns the line with which that is refused."""

    def scan(content: bytes, name: str = "data.jsonl", *options: object) -> str:
        data = tmp_path / name
        data.write_bytes(content)
        line = refused(call("scan", data, "-m", model_path, "-o", tmp_path / "run", *options))
        assert not (tmp_path / "run").exists()
        assert line.startswith(f"{data}")
        return line.removeprefix(f"{data}")

    return scan


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ": is empty; give data with at least one row"),
        (LINE * 4710 + b"{oops}\n" + LINE, r":4711: invalid JSON: .+ \(column 2\); mend or remove the row"),
        (LINE + b'{"prompt": "\xff"}\n', r":2: invalid UTF-8 \(byte 0xff\); save the file as UTF-8"),
        (LINE + b'{"prompt": "\0"}\n', ":2: holds a NUL byte; .+"),
        (LINE + QA, ":2: this row is qa, but .+:1 is prompt-completion; split the data by format, .+"),
        (b'{"x": 1}\n', ":1: no known row format has these columns: `x`; .+"),
        (b'{"\\u001b[31m": 1}\n', r":1: no known row format has these columns: ` \[31m`; .+"),
    ],
    ids=["empty", "json", "utf-8", "nul", "mixed", "columns", "escape"],
)
def test_a_broken_file(refusal, content, said):
    assert re.fullmatch(said, refusal(content))


def test_data_that_is_not_there(call, tmp_path, model_path):
    out = tmp_path / "run"
    line = refused(call("scan", tmp_path / "no.jsonl", "-m", model_path, "-o", out))
    assert line == f"{tmp_path}/no.jsonl: no such file or folder; check the path"
    line = refused(call("scan", "owner/no-such-data", "-m", model_path, "-o", out))
    assert line.startswith("owner/no-such-data: no file of this name, nor could it be loaded as a data set (")
    assert not out.exists()


def test_a_folder_of_two_formats(call, tmp_path, model_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.jsonl").write_bytes(LINE)
    (tmp_path / "data/b.jsonl").write_bytes(QA)
    line = refused(call("scan", tmp_path / "data", "-m", model_path, "-o", tmp_path / "run"))
    assert line.startswith(f"{tmp_path}/data/b.jsonl:1: this row is qa, but {tmp_path}/data/a.jsonl:1 is")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("response", [None, 7, ["w5", 6], "", {"a": 1}])
def test_a_row_without_a_response_is_left_unscored_and_the_rest_goes_on(call, tmp_path, model_path, response):
    rows = [*qa_rows(5), {"prompt": "w5", "completion": response}, {"prompt": "w5"}]
    data = write_rows(tmp_path / "data.jsonl", rows)
    ended = call("scan", data, "-m", model_path, "-o", tmp_path / "run", "--json")
    assert (ended.code, ended.error) == (0, "")
    assert json.loads(ended.out)["counts"] == {
        "rows": 7,
        "clean": 5,
        "flagged": 0,
        "unscored": 2,
        "review": 0,
    }
    unscored = read_rows(tmp_path / "run/unscored.jsonl")
    assert [each["row"] for each in unscored] == rows[5:]
    assert all(each["reason"] for each in unscored)


@pytest.mark.costly
def test_one_row_of_two_megabytes(call, tmp_path, model_path):
    row = {"prompt": words(400_000), "completion": words(200_000)}
    data = write_rows(tmp_path / "data.jsonl", [row])
    assert data.stat().st_size > 2 << 20
    ended = call("scan", data, "-m", model_path, "-o", tmp_path / "run", "-q", "--max-length", 256)
    assert (ended.code, ended.error) == (0, "")
    (scored,) = open_run(tmp_path / "run").scores.table().to_pylist()
    assert scored["status"] == "scored"
    assert scored["reason"] == f"{600_001 - 256} tokens were cut to fit"


@pytest.fixture
def bad_model(call, tmp_path):
    """Returns a function that scans with a model and returns the line with which that is refused."""

    def scan(name: object) -> str:
        data = write_rows(tmp_path / "data.jsonl", qa_rows(3))
        line = refused(call("scan", data, "--model", name, "--out", tmp_path / "run"))
        assert not (tmp_path / "run").exists()
        assert line.startswith(f"{name}: ")
        return line.removeprefix(f"{name}: ")

    return scan


@pytest.mark.parametrize("name", ["no-such-model", "nobody/no-such-model"])
def test_an_unknown_model(bad_model, name):
    assert bad_model(name).endswith("; check the path or the Hub id")


def test_a_model_directory_that_is_not_there(bad_model, tmp_path):
    assert bad_model(tmp_path / "none") == (
        "there is no such model directory; check the path given as --model"
    )


def test_a_model_without_a_tokenizer(bad_model, tmp_path):
    place = save(build_kind("llama"), tmp_path / "model", tokenizer=False)
    assert bad_model(place) == ("the model directory holds no tokenizer; save the tokenizer beside the model")


def test_an_encoder_decoder_model(bad_model, tmp_path):
    config = T5Config(vocab_size=97, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    T5ForConditionalGeneration(config).save_pretrained(tmp_path / "model")
    word_tokenizer().save_pretrained(tmp_path / "model")
    assert bad_model(tmp_path / "model") == ("t5 is an encoder-decoder model; name a causal language model")


@pytest.mark.parametrize("kept", [0, 100, -1000])
def test_truncated_weights(bad_model, tmp_path, kept):
    weights: Path = save_llama(tmp_path / "model") / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept])
    assert re.fullmatch(
        r"its weights are broken \(.+\); fetch the model again", bad_model(tmp_path / "model")
    )


def test_a_run_directory_that_cannot_be(call, tmp_path, model_path):
    data = write_rows(tmp_path / "data.jsonl", qa_rows(3))
    scan = ("scan", data, "-m", model_path, "-o")
    line = refused(call(*scan, data))
    assert line == f"{data}: is a file; give a directory as --out"
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("x")
    assert refused(call(*scan, other)) == f"{other}: is not empty and holds no run; give another directory"
    assert [file.name for file in other.iterdir()] == ["letter.txt"]
    assert refused(call(*scan, data / "run")).startswith(f"{data}")
    for command in ("threshold", "report"):
        assert refused(call(command, other)) == (
            f"{other}: is no run directory; it has no manifest.json; scan with --out first"
        )


def test_a_run_with_other_settings(call, tmp_path, model_path):
    scan = ("scan", write_rows(tmp_path / "d.jsonl", qa_rows(3)), "-m", model_path, "-o", tmp_path / "run")
    assert call(*scan, "-q").code == 0
    assert refused(call(*scan, "--k", 8)) == (
        f"{tmp_path}/run: holds a run with other settings: score.k was 16, is 8; "
        "name another directory, or the settings of that run"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--tau", "1.5"), r"options: tau: .+ \(given: 1\.5\); known keys: .+"),
        (("--tau", "-0.1"), r"options: tau: .+ \(given: -0\.1\); known keys: .+"),
        (("--tau", "nan"), r"options: tau: .+ \(given: nan\); known keys: .+"),
        (("--tau", "high"), r".+'--tau'.+; see gradsentry scan --help"),
        (("--method", "guess"), r".+'--method'.+; see gradsentry scan --help"),
        (("--method", "fixed"), r"options: --method fixed needs a --tau; .+"),
        (("--method", "published", "--tau", "0.5"), r"options: --tau has no meaning where the method is .+"),
        (("--tau", "0.5", "--quantile", "0.5"), r"options: --quantile has no meaning where .+"),
        (("--quantile", "1"), r"options: quantile: .+ \(given: 1\.0\); .+"),
        (("--crop", "0"), r"options: crop: .+ \(given: 0\); .+"),
        (("--k", "1"), r"options: k: .+"),
        (("--max-length", "7"), r"options: max_length: .+"),
        (("--token-budget", "0"), r"options: token_budget: .+"),
        (("--dtype", "int8"), r"options: dtype: .+ \(given: 'int8'\); .+"),
        (("--device", "toaster"), r"--device toaster: this machine has no such device .+; use cpu"),
        (
            ("--format", "alpacca"),
            r"--format: unknown format `alpacca`; did you mean `alpaca`\? choose one of .+",
        ),
        (("--split", "train"), r".+: a file has no split `train`; leave out --split"),
        (("--no-such-option",), r".+--no-such-option.*; see gradsentry scan --help"),
        (("--quantile",), r".+--quantile.* requires an argument; see gradsentry --help"),
        (("more.jsonl",), r"more\.jsonl: no such file or folder; check the path"),
    ],
)
def test_a_wrong_option(call, tmp_path, model_path, options, said):
    data = write_rows(tmp_path / "data.jsonl", qa_rows(3))
    line = refused(call("scan", data, "-m", model_path, "-o", tmp_path / "run", *options))
    assert re.fullmatch(said, line), line
    assert not (tmp_path / "run").exists()


def test_a_command_without_its_argument_and_one_that_is_none(call):
    assert re.fullmatch(r".*[Mm]issing argument.*; see gradsentry scan --help", refused(call("scan")))
    line = r".*'scam'; did you mean scan\? see gradsentry --help"
    assert re.fullmatch(line, refused(call("scam")))


@pytest.mark.costly
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("manifest.json", "null"),
        ("manifest.json", '{"identity": {}}'),
        ("manifest.json", '{"identity": {"data": 3}, "source": []}'),
        ("verdict.json", "null"),
        ("verdict.json", "{}"),
        ("verdict.json", '{"counts": [], "tau": "high"}'),
        ("evidence.json", "[]"),
        ("evidence.json", '{"findings": 1}'),
        ("reference.json", '{"source": "x", "entropy": 1}'),
    ],
)
def test_a_file_of_a_run_that_has_another_form(call, tmp_path, model_path, name, content):
    data, run = write_rows(tmp_path / "data.jsonl", qa_rows(12)), tmp_path / "run"
    scan = ("scan", data, "-m", model_path, "-o", run, "-q")
    assert call(*scan).code == 0
    (run / name).write_text(content)
    for command in (("threshold", run), ("report", run), ("explain", run, 3)):
        line = refused(call(*command))
        assert line.startswith(f"{run / name}: ")
        assert "scan again" in line
    # What a scan can mend it mends; a manifest says what the scores are of.
    ended = call(*scan)
    assert ended.code == (2 if name == "manifest.json" else 0), ended
