"""Looks for regular expressions whose time grows out of hand: `python -m tests.fuzz.patterns`.

Every pattern that curator compiles when its modules and rules are loaded is fed strings made from its own parts: what
each of its repetitions takes, over and over, behind what must stand before it, and ended by what it cannot take. Told is
each one whose time grows by more than the square root of the square (an exponent above 1.6) and that takes over a
second on a text of 64 KB, measured on such a text.

A pattern that the source only ever calls `match` or `fullmatch` on is fed that way, at the one place where it may begin.
Where the source gives the place (`match(text, hit.end())`) it is tried at the start of each run of letters, of blanks and
of signs, for there hits end, or behind
the last match (`CHAINED`). All others, and those that are handed on as values, are searched for through the whole text.
One of which the source cuts the text short (`CUT`) is tried on pieces of that length, as many as make the whole.
"""

from __future__ import annotations

import ast
import gc
import importlib
import math
import pkgutil
import re
import re._constants as sre  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice, pairwise, product
from pathlib import Path
from typing import Any, NamedTuple

SHORT, LONG, WHOLE = 2_000, 8_000, 65_536  # characters
BUDGET = 2.0  # seconds spent on a pattern
LIMIT, LAST = 1.0, 10.0  # seconds for a text of WHOLE characters: too many, and where the wait for it ends
EXPONENT = 1.6
TAILS = ("\x01", "a", " b, c d e.\n")  # what ends a text: no pattern takes the first

# Characters that the source hands to a pattern at once, whatever the text is: read off the places that call it.
CUT = {
    "curator.checks.contradictions.finals._TERMS": 41,
    "curator.checks.spelling._ADDRESS_BEFORE": 80,
    "curator.checks.spelling._IN_CALL": 80,
    "curator.checks.spelling._LABELLED": 40,
    "curator.cli.review._FORM": 255,  # the name of a file
    "curator.sop.furniture._FURNITURE": 300,
    "curator.text.prose._STRONG": 400,
    "curator.text.prose._WEAK": 400,
}
# Matched next where the last match ended, or behind it.
CHAINED = {"curator.checks.characters.escapes._BREAKS", "curator.ollama.gosyntax._TOKEN", "curator.paths._NEXT"}


def patterns() -> dict[tuple[Any, int], re.Pattern[Any]]:
    """All patterns that curator compiles, by source and flags: its modules and rules are loaded, a sample is linted."""
    found: dict[tuple[Any, int], re.Pattern[Any]] = {}
    compiled = re._compile  # type: ignore[attr-defined]

    def watched(pattern: Any, flags: int) -> re.Pattern[Any]:
        made: re.Pattern[Any] = compiled(pattern, flags)
        caller = sys._getframe(2).f_globals.get("__name__", "")
        if caller.startswith("curator"):
            found[made.pattern, made.flags] = made
        return made

    re._compile = watched  # type: ignore[attr-defined]
    try:
        import curator
        from curator.text.patterns import Later

        for module in pkgutil.walk_packages(curator.__path__, "curator."):
            if not module.name.startswith(("curator.__main__", "curator.training", "curator.export", "curator.review")):
                importlib.import_module(module.name)
        for later in [item for item in gc.get_objects() if type(item) is Later]:
            assert later.pattern  # compiled by now
        from tests.fuzz.targets import TARGETS, seeds

        for name, target in TARGETS.items():
            for data in islice(seeds(name), 3):
                target(data)
    finally:
        re._compile = compiled  # type: ignore[attr-defined]
    return found


ANCHORED = frozenset(("match", "fullmatch"))
PLACED = ANCHORED | {"placed"}  # `match` with a place to begin at
METHODS = ANCHORED | {"search", "finditer", "findall", "sub", "subn", "split"}


def named() -> dict[Any, list[str]]:
    """The names that hold a pattern, by its source."""
    from curator.text.patterns import Later

    names: dict[Any, list[str]] = defaultdict(list)
    for module, held in list(sys.modules.items()):
        if module.startswith("curator"):
            for own, value in vars(held).items():
                if isinstance(value, re.Pattern | Later):
                    names[value.pattern].append(f"{module}.{own}")
    return names


def methods(names: dict[Any, list[str]]) -> dict[Any, set[str]]:
    """The methods that the source calls on each pattern, by its source."""
    import curator

    calls: dict[tuple[str, str], set[str]] = defaultdict(set)  # by module ("" for a public name) and name
    direct: dict[Any, set[str]] = defaultdict(set)  # `re.match("…", text)`, by source
    for file in sorted(Path(curator.__path__[0]).rglob("*.py")):
        module = ".".join(("curator", *file.relative_to(curator.__path__[0]).with_suffix("").parts)).removesuffix(".__init__")  # fmt: skip
        tree = ast.parse(file.read_text(encoding="utf-8"))
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        for node in ast.walk(tree):
            name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
            if name == "re" and isinstance(call := parents[parents[node]], ast.Call) and call.func is parents[node]:
                if call.args and isinstance(first := call.args[0], ast.Constant) and call.func.attr != "compile":
                    direct[first.value].add(_method(node, parents))
            elif name and isinstance(node.ctx, ast.Load) and not isinstance(parents[node], ast.keyword):  # type: ignore[attr-defined]
                calls["" if name[0] != "_" else module, name].add(_method(node, parents))
    uses: dict[Any, set[str]] = defaultdict(set, direct)
    for source, holders in names.items():
        for holder in holders:
            module, _, own = holder.rpartition(".")
            uses[source] |= calls["" if own[0] != "_" else module, own]
    return uses


def _method(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> str:
    """How a pattern is used where it is named: the method called, "placed" for a match from a place on."""
    above = parents[node]
    if not isinstance(above, ast.Attribute) or above.attr not in METHODS:
        return "search"
    call = parents[above]
    texts = 2 if isinstance(node, ast.Name) and node.id == "re" else 1
    plain = isinstance(call, ast.Call) and call.func is above and len([a for a in call.args if not isinstance(a, ast.Attribute)]) <= texts  # fmt: skip
    return above.attr if plain else "placed" if above.attr in ANCHORED else "search"


def sample(tree: Any) -> str:
    """A string that the tree matches, or nearly: groups and repetitions taken as few times as may be, but once."""
    out = []
    for kind, value in tree:
        if kind is sre.LITERAL:
            out.append(chr(value))
        elif kind is sre.NOT_LITERAL:
            out.append("a" if value != ord("a") else "b")
        elif kind is sre.ANY:
            out.append("x")
        elif kind is sre.IN:
            out.append(member(value))
        elif kind is sre.BRANCH:
            out.append(sample(value[1][0]))
        elif kind is sre.SUBPATTERN:
            out.append(sample(value[3]))
        elif kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            out.append(sample(value[2]) * max(1, min(value[0], 50)))
        elif kind is sre.ATOMIC_GROUP:
            out.append(sample(value))
    return "".join(out)


def member(items: Any) -> str:
    """A character of a class."""
    if items[0][0] is sre.NEGATE:
        taken = (
            re.compile("[" + "".join(re.escape(chr(v)) for k, v in items if k is sre.LITERAL) + "]")
            if any(k is sre.LITERAL for k, _ in items)
            else None
        )
        classes = {v for k, v in items if k is sre.CATEGORY}
        for char in "a 1.\n<(é":
            word = char.isalnum()
            if taken and taken.match(char):
                continue
            if (sre.CATEGORY_WORD in classes and word) or (sre.CATEGORY_SPACE in classes and char.isspace()):
                continue
            if sre.CATEGORY_NOT_WORD in classes and not word:
                continue
            if sre.CATEGORY_NOT_SPACE in classes and not char.isspace():
                continue
            return char
        return "~"
    kind, value = items[0]
    if kind is sre.LITERAL:
        return chr(value)
    if kind is sre.RANGE:
        return chr(value[0])
    kinds = {
        sre.CATEGORY_DIGIT: "1",
        sre.CATEGORY_SPACE: " ",
        sre.CATEGORY_WORD: "a",
        sre.CATEGORY_NOT_SPACE: "a",
        sre.CATEGORY_NOT_WORD: " ",
    }
    return kinds.get(value, "a")


def units(tree: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """(what stands before, what is repeated) for each repetition of the tree without a small bound, at any depth."""
    for kind, value in tree:
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            if value[1] > 20:
                yield before, sample(value[2])
                for branch_kind, branch in value[2]:
                    if branch_kind is sre.BRANCH:
                        yield from ((before, sample(each)) for each in branch[1])
            yield from units(value[2], before)
        elif kind is sre.SUBPATTERN:
            yield from units(value[3], before)
        elif kind is sre.ATOMIC_GROUP:
            yield from units(value, before)
        elif kind is sre.BRANCH:
            for each in value[1]:
                yield from units(each, before)
        elif kind in (sre.ASSERT, sre.ASSERT_NOT):
            yield from units(value[1], before)
        before += sample([(kind, value)])


def attacks(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str]]:
    """(prefix, unit): the unit is repeated until the string is as long as wanted."""
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    tree = parser.parse(
        text, pattern.flags & ~re.DEBUG if isinstance(pattern.pattern, str) else pattern.flags & ~re.UNICODE
    )
    found = [(before, unit) for before, unit in units(tree) if unit]
    first = sample(tree)
    seen: dict[tuple[str, str], None] = {}
    for before, unit in found:
        seen[before, unit] = seen["", unit] = seen["", before + unit] = None
    for one, other in pairwise(found):
        seen[one[0], one[1] + other[1]] = None
    if first:
        seen["", first] = seen["", first[:1]] = None
    for plain in ("a", " ", "\n", "1", "a ", "a\n", "<", "(", "[", "-", "_", "*", "`", '"', "\\", ".", "é"):
        seen["", plain] = None
    yield from islice(seen, 150)


class Use(NamedTuple):
    """How a pattern is put to a text."""

    methods: frozenset[str]  # what is called, "placed" for a match from a place on
    cut: int  # characters of a piece of the text; 0 for the whole
    chained: bool  # whether a place before the end of the last match is passed over

    @property
    def searched(self) -> bool:
        return not self.methods or not self.methods <= PLACED


_STARTS = re.compile(r"\w+|\s+|[^\w\s]+")


def seconds(pattern: re.Pattern[Any], text: str, use: Use) -> float:
    """CPU seconds to find all there is in a text."""
    piece: Any = text[: use.cut - 1] + text[-1] if use.cut else text
    places = [run.start() for run in _STARTS.finditer(piece)]
    if isinstance(pattern.pattern, bytes):
        piece, places = piece.encode("utf-8", "replace"), []
    started = time.process_time()
    for _ in range(len(text) // len(piece)):
        if use.searched:
            for _ in islice(pattern.finditer(piece), len(text)):
                pass
            continue
        if "fullmatch" in use.methods:
            pattern.fullmatch(piece)
        end = -1
        for place in places if "placed" in use.methods else (0,):
            if place >= end or not use.chained:
                found = pattern.match(piece, place)
                end = found.end() if found else -1
    return time.process_time() - started


class Long(Exception):
    """A search that takes far too long."""


def given_up(*_: object) -> None:
    raise Long


def timed(pattern: re.Pattern[Any], text: str, use: Use) -> float:
    """The same seconds, or infinite where more than LAST go by on the wall.

    The timer is not that of processor time: while one runs, `process_time` goes by ticks of milliseconds.
    """
    signal.setitimer(signal.ITIMER_REAL, LAST)
    try:
        return seconds(pattern, text, use)
    except Long:
        return math.inf
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def worst(pattern: re.Pattern[Any], use: Use) -> tuple[float, str] | None:
    """(seconds that a text of WHOLE characters takes, the unit) where these are too many."""
    started = time.process_time()
    for (prefix, unit), tail in product(attacks(pattern), TAILS):
        if time.process_time() - started > BUDGET:
            break
        texts = {size: prefix + unit * (size // len(unit)) + tail for size in (SHORT, LONG, WHOLE)}
        long = timed(pattern, texts[LONG], use)
        if long < 0.004:
            continue
        if not math.isinf(long) and not use.cut:
            long = min(long, timed(pattern, texts[LONG], use))
            short = min(timed(pattern, texts[SHORT], use) for _ in range(3))
            exponent = math.log(long / short) / math.log(LONG / SHORT)
            if exponent < EXPONENT or long * (WHOLE / LONG) ** exponent < LIMIT:
                continue
        whole = timed(pattern, texts[WHOLE], use)
        if whole > LIMIT:
            return whole, f"{prefix[:30]!r} + {unit[:40]!r}… + {tail!r}"
    return None


def main() -> int:
    signal.signal(signal.SIGALRM, given_up)
    known, bad = patterns(), 0
    names = named()
    used = methods(names)
    for pattern in known.values():
        holders = names.get(pattern.pattern, [])
        cuts = [CUT.get(holder, 0) for holder in holders]
        chained = bool(holders) and CHAINED.issuperset(holders)
        use = Use(frozenset(used.get(pattern.pattern, ())), max(cuts) if all(cuts) and cuts else 0, chained)
        if found := worst(pattern, use):
            bad += 1
            told = ", ".join(holders) or f"{str(pattern.pattern)[:160]!r}"
            print(f"{found[0]:8.1f} s  {told}  {found[1]}", flush=True)
    print(f"{len(known):,} patterns, {bad} grow out of hand")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
