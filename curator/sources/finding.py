"""Finds the data files behind the names a user gives: files, folders, "-"."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from curator.errors import UNREADABLE, SourceError
from curator.model import LeftOut
from curator.sources.addresses import behind, is_address
from curator.text.patterns import compiled_later

COMPRESSED = (".gz", ".gzip", ".zst", ".zstd")
EXTENSIONS = frozenset(
    {".jsonl", ".ndjson", ".jsonlines", ".json", ".csv", ".tsv", ".tab", ".parquet", ".pq", ".arrow", ".feather"}
)
# Names with a data file's extension that stand beside data and are none.
SIDE_FILES = compiled_later(
    r".*\.truth\.\w+|(.+\.)?rejected\.jsonl|aside\.jsonl|decisions\.jsonl"
    r"|dataset_infos?\.json|dataset_dict\.json|state\.json|split\.json|prepare\.json|handoff\.json|job\.json|run\.json|package(-lock)?\.json"
    r"|(adapter_|generation_|tokenizer_|preprocessor_)?config\.json|tokenizer\.json|vocab\.json"
    r"|special_tokens_map\.json|added_tokens\.json|trainer_state\.json|ds_config.*\.json",
    re.IGNORECASE,
)
_OURS = (b'{"baseline":1,"findings":', b'{"summary":{"curator":"')  # a baseline, a report
SPLITS = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
    "eval": "valid",
    "test": "test",
    "testing": "test",
    "holdout": "test",
    "heldout": "test",
}
TRAIN, VALID, TEST = range(3)
_SHARD = re.compile(r"[-_.]\d+[-_]of[-_]\d+$")
_NUMBER = re.compile(r"[-_.]?(?<!\d)\d+$")
_PARTS = re.compile(r"[-_. ]+")
_NAMELESS = re.compile(r"(data|part|shard|chunk|file)?[-_]?\d*|data", re.IGNORECASE)


class Found(NamedTuple):
    """A data file: its path as the user would write it, its split, whether `datasets` saved it, and whether its
    folder was named instead of it."""

    path: str
    split: str
    saved: bool = False
    in_folder: bool = False


Excluded = Callable[[str], bool]  # whether a file found in a folder is to be left out


def none(path: str) -> bool:
    """Leaves nothing out."""
    return False


def find(names: Sequence[str], excluded: Excluded = none) -> tuple[list[Found], list[LeftOut]]:
    """Every data file behind the names, each once, and what was left out.

    `excluded` judges the files found in folders; a file named outright is always there.

    Raises SourceError for a name that does not exist or a folder that holds no data.
    """
    found: list[Found] = []
    left: list[LeftOut] = []
    seen: set[tuple[int, int]] = set()
    for name in names:
        if not name:
            raise SourceError("an empty name is no file", hint="name a file or a folder; . is this folder")
        try:
            items = [(item, _identity(item.path)) for item in _behind(name, left, excluded)]
        except OSError as error:
            hint = "check the path and its permissions"
            raise SourceError(f"cannot be read: {error.strerror}", where=name, hint=hint) from error
        for item, identity in items:
            if identity in seen:
                left.append(LeftOut(item.path, "named twice: read once"))
            else:
                found.append(item)
            seen.add(identity)
    return found, left


def _identity(path: str) -> tuple[int, int]:
    """What two names of one file share."""
    if path == "-":
        return (-1, -1)
    if is_address(path):
        return (-2, int.from_bytes(blake2b(path.encode(), digest_size=8).digest(), "big"))
    stat = os.stat(path)  # noqa: PTH116
    return stat.st_dev, stat.st_ino


def split_of(path: str) -> str:
    """The split a file's name stands for: "train", "valid" or "test", else the name without extensions.

    A shard ("train-00000-of-00004.parquet") has the split of its whole; a name that says nothing
    ("data-00000.arrow", "part-1.jsonl") takes that of its folder. Of a name in parts the last or the first
    tells ("support_train.jsonl", "test_sft.parquet").
    """
    file = Path(path)
    stem = _stem(file)
    whole = _SHARD.sub("", stem)
    if known := SPLITS.get(_NUMBER.sub("", whole).lower()):
        return known
    if _NAMELESS.fullmatch(whole) and (known := SPLITS.get(file.parent.name.lower())):
        return known
    parts = _PARTS.split(_NUMBER.sub("", whole).lower())
    return SPLITS.get(parts[-1]) or SPLITS.get(parts[0]) or whole or stem


def split_number(split: str) -> int:
    """0 for what is trained on, 1 for "valid", 2 for "test".

    A name that says nothing counts as trained on: shards and sources of one set are no splits of it,
    while whatever stands beside a held-out file must not repeat it.
    """
    return {"valid": VALID, "test": TEST}.get(split, TRAIN)


def _stem(file: Path) -> str:
    name = file.name
    if file.suffix.lower() in COMPRESSED:
        name = file.stem
    stem, dot, extension = name.rpartition(".")
    return stem if dot and stem and f".{extension}".lower() in EXTENSIONS | {".txt"} else name


def extension_of(path: str) -> str:
    """The extension below that of a compression, in lower case: ".jsonl" for "train.jsonl.gz"."""
    file = Path(path)
    if file.suffix.lower() in COMPRESSED:
        file = file.with_suffix("")
    return file.suffix.lower()


def _behind(name: str, left: list[LeftOut], excluded: Excluded) -> Iterator[Found]:
    if name == "-":
        yield Found("-", "train")
    elif is_address(name):
        yield from _at_address(name, left, excluded)
    elif Path(name).is_dir():
        yield from (item._replace(in_folder=True) for item in _in_folder(Path(name), left, excluded))
    elif Path(name).exists():
        yield Found(name, split_of(name))
    else:
        raise _missing(name)


def _at_address(address: str, left: list[LeftOut], excluded: Excluded) -> Iterator[Found]:
    """The file at an address, or the data files below it."""
    files = behind(address)
    if files == [address]:
        yield Found(address, split_of(address))
        return
    for file in files:
        if SIDE_FILES.fullmatch(Path(file).name):
            left.append(LeftOut(file, "describes the data"))
        elif extension_of(file) not in EXTENSIONS:
            left.append(LeftOut(file, "no data by its extension"))
        elif excluded(file):
            left.append(LeftOut(file, "excluded by the configuration"))
        else:
            yield Found(file, split_of(file), in_folder=True)


def _missing(name: str) -> SourceError:
    path = Path(name)
    if path.is_symlink():
        return SourceError("the link points to nothing", where=name, hint=f"it names {os.readlink(path)}")  # noqa: PTH115
    if not path.parent.is_dir():
        folder = path.parent
        while not folder.is_dir():
            folder = folder.parent
        return SourceError(
            "no such file: its folder is missing", where=name, hint=f"this much of the path exists: {folder}"
        )
    near = nearest(path.name, [entry.name for entry in path.parent.iterdir() if not entry.name.startswith(".")])
    hint = "did you mean " + " or ".join(str(path.parent / other) for other in near) + "?" if near else ""
    return SourceError("no such file or folder", where=name, hint=hint or f"see what is there: ls {path.parent}")


def nearest(name: str, others: Sequence[str], most: int = 3) -> list[str]:
    """The names most like `name`, best first."""
    from rapidfuzz import fuzz, process

    hits = process.extract(name.lower(), others, scorer=fuzz.ratio, processor=str.lower, limit=most, score_cutoff=60)
    return [choice for choice, _, _ in hits]


def _in_folder(folder: Path, left: list[LeftOut], excluded: Excluded) -> Iterator[Found]:
    saved = _saved_files(folder)
    files: list[Found] = []
    for item in saved or _data_files(folder, left, set()):
        if excluded(item.path):
            left.append(LeftOut(item.path, "excluded by the configuration"))
        else:
            files.append(item)
    if saved and files:
        yield from files
        return
    # A folder laid out for a trainer: it reads the splits and nothing else.
    top = [item for item in files if Path(item.path).parent == folder]
    if any(item.split == "train" and _names_split(item.path) for item in top):
        splits = [item for item in files if _is_split(item)]
        left += [
            LeftOut(item.path, "stands beside train, valid and test files and is none of them")
            for item in files
            if item not in splits
        ]
        files = splits
    if not files:
        raise _no_data(folder, left)
    yield from files


def _names_split(path: str) -> bool:
    return _NUMBER.sub("", _SHARD.sub("", _stem(Path(path)))).lower() in SPLITS


def _is_split(item: Found) -> bool:
    """Whether a trainer that is given the folder takes the file for a split: by its whole name, not a part of it."""
    file = Path(item.path)
    return item.split in SPLITS.values() and (item.saved or _names_split(item.path) or _in_split_folder(file))


def _in_split_folder(file: Path) -> bool:
    return _NAMELESS.fullmatch(_SHARD.sub("", _stem(file))) is not None and file.parent.name.lower() in SPLITS


def _no_data(folder: Path, left: list[LeftOut]) -> SourceError:
    wanted = ".jsonl, .json, .csv, .tsv, .parquet, .arrow (also .gz and .zst), or a saved datasets folder"
    there = [Path(item.path).name for item in left]
    if not there and not any(folder.iterdir()):
        return SourceError("the folder is empty", where=str(folder), hint=f"data files are {wanted}")
    seen = f"; it holds {', '.join(sorted(there)[:5])}" if there else ""
    return SourceError(
        "the folder holds no data",
        where=str(folder),
        hint=f"data files are {wanted}{seen}; a file named outright is always read",
    )


def _data_files(folder: Path, left: list[LeftOut], visited: set[str]) -> Iterator[Found]:
    """The data files under a folder in order of name; a folder reached twice through links is read once."""
    real = os.path.realpath(folder)
    if real in visited:
        return
    visited.add(real)
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        left.append(LeftOut(str(folder), f"cannot be opened: {error.strerror}"))
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _saved_files(entry) or _data_files(entry, left, visited)
        elif not entry.exists():
            left.append(LeftOut(str(entry), "a link that points to nothing"))
        elif not entry.is_file():
            left.append(LeftOut(str(entry), "no regular file"))
        elif SIDE_FILES.fullmatch(entry.name):
            left.append(LeftOut(str(entry), "describes the data"))
        elif extension_of(entry.name) not in EXTENSIONS:
            left.append(LeftOut(str(entry), "no data by its extension"))
        elif _from_curator(entry):
            left.append(LeftOut(str(entry), "written by curator about the data"))
        else:
            yield Found(str(entry), split_of(str(entry)))


def _from_curator(file: Path) -> bool:
    """Whether a file of any name is a baseline or a report: by how it begins."""
    try:
        with file.open("rb") as opened:
            return opened.read(64).startswith(_OURS)
    except OSError:
        return False


def _saved_files(folder: Path) -> list[Found]:
    """The Arrow files of a folder written by `Dataset.save_to_disk` or `DatasetDict.save_to_disk`."""
    listed = _json(folder / "dataset_dict.json").get("splits")
    if isinstance(listed, list):
        return [item for split in listed for item in _saved_files(folder / str(split))]
    state = _json(folder / "state.json")
    files = state.get("_data_files")
    if not isinstance(files, list):
        return []
    split = str(state.get("_split") or folder.name)
    split = SPLITS.get(folder.name.lower()) or SPLITS.get(split.lower(), split)
    paths = [folder / file["filename"] for file in files if isinstance(file, dict) and "filename" in file]
    for path in paths:
        if not path.exists():
            raise SourceError(
                "a file of the saved data set is missing",
                where=str(path),
                hint=f"{folder / 'state.json'} lists it; save the set again",
            )
    return [Found(str(path), split, saved=True) for path in paths]


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, *UNREADABLE):
        return {}
    return value if isinstance(value, dict) else {}
