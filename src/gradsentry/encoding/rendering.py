"""A tokenizer's chat template, and what a trainer renders with in its place.

A template that says itself what the assistant generates (`{% generation %}`) is taken at its word. For the
families that TRL ships a training template for, that one is used, as `assistant_only_loss` does; it also
changes what the text is (Qwen3 keeps every think block). All others have their own template only, and what is
trained on is inferred (see `borders`).
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gradsentry.corpus.sample import Span
from gradsentry.encoding.bounds import CostlyTemplateError, bounded, refuse_powers
from gradsentry.encoding.messages import Conversation, Message, text_parts
from gradsentry.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_PROBE = "zqx"


@lru_cache(maxsize=1)
def _reserved() -> frozenset[str]:
    """Returns what a row may not set: it gives its template values, no other template or way to be read."""
    from transformers import PreTrainedTokenizerBase

    return frozenset({*inspect.signature(PreTrainedTokenizerBase.apply_chat_template).parameters, "messages"})


@dataclass(frozen=True, eq=False)
class ChatTemplate:
    """A tokenizer's chat template.

    Attributes:
        tokenizer: The tokenizer.
        training: TRL's training template, or None where it has no other than the tokenizer's own.
        tagged: Whether what TRL would train with says what the assistant generates.
        lists: Whether it takes a content that is a list of typed parts.
        texts: Whether it takes a content that is text.
        lengths: What `borders` found out about it already.
    """

    tokenizer: PreTrainedTokenizerBase
    training: str | None
    tagged: bool
    lists: bool
    texts: bool
    lengths: dict[tuple[object, ...], int] = field(default_factory=dict, repr=False)

    def render(
        self, talk: Conversation, messages: list[Message], *, reply: bool = False, training: bool = False
    ) -> tuple[str, list[Span]]:
        """Returns the text of messages, and which stretches of it the assistant generates.

        Args:
            talk: Gives the tools and options.
            messages: Those that are rendered.
            reply: Whether the header of the assistant's next turn closes the text.
            training: Whether the template is TRL's, not the tokenizer's own; only then there are stretches.
        """
        if not self.texts:
            messages = [_listed(message) for message in messages]
        template = self.training if training else None
        options = {key: value for key, value in talk.options.items() if key not in _reserved()}
        from transformers.utils.chat_template_utils import render_jinja_template

        render: Any = render_jinja_template  # declared to return one text
        texts, spans = render(
            conversations=[messages],
            tools=talk.tools,
            chat_template=template or self.tokenizer.get_chat_template(None, talk.tools),
            return_assistant_tokens_mask=training,
            add_generation_prompt=reply,
            **{**self.tokenizer.special_tokens_map, **options},
        )
        return str(texts[0]), [(start, stop) for start, stop in spans[0]] if training else []


def chat_template(tokenizer: PreTrainedTokenizerBase) -> ChatTemplate | None:
    """Returns the tokenizer's chat template, or None where it has none."""
    own = tokenizer.chat_template
    if not own:
        return None
    return _chat_template(tokenizer, tuple(own.items()) if isinstance(own, dict) else own)


@lru_cache(maxsize=4)
def _chat_template(
    tokenizer: PreTrainedTokenizerBase, own: str | tuple[tuple[str, str], ...]
) -> ChatTemplate:
    from trl import chat_template_utils  # what it imports takes seconds, and gigabytes of addresses

    try:
        for template in [own] if isinstance(own, str) else dict(own).values():
            refuse_powers(template)
        with bounded():
            training, tagged = _training_template(tokenizer, chat_template_utils)
            draft = ChatTemplate(tokenizer, training, tagged, lists=True, texts=True)
            lists = _keeps_probe(draft, text_parts([_PROBE]))
            texts = _keeps_probe(draft, _PROBE) or not lists
    except CostlyTemplateError as error:
        mend = "use a tokenizer whose chat template only writes a conversation down"
        raise ModelError(
            f"its chat template was stopped: {error}", where="the tokenizer", mend=mend
        ) from None
    return ChatTemplate(tokenizer, training, tagged, lists, texts)


def _training_template(tokenizer: PreTrainedTokenizerBase, trl: ModuleType) -> tuple[str | None, bool]:
    """Returns TRL's training template, and whether there is one, its own tokenizer's included."""
    try:
        if trl.has_generation_markers(tokenizer.chat_template):
            return None, True
        return trl.get_training_chat_template(tokenizer), True
    except (CostlyTemplateError, MemoryError):
        raise
    except Exception:
        # A template is a program of the model's author: it raises what it likes, and so does TRL for one that
        # it does not know.
        return None, False


def _keeps_probe(chat: ChatTemplate, content: object) -> bool:
    talk = Conversation([{"role": "user", "content": content}], [False], [[]], None, {})
    try:
        text, _ = chat.render(talk, talk.messages)
    except (CostlyTemplateError, MemoryError):
        raise
    except Exception:
        return False
    # In quotes it is a list that was printed.
    return re.search(f"(?<!['\"]){_PROBE}", text) is not None


def _listed(message: Message) -> Message:
    content: Any = message.get("content")
    return {**message, "content": text_parts([content])} if isinstance(content, str) else message
