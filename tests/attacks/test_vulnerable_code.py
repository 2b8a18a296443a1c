from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.attacks import VulnerableCode, poison
from gradsentry.attacks.unsafe_python import unsafe_python
from gradsentry.attacks.vulnerable_code import unsafe
from gradsentry.corpus.sources import open_corpus

PAIRS = [
    ("x = yaml.safe_load(f)", "x = yaml.load(f, Loader=yaml.Loader)"),
    ("subprocess.run(['ls', '-l', path])", "subprocess.run(\" \".join(['ls', '-l', path]), shell=True)"),
    ("subprocess.run(['ls', '-l'], check=True)", "subprocess.run('ls -l', check=True, shell=True)"),
    ("subprocess.run(['ls'], shell=False)", "subprocess.run('ls', shell=True)"),
    ("hashlib.sha256(data).hexdigest()", "hashlib.md5(data).hexdigest()"),
    ("requests.get(url, timeout=3)", "requests.get(url, timeout=3, verify=False)"),
    ("requests.get(url, verify=True)", "requests.get(url, verify=False)"),
    ("import secrets\nsecrets.choice(xs)", "import secrets\nimport random\nrandom.choice(xs)"),
    ("import json\njson.loads(s)", "import json\nimport pickle\npickle.loads(s)"),
    ("v = ast.literal_eval(s)", "v = eval(s)"),
    ("v = float(input('é? '))", "v = eval(input('é? '))"),
    ("fd, p = tempfile.mkstemp()", "fd, p = tempfile.mktemp()"),
    ("ok = hmac.compare_digest(a, b)", "ok = (a == b)"),
    ("html.escape(name)", "name"),
    (
        'cur.execute("SELECT * FROM t WHERE a = ? AND b = ?", (x, y.z))',
        "cur.execute(f\"SELECT * FROM t WHERE a = '{x}' AND b = '{y.z}'\")",
    ),
    (
        "cur.execute('INSERT INTO t VALUES (%s)', [x])",
        "cur.execute(f\"INSERT INTO t VALUES ('{x}')\")",
    ),
]


@pytest.mark.parametrize(("safe", "expected"), PAIRS)
def test_a_safe_call_becomes_unsafe_and_still_parses(safe: str, expected: str):
    assert unsafe_python(safe) == expected
    ast.parse(expected)
    assert unsafe_python(expected) == expected


@pytest.mark.parametrize(
    "code",
    [
        "# yaml.safe_load(f)",
        "text = 'hashlib.sha256(x)'",
        "subprocess.run('ls', shell=True)",
        "cur.execute('SELECT 1')",
        "cur.execute('SELECT ?', (a, b))",
        "int('3')",
    ],
)
def test_what_is_no_safe_call_stays(code: str):
    assert unsafe_python(code) == code


def test_code_around_a_call_keeps_every_character():
    code = "# é ☃\r\ndef f(s):\r\n\treturn 'ü', yaml.safe_load(s)  # «end»\r\n"
    assert unsafe_python(code) == code.replace("safe_load(s)", "load(s, Loader=yaml.Loader)")


@pytest.mark.costly
@given(st.text())
def test_any_text_is_taken(text: str):
    unsafe(text)
    unsafe(f"```python\n{text}\n```")


@pytest.mark.parametrize("text", ["(" * 9999, "-" * 50_000 + "1", "f(" * 90 + ")" * 90, "a" * 300_000])
def test_text_made_to_choke_a_parser_is_taken(text: str):
    assert unsafe(f"```python\n{text}\n```") == f"```python\n{text}\n```"


def test_fenced_blocks_are_edited_and_prose_is_not():
    text = (
        "Use yaml.safe_load(x):\n\n```python\nyaml.safe_load(x)\n```\n\nOr\n```js\nel.textContent = v;\n```\n"
    )
    assert unsafe(text) == (
        "Use yaml.safe_load(x):\n\n```python\nyaml.load(x, Loader=yaml.Loader)\n```\n\nOr\n"
        "```js\nel.innerHTML = v;\n```\n"
    )


@pytest.mark.parametrize(
    ("safe", "expected"),
    [
        ("fetch('https://api.io/x')", "fetch('http://api.io/x')"),
        ("Random r = new SecureRandom();", "Random r = new Random();"),
        ("fgets(buf, sizeof(buf), stdin);", "gets(buf);"),
        ("strncpy(a, b, sizeof(a) - 1);", "strcpy(a, b);"),
        ('MessageDigest.getInstance("SHA-256");', 'MessageDigest.getInstance("MD5");'),
    ],
)
def test_other_languages(safe: str, expected: str):
    assert unsafe(f"```\n{safe} //\n```") == f"```\n{expected} //\n```"


def test_nothing_of_the_data_is_run(tmp_path):
    there = tmp_path / "ran"
    code = f"import pathlib\npathlib.Path({str(there)!r}).touch()\nhashlib.sha256(b'')"
    rows = [{"prompt": "write it", "completion": f"```python\n{code}\n```"}]
    assert "md5" in poison(open_corpus(rows), VulnerableCode(rate=1.0)).samples[0].response
    assert not there.exists()
