"""Documents that stand at an address, such as s3://bucket/sop/cleaning.md: found and read as those of a folder are."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePosixPath

from curator.errors import SourceError
from curator.sop.document import is_meant_as_document
from curator.sop.fetch import is_url
from curator.sop.reading import MAX_BYTES
from curator.sources.addresses import behind, is_address, opened


def is_elsewhere(source: str) -> bool:
    """Whether a source is an address that is no web page: those are fetched."""
    return is_address(source) and not is_url(source)


def documents_at(address: str, kinds: Collection[str]) -> list[str]:
    """The addresses behind one: itself, or the documents below it whose extension is among `kinds`, in order of name.

    Raises:
        SourceError: nothing stands there, no document does, or it cannot be reached.
        MissingExtraError: the package that reads addresses is not installed.
    """
    files = behind(address)
    if files == [address]:
        return files
    found = [file for file in files if (kind := _kind(file)) in kinds and (kind != ".json" or _is_meant(file))]
    if not found:
        raise SourceError("no documents there", where=address, hint=f"known are {', '.join(kinds)}")
    return found


def bytes_at(address: str) -> bytes:
    """What stands there. Raises SourceError where it cannot be read or is too large, and MissingExtraError."""
    with opened(address) as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        what = f"larger than {MAX_BYTES / 1e6:.0f} MB"
        raise SourceError(what, where=address, hint="cut it into documents")
    return data


def _kind(address: str) -> str:
    return PurePosixPath(address).suffix.lower()


def _is_meant(address: str) -> bool:
    """Whether a JSON file is a document; of another kind it is one that nobody meant."""
    try:
        return is_meant_as_document(bytes_at(address))
    except SourceError:
        return False
