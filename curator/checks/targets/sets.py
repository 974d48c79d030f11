"""What a target asks of the set as a whole: rows, bytes, and that it still takes jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np

from curator.checks.targets.refusal import Target, profile_of
from curator.columns import Batch, Rows
from curator.model import Flag
from curator.rule import Bad, DatasetRule, chat, option
from curator.targets import Profile
from curator.text.hashed import distinct

_HELLO = chat(user="Hi", assistant="Hello.")
_VALID, _TEST = 1, 2  # numbers of the splits


class RowsOutOfRange(DatasetRule, frozen=True):
    """The set has fewer rows than the target demands, or more than it takes.

    The job is refused when it is created, or fails after the upload. Rows that cannot be read do not count.
    """

    code = "TGT001"
    severity = "error"
    needs = "target"
    GOOD = [[_HELLO]]
    BAD = [Bad([_HELLO] * 9, at="0:", options={"target": "openai"})]

    target: Target = ""

    def sketch(self, batch: Batch) -> np.ndarray:
        """Nothing: rows are counted already; shape (lines,), uint8."""
        return np.zeros(len(batch.lines), dtype=np.uint8)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        profile = profile_of(self.target)
        if profile is None:
            return
        limit = profile.rows
        training = rows.readable & (rows.splits != _VALID) & (rows.splits != _TEST)
        validation = rows.readable & (rows.splits == _VALID)
        yield from _counted("training", training, limit.least, limit.most, profile)
        yield from _counted("validation", validation, limit.valid_least, limit.valid_most, profile)
        yield from _counted("training and validation", training | validation, None, limit.all_most, profile)


def _counted(
    what: str, rows: np.ndarray, least: int | None, most: int | None, profile: Profile
) -> Iterator[tuple[int, Flag]]:
    count = int(rows.sum())
    if not count:
        return
    why = f" ({profile.rows.why})" if profile.rows.why else ""
    bound = f"at least {least:,}" if least and count < least else f"at most {most:,}" if most and count > most else ""
    if bound:
        message = f"{count:,} {what} row{'' if count == 1 else 's'}: {profile.title} takes {bound}{why}"
        yield int(np.argmax(rows)), Flag("", message, evidence={"rows": count, "least": least, "most": most})


class FileTooLarge(DatasetRule, frozen=True):
    """The file has more bytes than the target takes.

    The upload is refused. Bytes are those of the rows in JSON lines, which is what goes up.
    """

    code = "TGT002"
    severity = "error"
    needs = "target"
    GOOD = [[_HELLO]]
    BAD = [Bad([_HELLO] * 3, at="0:", options={"target": "openai", "max_bytes": 200})]

    target: Target = ""
    max_bytes: Annotated[int, option("Bytes a file may have; 0: as many as the target says.", ge=0)] = 0

    def sketch(self, batch: Batch) -> np.ndarray:
        """Bytes of each line with its line break; shape (lines,), int64."""
        return np.fromiter((len(line) + 1 for line in batch.lines), np.int64, len(batch.lines))

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        profile = profile_of(self.target)
        most = (self.max_bytes or profile.file.most_bytes) if profile else None
        if profile is None or not most:
            return
        for number in distinct(rows.files):
            lines = np.flatnonzero(rows.files == number)
            size = int(sketches[lines].sum())
            if size > most:
                message = f"{size:,} bytes as JSON lines: {profile.title} takes files of at most {most:,}"
                yield int(lines[0]), Flag("", message, evidence={"bytes": size, "limit": most})


class TargetClosed(DatasetRule, frozen=True):
    """The target is closed, or about to close.

    Data prepared for it may find no job to run in: look at the page named, and for another target that
    takes the same shape.
    """

    code = "TGT011"
    needs = "target"
    GOOD = [[_HELLO]]
    BAD = [Bad([_HELLO], at="0:", options={"target": "mistral"})]

    target: Target = ""

    def sketch(self, batch: Batch) -> np.ndarray:
        """Nothing: the profile says it all; shape (lines,), uint8."""
        return np.zeros(len(batch.lines), dtype=np.uint8)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        profile = profile_of(self.target)
        if profile is not None and profile.standing and rows.readable.any():
            yield int(np.argmax(rows.readable)), Flag("", profile.standing, evidence={"status": profile.status})
