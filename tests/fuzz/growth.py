"""Looks for rules whose time grows out of hand with the length of a row: `python -m tests.fuzz.growth [CODE ...]`.

Four kinds of long texts are put where the rule's own examples have theirs, and in a plain question and answer: each
text of the rule's examples written over and over, joined by spaces or by line ends; the examples of the rules of its
family likewise; some general texts over and over (`GENERAL`); and these behind a text of the examples, so that one hit
is followed by much else. Told is each whose time grows from 100,000 to 400,000 characters by more than an exponent of
1.4 and that would take over five seconds on a text of a megabyte; and each that takes over twenty whatever it grows by.
"""

from __future__ import annotations

import copy
import math
import signal
import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from curator.harness import flags_of, runs_here
from curator.rule import Rule, all_rules, chat

SHORT, LONG, WHOLE = 100_000, 400_000, 1_000_000  # characters
LIMIT = 5.0  # seconds for a text of WHOLE characters
EXPONENT = 1.4
DREADFUL = 20.0  # seconds for a text of WHOLE characters, however it grows
TRIED = 4  # examples of each kind
RELATED = 12  # texts of the other rules of a family

GENERAL = {
    "a word": "very ",
    "a letter": "a",
    "spaces": " ",
    "blank lines": "\n",
    "spaced lines": " \n",
    "speakers": "User: a\nAssistant: b\n",
    "sentences": "The old mill stands by the river. It was built of grey stone long ago.\n",
    "one line": "The old mill stands by the river. It was built of grey stone long ago. ",
    "table": "| name | size |\n| --- | --- |\n| wren | 10 |\n",
    "json": '{"name": "wren", "sizes": [1, 2.5, null], "small": true}\n',
    "code": "def add(a, b):\n    # the sum\n    return a + b\n\n",
    "fences": "Add them:\n```python\nx = 1 + 2\n```\n",
    "chinese": "这座老磨坊建在河边很久以前用灰石建成",
    "addresses": "https://example.org/a/b?c=1 ",
    "e-mails": "ann.lee@example.org, +49 30 1234567; ",
    "numbers": "3.14 12,000 42% -7 ",
    "digits": "1234567890",
    "list": "1. **Wash** the bowl.\n2. Dry it.\n",
    "html": "<p>The <b>old</b> mill &amp; the river<br></p>\n",
    "latex": "So $x^2 + y_1 = \\frac{1}{2}$ and \\[ a = b \\] hold.\n",
    "quotations": '"Who is it?" she said: \u201cIt is I.\u201d ',
    "signs": "[(<{*_`#'\"}>)] ",
    "brackets": "[",
    "emoji": "\U0001f600\u200d\u2764\ufe0f \u202e",
    "mojibake": "Itâ€™s a cafÃ© ",
    "tokens": "<|im_start|>user\nHi<|im_end|>\n",
    "think": "<think>So.</think> It is. ",
    "escapes": "One.\\nTwo \\u00e9. ",
}


class Late(Exception):
    """A rule that takes far too long."""


def leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """(steps, text) of every text of a row that is written by hand, not one of its names."""
    if isinstance(value, str) and len(value) > 8:
        yield at, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        yield from leaves(item, (*at, step))


def put(row: Any, at: tuple[Any, ...], text: str) -> Any:
    """The row with the text at that place."""
    row = copy.deepcopy(row)
    inner = row
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = text
    return row


def over_and_over(unit: str, size: int, head: str = "") -> str:
    return head + unit * (size // len(unit) + 1)


def examples(kind: type[Rule]) -> list[Any]:
    rows = [bad.row for bad in kind.BAD[:TRIED]] + list(kind.GOOD[:TRIED])
    return [row for row in rows if isinstance(row, dict)]


def seconds(rule: Rule, row: Any) -> float:
    """Processor time of one judgement, reading and columns included; infinite where it takes far too long."""
    signal.setitimer(signal.ITIMER_REAL, 30)
    begun = time.process_time()
    try:
        flags_of(rule, row)
    except Late:
        return math.inf
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return time.process_time() - begun


PLAIN = chat(user="Tell me of the mill.", assistant="It stands by the river.")
ANSWER, PROMPT = ("messages", 1, "content"), ("messages", 0, "content")


def trials(kind: type[Rule], family: list[type[Rule]]) -> Iterator[tuple[Any, tuple[Any, ...], str, str]]:
    """(row, where the long text goes, what it begins with, what is written over and over)."""
    own = [(row, at, text) for row in examples(kind) for at, text in leaves(row)]
    yield from ((row, at, "", text + joint) for row, at, text in own for joint in " \n")
    places = [(row, at) for row, at, _ in own[:2]] + [(PLAIN, ANSWER), (PLAIN, PROMPT)]
    others = {text: None for other in family if other is not kind for row in examples(other) for _, text in leaves(row)}
    for row, at in places[-3:]:
        yield from ((row, at, "", text + "\n") for text in islice(others, RELATED))
    for unit in GENERAL.values():
        yield from ((row, at, "", unit) for row, at in places)
        yield from ((row, at, text + "\n", unit) for row, at, text in own[:2])


def slow(kind: type[Rule], family: list[type[Rule]]) -> Iterator[str]:
    """What to say of a rule: which text makes it slow, and how slow."""
    rule = kind()
    for row, at, head, unit in trials(kind, family):
        short = seconds(rule, put(row, at, over_and_over(unit, SHORT, head)))
        if short < LIMIT * (SHORT / WHOLE) ** 2:  # were it to grow with the square, it would be fast enough
            continue
        long = seconds(rule, put(row, at, over_and_over(unit, LONG, head)))
        if math.isinf(long):
            yield f"{kind.code} never ends {at} {head[:40]!r} {unit[:60]!r}"
            continue
        exponent = math.log(long / short) / math.log(LONG / SHORT)
        whole = long * (WHOLE / LONG) ** max(exponent, 1)
        if (exponent > EXPONENT and whole > LIMIT) or whole > DREADFUL:
            yield f"{kind.code} {exponent:.2f} {whole:7.1f} s a megabyte {at} {head[:40]!r} {unit[:60]!r}"


def late(*_: object) -> None:
    raise Late


def main(codes: list[str]) -> int:
    signal.signal(signal.SIGALRM, late)
    found = 0
    rules = all_rules()
    for kind in rules.values():
        if runs_here(kind) and (not codes or any(kind.code.startswith(code) for code in codes)):
            family = [other for code, other in rules.items() if code[:3] == kind.code[:3]]
            begun = time.process_time()
            for line in slow(kind, family):
                found += 1
                print(line, flush=True)
            print(f"{kind.code} tried in {time.process_time() - begun:.0f} s", file=sys.stderr, flush=True)
    print(f"{found} slow")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
