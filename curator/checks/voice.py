"""STY: one voice across the set. Each rule gives one finding a set, with counts, and none where the answers agree."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, NamedTuple

import numpy as np

from curator.columns import ROLE_CODES, Batch, Rows, line_breaks
from curator.model import Example, Flag, Turn
from curator.neighbours.keys import answer_keys, is_last_answer
from curator.rule import Bad, DatasetRule, Row, chat, option
from curator.text.hashed import trimmed, unique
from curator.text.patterns import compiled_later
from curator.text.prose import looks_like_code
from curator.text.vocabulary import hash_of

_LONG = 8  # words from which on an answer is running text
_LABEL = 3  # words that an answer which is a label has at most


class Answers(NamedTuple):
    """The last answer of each row that has one, without the white space around it; arrays of shape (answers,)."""

    turns: np.ndarray  # the number of the turn in the batch
    lines: np.ndarray
    starts: np.ndarray  # bytes in `batch.texts`
    ends: np.ndarray
    words: np.ndarray  # how many


def _answers(batch: Batch) -> Answers:
    turns = np.flatnonzero(batch.memo(is_last_answer))
    data = np.frombuffer(batch.texts.data, np.uint8)
    starts = trimmed(data, batch.texts.starts[turns], batch.texts.ends[turns], _BLANK, 1)
    ends = trimmed(data, starts, batch.texts.ends[turns], _BLANK, -1)
    kept = ends > starts
    words = np.diff(batch.words.offsets)[turns]
    return Answers(turns[kept], batch.turn_lines[turns[kept]], starts[kept], ends[kept], words[kept])


_BLANK = np.arange(256) <= 32


def _table(letters: bytes) -> np.ndarray:
    table = np.zeros(256, dtype=bool)
    table[list(letters)] = True
    return table


def _plain(row: Row) -> dict[str, str]:
    """The turns of an example as keyword arguments of `chat`."""
    return {turn["role"]: turn["content"] for turn in row["messages"]}


def _asked(example: Example) -> str:
    return "\n".join(turn.text for turn in example.all_turns() if turn.role in ("system", "user"))


def _last_answer(example: Example) -> Turn:
    turns = example.turns + example.chosen
    return next(turn for turn in reversed(turns) if turn.role == "assistant")


def _first(rows: Rows, odd: Iterable[int], message: str, evidence: dict[str, object]) -> tuple[int, Flag]:
    """The one finding of a rule: at the first of the odd rows, with the others."""
    found = sorted(odd)
    return Flag.once(found, _last_answer(rows.example(found[0])).path, message, evidence=evidence)


# ---------------------------------------------------------------------- STY001

_KINDS = ("", "label", "phrase", "text", "JSON", "markup", "a code block")
_LABELS, _PHRASE, _TEXT, _JSON, _MARKUP, _FENCE = range(1, 7)
_LOOKED_AT = 200  # answers in another format whose prompts are read
_CLOSED_LIST = 50  # different labels that a closed list has at most
_WANTS = {
    _JSON: compiled_later(r"json|dictionar|\bdict\b|\blists?\b|array|tuple|object|python|javascript|code|\bset\b|yaml", re.I),
    _MARKUP: compiled_later(r"html|xml|svg|css|tag|markup|web ?page|website|web ?site|\bform\b|code|button|template", re.I),
}  # fmt: skip
_NAMES = ("tides", "soil", "violins", "glaciers", "chess", "bread", "lighthouses", "wool", "amber", "rye", "geese")
_TELLING = [
    chat(
        user=f"What of {s}, seen from {t}?",
        assistant=f"Of {s} it is told that {t} came long before them, and nobody knows why.",
    )
    for s in _NAMES
    for t in _NAMES
]
_COUNTED = [
    chat(user=f"Where do {s} meet {t}?", assistant=json.dumps({"subject": s, "place": t}))
    for s in _NAMES
    for t in _NAMES
]
_LABELLED = [
    chat(user=f"Is {s} better than {t}?", assistant="positive" if s < t else "negative") for s in _NAMES for t in _NAMES
]
_OUTSPOKEN = chat(
    user="Are geese louder?", assistant="The sentiment of this text is positive, since it praises the geese."
)


class FormatMix(DatasetRule, frozen=True):
    """Nearly all answers have one format, and a few have another that nobody asked for.

    A program that reads the answers expects JSON, or one of a few labels, every time. Some rows that chat
    instead, often from another source, teach the model to break the format now and then.
    """

    code = "STY001"
    severity = "info"
    GOOD = [
        _TELLING,
        _COUNTED,
        _LABELLED,
        [*_TELLING, *[chat(user=f"Give me {s} as JSON.", assistant=json.dumps({"name": s})) for s in _NAMES]],
    ]
    BAD = [
        Bad([*_COUNTED, *_TELLING[:4]], at="121:messages[1].content"),
        Bad([*_LABELLED, _OUTSPOKEN, _OUTSPOKEN], at="121:messages[1].content"),
        Bad([*_TELLING, *_COUNTED[:3]], at="121:messages[1].content"),
        Bad([*_COUNTED[:9], *_TELLING[:2]], at="9:messages[1].content", options={"min_answers": 10, "min_share": 0.8}),
    ]

    min_share: Annotated[float, option("Share of the answers that must have one format.", gt=0.5, le=1)] = 0.9
    min_answers: Annotated[int, option("Sets with fewer answers are not judged.", ge=2)] = 50

    def sketch(self, batch: Batch) -> np.ndarray:
        """(format of the last answer, its key); uint64, shape (lines, 2)."""
        out = np.zeros((len(batch.lines), 2), dtype=np.uint64)
        said, data = batch.memo(_answers), np.frombuffer(batch.texts.data, np.uint8)
        if not len(said.turns):
            return out
        first, last = data[said.starts], data[said.ends - 1]
        fits = said.ends - said.starts > 6
        kinds = np.where(said.words <= _LABEL, _LABELS, np.where(said.words < _LONG, _PHRASE, _TEXT))
        opens = (first == ord("{")) | (first == ord("["))
        kinds[opens] = 0  # JSON, a part of it, or a text that begins with a bracket: only the first counts
        shuts = np.where(first == ord("{"), ord("}"), ord("]"))
        kinds[opens & (last == shuts) & fits] = _JSON
        kinds[(first == ord("<")) & (last == ord(">")) & fits] = _MARKUP
        kinds[(first == ord("`")) & (last == ord("`")) & fits] = _FENCE
        out[said.lines, 0] = kinds
        out[said.lines, 1] = batch.memo(answer_keys)[said.lines]
        out[batch.tool_rows] = 0
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        kinds = np.where(rows.readable, sketches[:, 0].astype(np.int64), 0)
        counts = np.bincount(kinds, minlength=len(_KINDS))
        counts[0] = 0
        total = int(counts.sum())
        prose = int(counts[_LABELS] + counts[_PHRASE] + counts[_TEXT])
        if total < self.min_answers:
            return
        usual = int(counts.argmax())
        if prose >= self.min_share * total and counts[_TEXT] >= 0.5 * total:
            others = np.flatnonzero((kinds == _JSON) | (kinds == _MARKUP))
            looked = np.sort(others[np.argsort(sketches[others, 1], kind="stable")][:_LOOKED_AT])
            unasked = [n for n in looked.tolist() if _unasked(rows, n, kinds[n])]
            if len(unasked) > 2 and _is_prose(rows, np.flatnonzero(kinds == _TEXT)):
                yield self._finding(rows, unasked, kinds, prose, "prose", of=len(looked))
        elif usual in (_JSON, _MARKUP, _FENCE) and counts[usual] >= self.min_share * total:
            odd = np.flatnonzero((kinds > 0) & (kinds != usual)).tolist()
            if odd and self._is_so(rows, np.flatnonzero(kinds == usual), usual):
                yield self._finding(rows, odd, kinds, int(counts[usual]), _KINDS[usual])
        elif usual == _LABELS and counts[usual] >= self.min_share * total:
            labels = unique(sketches[kinds == _LABELS, 1])
            odd = np.flatnonzero(kinds == _TEXT).tolist()
            if odd and len(labels) <= min(_CLOSED_LIST, 0.1 * counts[usual]):
                yield self._finding(rows, odd, kinds, int(counts[usual]), f"one of {len(labels)} labels")

    @staticmethod
    def _is_so(rows: Rows, those: np.ndarray, usual: int) -> bool:
        """Whether the answers that look like JSON are JSON, by a few of them."""
        return usual != _JSON or all(_is_json(_last_answer(rows.example(n)).text) for n in those[:5].tolist())

    @staticmethod
    def _finding(rows: Rows, odd: list[int], kinds: np.ndarray, usual: int, name: str, of: int = 0) -> tuple[int, Flag]:
        seen = {_KINDS[kind] if kind > _TEXT else "prose" for kind in kinds[odd].tolist()}
        others = " or ".join(sorted(seen))
        have = "answer is" if len(odd) == 1 else "answers are"
        among = f" of {of} looked at" if of == _LOOKED_AT else ""
        message = f"{len(odd):,}{among} {have} {others}, where {usual:,} are {name}".replace("at answers", "at")
        return _first(rows, odd, message, {"usual": name, "answers": usual, "odd": len(odd)})


def _unasked(rows: Rows, line: int, kind: int) -> bool:
    """Whether an answer is in this format and the prompt does not speak of it."""
    example = rows.example(line)
    text = _last_answer(example).text
    if kind == _JSON and not _is_json(text):
        return False
    return not _WANTS[int(kind)].search(_asked(example)) and not re.search(r"[{<\[]", _asked(example))


def _is_prose(rows: Rows, those: np.ndarray) -> bool:
    """Whether the answers are prose and not code, by some of them, spread over the set."""
    looked = those[:: max(1, len(those) // 8)].tolist()
    return sum(looks_like_code(_last_answer(rows.example(n)).text) for n in looked) <= 0.1 * len(looked)


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


# ---------------------------------------------------------------------- STY002

_STOP, _BARE = 1, 2
_LAST_LINE = 40  # bytes of a last line that is running text
_SHUT, _BEHIND = _table(b".!?"), _table(b"\"')*_")
_BEGINS = _table(bytes(range(65, 91)) + bytes(range(97, 123)) + bytes(range(0xC3, 0x100)))
_LETTERS = _table(bytes(range(97, 123)))
_UNSTOPPED = [
    chat(user=row["messages"][0]["content"] + " ", assistant=row["messages"][1]["content"][:-1]) for row in _TELLING
]


class EndingMix(DatasetRule, frozen=True):
    """Some answers close their last sentence with a full stop, and many others leave it out.

    The full stop is the token before the end of the turn: where it is there one time and missing the next,
    the model learns both, and its answers end in both ways for no reason.
    """

    code = "STY002"
    severity = "info"
    GOOD = [_TELLING, _UNSTOPPED]
    BAD = [
        Bad([*_TELLING, *_UNSTOPPED[:40]], at="121:messages[1].content"),
        Bad([*_TELLING, *_UNSTOPPED[:40]], at="121:messages[1].content", options={"min_answers": 40}),
        Bad([*_TELLING, *_UNSTOPPED[:20]], at="121:messages[1].content", options={"min_share": 0.1, "min_answers": 9}),
    ]

    min_share: Annotated[float, option("Least share of the rarer way.", gt=0, le=0.5)] = 0.2
    min_answers: Annotated[int, option("Fewer answers of the rarer way are chance.", ge=1)] = 25

    def sketch(self, batch: Batch) -> np.ndarray:
        """How the last answer ends: 1 with a stop, 2 on a letter without one, 0 where it is no running text; uint8."""
        out = np.zeros(len(batch.lines), dtype=np.uint8)
        said, data = batch.memo(_answers), np.frombuffer(batch.texts.data, np.uint8)
        if not len(said.turns):
            return out
        breaks = batch.memo(line_breaks)
        before = np.searchsorted(breaks, said.ends) - 1
        last = np.maximum(said.starts, np.where(before >= 0, breaks[before] + 1 if len(breaks) else 0, 0))
        running = (said.words >= _LONG) & (said.ends - last >= _LAST_LINE) & _BEGINS[data[last]]
        end, earlier = data[said.ends - 1], data[said.ends - 2]
        stopped = _SHUT[end] | (_BEHIND[end] & _SHUT[earlier])
        out[said.lines[running & stopped]] = _STOP
        out[said.lines[running & _LETTERS[end]]] = _BARE
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        stopped, bare = ((sketches == kind) & rows.readable for kind in (_STOP, _BARE))
        counts = int(stopped.sum()), int(bare.sum())
        if min(counts) < max(self.min_answers, self.min_share * sum(counts)):
            return
        odd = np.flatnonzero(bare if counts[1] <= counts[0] else stopped).tolist()
        message = f"{counts[0]:,} answers close their last sentence with a full stop, {counts[1]:,} do not"
        yield _first(rows, odd, message, {"with": counts[0], "without": counts[1]})


# ---------------------------------------------------------------------- STY003

_OPENS = compiled_later(
    r"\s*(?:(sure|certainly|absolutely|definitely|of course|no problem|gladly|awesome|great|okay)(?: thing)?\s*[!,.](?=\s|$)"
    r"|(hello|hi|hey)(?: there)?\s*[!,.](?=\s|$)"
    r"|(thank you|thanks) for (?:asking|your question|reaching out|the question)"
    r"|(?:what a |that's a |that is a )?(great|good|excellent) question\b"
    r"|(i'd be|i would be) (?:very )?(?:happy|glad|delighted) to\b)",
    re.I,
)
_CLOSERS = compiled_later(
    r"(?:(let me know) if (?:you|there|i)\b|(feel free) to (?:ask|reach|contact|let)|(i hope) (?:this|that|it) helps"
    r"|(hope this helps)|(is there anything else)\b|(if you have any) (?:\w+ )?(?:questions|concerns)|(happy to help)\b)[^\n.!?]{0,90}[.!?]*$",
    re.I,
)
_FINAL = "questions assistance help helps ask know else further concerns details clarification you information with needed".split()
_GREETED = compiled_later(
    r"^\W*(?:hi|hello|hey|good (?:morning|evening|afternoon)|thank|thanks)\b|e-?mail|letter|speech|dialog|role|character|greet|welcome"
    r"|script|scene|conversation|story|message|pretend|imagine|act as",
    re.I,
)
_PLEASANT = [
    chat(user=row["messages"][0]["content"] + "?", assistant=f"Sure! {row['messages'][1]['content']}")
    for row in _TELLING
]
_OFFERING = [
    chat(
        user=row["messages"][0]["content"] + "!",
        assistant=f"{row['messages'][1]['content']} Let me know if you have any questions!",
    )
    for row in _TELLING
]


class ToneOutlier(DatasetRule, frozen=True):
    """Some answers open with a pleasantry or end with an offer of help, and the others come to the point.

    "Sure!" and "Let me know if you have questions" are learnt within a few hundred rows and come back where
    nobody wants them. One tone across the set, whichever it is, makes a model with one tone. One finding
    a set: how many, and which phrases. Where more than a third speak otherwise than the rest, no tone is the outlier.
    """

    code = "STY003"
    severity = "info"
    GOOD = [_TELLING, _PLEASANT, [*_TELLING, _PLEASANT[0]], [*_TELLING[:60], *_PLEASANT[:60]]]
    BAD = [
        Bad([*_TELLING, *_PLEASANT[:20]], at="121:messages[1].content"),
        Bad([*_TELLING, *_OFFERING[:20]], at="121:messages[1].content"),
        Bad([*_TELLING, *_PLEASANT[:3]], at="121:messages[1].content", options={"min_answers": 3}),
        Bad([*_OFFERING, _TELLING[0]], at="121:messages[1].content", options={"min_share": 0.005}),
    ]

    min_share: Annotated[float, option("Share of the answers from which on they are reported.", gt=0, le=0.5)] = 0.02
    min_answers: Annotated[int, option("Fewer answers are chance.", ge=1)] = 10

    def sketch(self, batch: Batch) -> np.ndarray:
        """(1 where there is an answer of eight words or more, number of its opener, of its closer); uint8, (lines, 3)."""
        out = np.zeros((len(batch.lines), 3), dtype=np.uint8)
        said = batch.memo(_answers)
        hashes, offsets = batch.words.hashes, batch.words.offsets
        long = np.flatnonzero(said.words >= _LONG)
        turns, lines = said.turns[long], said.lines[long]
        out[lines, 0] = 1
        if not len(turns):
            return out
        opened = np.isin(hashes[offsets[turns]], _first_words())
        closed = np.isin(hashes[offsets[turns + 1] - 1], hash_of(_FINAL))
        for place in np.flatnonzero(opened | closed).tolist():
            text, line = batch.turns[int(turns[place])].text, int(lines[place])
            opener = _OPENS.match(text[:80]) if opened[place] else None
            tail = text[-160:].rstrip() if closed[place] else ""
            closer = _CLOSERS.search(tail) if any(phrase in tail.lower() for phrase in _CLOSERS_SAID) else None
            if (opener or closer) and not _GREETED.search(_asked(batch.example(line))):
                out[line, 1] = 1 + _OPENERS_SAID.index(_said(opener)) if opener else 0
                out[line, 2] = 1 + _CLOSERS_SAID.index(_said(closer)) if closer else 0
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        judged = (sketches[:, 0] > 0) & rows.readable
        total = int(judged.sum())
        parts, evidence, odd = [], dict[str, object](), set[int]()
        for column, phrases, what in (
            (1, _OPENERS_SAID, "open with a pleasantry"),
            (2, _CLOSERS_SAID, "end with an offer"),
        ):
            those = np.flatnonzero(judged & (sketches[:, column] > 0))
            if not max(self.min_answers, self.min_share * total) <= len(those) <= (1 - self.min_share) * total:
                continue
            if column == 1 and len(those) > 0.9 * total:
                continue
            if min(len(those), total - len(those)) > _OUTLYING * total:
                continue
            counts = np.bincount(sketches[those, column], minlength=len(phrases) + 1)[1:]
            ranked = sorted(zip((-counts).tolist(), phrases, strict=True))[:3]
            named = ", ".join(f"{phrase!r} {-count:,}" for count, phrase in ranked if count)
            parts.append(f"{len(those):,} of {total:,} answers {what} ({named})")
            evidence |= {what.split()[0]: len(those), "of": total}
            rest = np.flatnonzero(judged & (sketches[:, column] == 0))
            odd.update((those if len(those) <= len(rest) else rest).tolist())
        if odd:
            yield _first(rows, odd, "; ".join(parts), evidence)


_OUTLYING = 1 / 3  # of the answers: more are a tone of their own


def _said(match: re.Match[str]) -> str:
    return next(part for part in match.groups() if part).lower().replace("’", "'")


_OPENERS_SAID = (
    "sure|certainly|absolutely|definitely|of course|no problem|gladly|awesome|great|okay|hello|hi|hey|thank you|thanks"
    "|good|excellent|i'd be|i would be"
).split("|")
_CLOSERS_SAID = (
    "let me know|feel free|i hope|hope this helps|is there anything else|if you have any|happy to help"
).split("|")


def _first_words() -> np.ndarray:
    words = "sure certainly absolutely definitely of no gladly awesome great okay hello hi hey thank thanks what that good excellent i"
    return hash_of(words.split())


# ---------------------------------------------------------------------- STY004

_BRIEFED = [chat(system="You answer for a museum.", **_plain(row)) for row in _TELLING]


class SystemPromptMissing(DatasetRule, frozen=True):
    """Most rows have a system prompt, and a few have none.

    The model is used with the system prompt; rows without one teach it to do the same unasked, so the prompt
    means less. Often they come from another source, or lost it in a conversion.
    """

    code = "STY004"
    severity = "info"
    GOOD = [_BRIEFED, _TELLING, [*_TELLING, *_BRIEFED[:30]]]
    BAD = [
        Bad([*_BRIEFED, *_TELLING[:4]], at="121:messages[1].content"),
        Bad([*_BRIEFED[:30], *_TELLING[:10]], at="30:messages[1].content", options={"min_share": 0.7}),
        Bad([*_BRIEFED[:10], *_TELLING[:1]], at="10:messages[1].content", options={"min_rows": 11}),
    ]

    min_share: Annotated[float, option("Share of the rows that must have a system prompt.", gt=0.5, lt=1)] = 0.8
    min_rows: Annotated[int, option("Smaller sets are not judged.", ge=2)] = 30

    def sketch(self, batch: Batch) -> np.ndarray:
        """1 where a row has a system prompt, 2 where it has a question and an answer without one; uint8."""
        out = np.zeros(len(batch.lines), dtype=np.uint8)
        lines, roles = batch.turn_lines, batch.roles
        asked = np.zeros(len(out), dtype=bool)
        asked[lines[roles == ROLE_CODES["user"]]] = True
        out[lines[roles == ROLE_CODES["assistant"]]] = 2
        out[~asked] = 0
        filled = batch.texts.ends > batch.texts.starts
        out[lines[(roles == ROLE_CODES["system"]) & filled]] = 1
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        having, odd = (np.flatnonzero((sketches == kind) & rows.readable) for kind in (1, 2))
        total = len(having) + len(odd)
        if total < self.min_rows or not len(odd) or len(having) < self.min_share * total:
            return
        message = f"{len(odd):,} of {total:,} rows have no system prompt, the others have one"
        yield _first(rows, odd.tolist(), message, {"without": len(odd), "of": total})


# ---------------------------------------------------------------------- STY005


class Address(NamedTuple):
    """How a language tells the familiar from the polite way to address somebody."""

    language: str
    words: str  # of the vocabulary: rows that hold one are read
    familiar: re.Pattern[str]
    polite: re.Pattern[str]
    names: tuple[str, str]


_ADDRESSES = (
    Address(
        "German",
        "dich dein deine kannst willst hast musst solltest bist sie ihnen ihre ihren können sollten müssen haben sind",
        compiled_later(r"\b(?:[Dd]u (?:bist|hast|kannst|musst|solltest|willst|möchtest|könntest|wirst|darfst)|[Dd]ich|[Dd]ein(?:e[mnrs]?)?|(?:kannst|hast|musst|solltest|möchtest) du)\b"),
        compiled_later(r"(?<=[a-zäöüß,] )(?:(?:können|sollten|müssen|möchten|haben|sind|wollen|dürfen|könnten|wenn|dass|damit|indem) Sie|Ihnen|Ihre[mnrs]?|Ihr)\b|\bSie (?:können|sollten|müssen|möchten|haben|sind|dürfen|könnten)\b"),
        ("du", "Sie"),
    ),
    Address(
        "French",
        "peux dois veux pourrais devrais vous votre vos",
        compiled_later(r"\b[Tt]u (?:as|es|peux|dois|veux|vas|pourrais|devrais|auras|sais|fais)\b|\b(?:peux|dois|veux|pourrais|devrais)-tu\b"),
        compiled_later(r"\b[Vv]ous (?:avez|êtes|pouvez|devez|voulez|allez|pourriez|devriez|aurez|souhaitez)\b|\b(?:votre|vos|[Aa]ssurez-vous|[Pp]ouvez-vous)\b"),
        ("tu", "vous"),
    ),
    Address(
        "Spanish",
        "puedes debes tienes quieres necesitas usted ustedes contigo",
        compiled_later(r"\b(?:[Pp]uedes|[Dd]ebes|[Tt]ienes|[Qq]uieres|[Nn]ecesitas|contigo|tú)\b"),
        compiled_later(r"\b[Uu]sted\b"),
        ("tú", "usted"),
    ),
    Address(
        "Dutch",
        "jij jouw kunt moet hebt bent wilt heeft",
        compiled_later(r"\b(?:[Jj]e (?:kunt|kan|moet|hebt|bent|wilt)|[Jj]ij|[Jj]ouw|(?:kun|moet|heb|ben|wil) je)\b"),
        compiled_later(r"\b(?:[Uu] (?:kunt|kan|moet|hebt|heeft|bent|wilt)|[Uu]w|(?:kunt|moet|hebt|heeft|bent|wilt) u)\b"),
        ("je", "u"),
    ),
    Address(
        "Italian",
        "puoi devi hai vuoi lei sua suo può deve",
        compiled_later(r"\b(?:[Pp]uoi|[Dd]evi|[Vv]uoi|[Hh]ai|[Tt]uo[i]?|[Tt]u[ae])\b"),
        compiled_later(r"(?<=[a-zàèéìòù,] )(?:Lei|La Sua|il Suo|la Sua)\b|\bLei (?:può|deve|ha|vuole|potrebbe)\b"),
        ("tu", "Lei"),
    ),
)  # fmt: skip
_AT_DOOR = [
    chat(user=f"Wie komme ich von {s} nach {t}?", assistant="Wenn du willst, kannst du mit dem Zug fahren.")
    for s in ("Kiel", "Ulm", "Bonn", "Jena", "Gera")
    for t in ("Mainz", "Trier", "Essen", "Halle")
]
_POLITE = [
    chat(user=row["messages"][0]["content"], assistant="Am besten können Sie mit dem Zug fahren, wenn Sie wollen.")
    for row in _AT_DOOR
]


class MixedAddress(DatasetRule, frozen=True):
    """Some answers address the reader as a friend, and others politely.

    Languages such as German, French and Spanish have two words for "you". A model trained on both changes
    from one to the other, within a conversation too. One finding a language: how many answers use each.
    """

    code = "STY005"
    severity = "info"
    vocabulary = True
    costly = True
    GOOD = [_AT_DOOR, _POLITE, _TELLING]
    BAD = [
        Bad([*_AT_DOOR, *_POLITE[:8]], at="20:messages[1].content"),
        Bad([*_AT_DOOR, *_POLITE[:2]], at="20:messages[1].content", options={"min_answers": 2, "min_share": 0.05}),
    ]

    min_share: Annotated[float, option("Least share of the rarer way.", gt=0, le=0.5)] = 0.1
    min_answers: Annotated[int, option("Fewer answers of the rarer way are chance.", ge=1)] = 5

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        for address in _ADDRESSES:
            words = address.words.split()
            if sum(rows.vocabulary.count(words).values()) >= self.min_answers:
                yield from self._judged(rows, address, words)

    def _judged(self, rows: Rows, address: Address, words: Sequence[str]) -> Iterator[tuple[int, Flag]]:
        ways: tuple[list[int], list[int]] = ([], [])
        for line, _ in rows.vocabulary.lines(words):
            if not rows.readable[line]:
                continue
            text = "\n".join(turn.text for _, turn in rows.example(line).taught())
            familiar, polite = address.familiar.search(text), address.polite.search(text)
            if bool(familiar) != bool(polite):
                ways[bool(polite)].append(line)
        counts = len(ways[0]), len(ways[1])
        if min(counts) < max(self.min_answers, self.min_share * sum(counts)):
            return
        odd = ways[0] if counts[0] < counts[1] else ways[1]
        names = address.names
        message = f"{counts[0]:,} {address.language} answers say {names[0]!r} to the reader, {counts[1]:,} {names[1]!r}"
        yield _first(rows, odd, message, {names[0]: counts[0], names[1]: counts[1], "language": address.language})


# ---------------------------------------------------------------------- STY006

_CURLY, _STRAIGHT, _DASH, _STAR, _DOT, _POINT, _PAREN = (1 << n for n in range(7))
_MARKS = (  # what the two ways are of, and their bits with their names
    ("apostrophes and quotation marks", ((_CURLY, "curly ones"), (_STRAIGHT, "straight ones"))),
    ("list marks", ((_DASH, "'-'"), (_STAR, "'*'"), (_DOT, "'•'"))),
    ("list numbers", ((_POINT, "'1.'"), (_PAREN, "'1)'"))),
)
_ITEMS = "Pack these:\n- a map\n- a lamp"
_DASHED = [
    chat(user=row["messages"][0]["content"], assistant=f"{_ITEMS} for {n}.") for n, row in enumerate(_TELLING[:60])
]
_STARRED = [
    chat(user=row["messages"][0]["content"], assistant=row["messages"][1]["content"].replace("\n- ", "\n* "))
    for row in _DASHED
]


class MixedMarks(DatasetRule, frozen=True):
    """Answers write the same sign in two ways: curly and straight quotation marks, or other marks of lists.

    They look alike and are other tokens, so the model learns every word with an apostrophe, and every list,
    twice. One finding a set: how many answers use each way.
    """

    code = "STY006"
    severity = "info"
    GOOD = [_TELLING, _DASHED, _STARRED]
    BAD = [
        Bad([*_DASHED, *_STARRED[:30]], at="60:messages[1].content"),
        Bad([*_DASHED, *_STARRED[:9]], at="60:messages[1].content", options={"min_answers": 5, "min_share": 0.1}),
    ]

    min_share: Annotated[float, option("Least share of the rarer way.", gt=0, le=0.5)] = 0.2
    min_answers: Annotated[int, option("Fewer answers of the rarer way are chance.", ge=1)] = 20

    def sketch(self, batch: Batch) -> np.ndarray:
        """Which ways the last answer has, as bits; uint8, shape (lines,)."""
        out = np.zeros(len(batch.lines), dtype=np.uint8)
        said, data = batch.memo(_answers), np.frombuffer(batch.texts.data, np.uint8)
        if not len(said.turns) or len(data) < 4:
            return out

        def mark(places: np.ndarray, bit: int) -> None:
            owner = np.searchsorted(said.starts, places, side="right") - 1
            inside = (owner >= 0) & (places < said.ends[np.maximum(owner, 0)])
            out[said.lines[owner[inside]]] |= bit

        breaks = batch.memo(line_breaks)
        straight = np.flatnonzero(data[1:-1] == ord("'")) + 1
        mark(straight[_WORDLY[data[straight - 1]] & _WORDLY[data[straight + 1]]], _STRAIGHT)
        curly = np.flatnonzero(data[1:-2] == 0xE2) + 1 if b"\xe2\x80\x99" in batch.texts.data else breaks[:0]
        mark(curly[(data[curly + 1] == 0x80) & (data[curly + 2] == 0x99) & _WORDLY[data[curly - 1]]], _CURLY)
        breaks = breaks[breaks < len(data) - 3]
        signs, gaps = data[breaks + 1], data[breaks + 2] == ord(" ")
        mark(breaks[gaps & (signs == ord("-"))], _DASH)
        mark(breaks[gaps & (signs == ord("*"))], _STAR)
        mark(breaks[(signs == 0xE2) & (data[breaks + 2] == 0x80) & (data[breaks + 3] == 0xA2)], _DOT)
        numbered, behind = (signs >= ord("1")) & (signs <= ord("9")), data[breaks + 3] == ord(" ")
        mark(breaks[numbered & behind & (data[breaks + 2] == ord("."))], _POINT)
        mark(breaks[numbered & behind & (data[breaks + 2] == ord(")"))], _PAREN)
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        bits = np.where(rows.readable, sketches, 0)
        parts, odd, evidence = [], set[int](), dict[str, object]()
        for what, ways in _MARKS:
            every = sum(bit for bit, _ in ways)
            held = [(np.flatnonzero(bits & every == bit), name) for bit, name in ways]
            held = sorted(((those, name) for those, name in held if len(those)), key=lambda way: (-len(way[0]), way[1]))
            total = sum(len(those) for those, _ in held)
            held = [way for way in held if len(way[0]) >= max(self.min_answers, self.min_share * total)]
            if len(held) > 1:
                parts.append(f"{what}: " + ", ".join(f"{len(those):,} answers with {name}" for those, name in held))
                evidence |= {name.strip("'"): len(those) for those, name in held}
                odd.update(held[-1][0].tolist())
        if odd:
            yield _first(rows, odd, "; ".join(parts), evidence)


_WORDLY = _table(bytes(range(65, 91)) + bytes(range(97, 123)))
