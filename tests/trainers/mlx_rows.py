"""What mlx_lm.lora really keeps and trains of rows. Run by the test of trainers, in an environment with mlx-lm.

Arguments and output as in trl_rows.py; one pass over the batches of the training set.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

from mlx_lm.tuner.datasets import CacheDataset, create_dataset
from mlx_lm.tuner.trainer import iterate_batches
from transformers import AutoTokenizer

folder = Path(sys.argv[1])
rows = json.loads((folder / "rows.json").read_text("utf-8"))
settings = json.loads((folder / "settings.json").read_text("utf-8"))
tokenizer = AutoTokenizer.from_pretrained(folder)
data = CacheDataset(create_dataset(rows, tokenizer, SimpleNamespace(mask_prompt=False)))
told = []
for batch, lengths in iterate_batches(data, settings["batch"], settings["limit"]):
    for ids, (first, last) in zip(batch.tolist(), lengths.tolist(), strict=True):
        kept = tokenizer.convert_ids_to_tokens(ids[:last])
        told.append([kept, kept[first:]])
print(json.dumps(told))
