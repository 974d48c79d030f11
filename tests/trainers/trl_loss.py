"""The loss of the first step of TRL's SFTTrainer: MODEL ROWS OUTPUT, all rows in one batch; printed as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from datasets import Dataset
from trl import SFTConfig, SFTTrainer

model, rows, output = sys.argv[1:]
held = [json.loads(line) for line in Path(rows).read_text("utf-8").splitlines()]
args = SFTConfig(
    output_dir=output,
    per_device_train_batch_size=len(held),
    max_steps=1,
    logging_steps=1,
    assistant_only_loss=True,
    packing=False,
    bf16=False,
    gradient_checkpointing=False,
    use_cpu=True,
    report_to="none",
    save_strategy="no",
    disable_tqdm=True,
    max_length=512,
)
trainer = SFTTrainer(model=model, args=args, train_dataset=Dataset.from_list(held))
trainer.train()
print(json.dumps(next(entry["loss"] for entry in trainer.state.log_history if "loss" in entry)))
