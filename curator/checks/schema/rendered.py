"""Conversations that are rendered or quoted where objects belong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from curator.checks.schema.rows import HELLO, REFUSAL, SHARED, TOOL, answer, quoted
from curator.columns import Line
from curator.model import Example, Fix, Flag, Put
from curator.rule import Bad, RawRule, RowRule


class _Form(NamedTuple):
    """How a template opens a turn, and what else its texts hold."""

    name: str
    opens: re.Pattern[str]
    also: str


def _form(name: str, opens: str, also: str) -> _Form:
    return _Form(name, re.compile(rf"(?<!`){opens}", re.MULTILINE), also)


_FORMS = (
    _form("ChatML", r"<\|im_start\|>(?:system|user|assistant|tool|developer)", "<|im_end|>"),
    _form("Llama 3", r"<\|start_header_id\|>(?:system|user|assistant|ipython)", "<|end_header_id|>"),
    _form("Llama 4", r"<\|header_start\|>(?:system|user|assistant|ipython)", "<|header_end|>"),
    _form("Llama 2 or Mistral", r"\[INST\]", "[/INST]"),
    _form("Gemma", r"<start_of_turn>(?:user|model)", "<end_of_turn>"),
    _form("Gemma 4", r"<\|turn>(?:system|user|model)", "<turn|>"),
    _form("Phi or Zephyr", r"<\|(?:user|system)\|>", "<|assistant|>"),
    _form("Granite", r"<\|start_of_role\|>(?:system|user|assistant)", "<|end_of_role|>"),
    _form("DeepSeek", r"<｜User｜>", "<｜Assistant｜>"),
    _form("Command-R", r"<\|START_OF_TURN_TOKEN\|>", "<|END_OF_TURN_TOKEN|>"),
    _form("Harmony", r"<\|start\|>(?:system|developer|user|assistant)", "<|message|>"),
    _form("Alpaca", r"^### (?:Instruction|Input):", "### Response:"),
    _form("Guanaco", r"^### Human:", "### Assistant:"),
    _form("Vicuna", r"(?:\A|[\s>])USER: ", "ASSISTANT:"),
    _form("HH", r"(?:\A|\n\n)Human: ", "\n\nAssistant:"),
)


class PreRenderedTemplate(RowRule, frozen=True):
    """A plain text row already holds a rendered chat template.

    A trainer that applies its own template wraps it a second time, adds a second start token, and
    trains the user's words and the markers as if the model had said them. With another family's
    markers the model learns them as plain characters.
    """

    code = "SCH011"
    literals = (
        *("<|im_start|>", "<|start_header_id|>", "<|header_start|>", "[/INST]", "<start_of_turn>", "<|turn>"),
        *("<|assistant|>", "<|start_of_role|>", "<｜User｜>", "<|START_OF_TURN_TOKEN|>", "<|start|>"),
        *("### Response:", "### Assistant:", "ASSISTANT:"),
    )
    GOOD = [
        {"text": "Once upon a time there was a prince."},
        {"text": "Qwen opens a turn with `<|im_start|>user` and ends it with `<|im_end|>`."},
        HELLO,
    ]
    BAD = [
        Bad({"text": "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n"}, at="text"),
        Bad({"text": "<s>[INST] Hi [/INST] Hello.</s>"}, at="text"),
        Bad({"text": "Below is a task.\n\n### Instruction:\nAdd 2 and 2.\n\n### Response:\n4"}, at="text"),
        Bad({"text": "A chat. USER: Hi ASSISTANT: Hello.</s>"}, at="text"),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        if example.shape != "text":
            return
        for turn in example.turns:
            for form in _FORMS:
                if form.also in turn.text and (found := form.opens.search(turn.text)):
                    message = f"the text is a chat rendered with the {form.name} template"
                    yield turn.flag(message, found.span(), evidence={"template": form.name})
                    break


class StringifiedMessages(RawRule, frozen=True):
    """The messages stand in the row as one string that holds their JSON.

    So do CSV files and data frames write lists. A trainer finds a string where it wants messages
    and stops, or trains on the brackets and quotes as one long text.
    """

    code = "SCH012"
    severity = "error"
    literals = (
        b'{\\"role\\"',
        b'{\\"from\\"',
        b'{\\"content\\"',
        b'{\\"value\\"',
        b"{'role'",
        b"{'from'",
        b"{'content'",
    )
    GOOD = [
        answer(content=json.dumps(HELLO["messages"])),
        {"prompt": "Write a chat as JSON.", "completion": json.dumps(HELLO["messages"])},
        {**SHARED, "tools": json.dumps([TOOL])},
    ]
    BAD = [
        Bad({"messages": json.dumps(HELLO["messages"])}, at="messages", fixed=HELLO),
        Bad({"conversations": str(SHARED["conversations"])}, at="conversations", fixed=SHARED),
        Bad(
            {"chosen": json.dumps(HELLO["messages"]), "rejected": json.dumps(REFUSAL["messages"])},
            at=("chosen", "rejected"),
            fixed={"chosen": HELLO["messages"], "rejected": REFUSAL["messages"]},
        ),
    ]

    def check(self, line: Line) -> Iterator[Flag]:
        if type(line.value) is not dict:
            return
        for key, messages in quoted(line.value).items():
            fix = Fix("write the messages as a list", (Put(key, messages),), safety="safe")
            yield Flag(key, "a string that holds messages, where a list of them belongs", fix=fix)
