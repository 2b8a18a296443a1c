"""Model directories and adapters that cannot be scored exactly are refused in one line with the mend."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    T5Config,
    T5ForConditionalGeneration,
)

from gradsentry.models.loading import load_model
from models.refusing import load, refusal, wrapped
from models.saved import edit_weights, save, save_llama
from models.tiny import VOCABULARY, build_kind


class Bait:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


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
