"""What the rules on a chat template share: rows rendered once, and two kinds of rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, ClassVar, NamedTuple

import msgspec
import numpy as np

from curator.checks.fit.facts import ABRIDGED, facts_of
from curator.checks.fit.looks import Look, looks, one_line
from curator.checks.fit.plain import Plain, Structure, plain_rows, structure
from curator.columns import Batch, Rows
from curator.model import Example, Flag
from curator.rule import DatasetRule, RowRule, all_rules, option
from curator.templates import UNTEMPLATED, load

TemplateName = Annotated[
    str, option("The template: a name, a file or a model folder; `--template` and `--model` set it.")
]


class Fit(msgspec.Struct, frozen=True):
    """The column of a batch that the rules on a template share, made once for all of them."""

    template: str

    def __call__(self, batch: Batch) -> Looked:
        found: dict[int, tuple[Look, ...]] = {}
        same: dict[Structure, tuple[Plain, list[int]]] = {}
        facts = np.zeros(len(batch.lines), dtype=np.uint16)
        plain = plain_rows(self.template)
        for index in batch.readable:
            example = batch.example(index)
            told = structure(example, len(batch.lines[index]))
            if told in same:
                same[told][1].append(index)
            elif told is not None and (known := plain.known.get(told)):
                same[told] = known, [index]
            else:
                found[index] = seen = looks(example, self.template)
                facts[index] = facts_of(seen)
                if told is not None:
                    plain.learn(told, seen)
        for known, lines in same.values():
            facts[lines] = known.facts
        odd = [index for index, seen in found.items() if any(look.odd and not look.abridged for look in seen)]
        return Looked(found, odd, facts, list(same.values()))


class Looked(NamedTuple):
    """The rows of a batch as they are rendered: those that need a closer look, and what holds of their structures.

    `rows` are those that were rendered; what is known of the structures of all others is in `plain`, with
    the lines they stand in.
    """

    rows: dict[int, tuple[Look, ...]]
    odd: list[int]
    facts: np.ndarray  # uint16, shape (lines,): bits of the rules on the set
    plain: list[tuple[Plain, list[int]]]


class TemplateRule(RowRule, frozen=True):
    """A rule that judges rows as the template renders them."""

    needs: ClassVar[str] = "template"
    exempt = UNTEMPLATED | {"sharegpt"}  # no template, or roles of other names, of which the template judges first
    template: TemplateName = "chatml"

    def candidates(self, batch: Batch) -> Iterable[int]:
        return batch.memo(Fit(self.template)).odd

    def check(self, example: Example) -> Iterator[Flag]:
        yield from self._judged(looks(example, self.template))

    def flags(self, batch: Batch) -> Iterator[tuple[int, Flag]]:
        rows = batch.memo(Fit(self.template)).rows
        for index in self.candidates(batch):
            for flag in self._judged(rows[index]):
                yield index, flag

    def _judged(self, seen: Iterable[Look]) -> Iterator[Flag]:
        """The flags of all sides, each place once: both sides of a pair share their prompt."""
        told = set()
        for look in seen:
            for flag in () if look.abridged else self.judge(look):
                if flag.at not in told:
                    told.add(flag.at)
                    yield flag

    def judge(self, look: Look) -> Iterator[Flag]:
        raise NotImplementedError


class TemplateSetRule(DatasetRule, frozen=True):
    """A rule on what a template does to many rows alike: told once, with the number of rows."""

    needs: ClassVar[str] = "template"
    bit: ClassVar[int] = 0
    template: TemplateName = "chatml"

    def sketch(self, batch: Batch) -> np.ndarray:
        """1 for the lines it holds for, 2 for those the template cannot tell of; shape (lines,), uint8."""
        facts: np.ndarray = batch.memo(Fit(self.template)).facts
        found: np.ndarray = (facts & self.bit > 0) + np.uint8(2) * (facts & ABRIDGED > 0)
        return found.astype(np.uint8)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        if beyond := int(np.count_nonzero(sketches & 2)):
            codes = (code for code, rule in all_rules().items() if rule.needs == "template")
            said = f"{beyond:,} rows with tools are" if beyond > 1 else "1 row with tools is"
            rows.leave_out(load(self.template).beyond(codes, said))
        found = np.flatnonzero(sketches & 1)
        if not len(found):
            return
        at, message, evidence = self.told(rows.example(int(found[0])))
        judged = int(np.count_nonzero(rows.readable))
        said = f"{message} (in {len(found):,} of {judged:,} rows)"
        evidence = {"rows": len(found), **evidence}
        yield Flag.once(found.tolist(), at, one_line(said), about=self.template, evidence=evidence)

    def told(self, example: Example) -> tuple[str, str, dict[str, Any]]:
        """(path, message, evidence) for a row it holds for."""
        return self.say(next(look for look in looks(example, self.template) if facts_of((look,)) & self.bit))

    def say(self, look: Look) -> tuple[str, str, dict[str, Any]]:
        """The same for the side of the row it holds for."""
        raise NotImplementedError


def last_answer(look: Look) -> str:
    return next((turn.path for turn in reversed(look.said.turns) if turn.role == "assistant"), "")


_WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"place": {"type": "string"}}}}}  # fmt: skip


def asked(arguments: Any, **beside: Any) -> dict[str, Any]:
    """A row with one call."""
    call = {"id": "call12345", "type": "function", "function": {"name": "weather", "arguments": arguments}}
    return {
        "messages": [
            {"role": "user", "content": "Is it warm in Oslo?"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call12345", "content": "Ten degrees", **beside},
            {"role": "assistant", "content": "Not very."},
        ],
        "tools": [_WEATHER],
    }
