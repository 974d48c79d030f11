"""What a trainer of TRL really keeps and trains of rows: SFTTrainer, or the one that the settings name.

Run by the test of trainers, in an environment with trl. Arguments: a folder with rows.json, settings.json and
a tokenizer. Prints [[words kept], [words trained]] of each sequence that it would train on: of a pair two, of
a prompt that is answered in training the prompt alone.
"""

import json
import sys
from pathlib import Path

from datasets import Dataset
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from trl import (
    DPOConfig,
    DPOTrainer,
    GRPOConfig,
    GRPOTrainer,
    KTOConfig,
    KTOTrainer,
    RewardConfig,
    RewardTrainer,
    SFTConfig,
    SFTTrainer,
)

folder = Path(sys.argv[1])
rows = json.loads((folder / "rows.json").read_text("utf-8"))
settings = json.loads((folder / "settings.json").read_text("utf-8"))
tokenizer = AutoTokenizer.from_pretrained(folder)
size = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
told = []


def tell(ids, trained):
    told.append([tokenizer.convert_ids_to_tokens(ids), tokenizer.convert_ids_to_tokens(trained)])


def model():
    return LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **size, **ends))


def trainer(kind, configuration, *, limit=True, **beside):
    more = beside.pop("settings", {}) | ({"max_length": settings["limit"]} if limit else {})
    arguments = configuration(output_dir=str(folder / "out"), report_to="none", bf16=False, use_cpu=True, **more)
    return kind(args=arguments, train_dataset=Dataset.from_list(rows), processing_class=tokenizer, **beside)


def tuned():
    for sequence in trainer(SFTTrainer, SFTConfig, model=model()).train_dataset:
        pairs = zip(sequence["input_ids"], sequence["labels"], strict=True)
        tell(sequence["input_ids"], [token for token, label in pairs if label != -100])


def put_into_batches(kind, configuration):
    """Of pairs and verdicts, which are cut when they are put into a batch."""
    made = trainer(kind, configuration, model=model(), ref_model=model())
    for example in made.train_dataset:
        batch = made.data_collator([example])
        masks = zip(batch["input_ids"], batch["attention_mask"], batch["completion_mask"], strict=True)
        for ids, there, answer in masks:
            tell(ids[there.bool()], ids[answer.bool()])


def scored():
    from transformers import LlamaForSequenceClassification

    scorer = LlamaForSequenceClassification(LlamaConfig(vocab_size=len(tokenizer), num_labels=1, **size, **ends))
    for example in trainer(RewardTrainer, RewardConfig, model=scorer).train_dataset:
        for ids in (example["chosen_ids"], example["rejected_ids"]):
            tell(ids, ids)


def answered():
    """Prompts as the model is given them while it trains on its own answers."""
    one = {"max_steps": len(rows), "num_generations": 2, "per_device_train_batch_size": 2, "max_completion_length": 1}
    made = trainer(
        GRPOTrainer, GRPOConfig, limit=False, settings=one, model=model(),
        reward_funcs=lambda completions, **_: [float(n) for n, _ in enumerate(completions)],
    )  # fmt: skip
    answer = made.model.generate

    def watched(*given, **named):
        for ids, there in zip(named["input_ids"], named["attention_mask"], strict=True):
            tell(ids[there.bool()], [])
        return answer(*given, **named)

    made.model.generate = watched
    made.train()


match settings.get("trainer", "sft"):
    case "dpo":
        put_into_batches(DPOTrainer, DPOConfig)
    case "kto":
        put_into_batches(KTOTrainer, KTOConfig)
    case "reward":
        scored()
    case "grpo":
        answered()
    case _:
        tuned()
print(json.dumps(told))
