"""What a target refuses in the turns of a row: their roles and their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import msgspec

from curator.checks.schema.rows import messages
from curator.checks.targets.refusal import HELLO, Refusal, known, word
from curator.model import Example, Fix, Flag, Put, Turn
from curator.paths import join
from curator.rule import Bad, chat
from curator.targets import Order, Profile


class RoleRefused(Refusal, frozen=True):
    """A turn has a role that the target does not know.

    A service refuses the file for it. A trainer stops at the row, or hands the role to a chat template,
    and half of those drop the turn without a word.
    """

    code = "TGT004"
    structural = True
    GOOD = [HELLO]
    BAD = [
        Bad(
            chat(developer="Be brief.", user="Hi", assistant="Hello."),
            at="messages[0].role",
            fixed=chat(system="Be brief.", user="Hi", assistant="Hello."),
            options={"target": "openai"},
        ),
        Bad(
            chat(user="Is it open?", function="yes", assistant="It is open."),
            at="messages[1].role",
            options={"target": "fireworks"},
        ),
    ]

    def refused(self, example: Example, profile: Profile) -> Iterator[Flag]:
        roles = profile.roles_of(example.shape)
        for turn, message, base in messages(example) if roles else ():
            if not turn.said or turn.said in roles or not base.endswith("]"):
                continue
            place = join(base, "role" if "role" in message else "from")
            fix = None
            if turn.role == "developer" and "system" in roles:
                fix = Fix("write 'system'", (Put(place, "system"),))
            yield Flag(place, f"{profile.title} refuses the role {turn.said!r}: it knows {known(roles)}", fix=fix)


class OrderRefused(Refusal, frozen=True):
    """The turns stand in an order that the target refuses.

    Services check who begins, who ends and who may follow whom, and fail the whole file for one row.
    """

    code = "TGT005"
    structural = True
    GOOD = [HELLO]
    BAD = [
        Bad(chat(user="Hi", assistant="Hello.", user2="Bye"), at="messages[2]", options={"target": "openai"}),
        Bad(chat(assistant="Hello.", user="Hi", assistant2="Yes?"), at="messages[0]", options={"target": "together"}),
        Bad(chat(user="Hi", user2="Ho", assistant="Hello."), at="messages[1]", options={"target": "together"}),
        Bad(
            chat(user="Hi", assistant="Hello.", system="Be brief.", user2="Ho", assistant2="Hum."),
            at="messages[2]",
            options={"target": "mistral"},
        ),
        Bad(
            chat(system="A", system2="B", user="Hi", assistant="Hello."),
            at="messages[1]",
            options={"target": "mistral"},
        ),
        Bad(
            {
                "system": [{"text": "Be brief."}, {"text": "Be kind."}],
                "messages": [
                    {"role": "user", "content": [{"text": "Hi"}]},
                    {"role": "assistant", "content": [{"text": "Hello."}]},
                ],
            },
            at="system",
            options={"target": "bedrock-llama"},
        ),
    ]

    def refused(self, example: Example, profile: Profile) -> Iterator[Flag]:
        order = profile.order_of(example.shape)
        turns = example.turns if example.shape == "openai-preference" else example.turns + example.chosen
        if order is None or not turns or any(turn.role not in _ROLES for turn in turns):
            return
        roles = profile.roles_of(example.shape)
        fitting = [turn for turn in turns if _fits(turn, roles)]
        for turn, what in _faults(fitting, _ends_told(order, inside(turns), fitting)):
            at = "" if turn is None else turn.base or turn.path
            yield Flag(at, f"{what}: {profile.title} refuses that")


def _ends_told(order: Order, turns: Sequence[Turn], fitting: Sequence[Turn]) -> Order:
    """The order without who begins or ends where a turn of a refused role stands there."""
    first = order.first if turns and turns[0] in fitting else ()
    last = order.last if turns and turns[-1] in fitting else ()
    return msgspec.structs.replace(order, first=first, last=last)


def _fits(turn: Turn, roles: tuple[str, ...]) -> bool:
    """Whether the order of a turn matters: one of a refused role is told as that."""
    return not roles or turn.said in roles or not turn.base.endswith("]")


_ROLES = ("system", "user", "assistant", "tool", "developer")


def inside(turns: Iterable[Turn]) -> list[Turn]:
    """The turns that stand in the list of messages, without a system prompt beside it."""
    return [turn for turn in turns if turn.role != "system" or turn.base.endswith("]")]


def _faults(turns: Sequence[Turn], order: Order) -> Iterator[tuple[Turn | None, str]]:
    """(turn, what is wrong) for each limit of the order that is broken, once each."""
    said = inside(turns)
    yield from _of_systems(turns, said, order)
    if not said:
        return
    if order.least_turns and len(said) < order.least_turns:
        yield None, f"a row of {len(said)} turn{'' if len(said) == 1 else 's'}, at least {order.least_turns} are asked"
        return
    if order.first and said[0].role not in order.first:
        yield said[0], f"the row begins with the {word(said[0])} turn, not with {known(order.first)}"
    answers = sum(turn.role == "assistant" for turn in said)
    if order.least_answers and answers < order.least_answers:
        yield None, "the row has no answer"
    elif order.last and said[-1].role not in order.last:
        yield said[-1], f"the row ends with the {word(said[-1])} turn, not with {known(order.last)}"
    yield from _neighbours(said, order)


def _of_systems(turns: Sequence[Turn], said: list[Turn], order: Order) -> Iterator[tuple[Turn | None, str]]:
    systems = [turn for turn in turns if turn.role == "system" for _ in range(_blocks(turn))]
    if order.most_systems is not None and len(systems) > order.most_systems:
        yield (
            systems[order.most_systems],
            f"{len(systems)} system turns, at most {order.most_systems} may stand in a row",
        )
    late = [turn for n, turn in enumerate(said) if turn.role == "system" and any(t.role != "system" for t in said[:n])]
    if order.system == "first" and late:
        yield late[0], "a system turn after the first"


def _blocks(turn: Turn) -> int:
    """How many blocks a system prompt beside the messages has; one in the list is one turn."""
    return 1 if turn.base else max(1, len(turn.pieces))


def _neighbours(said: list[Turn], order: Order) -> Iterator[tuple[Turn | None, str]]:
    talk = [turn for turn in said if turn.role != "system"]
    for before, turn in pairwise(talk):
        if order.alternate and before.role == turn.role and turn.role in ("user", "assistant"):
            yield turn, f"two {word(turn)} turns in a row"
            break
    for before, turn in pairwise(said):
        allowed = order.after.get(before.role)  # type: ignore[call-overload]
        if allowed is not None and turn.role not in allowed:
            yield turn, f"a {word(turn)} turn after the {word(before)} turn"
            break
