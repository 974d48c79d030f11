"""A template that is shown to look away from texts need not be rendered again; any look at one is seen."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.templates import Renderer, Template, load, prepared, shipped

ROLES = [("user", "assistant"), ("system", "user", "assistant"), ("user", "assistant", "user", "assistant")]

AWAY = {
    "written": "{{ m.role }}: {{ m.content }}\n",
    "put together": "{{ '<' + m.role + '>' ~ m['content'] + '</s>' }}",
    "stripped": "<{{ (' ' + m.content + ' ') | trim }}> {{ m.content.lstrip() }} {{ m.content.rstrip() }}",
    "stripped together": "{{ (m.content ~ '\n' ~ m.role).strip() }}{{ ' \n' ~ m.content | trim ~ '\n\t' }}",
    "asked whether it is there": "{% if m.content and m.content != '' %}{{ m.content }}{% endif %}",
    "asked for its type": "{{ m.content if m.content is string and m.content is not mapping else '' }}",
    "kept": "{% set ns = namespace(last='') %}{% set ns.last = m.content %}{{ ns.last }}{{ [m.content][0] }}",
    "handed to a macro": "{% macro say(t) %}[{{ t }}]{% endmacro %}{{ say(m.content) | trim }}{{ say(t=m.content) }}",
    "set in a block": "{% set text %}{{ m.content }}!{% endset %}{{ text | trim }}",
    "got": "{{ m.get('content', '') }}{{ m.content | default('none') }}{{ (m.items() | list)[1][1] }}",
    "beside a search": "{% if m.role in ['user', 'system'] and 'content' in m %}{{ m.content }}{% endif %}",
}
LOOKS = {
    "==": "{% if m.content == 'a' %}!{% endif %}",
    "in it": "{% if 'a' in m.content %}!{% endif %}",
    "not in a string": "{% if m.content not in 'abc' %}!{% endif %}",
    "in a list": "{% if m.content in ['a', 'b'] %}!{% endif %}",
    "in values": "{% if 'a' in m.values() %}!{% endif %}",
    "in a chain": "{% if 'a' in m.content in ['a'] %}!{% endif %}",
    "a length": "{{ m.content | length }}",
    "a slice": "{{ m.content[:1] }}",
    "an end": "{% if m.content.endswith('a') %}!{% endif %}",
    "the end of another": "{% if 'abc'.startswith(m.content) %}!{% endif %}",
    "a loop": "{% for sign in m.content %}{{ loop.index }}{% endfor %}",
    "a split": "{{ m.content.split('a') | last }}",
    "a replacement": "{{ m.content | replace('a', 'b') }}{{ 'abc' | replace('a', m.content) }}",
    "a replacement by a method": "{{ m.content.replace('a', 'b') }}",
    "a strip of signs": "{{ m.content.strip('a') }}{{ m.content | trim('a') }}",
    "upper": "{{ m.content | upper }}",
    "JSON": "{{ m.content | tojson }}",
    "JSON of the message": "{{ m | tojson }}",
    "as Python prints it": "{{ m }}",
    "a format": "{{ '%s' | format(m.content) }}",
    "a format by a method": "{{ '{:>9}'.format(m.content) }}",
    "a percent sign": "{{ '%5s' % m.content }}",
    "times": "{{ m.content * 2 }}",
    "less": "{% if m.content < 'n' %}!{% endif %}",
    "a join": "{{ [m.content, 'a'] | join('') }}",
    "a join by a method": "{{ ''.join([m.content]) }}",
    "a join of values": "{{ m.values() | join('') }}",
    "a mapped join": "{{ messages | map(attribute='content') | join('') }}",
    "a selection": "{{ messages | selectattr('content', 'equalto', 'a') | list | length }}",
    "a selection by a search": "{{ messages | selectattr('content', 'in', 'abc') | list | length }}",
    "a set of keys": "{% set d = {m.content: 1} %}{{ d | length }}",
    "a sort": "{{ messages | sort(attribute='content') | length }}",
    "a number": "{{ m.content | int }}",
    "an equal of another": "{% if m.content == messages[0].content %}!{% endif %}",
    "an equal list": "{% if [m.content] == ['a'] %}!{% endif %}",
    "a change": "{% if loop.changed(m.content) %}!{% endif %}",
    "a name": "{% set ns = namespace(t=m.content) %}{{ ns | string }}",
    "its hash": "{{ {'a': 1}[m.content] }}",
    "a default": "{{ nobody | default(m.content) }}",
    "in a macro": "{% macro turn(t) %}{{ t | length }}{% endmacro %}{{ turn(m.content) }}",
}
texts = st.text(st.sampled_from("a!:\n\t ") | st.characters(codec="utf-8"), min_size=1, max_size=12).filter(str.strip)


def conversation(roles: tuple[str, ...], said: list[str]) -> list[dict[str, Any]]:
    return [{"role": role, "content": text} for role, text in zip(roles, said, strict=False)]


def over(body: str) -> Renderer:
    return Renderer(Template("t", {"default": "{% for m in messages %}" + body + "{% endfor %}"}))


@pytest.mark.parametrize("body", AWAY.values(), ids=AWAY)
def test_texts_that_are_only_written_or_stripped_are_not_looked_into(body: str) -> None:
    layout = over(body).layout(conversation(ROLES[0], ["One", "Two"]), ())
    assert layout is not None
    assert layout.blind


@pytest.mark.parametrize("body", LOOKS.values(), ids=LOOKS)
def test_a_look_into_a_text_is_seen(body: str) -> None:
    layout = over(body + "{{ m.content }}").layout(conversation(ROLES[0], ["One", "Two"]), ())
    assert layout is None or not layout.blind


@settings(deadline=None)
@given(st.sampled_from([*AWAY.values(), *LOOKS.values()]), st.sampled_from(ROLES), st.lists(texts, min_size=4))
def test_what_is_put_together_is_what_would_be_rendered(body: str, roles: tuple[str, ...], said: list[str]) -> None:
    renderer, messages = over(body), conversation(roles, said)
    seen = renderer.render(messages)
    if not seen.error:
        assert seen.text == renderer.template.render(messages)


@settings(deadline=None)
@given(st.sampled_from(sorted(shipped())), st.sampled_from(ROLES), st.lists(texts, min_size=4, max_size=4))
def test_so_it_is_for_every_shipped_template(name: str, roles: tuple[str, ...], said: list[str]) -> None:
    renderer, messages = Renderer(load(name)), conversation(roles, said)
    seen = renderer.render(messages)
    if not seen.error:
        assert seen.text == renderer.template.render(messages)


THOUGHTS = ("reasoning_content", "thinking", "reasoning")
thinking = st.dictionaries(st.sampled_from(THOUGHTS), texts, max_size=3) | st.builds(
    dict.fromkeys, st.sets(st.sampled_from(THOUGHTS), min_size=1), texts
)


@settings(deadline=None)
@given(st.sampled_from(sorted(shipped())), st.lists(st.tuples(texts, texts, thinking), min_size=1, max_size=3))
def test_so_it_is_of_reasoning_in_a_field_and_in_think_tags(name: str, said: list[Any]) -> None:
    renderer, messages = Renderer(load(name)), []
    for asked, answer, thoughts in said:
        tagged = f"<think>\n{asked}\n</think>\n\n{answer}" if len(thoughts) == 2 else answer
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": tagged, **thoughts}]
    for _ in range(2):  # the second time the layout is known
        seen = renderer.render(messages)
        if not seen.error:
            assert seen.text == renderer.template.render(prepared(messages))


def test_reasoning_that_is_passed_over_is_not_rendered_again() -> None:
    said = conversation(ROLES[0], ["One", "Two"])
    said[1]["reasoning_content"] = "Three"
    for name in ("chatml", "llama-3", "qwen2.5", "mistral-v3"):
        layout = Renderer(load(name)).layout(prepared(said), ())
        assert layout is not None and layout.blind


def test_most_shipped_templates_look_away() -> None:
    looking = set()
    for name, roles in product(shipped(), ROLES):
        layout = Renderer(load(name)).layout(conversation(roles, ["One"] * 4), ())
        if layout is not None and not layout.blind:
            looking.add(name)
    assert looking == {"deepseek-r1", "deepseek-v3", "qwen3"}  # they look for </think>


def test_blank_texts_calls_and_long_texts_are_rendered() -> None:
    renderer = over("{{ m.content }}")
    for said in (["One", " "], ["One", ""]):
        layout = renderer.layout(conversation(ROLES[0], said), ())
        assert layout is None or not layout.blind
    parts = [{"role": "user", "content": [{"type": "text", "text": "One"}]}]
    layout = renderer.layout(parts, ())
    assert layout is None or not layout.blind
    refused = over("{{ m.content ~ m.content ~ raise_exception('no') }}")
    assert refused.render(conversation(ROLES[0], ["One", "Two"])).error == "no"
