"""`curator eval` and `curator compare`: what a model makes of rows it was not trained on, before and after."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from curator import templates
from curator.errors import UsageError
from curator.sources import open_sources
from curator.training.answering import Subject, Told, answers, find, load, stop_ids, text_of
from curator.training.metrics import Difference, Scores, Verdict, compare, overall, score
from curator.training.models import locate
from curator.training.prepared import Prepared, Rows, prepare
from curator.training.record import RUN, Point

if TYPE_CHECKING:
    from curator.config import Config

_INERT = 1e-6  # loss a token that no row moves by where an adapter changes nothing
_BATCH = 8
_PROBED = 32  # tokens of an answer to a probe

# Questions of everyday knowledge, each with words of which one stands in a right answer: what a tuned model has
# forgotten shows here and not on the rows it was tuned for.
PROBES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("What is the capital of France?", ("paris",)),
    ("Which planet do we live on?", ("earth",)),
    ("What is 2 + 2?", ("4", "four")),
    ("What color is the sky on a clear day?", ("blue",)),
    ("How many days are in a week?", ("7", "seven")),
    ("What do bees make?", ("honey",)),
    ("Name the opposite of hot.", ("cold", "cool")),
    ("Which animal barks?", ("dog",)),
)


class Item(msgspec.Struct, frozen=True):
    """One row: its loss a trained token, how many of them were foretold right, and what was generated."""

    row: str
    file: str
    line: int
    tag: str
    loss: float
    tokens: int
    right: int
    prompt: str = ""
    wanted: str = ""
    text: str = ""
    scores: Scores | None = None


class Summary(msgspec.Struct, frozen=True):
    """The means of some items. Perplexity is that of trained tokens; shares run from 0 to 1.

    Scores from `exact` on are of the `generated` answers alone; the limit of `longest` tokens cut `cut` of these.
    """

    rows: int
    tokens: int
    loss: float
    perplexity: float
    token_accuracy: float
    generated: int = 0
    exact: float | None = None
    rouge_l: float | None = None
    chrf: float | None = None
    json_valid: float | None = None
    stopped: float | None = None
    length_ratio: float | None = None
    cut: int = 0
    longest: int = 0


class Probe(msgspec.Struct, frozen=True):
    """An off-domain question before and after."""

    question: str
    before: str
    after: str
    right_before: bool
    right_after: bool
    drift: float


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """A model on the rows of some splits."""

    model: str
    splits: dict[str, Summary]
    tags: dict[str, dict[str, Summary]]
    items: dict[str, list[Item]]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two models on the same rows, what can be told from it, and what was forgotten on the way.

    `drift` is how much more loss a token the base model's own answers to the probes cost the tuned one.
    """

    base: str
    tuned: str
    split: str
    verdict: Verdict
    inert: bool
    differences: tuple[Difference, ...]
    before: Summary
    after: Summary
    tags: dict[str, tuple[Summary, Summary]]
    items: tuple[tuple[Item, Item], ...]
    probes: tuple[Probe, ...]
    forgotten: int
    drift: float
    lost: tuple[str, ...]
    won: tuple[str, ...]
    notes: tuple[str, ...]
    history: tuple[Point, ...] = ()


def rows_for(subject: Subject, paths: Sequence[str | Path], config: Config) -> tuple[Prepared, str]:
    """The rows as they were trained on, or would be: (prepared set, spec of the template).

    Raises:
        UsageError: no data is named, and the record of the run names none that is still there.
    """
    from curator.config import recipe

    run = subject.run
    if not paths and run and run.data_folder and Path(run.data_folder).exists():
        folder = Path(run.data_folder)  # as the user would name it, and as the run prepared it
        paths = [folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder]
    if not paths:
        raise UsageError("no data is named", hint="name the folder of the splits: --data DIR")
    options: dict[str, Any] = {}
    if run:
        options = {name: run.options[name] for name in ("train-on", "reasoning", "max-length") if name in run.options}
    made = recipe(options, None)
    spec = run.template if run else subject.base.path
    if config.template:
        spec = templates.spec_of(config.template, subject.base.path)
    limit = made.max_length or subject.base.context or 1 << 20
    with open_sources(paths, config.excluded) as sources:
        return prepare(list(sources), config, made, spec, Path(subject.base.path), limit), spec


# ---------------------------------------------------------------------- measuring


def measure(
    subject: Subject, rows: Rows, spec: str, *, generate: int = 0, longest: int = 256, told: Told | None = None
) -> list[Item]:
    """Every row with its loss and token accuracy; `generate` of them, evenly spread, with an answer."""
    import torch

    from curator.training.batches import IGNORED, flat, token_losses
    from curator.training.loop import batches_of

    model, tokenizer = subject.model, subject.tokenizer
    device = next(model.parameters()).device
    files, ids, tags = rows.strings("file"), rows.strings("row"), rows.strings("tag")
    found: list[Item | None] = [None] * len(rows)
    with torch.no_grad():
        for group in batches_of(rows, range(len(rows)), _BATCH):
            pieces = [rows[n] for n in group]
            batch = {name: part.to(device) for name, part in flat(pieces).items()}
            losses, right = token_losses(model, batch, accuracy=True)
            sizes = [int((flat([piece])["shift_labels"] != IGNORED).sum()) for piece in pieces]
            parts = zip(torch.split(losses.float(), sizes), torch.split(right, sizes), strict=True)
            for n, size, (loss, hit) in zip(group, sizes, parts, strict=True):
                mean = float(loss.double().mean()) if size else 0.0
                found[n] = Item(ids[n], files[n], int(rows.lines[n]), tags[n], mean, size, int(hit.sum()))
    items = [item for item in found if item is not None]
    chosen = _spread(len(items), generate)
    stops = stop_ids(tokenizer, spec)
    edges = [rows[n].runs[-1].tolist() for n in chosen]
    prompts = [rows[n].ids[:start].tolist() for n, (start, _) in zip(chosen, edges, strict=True)]
    most = [min(longest, _own_limit(stop - start)) for start, stop in edges]
    made = answers(subject, prompts, stops, most, told)
    for n, prompt, (start, stop), (ids_made, stopped) in zip(chosen, prompts, edges, made, strict=True):
        wanted = text_of(tokenizer, rows[n].ids[start:stop].tolist(), stops)
        text = text_of(tokenizer, ids_made, stops)
        cut = not stopped and len(ids_made) < _own_limit(stop - start)
        scores = score(text, wanted, stopped=stopped, tokens=len(ids_made), wanted_tokens=stop - start, cut=cut)
        asked = tokenizer.decode(prompt, skip_special_tokens=True)
        items[n] = msgspec.structs.replace(items[n], prompt=asked, wanted=wanted, text=text, scores=scores)
    return items


def _own_limit(wanted: int) -> int:
    """Tokens of an answer where so many are wanted: one that is twice as long does not stop by itself."""
    return max(2 * wanted, 32)


def _spread(count: int, wanted: int) -> list[int]:
    """So many of the first `count` numbers, evenly spread."""
    if wanted >= count:
        return list(range(count))
    return sorted({int((k + 0.5) * count / wanted) for k in range(wanted)})


def summary(items: Sequence[Item]) -> Summary:
    """The means; losses by token, scores by generated answer."""
    tokens = sum(item.tokens for item in items)
    loss = sum(item.loss * item.tokens for item in items) / max(tokens, 1)
    right = sum(item.right for item in items) / max(tokens, 1)
    made = [item.scores for item in items if item.scores is not None]

    def mean(name: str) -> float | None:
        values = [float(value) for scores in made if (value := getattr(scores, name)) is not None]
        return sum(values) / len(values) if values else None

    ratio = sum(s.tokens for s in made) / max(sum(s.wanted_tokens for s in made), 1) if made else None
    return Summary(
        len(items), tokens, loss, math.exp(min(loss, 50)), right, len(made), mean("exact"), mean("rouge_l"),
        mean("chrf"), mean("json_valid"), mean("stopped"), ratio,
        sum(s.cut for s in made), max((s.tokens for s in made if s.cut), default=0),
    )  # fmt: skip


def cuts(*parts: Summary) -> Iterator[str]:
    """What the scores of answers are worth that the limit on tokens cut, where it cut any."""
    if limit := max(part.longest for part in parts):
        how_many = " and ".join(f"{part.cut} of {part.generated}" for part in parts)
        sides = " (before and after)" if len(parts) > 1 else ""
        yield (
            f"--max-tokens {limit} cut {how_many} answers{sides}: whether they stop by themselves, how long they are "
            f"and whether they are right is told of answers cut at {limit} tokens"
        )


def by_tag(items: Sequence[Item]) -> dict[str, list[Item]]:
    """Items by what their rows say they are; none where no row says anything."""
    found: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        found[item.tag or "(none)"].append(item)
    return dict(sorted(found.items())) if set(found) - {"(none)"} else {}


# ---------------------------------------------------------------------- the verbs


def evaluate(
    name: str, paths: Sequence[str | Path], config: Config, *, splits: Sequence[str] = (), generate: int = 20,
    longest: int = 256, told: Told | None = None,
) -> Evaluation:  # fmt: skip
    """A model or run on the rows of its splits: by default test, else valid, else train.

    Raises:
        CuratorError: the model or the data cannot be read, or a split is not there.
    """
    subject = load(name)
    found, spec = rows_for(subject, paths, config)
    wanted = list(splits) or [_held_out(found)]
    items = {
        split: measure(subject, _rows(found, split), spec, generate=generate, longest=longest, told=told)
        for split in wanted
    }
    return Evaluation(
        model=name,
        splits={split: summary(part) for split, part in items.items()},
        tags={split: {tag: summary(mine) for tag, mine in by_tag(part).items()} for split, part in items.items()},
        items=items,
    )


def _held_out(found: Prepared) -> str:
    return next(split for split in ("test", "valid", "train") if split in found.splits and len(found.splits[split]))


def _rows(found: Prepared, split: str) -> Rows:
    if split not in found.splits or not len(found.splits[split]):
        there = ", ".join(name for name, rows in found.splits.items() if len(rows))
        raise UsageError(f"there is no split {split!r} with rows", where="--split", hint=f"there are {there}")
    return found.splits[split]


def compare_models(
    before: str, after: str, paths: Sequence[str | Path], config: Config, *, split: str = "", generate: int = 20,
    longest: int = 256, told: Told | None = None,
) -> Comparison:  # fmt: skip
    """A model before and after on the same rows and probes, with what can be told from it.

    Raises:
        CuratorError: a model or the data cannot be read.
    """
    for name in (after, before):
        find(name)  # what is not there is said before anything is loaded
    tuned = load(after)
    found, spec = rows_for(tuned, paths, config)
    split = split or _held_out(found)
    rows = _rows(found, split)
    shared = tuned.run is not None and bool(tuned.run.adapter) and _same_base(before, tuned)
    last = measure(tuned, rows, spec, generate=generate, longest=longest, told=told)
    if shared:
        with tuned.as_base():
            first = measure(tuned, rows, spec, generate=generate, longest=longest, told=told)
            asked = _probed(tuned, spec)
            own = [_own_loss(tuned, probe) for probe in asked]
    else:
        plain = load(before)
        first = measure(plain, rows, spec, generate=generate, longest=longest, told=told)
        asked = _probed(plain, spec)
        own = [_own_loss(plain, probe) for probe in asked]
        del plain
    probes = []
    for (question, wanted), said, now, loss in zip(PROBES, asked, _probed(tuned, spec), own, strict=True):
        right = [any(word in probe.text.lower() for word in wanted) for probe in (said, now)]
        probes.append(Probe(question, said.text, now.text, right[0], right[1], _own_loss(tuned, said) - loss))
    return _judged(before, after, split, first, last, probes, tuned, found)


def _same_base(name: str, tuned: Subject) -> bool:
    base = locate(name) if not (Path(name) / RUN).is_file() else None
    return base is not None and Path(base.path).resolve() == Path(tuned.base.path).resolve()


def _judged(
    before: str, after: str, split: str, first: list[Item], last: list[Item], probes: list[Probe], tuned: Subject,
    found: Prepared,
) -> Comparison:  # fmt: skip
    pairs = tuple(zip(first, last, strict=True))
    tokens = [a.tokens for a, _ in pairs]
    parts = [compare("loss", [a.loss for a, _ in pairs], [b.loss for _, b in pairs], tokens, lower_is_better=True)]
    made = [(a.scores, b.scores) for a, b in pairs if a.scores and b.scores]
    for name in ("exact", "rouge_l", "chrf", "json_valid", "stopped"):
        both = [(x, y) for a, b in made if (x := getattr(a, name)) is not None and (y := getattr(b, name)) is not None]
        if both:
            parts.append(compare(name, [float(x) for x, _ in both], [float(y) for _, y in both]))
    inert = all(abs(a.loss - b.loss) < _INERT for a, b in pairs)
    turned = [(a, b) for a, b in pairs if a.scores and b.scores and a.scores.exact != b.scores.exact]
    tags = {tag: (summary(mine), summary(by_tag(last)[tag])) for tag, mine in by_tag(first).items()}
    notes = [*_notes(split, len(pairs), tuned, found), *cuts(summary(first), summary(last))]
    return Comparison(
        base=before,
        tuned=after,
        split=split,
        verdict="cannot tell"
        if inert or split == "train"
        else overall([p for p in parts if p.name in ("loss", "exact")]),
        inert=inert,
        differences=tuple(parts),
        before=summary(first),
        after=summary(last),
        tags=tags,
        items=pairs,
        probes=tuple(probes),
        forgotten=sum(probe.right_before and not probe.right_after for probe in probes),
        drift=float(np.mean([probe.drift for probe in probes])),
        lost=tuple(f"{a.file}:{a.line}" for a, b in turned if a.scores and a.scores.exact),
        won=tuple(f"{a.file}:{a.line}" for a, b in turned if a.scores and not a.scores.exact),
        notes=tuple(notes),
        history=tuned.run.history if tuned.run else (),
    )


def _notes(split: str, count: int, tuned: Subject, found: Prepared) -> Iterator[str]:
    from curator.training.metrics import installed

    if split == "train":
        yield "there is no held-out split: rows the model was trained on say nothing of what it learnt"
    if count < 6:
        yield f"{count} rows are too few to tell anything apart"
    if not installed():
        yield 'ROUGE-L and chrF are not measured: pip install "finetune-curator[eval]"'
    if tuned.run and split in tuned.run.data and found.files[split].sha256 != tuned.run.data[split].sha256:
        yield f"the {split} split is not the one that the run knew"


class _Asked(NamedTuple):
    """The answer to a probe: prompt and answer as ids, and where the answer begins."""

    text: str
    ids: list[int]
    start: int


def _probed(subject: Subject, spec: str) -> list[_Asked]:
    template = templates.load(spec)
    texts = [template.render([{"role": "user", "content": question}], generation=True) for question, _ in PROBES]
    prompts = [subject.tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    stops = stop_ids(subject.tokenizer, spec)
    made = answers(subject, prompts, stops, [_PROBED] * len(prompts))
    return [
        _Asked(text_of(subject.tokenizer, ids, stops), [*prompt, *ids], len(prompt))
        for prompt, (ids, _) in zip(prompts, made, strict=True)
    ]


def _own_loss(subject: Subject, asked: _Asked) -> float:
    """The mean loss of the tokens of an answer."""
    import torch

    from curator.training.batches import flat, token_losses
    from curator.training.prepared import Piece

    if asked.start >= len(asked.ids):
        return 0.0
    device = next(subject.model.parameters()).device
    ends = np.array([[asked.start, len(asked.ids)]], np.int32)
    piece = Piece(np.array(asked.ids, np.int32), ends, np.ones(1, np.float32))
    with torch.no_grad():
        losses, _ = token_losses(subject.model, {name: part.to(device) for name, part in flat([piece]).items()})
    return float(losses.double().mean())


# ---------------------------------------------------------------------- a task for lm-eval


def write_task(name: str, paths: Sequence[str | Path], config: Config, folder: Path, split: str = "") -> str:
    """A task for lm-evaluation-harness made of a split: NAME.yaml and its rows; the command that runs it.

    The prompts are rendered with the template already, byte for byte those of the training.

    Raises:
        CuratorError: the model or the data cannot be read, or the folder cannot be written.
    """
    from curator.training.rows import load_tokenizer
    from curator.writing import write_whole

    run, base = find(name)[:2]
    subject = Subject(name, None, load_tokenizer(base.path), base, run)
    found, spec = rows_for(subject, paths, config)
    split = split or _held_out(found)
    stops = stop_ids(subject.tokenizer, spec)
    lines = []
    longest = 16
    for piece in _rows(found, split):
        start, stop = piece.runs[-1].tolist()
        ids = piece.ids.tolist()
        prompt = subject.tokenizer.decode(ids[:start], skip_special_tokens=False)
        lines.append(
            msgspec.json.encode({"prompt": prompt, "answer": text_of(subject.tokenizer, ids[start:stop], stops)})
            + b"\n"
        )
        longest = max(longest, 2 * (stop - start))
    until = [subject.tokenizer.id_to_token(n) for n in stops]
    data = (folder / f"curator_{split}.jsonl").resolve()
    write_whole(data, lines)
    task = {
        "task": f"curator_{split}",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{prompt}}",
        "doc_to_target": "{{answer}}",
        "target_delimiter": "",
        "generation_kwargs": {"until": until, "do_sample": False, "max_gen_toks": longest},
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
        "metadata": {"version": 1.0},
    }
    write_whole(folder / f"curator_{split}.yaml", msgspec.json.format(msgspec.json.encode(task), indent=2) + b"\n")
    model = f"pretrained={base.path}" + (f",peft={Path(name) / run.adapter}" if run and run.adapter else "")
    return f"lm_eval --model hf --model_args {model} --tasks curator_{split} --include_path {folder}"
