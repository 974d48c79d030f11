"""The prepared set: token ids and trained runs of every row, memory-mapped, made once and re-used by its hash."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from curator import templates
from curator.errors import UNREADABLE
from curator.scan.collector import uncollected
from curator.scan.recall import code_stamp
from curator.sources import Source
from curator.sources.finding import split_number
from curator.splits.drawing import SPLITS
from curator.splits.splitting import sha256
from curator.templates.named import cache_root
from curator.training.record import DataFile
from curator.training.rows import Cut, Tally, Tokeniser, TokenRow, load_tokenizer, new_tally
from curator.writing import passing_folder, reach_disk

if TYPE_CHECKING:
    from curator.config import Config
    from curator.recipe import Recipe

_HEAD = "head.json"


class Piece(NamedTuple):
    """One row: ids (int32, shape (tokens,)), trained runs (int32, shape (runs, 2)) and their weights."""

    ids: np.ndarray
    runs: np.ndarray
    weights: np.ndarray


class Rows:
    """The rows of a split, read from the memory map as they are asked for."""

    def __init__(self, file: Path) -> None:
        import pyarrow as pa

        self._map = pa.memory_map(str(file))
        self._reader = pa.ipc.open_file(self._map)
        self._batches = [self._reader.get_batch(n) for n in range(self._reader.num_record_batches)]
        self._bounds: list[int] = [0, *accumulate(batch.num_rows for batch in self._batches)]
        self.lengths = self._column("ids_length", np.int32)
        self.trained = self._column("trained", np.int32)
        self.starts = self._column("start", np.int32)
        self.lines = self._column("line", np.int64)

    def _column(self, name: str, kind: Any) -> np.ndarray:
        parts = [batch.column(name).to_numpy(zero_copy_only=False) for batch in self._batches]
        return np.concatenate(parts).astype(kind) if parts else np.zeros(0, kind)

    def __len__(self) -> int:
        return self._bounds[-1]

    def __getitem__(self, index: int) -> Piece:
        n = bisect_right(self._bounds, index) - 1
        batch, at = self._batches[n], index - self._bounds[n]
        found = []
        for name in ("ids", "runs", "weights"):
            column = batch.column(name)
            low, high = column.offsets[at].as_py(), column.offsets[at + 1].as_py()
            found.append(column.values.to_numpy(zero_copy_only=True)[low:high])
        return Piece(found[0], found[1].reshape(-1, 2), found[2])

    def __iter__(self) -> Iterator[Piece]:
        return (self[n] for n in range(len(self)))

    def first_trained(self) -> np.ndarray:
        """The place of the first trained token of each row; int32, shape (rows,)."""
        runs = [batch.column("runs") for batch in self._batches]
        parts = [column.values.to_numpy()[column.offsets.to_numpy()[:-1]] for column in runs]
        return np.concatenate(parts) if parts else np.zeros(0, np.int32)

    def strings(self, name: str) -> list[str]:
        """The column "row" (content ids, 32 hex digits), "file" or "tag"."""
        found: list[str] = []
        for batch in self._batches:
            column = batch.column(name)
            found += [value.hex() for value in column.to_pylist()] if name == "row" else column.to_pylist()
        return found


class Prepared(NamedTuple):
    """A set that is ready to be trained on. `splits` holds "train" and, where there are any, "valid" and "test"."""

    hash: str
    folder: Path
    splits: dict[str, Rows]
    files: dict[str, DataFile]
    tally: Tally
    reused: bool


class _Head(msgspec.Struct):
    files: dict[str, DataFile]
    cuts: list[Cut]
    facts: dict[str, int]
    places: dict[str, list[str]]


def prepared_key(hashes: dict[str, str], config: Config, recipe: Recipe, spec: str, tokenizer: str, limit: int) -> str:
    """BLAKE2b-128 of everything that ids and masks depend on."""
    body = {
        "code": code_stamp(),
        "data": hashes,
        "shape": [config.shape, list(config.map.items()), bool(config.map) and config.map_forced],
        "mask": [recipe.train_on, recipe.reasoning, recipe.overlong, limit],
        "template": templates.stamp(spec),
        "tokenizer": tokenizer,
    }
    return hashlib.blake2b(msgspec.json.encode(body, order="deterministic"), digest_size=16).hexdigest()


def prepare(
    sources: Sequence[Source],
    config: Config,
    recipe: Recipe,
    spec: str,
    model: Path,
    limit: int,
    *,
    root: Path | None = None,
) -> Prepared:
    """Token ids and masks of all splits, from the cache where they were made before.

    Raises:
        CuratorError: the data, the template or the tokenizer cannot be read.
    """
    hashes = {source.path: sha256(source.data) for source in sources}
    stamp = tokenizer_hash(model)
    key = prepared_key(hashes, config, recipe, spec, stamp, limit)
    folder = (root or cache_root() / "prepared") / key
    found = _kept(folder)
    if found is None:
        _make(sources, hashes, folder, Tokeniser(config, recipe, spec, load_tokenizer(model), limit))
    head, splits = found or _read(folder)
    tally = Tally(head.cuts, Counter(head.facts), head.places)
    os.utime(folder)
    return Prepared(key, folder, splits, head.files, tally, found is not None)


def _read(folder: Path) -> tuple[_Head, dict[str, Rows]]:
    head = msgspec.json.decode((folder / _HEAD).read_bytes(), type=_Head)
    return head, {name: Rows(folder / f"{name}.arrow") for name in head.files}


def _kept(folder: Path) -> tuple[_Head, dict[str, Rows]] | None:
    """What was made before; None where nothing was, or where it can no longer be read: it is made anew."""
    try:
        return _read(folder)
    except (OSError, KeyError, *UNREADABLE):
        return None


def tokenizer_hash(model: Path) -> str:
    """SHA-256 of tokenizer.json; of the tokenizer's other files where there is none."""
    if (model / "tokenizer.json").is_file():
        return sha256(model / "tokenizer.json")
    files = [file for name in ("tokenizer.model", "vocab.json", "merges.txt") if (file := model / name).is_file()]
    return hashlib.sha256("".join(sha256(file) for file in files).encode()).hexdigest()


def _make(sources: Sequence[Source], hashes: dict[str, str], folder: Path, tokeniser: Tokeniser) -> None:
    """Write the set into a folder that appears whole or not at all."""
    import pyarrow as pa

    tally = new_tally()
    files: dict[str, DataFile] = {}
    with uncollected(), passing_folder(folder) as passing:
        new = passing / "new"
        new.mkdir()
        for k, name in enumerate(SPLITS):
            mine = [source for source in sources if split_number(source.split) == k]
            if not mine:
                continue
            rows, trained, tokens, wanted = 0, 0, 0, 0
            with pa.OSFile(str(new / f"{name}.arrow"), "wb") as sink, pa.ipc.new_file(sink, _schema()) as writer:
                for source in mine:
                    for batch in tokeniser.rows(source, tally):
                        writer.write_batch(_batch(batch, source.path))
                        trained += len(batch)
                        tokens += sum(len(row.ids) for row in batch)
                        wanted += sum(stop - start for row in batch for start, stop, _ in row.runs)
                    rows += _rows_of(source)
                    source.check_unchanged()
            whole = [hashes[source.path] for source in mine]
            one = whole[0] if len(mine) == 1 else hashlib.sha256("".join(whole).encode()).hexdigest()
            path = ", ".join(source.path for source in mine)
            files[name] = DataFile(path, rows, one, trained, tokens, wanted)
        head = _Head(files, tally.cuts, dict(tally.facts), tally.places)
        (new / _HEAD).write_bytes(msgspec.json.encode(head))
        reach_disk(new)
        if folder.exists():  # another process was faster
            shutil.rmtree(folder)
        new.rename(folder)


def _rows_of(source: Source) -> int:
    with source.data.open("rb") as file:
        return sum(1 for line in file if line.strip())


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema(
        {
            "ids": pa.list_(pa.int32()),
            "runs": pa.list_(pa.int32()),
            "weights": pa.list_(pa.float32()),
            "row": pa.binary(16),
            "file": pa.string(),
            "line": pa.int64(),
            "tag": pa.string(),
            "ids_length": pa.int32(),
            "trained": pa.int32(),
            "start": pa.int32(),
        }
    )


def _batch(rows: Sequence[TokenRow], path: str) -> Any:
    import pyarrow as pa

    runs = [[edge for start, stop, _ in row.runs for edge in (start, stop)] for row in rows]
    columns = [
        _lists([row.ids for row in rows], np.int32),
        _lists(runs, np.int32),
        _lists([[weight for _, _, weight in row.runs] for row in rows], np.float32),
        pa.array([row.row for row in rows], pa.binary(16)),
        pa.array([path] * len(rows), pa.string()),
        pa.array([row.line for row in rows], pa.int64()),
        pa.array([row.tag for row in rows], pa.string()),
        pa.array([len(row.ids) for row in rows], pa.int32()),
        pa.array([sum(stop - start for start, stop, _ in row.runs) for row in rows], pa.int32()),
        pa.array([row.runs[-1][0] for row in rows], pa.int32()),
    ]
    return pa.record_batch(columns, schema=_schema())


def _lists(parts: Sequence[Sequence[Any]], kind: Any) -> Any:
    """A list array made of one flat buffer: many times as fast as from nested lists."""
    import pyarrow as pa

    offsets = np.zeros(len(parts) + 1, np.int32)
    np.cumsum([len(part) for part in parts], out=offsets[1:])
    flat = np.fromiter(chain.from_iterable(parts), kind, int(offsets[-1]))
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat))


def best_fit(lengths: Sequence[int], room: int) -> list[list[int]]:
    """Rows in packs of at most `room` tokens: the longest first, each into the fullest pack it fits.

    Best-fit decreasing; the order within a pack and of the packs depends on the lengths alone. A row longer than
    `room` is a pack by itself. O(n log n).
    """
    from bisect import insort

    packs: list[list[int]] = []
    open_: list[tuple[int, int]] = []  # (room left, pack), sorted
    for index in sorted(range(len(lengths)), key=lambda n: (-lengths[n], n)):
        size = int(lengths[index])
        at = bisect_right(open_, (size - 1, len(packs)))
        if at < len(open_):
            left, pack = open_.pop(at)
        else:
            left, pack = room, len(packs)
            packs.append([])
        packs[pack].append(index)
        if left - size > 0:
            insort(open_, (left - size, pack))
    return packs


def waste(lengths: np.ndarray, groups: Iterable[Sequence[int]], packing: str, room: int, batch: int) -> float:
    """The share of padding in what a device computes, for rows in these groups (batches, or packs of a batch)."""
    total = int(lengths.sum())
    if packing == "flat" or not total:
        return 0.0
    if packing == "none":
        computed = sum(len(group) * max(int(lengths[n]) for n in group) for group in groups)
    else:
        computed = sum(max(room, sum(int(lengths[n]) for n in group)) for group in groups)
    return 1 - total / computed


def key_of(value: Any) -> str:
    """SHA-256 of a JSON value in canonical form."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
