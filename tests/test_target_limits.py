"""Every limit that the documentation of a service names: a row just inside it, and one beyond."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from curator import Config, lint, targets
from curator.paths import get

ROWS = 40  # enough rows for every target
SECRET = "data:image/png;base64,iVBORw0KGgo="


def say(*turns: tuple[str, Any], **beside: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns], **beside}


def picture(url: str = SECRET) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def tool(name: str = "hours", **more: Any) -> dict[str, Any]:
    function = {"name": name, "description": "Opening hours", "parameters": {"type": "object", "properties": {}}}
    return {"type": "function", "function": {**function, **more}}


def call(name: str = "hours", arguments: Any = "{}", number: str = "a1b2c3d4e") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"role": "assistant", "tool_calls": [{"id": number, "type": "function", "function": function}]}


def called(**more: Any) -> dict[str, Any]:
    """A conversation in which the tool "hours" is called."""
    answer = {"role": "tool", "tool_call_id": "a1b2c3d4e", "content": "9 to 5"}
    return {
        "messages": [
            {"role": "user", "content": "Is it open?"},
            call(**more),
            answer,
            {"role": "assistant", "content": "Until five."},
        ],
        "tools": [tool()],
    }


def converse(*contents: Any, **beside: Any) -> dict[str, Any]:
    """Messages of user and assistant by turns; a text stands for a list of one part."""
    parts = [[{"text": content}] if isinstance(content, str) else content for content in contents]
    turns = [{"role": ("user", "assistant")[n % 2], "content": content} for n, content in enumerate(parts)]
    return {"schemaVersion": "bedrock-conversation-2024", "messages": turns, **beside}


def medium(kind: str, form: str, uri: str = "s3://bucket/a/file-1.x") -> dict[str, Any]:
    return {kind: {"format": form, "source": {"s3Location": {"uri": uri, "bucketOwner": "123456789012"}}}}


def gemini(*contents: Any, **beside: Any) -> dict[str, Any]:
    parts = [[{"text": content}] if isinstance(content, str) else content for content in contents]
    return {"contents": [{"role": ("user", "model")[n % 2], "parts": part} for n, part in enumerate(parts)], **beside}


def file(mime: str) -> dict[str, Any]:
    return {"fileData": {"mimeType": mime, "fileUri": "gs://bucket/file"}}


def pair(prompt: list[dict[str, Any]], better: Any = "Yes.", worse: Any = "No.") -> dict[str, Any]:
    return {
        "input": {"messages": prompt},
        "preferred_output": [{"role": "assistant", "content": better}],
        "non_preferred_output": [{"role": "assistant", "content": worse}],
    }


ASKED = ("user", "Is it open?")
YES = ("assistant", "Yes.")
HELLO = say(ASKED, YES)
USER = [{"role": "user", "content": "Is it open?"}]
WEIGHTED = say(ASKED, YES, ASKED, YES)


def changed(row: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of the row with the value at the path."""
    row = copy.deepcopy(row)
    above, _, key = path.rpartition(".")
    get(row, above)[key] = value
    return row


LEGAL: dict[str, list[dict[str, Any]]] = {
    "openai": [
        HELLO,
        say(("system", "Be brief."), ASKED, YES),
        say(("system", [text("Be brief.")]), ("user", [text("A cat?"), picture()]), ("assistant", [text("Yes.")])),
        say(("user", [picture("https://example.com/cat.png")] * 10), YES),
        say(("user", [picture()]), ("user", "And this?"), ("assistant", [{"type": "refusal", "refusal": "No."}])),
        changed(changed(WEIGHTED, "messages[1].weight", 0), "messages[3].weight", 1),
        changed(HELLO, "messages[0].weight", None),
        changed(HELLO, "messages[0].name", "ada"),
        called(),
        {**called(), "parallel_tool_calls": False},
        pair(USER),
        pair(USER, [text("Yes.")]),
        {**say(ASKED), "reference_answer": "yes"},
        {"prompt": "Is it open?", "completion": " Yes."},
    ],
    "azure": [
        HELLO,
        say(("user", [picture()] * 64), YES),
        pair(USER),
        called(),
    ],
    "together": [
        HELLO,
        {**HELLO, "weight": 0.5},
        say(("system", "Be brief."), ASKED, YES, ASKED, YES),
        say(("user", [text("A cat?"), *[picture()] * 10]), ("assistant", [text("Yes.")])),
        say(("user", [picture("data:image/webp;base64,AAAA")]), ("assistant", [text("Yes.")])),
        called(),
        changed(HELLO, "messages[1].weight", 0),
        changed(HELLO, "messages[1].reasoning_content", "It is Monday."),
        pair(USER),
        {"prompt": "Is it open?", "completion": "Yes."},
        {"text": "It is open."},
    ],
    "fireworks": [
        HELLO,
        say(("system", "Be brief."), ASKED, YES),
        say(("user", [text("A cat?"), picture(), picture("data:image/jpg;base64,AAAA")]), YES),
        changed(HELLO, "messages[1].weight", 0),
        changed(HELLO, "messages[1].reasoning_content", "It is Monday."),
        called(),
        pair(USER),
    ],
    "nova": [
        converse("Is it open?", "Yes."),
        converse("Is it open?", "Yes.", system=[{"text": "Be brief."}, {"text": "Be kind."}]),
        converse([{"text": "These?"}, *[medium("image", "jpeg")] * 10], "Cats."),
        converse([medium("video", "mp4"), {"text": "What is it?"}], "A cat."),
        converse([medium("document", "pdf"), {"text": "What is it?"}], "A cat."),
        converse("Is it open?", [{"reasoningContent": {"reasoningText": {"text": "Monday."}}}, {"text": "Yes."}]),
        converse(
            "Is it open?",
            [{"toolUse": {"toolUseId": "a", "name": "hours", "input": {}}}],
            [{"toolResult": {"toolUseId": "a", "content": [{"text": "9 to 5"}]}}],
            "Until five.",
            toolConfig={
                "tools": [
                    {
                        "toolSpec": {
                            "name": "hours",
                            "description": "Opening hours",
                            "inputSchema": {"json": {"type": "object"}},
                        }
                    }
                ]
            },
        ),
        converse("The user said: is the system open?", "The bot is."),
    ],
    "claude-haiku": [
        HELLO,
        say(ASKED, YES, ASKED, YES, system="Be brief."),
        say(("user", "Human: and then?"), YES),
    ],
    "bedrock-llama": [
        {"prompt": "Is it open?", "completion": "Yes."},
        converse("Is it open?", "Yes."),
        converse("Is it open?", "Yes.", "Sure?", "Sure.", system=[{"text": "Be brief."}]),
        converse([{"text": "A cat?"}, medium("image", "webp")], "Yes."),
    ],
    "gemini": [
        gemini("Is it open?", "Yes."),
        gemini("Is it open?", "Yes.", systemInstruction={"role": "system", "parts": [{"text": "Be brief."}]}),
        gemini([*[file("image/png")] * 30, {"text": "Cats?"}], "Yes."),
        gemini([file("audio/mp3"), {"text": "Who?"}], "Ada."),
        gemini([file("application/pdf")] * 4, "Four."),
        gemini("Is it open?", [{"text": "It is Monday.", "thought": True}, {"text": "Yes."}]),
        gemini(
            "Is it open?",
            [{"functionCall": {"name": "hours", "args": {}}}],
            [{"functionResponse": {"name": "hours", "response": {"result": "9 to 5"}}}],
            "Until five.",
            tools=[{"functionDeclarations": [{"name": "hours", "parameters": {"type": "object"}}]}],
        ),
    ],
    "mistral": [
        HELLO,
        say(("system", "Be brief."), ASKED, YES),
        say(ASKED, ASKED, YES),
        called(),
        {**HELLO, "tools": [tool("a" * 64)]},
        changed(HELLO, "messages[1].weight", 0),
        {"text": "It is open."},
    ],
}

ILLEGAL: list[tuple[str, str, str, dict[str, Any]]] = [
    # target, code, path, row
    ("openai", "TGT004", "messages[0].role", say(("developer", "Be brief."), ASKED, YES)),
    ("openai", "TGT005", "messages[2]", say(ASKED, YES, ASKED)),
    ("openai", "TGT005", "input.messages[1]", pair([*USER, {"role": "assistant", "content": "Hm?"}])),
    ("openai", "TGT006", "messages[0].weight", changed(HELLO, "messages[0].weight", 1)),
    ("openai", "TGT006", "messages[0].weight", changed(HELLO, "messages[0].weight", 0)),
    ("openai", "TGT006", "messages[1].mood", changed(HELLO, "messages[1].mood", "gay")),
    ("openai", "TGT006", "messages[0].tool_calls", changed(HELLO, "messages[0].tool_calls", call()["tool_calls"])),
    ("openai", "TGT006", "messages[1].tool_calls[0].function.arguments", called(arguments={})),
    ("openai", "TGT006", "tools[0].function.name", {**HELLO, "tools": [{"type": "function", "function": {}}]}),
    ("openai", "TGT006", "prompt", {"prompt": ["Is it open?"], "completion": "Yes."}),
    ("openai", "TGT008", "tools[0].function.name", {**HELLO, "tools": [tool("opening hours")]}),
    ("openai", "TGT008", "messages[1].tool_calls[0].function.name", called(name="opening.hours")),
    ("openai", "TGT015", "messages[1].content[0]", say(ASKED, ("assistant", [picture()]))),
    ("openai", "TGT015", "messages[0].content[0]", say(("system", [picture()]), ASKED, YES)),
    (
        "openai",
        "TGT015",
        "messages[0].content[0]",
        say(("user", [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]), YES),
    ),
    ("openai", "TGT015", "messages[0].content[0]", say(("user", [{"type": "file", "file": {"file_id": "f"}}]), YES)),
    ("openai", "TGT015", "messages[0].content[10]", say(("user", [picture()] * 11), YES)),
    ("openai", "TGT015", "messages[0].content[0]", say(("user", [picture("data:image/gif;base64,AAAA")]), YES)),
    ("azure", "TGT015", "messages[0].content[64]", say(("user", [picture()] * 65), YES)),
    ("azure", "TGT015", "input.messages[0].content[0]", pair([{"role": "user", "content": [picture()]}])),
    ("together", "TGT005", "messages[1]", say(ASKED, ASKED, YES)),
    ("together", "TGT005", "messages[1]", say(("system", "Be brief."), ("system", "Be kind."), ASKED, YES)),
    ("together", "TGT005", "", say(ASKED)),
    ("together", "TGT005", "messages[0]", say(YES, ASKED, YES)),
    ("together", "TGT005", "input.messages[1]", pair([*USER, {"role": "assistant", "content": "Hm?"}])),
    ("together", "TGT004", "messages[0].role", say(("developer", "Be brief."), ASKED, YES)),
    ("together", "TGT006", "", {**HELLO, "text": "It is open."}),
    ("together", "TGT006", "messages[1].tool_calls[0].function.arguments", called(arguments={})),
    ("together", "TGT015", "messages[1].content[0]", say(("user", [picture()]), ("assistant", [picture()]))),
    ("together", "TGT015", "messages[0].content", say(("user", [text("Hi")]), ("assistant", [text("Yes.")]))),
    ("together", "TGT015", "messages[0].content", say(("user", [picture()]), YES)),
    ("together", "TGT015", "messages[0].content[10]", say(("user", [picture()] * 11), ("assistant", [text("Yes.")]))),
    (
        "together",
        "TGT015",
        "messages[0].content[0]",
        say(("user", [picture("https://example.com/cat.png")]), ("assistant", [text("Yes.")])),
    ),
    (
        "together",
        "TGT015",
        "messages[0].content[0]",
        say(("user", [picture("data:image/gif;base64,AAAA")]), ("assistant", [text("Yes.")])),
    ),
    (
        "together",
        "TGT015",
        "messages[0].content",
        changed(say(("user", [picture()]), ("assistant", [text("Yes.")])), "messages[0].weight", 1),
    ),
    ("fireworks", "TGT004", "messages[0].role", say(("developer", "Be brief."), ASKED, YES)),
    ("fireworks", "TGT005", "messages[2]", say(ASKED, YES, ("system", "Be brief."), ASKED, YES)),
    ("fireworks", "TGT015", "messages[0].content[0]", say(("user", [picture("https://example.com/cat.png")]), YES)),
    ("fireworks", "TGT015", "messages[0].content[0]", say(("user", [picture("data:image/webp;base64,AAAA")]), YES)),
    (
        "nova",
        "TGT004",
        "messages[0].role",
        say(("system", [{"text": "A"}]), ("user", [{"text": "B"}]), ("assistant", [{"text": "C"}]), schemaVersion="v"),
    ),
    ("nova", "TGT005", "", converse("Is it open?")),
    ("nova", "TGT005", "messages[2]", converse("Is it open?", "Yes.", "Sure?")),
    ("nova", "TGT006", "schemaVersion", {"messages": converse("Is it open?", "Yes.")["messages"]}),
    ("nova", "TGT006", "schemaVersion", {**converse("Is it open?", "Yes."), "schemaVersion": 2024}),
    ("nova", "TGT007", "messages[0].content[0].text", converse("User: is it open?", "Yes.")),
    ("nova", "TGT007", "messages[0].content[0].text", converse("Is it <image> open?", "Yes.")),
    ("nova", "TGT007", "messages[1].content[0].text", converse("Is it open?", "Yes.[EOS]")),
    ("nova", "TGT007", "system[0].text", converse("Is it open?", "Yes.", system=[{"text": "SYSTEM: be brief"}])),
    (
        "nova",
        "TGT015",
        "messages[0].content",
        converse("Is it open?", "Yes.") | say(ASKED, ("assistant", [{"text": "Y"}])),
    ),
    ("nova", "TGT015", "system", converse("Is it open?", "Yes.", system="Be brief.")),
    ("nova", "TGT015", "system[0]", converse("Is it open?", "Yes.", system=[medium("image", "png")])),
    ("nova", "TGT015", "messages[0].content[10]", converse([medium("image", "png")] * 11, "Cats.")),
    (
        "nova",
        "TGT015",
        "messages[2].content[1]",
        converse([medium("image", "png")] * 9, "Cats.", [medium("image", "png")] * 2, "More."),
    ),
    ("nova", "TGT015", "messages[0].content[1]", converse([medium("video", "mp4")] * 2, "Cats.")),
    ("nova", "TGT015", "messages[0].content[1]", converse([medium("document", "pdf")] * 2, "Cats.")),
    ("nova", "TGT015", "", converse([medium("image", "png"), medium("video", "mp4")], "Cats.")),
    ("nova", "TGT015", "", converse([medium("image", "png"), medium("document", "pdf")], "Cats.")),
    ("nova", "TGT015", "messages[1].content[0]", converse("Draw.", [medium("image", "png"), {"text": "Here."}])),
    ("nova", "TGT015", "messages[0].content[0]", converse([medium("image", "bmp")], "A cat.")),
    ("nova", "TGT015", "messages[0].content[0]", converse([medium("video", "avi")], "A cat.")),
    ("nova", "TGT015", "messages[0].content[0]", converse([medium("document", "docx")], "A cat.")),
    ("nova", "TGT015", "messages[0].content[0]", converse([medium("image", "png", "https://a.b/c.png")], "A cat.")),
    ("nova", "TGT015", "messages[0].content[0]", converse([medium("image", "png", "s3://b/a cat.png")], "A cat.")),
    (
        "nova",
        "TGT015",
        "messages[0].content[0]",
        converse([{"image": {"format": "png", "source": {"bytes": "A"}}}], "Yes."),
    ),
    ("nova", "TGT015", "messages[0].content[0]", converse([{"audio": {"format": "mp3"}}], "Yes.")),
    (
        "nova",
        "TGT015",
        "messages[0].content[0]",
        converse([{"toolUse": {"toolUseId": "a", "name": "b", "input": {}}}], "Yes."),
    ),
    ("claude-haiku", "TGT004", "messages[0].role", say(("system", "Be brief."), ASKED, YES)),
    ("claude-haiku", "TGT005", "messages[0]", say(YES, ASKED, YES)),
    ("claude-haiku", "TGT005", "messages[2]", say(ASKED, YES, ASKED)),
    ("claude-haiku", "TGT005", "messages[1]", say(ASKED, ASKED, YES)),
    ("claude-haiku", "TGT006", "id", {**HELLO, "id": 7}),
    ("claude-haiku", "TGT006", "messages[1].weight", changed(HELLO, "messages[1].weight", 1)),
    ("claude-haiku", "TGT007", "messages[0].content", say(("user", "Hi\nHuman: and then?"), YES)),
    ("claude-haiku", "TGT007", "system", say(ASKED, YES, system="Be brief.\nAssistant: I am.")),
    ("claude-haiku", "TGT015", "messages[0].content", say(("user", [text("Is it open?")]), YES)),
    ("claude-haiku", "TGT015", "messages[1].content", say(ASKED, ("assistant", [{"text": "Yes."}]))),
    ("claude-haiku", "TGT015", "system", say(ASKED, YES, system=[{"text": "Be brief."}])),
    ("claude-haiku", "TGT015", "system", say(ASKED, YES, system={"text": "Be brief."})),
    (
        "bedrock-llama",
        "TGT004",
        "messages[0].role",
        say(("system", [{"text": "A"}]), ("user", [{"text": "B"}]), ("assistant", [{"text": "C"}]), schemaVersion="v"),
    ),
    ("bedrock-llama", "TGT005", "system", converse("Is it open?", "Yes.", system=[{"text": "A"}, {"text": "B"}])),
    ("bedrock-llama", "TGT005", "messages[2]", converse("Is it open?", "Yes.", "Sure?")),
    ("bedrock-llama", "TGT006", "completion", {"prompt": "Is it open?", "response": "Yes."}),
    ("bedrock-llama", "TGT006", "completion", {"prompt": "Is it open?", "completion": ["Yes."]}),
    ("bedrock-llama", "TGT015", "system", converse("Is it open?", "Yes.", system="Be brief.")),
    (
        "bedrock-llama",
        "TGT015",
        "messages[0].content",
        converse("Hi", "Yes.") | say(ASKED, ("assistant", [{"text": "Y"}])),
    ),
    ("bedrock-llama", "TGT015", "messages[1].content[0]", converse("Draw.", [medium("image", "png")])),
    ("bedrock-llama", "TGT015", "messages[0].content[0]", converse([medium("video", "mp4")], "Yes.")),
    ("bedrock-llama", "TGT015", "messages[0].content[0]", converse([medium("image", "tiff")], "Yes.")),
    (
        "gemini",
        "TGT004",
        "contents[0].role",
        {"contents": [{"role": "system", "parts": [{"text": "A"}]}, *gemini("Hi", "Yes.")["contents"]]},
    ),
    (
        "gemini",
        "TGT004",
        "contents[1].role",
        {"contents": [{"role": "user", "parts": [{"text": "A"}]}, {"role": "assistant", "parts": [{"text": "A"}]}]},
    ),
    ("gemini", "TGT005", "contents[2]", gemini("Is it open?", "Yes.", "Sure?")),
    (
        "gemini",
        "TGT015",
        "contents[0].parts",
        {"contents": [{"role": "user", "parts": "Hi"}, {"role": "model", "parts": [{"text": "Yes."}]}]},
    ),
    ("gemini", "TGT015", "systemInstruction", gemini("Is it open?", "Yes.", systemInstruction="Be brief.")),
    (
        "gemini",
        "TGT015",
        "systemInstruction.parts",
        gemini("Is it open?", "Yes.", systemInstruction={"parts": "Be brief."}),
    ),
    (
        "gemini",
        "TGT015",
        "systemInstruction.parts[1]",
        gemini("Is it open?", "Yes.", systemInstruction={"parts": [{"text": "A"}, file("image/png")]}),
    ),
    ("gemini", "TGT015", "contents[0].parts[30]", gemini([file("image/png")] * 31, "Cats.")),
    ("gemini", "TGT015", "contents[0].parts[1]", gemini([file("audio/mp3")] * 2, "Ada.")),
    ("gemini", "TGT015", "contents[0].parts[4]", gemini([file("application/pdf")] * 5, "Five.")),
    ("gemini", "TGT015", "contents[1].parts[0]", gemini("Draw.", [file("image/png")])),
    ("mistral", "TGT005", "messages[1]", say(("system", "A"), ("system", "B"), ASKED, YES)),
    ("mistral", "TGT005", "messages[2]", say(ASKED, YES, ("system", "B"), ASKED, YES)),
    ("mistral", "TGT005", "messages[2]", say(ASKED, YES, ASKED)),
    ("mistral", "TGT006", "messages[1].tool_calls[0].function.arguments", called(arguments={})),
    (
        "mistral",
        "TGT006",
        "tools[0].function.description",
        {**HELLO, "tools": [{"type": "function", "function": {"name": "a", "parameters": {}}}]},
    ),
    ("mistral", "TGT008", "tools[0].function.name", {**HELLO, "tools": [tool("a" * 65)]}),
    ("mistral", "TGT008", "tools[0].function.name", {**HELLO, "tools": [tool("opening hours")]}),
    ("mistral", "TGT008", "messages[1].tool_calls[0].id", called(number="call_1")),
]


def told(row: dict[str, Any], target: str, tmp_path) -> set[tuple[str, str]]:
    """(code, path) of what the rules on targets say of the row, in a set of many of it."""
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" * (target == "azure") + (json.dumps(row) + "\n").encode() * ROWS)
    report = lint([path], Config(target=target, select=("TGT",), ignore=("TGT011", "TGT013")), cache=False)
    return {(finding.code, finding.path) for finding in report.findings}


@pytest.mark.parametrize(
    ("target", "row"),
    [pytest.param(target, row, id=f"{target}-{n}") for target, rows in LEGAL.items() for n, row in enumerate(rows)],
)
def test_what_is_inside_the_limits_raises_nothing(target, row, tmp_path):
    assert told(row, target, tmp_path) == set()


@pytest.mark.parametrize(
    ("target", "code", "path", "row"),
    [pytest.param(*case, id=f"{case[0]}-{case[1]}-{n}") for n, case in enumerate(ILLEGAL)],
)
def test_what_is_beyond_a_limit_is_told_where_it_stands(target, code, path, row, tmp_path):
    assert told(row, target, tmp_path) == {(code, path)}


def test_every_service_has_rows_on_both_sides():
    services = {name for name in targets.own() if targets.load(name).kind == "service"}
    assert services == LEGAL.keys() == {target for target, *_ in ILLEGAL}


# ---------------------------------------------------------------------- trainers

SHARED_HELLO = {"conversations": [{"from": "human", "value": "Is it open?"}, {"from": "gpt", "value": "Yes."}]}
NAMED_HELLO = {"conversations": [{"from": "user", "value": "Is it open?"}, {"from": "assistant", "value": "Yes."}]}
BING = {"conversations": [{"from": "human", "value": "Is it open?"}, {"from": "bing", "value": "Yes."}]}
PROMPTED = {"prompt": "Is it open?", "completion": " Yes."}
LISTED = {"prompt": USER, "completion": [{"role": "assistant", "content": "Yes."}]}
STEPS = {"prompt": "Is it open?", "completions": ["It is Monday."], "labels": [True]}
WORDS = "Is it open on Monday? " * 500  # 3,000 tokens
UNREAD = changed(HELLO, "messages[1].weight", 0)

PAIRS: list[tuple[str, str, str, list[dict[str, Any]], list[dict[str, Any]]]] = [
    # target, code, path, a set that it takes as it is, and one of which it does something else
    ("trl", "TGT014", "conversations[0].from", [NAMED_HELLO], [SHARED_HELLO]),
    ("trl", "TGT009", "messages[1].weight", [HELLO], [UNREAD]),
    ("trl", "TGT006", "", [PROMPTED], [{**HELLO, **PROMPTED}]),
    ("trl", "TGT012", "", [LISTED], [STEPS]),
    ("trl", "TGT013", "messages[1].content", [HELLO], [say(("user", WORDS), YES)]),
    ("trl", "LEN001", "", [HELLO], [say(ASKED, ("assistant", WORDS))]),
    ("mlx", "TGT014", "prompt", [PROMPTED], [LISTED]),
    ("mlx", "TGT014", "", [HELLO], [{**HELLO, **PROMPTED}]),
    ("mlx", "TGT009", "messages[1].weight", [HELLO], [UNREAD]),
    ("mlx", "TGT010", "", [HELLO] * 4, [HELLO] * 5),
    ("mlx", "TGT001", "", [HELLO] * 4, [HELLO] * 3),
    ("mlx", "TGT012", "", [{"text": "It is open."}], [SHARED_HELLO]),
    ("mlx", "TGT013", "messages[1].content", [HELLO], [say(("user", WORDS), YES)]),
    ("mlx", "LEN001", "", [HELLO], [say(ASKED, ("assistant", WORDS))]),
    ("unsloth", "TGT004", "conversations[1].from", [SHARED_HELLO], [BING]),
    ("unsloth", "TGT004", "messages[0].role", [HELLO], [say(("developer", "Be brief."), ASKED, YES)]),
    ("unsloth", "TGT009", "messages[1].weight", [HELLO], [UNREAD]),
    ("unsloth", "TGT012", "", [PROMPTED], [STEPS]),
    ("unsloth", "TGT013", "messages[1].content", [HELLO], [say(("user", WORDS), YES)]),
    ("unsloth", "LEN001", "", [HELLO], [say(ASKED, ("assistant", WORDS))]),
]


def told_of(rows: list[dict[str, Any]], target: str, tmp_path) -> set[tuple[str, str]]:
    """(code, path) of what is said of a set for a trainer: of this many rows, or of its rows again and again."""
    path = tmp_path / "train.jsonl"
    whole = rows if len(rows) > 1 else rows * ROWS
    path.write_text("".join(json.dumps(row) + "\n" for row in whole))
    report = lint([path], Config(target=target, select=("TGT", "LEN001"), ignore=("TGT011",)), cache=False)
    return {(finding.code, finding.path) for finding in report.findings}


@pytest.mark.parametrize(
    ("target", "code", "path", "legal", "other"),
    [pytest.param(*case, id=f"{case[0]}-{case[1]}-{n}") for n, case in enumerate(PAIRS)],
)
def test_what_a_trainer_does_otherwise_is_told_and_what_it_takes_is_not(target, code, path, legal, other, tmp_path):
    assert told_of(legal, target, tmp_path) == set()
    found = told_of(other, target, tmp_path)
    assert (code, path) in found
    assert {name for name, _ in found} <= {code, *(("LEN001",) if code == "TGT013" else ())}


def test_every_trainer_of_message_lists_has_rows_on_both_sides():
    assert {"trl", "mlx", "unsloth"} == {target for target, *_ in PAIRS}
