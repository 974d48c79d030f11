"""What TRL's SFTTrainer computes for rows of given lengths: MODEL, and on standard input {"batch", "limit", "sets"}.

`sets` holds the lengths of the rows by name. Printed as JSON by name: the share of padding in the batches of its
loader, as it comes and with packing=True, and the share of tokens that packing leaves out.
"""

from __future__ import annotations

import json
import sys
import tempfile
from typing import Any

from datasets import Dataset
from trl import SFTConfig, SFTTrainer


def computed(model: str, lengths: list[int], batch: int, limit: int, packing: bool) -> tuple[int, int]:
    """(tokens in the batches of an epoch, those of them that are rows)."""
    rows = Dataset.from_dict({"input_ids": [[7] * length for length in lengths]})
    with tempfile.TemporaryDirectory() as folder:
        args = SFTConfig(
            output_dir=folder, per_device_train_batch_size=batch, max_length=limit, packing=packing, bf16=False,
            gradient_checkpointing=False, use_cpu=True, report_to="none", disable_tqdm=True,
        )  # fmt: skip
        loader = SFTTrainer(model=model, args=args, train_dataset=rows).get_train_dataloader()
        total = real = 0
        for made in loader:
            total += made["input_ids"].numel()
            real += _real(made)
    return total, real


def _real(made: dict[str, Any]) -> int:
    """Tokens that are no padding; a batch without a mask has none."""
    return int(made["attention_mask"].sum()) if "attention_mask" in made else made["input_ids"].numel()


asked = json.load(sys.stdin)
found = {}
for name, lengths in asked["sets"].items():
    plain, packed = (computed(sys.argv[1], lengths, asked["batch"], asked["limit"], on) for on in (False, True))
    rows = sum(min(length, asked["limit"]) for length in lengths)
    shares = {
        "default": 1 - plain[1] / plain[0],
        "packing": 1 - packed[1] / packed[0],
        "left out": 1 - packed[1] / rows,
    }
    found[name] = {kind: max(share, 0.0) for kind, share in shares.items()}
print(json.dumps(found))
