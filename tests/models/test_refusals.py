"""What cannot be scored exactly is refused by name, in one line with the mend, before any work."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys

import pytest
import torch
from torch import nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertLMHeadModel,
    LlamaForCausalLM,
)

from gradsentry.models.loading import load_model, wrap_model
from gradsentry.models.named import refuse_no_model
from models.refusing import load, refusal, wrapped
from models.saved import save_llama
from models.test_adapters import save_adapter
from models.tiny import VOCABULARY, build_kind


def load_without_hub(names, cache, offline="0"):
    code = (
        "from gradsentry.models.loading import *\n"
        f"for name in {names!r}:\n"
        "    one = load_model(name, device='cpu', dtype='float32')\n"
        "    print(one.name, one.fingerprint)"
    )
    return run_without_hub(code, cache, offline)


def run_without_hub(code, cache, offline="0"):
    """Runs code in a process of its own: the address of the Hub is read when its client is imported."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        hub = f"http://127.0.0.1:{taken.getsockname()[1]}"
        return subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"HF_HUB_OFFLINE": offline, "HF_ENDPOINT": hub, "HF_HUB_CACHE": str(cache)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def cached(cache, name):
    """Returns where the files of a name lie in a cache of the Hub, which has it from now on."""
    kept, commit = cache / f"models--{name.replace('/', '--')}", "0" * 40
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text(commit)
    return kept / "snapshots" / commit


LOADING = """
import sys
from gradsentry.attacks.labels import token_counter
from gradsentry.attacks.writer import Writer
from gradsentry.corpus import open_corpus
from gradsentry.errors import GradSentryError
from gradsentry.settings import DataSettings

def read(name):
    row = {"input_ids": [1, 2], "labels": [-100, 2]}
    list(open_corpus([row], DataSettings(tokenizer=name)))

for load in (Writer, lambda name: token_counter(name)("w1 w2"), read):
    try:
        load("nobody/nothing")
        print("loaded")
    except GradSentryError as error:
        print("refused")
        print(error.line(), file=sys.stderr)
"""
"""What a model or its tokenizer is loaded for, but a scan."""


class TestNames:
    @pytest.mark.parametrize("name", ["smolm2", "SmolLM2", "smollm2-135m", "smollm"])
    def test_one_like_the_embedded_model_is_not_asked_of_the_hub(self, name):
        refusal(load(name), f"{name}: there is no such model; did you mean `smollm2`?", f"OWNER/{name}")

    @pytest.mark.parametrize("name", ["no such name!", "owner/--name", "owner/name.git", "owner/naïve"])
    def test_one_that_the_hub_cannot_have(self, name):
        refusal(load(name), "no name that the Hub could have; give `smollm2`, a model directory, or")

    def test_one_of_the_hub_is_left_to_it(self):
        for name in ("gpt2", "distilgpt2", "owner/smollm2"):
            refuse_no_model(name)

    @pytest.mark.costly
    def test_a_hub_that_is_out_of_reach_is_asked_once(self, tmp_path):
        ended = load_without_hub(["nobody/nothing"], tmp_path)
        assert "nobody/nothing: is no directory here, and the Hub cannot be reached (" in ended.stderr
        assert "Retrying" not in ended.stderr

    @pytest.mark.costly
    @pytest.mark.parametrize("offline", ["0", pytest.param("1", marks=pytest.mark.slow)])
    def test_what_is_in_the_cache_is_loaded_where_the_hub_is_out_of_reach(self, tmp_path, offline):
        """A model; an adapter and the base model that it names, whose tokenizer it takes."""
        model = save_llama(cached(tmp_path, "somebody/tiny"))
        save_adapter(tmp_path / "made", "llama", {"target_modules": ["q_proj"]})
        made = (model, tmp_path / "made" / "adapter")
        expected = [load_model(str(one), device="cpu", dtype="float32").fingerprint for one in made]
        base, adapter = (cached(tmp_path, f"somebody/{name}") for name in ("base", "adapter"))
        shutil.copytree(tmp_path / "made" / "base", base)
        shutil.copytree(tmp_path / "made" / "adapter", adapter)
        settings = json.loads((adapter / "adapter_config.json").read_text())
        settings["base_model_name_or_path"] = "somebody/base"
        (adapter / "adapter_config.json").write_text(json.dumps(settings))
        ended = load_without_hub(["somebody/tiny", "somebody/adapter"], tmp_path, offline)
        assert ended.stdout.split() == ["somebody/tiny", expected[0], "somebody/adapter", expected[1]]
        assert "Retrying" not in ended.stderr

    @pytest.mark.costly
    def test_whatever_loads_a_model_asks_a_hub_that_is_out_of_reach_once(self, tmp_path):
        ended = run_without_hub(LOADING, tmp_path)
        assert ended.stdout.split() == ["refused"] * 3
        assert (
            ended.stderr.count("nobody/nothing: is no directory here, and the Hub cannot be reached (") == 3
        )
        save_llama(cached(tmp_path, "nobody/nothing"))
        again = run_without_hub(LOADING, tmp_path)
        assert again.stdout.split() == ["loaded"] * 3, again.stderr
        assert "Retrying" not in ended.stderr + again.stderr


@pytest.mark.parametrize("name", ["nobody/no-such-model", "nosuchmodel", "a/b/c"])
def test_unknown_hub_id(name):
    refusal(load(name), name, "check the path")


@pytest.mark.parametrize(
    "device",
    ["cuda:77", "mps:9", "abacus", "", "meta", "hpu", "xpu", "npu", "xla", "privateuseone", "vulkan"],
)
def test_unknown_device(device):
    refusal(lambda: load_model("unused", device=device), f"--device {device}", "use cpu")


def test_slow_tokenizer():
    class Slow:
        is_fast = False

    refusal(lambda: wrap_model(build_kind("llama"), Slow(), name="mine"), "mine", "slow", "tokenizer.json")


class Twice(LlamaForCausalLM):
    """Uses its head a second time."""

    def forward(self, input_ids, **options):
        out = super().forward(input_ids=input_ids, **options)
        self.lm_head(self.model.embed_tokens(input_ids))
        return out


class Bent(LlamaForCausalLM):
    """Bends its logits in a way that no name stands for."""

    def forward(self, input_ids, **options):
        out = super().forward(input_ids=input_ids, **options)
        out.logits = out.logits + 0.1 * out.logits.square()
        return out


class Padded(LlamaForCausalLM):
    """Hides a part of its vocabulary."""

    def forward(self, input_ids, **options):
        out = super().forward(input_ids=input_ids, **options)
        out.logits = out.logits[..., :-1]
        return out


class CrookedHead(nn.Linear):
    """Computes something else than a product with its weight."""

    def forward(self, x):
        return super().forward(x) + super().forward(x.roll(1, -1))


class TestModels:
    @pytest.mark.parametrize(
        ("kind", "reason"),
        [
            (Twice, "Twice uses its output projection 2 times"),
            (Bent, "what Bent does after its output projection is not known"),
            (Padded, "what Padded does after its output projection is not known"),
        ],
    )
    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    def test_heads_that_have_no_name(self, kind, reason, dtype):
        refusal(wrapped(kind(build_kind("llama").config).to(dtype).eval()), "mine", reason)

    def test_projection_that_is_no_matrix_product(self):
        model = build_kind("llama")
        model.lm_head = CrookedHead(32, VOCABULARY, bias=False)
        refusal(wrapped(model), "no plain matrix product", "leave lm_head unquantised")

    def test_quantised_projection(self):
        model = build_kind("llama")
        model.lm_head.weight = nn.Parameter(model.lm_head.weight.to(torch.int8), requires_grad=False)
        refusal(wrapped(model), "quantised", "bfloat16")

    @pytest.mark.parametrize(("dtype", "spread"), [(torch.float32, 0.02), (torch.bfloat16, 0.3)])
    def test_bidirectional_model(self, dtype, spread):
        config = bert(is_decoder=False, initializer_range=spread)
        refusal(wrapped(BertLMHeadModel(config).to(dtype).eval()), "BertLMHeadModel looks ahead")

    def test_the_same_model_as_a_decoder_is_taken(self):
        wrapped(BertLMHeadModel(bert(is_decoder=True, initializer_range=0.3)).eval())()

    def test_model_without_an_output_projection(self):
        refusal(
            wrapped(BertForSequenceClassification(bert())), "no output projection", "causal language models"
        )

    @pytest.mark.parametrize("bad", [torch.nan, torch.inf])
    def test_weights_that_are_not_finite(self, bad):
        model = build_kind("llama")
        with torch.no_grad():
            model.model.norm.weight[0] = bad
        refusal(wrapped(model), "not finite", "float32")


def bert(**options):
    return BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        **options,
    )
