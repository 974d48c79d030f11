"""The language server: findings as diagnostics on open documents, fixes as code actions.

Speaks the Language Server Protocol 3.17 over standard input and output. A document is linted whole, as a set of
its own, when it is opened and when nobody has typed for a moment; one lint runs at a time, and what was found in a
text that has changed since is thrown away.

The whole text is asked for at each change: with changes alone, the library would have to know where lines end,
and it takes U+2028 and its like, which stand in real data, for line ends that no editor sees.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import attrs
from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from curator import __version__, editor
from curator.config import load_config
from curator.errors import CuratorError
from curator.fix import PLAIN
from curator.model import Finding, Fix

DELAY = 0.3  # seconds without a change before a document is linted; or as long as its last lint took
MOST = 2_000  # diagnostics of a document: editors grow slow beyond
OFFERED = 50  # quick fixes of a range: nobody reads more, and each is worked out on its whole row
FIX_ALL = "source.fixAll.curator"

_RELATED = 50  # other rows that a note in an editor names
_SEVERITY = {
    "error": lsp.DiagnosticSeverity.Error,
    "warning": lsp.DiagnosticSeverity.Warning,
    "info": lsp.DiagnosticSeverity.Information,
}


@attrs.define
class _Open:
    """An open document: its text now, and what was found in the text of `linted`."""

    version: int
    text: str
    linted: int | None = None
    document: editor.Document | None = None
    found: tuple[tuple[Finding, lsp.Range], ...] = ()
    plain: bool = False
    seconds: float = 0.0
    waiting: asyncio.Task[None] | None = None


class CuratorServer(LanguageServer):
    """The documents that are open, and the settings that apply to all of them."""

    def __init__(self, config_file: Path | None, settings: dict[str, Any]) -> None:
        super().__init__("curator", __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Full)
        self.config_file, self.settings = config_file, settings
        self.open: dict[str, _Open] = {}
        self.busy = asyncio.Lock()

    # ------------------------------------------------------------------ documents

    def changed(self, uri: str, version: int, text: str, *, at_once: bool = False) -> None:
        """Take note of a document's text, and lint it soon."""
        entry = self.open.setdefault(uri, _Open(version, text))
        entry.version, entry.text = version, text
        if entry.waiting:
            entry.waiting.cancel()
        entry.waiting = asyncio.ensure_future(self._lint_soon(uri, 0.0 if at_once else max(DELAY, entry.seconds)))

    def again(self) -> None:
        """Lint all open documents: the configuration may have changed."""
        for uri, entry in self.open.items():
            self.changed(uri, entry.version, entry.text, at_once=True)

    def closed(self, uri: str) -> None:
        """Forget a document, and take back what was said of it."""
        entry = self.open.pop(uri, None)
        if entry and entry.waiting:
            entry.waiting.cancel()
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))

    async def _lint_soon(self, uri: str, delay: float) -> None:
        await asyncio.sleep(delay)
        async with self.busy:
            entry = self.open.get(uri)
            if entry is None:
                return
            version, text, started = entry.version, entry.text, time.monotonic()
            diagnostics = await asyncio.to_thread(self._diagnose, uri, entry, text, version)
            entry.seconds = time.monotonic() - started
            if self.open.get(uri) is entry and entry.version == version:
                self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, diagnostics, version))

    def _diagnose(self, uri: str, entry: _Open, text: str, version: int) -> list[lsp.Diagnostic]:
        """Lint a text; in a thread."""
        document, path = editor.Document(text, self._units()), self._path(uri)
        try:
            report = editor.lint(document, path, load_config(path, self.config_file, self.settings))
        except CuratorError as error:
            entry.linted, entry.document, entry.found, entry.plain = version, document, (), False
            start = lsp.Position(0, 0)
            return [lsp.Diagnostic(lsp.Range(start, start), str(error), source="curator")] if text.strip() else []
        findings = list(report.findings)
        shown = findings[:MOST]
        found = tuple(zip(shown, map(_range, document.places(shown)), strict=True))
        entry.linted, entry.document, entry.found = version, document, found
        entry.plain = report.files[0].container == PLAIN
        return [_diagnostic(*each) for each in found] + _left_out(len(findings) - len(found), path)

    def _units(self) -> editor.Units:
        agreed = self.workspace.position_encoding or "utf-16"
        return {"utf-8": "utf-8", "utf-32": "utf-32"}.get(getattr(agreed, "value", agreed), "utf-16")  # type: ignore[return-value]

    @staticmethod
    def _path(uri: str) -> Path:
        """The path of a document; one that was never saved is taken for a file beside the server."""
        path = to_fs_path(uri) if uri.startswith("file:") else None
        return Path(path) if path else Path("untitled.jsonl")

    # ------------------------------------------------------------------ code actions

    def actions(self, uri: str, wanted: lsp.Range, only: Sequence[str] | None) -> list[lsp.CodeAction]:
        """The fixes of what is found in a range, the safe ones first, and all safe fixes at once."""
        entry = self.open.get(uri)
        if entry is None or entry.document is None or entry.linted != entry.version or not entry.plain:
            return []
        out: list[lsp.CodeAction] = []
        if _asked(lsp.CodeActionKind.QuickFix, only):
            near = {finding.id: (finding, place) for finding, place in entry.found if _touch(place, wanted)}
            asked = islice((finding for finding, _ in near.values() if finding.fix), OFFERED)
            for finding, fix, edit in editor.fixes(entry.document, asked):
                out.append(_action(uri, entry.version, finding, near[finding.id][1], fix, edit))
            out.sort(key=lambda action: not action.is_preferred)
        safe = any(finding.fix and finding.fix.safety == "safe" for finding, _ in entry.found)
        if safe and _asked(FIX_ALL, only):
            data = {"uri": uri, "version": entry.version}
            out.append(lsp.CodeAction("curator: make all safe fixes", FIX_ALL, data=data))  # type: ignore[arg-type]
        return out

    async def fix_all(self, action: lsp.CodeAction) -> lsp.CodeAction:
        """The edit that makes all safe fixes, worked out when it is chosen."""
        data: dict[str, Any] = action.data if isinstance(action.data, dict) else {}
        entry = self.open.get(data.get("uri", ""))
        if entry is None or entry.document is None or entry.version != data.get("version"):
            return action
        uri, document = data["uri"], entry.document
        path = self._path(uri)
        config = load_config(path, self.config_file, self.settings)
        async with self.busy:
            text = await asyncio.to_thread(editor.mended, document, path, config)
        if edit := document.replaced(text):
            action.edit = _workspace_edit(uri, entry.version, edit)
        return action


def _asked(kind: str, only: Sequence[str] | None) -> bool:
    """Whether the editor wants actions of this kind: it names kinds or their beginnings."""
    return only is None or any(kind == each or kind.startswith(f"{each}.") or each == "" for each in only)


def _touch(one: lsp.Range, other: lsp.Range) -> bool:
    def key(place: lsp.Position) -> tuple[int, int]:
        return place.line, place.character

    return key(one.start) <= key(other.end) and key(other.start) <= key(one.end)


def _range(place: editor.Range) -> lsp.Range:
    return lsp.Range(lsp.Position(*place.start), lsp.Position(*place.end))


def _diagnostic(finding: Finding, place: lsp.Range) -> lsp.Diagnostic:
    related = [
        lsp.DiagnosticRelatedInformation(
            lsp.Location(Path(other.file).resolve().as_uri(), lsp.Range(_line(other.line), _line(other.line))),
            f"line {other.line}",
        )
        for other in finding.related[:_RELATED]
    ]
    return lsp.Diagnostic(
        place,
        f"{finding.message} ({finding.name})",
        severity=_SEVERITY[finding.severity],
        code=finding.code,
        source="curator",
        related_information=related or None,
    )


def _line(number: int) -> lsp.Position:
    return lsp.Position(number - 1, 0)


def _left_out(count: int, path: Path) -> list[lsp.Diagnostic]:
    if count <= 0:
        return []
    start = lsp.Position(0, 0)
    message = f"{count:,} more findings are not shown here: curator lint {path.name}"
    return [lsp.Diagnostic(lsp.Range(start, start), message, _SEVERITY["info"], source="curator")]


def _action(
    uri: str, version: int, finding: Finding, place: lsp.Range, fix: Fix, edit: editor.TextEdit
) -> lsp.CodeAction:
    unsafe = "" if fix.safety == "safe" else " (unsafe: look at what it changes)"
    return lsp.CodeAction(
        f"curator {finding.code}: {fix.title}{unsafe}",
        lsp.CodeActionKind.QuickFix,
        diagnostics=[_diagnostic(finding, place)],
        is_preferred=fix.safety == "safe",
        edit=_workspace_edit(uri, version, edit),
    )


def _workspace_edit(uri: str, version: int, edit: editor.TextEdit) -> lsp.WorkspaceEdit:
    """The edit of one version of a document: an editor that has gone on refuses it."""
    document = lsp.OptionalVersionedTextDocumentIdentifier(uri, version)
    return lsp.WorkspaceEdit(
        document_changes=[lsp.TextDocumentEdit(document, [lsp.TextEdit(_range(edit.range), edit.text)])]
    )


def server(config_file: Path | None, settings: dict[str, Any]) -> CuratorServer:
    """A server with its features, not yet started."""
    made = CuratorServer(config_file, settings)

    @made.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    async def did_open(ls: CuratorServer, params: lsp.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        ls.changed(document.uri, document.version, document.text, at_once=True)

    @made.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def did_change(ls: CuratorServer, params: lsp.DidChangeTextDocumentParams) -> None:
        document = params.text_document
        ls.changed(document.uri, document.version, params.content_changes[-1].text)

    @made.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    async def did_save(ls: CuratorServer, params: lsp.DidSaveTextDocumentParams) -> None:
        ls.again()

    @made.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def did_change_files(ls: CuratorServer, params: lsp.DidChangeWatchedFilesParams) -> None:
        ls.again()

    @made.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    async def did_close(ls: CuratorServer, params: lsp.DidCloseTextDocumentParams) -> None:
        ls.closed(params.text_document.uri)

    kinds = lsp.CodeActionOptions([lsp.CodeActionKind.QuickFix, FIX_ALL], resolve_provider=True)  # type: ignore[list-item]

    @made.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, kinds)
    async def code_action(ls: CuratorServer, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        return ls.actions(params.text_document.uri, params.range, params.context.only)

    @made.feature(lsp.CODE_ACTION_RESOLVE)
    async def resolve(ls: CuratorServer, action: lsp.CodeAction) -> lsp.CodeAction:
        return await ls.fix_all(action)

    return made
