"""What `curator train` says: the plan, the preview, the line of progress, the end of a run."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from curator.errors import UsageError
from curator.report.html import size
from curator.report.tally import counted
from curator.text.excerpt import visible
from curator.training import record
from curator.training.record import LEDGER, RUN, Gate, Run

if TYPE_CHECKING:
    from curator.training.readiness import PlanFile, Ready
    from curator.training.running import Ask

_EVERY = 10.0  # seconds between lines where nobody watches


def gate_lines(gates: tuple[Gate, ...]) -> Iterator[str]:
    """The gates that fail, and how many hold."""
    for gate in gates:
        if not gate.ok:
            where = f"  [{', '.join(gate.rows)}]" if gate.rows else ""
            yield f"  {'waived' if gate.waived else 'STOPS'}  {gate.name}: {gate.message}{where}"
    yield f"  {sum(gate.ok for gate in gates)} of {len(gates)} gates hold"


def plan_text(made: PlanFile, ready: Ready, ask: Ask, typed: str) -> str:
    """The plan for a terminal; `typed` is the command that asked for it."""
    from curator.training.readiness import pairs_of

    recipe, memory = ask.recipe, made.memory
    train = ready.prepared.files["train"]
    others = ", ".join(
        f"{name} {file.trained_rows:,}" for name, file in ready.prepared.files.items() if name != "train"
    )
    share = made.trained_tokens / max(made.tokens, 1)
    free = f" of {size(memory.available)} free" if memory.available else ""
    again = ", gradient checkpointing" if memory.checkpointing else ""
    lines = [
        f"model     {made.base.name}: {made.base.architecture}, {made.base.parameters / 1e6:,.1f} M weights, "
        f"context {made.base.context:,}",
        f"train     {counted(train.trained_rows, 'row')}, {made.tokens:,} tokens, {share:.0%} of them trained on"
        + (f"; {others} rows" if others else ""),
        f"method    {recipe.method}, learning rate {recipe.rate:g}, {recipe.scheduler}; trains {made.trainable:,} "
        f"weights ({made.trainable / max(made.base.parameters, 1):.2%})",
        f"steps     {made.steps:,} of {recipe.batch * recipe.accumulation} "
        f"{'packs' if recipe.packing == 'best-fit' else 'rows'}, padding {made.waste:.1%}",
        f"memory    about {size(memory.total)}{free}: weights {size(memory.weights)}, activations "
        f"{size(memory.activations)}{again}",
        f"time      about {_duration(made.seconds)} on this machine{_measuring(made)}",
        f"to see    {made.visible}",
    ]
    lines += _pairs(pairs_of(ready, recipe))
    if ready.prepared.tally.cuts:
        lines.append(f"ledger    {counted(len(ready.prepared.tally.cuts), 'row')} cut or left out")
    lines += ["gates", *gate_lines(made.gates)]
    stops = [gate for gate in made.gates if not gate.ok and not gate.waived]
    if str(ask.output) != ".":
        words = [word for gate in stops for word in ("--waive", gate.name)]
        again = typed.replace(" train plan ", " train run ", 1)
        lines += ["", f"next:  {again}{' ' if words else ''}{shlex.join(words)}"]
    return "\n".join(lines) + "\n"


def _measuring(made: PlanFile) -> str:
    """What of the time goes to all but the steps, where one would miss it; where it is most of it, what saves it."""
    parts = (
        (made.seconds_of_start, "until the model is loaded", ""),
        (made.seconds_of_facts, "for the loss of every row before and after", "--facts off"),
        (made.seconds_of_valid, "for looks at valid", "a higher --evaluate-every"),
    )
    said = [
        f"{_duration(took)} of it {what}" + (f" ({option} saves that)" if option and took > made.seconds / 2 else "")
        for took, what, option in parts
        if took >= max(1, made.seconds / 20)
    ]
    return f": {', '.join(said)}" if said else ""


def _pairs(count: int) -> list[str]:
    """What becomes of pairs where answers alone are learnt."""
    if not count:
        return []
    return [f"pairs     of {counted(count, 'row')} the better answer alone is learnt; --objective dpo learns from both"]


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


# ---------------------------------------------------------------------- the preview


class Stretch(msgspec.Struct, frozen=True):
    """Tokens in a row that are all trained on, or all not."""

    text: str
    tokens: int
    trained: bool
    weight: float = 1.0


class Shown(msgspec.Struct, frozen=True):
    """A row as the model sees it. `ends` says that the last trained token is a control token."""

    file: str
    line: int
    row: str
    tokens: int
    trained: int
    whole: int
    ends: bool
    parts: tuple[Stretch, ...]


def preview(ask: Ask, rows: int, line: int | None) -> list[Shown]:
    """The first rows of train, or the one on a line, decoded from their token ids.

    Raises:
        UsageError: no row that is trained on stands on that line.
    """
    from curator import templates
    from curator.training.readiness import get_ready
    from curator.training.rows import load_tokenizer

    ready = get_ready(ask.paths, ask.config, ask.recipe, ask.model)
    tokenizer = load_tokenizer(ready.base.path)
    special = {n for n, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    control = templates.load(ready.spec).control_tokens()
    special |= {n for token in control if (n := tokenizer.token_to_id(token)) is not None}
    split = ready.prepared.splits["train"]
    wanted = range(min(rows, len(split)))
    if line is not None:
        wanted = [n for n in range(len(split)) if int(split.lines[n]) == line]  # type: ignore[assignment]
        if not wanted:
            why = [cut for cut in ready.prepared.tally.cuts if cut.line == line]
            hint = f"{why[0].reason}: {why[0].detail}" if why else "curator lint says more"
            raise UsageError(f"no row on line {line} is trained on", where=ask.paths[0], hint=hint)
    files, ids = split.strings("file"), split.strings("row")
    shown = []
    for n in wanted:
        piece = split[n]
        parts: list[Stretch] = []
        at = 0
        for (start, stop), weight in zip(piece.runs.tolist(), piece.weights.tolist(), strict=True):
            for low, high, on in ((at, start, False), (start, stop, True)):
                if high > low:
                    text = tokenizer.decode(piece.ids[low:high].tolist(), skip_special_tokens=False)
                    parts.append(Stretch(text, high - low, on, weight if on else 0.0))
            at = stop
        if at < len(piece.ids):
            rest = piece.ids[at:].tolist()
            parts.append(Stretch(tokenizer.decode(rest, skip_special_tokens=False), len(rest), False, 0.0))
        ends = int(piece.ids[piece.runs[-1][1] - 1]) in special
        trained = int((piece.runs[:, 1] - piece.runs[:, 0]).sum())
        shown.append(
            Shown(files[n], int(split.lines[n]), ids[n], len(piece.ids), trained, len(piece.ids), ends, tuple(parts))
        )
    return shown


def preview_text(shown: list[Shown], *, colour: bool) -> str:
    """Trained text in green, or between ⟦ and ⟧ where there are no colours."""
    before, after = ("\x1b[32m", "\x1b[0m") if colour else ("⟦", "⟧")
    lines = []
    for row in shown:
        end = "ends with a trained control token" if row.ends else "NO CONTROL TOKEN ENDS THE LAST ANSWER"
        lines.append(f"{row.file}:{row.line}  {row.tokens:,} tokens, {row.trained:,} trained, {end}")
        text = ""
        for part in row.parts:
            said = [visible(line) for line in part.text.split("\n")]
            if part.trained:
                weight = f"×{part.weight:g}" if part.weight != 1 else ""
                said = [f"{before}{line}{after}{weight}" if line else line for line in said]
            text += "\n".join(said)
        lines += [f"    {line}" for line in text.split("\n")] + [""]
    return "\n".join(lines)


# ---------------------------------------------------------------------- while it runs, and at its end


@contextmanager
def live(shown: bool) -> Iterator[Callable[[dict[str, Any]], None] | None]:
    """A line of progress on standard error: redrawn on a terminal, else one now and then."""
    if not shown:
        yield None
        return
    if not sys.stderr.isatty():
        yield _Plain()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("train"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[said]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("train", total=None, said="")
        kept: dict[str, float] = {}

        def tell(event: dict[str, Any]) -> None:
            if "measured" in event:
                said = f"rows measured {event['when']}"
                bar.update(task, total=event["rows"], completed=event["measured"], said=said)
                return
            kept.update({name: event[name] for name in ("loss", "eval_loss", "learning_rate") if name in event})
            said = "  ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in kept.items())
            bar.update(task, total=event["steps"], completed=event["step"], said=said)

        yield tell


class _Plain:
    """A line every ten seconds and at every look at valid, and one when the rows begin to be measured."""

    def __init__(self) -> None:
        self._at, self._stream = time.monotonic(), sys.stderr  # libraries are kept from it, and this is not
        self._measuring = ""

    def __call__(self, event: dict[str, Any]) -> None:
        now = time.monotonic()
        begins = event.get("when", self._measuring) != self._measuring
        if "eval_loss" not in event and not begins and now - self._at < _EVERY:
            return
        self._at = now
        if "measured" in event:
            self._measuring = event["when"]
            said = f"rows measured {event['when']}: {event['measured']:,}/{event['rows']:,}"
            print(said, file=self._stream, flush=True)
            return
        said = "  ".join(
            f"{name.replace('_', ' ')} {event[name]:.4g}" for name in ("loss", "eval_loss") if name in event
        )
        print(
            f"step {event['step']:,}/{event['steps']:,}  epoch {event['epoch']:.2f}  {said}",
            file=self._stream,
            flush=True,
        )


def broken_off(ask: Ask) -> str:
    """What is left of a run that Ctrl-C ended at once."""
    if (ask.output / RUN).is_file() and record.read(ask.output).status == "running":
        return "stopped at once: what came after the last checkpoint is lost; go on from it with --resume"
    return "stopped before the first step: nothing is trained, and nothing to go on from"


def run_text(done: Run, ask: Ask, command: str) -> str:
    """The end of a run for a terminal."""
    output = shlex.quote(str(ask.output))
    if done.status == "interrupted":
        go_on = command if "--resume" in command else f"{command} --resume"
        return f"stopped after step {done.steps:,} of {done.steps_planned:,}, and saved\ngo on:  {go_on}\n"
    metrics = done.metrics
    fell = f"{metrics['first_loss']:.3f} → {metrics['last_loss']:.3f}" if "last_loss" in metrics else "none"
    valid = f", valid {metrics['eval_loss']:.3f}" if "eval_loss" in metrics else ""
    best = f" (the weights are those of step {done.best_step:,})" if done.best_step != done.steps else ""
    lines = [
        f"trained   {counted(done.steps, 'step')} in {_duration(done.times.get('seconds_of_steps', 0))}{best}",
        f"loss      {fell}{valid}",
        f"weights   {Path(ask.output) / (done.adapter or done.model)}",
        f"record    {Path(ask.output) / RUN}",
    ]
    lines += _pairs(done.pairs)
    if done.cut:
        cut = ", ".join(f"{reason} {count:,}" for reason, count in done.cut.items())
        lines.append(f"ledger    {cut}  {Path(ask.output) / LEDGER}")
    waived = [gate.name for gate in done.gates if gate.waived]
    if waived:
        lines.append(f"waived    {', '.join(waived)}")
    lines += ["", f"what it learnt:  curator compare {shlex.quote(ask.model)} {output}"]
    return "\n".join(lines) + "\n"
