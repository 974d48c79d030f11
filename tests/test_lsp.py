"""The language server, spoken to as an editor does: a process, standard input and output, JSON-RPC."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from curator.editor import Position, Range, TextEdit
from tests.test_editor import applied, cut_out

pytest.importorskip("pygls")

SENT = "No. It isn\u00e2\u20ac\u2122t sealed, \U0001f600 so keep it \u2028 indoors. It isn\u00e2\u20ac\u2122t."
ROW = {
    "messages": [{"role": "user", "content": "Is it sealed against the rain?"}, {"role": "assistant", "content": SENT}]
}
EMPTY = {"messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": ""}]}


def lines(*rows: Any, ascii_only: bool = False) -> str:
    return "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows)


class Client:
    """An editor of a few lines."""

    def __init__(self, folder: Path, *options: str, encodings: tuple[str, ...] = ()) -> None:
        command = [sys.executable, "-m", "curator", "lsp", "--ignore", "SPL,LNG", *options]  # which load dictionaries
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder
        )
        self.arrived: Queue[dict[str, Any]] = Queue()
        self.notices: list[dict[str, Any]] = []
        self.number = 0
        threading.Thread(target=self._read, daemon=True).start()
        general = {"general": {"positionEncodings": list(encodings)}} if encodings else {}
        hello = {"processId": None, "rootUri": folder.as_uri(), "capabilities": general}
        self.offers = self.ask("initialize", hello)["capabilities"]
        self.tell("initialized", {})

    def _read(self) -> None:
        assert self.process.stdout is not None
        while head := self.process.stdout.readline():
            size = int(head.split(b":")[1])
            while self.process.stdout.readline().strip():
                pass
            self.arrived.put(json.loads(self.process.stdout.read(size)))

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def tell(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def ask(self, method: str, params: Any) -> Any:
        self.number += 1
        self._send({"id": self.number, "method": method, "params": params})
        while (message := self.arrived.get(timeout=60)).get("id") != self.number:
            self.notices.append(message)
        assert "error" not in message, message
        return message["result"]

    def open(self, path: Path, text: str) -> list[dict[str, Any]]:
        document = {"uri": path.as_uri(), "languageId": "jsonl", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": document})
        return self.diagnostics(path)

    def change(self, path: Path, text: str, version: int) -> None:
        document = {"uri": path.as_uri(), "version": version}
        self.tell("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]})

    def diagnostics(self, path: Path, timeout: float = 60) -> list[dict[str, Any]]:
        while True:
            message = self.notices.pop(0) if self.notices else self.arrived.get(timeout=timeout)
            if message.get("method") == "textDocument/publishDiagnostics":
                assert message["params"]["uri"] == path.as_uri()
                self.version = message["params"].get("version")
                found: list[dict[str, Any]] = message["params"]["diagnostics"]
                return found

    def actions(self, path: Path, place: dict[str, Any], only: list[str] | None = None) -> list[dict[str, Any]]:
        context = {"diagnostics": [], **({"only": only} if only else {})}
        params = {"textDocument": {"uri": path.as_uri()}, "range": place, "context": context}
        found: list[dict[str, Any]] = self.ask("textDocument/codeAction", params)
        return found

    def end(self) -> int:
        self.ask("shutdown", None)
        self.tell("exit", None)
        return self.process.wait(20)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    made = Client(tmp_path)
    yield made
    made.process.kill()
    made.process.communicate()


def place(of: dict[str, Any]) -> Range:
    return Range(*(Position(of[side]["line"], of[side]["character"]) for side in ("start", "end")))


def made_of(text: str, action: dict[str, Any]) -> str:
    """The text with the edit of a code action made."""
    (change,) = action["edit"]["documentChanges"]
    (edit,) = change["edits"]
    return applied(text, TextEdit(place(edit["range"]), edit["newText"]))


def everywhere(text: str) -> dict[str, Any]:
    return {"start": {"line": 0, "character": 0}, "end": {"line": text.count("\n"), "character": 0}}


@pytest.mark.parametrize("ascii_only", [False, True])
def test_an_editor_underlines_the_very_words_and_mends_them(client: Client, tmp_path: Path, ascii_only: bool) -> None:
    path, text = tmp_path / "a b.jsonl", lines(ROW, EMPTY, ascii_only=ascii_only)
    found = client.open(path, text)
    wrong = [each for each in found if each["code"] == "ENC001"]
    shown = {cut_out(text, place(each["range"])) for each in wrong}
    assert {json.loads(f'"{each}"') for each in shown} == {"\u00e2\u20ac\u2122"}
    assert wrong[0]["source"] == "curator" and wrong[0]["severity"] == 2
    assert wrong[0]["message"].endswith("(mojibake)")
    empty = next(each for each in found if each["code"] == "ROL007")
    assert (cut_out(text, place(empty["range"])), empty["severity"]) == ('""', 1)

    (fix, *_) = client.actions(path, wrong[0]["range"], ["quickfix"])
    assert fix["title"] == "curator ENC001: decode it as UTF-8" and fix["isPreferred"]
    assert json.loads(made_of(text, fix).split("\n")[0])["messages"][1]["content"] == SENT.replace(
        "\u00e2\u20ac\u2122", "\u2019"
    )
    assert made_of(text, fix).split("\n")[1] == text.split("\n")[1]
    assert client.end() == 0


def test_a_change_is_linted_once_and_an_older_text_is_forgotten(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    assert {each["code"] for each in client.open(path, lines(EMPTY))} >= {"ROL007"}
    for version in range(2, 12):  # as somebody types
        client.change(path, lines(EMPTY)[: version * 5], version)
    client.change(path, lines(ROW), 12)
    found = client.diagnostics(path)
    assert client.version == 12
    assert "ROL007" not in {each["code"] for each in found}
    with pytest.raises(Empty):
        client.diagnostics(path, timeout=1)
    client.tell("textDocument/didClose", {"textDocument": {"uri": path.as_uri()}})
    assert client.diagnostics(path) == []


def test_unsafe_fixes_are_named_and_come_last(client: Client, tmp_path: Path) -> None:
    turn = {"role": "assistant", "content": "Glad to hear it.<|im_end|>"}
    path, text = tmp_path / "x.jsonl", lines(ROW, {"messages": [{"role": "user", "content": "It works."}, turn]}, ROW)
    client.open(path, text)
    actions = client.actions(path, everywhere(text))
    quick = [action for action in actions if action["kind"] == "quickfix"]
    unsafe = [action for action in quick if "unsafe" in action["title"]]
    assert unsafe and quick[-len(unsafe) :] == unsafe
    assert not any(action.get("isPreferred") for action in unsafe)
    control = next(action for action in unsafe if "TPL006" in action["title"])
    assert "<|im_end|>" not in made_of(text, control)


def test_all_safe_fixes_at_once(client: Client, tmp_path: Path) -> None:
    path, text = tmp_path / "x.jsonl", lines(ROW, EMPTY, ROW)
    client.open(path, text)
    (action,) = client.actions(path, everywhere(text), ["source.fixAll"])
    assert action["kind"] == "source.fixAll.curator" and "edit" not in action
    mended = made_of(text, client.ask("codeAction/resolve", action))
    path.write_text(text, "utf-8")
    subprocess.run([sys.executable, "-m", "curator", "lint", str(path), "--fix"], check=False, capture_output=True)
    assert mended == path.read_text("utf-8") != text


def test_no_action_is_offered_on_a_text_that_was_not_linted_yet(client: Client, tmp_path: Path) -> None:
    path, text = tmp_path / "x.jsonl", lines(ROW, EMPTY, ROW)
    client.open(path, text)
    client.change(path, "\n" + text, 2)
    assert client.actions(path, everywhere(text)) == []


def test_a_repeated_row_points_at_its_twin(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    found = client.open(path, lines(EMPTY, ROW, ROW))
    twin = next(each for each in found if each["code"] == "DUP001")
    (related,) = twin["relatedInformation"]
    assert (related["location"]["uri"], related["location"]["range"]["start"]["line"]) == (path.as_uri(), 1)


def test_a_broken_configuration_is_said_in_the_document_and_gone_when_it_is_mended(
    client: Client, tmp_path: Path
) -> None:
    (tmp_path / "curator.toml").write_text('selct = ["ROL"]')
    path = tmp_path / "x.jsonl"
    (said,) = client.open(path, lines(EMPTY))
    assert "unknown key 'selct'" in said["message"] and said["range"]["start"]["line"] == 0
    (tmp_path / "curator.toml").write_text('select = ["ROL"]')
    client.tell("textDocument/didSave", {"textDocument": {"uri": (tmp_path / "curator.toml").as_uri()}})
    assert {each["code"][:3] for each in client.diagnostics(path)} == {"ROL"}


def test_a_text_that_is_no_data_ends_nothing(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    client.open(path, "")
    for version, text in enumerate(["\n\n", "not data at all", "\x00\x01", "[1, 2", '{"a":', "\ud800"], 2):
        client.change(path, text, version)
        client.diagnostics(path)
    client.change(path, lines(EMPTY), 9)
    assert "ROL007" in {each["code"] for each in client.diagnostics(path)}


def test_many_findings_are_cut_off_with_a_word(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    rows = [
        {"messages": [{"role": "user", "content": f"Who {n}?"}, {"role": "assistant", "content": ""}]}
        for n in range(2500)
    ]
    found = client.open(path, lines(*rows))
    assert len(found) == 2001
    assert "more findings are not shown here: curator lint x.jsonl" in found[-1]["message"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-32"])
def test_columns_count_what_both_sides_agreed_on(tmp_path: Path, encoding: Any) -> None:
    client = Client(tmp_path, "--select", "ENC001", encodings=(encoding, "utf-16"))
    try:
        assert client.offers["positionEncoding"] == encoding
        found = client.open(tmp_path / "x.jsonl", lines(ROW))
        assert {cut_out(lines(ROW), place(each["range"]), encoding) for each in found} == {"\u00e2\u20ac\u2122"}
    finally:
        client.process.kill()
        client.process.communicate()


def test_without_its_extra_the_verb_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['pygls'] = None; from curator.cli import main; sys.exit(main(['lsp']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'pip install "finetune-curator[lsp]"' in done.stderr
