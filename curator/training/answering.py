"""A model or a run that answers: found, loaded, and asked many prompts at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from curator import templates
from curator.errors import SourceError
from curator.training import record
from curator.training.models import hashed, locate, quiet
from curator.training.record import RUN, Base, Run

if TYPE_CHECKING:
    from curator.config import Config

Told = Callable[[int, int], None]
_TOGETHER = 16  # prompts answered at once


class Subject(NamedTuple):
    """A model to be measured. `run` is the record it comes with, if any."""

    name: str
    model: Any
    tokenizer: Any
    base: Base
    run: Run | None

    @contextmanager
    def as_base(self) -> Iterator[None]:
        """Without its adapter."""
        with self.model.disable_adapter():
            yield


class Reply(msgspec.Struct, frozen=True):
    """A prompt and what a model answers; `stopped` says that it ended by itself."""

    prompt: str
    answer: str
    tokens: int
    stopped: bool


# ---------------------------------------------------------------------- loading


def find(name: str) -> tuple[Run | None, Base, Path]:
    """(the record of a run, the model it was made of, its folder); for a plain model there is no record.

    Nothing is loaded, so that what is not there is said at once.

    Raises:
        CuratorError: there is none, or the run did not come to its end.
    """
    folder = Path(name)
    home = folder if (folder / RUN).is_file() else folder.parent
    inside = (folder / "adapter_config.json").is_file() and (home / RUN).is_file()
    if home != folder and not inside:
        return None, locate(name), folder
    run = record.finished(home, name)
    return run, run.base, home


def load(name: str) -> Subject:
    """A model, a run or an adapter folder, on the fastest device here.

    Raises:
        CuratorError: there is none, or it cannot be loaded.
    """
    run, base, home = find(name)
    from curator.recipe import Recipe
    from curator.training.loop import device_of, load_model, precision_of
    from curator.training.rows import load_tokenizer

    recipe = Recipe()
    device = device_of(recipe)
    precision = precision_of(recipe, device)
    if run is None:
        base = hashed(base)
        model = load_model(base.path, recipe, device, precision)
        return Subject(name, model.eval(), load_tokenizer(base.path), base, None)
    if not Path(base.path).is_dir():
        base = hashed(locate(base.name))
        if base.sha256 != run.base.sha256:
            raise SourceError("the base model is not the one that was tuned", where=base.path)
    if run.model:
        model = load_model(str(home / run.model), recipe, device, precision)
        return Subject(name, model.eval(), load_tokenizer(home / run.model), base, run)
    from peft import PeftModel

    with quiet():
        model = PeftModel.from_pretrained(load_model(base.path, recipe, device, precision), home / run.adapter)
    return Subject(name, model.eval(), load_tokenizer(base.path), base, run)


# ---------------------------------------------------------------------- answers


def stop_ids(tokenizer: Any, spec: str) -> list[int]:
    """The tokens that end an answer: the end-of-text token, and those the template closes turns with."""
    template = templates.load(spec)
    known = {template.eos, template.end_of_turn, *(t for t in template.control_tokens() if _closes(t))}
    return sorted(n for token in known if token and (n := tokenizer.token_to_id(token)) is not None)


def _closes(token: str) -> bool:
    return token in {
        "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<|endoftext|>", "<end_of_turn>", "<|return|>", "<|call|>",
        "<｜end▁of▁sentence｜>", "<|END_OF_TURN_TOKEN|>", "<|end_of_text|>", "<turn|>", "</s>", "<eos>",
    }  # fmt: skip


def text_of(tokenizer: Any, ids: Sequence[int], stops: Sequence[int]) -> str:
    """The text of an answer without what ends it."""
    kept = list(ids)
    while kept and kept[-1] in stops:
        kept.pop()
    return str(tokenizer.decode(kept, skip_special_tokens=True)).strip()


def answers(
    subject: Subject, prompts: Sequence[Sequence[int]], stops: Sequence[int], most: Sequence[int],
    told: Told | None = None,
) -> list[tuple[list[int], bool]]:  # fmt: skip
    """(the ids of a greedy answer of at most `most` tokens, whether it stopped by itself), prompt by prompt.

    Prompts of like length are answered together, padded on the left: a step of a small model costs about the same
    for one prompt and for sixteen.
    """
    made: list[tuple[list[int], bool]] = [([], False)] * len(prompts)
    order = sorted(range(len(prompts)), key=lambda n: (most[n], len(prompts[n]), n))
    done = 0
    for k in range(0, len(order), _TOGETHER):
        group = order[k : k + _TOGETHER]
        found = _together(subject, [prompts[n] for n in group], stops, max(most[n] for n in group))
        for n, ids in zip(group, found, strict=True):
            end = next((at for at, token in enumerate(ids[: most[n]]) if token in stops), None)
            made[n] = (ids[: most[n]], False) if end is None else (ids[: end + 1], True)
        done += len(group)
        if told:
            told(done, len(order))
    return made


def _together(subject: Subject, prompts: Sequence[Sequence[int]], stops: Sequence[int], most: int) -> list[list[int]]:
    """What is generated after each prompt, until all of them have met a stop."""
    import torch

    device = next(subject.model.parameters()).device
    wide = max(map(len, prompts))
    fill = stops[0] if stops else 0
    ids = torch.tensor([[fill] * (wide - len(prompt)) + list(prompt) for prompt in prompts], device=device)
    seen = torch.tensor([[0] * (wide - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=device)
    with torch.no_grad(), quiet():
        out = subject.model.generate(
            input_ids=ids, attention_mask=seen, max_new_tokens=most, do_sample=False, num_beams=1,
            temperature=None, top_p=None, top_k=None, eos_token_id=list(stops) or None, pad_token_id=fill,
        )  # fmt: skip
    return [row.tolist() for row in out[:, wide:]]


def reply(name: str, prompts: Sequence[str], config: Config, *, system: str = "", longest: int = 256) -> list[Reply]:
    """What a model or run answers to each prompt, greedily, with the template it was trained with.

    Raises:
        CuratorError: the model cannot be found or loaded, or it has no chat template.
    """
    subject = load(name)
    spec = subject.run.template if subject.run else subject.base.path
    if config.template:
        spec = templates.spec_of(config.template, subject.base.path)
    template = templates.load(spec)
    opening = [{"role": "system", "content": system}] if system else []
    asked = [template.render([*opening, {"role": "user", "content": prompt}], generation=True) for prompt in prompts]
    ids = [subject.tokenizer.encode(text, add_special_tokens=False).ids for text in asked]
    stops = stop_ids(subject.tokenizer, spec)
    made = answers(subject, ids, stops, [longest] * len(ids))
    return [
        Reply(prompt, text_of(subject.tokenizer, found, stops), len(found), stopped)
        for prompt, (found, stopped) in zip(prompts, made, strict=True)
    ]
