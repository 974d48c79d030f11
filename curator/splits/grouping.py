"""Groups of rows that must stay in one split: connected by what would be a leak between two.

Rows are nodes, and so is every key that several rows share (what they say, what is asked, the document, the
conversation); edges join a row to its keys and to rows that are nearly the same. A group is a component.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from curator.checks.splits import Layout, NearLeak, asked, exact, telling
from curator.neighbours.graph import Neighbours
from curator.scan.rows import SetRows
from curator.text.hashed import mix

SAME, PROMPT, OPENING, DOCUMENT, CONVERSATION, PLACE, NAMED, NEAR, REORDERED = range(9)
KINDS = (
    "say the same as others",
    "ask the same as others",
    "begin with the same exchange as others",
    "share a document",
    "share a conversation",
    "share a source",
    "share a key you named",
    "say nearly the same as others",
    "ask the same in another order of words",
)
CLOSENESS = (SAME, NEAR, PROMPT, REORDERED, OPENING, DOCUMENT, CONVERSATION, PLACE, NAMED)
# The kinds that go where a leak is allowed, and what such rows have in common.
ALLOWED = {
    "near-leak": (NEAR,),
    "prompt-leak": (PROMPT, REORDERED),
    "group-leak": (OPENING, DOCUMENT, CONVERSATION, PLACE, NAMED),
}
REASONS = {
    "near-leak": "rows that say nearly the same stay together",
    "prompt-leak": "rows that ask the same stay together",
    "group-leak": "rows of one document, conversation, source or key stay together",
}

COPIED = 0.8  # likeness from which on wording ties rows that a template makes alike
MOST = 3  # wording ties rows as long as no group comes to hold more than a third of them


class Ties(NamedTuple):
    """What joins rows: edges from rows to rows and to key nodes, which are numbered after the rows."""

    rows: np.ndarray  # int64, shape (edges,)
    nodes: np.ndarray  # int64, shape (edges,)
    kinds: np.ndarray  # int8, shape (edges,): an index into KINDS
    size: int  # nodes in all
    anchors: np.ndarray  # uint64, shape (rows,): what each row is known by

    def unless_near(self, kept: np.ndarray) -> Ties:
        """The ties but those between two rows of different splits (int, one a row, -1 for new) that are only alike.

        Likeness is judged against the whole set: rows that came since do not part what was put together, nor
        join what was told apart.
        """
        near = self.kinds == NEAR
        a, b = kept[self.rows[near]], kept[self.nodes[near]]
        near[near] = (a >= 0) & (b >= 0) & (a != b)
        return self._but(near)

    def unless_parted(self, kept: np.ndarray) -> Ties:
        """The ties but those of rows that had a split to a key that rows of another split have too.

        How many rows share a key says whether it ties them, and more of them, or of others, say otherwise.
        """
        keyed = (self.nodes >= len(kept)) & (kept[self.rows] >= 0)
        low, high = np.full(self.size, len(kept)), np.full(self.size, -1)
        np.minimum.at(low, self.nodes[keyed], kept[self.rows[keyed]])
        np.maximum.at(high, self.nodes[keyed], kept[self.rows[keyed]])
        return self._but(keyed & (high > low)[self.nodes])

    def but(self, kinds: Collection[int]) -> Ties:
        """The ties of other kinds."""
        return self._but(np.isin(self.kinds, tuple(kinds)))

    def _but(self, cut: np.ndarray) -> Ties:
        """The ties that are not cut (boolean, one a tie)."""
        return self._replace(rows=self.rows[~cut], nodes=self.nodes[~cut], kinds=self.kinds[~cut])

    def tie(self, pairs: Sequence[tuple[int, int]]) -> Ties:
        """The ties and these between two rows each."""
        ends = np.array(pairs, np.int64).reshape(-1, 2)
        kinds = np.full(len(ends), NEAR, np.int8)
        return self._replace(
            rows=np.append(self.rows, ends[:, 0]),
            nodes=np.append(self.nodes, ends[:, 1]),
            kinds=np.append(self.kinds, kinds),
        )

    def without(self, gone: np.ndarray) -> Ties:
        """The ties that are left when some rows (boolean, one a row) are taken out."""
        hit = gone[self.rows]
        near = self.nodes < len(gone)
        hit[near] |= gone[self.nodes[near]]
        return self._but(hit)


def ties(rows: SetRows, sketches: np.ndarray, allowed: Collection[str] = (), like: NearLeak | None = None) -> Ties:
    """The ties between the readable rows.

    `sketches` are those of SPT004, `allowed` the codes of leaks to allow; `like` says from when on rows are
    nearly the same. All pairs alike in wording are tied, also those that share little but a template and those in
    which SPT002 sees two questions, unless wording that the whole set shares would make one group of it.
    """
    like = like or NearLeak()
    keyed = _keys(rows, sketches, allowed)
    count = len(rows.readable)
    parts: list[Part] = []
    for kind, keys in keyed:
        wanted = np.flatnonzero(rows.readable & (keys != 0))
        _, places = np.unique(keys[wanted], return_inverse=True)
        parts.append((kind, wanted, places + count))
        count += int(places.max()) + 1 if len(places) else 0
    if "SPT002" not in allowed:
        parts += _near(rows.neighbours("whole"), like, count, parts, rows.readable)
    kinds = [np.full(len(wanted), kind, np.int8) for kind, wanted, _ in parts]
    ends = [np.concatenate([part[side] for part in parts]).astype(np.int64) for side in (1, 2)]
    return Ties(ends[0], ends[1], np.concatenate(kinds), count, _anchors(keyed))


Part = tuple[int, np.ndarray, np.ndarray]


def _near(graph: Neighbours, like: NearLeak, count: int, parts: Sequence[Part], rows: np.ndarray) -> list[Part]:
    """The pairs alike in wording; where those make too much of the set one group, the ones alike beyond a template.

    What is alike beyond it is alike in wording, and copies are tied whatever most rows share.
    """
    worded = graph.in_wording()
    short = min(like.threshold, like.short_threshold)
    found = worded.edges(like.threshold, short)
    if _largest(count, [*parts, (NEAR, found.a, found.b)], rows) * MOST <= rows.sum():
        return [(NEAR, found.a, found.b)]
    near = graph.edges(like.threshold, short)
    copies = worded.edges(max(COPIED, like.threshold))
    both = [(NEAR, each.a, each.b) for each in (near, copies)]
    return both if _largest(count, [*parts, *both], rows) * MOST <= rows.sum() else both[:1]


def _largest(count: int, parts: Sequence[Part], rows: np.ndarray) -> int:
    """Rows (boolean, one a row) of the largest component of so many nodes, of which the rows are the first."""
    a, b = (np.concatenate([part[side] for part in parts]).astype(np.int64) for side in (1, 2))
    return int(np.bincount(components(count, a, b)[: len(rows)][rows]).max(initial=0))


def _keys(rows: SetRows, sketches: np.ndarray, allowed: Collection[str]) -> list[tuple[int, np.ndarray]]:
    """(kind, uint64 key of each row or 0) of every kind of tie but the near ones."""
    keyed = [(SAME, exact(sketches))]
    if "SPT003" not in allowed:
        worded = np.where(sketches[:, Layout.ASKED] > 0, sketches[:, Layout.QUESTION], np.uint64(0))
        keyed.append((PROMPT, asked(worded, rows)))
        worded = np.where(sketches[:, Layout.ASKED] > 0, sketches[:, Layout.REORDERED], np.uint64(0))
        keyed.append((REORDERED, asked(worded, rows)))
    if "SPT004" not in allowed:
        for column in range(Layout.OPENING, sketches.shape[1]):
            kind = min(OPENING + column - Layout.OPENING, NAMED)
            keyed.append((kind, telling(sketches[:, column], column, rows)))
    return keyed


def _anchors(keyed: Sequence[tuple[int, np.ndarray]]) -> np.ndarray:
    """The widest key of each row (document before prompt before the row itself): most of its group share it."""
    out = keyed[0][1].copy()
    for kind, keys in keyed[1:]:
        if kind not in (OPENING, REORDERED):
            np.copyto(out, mix(keys + np.uint64(kind)), where=keys != 0)
    return out


def components(count: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """int64, shape (count,): the smallest node of the component of each node, for edges a-b."""
    labels = np.arange(count)
    while True:
        low = np.minimum(labels[a], labels[b])
        if (labels[a] == low).all() and (labels[b] == low).all():
            return labels
        for ends in (labels[a], labels[b]):
            np.minimum.at(labels, ends, low)
        while not np.array_equal(above := labels[labels], labels):
            labels = above


class Groups(NamedTuple):
    """The groups of the wanted rows."""

    of_row: np.ndarray  # int64, shape (rows,): the number of a row's group, -1 where it is in none
    sizes: np.ndarray  # int64, shape (groups,): rows
    anchors: np.ndarray  # uint64, shape (groups,): the smallest anchor of a group's rows


def groups(tied: Ties, wanted: np.ndarray) -> Groups:
    """The groups of the wanted rows (boolean, one a row), numbered in order of their anchors."""
    labels = components(tied.size, tied.rows, tied.nodes)[: len(wanted)]
    places = np.flatnonzero(wanted)
    _, numbers, sizes = np.unique(labels[places], return_inverse=True, return_counts=True)
    anchors = np.full(len(sizes), np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(anchors, numbers, tied.anchors[places])
    order = np.argsort(anchors, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    of_row = np.full(len(wanted), -1, np.int64)
    of_row[places] = rank[numbers]
    return Groups(of_row, sizes[order], anchors[order])


class Clash(NamedTuple):
    """A row that would join two splits: the row, and one row of each of them."""

    row: int
    joined: tuple[int, ...]


def clashes(tied: Ties, kept: np.ndarray, order: np.ndarray, *, stay: bool) -> list[Clash]:
    """The rows to set aside, so that no group holds rows of two splits but those that rows of both have had before.

    `kept` (int, one a row) is the split that a row had before, -1 for new rows; `order` ranks the rows by
    content, so that the order of lines does not matter. With `stay` these are new rows alone; without, of two old rows
    that turn out to belong together across splits (more is asked for than before) the one in the later split.
    """
    labels = components(tied.size, tied.rows, tied.nodes)
    low = np.full(tied.size, 127, np.int8)
    high = np.full(tied.size, -1, np.int8)
    old = np.flatnonzero(kept >= 0)
    np.minimum.at(low, labels[old], kept[old].astype(np.int8))
    np.maximum.at(high, labels[old], kept[old].astype(np.int8))
    torn = (high > low)[labels]
    if not torn[: len(kept)].any():
        return []
    concerned = np.flatnonzero(torn[: len(kept)])
    at = torn[tied.rows]
    joins: dict[int, list[int]] = {row: [] for row in concerned.tolist()}
    for row, node in zip(tied.rows[at].tolist(), tied.nodes[at].tolist(), strict=True):
        joins[row].append(node)
        if node < len(kept):
            joins[node].append(row)
    return list(_Joined(len(kept), stay).place(joins, kept, order))


class _Joined:
    """Components that grow row by row, each with the rows that gave it its split, or its splits."""

    def __init__(self, rows: int, stay: bool) -> None:
        self._above: dict[int, int] = {}
        self._owners: dict[int, dict[int, int]] = {}
        self._rows, self._stay = rows, stay

    def place(self, joins: dict[int, list[int]], kept: np.ndarray, order: np.ndarray) -> list[Clash]:
        found: list[Clash] = []
        placed: set[int] = set()
        for row in sorted(joins, key=lambda row: (kept[row] < 0, kept[row], order[row])):
            nodes = [node for node in joins[row] if node >= self._rows or node in placed]
            owners: dict[int, int] = {}
            for node in nodes:
                owners |= self._owners.get(self._find(node), {})
            split = int(kept[row])
            if split >= 0:
                owners[split] = row
            if len(owners) > 1 and (split < 0 or not self._stay):
                found.append(Clash(row, tuple(owners[split] for split in sorted(owners))))
                continue
            placed.add(row)
            if split >= 0:
                self._own(row, [node for node in nodes if node >= self._rows], split)
            else:
                self._join(row, nodes, owners)
        return found

    def _own(self, row: int, keys: list[int], split: int) -> None:
        """A row that has its split gives it to its keys, and is joined to none of them."""
        for node in (row, *keys):
            self._owners.setdefault(node, {})[split] = row

    def _join(self, row: int, nodes: list[int], owners: dict[int, int]) -> None:
        for node in nodes:
            self._above[self._find(node)] = self._find(row)
        self._owners[self._find(row)] = owners

    def _find(self, node: int) -> int:
        while (above := self._above.get(node, node)) != node:
            self._above[node] = self._above.get(above, above)
            node = above
        return node
