"""Fuzz a target for some seconds: `python -m tests.fuzz.run template --seconds 200 --into /tmp/found`.

With atheris installed it is led by coverage; without, inputs are made by chance from the seeds. An input that raises,
takes over a second of CPU or over 500 MB is written into the folder; copy it to tests/fuzz/found/TARGET once the fault
is mended. Exits with 1 where something was found.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import random
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

SLOW, HUGE, STUCK = 1.0, 500_000_000, 20


class Watch:
    """Runs inputs and keeps those that do harm, one of a kind."""

    def __init__(self, name: str, target: Callable[[bytes], None], into: Path) -> None:
        self.name, self.target, self.into = name, target, into
        self.kinds: set[str] = set()
        self.count, self.worst, self.end = 0, 0.0, float("inf")

    def __call__(self, data: bytes) -> None:
        started, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        signal.setitimer(signal.ITIMER_VIRTUAL, STUCK)
        try:
            self.target(data)
        except Exception as error:
            frames = [f for f in traceback.extract_tb(error.__traceback__) if "/fuzz/" not in f.filename]
            ours = [f for f in frames if "/curator/" in f.filename]
            place = [f"{Path(f.filename).name}:{f.lineno}" for f in (ours or frames)[-2:]]
            self.keep(data, f"{type(error).__name__} at {place}", str(error)[:80])
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        self.count += 1
        if time.monotonic() > self.end:
            self.end = float("inf")
            self.tell()
        seconds = time.process_time() - started
        self.worst = max(self.worst, seconds)
        if seconds > SLOW and self.count > 5:  # the first load what is loaded once
            self.keep(data, f"slow {round(seconds)} s")
        if (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 > HUGE:
            self.keep(data, "huge")

    def tell(self) -> None:
        """What was done so far."""
        spent = time.process_time()
        print(
            f"{self.name}: {self.count:,} inputs in {spent:.0f} s of CPU, the slowest {self.worst:.2f} s, "
            f"{len(self.kinds)} kinds of harm",
            flush=True,
        )

    def keep(self, data: bytes, kind: str, said: str = "") -> None:
        if kind in self.kinds:
            return
        self.kinds.add(kind)
        file = self.into / self.name / hashlib.sha256(data).hexdigest()[:12]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        print(f"{self.name}: {kind} {said!r}  {file}", flush=True)


class Stuck(Exception):
    """An input that takes so long is given up."""


def stuck(*_: object) -> None:
    raise Stuck("gave up")


def by_chance(watch: Watch, seeds: list[bytes], seconds: float, seed: int) -> None:
    """Inputs made from the seeds: parts cut, doubled, exchanged, bytes and known words put in."""
    draw, end = random.Random(seed), time.monotonic() + seconds
    words = [
        b"{",
        b"}",
        b"[" * 300,
        b'"',
        b"\\u",
        b"\\ud83d",
        b"1e999",
        b"-0",
        b"9" * 400,
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
    ]
    words += [
        b"null",
        b"{{",
        b"}}",
        b"{%",
        b"%}",
        b"range ",
        b"end",
        b"<table>" * 50,
        b"# ",
        b"1. ",
        "\u2028\u202e".encode(),
    ]
    while time.monotonic() < end:
        data = bytearray(draw.choice(seeds))
        for _ in range(draw.randint(1, 8)):
            at = draw.randrange(len(data) + 1)
            stop = min(len(data), at + draw.choice((1, 4, 30, 300)))
            kind = draw.random()
            if kind < 0.25:
                del data[at:stop]
            elif kind < 0.45:
                data[at:at] = data[at:stop] * draw.choice((1, 1, 2, 100))
            elif kind < 0.65:
                other = draw.choice(seeds)
                begin = draw.randrange(len(other) + 1)
                data[at:stop] = other[begin : begin + draw.choice((4, 30, 300))]
            elif kind < 0.9:
                data[at:at] = draw.choice(words)
            else:
                data[at:stop] = draw.randbytes(3)
        watch(bytes(data[: 1 << 16]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--into", type=Path, default=Path("fuzz-found"))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    os.environ.setdefault("CURATOR_CACHE_DIR", "/dev/null/none")
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGVTALRM, stuck)
    try:
        import atheris
    except ImportError:
        from tests.fuzz import targets

        watch = Watch(given.target, targets.TARGETS[given.target], given.into)
        by_chance(watch, list(targets.seeds(given.target)), given.seconds, given.seed)
    else:
        import tempfile

        with atheris.instrument_imports(include=["curator"]):
            from tests.fuzz import targets

            watch = Watch(given.target, targets.TARGETS[given.target], given.into)
            seeds = list(targets.seeds(given.target))
            for data in seeds:
                watch(data)
        with tempfile.TemporaryDirectory() as folder:
            for number, data in enumerate(seeds):
                Path(folder, str(number)).write_bytes(data[: targets.MOST])
            options = [
                f"-max_total_time={int(given.seconds)}",
                f"-max_len={targets.MOST}",
                "-timeout=60",
                "-verbosity=0",
            ]
            options += [f"-seed={given.seed + 1}", "-handle_alrm=0", "-rss_limit_mb=6000", "-print_final_stats=0"]
            pid = os.fork()  # libFuzzer ends its process
            if not pid:
                watch.end = time.monotonic() + given.seconds - 1  # libFuzzer ends its process without a word
                atheris.Setup([sys.argv[0], *options, folder], watch)
                atheris.Fuzz()
                os._exit(0)
            _, status = os.waitpid(pid, 0)
            return os.waitstatus_to_exitcode(status)
    watch.tell()
    return 1 if watch.kinds else 0


if __name__ == "__main__":
    sys.exit(main())
