"""Rows alike: every edge is exact, every dropped row has a kept twin, and a template makes no duplicates."""

from __future__ import annotations

import json
import random
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator import engine
from curator.checks.near_duplicates import NearDuplicate
from curator.checks.splits import NearLeak
from curator.columns import Batch
from curator.config import load_config
from curator.harness import batch_of, flags_of
from curator.model import Example, Report, Turn
from curator.neighbours import graph as neighbours
from curator.neighbours import shingles
from curator.neighbours.every import every_pair
from curator.neighbours.graph import SHORT, Neighbours, wilson
from curator.neighbours.likeness import likeness, percent
from curator.neighbours.shingles import jaccard, plain_words
from curator.rule import Files, chat
from curator.scan import joining
from tests.conftest import Run

SHARED = Path(__file__).parents[2] / "shared" / "data"
WORDS = [f"{a}{b}" for a in "bcdfglmnprst" for b in ("ane", "ilo", "uber", "ock", "ent", "ary", "ime", "olt", "ush")]
ONE, TWO = (" ".join(random.Random(n).choices(WORDS, k=60)) for n in (1, 2))
FEWER = " ".join(ONE.split()[:30])


class Part:
    """The arrays of a batch as a scan file gives them."""

    def __init__(self, batch: Batch, view: str) -> None:
        self.array = shingles.columns(batch, view).__getitem__


def graph(
    rows: list[dict[str, Any]], view: str = "whole", pieces: int = 1, splits: list[int] | None = None
) -> Neighbours:
    """The graph of rows that stand in so many spans."""
    step = -(-len(rows) // pieces)
    batches = [batch_of(rows[low : low + step]) for low in range(0, len(rows), step)]
    examples = [example for batch in batches for example in batch.examples]
    return Neighbours(
        [Part(batch, view) for batch in batches],
        view,
        np.ones(len(rows), dtype=bool),
        np.array(splits or [0] * len(rows)),
        lambda wanted: [examples[index] for index in wanted],
    )


def linted(folder: Path, *files: list[dict[str, Any]], select: str = "DUP", **more: Any) -> Report:
    names = ("train.jsonl", "valid.jsonl") if len(files) > 1 else ("rows.jsonl",)
    for name, rows in zip(names, files, strict=True):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = load_config(folder, overrides={"select": tuple(select.split(","))})
    return engine.lint([folder / name for name in names], config, cache=False, **more)


def edited(text: str, seed: int, edits: int = 1) -> str:
    """The text with so many words replaced by others."""
    rng = random.Random(seed)
    words = text.split()
    for place in rng.sample(range(len(words)), edits):
        words[place] = rng.choice([word for word in WORDS if word not in words])
    return " ".join(words)


def row(text: str, prompt: str = "Say it.") -> dict[str, Any]:
    return chat(user=prompt, assistant=text)


def said(row: dict[str, Any]) -> str:
    return " ".join(message["content"] for message in row["messages"])


texts = st.lists(st.sampled_from(WORDS[:12]), min_size=1, max_size=30).map(" ".join)


# ---------------------------------------------------------------------- edges


@settings(max_examples=60, deadline=None)
@given(st.lists(texts, min_size=2, max_size=12), st.sampled_from([0.4, 0.6, 0.75]))
def test_every_edge_has_the_exact_similarity_of_its_rows(answers, threshold):
    rows = [row(text) for text in answers]
    for a, b, similarity in zip(*graph(rows).edges(threshold), strict=True):
        assert a < b
        assert similarity >= np.float32(threshold)
        if len(said(rows[a]).split()) >= 5 and len(said(rows[b]).split()) >= 5:
            assert similarity == pytest.approx(jaccard(plain_words(said(rows[a])), plain_words(said(rows[b]))))


@settings(max_examples=30, deadline=None)
@given(st.lists(texts, min_size=3, max_size=14), st.integers(2, 5), st.randoms())
def test_edges_depend_neither_on_spans_nor_on_the_order_of_rows(answers, pieces, rng):
    answers = list(dict.fromkeys(answers))
    rows = [row(text) for text in answers]
    whole, cut = graph(rows).edges(0.5), graph(rows, pieces=pieces).edges(0.5)
    assert all(np.array_equal(one, two) for one, two in zip(whole, cut, strict=True))
    order = list(range(len(rows)))
    rng.shuffle(order)
    moved = graph([rows[n] for n in order]).edges(0.5)
    pairs = {frozenset((order[a], order[b])) for a, b in zip(moved.a, moved.b, strict=True)}
    assert pairs == {frozenset((int(a), int(b))) for a, b in zip(whole.a, whole.b, strict=True)}


@settings(max_examples=40, deadline=None)
@given(st.lists(texts, min_size=2, max_size=16))
def test_every_row_that_goes_has_a_kept_row_at_the_threshold(answers):
    found = graph([row(text) for text in answers])
    edges = found.edges(0.6)
    joined = set(zip(edges.a.tolist(), edges.b.tolist(), strict=True))
    leader = found.clusters(0.6)
    for each, kept in enumerate(leader.tolist()):
        assert leader[kept] == kept, "the kept row is itself kept"
        assert kept == each or (kept, each) in joined


def test_a_chain_of_likeness_is_no_cluster():
    """Each text is like the next, the first and the last are not alike: the last one stays."""
    words = ONE.split()
    chain = [" ".join([*TWO.split()[:shift], *words[shift:]]) for shift in range(0, 60, 5)]
    leader = graph([row(text) for text in chain]).clusters(0.7)
    assert 1 < len(set(leader.tolist())) < len(chain)


def test_five_one_word_answers_are_not_alike_in_any_view():
    rows = [
        chat(user=ask, assistant=answer)
        for ask, answer in (
            ("Capital?", "Paris."),
            ("On?", "Yes"),
            ("Sky?", "Blue"),
            ("Who?", "Ann"),
            ("Count?", "Seven"),
        )
    ]
    for view in ("whole", "prompt", "answer"):
        assert not len(graph(rows, view).edges(0.5).a)


def test_short_texts_are_compared_letter_by_letter():
    answers = ["Copenhagen", "Copenhagn", "Stockholm", "room 12", "room 13", "Yes", "Yet"]
    edges = graph([row(text, f"{n} what is it?") for n, text in enumerate(answers)], "answer").edges(0.7)
    assert list(zip(edges.a.tolist(), edges.b.tolist(), strict=True)) == [(0, 1)]


def test_equal_rows_are_joined_once_within_a_split_and_once_between_splits():
    edges = graph([row(ONE)] * 6, splits=[0, 0, 0, 1, 1, 2]).edges(0.7)
    assert sorted(zip(edges.a.tolist(), edges.b.tolist(), strict=True)) == [
        (0, 1),
        (0, 2),
        (0, 3),
        (0, 5),
        (3, 4),
        (3, 5),
    ]


def test_another_threshold_needs_no_other_signatures(monkeypatch):
    found = graph([row(ONE), row(edited(ONE, 1)), row(edited(ONE, 1, 6))])
    monkeypatch.setattr(shingles, "signatures", None)
    assert [len(found.edges(threshold).a) for threshold in (0.95, 0.85, 0.5)] == [0, 1, 3]


def test_planted_edits_are_found_and_the_audit_says_so():
    rng = random.Random(5)
    originals = [" ".join(rng.choices(WORDS, k=rng.randint(30, 90))) for _ in range(300)]
    copies = [edited(text, n, max(1, len(text.split()) // 40)) for n, text in enumerate(originals)]
    found = graph([row(text) for text in originals + copies])
    edges = found.edges(0.7)
    pairs = set(zip(edges.a.tolist(), edges.b.tolist(), strict=True))
    wanted = {
        (n, n + 300)
        for n, (one, two) in enumerate(zip(originals, copies, strict=True))
        if jaccard(plain_words("Say it. " + one), plain_words("Say it. " + two)) >= 0.7
    }
    assert len(wanted & pairs) >= 0.98 * len(wanted)
    audit = found.audit(0.7)
    assert audit.pairs > 200
    assert audit.found >= 0.98 * audit.pairs
    assert audit.low < audit.found / audit.pairs <= audit.high


def test_the_interval_of_a_share_is_wilsons():
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_rows_of_one_template_are_compared_by_what_is_their_own():
    frame = " ".join(random.Random(7).choices(WORDS, k=80))
    own = [" ".join(random.Random(n).choices(WORDS, k=12)) for n in range(60)]
    rows = [row(f"{frame} {text}") for text in own] + [row(f"{frame} {edited(own[3], 1)}")]
    edges = graph(rows).edges(0.7)
    assert list(zip(edges.a.tolist(), edges.b.tolist(), strict=True)) == [(3, 60)]


def test_a_crowd_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(neighbours, "_SHARED_ROWS", 10_000)
    monkeypatch.setattr(joining, "_CROWD", 70)
    for workers in (1, 2):
        report = linted(tmp_path, [row(f"{ONE} {TWO} {word}") for word in WORDS], workers=workers)
        assert sum("not all of their pairs were compared" in item.reason for item in report.not_run) == 1


# ---------------------------------------------------------------------- DUP003


def near(report: Report) -> list[tuple[int, int]]:
    """(line, line of the twin) of every near-duplicate."""
    return [(f.line, f.related[0].line) for f in report.findings if f.code == "DUP003"]


def test_a_near_duplicate_names_its_twin_the_similarity_and_the_words(tmp_path):
    [found] = linted(tmp_path, [row(TWO), row(ONE), row(ONE.replace(ONE.split()[30], "zebra"))]).findings
    assert (found.code, found.line, found.related[0].line) == ("DUP003", 3, 2)
    assert found.evidence["similarity"] == pytest.approx(
        jaccard(plain_words("Say it. " + ONE), plain_words("Say it. " + ONE.replace(ONE.split()[30], "zebra"))),
        abs=1e-4,
    )
    assert found.evidence["differs"] == [[ONE.split()[30], "zebra"]]
    assert found.evidence["keep"]
    assert "zebra" in found.message
    assert found.fix is not None and found.fix.safety == "unsafe"


@pytest.mark.parametrize(
    ("share", "said"), [(0.874, "87%"), (0.9949, "99%"), (0.9966, "99.6%"), (0.99999, "99.9%"), (1.0, "99.9%")]
)
def test_no_share_of_two_that_differ_is_told_as_the_whole(share, said):
    assert percent(share) == said


def test_a_pair_with_a_difference_is_not_told_to_be_alike_in_full(tmp_path):
    long = " ".join(f"w{n}" for n in range(1500))
    [found] = linted(tmp_path, [row(f"{long} zebra"), row(f"{long} heron")]).findings
    assert 0.995 < found.evidence["similarity"] < 1
    assert "(99.8% alike): 'heron' for 'zebra'" in found.message


def test_what_dup001_and_dup002_report_is_not_reported_again(tmp_path):
    report = linted(tmp_path, [row(ONE), row(ONE), row(ONE.upper()), row(edited(ONE, 1))])
    assert [f.code for f in report.findings] == ["DUP001", "DUP002", "DUP003"]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (("Write a function that adds 3 numbers.", FEWER), ("Write a function that adds 4 numbers.", FEWER)),
        ((f"{ONE} Is that so?", "Yes."), (f"{ONE} Is that so?", "No.")),
        ((f"{ONE} of Norway?", "It is Oslo."), (f"{ONE} of Sweden?", "It is Stockholm.")),
        ((f"{ONE} about Oslo", f"{TWO} in Oslo"), (f"{ONE} about Bergen", f"{TWO} in Bergen")),
        (
            (f"List headlines. {ONE}", f"Headlines: {TWO}"),
            (f"List sports headlines. {ONE}", f"Sports headlines: {TWO}"),
        ),
    ],
    ids=["number", "yes and no", "short answers", "subject", "narrower subject"],
)
def test_rows_that_ask_for_different_things_are_no_duplicates(tmp_path, one, two):
    assert not near(linted(tmp_path, [row(one[1], one[0]), row(two[1], two[0])]))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ((f"Say it of {ONE}", f"It is {TWO}"), (f"Say it really of {ONE}", f"It is really {TWO}")),
        ((f"Describe how {ONE}", f"I describe {TWO}"), (f"Explain how {ONE}", f"I explain {TWO}")),
        ((f"Who uses it? {ONE}", f"He who uses {TWO}"), (f"Who utilizes it? {ONE}", f"He who utilizes {TWO}")),
    ],
    ids=["a word of degree", "another verb of asking", "another word in the same form"],
)
def test_words_that_tell_the_same_set_no_rows_apart(tmp_path, one, two):
    [found] = linted(tmp_path, [row(one[1], one[0]), row(two[1], two[0])]).findings
    assert (found.code, found.fix is not None) == ("DUP003", True)


def test_answers_that_disagree_are_shown_and_not_dropped(tmp_path):
    text = f"{ONE} It takes 14 days. {TWO}"
    [found] = linted(tmp_path, [row(text), row(text.replace("14", "30"))], select="DUP003").findings
    assert "the answers differ" in found.message
    assert found.fix is None


def test_a_difference_of_answers_is_told_and_shown_without_that_of_the_turns_before(tmp_path):
    said = [ONE, TWO, "And when does it come?", f"It leaves on Monday. {ONE} It takes four days. {TWO}"]
    roles = ("user", "assistant", "user", "assistant")
    also = [said[0], edited(TWO, 1), said[2], said[3].replace("four", "five")]
    rows = [
        {"messages": [{"role": a, "content": b} for a, b in zip(roles, texts, strict=True)]} for texts in (said, also)
    ]
    [found] = linted(tmp_path, rows, select="DUP003").findings
    assert "the answers differ ('five' for 'four'), as does what stands before them" in found.message
    assert found.excerpt.text[found.excerpt.start : found.excerpt.end] == "five"
    assert found.evidence["differs"][0] == ["four", "five"]


def test_another_short_answer_to_the_same_long_prompt_is_shown_and_not_dropped(tmp_path):
    [found] = linted(tmp_path, [row("In Oslo.", ONE), row("In Bergen.", ONE)], select="DUP003").findings
    assert "the answers differ" in found.message
    assert found.fix is None


def test_a_long_answer_repeated_under_another_prompt_is_shown_and_not_dropped(tmp_path):
    rows = [row(ONE, "Give me two examples."), row(edited(ONE, 1), "Show 3 cases.")]
    [found] = linted(tmp_path, rows, select="DUP003").findings
    assert "prompts ask otherwise" in found.message
    assert found.fix is None
    fewer = [row(FEWER, asked) for asked in ("Give me two examples.", "Show 3 cases.")]
    assert not near(linted(tmp_path, fewer, select="DUP003"))  # a stock reply, which many prompts may have


def test_a_foreign_phrase_within_a_text_counts_as_the_words_its_reader_sees(tmp_path):
    phrase = "我非常喜欢这个音乐人的音乐作品"
    rows = [row(f"{ONE} {phrase} {TWO}"), row(f"{ONE} velvet {TWO}")]
    [found] = linted(tmp_path, rows, select="DUP003").findings
    assert found.evidence["differs"] == [[phrase, "velvet"]]


def test_rows_with_other_tools_are_other_rows(tmp_path):
    def with_tool(name: str, text: str) -> dict[str, Any]:
        return {**row(text), "tools": [{"type": "function", "function": {"name": name, "parameters": {}}}]}

    rows = [with_tool("weather", ONE), with_tool("news", edited(ONE, 1))]
    assert not near(linted(tmp_path, rows, select="DUP003"))
    assert near(linted(tmp_path, [rows[0], with_tool("weather", edited(ONE, 1))], select="DUP003"))


def test_calls_are_part_of_what_a_row_says():
    def calling(city: str) -> dict[str, Any]:
        call = {"id": "a", "type": "function", "function": {"name": "weather", "arguments": json.dumps({"in": city})}}
        return {
            "messages": [
                {"role": "user", "content": "Rain today?"},
                {"role": "assistant", "content": None, "tool_calls": [call]},
            ]
        }

    assert not len(graph([calling("Oslo"), calling("Bergen")]).edges(0.7).a)
    assert len(graph([calling("Oslo"), calling("Oslo")]).edges(0.7).a) == 1


def test_near_duplicates_of_two_splits_are_for_the_leak_rules(tmp_path):
    assert not near(linted(tmp_path, [row(ONE)], [row(edited(ONE, 1))]))


def test_a_short_pair_needs_less_than_a_long_one(tmp_path):
    words = ONE.split()[:20]
    short = [row(" ".join(words)), row(" ".join([*words[:9], "zebra", *words[10:]]))]
    assert near(linted(tmp_path, short))
    assert len(words) < SHORT


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not here")
def test_on_real_rows_the_named_twin_is_as_alike_as_said(tmp_path):
    source = SHARED / "gpteacher" / "toolformer-dedupe-only-dataset.json"
    rows = [
        row(r.get("response") or r["output"], "\n\n".join(filter(None, (r["instruction"], r.get("input")))))
        for r in json.loads(source.read_text("utf-8"))[:2500]
    ]
    report = linted(tmp_path, rows, select="DUP003")
    assert len(report.findings) > 50
    gone = {f.line for f in report.findings if f.fix}
    for found in report.findings:
        twin = found.related[0].line
        assert twin not in gone
        exact = jaccard(plain_words(said(rows[found.line - 1])), plain_words(said(rows[twin - 1])))
        assert found.evidence["similarity"] == pytest.approx(exact, abs=1e-4)
        assert exact >= 0.6


def test_findings_are_the_same_for_any_number_of_workers(tmp_path):
    rows = [row(edited(ONE, n, 2)) for n in range(20)] + [row(edited(TWO, n, 2)) for n in range(20)]
    one, two = (list(linted(tmp_path, rows, workers=workers).findings) for workers in (1, 3))
    assert one == two


# ---------------------------------------------------------------------- DUP004, DUP005


def test_a_canned_refusal_is_reported_once_with_its_rows(tmp_path):
    rows = [row(edited(ONE, n, 30), f"Explain {word} and {WORDS[n + 40]}.") for n, word in enumerate(WORDS[:40])]
    for n in range(0, 40, 5):
        rows[n]["messages"][1]["content"] = "I am sorry, but I cannot help with that request."
    [found] = linted(tmp_path, rows, select="DUP004").findings
    assert found.evidence["prompts"] == 8
    assert len(found.related) == 7


def test_an_answer_copied_under_another_prompt_is_told_there_and_not_where_it_fits(tmp_path):
    rows = [
        row(f"It is about {ONE.split()[n]}, {TWO}"[: 60 + n], f"What is said of {ONE.split()[n]}?") for n in range(20)
    ]
    fits = " ".join(TWO.split()[:20])
    copied = [row(f"One reads of {fits}.", f"Who tells of {fits}?"), row(f"One reads of {fits}.", "Which bread rises?")]
    again = row(f"One reads of {fits}.", f"What is there to be read of {fits}?")
    [found] = [f for f in linted(tmp_path, [*rows, *copied, again]).findings if f.code == "DUP004"]
    assert found.line == 22
    assert [place.line for place in found.related] in ([21], [23])


def test_labels_of_a_closed_list_are_no_canned_answers(tmp_path):
    labels = ["The sentiment of this text is positive.", "The sentiment of this text is negative."]
    rows = [row(labels[n % 2], edited(ONE, n, 30)) for n in range(60)]
    assert not linted(tmp_path, rows, select="DUP004").findings


def test_an_opening_that_many_answers_share_is_named(tmp_path):
    rows = [row(("Sure thing, here is what you asked for: " if n % 2 else "") + edited(ONE, n, 40)) for n in range(80)]
    [found] = linted(tmp_path, rows, select="DUP005").findings
    assert found.evidence["words"] == "Sure thing, here is what you asked for:"
    assert found.evidence["answers"] == 40


# ---------------------------------------------------------------------- the command line


def test_the_audit_is_printed(run, write):
    file = write("rows.jsonl", [row(ONE), row(edited(ONE, 1)), row(TWO)])
    said = run("lint", file, "--audit", "--no-cache", "--select", "DUP003").err
    assert "the search came upon 1 of the 1 pair alike in wording" in said
    assert "nothing to audit" in run("lint", file, "--audit", "--no-cache", "--select", "FIL").err


def test_the_audit_says_that_pairs_come_upon_may_be_told_apart(run, write):
    asked = [
        f"Convert {n} miles, say how you did it and what the number stands for, and leave out all else." for n in (5, 8)
    ]
    file = write(
        "rows.jsonl", [chat(user=ask, assistant=f"Multiplied, that makes {n}.") for n, ask in enumerate(asked)]
    )
    done = run("lint", file, "--audit", "--no-cache", "--select", "DUP003")
    assert "clean" in done.out and "recall 1.000" in done.err and "sets apart" in done.err


def _formula(said: str) -> Example:
    asked = "How many apples do the boys have together, if one has five and the others have fifteen of them?"
    told = f"To know how many apples there are we add up what each of the boys has: {said} = 20, so the result is = 20."
    return Example("", (Turn("user", asked, "a"), Turn("assistant", told, "b")), {})


def test_a_word_left_out_before_a_sign_is_no_other_sign():
    like = likeness(_formula("first 5 + 15 and the sum result"), _formula("first 5 + 15 and the sum"))
    assert like is not None and not like.disputed
    like = likeness(_formula("first 5 + 15 and the sum"), _formula("first 5 - 15 and the sum"))
    assert like is not None and like.disputed == "answers"


@pytest.mark.parametrize(
    ("one", "two", "disputed"),
    [
        ("Are you created by OpenAI?", "Are you created by Google?", "prompts"),
        ("are you made by openai?", "are you made by google?", "prompts"),
        (
            "Tell me, at some length and in your own words, who it was at Acme that made you what you are.",
            "Tell me, at some length and in your own words, who it was at Initech that made you what you are.",
            "prompts",
        ),
        ("Are you created by OpenAI?", "Were you created by OpenAI?", ""),
        ("Please explain to me who made you.", "Please describe to me who made you.", ""),
        ("Are you creatd by OpenAI?", "Are you created by OpenAI?", ""),
    ],
)
def test_a_prompt_that_names_another_is_shown_and_never_dropped(one, two, disputed):
    """The same answer may be right for one of the names alone."""
    answer = "No, I was trained by the researchers of a group of universities that works on large models."
    like = likeness(*(batch_of([chat(user=asked, assistant=answer)]).examples[0] for asked in (one, two)))
    assert like is not None and like.disputed == disputed


@pytest.mark.parametrize(
    ("one", "two", "disputed"), [("x/2", r"\frac{x}{2}", False), (".5 x", "1/2 x", False), ("0.5 x", "0.6 x", True)]
)
def test_formulas_that_differ_in_writing_alone_are_no_dispute(one, two, disputed):
    told = "Divide both sides by the number that stands before the unknown, and write what is left of it: the half is "
    pair = [
        Example("", (Turn("user", "Solve it.", "a"), Turn("assistant", told + form, "b")), {}) for form in (one, two)
    ]
    like = likeness(*pair)
    assert bool(like and like.disputed) == disputed


def test_a_column_of_few_values_beside_a_text_is_part_of_the_row(tmp_path):
    rows = [{"text": f"Message {n} about the offer.", "verdict": ("ham", "spam")[n % 2]} for n in range(24)]
    rows.append({"text": "message 3 about the offer", "verdict": "ham"})  # row 4 says that it is spam
    rows.append({"text": "message 5 about the offer", "verdict": "spam"})
    path = tmp_path / "set.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = engine.lint([path], load_config(tmp_path, overrides={"select": ("DUP002",)}), cache=False)
    assert [f.line for f in report.findings] == [26]


@given(st.lists(st.sets(st.integers(0, 14), min_size=1, max_size=12), min_size=2, max_size=24), st.floats(0.3, 1))
def test_every_pair_alike_is_among_those_that_are_looked_at(sets, low):
    numbers = np.array([number for each in sets for number in sorted(each)])
    found = set(every_pair(numbers, np.array(list(map(len, sets))), low).tolist())
    for (a, one), (b, two) in combinations(enumerate(sets), 2):
        assert len(one & two) < low * len(one | two) or (a << 32 | b) in found


def talk(exchanges):
    return {
        "messages": [
            {"role": role, "content": text}
            for n in range(exchanges)
            for role, text in (
                ("user", f"What of box{n} on shelf{n}, may I move it before day{n}?"),
                ("assistant", f"Box{n} moves once form{n} is signed by keeper{n}, who sits behind door{n}."),
            )
        ]
    }


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [(4, 5, "goes on where an earlier row ends"), (5, 4, "is the beginning of an earlier row, which goes on")],
)
def test_a_conversation_that_is_the_beginning_of_another_is_told_and_not_dropped(first, second, told):
    ((row, flag),) = flags_of(NearDuplicate(), [talk(first), talk(second)])
    assert (row, flag.fix) == (1, None)
    assert flag.message.startswith(told)
    leaks = flags_of(NearLeak(), Files(train=[talk(first)], valid=[talk(second)]))
    assert [row for row, _ in leaks] == [1]


def test_hours_of_another_clock_are_the_same_answer():
    asked = "When does the branch in Main Street close on weekdays?"
    rows = [
        chat(
            user=asked,
            assistant=f"On weekdays the branch in Main Street closes at {hour}, as the sign at its door says.",
        )
        for hour in ("6 pm", "18:00", "8 pm")
    ]
    said = [flag.message for _, flag in flags_of(NearDuplicate(), rows)]
    assert "differ" not in said[0]
    assert "differ" in said[1]


def test_an_audit_of_rows_too_short_to_compare_finds_nothing_to_draw(tmp_path):
    file = tmp_path / "brief.jsonl"
    file.write_text(json.dumps(chat(user="2+2?", assistant="4")) + "\n")
    (audit,) = engine.lint(
        [file], load_config(tmp_path, overrides={"select": ("DUP003",)}), cache=False, audit=True
    ).audits
    assert (audit.rows, audit.pairs) == (0, 0)


def _dup003(run: Run, tmp_path: Path, *rows: dict[str, Any]) -> dict[str, Any]:
    """The one finding of DUP003 in a set of these rows, as the command line tells it."""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (found,) = json.loads(run("lint", path, "--select", "DUP003", "--format", "json").out)["findings"]
    return found


_SUM = "Each of the boys has apples, and to know how many there are we add up: first {}, which makes {} apples.\nA: {}"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(("15 + 5 = 20", 20, 20), id="another way to one result"),
        pytest.param(("5 + 15 = 20", 20, 25), id="another result"),
    ],
)
def test_answers_with_other_numbers_differ_whether_or_not_both_may_be_right(
    other: tuple[str, int, int], run: Run, tmp_path: Path
) -> None:
    asked = "How many apples do the boys have together, if one has five and the others fifteen?"
    rows = [chat(user=asked, assistant=_SUM.format(*each)) for each in (("5 + 15 = 20", 20, 20), other)]
    found = _dup003(run, tmp_path, *rows)
    assert "the answers differ" in found["message"]
    assert not found.get("fix")


@pytest.mark.parametrize(
    ("answer", "other"),
    [
        *[("👍", "👎"), ("★★★★☆", "★☆☆☆☆"), ("A+", "A-"), ("C++", "C")],
        *[("-sin x", "sin x"), ("3,14", "3.14"), ("a !== b", "a === b"), ("x^2 + 1", "x^2 - 1")],
    ],
)
def test_answers_that_differ_in_signs_that_say_something_are_shown_and_not_dropped(
    run: Run, tmp_path: Path, answer: str, other: str
) -> None:
    asked = "The last of all that the customer wrote to us in the letter of the first of May, in the shortest form?"
    found = _dup003(run, tmp_path, row(answer, asked), row(other, asked))
    assert found["fix"] is None
    assert "in signs alone" in found["message"]


def test_a_number_more_sets_rows_apart(run: Run, tmp_path: Path) -> None:
    asked = "How does the Surface Laptop{} compare to the Dell XPS 13? ->"
    rows = [{"prompt": asked.format(more), "completion": " 3"} for more in ("", " 4")]
    assert not _dup003(run, tmp_path, *rows).get("fix")


@pytest.mark.parametrize("asked", ["Can you tell me a little bit about yourself?", "What are you?"])
def test_no_row_of_which_a_turn_asks_something_else_is_offered_to_be_dropped(
    asked: str, run: Run, tmp_path: Path
) -> None:
    told = "As a language model, I go by the name Vicuna and was trained by the Large Model Organization."
    rows = [
        chat(user=first, assistant=told, user2="Have a nice day!", assistant2="You too!")
        for first in ("Who are you?", asked)
    ]
    found = _dup003(run, tmp_path, *rows)
    assert "the prompts ask otherwise" in found["message"]
    assert not found.get("fix")
