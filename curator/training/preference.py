"""Preference rows: DPO by TRL, on prompts and answers as our template renders them."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from curator.checks.fit import looks
from curator.columns import parse
from curator.engine import reader_of
from curator.errors import SourceError
from curator.sources import cut, open_sources, read
from curator.training.models import needs, quiet
from curator.training.record import Run

if TYPE_CHECKING:
    from curator.training.readiness import Ready
    from curator.training.running import Ask, Tell


class Pair(msgspec.Struct, frozen=True):
    """A prompt with the better and the worse answer, each with the token that ends it."""

    prompt: str
    chosen: str
    rejected: str


def run_dpo(ask: Ask, ready: Ready, before: Run | None, started: float, tell: Tell | None) -> Run:
    """Train on pairs and write the adapter with its record, as `run` does.

    Raises:
        MissingExtraError: TRL is not installed.
        SourceError: the set holds no pairs.
    """
    needs("DPO", "trl", extra="trl")
    from curator.training import running

    pairs = {name: list(pairs_of(ask, ready, name)) for name in ("train", "valid")}
    if not pairs["train"]:
        hint = "DPO learns from rows with a chosen and a rejected answer"
        raise SourceError("no pairs to learn from", where=ask.paths[0], hint=hint)
    return running.Session(ask, ready, before, started).train_pairs(pairs, tell)


def pairs_of(ask: Ask, ready: Ready, split: str) -> Iterator[Pair]:
    """The pairs of a split, rendered; rows without two sides are passed over."""
    with open_sources(ask.paths, ask.config.excluded) as sources:
        for source in sources:
            if (source.split if source.split in ("valid", "test") else "train") != split:
                continue
            reader = reader_of(source, ask.config)
            for span in cut(source):
                for line in read(source, span).split(b"\n"):
                    value = parse(line)
                    example = reader.read(value) if isinstance(value, dict) else None
                    if example is None or not (example.chosen and example.rejected):
                        continue
                    sides = looks(example, ready.spec, renamed=True)
                    if len(sides) == 2 and all(side.seen.trained and not side.seen.error for side in sides):
                        yield _pair(*(side.seen for side in sides))


def _pair(chosen: Any, rejected: Any) -> Pair:
    start = chosen.trained[-1][0]
    return Pair(
        chosen.text[:start], chosen.text[start : chosen.trained[-1][1]], rejected.text[start : rejected.trained[-1][1]]
    )


def trainer_for(
    model: Any, ask: Ask, ready: Ready, args: Any, pairs: dict[str, list[Pair]], callbacks: list[Any]
) -> Any:
    """TRL's DPOTrainer over the pairs, with our options. The model carries its adapter; the reference is without."""
    from datasets import Dataset
    from transformers import AutoTokenizer, PrinterCallback
    from trl import DPOConfig, DPOTrainer

    recipe = ask.recipe
    tokenizer = AutoTokenizer.from_pretrained(ready.base.path)
    sets = {
        name: Dataset.from_list([msgspec.to_builtins(pair) for pair in part]) for name, part in pairs.items() if part
    }
    known = {
        field: getattr(args, field) for field in args.__dataclass_fields__ if field in DPOConfig.__dataclass_fields__
    }
    skipped = {"remove_unused_columns", "label_names", "local_rank", "average_tokens_across_devices"}
    made = DPOConfig(
        **{name: value for name, value in known.items() if name not in skipped and not name.startswith("_")},
        beta=recipe.beta,
        max_length=ready.limit,
    )
    with quiet(), contextlib.suppress(ImportError):
        warnings.simplefilter("ignore")
        trainer = DPOTrainer(
            model=model, args=made, train_dataset=sets["train"], eval_dataset=sets.get("valid"),
            processing_class=tokenizer, callbacks=callbacks,
        )  # fmt: skip
        trainer.remove_callback(PrinterCallback)
        return trainer
    raise SourceError("TRL cannot be imported beside this transformers", hint='pip install "finetune-curator[trl]"')
