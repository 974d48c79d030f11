"""Measures what phonenumbers and detect-secrets find on the sets of `private.py`, beside the rules; prints a table.

`pip install phonenumbers detect-secrets` in an environment of their own that has curator too, then
`python tests/quality/private_libraries.py`. Decision 0013 rests on it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

from private import Span, made_texts, ours, presidio_texts, scores

REGIONS = ("US", "GB", "DE", "FR")  # phonenumbers reads a national form as one of a region it is told


def phones_by(leniency: int, regions: tuple[str, ...]) -> Callable[[str], set[Span]]:
    """Telephone numbers as phonenumbers finds them, told these regions."""
    import phonenumbers

    def find(text: str) -> set[Span]:
        return {
            ("phone", match.start, match.end)
            for region in regions
            for match in phonenumbers.PhoneNumberMatcher(text, region, leniency=leniency)
        }

    return find


def secrets_by(leave_out: frozenset[str]) -> Callable[[str], set[Span]]:
    """Keys and passwords as detect-secrets finds them without some of its detectors; a kind is not told apart."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class as detectors
    from detect_secrets.core.scan import scan_line
    from detect_secrets.settings import transient_settings

    chosen = [{"name": kind.__name__} for kind in detectors().values() if kind.__name__ not in leave_out]

    def find(text: str) -> set[Span]:
        with transient_settings({"plugins_used": chosen}):
            said = {found.secret_value or "" for line in text.splitlines() for found in scan_line(line)}
        places = (match.span() for value in said if value for match in re.finditer(re.escape(value), text))
        return {("key", *place) for place in places}

    return find


SETS = {"made set": lambda: made_texts(200), "Presidio": presidio_texts}
SECRET = frozenset(("key", "password"))


def as_one(spans: set[Span], kinds: frozenset[str]) -> set[Span]:
    """The spans of these kinds, as one kind."""
    return {("asked", start, end) for kind, start, end in spans if kind in kinds}


def lines(name: str, finder: Callable[[str], set[Span]], kinds: frozenset[str]) -> Iterator[str]:
    """A line of the table for each set that holds such values."""
    for title, texts in SETS.items():
        began = time.process_time()
        score = scores(
            ((text, as_one(truth, kinds)) for text, truth in texts()), lambda text: as_one(finder(text), kinds)
        ).get("asked")
        if score and score.total:
            seconds = time.process_time() - began
            yield f"| {name} | {title} | {score.recall:.3f} | {score.precision:.3f} | {seconds:.2f} |"


def main() -> None:
    import phonenumbers

    lenient, phone = phonenumbers.Leniency, frozenset(("phone",))
    entropy = frozenset(("Base64HighEntropyString", "HexHighEntropyString"))
    print("| finder | set | recall | precision | CPU s |\n|---|---|---|---|---|")
    for name, finder, kinds in (
        ("telephone: the rules", ours, phone),
        ("telephone: phonenumbers, valid, US", phones_by(lenient.VALID, ("US",)), phone),
        ("telephone: phonenumbers, valid, four regions", phones_by(lenient.VALID, REGIONS), phone),
        ("telephone: phonenumbers, strict grouping, four", phones_by(lenient.STRICT_GROUPING, REGIONS), phone),
        ("telephone: phonenumbers, possible, four regions", phones_by(lenient.POSSIBLE, REGIONS), phone),
        ("keys and passwords: the rules", ours, SECRET),
        ("keys and passwords: detect-secrets without entropy", secrets_by(entropy), SECRET),
        ("keys and passwords: detect-secrets, all", secrets_by(frozenset()), SECRET),
    ):
        for line in lines(name, finder, kinds):
            print(line)


if __name__ == "__main__":
    main()
