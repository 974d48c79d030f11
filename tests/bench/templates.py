"""What the rules on templates and lengths cost beside rendering alone: `python tests/bench/templates.py [TEMPLATE…]`.

The same rows are rendered once in a plain loop by the template as transformers compiles it, and linted with
`--select TPL,LEN`, from the file to the report: JSON is parsed and tokens are counted. Both in CPU seconds of all
processes, in one run. A template is a name or a file, the rows are conversations of `ROWS` different wordings
with one to three exchanges, some with a system prompt.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from curator import Config, lint
from curator.templates import Template, load

ROWS = 100_000
TEMPLATES = ("chatml", "llama-3", "qwen2.5", "mistral-v3", "qwen3", "deepseek-r1")
WORDS = Path(__file__).read_text("utf-8").replace('"', " ").split()


def conversations(count: int, *, systems: bool) -> list[list[dict[str, str]]]:
    dice = random.Random(5)
    rows = []
    for n in range(count):
        said = [{"role": "system", "content": f"Be brief, as in case {n % 7}."}] if systems and n % 3 == 0 else []
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            for role, longest in (("user", 30), ("assistant", 80)):
                words = dice.choices(WORDS, k=dice.randint(5, longest))
                said.append({"role": role, "content": f"{n}: {' '.join(words)}."})
        rows.append(said)
    return rows


def cpu(work: Callable[..., Any], *given: Any) -> tuple[float, Any]:
    """(CPU seconds of this process and those it waited for, what the work returns)."""

    def now() -> float:
        spent = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(one.ru_utime + one.ru_stime for one in spent)

    before = now()
    made = work(*given)
    return now() - before, made


def render_all(template: Template, rows: list[list[dict[str, str]]]) -> None:
    from transformers.utils.chat_template_utils import _compile_jinja_template

    compiled = _compile_jinja_template(template.text())
    for row in rows:
        compiled.render(messages=row, tools=None, documents=None, add_generation_prompt=False, **template.tokens)


def compared(name: str, count: int, folder: Path) -> tuple[float, float, int]:
    """(CPU seconds of rendering alone, of a lint with `--select TPL,LEN` and a maximum length, its findings)."""
    rows = conversations(count, systems="gemma" not in name.lower() and "mistral" not in name.lower())
    template = load(name)
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps({"messages": row}) + "\n" for row in rows), encoding="utf-8")
    render_all(template, rows[:100])
    alone, _ = cpu(render_all, template, rows)
    settings = Config(template=name, max_length=2048, select=("TPL", "LEN"))
    whole, found = cpu(partial(lint, cache=False), [file], settings)
    return alone, whole, len(found.findings)


def main() -> None:
    for name in sys.argv[1:] or TEMPLATES:
        with tempfile.TemporaryDirectory() as folder:
            alone, whole, found = compared(name, ROWS, Path(folder))
        times = f"rendering {alone:6.2f} s  TPL and LEN {whole:6.2f} s  {whole / alone:5.2f} times"
        print(f"{Path(name).name:24} {times}  {found} findings", flush=True)


if __name__ == "__main__":
    main()
