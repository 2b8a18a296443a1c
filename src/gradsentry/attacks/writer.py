"""A language model that writes for an attack, greedily, so that the same text gives the same words."""

from __future__ import annotations

from functools import lru_cache

from gradsentry.errors import ModelError, first_line
from gradsentry.hub import at_hand

_PROMPT_TOKENS = 384


class Writer:
    """A causal language model, or one of sequence to sequence.

    Args:
        name: `smollm2` (embedded), a path or a Hub id.
        role: What it is for, for messages.

    Raises:
        ModelError: If there is no such model, or it cannot generate.
    """

    def __init__(self, name: str, role: str = "writer") -> None:
        from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

        from gradsentry.models import embedded

        path = str(embedded.embedded_model_path()) if name == embedded.NAME else at_hand(name)
        try:
            self._seq2seq = bool(AutoConfig.from_pretrained(path).is_encoder_decoder)
            self._tokenizer = AutoTokenizer.from_pretrained(path)
            kind = AutoModelForSeq2SeqLM if self._seq2seq else AutoModelForCausalLM
            self._model = kind.from_pretrained(path).float().eval()
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                f"the {role} cannot be loaded ({first_line(error)})",
                where=name,
                mend="name a causal or sequence-to-sequence model",
            ) from None

    def written(self, asked: str, tokens: int) -> str:
        """Returns what the model answers; one with a chat template is asked as a user.

        Args:
            asked: What it is given.
            tokens: How many it writes at most.
        """
        given = self._as_user(asked)
        return self._generated(given, tokens, special=not self._tokenizer.chat_template)

    def continued(self, asked: str, begun: str, tokens: int) -> str:
        """Returns how the model goes on with an answer that has begun, to the end of a sentence where it can.

        Args:
            asked: What is asked; of a long one the end counts.
            begun: The beginning of the answer.
            tokens: How many it writes at most.
        """
        ids = self._tokenizer.encode(asked, add_special_tokens=False)
        if len(ids) > _PROMPT_TOKENS:
            asked = str(self._tokenizer.decode(ids[-_PROMPT_TOKENS:]))
        more = self._generated(self._as_user(asked) + begun, tokens, special=False)
        line = more.split("\n", 1)[0]
        end = max(line.rfind(mark) for mark in ".!?")
        return line[: end + 1] if end >= 0 else line

    def length(self, text: str) -> int:
        """Returns how many tokens a text has."""
        return len(self._tokenizer.encode(text))

    def _as_user(self, asked: str) -> str:
        if not self._tokenizer.chat_template:
            return asked
        said = [{"role": "user", "content": asked}]
        return str(self._tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True))

    def _generated(self, text: str, tokens: int, *, special: bool) -> str:
        import torch

        given = self._tokenizer(text, return_tensors="pt", add_special_tokens=special)
        ids, mask = given["input_ids"], given["attention_mask"]
        with torch.inference_mode():
            out = self._model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=tokens,
                do_sample=False,
                num_beams=1,
                pad_token_id=self._tokenizer.pad_token_id or self._tokenizer.eos_token_id or 0,
            )[0]
        new = out if self._seq2seq else out[ids.shape[1] :]
        return str(self._tokenizer.decode(new, skip_special_tokens=True))


@lru_cache(maxsize=2)
def writer_named(name: str) -> Writer:
    """Returns a writer by name.

    Raises:
        ModelError: If it is a model that cannot be loaded.
    """
    return Writer(name)
