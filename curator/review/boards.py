"""What the charts show, as numbers: each panel with where a click on a bar leads."""

from __future__ import annotations

from collections import Counter
from typing import Any

from curator.decisions import agreement
from curator.model import Lessons
from curator.review.desk import Desk
from curator.review.safe import plain
from curator.rowfacts import BY_HEART, KNOWN, LEARNT, NEVER, SAID
from curator.text.languages import language_of, prose_of

_SAMPLE = 400  # rows read to tell the languages
_UNKNOWN = "not told"
DECIDED = ("accept", "keep", "edit", "drop")


def overview(desk: Desk) -> dict[str, Any]:
    """The page that tells how the set stands: tiles and charts."""
    matrix = desk.matrix(desk.settings.take)
    totals: Counter[str] = Counter()
    for numbers in matrix.values():
        totals.update(numbers)
    summary, special = desk.summary(), desk.special(desk.settings.take)
    decided = sum(totals[status] for status in DECIDED)
    tiles = [
        _tile("Rows", summary.rows),
        _tile(f"Tokens ({summary.tokenizer})", summary.tokens),
        _tile("Open findings", totals["open"], page="review"),
        _tile("Decided", decided, page="table", query={"status": "decided"}),
        _tile("For later", totals["later"], page="review", query={"status": "later"}),
    ]
    for name, label in (("disputed", "Disputed"), ("changed", "Row changed since")):
        if special[name]:
            tiles.append(_tile(label, special[name], page="review", query={"status": name}))
    panels = [
        by_rule(desk, matrix),
        precision(desk),
        lengths(desk),
        {
            "kind": "histogram",
            "title": "Length of the answers",
            "unit": "answers",
            "bins": summary.answers,
            "note": f"Tokens an answer, counted with {summary.tokenizer}",
        },
        languages(desk),
        sizes(desk),
    ]
    if len(desk.reviewers()) > 1:
        panels.append(kappas(desk))
    if summary.lessons:
        panels += [learnt(summary.lessons), learnt_by_rule(summary.lessons)]
    return {"tiles": tiles, "panels": panels}


def learnt(lessons: Lessons) -> dict[str, Any]:
    """What a training run made of the rows."""
    tones = {NEVER: "error", BY_HEART: "warning", KNOWN: "info", LEARNT: "done"}
    items = [
        {
            "key": kind,
            "code": "",
            "label": f"{said}{_first(lessons, kind)}",
            "parts": [{"value": lessons.counts[kind], "tone": tones[kind], "name": said}],
            "value": f"{lessons.counts[kind]:,}",
            "go": None,
        }
        for kind, said in SAID.items()
    ]
    return {
        "kind": "bars",
        "title": "What training made of the rows",
        "note": plain(f"{lessons.rows:,} rows as {lessons.run} measured them"),
        "items": items,
        "empty": "No row of this set was measured.",
    }


def _first(lessons: Lessons, kind: str) -> str:
    lines = ", ".join(str(place.line) for place in lessons.places.get(kind, ())[:4])
    return f" (lines {lines}{' …' if lessons.counts[kind] > 4 else ''})" if lines else ""


def learnt_by_rule(lessons: Lessons) -> dict[str, Any]:
    """How much of their loss training left on the rows of each rule, beside the other rows."""
    items = []
    for rule in lessons.rules:
        verdict = rule.verdict if rule.verdict == "cannot tell" else f"{rule.verdict} learnt"
        edges = [min(max(rule.others + edge, 0.0), 1.0) for edge in (rule.low, rule.high)]
        items.append(
            {
                "key": rule.code,
                "code": rule.code,
                "label": rule.name,
                "judged": rule.rows,
                "share": min(rule.left, 1.0),
                "low": edges[0],
                "high": edges[1],
                "text": f"{rule.left:.0%} left, others {rule.others:.0%}: {verdict}",
                "go": {"page": "review", "query": {"rule": rule.code}},
            }
        )
    return {
        "kind": "intervals",
        "title": "Loss left on the rows of each rule",
        "note": "Share of the loss that training left, with the 95 % interval; a row opens its findings",
        "items": items,
        "empty": "No rule has six trained rows.",
    }


def _tile(label: str, value: int, *, page: str = "", query: dict[str, str] | None = None) -> dict[str, Any]:
    return {"label": label, "value": f"{value:,}", "go": {"page": page, "query": query or {}} if page else None}


def lengths(desk: Desk) -> dict[str, Any]:
    """The rows by their tokens; the bars beyond the limit lead to what is found there."""
    summary = desk.summary()
    limit, told = summary.max_length, "LEN001" in desk.matrix()
    return {
        "kind": "histogram",
        "title": "Length of the rows",
        "bins": summary.lengths,
        "limit": limit,
        "note": "Tokens a row" + (f"; the limit is {limit:,}" if limit else ""),
        "go": {"page": "review", "query": {"rule": "LEN001", "status": "all"}} if limit and told else None,
    }


def by_rule(desk: Desk, matrix: dict[str, dict[str, int]]) -> dict[str, Any]:
    """Findings by rule, those that are open in the colour of their severity."""
    rules = desk.summary().rules
    items: list[dict[str, Any]] = []
    tones = {rules.get(code, {}).get("severity", "warning") for code in matrix}
    for code, numbers in sorted(matrix.items(), key=lambda item: (-sum(item[1].values()), item[0])):
        waiting, later = numbers.get("open", 0), numbers.get("later", 0)
        decided = sum(numbers.get(status, 0) for status in DECIDED)
        total = waiting + later + decided
        severity = rules.get(code, {}).get("severity", "warning")
        items.append(
            {
                "key": code,
                "code": code,
                "label": rules.get(code, {}).get("name", ""),
                "parts": [
                    {"value": waiting, "tone": severity, "name": "open"},
                    {"value": later, "tone": "later", "name": "for later"},
                    {"value": decided, "tone": "done", "name": "decided"},
                ],
                "value": f"{waiting:,} of {total:,}" if waiting < total else f"{waiting:,}",
                "go": {"page": "review", "query": {"rule": code} | _first_status(waiting, later)},
            }
        )
    more = desk.more_places(desk.settings.take)
    once = f". Equal rows count once here; lint counts each ({more:,} more)" if more else ""
    return {
        "kind": "bars",
        "title": "Findings by rule",
        "note": f"Open findings, of all; a bar opens its queue{once}",
        "items": items,
        "legend": [(tone, tone) for tone in ("error", "warning", "info") if tone in tones]
        + [("later", "for later"), ("done", "decided")],
        "empty": "Nothing was found.",
    }


def _first_status(waiting: int, later: int) -> dict[str, str]:
    """The status to look at: an empty queue is no place to lead to."""
    return {} if waiting else {"status": "later" if later else "decided"}


def precision(desk: Desk) -> dict[str, Any]:
    """How many of the judged findings of each rule are true here, and where judging more would tell most."""
    rules = desk.summary().rules
    matrix = desk.matrix()
    left = {code: numbers.get("open", 0) for code, numbers in matrix.items()}
    told = sorted(desk.judgements(), key=lambda p: (-p.judged, -left.get(p.code, 0), p.code))
    tell_most = agreement.most_telling(told, left)
    items = []
    for p in told:
        if not p.judged and not left.get(p.code):
            continue
        more = p.more(left.get(p.code, 0)) if p.code in tell_most else 0
        text = str(p)
        items.append(
            {
                "key": p.code,
                "code": p.code,
                "label": rules.get(p.code, {}).get("name", ""),
                "judged": p.judged,
                "share": p.share,
                "low": p.low,
                "high": p.high,
                "text": text + (f"; {more} more tell most" if more else ""),
                "go": {"page": "review", "query": {"rule": p.code, "order": "sample"}},
            }
        )
    return {
        "kind": "intervals",
        "title": "How often each rule is right here",
        "note": "By single judgements, with the 95 % interval; a row opens findings drawn at random",
        "items": items,
        "empty": "Nothing was found.",
    }


def languages(desk: Desk) -> dict[str, Any]:
    """The languages of the answers, by rows drawn evenly from the files."""
    counts = sampled_languages(desk)
    drawn = sum(counts.values())
    rules = ",".join(sorted(code for code in desk.matrix() if code.startswith("LNG")))
    items = []
    for name, number in counts.most_common(8):
        told = {"value": number, "tone": "plain", "name": "rows"}
        queue = {"page": "review", "query": {"rule": rules}} if rules and name not in ("en", _UNKNOWN) else None
        items.append({"key": name, "code": "", "label": name, "parts": [told], "go": queue})
    return {"kind": "bars", "title": "Languages", "note": f"Of the answers of {drawn:,} rows drawn", "items": items}


def sampled_languages(desk: Desk) -> Counter[str]:
    """Languages of the answers of rows from all parts of the files."""
    counts: Counter[str] = Counter()
    for raw, path in desk.drawn_rows(_SAMPLE):
        example = desk.example(raw, path)
        if example is None:
            continue
        claim = language_of(prose_of("\n".join(turn.text for turn in example.answers)))
        counts[claim.language if claim else _UNKNOWN] += 1
    return counts


def sizes(desk: Desk) -> dict[str, Any]:
    """Groups of rows alike by how many rows they hold."""
    items = [
        {
            "key": str(size),
            "code": "",
            "label": f"{size:,} rows alike",
            "go": {"page": "groups", "query": {"size": str(size)}},
            "parts": [{"value": number, "tone": "second", "name": "groups"}],
        }
        for size, number in desk.group_sizes()
    ]
    return {
        "kind": "bars",
        "title": "Duplicates by size of group",
        "note": "Groups of rows that repeat each other",
        "items": items,
        "empty": "No rows repeat each other.",
    }


def kappas(desk: Desk) -> dict[str, Any]:
    """How far reviewers agree, rule by rule."""
    items = []
    for told in agreement.agreements(desk.made()):
        kappa = "no kappa" if told.kappa is None else f"kappa {told.kappa:.2f}"
        items.append(
            {
                "key": f"{told.code} {plain(told.one)} {plain(told.two)}",
                "code": "" if told.code == "*" else told.code,
                "label": f"{plain(told.one)} and {plain(told.two)}",
                "value": f"{kappa}, {told.agreed} of {told.both}",
                "parts": [
                    {"value": told.agreed, "tone": "plain", "name": "agreed"},
                    {"value": told.both - told.agreed, "tone": "error", "name": "differ"},
                ],
                "go": {
                    "page": "review",
                    "query": {"status": "disputed"} | ({} if told.code == "*" else {"rule": told.code}),
                },
            }
        )
    return {
        "kind": "bars",
        "title": "How far reviewers agree",
        "note": "Cohen's kappa on findings that both judged before they saw each other's verdict",
        "items": items,
        "empty": "Nothing was judged by two reviewers yet.",
    }
