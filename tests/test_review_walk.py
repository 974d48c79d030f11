"""Thousands of random decisions in two tabs, compared with a plain model of what a person would expect."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from curator import decisions
from curator.config import load_config
from curator.review import index
from curator.review.desk import Desk
from curator.review.filters import Filter
from curator.review.loop import Loop
from curator.review.settings import Settings

ROWS = 40
BROKEN = "It isnâ€™t here, it is below the mat of the front door."


def row(n: int) -> dict[str, Any]:
    """Every third row has two findings: a damaged question, for which a fix is offered, and an empty answer."""
    asked = f"Where is key {n}? {BROKEN}" if n % 3 == 0 else f"Where is key {n}?"
    return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": ""}]}


class Model:
    """What stands: a verdict on a row settles its findings, else each has its own. Undo goes back in order."""

    def __init__(self, findings: dict[str, str]) -> None:
        self.row_of = findings
        self.on_row: dict[str, str] = {}
        self.on_finding: dict[str, str] = {}
        self._before: list[tuple[dict[str, str], dict[str, str]]] = []

    def remember(self) -> None:
        self._before.append((dict(self.on_row), dict(self.on_finding)))

    def say(self, finding: str, verdict: str) -> None:
        target = self.row_of[finding]
        if verdict in ("drop", "edit"):
            self.on_row[target] = verdict
        else:
            self.on_row.pop(target, None)
            self.on_finding[finding] = verdict

    def undo(self) -> bool:
        if not self._before:
            return False
        self.on_row, self.on_finding = self._before.pop()
        return True

    def status(self, finding: str) -> str:
        return self.on_row.get(self.row_of[finding]) or self.on_finding.get(finding, "open")

    def all(self) -> dict[str, str]:
        return {finding: self.status(finding) for finding in self.row_of}


class Walk:
    """One server, two tabs, one model."""

    def __init__(self, path: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        config = load_config(path, None, {"select": ("ROL007", "ENC001")})
        self.settings = Settings((str(path),), config, "ana", path.parent / "out")
        self.message = 0
        self.desk = self._open()
        entries = self.desk.entries(Filter(status="all"), limit=1000)
        self.fixable = {e.finding.id for e in entries if e.finding.fix}
        self.model = Model({e.finding.id: e.root for e in entries})
        self.seen: list[dict[str, str]] = [self.heads(), self.heads()]  # what each tab shows

    def _open(self) -> Desk:
        if index.key_in(self.settings.database) != index.key_of(self.settings.paths, self.settings.config):
            index.build(self.settings.paths, self.settings.config, self.settings.database)
        desk = Desk(self.settings)
        assert desk.ready()
        desk.follow()
        self.tabs = [Loop(desk, Filter(status="all")) for _ in range(2)]
        return desk

    def heads(self) -> dict[str, str]:
        return {e.finding.id: e.head for e in self.desk.entries(Filter(status="all"), limit=1000)}

    def statuses(self) -> dict[str, str]:
        found = self.desk.entries(Filter(status="all"), limit=1000)
        return {e.finding.id: e.status for e in found if not e.edit}

    def step(self) -> None:
        """One message of one tab, with a few wishes; some of them on what another tab has changed meanwhile."""
        tab = self.rng.randrange(2)
        if self.rng.random() < 0.5:
            self.seen[tab] = self.heads()
        touched: set[str] = set()
        wishes, expected = [], []
        now = self.heads()
        for _ in range(self.rng.randrange(1, 5)):
            finding = self.rng.choice(list(self.model.row_of))
            if self.model.row_of[finding] in touched:
                continue
            touched.add(self.model.row_of[finding])
            verb = self.rng.choice(["keep", "accept", "drop", "edit", "later"])
            wishes.append(self.wish(finding, verb, self.seen[tab][finding]))
            expected.append(self.expect(finding, verb, now[finding] == self.seen[tab][finding]))
        assert [outcome["result"] for outcome in self.send(tab, wishes)] == expected
        self.seen[tab] |= {f: h for f, h in self.heads().items() if self.model.row_of[f] in touched}

    def expect(self, finding: str, verb: str, current: bool) -> str:
        if not current:
            return "conflict"
        if verb == "accept" and finding not in self.fixable:
            return "refused"
        self.model.remember()
        self.model.say(finding, verb)
        return "done"

    def wish(self, finding: str, verb: str, base: str) -> dict[str, Any]:
        made: dict[str, Any] = {"id": decisions.new_id(), "action": verb, "finding": finding, "base": base, "note": ""}
        if verb == "edit":
            n = self.rng.randrange(10**9)
            made["whole"] = json.dumps(
                {"messages": [{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": "Here."}]}
            )
        return made

    def send(self, tab: int, wishes: list[dict[str, Any]], *, twice: bool = True) -> list[dict[str, Any]]:
        self.message += 1
        loop = self.tabs[tab]
        said = {
            "m": self.message,
            "client": str(tab),
            "set": self.desk.settings.set,
            "view": loop.view,
            "wishes": wishes,
        }
        outcomes: list[dict[str, Any]] = loop.answer(said)["outcomes"]
        if twice and self.rng.random() < 0.1:  # the answer was lost: what was done is not done again
            again = [o for o in loop.answer(said)["outcomes"] if o["result"] == "done"]
            assert len(again) == sum(outcome["result"] == "done" for outcome in outcomes)
        return outcomes

    def undo(self) -> None:
        wish = {"id": decisions.new_id(), "action": "undo", "finding": "", "base": "", "note": "", "of": ""}
        result = self.send(self.rng.randrange(2), [wish])[0]["result"]
        assert result == ("done" if self.model.undo() else "refused")

    def bulk(self) -> None:
        verb = self.rng.choice(["keep", "later", "drop"])
        chosen = Filter(status="open", rules=(self.rng.choice(["ROL007", "ENC001"]),))
        found = self.desk.entries(chosen, limit=1000)
        if found:
            self.model.remember()
            for entry in found:
                self.model.say(entry.finding.id, verb)
            self.desk.bulk(chosen, verb, expected=len(found))

    def restart(self) -> None:
        self.desk.close()
        if self.rng.random() < 0.5:
            self.settings.database.unlink()
        self.desk = self._open()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_stands_is_what_a_person_said(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row(n)) + "\n" for n in range(ROWS)))
    walk = Walk(path, seed)
    acts = [walk.step] * 30 + [walk.undo] * 14 + [walk.bulk] * 2
    for n in range(400):
        if n % 120 == 119:
            walk.restart()
        walk.rng.choice(acts)()
        assert walk.statuses() == walk.model.all(), n
        if n % 10 == 0:
            counts = walk.desk.counts(Filter(status="all"))
            assert {s: list(walk.model.all().values()).count(s) for s in counts} == counts
    walk.restart()
    assert walk.statuses() == walk.model.all()
    walk.desk.close()
