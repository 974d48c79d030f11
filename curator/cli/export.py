"""`curator export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from curator.cli.output import encoded, sink

_ONLY = {"kind": ("gguf", "gguf-lora", "ollama"), "system": ("ollama",), "num_ctx": ("ollama",), "on": ("ollama",)}


@click.command("export")
@click.argument("form", type=click.Choice(["merged", "gguf", "gguf-lora", "ollama", "mlx", "peft"]))
@click.argument("path", metavar="RUN")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Folder to write.")
@click.option("--base", metavar="MODEL", help="The model under a bare adapter.  [default: as the adapter says]")
@click.option("--type", "kind", type=click.Choice(["f32", "f16", "q8_0"]), help="GGUF: its numbers.  [default: f16]")
@click.option("--on", metavar="NAME", help="ollama: put the adapter on this model of Ollama's, do not merge.")
@click.option("--system", metavar="TEXT", help="ollama: the system text.  [default: that of all training rows]")
@click.option("--num-ctx", type=click.IntRange(min=1), help="ollama: tokens of context.")
@click.option("--force", is_flag=True, help="Write into a folder that is not from an export.")
@click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How it is told."
)
def command(
    form: str,
    path: str,
    output: Path,
    base: str | None,
    kind: str | None,
    on: str | None,
    system: str | None,
    num_ctx: int | None,
    force: bool,
    style: str,
) -> int:
    """Take a tuned model to where it is used.

    \b
    RUN is the folder of a run, of a PEFT or MLX adapter, or of a whole model. FORM is one of
    merged      the whole model as safetensors
    gguf        the whole model for llama.cpp
    gguf-lora   the adapter alone for llama.cpp
    ollama      a Modelfile, with the training template as TEMPLATE
    mlx         the adapter for mlx-lm
    peft        an adapter of mlx-lm for peft
    """  # noqa: D301 (click reads the character)
    more: dict[str, Any] = {"kind": kind, "system": system, "num_ctx": num_ctx, "on": on}
    given = {name: value for name, value in more.items() if value is not None}
    for name, forms in _ONLY.items():
        if name in given and form not in forms:
            shown = {"kind": "--type", "num_ctx": "--num-ctx"}.get(name, f"--{name}")
            raise click.UsageError(f"{shown} is for {', '.join(forms)}", click.get_current_context())
    import msgspec

    from curator import export
    from curator.training.models import hush

    hush()
    result = export.export(form, export.Ask(path, output, base, force=force, **given))
    with sink(None) as stream:
        if style == "json":
            stream.write(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
        else:
            stream.write(encoded(export.as_text(result, str(output))))
    return 0
