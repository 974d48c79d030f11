"""Fixes on raw lines and on files: exact, whole or not at all, and stable."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator import decisions, fix, writing
from curator.columns import content_id, parse
from curator.config import Config
from curator.errors import ChangedError, SourceError, WriteError
from curator.model import Cut, Edit, FileStat, Finding, Fix, Place, Put, Report, TokenCount, drop
from curator.rule import chat

ROW = b'{"messages": [{"role":"user", "content":"caf\\u00e9  teh"}], "n": 1.50}'
SPELL = Fix("write the", (Edit("messages[0].content", 6, 9, "the"),), safety="safe")


# ---------------------------------------------------------------------- a stand-in for the linter


def finding(file, line, raw, code, change, related=(), path=""):
    row = content_id(parse(raw.removeprefix(b"\xef\xbb\xbf")), raw).hex()
    places = tuple(Place(str(file), other) for other in related)
    return Finding(code, "some-defect", "warning", str(file), line, path, "…", "", row, 0, fix=change, related=places)


def report_of(files, findings, container="jsonl"):
    stats = tuple(FileStat(str(file), container, "openai-chat", 1.0, 0, 0, 0, 0, "train") for file in files)
    return Report(stats, (), tuple(findings), TokenCount("none", True, 0), 0, 0, 0.0, "plan")


def rule(pattern, text, code="T001", safety="safe"):
    """Flags what matches the pattern in the first message and offers the text in its place."""

    def check(file, number, raw):
        value = parse(raw)
        content = value["messages"][0]["content"] if isinstance(value, dict) and "messages" in value else ""
        for match in re.finditer(pattern, content):
            edit = Edit("messages[0].content", *match.span(), match.expand(text))
            yield finding(file, number, raw, code, Fix("mend", (edit,), safety=safety), path=edit.path)

    return check


def repeated(file, number, raw, seen={}):  # noqa: B006 (one memory for all lines of a run)
    if number == 1:
        seen.clear()
    if raw in seen:
        yield finding(file, number, raw, "D001", drop(safety="safe"), related=[seen[raw]])
    seen.setdefault(raw, number)


def blank(file, number, raw):
    if parse(raw) == chat(user=""):
        yield finding(file, number, raw, "T003", drop(safety="safe"))


def linter(*checks):
    def lint(paths, config):
        found = []
        for file in map(Path, paths):
            for number, line in enumerate(file.read_bytes().split(b"\n")[:-1], 1):
                found += [f for check in checks for f in check(file, number, line)]
        return report_of(paths, found)

    return lint


TYPO = rule("teh", "the")


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def lines_of(*texts):
    return b"".join(msgspec.json.encode(chat(user=text)) + b"\n" for text in texts)


# ---------------------------------------------------------------------- one line


def test_a_fix_leaves_every_other_byte_as_it_was():
    assert fix.fix_line(ROW, [SPELL]) == [ROW.replace(b"teh", b"the")]


def test_a_fix_may_change_add_and_remove():
    change = Fix("x", (Put("messages[0].role", "assistant"), Put("label", True), Cut("n")))
    assert fix.fix_line(ROW, [change]) == [
        b'{"messages": [{"role":"assistant", "content":"caf\\u00e9  teh"}], "label": true}'
    ]


def test_a_fix_may_put_lines_in_the_place_of_the_line_or_drop_it():
    assert fix.fix_line(b"{}{}", [Fix("part them", lines=("{}", "{}"))]) == [b"{}", b"{}"]
    assert fix.fix_line(ROW, [drop()]) == []


def test_mending_goes_before_dropping():
    assert fix.mend(ROW, [drop(), SPELL])[:2] == ([ROW.replace(b"teh", b"the")], (False, True))


def test_new_lines_stand_alone_in_their_round():
    lines = Fix("x", lines=("{}",))
    assert fix.mend(ROW, [SPELL, lines, drop()])[:2] == ([b"{}"], (False, True, False))


def test_fixes_that_overlap_wait_and_those_that_do_not_are_made_together():
    space = Fix("x", (Edit("messages[0].content", 4, 5, ""), Edit("messages[0].content", 5, 6, "")))
    again = Fix("y", (Edit("messages[0].content", 8, 9, "y"), Put("n", 2)))
    new, made, _ = fix.mend(ROW, [SPELL, again, space])
    assert new == [ROW.replace(b"  teh", b"the")]
    assert made == (True, False, True)


@pytest.mark.parametrize(
    "impossible",
    [
        Fix("no such place", (Cut("nothing"),)),
        Fix("no such character", (Edit("messages[0].content", 90, 91, ""),)),
        Fix("changes nothing", (Edit("messages[0].content", 0, 1, "c"),)),
        Fix("the same line", lines=(ROW.decode(),)),
        Fix("cannot be written", lines=("\ud800",)),
        Fix("no change"),
    ],
)
def test_a_fix_that_cannot_be_made_is_not_made(impossible):
    assert fix.mend(ROW, [impossible])[:2] == ([ROW], (False,))
    broken = ROW[:-3]
    assert fix.mend(broken, [SPELL])[:2] == ([broken], (False,))


def test_a_byte_order_mark_stays_unless_a_fix_takes_it():
    marked = b"\xef\xbb\xbf" + ROW
    assert fix.fix_line(marked, [SPELL]) == [marked.replace(b"teh", b"the")]
    assert fix.fix_line(marked, [Fix("x", lines=(ROW.decode(),))]) == [ROW]


# ---------------------------------------------------------------------- the bytes of a file


def test_untouched_lines_are_identical_line_ends_included():
    data = b'{"a": 1}\r\n\n\xff broken\n' + ROW + b"\r\n" + ROW + b'\n{"last": 1.0}'
    found = [finding("f", line, raw, "T001", SPELL) for line, raw in [(4, ROW + b"\r"), (5, ROW)]]
    applied = fix.apply_fixes(data, found)
    assert applied.data == data.replace(b"teh", b"the")
    assert applied.fixed == {"T001": 2}
    assert applied.dropped == 0


def test_unsafe_fixes_are_made_only_when_asked():
    unsafe = msgspec.structs.replace(SPELL, safety="unsafe")
    found = [finding("f", 1, ROW, "T001", unsafe)]
    assert fix.apply_fixes(ROW, found).data == ROW
    assert fix.apply_fixes(ROW, found, unsafe=True).data == ROW.replace(b"teh", b"the")


def test_a_dropped_line_goes_with_its_line_break():
    found = [finding("f", 2, b"", "T001", drop(safety="safe")), finding("f", 3, ROW, "T002", drop(safety="safe"))]
    applied = fix.apply_fixes(b'{"a": 1}\n\n' + ROW, found)
    assert applied.data == b'{"a": 1}\n'
    assert applied.dropped == 1  # a blank line is no row


def test_a_row_written_over_several_lines_is_joined_in_one_step():
    joined = Fix("one line", lines=('{"a": 1}',), over=3)
    inner = finding("f", 3, b' "a": 1', "T002", drop())
    for end in (b"", b"\n"):
        data = ROW + b'\n{\n "a": 1\n}' + end
        applied = fix.apply_fixes(data, [finding("f", 2, b"{", "T001", joined), inner], unsafe=True)
        assert applied == (ROW + b'\n{"a": 1}' + end, {"T001": 1}, 0)


def test_a_finding_about_another_row_stops_everything():
    for line, data in [(1, ROW.replace(b"1.50", b"2")), (2, ROW)]:
        with pytest.raises(ChangedError, match="changed after it was linted"):
            fix.apply_fixes(data, [finding("f", line, ROW, "T001", SPELL)])


def test_a_duplicate_goes_only_while_its_twin_stays_as_it_is():
    gone = drop(safety="safe")
    twin = [finding("f", 3, ROW, "D001", gone, related=[1])]
    data = (ROW + b"\n") * 3
    assert fix.apply_fixes(data, twin).data == (ROW + b"\n") * 2
    mended = [finding("f", 1, ROW, "T001", SPELL), *twin]
    assert fix.apply_fixes(data, mended).data == data.replace(b"teh", b"the", 1)
    dropped = [finding("f", 1, ROW, "T001", gone), *twin]
    assert fix.apply_fixes(data, dropped).data == (ROW + b"\n") * 2
    each_other = [*twin, finding("f", 1, ROW, "D001", gone, related=[3])]
    assert fix.apply_fixes(data, each_other).data == (ROW + b"\n") * 2


TEXTS = st.lists(st.text('the \n"\\é\u200b', max_size=12), max_size=6)


@given(TEXTS, st.booleans(), st.booleans())
def test_fixes_reach_a_state_that_they_leave_alone(texts, ascii_only, windows):
    end = "\r\n" if windows else "\n"
    data = "".join(json.dumps(chat(user=text), ensure_ascii=ascii_only) + end for text in texts).encode()
    checks = [TYPO, rule(" {2,}", " ", "T002"), rule("\u200b", "", "T003"), repeated]

    def once(data):
        found = [
            f
            for number, line in enumerate(data.split(b"\n")[:-1], 1)
            for check in checks
            for f in check("f", number, line)
        ]
        return fix.apply_fixes(data, found).data

    for _ in range(20):
        before, data = data, once(data)
    assert data == before
    left = [parse(line)["messages"][0]["content"] for line in data.split(b"\n")[:-1]]
    assert len(set(left)) == len(left)
    assert not any("teh" in text or "  " in text or "\u200b" in text for text in left)


# ---------------------------------------------------------------------- files


def test_files_are_mended_until_nothing_is_left(tmp_path):
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    one.write_bytes(lines_of("teh", "fine", "the"))
    two.write_bytes(lines_of("fine"))
    result = fix.fix_files([one, two], Config(), lint=linter(TYPO, repeated))
    assert one.read_bytes() == lines_of("the", "fine")
    assert two.read_bytes() == lines_of("fine")
    assert result.fixed == {"T001": 1, "D001": 1}
    assert (result.rounds, result.stable, len(result.report.findings)) == (2, True, 0)
    (file,) = result.files
    assert (file.path, file.dropped) == (str(one), 1)


def test_the_original_is_kept_and_never_written_over(tmp_path):
    file = tmp_path / "one.jsonl"
    for number, text in enumerate(["teh first", "teh second"], 1):
        file.write_bytes(lines_of(text))
        result = fix.fix_files([file], Config(), lint=linter(TYPO))
        backup = tmp_path / ".curator" / "backup" / f"one.jsonl.{number}"
        assert result.files[0].backup == str(backup)
    assert backup.with_name("one.jsonl.1").read_bytes() == lines_of("teh first")
    assert backup.read_bytes() == lines_of("teh second")
    assert (backup.parent / ".gitignore").read_text() == "*\n"


def test_the_original_is_kept_where_there_are_no_hard_links(tmp_path, monkeypatch):
    monkeypatch.setattr(writing.os, "link", lambda *_: (_ for _ in ()).throw(PermissionError()))
    file = tmp_path / "one.jsonl"
    file.write_bytes(lines_of("teh"))
    backup = Path(fix.fix_files([file], Config(), lint=linter(TYPO)).files[0].backup)
    assert backup.read_bytes() == lines_of("teh")
    assert file.read_bytes() == lines_of("the")


def test_mode_and_symbolic_links_are_kept(tmp_path):
    real = tmp_path / "real.jsonl"
    real.write_bytes(lines_of("teh"))
    real.chmod(0o640)
    link = tmp_path / "link.jsonl"
    link.symlink_to(real)
    fix.fix_files([link], Config(), lint=linter(TYPO))
    assert link.is_symlink()
    assert real.read_bytes() == lines_of("the")
    assert real.stat().st_mode & 0o777 == 0o640
    assert names(tmp_path) == [".curator", "link.jsonl", "real.jsonl"]


def test_what_a_decision_keeps_is_not_mended_when_the_rest_of_its_row_is(tmp_path):
    file = tmp_path / "one.jsonl"
    file.write_bytes(lines_of("", "teh  end", "teh"))
    check = linter(TYPO, rule(" {2,}", " ", "T002"), blank)
    kept = [f for f in check([file], Config()).findings if f.code == "T002"]
    log = decisions.Log("d", tuple(decisions.decide(f, "keep", who="ana", why="so") for f in kept), (1,))

    def lint(paths, config):
        found = [msgspec.structs.replace(f, id=f"{f.row} {f.code}") for f in check(paths, config).findings]
        return decisions.settle(report_of(paths, found), log)

    log = msgspec.structs.replace(
        log, decisions=tuple(msgspec.structs.replace(d, finding=f"{d.row} {d.code}") for d in log.decisions)
    )
    result = fix.fix_files([file], Config(), lint=lint)
    assert file.read_bytes() == lines_of("the  end", "the")
    assert result.fixed == {"T001": 2, "T003": 1}


def test_a_fix_never_leaves_an_empty_set(tmp_path):
    file = tmp_path / "one.jsonl"
    file.write_bytes(lines_of("", ""))

    def lint(paths, config):
        if not file.read_bytes():
            raise SourceError("holds no rows", where=str(file))
        return linter(blank)(paths, config)

    with pytest.raises(WriteError, match="would drop every row"):
        fix.fix_files([file], Config(), lint=lint)
    assert file.read_bytes() == lines_of("", "")


def test_nothing_to_mend_touches_nothing(tmp_path):
    file = tmp_path / "one.jsonl"
    file.write_bytes(lines_of("fine"))
    before = file.stat()
    result = fix.fix_files([file], Config(), lint=linter(TYPO))
    assert (result.files, result.rounds, result.stable) == ((), 0, True)
    after = file.stat()  # to read a file may change when it was last read, and nothing else
    for told in ("st_ino", "st_mtime_ns", "st_ctime_ns"):
        assert getattr(after, told) == getattr(before, told)
    assert names(tmp_path) == ["one.jsonl"]


def test_fixes_that_undo_each_other_end_after_ten_rounds(tmp_path):
    file = tmp_path / "one.jsonl"
    file.write_bytes(lines_of("teh"))
    result = fix.fix_files([file], Config(), lint=linter(TYPO, rule("the", "teh", "T002")))
    assert (result.rounds, result.stable) == (10, False)
    assert Path(result.files[0].backup).read_bytes() == lines_of("teh")


def test_a_file_that_changes_between_lint_and_write_is_left_as_it_is(tmp_path):
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    for file in (one, two):
        file.write_bytes(lines_of("teh"))

    def lint(paths, config):
        report = linter(TYPO)(paths, config)
        with two.open("ab") as file:
            file.write(lines_of("new"))
        return report

    with pytest.raises(ChangedError, match="changed after it was linted"):
        fix.fix_files([one, two], Config(), lint=lint)
    assert one.read_bytes() == lines_of("teh")
    assert two.read_bytes() == lines_of("teh", "new")


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_full_disk_leaves_every_file_as_it_was(tmp_path, monkeypatch, failing):
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    for file in (one, two):
        file.write_bytes(lines_of("teh", "the"))
    syncs = iter(range(1, 99))
    real_sync = os.fsync

    def sync(number):
        if os.fstat(number).st_mode & 0o040000:  # a folder
            return
        if next(syncs) == failing:
            raise OSError(28, "No space left on device")
        real_sync(number)

    monkeypatch.setattr(writing.os, "fsync", sync)
    with pytest.raises(WriteError, match="No space left") as error:
        fix.fix_files([one, two], Config(), lint=linter(TYPO, repeated))
    assert "curator clean" in error.value.hint
    for file in (one, two):
        assert file.read_bytes() == lines_of("teh", "the")
    assert not [name for name in names(tmp_path) if name.endswith(".part")]
    assert names(tmp_path / ".curator" / "backup") == [".gitignore"]


def test_the_list_of_what_version_control_ignores_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    def full(path, text):
        path.touch()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space left"):
            writing.keep_ignored(tmp_path)
    assert names(tmp_path) == []
    ignore = tmp_path / ".gitignore"
    for before, after in (("", "*\n"), ("jobs/\n", "jobs/\n")):
        ignore.write_text(before)
        writing.keep_ignored(tmp_path)
        assert ignore.read_text() == after
    assert names(tmp_path) == [".gitignore"]


def test_a_write_that_the_system_cuts_short_leaves_the_file_as_it_was(tmp_path):
    resource = pytest.importorskip("resource")
    file = tmp_path / "one.jsonl"
    file.write_bytes(lines_of("teh") * 10_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(WriteError, match="File too large"):
            fix.fix_files([file], Config(), lint=linter(TYPO))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.read_bytes() == lines_of("teh") * 10_000
    assert names(tmp_path) == ["one.jsonl"]


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    file = tmp_path / "one.jsonl"
    file.write_bytes(lines_of("teh"))
    monkeypatch.setattr(writing.tempfile, "mkstemp", refuse)
    with pytest.raises(WriteError, match="Permission denied"):
        fix.fix_files([file], Config(), lint=linter(TYPO))
    assert file.read_bytes() == lines_of("teh")


@pytest.mark.parametrize("container", ["json-array", "jsonl, gzip", "parquet"])
def test_other_containers_are_refused_with_the_next_step(tmp_path, container):
    file = tmp_path / "data.x"
    file.write_bytes(lines_of("teh"))

    def lint(paths, config):
        return report_of(paths, linter(TYPO)(paths, config).findings, container)

    result = fix.fix_files([file], Config(), lint=lint)
    (refused,) = result.refused
    assert container in refused.reason
    assert refused.hint == f"curator clean {file} -o OUT.jsonl"
    (refused,) = fix.fix_files([file], Config(), lint=lint, unsafe=True).refused
    assert refused.hint == f"curator clean {file} -o OUT.jsonl --unsafe-fixes", "what was agreed to is still agreed to"
    assert file.read_bytes() == lines_of("teh")


def test_standard_input_is_refused():
    found = [finding("-", 1, ROW, "T001", SPELL)]
    result = fix.fix_files(["-"], Config(), lint=lambda *_: report_of(["-"], found, "jsonl, stdin"))
    assert "standard input" in result.refused[0].reason


# ---------------------------------------------------------------------- showing fixes


def shown(tmp_path, raw, *fixes):
    file = tmp_path / "f.jsonl"
    file.write_bytes(raw + b"\n")
    found = [finding(file, 1, raw, "T001", change, path="messages[0].content") for change in fixes]
    return [line.replace(str(file), "f.jsonl") for line in fix.unified_diff(report_of([file], found), unsafe=True)]


def test_the_diff_of_an_edit_shows_the_words_around_it(tmp_path):
    raw = msgspec.json.encode(chat(user="word " * 500 + "teh\u200bend" + " word" * 500))
    head, before, after = shown(tmp_path, raw, Fix("write the", (Edit("messages[0].content", 2500, 2504, "the "),)))
    assert head == "@@ f.jsonl:1 messages[0].content @@ T001 some-defect: write the (unsafe)"
    assert "word teh‹U+200B›end word" in before
    assert "word the end word" in after
    assert max(len(before), len(after)) < 160


def test_the_diff_of_other_changes_shows_what_goes_and_what_comes(tmp_path):
    lines = shown(tmp_path, ROW, Fix("x", (Put("label", True), Cut("n"), Put("messages[0].role", "assistant"))))
    assert lines[1:] == ["- 1.5", "- user", "+ true", "+ assistant"]
    assert shown(tmp_path, ROW, drop("drop it"))[1].startswith('- {"messages"')
    assert shown(tmp_path, b"[{},{}]", Fix("x", lines=("{}", "{}")))[1:] == ["- [{},{}]", "+ {}", "+ {}"]
    assert shown(tmp_path, b'{"a": 1,}', Fix("x", lines=('{"a": 1}',)))[1:] == ['- {"a": 1,}', '+ {"a": 1}']


def test_the_diff_writes_nothing_and_leaves_out_what_is_not_asked(tmp_path):
    file = tmp_path / "one.jsonl"
    file.write_bytes(lines_of("teh", "fine", "teh"))
    report = linter(TYPO, rule("fine", "good", safety="unsafe"))([file], Config())
    assert [change.line for change in fix.differences(report)] == [1, 3]
    assert [change.line for change in fix.differences(report, unsafe=True)] == [1, 2, 3]
    assert names(tmp_path) == ["one.jsonl"]


def test_a_copy_of_another_file_is_not_emptied(tmp_path):
    for name in ("one.jsonl", "two.jsonl"):
        (tmp_path / name).write_bytes(b"".join(json.dumps(chat(user=f"Who is {n}?")).encode() + b"\n" for n in "ab"))
    before = (tmp_path / "two.jsonl").read_bytes()
    result = fix.fix_files([tmp_path], Config(select=("DUP001",)))
    assert [(Path(each.path).name, each.reason) for each in result.refused] == [
        ("two.jsonl", "every row of it would be dropped")
    ]
    assert (tmp_path / "two.jsonl").read_bytes() == before
