"""How a model is tuned: every option of `curator train`, once.

The flags of the command line, the table `[train]` of curator.toml, its schema and its page are derived from
these fields. A test changes each of them and demands that the run is another one.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Method = Literal["lora", "qlora", "dora", "rslora", "full"]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Amount = Annotated[float, Meta(ge=0)]

RATES = {"lora": 2e-4, "qlora": 2e-4, "dora": 2e-4, "rslora": 1e-4, "full": 2e-5}  # where none is said
QUIET = "none"  # of `track`: no logs but run.json


class Recipe(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """The options of a training run."""

    method: Annotated[
        Method,
        Meta(description="What is trained: an adapter (lora, qlora, dora, rslora) or all weights (full)."),
    ] = "lora"
    objective: Annotated[
        Literal["sft", "dpo"], Meta(description="Answers to learn (sft), or pairs of a better and a worse one (dpo).")
    ] = "sft"
    beta: Annotated[float, Meta(gt=0, description="DPO: how closely the model keeps to where it began.")] = 0.1
    rank: Annotated[int, Meta(ge=1, description="The rank of the adapter's matrices.")] = 16
    alpha: Annotated[float, Meta(gt=0, description="The adapter's scale is alpha/rank (rslora: alpha/√rank).")] = 32.0
    dropout: Annotated[float, Meta(ge=0, lt=1, description="Dropout on what goes into the adapter.")] = 0.05
    targets: Annotated[
        tuple[str, ...],
        Meta(description="Layers that get an adapter: names such as `q_proj`, or `all-linear`."),
    ] = ("all-linear",)
    modules_to_save: Annotated[
        tuple[str, ...],
        Meta(description="Layers trained in full beside the adapter, such as `embed_tokens` and `lm_head`."),
    ] = ()
    learning_rate: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="The highest learning rate.  [default: 2e-4; rslora 1e-4; full 2e-5]"),
    ] = None
    scheduler: Annotated[
        Literal["cosine", "linear", "constant"], Meta(description="How the learning rate falls after the warmup.")
    ] = "cosine"
    warmup: Annotated[
        float, Meta(ge=0, description="Steps in which the learning rate rises; below 1 a share of all steps.")
    ] = 0.03
    batch: Annotated[int, Meta(ge=1, description="Rows (with best-fit packing: packs) a device takes at once.")] = 8
    accumulation: Annotated[int, Meta(ge=1, description="Batches whose gradients make one step.")] = 1
    epochs: Annotated[float, Meta(gt=0, description="How often every row is seen.")] = 3.0
    steps: Annotated[Positive | None, Meta(description="Steps in all, in place of epochs.")] = None
    optimizer: Annotated[
        Literal["adamw", "adamw_8bit"], Meta(description="AdamW, or AdamW with states of 8 bits (bitsandbytes).")
    ] = "adamw"
    weight_decay: Annotated[float, Meta(ge=0, description="Weight decay.")] = 0.0
    clip: Annotated[float, Meta(ge=0, description="The longest gradient; a longer one is scaled down. 0: any.")] = 1.0
    gradient_checkpointing: Annotated[
        bool | None,
        Meta(description="Compute activations twice to save memory.  [default: where the memory plan asks for it]"),
    ] = None
    neftune: Annotated[float, Meta(ge=0, description="Noise on the embeddings of prompts and answers (NEFTune).")] = 0.0
    max_length: Annotated[
        Positive | None, Meta(description="Tokens of a row that are trained on.  [default: the model's context]")
    ] = None
    overlong: Annotated[
        Literal["cut", "drop"], Meta(description="What becomes of longer rows: their beginning is kept, or nothing.")
    ] = "cut"
    packing: Annotated[
        Literal["flat", "best-fit", "none"],
        Meta(
            description="flat: the rows of a batch end to end, without padding. best-fit: packs of --pack-length. "
            "none: padded rows. Rows never see each other."
        ),
    ] = "flat"
    pack_length: Annotated[
        Positive | None, Meta(description="Tokens of a pack.  [default: the longest row, at least 2,048]")
    ] = None
    train_on: Annotated[
        Literal["all", "last"], Meta(description="The answers the loss is taken on: all, or the last of each row.")
    ] = "all"
    reasoning: Annotated[
        Literal["kept", "masked"], Meta(description="Whether the loss is taken on reasoning as well.")
    ] = "kept"
    evaluate_every: Annotated[
        Positive | None, Meta(description="Steps between looks at the valid split.  [default: once an epoch]")
    ] = None
    patience: Annotated[
        int, Meta(ge=0, description="Looks at valid without gain until the run stops early. 0: it runs to the end.")
    ] = 2
    best: Annotated[bool, Meta(description="Keep the weights that were best on valid, not the last ones.")] = True
    save_every: Annotated[
        Positive | None, Meta(description="Steps between checkpoints.  [default: as evaluate-every]")
    ] = None
    keep: Annotated[int, Meta(ge=1, description="Checkpoints that are kept.")] = 2
    log_every: Annotated[int, Meta(ge=1, description="Steps between lines of the log.")] = 1
    seed: Annotated[int, Meta(ge=0, description="Another order of rows and another start of the adapter.")] = 0
    precision: Annotated[
        Literal["auto", "fp32", "bf16", "fp16"],
        Meta(description="auto: bf16 where the GPU has it, else fp16; fp32 on a CPU."),
    ] = "auto"
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], Meta(description="Where it runs.")] = "auto"
    track: Annotated[
        tuple[str, ...],
        Meta(
            description="Who gets the log beside run.json: tensorboard, trackio, wandb, or none.  "
            "[default: tensorboard where it is installed]"
        ),
    ] = ()
    facts: Annotated[
        Literal["auto", "on", "off"],
        Meta(description="Measure the loss of every row before and after. auto: up to 2,000 rows."),
    ] = "auto"

    @property
    def rate(self) -> float:
        """The highest learning rate."""
        return self.learning_rate or RATES[self.method]

    @property
    def adapts(self) -> bool:
        """Whether an adapter is trained, and not all weights."""
        return self.method != "full"
