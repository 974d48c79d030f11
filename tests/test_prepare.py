"""`curator prepare`: from a faulty file to a folder to train on, with a card that tells all of it."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import curator
from curator import Wish, decisions
from curator.config import Config
from curator.errors import UsageError
from curator.rule import chat
from curator.splits.card import escaped, quoted
from tests.conftest import ROOT

CONFIG = Config(cache=False)


def rows(count=60, **more):
    told = "The {} valve is closed by hand, turned back by a quarter and sealed with a red lead seal, number {}."
    return [
        {**chat(user=f"How is valve {n} of the cooling loop shut down?", assistant=told.format(n, n * 31)), **more}
        for n in range(count)
    ]


def made(write, lines, out="out", **options):
    path = write("support.jsonl", lines)
    return curator.prepare([path], path.parent / out, CONFIG, **options)


def front(folder):
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load(Path(folder, "README.md").read_text("utf-8").split("---\n")[1])


def text_of(folder):
    return Path(folder, "README.md").read_text("utf-8").split("---\n", 2)[2]


def test_the_sample_comes_out_with_everything_beside_it(run, tmp_path):
    done = run("prepare", ROOT / "samples" / "support.jsonl", "-o", "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "train.jsonl", "valid.jsonl", "test.jsonl", "rejected.jsonl",
        "split.json", "prepare.json", "report.html", "README.md",
    }  # fmt: skip
    assert done.status == 1, "errors are left"
    assert "to train on them, mend first what is left" in done.out and "curator train" not in done.out
    assert "errors would break a run or be learnt" in done.out
    left = run("lint", "out", "--no-cache", "--format", "jsonl").out.splitlines()
    counts = json.loads((tmp_path / "out" / "prepare.json").read_bytes())["left"]
    assert len(left) == sum(counts.values())


def test_the_exit_status_follows_what_is_left(write, run):
    write("support.jsonl", [*rows(), b"{broken"])
    assert run("prepare", "support.jsonl", "-o", "one").status == 0
    write("more.jsonl", [*rows(), chat(user="And then?", assistant=" ")])
    assert run("prepare", "more.jsonl", "-o", "two").status == 1
    assert run("prepare", "more.jsonl", "-o", "two", "--fail-on", "never").status == 0
    assert run("prepare", "more.jsonl", "-o", "three", "--unsafe-fixes").status == 0


def test_every_row_is_accounted_for(write, tmp_path):
    lines = [*rows(), rows()[0], b"{broken", b"", b'{"x": 1}']
    done = made(write, lines)
    rejected = (tmp_path / "out" / "rejected.jsonl").read_bytes().splitlines()
    written = sum(file.rows for file in done.split.outputs.values())
    assert (written, len(rejected)) == (60, 3)
    assert done.rejected == {"DUP001": 1, "FIL001": 1, "SCH001": 1}
    assert done.came["DUP001"] == 1
    assert "DUP001" not in done.left


def test_the_hashes_are_those_of_the_files(write, tmp_path):
    done = made(write, rows())
    for name, digest in done.hashes.items():
        assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == digest
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*done.hashes, "prepare.json"}
    source = hashlib.sha256((tmp_path / "support.jsonl").read_bytes()).hexdigest()
    assert done.split.inputs[0].sha256 == source
    assert source in text_of(tmp_path / "out")


def test_the_front_matter_is_what_the_hub_reads(write, tmp_path):
    made(write, rows(license="Apache-2.0", lang="en"), name='The "valves": a set')
    head = front(tmp_path / "out")
    assert head["pretty_name"] == 'The "valves": a set'
    assert head["license"] == "apache-2.0"
    assert head["language"] == ["en"]
    assert head["size_categories"] == ["n<1K"]
    files = head["configs"][0]["data_files"]
    assert [item["split"] for item in files] == ["train", "validation", "test"]
    assert all((tmp_path / "out" / item["path"]).exists() for item in files)


def test_the_card_of_a_folder_is_titled_after_the_folder(write, tmp_path, monkeypatch):
    write("support-de/train.jsonl", rows(30))
    write("support-de/valid.jsonl", rows(40)[30:])
    monkeypatch.chdir(tmp_path / "support-de")
    for named in (tmp_path / "support-de", "."):
        curator.prepare([named], tmp_path / "out", CONFIG)
        assert front(tmp_path / "out")["pretty_name"] == "support-de"
    curator.prepare(["train.jsonl"], tmp_path / "out", CONFIG, fresh=True)
    assert front(tmp_path / "out")["pretty_name"] == "train"


@pytest.mark.parametrize(
    ("said", "licence"), [([], None), (["MIT"], "mit"), (["MIT", "CC-BY-4.0"], "other"), (["ask me: #1"], "other")]
)
def test_the_licence_is_the_one_the_rows_state(write, tmp_path, said, licence):
    lines = rows()
    for n, each in enumerate(lines if said else ()):
        each["license"] = said[n % len(said)]
    made(write, lines)
    assert front(tmp_path / "out").get("license") == licence
    assert ("name one before the set is published" in text_of(tmp_path / "out")) == (not said)


def test_sources_languages_and_decisions_are_counted(write, tmp_path):
    lines = rows(40, dataset="manual") + [{**row, "dataset": "tickets"} for row in rows(60)[40:]]
    path = write(
        "support.jsonl", [*lines, chat(user="Who made it?", assistant="As an AI language model, I cannot say.")]
    )
    report = curator.lint([path], CONFIG)
    finding = next(f for f in report.findings if f.line == 61)
    decisions.append(decisions.place([path]), [decisions.decide(finding, "keep", who="Ana", why="wanted")])
    done = curator.prepare([path], tmp_path / "out", CONFIG)
    text = text_of(tmp_path / "out")
    assert "| manual | 40 |" in text
    assert "| tickets | 20 |" in text
    assert done.decisions == {"keep": 1}
    assert "Decisions of people: keep 1." in text
    assert finding.code not in done.left


def test_what_ran_and_what_did_not_is_on_the_card(write, tmp_path):
    done = made(write, [*rows(), chat(user="Is it shut?", assistant="It is shut and then you hold the")])
    text = text_of(tmp_path / "out")
    assert "| ANS005 | cut-answer | warning | 1 | 1 |" in text
    assert re.search(r"Nothing found by .*SPT001", text)
    assert done.verdict in text


def test_several_files_are_split_anew_as_one_set(write, tmp_path):
    train, valid = write("train.jsonl", rows(50)), write("valid.jsonl", rows(60)[40:])
    done = curator.prepare([train, valid], tmp_path / "out", CONFIG)
    assert sum(file.rows for file in done.split.outputs.values()) == 60
    assert done.came["SPT001"] == done.rejected["DUP001"] == 10
    assert "DUP001" not in done.left
    assert not any(done.split.proof.values())


def test_it_runs_again_over_its_own_folder_and_over_no_other(write, tmp_path):
    first = made(write, rows())
    again = made(write, [*rows(), *rows(70)[60:]])
    assert again.split.kept.rows == 60
    assert {name: file.rows for name, file in first.split.outputs.items()} != {}
    card = tmp_path / "out" / "README.md"
    card.write_text(card.read_text("utf-8") + "\nMy own words.\n", "utf-8")
    with pytest.raises(UsageError, match="changed since"):
        made(write, rows())
    assert card.read_text("utf-8").endswith("My own words.\n")
    made(write, rows(), force=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "README.md").write_text("# Mine\n")
    with pytest.raises(UsageError, match="not from curator prepare"):
        made(write, rows(), out="other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["README.md"]


def test_the_options_of_split_are_there(write, run, tmp_path):
    write("support.jsonl", rows())
    done = run("prepare", "support.jsonl", "-o", "out", "--ratio", "90/10", "--seed", "3", "--format", "json")
    result = json.loads(done.out)
    assert set(result["split"]["outputs"]) == {"train", "valid"}
    assert result["split"]["wish"]["seed"] == 3
    assert made(write, rows(), out="two", wish=Wish(min_rows=9)).split.outputs["test"].rows >= 9


def test_standard_input_is_refused_in_words(run):
    done = run("prepare", "-", "-o", "out")
    assert done.status == 2
    assert "write it to a file first" in done.err


# ---------------------------------------------------------------------- nothing of the data is interpreted

NASTY = [
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "a | b\n| --- |\n# Heading",
    "**bold** _it_ `code` ~~x~~ $x$",
    "---\nlicense: mit\n---",
    "&lt;b&gt; https://evil.example www.evil.example me@evil.example",
    "\x1b[31mred\x07 \u202eright to left \ud800",
]


def unescaped(text):
    """Signs that Markdown or HTML would read, outside of escapes."""
    return re.sub(r"\\[\\`*_{}\[\]|~$]|&(amp|lt|gt|#64|#8203);", " ", text)


@pytest.mark.parametrize("value", NASTY)
def test_values_of_rows_are_shown_and_never_interpreted(write, tmp_path, value):
    lines = [json.dumps(row).encode() for row in rows(source=value, license=value, lang=value)]
    made(write, lines, name=value)
    text = text_of(tmp_path / "out")
    table = text.partition("## Where the rows are from")[2].partition("## What was done")[0]
    cells = [line for line in table.splitlines() if line.endswith("| 60 |")]
    for cell in cells:
        assert not re.search(r"[<>`*_\[\]~$]|https?:|www\.|@", unescaped(cell).strip("| 60"))
        assert len(re.findall(r"(?<!\\)\|", cell)) == 3
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\ud800-\udfff]", text)
    assert front(tmp_path / "out")["tags"] == ["fine-tuning", "curator"]
    assert "<script" not in text


@given(st.text())
def test_escaped_text_is_one_line_without_live_signs(text):
    out = escaped(text)
    assert "\n" not in out
    assert not re.search(r"[<>`*_\[\]|~$]", unescaped(out))


@given(st.text())
def test_a_quoted_string_is_one_yaml_scalar(text):
    yaml = pytest.importorskip("yaml")
    assert isinstance(yaml.safe_load(f"a: {quoted(text)}")["a"], str)


@pytest.mark.slow
def test_the_folder_loads_as_a_dataset(write, tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    done = made(write, rows())
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    sizes = {name: len(loaded[name]) for name in loaded}
    outputs = done.split.outputs
    assert sizes == {"train": outputs["train"].rows, "validation": outputs["valid"].rows, "test": outputs["test"].rows}


@pytest.mark.parametrize(
    "words",
    [
        "prepare {} -o out",
        "split {} -o out",
        "convert {} --to sharegpt -o out/data.jsonl",
        "clean {} -o out/data.jsonl",
    ],
    ids=lambda words: words.split()[0],
)
def test_nobody_reads_what_is_written_who_may_not_read_the_data(run, write, tmp_path, words):
    path = write("support.jsonl", [*rows(30), chat(user="", assistant="")])
    path.chmod(0o600)
    done = run(*words.format(path).split())
    made = [each for each in (tmp_path / "out").rglob("*") if each.is_file()]
    assert made, done.err
    assert {each.name: each.stat().st_mode & 0o777 for each in made} == {each.name: 0o600 for each in made}


def test_nobody_reads_a_dataset_who_may_not_read_the_data(run, write, tmp_path):
    pytest.importorskip("datasets")
    path = write("support.jsonl", rows(30))
    path.chmod(0o600)
    assert run("split", path, "-o", "out", "--to", "dataset").status == 0
    made = [each for each in (tmp_path / "out" / "dataset").rglob("*") if each.is_file()]
    assert made and all(each.stat().st_mode & 0o077 == 0 for each in made)


def test_what_unsafe_fixes_would_mend_is_said_with_the_command(write, run, tmp_path):
    torn = {
        "messages": [{"role": "user", "content": "Is it here?<|im_end|>"}, {"role": "assistant", "content": "It is."}]
    }
    write("support.jsonl", [*rows(), torn])
    done = run("prepare", "support.jsonl", "-o", "out", "--ratio", "90/10", "--fresh")
    command = "curator prepare support.jsonl --output out --ratio 90/10 --fresh --unsafe-fixes"
    assert f"1 of it can be mended if you agree:  {command}\n" in done.out
    copied = run("clean", "support.jsonl", "-o", "copy.jsonl")
    assert "1 of it can be mended if you agree:  curator clean support.jsonl --output copy.jsonl --unsafe" in copied.out
    for words in (command.split()[1:], ["clean", "support.jsonl", "-o", "copy.jsonl", "--unsafe-fixes"]):
        mended = run(*words)
        assert "if you agree" not in mended.out and "TPL006 1" in mended.out


def test_what_unsafe_fixes_would_mend_is_one_count_in_clean_and_in_a_lint_of_the_copy(write, run):
    near = [{"prompt": "How tall is Ben Nevis?", "completion": f"It is {n}."} for n in ("High", "high")]
    silent = {"prompt": "Who was the first to climb it?", "completion": " "}
    write("hills.jsonl", [*near, silent])
    copied = run("clean", "hills.jsonl", "-o", "copy.jsonl", "--select", "DUP,ROL007").out
    linted = run("lint", "copy.jsonl", "--select", "DUP,ROL007").out
    assert "2 of it can be mended if you agree" in copied and "2 can be mended if you agree" in linted


def test_rules_on_splits_are_counted_apart_from_those_of_the_report(run, tmp_path):
    said = run("prepare", ROOT / "samples" / "support-clean.jsonl", "-o", "out", "--ignore", "SPT006").out
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    every, alone = map(
        int, re.search(r"clean: (\d+) rules found nothing, (\d+) of them on the splits alone", said).groups()
    )
    assert f"{every - alone} rules found nothing" in page
