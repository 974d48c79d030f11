"""The index that decisions were followed in one by one is the one that is made anew from the log."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from curator import decisions
from curator.config import load_config
from curator.errors import UsageError
from curator.review import index
from curator.review.desk import Desk
from curator.review.entries import ACTIONS, Entry, Wish
from curator.review.filters import Filter
from curator.review.settings import Settings

EVERY = Filter(status="all")
TWO = "Two years from the day of purchase, in every country."
LONG = "How long is the warranty, please, of this very fine machine that we bought last year in your"


def chat(user: str, assistant: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]}


ROWS = [  # rows alike, equal, nearly alike and in conflict; rows with several findings, and with a fix
    chat("How long is the warranty?", TWO),
    chat("How LONG is the warranty", TWO),
    chat("How long is the Warranty ?", TWO),
    chat("How long is the warranty?", TWO),
    chat("Where is the key? It isnâ€™t here.", ""),
    chat("Where is the key? It isnâ€™t here.", ""),
    chat("Can I return it?", ""),
    chat(f"{LONG} shop?", f"{TWO} Keep the receipt that came with it."),
    chat(f"{LONG} store?", f"{TWO} Keep the receipt that came with it."),
    chat(f"{LONG} office?", f"{TWO} Keep the receipt that came with it."),
    chat("How long does it last?", "The L2 router lasts for two years from the day of purchase, in every country."),
    chat("How long does it last?", "The L2 router lasts for three years from the day of purchase, in every country."),
]


class Elsewhere(Settings, frozen=True):
    """The same review, with an index of its own."""

    @property
    def database(self) -> Path:
        return self.folder / "anew.db"


def stands(desk: Desk) -> dict[str, tuple[Any, ...]]:
    """All that the index tells of each finding."""
    return {
        e.finding.id: (e.finding.code, e.status, e.who, e.head, e.disputed, e.earlier, e.rank, e.edit)
        for e in desk.entries(EVERY, limit=1000)
    }


class Review:
    """Two reviewers at one log, and how its index would be if it were made now."""

    def __init__(self, path: Path) -> None:
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
        self.told = Settings((str(path),), load_config(path), "ana", path.parent / "out")
        index.build(self.told.paths, self.told.config, self.told.database)
        self.new = path.parent / "new.db"
        shutil.copy(self.told.database, self.new)
        self.desks = [self.open(Settings, "ana"), self.open(Settings, "ben")]

    def open(self, kind: type[Settings], reviewer: str) -> Desk:
        desk = Desk(kind(self.told.paths, self.told.config, reviewer, self.told.output))
        assert desk.ready()
        desk.follow()
        return desk

    def anew(self) -> dict[str, tuple[Any, ...]]:
        """How everything stands once the index is made anew from the log."""
        place = self.told.folder / "anew.db"
        for file in self.told.folder.glob("anew.db*"):
            file.unlink()
        shutil.copy(self.new, place)
        desk = self.open(Elsewhere, "ana")
        found = stands(desk)
        desk.close()
        return found

    def now(self) -> list[dict[str, tuple[Any, ...]]]:
        for desk in self.desks:
            desk.follow()
        return [stands(desk) for desk in self.desks]

    def close(self) -> None:
        for desk in self.desks:
            desk.close()


class Apart:
    """Two reviewers at logs of their own, which are merged now and then."""

    def __init__(self, folder: Path) -> None:
        self.reviews = []
        for name in ("one", "two"):
            (folder / name).mkdir()
            self.reviews.append(Review(folder / name / "data.jsonl"))
        (folder / "both").mkdir()
        self.both = Review(folder / "both" / "data.jsonl")
        self.desks = [review.desks[n] for n, review in enumerate(self.reviews)]

    def merged(self) -> decisions.Log:
        made = decisions.merge(*(decisions.read(desk.settings.log).decisions for desk in self.desks))
        decisions.write(self.both.told.log, made)
        return decisions.read(self.both.told.log)

    def close(self) -> None:
        for review in (*self.reviews, self.both):
            review.close()


class Act:
    """What reviewers do, at random."""

    def __init__(self, review: Review | Apart, seed: int) -> None:
        self.review, self.rng = review, random.Random(seed)

    def one(self) -> str:
        """Do something; what it was."""
        desk = self.rng.choice(self.review.desks)
        desk.follow()
        acts: list[Callable[[Desk], str]] = (
            [self.wish] * 12 + [self.undo] * 4 + [self.group] * 2 + [self.many, self.back]
        )
        return f"{desk.settings.reviewer}: {self.rng.choice(acts)(desk)}"

    def entry(self, desk: Desk) -> Entry:
        return self.rng.choice(desk.entries(EVERY, limit=1000))

    def wish(self, desk: Desk) -> str:
        entry = self.entry(desk)
        verb = self.rng.choice(ACTIONS)
        text = json.dumps(chat(f"Edited {self.rng.randrange(10**6)}? It isnâ€™t.", "")) if verb == "edit" else ""
        base = entry.head if self.rng.random() < 0.9 else "0" * 32
        done = desk.decide([Wish(decisions.new_id(), verb, entry.finding.id, base, text=text)])[0]
        return f"{verb} {entry.finding.code} line {entry.finding.line}: {done.result}"

    def undo(self, desk: Desk) -> str:
        return f"undo: {desk.undo().result}"

    def back(self, desk: Desk) -> str:
        made = desk.history(limit=50)
        if not made:
            return "nothing to take back"
        item = self.rng.choice(made)
        return f"take back {item['verdict']}: {desk.undo(item['batch'] or item['id']).result}"

    def group(self, desk: Desk) -> str:
        group = self.rng.choice([g["number"] for g in desk.groups("repeats", undecided=False)])
        row = self.rng.choice(["", *(member["row"] for member in desk.members(group))])
        try:
            return f"choose {row[:4] or 'all'} of {group}: {desk.choose(group, row)[1]}"
        except UsageError as error:
            return str(error)

    def many(self, desk: Desk) -> str:
        verb = self.rng.choice(["keep", "accept", "drop", "later"])
        chosen = Filter(rules=(self.entry(desk).finding.code,), status=self.rng.choice(["all", "open"]))
        made = desk.bulk(chosen, verb, expected=desk.eligible_count(chosen, verb))[1]
        return f"{verb} all {made} of {chosen.rules}"


@pytest.fixture
def review(tmp_path: Path) -> Iterator[Review]:
    made = Review(tmp_path / "data.jsonl")
    yield made
    made.close()


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_decided_the_index_is_as_if_made_anew(review: Review, seed: int) -> None:
    act = Act(review, seed)
    done = []
    for _ in range(40):
        done.append(act.one())
        anew = review.anew()
        for now in review.now():
            assert now == anew, done


@pytest.mark.parametrize("seed", range(5))
def test_whatever_was_decided_apart_the_merged_index_shows_what_stands(tmp_path: Path, seed: int) -> None:
    """As if made anew, and with the rows that go by the decisions that stand, of which `clean` makes use."""
    apart = Apart(tmp_path)
    act, done = Act(apart, 100 + seed), []
    for _ in range(8):
        done += [act.one() for _ in range(5)]
        log, anew = apart.merged(), apart.both.anew()
        for now in apart.both.now():
            assert now == anew, done
        desk = apart.both.desks[0]
        found = {e.finding.id: e for e in desk.entries(EVERY, limit=1000) if not e.edit}
        goes = {d.row for d in decisions.standing(log.decisions) if d.verdict == "drop" and d.whole}
        for d in decisions.standing(log.decisions):
            entry = found.get(d.finding)
            if d.verdict == "accept" and entry and not entry.twin and entry.finding.fix and entry.finding.fix.drops:
                goes.add(d.row)
        rows = list({e.root for e in found.values()} | {d.row for d in log.decisions})
        assert set(desk.dropping(rows)) == goes, done
    apart.close()
