"""Private data: what is found and what is not, that no value leaves the data, and what takes its place."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator import Config, lint
from curator.cli import main
from curator.decisions import append, decide, read
from curator.fix import fix_line
from curator.harness import finding_of, flags_of
from curator.model import Fix, Flag
from curator.private import checksums
from curator.private.identities import SCHEMES
from curator.private.masking import longest_first, lost, masked, masked_around, opened, sealed
from curator.private.placeholders import NAMES, placeholder
from curator.private.rows import values_of_row
from curator.private.values import values
from curator.rule import RULES, all_rules, chat
from curator.text.excerpt import excerpt
from tests.pace import at_once

DATA = Path(__file__).parents[2] / "shared" / "data"
all_rules()

# One value of every kind, with the words that tell its kind. All are made up.
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpQIBAAKCAQEA7v3kQmZyT4sWd9LxUo5nE7fGdHcVbA1pKi6MtRq8Jw2YzXhB\n-----END RSA PRIVATE KEY-----"
PLANTED = {
    "email": ("Write to {} please.", "vera.lindholm@brightpost.se"),
    "phone": ("You can call her on {} today.", "0494 92 82 32"),
    "card": ("The card was {}.", "5213 5917 2758 6604"),
    "iban": ("Send it to {} please.", "GB56HXDO88167774656119"),
    "national-id": ("Her SSN is {}.", "460-89-9847"),
    "ip": ("It came from {} today.", "86.121.97.248"),
    "address": ("She lives at {} now.", "3911 Fourth Avenue"),
    "key": ("Set the key to {} then.", "ghp_a8Kq2LmXv04ZbKs81TnWcYdR5uJ7hGfE3pQo"),
    "password": ("The password is {} there.", "vR7#kelim9"),
    "private-key": ("Here it is:\n{}\nKeep it.", PEM),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_every_kind_is_found_in_its_sentence_and_masked(kind: str) -> None:
    sentence, value = PLANTED[kind]
    text = sentence.format(value)
    assert [(v.kind, text[v.start : v.end]) for v in values(text)] == [(kind, value)]
    assert masked(text) == sentence.format(f"[{NAMES[kind]}]")
    assert masked(masked(text)) == masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "```python\nseen = {'bob@gmail.com': 1, 'jane.doe3@brightpost.se': 2}\n```",
        "Write to user@example.com, name@domain.com or your.email@company.com.",
        "git clone git@github.com:a/b.git; scp f root@10.0.0.5:/tmp; import logo@2x.png; A@B.T",
        "Call 555-0142, (212) 555-0199, 07700 900123 or 123-456-7890.",
        "Order number 4539 1488 0343 6460 was sent; tracking number 415-867-2231.",
        "From 1200-1000 = 200 we see that 415-867 is negative; 2020-06-20 11:34 was a Saturday.",
        "The test card is 4111 1111 1111 1111, and 4539 1488 0343 6461 is none.",
        "IBAN example: GB29 NWBK 6016 1331 9268 19; commit be44eea9e887b0ba.",
        "127.0.0.1, 192.168.1.17, 10.2.3.4, 203.0.113.7, 8.8.8.8, 255.255.255.0, Chrome/74.0.3729.131, version 2.14.33.40",
        "fe80::1, ::1, 2001:db8::8a2e:370:7334, std::vector, 12:34:56:78, 00:1A:2B:3C:4D:5E",
        "An SSN looks like 000-12-3456 or 123-45-6789; 078-05-1120 was in a wallet.",
        "AKIAIOSFODNN7EXAMPLE, sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, api_key = 'YOUR_API_KEY_GOES_HERE_PLEASE'",
        "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 of the file",
        "password = 'password123'; PASSWORD=P@ssw0rd!; the password is required; pwd: os.getenv('DB_PASSWORD')",
        "postgres://user:password@localhost/db, https://example.com:8080/a@b",
        "<EMAIL>, [PHONE_NUMBER], {{ssn}}, +1-XXX-XXX-XXXX, **** **** **** 1234",
        "ISBN 978-3-16-148410-0, UPC 036000291452, 1,234,567,890 people, $4,539,148,803.00, 3.14159265358979",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "Part no. 003-886-3423 fits both models; reach 100 / 2000000 of them.",
    ],
)
def test_values_of_documentation_and_lookalikes_are_no_one_s(text: str) -> None:
    assert [(v.kind, text[v.start : v.end]) for v in values(text)] == []


def kinds_of(text: str) -> list[str]:
    return [value.kind for value in values(text)]


def test_a_number_may_have_blanks_around_its_slash() -> None:
    assert kinds_of("Tel: 089 / 7441417") == ["phone"]


def test_rarer_cards_are_known_by_their_groups_or_by_what_is_done_with_them() -> None:
    assert kinds_of("See 3635 746205 5247 for the second room.") == ["card"]
    assert kinds_of("Please charge 36213129666464 for the second room.") == ["card"]
    assert kinds_of("See 36213129666464 for the second room.") == []


def test_the_parts_of_a_number_are_not_told_as_another_kind() -> None:
    assert [v.kind for v in values("Card 5213591727586604, SSN 460-89-9847, call (415) 867-2231.")] == [
        "card",
        "national-id",
        "phone",
    ]


CHECKED = {
    checksums.luhn: "4539148803436467", checksums.mod97: "GB82WEST12345698765432", checksums.verhoeff: "2363",
    checksums.mod11_10: "86095742719",
}  # fmt: skip


@pytest.mark.parametrize(("check", "right"), CHECKED.items())
@given(place=st.integers(0, 99), step=st.integers(1, 9))
def test_a_check_digit_sees_every_wrong_digit(check: object, right: str, place: int, step: int) -> None:
    place %= len(right)
    assert check(right)  # type: ignore[operator]
    if right[place].isdigit():
        wrong = right[:place] + str((int(right[place]) + step) % 10) + right[place + 1 :]
        assert not check(wrong)  # type: ignore[operator]


# Numbers that authorities, or articles on the schemes, give as examples of right check digits.
EXAMPLES = {
    "FR": "255081416802538", "ES": "12345678Z", "IT": "RSSMRA85T10A562S", "BE": "85073003328", "PL": "44051401359",
    "NO": "13097248022", "BR": "52998224725", "CN": "11010519491231002X", "MX": "BOXW310820HNERXN09", "DE": "86095742719",
}  # fmt: skip


@pytest.mark.parametrize("country", EXAMPLES)
def test_national_numbers_are_checked(country: str) -> None:
    valid = next(scheme.valid for scheme in SCHEMES if scheme.country == country)
    right = EXAMPLES[country]
    assert valid(right)
    assert not valid(right[:-2] + ("0" if right[-2] != "0" else "1") + right[-1])


# ---------------------------------------------------------------------- placeholders


def test_equal_values_have_equal_placeholders_however_they_are_written() -> None:
    assert placeholder("card", "5213 5917 2758 6604") == placeholder("card", "5213591727586604")
    assert placeholder("email", "A@b.se") == placeholder("email", "a@B.SE")
    assert placeholder("email", "a@b.se") != placeholder("email", "a@b.se", "our key")
    assert placeholder("password", "abC") != placeholder("password", "abc")
    assert re.fullmatch(r"\[PHONE_[0-9a-f]{5}\]", placeholder("phone", "1"))


def test_fixes_of_all_kinds_leave_a_row_that_every_rule_takes() -> None:
    text = " ".join(sentence.format(value) for sentence, value in PLANTED.values())
    row = chat(user="Tell me all.", assistant=text)
    fixes = [
        finding_of(RULES[code](), n, flag).fix
        for code in RULES
        if code[:3] in ("PII", "SEC")
        for n, flag in flags_of(RULES[code](), row)
    ]
    (mended,) = fix_line(json.dumps(row).encode(), [fix for fix in fixes if fix])
    assert not any(value in json.loads(mended)["messages"][1]["content"] for _, value in PLANTED.values())
    assert json.loads(mended)["messages"][1]["content"].count("[") == len(PLANTED)
    assert values(json.loads(mended)["messages"][1]["content"]) == ()
    for code in ("ANS003", "SPL002", "ENC004", "ANS011"):
        assert not flags_of(RULES[code](), json.loads(mended)), code


@pytest.mark.parametrize("kind", sorted(set(PLANTED) - {"address"}))
def test_values_in_arguments_and_columns_are_found_and_get_placeholders(kind: str) -> None:
    sentence, value = PLANTED[kind]
    said = sentence.format(value)
    rows = [
        _calling("1", json.dumps({"why": said})),
        _calling("1", {"why": said}),
        {**chat(user="Who wrote it?", assistant="She did."), "meta": {"notes": [said]}},
    ]
    for row in rows:
        fixes = [
            finding_of(RULES[code](), n, flag).fix
            for code in RULES
            if code[:3] in ("PII", "SEC")
            for n, flag in flags_of(RULES[code](), row)
        ]
        assert fixes, row
        (mended,) = fix_line(json.dumps(row).encode(), [fix for fix in fixes if fix])
        assert (
            value not in json.dumps(json.loads(mended)).replace("\\", "")
            and json.dumps(value)[1:-1].encode() not in mended
        )


def fixes_of(code: str, row: dict[str, object]) -> list[Fix]:
    return [fix for n, flag in flags_of(RULES[code](), row) if (fix := finding_of(RULES[code](), n, flag).fix)]


def mended_of(row: dict[str, object]) -> str:
    """The row once the fixes of all private values are made."""
    made = [fix for code in RULES if code[:3] in ("PII", "SEC") for fix in fixes_of(code, row)]
    (mended,) = fix_line(json.dumps(row, ensure_ascii=False).encode(), made)
    return mended.decode()


@pytest.mark.parametrize("kind", sorted(set(PLANTED) - {"private-key"}))
def test_a_value_that_is_masked_is_left_in_no_other_place_of_the_row(kind: str) -> None:
    """In code, in a link, in a column that names the row: places where by itself it may be nobody's."""
    sentence, value = PLANTED[kind]
    row = chat(user=f"{sentence.format(value)}\n```python\nx = '{value}'\n```", assistant=f"```\nsend({value!r})\n```")
    row |= {"id": "7", "source": f"https://b.se/?q={value}&n=1", "notes": {"author_id": value}}
    mended = mended_of(row)
    assert value not in mended and mended.count(f"[{NAMES[kind]}_") >= 5
    assert len(set(re.findall(rf"\[{NAMES[kind]}_\w+\]", mended))) == 1


def test_what_only_looks_like_a_masked_value_stays() -> None:
    said = "Write to Alice@gmail.com, call (415) 867-2231. My password is vR7#kelim9; the pass phrase: kelim."
    code = "```\nalice@gmail.com.au, malice@gmail.com, a.alice@gmail.com, 94158672231, vR7#kelim9x, alice@gmail.com 4158672231\n```"
    told = json.loads(mended_of(chat(user=said, assistant=code)))["messages"][1]["content"]
    assert told.startswith("```\nalice@gmail.com.au, ") and told.endswith("\n```")
    assert "94158672231, vR7#kelim9x, [EMAIL_" in told and " [PHONE_" in told and "a.alice@gmail.com" not in told


def test_thousands_of_values_are_sought_in_the_rest_of_the_row_at_once() -> None:
    people = [f"kim.li{n}@brightpost.se" for n in range(3000)]
    row = {**chat(user="Write to " + ", ".join(people), assistant="It is done."), "source": " ".join(people)}
    (first, *_) = at_once(lambda: fixes_of("PII001", row), 3)
    assert len(first.changes) == 2 and len(fixes_of("PII001", row)) == len(people)


def test_columns_that_identify_a_row_are_no_private_data() -> None:
    row = {**chat(user="Who?", assistant="She."), "id": "4155550132", "created_at": "2024-05-06", "uuid": "91.20.30.44"}
    assert not any(flags_of(RULES[code](), row) for code in RULES if code[:3] in ("PII", "SEC"))


# ---------------------------------------------------------------------- nothing leaves the data


@given(st.text(max_size=80), st.sampled_from(sorted(PLANTED)), st.integers(0, 200), st.integers(0, 30))
def test_a_part_of_a_text_never_shows_a_value(around: str, kind: str, start: int, size: int) -> None:
    sentence, value = PLANTED[kind]
    text = around + "\n\n" + sentence.format(value) + "\n\n" + around
    start = min(start, len(text))
    shown, low, high = masked_around(text, start, min(start + size, len(text)), 60)
    assert value not in shown
    assert 0 <= low <= high <= len(shown)


def _calling(value: str, arguments: object) -> dict[str, object]:
    """A row whose call fits no declared tool: the rules on tools name what it says."""
    send = {
        "name": "send",
        "parameters": {"type": "object", "properties": {"to": {"enum": ["nobody"]}}, "required": ["at"]},
    }
    call = {"id": "1", "type": "function", "function": {"name": "send", "arguments": arguments}}
    messages = [
        {"role": "user", "content": "Send it."},
        {"role": "assistant", "content": None, "tool_calls": [call, {**call, "id": value}]},
        {"role": "tool", "tool_call_id": "1", "content": json.dumps({"sent": value})},
        {"role": "assistant", "content": "Sent."},
    ]
    return {"messages": messages, "tools": [{"type": "function", "function": send}]}


def dirty_rows() -> bytes:
    """Rows with every value, in which other rules find faults and quote words: spelling, characters, twins, JSON."""
    rows = []
    for n, (sentence, value) in enumerate(PLANTED.values()):
        said = sentence.format(value)
        rows.append(
            chat(
                user=f"What did   she say on day {n}?",
                assistant=f"She sayd the the follwing: {said} It was {n}0 o'clock<br>",
            )
        )
        rows.append(
            chat(
                user=f"What did   she say on day {n}?",
                assistant=f"She sayd the the follwing: {said} It was {n}5 o'clock<br>",
            )
        )
        rows.append(chat(user=f"Say it again, {value}?", assistant=f"{said}\x00 caf\u00c3\u00a9 {said} "))
        rows.append({"messages": [{"role": "user", "content": said}], "note": value, value: "key"})
        rows.append(chat(user="Say it.", assistant=said))
        rows += [_calling(value, json.dumps({"why": said})), _calling(value, {"why": said})]
        rows.append({**chat(user=f"Who wrote it, {n}?", assistant="She did."), "author": {"contact": [said, value]}})
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    for sentence, value in PLANTED.values():
        said = json.dumps(sentence.format(value))[1:-1]
        lines.append(f'{{"messages": [{{"role": "user", "content": "{said}", "content": "{said}"}}]}}')
        lines.append(f'{{"messages": [{{"role": "user", "content": "{said}"}},]}}')
    return ("\n".join(lines) + "\n").encode()


SHOWN = [value for _, value in PLANTED.values()]


def leaks(data: bytes) -> list[str]:
    """The planted values that stand in the data, as they are or as JSON or HTML would write them."""
    text = data.decode("utf-8", "replace")
    written = {
        value: (value, json.dumps(value)[1:-1], value.replace("#", "&#35;"), value.replace("\n", "⏎"))
        for value in SHOWN
    }
    return [value for value, ways in written.items() if any(way.lower() in text.lower() for way in ways)]


FORMATS = ("text", "concise", "json", "jsonl", "sarif", "github", "gitlab", "junit", "html", "parquet")


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dirty") / "rows.jsonl"
    path.write_bytes(dirty_rows())
    assert set(leaks(path.read_bytes())) == set(SHOWN)
    return path


def run(capfdbinary: pytest.CaptureFixture[bytes], *arguments: str) -> bytes:
    main(list(arguments))
    said = capfdbinary.readouterr()
    return said.out + said.err


@pytest.mark.parametrize("form", FORMATS)
def test_no_report_shows_a_value(
    dirty: Path, tmp_path: Path, form: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    out = tmp_path / "report"
    run(
        capfdbinary,
        "lint",
        str(dirty),
        "--preview",
        "--format",
        form,
        "--output",
        str(out),
        "--show",
        "0",
        "--no-cache",
        *(["-v"] if form == "text" else []),
    )
    data = out.read_bytes()
    if form == "parquet":
        import pyarrow.parquet as pq

        table = pq.read_table(out)
        data = str(table.to_pylist()).encode() + str(table.schema.metadata).encode()
    assert b"PII001" in data
    assert leaks(data) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("lint", "FILE", "--preview", "--diff", "--unsafe-fixes"),
        ("lint", "FILE", "--preview", "--statistics", "-v"),
        ("lint", "FILE", "--select", "SPL,DUP,CON,ENC,FIL,SCH", "--show", "0", "-v"),
        ("stats", "FILE"),
        ("diff", "OTHER", "FILE", "--format", "text"),
        ("diff", "OTHER", "FILE", "--format", "json"),
        ("diff", "OTHER", "FILE", "--format", "md"),
        ("explain", "FILE", "1"),
        ("explain", "FILE", "3", "--format", "json"),
        ("explain", "FILE", "46", "--format", "json", "--template", "chatml"),
        ("explain", "FILE", "46", "--template", "chatml"),
        ("explain", "FILE", "51"),
        ("explain", "FILE", "53", "--format", "json"),
        ("convert", "FILE", "--to", "alpaca", "-o", "OUT"),
        ("clean", "FILE", "-o", "OUT", "--unsafe"),
    ],
    ids=" ".join,
)
def test_no_command_says_a_value(
    dirty: Path, tmp_path: Path, arguments: tuple[str, ...], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    other = tmp_path / "other.jsonl"
    other.write_bytes(dirty.read_bytes().replace(b"day 1", b"day one").replace(b"brightpost", b"northpost"))
    names = {"FILE": str(dirty), "OTHER": str(other), "OUT": str(tmp_path / "out.jsonl")}
    said = run(capfdbinary, *(names.get(word, word) for word in arguments))
    assert said
    assert leaks(said) == []
    assert b"vera.lindholm@northpost" not in said


def test_explain_shows_a_row_as_it_is_when_asked(dirty: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert leaks(run(capfdbinary, "explain", str(dirty), "1")) == []
    assert leaks(run(capfdbinary, "explain", str(dirty), "1", "--reveal")) == ["vera.lindholm@brightpost.se"]


def test_no_cache_keeps_a_value(
    dirty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setenv("CURATOR_CACHE_DIR", str(tmp_path / "cache"))
    clean = tmp_path / "clean.jsonl"
    clean.write_bytes(
        b"".join(
            json.dumps(chat(user=f"{n}?", assistant=s.format(v))).encode() + b"\n"
            for n, (s, v) in enumerate(PLANTED.values())
        )
    )
    for file in (dirty, clean):
        first = run(capfdbinary, "lint", str(file), "--preview", "--format", "jsonl")
        assert run(capfdbinary, "lint", str(file), "--preview", "--format", "jsonl") == first
        run(capfdbinary, "lint", str(file), "--preview", "--write-baseline", str(tmp_path / "known.json"))
    kept = [file for file in tmp_path.rglob("*") if file.is_file() and file != clean]
    assert any(file.suffix == ".scan" for file in kept)
    assert {file.name: leaks(file.read_bytes()) for file in kept if leaks(file.read_bytes())} == {}


def test_decisions_keep_no_value_and_an_edit_still_gets_it(tmp_path: Path) -> None:
    old = json.dumps(chat(user="Whom?", assistant="Write too vera.lindholm@brightpost.se today."))
    new = old.replace("too", "to")
    finding = finding_of(RULES["PII001"](), 0, flags_of(RULES["PII001"](), json.loads(old))[0][1])
    decision = decide(finding, "edit", who="me", why="it is vera.lindholm@brightpost.se", text=new)
    append(tmp_path / "decisions.jsonl", [decision])
    assert leaks((tmp_path / "decisions.jsonl").read_bytes()) == []
    (kept,) = read(tmp_path / "decisions.jsonl").decisions
    assert json.loads(fix_line(old.encode(), [Fix("edit", lines=(kept.text,))])[0]) == json.loads(new)
    other = old.replace("vera", "mia")
    assert fix_line(other.encode(), [Fix("edit", lines=(kept.text,))]) == [other.encode()]


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("Write vera.lindholm@brightpost.se.", ()),
        ("Write mia.lindholm@brightpost.se.", ("[EMAIL]",)),
        ("Write Vera.Lindholm@brightpost.se.", ("[EMAIL]",)),
        ("Write ‹EMAIL_00000› or mia.lindholm@brightpost.se.", ("[EMAIL]", "‹EMAIL_00000›")),
        ("Nobody.", ()),
    ],
    ids=["of the row", "new", "in other letters", "sealed and new", "none"],
)
@pytest.mark.parametrize("old", ['{"a": "To vera.lindholm@brightpost.se"}', '{"a": "To vera.lindholm@brightpost.se'])
def test_what_a_record_of_a_row_would_lose_is_known_before_it_is_made(
    text: str, gone: tuple[str, ...], old: str
) -> None:
    """Also beside a row that is no JSON: an edit may mend it."""
    row = json.dumps({"a": text})
    assert lost(row, old) == gone
    opens = opened(sealed(row), old)
    assert (opens is not None and json.loads(opens) == json.loads(row)) is not bool(gone)


def test_a_row_without_values_is_sealed_as_it_is() -> None:
    row = '{"messages":  [{"role": "user", "content": "Hi ‹there›"}]}'
    assert sealed(row) == row == opened(row, row)


# ---------------------------------------------------------------------- measured


@pytest.mark.skipif(not (DATA / "pii_presidio").is_dir(), reason="the shared data are not here")
def test_recall_and_precision_on_presidio() -> None:
    sys.path.insert(0, str(Path(__file__).parent / "quality"))
    import private

    for kind, score in private.presidio().items():
        assert score.recall >= (0.85 if kind == "phone" else 0.95), kind
        assert score.precision >= 0.95, kind


def test_a_key_that_is_private_is_masked_where_it_is_named_as_a_place(tmp_path: Path) -> None:
    value = "zdenka.quillfeather@sentinelmail-corp.de"
    file = tmp_path / "twice.jsonl"
    turns = '[{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hello there."}]'
    file.write_text(f'{{"messages": {turns}, "{value}": 1, "{value}": 2}}\n')
    report = lint([file], Config(), cache=False)
    assert any(finding.code == "FIL008" for finding in report.findings)
    assert value not in repr(report)


def test_half_a_surrogate_pair_stops_no_search(tmp_path: Path) -> None:
    assert values("my api_key is \ud83d here and there, aaaaaaaaaaaaaaaaaaaaaaaaaaaa") == ()


CODE = "It isnâ€™t hard:\n\n```python\nbob = User({!r})\ncount = {}\n```\n"


def test_that_values_are_masked_in_the_report_alone_is_said_where_one_was_found(run, write):
    said = "private data and secrets are masked in this report, not in the data\n"
    assert said in run("lint", write("a.jsonl", [chat(user="Write to bob2@gmail.com.", assistant="Done.")])).out
    assert said not in run("lint", write("b.jsonl", [chat(user="Write to Bob.", assistant="Done?!?!")])).out


@pytest.mark.parametrize("way", ["text", "diff", "html", "explain"])
def test_what_is_masked_in_one_text_of_a_row_is_masked_in_all_that_is_shown_of_it(way, run, write, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")  # the excerpt is not cut
    mail, bare = "bob2@gmail.com", "4158672231"
    code = CODE.format(mail, bare)
    write("alone.jsonl", [chat(user="Hello there?", assistant=code)])  # in code they are nobody's
    write("beside.jsonl", [chat(user=f"Write to {mail} or call (415) 867-2231.", assistant=code)])
    for name, shown in (("alone.jsonl", True), ("beside.jsonl", False)):
        words = {
            "text": ("lint", name, "--select", "ENC,PII"),
            "diff": ("lint", name, "--diff", "--unsafe-fixes", "--select", "ENC,PII"),
            "explain": ("explain", name, "1"),
        }.get(way, ("lint", name, "--select", "ENC,PII", "--format", way))
        out = run(*words).out
        assert way == "html" or "isnâ€™t hard" in out
        assert (mail in out) == (bare in out) == shown


def test_a_value_that_only_its_key_tells_is_masked_in_the_texts_of_its_row():
    turns = chat(user="Log me in.", assistant="Send tr0ub4dor&3x with it.")
    row = {**turns, "password": "tr0ub4dor&3x"}
    known = values_of_row(row)
    assert dict(known)["tr0ub4dor&3x"] == "password"
    flag = Flag("messages[1].content", "", (0, 4))
    assert "tr0ub" not in excerpt(flag, row, b"", lambda: known).text
    assert "tr0ub" in excerpt(flag, row, b"").text


def test_a_short_value_of_the_row_is_masked_where_it_stands_by_itself():
    known = longest_first({"4711": "password", "vera@brightpost.se": "email", "post.se": "key"})
    text = "PIN 4711, order 94711, 4711.5, vera@brightpost.se"
    assert [text[start:end] for _, start, end in known.places(text)] == ["4711", "vera@brightpost.se"]
    many = longest_first({**dict(known), **{f"value-{n}@brightpost.se": "email" for n in range(30)}})
    assert known.places(text) == many.places(text)
