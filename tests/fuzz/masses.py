"""Rows that hold very much of one thing: `python -m tests.fuzz.masses [NAME ...] --size 8e6`.

Each kind is made anew at any size, so that none lies in the repository as megabytes. Told are the CPU seconds of a lint
with the default rules, the most memory that its process held, and the rules that took longest. `--verb` names another
command; it sees an ordinary row beside the hostile one. tests/test_masses.py runs small ones.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ORDINARY = (
    b'{"messages": [{"role": "user", "content": "Is it sealed?"}, {"role": "assistant", "content": "Yes, it is."}]}\n'
)
_BESIDE = ORDINARY + b"".join(  # as many as splits need
    ORDINARY.replace(b"Is it sealed?", b"How %s is it?" % word).replace(b"Yes, it is.", b"It is %s, I think." % word)
    for word in b"old new large small near far high low dear cheap".split()
)
_DRAW = random.Random(1)
_WORDS = ["".join(_DRAW.choices(string.ascii_lowercase, k=_DRAW.randint(3, 9))) for _ in range(20_000)]
_SIGNS = string.ascii_letters + string.digits


def _row(prompt: Any, answer: Any, **more: Any) -> bytes:
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": turns, **more}, ensure_ascii=False).encode()


def _many(unit: Callable[[int], Any], size: int) -> Iterator[Any]:
    """Units until they hold so many bytes as JSON."""
    count = held = 0
    while held < size:
        made = unit(count)
        yield made
        count, held = count + 1, held + len(json.dumps(made, ensure_ascii=False).encode())


def _answer(unit: Callable[[int], str]) -> Callable[[int], bytes]:
    return lambda size: _row("Tell me of the mill.", "".join(_many(unit, size)))


def _turns(*turns: Callable[[int], Any]) -> Callable[[int], bytes]:
    def made(size: int) -> bytes:
        rounds = _many(lambda n: [turn(n) for turn in turns], size)
        return json.dumps({"messages": [turn for each in rounds for turn in each]}).encode()

    return made


def _beside(unit: Callable[[int], Any]) -> Callable[[int], bytes]:
    return lambda size: _row("Is it sealed?", "Yes.", more=list(_many(unit, size)))


def _keys(unit: Callable[[int], tuple[str, Any]]) -> Callable[[int], bytes]:
    return lambda size: _row("Is it sealed?", "Yes.", **dict(unit(n) for n in range(size // 32)))


def _call(name: str, arguments: str) -> dict[str, Any]:
    return {"id": name, "type": "function", "function": {"name": name, "arguments": arguments}}


def _calling(unit: Callable[[int], Any]) -> Callable[[int], bytes]:
    def made(size: int) -> bytes:
        turn = {"role": "assistant", "content": None, "tool_calls": list(_many(unit, size))}
        return json.dumps({"messages": [{"role": "user", "content": "Do it."}, turn]}).encode()

    return made


def _bytes(head: bytes, unit: bytes, tail: bytes) -> Callable[[int], bytes]:
    return lambda size: head + unit * (size // len(unit)) + tail


MASSES: dict[str, Callable[[int], bytes]] = {
    "words": _answer(lambda n: _WORDS[n * 7 % len(_WORDS)] + " "),
    "misspellings": _answer(lambda n: ("recieve ", "Definately ", "seperate ", "teh ", "occured ")[n % 5]),
    "one long word": _answer(lambda n: _WORDS[n % len(_WORDS)]),
    "e-mails": _answer(lambda n: f"vera.lindholm{n}@brightpost.se, "),
    "telephones": _answer(lambda n: f"Call (415) 867-{n % 9000 + 1000}. "),
    "identity numbers": _answer(lambda n: f"SSN 536-{n % 90 + 10}-{n % 9000 + 1000}. "),
    "ip addresses": _answer(lambda n: f"{n % 200 + 11}.{n // 200 % 250}.{n % 250}.{n % 99 + 1} "),
    "accounts": _answer(lambda n: "DE89 3704 0044 0532 0130 00, "),
    "keys of services": _answer(lambda n: f"ghp_{''.join(_DRAW.choices(_SIGNS, k=36))}\n"),
    "passwords": _answer(lambda n: f"password = 'Xk{n * 7919}zQ!r' \n"),
    "control tokens": _answer(lambda n: "<|im_start|>user\nHi<|im_end|>\n"),
    "addresses": _answer(lambda n: f"https://example.org/a/b{n}?c=1 "),
    "citations": _answer(lambda n: f"It is so [{n}]. See (Smith et al., {1900 + n % 120}). "),
    "code blocks": _answer(lambda n: f"```json\n{{\"a\": {n},}}\n```\n"),
    "list items": _answer(lambda n: f"{n + 1}. item\n"),
    "tables": _answer(lambda n: f"| a | b |\n|---|---|\n| {n} | 2 | 3 |\n\n"),
    "numbers": _answer(lambda n: f"{n * 7919 % 100_003} "),
    "slots": _answer(lambda n: "[insert name] {{name}} <your name> "),
    "speakers": _answer(lambda n: "User: a\nAssistant: b\n"),
    "entities": _answer(lambda n: "It &amp; that &lt;b&gt; "),
    "line breaks": _answer(lambda n: "\n"),
    "nulls": _answer(lambda n: "\x00"),
    "emoji": _answer(lambda n: chr(0x1F600 + n % 70)),
    "chinese": _answer(lambda n: chr(0x4E00 + n * 7919 % 8000)),
    "accents": _answer(lambda n: "e\u0301 a\u0308 "),
    "turns": _turns(lambda n: {"role": "user", "content": f"a{n}"}, lambda n: {"role": "assistant", "content": "ok"}),
    "strange roles": _turns(lambda n: {"role": f"role{n}", "content": "a"}),
    "empty turns": _turns(lambda n: {}),
    "parts": lambda size: _row(list(_many(lambda n: {"type": "text", "text": "a"}, size)), "b"),
    "calls": _calling(lambda n: _call(f"f{n}", '{"a": 1')),
    "calls that are one": _calling(lambda n: _call("f", "{}")),
    "keys": _keys(lambda n: (f"k{n}", f"v{n}")),
    "keys with e-mails": _keys(lambda n: (f"e{n}", f"vera{n}@brightpost.se")),
    "numbers beside": _beside(lambda n: n),
    "lists beside": _beside(lambda n: []),
    "infinities": _bytes(b'{"prompt": "a", "completion": "b", "x": [', b"1e999,", b"1]}"),
    "commas": _bytes(b'{"a": [', b"1,,", b"1]}"),
    "equal keys": _bytes(b"{", b'"a": 1, ', b'"a": 1}'),
    "bytes": _bytes(b'{"prompt": "a", "completion": "', b"\xff\xfea ", b'"}'),
}  # fmt: skip

VERBS = {
    "lint": ["lint", "{row}", "--workers", "1", "--no-cache", "--format", "json", "--output", "{folder}/report.json"],
    "fix": ["lint", "{row}", "--workers", "1", "--no-cache", "--fix", "--unsafe-fixes"],
    "diff": ["lint", "{row}", "--workers", "1", "--no-cache", "--diff"],
    "clean": ["clean", "{row}", "-o", "{folder}/clean.jsonl"],
    "split": ["split", "{row}", "-o", "{folder}/splits"],
    "convert": ["convert", "{row}", "--to", "sharegpt", "-o", "{folder}/converted.jsonl", "--allow-loss"],
    "stats": ["stats", "{row}"],
    "explain": ["explain", "{row}", "1"],
    "prepare": ["prepare", "{row}", "-o", "{folder}/ready"],
    "versions": ["diff", "{older}", "{row}"],
    "review": ["review", "{row}"],  # what of it is not the browser's: see `reviewed`
}


def reviewed(path: str) -> list[float]:
    """CPU seconds of what `review` does of a file before a card is shown, and then of the first card of each rule."""
    from curator.config import load_config
    from curator.review import index
    from curator.review.desk import Desk
    from curator.review.filters import Filter
    from curator.review.loop import Loop
    from curator.review.settings import Settings

    config = load_config(Path(path))
    settings = Settings((path,), config, "ana", Path(path).parent / "out")
    spent = [time.process_time()]
    index.build(settings.paths, config, settings.database)
    desk = Desk(settings)
    desk.ready()
    desk.follow()
    spent.append(time.process_time())
    for code in (None, *desk.summary().rules):
        Loop(desk, Filter(rules=(code,)) if code else Filter()).start()
        spent.append(time.process_time())
    desk.close()
    seconds = [after - before for before, after in itertools.pairwise(spent)]
    print(f"index {seconds[0]:.1f} s, slowest card {max(seconds[1:]):.1f} s")
    return seconds


def told(name: str, size: int, verb: str) -> str:
    """What a command makes of a row: its CPU seconds, the most memory, its exit status, and the slowest rules."""
    with tempfile.TemporaryDirectory(prefix="curator-masses-") as folder:
        row, older = Path(folder, "row.jsonl"), Path(folder, "older.jsonl")
        made = MASSES[name](size)
        row.write_bytes(made + b"\n" + (b"" if verb == "lint" else _BESIDE))
        if verb == "versions":
            half = len(made) // 2
            older.write_bytes(made[:half] + made[half:].replace(b"a", b"b", 3) + b"\n" + _BESIDE)
        command = ["-m", "curator", *(part.format(row=row, older=older, folder=folder) for part in VERBS[verb])]
        if verb == "review":
            command = ["-c", f"from tests.fuzz.masses import reviewed; reviewed({str(row)!r})"]
        with Path(folder, "said").open("wb") as said:
            child = subprocess.Popen([sys.executable, *command], stdout=said, stderr=said)
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        seconds, memory = used.ru_utime + used.ru_stime, used.ru_maxrss / 1000
        line = f"{name:20} {row.stat().st_size / 1e6:5.1f} MB {seconds:6.1f} s {memory:5.0f} MB  {child.returncode}"
        if verb == "review" or child.returncode not in (0, 1):
            return f"{line}  {Path(folder, 'said').read_text(errors='replace')[-200:]!r}"
        report = Path(folder, "report.json")
        rules = json.loads(report.read_bytes())["rules"] if report.exists() else []
        slowest = sorted(rules, key=lambda rule: -rule["seconds"])[:3]
        return line + "  " + ", ".join(f"{rule['code']} {rule['seconds']:.1f}" for rule in slowest)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--size", type=float, default=1e6)
    parser.add_argument("--verb", choices=VERBS, default="lint")
    given = parser.parse_args()
    for name in given.names or MASSES:
        print(told(name, int(given.size), given.verb), flush=True)


if __name__ == "__main__":
    main()
