"""What real chat templates do to a conversation: a census over every template of three packages.

    python tests/quality/templates.py [FOLDER]

downloads the sdist of llama-cpp-python and the wheels of trl and axolotl into FOLDER (or a temporary one),
renders a few rows with each template they hold, and prints how many lose what. Nothing of them is kept in
the repository. Patched `_training` copies are left out, as are templates that need more than messages.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from curator.errors import CuratorError
from curator.templates import Renderer, Template, empty_thoughts, prepared

PACKAGES = {
    "llama-cpp-python==0.3.36": ("--no-binary", ":all:"),
    "trl==1.16.0": (),
    "axolotl": (),
}
# A file of each package counts as a template where its path holds one of these.
FOLDERS = ("/models/templates/", "trl/chat_templates/", "/chat_templates/templates/")
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "How warm it is",
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string", "description": "A town"}},
            "required": ["place"],
        },
    },
}


def download(folder: Path, package: str) -> bool:
    """Download a package into the folder, unless it lies there; False where it cannot be had."""
    name = package.partition("==")[0].replace("-", "_")
    if any(file.name.replace("-", "_").startswith(name) for file in folder.glob("*.*")):
        return True
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *PACKAGES[package], package]
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=900).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def found(folder: Path) -> Iterator[tuple[str, str]]:
    """(name, text) of every template in the packages of the folder."""
    for file in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(file) as wheel:
            for name in wheel.namelist():
                if _is_template(name):
                    yield f"{file.name.partition('-')[0]}/{Path(name).name}", wheel.read(name).decode()
    for file in sorted(folder.glob("*.tar.gz")):
        with tarfile.open(file) as sdist:
            for member in sdist:
                if _is_template(member.name) and (stream := sdist.extractfile(member)):
                    yield f"{file.name.partition('-')[0]}/{Path(member.name).name}", stream.read().decode()


def _is_template(name: str) -> bool:
    return name.endswith((".jinja", ".jinja2")) and any(part in name for part in FOLDERS)


def chat(*turns: tuple[str, Any], **last: Any) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": role, "content": text} for role, text in turns]
    messages[-1] |= last
    return messages


def call(arguments: Any, content: Any = "") -> list[dict[str, Any]]:
    function = {"name": "weather", "arguments": arguments}
    asked = {"role": "assistant", "content": content}
    asked["tool_calls"] = [{"id": "abcdef123", "type": "function", "function": function}]
    answer = {"role": "tool", "tool_call_id": "abcdef123", "name": "weather", "content": "ten degrees"}
    return [{"role": "user", "content": "Is it warm?"}, asked, answer, {"role": "assistant", "content": "Not very."}]


PLAIN = chat(("user", "Say alpha."), ("assistant", "It is bravo."))
THOUGHT = "<think>\nFirst the charlie.\n</think>\n\n"

# The rows that every template of the packages must render as transformers does.
CONVERSATIONS: dict[str, tuple[list[dict[str, Any]], list[Any]]] = {
    "plain": (PLAIN, []),
    "system": (chat(("system", "Be delta."), *[(m["role"], m["content"]) for m in PLAIN]), []),
    "two rounds": ([*PLAIN, *chat(("user", "Say echo."), ("assistant", " It is\n foxtrot. "))], []),
    "human and gpt": (chat(("human", "Say alpha."), ("gpt", "It is bravo.")), []),
    "developer": (chat(("developer", "Be delta."), ("user", "Say alpha."), ("assistant", "It is bravo.")), []),
    "two users": (chat(("user", "Say alpha."), ("user", "Say golf."), ("assistant", "It is bravo.")), []),
    "reasoning in text": (chat(("user", "Say alpha."), ("assistant", THOUGHT + "It is bravo.")), []),
    "reasoning in both": (
        chat(("user", "Say alpha."), ("assistant", THOUGHT + "Bravo."), ("user", "?"), ("assistant", THOUGHT + "Ok.")),
        [],
    ),
    "reasoning in a field": (
        chat(("user", "Say alpha."), ("assistant", "It is bravo."), reasoning_content="First the charlie."),
        [],
    ),
    "parts": (chat(("user", [{"type": "text", "text": "Say alpha."}]), ("assistant", "It is bravo.")), []),
    "call": (call({"place": "Oslo"}), [WEATHER]),
    "call in JSON": (call('{"place": "Oslo"}'), [WEATHER]),
    "call without text": (call({"place": "Oslo"}, None), [WEATHER]),
    "call without tools": (call({"place": "Oslo"}), []),
    "marks and umlauts": (chat(("user", 'Say "ä" & <b>.'), ("assistant", "日本語 \U0001f600\t'x'")), []),
}


def census(templates: list[tuple[str, str]]) -> tuple[dict[str, list[str]], int]:
    """(names of the templates by what they do, how many templates render a plain row whole)."""
    hits: dict[str, list[str]] = {}
    usable = 0
    for name, text in templates:
        try:
            template = Template(name, {"default": text}, TOKENS)
            with_ = Renderer(template)
            plain = with_.render(PLAIN)
            if plain.error or plain.lost:
                continue
        except CuratorError:
            continue
        usable += 1
        for what in _of_one(template, with_):
            hits.setdefault(what, []).append(name)
    return hits, usable


def _of_one(template: Template, with_: Renderer) -> Iterator[str]:
    def outcome(which: str) -> tuple[str, Any]:
        seen = with_.render(*CONVERSATIONS[which])
        return ("refused" if seen.error else "lost" if seen.lost else "kept"), seen

    kind, _ = outcome("system")
    yield f"system prompt {kind}"
    yield f"human and gpt {outcome('human and gpt')[0]}"
    yield f"two users {outcome('two users')[0]}"
    _, seen = outcome("reasoning in text")
    if not seen.error and "charlie" not in seen.text:
        yield "reasoning of the last answer lost"
    _, seen = outcome("reasoning in both")
    if not seen.error and seen.text.count("charlie") < 2:
        yield "reasoning of an earlier answer lost"
    _, seen = outcome("reasoning in a field")
    if not seen.error and "charlie" not in seen.text:
        yield "reasoning in a field lost"
    kind, seen = outcome("call")
    yield (
        "call (object) refused" if seen.error else "call (object) kept" if "Oslo" in seen.text else "call (object) lost"
    )
    kind, seen = outcome("call in JSON")
    if not seen.error and '\\"Oslo\\"' in seen.text:
        yield "call (JSON) escaped twice"
    else:
        yield f"call (JSON) {'refused' if seen.error else 'kept' if 'Oslo' in seen.text else 'lost'}"
    plain = with_.render(PLAIN)
    if empty_thoughts(plain.text):
        yield "empty think block added"
    if plain.layout and plain.layout.unprefixed:
        yield "prompt is no prefix"
    if plain.layout and plain.layout.unclosed:
        yield "last answer not closed"
    if template.marks():
        yield "marks answers itself"
    if with_.render(CONVERSATIONS["two rounds"][0]).stripped:
        yield "answers trimmed"
    try:
        nulls = template.render(CONVERSATIONS["call without text"][0], [WEATHER])
        without = template.render(prepared(CONVERSATIONS["call without text"][0]), [WEATHER])
        if nulls.count("None") > without.count("None"):
            yield "null written as None"
    except Exception:
        yield "null refused"


def main() -> None:
    with tempfile.TemporaryDirectory() as passing:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else passing)
        for package in PACKAGES:
            if not download(folder, package):
                print(f"{package} cannot be had: left out", file=sys.stderr)
        templates = [(name, text) for name, text in found(folder) if "_training" not in name]
        hits, usable = census(templates)
        print(f"{usable} of {len(templates)} templates render a plain row whole")
        for what, names in sorted(hits.items()):
            print(f"{len(names):4}  {what}   {', '.join(sorted(names)[:6])}")


if __name__ == "__main__":
    main()
