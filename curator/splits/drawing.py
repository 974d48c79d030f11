"""Draws a split for every group of rows: by a hash of the group and the seed, so that nothing else matters.

What was split before keeps its split; only the rest is drawn. A group's chance does not depend on the other
groups, unless numbers of rows, strata or a least size are asked for: then groups go in order of their hash.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from curator.checks.splits import NearLeak
from curator.errors import UsageError
from curator.model import Example
from curator.provenance import said, value_at
from curator.report.tally import counted
from curator.scan.rows import SetRows
from curator.sources import Source
from curator.splits.grouping import ALLOWED, REASONS, Clash, Groups, Ties, clashes, groups, ties
from curator.text.hashed import mix
from curator.text.languages import voted

SPLITS = ("train", "valid", "test")
SMALLEST = 4  # rows of a held-out split, where nothing is asked and the set has so many to give
LARGEST = 4  # a group of more than a quarter of the rows is trained on

Members = Mapping[str, Sequence[Sequence[str]]]  # split -> groups -> anchor and content ids


class Wish(msgspec.Struct, frozen=True):
    """What a split is to be like.

    `ratio` weighs train, valid and test; `count`, where given, is the number of rows of valid and test in its
    place; `exact` meets the shares to the row, as far as the groups allow. `min_rows` is the least a split may
    have (0: four, where the set has them to give). `stratify` is "source", "language" (of the answers, where a row
    names none), "label", "length" or a key of the rows; `group_by` names keys whose values stay together, `allow`
    codes of leaks that do not matter here.
    """

    ratio: tuple[float, ...] = (80, 10, 10)
    count: tuple[int, ...] | None = None
    exact: bool = False
    seed: int = 0
    stratify: str = ""
    group_by: tuple[str, ...] = ()
    min_rows: int = 0
    allow: tuple[str, ...] = ()

    def asks_no_more_than(self, other: Wish) -> bool:
        """Whether no rows are to stay together that the other did not want together."""
        return {*self.group_by} <= {*other.group_by} and {*self.allow} >= {*other.allow}

    def asked_otherwise(self, other: Wish) -> tuple[str, ...]:
        """What is asked for that the other did not, as options: "--seed 5 (was 0)"; ratios tell where no count does."""
        names = [
            name for name in ("ratio", "count", "exact", "seed", "stratify", "min_rows") if _differs(self, other, name)
        ]
        return tuple(f"{_option(self, name)} (was {_value(other, name)})" for name in names)


def _differs(one: Wish, two: Wish, name: str) -> bool:
    if name == "ratio" and (one.count or two.count):
        return False
    return bool(getattr(one, name) != getattr(two, name))


def _value(wish: Wish, name: str) -> str:
    value = getattr(wish, "ratio" if name == "count" and wish.count is None else name)
    if isinstance(value, tuple):
        return "/".join(f"{part:g}" for part in value)
    return (
        ("asked for" if value else "not asked for")
        if isinstance(value, bool)
        else (str(value) if value != "" else "none")
    )


def _option(wish: Wish, name: str) -> str:
    named = "ratio" if name == "count" and wish.count is None else name.replace("_", "-")
    value = getattr(wish, name)
    return f"--{named}" if value is True else f"no --{named}" if value is False else f"--{named} {_value(wish, name)}"


class Drawn(NamedTuple):
    """Where every row goes: an index into SPLITS, -1 for lines that are no rows and rows set aside."""

    split: np.ndarray  # int8, shape (rows,)
    groups: Groups
    tied: Ties
    aside: list[Clash]
    kept: int  # rows that stay in the split they had
    repeats: int  # rows that were added, and go with a row of the last split that they repeat
    lost: int  # rows set aside that had one
    stays: np.ndarray  # bool, shape (rows,): the row keeps its split whatever the others are


class Draw:
    """Draws a split for every group of rows."""

    def __init__(
        self,
        rows: SetRows,
        wish: Wish,
        last: Members | None,
        sources: Sequence[Source],
        like: NearLeak | None = None,
        wished: Wish | None = None,
    ) -> None:
        """`last` holds the groups of the split before, `wished` what that was to be like."""
        self.rows, self.wish, self.last, self.sources = rows, wish, last, sources
        self.repeats = 0
        self.kept = self._kept()
        self.stay = wished is not None and wish.asks_no_more_than(wished)
        self.tied = ties(rows, rows.sketches("SPT004"), wish.allow, like).unless_near(self.kept)

    def tie(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Tie pairs of rows that were not: what is alike depends a little on the rows around it."""
        self.tied = self.tied.tie(pairs)

    def run(self) -> Drawn:
        rows, wanted = self.rows, self.rows.readable.copy()
        tied, kept = self.tied, self.kept
        aside = clashes(tied, kept, _rank(rows.ids), stay=self.stay) if self.last is not None else []
        if aside:
            gone = np.zeros(len(wanted), dtype=bool)
            gone[[clash.row for clash in aside]] = True
            tied, wanted = tied.without(gone), wanted & ~gone
        if self.stay:
            tied = tied.unless_parted(kept)
        found = groups(tied, wanted)
        split = self._assign(found, kept)
        of_row = np.where(found.of_row >= 0, split[found.of_row], -1).astype(np.int8)
        lost = sum(int(kept[clash.row]) >= 0 for clash in aside)
        stayed = int((kept >= 0).sum()) - lost - self.repeats
        return Drawn(of_row, found, tied, aside, stayed, self.repeats, lost, self.stay & (kept >= 0))

    def _kept(self) -> np.ndarray:
        """int64, one a row: the split a row had before, -1 for new rows."""
        out = np.full(len(self.rows.readable), -1)
        if self.last is None:
            return out
        places = {
            row: SPLITS.index(name) for name, members in self.last.items() for group in members for row in group[1:]
        }
        met: Counter[str] = Counter()
        for index in np.flatnonzero(self.rows.readable).tolist():
            row = self.rows.content_id(index)
            out[index] = places.get(row, -1)
            met[row] += row in places
        had = Counter(row for members in self.last.values() for group in members for row in group[1:])
        self.repeats = sum((met - had).values())
        return out

    # ------------------------------------------------------------------ groups to splits

    def _assign(self, found: Groups, kept: np.ndarray) -> np.ndarray:
        """int8, one a group."""
        total = int(found.sizes.sum())
        parts = [0, *(k for k in (1, 2) if self._share(k, total) > 0)]
        self._refuse_dropping(parts, kept)
        if len(found.sizes) < len(parts):
            raise self._too_few(found, len(parts))
        split = np.full(len(found.sizes), -1, np.int8)
        old = np.flatnonzero((kept >= 0) & (found.of_row >= 0))
        split[found.of_row[old]] = kept[old]
        self._by_anchor(found, split)
        self._pinned = split >= 0
        split[~self._pinned & (found.sizes * LARGEST > total)] = 0
        if self.wish.stratify:
            self._in_strata(found, split)
        elif self.wish.count is not None:
            self._to_count(found, split, self.wish.count)
            if not (split == 0).any():
                raise UsageError("no row is left to train on", hint="ask for fewer rows of valid and test")
        elif self.wish.exact:
            self._to_count(found, split, (round(self._share(1, total) * total), round(self._share(2, total) * total)))
        else:
            self._by_chance(found, split)
        self._fill(found, split, parts)
        return split

    def _too_few(self, found: Groups, parts: int) -> UsageError:
        rows = int(found.sizes.sum())
        if rows < parts:
            return UsageError(
                f"{parts} splits need as many rows: there {'is' if rows == 1 else 'are'} {rows}",
                hint="add data, or ask for fewer splits",
            )
        return UsageError(
            f"the {counted(rows, 'row')} form {counted(len(found.sizes), 'group')} that must not be parted, "
            f"and {parts} splits are asked for",
            hint=self._way_out(found.of_row >= 0, parts),
        )

    def _way_out(self, wanted: np.ndarray, parts: int) -> str:
        """The leak to allow that leaves enough groups, and the most; what else can be done where none does."""
        made = {
            name: len(groups(self.tied.but(kinds), wanted).sizes)
            for name, kinds in ALLOWED.items()
            if np.isin(self.tied.kinds, kinds).any()
        }
        name = max(made, key=made.__getitem__, default="")
        if name and made[name] >= parts:
            return f"{REASONS[name]}: if that is meant, --allow {name} makes {made[name]:,} groups of them"
        return "add data, ask for fewer splits" + (", or name fewer keys to --group-by" if self.wish.group_by else "")

    def _share(self, k: int, total: int) -> float:
        """The share of the rows that split k is to have."""
        if self.wish.count is None:
            return self.wish.ratio[k] / sum(self.wish.ratio)
        return self.wish.count[k - 1] / total if k else max(0.0, 1 - sum(self.wish.count) / total)

    def _refuse_dropping(self, parts: Sequence[int], kept: np.ndarray) -> None:
        """Raises UsageError where rows keep a split that is not asked for."""
        for k in {1, 2}.difference(parts):
            if rows := int((kept == k).sum()):
                asked = "/".join(f"{part:g}" for part in (self.wish.count or self.wish.ratio[: 1 + max(parts)]))
                raise UsageError(
                    f"{rows:,} rows are in the {SPLITS[k]} split of the last time, and {asked} asks for none",
                    hint=f"ask for {SPLITS[k]} too, draw all rows anew (--fresh), or split into another folder",
                )

    def _by_anchor(self, found: Groups, split: np.ndarray) -> None:
        """A group all of whose rows were changed since is known by its anchor."""
        if self.last is None:
            return
        known = {group[0]: SPLITS.index(name) for name, members in self.last.items() for group in members}
        for n in np.flatnonzero(split < 0).tolist():
            split[n] = known.get(hex_of(found.anchors[n]), -1)

    def _chance(self, found: Groups, salt: str) -> np.ndarray:
        """float64 in [0, 1), one a group: depends on the group's anchor, the seed and the salt alone."""
        digest = hashlib.blake2b(f"{self.wish.seed} {salt}".encode(), digest_size=8).digest()
        mixed = mix(mix(found.anchors + np.frombuffer(digest, "<u8")))
        chance: np.ndarray = (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)
        return chance

    def _by_chance(self, found: Groups, split: np.ndarray) -> None:
        """Each group by itself: what the others are, or how many, does not matter."""
        chance = self._chance(found, "split")
        test = self._share(2, 1)
        drawn = np.where(chance < test, 2, np.where(chance < test + self._share(1, 1), 1, 0))
        split[split < 0] = drawn[split < 0]

    def _to_count(self, found: Groups, split: np.ndarray, count: Sequence[int]) -> None:
        """Groups in order of their hash, while they fit."""
        for k in (2, 1):
            want = count[k - 1] - int(found.sizes[split == k].sum())
            for n in self._in_order(found, np.flatnonzero(split < 0), SPLITS[k]):
                if found.sizes[n] <= want:
                    split[n] = k
                    want -= int(found.sizes[n])
            if want > 0 and self.wish.count:
                what = f"{count[k - 1]:,} rows for {SPLITS[k]}"
                hint = f"{want:,} are missing: the groups left are larger, or all rows are taken; ask for other numbers"
                if kept := int((self.kept >= 0).sum()):
                    what += f" beside the {kept:,} rows that keep the split they had (split.json)"
                    hint = f"{want:,} are missing: draw all rows anew (--fresh), or split into another folder"
                raise UsageError(f"the groups do not come to {what}", hint=hint)
        split[split < 0] = 0

    def _in_strata(self, found: Groups, split: np.ndarray) -> None:
        """Stratum by stratum, each group to the split that lacks most of its share so far."""
        strata = self._strata(found)
        total = int(found.sizes.sum())
        shares = np.array([self._share(k, total) for k in range(3)])
        lacks = np.zeros(3)
        chance = self._chance(found, "stratum")
        for n in sorted(range(len(split)), key=lambda n: (strata[n], chance[n])):
            lacks += shares * found.sizes[n]
            if split[n] < 0:
                split[n] = int(np.argmax(lacks))
            lacks[split[n]] -= found.sizes[n]

    def _strata(self, found: Groups) -> list[str]:
        """What the row with the smallest content id of each group says of the key to stratify by."""
        rows, wish = self.rows, self.wish
        rank = _rank(rows.ids)
        out = [""] * len(found.sizes)
        best = [len(rank)] * len(found.sizes)
        seen = False
        for index in np.flatnonzero(found.of_row >= 0).tolist():
            n = int(found.of_row[index])
            value = self._stratum(index)
            seen = seen or value is not None
            if rank[index] < best[n]:
                best[n], out[n] = int(rank[index]), value or ""
        if not seen:
            keys = sorted({key for row in self._first() for key in row})
            hint = f"keys of the rows: {', '.join(map(repr, keys[:12]))}; a key below another is written meta.lang"
            raise UsageError(f"no row says its {wish.stratify}", where="--stratify", hint=hint)
        return out

    def _first(self) -> Iterator[dict[str, Any]]:
        for index in np.flatnonzero(self.rows.readable)[:100].tolist():
            yield self.rows.value_and_raw(index)[0]

    def _stratum(self, index: int) -> str | None:
        rows, key = self.rows, self.wish.stratify
        if key == "length":
            return f"{int(rows.tokens[index]).bit_length():02}"
        value, _ = rows.value_and_raw(index)
        if (found := value_at(value, key)) is not None:
            return found
        if key == "label" and (label := rows.example(index).label) is not None:
            return str(label)
        if (found := next((item.value for item in said(value) if item.kind == key), None)) is not None:
            return found
        if key == "language":
            return _language(rows.example(index))
        return self.sources[rows.source_of(index)].path if key == "source" and len(self.sources) > 1 else None

    def _fill(self, found: Groups, split: np.ndarray, parts: Sequence[int]) -> None:
        """No split is smaller than asked: groups come from train, then from the others, in order of their hash."""
        total = int(found.sizes.sum())
        for k in (2, 1, 0):
            if k not in parts:
                continue
            least = self.wish.min_rows or (max(1, min(SMALLEST, int(self._share(k, total) * total))) if k else 1)
            for donor in (other for other in (0, 1, 2) if other != k):
                self._give(found, split, donor, k, least)
            has = int(found.sizes[split == k].sum())
            if has < least and (self.wish.min_rows or not has):
                kept = "; --fresh draws the kept rows anew" if self.last else ""
                raise UsageError(
                    f"{SPLITS[k]} would have {has:,} rows, and {least:,} are the least",
                    hint=f"{total:,} rows in {len(split):,} groups do not give more: lower --min-rows, ask for fewer "
                    f"splits (--ratio 90/10), or add data{kept}",
                )

    def _give(self, found: Groups, split: np.ndarray, donor: int, k: int, least: int) -> None:
        """Move groups from one split to another until that has enough; the donor keeps enough itself.

        Those that fit into the share of the split come first: a large one would make it many times what was asked for.
        """
        total = int(found.sizes.sum())
        fits = max(least, int(self._share(k, total) * total)) - int(found.sizes[split == k].sum())
        mine = self._in_order(found, np.flatnonzero((split == donor) & ~self._pinned), f"{SPLITS[k]} filled")
        for n in sorted(mine, key=lambda n: max(0, int(found.sizes[n]) - fits)):
            if found.sizes[split == k].sum() >= least:
                return
            if found.sizes[split == donor].sum() - found.sizes[n] >= max(1, self.wish.min_rows):
                split[n] = k

    def _in_order(self, found: Groups, of: np.ndarray, salt: str) -> list[int]:
        order: list[int] = of[np.argsort(self._chance(found, salt)[of], kind="stable")].tolist()
        return order


def _language(example: Example) -> str | None:
    """The language that the answers of a row are in, or all its turns where no answer tells; None where none does."""
    turns = example.all_turns()
    answers = "\n".join(turn.text for turn in turns if turn.role == "assistant")
    return voted(answers) or voted("\n".join(turn.text for turn in turns)) or None


def _rank(ids: np.ndarray) -> np.ndarray:
    """int64, one a row: the place of each content id among all; equal rows rank as they stand."""
    order = np.lexsort(ids.T[::-1])
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def hex_of(anchor: np.uint64) -> str:
    return f"{int(anchor):016x}"
