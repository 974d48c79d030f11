"""Where the texts of a row go in a template that looks into them: followed, not searched for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.templates import Rendered, Renderer, Template, layout, load, shipped, thoughts
from curator.templates.tracing import followed

SHORT = [("user", "ok"), ("assistant", "A book of sums, ok"), ("user", "more"), ("assistant", " no more of it ")]


def said(*turns: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"role": role, "content": text} for role, text in turns]


def over(body: str, *turns: tuple[str, str], loop: str = "messages") -> Rendered:
    text = f"{{% for m in {loop} %}}{body}{{% endfor %}}"
    return Renderer(Template("t", {"default": text})).render(said(*turns))


def turns_of(keys: tuple[tuple[int, str, int], ...]) -> list[int]:
    return [key[0] for key in keys]


WRITTEN = "<{{ m.role }}>{{ m.content }}</s>"


def test_a_short_text_that_is_gone_is_not_found_in_a_later_one() -> None:
    seen = over(WRITTEN, *SHORT, loop="messages if m.content | length > 3")
    assert (turns_of(seen.lost), seen.moved) == ([0], ())
    assert {key[0]: seen.text[slice(*place)] for key, place in seen.places.items()} == {
        1: "A book of sums, ok", 2: "more", 3: " no more of it ",
    }  # fmt: skip


def test_a_text_that_is_gone_is_not_found_in_the_words_of_the_template() -> None:
    seen = over(
        "<|im_start|>" + WRITTEN,
        ("user", "start"),
        ("assistant", "Here I am."),
        loop="messages if m.content != 'start'",
    )
    assert turns_of(seen.lost) == [0]


def test_of_two_equal_texts_the_one_that_is_gone_is_named() -> None:
    turns = (("user", "Go on, please."), ("assistant", "I did."), ("user", "Go on, please."), ("assistant", "Done."))
    body = "{% if not (loop.first and '.' in m.content) %}" + WRITTEN + "{% endif %}"
    assert turns_of(over(body, *turns).lost) == [0]


@pytest.mark.parametrize("loop", ["messages | reverse", "messages[::-1]", "messages | sort(attribute='role')"])
def test_turns_in_another_order_are_told(loop: str) -> None:
    seen = over(WRITTEN, *SHORT, loop=loop)
    assert seen.moved
    assert not seen.lost


def test_turns_in_another_order_are_told_where_the_template_looks_into_them() -> None:
    seen = over(WRITTEN, *SHORT, loop="messages | reverse if m.content | length > 2")
    assert (turns_of(seen.lost), turns_of(seen.moved)) == ([0], [2, 3])


def test_a_system_text_may_move_and_a_text_may_be_written_twice() -> None:
    head = "{% for m in messages if m.role == 'system' %}" + WRITTEN + "{% endfor %}{{ messages[-2].content }}"
    text = head + "{% for m in messages if m.role != 'system' %}" + WRITTEN + "{% endfor %}"
    turns = said(
        ("user", "Hello there"), ("system", "Rhyme."), ("assistant", "Hi"), ("user", "Bye"), ("assistant", "Ok")
    )
    assert Renderer(Template("t", {"default": text})).render(turns).moved == ()


@pytest.mark.parametrize("name", shipped())
def test_shipped_templates_keep_the_order(name: str) -> None:
    turns = said(*[(role, f"{role} says {n}") for n in range(3) for role in ("user", "assistant")])
    assert Renderer(load(name)).render(turns).moved == ()


@pytest.mark.parametrize(
    "body",
    [
        "{{ m.content.strip() + '!' }}{{ '?' ~ m.content }}",
        "{{ m.content[2:-1] }}{{ m.content.split('a')[0] }}{{ m.content.rsplit(' ', 1)[-1] }}",
        "{{ m.content.split() | join('_') }}{{ ', '.join(m.content.split('\n')) }}",
        "{{ m.content.replace('a', 'bb') | upper }}{{ m.content | replace('e', '') | trim }}",
        "{{ m.content | tojson }}{{ m | tojson(indent=2) }}{{ m.content | tojson(ensure_ascii=true) }}",
        "{% macro say(t) %}[{{ t | trim }}]{% endmacro %}{% set x %}{{ say(m.content) }}{% endset %}{{ x }}",
        "{% for line in m.content.splitlines() %}> {{ line }}\n{% endfor %}{% for c in m.content %}{{ c }}{% endfor %}",
        "{{ m.content.partition('b')[2] }}{{ m.content.rpartition('b')[0] }}{{ m.content.removeprefix('x') }}",
        "{{ '%s: %s' | format(m.role, m.content) }}{{ '{}'.format(m.content) }}{{ '%s' % m.content }}",
        "{{ m.content | indent(4) }}{{ m.content | reverse }}{{ m.content * 2 }}{{ m }}",
        "{{ messages | map(attribute='content') | join(' / ') }}{{ m.content | truncate(5) | title }}",
    ],
)
@given(words=st.lists(st.text('abx \n"é!', min_size=1, max_size=30), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_what_is_followed_is_what_is_rendered(body: str, words: list[str]) -> None:
    """And each part that is said to come from a text does, character for character, but for case and JSON."""
    apart = body.replace("}}{{", "}}§{{").replace("%}{%", "%}§{%")  # so that neighbours stay two
    template = Template("t", {"default": "{% for m in messages %}" + apart + "{% endfor %}"})
    texts = {(n, "content", 0): word for n, word in enumerate(words)}

    def put(marks: dict[tuple[int, str, int], str]) -> list[dict[str, Any]]:
        return said(*[("user", marks[n, "content", 0]) for n in range(len(words))])

    messages = put(texts)
    text = template.render(messages)
    trace = followed(template.text(), template.values(messages), put, texts, text)
    assert trace is not None
    for start, end, key in trace.runs:
        part = text[start:end]
        json_form = part.replace("\\n", "\n").replace('\\"', '"').replace("\\u00e9", "é")
        assert {part.lower(), json_form.lower(), part.replace("bb", "a").lower()} & set(_cuts(texts[key].lower()))


def _cuts(text: str) -> list[str]:
    return [text[a:b] for a in range(len(text)) for b in range(a, len(text) + 1)]


EMPTY = [("user", "Hi there"), ("assistant", ""), ("user", "And now?"), ("assistant", "Fine.")]


@pytest.mark.parametrize("blank", ["", "  "])
@pytest.mark.parametrize("name", sorted({*shipped()} - {"glm-4"}))  # which closes no turn
def test_the_end_of_an_empty_answer_is_trained(name: str, blank: str) -> None:
    seen = Renderer(load(name)).render(said(EMPTY[0], ("assistant", blank), *EMPTY[2:]))
    full = Renderer(load(name)).render(said(EMPTY[0], ("assistant", "Yes"), *EMPTY[2:]))
    (one, two), (ours, last) = ([r.text[a:b] for a, b in r.trained] for r in (full, seen))
    assert (ours.split(), last) == (one.replace("Yes", blank).split(), two)


def test_an_empty_answer_that_the_template_leaves_out_trains_nothing() -> None:
    seen = over("{% if m.content %}" + WRITTEN + "{% endif %}", *EMPTY)
    assert [seen.text[a:b] for a, b in seen.trained] == ["<assistant>Fine.</s>"]


REASONED = [
    said(("user", "What is two and two?"), ("assistant", "<think>\nTwo, then two.\n</think>\n\nIt is four.")),
    said(
        *(("system", "Reckon."), ("user", "What is two and two?"), ("assistant", "<think>Two and two</think>It is 4.")),
        *(("user", "And three and three?"), ("assistant", "<think>\nThree, again.\n</think>\n\nThat is six.")),
    ),
    said(
        *(("user", "Add up one and one."), ("assistant", "First.<think>One, one</think>\nTwo, no less.")),
        *(("user", "Once more, please."), ("assistant", "<think></think>Two, I said.")),
    ),
    said(("user", "Add up one and one."), ("assistant", "<think>One and one again</think>")),
]


@pytest.mark.parametrize("row", range(len(REASONED)))
@pytest.mark.parametrize("name", shipped())
def test_an_answer_cut_at_its_think_tags_is_seen_as_one_that_is_followed(
    name: str, row: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The layout that rows of one structure share says of each what following its texts one by one says."""
    cut = Renderer(load(name)).render(REASONED[row])
    monkeypatch.setattr(layout, "moulds_of", lambda said: {})
    followed_alone = Renderer(load(name)).render(REASONED[row])
    kept = {key: place for key, place in cut.places.items() if cut.text[slice(*place)]}
    assert (cut.text, cut.lost, cut.stripped) == (followed_alone.text, followed_alone.lost, followed_alone.stripped)
    assert (kept, cut.trained) == (followed_alone.places, followed_alone.trained)


def test_rows_with_reasoning_share_a_layout() -> None:
    renderer = Renderer(load("qwen3"))
    for n in range(20):
        turns = (("user", f"Is {n} odd?"), ("assistant", f"<think>\nOf {n} I think.\n</think>\n\nIt is {n}.")) * 3
        seen = renderer.render(said(*turns))
        assert (seen.exact, turns_of(seen.lost)) == (True, [1, 3])
    assert len(renderer._layouts) == 2  # that of whole texts, into which the template looks, and that of texts cut


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<think>a</think>b", ["a"]),
        ("\n<think>\na\n</think>b<think>c</think>", ["\na\n", "b<think>c"]),
        ("a</think>b", ["a"]),
        ("<thinking> </thinking>a", []),
        ("a < b" * 20_000, []),
    ],
)
def test_reasoning_stands_before_each_closing_tag(text: str, found: list[str]) -> None:
    assert [text[slice(*span)] for span in thoughts(text)] == found
