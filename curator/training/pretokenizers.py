"""How a byte-level BPE splits a text before it merges, by the name that llama.cpp has for it.

A GGUF file holds the name alone (tokenizer.ggml.pre), a tokenizer.json the steps. Sources: src/llama-vocab.cpp of
llama.cpp for the names, and the tokenizer.json of the models they are named after for the steps.
"""

from __future__ import annotations

from typing import Any, NamedTuple

DIGITS = "digits"  # a step of its own in tokenizer.json: every digit by itself


class Pre(NamedTuple):
    """Steps in order, each a regex or DIGITS; `words`: what is left is split as GPT-2 splits words.

    With `whole` a piece that is a token is that token, whatever the merges would make of it.
    """

    names: tuple[str, ...]
    steps: tuple[str, ...] = ()
    words: bool = False
    whole: bool = False


_CASELESS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_LEAD = r"[^\r\n\p{L}\p{N}]?"
_SPACES = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*" + _SPACES
_UPPER, _LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
_CAPITALS = f"{_LEAD}[{_UPPER}]*[{_LOWER}]+", f"{_LEAD}[{_UPPER}]+[{_LOWER}]*"
_TRIPLES = rf"{_CASELESS}|{_LEAD}\p{{L}}+|\p{{N}}{{1,3}}{_REST}"
_SINGLES = rf"{_CASELESS}|{_LEAD}\p{{L}}+|\p{{N}}{_REST}"
_SLASHED = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*" + _SPACES
_HAN = "[一-龥ࠀ-一가-퟿]+"
_DEEPSEEK_3 = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"| ?[\p{P}\p{S}]+[\r\n]*" + _SPACES
)

# Of several names of one way the first is written into a file.
KNOWN = (
    Pre(("gpt-2", "phi-2", "mpt", "olmo", "jais", "exaone4", "gigachat", "a.x-4.0", "mellum"), (), True),
    Pre(("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"), (DIGITS,), True),
    Pre(("llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"), (_TRIPLES,),
        whole=True),
    Pre(("dbrx", "smaug-bpe", "glm4", "chatglm-bpe"), (_TRIPLES,)),
    Pre(("qwen2", "stablelm2", "deepseek-r1-qwen", "kormo", "megrez"), (_SINGLES,)),
    Pre(("tekken",), (rf"{_CAPITALS[0]}|{_CAPITALS[1]}|\p{{N}}{_SLASHED}",), whole=True),
    Pre(("gpt-4o", "llama4", "kanana2", "talkie"),
        (rf"{_CAPITALS[0]}{_CASELESS}?|{_CAPITALS[1]}{_CASELESS}?|\p{{N}}{{1,3}}{_SLASHED}",)),
    Pre(("deepseek-v3", "hunyuan-dense"), (r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", _DEEPSEEK_3)),
    Pre(("deepseek-coder",), (r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", _HAN, DIGITS)),
)  # fmt: skip


def by_name(name: str) -> Pre | None:
    """The way to split that llama.cpp has this name for, None where it is not known here."""
    return next((pre for pre in KNOWN if name in pre.names), None)


def by_steps(said: Any) -> Pre | None:
    """The way to split that the pre_tokenizer of a tokenizer.json describes, None where it is not known here."""
    steps = _bare(said)
    return next((pre for pre in KNOWN if _bare(as_json(pre)) == steps), None)


def as_json(pre: Pre) -> dict[str, Any]:
    """The pre_tokenizer of a tokenizer.json that splits this way."""
    steps: list[dict[str, Any]] = [
        {"type": "Digits", "individual_digits": True}
        if step == DIGITS
        else {"type": "Split", "pattern": {"Regex": step}, "behavior": "Isolated", "invert": False}
        for step in pre.steps
    ]
    last = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": pre.words}
    return {"type": "Sequence", "pretokenizers": [*steps, last]}


def _bare(said: Any) -> list[tuple[Any, ...]] | None:
    """What decides about the splits of a pre_tokenizer; None for a step that no byte-level BPE here has."""
    if not isinstance(said, dict):
        return None
    found: list[tuple[Any, ...]] = []
    for step in said["pretokenizers"] if said.get("type") == "Sequence" else [said]:
        match step.get("type"):
            case "Digits":
                found.append(("digits", bool(step.get("individual_digits"))))
            case "Split":
                regex = (step.get("pattern") or {}).get("Regex")
                found.append(("split", regex, step.get("behavior", "Isolated"), bool(step.get("invert"))))
            case "ByteLevel":
                found.append(("bytes", step.get("use_regex", True), bool(step.get("add_prefix_space"))))
            case _:
                return None
    return found
