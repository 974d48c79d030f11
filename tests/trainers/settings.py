"""Prints the names of the settings that an installed tool reads, as the keys of rules/handoff/NAME.toml.

    python tests/trainers/settings.py mlx|trl|trl-dpo|axolotl|llama-factory|unsloth

To be run in an environment that holds the tool; curator's own is not needed.
"""

from __future__ import annotations

import dataclasses
import sys


def fields(*classes: type) -> list[str]:
    return sorted({field.name for cls in classes for field in dataclasses.fields(cls) if field.init})


def mlx() -> dict[str, list[str]]:
    from mlx_lm.lora import CONFIG_DEFAULTS

    return {
        "keys": sorted(CONFIG_DEFAULTS),
        "lora_parameters": ["rank", "scale", "dropout", "keys"],
        "lr_schedule": ["name", "arguments", "warmup", "warmup_init"],
    }


def trl() -> dict[str, list[str]]:
    from trl import DatasetMixtureConfig, ModelConfig, ScriptArguments, SFTConfig

    return {"keys": fields(ScriptArguments, SFTConfig, ModelConfig, DatasetMixtureConfig)}


def trl_dpo() -> dict[str, list[str]]:
    from trl import DatasetMixtureConfig, DPOConfig, ModelConfig, ScriptArguments

    return {"keys": fields(ScriptArguments, DPOConfig, ModelConfig, DatasetMixtureConfig)}


def axolotl() -> dict[str, list[str]]:
    from axolotl.utils.schemas.config import AxolotlInputConfig
    from axolotl.utils.schemas.datasets import DPODataset, SFTDataset

    datasets = sorted({*SFTDataset.model_fields, *DPODataset.model_fields})
    return {"keys": sorted(AxolotlInputConfig.model_fields), "datasets": datasets, "test_datasets": datasets}


def llama_factory() -> dict[str, list[str]]:
    from llamafactory.hparams.parser import _TRAIN_ARGS

    return {"keys": fields(*_TRAIN_ARGS)}


def unsloth() -> dict[str, list[str]]:
    from trl import SFTConfig

    return {
        "keys": ["model", "adapter", "training"],
        "model": arguments("loader.py", "FastLanguageModel", "from_pretrained"),
        "adapter": arguments("llama.py", "FastLlamaModel", "get_peft_model"),
        "training": fields(SFTConfig),
    }


def arguments(file: str, cls: str, function: str) -> list[str]:
    """The names of the arguments of an Unsloth function; read, for importing it changes the packages it patches."""
    import ast
    import importlib.util
    from pathlib import Path

    found = importlib.util.find_spec("unsloth")
    assert found and found.submodule_search_locations
    tree = ast.parse((Path(found.submodule_search_locations[0]) / "models" / file).read_text(encoding="utf8"))
    [inside] = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == cls]
    [told] = [node for node in inside.body if isinstance(node, ast.FunctionDef) and node.name == function]
    names = {argument.arg for argument in (*told.args.args, *told.args.kwonlyargs)}
    return sorted(names - {"model", "self"})


def main(tool: str) -> None:
    found = {"mlx": mlx, "trl": trl, "trl-dpo": trl_dpo, "axolotl": axolotl, "llama-factory": llama_factory,
             "unsloth": unsloth}[tool]()  # fmt: skip
    for name, names in found.items():
        line, lines = "", []
        for key in names:
            if len(line) + len(key) > 100:
                lines.append(line.rstrip())
                line = ""
            line += f'"{key}", '
        lines.append(line.rstrip())
        print(f"{name} = [\n" + "\n".join(f"  {line}" for line in lines) + "\n]")


if __name__ == "__main__":
    main(sys.argv[1])
