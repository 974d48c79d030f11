"""The command line: a thin front, a module a verb, imported when the verb is called."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from curator import __version__
from curator.cli import ending
from curator.errors import CuratorError

# The first sentence of each verb's help, so that `curator --help` imports none of them.
VERBS = {
    "lint": "Find what would break or spoil a training run.",
    "explain": "Show everything that is known of one row.",
    "clean": "Write a mended copy, with the rejected rows and their reasons.",
    "convert": "Write a set in another shape, with a table of what it cannot hold.",
    "split": "Write train, valid and test files without leaks between them.",
    "prepare": "Lint, clean and split a set, with a report and a dataset card.",
    "handoff": "Write a folder with which another tool trains on a set.",
    "sop": "Turn web pages and documents into SOP rows.",
    "train": "Tune a model on a clean set.",
    "eval": "Measure a model or a run on the rows of a split.",
    "compare": "Compare a model before and after tuning.",
    "generate": "Ask a model, a run or a GGUF file, and print what it answers.",
    "export": "Take a tuned model to where it is used.",
    "stats": "Count rows, turns and tokens.",
    "diff": "Compare two versions of a set, row by row.",
    "review": "Go through what is found in a browser, a key a decision.",
    "lsp": "Underline findings in an editor: a language server on standard input and output.",
    "decisions": "Record what was decided about findings, and look after the record.",
    "rule": "Explain a rule.",
    "rules": "List the rules.",
    "test-rules": "Run rules of your own on their examples.",
    "config": "Show the configuration, or its JSON Schema.",
}


class Verbs(click.Group):
    """A group that imports the module of a verb when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"{__name__}.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="curator %(version)s")
def cli() -> None:
    """A linter for the data that language models are fine-tuned on.

    \b
    curator lint support.jsonl         find what is wrong, where, and why
    curator lint support.jsonl --fix   mend what can be mended safely
    curator rule ANS005                explain a rule
    """  # noqa: D301 (click reads the character)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status.

    0: nothing at or above --fail-on. 1: something is. 2: wrong usage or an error. 130: interrupted.
    143, 129: ended by SIGTERM or SIGHUP.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # nothing here multiplies matrices: spare the threads
    _stand_in_for_closed()
    _never_fail_to_print()
    try:
        with ending.in_order():
            status: Any = cli.main(args, prog_name="curator", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.ClickException as error:
        return _explain_usage(error)
    except CuratorError as error:
        _complain(str(error))
        return 2
    except (KeyboardInterrupt, click.Abort) as error:
        return ending.status_of(error)
    except BrokenPipeError:
        _silence()
        return 0
    except OSError as error:
        _silence()
        if error.errno == errno.EBADF and not error.filename:
            _complain("standard output is closed", "let it go to a terminal, a file or a pipe, or name a file: -o")
            return 2
        place = f"{error.filename}: " if error.filename else ""
        full = "free some space where the output and temporary files go (TMPDIR)"
        _complain(f"{place}{error.strerror or error}", full if error.errno == errno.ENOSPC else "")
        return 2
    except Exception as error:
        return _explain_loop(error) or _report_bug(error)
    finally:
        _name_broken_plugins()


def _name_broken_plugins() -> None:
    if found := sys.modules.get("curator.plugins"):  # else no plugin was asked for
        for line in found.warnings():
            click.echo(f"{click.style('warning:', fg='yellow', bold=True)} {line}", err=True)


def _silence() -> None:
    from curator.cli.output import silence

    silence()


def _stand_in_for_closed() -> None:
    """Streams for those that were closed (`>&-`), whose numbers the next file would take.

    What is written to standard output fails with EBADF, what goes to standard error vanishes.
    """
    if sys.stdout is None:
        sys.stdout = os.fdopen(_null(os.O_RDONLY, 1), "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = os.fdopen(_null(os.O_WRONLY, 2), "w", encoding="utf-8")


def _null(flags: int, least: int) -> int:
    """The null device, opened under a number from `least` on; those below that are free are taken as well."""
    while (number := os.open(os.devnull, flags)) < least:
        pass
    return number


def _never_fail_to_print() -> None:
    """Characters that the terminal's encoding lacks, and lone surrogates, are printed as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _complain(message: str, hint: str = "") -> None:
    from curator.cli.output import shown
    from curator.private.masking import masked

    message, hint = shown(masked(message)), shown(masked(hint))  # an error may quote the data, or the name of a file
    click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True)
    if hint:
        click.echo(f"  {hint}", err=True)


def _explain_usage(error: click.ClickException) -> int:
    error = _with_what_is_near(error)
    message, context = error.format_message(), getattr(error, "ctx", None)
    if message.startswith("Usage:"):  # a group without a verb
        click.echo(message)
    else:
        _complain(message, f"{context.command_path} --help shows the usage" if context else "")
    return 2


def _with_what_is_near(error: click.ClickException) -> click.ClickException:
    """The error with the name that may have been meant: click tells of options that share a letter or two."""
    import difflib

    if isinstance(error, click.NoSuchOption) and error.possibilities:
        near = difflib.get_close_matches(error.option_name, error.possibilities, 1, 0.7)
        near = near or [name for name in error.possibilities if name.startswith(error.option_name)]
        return click.NoSuchOption(error.option_name, possibilities=near, ctx=error.ctx)
    if isinstance(error, click.UsageError) and error.message.startswith("No such command "):
        near = difflib.get_close_matches(error.message.split("'")[1], VERBS, 1, 0.7)
        return click.UsageError(f"{error.message} Did you mean {near[0]!r}?", error.ctx) if near else error
    return error


def _explain_loop(error: Exception) -> int:
    """2 where links lead in a circle, which Python before 3.13 tells by a RuntimeError; else 0."""
    told = "Symlink loop from "
    if not (isinstance(error, RuntimeError) and str(error).startswith(told)):
        return 0
    place = str(error).removeprefix(told).strip("'\"")
    _complain(f"{place}: the link leads back to itself", "name a file, or remove the link")
    return 2


def _report_bug(error: Exception) -> int:
    if os.environ.get("CURATOR_TRACEBACK"):
        import traceback

        traceback.print_exception(error)
        return 2
    said = " ".join(str(error).split())[:200]
    _complain(
        f"a fault in curator: {type(error).__name__}: {said}",
        "run again with CURATOR_TRACEBACK=1 and report what it prints, with the command and the version",
    )
    return 2
