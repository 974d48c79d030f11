"""Scores of an answer beside the one that was wanted, and whether a difference between two models is real."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from functools import cache
from importlib import util
from typing import Any, Literal

import msgspec
import numpy as np

Verdict = Literal["better", "worse", "cannot tell"]
Told = Literal["better", "worse", "the same", "cannot tell"]  # of one score; the same: equal on every item
_DRAWS, _FEWEST, _DIFFERING = 2000, 6, 5
NORMAL = 1.959964  # the 97.5 % point of the normal curve
# What ROUGE counts as a word: letters and digits of any script; of scripts without spaces every character.
_WORD = re.compile(
    r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|"
    r"[^\W_\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)


class Scores(msgspec.Struct, frozen=True):
    """One generated answer. `rouge_l` and `chrf` (0 to 1) are None where the extra `eval` is not installed,
    `json_valid` where the wanted answer is no JSON; `cut` says that a limit ended it sooner than its own would."""

    exact: bool
    stopped: bool
    tokens: int
    wanted_tokens: int
    rouge_l: float | None = None
    chrf: float | None = None
    json_valid: bool | None = None
    cut: bool = False


def score(text: str, wanted: str, *, stopped: bool, tokens: int, wanted_tokens: int, cut: bool = False) -> Scores:
    """The scores of a generated text. Exact match: alike but for white space at the ends and in between."""
    return Scores(
        exact=_plain(text) == _plain(wanted),
        stopped=stopped,
        tokens=tokens,
        wanted_tokens=wanted_tokens,
        rouge_l=rouge_l(text, wanted),
        chrf=chrf(text, wanted),
        json_valid=is_json(text) if is_json(wanted) else None,
        cut=cut,
    )


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def is_json(text: str) -> bool:
    """Whether a text is a JSON object or array, in a code fence or not."""
    body = re.sub(r"\A\s*```(?:json)?\s*\n(.*)\n```\s*\Z", r"\1", text, flags=re.DOTALL)
    try:
        return isinstance(json.loads(body), (dict, list))
    except ValueError:
        return False


@cache
def installed() -> bool:
    """Whether the packages of the extra `eval` are here."""
    return all(util.find_spec(name) for name in ("rouge_score", "sacrebleu"))


class _Words:
    """The words of a text of any language, as ROUGE compares them; its own words are of a to z and digits alone."""

    @staticmethod
    def tokenize(text: str) -> list[str]:
        return _WORD.findall(text.lower()) or text.split()


@cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], tokenizer=_Words())


def rouge_l(text: str, wanted: str) -> float | None:
    """ROUGE-L, the F-measure of the longest common sequence of words (rouge-score)."""
    return float(_rouge().score(wanted, text)["rougeL"].fmeasure) if installed() else None


def chrf(text: str, wanted: str) -> float | None:
    """ChrF2 of one sentence, 0 to 1 (sacrebleu)."""
    if not installed():
        return None
    from sacrebleu import sentence_chrf

    return float(sentence_chrf(text, [wanted]).score) / 100


# ---------------------------------------------------------------------- is it real?


class Difference(msgspec.Struct, frozen=True):
    """After minus before of a score, over the same items.

    `low` and `high` bound the difference (95 %, paired bootstrap over items); `visible` is the smallest difference
    that so many items of this spread can show.
    """

    name: str
    items: int
    before: float
    after: float
    low: float
    high: float
    visible: float
    verdict: Told

    @property
    def difference(self) -> float:
        return self.after - self.before


def compare(
    name: str,
    before: Sequence[float],
    after: Sequence[float],
    weights: Sequence[float] | None = None,
    *,
    lower_is_better: bool = False,
    seed: int = 0,
) -> Difference:
    """The difference of two means over the same items, and what can be said of it.

    A weighted mean is resampled as a ratio: items with their weights. With fewer than six items, or fewer
    than five that differ, nothing can be said: equal models do as much by chance. Where none differs they are the same.
    """
    first, last = np.asarray(before, float), np.asarray(after, float)
    share = np.ones(len(first)) if weights is None else np.asarray(weights, float)
    count = len(first)
    if not count:
        return Difference(name, 0, 0.0, 0.0, 0.0, 0.0, 0.0, "cannot tell")
    was, now = (float((part * share).sum() / share.sum()) for part in (first, last))
    drawn = np.random.default_rng(seed).integers(0, count, (_DRAWS, count))
    gaps = ((last - first) * share)[drawn].sum(1) / share[drawn].sum(1)
    factor = wider(count)
    low, high = (now - was + factor * (float(edge) - (now - was)) for edge in np.quantile(gaps, (0.025, 0.975)))
    if first.min() >= 0 <= last.min() and max(first.max(), last.max()) <= 1:  # shares differ by no more than all
        low, high = max(low, -1.0), min(high, 1.0)
    visible = NORMAL * factor * float(gaps.std())
    differing = np.count_nonzero(first != last)
    verdict: Told = "cannot tell" if differing else "the same"
    enough = count >= _FEWEST and differing >= _DIFFERING
    if enough and (low > 0 or high < 0):
        verdict = "better" if (high < 0) == lower_is_better else "worse"
    return Difference(name, count, was, now, low, high, visible, verdict)


def wider(count: int) -> float:
    """How much wider the interval of a bootstrap over so few items must be to hold what it says.

    A resample of n items varies by n - 1 over n too little, and knows nothing of the doubt about its own spread:
    Student's t in place of the normal curve (Hesterberg, What teachers should know about the bootstrap, 2015).
    """
    if count < 2:
        return 1.0
    z, free = NORMAL, count - 1
    t = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
    t += (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * free**3)
    return t / z * math.sqrt(count / free)


def overall(parts: Sequence[Difference]) -> Verdict:
    """Worse where any part is worse, better where any is better and none worse."""
    said = {part.verdict for part in parts}
    return "worse" if "worse" in said else "better" if "better" in said else "cannot tell"
