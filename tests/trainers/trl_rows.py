"""What SFTTrainer really keeps and trains of rows. Run by the test of trainers, in an environment with trl.

Arguments: a folder with rows.json, settings.json and a tokenizer. Prints [[words kept], [words trained]] of
each sequence it would train on.
"""

import json
import sys
from pathlib import Path

from datasets import Dataset
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from trl import SFTConfig, SFTTrainer

folder = Path(sys.argv[1])
rows = json.loads((folder / "rows.json").read_text("utf-8"))
settings = json.loads((folder / "settings.json").read_text("utf-8"))
tokenizer = AutoTokenizer.from_pretrained(folder)
size = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **size))
arguments = SFTConfig(
    output_dir=str(folder / "out"), max_length=settings["limit"], report_to="none", bf16=False, use_cpu=True
)
trainer = SFTTrainer(model=model, args=arguments, train_dataset=Dataset.from_list(rows), processing_class=tokenizer)
told = []
for sequence in trainer.train_dataset:
    ids, labels = sequence["input_ids"], sequence["labels"]
    trained = [token for token, label in zip(ids, labels, strict=True) if label != -100]
    told.append([tokenizer.convert_ids_to_tokens(ids), tokenizer.convert_ids_to_tokens(trained)])
print(json.dumps(told))
