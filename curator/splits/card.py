"""The dataset card: README.md as the Hugging Face hub and its readers want it, in plain Markdown.

Nothing that comes from the data is interpreted: in the front matter it is a quoted string, in the text
every sign that Markdown or HTML could read is escaped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath

import msgspec

from curator import __version__
from curator.decisions.agreement import Precision, most_telling
from curator.model import Report, RuleStat
from curator.private.masking import masked
from curator.report.tally import code_ranges, counted, verdict
from curator.splits.splitting import File, SplitResult
from curator.text.excerpt import visible

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_HUB_NAMES = {"train": "train", "valid": "validation", "test": "test"}
# Licences that the hub knows by these names.
_LICENCES = frozenset(
    "apache-2.0 mit bsd-2-clause bsd-3-clause cc0-1.0 cc-by-2.0 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 "
    "cc-by-nc-4.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-nc-nd-4.0 odc-by odbl pddl gpl-3.0 gpl-2.0 lgpl-3.0 agpl-3.0 "
    "mpl-2.0 unlicense".split()
)
_MLX = {"openai-chat", "prompt-completion", "text"}  # shapes that mlx-lm reads as they are
_MOST = 12  # values of a kind that are listed


class Facts(msgspec.Struct, frozen=True):
    """What a card tells. The mappings count rows by what they say of themselves; `mended` and `left_out` by code."""

    name: str
    split: SplitResult
    came: Report
    left: Report
    rows: int
    mended_rows: int
    mended: dict[str, int]
    left_out: dict[str, int]
    decisions: dict[str, int]
    licences: dict[str, int]
    sources: dict[str, int]
    languages: dict[str, int]
    hashes: dict[str, str]
    judged: tuple[Precision, ...] = ()


def card(facts: Facts) -> str:
    """README.md: front matter, then what the set is, where it is from and what was done to it."""
    return "\n".join([*_front(facts), *_body(facts)]) + "\n"


def escaped(text: str, most: int = 100) -> str:
    """Any string as one line of Markdown text that shows as it is."""
    text = visible(text.encode("utf-8", "backslashreplace").decode())
    text = text if len(text) <= most else text[: most - 1] + "…"
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_{}\[\]|~$])", r"\\\1", text)
    return re.sub(r"(?i)(https?|ftp|mailto|www)([:.])", r"\1&#8203;\2", text.replace("@", "&#64;"))


def quoted(text: str) -> str:
    """Any string as a YAML scalar; JSON's double-quoted strings are YAML's."""
    return json.dumps(visible(text.encode("utf-8", "backslashreplace").decode()))


# ---------------------------------------------------------------------- front matter


def _front(facts: Facts) -> Iterator[str]:
    rows = sum(file.rows for file in facts.split.outputs.values())
    yield "---"
    yield f"pretty_name: {quoted(facts.name)}"
    if licence := _licence(facts.licences):
        yield f"license: {licence}"
    if codes := sorted(code.lower() for code in facts.languages if re.fullmatch(r"[A-Za-z]{2,3}", code)):
        yield "language:"
        yield from (f"- {quoted(code)}" for code in dict.fromkeys(codes))
    yield "size_categories:"
    yield f"- {next((name for limit, name in _SIZES if rows < limit), 'n>1M')}"
    yield "task_categories:\n- text-generation"
    yield "tags:\n- fine-tuning\n- curator"
    yield "configs:\n- config_name: default\n  data_files:"
    for name, file in facts.split.outputs.items():
        yield f"  - split: {_HUB_NAMES[name]}\n    path: {file.path}"
    yield "---\n"


def _licence(licences: Mapping[str, int]) -> str:
    """The hub's name of the one licence that the rows say, "other" for several or an unknown one, "" for none."""
    names = {re.sub(r"[\s_]+", "-", name.strip().lower()) for name in licences}
    if not names:
        return ""
    name = names.pop()
    return name if not names and name in _LICENCES else "other"


# ---------------------------------------------------------------------- text


def _body(facts: Facts) -> Iterator[str]:
    result = facts.split
    rows = sum(file.rows for file in result.outputs.values())
    tokens = sum(file.tokens for file in result.outputs.values())
    counter = facts.came.tokens
    how = "exact" if counter.exact else "an estimate"
    yield f"# {escaped(facts.name)}\n"
    said = f"{counted(tokens, 'token')} ({escaped(counter.tokenizer)}, {how})"
    yield f"{counted(rows, 'row')} for fine-tuning, {said}, in the shape {_shapes(facts.left)}."
    yield f"Prepared with curator {__version__}.\n"
    yield "## Splits\n"
    yield from _table(
        ("split", "file", "rows", "groups", "tokens"), [_split_row(*item) for item in result.outputs.items()]
    )
    yield "Rows that repeat each other, ask the same, or are from one document or conversation form a group, and a"
    yield f"group stays in one split: {counted(result.groups, 'group')}, seed {result.wish.seed}."
    proof = ", ".join(f"{code} {number}" for code, number in result.proof.items())
    yield f"Leaks found in what was written: {proof}. `split.json` lists the groups.\n"
    if result.wish.allow:
        yield f"Allowed on purpose: {', '.join(result.wish.allow)}.\n"
    yield "## Where the rows are from\n"
    yield from _table(("file", "rows", "SHA-256"), [_input_row(file) for file in result.inputs])
    yield from _values("source", facts.sources, "The rows do not say their source.")
    yield from _values("licence", facts.licences, "The rows state no licence: name one before the set is published.")
    yield from _values("language", facts.languages, "")
    yield "## What was done\n"
    yield from _done(facts)
    yield "\n## What was found\n"
    yield from _found(facts)
    yield "## Use\n"
    yield from _use(facts)
    yield "## Files\n"
    yield from _table(("file", "SHA-256"), [(f"`{name}`", f"`{digest}`") for name, digest in facts.hashes.items()])


def _shapes(report: Report) -> str:
    shapes = {shape for file in report.files for shape in file.shapes}
    return ", ".join(sorted(map(escaped, shapes))) or "unknown"


def _split_row(name: str, file: File) -> tuple[str, ...]:
    return name, f"`{file.path}`", f"{file.rows:,}", f"{file.groups:,}", f"{file.tokens:,}"


def _input_row(file: File) -> tuple[str, ...]:
    name = "standard input" if file.path == "-" else PurePath(file.path).name
    return escaped(name), f"{file.rows:,}", f"`{file.sha256}`"


def _values(kind: str, counts: Mapping[str, int], none: str) -> Iterator[str]:
    if not counts:
        if none:
            yield none + "\n"
        return
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = [(escaped(masked(value)), f"{number:,}") for value, number in ranked[:_MOST]]
    if len(ranked) > _MOST:
        rows.append((f"{len(ranked) - _MOST:,} more", f"{sum(number for _, number in ranked[_MOST:]):,}"))
    yield from _table((kind, "rows"), rows)


def _done(facts: Facts) -> Iterator[str]:
    result, out = facts.split, sum(facts.left_out.values())
    mended = f"{counted(facts.mended_rows, 'row')} of those written were mended: {_codes(facts.mended)}"
    if not facts.mended_rows:
        mended = "none was mended"
    broken = facts.came.broken
    beside = f", and {counted(broken, 'line')} that {'is' if broken == 1 else 'are'} no row" if broken else ""
    yield f"* {counted(facts.rows, 'row')} came in{beside}; {mended}."
    if out:
        lines = counted(out, "line" if broken else "row")
        yield f"* {lines} left out, each with its reason in `rejected.jsonl`: {_codes(facts.left_out)}."
    if result.aside:
        yield f"* {counted(result.aside, 'row')} set aside in `aside.jsonl`: each would have joined two splits."
    if result.kept.record:
        yield f"* {counted(result.kept.rows, 'row')} kept the split that they had before."
    decided = ", ".join(f"{escaped(verdict_)} {number:,}" for verdict_, number in facts.decisions.items())
    yield f"* Decisions of people: {decided or 'none'}."


def _codes(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{escaped(code)} {number:,}" for code, number in sorted(counts.items())) or "nothing"


def _found(facts: Facts) -> Iterator[str]:
    left = {stat.code: stat.findings for stat in facts.left.rules}
    # rules that compare splits ran over what is left alone: as it came, they found nothing
    ran = {stat.code: msgspec.structs.replace(stat, findings=0) for stat in facts.left.rules} | {
        s.code: s for s in facts.came.rules
    }
    every = [ran[code] for code in sorted(ran)]
    seen = [stat for stat in every if stat.findings or left.get(stat.code)]
    quiet = [stat.code for stat in every if not stat.findings and not left.get(stat.code)]
    yield f"{counted(len(every), 'rule')} ran over the rows as they came and over what is left.\n"
    if seen:
        heads = ("rule", "what", "severity", "as it came", "left")
        yield from _table(heads, [_rule_row(stat, left.get(stat.code, 0)) for stat in seen])
    yield from _judged(facts.judged, {stat.code: stat.findings for stat in facts.left.rules})
    yield f"Of what is left: {verdict(facts.left)}\n"
    if quiet:
        yield f"Nothing found by {code_ranges(quiet)}.\n"
    for item in facts.left.not_run:
        yield f"* Not run: {code_ranges(item.codes)}: {escaped(item.reason, 200)} ({escaped(item.unlock, 200)})."
    if facts.left.not_run:
        yield ""


def _judged(told: Sequence[Precision], left: Mapping[str, int]) -> Iterator[str]:
    """How often rules are right on this data, by people who judged single findings."""
    if not told:
        return
    yield "How often rules are right here, by findings that people judged one by one (true: the row was mended, edited"
    yield "or dropped for it; 95 % interval):\n"
    tell_most = most_telling(told, left)
    for each in told:
        more = each.more(left.get(each.code, 0)) if each.code in tell_most else 0
        yield f"* {each.code}: {each}" + (f"; {counted(more, 'more judgement')} would tell most" if more else "") + "."
    yield ""


def _rule_row(stat: RuleStat, left: int) -> tuple[str, ...]:
    return stat.code, stat.name, stat.severity, f"{stat.findings:,}", f"{left:,}"


def _use(facts: Facts) -> Iterator[str]:
    yield "In this folder:\n"
    yield "```sh"
    yield "curator lint .          # everything again, the leaks between the splits included"
    shapes = {shape for file in facts.left.files for shape in file.shapes}
    if "valid" in facts.split.outputs and shapes <= _MLX:
        yield "mlx_lm.lora --train --data . --model MODEL"
    yield "```\n"
    yield "```python"
    yield 'from datasets import load_dataset\n\nsplits = load_dataset("json", data_files={'
    yield from (f'    "{_HUB_NAMES[name]}": "{file.path}",' for name, file in facts.split.outputs.items())
    yield "})\n```\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""
