"""Pages of a table, and what the pages of the app say in a line."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from curator import cleaning, decisions
from curator.review import applying
from curator.review.applying import DryRun
from curator.review.desk import Desk
from curator.review.entries import Entry, Outcome, Point, Wish
from curator.review.filters import Filter
from curator.review.jobs import Job
from curator.review.safe import plain, shown
from curator.review.settings import Settings

PAGE = 100
_NAMED = 5  # findings that are named where nothing was recorded for them
VERBS = ("accept", "keep", "drop", "later")  # what can be decided on the findings that are ticked
_DONE = {
    "accept": "accepted",
    "keep": "kept",
    "edit": "edited",
    "drop": "dropped",
    "later": "for later",
    "open": "open",
}


def page(desk: Desk, chosen: Filter, after: int | None) -> list[Entry]:
    """The findings behind a key, as many as a page holds."""
    return desk.entries(chosen, after=after, limit=PAGE)


def key(entry: Entry, chosen: Filter) -> int:
    return {"rule": entry.rank, "file": entry.seq, "sample": entry.slot}[chosen.order]


def rows(entries: Sequence[Entry], chosen: Filter) -> list[dict[str, Any]]:
    """Findings as rows of a table: nothing in them is hidden. Of open ones it need not be said that they are."""
    return [
        {
            "rule": e.finding.code,
            "name": e.finding.name,
            "severity": e.finding.severity,
            "line": e.finding.line,
            "fix": e.finding.fix.safety if e.finding.fix else "",
            "message": plain(e.finding.message),
            "text": shown(e.finding.excerpt),
            **({} if chosen.status == "open" else {"status": _DONE[e.status], "by": plain(e.who)}),
        }
        for e in entries
    ]


class Standing(NamedTuple):
    """Findings that may be decided on at once: how many, how many of them have a fix, and the newest decision then."""

    found: int
    fixable: int
    newest: Point


def standing_of(desk: Desk, chosen: Filter) -> Standing:
    """How the findings of a filter stand now."""
    newest = desk.newest()  # first: what comes in meanwhile is seen as news
    return Standing(desk.count(chosen), desk.eligible_count(chosen, "accept"), newest)


def chosen(shown: int, fixable: int, action: str) -> str:
    """How many of the findings that are shown an action is about; "" where none is chosen yet."""
    number = fixable if action == "accept" else shown
    said = f"{number:,} finding{'' if number == 1 else 's'}"
    if action == "accept":
        return said + (
            f"; {shown - fixable:,} more offer no fix that can be made now and stay as they are"
            if shown > fixable
            else ""
        )
    return said + ("" if fixable else ", without a fix to accept")


def decide(desk: Desk, ticked: Sequence[Entry], action: str) -> tuple[str, int, str]:
    """Decide on those of some findings that an action makes sense for, at once; (the batch, how many, what was not done
    and why: "" where all was)."""
    batch, meant = decisions.new_id(), desk.meant(ticked, action)
    wishes = [Wish(decisions.new_id(), action, e.finding.id, e.head) for e in meant]
    outcomes = desk.decide(wishes, batch=batch)
    refused = [(e, outcome) for e, outcome in zip(meant, outcomes, strict=True) if outcome.result != "done"]
    return batch, len(meant) - len(refused), _refused(len(ticked), len(ticked) - len(meant), refused)


def _refused(ticked: int, without: int, refused: Sequence[tuple[Entry, Outcome]]) -> str:
    """Of the findings that were ticked those that nothing was recorded for, in a sentence."""
    if not ticked:
        return "Nothing was decided: somebody decided meanwhile, and what was ticked with it. Tick the findings again."
    if not (without or refused):
        return ""
    said = [f"{e.finding.code}, line {e.finding.line}: {outcome.why}" for e, outcome in refused[:_NAMED]]
    said += [f"{len(refused) - _NAMED:,} more like these"] if len(refused) > _NAMED else []
    said += [f"{without:,} without a fix that can be made now"] if without else []
    return plain(f"Not recorded for {without + len(refused):,} of the {ticked:,} that were ticked: {'; '.join(said)}.")


def undone(outcome: Outcome) -> str:
    """What became of a wish to take something back, in a sentence; "" where there is nothing to say."""
    if outcome.result != "done":
        return plain(f"Nothing was taken back: {outcome.why}.")
    return plain(f"Taken back: {outcome.why}.") if outcome.why else ""


def history(made: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Decisions as rows of a table, those of a batch in one."""
    return [
        {
            "when": datetime.fromtimestamp(item["at"]).strftime("%Y-%m-%d %H:%M:%S"),
            "who": plain(item["who"]),
            "verdict": _verdict(item),
            "findings": item["number"],
            "rule": item["code"] if item["number"] == 1 else "",
            "where": plain(Path(item["decision"].place).name) if item["number"] == 1 else "",
            "why": plain(item["decision"].why),
        }
        for item in made
    ]


def _verdict(item: dict[str, Any]) -> str:
    if item["undoes"]:  # what stood before stands again
        said = f"taken back: {_DONE[item['status']]} again" if item["kinds"] == 1 else "taken back: as it was before"
    else:
        said = _DONE[item["verdict"]]
    return f"{said}, taken back" if item["undone"] else said


def told(item: dict[str, Any]) -> str:
    """One decision in full."""
    made = item["decision"]
    lines = [f"{made.verdict}  {made.code}  {made.place}", f"by {made.who or 'nobody'} on {made.when}"]
    lines += [f"why: {made.why}"] if made.why else []
    lines += [f"the row became: {made.text[:4000]}"] if made.text else []
    return "\n".join(map(plain, lines))


def standing(counts: dict[str, int], take: tuple[int, int] = (1, 1)) -> str:
    """How many findings stand how, in a sentence: those of all reviewers, whatever part one takes."""
    said = [
        f"{counts[status]:,} {_DONE[status]}" for status in ("accept", "edit", "drop", "keep") if counts.get(status)
    ]
    waiting = [f"{counts[status]:,} {_DONE[status]}" for status in ("open", "later") if counts.get(status)]
    return f"Findings{' of all parts' if take[1] > 1 else ''}: {', '.join(said) or 'none decided'}" + (
        f"; {', '.join(waiting)}: their safe fixes are made, the rest stays as it is" if waiting else ""
    )


def dry(run: DryRun) -> list[dict[str, Any]]:
    """What a dry run came to, as tiles of a board."""
    told = (
        ("Rows", run.rows),
        ("Rows written", run.written),
        ("Of these mended", run.mended),
        ("Rows rejected", run.rejected),
    )
    return [{"label": name, "value": f"{number:,}", "go": None} for name, number in told]


def dry_codes(run: DryRun) -> str:
    """By code: the findings that would be mended, the rows rejected, and the findings left, as `clean` says it."""
    lines = cleaning.told(run.fixed, run.rejected_for, run.left)
    lines.append(f"decisions applied: {run.applied:,}")
    lines += [plain(each.strip()) for each in run.unapplied]
    return "\n".join(lines)


def unapplied(said: str) -> str:
    """Of what `clean` said: the decisions that nothing was done for, with the reasons; "" where there is none."""
    lines = [line.strip() for line in said.splitlines() if line.startswith(cleaning.NOT_APPLIED)]
    return plain("\n".join(lines))


def job(job: Job | None) -> str:
    """How a step stands."""
    if job is None:
        return "not started"
    if job.status is None:
        return f"running for {time.time() - job.began:,.0f} s; the app may be closed meanwhile"
    if job.lost:
        return "it was cut off: start it again"
    when = datetime.fromtimestamp(job.ended).strftime("%H:%M:%S")
    return f"done at {when}" if job.status == 0 else f"ended at {when} with status {job.status}"


def hindrance(settings: Settings, step: str) -> str:
    """Why a step cannot begin yet, "" where it can."""
    to = applying.places(settings)
    if step != "train" and (why := applying.drift(settings)):
        return why
    if step == "split" and not (to["clean"].is_file() or any(to["clean"].glob("*.jsonl"))):
        return "write the clean set first"
    if step == "split" and applying.stale(settings):
        return "decided since the clean set was written: write it again"
    if step == "train":
        if not applying.can_train():
            return "this installation has no command train"
        if not settings.model:
            return "name a model to train it here: curator review … --model FOLDER"
        if not (to["split"] / "train.jsonl").exists():
            return "split the set first"
        if applying.stale(settings):
            return "decided since the clean set was written: write it again and split it again"
        if applying.split_stale(settings):
            return "the clean set was written again since it was split: split it again"
        if applying.trained(settings) == "done":
            return "trained; to train anew, run the command with --force"
    return ""


def proof(told: dict[str, Any]) -> str:
    sizes = ", ".join(f"{name} {number:,}" for name, number in told["outputs"].items())
    leaks = ", ".join(f"{code} {number}" for code, number in told["proof"].items())
    return f"{sizes} rows; leaks between the splits: {leaks or 'none looked for'}"
