"""What holds for every rule, in Python and in TOML: the examples say what a rule does, and are executed.

A rule is tested by its own GOOD and BAD. A test that fails here names the rule and the example; nothing
in this file knows a single rule.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from curator import docs, paths, shingles
from curator.columns import UNSET, Batch, Literals, parse
from curator.formats import SHAPES, Reader
from curator.harness import batch_of, flags_of, flags_of_bad, lines_of, mended, place_of
from curator.model import SEVERITIES, Edit
from curator.rule import DROPPED, Bad, DatasetRule, RawRule, RowRule, Rule, all_rules
from curator.tokens import Estimate

SHARED = Path(__file__).parents[2] / "shared" / "data"

RULES = all_rules()
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
GOODS = [(rule, n) for rule in RULES.values() for n in range(len(rule.GOOD))]
BADS = [(rule, bad, n) for rule in RULES.values() for n, bad in enumerate(rule.BAD)]
every_good = pytest.mark.parametrize(
    ("rule", "good"), [(rule, rule.GOOD[n]) for rule, n in GOODS], ids=[f"{rule.code}-{n}" for rule, n in GOODS]
)
every_bad = pytest.mark.parametrize(
    ("rule", "bad"), [(rule, bad) for rule, bad, _ in BADS], ids=[f"{rule.code}-{n}" for rule, _, n in BADS]
)

# First words of a name that would tell the cure, not the defect.
CURES = {"add", "avoid", "check", "disallow", "ensure", "fix", "forbid", "must", "remove", "require", "use", "valid"}


def made(rule: type[Rule], options: dict[str, Any]) -> Rule:
    return msgspec.convert(options, rule)


def values_of(data: bytes) -> list[str]:
    """The rows in canonical form; a broken line as its text."""
    values = [(line, parse(line.removeprefix(b"\xef\xbb\xbf"))) for line in data.split(b"\n") if line]
    return [
        repr(line) if value is UNSET else json.dumps(value, sort_keys=True, ensure_ascii=False)
        for line, value in values
    ]


# ---------------------------------------------------------------------- what a rule says of itself


@every_rule
def test_it_says_what_the_defect_is_and_why_it_harms(rule):
    assert rule.summary().endswith("."), "the docstring begins with one sentence that names the defect"
    assert len(rule.summary()) <= 160, "the summary is one short sentence"
    assert len(rule.why()) >= 40, "the docstring goes on to say why the defect harms training"
    assert rule.severity in SEVERITIES


@every_rule
def test_its_code_and_name_are_well_formed(rule):
    assert re.fullmatch(r"[A-Z]{3}\d{3}", rule.code)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.slug())
    assert rule.slug().split("-")[0] not in CURES, 'the name reads as "allow NAME": it names the defect'


def test_names_are_unique():
    names = [rule.slug() for rule in RULES.values()]
    assert sorted(names) == sorted(set(names))


@every_rule
def test_its_page_renders(rule):
    for form in ("text", "md", "json"):
        page = docs.explain(docs.find(rule.slug()), form)
        assert rule.code in page
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", page), "a page holds no control characters"


@every_rule
def test_its_options_are_described_and_each_makes_a_difference_in_an_example(rule):
    _, schema = msgspec.json.schema_components([rule])
    properties = schema[rule.__name__].get("properties", {})
    for field in msgspec.structs.fields(rule):
        assert properties[field.encode_name].get("description"), f"{field.name} has no description"
        assert any(option_matters(rule, bad, field.name) for bad in rule.BAD), (
            f"no BAD example depends on {field.name}: set it in `options` so that it decides the outcome"
        )


def option_matters(rule: type[Rule], bad: Bad, name: str) -> bool:
    if name not in bad.options:
        return False
    rest = {key: value for key, value in bad.options.items() if key != name}
    return flags_of(made(rule, rest), bad.row) != flags_of_bad(rule, bad)


@every_rule
def test_it_names_only_options_it_has_and_can_be_copied(rule):
    default = rule()
    assert hash(default) == hash(rule())
    assert msgspec.convert(msgspec.to_builtins(default), rule) == default
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"no_such_option": 1}, rule)


# ---------------------------------------------------------------------- examples


@every_rule
def test_it_has_good_and_bad_examples_and_none_twice(rule):
    assert rule.GOOD
    assert rule.BAD
    examples = [(lines_of(row), b"") for row in rule.GOOD]
    examples += [(lines_of(bad.row), json.dumps(bad.options, sort_keys=True).encode()) for bad in rule.BAD]
    assert len(examples) == len(set(examples)), "an example is written twice"


@every_good
def test_good_is_silent(rule, good):
    flags = flags_of(rule(), good)
    assert not flags, f"flagged: {[(place_of(rule(), *flag), flag[1].message) for flag in flags]}"


@every_bad
def test_bad_is_flagged_exactly_there(rule, bad):
    flags = flags_of_bad(rule, bad)
    assert tuple(place_of(made(rule, bad.options), index, flag) for index, flag in flags) == bad.places
    batch = batch_of(bad.row)
    for index, flag in flags:
        assert flag.message, "a flag says what is wrong"
        assert flag.message.isprintable(), "a message is one line of printable characters"
        check_place(batch.values[index], batch.lines[index], flag)


def check_place(value, raw, flag):
    """The path leads to something, or to a key that is missing from something; the span lies in it."""
    steps = paths.parse(flag.at)
    assert paths.format(steps) == flag.at
    if value is not UNSET and steps:
        assert paths.get(value, paths.format(steps[:-1]), UNSET) is not UNSET, f"no {flag.at} in the row"
    if flag.span is not None:
        text = paths.get(value, flag.at)
        assert isinstance(text, str)
        assert 0 <= flag.span[0] <= flag.span[1] <= len(text)
    if flag.byte is not None:
        assert 0 <= flag.byte <= len(raw)
    json.dumps(flag.evidence)


# ---------------------------------------------------------------------- fixes


@every_bad
def test_the_fix_makes_what_the_example_says_and_the_rule_is_silent_then(rule, bad):
    offered = [flag.fix for _, flag in flags_of_bad(rule, bad) if flag.fix]
    if bad.fixed is None:
        assert not offered, "a fix is offered that the example does not expect: say what comes out, in `fixed`"
        return
    assert offered, "the example expects a fix, and none is offered"
    for fix in offered:
        assert fix.title
        assert (fix.lines is None) == bool(fix.changes), "a fix has changes or lines"
    strict = made(rule, bad.options)
    out = mended(strict, bad.row)
    if isinstance(bad.fixed, bytes):
        assert out == bad.fixed
    else:
        assert values_of(out) == ([] if bad.fixed is DROPPED else values_of(lines_of(bad.fixed)))
    assert not [flag for _, flag in flags_of(strict, out) if flag.fix], "a second round would change something"
    assert len(flags_of(strict, out)) <= len(bad.places) - len(offered), "the rule speaks after its fix"


@every_bad
def test_a_safe_fix_leaves_what_it_does_not_name(rule, bad):
    """Edits change characters only where they say so: the rest of the line keeps its bytes."""
    if not isinstance(bad.row, dict):
        return
    for style in ({}, {"ensure_ascii": False}, {"separators": (",", ":")}):
        raw = json.dumps(bad.row, **style).encode("utf-8", "surrogatepass")
        flags = [flag for _, flag in flags_of(made(rule, bad.options), raw + b"\n") if flag.fix]
        if any(not isinstance(change, Edit) for flag in flags for change in flag.fix.changes):
            continue
        spans = [paths.locate(raw, change.path) for flag in flags for change in flag.fix.changes]
        out = mended(made(rule, bad.options), raw)
        if spans and out:
            first, last = min(start for start, _ in spans), max(stop for _, stop in spans)
            assert out.startswith(raw[:first])
            assert out.endswith(raw[last:])


# ---------------------------------------------------------------------- other shapes


def twins(rule, bad):
    """(shape, row) for every shape that can hold the example's row without loss and reads it back alike."""
    if not issubclass(rule, RowRule) or not isinstance(bad.row, dict):
        return
    example = Reader().read(bad.row)
    if example is None:
        return
    for shape, adapter in SHAPES.items():
        if shape in rule.exempt:
            continue
        row, losses = adapter.write(example) if shape != example.shape else (bad.row, ["the same"])
        value = UNSET if losses else parse(lines_of(row).rstrip(b"\n"))
        again = Reader(shape).read(value) if value is not UNSET else None  # a tree may be too deep for a parser
        if again is not None and said(again) == said(example):
            yield shape, row


def said(example):
    """What an example says, whatever its shape."""
    turns = [
        (
            turn.role,
            turn.text,
            turn.content,
            [(c.name, c.raw if c.arguments is None else c.arguments) for c in turn.calls],
        )
        for turn in example.all_turns()
    ]
    return turns, len(example.chosen), len(example.rejected), example.tools


@every_bad
def test_the_defect_is_seen_and_mended_in_every_shape_that_can_hold_the_row(rule, bad):
    strict = made(rule, bad.options)
    for shape, row in twins(rule, bad):
        flags = flags_of(strict, row, shape)
        assert len(flags) == len(bad.places), f"as {shape} the row is flagged {len(flags)} times: {row}"
        for _, flag in flags:
            check_place(row, lines_of(row), flag)
        if bad.fixed is not None:
            out = mended(strict, row, shape)
            assert out != lines_of(row), f"as {shape} the fix changes nothing: {row}"
            left = [flag for _, flag in flags_of(strict, out, shape) if flag.fix]
            assert not left, f"as {shape} the row is not mended: {out!r}"


# ---------------------------------------------------------------------- speed must not change the verdict


@cache
def crowd() -> Batch:
    """Every example of every rule and some hundred real rows, as one batch."""
    lines = []
    for rule in RULES.values():
        for example in [*rule.GOOD, *(bad.row for bad in rule.BAD)]:
            lines += lines_of(example).removeprefix(b"\xef\xbb\xbf").split(b"\n")
    lines += real_lines()
    return Batch(b"\n".join(lines) + b"\n", Reader(), Estimate(), Literals.of([rule() for rule in RULES.values()]))


def real_lines() -> list[bytes]:
    """Up to fifteen rows of each of some real sets, where they are at hand."""
    lines: list[bytes] = []
    for file in sorted(SHARED.glob("*/*.json*")) if SHARED.is_dir() else []:
        if file.suffix == ".jsonl":
            with file.open("rb") as stream:
                lines += [line.rstrip(b"\n") for line, _ in zip(stream, range(15), strict=False)]
        elif file.suffix == ".json" and file.stat().st_size < 5_000_000:
            value = json.loads(file.read_bytes())
            lines += [msgspec.json.encode(row) for row in value[:15]] if isinstance(value, list) else []
    return [line for line in lines if b"\n" not in line]


def settings(rule):
    """The rule with its defaults and with every set of options that an example uses."""
    seen = [{}]
    seen += [bad.options for bad in rule.BAD if bad.options not in seen]
    return [made(rule, options) for options in seen]


@every_rule
def test_candidates_leave_out_no_row_that_would_be_flagged(rule):
    if issubclass(rule, DatasetRule):
        pytest.skip("a dataset rule sees every row")
    if issubclass(rule, RawRule) and (rule.broken or rule.candidates is not RawRule.candidates):
        pytest.skip("its candidates are what it is about: broken or blank lines, first lines")
    batch = crowd()
    for each in settings(rule):
        places = range(len(batch.lines)) if isinstance(each, RawRule) else batch.readable
        look = batch.line if isinstance(each, RawRule) else batch.example
        everywhere = [(index, flag) for index in places for flag in each.check(look(index))]
        assert sorted(each.flags(batch), key=lambda pair: pair[0]) == everywhere


@every_rule
def test_a_sketch_depends_on_its_row_alone(rule):
    """So that findings are the same wherever a file is cut."""
    if not issubclass(rule, DatasetRule):
        pytest.skip("not a dataset rule")
    batch = crowd()
    for each in settings(rule):
        whole = each.sketch(batch)
        assert len(whole) == len(batch.lines)
        parts = [each.sketch(part) for part in parted(batch)]
        assert np.array_equal(np.concatenate(parts)[batch.readable], whole[batch.readable])


@cache
def parted(batch: Batch) -> list[Batch]:
    """The same lines in small batches."""
    step = 97
    starts = range(0, len(batch.lines), step)
    pieces = [b"".join(line + b"\n" for line in batch.lines[start : start + step]) for start in starts]
    nothing = Literals.of(())
    return [Batch(piece, Reader(), Estimate(), nothing, first=not n) for n, piece in enumerate(pieces)]


@pytest.mark.parametrize("view", ["whole", "prompt", "answer"])
def test_the_arrays_of_a_view_depend_on_each_row_alone(view):
    """So that rows alike are the same wherever a file is cut."""
    batch = crowd()
    whole = shingles.columns(batch, view)
    parts = [shingles.columns(part, view) for part in parted(batch)]
    for name, values in whole.items():
        assert np.array_equal(np.concatenate([part[name] for part in parts]), values), name
    assert whole[f"{view}.counts"].sum() == len(whole[f"{view}.words"])
