"""What the rules on templates and lengths cost beside rendering alone.

`python tests/bench/templates.py [--rows N] [--kind KIND] [TEMPLATE…]`: the same rows are rendered once in a plain
loop by the template as transformers compiles it, and linted with `--select TPL,LEN`, from the file to the report:
JSON is parsed and tokens are counted. Both in CPU seconds of all processes, in one run. A template is a name or a
file. No two rows have the same words; their kinds are

* `chat`: one to three exchanges, some with a system prompt,
* `thinking`: the same with reasoning in think tags before each answer,
* `field`: the same with the reasoning in a field of its own,
* `short`: four to ten exchanges of a few words, with reasoning in think tags,
* `tools`: two tools, a call, its result and an answer.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from curator import Config, lint
from curator.templates import Template, load

TEMPLATES = ("chatml", "llama-3", "qwen2.5", "mistral-v3", "qwen3", "deepseek-r1")
WORDS = re.findall(r"[a-z]+", Path(__file__).read_text("utf-8"))


Message = dict[str, Any]
Row = dict[str, Any]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": f"What is known of the {name} of a place",
            "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
        },
    }
    for name in ("weather", "population")
]


def _words(dice: random.Random, longest: int) -> str:
    return " ".join(dice.choices(WORDS, k=dice.randint(min(5, longest), longest)))


def _exchanges(dice: random.Random, n: int, count: int, asked: int, answered: int) -> list[Message]:
    said = []
    for _ in range(count):
        for role, longest in (("user", asked), ("assistant", answered)):
            said.append({"role": role, "content": f"{n}: {_words(dice, longest)}."})
    return said


def _chat(dice: random.Random, n: int) -> Row:
    return {"messages": _exchanges(dice, n, dice.choice((1, 1, 1, 2, 3)), 30, 80)}


def _thinking(dice: random.Random, n: int) -> Row:
    return {"messages": [_thought(dice, message, 30) for message in _chat(dice, n)["messages"]]}


def _thought(dice: random.Random, message: Message, longest: int) -> Message:
    if message["role"] == "user":
        return message
    return {**message, "content": f"<think>\n{_words(dice, longest)}.\n</think>\n\n{message['content']}"}


def _field(dice: random.Random, n: int) -> Row:
    said = _chat(dice, n)["messages"]
    return {"messages": [m if m["role"] == "user" else {**m, "reasoning_content": _words(dice, 30)} for m in said]}


def _short(dice: random.Random, n: int) -> Row:
    said = _exchanges(dice, n, dice.randint(4, 10), 5, 8)
    return {"messages": [_thought(dice, message, 4) for message in said]}


def _tools(dice: random.Random, n: int) -> Row:
    name = dice.choice(("weather", "population"))
    call = {
        "id": f"call{n:05d}",
        "type": "function",
        "function": {"name": name, "arguments": {"place": _words(dice, 3)}},
    }
    asked, answer = _exchanges(dice, n, 1, 30, 80)
    called = {"role": "assistant", "content": "", "tool_calls": [call]}
    result = {
        "role": "tool",
        "tool_call_id": call["id"],
        "name": name,
        "content": json.dumps({"found": _words(dice, 9)}),
    }
    return {"messages": [asked, called, result, answer], "tools": TOOLS}


KINDS = {"chat": _chat, "thinking": _thinking, "field": _field, "short": _short, "tools": _tools}


def made_rows(kind: str, count: int, *, systems: bool) -> list[Row]:
    dice = random.Random(5)
    rows = []
    for n in range(count):
        row = KINDS[kind](dice, n)
        if systems and n % 3 == 0:
            row["messages"].insert(0, {"role": "system", "content": f"Be brief, as in case {n % 7}."})
        rows.append(row)
    return rows


def cpu(work: Callable[..., Any], *given: Any) -> tuple[float, Any]:
    """(CPU seconds of this process and those it waited for, what the work returns)."""

    def now() -> float:
        spent = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(one.ru_utime + one.ru_stime for one in spent)

    before = now()
    made = work(*given)
    return now() - before, made


def render_all(template: Template, rows: list[Row]) -> None:
    from transformers.utils.chat_template_utils import _compile_jinja_template

    bare, with_tools = _compile_jinja_template(template.text()), _compile_jinja_template(template.text(True))
    for row in rows:
        compiled = with_tools if "tools" in row else bare
        said = {"messages": row["messages"], "tools": row.get("tools"), "documents": None}
        try:
            compiled.render(**said, add_generation_prompt=False, **template.tokens)
        except Exception:  # what a template refuses, it refuses the lint as well
            continue


def compared(name: str, kind: str, count: int, folder: Path) -> tuple[float, float, int]:
    """(CPU seconds of rendering alone, of a lint with `--select TPL,LEN` and a maximum length, its findings)."""
    rows = made_rows(kind, count, systems="gemma" not in name.lower() and "mistral" not in name.lower())
    template = load(name)
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    render_all(template, rows[:100])
    alone, _ = cpu(render_all, template, rows)
    settings = Config(template=name, max_length=2048, select=("TPL", "LEN"))
    whole, found = cpu(partial(lint, cache=False), [file], settings)
    return alone, whole, len(found.findings)


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("templates", nargs="*", default=TEMPLATES)
    asked.add_argument("--rows", type=int, default=100_000)
    asked.add_argument("--kind", action="append", choices=list(KINDS))
    given = asked.parse_args()
    for name in given.templates:
        for kind in given.kind or KINDS:
            with tempfile.TemporaryDirectory() as folder:
                alone, whole, found = compared(name, kind, given.rows, Path(folder))
            times = f"rendering {alone:6.2f} s  TPL and LEN {whole:6.2f} s  {whole / alone:5.2f} times"
            print(f"{Path(name).name:24} {kind:9} {times}  {found} findings", flush=True)


if __name__ == "__main__":
    main()
