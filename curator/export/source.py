"""What is exported: a run, a folder with a PEFT or an MLX adapter, or a whole model."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from curator.errors import UNREADABLE, ChangedError, SourceError, UsageError
from curator.templates.named import DEMO, DEMO_HUB, demo_file, in_hub_cache
from curator.training import models
from curator.training.record import RUN, Base, Run, finished, read

CONFIG, WEIGHTS, MLX_WEIGHTS = "adapter_config.json", "adapter_model.safetensors", "adapters.safetensors"
_MODULE = re.compile(r"^(?:base_model\.model\.)?(.+?)\.(lora_A|lora_B|lora_magnitude_vector)(?:\.weight)?$")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A model to be exported.

    `base` holds the weights; `adapter` is the PEFT folder over them, None where the base is the whole model.
    `config` is adapter_config.json. `tokenizer` is the folder whose tokenizer and chat template it was trained
    with. `run` is the record of the training, None where there is none.
    """

    path: str
    base: Base
    adapter: Path | None = None
    config: dict[str, Any] = {}
    tokenizer: Path
    run: Run | None = None

    @property
    def tuned(self) -> Base:
        """The model that the training began with: of a run that trained all weights it is not `base`."""
        return self.run.base if self.run else self.base

    @property
    def model_config(self) -> dict[str, Any]:
        """config.json of the base."""
        return table(Path(self.base.path) / "config.json")

    @property
    def architecture(self) -> str:
        return self.base.architecture

    @property
    def tied(self) -> bool:
        return bool(self.model_config.get("tie_word_embeddings"))

    @property
    def method(self) -> str:
        """lora, rslora, dora, or full where there is no adapter."""
        if self.adapter is None:
            return "full"
        return "dora" if self.config.get("use_dora") else "rslora" if self.config.get("use_rslora") else "lora"


class Pair(NamedTuple):
    """The adapter of one linear layer: its weight grows by `scale` x `b` @ `a`.

    `a` is float32 of shape (rank, inputs), `b` of shape (outputs, rank); `magnitude`, of shape (outputs,), is
    that of DoRA and None elsewhere.
    """

    module: str
    a: Any
    b: Any
    scale: float
    magnitude: Any = None


def open_source(path: str, base: str | None = None, *, folder: Path | None = None) -> Source:
    """What lies at `path`; `base` names the model under an adapter, in place of the one that its config names.

    `folder` is where it is read, if that is another place than the user named.

    Raises:
        SourceError: there is neither a finished run nor an adapter nor a model.
        ChangedError: the base is not the one that was tuned.
        UsageError: the run has no weights yet, or the base is not found, or is quantised.
    """
    folder = folder or Path(path)
    if (folder / RUN).is_file():
        return _of_run(path, finished(folder, path), base)
    if (folder / CONFIG).is_file() and (folder / WEIGHTS).is_file():
        if (folder.parent / RUN).is_file() and (run := read(folder.parent)).adapter == folder.resolve().name:
            return msgspec.structs.replace(_of_run(str(folder.parent), run, base), path=path)
        return _of_adapter(path, folder, base)
    if (folder / "config.json").is_file():
        if base:
            raise UsageError("this is a whole model: there is nothing to put on a base", where=path, hint="drop --base")
        return Source(path=path, base=models.locate(path), tokenizer=folder)
    hint = f"name the folder of a run ({RUN}), or of an adapter ({CONFIG} and {WEIGHTS})"
    raise SourceError("nothing to export in there", where=path, hint=hint)


def _of_run(path: str, run: Run, base: str | None) -> Source:
    folder = Path(path)
    if run.model:
        found = models.locate(str(folder / run.model))
        return Source(path=path, base=found, tokenizer=folder / run.model, run=run)
    adapter = folder / run.adapter
    return Source(
        path=path,
        base=_checked(base, run),
        adapter=adapter,
        config=table(adapter / CONFIG),
        tokenizer=adapter,
        run=run,
    )


def _checked(base: str | None, run: Run) -> Base:
    """The base of the run, with the weights that were tuned."""
    name = base or (run.base.path if Path(run.base.path).is_dir() else run.base.name)
    found = unquantised(models.locate(name))
    if run.base.sha256 and (now := models.hashed(found).sha256) != run.base.sha256:
        raise ChangedError(
            f"these are not the weights that were tuned (SHA-256 {now[:12]}, not {run.base.sha256[:12]})",
            where=found.path,
            hint=f"the run was on {run.base.name}: name its folder, --base DIR",
        )
    return msgspec.structs.replace(found, sha256=run.base.sha256)


def _of_adapter(path: str, folder: Path, base: str | None) -> Source:
    config = table(folder / CONFIG)
    name = base or config.get("base_model_name_or_path")
    if not name:
        raise UsageError("the adapter does not say what it is for", where=path, hint="name its base: --base MODEL")
    try:
        found = unquantised(models.locate(_at_hand(str(name)) if base is None else name))
    except UsageError as error:
        if base is not None:
            raise
        what = f"its base {name} is not at hand ({error.what})"
        raise UsageError(what, where=path, hint="name the model that was tuned: --base MODEL") from None
    own = (folder / "tokenizer.json").is_file()
    return Source(path=path, base=found, adapter=folder, config=config, tokenizer=folder if own else Path(found.path))


def _at_hand(name: str) -> str:
    """The name of a base; for the demo model that of its package, where that is what this machine has of it."""
    if name == DEMO_HUB and demo_file() is not None and not in_hub_cache(name):
        return DEMO
    return name


def unquantised(base: Base) -> Base:
    """The base. Raises UsageError where its weights are quantised."""
    if table(Path(base.path) / "config.json").get("quantization_config"):
        hint = "name the model it was quantised from: --base MODEL"
        raise UsageError("the base is quantised: an adapter cannot be merged into it", where=base.path, hint=hint)
    return base


def pairs(source: Source) -> tuple[list[Pair], list[str]]:
    """(the adapter of each linear layer in order of name, the names of tensors that are something else).

    The scale is alpha / rank, for rsLoRA alpha / sqrt(rank), by layer where the config has patterns.
    """
    from safetensors.torch import load_file

    assert source.adapter is not None, "a whole model has no adapter"
    parts: dict[str, dict[str, Any]] = {}
    others = []
    for name, tensor in load_file(source.adapter / WEIGHTS).items():
        if (match := _MODULE.match(name)) and tensor.ndim in (1, 2):
            parts.setdefault(match[1], {})[match[2]] = tensor.float().numpy()
        else:
            others.append(name)
    found = []
    for module, part in sorted(parts.items(), key=lambda item: _natural(item[0])):
        if "lora_A" in part and "lora_B" in part:
            scale = scale_of(source.config, module, part["lora_A"].shape[0])
            found.append(Pair(module, part["lora_A"], part["lora_B"], scale, part.get("lora_magnitude_vector")))
        else:
            others.append(module)
    return found, sorted(others)


def scale_of(config: dict[str, Any], module: str, rank: int) -> float:
    """The factor of a layer's adapter. Source: peft's LoraConfig (alpha_pattern, use_rslora)."""
    patterns = config.get("alpha_pattern") or {}
    alpha = next((value for key, value in patterns.items() if re.match(rf"(.*\.)?({key})$", module)), None)
    alpha = float(config.get("lora_alpha", 8) if alpha is None else alpha)
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


def table(file: Path) -> dict[str, Any]:
    """A JSON object in a file. Raises SourceError."""
    try:
        value = json.loads(file.read_text("utf-8"))
    except (OSError, *UNREADABLE) as error:
        raise SourceError(f"cannot be read as JSON: {error}", where=str(file)) from None
    return value if isinstance(value, dict) else {}


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")]


def tokenizer_files(folder: Path) -> Iterator[Path]:
    """The files of a tokenizer and its chat template that are there."""
    names = (
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "tokenizer.model",
        "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja", "chat_template.json",
    )  # fmt: skip
    yield from (folder / name for name in names if (folder / name).is_file())
