"""A conversation in each chat template that people use, as a text: what it is read in, and its responses."""

from __future__ import annotations

SAID = ("A one", "A two")  # the responses, where an example has no others
_TOOL = '[{"name": "f", "arguments": {}}]'

TEXTS: dict[str, tuple[str, str] | tuple[str, str, tuple[str, ...]]] = {
    "ChatML: Qwen, Yi, InternLM 2, SmolLM, Hermes": (
        "ChatML",
        "<|im_start|>system\nBe.<|im_end|>\n<|im_start|>user\nQ one<|im_end|>\n"
        "<|im_start|>assistant\nA one<|im_end|>\n"
        "<|im_start|>user\nQ two<|im_end|>\n<|im_start|>assistant\nA two<|im_end|>\n",
    ),
    "Qwen 3, with its thoughts": (
        "ChatML",
        "<|im_start|>user\nQ one<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\nA one<|im_end|>\n",
        ("<think>\n\n</think>\n\nA one",),
    ),
    "Phi-4": (
        "ChatML",
        "<|im_start|>user<|im_sep|>Q one<|im_end|><|im_start|>assistant<|im_sep|>A one<|im_end|>"
        "<|im_start|>user<|im_sep|>Q two<|im_end|><|im_start|>assistant<|im_sep|>A two<|im_end|>",
    ),
    "ChatML, an assistant after the other": (
        "ChatML",
        "<|im_start|>user\nQ one<|im_end|>\n<|im_start|>assistant\nA one<|im_end|>\n"
        "<|im_start|>assistant\nA two<|im_end|>\n",
    ),
    "ChatML, calls and results of tools": (
        "ChatML",
        f"<|im_start|>user\nQ one<|im_end|>\n<|im_start|>assistant\n<tool_call>{_TOOL}"
        f"</tool_call><|im_end|>\n"
        "<|im_start|>tool\nR one<|im_end|>\n<|im_start|>assistant\nA two<|im_end|>\n",
        (f"<tool_call>{_TOOL}</tool_call>", "A two"),
    ),
    "Llama 3": (
        "Llama 3",
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nQ one<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nA one<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nQ two<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nA two<|eot_id|>",
    ),
    "Llama 3, calls and results of tools": (
        "Llama 3",
        "<|start_header_id|>user<|end_header_id|>\n\nQ one<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n<|python_tag|>f()<|eom_id|>"
        "<|start_header_id|>ipython<|end_header_id|>\n\nR one<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nA two<|eot_id|>",
        ("<|python_tag|>f()", "A two"),
    ),
    "Llama 4": (
        "Llama 4",
        "<|begin_of_text|><|header_start|>user<|header_end|>\n\nQ one<|eot|>"
        "<|header_start|>assistant<|header_end|>\n\nA one<|eot|><|header_start|>user"
        "<|header_end|>\n\nQ two<|eot|>"
        "<|header_start|>assistant<|header_end|>\n\nA two<|eot|>",
    ),
    "Llama 2": (
        "Llama 2, Mistral",
        "<s>[INST] <<SYS>>\nBe.\n<</SYS>>\n\nQ one [/INST] A one </s><s>[INST] Q two [/INST] A two </s>",
        (" A one", " A two"),
    ),
    "Mistral": (
        "Llama 2, Mistral",
        "<s>[SYSTEM_PROMPT]Be.[/SYSTEM_PROMPT][INST]Q one[/INST]A one</s>[INST]Q two[/INST]A two</s>",
    ),
    "Mistral, calls and results of tools": (
        "Llama 2, Mistral",
        f"<s>[AVAILABLE_TOOLS] [][/AVAILABLE_TOOLS][INST] Q one[/INST][TOOL_CALLS] {_TOOL}</s>"
        "[TOOL_RESULTS] R one[/TOOL_RESULTS] A two</s>",
        (f"[TOOL_CALLS] {_TOOL}", " A two"),
    ),
    "Gemma": (
        "Gemma",
        "<bos><start_of_turn>user\nQ one<end_of_turn>\n<start_of_turn>model\nA one<end_of_turn>\n"
        "<start_of_turn>user\nQ two<end_of_turn>\n<start_of_turn>model\nA two<end_of_turn>\n",
    ),
    "Gemma 4": (
        "Gemma 4",
        "<bos><|turn>system\nBe.<turn|>\n<|turn>user\nQ one<turn|>\n<|turn>model\nA one<turn|>\n"
        "<|turn>user\nQ two<turn|>\n<|turn>model\nA two<turn|>\n",
    ),
    "Phi-3": (
        "Zephyr, Phi-3, GLM-4",
        "<|system|>\nBe.<|end|>\n<|user|>\nQ one<|end|>\n<|assistant|>\nA one<|end|>\n"
        "<|user|>\nQ two<|end|>\n<|assistant|>\nA two<|end|>\n<|endoftext|>",
    ),
    "Zephyr, TinyLlama": (
        "Zephyr, Phi-3, GLM-4",
        "<|system|>\nBe.</s>\n<|user|>\nQ one</s>\n<|assistant|>\nA one</s>\n<|user|>\nQ two</s>\n"
        "<|assistant|>\nA two</s>\n",
    ),
    "OLMo, Tulu": (
        "Zephyr, Phi-3, GLM-4",
        "<|endoftext|><|user|>\nQ one\n<|assistant|>\nA one<|endoftext|>\n<|user|>\nQ two\n"
        "<|assistant|>\nA two<|endoftext|>",
    ),
    "GLM-4": (
        "Zephyr, Phi-3, GLM-4",
        "[gMASK]<sop><|system|>\nBe.<|user|>\nQ one<|assistant|>\nA one<|user|>\nQ two"
        "<|assistant|>\nA two<|user|>",
    ),
    "Jamba": (
        "Zephyr, Phi-3, GLM-4",
        "<|startoftext|><|bom|><|user|> Q one<|eom|><|bom|><|assistant|> A one<|eom|>"
        "<|bom|><|user|> Q two<|eom|><|bom|><|assistant|> A two<|eom|>",
        (" A one", " A two"),
    ),
    "OpenAssistant": (
        "Zephyr, Phi-3, GLM-4",
        "<|prompter|>Q one<|endoftext|><|assistant|>A one<|endoftext|><|prompter|>Q two<|endoftext|>"
        "<|assistant|>A two<|endoftext|>",
    ),
    "Metharme": ("Metharme", "<|system|>Be.<|user|>Q one<|model|>A one<|user|>Q two<|model|>A two"),
    "DeepSeek": (
        "DeepSeek",
        "<｜begin▁of▁sentence｜>Be.<｜User｜>Q one<｜Assistant｜>A one<｜end▁of▁sentence｜>"
        "<｜User｜>Q two<｜Assistant｜>A two<｜end▁of▁sentence｜>",
    ),
    "DeepSeek, calls and results of tools": (
        "DeepSeek",
        "<｜begin▁of▁sentence｜><｜User｜>Q one<｜Assistant｜>call<｜end▁of▁sentence｜>"
        "<｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>R one<｜tool▁output▁end｜><｜tool▁outputs▁end｜>A two"
        "<｜end▁of▁sentence｜>",
        ("call", "A two"),
    ),
    "Command R, Aya": (
        "Command R",
        "<BOS_TOKEN><|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>Be.<|END_OF_TURN_TOKEN|>"
        "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>Q one<|END_OF_TURN_TOKEN|>"
        "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>A one<|END_OF_TURN_TOKEN|>"
        "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>Q two<|END_OF_TURN_TOKEN|>"
        "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>A two<|END_OF_TURN_TOKEN|>",
    ),
    "Command A": (
        "Command R",
        "<BOS_TOKEN><|START_OF_TURN_TOKEN|><|USER_TOKEN|>Q one<|END_OF_TURN_TOKEN|>"
        "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|><|START_RESPONSE|>A one<|END_RESPONSE|>"
        "<|END_OF_TURN_TOKEN|>",
        ("A one",),
    ),
    "Granite": (
        "Granite",
        "<|start_of_role|>system<|end_of_role|>Be.<|end_of_text|>\n"
        "<|start_of_role|>user<|end_of_role|>Q one<|end_of_text|>\n"
        "<|start_of_role|>assistant<|end_of_role|>A one<|end_of_text|>\n"
        "<|start_of_role|>user<|end_of_role|>Q two<|end_of_text|>\n"
        "<|start_of_role|>assistant<|end_of_role|>A two<|end_of_text|>\n",
    ),
    "gpt-oss": (
        "harmony (gpt-oss)",
        "<|start|>system<|message|>Be.<|end|><|start|>user<|message|>Q one<|end|>"
        "<|start|>assistant<|channel|>analysis<|message|>Hm<|end|>"
        "<|start|>assistant<|channel|>final<|message|>A two<|return|>",
        ("<|channel|>analysis<|message|>Hm", "<|channel|>final<|message|>A two"),
    ),
    "Kimi": (
        "Kimi",
        "<|im_system|>system<|im_middle|>Be.<|im_end|><|im_user|>user<|im_middle|>Q one<|im_end|>"
        "<|im_assistant|>assistant<|im_middle|>A one<|im_end|><|im_user|>user<|im_middle|>Q two"
        "<|im_end|>"
        "<|im_assistant|>assistant<|im_middle|>A two<|im_end|>",
    ),
    "OpenChat, Starling": (
        "OpenChat",
        "<s>GPT4 Correct User: Q one<|end_of_turn|>GPT4 Correct Assistant: A one<|end_of_turn|>"
        "GPT4 Correct User: Q two<|end_of_turn|>GPT4 Correct Assistant: A two<|end_of_turn|>",
        (" A one", " A two"),
    ),
    "Nemotron": (
        "Nemotron",
        "<extra_id_0>System\nBe.\n\n<extra_id_1>User\nQ one\n<extra_id_1>Assistant\nA one\n"
        "<extra_id_1>User\nQ two\n<extra_id_1>Assistant\nA two\n<extra_id_1>User\n",
    ),
    "EXAONE": (
        "EXAONE",
        "[|system|]Be.[|endofturn|]\n[|user|]Q one\n[|assistant|]A one[|endofturn|]\n"
        "[|user|]Q two\n[|assistant|]A two[|endofturn|]\n",
    ),
    "Seed": (
        "Seed",
        "<seed:bos>user\nQ one<seed:eos><seed:bos>assistant\nA one<seed:eos>"
        "<seed:bos>user\nQ two<seed:eos><seed:bos>assistant\nA two<seed:eos>",
    ),
    "Apertus": (
        "Apertus",
        "<s><|system_start|>Be.<|system_end|><|user_start|>Q one<|user_end|>"
        "<|assistant_start|>A one<|assistant_end|><|user_start|>Q two<|user_end|>"
        "<|assistant_start|>A two<|assistant_end|>",
    ),
    "Hunyuan": (
        "Hunyuan",
        "Be.<｜hy_User｜>Q one<｜hy_Assistant｜>A one<｜hy_User｜>Q two<｜hy_Assistant｜>A two",
    ),
    "MiniMax": (
        "MiniMax",
        "]~b]system\nBe.[e~[\n]~b]user\nQ one[e~[\n]~b]ai\nA one[e~[\n]~b]user\nQ two[e~"
        "[\n]~b]ai\nA two[e~[\n",
    ),
    "MiniCPM": ("MiniCPM", "<s><用户>Q one<AI>A one</s><用户>Q two<AI>A two</s>"),
    "Baichuan": (
        "Baichuan",
        "Be.<reserved_106>Q one<reserved_107>A one<reserved_106>Q two<reserved_107>A two</s>",
    ),
    "InternLM": (
        "InternLM",
        "<s><|User|>:Q one<eoh>\n<|Bot|>:A one<eoa>\n<|User|>:Q two<eoh>\n<|Bot|>:A two<eoa>\n",
    ),
    "Ling": (
        "Ling",
        "<role>SYSTEM</role>Be.<|role_end|><role>HUMAN</role>Q one<|role_end|><role>ASSISTANT"
        "</role>A one<|role_end|>"
        "<role>HUMAN</role>Q two<|role_end|><role>ASSISTANT</role>A two<|role_end|>",
    ),
    "dots": (
        "dots",
        "<|userprompt|>Q one<|endofuserprompt|><|response|>A one<|endofresponse|>"
        "<|userprompt|>Q two<|endofuserprompt|><|response|>A two<|endofresponse|>",
    ),
    "h2oGPT": ("h2oGPT", "<|prompt|>Q one</s><|answer|>A one</s><|prompt|>Q two</s><|answer|>A two</s>"),
    "OpenChatKit, RedPajama": (
        "OpenChatKit",
        "<human>: Q one\n<bot>: A one\n<human>: Q two\n<bot>: A two",
        (" A one", " A two"),
    ),
    "Baize": ("Baize", "[|Human|]Q one\n[|AI|]A one\n[|Human|]Q two\n[|AI|]A two\n[|Human|]"),
    "Alpaca": (
        "### Response:",
        "Below is an instruction that describes a task.\n\n### Instruction:\nQ one\n\n### Input:\n3\n\n"
        "### Response:\nA one\n### Input: 4",
        ("A one\n### Input: 4",),
    ),
    "Alpaca, more than one response": (
        "### Response:",
        "### Instruction:\nQ one\n\n### Response:\nA one</s>\n\n### Instruction:\nQ two\n\n"
        "### Response:\nA two</s>",
    ),
    "DeepSeek Coder": (
        "### Response:",
        "You are.\n### Instruction:\nQ one\n### Response:\nA one\n<|EOT|>\n### Instruction:\nQ two\n"
        "### Response:\nA two\n<|EOT|>\n",
    ),
    "Guanaco": (
        "### Assistant:",
        "### Human: Q one### Assistant: A one### Human: Q two### Assistant: A two",
        (" A one", " A two"),
    ),
    "SOLAR, Stable Beluga": (
        "### Assistant:",
        "### System:\nBe.\n\n### User:\nQ one\n\n### Assistant:\nA one\n\n### User:\nQ two\n\n"
        "### Assistant:\nA two",
    ),
    "the published question-answering prompts": (
        "### Answer:",
        "### Instruction:\nBelow is a question.\n\n\n\n### Question:\nQ one\n\n\n\n### Answer: A one",
        (" A one",),
    ),
    "Vicuna": (
        "Vicuna",
        "A chat between a curious user and an artificial intelligence assistant."
        " USER: Q one ASSISTANT: A one</s>"
        "USER: Q two ASSISTANT: A two</s>",
        (" A one", " A two"),
    ),
    "hh-rlhf": (
        "Human and Assistant",
        "\n\nHuman: Q one\n\nAssistant: A one\n\nHuman: Q two\n\nAssistant: A two",
        (" A one", " A two"),
    ),
    "Falcon, SmolVLM": (
        "Human and Assistant",
        "<|im_start|>User: Q one<end_of_utterance>\nAssistant: A one<end_of_utterance>\n"
        "User: Q two<end_of_utterance>\nAssistant: A two<end_of_utterance>\n",
        (" A one", " A two"),
    ),
    "LangChain's": (
        "Human and AI",
        "Human: Q one\nAI: A one\nHuman: Q two\nAI: A two",
        (" A one", " A two"),
    ),
    "ChatGLM": (
        "ChatGLM",
        "[Round 1]\n\n问：Q one\n\n答：A one\n\n[Round 2]\n\n问：Q two\n\n答：A two",
    ),
    "question and answer": (
        "Question and Answer",
        "Question: Q one\nAnswer: A one\n\nQuestion: Q two\nAnswer: A two",
        (" A one", " A two"),
    ),
    "Q and A": ("Q and A", "Q: Q one\nA: A one\nQ: Q two\nA: A two", (" A one", " A two")),
    "instruction and response": (
        "Instruction and Response",
        "Instruction: Q one\nInput: 3\nOutput: A one",
        (" A one",),
    ),
}


def responses(name: str) -> tuple[str, ...]:
    example = TEXTS[name]
    return example[2] if len(example) == 3 else SAID
