"""What cannot be scored exactly is refused by name, in one line with the mend, before any work."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertLMHeadModel,
    LlamaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from gradsentry.errors import ModelError
from gradsentry.models.loading import load_model, wrap_model
from gradsentry.models.named import refuse_no_model
from models.saved import edit_weights, save, save_llama
from models.test_adapters import save_adapter
from models.tiny import VOCABULARY, build_kind, word_tokenizer


def refusal(of, *parts):
    """Calls, and checks that what is raised is one line with each of the parts and a mend."""
    with pytest.raises(ModelError) as caught:
        of()
    line = caught.value.line()
    assert len(line.splitlines()) == 1
    assert len(line) < 400
    assert caught.value.mend
    for part in parts:
        assert part in line
    return line


def load(path):
    return lambda: load_model(str(path), device="cpu")


def wrapped(model):
    return lambda: wrap_model(model, word_tokenizer(), name="mine")


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


class TestDirectories:
    def test_unknown_directory(self, tmp_path):
        refusal(load(tmp_path / "none"), str(tmp_path / "none"), "no such model directory", "--model")

    def test_file_instead_of_a_directory(self, tmp_path):
        (tmp_path / "model.safetensors").write_bytes(b"")
        refusal(load(tmp_path / "model.safetensors"), "is a file, not a model directory")

    @pytest.mark.parametrize("name", ["model.gguf", "model.Q4_0.GGUF", "model.bin"])
    def test_gguf_file(self, tmp_path, name):
        (tmp_path / name).write_bytes(b"GGUF\x03\x00\x00\x00")
        refusal(load(tmp_path / name), name, "is a GGUF file", "the model that it was made from")

    def test_directory_of_a_gguf_file(self, tmp_path):
        (tmp_path / "model.gguf").write_bytes(b"GGUF\x03\x00\x00\x00")
        refusal(load(tmp_path), "holds a GGUF file", "the model that it was made from")

    def test_pickled_weights_that_hold_more_than_tensors(self, tmp_path):
        pickled = save_llama(tmp_path / "m") / "pytorch_model.bin"
        weights = load_file(tmp_path / "m" / "model.safetensors")
        (tmp_path / "m" / "model.safetensors").unlink()
        torch.save(weights, pickled)
        load(tmp_path / "m")()  # tensors alone are no danger
        for content in (weights | {"bait": Bait(tmp_path / "sprung")}, Bait(tmp_path / "sprung")):
            torch.save(content, pickled)
            refusal(load(tmp_path / "m"), "nothing was executed", "convert it to safetensors")
            pickled.write_bytes(pickle.dumps(content))
            refusal(load(tmp_path / "m"), "nothing was executed", "convert it to safetensors")
        assert not (tmp_path / "sprung").exists()

    @pytest.mark.parametrize("content", [b"", b"\x80\x02", b"PK\x03\x04broken", b"no pickle"])
    def test_broken_bin(self, tmp_path, content):
        save_llama(tmp_path)
        (tmp_path / "model.safetensors").unlink()
        (tmp_path / "pytorch_model.bin").write_bytes(content)
        line = refusal(load(tmp_path), str(tmp_path))
        assert "fetch the model again" in line or "convert it to safetensors" in line

    @pytest.mark.parametrize("method", ["gptq", "awq", "hqq", "aqlm", "bitsandbytes"])
    def test_quantiser_that_is_not_installed(self, tmp_path, method):
        own = {"quant_method": method, "bits": 4, "group_size": 32, "load_in_4bit": method == "bitsandbytes"}
        config = save_llama(tmp_path) / "config.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | {"quantization_config": own}))
        line = refusal(load(tmp_path), "before it was quantised")
        assert "name a causal language model" not in line

    def test_code_of_its_own_without_the_flag(self, tmp_path):
        config = save_llama(tmp_path) / "config.json"
        own = {
            "model_type": "mine",
            "auto_map": {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"},
        }
        config.write_text(json.dumps(json.loads(config.read_text()) | own))
        (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')")
        refusal(load(tmp_path), "Python code of its own", "--trust-remote-code")
        assert not (tmp_path / "sprung").exists()

    def test_directory_that_holds_something_else(self, tmp_path):
        refusal(load(tmp_path), str(tmp_path), "no config.json")

    @pytest.mark.parametrize("config", ["{", "{}", '{"model_type": "no-such-thing"}', "[]", '"x"'])
    def test_broken_configuration(self, tmp_path, config):
        (save_llama(tmp_path) / "config.json").write_text(config)
        refusal(load(tmp_path), str(tmp_path), "cannot be loaded")

    def test_no_tokenizer(self, tmp_path):
        save(build_kind("llama"), tmp_path, tokenizer=False)
        refusal(load(tmp_path), str(tmp_path), "no tokenizer", "save the tokenizer")

    @pytest.mark.parametrize("text", ["{", "{}", "[]"])
    def test_broken_tokenizer(self, tmp_path, text):
        (save_llama(tmp_path) / "tokenizer.json").write_text(text)
        refusal(load(tmp_path), str(tmp_path), "cannot be loaded")

    @pytest.mark.parametrize("size", [0, 100, 5000])
    def test_truncated_weights(self, tmp_path, size):
        weights = save_llama(tmp_path) / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:size])
        refusal(load(tmp_path), str(tmp_path), "weights are broken", "fetch the model again")

    def test_weights_that_are_not_there(self, tmp_path):
        (save_llama(tmp_path) / "model.safetensors").unlink()
        refusal(load(tmp_path), str(tmp_path), "model.safetensors")

    def test_a_weight_that_is_not_there(self, tmp_path):
        edit_weights(save_llama(tmp_path), lambda weights: weights.pop("lm_head.weight"))
        refusal(load(tmp_path), "lack 1 weights, lm_head.weight", "they would be random")

    def test_a_weight_of_another_shape(self, tmp_path):
        def shorten(weights):
            weights["lm_head.weight"] = weights["lm_head.weight"][:50].clone()

        edit_weights(save_llama(tmp_path), shorten)
        refusal(load(tmp_path), str(tmp_path), "lm_head.weight", "fetch the model again")

    def test_encoder_decoder(self, tmp_path):
        config = T5Config(vocab_size=VOCABULARY, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
        save(T5ForConditionalGeneration(config), tmp_path)
        refusal(load(tmp_path), "t5 is an encoder-decoder model", "causal language model")


class TestAdapters:
    def adapter(self, place, **changes):
        from peft import LoraConfig, get_peft_model

        base = save_llama(place / "base")
        lora = get_peft_model(
            build_kind("llama"), LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=["q_proj"])
        )
        lora.save_pretrained(place / "adapter")
        config = place / "adapter" / "adapter_config.json"
        values = json.loads(config.read_text()) | {"base_model_name_or_path": str(base)} | changes
        config.write_text(json.dumps(values))
        return place / "adapter"

    def test_the_adapter_that_the_others_break_is_good(self, tmp_path):
        load(self.adapter(tmp_path))()

    def test_base_that_is_not_there(self, tmp_path):
        place = self.adapter(tmp_path, base_model_name_or_path="nobody/no-such-model")
        refusal(load(place), str(place), "cannot be loaded")

    @pytest.mark.parametrize("base", [None, ""])
    def test_base_that_is_not_named(self, tmp_path, base):
        place = self.adapter(tmp_path, base_model_name_or_path=base)
        refusal(load(place), str(place), "names no base model")

    def test_base_that_lacks_weights(self, tmp_path):
        place = self.adapter(tmp_path)
        edit_weights(tmp_path / "base", lambda weights: weights.pop("model.norm.weight"))
        refusal(load(place), str(place), "model.norm.weight")

    def test_adapter_without_weights(self, tmp_path):
        place = self.adapter(tmp_path)
        (place / "adapter_model.safetensors").unlink()
        refusal(load(place), str(place))

    def test_prompt_tuning(self, tmp_path):
        from peft import PromptTuningConfig, get_peft_model

        config = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4)
        tuned = get_peft_model(load_model(str(save_llama(tmp_path / "base")), device="cpu").model, config)
        tuned.save_pretrained(tmp_path / "adapter")
        refusal(load(tmp_path / "adapter"), "cannot be merged", "LoRA")
        refusal(wrapped(tuned.eval()), "4 positions of its own")

    def test_adapter_on_the_head_of_a_loaded_model(self):
        from peft import LoraConfig, get_peft_model

        lora = get_peft_model(
            build_kind("llama"), LoraConfig(task_type="CAUSAL_LM", target_modules=["lm_head"])
        )
        with torch.no_grad():
            for name, weight in lora.named_parameters():
                if "lora_B" in name:
                    weight.normal_()
        refusal(wrapped(lora), "no plain matrix product", "merge adapters")


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


class Bait:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


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
