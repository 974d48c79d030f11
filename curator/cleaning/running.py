"""`clean`: sources in, copies and rejected rows out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from curator import decisions, engine
from curator.cleaning.copies import Copy
from curator.cleaning.outputs import refuse_overwriting, set_aside, targets, write
from curator.cleaning.result import CleanResult, Loss, Unapplied
from curator.cleaning.rounds import Rounds, summed
from curator.decisions import Log
from curator.errors import WriteError
from curator.model import Report
from curator.scan.cache import Cache
from curator.scratch import Scratch
from curator.sources import open_sources, refuse_long

if TYPE_CHECKING:
    from curator.config import Config
    from curator.config import Plan as RulePlan

REJECTED = "rejected.jsonl"


def clean(
    paths: Sequence[str | Path],
    out: str | Path,
    config: Config,
    *,
    rejected: str | Path | None = None,
    unsafe: bool = False,
    log: Log | None = None,
    as_one: bool = False,
    fixes: bool = True,
) -> CleanResult:
    """Write the rows with fixes and decisions applied to `out`, and those left out to `rejected`.

    `out` is a file, or a folder where the data are several files. Left out are rows that a fix or a
    decision drops, and lines that hold no JSON object even after mending. `log` holds the decisions; by
    default those kept beside the data. `as_one` takes no notice of the splits that names stand for: a row of
    one file repeats a row of another. Without `fixes` only what was decided is done.

    Raises:
        SourceError: a path is missing or cannot be read as data.
        UsageError: `out` would overwrite the data, or is one file for several.
        ChangedError: a file changed meanwhile.
        WriteError: an output could not be written; none is.
    """
    log = decisions.beside(paths) if log is None else log
    plan = config.plan() if fixes else _decided_alone(config.plan(), log)
    cache = Cache.open() if config.cache else None
    with open_sources(paths, config.excluded) as opened, Scratch("clean") as folder:
        refuse_long(opened)
        sources = [msgspec.structs.replace(source, split="") for source in opened] if as_one else list(opened)
        goals = targets(sources, out)
        rest = Path(rejected) if rejected else goals[0].with_name(REJECTED)
        refuse_overwriting(sources, [*goals, rest])
        copies = [Copy(source, Path(folder, str(n))) for n, source in enumerate(sources)]
        rounds = Rounds(
            copies, log, unsafe, fixes, lambda these: engine.lint_sources(these, plan, workers=config.crew, cache=cache)
        )
        report = _mended(copies, rounds, plan, folder)
        for source in sources:
            source.check_unchanged()
        former = set_aside(rest, {source.path for source in sources})
        losses = write(copies, goals, rest)
        return _result(copies, rounds, report, log, losses=losses, rejected=str(rest), former=former)


def _mended(copies: Sequence[Copy], rounds: Rounds, plan: RulePlan, folder: str) -> Report:
    """Mend the copies and take out what is no row; the report on them as they are then."""
    try:
        report = rounds.run()
        for copy in copies:
            copy.reject_unreadable(report)
            if plan.finds("FIL001", copy.source.path):
                copy.reject_torn()
    except OSError as error:
        hint = f"free some space in {tempfile.gettempdir()}, or set TMPDIR to a larger disk"
        raise WriteError(f"no passing copy could be written: {error.strerror}", where=folder, hint=hint) from None
    return report


def _result(
    copies: Sequence[Copy],
    rounds: Rounds,
    report: Report,
    log: Log,
    *,
    losses: tuple[Loss, ...],
    rejected: str,
    former: str,
) -> CleanResult:
    """What was done, in numbers."""
    fixed, rejected_for = summed(copy.fixed for copy in copies), summed(copy.rejected_for for copy in copies)
    left, unapplied = rounds.left(report), rounds.unapplied()
    with_rows, with_others = rounds.gone(fixed, rejected_for, left)
    return CleanResult(
        losses=losses,
        rejected=rejected,
        former=former,
        fixed=fixed,
        rejected_for=rejected_for,
        left=left,
        with_rows=with_rows,
        with_others=with_others,
        unapplied=(*unapplied, *_overruled(log), *rounds.kept_in_vain(report)),
        applied=len(rounds.suppressions.others) - len(unapplied),
        rounds=rounds.rounds,
        stable=rounds.stable,
        unsafe=rounds.unsafe_left(report),
    )


def _decided_alone(plan: RulePlan, log: Log) -> RulePlan:
    """The plan with the rules whose findings were decided on alone: no other has anything to do."""
    codes = {decision.code for decision in decisions.standing(log.decisions)}
    return msgspec.structs.replace(plan, rules=tuple(rule for rule in plan.rules if rule.code in codes))


def _overruled(log: Log) -> Iterator[Unapplied]:
    """Decisions to change or drop something that do not count since another, newer one says otherwise."""
    for decision in decisions.overruled(log.decisions):
        if decision.verdict in ("accept", "edit", "drop"):
            yield Unapplied(decision, "a newer decision says otherwise: curator decisions check names it")
