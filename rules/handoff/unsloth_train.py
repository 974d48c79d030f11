"""Trains on data/train.jsonl with Unsloth. Only what the assistant says is trained: every answer, with its end.

Of texts without turns all is trained.
"""

import json
from pathlib import Path

from unsloth import FastLanguageModel  # isort: skip (before trl: it patches it)
from datasets import Dataset
from trl import SFTConfig, SFTTrainer

HERE = Path(__file__).parent
settings = json.loads((HERE / "settings.json").read_text(encoding="utf-8"))
limit = settings["training"]["max_length"]

model, tokenizer = FastLanguageModel.from_pretrained(**settings["model"])
if settings["adapter"]:
    model = FastLanguageModel.get_peft_model(model, **settings["adapter"])


def rendered(messages: list, tools: list | None, **options: bool) -> list[int]:
    return tokenizer.apply_chat_template(messages, tools=tools, tokenize=True, return_dict=False, **options)


def tokens(row: dict) -> dict:
    """Ids and labels of a row: -100 wherever no answer stands; of a text without turns all is trained."""
    if "messages" not in row:
        ids = [*tokenizer(text=row["text"])["input_ids"], tokenizer.eos_token_id]
        return {"input_ids": ids, "labels": list(ids), "attention_mask": [1] * len(ids)}
    messages, tools = row["messages"], row.get("tools")
    ids = rendered(messages, tools)
    labels = [-100] * len(ids)
    for n, message in enumerate(messages):
        if message["role"] != "assistant" or message.get("weight") == 0:
            continue
        start = len(rendered(messages[:n], tools, add_generation_prompt=True))
        stop = len(rendered(messages[: n + 1], tools))
        labels[start:stop] = ids[start:stop]
    return {"input_ids": ids, "labels": labels[: len(ids)], "attention_mask": [1] * len(ids)}


def loaded(split: str) -> Dataset | None:
    """The rows of a split that fit; None where there is no such file."""
    file = HERE / "data" / f"{split}.jsonl"
    if not file.exists():
        return None
    rows = [tokens(json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]
    fit = [row for row in rows if len(row["input_ids"]) <= limit and any(label != -100 for label in row["labels"])]
    print(f"{file.name}: {len(fit)} rows, {len(rows) - len(fit)} left out: over {limit} tokens or without an answer")
    return Dataset.from_list(fit)


trainer = SFTTrainer(
    model=model,
    processing_class=tokenizer,
    args=SFTConfig(**settings["training"]),
    train_dataset=loaded("train"),
    eval_dataset=loaded("valid"),
)
trainer.train()
model.save_pretrained(str(HERE / "adapter"))
tokenizer.save_pretrained(str(HERE / "adapter"))
