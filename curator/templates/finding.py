"""Where chat templates come from: a model folder, a file of one, or the wire formats that ship with curator.

A template is named by one word, the `spec`: the name of a shipped template (`chatml`), a path, or both
as `chatml@FOLDER`: that template with the special tokens of the model in the folder.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from difflib import get_close_matches
from functools import lru_cache
from importlib import util
from pathlib import Path
from typing import Any

import msgspec

from curator.errors import UNREADABLE, UsageError
from curator.templates.gguf import checked, read_metadata
from curator.templates.named import called, located
from curator.templates.template import Template

_CONFIG = "tokenizer_config.json"
_FILES = (_CONFIG, "chat_template.jinja", "chat_template.json", "config.json", "tokenizer.json",
          "special_tokens_map.json", "generation_config.json")  # fmt: skip
_WEIGHTS = ("*.safetensors", "*.bin", "*.model", "adapter_config.json")
_TOKEN_KEYS = ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token")
_STANDINS = {"bos_token": "<s>", "eos_token": "</s>"}  # where a template names a token that nobody said
_NO_LIMIT = 10**9  # what tokenizers say that have no longest input
_ENCODINGS = {"llama-bpe": "llama3", "qwen2": "qwen3"}  # vocabularies by their name in GGUF files
_CONTROL = 3  # the type of a control token in a GGUF file
_JINJA = ("{{", "{%", "{#")
_HINT = "name a Jinja file, a tokenizer_config.json or a GGUF file"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_FRONT = re.compile(r"\A\{#-?(.*?)-?#\}\n?", re.DOTALL)


def folder() -> Path:
    """The folder of the templates that ship with curator: in a wheel or in a checkout."""
    package = Path(__file__).parent.parent
    shipped = package / "_rules"
    return (shipped if shipped.is_dir() else package.parent / "rules") / "templates"


@lru_cache(maxsize=1)
def shipped() -> dict[str, Path]:
    """The templates that ship with curator, by name."""
    return {file.stem: file for file in sorted(folder().glob("*.jinja"))}


def spec_of(template: str | None, model: str | None) -> str:
    """The spec for a template and a model, either of which may not be named; "" where the model has none."""
    if template:
        return f"{template}@{model}" if model and (Path(model).exists() or located(model)) else template
    return model if model and has_template(model) else ""


@lru_cache(maxsize=8)
def load(spec: str) -> Template:
    """The template of that spec.

    Raises:
        UsageError: nothing is found under that name, or it holds no chat template.
    """
    name, model = _parted(spec)
    found = _found(name)
    if not found.texts:
        hint = "it may be a base model: name a template as well, for example --template chatml"
        raise UsageError("no chat template in there", where=name, hint=hint)
    if "default" not in found.texts:
        what = (
            f"none of its chat templates is called default ({', '.join(found.texts)}): transformers takes none of them"
        )
        raise UsageError(what, where=name, hint="save the one that is meant as chat_template.jinja in the model folder")
    if model:
        beside = _found(model)
        found = msgspec.structs.replace(
            found, name=f"{found.name} of {beside.name}", tokens={**found.tokens, **beside.tokens},
            special=beside.special, adds_bos=beside.adds_bos, context=beside.context,
        )  # fmt: skip
    for text in found.texts.values():
        missing = {key: value for key, value in _STANDINS.items() if key in text and key not in found.tokens}
        found = msgspec.structs.replace(found, tokens={**found.tokens, **missing})
    found.compiled()
    return found


def has_template(path: str) -> bool:
    """Whether a model folder or file holds a chat template. Raises UsageError where it cannot be read."""
    return bool(_found(path).texts)


def in_model(path: str) -> str:
    """The chat template for conversations without tools in a model folder or file, "" where it has none.

    Raises:
        UsageError: there is no such model, or it cannot be read.
    """
    found = _found(path)
    return found.text() if found.texts else ""


def stamp(spec: str) -> str:
    """A hash of everything that renders depend on, read anew: 32 hex digits."""
    load.cache_clear()
    template = msgspec.structs.asdict(load(spec))
    return hashlib.blake2b(msgspec.json.encode(template, order="deterministic"), digest_size=16).hexdigest()


def files_of(spec: str) -> list[Path]:
    """The files a spec is read from; none for a shipped template."""
    paths = [Path(part) if part in shipped() else located(part) or Path(part) for part in _parted(spec) if part]
    found: list[Path] = []
    for path in paths:
        found += [path / name for name in _FILES if (path / name).is_file()] if path.is_dir() else [path]
    return [path for path in found if path.is_file()]


def absolute(name: str, root: Path) -> str:
    """The name with a path in it made absolute; the name of a shipped template as it is."""
    return str((root / name).resolve()) if (root / name).exists() else name


def tokenizer_of(model: str) -> str | None:
    """The name of a model's tokenizer: the path of its `tokenizer.json`, or the encoding a GGUF file was made with.

    None where it has neither, or where the encoding is not on this machine.
    """
    path = located(model) or Path(model)
    if (file := path / "tokenizer.json").is_file():
        return str(file)
    if not path.is_file():
        return None
    name = _ENCODINGS.get(_found(model).pre)
    return name if name and util.find_spec("quicktok") else None


def context_of(model: str) -> int:
    """The longest input of a model in tokens, 0 where it does not say."""
    return _found(model).context


def _parted(spec: str) -> tuple[str, str]:
    """(template, model or "") of a spec."""
    if "@" in spec and not Path(spec).exists():
        name, _, model = spec.partition("@")
        return name, model
    return spec, ""


def _found(name: str) -> Template:
    """What lies under a name; a model without a template has no `texts`."""
    path = Path(name)
    if path.is_dir():
        return _of_folder(path)
    if path.is_file():
        return _of_file(path)
    known = {_letters(stem): file for stem, file in shipped().items()}
    if file := known.get(_letters(name)):
        return _of_shipped(file)
    if there := located(name):
        return _found(str(there))
    meant = _meant(name)
    hint = f"name a model folder, a file with a template, or one of {', '.join(shipped())}"
    hint = f"did you mean {' or '.join(meant)}?" if meant else hint
    raise UsageError(f"no chat template {name!r}", hint=hint)


def _meant(name: str) -> list[str]:
    """The shipped templates whose names begin so, or else are near: "qwen" means qwen2.5 and qwen3."""
    word = _letters(name)
    if begin := [stem for stem in shipped() if len(word) > 2 and _letters(stem).startswith(word)]:
        return begin
    return [] if "/" in name else get_close_matches(name.lower(), list(shipped()), n=3, cutoff=0.7)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _of_shipped(file: Path) -> Template:
    text = file.read_text(encoding="utf-8")
    front = _FRONT.match(text)
    said = tomllib.loads(front.group(1)) if front else {}
    tokens = {key: value for key, value in said.items() if key.endswith("_token")}
    body = text[front.end() :] if front else text
    about = {key: said.get(key, "") for key in ("family", "end_of_turn", "differs", "abridged")}
    return Template(file.stem, {"default": body}, tokens, source=file.name, **about)


def _of_file(path: Path) -> Template:
    if path.name in (_CONFIG, "chat_template.json"):
        return _of_folder(path.parent, named=path)
    with path.open("rb") as stream:
        if stream.read(4) == b"GGUF":
            return _of_gguf(path, path.stat().st_mtime_ns)
    if path.suffix == ".json":
        return _of_json(path, _json(path))
    text = _text(path)
    if text.lstrip().startswith("{") and not text.lstrip().startswith(_JINJA):
        return _of_json(path, _json(path))
    if not any(sign in text for sign in _JINJA):
        raise UsageError("no chat template: there is no Jinja in it", where=str(path), hint=_HINT)
    return Template(path.stem, {"default": text}, source=str(path))


def _of_json(path: Path, table: dict[str, Any]) -> Template:
    texts = _texts(table.get("chat_template"))
    if not texts:
        raise UsageError("JSON without a chat_template", where=str(path), hint=_HINT)
    return Template(path.stem, texts, _tokens(table), source=str(path))


def _of_folder(path: Path, named: Path | None = None) -> Template:
    """A model folder; `chat_template.jinja` goes before the key in the configuration, as in transformers."""
    if not named and not any((path / name).is_file() for name in _FILES):
        packed = sorted(path.glob("*.gguf"))
        if len(packed) == 1:
            return _of_file(packed[0])
        if not any(found for kind in _WEIGHTS for found in path.glob(kind)):
            many = f"{len(packed)} GGUF files: name one of them" if packed else "name the folder with its tokenizer"
            raise UsageError("no model in there", where=str(path), hint=many)
    config = _json(path / _CONFIG) if (path / _CONFIG).is_file() else {}
    texts = _texts(config.get("chat_template"))
    if (file := path / "chat_template.json").is_file() and (not named or named == file):
        texts = _texts(_json(file).get("chat_template")) or texts
    if (file := path / "chat_template.jinja").is_file() and not named:
        texts = {"default": _text(file, "utf-8")}  # as transformers does
        for more in sorted((path / "additional_chat_templates").glob("*.jinja")):
            texts[more.stem] = _text(more, "utf-8")
    tokens = _tokens(config)
    if (file := path / "special_tokens_map.json").is_file() and "added_tokens_decoder" not in config:
        mapped = _tokens(_json(file))
        tokens = {**mapped, **{key: token for key, token in tokens.items() if token or key not in mapped}}
    return Template(
        called(path) or path.resolve().name, texts, tokens, _special(config, path), str(named or path),
        _adds_bos(config, path, tokens), _context(config, path),
    )  # fmt: skip


def _texts(value: Any) -> dict[str, str]:
    """The templates under `chat_template`: a string, or a list of named ones."""
    if isinstance(value, str):
        return {"default": value}
    if isinstance(value, dict):
        return {name: text for name, text in value.items() if isinstance(text, str)}
    named = value if isinstance(value, list) else []
    return {
        item["name"]: item["template"]
        for item in named
        if isinstance(item, dict) and isinstance(item.get("template"), str) and isinstance(item.get("name"), str)
    }


def _tokens(table: dict[str, Any]) -> dict[str, str]:
    """The special tokens a table names, each a string or an object with its `content`; "" for one that is null.

    As in transformers these are the usual ones, those in `extra_special_tokens`, and strings under a name of that form.
    """
    extra = table.get("extra_special_tokens")
    found = {key: table[key] for key in _TOKEN_KEYS if key in table}
    found |= {key: value for key, value in table.items() if key.endswith("_token") and isinstance(value, str)}
    found |= extra if isinstance(extra, dict) else {}
    said = {key: value.get("content") if isinstance(value, dict) else value for key, value in found.items()}
    return {key: value or "" for key, value in said.items() if isinstance(value, str | None)}


def _special(config: dict[str, Any], path: Path) -> tuple[str, ...]:
    added = config.get("added_tokens_decoder")
    entries = list(added.values()) if isinstance(added, dict) else []
    if not entries and (file := path / "tokenizer.json").is_file():
        listed = _json(file).get("added_tokens")
        entries = listed if isinstance(listed, list) else []
    found = [entry for entry in entries if isinstance(entry, dict) and entry.get("special")]
    return tuple(sorted(entry["content"] for entry in found if isinstance(entry.get("content"), str)))


def _adds_bos(config: dict[str, Any], path: Path, tokens: dict[str, str]) -> bool | None:
    if isinstance(said := config.get("add_bos_token"), bool):
        return said
    if (file := path / "tokenizer.json").is_file() and tokens.get("bos_token"):
        return tokens["bos_token"] in json.dumps(_json(file).get("post_processor"), ensure_ascii=False)
    return None


def _context(config: dict[str, Any], path: Path) -> int:
    limits = [config.get("model_max_length")]
    if (file := path / "config.json").is_file():
        model = _json(file)
        parts = [model, model.get("text_config")]
        limits += [part.get("max_position_embeddings") for part in parts if isinstance(part, dict)]
    known = [int(limit) for limit in limits if isinstance(limit, (int, float)) and 0 < limit < _NO_LIMIT]
    return min(known, default=0)


@lru_cache(maxsize=2)
def _of_gguf(path: Path, changed: int) -> Template:
    """The template in a GGUF file that last `changed` then: reading its vocabulary takes a while."""
    table = checked(read_metadata(path), path)
    texts = {"default": table["tokenizer.chat_template"]} if "tokenizer.chat_template" in table else {}
    for name in table.get("tokenizer.chat_templates") or ():
        texts[name] = table.get(f"tokenizer.chat_template.{name}", "")
    words = table.get("tokenizer.ggml.tokens") or []
    ids = {"bos_token": "bos", "eos_token": "eos", "pad_token": "padding", "unk_token": "unknown"}
    numbers = {key: table.get(f"tokenizer.ggml.{name}_token_id") for key, name in ids.items()}
    tokens = {key: words[n] for key, n in numbers.items() if isinstance(n, int) and 0 <= n < len(words)}
    kinds = table.get("tokenizer.ggml.token_type") or [0] * len(words)
    special = tuple(sorted(word for word, kind in zip(words, kinds, strict=True) if kind == _CONTROL))
    adds = table.get("tokenizer.ggml.add_bos_token")
    context = table.get(f"{table.get('general.architecture')}.context_length")
    return Template(
        path.stem, texts, tokens, special, str(path), adds if isinstance(adds, bool) else None,
        context if isinstance(context, int) else 0, pre=str(table.get("tokenizer.ggml.pre", "")),
    )  # fmt: skip


def _text(file: Path, encoding: str = "utf-8-sig") -> str:
    """What a template file says. Raises UsageError where it is no text."""
    try:
        text = file.read_text(encoding)
    except (OSError, UnicodeDecodeError):
        text = "\0"
    if "\0" in text:
        raise UsageError("neither text nor GGUF", where=str(file), hint=_HINT)
    return text


def _json(file: Path) -> dict[str, Any]:
    """The object in a file. Raises UsageError where there is no JSON, or a text of it is none that can be written."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        value = json.loads(text)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except (OSError, *UNREADABLE) as error:
        raise UsageError(f"cannot be read as JSON: {error}", where=str(file), hint="check the file") from None
    return value if isinstance(value, dict) else {}
