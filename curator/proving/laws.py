"""Proves rules on their own examples: what `curator test-rules` and curator's own tests run.

A check takes a rule and yields what is wrong, in a sentence each; nothing here knows a single rule. The
checks on examples hold for every rule by itself; `CROWD_CHECKS` also take a crowd of rows, on which
narrowing and cutting a set must change no verdict.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import msgspec
import numpy as np

from curator import docs, formats, paths, splicing
from curator.columns import UNSET, Batch, Literals, parse
from curator.formats import Adapter, Reader, Row
from curator.harness import batch_of, flags_of, flags_of_bad, lines_of, mended, place_of
from curator.model import SEVERITIES, Edit, Example, Flag
from curator.rule import DROPPED, Bad, DatasetRule, RawRule, RowRule, Rule
from curator.tokens import Estimate

Check = Callable[[type[Rule]], Iterator[str]]

# First words of a name that would tell the cure, not the defect.
CURES = frozenset("add avoid check disallow ensure fix forbid must remove require use valid".split())
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_PART = 97  # rows of the small batches of a crowd


class Failure(NamedTuple):
    """What is wrong with a rule or shape."""

    of: str
    what: str


# ---------------------------------------------------------------------- what a rule says of itself


def says_what_and_why(rule: type[Rule]) -> Iterator[str]:
    if not rule.summary().endswith("."):
        yield "the docstring (in TOML, `summary`) begins with one sentence that names the defect"
    if len(rule.summary()) > 160:
        yield "the summary is one short sentence (160 characters)"
    if len(rule.why()) < 40:
        yield "the docstring goes on, after an empty line, to say why the defect harms training; in TOML, `why` does"
    if rule.severity not in SEVERITIES:
        yield f"the severity is one of {', '.join(SEVERITIES)}, not {rule.severity!r}"


def code_and_name(rule: type[Rule]) -> Iterator[str]:
    if not re.fullmatch(r"[A-Z]{2,8}\d{3}", rule.code):
        yield f"a code is two to eight capitals and three digits, not {rule.code!r}"
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.slug()):
        yield f"the name {rule.slug()!r} is made of letters and digits"
    if rule.slug().split("-")[0] in CURES:
        yield f'the name {rule.slug()!r} tells the cure: it should read well after "allow"'


def page_renders(rule: type[Rule]) -> Iterator[str]:
    for form in ("text", "md", "json"):
        page = docs.explain(rule, form)
        if rule.code not in page or _CONTROL.search(page):
            yield f"its page ({form}) holds control characters, or not its code"


def options_matter(rule: type[Rule]) -> Iterator[str]:
    """Every option is described, and decides the outcome of a BAD example that sets it."""
    _, schema = msgspec.json.schema_components([rule])
    properties = schema[rule.__name__].get("properties", {})
    for field in msgspec.structs.fields(rule):
        if not properties[field.encode_name].get("description"):
            yield f"the option {field.name} has no description"
        if not any(_option_matters(rule, bad, field.name) for bad in rule.BAD):
            yield f"no BAD example depends on {field.name}: set it in `options` so that it decides the outcome"


def _option_matters(rule: type[Rule], bad: Bad, name: str) -> bool:
    if name not in bad.options:
        return False
    rest = {key: value for key, value in bad.options.items() if key != name}
    return flags_of(made(rule, rest), bad.row) != flags_of_bad(rule, bad)


def is_plain_data(rule: type[Rule]) -> Iterator[str]:
    """It can be hashed, copied and sent to a worker, and takes no option it has not."""
    default = rule()
    if hash(default) != hash(rule()) or msgspec.convert(msgspec.to_builtins(default), rule) != default:
        yield "two rules with the same options differ"
    try:
        msgspec.convert({"no_such_option": 1}, rule)
    except msgspec.ValidationError:
        return
    yield "it takes options that it does not have"


# ---------------------------------------------------------------------- examples


def has_examples(rule: type[Rule]) -> Iterator[str]:
    if not rule.GOOD or not rule.BAD:
        yield "it needs GOOD and BAD examples, one each at least"
    examples = [(lines_of(row), b"") for row in rule.GOOD]
    examples += [(lines_of(bad.row), json.dumps(bad.options, sort_keys=True).encode()) for bad in rule.BAD]
    if len(examples) != len(set(examples)):
        yield "an example is written twice"


def good_is_silent(rule: type[Rule]) -> Iterator[str]:
    for number, good in enumerate(rule.GOOD, 1):
        flags = flags_of(rule(), good)
        if flags:
            said = [f"{place_of(rule(), *flag) or 'the row'}: {flag[1].message}" for flag in flags]
            yield f"GOOD example {number} is flagged at {'; '.join(said)}"


def bad_is_flagged(rule: type[Rule]) -> Iterator[str]:
    for number, bad in enumerate(rule.BAD, 1):
        strict = made(rule, bad.options)
        flags = flags_of(strict, bad.row)
        places = tuple(place_of(strict, index, flag) for index, flag in flags)
        if places != bad.places:
            yield f"BAD example {number} is flagged at {_listed(places)}, not at {_listed(bad.places)}"
        batch = batch_of(bad.row)
        for index, flag in flags:
            for fault in place_faults(batch.values[index], batch.lines[index], flag):
                yield f"BAD example {number}: {fault}"


def _listed(places: Iterable[str]) -> str:
    return ", ".join(place or "the row" for place in places) or "no place"


def place_faults(value: Any, raw: bytes, flag: Flag) -> Iterator[str]:
    """The path leads to something, or to a key that is missing from something; the span lies in it."""
    if not flag.message or not flag.message.isprintable():
        yield f"a message is one line of printable characters: {flag.message!r}"
    steps = paths.parse(flag.at)
    if paths.format(steps) != flag.at:
        yield f"{flag.at!r} is written otherwise: {paths.format(steps)!r}"
    if value is not UNSET and steps and paths.get(value, paths.format(steps[:-1]), UNSET) is UNSET:
        yield f"there is no {flag.at} in the row"
    if flag.span is not None:
        text = paths.get(value, flag.at)
        if not isinstance(text, str) or not 0 <= flag.span[0] <= flag.span[1] <= len(text):
            yield f"the span {flag.span} lies outside of the string at {flag.at}"
    if flag.byte is not None and not 0 <= flag.byte <= len(raw):
        yield f"byte {flag.byte} lies outside of the line"
    try:
        json.dumps(flag.evidence)
    except (TypeError, ValueError) as error:
        yield f"the evidence is no JSON: {error}"


# ---------------------------------------------------------------------- fixes


def fix_makes_what_it_says(rule: type[Rule]) -> Iterator[str]:
    """`fixed` comes out, the rule is silent then, and a second round changes nothing."""
    for number, bad in enumerate(rule.BAD, 1):
        for fault in _fix_faults(rule, bad):
            yield f"BAD example {number}: {fault}"


def _fix_faults(rule: type[Rule], bad: Bad) -> Iterator[str]:
    offered = [flag.fix for _, flag in flags_of_bad(rule, bad) if flag.fix]
    if bad.fixed is None:
        if offered:
            yield "a fix is offered that the example does not expect: say what comes out, in `fixed`"
        return
    if not offered:
        yield "the example expects a fix, and none is offered"
        return
    for fix in offered:
        if not fix.title or (fix.lines is None) != bool(fix.changes):
            yield "a fix has a title, and changes or lines"
    strict = made(rule, bad.options)
    out = mended(strict, bad.row)
    wanted: Any = bad.fixed if isinstance(bad.fixed, bytes) else []
    if not isinstance(bad.fixed, bytes) and bad.fixed is not DROPPED:
        wanted = values_of(lines_of(bad.fixed))
    if (out if isinstance(bad.fixed, bytes) else values_of(out)) != wanted:
        yield f"the fix makes {out.decode('utf-8', 'backslashreplace')!r}"
    left = flags_of(strict, out)
    if any(flag.fix for _, flag in left):
        yield "a second round would change something"
    if len(left) > len(bad.places) - len(offered):
        yield "the rule speaks after its fix"


def fix_leaves_the_rest(rule: type[Rule]) -> Iterator[str]:
    """Edits change characters only where they say so: the rest of the line keeps its bytes, however it is spelt."""
    styles: tuple[dict[str, Any], ...] = ({}, {"ensure_ascii": False}, {"separators": (",", ":")})
    for number, bad in enumerate(rule.BAD, 1):
        if not isinstance(bad.row, dict):
            continue
        for style in styles:
            raw = json.dumps(bad.row, **style).encode("utf-8", "surrogatepass")
            flags = [flag for _, flag in flags_of(made(rule, bad.options), raw + b"\n") if flag.fix]
            changes = [change for flag in flags for change in flag.fix.changes if flag.fix]  # type: ignore[union-attr]
            if any(not isinstance(change, Edit) for change in changes):
                continue
            spans = [splicing.locate(raw, change.path) for change in changes]
            out = mended(made(rule, bad.options), raw)
            if spans and out:
                first, last = min(start for start, _ in spans), max(stop for _, stop in spans)
                if not out.startswith(raw[:first]) or not out.endswith(raw[last:]):
                    yield f"BAD example {number}: the fix changes bytes that it does not name"


# ---------------------------------------------------------------------- other shapes


def holds_in_every_shape(rule: type[Rule]) -> Iterator[str]:
    """The defect is seen and mended in every shape that can hold the row."""
    for number, bad in enumerate(rule.BAD, 1):
        strict = made(rule, bad.options)
        if len(flags_of(strict, bad.row)) != len(bad.places):
            continue  # which `bad_is_flagged` tells: in no shape is it another fault
        missed: dict[int, list[tuple[str, Row]]] = {}
        for shape, row in twins(rule, bad):
            flags = flags_of(strict, row, shape)
            if len(flags) != len(bad.places):
                missed.setdefault(len(flags), []).append((shape, row))
            for _, flag in flags:
                yield from (f"BAD example {number}, as {shape}: {f}" for f in place_faults(row, lines_of(row), flag))
            if bad.fixed is not None:
                out = mended(strict, row, shape)
                if out == lines_of(row) or any(flag.fix for _, flag in flags_of(strict, out, shape)):
                    yield f"BAD example {number}: as {shape} the row is not mended: {out!r}"
        for times, others in missed.items():
            (shape, row), *rest = others
            more = f" (and as {', '.join(name for name, _ in rest)})" if rest else ""
            yield f"BAD example {number}: as {shape}{more} the row is flagged {times} times: {row}"


def twins(rule: type[Rule], bad: Bad) -> Iterator[tuple[str, Row]]:
    """(shape, row) for every shape that can hold the example's row without loss and reads it back alike."""
    if not issubclass(rule, RowRule) or not isinstance(bad.row, dict):
        return
    example = Reader().read(bad.row)
    if example is None:
        return
    for shape, adapter in formats.shapes().items():
        if shape in rule.exempt or shape == example.shape:
            continue
        if (row := written(adapter, example)) is not None:
            yield shape, row


def written(adapter: Adapter, example: Example) -> Row | None:
    """The example as a row of the shape, None where the shape cannot hold all of it or reads it otherwise."""
    row, losses = adapter.write(example)
    value = UNSET if losses else parse(lines_of(row).rstrip(b"\n"))
    again = Reader(adapter.name).read(value) if value is not UNSET else None  # a tree may be too deep for a parser
    return row if again is not None and said(again) == said(example) else None


def said(example: Example) -> Any:
    """What an example says, whatever its shape."""
    turns = [
        (
            turn.role,
            turn.text,
            turn.content,
            [(call.name, call.raw if call.arguments is None else call.arguments) for call in turn.calls],
        )
        for turn in example.all_turns()
    ]
    return turns, len(example.chosen), len(example.rejected), example.tools


CHECKS: tuple[Check, ...] = (
    says_what_and_why,
    code_and_name,
    page_renders,
    options_matter,
    is_plain_data,
    has_examples,
    good_is_silent,
    bad_is_flagged,
    fix_makes_what_it_says,
    fix_leaves_the_rest,
    holds_in_every_shape,
)


# ---------------------------------------------------------------------- speed must not change the verdict


class Crowd(NamedTuple):
    """Many rows as one batch, and the same rows in small ones."""

    batch: Batch
    parts: tuple[Batch, ...]


def crowd(rules: Iterable[type[Rule]], more: Iterable[bytes] = ()) -> Crowd:
    """Every example of the rules, and more lines, as a crowd."""
    known = list(rules)
    lines: list[bytes] = []
    for rule in known:
        for example in [*rule.GOOD, *(bad.row for bad in rule.BAD)]:
            lines += lines_of(example).removeprefix(b"\xef\xbb\xbf").split(b"\n")
    lines += more
    literals = Literals.of([rule() for rule in known])
    batch = Batch(b"\n".join(lines) + b"\n", Reader(), Estimate(), literals)
    starts = range(0, len(batch.lines), _PART)
    pieces = [b"".join(line + b"\n" for line in batch.lines[start : start + _PART]) for start in starts]
    nothing = Literals.of(())
    parts = tuple(Batch(piece, Reader(), Estimate(), nothing, first=not n) for n, piece in enumerate(pieces))
    return Crowd(batch, parts)


def candidates_lose_nothing(rule: type[Rule], crowd: Crowd) -> Iterator[str]:
    """Narrowing the rows leaves out none that would be flagged."""
    if issubclass(rule, DatasetRule):
        return  # it sees every row
    if issubclass(rule, RawRule) and (rule.broken or rule.candidates is not RawRule.candidates):
        return  # its candidates are what it is about: broken or blank lines, first lines
    batch = crowd.batch
    for each in _settings(rule):
        if isinstance(each, RawRule):
            everywhere = [(n, flag) for n in range(len(batch.lines)) for flag in each.check(batch.line(n))]
        else:
            assert isinstance(each, RowRule)
            everywhere = [(n, flag) for n in batch.readable for flag in each.check(batch.example(n))]
        if sorted(each.flags(batch), key=lambda pair: pair[0]) != everywhere:
            yield f"with {each!r}, `candidates`, `literals` or `structural` leaves out rows that would be flagged"


def sketch_is_of_its_row(rule: type[Rule], crowd: Crowd) -> Iterator[str]:
    """A sketch depends on its row alone, so that findings are the same wherever a file is cut."""
    if not issubclass(rule, DatasetRule):
        return
    batch = crowd.batch
    for each in _settings(rule):
        assert isinstance(each, DatasetRule)
        whole = each.sketch(batch)
        if len(whole) != len(batch.lines):
            yield f"`sketch` makes {len(whole)} entries for {len(batch.lines)} lines"
            continue
        parts = np.concatenate([each.sketch(part) for part in crowd.parts])
        if not np.array_equal(parts[batch.readable], whole[batch.readable]):
            yield f"with {each!r}, `sketch` depends on other rows than its own"


CROWD_CHECKS: tuple[Callable[[type[Rule], Crowd], Iterator[str]], ...] = (
    candidates_lose_nothing,
    sketch_is_of_its_row,
)


def made(rule: type[Rule], options: Mapping[str, Any]) -> Rule:
    return msgspec.convert(options, rule)


def _settings(rule: type[Rule]) -> list[Rule]:
    """The rule with its defaults and with every set of options that an example uses."""
    seen: list[Mapping[str, Any]] = [{}]
    seen += [bad.options for bad in rule.BAD if bad.options not in seen]
    return [made(rule, options) for options in seen]


def values_of(data: bytes) -> list[str]:
    """The rows in canonical form; a broken line as its text."""
    values = [(line, parse(line.removeprefix(b"\xef\xbb\xbf"))) for line in data.split(b"\n") if line]
    return [
        repr(line) if value is UNSET else json.dumps(value, sort_keys=True, ensure_ascii=False)
        for line, value in values
    ]


# ---------------------------------------------------------------------- all of it


def failures(rules: Iterable[type[Rule]], crowd: Crowd) -> Iterator[Failure]:
    """What is wrong with the rules. A check that fails itself is a failure of the rule."""
    for rule in rules:
        checks = [partial(check, rule) for check in CHECKS] + [partial(check, rule, crowd) for check in CROWD_CHECKS]
        for check in checks:
            try:
                yield from (Failure(f"{rule.code} {rule.slug()}", fault) for fault in check())
            except Exception as error:
                said = " ".join(str(error).split())
                yield Failure(f"{rule.code} {rule.slug()}", f"it fails: {type(error).__name__}: {said}")


def shape_failures(adapter: Adapter, crowd: Crowd) -> Iterator[Failure]:
    """What is wrong with a shape: a row that it fails on, or one that it can hold and does not read back."""
    held = 0
    of = f"shape {adapter.name}"
    for example in crowd.batch.examples:
        if example is None:
            continue
        try:
            if type(example.value) is dict and adapter.matches(example.value) > 0:
                adapter.read(example.value)
            row, losses = adapter.write(example)
            if losses:
                continue
            if not adapter.matches(row) or adapter.keys.isdisjoint(row):
                yield Failure(of, f"it writes a row that it does not match: {_brief(row)}")
                return
            if said(adapter.read(row)) == said(example):
                held += 1
            elif example.shape == "openai-chat":
                yield Failure(of, f"a row is written without loss and read back otherwise: {_brief(row)}")
                return
        except Exception as error:
            yield Failure(of, f"it fails on {_brief(example.value)}: {type(error).__name__}: {error}")
            return
    if not held:
        yield Failure(of, "it holds no conversation at all without a loss")


def _brief(row: Any) -> str:
    text = json.dumps(row, ensure_ascii=True, default=str)
    return text if len(text) <= 200 else f"{text[:200]}…"
