"""How well contradictions are found: a table by kind, measured on the sample sets beside the repository.

    python tests/quality/contradictions.py [--show KIND]

Labelled pairs are judged by the function that CON001 calls. Edits are injected into real answers, one an answer,
and the answer is reworded besides (sentences shuffled or dropped, synonyms, contractions, another opening);
"rewordings" are the same without an edit. The rewordings are made here, so they are easier than nature's.
Prints precision, recall and the share of agreeing pairs that is flagged. --show prints what went wrong.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations, pairwise
from pathlib import Path

from curator.checks.contradictions.prompts import Prompt
from curator.checks.contradictions.screen import REPEATED, Candidate, compare, outlines
from curator.text.hashed import fold

SHARED = Path(__file__).parents[3] / "shared" / "data"

Case = tuple[str, str, str, str, bool]  # kind, prompt, answer, other answer, whether they contradict


def lines(path: str) -> list[dict]:
    return [json.loads(line) for line in (SHARED / path).read_text("utf-8").split("\n") if line.strip()]


# ---------------------------------------------------------------------- labelled pairs


def unmarked(text: str) -> str:
    return re.sub(r"\n*^A:.*$", "", re.sub(r"<<[^<>]*>>", "", text), flags=re.M).strip()


def gsm8k() -> Iterator[Case]:
    for row in lines("gsm8k/example_model_solutions.jsonl"):
        truth = row["ground_truth"]
        for name in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"):
            other, wrong = row[name]["solution"], not row[name]["is_correct"]
            yield "gsm8k with a final marker", row["question"], truth, other, wrong
            yield "gsm8k without a marker", row["question"], unmarked(truth), unmarked(other), wrong


STYLES = (
    "{letter}", "{letter}.", "({letter})", "({letter}) {text}", "{letter}. {text}", "{letter}) {text}", "Answer: {letter}",
    "The answer is {letter}.", "The correct option is {letter}: {text}.", "The correct answer is ({letter}).",
    "Considering all of them, {text} fits best.\n\nAnswer: {letter}", "**{letter}**", "Option {letter}",
)  # fmt: skip


def mmlu(rng: random.Random) -> Iterator[Case]:
    questions: dict[str, dict[str, bool]] = defaultdict(dict)
    for path in sorted((SHARED / "bench_decon/bundled-evals").glob("mmlu_test-[12]*")):
        for line in gzip.decompress(path.read_bytes()).decode("utf-8").splitlines():
            row = json.loads(line)
            questions[row["question"]][str(row["answer"])] = row["is_correct"]
    whole = [(q, list(o.items())) for q, o in questions.items() if len(o) == 4 and sum(o.values()) == 1]
    for question, options in rng.sample(whole, 700):
        listed = question + "\n" + "\n".join(f"{x}. {text}" for x, (text, _) in zip("ABCD", options, strict=True))
        for wrong in (True, False):
            here, there = rng.sample(range(4), 2) if wrong else [rng.randrange(4)] * 2
            styles = rng.sample(STYLES, 2)
            answers = [
                s.format(letter="ABCD"[n], text=options[n][0]) for s, n in zip(styles, (here, there), strict=True)
            ]
            yield "choice letters", listed, answers[0], answers[1], wrong
    for question, options in whole:
        texts = [text for text, _ in options]
        if all(re.fullmatch(r"[$]?-?\d[\d,.]*%?( [a-z]+)?", text) for text in texts) and "__" not in question:
            right = next(text for text, ok in options if ok)
            yield (
                "bare numbers",
                question,
                right,
                f"The answer is {rng.choice([t for t in texts if t != right])}.",
                True,
            )
            yield "bare numbers", question, right, f"It is {right}.", False


def truthful() -> Iterator[Case]:
    with (SHARED / "bench_truthfulqa/TruthfulQA.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            right = [a.strip() for a in row["Correct Answers"].split(";") if a.strip()]
            wrong = [a.strip() for a in row["Incorrect Answers"].split(";") if a.strip()]
            pairs = [(a, b, True) for a in right for b in wrong] + [(a, b, False) for a, b in combinations(right, 2)]
            for a, b, clash in pairs:
                decided = all(re.match(r"(yes|no)\b", t, re.I) for t in (a, b))
                yield (
                    "TruthfulQA, both begin with yes or no" if decided else "TruthfulQA, the rest",
                    row["Question"],
                    a,
                    b,
                    clash,
                )


def negations() -> Iterator[Case]:
    for name in ("SNLI", "MNLI", "RTE"):
        rows = list(
            csv.reader(
                (SHARED / f"negation_nli/{name}.txt").open(encoding="cp1252", errors="replace"),
                delimiter="\t",
                quoting=csv.QUOTE_NONE,
            )
        )[1:]
        seen: set[tuple[str, str]] = set()
        for index in range(0, len(rows) - 2, 3):
            for column in (1, 2):
                texts = list(dict.fromkeys(row[column] for row in rows[index : index + 3]))
                negated = [t for t in texts if len(NEGATED.findall(t)) > min(len(NEGATED.findall(u)) for u in texts)]
                plain = [t for t in texts if t not in negated]
                if len(negated) == 1 and len(plain) == 1 and (negated[0], plain[0]) not in seen:
                    seen.add((negated[0], plain[0]))
                    yield (
                        "a sentence and its negation",
                        f"What does statement {len(seen)} say?",
                        plain[0],
                        negated[0],
                        True,
                    )
        for row in rows:
            if row[3] == "entailment":
                yield "a sentence and its negation", "What does the statement say?", row[1], row[2], False
            if name != "RTE":
                yield f"negation_nli {name}", "What does the statement say?", row[1], row[2], row[3] == "contradiction"


NEGATED = re.compile(r"\bnot\b|n't\b|\bno\b|\bnever\b|\bcannot\b", re.I)


# ---------------------------------------------------------------------- injected edits

SYNONYMS = dict(
    pair.split("/")
    for pair in (
        "important/essential help/assist helps/assists use/employ used/employed shows/displays common/widespread "
        "various/different many/numerous also/additionally however/though because/since such/so main/primary "
        "begin/start create/make created/made large/big quickly/rapidly often/frequently provide/offer provides/offers "
        "allows/enables ensure/guarantee improve/enhance need/require typically/usually including/such major/key "
        "popular/well-liked located/situated known/recognized method/approach people/individuals difficult/hard get/obtain"
    ).split()
)
ANTONYMS = [
    pair.split("/")
    for pair in (
        "increase/decrease increases/decreases increased/decreased increasing/decreasing high/low higher/lower more/less "
        "before/after always/never above/below large/small larger/smaller hot/cold best/worst better/worse positive/negative "
        "good/bad long/short longer/shorter fast/slow faster/slower easy/difficult strong/weak early/late first/last "
        "most/least maximum/minimum possible/impossible true/false safe/dangerous healthy/unhealthy important/unimportant "
        "open/closed inside/outside old/new public/private rich/poor light/dark internal/external "
        "success/failure advantages/disadvantages benefits/drawbacks left/right up/down hard/soft wet/dry natural/artificial "
        "increase/reduce improve/worsen begins/ends start/end necessary/unnecessary efficient/inefficient buy/sell"
    ).split()
]
UNITS = [
    pair.split("/")
    for pair in (
        "meters/feet kilometers/miles km/miles miles/kilometers minutes/hours hours/minutes days/weeks weeks/months years/months "
        "months/years pounds/kilograms kg/pounds grams/ounces cups/tablespoons teaspoon/tablespoon feet/inches seconds/minutes "
        "inches/centimeters Celsius/Fahrenheit Fahrenheit/Celsius percent/degrees GB/MB hours/days liters/gallons cm/inches"
    ).split()
]
MONTHS = "January February March April June July August September October November December".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
VERB = re.compile(
    r"\b(is|are|was|were|can|could|should|will|would|has been|does|must)\b(?! not\b| also\b| just\b| only\b| merely\b| simply\b|n't)"
)


_ITEM = re.compile(r"(?:^|\n)[ \t>*_#(-]*$")


def edit_number(rng: random.Random, text: str) -> str | None:
    """Another number in the place of one; the number of an item in a list says nothing of its own."""
    found = list(re.finditer(r"(?<![\w.,/:-])\$?\d{1,6}(?:\.\d+)?(?![\w/:-]|[.,]\d|[.)] ?\n?[A-Z])", text))
    found = [
        hit for hit in found if not _ITEM.search(text[: hit.start()]) or text[hit.end() : hit.end() + 1] not in ".)"
    ]
    if not found:
        return None
    hit = rng.choice(found)
    digits = hit.group().lstrip("$")
    changed = (
        str(round(float(digits) * rng.choice([2, 3, 0.5, 1.5]) + rng.choice([1, 2, 7]), 1))
        if "." in digits
        else str(int(digits) + rng.choice([1, 2, 3, 5, 10, 40]))
    )
    return text[: hit.end() - len(digits)] + changed + text[hit.end() :]


def edit_negation(rng: random.Random, text: str) -> str | None:
    found = list(VERB.finditer(text))
    if not found:
        return None
    hit = rng.choice(found)
    head = hit.group().split()[0]
    return text[: hit.start()] + head + " not" + text[hit.start() + len(head) :]


def edit_word(pairs: list[list[str]], both: bool, after_number: bool = False):
    def edit(rng: random.Random, text: str) -> str | None:
        options = []
        for one, two in pairs:
            for old, new in ((one, two), (two, one)) if both else ((one, two),):
                before = r"(?<=\d[ -])" if after_number and old not in ("Celsius", "Fahrenheit") else r"\b"
                options += [(m.start(), m.end(), new) for m in re.finditer(before + old + r"\b", text)]
        if not options:
            return None
        start, end, new = rng.choice(sorted(options))
        return text[:start] + new + text[end:]

    return edit


def edit_date(rng: random.Random, text: str) -> str | None:
    found = list(re.finditer(r"\b(" + "|".join(MONTHS + DAYS) + r")\b", text))
    if not found:
        return None
    hit = rng.choice(found)
    names = MONTHS if hit.group() in MONTHS else DAYS
    return text[: hit.start()] + rng.choice([n for n in names if n != hit.group()]) + text[hit.end() :]


def edit_entity(names: list[str]):
    def edit(rng: random.Random, text: str) -> str | None:
        found = list(re.finditer(r"(?<=[a-z,] )[A-Z][a-z]{3,}(?: [A-Z][a-z]{2,})?\b(?! [A-Z])", text))
        if not found:
            return None
        hit = rng.choice(found)
        return text[: hit.start()] + rng.choice([n for n in names if n not in text]) + text[hit.end() :]

    return edit


def reworded(rng: random.Random, text: str) -> str:
    """The same said otherwise: two of five changes."""
    parts = re.split(r"(?<=[.!?])\s+(?=[A-Z])", text)
    ways = rng.sample(["shuffle", "drop", "synonyms", "opening", "contract"], 2)
    if "drop" in ways and len(parts) > 2:
        del parts[rng.randrange(len(parts))]
    if "shuffle" in ways:
        rng.shuffle(parts)
    out = " ".join(parts)
    if "synonyms" in ways:
        out = re.sub(r"[a-z]+", lambda m: SYNONYMS.get(m.group(), m.group()) if rng.random() < 0.7 else m.group(), out)
    if "contract" in ways:
        out = out.replace("It is ", "It's ").replace("cannot", "can't")
        out = re.sub(r"\b(is|are|does|do|was|should) not\b", r"\1n't", out)
    if "opening" in ways:
        out = rng.choice(["Sure! ", "Certainly. ", "In short, ", "Here is the answer: ", ""]) + out
    return out


def answers() -> Iterator[tuple[str, str]]:
    """Questions with prose answers from several sets."""
    for name in ("llamafactory/alpaca_en_demo.json", "gpteacher/roleplay-simple-deduped-roleplay-instruct.json"):
        for row in json.loads((SHARED / name).read_text("utf-8")):
            prompt = "\n".join(filter(None, (row["instruction"], row.get("input", ""))))
            yield prompt, row.get("output") or row.get("response") or ""
    for row in lines("mlx_wwdc25/train.jsonl")[::3]:
        yield row["prompt"], row["completion"]
    for row in lines("self_instruct/user_oriented_instructions.jsonl"):
        for instance in row["instances"]:
            yield "\n".join(filter(None, (row["instruction"], instance["input"]))), instance["output"]
    for row in json.loads((SHARED / "llamafactory/glaive_toolcall_en_demo.json").read_text("utf-8")):
        turns = row["conversations"]
        for one, two in pairwise(turns):
            if one["from"] == "human" and two["from"] == "gpt":
                yield one["value"], two["value"]
    for row in json.loads((SHARED / "llamafactory/dpo_en_demo.json").read_text("utf-8")):
        yield row["conversations"][-1]["value"], row["chosen"]["value"]


def injected(rng: random.Random, closed: bool) -> Iterator[Case]:
    names = "Geneva Marlowe Bolivia Okafor Toronto Kepler Uppsala Moreno Tasmania Hendricks Lisbon Wagner".split()
    edits = {
        "negation": edit_negation,
        "number": edit_number,
        "antonym": edit_word(ANTONYMS, both=True),
        "unit": edit_word(UNITS, both=False, after_number=True),
        "date": edit_date,
        "name": edit_entity(names),
    }
    for prompt, answer in answers():
        if not 20 < len(answer) < 2000 or "```" in answer or Prompt(prompt).is_open is closed:
            continue
        yield "rewordings", prompt, answer, reworded(rng, answer), False
        for kind, edit in edits.items():
            if (changed := edit(rng, answer)) and changed != answer:
                yield f"{kind} edited", prompt, answer, changed, True
                sentences = re.split(r"(?<=[.!?])\s+(?=[A-Z])", changed)
                fresh = [s for s in sentences if s not in answer]
                again = reworded(rng, changed)
                if any(s.split()[-1] in again for s in fresh):
                    yield f"{kind} edited and reworded", prompt, answer, again, True


# ---------------------------------------------------------------------- natural groups


def natural() -> Iterator[Case]:
    groups: dict[str, list[str]] = defaultdict(list)
    for row in lines("mlx_wwdc25/all.jsonl"):
        groups[re.sub(r"\W+", " ", fold(row["prompt"])).strip()].append(row["completion"])
    for prompt, group in groups.items():
        for a, b in combinations(dict.fromkeys(group), 2):
            yield "natural groups: mlx_wwdc25", prompt, a, b, False

    def walk(node: dict) -> Iterator[Case]:
        replies = node.get("replies") or []
        if node["role"] == "prompter":
            for a, b in combinations([reply["text"] for reply in replies], 2):
                yield "natural groups: oasst siblings", node["text"], a, b, False
        for reply in replies:
            yield from walk(reply)

    for row in lines("oasst_sample/en_100_tree.jsonl"):
        yield from walk(row["prompt"])


def written() -> Iterator[Case]:
    """Pairs written by hand after the rules: other names, other domains. Those that agree were written to be hard."""
    for name, file in (("written by hand", "heldout"), ("written by hand later", "second"), ("short answers", "short")):
        for line in Path(__file__).with_name(f"contradictions_{file}.tsv").read_text("utf-8").splitlines():
            kind, prompt, one, two = line.replace("\\n", "\n").split("\t")
            yield name, prompt, one, two, kind != "agree"


def cases() -> Iterator[Case]:
    yield from written()
    yield from gsm8k()
    yield from mmlu(random.Random(1))
    yield from truthful()
    yield from negations()
    for kind, *rest in injected(random.Random(2), closed=True):
        yield f"question: {kind}", *rest
    for kind, *rest in injected(random.Random(3), closed=False):
        yield f"open prompt: {kind}", *rest
    yield from natural()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", default="", help="print the wrong verdicts of sets whose name holds this")
    parser.add_argument("--only", default="", help="judge only sets whose name holds this")
    options = parser.parse_args()
    for line in table(cases(), options.only, options.show):
        print(line)


def table(cases: Iterable[Case], only: str = "", show: str = "") -> Iterator[str]:
    """The lines of the table, for sets whose name holds `only`; wrong verdicts of those with `show` are printed."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for name, prompt, one, two, clash in cases:
        if only not in name:
            continue
        start = time.process_time()
        here, there = map(Candidate, (one, two), outlines((one, two)))
        verdict = compare(Prompt(prompt), here, there, len(here.runs & there.runs))
        verdict = None if verdict is REPEATED else verdict
        tally = counts[name]
        tally["us"] += int(1e6 * (time.process_time() - start))
        tally[("tp" if clash else "fp") if verdict else ("fn" if clash else "tn")] += 1
        if show and show in name and bool(verdict) != clash:
            why = (
                f"{verdict.kind}: {one[slice(*verdict.one)]!r} / {two[slice(*verdict.two)]!r}" if verdict else "missed"
            )
            print(f"-- {name} | {why}\n   {prompt[-150:]!r}\n   {one[:600]!r}\n   {two[:600]!r}")
    _add_totals(counts)
    yield "| set | pairs | contradicting | precision | recall | agreeing pairs flagged | µs a pair |"
    yield "|---|---|---|---|---|---|---|"
    for name, c in counts.items():
        bad, good = c["tp"] + c["fn"], c["fp"] + c["tn"]
        precision = f"{c['tp'] / (c['tp'] + c['fp']):.3f}" if bad and c["tp"] + c["fp"] and good else "-"
        recall = f"{c['tp'] / bad:.3f}" if bad else "-"
        flagged = f"{c['fp'] / good:.2%} ({c['fp']})" if good else "-"
        yield f"| {name} | {bad + good} | {bad} | {precision} | {recall} | {flagged} | {c['us'] // (bad + good)} |"


def _add_totals(counts: dict[str, Counter[str]]) -> None:
    """One line for each kind of edit, over questions and open prompts together."""
    for name in [name for name in counts if name.endswith("reworded") and name.startswith("question: ")]:
        kind = name.removeprefix("question: ")
        counts[f"all prompts: {kind}"] = counts[name] + counts[f"open prompt: {kind}"]


if __name__ == "__main__":
    main()
