"""Pages from the network, only where the user asks: robots respected, sizes and times limited, public addresses alone.

The address that was checked is the one that is connected to, so no second look-up can lead elsewhere; every redirect
is checked as the first address was. Proxies of the environment are not used.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit, urlunsplit
from urllib.robotparser import RobotFileParser

from curator.errors import SourceError

AGENT = "finetune-curator"
MOST_BYTES = 20_000_000
SECONDS = 30.0
_REDIRECTS = 5
_ROBOTS_BYTES = 500_000


class Page(NamedTuple):
    """What a URL gave, after redirects."""

    url: str
    data: bytes


def is_url(source: str) -> bool:
    """Whether a source is a web address."""
    return source.lower().startswith(("http://", "https://"))


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public network."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_global and not (mapped or parsed).is_multicast


class Fetcher:
    """Fetches pages and remembers the robots rules of their hosts. `allowed` decides on each IP address."""

    def __init__(
        self, allowed: Callable[[str], bool] = is_public, *, seconds: float = SECONDS, most: int = MOST_BYTES
    ) -> None:
        self._allowed, self._seconds, self._most = allowed, seconds, most
        self._robots: dict[str, RobotFileParser] = {}

    def fetch(self, url: str) -> Page:
        """The page at a URL.

        Raises:
            SourceError: the address is refused, forbidden by robots.txt, too slow or too large, or no answer came.
        """
        end = time.monotonic() + self._seconds
        asked = url
        for _ in range(_REDIRECTS + 1):
            self._ask_robots(url, end)
            status, headers, data = self._get(url, end, self._most)
            if status not in (301, 302, 303, 307, 308) or "location" not in headers:
                if status != 200:
                    hint = (
                        "save the page while you are signed in, and name the file"
                        if status in (401, 403)
                        else "open it in a browser"
                    )
                    raise SourceError(f"the server answered {status}", where=asked, hint=hint)
                return Page(url, data)
            url = urljoin(url, headers["location"])
        raise SourceError(
            f"more than {_REDIRECTS} redirects", where=asked, hint="open it in a browser and save the page"
        )

    def _ask_robots(self, url: str, end: float) -> None:
        parts = urlsplit(url)
        home = urlunsplit((parts.scheme, parts.netloc, "/robots.txt", "", ""))
        if home not in self._robots:
            rules = RobotFileParser()
            status, _, data = self._get(home, end, _ROBOTS_BYTES, cut=True)
            if status in (401, 403) or status >= 500:
                rules.parse(["User-agent: *", "Disallow: /"])
            else:
                rules.parse(data.decode("utf-8", "replace").splitlines() if status == 200 else [])
            self._robots[home] = rules
        if not self._robots[home].can_fetch(AGENT, url):
            raise SourceError(
                "robots.txt of the site forbids it", where=url, hint="open it in a browser and save the page"
            )

    def _get(self, url: str, end: float, most: int, cut: bool = False) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and body. Too long a body is an error, or `cut`."""
        parts = urlsplit(url)
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise SourceError("no web address", where=url, hint="write https://HOST/PATH") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SourceError("no web address", where=url, hint="write https://HOST/PATH")
        address = self._resolved(parts.hostname, port, url)
        connection = _Connection(parts.hostname, port, address, parts.scheme == "https", end)
        path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        alarm = threading.Timer(max(0.0, end - time.monotonic()), connection.abort)  # a server that drips its headers
        alarm.daemon = True
        headers = {
            "User-Agent": AGENT,
            "Accept": "text/html, application/pdf, text/*;q=0.9, */*;q=0.5",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        try:
            alarm.start()
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return (
                answer.status,
                {name.lower(): value for name, value in answer.getheaders()},
                _body(answer, connection, end, most, cut),
            )
        except TimeoutError:
            raise SourceError(
                f"no whole answer within {self._seconds:.0f} seconds", where=url, hint="save the page in a browser"
            ) from None
        except _TooLarge:
            raise SourceError(f"larger than {most / 1e6:.0f} MB", where=url, hint="save it and name the file") from None
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            late = time.monotonic() >= end
            what = f"no whole answer within {self._seconds:.0f} seconds" if late else f"no answer: {error}"
            raise SourceError(what, where=url, hint="look whether a browser can open it") from None
        finally:
            alarm.cancel()
            connection.close()

    def _resolved(self, host: str, port: int, url: str) -> str:
        """The first address of a host, where all its addresses are allowed."""
        try:
            found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError) as error:
            raise SourceError(f"no such host: {error}", where=url, hint="check the address") from None
        if not found or not all(map(self._allowed, found)):
            raise SourceError(
                "its host is no public address", where=url, hint="save the page in a browser and name the file"
            )
        return found[0]


class _TooLarge(Exception):
    """A body over the limit."""


def _body(answer: http.client.HTTPResponse, connection: _Connection, end: float, most: int, cut: bool) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := answer.read1(65_536):
        parts.append(part)
        size += len(part)
        if size > most:
            if cut:
                break
            raise _TooLarge
        if time.monotonic() > end:
            raise TimeoutError
        connection.hurry(end)
    return b"".join(parts)[:most]


class _Connection(http.client.HTTPConnection):
    """A connection to an address that was checked, under the name of its host."""

    def __init__(self, host: str, port: int, address: str, secure: bool, end: float) -> None:
        super().__init__(host, port)
        self._address, self._secure, self._end = address, secure, end
        if secure:
            self.default_port = 443

    def connect(self) -> None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.sock = socket.create_connection((self._address, self.port), timeout=left)
        if self._secure:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)

    def abort(self) -> None:
        """Break off whatever is being read."""
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)

    def hurry(self, end: float) -> None:
        """Let the next read wait no longer than is left."""
        if self.sock is not None:
            self.sock.settimeout(max(0.01, end - time.monotonic()))
