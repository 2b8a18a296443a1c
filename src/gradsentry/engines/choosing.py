"""The engine that settings mean, opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gradsentry.engines.base import Engine, ModelSpec
from gradsentry.engines.local import InProcess, gpus, opened_processes
from gradsentry.errors import SettingsError
from gradsentry.models.loading import LoadedModel, wrap_model
from gradsentry.models.named import refuse_no_model
from gradsentry.settings import EngineSettings, ScoreSettings

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@contextmanager
def opened_engine(
    model: str | PreTrainedModel | LoadedModel,
    tokenizer: PreTrainedTokenizerBase | None,
    scoring: ScoreSettings,
    settings: EngineSettings,
) -> Iterator[Engine]:
    """Yields the engine that settings mean, with the model.

    Args:
        model: A name, or a loaded model.
        tokenizer: Of a loaded model.
        scoring: What says how a model is loaded.
        settings: Where scoring runs.

    Raises:
        SettingsError: If the model has no tokenizer, or cannot be sent to workers.
        ModelError: If it cannot be loaded.
    """
    if not isinstance(model, str):
        if settings.name != "local" or (settings.workers or 1) > 1:
            raise SettingsError(
                "a loaded model stays in its process", where="engine", mend="give its path or Hub id"
            )
        yield InProcess(_wrapped(model, tokenizer))
        return
    spec = ModelSpec(model, scoring.dtype, scoring.device, scoring.trust_remote_code)
    if settings.name == "ray":
        refuse_no_model(model)  # now, and not after the minute that a cluster can take to begin
        from gradsentry.engines.ray import opened_ray

        with opened_ray(spec, settings) as cluster:
            yield cluster
        return
    if settings.gpus_per_worker is not None:
        raise SettingsError(
            "a local worker has one GPU", where="--gpus-per-worker", mend="leave it out, or take --engine ray"
        )
    workers = settings.workers or max(1, gpus(scoring.device))
    if workers == 1:
        yield InProcess(spec.loaded())
        return
    refuse_no_model(model)
    with opened_processes(spec, workers) as processes:
        yield processes


def _wrapped(model: PreTrainedModel | LoadedModel, tokenizer: PreTrainedTokenizerBase | None) -> LoadedModel:
    if isinstance(model, LoadedModel):
        return model
    if tokenizer is None:
        raise SettingsError(
            "a loaded model needs its tokenizer", where="tokenizer", mend="pass tokenizer=..."
        )
    return wrap_model(model, tokenizer)
