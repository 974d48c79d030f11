"""Tiny random models with a tokenizer of their own, for tests of what is trained and not of what is learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WORDS = [
    "the quick brown fox jumps over the lazy dog and asks what the capital of France is",
    "user assistant system tool model Hello, world! How are you? I am fine; thank you. 0123456789",
    "status ivory cobalt amber teal crimson reset the router hold the button for ten seconds",
    "<think> </think> [INST] [/INST] ### Instruction: ### Response: \n\n",
]
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{% else %}"
    "{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def tiny_tokenizer(folder: Path, template: str = CHATML, special: tuple[str, ...] = (), **tokens: str) -> Any:
    """A byte-level BPE of some 400 tokens, saved as transformers does."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    control = list(dict.fromkeys(("<|im_start|>", "<|im_end|>", *special)))
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=control,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(WORDS * 3, trainer)
    bpe.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    tokens = {"eos_token": "<|im_end|>", "pad_token": "<|im_end|>", **tokens}
    made = PreTrainedTokenizerFast(tokenizer_object=bpe, **tokens)
    made.chat_template = template
    made.save_pretrained(folder)
    return made


def tiny_model(folder: str | Path, kind: str = "llama", template: str = CHATML, seed: int = 0, **more: Any) -> Path:
    """A random model of two layers in a folder, with its tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

    folder = Path(folder)
    tokenizer = tiny_tokenizer(folder, template)
    shape = {
        "vocab_size": len(tokenizer), "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512,
        "initializer_range": 0.08, "bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": None,
    }  # fmt: skip
    torch.manual_seed(seed)
    if kind == "qwen3":
        model: Any = Qwen3ForCausalLM(Qwen3Config(**{**shape, "head_dim": 16, **more}))
    else:
        model = LlamaForCausalLM(LlamaConfig(**{**shape, **more}))
    model.save_pretrained(folder)
    return folder


def sentencepiece_model(folder: str | Path, scheme: str = "always", template: str = "", size: int = 420) -> Path:
    """A random Llama with the BPE that the package sentencepiece trained on WORDS, as transformers writes it.

    `scheme` says where a space is put before a text: always, first, never, or legacy, the older form of always.
    """
    import io
    import json

    import sentencepiece
    from transformers import PreTrainedTokenizerFast

    stream = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(WORDS * 3), model_writer=stream, model_type="bpe", vocab_size=size, byte_fallback=True,
        character_coverage=1.0, normalization_rule_name="identity", remove_extra_whitespaces=False, minloglevel=2,
        user_defined_symbols=["<|im_start|>", "<|im_end|>"],
    )  # fmt: skip
    folder = tiny_model(folder, vocab_size=size)
    (folder / "tokenizer.model").write_bytes(stream.getvalue())
    pieces = sentencepiece.SentencePieceProcessor(model_proto=stream.getvalue())
    vocab = {pieces.id_to_piece(n): n for n in range(len(pieces))}
    score = {token: pieces.get_score(n) for token, n in vocab.items()}
    halves = [(token[:at], token[at:]) for token in vocab for at in range(1, len(token))]
    merges = sorted((pair for pair in halves if set(pair) <= vocab.keys()), key=lambda pair: -score["".join(pair)])
    space = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    older = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"}, space]}
    newer = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": False}
    added = [{"id": vocab[token], "content": token, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": True}
             for token in ("<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>")]  # fmt: skip
    said = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "post_processor": None,
        "normalizer": older if scheme == "legacy" else None, "pre_tokenizer": None if scheme == "legacy" else newer,
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": vocab, "merges": [list(pair) for pair in merges]},
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")
    made = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), bos_token="<s>",
                                   eos_token="<|im_end|>", pad_token="<|im_end|>", unk_token="<unk>")  # fmt: skip
    made.chat_template = template or CHATML
    made.save_pretrained(folder)
    return folder
