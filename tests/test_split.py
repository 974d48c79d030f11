"""`curator split`: no leaks, whatever the data; the same for any order of rows; old rows stay where they are."""

from __future__ import annotations

import hashlib
import json
import random
import re
import shlex
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import curator
from curator import Wish
from curator.config import Config
from curator.errors import CuratorError, MissingExtraError, SourceError, UsageError, WriteError
from curator.rule import chat
from curator.splits.splitting import as_text
from tests.conftest import ROOT, SHARED

CONFIG = Config(cache=False)
NAMES = ("train", "valid", "test")


def row(n, **more):
    """Rows unlike each other."""
    rng = random.Random(n)
    text = " ".join(f"{rng.choice('abcdefghijklmnop')}{rng.randrange(10**6)}" for _ in range(12))
    return {**chat(user=f"Tell me about topic {n} of the list, please.", assistant=text), **more}


def lines_of(folder):
    """{split: the lines of its file, in order}."""
    files = {name: Path(folder, f"{name}.jsonl") for name in NAMES}
    return {name: file.read_bytes().splitlines() for name, file in files.items() if file.exists()}


def where(folder):
    """{row as JSON: its split}."""
    return {line: name for name, lines in lines_of(folder).items() for line in lines}


def divide(write, rows, out="out", wish=None, name="all.jsonl", **options):
    path = write(name, rows)
    return curator.split([path], path.parent / out, CONFIG, wish, **options)


# ---------------------------------------------------------------------- what is written


def test_every_line_goes_somewhere_with_its_bytes_and_in_its_order(write, tmp_path):
    lines = [json.dumps(row(n), indent=None, separators=(",", " : ")).encode() for n in range(60)]
    lines[7] += b"  "
    result = divide(write, lines)
    found = lines_of(tmp_path / "out")
    assert sorted(line for part in found.values() for line in part) == sorted(lines)
    assert all(part == [line for line in lines if line in set(part)] for part in found.values())
    assert {name: file.rows for name, file in result.outputs.items()} == {n: len(part) for n, part in found.items()}


def test_the_record_holds_seed_hashes_groups_and_proof(write, tmp_path):
    path = write("all.jsonl", [row(n % 50) for n in range(60)])
    curator.split([path], tmp_path / "out", CONFIG, Wish(seed=7))
    record = json.loads((tmp_path / "out" / "split.json").read_bytes())
    assert record["wish"]["seed"] == 7
    assert record["inputs"][0]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    for name in NAMES:
        data = (tmp_path / "out" / f"{name}.jsonl").read_bytes()
        assert record["outputs"][name]["sha256"] == hashlib.sha256(data).hexdigest()
        rows = [row for group in record["groups"][name] for row in group[1:]]
        assert len(rows) == data.count(b"\n") == record["outputs"][name]["rows"]
        assert len(record["groups"][name]) == record["outputs"][name]["groups"]
    assert record["proof"]["findings"] == dict.fromkeys(("SPT001", "SPT002", "SPT003", "SPT004"), 0)
    assert record["tied"] == {"say the same as others": 20}


def test_the_proof_is_what_lint_says(write, run, tmp_path):
    divide(write, [row(n % 40) for n in range(80)])
    done = run("lint", tmp_path / "out", "--select", "SPT", "--no-cache")
    assert done.status == 0, done.out


def test_shares_are_about_those_asked_for(write):
    result = divide(write, [row(n) for n in range(1500)])
    assert [round(result.outputs[name].rows / 150) for name in NAMES] == [8, 1, 1]


def test_two_splits_where_no_test_is_asked_for(write, tmp_path):
    assert set(divide(write, [row(n) for n in range(100)], wish=Wish(ratio=(90, 10))).outputs) == {"train", "valid"}
    assert not (tmp_path / "out" / "test.jsonl").exists()


@pytest.mark.parametrize("count", [(30, 20), (30, 0), (0, 7)])
def test_numbers_of_rows_are_met_exactly(write, count):
    rows = [row(n // 2 if n < 40 else n) for n in range(200)]
    result = divide(write, rows, wish=Wish(count=count))
    assert [result.outputs[name].rows if name in result.outputs else 0 for name in NAMES[1:]] == list(count)


@pytest.mark.parametrize("rows", [10, 40, 97, 300])
def test_exact_shares_are_met_as_far_as_groups_allow(write, tmp_path, rows):
    lines = [row(n) for n in range(rows)]
    result = divide(write, lines, wish=Wish(exact=True))
    wanted = [rows - 2 * round(rows / 10), round(rows / 10), round(rows / 10)]
    assert [result.outputs[name].rows for name in NAMES] == wanted
    divide(write, lines[::-1], "reversed", Wish(exact=True))
    assert where(tmp_path / "out") == where(tmp_path / "reversed")
    before = where(tmp_path / "out")
    divide(write, lines + [row(n) for n in range(rows, rows + rows // 10)], wish=Wish(exact=True))
    assert before.items() <= where(tmp_path / "out").items()


@pytest.mark.parametrize("seed", range(6))
def test_a_split_that_is_filled_takes_groups_that_fit_into_its_share(write, seed):
    rows = [row(n, doc="handbook") for n in range(24)] + [row(n, doc=f"page {n // 2}") for n in range(24, 60)]
    wish = Wish(ratio=(70, 15, 15), group_by=("doc",), seed=seed)
    result = divide(write, rows, wish=wish, fresh=True)
    assert result.largest == 24 and result.outputs["train"].rows >= 24
    assert 4 <= result.outputs["valid"].rows <= 22 and 4 <= result.outputs["test"].rows <= 22
    for line in as_text(result).splitlines():
        if "its share would be" in line:
            assert line.endswith("groups go as a whole, and the largest has 24 rows; see --exact")


def test_a_small_set_far_from_its_shares_is_pointed_at(write, run, tmp_path):
    file = write("all.jsonl", [row(n) for n in range(60)])
    told = [run("split", file, "-o", tmp_path / f"o{seed}", "--seed", str(seed)).out for seed in range(6)]
    assert any("--exact" in text for text in told)
    assert "--exact" not in run("split", file, "-o", tmp_path / "exact", "--exact").out


def test_a_split_that_rows_were_in_is_not_dropped_in_silence(write, tmp_path):
    rows = [row(n) for n in range(100)]
    divide(write, rows)
    with pytest.raises(UsageError, match="rows are in the test split of the last time, and 90/10 asks for none"):
        divide(write, rows, wish=Wish(ratio=(90, 10)))
    assert (tmp_path / "out" / "test.jsonl").exists()
    assert "test" not in divide(write, rows, wish=Wish(ratio=(90, 10)), fresh=True).outputs


@pytest.mark.parametrize("batch", [1, 8, 12])
def test_no_split_is_smaller_than_the_batch(write, batch):
    for seed in range(4):
        result = divide(write, [row(n) for n in range(60)], f"{batch}-{seed}", Wish(min_rows=batch, seed=seed))
        assert min(file.rows for file in result.outputs.values()) >= batch


@pytest.mark.parametrize("rows", [3, 10, 40, 50])
def test_small_sets_have_no_empty_split(write, rows):
    for seed in range(4):
        result = divide(write, [row(n) for n in range(rows)], f"o{seed}", Wish(seed=seed))
        least = 4 if rows >= 40 else 1
        assert all(result.outputs[name].rows >= least for name in NAMES)


def test_another_seed_is_another_draw(write, tmp_path):
    rows = [row(n) for n in range(200)]
    divide(write, rows, "one")
    divide(write, rows, "two", Wish(seed=1))
    assert where(tmp_path / "one") != where(tmp_path / "two")


def test_broken_lines_are_kept_apart_with_reasons(write, tmp_path):
    rows = [row(n) for n in range(20)]
    result = divide(write, [*rows[:5], b'{"messages": [', b"[1, 2]", b"", b'{"x": 1}', *rows[5:]])
    rejected = [json.loads(line) for line in (tmp_path / "out" / "rejected.jsonl").read_bytes().splitlines()]
    assert [(item["line"], item["codes"]) for item in rejected] == [(6, ["FIL001"]), (7, ["FIL002"]), (9, ["SCH001"])]
    assert result.rejected == 3
    assert sum(file.rows for file in result.outputs.values()) == 20


def test_rows_of_any_container_are_split(write, tmp_path):
    table = tmp_path / "all.csv"
    table.write_text("prompt,completion\n" + "".join(f"Question {n} of many?,Answer {n * 7}\n" for n in range(50)))
    result = curator.split([table], tmp_path / "out", CONFIG)
    assert sum(file.rows for file in result.outputs.values()) == 50
    assert json.loads((tmp_path / "out" / "train.jsonl").read_bytes().splitlines()[0]).keys() == {
        "prompt",
        "completion",
    }


def test_a_byte_order_mark_does_not_wander_into_the_file(write, tmp_path):
    lines = [json.dumps(row(n)).encode() for n in range(30)]
    divide(write, [b"\xef\xbb\xbf" + lines[0], *lines[1:]])
    assert all(not line.startswith(b"\xef\xbb\xbf") for part in lines_of(tmp_path / "out").values() for line in part)


# ---------------------------------------------------------------------- what stays together


def together(write, tmp_path, pairs, **options):
    """Whether the rows of each pair are in one split, for several seeds."""
    rows = [*(r for pair in pairs for r in pair), *(row(n) for n in range(1000, 1060))]
    apart = 0
    for seed in range(3):
        divide(write, rows, f"s{seed}", Wish(seed=seed, **options), fresh=True)
        at = {json.dumps(json.loads(line), sort_keys=True): name for line, name in where(tmp_path / f"s{seed}").items()}
        apart += sum(len({at[json.dumps(r, sort_keys=True)] for r in pair}) > 1 for pair in pairs)
    return apart == 0


def test_the_same_prompt(write, tmp_path):
    ask = "Why is the sky dark at night, number {}?"
    pairs = [[chat(user=ask.format(n), assistant=f"A{n}{k}") for k in "xy"] for n in range(12)]
    assert together(write, tmp_path, pairs)


def test_questions_whose_words_change_places_stay_together_under_one_long_answer(write, tmp_path):
    """What the words ask in another order may be another thing; under the same long answer it is not."""
    answer = "It won {} games, drew five and lost the rest of them, which was its best year so far."
    asked = ("What was the record of club {} in the regular season?", "What was the regular season record of club {}?")
    rows = [chat(user=ask.format(n), assistant=answer.format(n)) for n in range(40) for ask in asked]
    told = [chat(user=ask.format(f"no. {n}"), assistant="Yes.") for n in range(40) for ask in asked]
    result = divide(write, rows + told)
    found = where(tmp_path / "out")
    sides = [found[json.dumps(row).encode()] for row in rows]
    assert sides[::2] == sides[1::2] and len(set(sides)) == 3
    short = [found[json.dumps(row).encode()] for row in told]
    assert short[::2] != short[1::2], "an answer of one word proves nothing"
    assert result.proof["SPT003"] == 0


def test_short_prompts_stay_together_too(write, tmp_path):
    pairs = [[chat(user=f"Define w{n}", assistant=f"It is {k * 9} {n}") for k in "xy"] for n in range(12)]
    assert together(write, tmp_path, pairs)


def test_the_same_question_under_other_instructions_and_tools(write, tmp_path):
    ask = "Which tram goes to the harbour at night, line {}?"
    tools = [{"type": "function", "function": {"name": "timetable", "parameters": {"type": "object"}}}]
    pairs = []
    for n in range(12):
        plain = chat(system="Answer shortly.", user=ask.format(n), assistant=f"Line {n * 13}.")
        other = chat(system="Answer as a pirate would.", user=ask.format(n), assistant=f"Arr, {n * 17}!")
        pairs += [[plain, other], [chat(user=ask.format(n + 50), assistant="A"), {**plain, "tools": tools}]]
        pairs[-1][1] = {**chat(user=ask.format(n + 50), assistant=f"Tool says {n}."), "tools": tools}
    assert together(write, tmp_path, pairs)


def test_conversations_in_which_the_user_says_the_same(write, tmp_path):
    pairs = []
    for n in range(12):
        said = {"user": f"Who is number {n}?", "user2": "Have a nice day!"}
        pairs.append(
            [
                chat(
                    user=said["user"], assistant=f"{who} {n * 91}.", user2=said["user2"], assistant2=f"{bye}, {n * 57}!"
                )
                for who, bye in (("It must be", "You too"), ("Nobody but", "Farewell"))
            ]
        )
    assert together(write, tmp_path, pairs)


def test_documents_conversations_and_keys_the_user_names(write, tmp_path):
    pairs = [[row(2 * n, doc_id=f"d{n}"), row(2 * n + 1, doc_id=f"d{n}")] for n in range(12)]
    assert together(write, tmp_path, pairs)
    pairs = [[row(2 * n, customer=n), row(2 * n + 1, customer=n)] for n in range(12)]
    assert not together(write, tmp_path, pairs)
    assert together(write, tmp_path, pairs, group_by=("customer",))


def test_parts_of_one_conversation(write, tmp_path):
    pairs = []
    for n in range(12):
        first = {"user": f"My parcel {n} has not arrived. Where can I see how far it has come by now?"}
        first["assistant"] = f"Under the address in the mail of day {n}: it shows every stop that the parcel has made."
        pairs.append(
            [chat(**first), chat(**first, user2=f"And if it is lost, {n * 77}?", assistant2="Then write to us.")]
        )
    assert together(write, tmp_path, pairs)


def test_a_leak_may_be_allowed(write, tmp_path):
    rows = [chat(user="Write a limerick about the sea.", assistant=f"{n * 7919} waves") for n in range(40)]
    rows += [row(n) for n in range(60)]
    wish = Wish(allow=("prompt-leak",))
    result = divide(write, rows, wish=wish)
    assert "SPT003" not in result.proof
    assert min(sum(b"limerick" in line for line in part) for part in lines_of(tmp_path / "out").values()) > 0


def test_what_was_allowed_is_no_finding_later_unless_it_is_asked_for(write, tmp_path, run):
    rows = [chat(user="Write a limerick about the sea.", assistant=f"{n * 7919} waves") for n in range(40)]
    divide(write, rows + [row(n) for n in range(60)], wish=Wish(allow=("prompt-leak",)))
    told = run("lint", tmp_path / "out")
    assert "SPT003 (such leaks were allowed on purpose, says split.json: --select them)" in " ".join(told.out.split())
    assert not told.out.count("prompt-leak") and told.status == 0
    assert "prompt-leak" in run("lint", tmp_path / "out", "--select", "SPT").out
    (tmp_path / "out" / "split.json").unlink()
    assert "prompt-leak" in run("lint", tmp_path / "out").out


def test_a_record_speaks_for_its_own_files_alone(write, tmp_path, run):
    rows = [chat(user="Write a limerick about the sea.", assistant=f"{n * 7919} waves") for n in range(40)]
    divide(write, rows + [row(n) for n in range(60)], wish=Wish(allow=("prompt-leak",)))
    (tmp_path / "out" / "test.jsonl").rename(tmp_path / "out" / "other_test.jsonl")
    files = [tmp_path / "out" / name for name in ("train.jsonl", "other_test.jsonl")]
    assert "prompt-leak" in run("lint", *files).out


def test_rows_that_all_ask_the_same_are_split_all_the_same(write):
    """An instruction that the whole set shares is no question."""
    rows = [chat(user="Write in my voice.", assistant=row(n)["messages"][1]["content"]) for n in range(50)]
    assert divide(write, rows).groups == 50


def test_one_group_cannot_be_parted_and_the_error_says_what_to_do(write):
    with pytest.raises(UsageError, match="1 group") as error:
        divide(write, [row(n, doc_id="d", case="c") for n in range(9)], wish=Wish(group_by=("case",)))
    assert "--allow" in str(error.value)


def test_the_way_out_is_the_leak_that_ties_the_rows(write):
    rows = [row(n, conversation_id="a" if n % 2 else "b") for n in range(8)]
    with pytest.raises(UsageError, match="form 2 groups") as error:
        divide(write, rows)
    assert "--allow group-leak makes 8 groups" in str(error.value)


def test_a_group_of_over_a_quarter_of_the_rows_is_trained_on(write, tmp_path):
    rows = [row(n, case="large") for n in range(40)] + [row(n, case=f"{n}") for n in range(40, 100)]
    for seed in range(8):
        divide(write, rows, f"s{seed}", Wish(seed=seed, group_by=("case",)))
        assert {name for line, name in where(tmp_path / f"s{seed}").items() if b"large" in line} == {"train"}


# ---------------------------------------------------------------------- strata


@pytest.mark.parametrize(
    ("key", "more"), [("language", "lang"), ("source", "dataset"), ("label", "label"), ("mood", "mood")]
)
def test_strata_have_the_same_mix_in_every_split(write, tmp_path, key, more):
    rows = [row(n, **{more: "rare" if n % 10 == 0 else "common"}) for n in range(300)]
    divide(write, rows, wish=Wish(stratify=key))
    for part in lines_of(tmp_path / "out").values():
        rare = sum(b'"rare"' in line for line in part)
        assert abs(rare - len(part) / 10) <= 1


def test_strata_of_length(write, tmp_path):
    rows = [chat(user=f"Say {n} words.", assistant=f"w{n} " * (5 if n % 2 else 300)) for n in range(1, 101)]
    divide(write, rows, wish=Wish(stratify="length", ratio=(60, 20, 20)))
    for part in lines_of(tmp_path / "out").values():
        assert abs(sum(len(line) > 500 for line in part) - len(part) / 2) <= 1


def test_strata_of_the_language_that_answers_are_in(write, tmp_path):
    said = ("It was not the house that they had seen, but this is", "Das ist nicht das Haus, und wir haben auch keine")
    rows = [chat(user=f"w{n} q{n} v{n}?", assistant=f"{said[n % 5 == 0]} a{n} b{n} c{n} d{n}.") for n in range(100)]
    divide(write, rows, wish=Wish(stratify="language", ratio=(60, 20, 20), allow=("near-leak",)))
    for part in lines_of(tmp_path / "out").values():
        assert abs(sum(b"nicht" in line for line in part) - len(part) / 5) <= 1


def test_a_stratum_nobody_names_is_an_error(write):
    with pytest.raises(UsageError, match="no row says its mood") as error:
        divide(write, [row(n, lang="en") for n in range(20)], wish=Wish(stratify="mood"))
    assert "'lang'" in str(error.value)


# ---------------------------------------------------------------------- order and growth

SETS = st.lists(st.integers(0, 60), min_size=12, max_size=60)


def mixed(numbers):
    """Rows with repeats, shared prompts, near copies and shared documents."""
    rows = []
    for n in numbers:
        base = row(n // 4)
        words = base["messages"][1]["content"]
        answer = [words, words.replace(words.split()[5], "and"), f"No. {n}", words + "!"][n % 4]
        rows.append(
            {**chat(user=base["messages"][0]["content"], assistant=answer), "doc_id": f"d{n // 16}" if n % 3 else None}
        )
    return rows


def split_in(folder, rows, **options):
    folder = Path(folder)
    folder.mkdir(exist_ok=True, parents=True)
    file = folder / "all.jsonl"
    file.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return curator.split([file], folder / "out", CONFIG, **options)


hypothesis = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@hypothesis
@given(SETS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(tmp_path_factory, numbers, rng):
    rows = [*mixed(numbers), *(row(n) for n in range(900, 910))]
    one = tmp_path_factory.mktemp("one")
    split_in(one, rows)
    rng.shuffle(rows)
    two = tmp_path_factory.mktemp("two")
    split_in(two, rows)
    assert where(one / "out") == where(two / "out")
    groups = [json.loads((folder / "out" / "split.json").read_bytes())["groups"] for folder in (one, two)]
    assert groups[0] == groups[1]


@hypothesis
@given(SETS, st.randoms(use_true_random=False))
def test_a_repeat_on_the_same_rows_changes_nothing(tmp_path_factory, numbers, rng):
    folder = tmp_path_factory.mktemp("again")
    rows = [*mixed(numbers), *(row(n) for n in range(900, 910))]
    first = split_in(folder, rows)
    record = (folder / "out" / "split.json").read_bytes()
    again = split_in(folder, rows)
    assert (folder / "out" / "split.json").read_bytes() == record
    assert (again.groups, again.tied) == (first.groups, first.tied)
    rng.shuffle(rows)
    shuffled = split_in(folder, rows)
    assert (shuffled.groups, shuffled.tied) == (first.groups, first.tied)


@hypothesis
@given(SETS, SETS, st.randoms(use_true_random=False))
def test_rows_that_are_added_move_no_old_row(tmp_path_factory, old, new, rng):
    folder = tmp_path_factory.mktemp("growing")
    rows = [*mixed(old), *(row(n) for n in range(900, 910))]
    split_in(folder, rows)
    before = where(folder / "out")
    rows += mixed(new)
    rng.shuffle(rows)
    result = split_in(folder, rows)
    after = where(folder / "out")
    assert {line: after.get(line) for line in before} == before
    aside = (folder / "out" / "aside.jsonl").read_bytes().splitlines() if result.aside else []
    assert sum(map(len, lines_of(folder / "out").values())) + len(aside) == len(rows)
    assert not any(result.proof.values())


def crowded(numbers):
    """Rows of which many ask the same, are of one document, or are alike by a template: more of them tell it apart."""
    frame = " ".join(f"frame{k}" for k in range(30))
    for n in numbers:
        own = " ".join(f"own{n}x{k}" for k in range(n % 5 * 4))
        ask = ["Answer in one word, please.", f"Say what number {n % 7} is for.", f"What of {n} is it?"][n % 3]
        yield {**chat(user=ask, assistant=f"{frame} {own} end{n}"), "doc_id": f"d{n % 4}" if n % 2 else None}


@hypothesis
@given(SETS, st.lists(st.integers(0, 400), max_size=60), st.randoms(use_true_random=False))
def test_old_rows_stay_also_where_more_rows_tell_apart_what_many_shared(tmp_path_factory, old, new, rng):
    folder = tmp_path_factory.mktemp("crowded")
    rows = [*crowded(old), *(row(n) for n in range(900, 910))]
    split_in(folder, rows)
    before = where(folder / "out")
    rows += [*crowded(new), *(row(n) for n in range(len(new)))]
    rng.shuffle(rows)
    result = split_in(folder, rows)
    after = where(folder / "out")
    assert {line: after.get(line) for line in before} == before
    assert (sum(result.proof.values()), result.kept.aside) == (result.kept.leaking, 0)


def test_old_rows_that_come_to_leak_are_told_and_not_moved(write, run, tmp_path):
    rows = [chat(user="Answer as the house does.", assistant=f"reply{n} so{n} and{n}") for n in range(6)]
    rows += [row(n) for n in range(4)]  # over half of the rows ask the same: an instruction
    divide(write, rows, wish=Wish(ratio=(50, 50)))
    before = where(tmp_path / "out")
    result = divide(write, rows + [row(n) for n in range(500, 560)], wish=Wish(ratio=(50, 50)))
    after = where(tmp_path / "out")
    assert {line: after[line] for line in before} == before
    held = sum(b"as the house does" in line and name != "train" for line, name in before.items())
    assert (result.kept.leaking, result.proof["SPT003"], result.aside) == (held, held, 0)
    assert "found to leak now" in as_text(result)


def test_unrelated_rows_move_nothing_even_without_a_record(write, tmp_path):
    rows = [row(n % 90) for n in range(120)]
    divide(write, rows, "one")
    divide(write, rows + [row(n) for n in range(500, 560)], "two")
    before, after = where(tmp_path / "one"), where(tmp_path / "two")
    assert {line: after[line] for line in before} == before


def test_a_new_row_that_would_join_two_splits_is_set_aside(write, tmp_path):
    rows = [row(n, case=f"{n}") for n in range(40)]
    wish = Wish(group_by=("case",))
    divide(write, rows, wish=wish)
    at = {json.loads(line)["case"]: name for line, name in where(tmp_path / "out").items()}
    trained, held = (next(case for case, name in at.items() if name == split) for split in ("train", "valid"))
    bridge = {**rows[int(trained)], "case": held}  # the words of a trained row, the case of a held-out one
    friend = row(777, case=held)
    result = divide(write, [bridge, *rows, friend], wish=wish)
    (aside,) = [json.loads(line) for line in (tmp_path / "out" / "aside.jsonl").read_bytes().splitlines()]
    assert result.aside == 1
    assert (aside["line"], aside["row"]) == (1, bridge)
    assert "of train" in aside["reasons"][0] and "of valid" in aside["reasons"][0]
    assert where(tmp_path / "out")[json.dumps(friend).encode()] == "valid"
    assert divide(write, rows, wish=wish).aside == 0
    assert not (tmp_path / "out" / "aside.jsonl").exists()


def test_a_record_elsewhere_is_kept_to(write, tmp_path):
    rows = [row(n) for n in range(100)]
    divide(write, rows, "one", Wish(seed=5))
    result = divide(write, rows, "two", Wish(seed=6), keep=tmp_path / "one" / "split.json")
    assert where(tmp_path / "one") == where(tmp_path / "two")
    assert result.kept.rows == 100
    divide(write, rows, "three", Wish(seed=7), keep=tmp_path / "one")
    assert where(tmp_path / "one") == where(tmp_path / "three")


def test_options_that_rows_with_a_split_cannot_heed_are_told(write, run, tmp_path):
    """Rows keep their split: another seed, other shares are for new rows, and the command says so."""
    path = write("all.jsonl", [row(n) for n in range(100)])
    run("split", path, "-o", tmp_path / "out")
    drawn = where(tmp_path / "out")
    for _ in range(2):  # the record still says how its rows were drawn
        again = run("split", path, "-o", tmp_path / "out", "--seed", "5", "--ratio", "70/15/15")
        assert (
            "--ratio 70/15/15 (was 80/10/10), --seed 5 (was 0): without effect, since no row is new; --fresh"
            in again.out
        )
        assert where(tmp_path / "out") == drawn
    write("all.jsonl", [row(n) for n in range(110)])
    assert (
        "--seed 5 (was 0): for the 10 new rows alone" in run("split", path, "-o", tmp_path / "out", "--seed", "5").out
    )
    assert " (was " not in run("split", path, "-o", tmp_path / "out", "--seed", "6", "--fresh").out


def test_numbers_that_kept_rows_stand_in_the_way_of_name_the_record(write, tmp_path):
    rows = [row(n) for n in range(100)]
    divide(write, rows)
    with pytest.raises(UsageError, match="beside the 100 rows that keep the split they had") as error:
        divide(write, rows, wish=Wish(count=(30, 20)))
    assert "--fresh" in str(error.value)
    assert divide(write, rows, wish=Wish(count=(30, 20)), fresh=True).outputs["test"].rows == 20


def test_rows_that_repeat_old_ones_are_not_counted_among_them(write, tmp_path):
    rows = [row(n) for n in range(100)]
    divide(write, rows)
    result = divide(write, rows + rows[:20])
    assert (result.kept.rows, result.kept.repeats) == (100, 20)
    assert "20 rows that came since and repeat one of them go with it" in as_text(result)


def test_a_fresh_draw_passes_the_record_over(write, tmp_path):
    rows = [row(n) for n in range(100)]
    divide(write, rows, wish=Wish(seed=5))
    before = where(tmp_path / "out")
    divide(write, rows, wish=Wish(seed=6))
    assert where(tmp_path / "out") == before
    divide(write, rows, wish=Wish(seed=6), fresh=True)
    assert where(tmp_path / "out") != before


def test_a_row_that_was_mended_keeps_its_split_by_what_it_asks(write, tmp_path):
    rows = [row(n) for n in range(60)]
    divide(write, rows, wish=Wish(count=(20, 20)))
    before = {json.loads(line)["messages"][0]["content"]: name for line, name in where(tmp_path / "out").items()}
    for each in rows:
        each["messages"][1]["content"] += " Indeed."
    divide(write, rows, wish=Wish(count=(20, 20), seed=3))
    after = {json.loads(line)["messages"][0]["content"]: name for line, name in where(tmp_path / "out").items()}
    assert before == after


# ---------------------------------------------------------------------- an oracle of its own


def said(value):
    """(prompt, all words) of a row of the common shapes, without curator's readers."""
    if "messages" in value or "conversations" in value:
        turns = [turn for turn in value.get("messages") or value["conversations"] if turn.get("role") != "system"]
        texts = [f"{turn.get('content', turn.get('value')) or ''} {calls_of(turn)}" for turn in turns]
        return "\n".join(texts[:-1]), " ".join(texts)
    ask = " ".join(str(value.get(key) or "") for key in ("instruction", "input", "prompt", "question"))
    told = " ".join(str(value.get(key) or "") for key in ("response", "output", "completion", "answer", "text"))
    return ask, f"{ask} {told}"


def calls_of(turn):
    calls = [call["function"] for call in turn.get("tool_calls") or ()]
    return " ".join(f"{call['name']} {call['arguments']}" for call in calls)


def plain(text):
    return " ".join(re.findall(r"\w+", text.lower()))


def exhaustive(parts):
    """Pairs of rows in two splits that are the same, ask the same, or share seven in ten of their three-word runs.

    Six in ten where one of the two has under forty-two words, as SPT002 has it; no word is looked away from.
    """
    read = {name: [said(json.loads(line)) for line in lines] for name, lines in parts.items()}
    found = []
    for one, two in combinations(read, 2):
        for place, part in ((1, "row"), (0, "prompt")):
            ones, twos = ({plain(r[place]) for r in read[name]} - {""} for name in (one, two))
            found += [(part, text) for text in ones & twos]
        runs = {name: [runs_of(r[1]) for r in read[name]] for name in (one, two)}
        length = {name: [len(plain(r[1]).split()) for r in read[name]] for name in (one, two)}
        by_run = defaultdict(set)
        for n, each in enumerate(runs[one]):
            for run in each:
                by_run[run].add(n)
        for m, each in enumerate(runs[two]):
            near = defaultdict(int)
            for run in each:
                for n in by_run.get(run, ()):
                    near[n] += 1
            for n, shared in near.items():
                least = 0.6 if min(length[two][m], length[one][n]) < 42 else 0.7
                if shared / (len(each) + len(runs[one][n]) - shared) >= least:
                    found.append(("near", n))
    return found


def runs_of(text):
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[n : n + 3]) for n in range(len(words) - 2)} if len(words) >= 5 else set()


@pytest.mark.skipif(not SHARED.is_dir(), reason="the larger data are not at hand")
@pytest.mark.parametrize(
    "name",
    [
        "mlx_wwdc25/all.jsonl",
        "mlx_wikisql/train.jsonl",
        "llamafactory/alpaca_en_demo.json",
        "llamafactory/v1_sft_demo.jsonl",
        "llamafactory/identity.json",
        "llamafactory/glaive_toolcall_en_demo.json",
        "openai_cookbook/drone_training.jsonl",
        "fireworks/food_reasoning.jsonl",
        "azure/generated_labels_context_switching_prepared_train.jsonl",
    ],
)
def test_a_split_of_a_real_set_has_no_leak_by_exhaustive_check(name, tmp_path):
    result = curator.split([SHARED / name], tmp_path / "out", CONFIG)
    assert exhaustive(lines_of(tmp_path / "out")) == []
    assert not any(result.proof.values())


def all_sets():
    """Every file of the samples and of the larger data that may hold rows."""
    found = [file for kind in ("*.jsonl", "*.json", "*.csv") for file in (ROOT / "samples").glob(kind)]
    found += [file for kind in ("*.jsonl", "*.json") for file in SHARED.glob(f"*/{kind}")]
    return sorted(file for file in found if file.stat().st_size < 1_000_000)


@pytest.mark.slow
@pytest.mark.parametrize("file", all_sets(), ids=lambda file: f"{file.parent.name}/{file.name}")
def test_any_set_is_split_without_leaks_whatever_its_order_and_grows_in_place(file, tmp_path):
    try:
        result = curator.split([file], tmp_path / "out", CONFIG)
    except (SourceError, UsageError) as error:
        pytest.skip(str(error).split("\n")[0][-80:])
    before = lines_of(tmp_path / "out")
    assert exhaustive(before) == []
    assert not any(result.proof.values())
    lines = [line for part in before.values() for line in part]
    random.Random(4).shuffle(lines)
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_bytes(b"\n".join(lines))
    curator.split([mixed], tmp_path / "mixed", CONFIG)
    assert {name: sorted(part) for name, part in lines_of(tmp_path / "mixed").items()} == {
        name: sorted(part) for name, part in before.items()
    }
    shape = json.loads(lines[0])
    new = [json.dumps(other_words(shape, n)).encode() for n in range(max(1, len(lines) // 10))]
    mixed.write_bytes(b"\n".join(lines + new))
    curator.split([mixed], tmp_path / "mixed", CONFIG)
    after = lines_of(tmp_path / "mixed")
    assert all(set(part) <= set(after[name]) for name, part in before.items())
    assert exhaustive(after) == []


def other_words(value, n):
    """A value of the same structure, with words of its own in the place of long texts."""
    if isinstance(value, dict):
        return {key: other_words(each, n) for key, each in value.items()}
    if isinstance(value, list):
        return [other_words(each, n) for each in value]
    if isinstance(value, str) and len(value) > 20:
        return " ".join(f"w{n * 7919 + place * 31 + len(value)}" for place in range(max(4, len(value) // 8)))
    return value


# ---------------------------------------------------------------------- files that are there, and wrong wishes


def test_files_that_are_not_from_a_split_are_not_overwritten(write, tmp_path):
    write("out/train.jsonl", [row(1)])
    rows = [row(n) for n in range(30)]
    with pytest.raises(UsageError, match="not from a split"):
        divide(write, rows)
    assert (tmp_path / "out" / "train.jsonl").read_bytes() == json.dumps(row(1)).encode() + b"\n"
    divide(write, rows, force=True)
    with (tmp_path / "out" / "valid.jsonl").open("ab") as file:
        file.write(b"\n")
    with pytest.raises(UsageError, match="changed after the split"):
        divide(write, rows)


def test_a_stranger_that_would_be_taken_for_a_split_is_neither_kept_nor_removed(write, tmp_path):
    write("out/test.jsonl", [row(1)])
    with pytest.raises(UsageError, match="taken for one of this"):
        divide(write, [row(n) for n in range(30)], wish=Wish(ratio=(80, 20)), force=True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["test.jsonl"]


def test_a_split_that_is_no_longer_asked_for_goes(write, tmp_path):
    rows = [row(n) for n in range(60)]
    divide(write, rows)
    divide(write, rows, wish=Wish(ratio=(80, 20)), fresh=True)
    assert set(lines_of(tmp_path / "out")) == {"train", "valid"}


def test_the_data_themselves_are_never_overwritten(write, tmp_path):
    path = write("out/train.jsonl", [row(n) for n in range(30)])
    with pytest.raises(UsageError, match="overwrite the data"):
        curator.split([path], tmp_path / "out", CONFIG, force=True)


def test_nothing_is_left_behind_when_it_fails(write, tmp_path):
    with pytest.raises(UsageError):
        divide(write, [row(n) for n in range(30)], wish=Wish(min_rows=20))
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("wish", "said_"),
    [
        (Wish(ratio=(0, 1, 1)), "no ratio"),
        (Wish(ratio=(1, 0, 0)), "no ratio"),
        (Wish(ratio=(80, -10, 10)), "no ratio"),
        (Wish(ratio=(1, 1, 1, 1)), "no ratio"),
        (Wish(count=(0, 0)), "no numbers"),
        (Wish(count=(500, 10)), "do not come to 500"),
        (Wish(count=(20, 10)), "no row is left to train on"),
        (Wish(allow=("ANS005",)), "no leak"),
        (Wish(allow=("exact-leak",)), "no leak"),
    ],
)
def test_wishes_that_cannot_be_met_are_errors_with_a_next_step(write, wish, said_):
    with pytest.raises(UsageError, match=said_) as error:
        divide(write, [row(n) for n in range(30)], wish=wish)
    assert error.value.hint


def test_rows_of_no_known_shape_are_an_error(write):
    with pytest.raises(SourceError, match="no known shape") as error:
        divide(write, [{"frage": f"{n}?", "antwort": f"{n}!"} for n in range(9)])
    assert "--map" in str(error.value)


def test_a_record_that_is_none_is_an_error(write, tmp_path):
    for text in ("{}", "[", '{"curator": "1", "wish": {}, "outputs": {}, "groups": {"mine": [["a", "b"]]}}'):
        (tmp_path / "split.json").write_text(text)
        with pytest.raises(CuratorError, match="no record of a split"):
            divide(write, [row(n) for n in range(30)], keep=tmp_path / "split.json")


# ---------------------------------------------------------------------- the command


def test_the_command_says_sizes_ties_and_the_proof(write, run, tmp_path):
    write("all.jsonl", [row(n % 50) for n in range(60)])
    done = run("split", "all.jsonl", "-o", "out", "--ratio", "70/15/15", "--batch", "4")
    assert done.status == 0, done.err
    assert "leaks between the splits: SPT001 0, SPT002 0, SPT003 0, SPT004 0" in done.out
    assert "20 say the same as others" in done.out
    assert "curator lint out" in done.out
    again = run("split", "all.jsonl", "-o", "out")
    assert "60 rows keep the split they had" in again.out


@pytest.mark.parametrize(
    "options", [["--ratio", "x"], ["--count", "1.5"], ["--ratio", "8/1", "--count", "3"], ["--keep", "a", "--fresh"]]
)
def test_wrong_usage_exits_with_2(write, run, options):
    write("all.jsonl", [row(n) for n in range(30)])
    assert run("split", "all.jsonl", "-o", "out", *options).status == 2


@pytest.mark.slow
def test_a_dataset_dict_is_saved_on_request(write, tmp_path):
    datasets = pytest.importorskip("datasets")
    result = divide(write, [row(n) for n in range(60)], dataset=True)
    loaded = datasets.load_from_disk(result.dataset)
    assert {name: len(loaded[name]) for name in loaded} == {n: file.rows for n, file in result.outputs.items()}
    assert divide(write, [row(n) for n in range(60)], dataset=True).dataset == result.dataset


def test_a_key_that_the_first_row_has_not_is_in_the_dataset(write, tmp_path):
    datasets = pytest.importorskip("datasets")
    rows = [row(n) if n < 20 else {**row(n), "note": str(n)} for n in range(60)]
    divide(write, rows, dataset=True)
    saved = datasets.load_from_disk(str(tmp_path / "out" / "dataset"))
    assert sum(note is not None for part in saved.values() for note in part["note"]) == 40


@pytest.mark.parametrize(("one", "other"), [(1, "x"), (2**70, 2**70)])
def test_the_key_whose_values_fit_no_table_is_named(write, one, other):
    pytest.importorskip("datasets")
    with pytest.raises(WriteError, match="the values of 'size' fit no one type"):
        divide(write, [row(n, size=other if n % 2 else one) for n in range(40)], dataset=True)


def test_half_of_a_surrogate_pair_is_named_as_the_reason(write, tmp_path):
    pytest.importorskip("datasets")
    file = tmp_path / "all.jsonl"
    lines = [json.dumps(row(n)) for n in range(30)]
    file.write_text("\n".join([*lines, json.dumps({**row(30), "note": "\ud83d"})]))
    with pytest.raises(WriteError, match="half of a surrogate pair"):
        curator.split([file], tmp_path / "out", CONFIG, dataset=True)


def test_without_datasets_the_line_to_install_it_is_said(write, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"finetune-curator\[data\]"):
        divide(write, [row(n) for n in range(30)], dataset=True)
    assert lines_of(tmp_path / "out") == {}


# ---------------------------------------------------------------------- an output folder of other data


def test_splits_of_other_data_are_not_overwritten_in_silence(write, tmp_path, run):
    def rows(word):
        said = {"role": "user", "content": f"Tell me of {word}."}
        return [
            {
                "messages": [
                    {**said, "content": f"{said['content']} {n}"},
                    {"role": "assistant", "content": f"{word} {n}."},
                ]
            }
            for n in range(20)
        ]

    first, other = write("first.jsonl", rows("tides")), write("other.jsonl", rows("kettles"))
    done = run("split", first, "-o", "out")
    assert done.status == 0 and "to train on them:  curator train plan out --model MODEL -o RUN" in done.out
    before = (tmp_path / "out" / "train.jsonl").read_bytes()
    for verb in ("split", "prepare"):
        refused = run(verb, other, "-o", "out", "--fresh")
        assert refused.status == 2 and "of other data" in refused.err and "first.jsonl" in refused.err
        assert (tmp_path / "out" / "train.jsonl").read_bytes() == before
    write("first.jsonl", rows("rivers"))
    assert run("split", first, "-o", "out").status == 0, "the same file, edited throughout"
    write("more.jsonl", rows("rivers") + rows("kettles"))
    assert run("split", tmp_path / "more.jsonl", "-o", "out").status == 0, "the rows and more"
    assert run("split", other, "-o", "out", "--force").status == 0


def test_a_split_larger_than_its_share_says_that_the_batch_asks_for_it(write, run):
    write("all.jsonl", [row(n) for n in range(100)])
    done = run("split", "all.jsonl", "-o", "out", "--batch", "25")
    assert "its share would be 10: --min-rows asks for 25" in done.out
    assert "chance" not in done.out


# ---------------------------------------------------------------------- options of rules on the command line


def teams(count):
    return [row(n, meta={"team": f"team {n % 12}"}) for n in range(count)]


def parted(folder):
    """The teams whose rows went to more than one split."""
    splits = defaultdict(set)
    for line, name in where(folder).items():
        splits[json.loads(line)["meta"]["team"]].add(name)
    return {team for team, names in splits.items() if len(names) > 1}


KEYS = ("--set", 'SPT004.keys=["meta.team"]')


def test_options_on_top_count_as_those_of_the_file(run, write, tmp_path):
    path = write("all.jsonl", teams(60))
    run("split", path, "-o", "plain")
    done = run("split", path, "-o", "set", *KEYS)
    assert parted(tmp_path / "plain") and not parted(tmp_path / "set"), done
    again = shlex.split(next(line for line in done.out.splitlines() if line.startswith("the proof")))[4:]
    proof = json.loads((tmp_path / "set" / "split.json").read_bytes())["proof"]["command"]
    for command in (again, shlex.split(proof)[1:]):
        assert KEYS[1] in command and "SPT004" not in run(*command).out
    assert "SPT004" in run("lint", "plain", *KEYS).out, "which tells them"
    write("curator.toml", [b"[rules.SPT004]", b'keys = ["meta.team"]'])
    run("split", path, "-o", "file")
    assert where(tmp_path / "file") == where(tmp_path / "set")


def test_a_threshold_on_top_ties_rows(run, write, tmp_path):
    words = [f"w{n}" for n in range(60)]
    rows = [row(n) for n in range(30)] + [
        chat(user=f"q{n} p{n} r{n} s{n}?", assistant=" ".join([*words[: 60 - n], *(f"x{n}y{k}" for k in range(n))]))
        for n in (0, 28)
    ]
    path = write("all.jsonl", rows)
    tied = [
        json.loads(run("split", path, "-o", f"out{len(more)}", "--format", "json", *more).out)["tied"]
        for more in ((), ("--set", "SPT002.threshold=0.31", "--set", "SPT002.short_threshold=0.31"))
    ]
    assert tied == [{}, {"say nearly the same as others": 2}]


@pytest.mark.parametrize("said", ["FOO001.x=1", "SPT004.key=1", "SPT002.threshold=high", "SPT002.threshold=7"])
@pytest.mark.parametrize("verb", ["split", "prepare"])
def test_wrong_options_on_top_are_refused_as_lint_refuses_them(run, write, tmp_path, verb, said):
    path = write("all.jsonl", teams(20))
    done, lint = run(verb, path, "-o", "out", "--set", said), run("lint", path, "--set", said)
    assert done.status == lint.status == 2 and done.err == lint.err
    assert not (tmp_path / "out").exists()


def test_prepare_splits_by_the_options_that_it_judges_by(run, write, tmp_path):
    done = run("prepare", write("all.jsonl", teams(60)), "-o", "ready", *KEYS)
    assert not parted(tmp_path / "ready") and "0 leaks" in done.out
    assert "SPT004" not in done.out and "SPT004 0" in (tmp_path / "ready" / "README.md").read_text()


def test_options_that_a_decision_was_made_with_find_its_row_again(run, write, tmp_path):
    asked = "Which of the seven rivers of the old kingdom runs dry in the third month of summer each year?"
    path = write("all.jsonl", [*teams(20), chat(user=asked, assistant="The one in the north.")])
    options = ("--benchmark", write("questions.jsonl", [{"question": asked}]))
    run("decisions", "add", path, 21, "SPT007", "--verdict", "drop", "--why", "a test question", *options)
    assert "0 decisions applied" in run("split", path, "-o", "without").out
    assert "1 decision applied" in run("split", path, "-o", "with", *options).out
    lines = {folder: sum(map(len, lines_of(tmp_path / folder).values())) for folder in ("without", "with")}
    assert lines == {"without": 21, "with": 20}


def test_a_tokenizer_counts_and_a_method_is_none_of_splits_options(run, write):
    pytest.importorskip("quicktok")
    path = write("all.jsonl", teams(20))
    counted = [
        json.loads(run("split", path, "-o", f"o{len(more)}", "--format", "json", *more).out)["outputs"]["train"]
        for more in (("--tokenizer", "cl100k_base"), ("--tokenizer", "estimate", "--fresh"))
    ]
    assert counted[0]["tokens"] != counted[1]["tokens"]
    assert "no such option" in run("split", path, "-o", "out", "--method", "lora").err.lower()
