"""The server's half of the decision loop: messages of the card in, its next data out.

A message carries a number, wishes (curator.review.entries.Wish) and what the card would like to know. It names the
data set that they are about, and is refused by the server of another. The answer repeats the number, so that what was
not answered for is sent again; wishes carry ids, so that it may be.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from curator.errors import ChangedError, CuratorError
from curator.review.desk import Desk
from curator.review.entries import ACTIONS, Entry, Point, Wish
from curator.review.filters import STATUSES, Filter
from curator.review.safe import plain
from curator.review.showing import Cards

WINDOW = 64  # findings sent at once
AHEAD = 160  # undecided findings that a card holds: as long as it has some, a slow server makes nobody wait
FIRST = 32  # findings sent at first: the card asks for more, and hands that type fast do not run ahead of it
_TOLD = 400  # findings of a row of which it is told how they stand
_ROWS = 1000  # rows of pairs of which it is told whether they go: those of the cards that were sent last
_NAME = 200  # characters of a name
_DETAILS = ("raw", "tokens", "template")
_HEX = frozenset("0123456789abcdef")


class Asked(msgspec.Struct):
    """A message of the card, as far as it is understood; the rest is passed over."""

    m: int = 0
    client: str = ""
    set: str = ""
    wishes: list[dict[str, Any]] = []
    view: str = ""
    at: str = ""
    have: str = ""
    ahead: int = 0
    before: str | None = None
    about: str = ""
    show: str = ""
    first: str = ""  # "any": from the first finding on, "open": from the first that waits
    detail: dict[str, Any] | None = None
    form: str = ""
    check: dict[str, Any] | None = None
    go: dict[str, Any] | None = None
    tries: int = 0


class Loop:
    """One tab's walk through a filter; it begins at a finding, and answers for the walk that it comes after."""

    def __init__(self, desk: Desk, chosen: Filter, at: str = "", after: Loop | None = None) -> None:
        self.desk, self.chosen, self.at = desk, chosen, at
        self._set = desk.settings.set
        self.cards = Cards(desk)
        self.rules: dict[str, dict[str, str]] = {}
        self._client: str = after._client if after else ""
        self._m: int = after._m if after else 0
        self._place: tuple[str, str, int] | None = after._place if after else None  # rule, file and line looked at last
        self._outcomes: list[dict[str, Any]] = after._outcomes if after else []
        self._rows: dict[str, None] = {}
        self._goes: tuple[Point, list[str]] = Point(), []
        self._summary = desk.summary().rules
        self.go: dict[str, Any] | None = None  # where the card wants to go: for the page to do

    @property
    def view(self) -> str:
        """What names the walk: the card begins anew when it changes."""
        return json.dumps([self.chosen.query(), self.desk.summary().seconds], sort_keys=True)

    def _of_this_filter(self, view: str) -> bool:
        """Whether a view is of this filter, whenever the data was linted."""
        return view.startswith(json.dumps([self.chosen.query()], sort_keys=True)[:-1] + ",")

    def start(self) -> dict[str, Any]:
        """The data of a card that holds nothing yet: from the place it was left at, else from the first open one."""
        chosen, after = self.chosen, None
        here = self._here()
        items: list[Entry] = []
        if here is not None and self._lets_through(here):
            items = [here]
        if here is not None:
            after = self.key(here)
        items += self.desk.entries(chosen, after=after, limit=FIRST)
        if not items and after is not None:
            items, after = self.desk.entries(chosen, limit=FIRST), None
        data = {
            **self._data(items),
            "whole": after is None,
            "outcomes": self._outcomes,
        }  # the card that they were meant for may be gone
        if not items:
            return data
        first = next((entry for entry in items if entry.status in self._wants()), items[0])
        return {**data, "others": {first.finding.id: self.cards.others(first)}}

    def _here(self) -> Entry | None:
        """The finding where the walk stands: of one that is gone, as its row is another in a new lint, what has its place."""
        here = self.desk.entry(self.at) if self.at else None
        if here is None and self.at and self._place:
            here = self.desk.at_place(self.chosen, *self._place)
            self.at = here.finding.id if here else self.at
        return here

    def back(self, at: str = "") -> dict[str, Any]:
        """The data of a card that was left for another page: from a finding on, else from the one shown last."""
        self.at = at or self.at
        return {**self.start(), "returned": not at}

    def _lets_through(self, entry: Entry) -> bool:
        low = self.desk.entries(self.chosen, after=self.key(entry) - 1, limit=1)
        return bool(low) and low[0].finding.id == entry.finding.id

    def key(self, entry: Entry) -> int:
        """The place of an entry in the order of the filter."""
        return {"rule": entry.rank, "file": entry.seq, "sample": entry.slot}[self.chosen.order]

    def answer(self, message: Any) -> dict[str, Any]:
        """Do what a message asks; the data that answers it."""
        asked = _understood(message)
        if asked is None or (asked.wishes and asked.set != self._set):  # decided on other data, served here before
            return self.start()
        again = asked.client == self._client and asked.m <= self._m
        if not again:
            self._client, self._m = asked.client, asked.m
        if self._of_this_filter(asked.view):  # what a card of another filter showed is no place in this one
            self.at = asked.at or self.at
            self._stands()
        self.desk.follow()
        outcomes = self._outcomes = self._decided(asked) if asked.wishes else []
        if asked.view != self.view:
            return {**self.start(), "outcomes": outcomes}
        after = int(asked.have) if asked.have.lstrip("-").isdigit() else None
        items: list[Entry] = []
        front = False
        if asked.before is not None and asked.before.isdigit():
            items = self.desk.entries(self._behind(), before=int(asked.before), limit=WINDOW // 2)
            front = True
        elif asked.show and (entry := self.desk.entry(asked.show)):
            items = [entry, *self.desk.entries(self.chosen, after=self.key(entry), limit=FIRST)]
        elif asked.first:
            items = self.desk.entries(self.chosen if asked.first == "open" else self._behind(), limit=FIRST)
        elif asked.ahead < AHEAD:
            items = self.desk.entries(self.chosen, after=after, limit=WINDOW)
        data = self._data(items, self._brought_up(asked, outcomes))
        data |= {"outcomes": outcomes, "front": front, "changed": self._changed(asked, outcomes)}
        data["redrawn"] = self.cards.several(self._redrawn(asked, outcomes))
        if items and items[0].finding.id == asked.show and not front:
            data["anew"] = asked.show
        if items and asked.first and not front:
            data |= {"anew": items[0].finding.id, "whole": True}
        if items and not front and len(data["items"]) < len(items):
            data["more"] = True
        data |= self._told(asked)
        self.go = asked.go
        return data

    def _stands(self) -> None:
        """Keep the place of the finding that is looked at: its id is another once its row is."""
        if self.at and (entry := self.desk.entry(self.at)):
            self._place = (entry.finding.code, entry.finding.file, entry.finding.line)

    # ------------------------------------------------------------------ parts of an answer

    def _data(self, items: list[Entry], brought: list[Entry] | None = None) -> dict[str, Any]:
        cards, fresh_cards = self.cards.several(items), self.cards.several(brought or ())
        last = max((self.key(entry) for entry in items[: len(cards)]), default=None)
        for card in [*cards, *fresh_cards]:
            if card["code"] not in self.rules:
                told = self._summary.get(card["code"], {})
                self.rules[card["code"]] = {"summary": told.get("summary", ""), "why": told.get("why", "")}
        fresh = [row for card in cards for row in card.get("rows", ())]
        more = bool(last is not None and self.desk.entries(self.chosen, after=last, limit=1))
        return {
            "m": self._m,
            "client": self._client,
            "set": self._set,
            "name": plain(self.desk.settings.name),
            "view": self.view,
            "at": self.at,
            "items": cards,
            "brought": fresh_cards,
            "more": more,
            "front": False,
            "counts": self.desk.counts(self.chosen),
            "filter": self.chosen.query(),
            "order": self.chosen.order,
            "wants": self._wants(),
            "rules": self.rules,
            "outcomes": [],
            "changed": {},
            "goes": self._going(fresh),
            "reviewer": plain(self.desk.settings.reviewer),
            "reasons": self.desk.settings.need_reason,
        }

    def _going(self, fresh: list[str]) -> list[str]:
        """Which rows of the pairs that were sent go, by all that was decided until now: their content ids."""
        newest = self.desk.newest()
        if fresh or newest != self._goes[0]:
            for row in fresh:  # those sent last come last
                self._rows.pop(row, None)
                self._rows[row] = None
            self._rows = dict.fromkeys([*self._rows][-_ROWS:])
            self._goes = newest, list(self.desk.dropping(list(self._rows)))
        return self._goes[1]

    def _behind(self) -> Filter:
        """What lies behind one: in the queue of what is open, also what was decided on the way."""
        return msgspec.structs.replace(self.chosen, status="all") if self.chosen.status == "open" else self.chosen

    def _wants(self) -> list[str]:
        """The statuses that wait for a decision in this filter."""
        if self.chosen.status in STATUSES and self.chosen.status != "open":
            return [self.chosen.status]
        return list(STATUSES) if self.chosen.status in ("disputed", "decided") else ["open"]

    def _decided(self, asked: Asked) -> list[dict[str, Any]]:
        wishes: list[Wish] = []
        refused: list[dict[str, Any]] = []
        for raw in asked.wishes[:200]:
            try:
                wishes.append(self._wish(raw))
            except CuratorError as error:
                refused.append(
                    {
                        "id": str(raw.get("id", ""))[:32],
                        "result": "changed" if isinstance(error, ChangedError) else "refused",
                        "finding": str(raw.get("finding", ""))[:32],
                        **self._standing(str(raw.get("finding", ""))),
                        "why": plain(f"{error.what}: {error.hint}" if isinstance(error, ChangedError) else error.what),
                    }
                )
        outcomes = [*map(msgspec.structs.asdict, self.desk.decide(wishes)), *refused]
        for outcome in outcomes:
            outcome["why"], outcome["who"] = plain(outcome["why"]), plain(outcome.get("who", ""))
            if outcome["result"] != "done" and (entry := self.desk.entry(outcome["finding"])):
                outcome["about"] = f"{entry.finding.code} {entry.finding.name}, line {entry.finding.line}"
        return outcomes

    def _standing(self, finding: str) -> dict[str, str]:
        entry = self.desk.entry(finding)
        return {"status": entry.status, "head": entry.head, "who": plain(entry.who)} if entry else {}

    def _wish(self, raw: dict[str, Any]) -> Wish:
        from curator.errors import UsageError

        text = {name: raw.get(name) for name in ("id", "action", "finding", "base", "note", "of")}
        told = {name: value if isinstance(value, str) else "" for name, value in text.items()}
        if len(told["id"]) != 32 or not _HEX.issuperset(told["id"]):
            raise UsageError("a decision without an id")
        if told["action"] not in (*ACTIONS, "undo"):
            raise UsageError("no such action")
        wish = Wish(**{**told, "note": told["note"][:500]}, who=self._other(_string(raw.get("who")) or ""))
        if told["action"] == "edit" and not self.desk.decision(told["id"]):
            entry = self.desk.entry(told["finding"])
            if entry is None:
                raise UsageError("the finding is not there any more")
            new = self.cards.composed(entry, _texts(raw.get("texts")), _string(raw.get("whole")))
            wish = msgspec.structs.replace(wish, text=new)
        return wish

    def _other(self, who: str) -> str:
        """Who wished, where it was another than the reviewer of this server: keys outlast a server in their tab."""
        return "" if who == plain(self.desk.settings.reviewer) else who[:_NAME]

    def _brought_up(self, asked: Asked, outcomes: list[dict[str, Any]]) -> list[Entry]:
        """What is found in rows that were edited just now, and waits: it is looked at next."""
        done = {outcome["id"] for outcome in outcomes if outcome["result"] == "done"}
        edits = [raw for raw in asked.wishes if raw.get("action") == "edit" and raw.get("id") in done]
        rows = {entry.root: None for raw in edits if (entry := self.desk.entry(str(raw.get("finding", ""))))}
        return [e for row in rows for e in self.desk.of_row(row, edited=True) if e.status == "open"]

    def _redrawn(self, asked: Asked, outcomes: list[dict[str, Any]]) -> list[Entry]:
        """The findings of which the row is another in its file now, as far as they are looked at or were decided on."""
        names = [str(told["finding"]) for told in outcomes if told["result"] == "changed"]
        entries = [self.desk.entry(name) for name in dict.fromkeys([*names, asked.at, asked.about]) if name]
        return [entry for entry in entries if entry is not None and self.desk.changed(entry)]

    def _changed(self, asked: Asked, outcomes: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
        """How other findings of the rows stand that were decided on."""
        names = {str(told.get("finding", "")) for told in (*asked.wishes, *outcomes)}
        roots = {entry.root for name in names if (entry := self.desk.entry(name))}
        return self.desk.standing_of(roots, _TOLD)

    def _told(self, asked: Asked) -> dict[str, Any]:
        """More about a row, where it is asked for."""
        out: dict[str, Any] = {}
        if asked.about and (entry := self.desk.entry(asked.about)):
            out["others"] = {asked.about: self.cards.others(entry)}
        if (
            asked.detail
            and asked.detail.get("what") in _DETAILS
            and (entry := self.desk.entry(str(asked.detail.get("id"))))
        ):
            what = asked.detail["what"]
            out["detail"] = {
                "id": entry.finding.id,
                "what": what,
                **_or_problem(lambda: self.cards.detail(entry, what)),
            }
        if asked.form and (entry := self.desk.entry(asked.form)):
            out["form"] = {"id": entry.finding.id, **_or_problem(lambda: self.cards.fields(entry))}
        if asked.check and (entry := self.desk.entry(str(asked.check.get("id")))):
            edit = asked.check
            out["check"] = {"id": entry.finding.id, **_or_problem(lambda: self._check(entry, edit))}
        return out

    def _check(self, entry: Entry, edit: dict[str, Any]) -> dict[str, Any]:
        text = self.cards.composed(entry, _texts(edit.get("texts")), _string(edit.get("whole")))
        self.desk.check_edit(entry, text)
        return {"found": self.cards.checked(entry, text)}


def _understood(message: Any) -> Asked | None:
    try:
        return msgspec.convert(message, Asked, strict=True)
    except msgspec.ValidationError:
        return None


def _or_problem(make: Any) -> dict[str, Any]:
    try:
        told: dict[str, Any] = make()
    except CuratorError as error:
        return {"problem": plain(error.what)}
    return told


def _texts(value: Any) -> dict[str, str] | None:
    return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else None


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None
