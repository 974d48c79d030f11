"""What LLaMA-Factory really keeps and trains of rows. Run by the test of trainers, where llamafactory installs.

Arguments and output as in trl_rows.py; settings.json names the formatting and its columns as dataset_info.json does.
"""

import json
import os
import sys
import types
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace

os.environ["DISABLE_VERSION_CHECK"] = "1"
sound = types.ModuleType("torchaudio")  # imported for rows with sound, and used by none of these
sound.__spec__ = ModuleSpec("torchaudio", None)
sys.modules.setdefault("torchaudio", sound)

from llamafactory.data.converter import get_dataset_converter
from llamafactory.data.parser import DatasetAttr
from llamafactory.data.processor.pairwise import PairwiseDatasetProcessor
from llamafactory.data.processor.supervised import SupervisedDatasetProcessor
from llamafactory.data.template import get_template_and_fix_tokenizer
from transformers import AutoTokenizer

folder = Path(sys.argv[1])
rows = json.loads((folder / "rows.json").read_text("utf-8"))
for (
    row
) in rows:  # as datasets 4.0, the newest that it takes, reads a file: what a message lacks and others have is null
    for message in row.get("messages", ()):
        message.setdefault("content", None)
settings = json.loads((folder / "settings.json").read_text("utf-8"))
tokenizer = AutoTokenizer.from_pretrained(folder)
attributes = DatasetAttr("file", dataset_name="rows")
attributes.join(settings["info"])
data = SimpleNamespace(
    template="empty", cutoff_len=settings["limit"], train_on_prompt=False, mask_history=False, tool_format=None,
    default_system=None, enable_thinking=True, preserve_thinking=False, media_dir=".", streaming=False,
)  # fmt: skip
template = get_template_and_fix_tokenizer(tokenizer, data)
converter = get_dataset_converter(attributes.formatting, attributes, data)
columns: dict[str, list] = {}
for row in rows:
    for key, value in converter(row).items():
        columns.setdefault(key, []).append(value)
kind = PairwiseDatasetProcessor if attributes.ranking else SupervisedDatasetProcessor
kept = kind(template, tokenizer, None, data).preprocess_dataset(columns)
told = []
side = "chosen_" if attributes.ranking else ""
for ids, labels in zip(kept.get(f"{side}input_ids", []), kept.get(f"{side}labels", []), strict=True):
    trained = [token for token, label in zip(ids, labels, strict=True) if label != -100]
    told.append([tokenizer.convert_ids_to_tokens(ids), tokenizer.convert_ids_to_tokens(trained)])
print("\n" + json.dumps(told))
