"""Errors a user can meet. Each names the thing, the place and the next step.

CuratorError                  base; the command line prints it and exits 2
├── UsageError                a wrong option, code, profile or combination
├── ConfigError               curator.toml or [tool.curator] says something that cannot be honoured
│   └── ClashError            two rules, shapes or targets of one code or name
├── SourceError               a file or folder that cannot be read as data
│   ├── UnknownShapeError     rows are JSON objects, but in no shape that is known
│   └── OutOfReachError       a worker cannot read the file from where it runs
├── ChangedError              the data changed while it was read
├── RuleError                 a rule failed on the data: its own fault, or its package's
├── WriteError                an output could not be written; nothing half-written is left
└── MissingExtraError         a feature needs an optional package; carries the exact pip line
"""

from __future__ import annotations

# What the parsers of JSON and TOML raise for bytes that are none, are no UTF-8, or are nested deeper than Python goes.
UNREADABLE = (ValueError, RecursionError)


class CuratorError(Exception):
    """Something the user can act on: `what` is wrong, `where`, and the `hint` for the next step."""

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.hint = what, where, hint

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n  {self.hint}" if self.hint else head


class UsageError(CuratorError):
    """A wrong option, code, profile or combination."""


class ConfigError(CuratorError):
    """The configuration says something that cannot be honoured."""


class ClashError(ConfigError):
    """Two rules, shapes or targets of one code or name."""


class SourceError(CuratorError):
    """A file or folder that cannot be read as data."""


class UnknownShapeError(SourceError):
    """Rows are JSON objects, but in no shape that is known."""


class OutOfReachError(SourceError):
    """A worker cannot read the file from where it runs."""


class ChangedError(CuratorError):
    """The data changed while it was read."""


class RuleError(CuratorError):
    """A rule failed on the data: its own fault, or its package's."""


class WriteError(CuratorError):
    """An output could not be written; nothing half-written is left."""


class MissingExtraError(CuratorError):
    """A feature needs an optional package."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs the extra {extra!r}",
            hint=f'pip install "finetune-curator[{extra}]"',
        )
        self.feature, self.extra = feature, extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        """It comes back from other processes as what it is."""
        return MissingExtraError, (self.feature, self.extra)
