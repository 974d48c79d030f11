"""curator: a linter, cleaner and splitter for the data that language models are fine-tuned on.

    import curator

    report = curator.lint(["support.jsonl"], curator.load_config(Path("support.jsonl")))
    for finding in report.findings:
        print(finding.file, finding.line, finding.code, finding.message)

The names below are imported when they are first used: `import curator` alone costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curator.cleaning import clean
    from curator.comparison import compare
    from curator.config import Config, load_config
    from curator.conversion import convert
    from curator.counting import stats
    from curator.engine import lint
    from curator.explanation import explain
    from curator.fix import fix_files
    from curator.model import Finding, Report
    from curator.rule import all_rules
    from curator.splits.drawing import Wish
    from curator.splits.preparing import prepare
    from curator.splits.splitting import split

__version__ = "0.1.0"

__all__ = [
    "Config",
    "Finding",
    "Report",
    "Wish",
    "__version__",
    "all_rules",
    "clean",
    "compare",
    "convert",
    "explain",
    "fix_files",
    "lint",
    "load_config",
    "prepare",
    "split",
    "stats",
]

_HOMES = {
    "Config": "config",
    "Finding": "model",
    "Report": "model",
    "Wish": "splits.drawing",
    "all_rules": "rule",
    "clean": "cleaning",
    "compare": "comparison",
    "convert": "conversion",
    "explain": "explanation",
    "fix_files": "fix",
    "lint": "engine",
    "load_config": "config",
    "prepare": "splits.preparing",
    "split": "splits.splitting",
    "stats": "counting",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
