"""run.json: what a model was trained on, with which options, and what came of it.

Everything that differs between two runs of the same data, options, seed and machine stands under `times`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from curator.errors import UNREADABLE, SourceError, UsageError
from curator.templates.named import DEMO, DEMO_HUB
from curator.text.encodings import json_of
from curator.writing import write_whole

RUN, PLAN, ADAPTER, MODEL, CHECKPOINTS = "run.json", "plan.json", "adapter", "model", "checkpoints"
LEDGER, LOGS = "ledger.jsonl", "logs"


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """The model that was tuned.

    `path` is a folder of safetensors, tokenizer and config; for a GGUF file the converted copy. `sha256` covers
    its weights: the SHA-256 of the lines "sha256  name" of the weight files in order of name. `revision` is the
    commit of a hub model, "" elsewhere. `quantised` is the kind of a GGUF file's weights (Q4_1) where these were
    rounded: what was tuned are they, turned back into bf16.
    """

    name: str
    source: Literal["demo", "folder", "gguf", "hub"]
    path: str
    revision: str = ""
    sha256: str = ""
    architecture: str = ""
    parameters: int = 0
    context: int = 0
    quantised: str = ""

    @property
    def origin(self) -> str:
        """What its name does not say of its weights; "" where they are what the name says."""
        if not self.quantised:
            return ""
        others = f"; they are not those of {self.title} on the hub" if self.source == "demo" else ""
        return f"its weights were de-quantised from {self.quantised}, as a GGUF file holds them{others}"

    @property
    def title(self) -> str:
        """What people call it: its id on the hub, or the name of its file or folder."""
        if self.source in ("demo", "hub"):
            return DEMO_HUB if self.name == DEMO else self.name
        return Path(self.path if self.source == "folder" else self.name).name

    @property
    def reference(self) -> str:
        """What a file that others read calls it: no folder of a cache."""
        return self.path if self.source == "folder" else self.title


class DataFile(msgspec.Struct, frozen=True):
    """A split as it was read: its file, rows, and the hash that `sha256sum` prints."""

    path: str
    rows: int
    sha256: str
    trained_rows: int = 0
    tokens: int = 0
    trained_tokens: int = 0


class Gate(msgspec.Struct, frozen=True):
    """What was looked at before the run: `count` rows, or 1, fail it; `waived` says that somebody agreed."""

    name: str
    ok: bool
    message: str
    count: int = 0
    waived: bool = False
    rows: tuple[str, ...] = ()  # "file:line" of the first ones


class Stamps(msgspec.Struct, frozen=True):
    """Hashes of all that a plan rests on. A run refuses where one has changed, and says which.

    `data` by split; `decisions` of the log beside the data; `rules` of the lint plan; `template` of the chat
    template with its special tokens; `tokenizer` of tokenizer.json; `model` of config.json; `options` of the recipe.
    """

    data: dict[str, str]
    decisions: str
    rules: str
    template: str
    tokenizer: str
    model: str
    options: str


class Point(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the log."""

    step: int
    epoch: float
    loss: float | None = None
    learning_rate: float | None = None
    grad_norm: float | None = None
    eval_loss: float | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What was trained, on what, how, and what came of it.

    `adapter` is the PEFT folder, `model` the folder of all weights (method full), each relative to the run's
    folder; the other is "". `template` is the spec by which the chat template is found again, `template_text`
    the Jinja text as it rendered the rows; `end_of_turn` the text that closes an answer. `prepared` is the hash
    of the token ids and masks. `raw` gives the SHA-256 of the files that the splits were drawn from, as split.json
    says, where these are still the splits that it tells of. `pairs` counts the rows with a better and a worse answer of
    which supervised training learnt the better one alone. `rows_seen` are the rows of train that went into the steps,
    each as often as it did, and `tokens_seen` the trained tokens of as many; 0 where nobody counted. `seed` and all
    other options stand in `options`.
    """

    schema: int = 1
    curator: str
    status: Literal["running", "done", "interrupted"]
    base: Base
    method: str
    objective: str = "sft"
    adapter: str = ""
    model: str = ""
    template: str = ""
    template_text: str = ""
    end_of_turn: str = ""
    stamps: Stamps
    prepared: str = ""
    data: dict[str, DataFile] = {}
    data_folder: str = ""
    raw: dict[str, str] = {}
    options: dict[str, Any] = {}
    gates: tuple[Gate, ...] = ()
    cut: dict[str, int] = {}
    pairs: int = 0
    device: str = ""
    precision: str = ""
    attention: str = ""
    trainable: int = 0
    steps: int = 0
    steps_planned: int = 0
    rows_seen: int = 0
    tokens_seen: int = 0
    best_step: int = 0
    metrics: dict[str, float] = {}
    history: tuple[Point, ...] = ()
    adapter_sha256: str = ""
    versions: dict[str, str] = {}
    times: dict[str, Any] = {}


def write(folder: Path, run: Run) -> None:
    """Write run.json whole or not at all. Raises WriteError."""
    write_whole(folder / RUN, msgspec.json.format(json_of(run), indent=2) + b"\n")


def read(path: str | Path) -> Run:
    """The record of a run: its folder or its run.json.

    Raises:
        SourceError: there is none, or it cannot be read.
    """
    file = Path(path) / RUN if Path(path).is_dir() else Path(path)
    try:
        return msgspec.json.decode(file.read_bytes(), type=Run)
    except OSError as error:
        hint = "name the folder that curator train run wrote"
        raise SourceError(f"no run: {error.strerror}", where=str(file), hint=hint) from None
    except UNREADABLE as error:
        raise SourceError(f"no record of a run: {error}", where=str(file)) from None


def finished(folder: Path, where: str) -> Run:
    """The record of a run that came to its end; `where` is what the user called it.

    Raises:
        SourceError: there is no record, or it cannot be read.
        UsageError: it is still at work, or was stopped.
    """
    run = read(folder)
    if run.status == "done":
        return run
    begun = any((folder / CHECKPOINTS).glob("checkpoint-*/trainer_state.json"))
    if run.status == "interrupted":
        what = f"this run was stopped after step {run.steps:,} of {run.steps_planned:,}"
    else:
        what = f"this run of {run.steps_planned:,} steps is still at work, or was ended before its time"
    again = "go on with it: the command that began it, with --resume" if begun else "begin it anew, with --force"
    raise UsageError(f"{what}: its weights are not written yet", where=where, hint=again)
