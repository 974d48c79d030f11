"""Every line is accounted for: read, or reported with its place and its cause; mends lose nothing."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.checks.file.controls import ControlCharacter
from curator.checks.file.encoding import InvalidUtf8
from curator.checks.file.lines import InvalidJson
from curator.harness import batch_of, flags_of, mended
from curator.rule import RULES, DatasetRule
from curator.sources import cut, open_sources, read
from curator.text import brokenjson
from curator.text.brokenjson import diagnose, repeated_keys
from curator.text.encodings import bad_bytes, redecoded

SHARED = Path(__file__).parents[2] / "shared" / "data"
FAMILY = [rule() for code, rule in sorted(RULES.items()) if code.startswith("FIL")]
ROW = b'{"messages": [{"role": "user", "content": "How deep?"}, {"role": "assistant", "content": "230 metres."}]}'


def found(data):
    """(code, line index, path) of everything the family says of some bytes."""
    return sorted((rule.code, line, flag.at) for rule, line, flag in flagged(data))


def flagged(data):
    """(rule, line index, flag) of everything the family says of some bytes."""
    batch = batch_of(data)
    for rule in FAMILY:
        flags = flags_of(rule, data) if isinstance(rule, DatasetRule) else rule.flags(batch)
        yield from ((rule, line, flag) for line, flag in flags)


def codes(*lines):
    """The codes found in a line that stands between two good ones."""
    return {code for code, line, _ in found(b"\n".join([ROW, *lines, ROW, b""])) if 0 < line <= len(lines)}


@pytest.mark.parametrize("bad", [b"\xff", b"\xff ", b"caf\xe9 \xe2\x82"])
def test_bytes_that_are_no_utf8_cost_a_few_times_their_size(bad):
    raw = bad * (100_000 // len(bad))
    tracemalloc.start()
    try:
        bad_bytes(raw)
        redecoded(raw)
        assert tracemalloc.get_traced_memory()[1] < 12 * len(raw)  # a list of the characters took 60 to 170
    finally:
        tracemalloc.stop()


def test_a_line_too_heavy_is_told_once_though_it_is_no_utf8():
    line = b"\xff" * brokenjson.HEAVIEST
    assert codes(line) == {"FIL001"}
    assert "no row is judged" in messages(line)[0]


def messages(data, rule=InvalidJson):
    return [flag.message for _, flag in flags_of(rule(), data)]


# ---------------------------------------------------------------------- one fault, one code


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{'a': 1}", "FIL001"),
        (ROW[:-9], "FIL001"),
        (b'{"a":' * 9999, "FIL001"),
        (b'{"a":' + b"[" * 900 + b"]" * 900 + b"}", "FIL001"),
        (b"\0\0\0\0", "FIL001"),
        (b'{"a": ' + b"9" * 5000 + b"}", "FIL001"),
        (b"[1]", "FIL002"),
        (b"null", "FIL002"),
        (b'[{"a": 1},\r{"b": 2}\r]', "FIL002"),
        (b"\xef\xbb\xbf" + ROW, "FIL003"),
        (ROW.replace(b"How", b"H\xf6w"), "FIL004"),
        (b"\xff\xfe", "FIL004"),
        (ROW.replace(b"How", b"H\xed\xa0\xbdw"), "FIL004"),
        (b"", "FIL005"),
        (b" \t ", "FIL005"),
        (ROW + b"\r", "FIL006"),
        (ROW.replace(b"How", "H\u2028w".encode()), "FIL006"),
        (ROW.replace(b"How", b"H\0w"), "FIL007"),
        (ROW.replace(b"How", b"H\\u0000w"), "FIL007"),
        (ROW.replace(b"How", b"H\\u001b[1mw"), "FIL007"),
        (ROW.replace(b"How", b"H\x7fw"), "FIL007"),
        (ROW.replace(b"How", b"H\tw"), "FIL007"),
        (ROW.replace(b'"user"', b'"user", "role": "user"'), "FIL008"),
        (ROW[:-1] + b', "n": NaN}', "FIL009"),
        (ROW[:-1] + b', "n": -1e999}', "FIL009"),
        (ROW[:-1] + b', "n": 9223372036854775808}', "FIL009"),
        (ROW.replace(b"How", b"H\\udc00w"), "FIL010"),
    ],
)
def test_a_faulty_line_has_one_root_cause(line, code):
    assert codes(line) == {code}


@pytest.mark.parametrize(
    "line",
    [
        ROW,
        b"  " + ROW + b" ",
        ROW.replace(b"How", b"\\\\u0000 \\\\ud800 NaN 1e999 \\n\\t\\r \\u00e9 \\ud83d\\ude00"),
        ROW.replace(b"How", b'\\"a\\": 1, \\"a\\" : 2, \\"a\\"\\t: 3'),
        ROW.replace(b"How", "H😀\ufeff\u200bö".encode()),
        ROW[:-1] + b', "n": [1, -2.5e10, 9223372036854775807, -9223372036854775808, true, null]}',
        ROW.replace(b'": "', b'" : "'),
        ROW.replace(b'": "', b'"\t :\t"'),
        b'{"": {"": {"\\\\": 1, "\\"": 2, ":": 3}}}',
    ],
)
def test_a_line_that_is_right_says_nothing(line):
    assert codes(line) == set()


def test_a_blank_line_inside_a_row_is_part_of_it():
    data = b'{"prompt": "Steps?", "completion": "1. A\n\n42\n{}\n\n2. B"}\n' + ROW + b"\n"
    assert {(code, line) for code, line, _ in found(data)} == {("FIL001", n) for n in range(6)}
    whole = rb'{"prompt": "Steps?", "completion": "1. A\n\n42\n{}\n\n2. B"}'
    assert mended(InvalidJson(), data) == whole + b"\n" + ROW + b"\n"


def test_a_cut_row_does_not_swallow_the_next():
    data = ROW[:60] + b"\n" + ROW + b"\n" + ROW[:80] + b"\n" + ROW[:70] + b"\n"
    assert [(code, line) for code, line, _ in found(data)] == [("FIL001", 0), ("FIL001", 2), ("FIL001", 3)]


def test_a_line_of_three_megabytes_is_read():
    big = ROW.replace(b"How", b"ab c\\\\ " * 500_000)
    batch = batch_of(b"\n".join([ROW, big, big[:-1], ROW, b""]))
    raw = [rule for rule in FAMILY if not isinstance(rule, DatasetRule)]
    assert [(rule.code, line) for rule in raw for line, _ in rule.flags(batch)] == [("FIL001", 2)]


# ---------------------------------------------------------------------- causes and mends

CAUSES = [
    ('{"a": 1,}', "a comma before }", ['{"a": 1}']),
    ('{"a": [1, 2, ], }', "a comma before ] (and 1 more)", ['{"a": [1, 2 ] }']),
    ("{'a': 'it\\'s', 'b': None, 'c': (1, True)}", "Python", ['{"a": "it\'s", "b": null, "c": [1, true]}']),
    ("{'a': 'x \"y\"', 'b': null}", "single quotes", ['{"a": "x \\"y\\"", "b": null}']),
    ('{"a": True, "b": None}', "True is Python", ['{"a": true, "b": null}']),
    ('{"a": 1}{"b": 2} {"c": 3}', "3 objects on one line", ['{"a": 1}', '{"b": 2}', '{"c": 3}']),
    ('{"a": 1},', "a row of a JSON array", ['{"a": 1}']),
    ('[{"a": 1},', "a row of a JSON array", ['{"a": 1}']),
    ('{"a": 1}}', "'}' after the end of the row", ['{"a": 1}']),
    ('{a: 1, "b": "x"}', "the key a stands without", ['{"a": 1, "b": "x"}']),
    ('{"a": "x" "b": 2}', "no comma", ['{"a": "x" ,"b": 2}']),
    ('{"a": [{"x": 1} {"y": 2}]}', "no comma", ['{"a": [{"x": 1} ,{"y": 2}]}']),
    ('{"a": "say "hi", then go"}', "a quotation mark inside", ['{"a": "say \\"hi\\", then go"}']),
    ('{"a": "C:\\Users\\new", "b": "\\d"}', "\\U is no JSON escape", ['{"a": "C:\\\\Users\\\\new", "b": "\\\\d"}']),
    ('{"a": "it\\\'s"}', "\\' is no JSON escape", ['{"a": "it\'s"}']),
    ('{"a": nan}', "nan is not JSON", ['{"a": null}']),
    ('{"a": 1} // note', "a comment after the row", ['{"a": 1}']),
    ('{"a": /* why */ 1}', "a comment", ['{"a":  1}']),
    ("# rows below", "a comment", None),
    ("{“a”: “x”}", "typographic quotation marks", ['{"a": "x"}']),
    ('{"a": [{"b": 1}]', "never closed", ['{"a": [{"b": 1}]}']),
    ('{"a": [{"b": 1}', "cut off: the line ends while 2 brackets are still open", None),
    ('{"a": "b', "cut off: a string that begins here never ends", None),
    ('{"a": 01}', "01 is no JSON number", None),
    ('{"a" 1}', "no colon", None),
    ('{"a": 1]', "] closes a bracket of the other kind", None),
    ('{"a": }', "} is no JSON value", None),
    ('{"a": (1}', "(1 is no JSON value", None),
    ('{"a": 1} and so on', "text after the end of the row: 'and so on'", None),
    ('"a" "b"', "text after the value", None),
    ("<<<<<<< HEAD", "a merge conflict", None),
    ("<!DOCTYPE html>", "markup", None),
    ("prompt,completion", "plain text, no JSON: 'prompt,completion'", None),
    ("-", "- is no JSON value", None),
]


@pytest.mark.parametrize(("text", "cause", "lines"), CAUSES, ids=[case[0][:30] for case in CAUSES])
def test_the_cause_is_named_and_mended_where_nothing_is_lost(text, cause, lines):
    diagnosis = diagnose(f"  {text}")
    assert diagnosis.cause.startswith(cause) or cause in diagnosis.cause
    assert diagnosis.lines == (None if lines is None else tuple(lines))
    assert 0 <= diagnosis.place <= len(text) + 2


def test_brackets_around_the_rows_go_unless_a_broken_row_may_own_them():
    assert diagnose("[").lines == diagnose("],").lines == ()
    assert diagnose("  ],").lines is None


def test_the_place_is_given_in_bytes_and_as_a_column():
    line = '{"é": "ü", }'
    ((_, flag),) = flags_of(InvalidJson(), line.encode())
    assert flag.byte == len('{"é": "ü", '.encode())
    assert "column 12" in flag.message


def test_a_row_over_several_lines_says_so_and_its_other_lines_too():
    assert messages(b'{"a": "one\ntwo\nthree"}\n') == [
        "a raw line break inside a string, where JSON wants \\n: the row goes on over 2 more lines",
        "goes on with the row begun 1 line above",
        "goes on with the row begun 2 lines above",
    ]
    assert messages(b'{\n"a": 1\n}\n')[0] == "one object written over several lines: the row goes on over 2 more lines"


def test_line_ends_of_the_file_are_kept_by_a_mend():
    assert mended(InvalidJson(), b'{"a": 1,}\r\n{"b": "x\r\ny"}\r\n') == b'{"a": 1}\r\n{"b": "x\\ny"}\r\n'


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Où est le café ?", "cp1252"),
        ("“Yes” — it’s 5 €", "cp1252"),
        ("Größe: schön", "latin-1"),
        ("Сколько стоит доставка", "cp1251"),
        ("这个多少钱，谢谢你", "gb18030"),
        ("これはいくらですか", "shift_jis"),
    ],
)
def test_text_in_another_encoding_is_read_as_it_was_meant(text, encoding):
    line = json.dumps({"prompt": text, "completion": "ok"}, ensure_ascii=False)
    assert mended(InvalidUtf8(), line.encode(encoding)).decode() == line


def test_numbers_are_judged_as_numbers_never_as_text():
    data = b'{"prompt": "NaN Infinity 1e999 99999999999999999999", "completion": "b", "x": {"y": [0, 1e999]}}'
    assert found(data + b"\n") == [("FIL009", 0, "x.y[1]")]


def test_control_characters_are_removed_and_meaning_kept():
    def after(text):
        row = json.dumps({"prompt": text, "completion": "c"}).encode()
        return json.loads(mended(ControlCharacter(), row))["prompt"]

    assert after("a\0b\x07c") == "abc"
    assert after("\x1b[1;31mred\x1b[0m") == "red"
    assert after("page one\x0cpage two") == "page one\npage two"
    assert after("$\x08eta + \x0crac{a}{b}$") == "$\\beta + \\frac{a}{b}$"
    assert after("don\x19t \x1cgo\x1d") == "don’t “go”"
    assert after("tab\tand\nbreak\r\n stay") == "tab\tand\nbreak\r\n stay"


# ---------------------------------------------------------------------- properties

texts = st.text(st.characters(codec="utf-8"), max_size=12)
pieces = ["\\", '"', ":", " ", "a", "\\u0000", "\\ud800", "\\udc00", "\\b", "\\\\", '\\"', "é", " : ", "\t", "NaN"]
odd_texts = st.lists(st.sampled_from(pieces), max_size=8).map("".join)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
lines_of_any_kind = st.one_of(
    st.binary(max_size=40),
    odd_texts.map(lambda text: f'{{"a": "{text}", "{text}": 1}}'.encode()),
    st.tuples(values, st.sampled_from([(",", ":"), (", ", ": "), (" , ", "  :  "), (",", "\t:")]), st.booleans()).map(
        lambda given: json.dumps({"a": given[0]}, separators=given[1], ensure_ascii=given[2]).encode("utf-8", "replace")
    ),
    st.sampled_from([ROW, ROW[:30], b'{"a": 1, "a": 2}', b'{"a\\\\" : 1, "a\\\\" : 2}', b'{"a"  :1, "a"\t:2}']),
    st.sampled_from([b"{", b"}", b"", b" ", b"\x1c", b"\xef\xbb\xbf", b"\xc2\xa0"]),
)


@settings(max_examples=400, deadline=None)
@given(lines=st.lists(lines_of_any_kind, max_size=6))
def test_candidates_are_a_necessary_condition(lines):
    """Looking at every line finds nothing that looking at the candidates does not."""
    data = b"\n".join(line.replace(b"\n", b"") for line in lines)
    batch = batch_of(data)
    for rule in FAMILY:
        if isinstance(rule, DatasetRule) or rule.code in ("FIL001", "FIL002", "FIL005"):
            continue
        everywhere = [(n, flag) for n in range(len(batch.lines)) for flag in rule.check(batch.line(n))]
        assert list(rule.flags(batch)) == everywhere, rule.code


@settings(max_examples=400, deadline=None)
@given(lines=st.lists(lines_of_any_kind, max_size=6))
def test_every_line_is_read_or_reported(lines):
    data = b"\n".join(line.replace(b"\n", b"") for line in lines)
    batch = batch_of(data)
    reported = {line for code, line, _ in found(data) if code <= "FIL005"}
    for index, value in enumerate(batch.values):
        assert type(value) is dict or index in reported


@settings(max_examples=300, deadline=None)
@given(lines=st.lists(lines_of_any_kind, max_size=5))
def test_mends_come_to_rest_and_touch_no_other_line(lines):
    data = b"\n".join(line.replace(b"\n", b"") for line in lines)
    for rule in FAMILY:
        flagged = {line for line, _ in flags_of(rule, data)}
        once = data
        for _ in range(6):
            last, once = once, mended(rule, once)
        assert last == once, rule.code
        if not flagged:
            assert once == data, rule.code


@settings(max_examples=200, deadline=None)
@given(value=st.dictionaries(texts, values, max_size=4), spaced=st.booleans())
def test_a_row_without_repeated_keys_has_none(value, spaced):
    assert not list(repeated_keys(json.dumps(value, separators=(" , ", " : ") if spaced else None)))


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.sampled_from("{}[]:,\"'\\ aNe1.-/#\n\tTu0“"), max_size=40).filter(str.strip))
def test_any_text_gets_a_cause_and_a_mend_is_json(text):
    diagnosis = diagnose(text)
    assert diagnosis.cause
    for line in diagnosis.lines or ():
        assert type(json.loads(line, strict=False)) is dict


# ---------------------------------------------------------------------- real data


@pytest.mark.skipif(not SHARED.is_dir(), reason="the sample data is not here")
def test_real_data_is_left_in_peace():
    """Two rows a thousand at most, for each rule; what is found in these files was read by eye and is true."""
    names = ("gsm8k/train.jsonl", "llamafactory", "openai_cookbook", "self_instruct", "azure")
    paths = [SHARED / name for name in names]
    count, total = dict.fromkeys((rule.code for rule in FAMILY), 0), 0
    with open_sources(paths) as sources:
        for opened in sources:
            for span in cut(opened):
                data = read(opened, span)
                total += data.count(b"\n")
                for rule, _, _ in flagged(data):
                    count[rule.code] += 1
    assert total > 5000
    assert max(count.values()) <= np.ceil(total / 500)
    assert {code for code, found_here in count.items() if found_here} <= {"FIL007"}  # a \frac that lost its backslash
