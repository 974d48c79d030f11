"""Measures the rules on private data and on languages; prints a table. `python tests/quality/private.py`

Three sets of private values: Presidio's synthetic sentences (`shared/data/pii_presidio`), a set of its own made here
(other sentences, forms and countries, numbers drawn with right check digits; look-alikes beside them), and rows that
nobody planted anything in, for false alarms. Of languages: sentences of Lingua's test data.
"""

from __future__ import annotations

import json
import math
import random
import string
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from curator.private.checksums import luhn, mod97
from curator.private.values import values

DATA = Path(__file__).parents[3] / "shared" / "data"
KINDS = {"CREDIT_CARD": "card", "IBAN_CODE": "iban", "EMAIL_ADDRESS": "email", "US_SSN": "national-id",
         "IP_ADDRESS": "ip", "PHONE_NUMBER": "phone"}  # fmt: skip
SEED = 11
Span = tuple[str, int, int]  # kind, start, end


class Score(NamedTuple):
    """Values there are, those found, and findings that are none."""

    total: int
    found: int
    false: int

    @property
    def recall(self) -> float:
        return self.found / max(self.total, 1)

    @property
    def precision(self) -> float:
        return self.found / max(self.found + self.false, 1)


def wilson(hits: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    if not total:
        return 0.0, 1.0
    z, p = 1.96, hits / total
    middle, half = p + z * z / (2 * total), z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    return max(0.0, (middle - half) / (1 + z * z / total)), min(1.0, (middle + half) / (1 + z * z / total))


def ours(text: str) -> set[Span]:
    """What the rules find in a text."""
    asked = {*KINDS.values(), "key", "password", "private-key"}
    return {tuple(value) for value in values(text) if value.kind in asked}


def scores(texts: Iterator[tuple[str, set[Span]]], finder: Callable[[str], set[Span]] = ours) -> dict[str, Score]:
    """By kind, span by span: a value is found where a finding of its kind overlaps it."""
    total, found, false = Counter[str](), Counter[str](), Counter[str]()
    for text, truth in texts:
        got = finder(text)
        for kind, start, end in truth:
            total[kind] += 1
            hits = {span for span in got if span[0] == kind and span[1] < end and span[2] > start}
            found[kind] += bool(hits)
            got -= hits
        false.update(kind for kind, _, _ in got)
    return {kind: Score(total[kind], found[kind], false[kind]) for kind in sorted({*total, *false})}


# ---------------------------------------------------------------------- the sets


def presidio() -> dict[str, Score]:
    """Presidio's sentences: what it calls a driver's licence and the like counts as no value."""
    return scores(presidio_texts())


def presidio_texts() -> Iterator[tuple[str, set[Span]]]:
    for name in ("synth_dataset_v2.json", "generated_small.json"):
        for row in json.loads((DATA / "pii_presidio" / name).read_text("utf-8")):
            spans = {(KINDS[s["entity_type"]], s["start_position"], s["end_position"])
                     for s in row["spans"] if s["entity_type"] in KINDS}  # fmt: skip
            yield row["full_text"], spans


FRAMES = {
    "email": ["Reach me at {} any time.", "Sender: {}\nSubject: lunch", '{{"mail": "{}"}}', "({})", "mailto:{}", "cc {}, and reply."],
    "phone": ["Give me a ring: {}.", "Tel. {}", "My number is {}, call after six.", "WhatsApp {} is best.",
              "Contact the front desk at {} before noon.", "Fax: {}\n"],
    "card": ["Charge it to {}, please.", "card no. {} exp 04/29", "I paid with {} yesterday.", "Visa {}", "{}\n04/29"],
    "iban": ["IBAN: {}", "Transfer the rent to {} by Monday.", "account {} at our bank", "Konto {}"],
    "national-id": ["SSN {}", "social security number: {}", "My social security number is {}, born in May.", "ssn={}"],
    "ip": ["Login from {} failed.", "host {} is down", "Client {} sent 400 requests", "ssh ada@{}", '{} - - [10/Oct/2000] "GET /"'],
    "key": ["export TOKEN={}", "The key is {} for now.", 'api_key = "{}"', "Authorization: Bearer {}"],
    "password": ["Password: {}", "my password is {} and the user ada", 'password="{}"', "pwd={}"],
}  # fmt: skip
DECOYS = (
    "Order 4539148803436460 has shipped.", "Invoice no. {n16} is due.", "tracking number {n12}", "ISBN {isbn}", "Part {n4}-{n4}-{n4}-{n4}",
    "It took {n7} steps and {n10} bytes.", "Version {v}.", "see section {s}", "From {y}-{y2} the price rose.", "On {d} at 10:45:12.",
    "pi is 3.14159265358979", "{n3} - {n3} = 12 and {n4}-{n3}=5", "user@example.com", "git@github.com:o/r.git", "x = A@B.T",
    "192.168.{o}.{o}", "10.0.{o}.{o}", "203.0.113.{o}", "Build {n9} passed.", "sha1 {hex40}", "uuid {uuid}", "Call 555-01{n2} for help.",
    "password = os.environ['DB_PASSWORD']", "The password must have 8 characters.", "token = get_token()", "api_key=YOUR_API_KEY_HERE_12345",
    "AKIAIOSFODNN7EXAMPLE", "timestamp {n13}", "lat 48.{n6}, lon 2.{n6}", "SELECT * FROM 1-{n8}-1", "{n2},{n3},{n3} people", "(1, 2, 3, 4, 5, 6, 7, 8)",
)  # fmt: skip


def own(count: int = 200) -> dict[str, Score]:
    """The made set: `count` values of each kind, each in a sentence, and as many look-alikes of each of DECOYS / 4."""
    return scores(made_texts(count))


def made_texts(count: int) -> Iterator[tuple[str, set[Span]]]:
    rng = random.Random(SEED)
    for kind, frames in FRAMES.items():
        for _ in range(count):
            frame, value = rng.choice(frames), made(kind, rng)
            start = frame.replace("{{", "{").index("{}")
            yield frame.format(value), {(kind, start, start + len(value))}
    for _ in range(count // 4):
        for decoy in DECOYS:
            yield _filled(decoy, rng), set()


def made(kind: str, rng: random.Random) -> str:
    """A value of the kind that is nobody's, in one of the forms that people write."""
    digits = lambda n: "".join(rng.choices(string.digits, k=n))  # noqa: E731
    if kind == "email":
        name = rng.choice(["mira", "t.okafor", "li_wei88", "anna-maria.kowalska", "bjorn+shop", "R.Castellanos"])
        return f"{name}@{rng.choice(['tulip-post', 'nordhafen', 'mail.kestrel', 'quietriver'])}.{rng.choice(['com', 'de', 'co.uk', 'org', 'io', 'edu'])}"
    if kind == "phone":
        area, local = rng.choice("23456789") + digits(2), rng.choice("2346789") + digits(6)
        return rng.choice([
            f"({area}) {local[:3]}-{local[3:]}", f"{area}.{local[:3]}.{local[3:]}", f"+1 {area} {local[:3]} {local[3:]}", f"{area}{local}",
            f"+49 {rng.choice(['30', '89', '171'])} {digits(7)}", f"0{rng.choice('123456789')} {digits(2)} {digits(2)} {digits(2)} {digits(2)}",
            f"+91 9{digits(4)} {digits(5)}", f"+61 4{digits(2)} {digits(3)} {digits(3)}", f"07{rng.choice('4589')}{digits(2)} {digits(6)}",
            f"0{digits(3)}/{digits(6)}",
        ])  # fmt: skip
    if kind == "card":
        prefix, size = rng.choice([("4", 16), ("52", 16), ("2301", 16), ("37", 15), ("6011", 16), ("3530", 16)])
        while True:
            number = prefix + digits(size - len(prefix))
            if luhn(number):
                sign = rng.choice(["", " ", "-"])
                return sign.join(number[i : i + 4] for i in range(0, 16, 4)) if size == 16 else number
    if kind == "iban":
        country, body = rng.choice(
            [
                ("DE", digits(18)),
                ("NL", f"RABO{digits(10)}"),
                ("FR", digits(23)),
                ("ES", digits(20)),
                ("GB", f"MIDL{digits(14)}"),
            ]
        )
        number = next(n for check in range(2, 99) if mod97(n := f"{country}{check:02}{body}"))
        return rng.choice([number, " ".join(number[i : i + 4] for i in range(0, len(number), 4))])
    if kind == "national-id":
        return f"{rng.randint(1, 665):03}{(sign := rng.choice('- '))}{rng.randint(1, 99):02}{sign}{rng.randint(1, 9999):04}"
    if kind == "ip":
        return f"{rng.choice([23, 51, 77, 93, 141, 185, 212])}.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"
    if kind == "key":
        signs = string.ascii_letters + string.digits
        pick = lambda n, of=signs: "".join(rng.choices(of, k=n))  # noqa: E731
        return rng.choice([
            "AKIA" + pick(16, string.ascii_uppercase + "234567"), "ghp_" + pick(36), "sk-ant-api03-" + pick(90), "AIza" + pick(35),
            "xoxb-" + digits(12) + "-" + pick(24), "glpat-" + pick(20), "sk_live_" + pick(24), "hf_" + pick(34), "SG." + pick(22) + "." + pick(43),
        ])  # fmt: skip
    word = rng.choice(["Tulpe", "Marlin", "Kestrel", "Fjord", "Quartz", "Bramble"])
    return rng.choice([f"{word}{digits(3)}!", f"{digits(2)}#{word}_x", f"{word[:3]}&{digits(4)}Zq"])


def _filled(decoy: str, rng: random.Random) -> str:
    digits = lambda n: rng.choice("123456789") + "".join(rng.choices(string.digits, k=n - 1))  # noqa: E731
    hexes = "".join(rng.choices("0123456789abcdef", k=40))
    fields = {f"n{n}": digits(n) for n in (2, 3, 4, 6, 7, 8, 9, 10, 12, 13, 16)}
    fields |= {
        "isbn": f"978-{digits(1)}-{digits(4)}-{digits(4)}-{digits(1)}", "v": f"{digits(1)}.{digits(2)}.{digits(1)}.{digits(3)}",
        "s": f"{digits(1)}.{digits(1)}.{digits(1)}.{digits(2)}", "y": rng.randint(1800, 1980), "y2": rng.randint(1981, 2020), "d": "2021-04-17",
        "o": rng.randint(1, 254), "hex40": hexes, "uuid": f"{hexes[:8]}-{hexes[8:12]}-{hexes[12:16]}-{hexes[16:20]}-{hexes[20:32]}",
    }  # fmt: skip
    return decoy.format(**fields)


UNTOUCHED = ("gsm8k/train.jsonl", "gpteacher/codegen-instruct.json", "gpteacher/roleplay-simple-deduped-roleplay-instruct.json",
             "llamafactory/alpaca_en_demo.json", "oasst_sample/en_100_message.jsonl")  # fmt: skip


def alarms() -> dict[str, tuple[int, Counter[str]]]:
    """Rows of each untouched set, and its findings by kind."""
    found: dict[str, tuple[int, Counter[str]]] = {}
    for name in UNTOUCHED:
        if (path := DATA / name).is_file():
            text = path.read_text("utf-8")
            rows = json.loads(text) if path.suffix == ".json" else list(map(json.loads, text.splitlines()))
            kinds = Counter(value.kind for row in rows for text in _texts(row) for value in values(text))
            found[name] = (len(rows), kinds)
    return found


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


# ---------------------------------------------------------------------- languages


class Named(NamedTuple):
    """Sentences of a length: all, those said to be in another language than English, those named right."""

    total: int
    foreign: int
    named: int


def languages(most: int = 300) -> dict[tuple[str, str], Named]:
    """By (language, size), of whole sentences and their beginnings; sizes: over 60, 20 to 60, under 20 characters."""
    from curator.text.languages import language_of, name_of

    tally: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for file in sorted((DATA / "langid_lingua" / "sentences").glob("*.txt")):
        for line in file.read_text("utf-8").splitlines()[:most]:
            for text in (line, line[:40].rpartition(" ")[0] or line[:40]):
                size = "over 60" if len(text) > 60 else "20 to 60" if len(text) >= 20 else "under 20"
                claim, counts = language_of(text), tally[file.stem, size]
                counts[0] += 1
                counts[1] += claim is not None and claim.language != "en"
                counts[2] += name_of(text) == file.stem
    return {key: Named(*counts) for key, counts in tally.items()}


# ---------------------------------------------------------------------- the table


def _share(hits: int, total: int) -> str:
    low, high = wilson(hits, total)
    return f"{hits / max(total, 1):.3f} ({low:.3f} to {high:.3f}, of {total})"


def rows() -> list[tuple[str, str, str]]:
    """(what, measured with its 95 % interval, bar) of everything measured here."""
    return [*_private(), *_languages()]


def _private() -> Iterator[tuple[str, str, str]]:
    sets = {"made set": own()} | ({"Presidio": presidio()} if (DATA / "pii_presidio").is_dir() else {})
    for name, table in sets.items():
        for kind, score in table.items():
            yield (
                f"{kind}, {name}: recall",
                _share(score.found, score.total),
                "0.85" if kind in ("phone", "password") else "0.95",
            )
            yield f"{kind}, {name}: precision", _share(score.found, score.found + score.false), "0.95"
    for name, (count, kinds) in alarms().items():
        told = ", ".join(f"{kind} {1000 * n / count:.2f}" for kind, n in sorted(kinds.items())) or "none"
        yield f"findings per 1,000 untouched rows, {name}", told, "2 each"


def _languages() -> Iterator[tuple[str, str, str]]:
    if not (DATA / "langid_lingua").is_dir():
        return
    sizes: dict[str, list[Named]] = defaultdict(list)
    for (language, size), counts in languages().items():
        sizes[f"English, {size}" if language == "en" else size].append(counts)
    for size, many in sorted(sizes.items()):
        total, foreign, named = (sum(column) for column in zip(*many, strict=True))
        found, right = {"over 60": ("0.95", "0.99"), "20 to 60": ("0.85", "0.95")}.get(size, ("", ""))
        if size.startswith("English"):
            yield f"{size} characters: taken for another language", _share(foreign, total), "0.002"
        else:
            yield f"{size} characters, not English: found", _share(foreign, total), found
            yield f"{size} characters, not English: named right", _share(named, total), right


def main() -> None:
    print("| measured | result | bar |\n|---|---|---|")
    for row in rows():
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
