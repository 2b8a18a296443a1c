"""Every threshold stands in `limits.py`, once, and decides something."""

import ast
from collections import Counter
from pathlib import Path

import pytest

import gradsentry.evidence

ROOM = Path(gradsentry.evidence.__file__).parent
NO_THRESHOLDS = {"START", "END", "VERSION", "_UNSEEN"}  # codes, and the version of a file's form
ORDINARY = {-1, 0, 1, 2}  # nothing, all, a first one, a pair
ROUNDING = {"neighbours.py": {1e-9}}


def modules():
    return {path: ast.parse(path.read_text()) for path in sorted(ROOM.rglob("*.py"))}


def assigned(tree):
    for node in tree.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                yield from ((name.id, node) for name in names if isinstance(name, ast.Name))


def numbers(node):
    """Returns the numbers in an expression, but for those that count places of a sequence or an axis."""
    skipped = (ast.Subscript, ast.keyword)
    found, queue = [], [node]
    while queue:
        one = queue.pop()
        if isinstance(one, ast.Constant) and type(one.value) in (int, float):
            found.append(one.value)
        queue += [child for child in ast.iter_child_nodes(one) if not isinstance(child, skipped)]
    return found


def is_literal(node):
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


def test_no_module_has_a_threshold_of_its_own():
    for path, tree in modules().items():
        if path.name != "limits.py":
            own = {name for name, node in assigned(tree) if is_literal(node.value) and numbers(node.value)}
            assert own <= NO_THRESHOLDS, path


def test_nothing_is_compared_with_a_number_that_has_no_name():
    for path, tree in modules().items():
        compared = {
            number for node in ast.walk(tree) if isinstance(node, ast.Compare) for number in numbers(node)
        }
        assert compared <= ORDINARY | ROUNDING.get(path.name, set()), path


@pytest.mark.costly
def test_every_threshold_is_named_once_and_used():
    trees = modules()
    names = Counter(name for name, _ in assigned(trees[ROOM / "limits.py"]))
    assert names
    assert set(names.values()) == {1}
    used = {
        node.id
        for path, tree in trees.items()
        if path.name != "limits.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Name)
    }
    assert set(names) <= used
