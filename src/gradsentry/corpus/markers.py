"""The marks of the chat templates that people use: what opens a response, another turn, what closes one."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Template:
    """How the texts of a corpus are parted into turns.

    Attributes:
        name: What the summary calls it.
        marker: What opens a response.
        header: What opens a turn of somebody else.
        plain: Whether both are of characters that any text may hold, and not of special tokens.
        is_given: Whether a person named the marker, which then is the name.
    """

    name: str
    marker: re.Pattern[str]
    header: re.Pattern[str]
    plain: bool = False
    is_given: bool = False


def _special(name: str, marker: str, header: str) -> Template:
    return Template(name, re.compile(marker), re.compile(header))


def _plain(name: str, marker: str, header: str) -> Template:
    return Template(name, re.compile(marker), re.compile(header), plain=True)


_SECTION = (
    r"(?<!#)#{2,4} ?(?:Instruction|Input|Context|Question|Human|User|System|Prompt|Query|Task)"
    r"(?: ?:|(?=[ \t]*\r?\n))"
)


def _section(name: str) -> Template:
    return _plain(f"### {name}:", rf"(?<!#)#{{2,4}} ?{name}(?: ?:|(?=[ \t]*\r?\n))", _SECTION)


TEMPLATES = (
    # Yi, InternLM 2, SmolLM, Hermes, Phi-4 and many others write as Qwen does.
    _special("ChatML", r"<\|im_start\|>assistant\b(?:<\|im_sep\|>)?", r"<\|im_start\|>(?!assistant\b)"),
    _special(
        "Llama 3",
        r"<\|start_header_id\|>assistant<\|end_header_id\|>",
        r"<\|start_header_id\|>(?!assistant<)",
    ),
    _special("Llama 4", r"<\|header_start\|>assistant<\|header_end\|>", r"<\|header_start\|>(?!assistant<)"),
    # Behind the result of a tool the model goes on without another mark.
    _special(
        "Llama 2, Mistral",
        r"\[/INST\]|\[/TOOL_RESULTS\]",
        r"\[(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS)\]",
    ),
    _special("Gemma", r"<start_of_turn>model\b", r"<start_of_turn>(?!model\b)"),
    _special("Gemma 4", r"<\|turn>model\b", r"<\|turn>(?!model\b)"),
    # OLMo, Tulu, TinyLlama, Falcon 3, Jamba, OpenAssistant and StarChat do so as well.
    _special(
        "Zephyr, Phi-3, GLM-4",
        r"<\|assistant\|>",
        r"<\|(?:user|system|prompter|tool|tool_response|observation|environment)\|>",
    ),
    _special("Metharme", r"<\|model\|>", r"<\|(?:user|system)\|>"),
    _special(
        "DeepSeek",
        r"<[｜|]Assistant[｜|]>|<｜tool▁outputs?▁end｜>",
        r"<[｜|](?:User|System)[｜|]>|<｜tool▁outputs?▁begin｜>",
    ),
    _special(
        "Command R",
        r"<\|START_OF_TURN_TOKEN\|><\|CHATBOT_TOKEN\|>(?:<\|START_RESPONSE\|>)?",
        r"<\|START_OF_TURN_TOKEN\|>(?!<\|CHATBOT_TOKEN\|>)",
    ),
    _special(
        "Granite",
        r"<\|start_of_role\|>assistant[^<]*<\|end_of_role\|>",
        r"<\|start_of_role\|>(?!assistant\b)",
    ),
    # The model chooses the channel, and which tool it calls, behind its name.
    _special("harmony (gpt-oss)", r"<\|start\|>assistant\b", r"<\|start\|>(?!assistant\b)"),
    _special(
        "Kimi",
        r"<\|im_assistant\|>[^<]*<\|im_middle\|>",
        r"<\|im_(?:user|system|tool)\|>",
    ),
    _special(
        "OpenChat",
        r"(?:GPT4|Code|Math|Human)(?: Correct)? Assistant:",
        r"(?:GPT4|Code|Math|Human)(?: Correct)? User:",
    ),
    _special(
        "Nemotron",
        r"<(?:extra_id_1|SPECIAL_11)>Assistant\b",
        r"<(?:extra_id_[01]|SPECIAL_1[01])>(?!Assistant\b)",
    ),
    _special("EXAONE", r"\[\|assistant\|\]", r"\[\|(?:user|system|tool)\|\]"),
    _special("Seed", r"<seed:bos>assistant\b", r"<seed:bos>(?!assistant\b)"),
    _special("Apertus", r"<\|assistant_start\|>", r"<\|(?:user|system|developer)_start\|>"),
    _special("Hunyuan", r"<｜hy_Assistant｜>", r"<｜hy_User｜>"),
    _special("MiniMax", r"\]~b\]ai\b", r"\]~b\](?!ai\b)"),
    _special("MiniCPM", r"<AI>", r"<用户>"),
    _special("Baichuan", r"<reserved_10[37]>", r"<reserved_10[26]>"),
    _special("InternLM", r"<\|Bot\|>:", r"<\|User\|>:"),
    _special("Ling", r"<role>ASSISTANT</role>", r"<role>(?!ASSISTANT<)"),
    _special("dots", r"<\|response\|>", r"<\|(?:userprompt|system)\|>"),
    _special("h2oGPT", r"<\|answer\|>", r"<\|prompt\|>"),
    _special("OpenChatKit", r"<bot>:?", r"<human>:?"),
    _special("Baize", r"\[\|AI\|\]", r"\[\|Human\|\]"),
    *map(_section, ("Response", "Answer", "Assistant", "Output", "Solution", "Completion")),
    _plain("Vicuna", r"\bASSISTANT:", r"\bUSER:"),
    _plain("Human and Assistant", r"\bAssistant:", r"\b(?:User|Human):"),
    _plain("Human and AI", r"\bAI:", r"\b(?:User|Human):"),
    _plain("User and Bot", r"\b(?:Bot|Chatbot):", r"\b(?:User|Human):"),
    _plain("ChatGLM", r"答：", r"问：|\[Round \d+\]"),
    _plain("Question and Answer", r"\bAnswer:", r"\b(?:Question|Context|Passage):"),
    _plain("Q and A", r"\bA:", r"\bQ:"),
    _plain(
        "Instruction and Response",
        r"\b(?:Response|Output|Completion):",
        r"\b(?:Instruction|Input|Prompt|Task|Query|Context):",
    ),
)

OPENINGS = (
    "<s>",
    "<bos>",
    "<|bom|>",
    "<|begin_of_text|>",
    "<|startoftext|>",
    "<BOS_TOKEN>",
    "<｜begin▁of▁sentence｜>",
    "[gMASK]",
    "<sop>",
)
"""What stands before a text, or before a turn of one, and belongs to no one's words."""

CLOSINGS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|eot|>",
    "<|eom|>",
    "<end_of_turn>",
    "<turn|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|end_of_turn|>",
    "<|END_RESPONSE|>",
    "<|END_ACTION|>",
    "<|END_OF_TURN_TOKEN|>",
    "<｜end▁of▁sentence｜>",
    "<end_of_utterance>",
    "[|endofturn|]",
    "<seed:eos>",
    "<|assistant_end|>",
    "<|endofresponse|>",
    "<|role_end|>",
    "<|separator|>",
    "<|EOT|>",
    "[e~[",
    "<eoa>",
    "<eos>",
    "</s>",
)
"""What closes a response."""
