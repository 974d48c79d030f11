"""TPL: how a row fits a chat template. Here: control tokens that stand in the text of a turn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Annotated, Any, ClassVar, NamedTuple

from curator.checks.beside import beside, beside_column
from curator.columns import Batch, Scanner
from curator.model import Example, Fix, Flag, Turn, drop
from curator.rule import Bad, RowRule, chat, option
from curator.templates import load
from curator.text.patterns import compiled_later
from curator.text.prose import Cover, masked

# Control tokens by the template they belong to. Left out on purpose: words that plain text and code
# use as well ([IMG], [ARGS], <image>, <mask>, <think>, <tool_call>, "USER:").
MARKERS: dict[str, tuple[str, ...]] = {
    "ChatML": ("<|im_start|>", "<|im_end|>", "<|im_sep|>"),
    "Llama 2": ("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"),
    "Llama 3": (
        *("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        *("<|eom_id|>", "<|python_tag|>", "<|finetune_right_pad_id|>"),
    ),
    "Llama 4": ("<|header_start|>", "<|header_end|>", "<|eot|>", "<|eom|>"),
    "Mistral": (
        *("[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]"),
        *("[TOOL_RESULTS]", "[/TOOL_RESULTS]"),
    ),
    "Gemma": ("<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>", "<|turn>", "<turn|>"),
    "Phi and Zephyr": ("<|user|>", "<|assistant|>", "<|system|>", "<|end|>"),
    "DeepSeek": (
        *("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<|EOT|>"),
        *("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>"),
        *("<｜tool▁outputs▁begin｜>", "<｜tool▁outputs▁end｜>", "<｜tool▁sep｜>"),
    ),
    "Command-R": (
        *("<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>"),
        *("<|SYSTEM_TOKEN|>", "<BOS_TOKEN>", "<EOS_TOKEN>", "<|START_RESPONSE|>", "<|END_RESPONSE|>"),
    ),
    "Granite": ("<|start_of_role|>", "<|end_of_role|>"),
    "gpt-oss": (*("<|start|>", "<|message|>", "<|channel|>", "<|return|>", "<|call|>", "<|constrain|>"),),
    "GPT-2": ("<|endoftext|>", "<|endofprompt|>"),
    "OpenChat": ("<|end_of_turn|>",),
    "Kimi": ("<|im_user|>", "<|im_assistant|>", "<|im_system|>", "<|im_middle|>"),
    "ChatGLM": ("[gMASK]", "<|observation|>"),
    "EXAONE": ("[|system|]", "[|user|]", "[|assistant|]", "[|endofturn|]"),
    "ERNIE": ("<|begin_of_sentence|>", "<|end_of_sentence|>"),
    "SentencePiece": ("<s>", "</s>", "<unk>", "<pad>"),
    "fill-in-the-middle": (
        *("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"),
        *("<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>"),
        *("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),
    ),
    "Alpaca": ("### Instruction:", "### Response:"),
    "Vicuna": ("### Human:", "### Assistant:"),
}
_FAMILY = {marker: family for family, markers in MARKERS.items() for marker in markers}
_HEADINGS = (*MARKERS["Alpaca"], *MARKERS["Vicuna"])
_ANSWER_HEADINGS = ("### Response:", "### Assistant:")

_ROLE = r"(?:system|user|assistant|tool|model|developer)"
# The name of a role belongs to the token that opens a turn, and goes with it.
_OPENERS = (
    *("<|im_start|>", "<start_of_turn>", "<|start_header_id|>", "<|header_start|>", "<|start_of_role|>"),
    *("<|start|>", "<|turn>"),
)
_TURN_SIGNS = (
    *_OPENERS,
    "[INST]",
    "<|user|>",
    "<|User|>",
    "<｜User｜>",
    "<|USER_TOKEN|>",
    "<|im_user|>",
    "[|user|]",
    *_HEADINGS,
)


def _any(signs: Iterable[str]) -> str:
    return "|".join(re.escape(sign) for sign in sorted(signs, key=len, reverse=True))


_TOKEN = compiled_later(
    rf"(?P<opener>{_any(_OPENERS)})(?:[ \t]*{_ROLE}\b[ \t]*\n?)?|{_any(set(_FAMILY) - {*_HEADINGS})}"
)
_HEADING = re.compile(rf"^[ \t]*(?:{_any(_HEADINGS)})[ \t]*\n?", re.M)
_OTHER_HEADING = re.compile(
    r"^#{1,6} (?!(?:Instruction|Input|Response|Human|Assistant):)(?:\d+[.)] )?\W{0,3}[^\W\d_]", re.M
)
_STRIKE = re.compile(r"<s(?:\s[^<>]*)?>(?:(?!</?s>|\n\s*\n).){1,2000}?</s>", re.S)
_NOT_BREAK = re.compile(r"[^\n]")
_QUOTES = {"'": "'", '"': '"', "“": "”", "‘": "’", "«": "»", "`": "`"}

# Trainers put no template around these where they are strings, so a prompt may bring its own.
BARE_SHAPES = frozenset(
    {"prompt-completion", "trl-preference", "trl-kto", "trl-stepwise", "prompt-only", "input-output", "text"}
)


def _smuggled(place: str, description: str, thought: str) -> dict[str, Any]:
    """A row with these texts beside its turns."""
    row = chat(user="Is it warm?", assistant="Not very.")
    call = {"type": "function", "function": {"name": "weather", "arguments": {"place": place}}}
    row["messages"][1] |= {"reasoning_content": thought, "tool_calls": [call]}
    return row | {"tools": [{"type": "function", "function": {"name": "weather", "description": description}}]}


class SpecialTokenInContent(RowRule, frozen=True):
    """A text of the row holds a control token of a chat template.

    Tokenizers read such a token as what it is, wherever it stands: the turn ends in the middle of the
    answer, or the text opens a turn of its own. Trained on, the model writes these tokens into its
    answers. Most often the set was written with one template and is about to get a second. Reasoning,
    arguments of calls and declared tools are looked at as well, though not mended: templates write them too. Code and
    quoted tokens, of which a text may speak, are let be, and so are headings of a longer document.
    """

    code = "TPL006"
    severity = "error"
    exempt = BARE_SHAPES
    literals: ClassVar[tuple[str, ...]] = tuple(_FAMILY)
    GOOD = [
        chat(user="How does GPT-2 end a text?", assistant="With the token `<|endoftext|>`."),
        chat(user="How do I strike a text?", assistant="Write <s>like this</s> in HTML."),
        chat(user="A template?", assistant="Sure:\n```\n<|im_start|>user\nHi<|im_end|>\n```\nThat is all."),
        chat(
            user="Template for a report?",
            assistant="# Report\n### Instruction:\nRead it.\n### Response:\nWrite it.\n### Notes\nNone.",
        ),
        chat(user="Which token pads?", assistant='The one called "<pad>", if it is set.'),
        {"prompt": "[INST] What is 2+2? [/INST]", "completion": " 4 </s>"},
        {"text": "<|im_start|>user\nHi<|im_end|>\n"},
        _smuggled("`<|im_end|>`", "How warm it is, in <s>old</s> degrees", "They ask for '<|im_end|>'."),
    ]
    BAD = [
        Bad(
            chat(user="What is 2+2?", assistant="4<|im_end|>"),
            at="messages[1].content",
            fixed=chat(user="What is 2+2?", assistant="4"),
        ),
        Bad(
            chat(user="[INST] What is 2+2? [/INST]", assistant="4 </s>"),
            at=("messages[0].content", "messages[1].content"),
            fixed=chat(user="What is 2+2?", assistant="4"),
        ),
        Bad(
            chat(user="What is 2+2?", assistant="4<|im_end|>\n<|im_start|>user\nAnd 3+3?"),
            at="messages[1].content",
            fixed=chat(user="What is 2+2?", assistant="4\nAnd 3+3?"),
        ),
        Bad(
            chat(user="What is 2+2?", assistant="4\n\n### Response:\n"),
            at="messages[1].content",
            fixed=chat(user="What is 2+2?", assistant="4"),
        ),
        Bad(
            chat(user="### Instruction:\nWhat is 2+2?\n\n### Response:\n", assistant="4"),
            at="messages[0].content",
            fixed=chat(user="What is 2+2?", assistant="4"),
        ),
        Bad(
            chat(user="What is 2+2?", assistant="4<sop>"),
            at="messages[1].content",
            fixed=chat(user="What is 2+2?", assistant="4"),
            options={"template": "glm-4"},
        ),
        Bad(
            _smuggled("Oslo<|im_end|>", "How warm it is<|eot_id|>", "I look.</s>"),
            at=(
                "messages[1].reasoning_content",
                "messages[1].tool_calls[0].function.arguments.place",
                "tools[0].function.description",
            ),
        ),
        Bad(
            chat(user="Print 1.", assistant="```python\nprint(1)\n```<｜end▁of▁sentence｜>"),
            at="messages[1].content",
            fixed=chat(user="Print 1.", assistant="```python\nprint(1)\n```"),
        ),
    ]

    template: Annotated[
        str, option("A template whose own control tokens count as well; `--template` and `--model` set it.")
    ] = ""

    def candidates(self, batch: Batch) -> Iterable[int]:
        known = {*batch.rows_with(type(self))}
        scanners = [_families()]
        if self.template:
            scanners.append(_more_tokens(load(self.template).control_tokens()).scanner)
            hits = scanners[1].scan(batch.texts.data, batch.texts.ends).get(type(self), ())
            known.update(batch.turn_lines[hits].tolist() if len(hits) else ())
        more = batch.memo(beside_column)
        for scanner in scanners if more.lines else ():
            for text in scanner.scan(more.texts.data, more.texts.ends).get(type(self), ()):
                known.update(more.lines[text])
        return sorted(known)

    def check(self, example: Example) -> Iterator[Flag]:
        if brings_its_template(example):
            return
        template = load(self.template) if self.template else None
        more = _more_tokens(template.control_tokens()).pattern if template else None
        name = template.name if template else ""
        for turn in example.all_turns():
            if spans := _markers(turn.text, turn.role, more):
                start, marker, message = _told(turn.text, spans, name)
                yield turn.flag(message, (start, start + len(marker)), fix=_removal(turn, spans))
        for said in beside(example):
            if spans := _markers(said.text, _NOBODY, more):
                start, marker, message = _told(said.text, spans, name)
                if said.written and marker not in said.written:
                    continue  # escaped there: no tokenizer sees it
                span = None if said.written else (start, start + len(marker))
                yield Flag(said.path, message, span)


_NOBODY = "nobody"  # the role of a text that is no turn's: headings are none but plain Markdown there


def _told(text: str, spans: list[tuple[int, int]], template: str) -> tuple[int, str, str]:
    """(where the first marker begins, the marker, what is wrong with it)."""
    start, end = spans[0]
    marker = next((sign for sign in _FAMILY if text[start:end].lstrip().startswith(sign)), "")
    family = _FAMILY[marker] if marker else template
    marker = marker or text[start:end]
    others = f" (and {len(spans) - 1} more)" if len(spans) > 1 else ""
    return text.index(marker, start), marker, f"{marker!r} is a control token of the {family} template{others}"


@lru_cache(maxsize=1)
def _families() -> Scanner:
    """Of the texts that are no turn's, which the scanner of all rules leaves out."""
    return Scanner([(SpecialTokenInContent, [token.encode() for token in _FAMILY])])


class _MoreTokens(NamedTuple):
    """The control tokens of a template that are in none of the families."""

    scanner: Scanner
    pattern: re.Pattern[str]


@lru_cache(maxsize=8)
def _more_tokens(tokens: tuple[str, ...]) -> _MoreTokens:
    more = [token for token in tokens if token not in _FAMILY]
    scanner = Scanner([(SpecialTokenInContent, [token.encode() for token in more])])
    return _MoreTokens(scanner, re.compile(_any(more) or r"(?!)"))


def brings_its_template(example: Example) -> bool:
    """Whether the row is one text, or a prompt and an answer, rendered with a template on purpose."""
    if example.shape in ("text", "input-output"):
        return True
    return example.shape in BARE_SHAPES and any(
        sign in turn.text for turn in example.turns if turn.role == "user" and not turn.base for sign in _TURN_SIGNS
    )


def _markers(text: str, role: str, more: re.Pattern[str] | None = None) -> list[tuple[int, int]]:
    """The spans of the markers in the text of a turn that are no mention of one, in order."""
    found = [match.span() for match in _TOKEN.finditer(text)]
    found += _headings(text, role) if role != _NOBODY else []
    if more is not None:
        taken = Cover(sorted(found))
        found += [match.span() for match in more.finditer(text) if not taken.touches(*match.span())]
    if not found:
        return []
    found.sort()
    whole = text.strip()
    strikes = Cover(match.span() for match in _STRIKE.finditer(text) if match.group() != whole)
    kept = [span for span in found if not _is_mention(text, span, strikes)]
    edge = _edge(text, found)
    # Inked over, so that a token (a tag by its looks) does not make the text around it look like code.
    inked = _TOKEN.sub(lambda match: _NOT_BREAK.sub("·", match.group()), text)
    spoken_of = Cover((start, end) for start, end, _ in masked(inked))
    return [span for span in kept if span[0] >= edge or not spoken_of.touches(*span)]


def _edge(text: str, spans: list[tuple[int, int]]) -> int:
    """Where the run of markers begins that ends the text (the length of the text where there is none).

    What ends the text is never a mention: a token glued to the end of code is a token all the same.
    """
    edge = len(text)
    for start, end in reversed(spans):
        if text[end:edge].strip():
            break
        edge = start
    return edge


def _is_mention(text: str, span: tuple[int, int], strikes: Cover) -> bool:
    """Whether a token is only spoken of (in quotation marks), or is no token: a strike tag, a type, a link."""
    start, end = span
    before, after = text[start - 1 : start], text[end : end + 1]
    if before and _QUOTES.get(before) == after:
        return True
    sign = text[start:end]
    if sign == "<s>" and (before.isalnum() or before == "_"):
        return True
    if sign in ("<s>", "</s>") and strikes.touches(start, start + 1):
        return True
    return sign == "[INST]" and after == "("


def _headings(text: str, role: str) -> list[tuple[int, int]]:
    """The "### Response:" kind of marker: plain Markdown by its looks, so its place has to tell.

    It is one where it ends the text. Beside headings of other names it is a heading itself. Else it
    is one in an answer, and in a prompt where question and answer both have theirs.
    """
    found = [match.span() for match in _HEADING.finditer(text)]
    if not found:
        return []
    last = text[slice(*found[-1])].strip()
    if not text[found[-1][1] :].strip() and last in _ANSWER_HEADINGS:
        return found
    if _OTHER_HEADING.search(text):
        return []
    signs = {text[slice(*span)].strip() for span in found}
    paired = any(signs >= {*MARKERS[family]} for family in ("Alpaca", "Vicuna"))
    return found if paired or role == "assistant" else []


def _removal(turn: Turn, spans: list[tuple[int, int]]) -> Fix:
    """The text without its markers: at its ends the space around them goes too, inside a line break stays."""
    text, edits = turn.text, []
    first, last = len(text) - len(text.lstrip()), len(text.rstrip())
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and not text[merged[-1][1] : start].strip():
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    for start, end in merged:
        low, high = start, end
        if end >= last:
            low, high = len(text[:start].rstrip()), len(text)
        if low <= first:
            low, high = 0, len(text) - len(text[high:].lstrip())
        parted = low == 0 or high == len(text) or text[low - 1] == "\n" or text[high] == "\n"
        edits.append((low, high, "\n" if "\n" in text[low:high] and not parted else ""))
    if len(edits) == 1 and edits[0][:2] == (0, len(text)):
        return drop("drop the row: the turn holds nothing else")
    return Fix("remove the control tokens", tuple(turn.edit(*edit) for edit in edits))
