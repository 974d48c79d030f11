"""Rows whose columns nobody knows: a map from column names to roles, and a guess at one."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from curator.errors import UsageError
from curator.formats.adapter import Row
from curator.formats.turns import is_messages, parsed, read_field, read_listed
from curator.model import Example, Turn
from curator.paths import format

ROLES = ("system", "user", "assistant", "tool")
PARTS = ("messages", "chosen", "rejected", "label", "tools", "text")
MAPPED = "mapped"  # the shape of rows that are read by a map


class ColumnMap:
    """Reads rows by a map from column names to roles or parts of a row; their shape is "mapped"."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        for column, meaning in columns.items():
            if meaning not in (*ROLES, *PARTS):
                raise UsageError(
                    f"column {column!r} cannot be {meaning!r}",
                    hint=f"a column can be one of {', '.join((*ROLES, *PARTS))}",
                )
        self._columns = dict(columns)
        self._paths = {column: format((column,)) for column in columns}

    def read(self, value: Row) -> Example | None:
        """The mapped columns as turns in the order of the map; None where the row has none of them."""
        if self._columns.keys().isdisjoint(value):
            return None
        turns: list[Turn] = []
        sides: dict[str, tuple[Turn, ...]] = {"chosen": (), "rejected": ()}
        tools: tuple[Any, ...] = ()
        tools_path, label = "", None
        for column, meaning in self._columns.items():
            item, at = value.get(column), self._paths[column]
            if meaning == "messages":
                turns += read_listed(item, at)
            elif meaning in sides:
                sides[meaning] = read_field(item, at, "assistant")
            elif meaning == "label":
                label = item if type(item) is bool else None
            elif meaning == "tools":
                listed = parsed(item)[0]
                tools, tools_path = (tuple(listed), at) if type(listed) is list else ((), "")
            elif item is not None or meaning in ("user", "assistant", "text"):
                turns += read_field(item, at, "assistant" if meaning == "text" else meaning)
        return Example(MAPPED, tuple(turns), value, tools, sides["chosen"], sides["rejected"], label, tools_path)


def columns_for(
    columns: Mapping[str, str], rows: Sequence[Row], shape: str | None, *, forced: bool = False
) -> dict[str, str]:
    """What of a column map applies to a file, by some of its rows and the shape they are surely of; {} for nothing.

    A file of a known shape is left as it is, but for rows whose shape is one text alone. Of a file in no known
    shape the rows must hold what the map needs. A map that is `forced` applies to every file in which its columns
    stand. Of two columns with one meaning, one that no row has is left out: it is of another file.
    """
    seen = {column: _share(list(rows), lambda row, key=column: key in row) for column in columns}
    best: dict[str, float] = {}
    for column, meaning in columns.items():
        best[meaning] = max(best.get(meaning, 0.0), seen[column])
    needed = [share for meaning, share in best.items() if meaning not in _OPTIONAL] or list(best.values())
    known = shape is not None and (forced or shape not in _ONE_TEXT)
    fits = (not known or min(needed) > 0) if forced else not known and min(needed) >= _HELD
    if not fits:
        return {}
    return {name: role for name, role in columns.items() if role in _OPTIONAL or seen[name] or not best[role]}


_OPTIONAL = ("system", "tool", "label", "tools")  # what a row may lack
_ONE_TEXT = ("text", "prompt-only")  # shapes that say nothing of the other columns of a row
_HELD = 0.5  # of the sampled rows; those that lack a column are told of it


# ---------------------------------------------------------------------- guessing

# Words of column names and what they speak for. The first table is told by the whole name, the
# second by a word in it ("ticket_text", "agentAnswer"); the third names who speaks or what it is
# about, which says less than what is said: "question" before "customer".
_NAMES = {
    "system": {"sys", "system", "persona", "preamble"},
    "user": {"q", "x", "src", "source", "in", "ask", "user", "human", "text", "message"},
    "assistant": {"a", "y", "tgt", "target", "out", "assistant", "bot", "gpt", "label", "gold", "expected"},
}
_WORDS = {
    "system": {"system", "sys"},
    "user": {
        *("question", "query", "prompt", "instruction", "input", "request", "problem", "utterance"),
        *("inquiry", "enquiry", "task", "issue", "asked", "ask"),
        *("frage", "eingabe", "anfrage", "pregunta", "pergunta", "domanda", "vraag", "fråga", "pytanie", "soru"),
        *("otázka", "kérdés", "вопрос", "питання", "问题", "提问", "質問", "질문", "سؤال", "प्रश्न"),
    },
    "assistant": {
        *("answer", "reply", "response", "output", "completion", "solution", "resolution"),
        *("truth", "target", "summary", "translation", "generation", "expected", "answered"),
        *("antwort", "ausgabe", "respuesta", "resposta", "réponse", "reponse", "risposta", "antwoord", "svar"),
        *(
            "odpowiedź",
            "cevap",
            "odpověď",
            "válasz",
            "ответ",
            "відповідь",
            "答案",
            "回答",
            "답변",
            "대답",
            "جواب",
            "उत्तर",
        ),
    },
}
_SPEAKERS = {
    "system": {"persona"},
    "user": {"ticket", "customer", "user", "human", "client", "kunde", "cliente"},
    "assistant": {"agent", "assistant", "bot", "gpt"},
}
# Last words of names that hold no turn: "answer_id", "customer_name", "asked_at".
_NO_TURN = {
    *("id", "ids", "type", "len", "length", "count", "lang", "language", "time", "date", "at", "by", "name", "email"),
    *("url", "link", "status", "score", "rating", "model", "number", "no", "category", "tokens"),
}
_MARKS = {  # last words of names that mark the row, though a guess by name may take them where a partner is sure
    *("uid", "uuid", "guid", "index", "idx", "hash", "key", "label", "labels", "class", "topic", "domain", "split"),
    *("tag", "tags", "rank", "timestamp", "version", "code", "flag", "level", "source"),
}
_TEXT_WORDS = {"text", "body", "content", "document", "article", "passage", "page"}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[\W_]+")
_SAMPLE = 400
_KEYS = 8  # that an error names
_CONFIDENT = 0.75  # from here on a guess is used when a guess is asked for


class ColumnGuess(msgspec.Struct, frozen=True):
    """A map a person may accept: column → role or part, how sure it is (0 to 1), and why."""

    columns: dict[str, str]
    confidence: float
    reasons: tuple[str, ...]

    @property
    def confident(self) -> bool:
        """Whether it may be used where the user asks for a guess."""
        return self.confidence >= _CONFIDENT

    @property
    def option(self) -> str:
        """The guess as an option to paste: `--map question=user,answer=assistant`."""
        if any("," in name for name in self.columns):
            return "--map guess"  # the option has no way to write a comma
        return shlex.join(["--map", ",".join(f"{name}={role}" for name, role in self.columns.items())])


def how_to_map(values: Iterable[Row]) -> str:
    """The option that makes rows in no known shape readable: with the guess in it where that is confident."""
    rows = [value for value, _ in zip(values, range(_SAMPLE), strict=False)]
    guess = guess_columns(rows)
    if guess and guess.confident:
        return guess.option
    return _asked(rows)


def _asked(rows: Sequence[Row]) -> str:
    """What to do about columns that say nothing for sure: the keys, and an example or what a map is written as."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    if not keys:
        return "no row is a JSON object with named columns: write each row as one"
    if example := example_map(rows):
        return f"say which column is what, such as {example}"
    more = ", …" if len(keys) > _KEYS else ""
    how = "name yours: --map COLUMN=user,OTHER=assistant"
    return f"no column is surely a question or an answer (keys seen: {', '.join(map(repr, keys[:_KEYS]))}{more}); {how}"


def example_map(values: Iterable[Row]) -> str:
    """An option that names two columns of the rows, the longer text as the answer; "" where two hold no prose."""
    rows = [value for value, _ in zip(values, range(_SAMPLE), strict=False)]
    names = dict.fromkeys(name for row in rows for name in row if "," not in name and "=" not in name)
    prose = [column for name in names if not _marks(name) and (column := _text_column(rows, name)) and column.prose]
    if len(prose) < 2:
        return ""
    answer = max(prose, key=lambda column: column.mean)
    question = next(column for column in prose if column is not answer)
    return shlex.join(["--map", f"{question.name}=user,{answer.name}=assistant"])


def _marks(name: str) -> bool:
    """Whether a column's name says that it identifies, sorts or measures the row: "question_id", "category"."""
    words = [word.lower() for word in _CAMEL.split(name) if word]
    return bool(words) and words[-1] in _NO_TURN | _MARKS


class _Column(msgspec.Struct, frozen=True):
    name: str
    mean: float  # characters
    prose: bool  # most values hold a space


def guess_columns(values: Iterable[Row]) -> ColumnGuess | None:
    """A guess at what unknown columns mean, by their names and, failing that, by their lengths.

    None where nothing speaks for any column. The guess is for showing: nothing applies it by itself.
    """
    rows = [value for value, _ in zip(values, range(_SAMPLE), strict=False)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in names:
        if _share(rows, lambda row, key=name: is_messages(row.get(key))) > 0.9:
            return ColumnGuess({name: "messages"}, 0.9, (f"{name!r} holds lists of messages",))
    columns = [column for name in names if (column := _text_column(rows, name))]
    by_name = _by_name(columns)
    if "user" in by_name and "assistant" in by_name:
        return _named(by_name, columns)
    return _by_length(columns, by_name)


def _share(rows: list[Row], holds: Any) -> float:
    return sum(1 for row in rows if holds(row)) / len(rows) if rows else 0.0


def _text_column(rows: list[Row], name: str) -> _Column | None:
    texts = [text for row in rows if type(text := row.get(name)) is str and text.strip()]
    if len(texts) < 0.5 * len(rows):
        return None
    prose = sum(1 for text in texts if " " in text.strip()) / len(texts) > 0.5
    return _Column(name, sum(map(len, texts)) / len(texts), prose)


def _by_name(columns: list[_Column]) -> dict[str, list[tuple[float, _Column]]]:
    """For each role the columns whose names speak for it: prose first, then the surest."""
    found: dict[str, list[tuple[float, _Column]]] = {}
    for column in columns:
        words = [word.lower() for word in _CAMEL.split(column.name) if word]
        if words and words[-1] in _NO_TURN:
            continue
        scores = {role: _name_score(words, role) for role in ROLES[:3]}
        role = max(scores, key=scores.__getitem__)
        if scores[role]:
            found.setdefault(role, []).append((scores[role], column))
    for pairs in found.values():
        pairs.sort(key=lambda pair: (not pair[1].prose, -pair[0], -pair[1].mean))
    return found


def _name_score(words: list[str], role: str) -> float:
    if len(words) == 1 and words[0] in _NAMES[role]:
        return 0.85
    hits = [i for i, word in enumerate(words) if word in _WORDS[role]]
    if not hits:
        return 0.8 if any(word in _SPEAKERS[role] for word in words) else 0.0
    return 1.0 if len(words) == 1 else 0.9 if hits[-1] == len(words) - 1 else 0.8


def _named(by_name: dict[str, list[tuple[float, _Column]]], columns: list[_Column]) -> ColumnGuess:
    chosen = {role: by_name[role][0] for role in ("system", "user", "assistant") if role in by_name}
    reasons = [f"the name {column.name!r} speaks for the {role} turn" for role, (_, column) in chosen.items()]
    confidence = min(score for score, _ in chosen.values())
    for role, (score, column) in chosen.items():
        others = [c.name for s, c in by_name[role] if c is not column and s == score and c.prose >= column.prose]
        if others:
            confidence -= 0.2
            reasons.append(f"{', '.join(map(repr, others))} could be the {role} turn as well")
        if not column.prose:
            confidence -= 0.1
            reasons.append(f"most values of {column.name!r} are single words")
    return ColumnGuess({c.name: role for role, (_, c) in chosen.items()}, round(confidence, 2), tuple(reasons))


def _by_length(columns: list[_Column], by_name: dict[str, list[tuple[float, _Column]]]) -> ColumnGuess | None:
    prose = [column for column in columns if column.prose and not _marks(column.name)]
    for role, other in (("user", "assistant"), ("assistant", "user")):
        rest = [column for column in prose if role in by_name and column is not by_name[role][0][1]]
        if len(rest) == 1:
            score, column = by_name[role][0]
            order = [(column.name, role), (rest[0].name, other)]
            reasons = (
                f"the name {column.name!r} speaks for the {role} turn",
                f"{rest[0].name!r} is the only other column of text",
            )
            return ColumnGuess(dict(order if role == "user" else order[::-1]), round(score - 0.3, 2), reasons)
    if len(prose) == 1:
        only = prose[0]
        named = any(word.lower() in _TEXT_WORDS for word in _CAMEL.split(only.name))
        return ColumnGuess({only.name: "text"}, 0.6 if named else 0.4, (f"{only.name!r} is the only column of text",))
    if len(prose) == 2:
        short, long = sorted(prose, key=lambda column: column.mean)
        if long.mean > 2 * short.mean:
            why = (f"{long.name!r} is much longer ({long.mean:.0f} characters) than {short.name!r} ({short.mean:.0f})",)
            return ColumnGuess({short.name: "user", long.name: "assistant"}, 0.45, why)
    return None
