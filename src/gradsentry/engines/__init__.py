"""Where scoring runs: in this process, in several of this machine, or on a Ray cluster."""

from gradsentry.engines.base import Engine, ModelSpec
from gradsentry.engines.choosing import opened_engine

__all__ = ["Engine", "ModelSpec", "opened_engine"]
