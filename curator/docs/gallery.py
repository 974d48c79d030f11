"""The page of shapes: what each is for, a row of it as `curator convert` writes it, and what it cannot hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from curator.conversion import convert_row
from curator.formats import SHAPES, Reader, Row
from curator.model import Example

ABOUT = {
    "openai-chat": (
        "OpenAI, Azure, Together, Fireworks, MLX, and TRL's language modelling type. Arguments of calls are "
        "a JSON string."
    ),
    "openai-preference": "Pairs for DPO at OpenAI, Azure, Together and Fireworks.",
    "openai-rft": (
        "Prompts for reinforcement fine-tuning; what stands beside the messages is for the grader. The "
        "answer goes to `reference_answer`."
    ),
    "mistral": (
        "mistral-finetune and Mistral's API: one system message, ids of nine letters and digits, no text beside calls."
    ),
    "axolotl": (
        "axolotl with `type: chat_template`. Weights are the flag `train`: set `message_field_training: train`."
    ),
    "harmony": (
        "gpt-oss, as its chat template reads it: `thinking` is the analysis channel, arguments of calls are "
        "an object. A system message is rendered as developer instructions."
    ),
    "trl-chat": (
        "TRL, and whatever renders rows with a chat template of transformers: openai-chat with the arguments of "
        "calls as objects, which most templates want (TPL013)."
    ),
    "sharegpt": "FastChat and its many descendants. Calls and tools are JSON in strings.",
    "llama-factory": (
        "LLaMA-Factory's sharegpt formatting: who speaks alternates strictly, else the row is skipped. "
        "Pairs have `chosen` and `rejected`, verdicts `kto_tag`. The entry of `dataset_info.json` is "
        "written beside the file."
    ),
    "llama-factory-v1": (
        "LLaMA-Factory's second format, for USE_V1: messages are lists of parts with a type and a value, tools a "
        "JSON string. Answers have a loss weight of 1, all others of 0."
    ),
    "alpaca": ("One instruction and its answer; earlier exchanges are in `history`, a system prompt in `system`."),
    "prompt-completion": (
        "Two strings where every row of the file is one plain exchange, else TRL's two message lists: "
        "`--form plain` and `--form conversational` choose."
    ),
    "prompt-only": "Prompts for TRL's online trainers, as a string or a message list (`--form`).",
    "trl-preference": (
        "Pairs for TRL, as strings or message lists (`--form`). TRL puts the chat template around lists alone."
    ),
    "trl-kto": "One answer and whether it is good, for TRL's KTO, as strings or message lists (`--form`).",
    "trl-stepwise": "A verdict on every step, for TRL's process rewards. No other shape has the verdicts.",
    "text": "Plain text, trained on as it is. Turns stand below each other, without a template.",
    "gemini": "Gemini on Vertex AI. Results of tools are matched by name.",
    "bedrock-converse": (
        "Amazon Nova and Llama on Bedrock: text alone, user and assistant in turn. Pairs are two `candidates`."
    ),
    "anthropic-bedrock": ("Claude 3 Haiku on Bedrock: text alone, user and assistant in turn, and no other keys."),
    "question-answer": "Two columns, `question` and `answer`.",
    "input-output": ("axolotl's segments: what has `label` true is trained on, and nothing is added between segments."),
    "self-instruct": "An instruction and its instances.",
    "oasst": "Trees of messages. The best-ranked path is read.",
}

_ZONE = {"type": "object", "properties": {"zone": {"type": "string"}}}
_TOOL = {"name": "time", "description": "The time in a zone.", "parameters": _ZONE}
_CALL = {"id": "call00001", "type": "function", "function": {"name": "time", "arguments": '{"zone": "UTC"}'}}
_PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/clock.png"}}
_SYSTEM, _USER = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "What time is it?"}
_ANSWER, _WORSE = {"role": "assistant", "content": "Noon."}, {"role": "assistant", "content": "Who knows?"}

# The example of a shape is made from the first of these that it holds with the least loss.
_SOURCES: tuple[Row, ...] = (
    {"messages": [_SYSTEM, _USER, _ANSWER]},
    {"messages": [_USER, _ANSWER]},
    {"input": {"messages": [_SYSTEM, _USER]}, "preferred_output": [_ANSWER], "non_preferred_output": [_WORSE]},
    {"prompt": [_USER], "completion": [_ANSWER], "label": True},
    {"prompt": "1 + 1 + 1?", "completions": ["1 + 1 = 2", "2 + 1 = 3"], "labels": [True, True]},
)
_TOOLS: Row = {
    "messages": [
        _SYSTEM,
        _USER,
        {"role": "assistant", "content": None, "tool_calls": [_CALL]},
        {"role": "tool", "tool_call_id": "call00001", "content": "12:00"},
        _ANSWER,
    ],
    "tools": [{"type": "function", "function": _TOOL}],
}
_OWN: dict[str, Row] = {
    **dict.fromkeys(("openai-chat", "mistral", "sharegpt", "llama-factory", "llama-factory-v1", "gemini"), _TOOLS),
    "axolotl": {"messages": [_USER, {**_ANSWER, "weight": 0}, _USER, {**_ANSWER, "weight": 1}]},
    "harmony": {"messages": [_SYSTEM, _USER, {**_ANSWER, "reasoning_content": "The clock says 12:00."}]},
}

# A row of all that a shape could lose.
_FULL: Row = {
    "messages": [
        _SYSTEM,
        {"role": "user", "content": [{"type": "text", "text": "And here?"}, _PICTURE], "name": "ada"},
        {"role": "assistant", "content": "It says noon.", "weight": 0},
        _USER,
        {"role": "assistant", "content": None, "tool_calls": [_CALL], "reasoning_content": "I should look."},
        {"role": "tool", "tool_call_id": "call00001", "content": "12:00"},
        _ANSWER,
    ],
    "tools": [{"type": "function", "function": _TOOL}],
    "source": "handbook",
}
_PAIR, _VERDICT = _SOURCES[2], _SOURCES[3]


_INTRODUCTION = """\
`curator convert FILE --to SHAPE -o OUT` writes rows of any shape below, and those that `--map` makes
readable, in any other. Each example is what it makes of a small conversation. Nothing is written while
anything would be lost, unless `--allow-loss` is given; where the table is empty, every row was converted
back and came out as it was. What a shape must have and a row has not, such as the rejected answer of a
pair, is not made up: the row goes to a file of its own, with the reason."""


def page(spread: Callable[[Row], str]) -> str:
    """The page in Markdown; `spread` lays out a row as JSON."""
    return "\n".join(_lines(spread)) + "\n"


def _lines(spread: Callable[[Row], str]) -> Iterator[str]:
    yield "# Shapes"
    yield f"\n{_INTRODUCTION}"
    for name, about in ABOUT.items():
        yield f"\n## {name}\n\n{about}\n"
        yield f"```json\n{spread(example(name))}\n```"
        if lost := losses(name):
            yield f"\nCannot hold: {', '.join(lost)}."


def example(shape: str) -> Row:
    """A row of the shape, made from the source that loses least on the way."""
    made = [convert_row(_read(source), shape) for source in ([_OWN[shape]] if shape in _OWN else _SOURCES)]
    fit = [found for found in made if not found.unfit]
    return min(fit, key=lambda found: len(found.lost)).row


def losses(shape: str) -> list[str]:
    """What the shape cannot hold of a full conversation, of a pair, and of a verdict."""
    found: dict[str, None] = {}
    for row in (_FULL, _PAIR, _VERDICT):
        lost = SHAPES[shape].write(_read(row)).losses
        found.update(dict.fromkeys(loss for loss in lost if loss not in lost.lacks))
    return [_COLUMN if loss == "the column 'source'" else loss for loss in found]


_COLUMN = "columns of your own"


def _read(row: Row) -> Example:
    found = Reader().read(row)
    assert found is not None
    return found
