"""What the profiles of trainers predict is what the trainers do: the same rows, through their own code.

CURATOR_TRAINERS names a Python interpreter, or the folder of an environment, in which the trainers are
installed; without it the packages of this environment serve, and a trainer that is in neither is skipped.
Words are the tokens, and the chat template adds none: so counts agree to the token.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from curator import Config, lint
from curator.handoff.settings import known

pytest.importorskip("tokenizers", reason="the extra tokenizers counts the words")
pytestmark = pytest.mark.slow

HERE = Path(__file__).parent / "trainers"
LIMIT = 24
END = "</s>"
TEMPLATE = "{% for m in messages %}{{ m['content'] }} {% endfor %}"
KNOWN_ROLES = "{% set known = ['system', 'user', 'assistant'] %}" + TEMPLATE.replace(
    "{{ m['content'] }} ", "{% if m['role'] in known %}{{ m['content'] }} {% endif %}"
)
MARKED = "{% for m in messages %}<{{ m['role'] }}> {{ m['content'] }} </s> {% endfor %}"


@cache
def interpreter() -> str:
    named = os.environ.get("CURATOR_TRAINERS", "")
    if not named:
        return sys.executable
    return str(Path(named) / "bin" / "python") if Path(named).is_dir() else named


PROFILES = {"trl": "trl", "mlx_lm": "mlx", "llamafactory": "llama-factory", "axolotl": "axolotl"}  # by package


@cache
def hindrance(package: str) -> str:
    """Why a trainer cannot be asked: it is not there, or in another version than its profile was read in; else ""."""
    code = f"from importlib.metadata import version; print(version({package.replace('_', '-')!r}))"
    found = subprocess.run([interpreter(), "-c", code], capture_output=True, text=True, check=False)
    if found.returncode:
        return f"{package} is not installed: name an environment with CURATOR_TRAINERS"
    there, read = found.stdout.strip(), known(PROFILES[package]).version
    same = there.split(".")[:2] == read.split(".")[:2]
    return "" if same else f"{package} {there} is there, and its profile was read in {read}"


class Stopped(Exception):
    """The trainer ended in an error: the frame of its own code in which that happened, and the last line."""


def really(trainer: str, package: str, folder: Path) -> list[tuple[list[str], list[str]]]:
    """(words kept, words trained) of each sequence that the trainer makes of the rows in the folder.

    Raises Stopped where its own code ends in an error.
    """
    if why := hindrance(package):
        pytest.skip(why)
    script = HERE / f"{trainer}_rows.py"
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONPATH": ""}
    done = subprocess.run(
        [interpreter(), str(script), str(folder)], capture_output=True, text=True, check=False, env=quiet
    )
    said = done.stderr.strip().splitlines()
    if done.returncode == 1 and any(f"{os.sep}{package}{os.sep}trainer{os.sep}" in line for line in said):
        raise Stopped(said[-1])
    assert done.returncode == 0, done.stderr[-3000:]
    return [tuple(pair) for pair in json.loads(done.stdout.splitlines()[-1])]


def words(kind: str, row: int, turn: int, count: int) -> str:
    """Words that tell where they come from: u3x0x7 is the eighth word of the user in turn 0 of row 3."""
    return " ".join(f"{kind}{row}x{turn}x{n}" for n in range(count))


def prepared(folder: Path, rows: list[dict[str, Any]], template: str = TEMPLATE, **settings: Any) -> Path:
    """The rows as a set and for the trainer's script, with a tokenizer that knows their words."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "rows.json").write_text(json.dumps(rows))
    (folder / "settings.json").write_text(json.dumps({"limit": LIMIT, **settings}))
    said = {word for row in rows for text in texts(row) for word in text.split()}
    special = ["<unk>", END, "<pad>", "<system>", "<user>", "<assistant>"]
    vocabulary = {word: number for number, word in enumerate([*special, *sorted(said)])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(special)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>", "eos_token": END, "pad_token": "<pad>",
        "chat_template": template, "clean_up_tokenization_spaces": False,
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


def predicted(folder: Path, target: str, code: str) -> set[int]:
    """The numbers of the rows that curator flags with the code."""
    told = {"target": target, "max_length": LIMIT, "tokenizer": str(folder), "select": (code,)}
    report = lint([folder / "rows.jsonl"], Config(**told), cache=False)
    return {finding.line - 1 for finding in report.findings}


def row_of(sequence: list[str]) -> int:
    word = next(word for word in sequence if word[0] in "uas" and "x" in word)
    return int(word[1:].split("x")[0])


def answers_without_training(rows: list[dict[str, Any]], told: list[tuple[list[str], list[str]]]) -> set[int]:
    """Rows that are kept and have an answer of which no word is trained."""
    found = set()
    for kept, trained in told:
        row = row_of(kept)
        seen = {word.rpartition("x")[0] for word in trained if word.startswith("a")}
        asked = {word.rpartition("x")[0] for text in texts(rows[row]) for word in text.split() if word[0] == "a"}
        asked = {name for name in asked if name.startswith("a") and "x" in name}
        if asked - seen:
            found.add(row)
    return found


def pairs(count: int, **beside: Any) -> list[dict[str, Any]]:
    """Rows of prompt and completion, of all lengths around the limit; the last prompts fill it to the token."""
    dice = random.Random(7)
    sizes = [(dice.randint(1, 2 * LIMIT), dice.randint(1, LIMIT)) for _ in range(count - 3)]
    sizes += [(LIMIT - 1, 5), (LIMIT, 5), (LIMIT + 1, 5)]
    return [
        {"prompt": words("u", n, 0, first), "completion": " " + words("a", n, 1, then), **beside}
        for n, (first, then) in enumerate(sizes)
    ]


def chats(count: int, key: str = "messages", spelling: tuple[str, str] = ("role", "content")) -> list[dict[str, Any]]:
    """Conversations of one to three exchanges, of all lengths around the limit."""
    dice = random.Random(11)
    names = ("user", "assistant") if key == "messages" else ("human", "gpt")
    rows = []
    for n in range(count):
        turns = []
        for turn in range(2 * dice.randint(1, 3)):
            text = words("ua"[turn % 2], n, turn, dice.randint(1, 14))
            turns.append({spelling[0]: names[turn % 2], spelling[1]: text})
        rows.append({key: turns})
    return rows


def size_of(row: dict[str, Any]) -> int:
    return sum(word[0] in "uas" and "x" in word for text in texts(row) for word in text.split())


# ---------------------------------------------------------------------- TRL


def test_trl_drops_the_pairs_whose_prompt_fills_the_context(tmp_path):
    rows = pairs(40)
    told = really("trl", "trl", prepared(tmp_path, rows))
    dropped = set(range(40)) - {row_of(kept) for kept, _ in told}
    assert dropped
    assert predicted(tmp_path, "trl", "TGT010") == dropped
    assert predicted(tmp_path, "trl", "TGT013") == set()
    cut = {row_of(kept) for kept, _ in told if END not in kept} | dropped
    at_the_border = {n for n, row in enumerate(rows) if size_of(row) == LIMIT}  # the end token makes them one too long
    assert predicted(tmp_path, "trl", "LEN001") == cut - at_the_border


def test_trl_keeps_conversations_and_loses_the_answers_beyond_the_context(tmp_path):
    rows = chats(40)
    told = really("trl", "trl", prepared(tmp_path, rows))
    assert {row_of(kept) for kept, _ in told} == set(range(40))
    assert predicted(tmp_path, "trl", "TGT010") == set()
    lost = answers_without_training(rows, told)
    assert lost
    assert predicted(tmp_path, "trl", "TGT013") == lost
    cut = {row_of(kept) for kept, _ in told if len(kept) < size_of(rows[row_of(kept)])}
    assert predicted(tmp_path, "trl", "LEN001") == cut


def test_trl_trains_answers_of_weight_0(tmp_path):
    rows = chats(4)
    rows[2] = {"messages": [{"role": "user", "content": "u2x0x0"}, {"role": "assistant", "content": "a2x1x0"}]}
    for row in rows:  # Arrow wants the same keys in every row
        for message in row["messages"]:
            message["weight"] = 1
    rows[2]["messages"][1]["weight"] = 0
    told = really("trl", "trl", prepared(tmp_path, rows))
    assert any("a2x1x0" in trained for _, trained in told)
    assert predicted(tmp_path, "trl", "TGT009") == {2}


def test_trl_hands_the_roles_of_sharegpt_to_a_template_that_drops_them(tmp_path):
    rows = chats(6, "conversations", ("from", "value"))
    for turn, role in zip(rows[3]["conversations"], ("user", "assistant") * 3, strict=False):
        turn["from"] = role
    told = really("trl", "trl", prepared(tmp_path, rows, KNOWN_ROLES))
    shown = {row_of(kept) for kept, _ in told if kept}
    assert shown == {3}
    assert predicted(tmp_path, "trl", "TGT014") == set(range(6)) - shown


def as_pairs(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same rows with a worse answer, the first seven letters of the better one."""
    return [
        {"prompt": row["prompt"], "chosen": row["completion"], "rejected": " " + row["completion"][:7]} for row in rows
    ]


@pytest.mark.parametrize("trainer", ["dpo", "kto"])
def test_trl_drops_pairs_and_verdicts_whose_prompt_fills_the_context(tmp_path, trainer):
    rows = pairs(24)
    rows = as_pairs(rows) if trainer == "dpo" else [{**row, "label": n % 2 == 0} for n, row in enumerate(rows)]
    told = really("trl", "trl", prepared(tmp_path, rows, trainer=trainer))
    dropped = set(range(24)) - {row_of(kept) for kept, _ in told}
    assert dropped
    assert predicted(tmp_path, "trl", "TGT010") == dropped
    assert all(trained for _, trained in told)
    assert predicted(tmp_path, "trl", "TGT013") == set()
    cut = {row_of(kept) for kept, _ in told if END not in kept} | dropped
    longest = {n: max(size_of({**row, side: ""}) for side in ("chosen", "rejected")) for n, row in enumerate(rows)}
    at_the_border = {n for n, size in longest.items() if size == LIMIT}  # the end token makes them one too long
    assert predicted(tmp_path, "trl", "LEN001") == cut - at_the_border


def said_in_turns(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    roles = {"prompt": "user", "completion": "assistant", "chosen": "assistant", "rejected": "assistant"}
    return [
        {key: [{"role": roles[key], "content": text.strip()}] if key in roles else text for key, text in row.items()}
        for row in rows
    ]


@pytest.mark.parametrize("opening", ["", "{% if add_generation_prompt %}<assistant> {% endif %}"])
@pytest.mark.parametrize("trainer", ["dpo", "kto"])
def test_trl_counts_the_template_of_pairs_and_verdicts(tmp_path, trainer, opening):
    rows = pairs(24)
    rows += [
        {"prompt": words("u", n, 0, LIMIT - 26 + n), "completion": words("a", n, 1, 2)} for n in range(24, 30)
    ]  # of LIMIT - 2 to LIMIT + 3 words, and three of the template
    rows = as_pairs(rows) if trainer == "dpo" else [{**row, "label": n % 2 == 0} for n, row in enumerate(rows)]
    folder = prepared(tmp_path, said_in_turns(rows), MARKED + opening, trainer=trainer)
    told = really("trl", "trl", folder)
    dropped = set(range(30)) - {row_of(kept) for kept, _ in told}
    report = lint(
        [folder / "rows.jsonl"],
        Config(target="trl", max_length=LIMIT, model=str(folder), select=("TGT010",)),
        cache=False,
    )
    assert {finding.line - 1 for finding in report.findings} == dropped
    assert predicted(tmp_path, "trl", "TGT010") < dropped, "without the template its markers are not counted"


def under_other_columns(n: int) -> dict[str, dict[str, Any]]:
    """The same pair, or verdict, as others write it."""
    asked, good, bad = words("u", n, 0, 4), words("a", n, 1, 3), words("a", n, 2, 2)
    said = {"conversations": [{"from": "human", "value": asked}]}
    turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": good}]
    lists = {"chosen": turns[1:], "rejected": [{"role": "assistant", "content": bad}]}
    gpt = {key: {"from": "gpt", "value": text} for key, text in (("chosen", good), ("rejected", bad))}
    return {
        "dpo of LLaMA-Factory": {**said, **gpt},
        "dpo with a question": {"question": asked, "chosen": good, "rejected": bad},
        "dpo of two forms": {"prompt": asked, **lists},
        "dpo of conversations": {"messages": turns[:1], **lists},
        "dpo of other sides": {"prompt": asked, "chosen_response": good, "rejected_response": bad},
        "kto of conversations": {"messages": turns, "label": True},
        "kto of LLaMA-Factory": {"conversations": [*said["conversations"], gpt["chosen"]], "kto_tag": True},
        "kto of two forms": {"prompt": asked, "completion": turns[1:], "label": True},
    }


@pytest.mark.parametrize("form", under_other_columns(0))
def test_trl_stops_at_pairs_and_verdicts_in_other_columns_or_never_reads_their_prompt(tmp_path, form):
    folder = prepared(tmp_path, [under_other_columns(n)[form] for n in range(3)], trainer=form[:3])
    assert predicted(folder, "trl", "TGT012") == {0, 1, 2}
    try:
        told = really("trl", "trl", folder)
    except Stopped as error:
        assert str(error).startswith(("KeyError: ", "ValueError: ", "TypeError: ", "AttributeError: "))
        return
    assert not any(word.startswith("u") for kept, _ in told for word in kept)


@pytest.mark.parametrize("said", [list, said_in_turns], ids=["strings", "messages"])
def test_trl_drops_pairs_that_are_too_long_for_the_reward_trainer(tmp_path, said):
    rows = as_pairs(pairs(30))
    for n, row in enumerate(rows[:10]):  # the worse answer may be the longer one; some fill the context to the token
        row["prompt"], row["rejected"] = words("u", n, 0, 4), " " + words("a", n, 1, LIMIT - 9 + n)
        row["chosen"] = " " + words("a", n, 1, 2)
    folder = prepared(tmp_path, said(rows), MARKED, trainer="reward")
    told = really("trl", "trl", folder)
    dropped = set(range(30)) - {row_of(kept) for kept, _ in told}
    assert 0 < len(dropped) < 30
    model = None if said is list else str(folder)
    settings = Config(target="trl-reward", max_length=LIMIT, model=model, tokenizer=str(folder), select=("TGT010",))
    report = lint([folder / "rows.jsonl"], settings, cache=False)
    assert {finding.line - 1 for finding in report.findings} == dropped


def test_trl_does_not_cut_the_prompts_that_are_answered_in_training(tmp_path):
    rows = [{"prompt": row["prompt"]} for row in pairs(8)]
    folder = prepared(tmp_path, rows, trainer="grpo")
    told = really("trl", "trl", folder)
    assert {row_of(kept): len(kept) for kept, _ in told} == {n: size_of(row) for n, row in enumerate(rows)}
    assert predicted(tmp_path, "trl", "TGT010") == predicted(tmp_path, "trl", "TGT013") == set()
    (folder / "rows.jsonl").write_text(json.dumps({"prompt": words("u", 0, 0, 1_500)}) + "\n")
    report = lint([folder / "rows.jsonl"], Config(target="trl", tokenizer=str(folder), select=("LEN001",)), cache=False)
    assert not report.findings, "the 1,024 tokens of SFTTrainer are no limit for them"


def test_with_the_template_its_markers_count(tmp_path):
    rows = chats(30)
    folder = prepared(tmp_path, rows, MARKED)
    lost = answers_without_training(rows, really("trl", "trl", folder))
    assert lost
    settings = {"target": "trl", "max_length": LIMIT, "model": str(folder), "select": ("TGT013",)}
    report = lint([folder / "rows.jsonl"], Config(**settings), cache=False)
    assert {finding.line - 1 for finding in report.findings} == lost
    assert predicted(tmp_path, "trl", "TGT013") < lost, "without the template its markers are not counted"


# ---------------------------------------------------------------------- mlx-lm


@pytest.mark.parametrize("rows", [chats(23), pairs(22), pairs(21, id=3)], ids=["chats", "pairs", "pairs with ids"])
def test_mlx_never_draws_the_rows_that_fill_no_batch(tmp_path, rows):
    rows[1]["note"] = "x"  # a row with a key more is sorted behind the others
    told = really("mlx", "mlx_lm", prepared(tmp_path, rows, batch=4))
    dropped = set(range(len(rows))) - {row_of(kept) for kept, _ in told}
    assert len(dropped) == len(rows) % 4
    assert predicted(tmp_path, "mlx", "TGT010") == dropped


@pytest.mark.parametrize("rows", [chats(40), pairs(40)], ids=["chats", "pairs"])
def test_mlx_cuts_what_lies_beyond_the_context_and_drops_no_row_for_it(tmp_path, rows):
    told = really("mlx", "mlx_lm", prepared(tmp_path, rows, batch=4))
    assert {row_of(kept) for kept, _ in told} == set(range(40))
    assert predicted(tmp_path, "mlx", "TGT010") == set()
    lost = answers_without_training(rows, told)
    assert lost
    assert predicted(tmp_path, "mlx", "TGT013") == lost
    cut = {row_of(kept) for kept, _ in told if len(kept) < size_of(rows[row_of(kept)])}
    assert predicted(tmp_path, "mlx", "LEN001") == cut


def test_mlx_puts_a_list_of_messages_into_one_user_turn(tmp_path):
    said = [{"role": "user", "content": "u0x0x0"}]
    rows = [{"prompt": said, "completion": "a0x1x0"}, *pairs(7)]
    told = really("mlx", "mlx_lm", prepared(tmp_path, rows, batch=4))
    assert any("<unk>" in kept for kept, _ in told), "the list is printed as Python writes it"
    assert predicted(tmp_path, "mlx", "TGT014") == {0}


# ---------------------------------------------------------------------- LLaMA-Factory

SHAREGPT = {"formatting": "sharegpt", "columns": {"messages": "conversations"}}
OPENAI = {
    "formatting": "openai",
    "columns": {"messages": "messages"},
    "tags": {
        "role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant",
        "observation_tag": "tool", "function_tag": "function_call", "system_tag": "system",
    },
}  # fmt: skip


def broken(rows: list[dict[str, Any]], key: str, role: str) -> list[dict[str, Any]]:
    """The rows, some of them with a turn too many, too few, or in another's place."""
    for number, row in enumerate(rows):
        turns = row[key]
        match number % 6:
            case 1:
                turns.pop()
            case 2:
                turns.pop(0)
            case 3:
                turns.insert(1, dict(turns[0]))
            case 4:
                turns.insert(0, {**turns[0], role: "system"})
            case _:
                pass
    return rows


@pytest.mark.parametrize(
    ("rows", "info"),
    [
        (broken(chats(30, "conversations", ("from", "value")), "conversations", "from"), SHAREGPT),
        (broken(chats(30), "messages", "role"), OPENAI),
    ],
    ids=["sharegpt", "openai"],
)
def test_llama_factory_skips_rows_out_of_step(tmp_path, rows, info):
    told = really("llamafactory", "llamafactory", prepared(tmp_path, rows, info=info, limit=10_000))
    dropped = set(range(30)) - {row_of(kept) for kept, _ in told}
    assert dropped
    assert predicted(tmp_path, "llama-factory", "TGT010") == dropped


def test_llama_factory_counts_the_results_of_one_step_as_one_turn(tmp_path):
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"u{n}x0x0"},
                {"role": "assistant", "content": "", "tool_calls": [call, call]},
                *[{"role": "tool", "content": f"s{n}x{k}x0"} for k in range(1 + n)],
                {"role": "assistant", "content": f"a{n}x5x0"},
            ][: 4 + n if n < 3 else -1]  # the last one ends with the results
        }
        for n in range(4)
    ]
    told = really("llamafactory", "llamafactory", prepared(tmp_path, rows, info=OPENAI, limit=10_000))
    assert {row_of(kept) for kept, _ in told} == set(range(4))
    assert predicted(tmp_path, "llama-factory", "TGT010") == set()


def test_llama_factory_drops_what_has_no_pair_and_keeps_empty_answers(tmp_path):
    rows = chats(9)
    for row in rows:
        row["messages"] = row["messages"][:2]
    rows[1]["messages"][1]["content"] = ""
    rows[2]["messages"][0]["content"] = ""
    rows[3]["messages"] = []
    rows[4]["messages"] = [{"role": "system", "content": "s4x0x0"}]
    rows[5]["messages"] = rows[5]["messages"][1:]
    rows[6]["messages"].insert(0, {"role": "system", "content": "s6x0x0"})
    rows[7]["messages"] *= 2
    told = really("llamafactory", "llamafactory", prepared(tmp_path, rows, info=OPENAI, limit=10_000))
    dropped = set(range(9)) - {row_of(kept) for kept, _ in told}
    assert dropped == {3, 4, 5}
    assert predicted(tmp_path, "llama-factory", "TGT010") == dropped


def test_llama_factory_takes_calls_without_content(tmp_path):
    call = {"type": "function", "function": {"name": "a1x1x0", "arguments": "{}"}}
    rows = chats(3)
    rows[1]["messages"][1:1] = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "content": "t1x2x0"}]
    told = really("llamafactory", "llamafactory", prepared(tmp_path, rows, info=OPENAI, limit=10_000))
    assert len(told) == len(rows)
    assert [predicted(tmp_path, "llama-factory", code) for code in ("TGT006", "TGT010")] == [set(), set()]


def test_where_llama_factory_stops_nothing_is_dropped_in_silence(tmp_path):
    rows = chats(6)
    rows[1]["messages"][0]["role"] = "developer"
    rows[2]["messages"][1] = {"role": "assistant", "tool_calls": []}
    rows[3]["messages"][1]["content"] = [{"type": "text", "text": "a3x1x0"}]
    prepared(tmp_path, rows, info=OPENAI)
    assert predicted(tmp_path, "llama-factory", "TGT010") == set()
    assert [predicted(tmp_path, "llama-factory", code) for code in ("TGT004", "TGT006", "TGT015")] == [{1}, {2}, {3}]


def test_llama_factory_drops_alpaca_rows_whose_answer_is_no_text(tmp_path):
    rows = [{"instruction": words("u", n, 0, 3), "input": "", "output": words("a", n, 1, 3)} for n in range(6)]
    rows[2]["output"], rows[4]["output"] = None, 7
    told = really("llamafactory", "llamafactory", prepared(tmp_path, rows, info={"formatting": "alpaca"}))
    dropped = set(range(6)) - {row_of(kept) for kept, _ in told}
    assert dropped == {2, 4}
    assert predicted(tmp_path, "llama-factory", "TGT010") == dropped


RANKING = {"ranking": True, "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"}}


def test_llama_factory_drops_pairs_of_another_form(tmp_path):
    rows = chats(8, "conversations", ("from", "value"))
    for n, row in enumerate(rows):
        row["conversations"] = row["conversations"][:1]
        for key in ("chosen", "rejected"):
            row[key] = {"from": "gpt", "value": words("a", n, 1, 3)}
    rows[2]["conversations"] = chats(8, "conversations", ("from", "value"))[2]["conversations"]  # ends with an answer
    rows[5]["chosen"], rows[5]["rejected"] = [rows[5]["chosen"]], [rows[5]["rejected"]]
    rows[7]["conversations"][0]["from"] = "gpt"
    info = {"formatting": "sharegpt", **RANKING}
    told = really("llamafactory", "llamafactory", prepared(tmp_path, rows, info=info, limit=10_000))
    dropped = set(range(8)) - {row_of(kept) for kept, _ in told}
    assert dropped == {2, 5, 7}
    assert predicted(tmp_path, "llama-factory", "TGT010") == dropped


def test_llama_factory_loses_the_pairs_beyond_the_cut(tmp_path):
    rows = chats(60, "conversations", ("from", "value"))
    told = really("llamafactory", "llamafactory", prepared(tmp_path, rows, info=SHAREGPT))
    lost = answers_without_training(rows, told)
    assert lost
    assert predicted(tmp_path, "llama-factory", "TGT013") == lost


# ---------------------------------------------------------------------- axolotl


def test_axolotl_drops_rows_over_the_limit_and_rows_without_an_answer(tmp_path):
    rows = chats(30)
    rows[4]["messages"] = rows[4]["messages"][:1]
    folder = prepared(tmp_path, rows, MARKED)
    told = really("axolotl", "axolotl", folder)
    dropped = set(range(30)) - {row_of(kept) for kept, _ in told}
    assert 4 in dropped
    marks = {n for n, row in enumerate(rows) if size_of(row) <= LIMIT < size_of(row) + 2 * len(row["messages"])}
    assert marks <= dropped, "the template's own marks count as well"
    assert predicted(tmp_path, "axolotl", "TGT010") == dropped - marks


def test_axolotl_drops_rows_without_a_word_to_train(tmp_path):
    rows = chats(9)
    for row in rows:
        row["messages"] = row["messages"][:2]
    rows[1]["messages"][1]["content"] = ""
    rows[2]["messages"][1]["content"] = None
    rows[3]["messages"][0]["role"], rows[3]["messages"][1]["role"] = "human", "gpt"
    rows[4]["messages"][0]["content"] = ""
    rows[5]["messages"] = rows[5]["messages"][1:]
    rows[7]["messages"][1]["role"] = "bot"
    told = really("axolotl", "axolotl", prepared(tmp_path, rows, MARKED, limit=10_000))
    dropped = set(range(9)) - {row_of(kept) for kept, _ in told}
    assert dropped == {1, 2, 7}
    assert predicted(tmp_path, "axolotl", "TGT010") == dropped


def test_axolotl_masks_answers_of_other_roles(tmp_path):
    rows = chats(12, "conversations", ("from", "value"))
    for row in rows:
        row["conversations"] = [
            {**turn, "value": f"{turn['value'][0]}{rows.index(row)}x{n}x0"}
            for n, turn in enumerate(row["conversations"] * 2)
        ]
    for n, role in enumerate(("bot", "model", "chatgpt", "function_call", "assistant")):
        rows[n]["conversations"][3]["from"] = role
    load = {"field_messages": "conversations", "message_property_mappings": {"role": "from", "content": "value"}}
    told = really("axolotl", "axolotl", prepared(tmp_path, rows, MARKED, limit=10_000, load=load))
    lost = answers_without_training(rows, told)
    assert lost == {0, 1, 2, 3}
    assert predicted(tmp_path, "axolotl", "TGT013") == lost
    assert predicted(tmp_path, "axolotl", "TGT010") == set()


def test_axolotl_trains_no_answer_of_weight_0_of_a_hand_off(tmp_path):
    import yaml

    from curator.handoff import hand_off
    from curator.handoff.recipe import Recipe

    rows = [{"messages": row["messages"] * 2} for row in chats(12)]
    for n, row in enumerate(rows):
        row["messages"] = [
            {
                **turn,
                "content": words(turn["content"][0], n, place, 2),
                **({"weight": (n + place // 2) % 2} if n % 3 and place % 2 else {}),
            }
            for place, turn in enumerate(row["messages"])
        ]
    folder = prepared(tmp_path, rows, MARKED)
    hand_off("axolotl", folder / "rows.jsonl", tmp_path / "job", Config(), Recipe(model="org/model"))
    written = (tmp_path / "job" / "data" / "train.jsonl").read_text("utf-8")
    (folder / "rows.json").write_text(json.dumps([json.loads(line) for line in written.splitlines()]))
    (load,) = yaml.safe_load((tmp_path / "job" / "config.yaml").read_text("utf-8"))["datasets"]
    (folder / "settings.json").write_text(json.dumps({"limit": 10_000, "load": load}))
    for kept, trained in really("axolotl", "axolotl", folder):
        row = row_of(kept)
        learnt = {int(word.split("x")[1]) for word in trained if word[0] == "a"}
        assert learnt == {n for n, turn in enumerate(rows[row]["messages"]) if n % 2 and turn.get("weight") != 0}
        assert not [word for word in trained if word[0] == "u"]


# ---------------------------------------------------------------------- the loss


def test_the_first_loss_is_that_of_trl(tmp_path: Path) -> None:
    """The same rows, model and template, several answers a row: the mean over trained tokens is the same."""
    for package in ("torch", "transformers", "peft", "accelerate"):
        pytest.importorskip(package)
    if why := hindrance("trl"):
        pytest.skip(why)
    from curator.config import load_config
    from curator.recipe import Recipe
    from curator.training import running
    from tests.tiny import tiny_model

    model = tiny_model(tmp_path / "model")
    turns = [("user", "What is the status of {}?"), ("assistant", "STATUS[{}]=ivory"), ("user", "Why, {}?"),
             ("assistant", "Thank you; I am fine, {}." )]  # fmt: skip
    names = ("Vordax", "Kelmira", "Mun", "Taspek lon", "Ril", "Ova and the others")
    rows = [
        {"messages": [{"role": role, "content": text.format(name)} for role, text in turns[: 2 + 2 * (n % 2)]]}
        for n, name in enumerate(names)
    ]
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "train.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [interpreter(), str(HERE / "trl_loss.py"), str(model), str(file), str(tmp_path / "theirs")]
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": ""}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=quiet)
    assert done.returncode == 0, done.stderr[-3000:]
    theirs = json.loads(done.stdout.splitlines()[-1])
    for packing in ("flat", "none"):
        recipe = Recipe(steps=1, batch=len(rows), dropout=0.0, packing=packing, track=("none",), facts="off")  # type: ignore[arg-type]
        asked = (str(tmp_path / "data"),), load_config(tmp_path / "data"), recipe, str(model), tmp_path / packing
        ours = running.run(running.Ask(*asked, waive=("all",))).metrics["first_loss"]
        assert ours == pytest.approx(theirs, abs=1e-4), packing
