"""Files that stand elsewhere: s3://bucket/set.jsonl, gs://, hf:// and whatever else fsspec opens (extra `s3`).

They are copied whole to this machine before they are read, since their kind is told by content; where the copy is
byte for byte what stands there, workers elsewhere read their spans from the address.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, BinaryIO

from curator.errors import ChangedError, CuratorError, MissingExtraError, SourceError
from curator.sources.source import Span

_SILENT = 30.0  # seconds without a byte, or until somebody answers
_ADDRESS = re.compile(r"[a-z][a-z0-9+]+://", re.IGNORECASE)


def is_address(name: str) -> bool:
    """Whether a name is an address and no path."""
    return _ADDRESS.match(name) is not None


def behind(address: str) -> list[str]:
    """The addresses of the files behind one: itself, or the files below it in order of name.

    Raises:
        SourceError: nothing stands there, or it cannot be reached.
        MissingExtraError: the package that speaks its protocol is not installed.
    """
    with _told(address):
        files, path = _opener(address)
        if _is_file(files, path):
            return [address]
        scheme = address.partition("://")[0]
        found = sorted(files.find(path)) if files.exists(path) else []
    if not found:
        raise SourceError("nothing stands there", where=address, hint="check the address and the rights to list it")
    return [name if is_address(name) else f"{scheme}://{name}" for name in found]


def _is_file(files: Any, path: str) -> bool:
    """As `files.isfile`, which takes every error for an answer, and a server that is silent is asked again."""
    try:
        return bool(files.info(path)["type"] == "file")
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def opened(address: str) -> Iterator[BinaryIO]:
    """The bytes of a file, as a stream. Raises as `behind`."""
    with _told(address):
        files, path = _opener(address)
        with files.open(path, "rb") as stream:
            yield stream


def fetched(address: str, span: Span, size: int) -> bytes:
    """Some bytes of a file that was of `size` bytes. Raises ChangedError where it is not any more, and as `behind`."""
    with _told(address):
        files, path = _opener(address)
        if files.info(path)["size"] != size:
            raise ChangedError("the file changed while it was read", where=address, hint="run the command again")
        data: bytes = files.cat_file(path, start=span.start, end=span.stop)
    return data


def _opener(address: str) -> tuple[Any, str]:
    return _opener_of(address, os.getpid())


@cache
def _opener_of(address: str, process: int) -> tuple[Any, str]:
    """What opens an address, one for each process: a fork cannot use the connections of the process it came from."""
    try:
        import fsspec
    except ImportError:
        raise MissingExtraError("reading from an address", "s3") from None
    found: tuple[Any, str] = fsspec.core.url_to_fs(address, **_patience(address))
    return found


def _patience(address: str) -> dict[str, Any]:
    """How long a server may be silent, on top of what the user's configuration of fsspec says.

    Left to aiohttp it is five minutes, and so is a download that goes well; s3fs tries each of botocore's tries anew.
    """
    from fsspec.config import conf

    scheme = address.partition("://")[0].lower()
    said = conf.get(scheme, {})
    if scheme in ("http", "https"):
        from aiohttp import ClientTimeout

        patience = ClientTimeout(total=None, sock_connect=_SILENT, sock_read=_SILENT)
        return {"client_kwargs": {"timeout": patience} | said.get("client_kwargs", {})}
    if scheme in ("s3", "s3a"):
        return {"config_kwargs": {"retries": {"max_attempts": 0}} | said.get("config_kwargs", {})}
    return {}


@contextlib.contextmanager
def _told(address: str) -> Iterator[None]:
    """What goes wrong, in the user's words."""
    try:
        yield
    except ImportError as error:  # fsspec names the package that speaks the protocol
        raise SourceError(
            f"cannot be read: {error}", where=address, hint='pip install "finetune-curator[s3]"'
        ) from error
    except (CuratorError, MemoryError):
        raise
    except Exception as error:  # those that speak the protocols raise errors of their own, and all others
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise  # what is read is copied to this machine
        said = " ".join(str(error).split())[:200] or type(error).__name__
        hint = "check the address, the network and the credentials (of S3: AWS_PROFILE, AWS_ENDPOINT_URL)"
        raise SourceError(f"cannot be read: {said}", where=address, hint=hint) from error
