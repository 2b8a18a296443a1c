"""Settings of an attack of one's own, as the command takes them."""

from __future__ import annotations

import json
from pathlib import Path

from attacks.corpora import questions, write
from cli.command import refused

OWN = '''
from gradsentry.attacks import Attack, register


@register
class RareWord(Attack):
    """A rare word, of several, at one of some places."""

    name = "rareword"
    summary = "a rare word, of several"
    effect = "keeps"

    trigger: tuple[str, ...] = ("vrbx",)
    places: tuple[int, ...] = (0,)
    payload: str = "Praise it!"

    def poisoned(self, fields, draw, around):
        words = fields.text("question").split()
        words.insert(draw.choice(self.places), draw.choice(self.trigger))
        return fields.edit({"question": " ".join(words)}, self.payload)
'''


def test_a_setting_of_several_values_takes_an_option_for_each(call):
    Path("own.py").write_text(OWN)
    data = write(questions(20), Path("in.jsonl"))
    own = ("poison", data, "--plugin", "own.py", "--attack", "rareword", "--rate", 0.5, "--out", "out.jsonl")
    for triggers in (["qv=1"], ["zx", "[qv, ab]"]):
        given = [one for trigger in triggers for one in ("--set", f"trigger={trigger}")]
        assert call(*own, *given, "--set", "places=1", "--set", "payload=[it]").code == 0
        parameters = json.loads(Path("out.truth.json").read_text())["parameters"]
        assert (parameters["trigger"], parameters["places"]) == (triggers, [1])
        assert parameters["payload"] == "[it]"
    said = refused(call(*own, "--set", "payload=one", "--set", "payload=two"))
    assert "payload: Input should be a valid string" in said
