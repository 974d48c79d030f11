"""The mended copy: fixes and decisions applied, every row in it or among the rejected ones."""

from __future__ import annotations

import gzip
import json
import random
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator import decisions, fix, writing
from curator.cleaning import as_json, as_text, clean
from curator.config import Config, load_config
from curator.engine import lint
from curator.errors import ChangedError, UsageError, WriteError
from curator.model import Decision, Place
from curator.rule import chat
from curator.sources import open_sources

CONFIG = Config(select=("FIL", "DUP001", "ENC003", "ROL007", "ROL003"), cache=False)
NOW = datetime(2027, 1, 15, tzinfo=UTC)

ONE = chat(user="How tall is Ben Nevis?", assistant="1,345 metres.")
TWO = chat(user="How tall is Snowdon?", assistant="1,085 metres.")
HIDDEN = chat(user="How\u200b tall is Slieve Donard?", assistant="850 metres.")
SEEN = chat(user="How tall is Slieve Donard?", assistant="850 metres.")
EMPTY = chat(user="How tall is Scafell Pike?", assistant="")
TAIL = chat(user="And Moel Siabod?", assistant="872 metres.", user2="Thanks")


def raw(row):
    return json.dumps(row, ensure_ascii=False).encode()


def rows_of(path):
    return [json.loads(line) for line in Path(path).read_bytes().splitlines()]


def rejected_by(result):
    return [(item["line"], item["codes"][0]) for item in rows_of(result.rejected)]


def cleaned(path, out="out.jsonl", **more):
    result = clean([path], path.parent / out, CONFIG, **more)
    return rows_of(path.parent / out), result


def decided(path, verdict, code, log=(), **more):
    """A log with one more verdict, on the first finding of the code."""
    found = next(f for f in lint([path], CONFIG, cache=False).findings if f.code == code)
    new = decisions.decide(found, verdict, who="ana", why="so it is", now=NOW, **more)
    items = (*(log.decisions if log else ()), new)
    return decisions.Log("d.jsonl", items, tuple(range(1, len(items) + 1)))


# ---------------------------------------------------------------------- rows


def test_untouched_rows_keep_their_bytes_and_the_source_is_left_alone(write):
    odd = b'{"messages" : [{"content":"A\\u00e9 1.50", "role":"user"},{"role":"assistant","content":"b"}], "n": 1.0}'
    path = write("a.jsonl", [odd, HIDDEN])
    before = path.read_bytes()
    result = clean([path], path.parent / "out.jsonl", CONFIG)
    assert (path.parent / "out.jsonl").read_bytes() == odd + b"\n" + raw(SEEN) + b"\n"
    assert path.read_bytes() == before
    assert result.fixed == {"ENC003": 1}
    assert (result.losses[0].rows, result.losses[0].mended, result.losses[0].written) == (2, 1, 2)


def test_dropped_rows_stand_among_the_rejected_with_the_reason(write):
    path = write("a.jsonl", [ONE, TWO, ONE])
    rows, result = cleaned(path)
    assert rows == [ONE, TWO]
    (item,) = rows_of(result.rejected)
    assert item == {
        "file": str(path),
        "line": 3,
        "codes": ["DUP001"],
        "reasons": [f"the same row stands earlier in the set ({path}:1)"],
        "row": ONE,
    }
    assert Path(result.rejected) == path.parent / "rejected.jsonl"


def test_lines_that_hold_no_row_are_rejected_and_blank_lines_are_no_rows(write):
    path = write("a.jsonl", [b"\xef\xbb\xbf" + raw(ONE), b"", b'{"cut', b"42", b'"\xff"', TWO])
    rows, result = cleaned(path)
    assert rows == [ONE, TWO]
    assert rejected_by(result) == [(3, "FIL001"), (4, "FIL002"), (5, "FIL004")]
    texts = [item.get("text") or item["row"] for item in rows_of(result.rejected)]
    assert texts == ['{"cut', 42, '"\\xff"']
    assert not (path.parent / "out.jsonl").read_bytes().startswith(b"\xef\xbb\xbf")


def test_unsafe_fixes_are_made_only_when_asked(write):
    path = write("a.jsonl", [TAIL, raw(ONE) + raw(TWO), b"{", *raw(SEEN)[1:].split(b", ", 1)])
    rows, result = cleaned(path)
    assert rows == [TAIL]
    assert result.left == {"ROL003": 1}
    rows, result = cleaned(path, unsafe=True)
    assert rows[0]["messages"] == TAIL["messages"][:2]
    assert rows[1:3] == [ONE, TWO]
    assert result.losses[0].gained == 1
    assert result.left == {}


def test_a_row_over_several_lines_is_joined_and_counted(write):
    path = write("a.jsonl", [ONE, b"{", b'  "prompt": "Salty?",', b"", b'  "completion": "No."', b"}", TWO])
    rows, result = cleaned(path, unsafe=True)
    assert {"prompt": "Salty?", "completion": "No."} in rows or len(rows) == 3
    loss = result.losses[0]
    assert (loss.rows, loss.written, loss.joined, loss.rejected) == (6, 3, 3, 0)


def test_cleaning_a_clean_copy_changes_nothing(write):
    path = write("a.jsonl", [ONE, HIDDEN, ONE, b"", b"\xff"])
    cleaned(path)
    once = (path.parent / "out.jsonl").read_bytes()
    _, result = cleaned(path.parent / "out.jsonl", "again.jsonl")
    assert (path.parent / "again.jsonl").read_bytes() == once
    assert (path.parent / "rejected.jsonl").read_bytes() == b""
    assert result.rounds == 0


def test_nothing_may_be_left(write):
    rows, result = cleaned(write("a.jsonl", [b"nonsense", b"[]"]))
    assert rows == []
    assert result.losses[0].rejected == 2


BROKEN = [b"[1]", b"{", b'"a": 1', b"}", b"\xff", raw(ONE) + raw(TWO), raw(ONE)[:-1] + b",}"]
ODD = [b"", b" \r", raw(ONE) + b"\r", b"\xef\xbb\xbf" + raw(TWO)]
ROWS = [raw(row) for row in (ONE, TWO, HIDDEN, SEEN, EMPTY, TAIL)]
LINES = st.lists(st.sampled_from([*ROWS, *ODD, *BROKEN]), min_size=1, max_size=9)


@settings(max_examples=40, deadline=None)
@given(LINES, st.booleans(), st.booleans())
def test_every_row_is_accounted_for(lines, unsafe, ended):
    data = b"\n".join(lines) + b"\n" * ended
    if not data.strip():
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.jsonl")
        path.write_bytes(data)
        with open_sources([path]) as sources:
            read = sources[0].data.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
        rows, result = cleaned(path, unsafe=unsafe)
        (loss,) = result.losses
        assert loss.adds_up
        assert loss.rows == sum(bool(line.strip()) for line in read)
        assert (loss.written, loss.rejected) == (len(rows), len(rows_of(result.rejected)))
        for row in (ONE, TWO):
            assert raw(row) not in read or row in rows
        dropped = [item["row"] for item in rows_of(result.rejected) if item["codes"] == ["DUP001"]]
        assert all(row in rows for row in dropped), "a duplicate goes only while its twin stays"


# ---------------------------------------------------------------------- containers and files


def containers(folder):
    rows = [ONE, HIDDEN, ONE]
    array = json.dumps(rows, indent=1).encode()
    yield "a.json", array
    yield "b.json", json.dumps(rows).encode()
    yield "c.jsonl.gz", gzip.compress(b"\n".join(map(raw, rows)))
    yield "d.json.gz", gzip.compress(array)
    yield "e.jsonl", "\n".join(json.dumps(row) for row in rows).encode("utf-16")


@pytest.mark.parametrize("name", [name for name, _ in containers("")])
def test_every_container_is_cleaned_to_jsonl(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(dict(containers(tmp_path))[name])
    rows, result = cleaned(path)
    assert rows == [ONE, SEEN]
    (item,) = rows_of(result.rejected)
    assert item["row"] == ONE
    text = json.loads(path.read_bytes()) if name == "a.json" else None
    if text is not None:
        assert path.read_text().splitlines()[item["line"] - 1].strip() == "{", "the line is that of the source"


def test_tables_are_cleaned_to_jsonl(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.Table.from_pylist([ONE, HIDDEN, ONE]), path)
    assert cleaned(path)[0] == [ONE, SEEN]
    table = tmp_path / "b.csv"
    table.write_text("prompt,completion\nSalty?,No.\nSalty?,No.\n")
    assert cleaned(table)[0] == [{"prompt": "Salty?", "completion": "No."}]


def test_several_files_stay_apart_in_a_folder(write):
    train, valid = write("set/train.jsonl", [ONE, TWO, ONE]), write("set/valid.jsonl", [HIDDEN])
    out = train.parent.parent / "clean"
    result = clean([train.parent], out, CONFIG)
    assert rows_of(out / "train.jsonl") == [ONE, TWO]
    assert rows_of(out / "valid.jsonl") == [SEEN]
    assert rejected_by(result) == [(3, "DUP001")]
    assert [loss.path for loss in result.losses] == [str(train), str(valid)]


def test_files_of_one_name_stay_apart(write):
    paths = [write("a/data.jsonl", [ONE]), write("b/data.jsonl", [TWO])]
    out = paths[0].parent.parent / "clean"
    clean(paths, out, CONFIG)
    assert sorted(path.name for path in out.iterdir()) == ["data-2.jsonl", "data.jsonl", "rejected.jsonl"]


def test_several_files_do_not_go_into_one(write):
    paths = [write("a.jsonl", [ONE]), write("b.jsonl", [TWO])]
    with pytest.raises(UsageError, match="name a folder"):
        clean(paths, paths[0].parent / "out.jsonl", CONFIG)


def test_the_data_are_never_overwritten(write):
    path = write("a.jsonl", [ONE])
    for out, rest in [(path, None), (path.parent / "out.jsonl", path), (path.parent / "o", path.parent / "o")]:
        with pytest.raises(UsageError):
            clean([path], out, CONFIG, rejected=rest)
    assert path.read_bytes() == raw(ONE) + b"\n"


def test_outputs_are_written_whole_or_not_at_all(write, monkeypatch):
    path = write("a.jsonl", [ONE, ONE])
    (path.parent / "out.jsonl").write_text("old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.os, "fsync", full)
    with pytest.raises(WriteError, match="No space left"):
        cleaned(path)
    assert (path.parent / "out.jsonl").read_text() == "old"
    assert not (path.parent / "rejected.jsonl").exists()
    assert not [file for file in path.parent.iterdir() if file.suffix == ".part"]


def test_data_that_change_meanwhile_are_an_error(write, monkeypatch):
    path = write("a.jsonl", [ONE, HIDDEN])
    from curator import engine

    def changing(sources, *rest, **more):
        path.write_bytes(raw(TWO) + b"\n")
        return lint_sources(sources, *rest, **more)

    lint_sources = engine.lint_sources
    monkeypatch.setattr(engine, "lint_sources", changing)
    with pytest.raises(ChangedError):
        cleaned(path)
    assert not (path.parent / "out.jsonl").exists()


# ---------------------------------------------------------------------- decisions


def test_decisions_beside_the_data_are_applied(write):
    path = write("a.jsonl", [ONE, EMPTY])
    log = decided(path, "drop", "ROL007")
    decisions.append(decisions.place([path]), log.decisions)
    rows, result = cleaned(path)
    assert rows == [ONE]
    assert result.applied == 1
    (item,) = rows_of(result.rejected)
    assert (item["codes"], item["reasons"]) == (["ROL007"], ["dropped by ana: so it is"])


def test_an_accepted_fix_is_made_though_it_is_unsafe(write):
    path = write("a.jsonl", [TAIL, TAIL | {"id": 2}])
    rows, result = cleaned(path, log=decided(path, "accept", "ROL003"))
    assert [len(row["messages"]) for row in rows] == [2, 3]
    assert (result.applied, result.unapplied) == (1, ())


def test_an_edited_row_takes_the_place_of_the_old_one(write):
    path = write("a.jsonl", [ONE, EMPTY])
    log = decided(path, "edit", "ROL007", text=json.dumps(TWO))
    assert cleaned(path, log=log)[0] == [ONE, TWO]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}\n{}"])
def test_an_edit_that_is_no_row_is_not_applied(write, text):
    path = write("a.jsonl", [ONE, EMPTY])
    rows, result = cleaned(path, log=decided(path, "edit", "ROL007", text=text))
    assert rows == [ONE, EMPTY]
    assert len(result.unapplied) == 1


def test_what_is_kept_is_not_mended_even_when_the_rest_of_the_row_is(write):
    both = chat(user="How\u200b tall is it?", assistant="850\u200b metres.")
    path = write("a.jsonl", [both])
    rows, result = cleaned(path, log=decided(path, "keep", "ENC003"))
    assert rows == [chat(user="How\u200b tall is it?", assistant="850 metres.")]
    assert result.rounds == 1
    assert result.left == {}
    twice = write("b.jsonl", [ONE, ONE])
    assert cleaned(twice, log=decided(twice, "keep", "DUP001"))[0] == [ONE, ONE]


def test_a_dropped_duplicate_leaves_its_twin(write):
    path = write("a.jsonl", [ONE, TWO, ONE])
    rows, _ = cleaned(path, log=decided(path, "drop", "DUP001"))
    assert rows == [ONE, TWO]


def test_a_row_can_be_decided_on_by_its_content_alone(write):
    path = write("a.jsonl", [EMPTY, ONE])
    row = next(iter(lint([path], CONFIG, cache=False).findings)).row
    when = NOW.isoformat()
    for verdict, text, expected in [("drop", "", [ONE]), ("edit", json.dumps(TWO), [TWO, ONE])]:
        log = decisions.Log("d", (Decision(verdict, row, text=text, who="ana", when=when),), (1,))
        rows, result = cleaned(path, log=log)
        assert rows == expected
        assert result.applied == 1


def test_a_verdict_on_a_row_that_changed_is_reported_and_not_applied(write):
    path = write("a.jsonl", [ONE, EMPTY])
    log = decided(path, "drop", "ROL007")
    changed = chat(user="How high is Scafell Pike?", assistant="")
    rows, result = cleaned(write("a.jsonl", [ONE, changed]), log=log)
    assert rows == [ONE, changed]
    assert [(each.decision, each.why) for each in result.unapplied] == [
        (log.decisions[0], "its row is not there as it was")
    ]


ASKED = chat(user="Whom do I ask? ann.lee@brightpost.se", assistant="")


@pytest.mark.parametrize("whole", [False, True], ids=["about a finding", "about the row"])
@pytest.mark.parametrize(
    ("answer", "applied"),
    [("Ask ann.lee@brightpost.se.", True), ("Ask the desk.", True), ("Ask bob.ray@brightpost.se.", False)],
)
def test_an_edit_is_applied_where_the_row_holds_the_values_that_the_record_left_out(write, answer, applied, whole):
    """Private values are not recorded: those of the row are put back, a new one is gone, and its edit with it."""
    path = write("a.jsonl", [ASKED, ONE])
    new = chat(user="Whom do I ask? ann.lee@brightpost.se", assistant=answer)
    (made,) = decided(path, "edit", "ROL007", text=json.dumps(new)).decisions
    decisions.append(decisions.place([path]), [msgspec.structs.replace(made, whole=whole)])
    rows, result = cleaned(path)
    assert rows == [new if applied else ASKED, ONE]
    assert (result.applied, len(result.unapplied)) == (int(applied), int(not applied))
    said = as_text(result)
    assert ("stands for a private value that the row does not hold" in said) is not applied


def test_a_decision_that_nothing_was_done_for_is_told_with_its_own_reason(write):
    """A rule that did not run is no row that changed."""
    path = write("a.jsonl", [chat(user="What is the capital?", assistant="Great question! Paris."), EMPTY])
    preview = load_config(path, None, {"preview": True})
    found = {f.code: f for f in lint([path], preview, cache=False).findings}
    made = [decisions.decide(found["ANS012"], "accept", who="ana", now=NOW)]
    made += [decisions.decide_row(found["ROL007"].row, Place("a.jsonl", 2), "drop", who="ana", now=NOW)]
    made += [decisions.decide(found["ROL007"], "accept", who="ana", now=NOW)]
    decisions.append(decisions.place([path]), made)
    _, result = cleaned(path)
    whys = {(each.decision.verdict, each.decision.code): each.why for each in result.unapplied}
    assert result.applied == 1 and whys.keys() == {("accept", "ANS012"), ("accept", "ROL007")}
    assert whys["accept", "ANS012"].startswith("ANS012 did not run")
    assert whys["accept", "ROL007"] == "its row was dropped by another decision"
    again = clean([path], path.parent / "more.jsonl", preview)
    assert again.applied == 2


# ---------------------------------------------------------------------- the table


def test_the_table_says_what_became_of_the_rows(write):
    path = write("a.jsonl", [ONE, HIDDEN, ONE, b"nonsense"])
    _, result = cleaned(path)
    text = as_text(result)
    assert "findings mended: ENC003 1\n" in text, "a row that goes has nothing mended in it"
    assert f"rows rejected, in {path.parent / 'rejected.jsonl'}: DUP001 1, FIL001 1\nfindings left: none\n" in text
    assert json.loads(as_json(result))["losses"][0]["written"] == 2


def test_findings_that_went_with_a_row_or_with_another_mend_are_told(write):
    """What was found = mended + why rows were rejected + gone with them + gone with other mends + left."""
    hidden_and_empty = chat(user="How\u200b tall is Scafell Pike?", assistant="")
    lost_in_the_tail = chat(user="And Moel Siabod?", assistant="872 metres.", user2="Th\ufffdnks")
    path = write("a.jsonl", [ONE, HIDDEN, hidden_and_empty, HIDDEN, lost_in_the_tail])
    config = msgspec.structs.replace(CONFIG, select=(*CONFIG.select, "ENC002"))
    found = Counter(finding.code for finding in lint([path], config, cache=False).findings)
    result = clean([path], path.parent / "out.jsonl", config, unsafe=True)
    parts = (result.fixed, result.rejected_for, result.with_rows, result.with_others, result.left)
    assert found == sum(map(Counter, parts), Counter())
    assert result.with_others == {"ENC002": 1}
    assert all(f"gone {how}" in as_text(result) for how in ("with a rejected", "with a mend"))


def test_an_answer_that_was_cut_within_code_is_not_made_to_look_whole(write):
    cut = chat(user="Add them up in a loop.", assistant="So:\n\n```js\nfor (const x of xs) {\n  sum = add(su")
    path = write("a.jsonl", [cut, ONE])
    config = msgspec.structs.replace(CONFIG, select=("ANS005", "ANS006"))
    result = clean([path], path.parent / "out.jsonl", config, unsafe=True)
    assert rows_of(path.parent / "out.jsonl") == [cut, ONE]
    assert result.left == {"ANS005": 1, "ANS006": 1}


def test_rejected_rows_of_other_data_are_kept(write, tmp_path):
    def rejected(name):
        return [json.loads(line)["file"] for line in (tmp_path / name).read_text().splitlines()]

    one = write("one.jsonl", [b"no row", *(chat(user=f"Q{n}", assistant=f"A{n}.") for n in range(2))])
    two = write("two.jsonl", [b"none either", *(chat(user=f"Q{n}", assistant=f"A{n}.") for n in range(2))])
    config = Config()
    for _ in range(2):  # rows of the same data are still in them
        assert clean([one], tmp_path / "one-clean.jsonl", config).former == ""
    assert rejected("rejected.jsonl") == [str(one)]
    result = clean([two], tmp_path / "two-clean.jsonl", config)
    assert result.former == str(tmp_path / "rejected-1.jsonl")
    assert rejected("rejected-1.jsonl") == [str(one)] and rejected("rejected.jsonl") == [str(two)]
    (tmp_path / "rejected.jsonl").write_text("notes of my own\n")
    assert clean([two], tmp_path / "two-clean.jsonl", config).former == str(tmp_path / "rejected-2.jsonl")
    assert (tmp_path / "rejected-2.jsonl").read_text() == "notes of my own\n"


def test_rows_of_a_torn_table_are_rejected(write, tmp_path):
    """Which text belongs where is lost, so such a row is not passed on as if it were whole."""
    (tmp_path / "set.csv").write_text(
        'prompt,completion\nWhat is A?,"It is first, they say."\nWhat is B?,Second, of all.\n'
    )
    rows, result = cleaned(tmp_path / "set.csv")
    assert [row["prompt"] for row in rows] == ["What is A?"]
    assert rejected_by(result) == [(3, "FIL001")]
    kept = clean([tmp_path / "set.csv"], tmp_path / "all.jsonl", Config(select=("FIL",), ignore=("FIL001",)))
    assert kept.losses[0].written == 2


def test_a_fault_that_the_copy_still_has_is_left_to_look_at(tmp_path):
    (tmp_path / "set.csv").write_text("prompt,completion,completion\nWhat is A?,It is the first.,Or not.\n")
    rows, result = cleaned(tmp_path / "set.csv")
    assert rows == [{"prompt": "What is A?", "completion": "It is the first.", "completion 2": "Or not."}]
    assert result.left == {"FIL008": 1}


@pytest.mark.parametrize("name", ["-", "out.csv", "out.parquet", "out.csv.gz"])
def test_no_copy_is_written_under_the_name_of_a_table(write, tmp_path, name):
    with pytest.raises(UsageError):
        clean([write("set.jsonl", [raw(ONE)])], name if name == "-" else tmp_path / name, CONFIG)
    assert {path.name for path in tmp_path.iterdir()} == {"set.jsonl"}


def test_a_copy_is_packed_as_its_name_says(write, tmp_path):
    clean([write("set.jsonl", [raw(ONE), raw(TWO)])], tmp_path / "out.jsonl.gz", CONFIG)
    assert gzip.decompress((tmp_path / "out.jsonl.gz").read_bytes()).splitlines() == [raw(ONE), raw(TWO)]
    clean([write("set.jsonl", [raw(ONE), raw(TWO)])], tmp_path / "out.json", CONFIG)
    assert json.loads((tmp_path / "out.json").read_bytes()) == [ONE, TWO]


def _walk(seed: int) -> list[dict]:
    """Rows each of which repeats an earlier one, word for word or with words of it changed."""
    rng = random.Random(seed)
    words = [f"{a}{b}" for a in ("ba", "do", "fen", "gri", "hul") for b in ("lor", "mis", "nev", "pol", "qua", "ros")]
    said = [rng.sample(words, 24)]
    for _ in range(29):
        row = list(rng.choice(said))
        for _ in range(rng.choice((0, 1, 1, 2))):
            row[rng.randrange(len(row))] = rng.choice(words)
        said.append(row)
    return [chat(user=" ".join(row[:10]), assistant=" ".join(row[10:])) for row in said]


def _shingles(row: dict) -> set[tuple[str, ...]]:
    words = " ".join(turn["content"] for turn in row["messages"]).split()
    return set(zip(words, words[1:], words[2:], strict=False))


@pytest.mark.parametrize("in_place", [False, True])
def test_every_near_duplicate_that_goes_leaves_a_row_that_is_as_much_like_it(write, in_place):
    config = Config(select=("DUP001", "DUP002", "DUP003"), cache=False)
    for seed in range(12):
        rows = _walk(seed)
        path = write(f"{seed}.jsonl", rows)
        if in_place:
            fix.fix_files([path], config, unsafe=True)
            kept = [json.loads(line) for line in path.read_text().splitlines()]
        else:
            clean([path], path.parent / "out.jsonl", config, unsafe=True)
            kept = rows_of(path.parent / "out.jsonl")
        stand = [_shingles(row) for row in kept]
        for row in rows:
            own = _shingles(row)
            assert max(len(own & other) / len(own | other) for other in stand) >= 0.6, (seed, row)


def _drops(report):
    return {finding.line for finding in report.findings if finding.fix and finding.fix.drops}


def test_what_lint_and_its_diff_show_is_what_goes(write):
    """Rounds after the first drop no row that is merely like another and that nobody was shown."""
    config = Config(select=("DUP001", "DUP002", "DUP003"), cache=False)
    for seed in range(12):
        path = write(f"{seed}.jsonl", _walk(seed))
        before = path.read_bytes().splitlines()
        report = lint([path], config, cache=False)
        shown = sum(1 for _ in fix.differences(report, unsafe=True)) + fix.waiting(report, unsafe=True)
        result = fix.fix_files([path], config, unsafe=True)
        kept = path.read_bytes().splitlines()
        offered = [before[line - 1] for line in sorted(_drops(report))]
        assert sum(result.fixed.values()) == shown == len(offered) == len(before) - len(kept)
        assert Counter(before) == Counter(kept) + Counter(offered)
