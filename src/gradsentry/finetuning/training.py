"""A corpus and a base model -> an adapter or a model, by TRL's SFTTrainer.

The trainer is given token ids and labels as a scan encodes them, so what is trained on is exactly what was
scored: the same template, the same cut, the loss on response tokens alone.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import nn
from transformers import TrainerCallback
from transformers.pytorch_utils import Conv1D
from transformers.trainer import TRAINER_STATE_NAME

from gradsentry.about import VERSION
from gradsentry.corpus.sample import Sample
from gradsentry.encoding.encode import Encoded, encode_all
from gradsentry.errors import DataError, SettingsError
from gradsentry.finetuning.settings import TrainingSettings, learning_rate_for
from gradsentry.models.loading import LoadedModel, load_model
from gradsentry.store import MANIFEST, Json, RunDirectory

if TYPE_CHECKING:
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import PreTrainedModel, TrainerControl, TrainerState, TrainingArguments

MODEL, CHECKPOINTS = "model", "checkpoints"
_IGNORED = -100
_LIBRARIES = ("torch", "transformers", "trl", "peft")
# What the projections of attention are called, by the families of models.
_ATTENTION = (
    ("q_proj", "k_proj", "v_proj", "o_proj"),
    ("q_proj", "k_proj", "v_proj", "out_proj"),
    ("q_proj", "k_proj", "v_proj", "dense"),
    ("qkv_proj", "o_proj"),
    ("query_key_value", "dense"),
    ("c_attn",),
    ("Wqkv", "Wo"),
)
_ADAPTED = (nn.Linear, nn.Embedding, Conv1D)  # the layers that PEFT's LoRA takes
OnStep = Callable[[int, int], None]


def finetune(
    samples: Iterable[Sample],
    model: str,
    out: Path,
    settings: TrainingSettings = TrainingSettings(),  # noqa: B008
    *,
    source: Json | None = None,
    device: str = "auto",
    trust_remote_code: bool = False,
    on_step: OnStep = lambda done, total: None,
) -> Json:
    """Returns the manifest of a fine-tuned model, and writes it and the model into a directory.

    `out/model` is an adapter or a model that transformers loads; `out/manifest.json` says what it was trained
    on. An interrupted training of the same things goes on from its last checkpoint; a finished one is left as
    it is.

    Args:
        samples: The rows; those that cannot be encoded are left out and counted, by reason.
        model: The base model: `smollm2`, a path, or a Hub id.
        out: The directory.
        settings: How.
        source: What the manifest says of where the rows come from.
        device: `auto`, `cpu` or `cuda`.
        trust_remote_code: Whether code that comes with the model may run.
        on_step: Called with how many steps are done, and of how many.

    Raises:
        DataError: If no row can be trained on.
        SettingsError: If a layer that is to get an adapter does not exist.
        ModelError: If the model cannot be loaded.
        RunError: If the directory holds something else.
    """
    loaded = load_model(model, dtype="float32", device=device, trust_remote_code=trust_remote_code)
    if settings.learning_rate is None:
        chosen = learning_rate_for(settings.method, loaded.model.num_parameters())
        settings = settings.model_copy(update={"learning_rate": chosen})
    encoded, left_out = _encoded(samples, loaded, settings.max_length)
    adapter = _adapter(loaded.model, settings) if settings.method == "lora" else None
    identity = {
        "rows": _hash(encoded),
        "model": {"fingerprint": loaded.fingerprint},
        "training": settings.model_dump(mode="json", exclude={"save_steps"}),
    }
    run = RunDirectory.create_or_resume(out, identity)
    with run.locked():
        if "steps" in run.manifest():
            return run.manifest()
        steps, loss = _train(loaded, encoded, adapter, settings, out, on_step)
        manifest = {
            "identity": identity,
            "source": source or {},
            "base": loaded.name,
            "rows": len(encoded),
            "left_out": left_out,
            "steps": steps,
            "loss": loss,
            "versions": {"gradsentry": VERSION, **{name: version(name) for name in _LIBRARIES}},
        }
        run.write_json(MANIFEST, manifest)
    return manifest


def _train(
    loaded: LoadedModel,
    encoded: Sequence[Encoded],
    adapter: LoraConfig | None,
    settings: TrainingSettings,
    out: Path,
    on_step: OnStep,
) -> tuple[int, float]:
    """Returns the number of steps and the mean loss, in nats, after writing the model."""
    from transformers import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    on_cuda = loaded.device.type == "cuda"
    checkpoints = out / CHECKPOINTS
    config = SFTConfig(
        output_dir=str(checkpoints),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        seed=settings.seed,
        data_seed=settings.seed,
        max_length=None,
        activation_checkpointing=settings.gradient_checkpointing,
        bf16=on_cuda,
        use_cpu=loaded.device.type == "cpu",
        dataloader_pin_memory=on_cuda,
        save_steps=settings.save_steps,
        save_total_limit=1,
        report_to="none",
        disable_tqdm=True,
        logging_strategy="no",
    )
    if adapter is None:
        loaded.model.requires_grad_(True)
    trainer = SFTTrainer(
        model=loaded.model,
        args=config,
        train_dataset=_dataset(encoded),
        processing_class=loaded.tokenizer,
        peft_config=adapter,
        callbacks=[_Progress(on_step)],
    )
    trainer.remove_callback(PrinterCallback)
    result = trainer.train(resume_from_checkpoint=_last_checkpoint(checkpoints))
    trainer.save_model(str(out / MODEL))
    loaded.tokenizer.save_pretrained(str(out / MODEL))
    return int(result.global_step), float(result.training_loss)


def _last_checkpoint(folder: Path) -> str | None:
    """Returns the last whole checkpoint, after deleting those that a kill cut short; None where none is."""
    from transformers.trainer_utils import get_last_checkpoint

    while folder.is_dir() and (last := get_last_checkpoint(str(folder))):
        checkpoint = Path(last)
        # The trainer writes its state last.
        try:
            json.loads((checkpoint / TRAINER_STATE_NAME).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(checkpoint)
        else:
            return str(checkpoint)
    return None


class _Progress(TrainerCallback):
    """Tells how far a training is."""

    def __init__(self, on_step: OnStep) -> None:
        self._on_step = on_step

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: object,
    ) -> None:
        """Is called by the trainer."""
        self._on_step(state.global_step, state.max_steps)


def _encoded(
    samples: Iterable[Sample], loaded: LoadedModel, max_length: int
) -> tuple[list[Encoded], dict[str, int]]:
    """Returns the rows that can be trained on, and how many cannot, by reason."""
    limit = min(max_length, loaded.max_positions or max_length)
    encoded: list[Encoded] = []
    left_out: dict[str, int] = {}
    for one in encode_all(list(samples), loaded.tokenizer, max_length=limit):
        if one.problem is None:
            encoded.append(one)
        else:
            left_out[one.problem] = left_out.get(one.problem, 0) + 1
    if not encoded:
        reasons = ", ".join(f"{count} rows: {reason}" for reason, count in left_out.items())
        raise DataError(
            f"no row can be trained on ({reasons or 'there are none'})",
            where="finetune",
            mend="give rows with a response",
        )
    return encoded, left_out


def _dataset(encoded: Sequence[Encoded]) -> Dataset:
    from datasets import Dataset

    return Dataset.from_dict(
        {
            "input_ids": [one.ids.tolist() for one in encoded],
            "labels": [np.where(one.trained, one.ids, _IGNORED).tolist() for one in encoded],
        }
    )


def _adapter(model: PreTrainedModel, settings: TrainingSettings) -> LoraConfig:
    """Returns the adapter's configuration.

    Raises:
        SettingsError: If a layer that is to get one does not exist.
    """
    from peft import LoraConfig

    found = [(name.rpartition(".")[2], isinstance(part, _ADAPTED)) for name, part in model.named_modules()]
    # An adapter goes to every part of a name, so none of them may be of another kind.
    names = {name for name, fits in found if fits} - {name for name, fits in found if not fits}
    known = [layers for layers in _ATTENTION if set(layers) <= names]
    targets = settings.targets or next(iter(known), ())
    missing = [target for target in targets if target not in names]
    if missing or not targets:
        raise SettingsError(
            f"the model has no layer called {missing[0]} that can get an adapter"
            if missing
            else "no attention projection is known",
            where="targets",
            mend=f"its layers: {', '.join(sorted(name for name in names if not name.isdigit()))}",
        )
    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # type: ignore[arg-type]
        lora_dropout=0.0,
        target_modules=list(targets),
        task_type="CAUSAL_LM",
    )


def _hash(encoded: Sequence[Encoded]) -> str:
    digest = hashlib.sha256()
    for one in encoded:
        digest.update(json.dumps([one.ids.tolist(), one.trained.tolist()]).encode())
    return digest.hexdigest()
