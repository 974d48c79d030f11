"""What axolotl really keeps and trains of rows. Run by the test of trainers, where axolotl installs.

Arguments and output as in trl_rows.py.
"""

import json
import sys
from pathlib import Path

from axolotl.prompt_strategies.chat_template import load
from axolotl.utils.dict import DictDefault
from axolotl.utils.trainer import filter_sequences_by_length, process_datasets_for_packing
from datasets import Dataset
from transformers import AutoTokenizer

folder = Path(sys.argv[1])
rows = json.loads((folder / "rows.json").read_text("utf-8"))
settings = json.loads((folder / "settings.json").read_text("utf-8"))
tokenizer = AutoTokenizer.from_pretrained(folder)
config = DictDefault({"sequence_len": settings["limit"], "train_on_inputs": False, "sample_packing": True})
strategy = load(tokenizer, config, {"chat_template": "tokenizer_default", **settings.get("load", {})})
data = Dataset.from_list([dict(strategy.tokenize_prompt(row)) for row in rows])
data = data.filter(filter_sequences_by_length, batched=True, fn_kwargs={"sequence_len": settings["limit"]})
data, _ = process_datasets_for_packing(config, data, None)
told = []
for sequence in data:
    ids, labels = sequence["input_ids"], sequence["labels"]
    trained = [token for token, label in zip(ids, labels, strict=True) if label != -100]
    told.append([tokenizer.convert_ids_to_tokens(ids), tokenizer.convert_ids_to_tokens(trained)])
print("\n" + json.dumps(told))
