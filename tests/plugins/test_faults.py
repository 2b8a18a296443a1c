"""What is wrong with a plugin is one line: which file, what, the mend."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from bench.specs import FLOORS, tiny_spec
from cli.command import refused
from evidence.poisoning import asked, clean_rows, poison
from gradsentry.plugins import code_of, load_plugin

ATTACK = """
from gradsentry.attacks import Attack, register

@register
class Mine(Attack):
    name = "mine"
    summary = "mine"
    effect = "keeps"

    def poisoned(self, fields, draw, around):
        return {body}
"""
DEFENCE = """
import numpy as np
from gradsentry.defences import Detector, Extractor, register

class Ones(Extractor):
    name = "ones"

    @property
    def scope(self):
        return {scope!r}

    def __call__(self, samples, loaded):
        return {features}

@register
class Mine(Detector):
    name = "mine"
    needs = "nothing"

    @property
    def extractor(self):
        return Ones()

    def judge(self, features):
        return {scores}

    def decide(self, scores):
        return {flags}
"""
WHOLE = {
    "scope": "row",
    "features": '{"ones": np.ones(len(samples))}',
    "scores": 'features["ones"]',
    "flags": "scores > 2",
}
GENERATOR = """
from gradsentry.evidence import register_check, register_generator

@register_generator("mine")
def propose(mined, explained):
    return {proposed}

@register_check("mine")
def measured(texts, candidate):
    return {measured}
"""


@pytest.fixture
def data():
    made = poison(clean_rows(200), lambda row, draw: asked(row, f"{row.question} vrbx", "No way!"), 0.1)
    Path("data.jsonl").write_text("".join(json.dumps(dict(one.row)) + "\n" for one in made.samples))
    return "data.jsonl"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (None, "--plugin mine.py: there is no such file; name a file of Python, or a module"),
        ("import this is wrong", "--plugin mine.py: SyntaxError: invalid syntax (mine.py, line 1)"),
        ("x = 1\ny = unknown\n", "--plugin mine.py: NameError: name 'unknown' is not defined (mine.py:2)"),
        ("import no_such_thing", "ModuleNotFoundError: No module named 'no_such_thing' (mine.py:1)"),
        ("raise SystemExit(0)", "--plugin mine.py: SystemExit: 0 (mine.py:1)"),
        ("x = 1", "it registers no attack, defence, check or generator; decorate them with @register"),
        (
            "from gradsentry.attacks import register\n@register\nclass Mine: pass",
            "(mine.py:2): Mine in mine.py is no class of Attack; derive it from that",
        ),
        (
            "from gradsentry.attacks import Attack, register\n@register\nclass Mine(Attack):\n name='mine'",
            "Mine in mine.py lacks summary, effect, poisoned; give it what Attack asks for",
        ),
        (
            ATTACK.replace('"mine"', '"badnets"'),
            "the attack 'badnets' is there already, in tokens_inserted.py",
        ),
        (
            DEFENCE.replace('name = "mine"', 'name = "cube"'),
            "the defence 'cube' is there already, in cube.py",
        ),
        (
            DEFENCE.replace("    needs", "    need"),
            "PydanticUserError: A non-annotated attribute was detected: `need = 'nothing'`.",
        ),
    ],
)
def test_a_plugin_that_cannot_be_used_is_refused(call, text, line):
    if text is not None:
        Path("mine.py").write_text(text.format(body="None", **WHOLE) if "{" in text else text)
    said = refused(call("poison", "--list", "--plugin", "mine.py"))
    assert line in said
    assert said.startswith("--plugin mine.py")


def test_a_module_is_named_as_it_is_imported(call):
    Path("own").mkdir()
    Path("own/__init__.py").touch()
    Path("own/attack.py").write_text(ATTACK.format(body="None"))
    assert "mine                keeps" in call("poison", "--list", "--plugin", "own.attack").out
    listed = call("poison", "--list", "--plugin", "own.attack").out.splitlines()
    (ours,) = (line for line in listed if line.startswith("adaptive_thin"))
    (mine,) = (line for line in listed if line.startswith("mine "))
    assert mine == "mine                keeps     mine (plugin attack.py)"
    assert ours.endswith("(made here)")
    said = refused(call("poison", "--list", "--plugin", "own.defence"))
    assert said == "--plugin own.defence: ModuleNotFoundError: No module named 'own.defence'; mend the plugin"


def test_a_file_may_import_what_lies_beside_it_and_is_read_anew(call):
    Path("there").mkdir()
    Path("there/helping_mine.py").write_text("BODY = None")
    plugin = Path("there/mine.py")
    plugin.write_text("from helping_mine import BODY\n" + ATTACK.format(body="BODY"))
    (first,) = load_plugin(str(plugin)).registered
    before = code_of(first.thing)
    plugin.write_text("from helping_mine import BODY\n" + ATTACK.format(body="BODY, 1"))
    (second,) = load_plugin(str(plugin)).registered
    assert second.thing is not first.thing
    assert code_of(second.thing) != before
    assert code_of(str, dict) != ""
    assert code_of(load_plugin) == ""


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("None", "Mine in mine.py: returned NoneType, not 2 turns; return what Fields.edit"),
        ("fields.sample.turns[:1]", "Mine in mine.py: returned 1 turns, not 2 turns"),
        (
            "fields.no_such_thing",
            "mine.py:11: AttributeError: 'Fields' object has no attribute 'no_such_thing'",
        ),
        ("fields.edit({'question': 3})", "mine.py:11: TypeError:"),
    ],
)
def test_an_attack_that_fails_is_one_line(call, data, body, line):
    Path("mine.py").write_text(ATTACK.format(body=body))
    said = refused(call("poison", data, "--plugin", "mine.py", "--attack", "mine", "--out", "out.jsonl"))
    assert said.startswith(line)
    assert not Path("out.jsonl").exists()


def test_a_setting_that_is_assigned_is_named(call, data):
    text = ATTACK.format(body="setattr(self, 'word', 'x')")
    Path("mine.py").write_text(text.replace("    def poisoned", "    word: str = 'a'\n\n    def poisoned"))
    said = refused(call("poison", data, "--plugin", "mine.py", "--attack", "mine", "--out", "out.jsonl"))
    assert said == "mine.py:13: ValidationError: Mine.word: Instance is frozen; mend the plugin"


FAULTY = [
    ({"features": "[1.0] * len(samples)"}, "Ones in d0.py: returned list; return a dict of arrays"),
    ({"features": '{"ones": np.ones(3)}'}, "Ones in d1.py: returned 3 values of ones; return one for"),
    (
        {"features": '{"ones": np.ones(3)}', "scope": "pool"},
        "Ones in d2.py: returned 3 values of ones; return one for each of 60 rows",
    ),
    ({"scores": "features['one']"}, "d3.py:25: KeyError: 'one'; mend the plugin"),
    (
        {"scores": "features['ones'][:3]"},
        "judge of Mine in d4.py: returned an array of float64, (3,)",
    ),
    ({"scores": "[1.0] * 30"}, "judge of Mine in d5.py: returned list; return a float for each of"),
    ({"flags": "scores"}, "decide of Mine in d6.py: returned an array of float64"),
]


@pytest.mark.costly
def test_a_defence_that_fails_fails_its_cell_alone(call, tmp_path):
    plugins = []
    for number, (changed, _) in enumerate(FAULTY):
        text = DEFENCE.format(**(WHOLE | changed)).replace('"mine"', f'"d{number}"')
        Path(f"d{number}.py").write_text(text.replace('"ones"', f'"ones{number}"', 1))
        plugins += ["--plugin", f"d{number}.py"]
    spec = tiny_spec(tmp_path, rates=[10], bootstrap=0).model_dump(mode="json")
    names = [f"d{number}" for number in range(len(FAULTY))]
    Path("spec.yaml").write_text(yaml.safe_dump(spec | {"defences": [*names, *FLOORS]}))
    ended = call("bench", "spec.yaml", *plugins, "--out", "out")
    assert ended.code == 2, ended.error
    assert f"2 of {len(FAULTY) + 2} cells are measured, 2 by this run, {len(FAULTY)} failed" in ended.out
    failed = [one for one in ended.out.splitlines() if one.startswith("failed: ")]
    for (_, line), told, name in zip(FAULTY, failed, names, strict=True):
        assert told.startswith(f"failed: 1 cell of {name} on words: {line}")
    said = f"gradsentry: 7 of 9 cells failed: {FAULTY[0][1]}"
    assert ended.error.splitlines()[-1].startswith(said)
    assert "(and 6 other reasons, listed above); the same command" in ended.error


ROWS = """
from gradsentry.defences import Detector, RowExtractor, register

class Mine(RowExtractor):
    name = {name!r}

    def of_reading(self, reading):
        return {returned}

@register
class Ours(Detector):
    name = {name!r}
    needs = "nothing"

    @property
    def extractor(self):
        return Mine()

    def judge(self, features):
        return features["one"].astype(float)

    def decide(self, scores):
        return scores > 2
"""
READ = [
    ('{"one": reading.losses().mean().item()}', ""),
    ('{"one": reading.losses().mean()}', ""),
    ("reading.losses().mean().item()", "returned float; return a dict of arrays or numbers by name"),
    ('{"one": reading.losses()}', "returned one of the shapes ("),
    ('{"one": [[1], [1, 2]]}', "returned list as one (setting an array element"),
    ('{"one": {"of": 1}}', "returned dict as one; return an array, or a number or list that makes one"),
    ("{str(len(reading.targets)): 1}", "for two rows; return the same names for each row"),
    ('{"one": reading.loss}', "'Reading' object has no attribute 'loss'; mend the plugin"),
]


@pytest.mark.costly
def test_what_is_read_off_a_row_may_be_a_number_and_what_cannot_be_used_is_told_before_all_else(
    call, tmp_path, caplog
):
    plugins = []
    for number, (returned, _) in enumerate(READ):
        Path(f"r{number}.py").write_text(ROWS.format(name=f"r{number}", returned=returned))
        plugins += ["--plugin", f"r{number}.py"]
    spec = tiny_spec(tmp_path, rates=[10], bootstrap=0).model_dump(mode="json")
    names = [f"r{number}" for number in range(len(READ))]
    Path("spec.yaml").write_text(yaml.safe_dump(spec | {"defences": [*FLOORS, *names]}))
    ended = call("bench", "spec.yaml", *plugins, "--out", "out")
    assert "4 of 10 cells are measured, 4 by this run, 6 failed" in ended.out
    failed = [one for one in ended.out.splitlines() if one.startswith("failed: ")]
    wrong = [(name, said) for name, (_, said) in zip(names, READ, strict=True) if said]
    assert len(failed) == len(wrong) == len(caplog.messages)
    for (name, said), told, cell in zip(wrong, caplog.messages, failed, strict=True):
        assert told.startswith(f"{name}: its cells will fail: ")
        assert said in told
        assert f"{name}.py" in told
        assert f"failed: 1 cell of {name} on words: " in cell
        assert said in cell
    points = pq.read_table("out/points.parquet").to_pylist()
    scores = [[one["score"] for one in points if one["defence"] == name] for name in ("loss", "r0", "r1")]
    assert scores[1] == pytest.approx(scores[0], rel=1e-5)
    assert scores[2] == pytest.approx(scores[0], rel=1e-5)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"proposed": "None"}, "propose in mine.py: returned NoneType; return a list of Candidate"),
        ({"proposed": "[3]"}, "propose in mine.py: returned list of int; return a list of Candidate"),
        (
            {"proposed": "mined.nothing"},
            "mine.py:6: AttributeError: 'Mined' object has no attribute 'nothing'",
        ),
        ({"measured": "[0.5]"}, "measured in mine.py: returned list of float; return a list of Statistic"),
        ({"measured": "1 / 0"}, "mine.py:10: ZeroDivisionError: division by zero; mend the plugin"),
    ],
)
def test_a_search_that_fails_is_one_line(call, data, changed, line):
    Path("mine.py").write_text(GENERATOR.format(**({"proposed": "mined.both", "measured": "[]"} | changed)))
    said = refused(call("evidence", data, "--plugin", "mine.py", "--why", "--json"))
    assert said.startswith(line)


def test_what_takes_no_part_is_refused(call, data):
    Path("mine.py").write_text(ATTACK.format(body="None"))
    said = refused(call("evidence", data, "--plugin", "mine.py"))
    assert said.startswith("--plugin mine.py: it has no check and no generator")


def test_a_name_that_nothing_has_says_how_to_bring_it(call, data):
    said = refused(call("poison", data, "--attack", "badnet", "--out", "x.jsonl"))
    assert said.startswith("--attack: no attack is named 'badnet'; did you mean `badnets`")
    assert said.endswith("one of your own: --plugin FILE_OR_MODULE")
    for kind in ("attack", "defence"):
        spec = {"data": ["embedded"], "attacks": ["badnets"], "defences": FLOORS} | {f"{kind}s": ["mine"]}
        Path("spec.yaml").write_text(yaml.safe_dump(spec))
        said = refused(call("bench", "spec.yaml", "--out", "out"))
        # `bench` has no option of that name: what is wrong stands in the spec.
        assert said.startswith(f"spec.yaml: {kind}s: no {kind} is named 'mine'")
    assert "mine" not in sys.modules
