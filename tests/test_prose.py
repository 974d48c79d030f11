"""What counts as prose, and what as code, addresses, tables, mathematics or markup."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.text import prose
from curator.text.prose import in_prose, looks_like_code, masked
from tests.pace import at_once

SHARED = Path(__file__).parents[2] / "shared" / "data"


def parts(text: str) -> list[tuple[str, str]]:
    return [(kind, text[start:end]) for start, end, kind in masked(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Plain prose, with a (bracket) and a dash: nothing else.", []),
        ("Run:\n```python\nx = 1\n```\nDone.", [("code", "```python\nx = 1\n```")]),
        ("Run:\n~~~\nx = 1\n~~~\nDone.", [("code", "~~~\nx = 1\n~~~")]),
        ("Run:\n```\nx = 1", [("code", "```\nx = 1")]),
        ("Here it is: ```js\nlet x = 1;``` Done.", [("code", "```js\nlet x = 1;```")]),
        ("````md\n```\nx\n```\n````\nDone.", [("code", "````md\n```\nx\n```\n````")]),
        ("Call `len(x)` or ``a`b``.", [("code", "`len(x)`"), ("code", "``a`b``")]),
        ("Like so:\n\n    total = a + b\n\nDone.", [("code", "    total = a + b")]),
        ("Try this:\n\ndef square(x):\n    return x * x\n\nIt works.", [("code", "def square(x):\n    return x * x")]),
        ("See https://example.com/a_b?c=1, ok.", [("url", "https://example.com/a_b?c=1")]),
        ("Write to a.b@example.org now.", [("url", "a.b@example.org")]),
        ("Open C:\\new\\notes.txt or /usr/local/bin.", [("url", "C:\\new\\notes.txt"), ("url", "/usr/local/bin")]),
        ("Visit example.com and read main.py.", [("url", "example.com"), ("url", "main.py")]),
        ("It is either and/or both, 24/7.", []),
        ("Ages:\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nDone.", [("table", "| a | b |\n|---|---|\n| 1 | 2 |")]),
        ("name\tage\nAda\t36", [("table", "name\tage\nAda\t36")]),
        ("It costs $5 and then $6 more.", []),
        ("Then $x^2 + 1$ is even.", [("math", "$x^2 + 1$")]),
        ("So \\(a < b\\) and \\[c\\].", [("math", "\\(a < b\\)"), ("math", "\\[c\\]")]),
        ("A page: <html><p>Hi</p></html> it is.", [("html", "<html><p>Hi</p></html>")]),
        (
            "The answer:\n\nSELECT name\nFROM birds\nWHERE age > 3;",
            [("code", "SELECT name\nFROM birds\nWHERE age > 3;")],
        ),
        ("print('one')\nprint('two')", [("code", "print('one')\nprint('two')")]),
    ],
)
def test_the_parts_of_a_text_that_are_no_prose(text, expected):
    assert parts(text) == expected


def test_a_list_with_deep_items_is_prose():
    assert parts("1. One thing is this.\n\n    - and a deeper one\n    - and another\n") == []


def test_a_span_is_in_prose_when_it_touches_no_mask():
    text = "Call `len(x)` now."
    start = text.index("`")
    assert in_prose(text, 0, start)
    assert not in_prose(text, 0, start + 1)
    assert not in_prose(text, start + 2, start + 2)
    assert in_prose(text, text.index(" now"), len(text))


CODE = {
    "python": "import os\n\nfor name in os.listdir('.'):\n    print(name)",
    "javascript": "const f = (a) => {\n  return a + 1;\n};\nconsole.log(f(2));",
    "sql": "SELECT name, age\nFROM users\nORDER BY age DESC\nLIMIT 5;",
    "html": "<ul>\n  <li>One</li>\n  <li>Two</li>\n</ul>",
    "c": '#include <stdio.h>\n\nint main() {\n    printf("Hi");\n    return 0;\n}',
    "java": "public class A {\n    public static void main(String[] args) {\n        int x = 5;\n    }\n}",
    "shell": '#!/bin/bash\nfor f in *.txt; do\n  wc -l "$f"\ndone',
    "css": ".box {\n  color: red;\n  margin: 0 auto;\n}",
    "regex": r"^\d{3}-\d{4}$",
    "json": '{"name": "Ada", "born": 1815}',
    "yaml": "server:\n  port: 80\n  host: local\n",
    "xml": "<note>\n  <to>Ada</to>\n</note>",
}
PROSE = {
    "instruction": "If you want this to work, import the file first; then return to the menu.",
    "equation": "Let x be the price. x = 5 + 3 = 8, so she pays $8 for 2 * 4 pens.",
    "list": "1. Wash the rice.\n2. Add water: twice as much.\n3. Boil it (20 minutes).",
    "verse": "While I nodded, nearly napping,\nsuddenly there came a tapping;",
    "labels": "Name: Ada\nOccupation: mathematician who wrote notes",
    "chinese": "下面是一个简单的例子，说明如何计算总和。",
    "fenced": "Here is the code you asked for:\n\n```python\nprint(1)\nprint(2)\nprint(3)\n```\n\nIt prints numbers.",
}


@pytest.mark.parametrize("text", CODE.values(), ids=CODE)
def test_bare_source_code_is_told(text):
    assert looks_like_code(text)


@pytest.mark.parametrize("text", PROSE.values(), ids=PROSE)
def test_prose_is_no_code(text):
    assert not looks_like_code(text)


def test_code_is_told_from_prose_on_real_answers():
    if not SHARED.exists():
        pytest.skip("the shared data are not here")
    code = [row["response"] for row in json.loads((SHARED / "gpteacher/codegen-instruct.json").read_bytes())][:1500]
    lines = (SHARED / "gsm8k/test.jsonl").read_bytes().splitlines()
    prose = [json.loads(line)["answer"] for line in lines]
    # About one answer in twenty of the first set is prose about code or a fenced block.
    assert sum(map(looks_like_code, code)) > 0.9 * len(code)
    assert sum(map(looks_like_code, prose)) <= 0.001 * len(prose)


@given(st.text(alphabet="ab `~$\\|<>/.\n\t@#(){}[]=;:\"'1-*", max_size=200))
def test_spans_are_sorted_apart_and_inside_the_text(text):
    spans = masked(text)
    edges = [edge for start, end, _ in spans for edge in (start, end)]
    assert edges == sorted(edges)
    assert all(0 <= start < end <= len(text) for start, end, _ in spans)
    for place in range(len(text)):
        inside = any(start <= place < end for start, end, _ in spans)
        assert in_prose(text, place, place + 1) != inside


@pytest.mark.parametrize(
    "sign", ["a", "\n", "`", "$", "\\[", "a.", "/a", "<a ", "f(", "a@", "|", "~~~\n", "a-", "select "]
)
def test_time_is_linear(sign):
    text = sign * (200_000 // len(sign))
    at_once(lambda: masked(text), 1)


def test_an_address_ends_where_its_quotation_mark_or_bracket_closes() -> None:
    def addresses(text: str) -> list[str]:
        return [text[start:end] for start, end, kind in masked(text) if kind == "url"]

    assert addresses("call get('https://example.org/a_b').&nbsp;&amp;") == ["https://example.org/a_b"]
    assert addresses("as told (https://example.org/a_(b)).&nbsp;x") == ["https://example.org/a_(b)"]
    assert addresses("open https://example.org/it's/here now") == ["https://example.org/it's/here"]


PIECES = [
    "A plain sentence of words. ",
    "for row in reader:\n",
    "    print(row)",
    "\n",
    "return a + b",
    "- one: two\n",
    "key: value\n",
    "| a | b |",
    "\\d+",
    "[^a-z]",
    "(?:x)",
    ".*",
    "see example.org/a ",
    "import os\n",
    "x = f(1)\n",
    "$x^2$",
    "<b>",
    "`c`",
    "~~~\n",
    '{"a": 1}',
    "[1, 2]",
    "a)? ",
    "é: 5, b = 3\n",
    "SELECT a FROM b\n",
    "\t",
    "end\n",
]


@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
def test_a_text_without_signs_of_anything_else_is_prose_at_once(text):
    """The look at its signs is a shortcut: it says what the whole reading would."""
    assert masked(text) == list(prose._parted(text))
