"""Builds `rules/ollama/known.npz`: figures of the chat templates that Ollama knows, none of their texts.

    python tests/bench/ollama_index.py INDEX.json [TEMPLATES…]

INDEX.json is `template/index.json` of Ollama's source. With files of chat templates, it prints for each what
Ollama takes by the index, and what the figures alone can tell of it.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from curator.ollama.detection import chosen, figures, place, read_index, save


def main(index: str, *files: str) -> None:
    if not files:
        place().parent.mkdir(exist_ok=True)
        save(figures(read_index(index)), place())
        print(f"{place()}: {place().stat().st_size:,} bytes")
        return
    told: Counter[str] = Counter()
    for file in files:
        text = Path(file).read_text("utf-8")
        exact, alone = chosen(text, index), chosen(text)
        certain = not alone.may
        told["certain" if certain else "uncertain"] += 1
        told["wrong"] += certain and (alone.name, alone.edits) != (exact.name, exact.edits)
        print(f"{Path(file).name}: {exact.name or 'none'} at {exact.edits}; {alone}")
    print(dict(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
