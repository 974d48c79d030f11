"""TPL002, TPL003, TPL021: texts and names that are not in what the template renders, or not in their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from curator.checks.fit.bases import TemplateName, TemplateRule, TemplateSetRule
from curator.checks.fit.facts import UNNAMED, unnamed
from curator.checks.fit.looks import Look, one_line, quoted
from curator.model import Flag
from curator.rule import Bad, chat
from curator.templates import Change, after_thought


def _lost(look: Look, roles: str) -> list[tuple[int, str, int]]:
    """The texts of turns of those roles ("system" or "other") that are not in the render, reasoning aside."""
    found = []
    for key in look.seen.lost:
        system = look.turn_of(key).role in ("system", "developer")
        if key[1] == "content" and system == (roles == "system") and not only_thought_lost(look, key):
            found.append(key)
    return found


def only_thought_lost(look: Look, key: tuple[int, str, int]) -> bool:
    """Whether all of an answer but its reasoning is in the render."""
    text, place = look.text_of(key), look.seen.places.get(key)
    if look.said.turns[key[0]].role != "assistant" or "</think" not in text:
        return False
    answer = after_thought(text)
    return not answer or (place is not None and answer in look.seen.text[slice(*place)])


_BESIDE = 40  # characters of the render that are shown on both sides of a text
_RENAME = "; trainers that rename the roles keep it, as does curator convert FILE --to openai-chat -o OUT"


class SystemLost(TemplateRule, frozen=True):
    """The template leaves the system prompt out of the training text.

    Some templates write it only where a user turn comes last, as in a request: then the model is used with
    instructions it was never trained with. Others keep one of several system turns.
    """

    code = "TPL002"
    severity = "error"
    GOOD = [chat(system="Be brief.", user="What is 2+2?", assistant="4")]
    BAD = [
        Bad(
            chat(system="Be brief.", user="What is 2+2?", assistant="4"),
            at="messages[0].content",
            options={"template": "mistral-v3"},
        )
    ]

    def judge(self, look: Look) -> Iterator[Flag]:
        for key in _lost(look, "system"):
            turn = look.turn_of(key)
            message = f"the system text is not in what {look.template.name} renders: the model is trained without it"
            yield turn.flag(message, evidence={"lost": quoted(look.text_of(key)), "role": turn.said or turn.role})


_CALL = {"type": "function", "function": {"name": "warmth", "arguments": {"place": "Oslo"}}}
_THOUGHT_AND_CALL = {
    "messages": [
        {"role": "user", "content": "Is it warm in Oslo?"},
        {"role": "assistant", "content": "<think>I look.</think>", "tool_calls": [_CALL]},
        {"role": "tool", "content": "Ten degrees"},
        {"role": "assistant", "content": "Not very."},
    ]
}


class TurnLost(TemplateRule, frozen=True):
    """A turn is not in what the template renders, or not in its place.

    Templates write the roles they know and pass over the others without a word: of a conversation between
    `human` and `gpt` nothing may be left but a default system prompt. The row counts and teaches nothing.
    Where turns change their order, answers are trained on questions that come after them, or what was said before
    a call is learnt behind its result: some templates write calls, results and text in an order of their own. System
    texts may move: many models take them in one place.

    A turn that is written is told too where the model learns something else from it: an answer as a JSON string, twice,
    or with words of the template's own, and a turn of a tool or user in the place and under the name of the assistant.
    """

    code = "TPL003"
    severity = "error"
    GOOD = [chat(user="What is 2+2?", assistant="4"), _THOUGHT_AND_CALL]
    BAD = [
        Bad(
            {"messages": [{"role": "human", "content": "What is 2+2?"}, {"role": "gpt", "content": "It is 4."}]},
            at="messages[0].content",
            options={"template": "qwen2.5"},
        ),
        Bad(
            chat(user="Is it warm in Oslo?", assistant="I look.", tool="Ten degrees", assistant2="Not very."),
            at="messages[2].content",
            options={"template": "phi-3"},
        ),
    ]

    def judge(self, look: Look) -> Iterator[Flag]:
        lost = _lost(look, "other")
        for turn, raw in zip(look.said.turns, look.said.messages, strict=True):
            if _as_python(raw.get("content"), look.seen.text):
                said = f"the parts of the {turn.said or turn.role!r} turn are written as a Python list, not as text"
                yield turn.flag(one_line(said), evidence={"lost": quoted(turn.text), "role": turn.said or turn.role})
        if lost:
            turn = look.turn_of(lost[0])
            turns = {key[0] for key in lost}
            more = f" and {len(turns) - 1} more" if len(turns) > 1 else ""
            said = turn.said or turn.role
            spelt = _RENAME if said != turn.role else ""
            part = "a part of " if lost[0] in look.seen.places else ""
            message = f"{part}the {said!r} turn{more} is not in what {look.template.name} renders{spelt}"
            evidence = {"lost": quoted(look.text_of(lost[0])), "role": said, "turns": len(turns)}
            yield turn.flag(one_line(message), evidence=evidence)
        yield from _refusals_lost(look)
        if look.seen.moved:
            yield _moved(look)
        yield from _changed(look)


def _refusals_lost(look: Look) -> Iterator[Flag]:
    """Answers that stand in a field of their own, `refusal`, which hardly any template reads."""
    for turn in look.said.turns if look.seen.text else ():
        if turn.path.endswith(".refusal") and (said := turn.text.strip()) and said not in look.seen.text:
            message = f"the refusal is not in what {look.template.name} renders: write it as the content"
            yield turn.flag(message, evidence={"lost": quoted(said), "role": turn.said or turn.role})


_SAID = {
    "quoted": "{name} writes the answer as JSON, in quotation marks: the model is trained to answer so",
    "twice": "{name} writes the answer {times} times",
    "answer": "{name} writes the {role!r} turn{more} as an answer{spelt}",
    "added": "{name} adds words of its own to the answer, which the model is trained to say: {words!r}",
}


def _changed(look: Look) -> Iterator[Flag]:
    """Texts that are in the render, and not as what they are: each kind of change told once, at the first of its turns."""
    for how, said in _SAID.items():
        found = [change for change in look.seen.changed if change.how == how and _matters(look, change)]
        turns = list(dict.fromkeys(change.key[0] for change in found))
        if not turns:
            continue
        turn = look.said.turns[turns[0]]
        role = turn.said or turn.role
        more = f" and {len(turns) - 1} more" if len(turns) > 1 else ""
        message = said.format(
            name=look.template.name, role=role, more=more, times=found[0].times,
            spelt=_RENAME if role != turn.role else "", words=quoted(found[0].words),
        )  # fmt: skip
        low, high = look.seen.places.get(found[0].key, (0, 0))
        shown = look.seen.text[max(0, low - _BESIDE) : high + _BESIDE]
        evidence = {"role": role, "turns": len(turns), "rendered": quoted(shown)}
        yield turn.flag(one_line(message), evidence=evidence)


def _matters(look: Look, change: Change) -> bool:
    """Whether a change is one: results of tools may be written as JSON, and only what is no answer be taken for one."""
    return (look.said.turns[change.key[0]].role == "assistant") == (change.how != "answer")


def _moved(look: Look) -> Flag:
    first, *others = look.seen.moved
    turn = look.turn_of(first)
    more = f" (and {len(others)} more)" if others else ""
    message = f"{look.template.name} writes the {turn.said or turn.role!r} turn{more} before {_overtaken(look, first)}"
    evidence = {"role": turn.said or turn.role, "turns": len(look.seen.moved), "rendered": quoted(look.seen.text)}
    return turn.flag(one_line(message), evidence=evidence)


def _overtaken(look: Look, key: tuple[int, str, int]) -> str:
    """What a text stands before though it follows it: most often what an answer says beside its calls."""
    place = look.seen.places.get(key, (0, 0))[0]
    behind = [n for (n, _, _), (start, _) in look.seen.places.items() if n < key[0] and start > place]
    asked = look.said.turns[max(behind)] if behind else None
    if asked is None or not asked.calls:
        return "turns that it follows"
    return f"what the {asked.said or asked.role!r} turn says beside its calls: the model learns to say it afterwards"


def _as_python(content: Any, text: str) -> bool:
    """Whether a list of parts was printed as Python prints a list."""
    return type(content) is list and "[{'" in text and str(content)[:200] in text


def _named(name: str) -> dict[str, Any]:
    first, asked, answer = chat(system="Be brief.", user="Is it open?", assistant="Yes.")["messages"]
    return {"messages": [first, {**asked, "name": name}, answer]}


class SpeakersUnnamed(TemplateSetRule, frozen=True):
    """The template leaves out the names of the speakers.

    Where several people speak, the key `name` says who does. Hardly any template writes it: to the model all
    of them are one user, who answers himself. Write the names into the texts. Results of tools are left alone,
    since the calls before them name the tool.
    """

    code = "TPL021"
    severity = "info"
    bit = UNNAMED
    GOOD = [[chat(user="Is it open?", assistant="Yes.")], [_named("open")]]
    BAD = [
        Bad(
            [chat(user="Is it open?", assistant="Yes."), _named("ada")],
            at="1:messages[1]",
            options={"template": "chatml"},
        )
    ]
    template: TemplateName = "gemma"

    def say(self, look: Look) -> tuple[str, str, dict[str, Any]]:
        turns = unnamed(look)
        names = list(dict.fromkeys(str(turn.name) for turn in turns))
        message = f"nothing in what {look.template.name} renders says that {names[0]} speaks"
        return turns[0].base, message, {"lost": names[:20]}
