"""An adapter merged on load against the unmerged PEFT model: losses and autograd's gradient, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from gradients.drawn import drawn_sample, entropies, padded_results
from gradsentry.errors import ModelError
from gradsentry.gradients.reference import reference_entropy, reference_spectrum
from gradsentry.models.loading import load_model
from models.saved import save
from models.tiny import build_kind, word_tokenizer

SAMPLES = [drawn_sample(0, 4, 6), drawn_sample(1, 8, 40)]

ADAPTERS = {
    "attention": {"target_modules": ["q_proj"]},
    "lm_head": {"target_modules": ["lm_head"]},
    "embed_tokens": {"target_modules": ["embed_tokens"]},
    "both": {"target_modules": ["embed_tokens", "lm_head", "v_proj"]},
    "both-tied-adapters": {"target_modules": ["embed_tokens"], "ensure_weight_tying": True},
    "modules-to-save-head": {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
    "modules-to-save-embedding": {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"]},
    "modules-to-save-both": {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens", "lm_head"]},
    "trainable-tokens": {"target_modules": ["q_proj"], "trainable_token_indices": [5, 6, 7]},
    "dora-head": {"target_modules": ["lm_head"], "use_dora": True},
    "dora-embedding": {"target_modules": ["embed_tokens"], "use_dora": True},
    "dora-both": {"target_modules": ["embed_tokens", "lm_head"], "use_dora": True},
    "rslora-both": {"target_modules": ["embed_tokens", "lm_head"], "use_rslora": True, "lora_alpha": 16},
}


def save_adapter(place, kind: str, options: dict) -> None:
    """Writes a base model and an adapter whose weights are as large as those of the base."""
    base = place / "base"
    save(build_kind(kind), base)
    model = AutoModelForCausalLM.from_pretrained(base)
    tuned = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", r=2, **options))
    torch.manual_seed(1)
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if weight.requires_grad and "magnitude" not in name:
                weight.add_(torch.randn_like(weight), alpha=0.2)
    tuned.save_pretrained(place / "adapter")


def unmerged(place, sample) -> tuple[np.ndarray, torch.Tensor]:
    """Returns losses and the gradient of the output projection of the unmerged PEFT model, float64.

    Its projection is several matrices; the gradient is that of the one that they amount to, the product of
    autograd's gradient of the logits with the hidden states.
    """
    base = AutoModelForCausalLM.from_pretrained(place / "base", dtype=torch.float64)
    tuned = PeftModel.from_pretrained(base, place / "adapter", autocast_adapter_dtype=False).double().eval()
    ids, trained = torch.from_numpy(sample.ids), torch.from_numpy(sample.trained)
    states: list[torch.Tensor] = []
    base.model.norm.register_forward_hook(lambda *call: states.append(call[-1]))
    with torch.no_grad():
        logits = tuned(input_ids=ids[None]).logits[0, :-1]
    logits.requires_grad_(True)
    losses = torch.nn.functional.cross_entropy(logits, ids[1:], reduction="none")[trained[1:]]
    (slope,) = torch.autograd.grad(losses.mean(), [logits])
    return losses.detach().numpy(), slope.T @ states[0][0, :-1]


@pytest.mark.parametrize(
    ("kind", "adapter"),
    [("llama-tied", one) for one in ADAPTERS] + [("llama", "both"), ("llama", "dora-both")],
)
def test_merged_is_as_it_was_trained(tmp_path, kind, adapter):
    save_adapter(tmp_path, kind, ADAPTERS[adapter])
    loaded = load_model(str(tmp_path / "adapter"), device="cpu")
    results = padded_results(loaded, SAMPLES, crop=1, k=16)
    for sample, result in zip(SAMPLES, results, strict=True):
        losses, gradient = unmerged(tmp_path, sample)
        values = reference_spectrum(gradient, crop=1, k=16)
        np.testing.assert_allclose(result.losses, losses, atol=1e-4, rtol=1e-4)
        np.testing.assert_allclose(result.values, values, atol=1e-4 * values[0])
        assert entropies([result])[0] == pytest.approx(reference_entropy(values), abs=1e-5)


@pytest.mark.parametrize(
    ("adapter", "tied"), [("attention", True), ("lm_head", False), ("embed_tokens", False)]
)
def test_the_ends_come_apart_where_an_adapter_parts_them(tmp_path, adapter, tied):
    save_adapter(tmp_path, "llama-tied", ADAPTERS[adapter])
    assert load_model(str(tmp_path / "adapter"), device="cpu").tied is tied


def save_with_tokens(place, kind: str, adapter: str) -> PeftModel:
    """Writes a base model, and an adapter that was trained with four more tokens; returns the latter."""
    save(build_kind(kind), place / "base")
    model = AutoModelForCausalLM.from_pretrained(place / "base")
    model.resize_token_embeddings(101, mean_resizing=False)
    tuned = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", r=2, **ADAPTERS[adapter]))
    tuned.save_pretrained(place / "adapter")
    word_tokenizer(101).save_pretrained(place / "adapter")
    return tuned.eval()


@pytest.mark.parametrize(
    ("kind", "adapter"),
    [(kind, "attention") for kind in ("llama", "llama-tied")]
    + [("llama-tied", adapter) for adapter in ("lm_head", "embed_tokens", "modules-to-save-both")],
)
def test_tokens_of_its_own(tmp_path, kind, adapter):
    tuned = save_with_tokens(tmp_path, kind, adapter)
    loaded = load_model(str(tmp_path / "adapter"), device="cpu")
    assert loaded.head.weight.shape[0] == 101
    ids = torch.tensor([[3, 98, 99, 100, 5]])
    with torch.no_grad():
        torch.testing.assert_close(loaded.model(ids).logits, tuned(ids).logits)


@pytest.mark.parametrize("adapter", ["lm_head", "embed_tokens"])
def test_tokens_of_its_own_that_it_has_for_one_end_only(tmp_path, adapter):
    # So PEFT saves it: the other end's new rows are lost.
    save_with_tokens(tmp_path, "llama", adapter)
    with pytest.raises(ModelError, match="one end of the model only; those of the other would be random"):
        load_model(str(tmp_path / "adapter"), device="cpu")


def test_a_merge_that_is_not_exact_is_refused(tmp_path, monkeypatch):
    from peft.tuners.lora import Linear

    save_adapter(tmp_path, "llama", ADAPTERS["attention"])
    exact = Linear.get_delta_weight
    monkeypatch.setattr(Linear, "get_delta_weight", lambda *call: exact(*call) * 1.1)
    with pytest.raises(ModelError, match=r"merging its adapter .* changes what it predicts"):
        load_model(str(tmp_path / "adapter"), device="cpu")
