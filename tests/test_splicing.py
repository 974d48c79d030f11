"""Changes to a raw line that touch nothing else."""

from __future__ import annotations

import copy
import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator import paths, splicing
from curator.model import Cut, Edit, Put

TEXT = st.text(
    st.one_of(st.sampled_from('ab "\\/\n\t\u200b\u2028é漢😀\x00\x7f[]{}.,:'), st.characters(codec="utf-8")),
    max_size=8,
)
KEYS = st.one_of(st.text(string.ascii_letters, min_size=1, max_size=3), TEXT)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**40), 2**40),
        st.floats(allow_nan=False, allow_infinity=False),
        TEXT,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
ROWS = st.dictionaries(KEYS, VALUES, max_size=4)
STYLES = st.tuples(st.booleans(), st.sampled_from([(",", ":"), (", ", ": "), (" ,  ", " :\t")]))


def dump(value, style):
    ascii_only, separators = style
    return json.dumps(value, ensure_ascii=ascii_only, separators=separators).encode()


def places(value, at=()):
    yield at, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        yield from places(item, (*at, step))


# ---------------------------------------------------------------------- finding the bytes


@given(ROWS, STYLES)
def test_the_bytes_found_are_the_value(row, style):
    raw = dump(row, style)
    for steps, value in places(row):
        start, stop = splicing.locate(raw, paths.format(steps))
        assert json.loads(raw[start:stop]) == value


def test_a_missing_place_is_a_key_error():
    for path in ("b", "a[0]", "a.b"):
        with pytest.raises(KeyError):
            splicing.locate(b'{"a": 1}', path)
    with pytest.raises(KeyError):
        splicing.locate_member(b'{"a": 1}', "")


def test_of_a_key_written_twice_the_last_counts():
    raw = b'{"a": {"x": 1}, "b": 2, "a": {"x": 3}}'
    start, stop = splicing.locate(raw, "a.x")
    assert raw[start:stop] == b"3"
    with pytest.raises(KeyError):
        splicing.locate(b'{"a": {"x": 1}, "a": {"y": 3}}', "a.x")


@pytest.mark.parametrize(
    ("raw", "path", "gone"),
    [
        (b'{"a": 1, "b": 2}', "a", b'"a": 1, '),
        (b'{"a": 1, "b": 2}', "b", b', "b": 2'),
        (b"[ 1 , 2 , 3 ]", "[1]", b" , 2"),
        (b"[ 1 ]", "[0]", b"1"),
    ],
)
def test_what_goes_with_a_cut_includes_a_comma(raw, path, gone):
    start, stop = splicing.locate_member(raw, path)
    assert raw[start:stop] == gone
    assert splicing.splice(raw, [Cut(path)]) == raw[:start] + raw[stop:]


def test_a_byte_order_mark_and_white_space_are_no_hindrance():
    raw = b'\xef\xbb\xbf  {"a": "x"} \r'
    assert splicing.splice(raw, [Edit("a", 0, 1, "y")]) == b'\xef\xbb\xbf  {"a": "y"} \r'


def test_depth_and_length_are_no_hindrance():
    deep = b'{"a": ' + b"[" * 100_000 + b'"]"' + b"]" * 100_000 + b', "b": "' + b"\\\\" * 100_000 + b'"}'
    start, stop = splicing.locate(deep, "b")
    assert stop - start == 200_002
    changed = splicing.splice(deep, [Edit("b", i, i + 1, "") for i in range(0, 10_000, 2)])
    assert len(deep) - len(changed) == 10_000


def test_what_only_lenient_parsers_read_is_passed_over():
    raw = b'{"n": NaN, "i": -Infinity, "t": "a\tb\\ud800", "c": "old"}'
    assert splicing.splice(raw, [Edit("c", 0, 3, "new")]) == raw.replace(b"old", b"new")
    assert splicing.splice(raw, [Edit("t", 3, 4, "")]) == raw.replace(b"\\ud800", b"")


# ---------------------------------------------------------------------- edits


@given(ROWS, STYLES, st.data())
def test_an_edit_changes_the_string_and_nothing_else(row, style, data):
    strings = [(steps, value) for steps, value in places(row) if isinstance(value, str)]
    if not strings:
        return
    raw = dump(row, style)
    steps, old = data.draw(st.sampled_from(strings))
    start = data.draw(st.integers(0, len(old)))
    end = data.draw(st.integers(start, len(old)))
    text = data.draw(TEXT)
    path = paths.format(steps)
    changed = splicing.splice(raw, [Edit(path, start, end, text)])
    assert paths.get(json.loads(changed), path) == old[:start] + text + old[end:]
    low, high = splicing.locate(raw, path)
    assert changed[:low] == raw[:low]
    assert changed.endswith(raw[high:])
    assert splicing.splice(raw, [Edit(path, 0, len(old), old)]) == raw


def test_characters_keep_the_escapes_they_were_written_with():
    raw = rb'{"t": "\u0041\/ caf\u00e9 \ud83d\ude00 x"}'
    assert splicing.splice(raw, [Edit("t", 10, 11, "y")]) == raw.replace(b" x", b" y")
    assert splicing.splice(raw, [Edit("t", 8, 9, "!")]) == raw.replace(rb"\ud83d\ude00", b"!")


@pytest.mark.parametrize(
    ("raw", "changed"),
    [
        ('{"t": "x"}', '{"t": "é\\n"}'),
        ('{"t": "x", "u": "\\u00e8"}', '{"t": "\\u00e9\\n", "u": "\\u00e8"}'),
        ('{"t": "x", "u": "è"}', '{"t": "é\\n", "u": "è"}'),
        ('{"t": "x\\u200b", "u": "è"}', '{"t": "\\u00e9\\n\\u200b", "u": "è"}'),
        ('{"t": "x", "u": "\\\\u00e8"}', '{"t": "é\\n", "u": "\\\\u00e8"}'),
        ('{"t": "x", "u": "\\u0001"}', '{"t": "é\\n", "u": "\\u0001"}'),
    ],
)
def test_new_text_is_escaped_as_its_surroundings_are(raw, changed):
    assert splicing.splice(raw.encode(), [Edit("t", 0, 1, "é\n")]).decode() == changed


def test_a_lone_surrogate_is_always_escaped():
    assert splicing.splice('{"t": "é"}'.encode(), [Edit("t", 0, 1, "\ud800")]) == rb'{"t": "\ud800"}'


def test_several_edits_in_one_string_count_from_the_line_as_it_stands():
    edits = [Edit("t", 6, 11, "moon"), Edit("t", 0, 5, "goodbye"), Edit("t", 11, 11, "!")]
    assert splicing.splice(b'{"t": "hello world"}', edits[:2]) == b'{"t": "goodbye moon"}'
    assert splicing.splice(b'{"t": "hello world"}', [edits[1], edits[2]]) == b'{"t": "goodbye world!"}'


def test_of_overlapping_edits_the_first_is_made():
    raw = b'{"t": "abcdef"}'
    assert splicing.splice(raw, [Edit("t", 2, 4, "X"), Edit("t", 3, 5, "Y")]) == b'{"t": "abXef"}'
    assert splicing.splice(raw, [Edit("t", 2, 4, "X"), Edit("t", 4, 5, "Y")]) == b'{"t": "abXYf"}'
    assert splicing.splice(raw, [Edit("t", 2, 2, "X"), Edit("t", 2, 2, "X")]) == b'{"t": "abXcdef"}'


@pytest.mark.parametrize("edit", [Edit("t", 0, 9, ""), Edit("t", 2, 1, ""), Edit("n", 0, 1, ""), Edit("x", 0, 0, "a")])
def test_an_edit_of_what_is_not_there_changes_nothing(edit):
    raw = b'{"t": "abc", "n": 12}'
    assert splicing.splice(raw, [edit]) == raw


# ---------------------------------------------------------------------- put and cut


@given(ROWS, STYLES, st.data())
def test_cutting_any_members_leaves_the_rest(row, style, data):
    everything = [steps for steps, _ in places(row) if steps]
    if not everything:
        return
    steps = data.draw(st.sampled_from(everything))
    siblings = [other for other in everything if other[:-1] == steps[:-1]]
    gone = data.draw(st.lists(st.sampled_from(siblings), min_size=1, unique=True))
    expected = copy.deepcopy(row)
    for other in sorted(gone, key=lambda s: s[-1] if isinstance(s[-1], int) else 0, reverse=True):
        parent = expected
        for step in other[:-1]:
            parent = parent[step]
        del parent[other[-1]]
    raw = dump(row, style)
    assert json.loads(splicing.splice(raw, [Cut(paths.format(s)) for s in gone])) == expected


@given(ROWS, VALUES, STYLES, st.data())
def test_putting_a_value_replaces_or_adds(row, value, style, data):
    raw = dump(row, style)
    steps = data.draw(st.sampled_from([steps for steps, _ in places(row)]))
    path = paths.format(steps)
    changed = splicing.splice(raw, [Put(path, value)])
    assert paths.get(json.loads(changed), path) == value
    start, stop = splicing.locate(raw, path)
    assert changed[:start] == raw[:start]
    assert changed.endswith(raw[stop:])


def test_new_keys_stand_last_in_the_spacing_of_the_row():
    put = [Put("m.x", [1, {"y": 2}]), Put("m.z", "é")]
    assert splicing.splice(b'{"m":{"a":1},"n":2}', put).decode() == '{"m":{"a":1,"x":[1,{"y":2}],"z":"é"},"n":2}'
    assert splicing.splice(b'{"m": {}, "n": 2}', put).decode() == '{"m": {"x": [1, {"y": 2}], "z": "é"}, "n": 2}'
    assert splicing.splice(b'{"m": [1]}', [Put("m[1]", 2)]) == b'{"m": [1, 2]}'


def test_a_renamed_key_is_cut_and_put():
    raw = b'{"m": [{"from": "user"}]}'
    assert splicing.splice(raw, [Cut("m[0].from"), Put("m[0].role", "user")]) == b'{"m": [{"role": "user"}]}'
    raw = b'{"a": 1, "from": "user"}'
    assert splicing.splice(raw, [Put("role", "user"), Cut("from")]) == b'{"a": 1, "role": "user"}'


def test_a_value_cannot_be_put_where_its_parent_is_missing():
    raw = b'{"m": {"a": 1}, "l": [1]}'
    for path in ("x.y", "m.a.b", "l[3]", "l.x", "m[0]"):
        assert splicing.splice(raw, [Put(path, 1)]) == raw


def test_a_key_written_twice_goes_altogether():
    assert splicing.splice(b'{"a": 1, "b": 2, "a": 3}', [Cut("a")]) == b'{"b": 2}'


def test_the_row_itself_can_be_put_but_not_cut():
    assert splicing.splice(b'  {"a": 1}\r', [Put("", {"b": [1]})]) == b'  {"b": [1]}\r'
    assert splicing.splice(b'{"a": 1}', [Cut("")]) == b'{"a": 1}'


def test_a_group_of_changes_is_made_whole_or_not_at_all():
    raw = b'{"a": "x", "b": "y", "c": "z"}'
    groups = [
        [Edit("a", 0, 1, "1")],
        [Edit("b", 0, 1, "2"), Edit("a", 0, 1, "3")],
        [Cut("c"), Edit("c", 0, 1, "4"), Edit("b", 0, 1, "5")],
        [Cut("nothing")],
    ]
    assert splicing.splice_groups(raw, groups) == (b'{"a": "1", "b": "5"}', (True, False, True, False))


@settings(max_examples=50)
@given(ROWS, STYLES, st.data())
def test_whatever_is_asked_the_line_stays_a_row(row, style, data):
    where = st.sampled_from([paths.format(steps) for steps, _ in places(row) if steps] or ["x"])
    change = st.one_of(
        st.builds(Edit, where, st.integers(0, 3), st.integers(0, 5), TEXT),
        st.builds(Put, where, VALUES),
        st.builds(Put, st.builds(paths.join, where, st.just("new")), VALUES),
        st.builds(Cut, where),
    )
    changed = splicing.splice(dump(row, style), data.draw(st.lists(change, max_size=6)))
    assert isinstance(json.loads(changed), dict)
    assert b"\n" not in changed
