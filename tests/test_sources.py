"""Whatever a user names becomes plain JSONL bytes, cut in spans; nothing is lost on the way."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import pickle
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.errors import ChangedError, SourceError
from curator.sources import Span, cut, open_sources, read, records, source, streams

ROWS = [
    {"prompt": "How deep is Loch Ness?", "completion": "230 metres."},
    {"prompt": 'A "quoted", {braced} [line]\nand another', "completion": "Où ça? 😀 \\ \u2028"},
    {"prompt": "", "completion": None, "n": 1.5, "list": [{"a": []}, {}]},
]


def dumps(row, **how):
    return json.dumps(row, ensure_ascii=False, **how)


def jsonl(rows):
    return "".join(dumps(row) + "\n" for row in rows).encode()


def rows_of(opened):
    """The rows of a source as they are read, span by span."""
    data = b"".join(read(opened, span) for span in cut(opened))
    return [json.loads(line) for line in data.split(b"\n") if line.strip()]


def open_one(path):
    (opened,) = open_sources([path])
    return opened


def write(path: Path, data) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def faults(opened):
    return [(fault.code, fault.line) for fault in opened.flags]


# ---------------------------------------------------------------------- containers


def zstd(data):
    import pyarrow as pa

    return bytes(pa.compress(data, codec="zstd", asbytes=True))


TEXTS = {
    "jsonl": (jsonl(ROWS), "jsonl"),
    "jsonl without a last line break": (jsonl(ROWS).rstrip(), "jsonl"),
    "one row": (jsonl(ROWS[:1]), "jsonl"),
    "array on one line": (dumps(ROWS).encode(), "json-array"),
    "array, a row a line": (("[\n" + ",\n".join(map(dumps, ROWS)) + "\n]\n").encode(), "json-array"),
    "array, pretty": (dumps(ROWS, indent=2).encode(), "json-array"),
    "array with CRLF": (dumps(ROWS, indent=1).replace("\n", "\r\n").encode(), "json-array"),
    "array of one": (dumps(ROWS[:1]).encode(), "json-array"),
    "objects, pretty": ("\n".join(dumps(row, indent=4) for row in ROWS).encode(), "json-concatenated"),
    "objects on one line": ("".join(map(dumps, ROWS)).encode(), "json-concatenated"),
    "one object, pretty": (dumps(ROWS[0], indent=2).encode(), "json-object"),
    "rows under a key": (dumps({"version": "1.0", "data": ROWS}, indent=2).encode(), "json-object"),
}


OF_ONE = {"one row", "array of one", "one object, pretty"}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("squeeze", [None, gzip.compress, zstd], ids=["plain", "gzip", "zstd"])
def test_a_text_is_told_by_its_content_whatever_its_name(tmp_path, name, squeeze):
    data, container = TEXTS[name]
    path = write(tmp_path / "rows.data", squeeze(data) if squeeze else data)
    with open_sources([path]) as sources:
        assert sources[0].container == container
        assert sources[0].compression == {None: None, gzip.compress: "gzip", zstd: "zstd"}[squeeze]
        assert rows_of(sources[0]) == ROWS[: len(rows_of(sources[0]))]
        assert len(rows_of(sources[0])) == (
            1 if "one row" in name or name.endswith("of one") or name.startswith("one object") else 3
        )


def test_plain_jsonl_is_read_where_it_lies(tmp_path):
    path = write(tmp_path / "train.jsonl", jsonl(ROWS))
    opened = open_one(path)
    assert opened.data == path
    assert opened.plain
    assert opened.numbers is None
    assert list(opened.lines(1, 2)) == [2, 3]
    assert pickle.loads(pickle.dumps(opened)) == opened


def test_records_know_their_physical_line(tmp_path):
    path = write(tmp_path / "a.json", "\n\n[\n" + ",\n\n".join(dumps(row, indent=2) for row in ROWS) + "]")
    with open_sources([path]) as sources:
        text = path.read_text().split("\n")
        lines = sources[0].lines(0, 3)
        assert [text[line - 1][:1] for line in lines] == ["{", "{", "{"]
        assert list(sources[0].lines(2, 1)) == [lines[2]]
        assert not sources[0].plain


def test_letters_numbers_and_repeated_keys_are_copied_not_decoded(tmp_path):
    body = '{"a": 1.0, "a": 1e999, "b": "\\u00e9\\ud83d é", "c": 12345678901234567890123, "d": NaN}'
    path = write(tmp_path / "a.json", f"[\n  {body},\n  {body}\n]")
    with open_sources([path]) as sources:
        assert sources[0].data.read_text() == f"{body}\n{body}\n"


def test_keys_beside_the_rows_are_reported(tmp_path):
    path = write(tmp_path / "a.json", dumps({"notes": ["x"], "data": ROWS, "end": {"a": 1}}))
    with open_sources([path]) as sources:
        assert rows_of(sources[0]) == ROWS
        assert "'notes', 'end'" in sources[0].flags[0].flag.message


def test_an_object_with_a_list_of_messages_is_a_row(tmp_path):
    row = {"messages": [{"role": "user", "content": "Hi"}]}
    with open_sources([write(tmp_path / "a.json", dumps(row, indent=2))]) as sources:
        assert rows_of(sources[0]) == [row]


def test_one_row_of_self_instruct_is_a_row_and_no_list_of_its_instances(tmp_path):
    row = {"instruction": "Translate.", "instances": [{"input": "Bonjour", "output": "Hello."}]}
    with open_sources([write(tmp_path / "a.jsonl", dumps(row) + "\n")]) as sources:
        assert rows_of(sources[0]) == [row]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
some_rows = st.lists(
    st.dictionaries(st.text(max_size=4).filter(lambda key: key not in records.WRAPPERS), json_values, max_size=3),
    min_size=2,
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(rows=some_rows, indent=st.sampled_from([None, 0, 2]), chunk=st.integers(1, 200), ascii_only=st.booleans())
def test_any_rows_come_out_of_an_array_and_of_objects_in_a_row(rows, indent, chunk, ascii_only):
    def split(text):
        return [json.loads(record.data) for record in records.Records(io.BytesIO(text.encode()))]

    before, records._CHUNK = records._CHUNK, chunk
    try:
        written = [json.dumps(row, indent=indent, ensure_ascii=ascii_only) for row in rows]
        assert split("[" + ", ".join(written) + "]") == rows
        assert split("\n".join(written)) == rows
        assert split("".join(written)) == rows
        assert split(json.dumps(rows, indent=indent)) == rows
    finally:
        records._CHUNK = before


@settings(max_examples=60, deadline=None)
@given(rows=some_rows)
def test_any_rows_come_out_of_files(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("rows")
    for name, data in {
        "a.jsonl": jsonl(rows),
        "b.jsonl.gz": gzip.compress(jsonl(rows)),
        "c.json": dumps(rows, indent=2).encode(),
        "d.json": dumps(rows).encode(),
    }.items():
        with open_sources([write(folder / name, data)]) as sources:
            assert rows_of(sources[0]) == rows, name


# ---------------------------------------------------------------------- broken containers


def test_a_broken_element_is_kept_and_the_rest_goes_on(tmp_path):
    good = [{"prompt": f"q{n}", "completion": "a, [b] {c}"} for n in range(6)]
    parts = [dumps(row) for row in good]
    for broken in ('{"prompt": "q", "completion": }', '{"prompt": "q" "completion": 1}', '{"prompt": "no end}'):
        text = "[" + ", ".join([*parts[:3], broken, *parts[3:]]) + "]"
        with open_sources([write(tmp_path / "a.json", text)]) as sources:
            lines = sources[0].data.read_text().splitlines()
            assert lines == [*parts[:3], broken, *parts[3:]]


def test_a_broken_pretty_element_stays_one_line(tmp_path):
    parts = [dumps(row, indent=2) for row in ROWS]
    parts[1] = parts[1].replace('"completion": ', '"completion": oops ')
    with open_sources([write(tmp_path / "a.json", "[\n" + ",\n".join(parts) + "\n]")]) as sources:
        lines = sources[0].data.read_text().split("\n")
        assert len(lines) == 4
        assert "oops" in lines[1]
        assert [json.loads(lines[0]), json.loads(lines[2])] == [ROWS[0], ROWS[2]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[\n{"a": 1},\n{"a": 2},\n]', "a comma before the bracket that closes the array"),
        ('[\n{"a": 1}\n{"a": 2}]', "no comma between two records"),
        ('[{"a": 1},,\n{"a": 2}]', "a comma with no record before it"),
        ('[\n{"a": 1},\n{"a": 2}', "never closed"),
        ('[{"a": 1},\n{"a": 2}]]', "a stray ]"),
        ('[\n{"a": 1}\n]\n[\n{"a": 2}\n]', ""),
        ('[\n{"a": 1}\n]\n{"a":\n 2}', ""),
    ],
)
def test_faults_between_the_records_are_reported_and_no_record_is_lost(tmp_path, text, said):
    with open_sources([write(tmp_path / "a.json", "\n" + text)]) as sources:
        assert rows_of(sources[0]) == [{"a": 1}, {"a": 2}]
        messages = [fault.flag.message for fault in sources[0].flags]
        assert (said in messages[0]) if said else not messages


def test_a_raw_line_break_in_a_string_of_an_array_is_reported_and_read(tmp_path):
    text = '[\n{"a": "one\ntwo"},\n{"a": "three"}\n]'
    with open_sources([write(tmp_path / "a.json", text)]) as sources:
        assert rows_of(sources[0]) == [{"a": "one\ntwo"}, {"a": "three"}]
        assert faults(sources[0]) == [("FIL001", 2)]


@pytest.mark.parametrize("name", ["array, pretty", "objects, pretty", "rows under a key", "objects on one line"])
def test_a_jsonl_file_that_is_none_is_a_fault_with_a_safe_mend(tmp_path, name):
    with open_sources([write(tmp_path / "a.jsonl", TEXTS[name][0])]) as sources:
        fault = sources[0].flags[0]
        assert (fault.code, fault.line) == ("FIL002", 1)
        assert fault.flag.fix.safety == "safe"


def test_jsonl_with_single_broken_or_pretty_rows_stays_jsonl(tmp_path):
    for odd in (b'{"prompt": \n', dumps(ROWS[0], indent=2).encode() + b"\n", b'[{"a": 1\n', b"plain text\n"):
        path = write(tmp_path / "a.jsonl", odd + jsonl(ROWS * 3) + odd + jsonl(ROWS * 3))
        assert open_one(path).container == "jsonl"


def test_rows_written_by_hand_over_several_lines_stay_lines(tmp_path):
    text = '{"prompt": "How?", "completion": "1. Open\n2. Close"}\n{"prompt": "Why?", "completion": "a\nb"}\n'
    assert open_one(write(tmp_path / "a.jsonl", text)).container == "jsonl"


def test_a_name_that_promises_something_else_is_a_fault(tmp_path):
    for name, data in (("a.parquet", jsonl(ROWS)), ("a.jsonl.gz", jsonl(ROWS)), ("a.jsonl", b"a,b\n1,2\n3,4\n5,6\n")):
        with open_sources([write(tmp_path / name, data)]) as sources:
            assert ("FIL002", 1) in faults(sources[0])


# ---------------------------------------------------------------------- tables


def test_csv_with_all_its_quirks(tmp_path):
    out = io.StringIO()
    csv.writer(out).writerows([["prompt", "answer, long", ""], ["a\n\nb", 'say ""', "007"], ["é;x", "", "1"]])
    with open_sources([write(tmp_path / "t.csv", b"\xef\xbb\xbf" + out.getvalue().encode())]) as sources:
        assert sources[0].container == "csv"
        assert rows_of(sources[0]) == [
            {"prompt": "a\n\nb", "answer, long": 'say ""', "column 3": "007"},
            {"prompt": "é;x", "answer, long": "", "column 3": "1"},
        ]
        assert list(sources[0].lines(0, 2)) == [2, 5]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_delimiter_is_found(tmp_path, delimiter):
    text = "".join(delimiter.join(row) + "\r\n" for row in [["id", "prompt", "answer"], *[["1", "a b", "c"]] * 4])
    with open_sources([write(tmp_path / "t.csv", text)]) as sources:
        assert rows_of(sources[0]) == [{"id": "1", "prompt": "a b", "answer": "c"}] * 4
        assert sources[0].container == ("tsv" if delimiter == "\t" else "csv")


def test_ragged_rows_and_repeated_columns_lose_nothing(tmp_path):
    text = "a,a,b\n1,2,3\n4,5\n6,7,8,9\n"
    with open_sources([write(tmp_path / "t.csv", text)]) as sources:
        assert rows_of(sources[0]) == [
            {"a": "1", "a 2": "2", "b": "3"},
            {"a": "4", "a 2": "5", "b": None},
            {"a": "6", "a 2": "7", "b": "8", "column 4": "9"},
        ]
        assert faults(sources[0]) == [("FIL008", 1), ("FIL001", 3), ("FIL001", 4)]


def test_a_quotation_mark_that_is_never_closed_is_reported(tmp_path):
    with open_sources([write(tmp_path / "t.csv", 'a,b\n1,2\n3,"4\n5,6\n7,8\n')]) as sources:
        assert ("FIL001", 3) in faults(sources[0])


def test_csv_bytes_that_are_not_utf8_reach_the_rules(tmp_path):
    with open_sources([write(tmp_path / "t.csv", b"a,b\ncaf\xe9,2\nx,y\n")]) as sources:
        assert b"caf\xe9" in sources[0].data.read_bytes()


def test_a_cell_of_a_megabyte(tmp_path):
    with open_sources([write(tmp_path / "t.csv", "a,b\n" + "x" * (1 << 20) + ",2\n")]) as sources:
        assert len(rows_of(sources[0])[0]["a"]) == 1 << 20


def tables(path: Path, kind: str):
    import pyarrow as pa
    import pyarrow.feather
    import pyarrow.parquet

    rows = [{"messages": [{"role": "user", "content": f"é{n}"}], "n": n, "x": None} for n in range(2500)]
    table = pa.Table.from_pylist(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "parquet":
        pa.parquet.write_table(table, path)
    elif kind == "feather":
        pa.feather.write_feather(table, path, version=1 if kind == "feather1" else 2)
    else:
        make = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
        with make(str(path), table.schema) as out:
            out.write_table(table, max_chunksize=700)
    return rows


@pytest.mark.parametrize("kind", ["parquet", "file", "stream", "feather"])
def test_tables_become_lines(tmp_path, kind):
    rows = tables(tmp_path / "t.bin", kind)
    with open_sources([tmp_path / "t.bin"]) as sources:
        assert rows_of(sources[0]) == rows
        assert list(sources[0].lines(0, 2)) == [1, 2]
        assert sources[0].container == ("parquet" if kind == "parquet" else "arrow")


def test_values_that_json_does_not_know_are_written_as_text(tmp_path):
    import datetime
    import decimal

    import pyarrow as pa
    import pyarrow.parquet

    day = datetime.date(2024, 2, 29)
    table = pa.table(
        {"d": [day], "b": [b"\xff"], "m": [decimal.Decimal("1.50")], "t": [datetime.timedelta(1)], "f": [float("nan")]}
    )
    pa.parquet.write_table(table, tmp_path / "t.parquet")
    with open_sources([tmp_path / "t.parquet"]) as sources:
        row = rows_of(sources[0])[0]
    assert (row["d"], row["b"], row["m"], row["f"]) == ("2024-02-29", "/w==", "1.50", None)


def test_a_damaged_table_is_an_error_that_says_so(tmp_path):
    tables(tmp_path / "t.parquet", "parquet")
    data = (tmp_path / "t.parquet").read_bytes()
    write(tmp_path / "t.parquet", data[: len(data) // 2])
    with pytest.raises(SourceError, match="cannot be read to its end"):
        open_sources([tmp_path / "t.parquet"])


def test_a_folder_saved_by_datasets(tmp_path):
    for split in ("train", "test"):
        folder = tmp_path / "saved" / split
        rows = tables(folder / "data-00000-of-00002.arrow", "stream")
        tables(folder / "data-00001-of-00002.arrow", "stream")
        tables(folder / "cache-1234.arrow", "stream")
        files = [{"filename": f"data-0000{n}-of-00002.arrow"} for n in range(2)]
        write(folder / "state.json", dumps({"_data_files": files, "_split": None}))
        write(folder / "dataset_info.json", "{}")
    write(tmp_path / "saved" / "dataset_dict.json", dumps({"splits": ["train", "test"]}))
    with open_sources([tmp_path / "saved"]) as sources:
        assert [(s.split, s.container) for s in sources] == [("train", "datasets")] * 2 + [("test", "datasets")] * 2
        assert rows_of(sources[3]) == rows
        assert not sources[0].flags
    (tmp_path / "saved" / "test" / "data-00001-of-00002.arrow").unlink()
    with pytest.raises(SourceError, match="missing"):
        open_sources([tmp_path / "saved"])


# ---------------------------------------------------------------------- streams


@pytest.mark.parametrize("squeeze", [gzip.compress, zstd])
def test_a_stream_that_ends_early_gives_what_it_held_and_a_fault(tmp_path, squeeze):
    rows = [{"prompt": os.urandom(40).hex(), "completion": str(n)} for n in range(30_000)]
    data = squeeze(jsonl(rows))
    with open_sources([write(tmp_path / "a.jsonl.z", data[: len(data) // 2])]) as sources:
        text = sources[0].data.read_bytes()
        assert jsonl(rows).startswith(text)
        whole = text.count(b"\n")
        assert whole > 1000
        assert ("FIL001", whole + 1) in faults(sources[0])


@pytest.mark.parametrize("squeeze", [gzip.compress, zstd])
def test_no_whole_row_before_damage_is_lost(tmp_path, squeeze):
    with open_sources([write(tmp_path / "a.jsonl.z", squeeze(jsonl(ROWS)) + b"no frame")]) as sources:
        assert rows_of(sources[0]) == ROWS
        assert ("FIL001", len(ROWS) + 1) in faults(sources[0])


def test_a_zstd_file_may_begin_with_a_frame_that_holds_nothing(tmp_path):
    skipped = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"size"
    with open_sources([write(tmp_path / "a.jsonl.zst", skipped + zstd(jsonl(ROWS)))]) as sources:
        assert rows_of(sources[0]) == ROWS
        assert sources[0].compression == "zstd" and not sources[0].flags


def test_several_gzip_members_are_one_file(tmp_path):
    data = gzip.compress(jsonl(ROWS)) + gzip.compress(jsonl(ROWS)) + b"\0" * 512
    with open_sources([write(tmp_path / "a.jsonl.gz", data)]) as sources:
        assert rows_of(sources[0]) == ROWS * 2
        assert not sources[0].flags


def test_a_packed_line_is_unpacked_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "_CHUNK", 1 << 12)
    row = b'{"a": "' + b"0" * (1 << 20) + b'"}\n'
    packed = gzip.compress(row)
    assert len(packed) < 1 << 12  # all of it is read at once
    parts = list(streams._gunzip(io.BytesIO(packed * 2)))
    assert b"".join(parts) == row * 2
    assert max(map(len, parts)) <= 1 << 12
    for left in (4, 12, len(packed) // 2):
        with pytest.raises(streams._Broken, match="ends early"):
            list(streams._gunzip(io.BytesIO(packed[:-left])))
    whole = gzip.compress(b"0" * (1 << 12))  # the last part fills a chunk
    assert b"".join(streams._gunzip(io.BytesIO(whole))) == b"0" * (1 << 12)


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "BOMB_BYTES", 1 << 20)
    bomb = gzip.compress(b'{"a": "' + b"0" * (1 << 24) + b'"}\n')
    with pytest.raises(SourceError, match="bomb"):
        open_sources([write(tmp_path / "a.jsonl.gz", bomb)])


@pytest.mark.parametrize("twice", [gzip.compress, zstd])
def test_a_file_compressed_twice_is_refused(tmp_path, twice):
    with pytest.raises(SourceError, match="twice"):
        open_sources([write(tmp_path / "a.jsonl.gz", gzip.compress(twice(jsonl(ROWS))))])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf16_is_read_and_reported(tmp_path, encoding):
    path = write(tmp_path / "a.jsonl", jsonl(ROWS).decode().encode(encoding))
    with open_sources([path]) as sources:
        assert rows_of(sources[0]) == ROWS
        assert faults(sources[0]) == [("FIL004", 1)]
        assert not sources[0].plain
        assert sources[0].container != "jsonl"


def test_standard_input_is_copied_first(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(jsonl(ROWS)))))
    with open_sources(["-"]) as sources:
        assert (sources[0].path, sources[0].split, sources[0].compression) == ("-", "train", "gzip")
        assert rows_of(sources[0]) == ROWS
        sources[0].check_unchanged()


def test_a_pipe_is_copied_first(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe.jsonl").write_bytes(jsonl(ROWS)))
    writer.start()
    with open_sources([tmp_path / "pipe.jsonl"]) as sources:
        assert rows_of(sources[0]) == ROWS
        assert not sources[0].plain
    writer.join()


def test_spooled_copies_go_with_the_block(tmp_path):
    with open_sources([write(tmp_path / "a.json", dumps(ROWS))]) as sources:
        copy = sources[0].data
        assert copy.exists()
    assert not copy.exists()


def test_no_room_for_a_copy_is_an_error_with_a_way_out(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("curator.sources.opened._write", full)
    with pytest.raises(SourceError, match="TMPDIR"):
        open_sources([write(tmp_path / "a.json", dumps(ROWS))])


# ---------------------------------------------------------------------- what is named


def test_a_folder_gives_its_data_files_and_leaves_the_rest(tmp_path):
    for name in ("b.jsonl", "a.json", "deep/er/c.jsonl.gz"):
        write(tmp_path / name, gzip.compress(jsonl(ROWS)) if name.endswith("gz") else jsonl(ROWS))
    for name in (
        "README.md",
        "SOURCE.txt",
        "LICENSE",
        "dataset_info.json",
        "a.truth.jsonl",
        ".hidden.jsonl",
        ".git/x.jsonl",
    ):
        write(tmp_path / name, jsonl(ROWS))
    with open_sources([tmp_path]) as sources:
        assert [Path(s.path).relative_to(tmp_path).as_posix() for s in sources] == [
            "a.json",
            "b.jsonl",
            "deep/er/c.jsonl.gz",
        ]
        assert {Path(item.path).name for item in sources.left} == {
            "README.md",
            "SOURCE.txt",
            "LICENSE",
            "dataset_info.json",
            "a.truth.jsonl",
        }


def test_a_folder_laid_out_for_a_trainer_gives_its_splits(tmp_path):
    for name in ("train.jsonl", "valid.jsonl", "test.jsonl", "truth.jsonl", "all.jsonl"):
        write(tmp_path / name, jsonl(ROWS))
    sources = open_sources([tmp_path])
    assert [s.split for s in sources] == ["test", "train", "valid"]
    assert {Path(item.path).name for item in sources.left} == {"truth.jsonl", "all.jsonl"}


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.jsonl", "train"),
        ("dev.jsonl.gz", "valid"),
        ("Validation.json", "valid"),
        ("eval.csv", "valid"),
        ("val.jsonl", "valid"),
        ("test-00000-of-00002.parquet", "test"),
        ("train_1.jsonl", "train"),
        ("test/data-00000-of-00001.arrow", "test"),
        ("support.v2.jsonl", "support.v2"),
        ("faq_2024.jsonl", "faq_2024"),
    ],
)
def test_the_name_tells_the_split(tmp_path, name, split):
    assert open_one(write(tmp_path / name, jsonl(ROWS))).split == split


def test_a_path_is_kept_as_the_user_wrote_it(tmp_path, monkeypatch):
    write(tmp_path / "data" / "a.jsonl", jsonl(ROWS))
    monkeypatch.chdir(tmp_path)
    assert open_one("./data/a.jsonl").path == "./data/a.jsonl"
    assert open_one("data").path == "data/a.jsonl"


def test_a_file_named_outright_is_data_whatever_its_name(tmp_path):
    assert rows_of(open_one(write(tmp_path / "README.md", jsonl(ROWS)))) == ROWS


def test_a_file_named_twice_is_read_once(tmp_path):
    path = write(tmp_path / "a.jsonl", jsonl(ROWS))
    (tmp_path / "b.jsonl").symlink_to(path)
    sources = open_sources([path, tmp_path])
    assert len(sources) == 1
    assert "twice" in sources.left[0].reason


def test_links_in_circles_and_to_nothing_are_passed_over(tmp_path):
    write(tmp_path / "data" / "a.jsonl", jsonl(ROWS))
    (tmp_path / "data" / "up").symlink_to(tmp_path / "data", target_is_directory=True)
    (tmp_path / "data" / "self.jsonl").symlink_to(tmp_path / "data" / "self.jsonl")
    (tmp_path / "data" / "gone.jsonl").symlink_to(tmp_path / "nothing")
    assert len(open_sources([tmp_path / "data"])) == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("trian.jsonl", "did you mean .*train.jsonl"),
        ("no/such/file.jsonl", "folder is missing"),
        ("void", "the folder is empty"),
        ("notes", "holds no data.*\n.*todo.txt"),
        ("loop", "points to nothing"),
        ("empty.jsonl", "holds no rows"),
        ("blank.jsonl", "holds no rows"),
        ("prose.txt", "neither JSON nor a table"),
        ("image.jsonl.zip", "ZIP"),
        ("rows.pkl", "pickle"),
        ("x" * 300, "name too long|cannot be read"),
    ],
)
def test_what_cannot_be_read_is_an_error_with_place_and_next_step(tmp_path, name, said):
    write(tmp_path / "train.jsonl", jsonl(ROWS))
    (tmp_path / "void").mkdir()
    write(tmp_path / "notes" / "todo.txt", "x")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    write(tmp_path / "empty.jsonl", b"")
    write(tmp_path / "blank.jsonl", b"\n \n\t\n")
    write(tmp_path / "prose.txt", "It was a dark and stormy night\nand it rained.\n")
    write(tmp_path / "image.jsonl.zip", b"PK\x03\x04abc")
    write(tmp_path / "rows.pkl", pickle.dumps(ROWS))
    with pytest.raises(SourceError, match=f"(?si){said}") as caught:
        open_sources([tmp_path / name])
    assert str(tmp_path) in caught.value.where
    assert caught.value.hint


def test_an_empty_file_beside_others_is_a_fault_not_an_error(tmp_path):
    paths = [write(tmp_path / "train.jsonl", jsonl(ROWS)), write(tmp_path / "valid.jsonl", b"")]
    sources = open_sources(paths)
    assert [faults(s) for s in sources] == [[], [("FIL002", 1)]]
    assert cut(sources[1]) == []


# ---------------------------------------------------------------------- spans


@pytest.fixture
def small_spans(monkeypatch):
    monkeypatch.setattr(source, "LEAST", 400)
    monkeypatch.setattr(source, "MOST", 800)
    monkeypatch.setattr(source, "SPACING", 64)


def spans_of(path):
    opened = open_one(path)
    return [read(opened, span) for span in cut(opened)]


@settings(max_examples=150, deadline=None)
@given(lines=st.lists(st.binary(max_size=300).map(lambda b: b.replace(b"\n", b"")), max_size=40), ended=st.booleans())
def test_spans_follow_each_other_without_a_gap_and_end_at_line_ends(tmp_path_factory, lines, ended):
    data = b'{"a": 1}\n' + b"\n".join(lines) + b"\n" * ended
    before = source.LEAST, source.MOST, source.SPACING
    source.LEAST, source.MOST, source.SPACING = 400, 800, 64
    try:
        parts = spans_of(write(tmp_path_factory.mktemp("spans") / "a.jsonl", data))
    finally:
        source.LEAST, source.MOST, source.SPACING = before
    assert b"".join(parts) == data
    assert all(part.endswith(b"\n") for part in parts[:-1])
    assert all(len(part) <= 800 or part.count(b"\n", 0, -1) <= 1 for part in parts[:-1])


def test_a_line_inserted_early_leaves_later_spans_as_they_were(tmp_path, small_spans):
    lines = [
        dumps({"prompt": f"question {n}", "completion": "y" * (n * 37 % 50)}).encode() + b"\n" for n in range(2000)
    ]
    before = spans_of(write(tmp_path / "a.jsonl", b"".join(lines)))
    lines.insert(3, b'{"prompt": "new", "completion": "row"}\n')
    after = spans_of(write(tmp_path / "b.jsonl", b"".join(lines)))
    assert len(before) > 100
    assert len(set(before) - set(after)) <= 0.05 * len(before)


def test_real_spans_are_about_four_megabytes(tmp_path):
    line = b'{"prompt": "%06d", "completion": "' + b"x" * 500 + b'"}\n'
    path = write(tmp_path / "a.jsonl", b"".join(line % n for n in range(40_000)))
    sizes = [stop - start for start, stop in cut(open_one(path))]
    assert all(4_000_000 <= size <= 4_400_000 for size in sizes[:-1])


def test_a_line_longer_than_a_span_is_one_span(tmp_path, small_spans):
    short = b'{"a": 1}\n'
    data = short * 20 + b'{"b": "' + b"x" * 5000 + b'"}\n' + short * 20
    parts = spans_of(write(tmp_path / "a.jsonl", data))
    assert b"".join(parts) == data
    assert max(parts, key=len).count(b"\n") == 1


def test_a_row_over_several_lines_is_not_cut_in_two(tmp_path, small_spans):
    row = '{"prompt": "List", "completion": "' + "\n".join(f"{n}. do it" for n in range(8)) + '"}\n'
    parts = spans_of(write(tmp_path / "a.jsonl", ('{"a": 1}\n' + row) * 200))
    assert len(parts) > 20
    assert all(part.startswith(b"{") for part in parts)


# ---------------------------------------------------------------------- changes meanwhile


@pytest.mark.parametrize("change", ["append", "touch", "cut", "remove", "replace"])
def test_a_file_that_changes_is_noticed(tmp_path, change):
    path = write(tmp_path / "a.jsonl", jsonl(ROWS))
    opened = open_one(path)
    opened.check_unchanged()
    if change == "append":
        write(path, jsonl(ROWS * 2))
    elif change == "touch":
        os.utime(path, (1, 1))
    elif change == "cut":
        os.truncate(path, 10)
    elif change == "remove":
        path.unlink()
    else:
        write(tmp_path / "b", jsonl(ROWS)).replace(path)
    with pytest.raises(ChangedError, match=r"a\.jsonl"):
        opened.check_unchanged()


def test_a_file_that_became_shorter_cannot_be_read_as_before(tmp_path):
    path = write(tmp_path / "a.jsonl", jsonl(ROWS))
    opened = open_one(path)
    os.truncate(path, 10)
    with pytest.raises(ChangedError):
        read(opened, Span(0, opened.stamp.size))
    path.unlink()
    with pytest.raises(ChangedError):
        read(opened, Span(0, 5))


# ---------------------------------------------------------------------- what tables hold that JSON does not


@contextmanager
def table(tmp_path, columns, names=None):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    arrays = [column if isinstance(column, pa.Array) else pa.array(column) for column in columns.values()]
    pq.write_table(pa.Table.from_arrays(arrays, names=names or list(columns)), tmp_path / "set.parquet")
    with open_sources([tmp_path / "set.parquet"]) as (opened,):
        yield opened


def test_binary_cells_that_hold_text_are_texts(tmp_path):
    pa = pytest.importorskip("pyarrow")
    binary = pa.array([b"Wo ist L\xc3\xbcbeck?", b"\xff\x00"], pa.binary())
    nested = pa.array([[{"role": b"user"}], []], pa.list_(pa.struct([("role", pa.binary())])))
    with table(tmp_path, {"prompt": binary, "turns": nested}) as opened:
        first, second = rows_of(opened)
    assert first == {"prompt": "Wo ist Lübeck?", "turns": [{"role": "user"}]}
    assert second == {"prompt": "/wA=", "turns": []}


def test_columns_of_one_name_are_both_read(tmp_path):
    with table(tmp_path, {"a": ["one"], "b": ["two"]}, ["prompt", "prompt"]) as opened:
        assert rows_of(opened) == [{"prompt": "one", "prompt 2": "two"}]
        assert faults(opened) == [("FIL008", 1)]


def test_a_missing_number_is_null_and_an_infinite_one_a_fault(tmp_path):
    with table(tmp_path, {"score": [1.5, float("nan"), float("-inf")]}) as opened:
        assert rows_of(opened) == [{"score": 1.5}, {"score": None}, {"score": None}]
        assert faults(opened) == [("FIL009", 3)]


def test_cells_that_python_cannot_hold_are_null_and_faults(tmp_path):
    """A date beyond the calendar, a time of no zone, a struct with a key twice: the row beside them is read."""
    pa = pytest.importorskip("pyarrow")
    columns = {
        "prompt": ["one", "two"],
        "day": pa.array([2**31 - 1, 0], pa.date32()),
        "when": pa.array([0, None], pa.timestamp("ns", tz="Nowhere/Atlantis")),
        "twice": pa.StructArray.from_arrays([pa.array(["a", None])] * 2, names=["x", "x"]),
    }
    with table(tmp_path, columns) as opened:
        first, second = rows_of(opened)
        assert first == {"prompt": "one", "day": None, "when": None, "twice": None}
        assert second["prompt"] == "two" and second["day"] == "1970-01-01"
        assert ("FIL001", 1) in faults(opened)


def test_a_text_column_that_is_no_utf8_passes_for_the_rules_to_judge(tmp_path):
    pa = pytest.importorskip("pyarrow")
    offsets, data = pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xff")
    with table(tmp_path, {"prompt": pa.Array.from_buffers(pa.string(), 1, [None, offsets, data])}) as opened:
        assert opened.data.read_bytes() == b'{"prompt":"a\xff"}\n'


def test_words_behind_an_array_stand_in_the_line_they_stand_in(tmp_path):
    """They are no row, so that the lines go on naming the rows."""
    path = tmp_path / "train.json"
    path.write_text('[{"text": "Bees sleep."}] garbage\n')
    with open_sources([path]) as opened:
        assert [list(each.lines(0, 2)) for each in opened] == [[1, 1]]


def test_rows_that_share_a_line_are_told_apart_by_their_number(tmp_path):
    one_line, spread = (
        write(tmp_path / "a.json", json.dumps(ROWS)),
        write(tmp_path / "b.json", json.dumps(ROWS, indent=1)),
    )
    with open_sources([one_line, spread]) as opened:
        assert [list(each.lines(0, 2)) for each in opened] == [[1, 2], [2, 6]]


def test_an_empty_name_is_not_this_folder() -> None:
    with pytest.raises(SourceError, match="an empty name is no file"):
        open_sources([""])


@pytest.mark.parametrize("kind", ["parquet", "file", "stream"])
def test_a_table_of_more_columns_than_any_set_has_is_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    table = pa.table({f"c{n}": ["a"] for n in range(30)})
    path = tmp_path / ("t.parquet" if kind == "parquet" else "t.arrow")
    if kind == "parquet":
        pa.parquet.write_table(table, path)
    else:
        with pa.OSFile(str(path), "wb") as out:
            made = pa.ipc.new_file(out, table.schema) if kind == "file" else pa.ipc.new_stream(out, table.schema)
            with made:
                made.write_table(table)
    with open_sources([path]) as sources:
        assert len(sources) == 1
    monkeypatch.setattr("curator.sources.tables._MOST_COLUMNS", 20)
    with pytest.raises(SourceError, match=rf"{path.name}: a table of 30 columns"):
        open_sources([path])
    if kind == "parquet":
        monkeypatch.setattr("curator.sources.tables._MOST_FOOTER", 100)
        with pytest.raises(SourceError, match=r"description of its columns and groups"):
            open_sources([path])
