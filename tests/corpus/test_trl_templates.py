"""Texts of the chat templates that TRL ships, read beside the spans that TRL trains on in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from transformers.utils.chat_template_utils import render_jinja_template

from gradsentry.corpus import open_corpus
from gradsentry.corpus.markers import CLOSINGS

trl = pytest.importorskip("trl")
FOLDER = Path(trl.__file__).parent / "chat_templates"
# Those of models with vision take messages in parts.
FAMILIES = sorted(
    path.stem.removesuffix("_training")
    for path in FOLDER.glob("*_training.jinja")
    if path.stem.removesuffix("_training") not in ("idefics3", "smolvlm", "llava_next")
)
MARKS = re.compile("|".join(map(re.escape, CLOSINGS)))


def turn(role, content):
    return {"role": role, "content": content}


ASKED, AGAIN = turn("user", "Who wrote it?"), turn("user", "And when?")
ONE, TWO = turn("assistant", "Mary Shelley.\n\nIn Geneva."), turn("assistant", "In 1818")
CONVERSATIONS = {
    "a question": [ASKED, ONE],
    "two questions": [ASKED, ONE, AGAIN, TWO],
    "an instruction before them": [turn("system", "Be brief."), ASKED, ONE, AGAIN, TWO],
    "two replies in a row": [ASKED, ONE, TWO],
    "marks of other templates": [turn("user", "What is <|prompt|> or ### Response: for?"), ONE, AGAIN, TWO],
}


def rendered(family, conversation):
    """Returns the text of a conversation, and what TRL trains on in it."""
    template = (FOLDER / f"{family}_training.jinja").read_text(encoding="utf-8")
    try:
        texts, spans = render_jinja_template(
            [conversation],
            chat_template=template,
            return_assistant_tokens_mask=True,
            bos_token="<s>",
            eos_token="</s>",
        )
    except Exception as error:  # a template refuses as it likes
        pytest.skip(f"{family} takes no such conversation: {error}")
    return texts[0], spans[0]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", CONVERSATIONS)
def test_what_trl_trains_on_is_read_as_response(family, kind):
    conversation = CONVERSATIONS[kind]
    text, spans = rendered(family, conversation)
    corpus = open_corpus([{"text": text}])
    (sample,) = corpus

    trained = {number for start, stop in spans for number in range(start, stop)}
    ours: set[int] = set()
    place = 0
    for one in sample.turns:
        ours |= {*range(place, place + len(one.text))} if one.trained else set()
        place += len(one.text)
    assert ours
    assert ours <= trained
    # What is left are the marks around the responses: its own, and those that close it.
    left = "".join(text[number] for number in sorted(trained - ours))
    left = re.sub(corpus.template.marker.pattern, "", left)
    assert not re.sub(corpus.template.header.pattern, "", MARKS.sub("", left)).strip()
