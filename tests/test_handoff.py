"""Folders for other trainers: complete, in their words, and honest about what becomes of the rows."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from curator import Config, decisions, lint
from curator.cli import cli
from curator.conversion import Conversion
from curator.errors import CuratorError, SourceError, UsageError
from curator.handoff import TOOLS, Handoff, hand_off, jobs, settings
from curator.handoff.recipe import METHODS, Recipe
from curator.model import Decision
from curator.report.tally import about_target

RECIPE = Recipe(model="org/model", epochs=1, batch=2, accumulation=1, max_length=512)
SETTINGS = {"mlx": "lora.yaml", "trl": "sft.yaml", "unsloth": "settings.json", "axolotl": "config.yaml",
            "llama-factory": "train.yaml", "openai": "job.json"}  # fmt: skip


def row(n: int, answers: int = 1) -> dict[str, Any]:
    turns = [{"role": "system", "content": "Be brief."}]
    for turn in range(answers):
        turns.append({"role": "user", "content": f"What is the price of part {n}, question {turn}?"})
        turns.append({"role": "assistant", "content": f"Part {n} costs {n + turn} pounds today."})
    return {"messages": turns}


def written(folder: Path, rows: dict[str, list[dict[str, Any]]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, held in rows.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in held), encoding="utf-8")
    return folder


@pytest.fixture
def splits(tmp_path: Path) -> Path:
    return written(
        tmp_path / "splits",
        {"train": [row(n) for n in range(12)], "valid": [row(n) for n in range(20, 24)], "test": [row(30), row(31)]},
    )


def handed(tool: str, data: Path, out: Path, recipe: Recipe = RECIPE, **options: Any) -> Handoff:
    result = hand_off(tool, data, out, Config(), recipe, **options)
    assert isinstance(result, Handoff), result
    return result


# ---------------------------------------------------------------------- every tool


@pytest.mark.parametrize("tool", TOOLS)
def test_a_folder_is_complete(tool: str, splits: Path, tmp_path: Path) -> None:
    result = handed(tool, splits, tmp_path / "out")
    files = {str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*") if file.is_file()}
    assert {"data/train.jsonl", "data/valid.jsonl", "data/test.jsonl", SETTINGS[tool], "README.md"} <= files
    assert files - {"handoff.json", "README.md"} == set(result.hashes)
    page = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert result.command in page and result.fate in page and result.version in page
    assert not [name for name in files if "trial" in name or name.endswith(".part")]


@pytest.mark.parametrize(
    "parameters",
    [
        {"type": "dict", "properties": {}},
        {"type": "object", "properties": {"city": {"type": "int"}}},
        {"type": "object", "properties": {}, "required": None},
    ],
)
def test_rows_that_the_service_refuses_stop_the_handoff_with_the_reason(
    parameters: dict[str, Any], tmp_path: Path
) -> None:
    rows = [row(n) for n in range(12)]
    rows[3]["tools"] = [{"type": "function", "function": {"name": "weather", "parameters": parameters}}]
    data, out = written(tmp_path / "data", {"train": rows}), tmp_path / "out"
    with pytest.raises(UsageError, match="1 row is refused by openai") as caught:
        hand_off("openai", data, out, Config(), RECIPE)
    assert "train.jsonl:4" in str(caught.value) and not out.exists()
    result = handed("openai", data, out, allow_loss=True)
    assert "why 1 row is refused" in " ".join(result.reasons)


NULL, NUMBER, EMPTY = ({"role": "assistant", "content": said} for said in (None, 42, ""))
ORPHAN = {"role": "tool", "tool_call_id": "x", "content": "sunny"}, {"role": "assistant", "content": "It is sunny."}


@pytest.mark.parametrize("tool", ["openai", "unsloth", "axolotl"])
@pytest.mark.parametrize("turns", [(NULL,), (NUMBER,), (EMPTY,), ORPHAN], ids=["null", "number", "empty", "orphan"])
def test_what_becomes_of_broken_rows_is_told_as_a_lint_tells_it(
    tool: str, turns: tuple[dict[str, Any], ...], tmp_path: Path
) -> None:
    rows = [row(n) for n in range(12)]
    rows[3] = {"messages": [{"role": "user", "content": "What is the weather in Aarhus like?"}, *turns]}
    data, out = written(tmp_path / "data", {"train": rows}), tmp_path / "out"
    told = about_target(lint([data], Config(target=tool), cache=False))
    assert not told.endswith("none loses its answer")
    if "1 row will be dropped" not in told:
        assert told.endswith(": 1 row has an error")
        with pytest.raises(UsageError, match="1 row has an error, the first: ") as caught:
            hand_off(tool, data, out, Config(), RECIPE)
        assert "train.jsonl:4 messages[1]" in str(caught.value) and not out.exists()
    assert handed(tool, data, out, allow_loss=True).fate == told


def test_rows_refused_in_the_split_that_no_run_reads_are_told_and_stop_nothing(tmp_path: Path) -> None:
    bad = row(3) | {"tools": [{"type": "function", "function": {"name": "weather", "parameters": {"type": "dict"}}}]}
    splits = {"train": [row(n) for n in range(10, 22)], "test": [row(2), bad]}
    result = handed("openai", written(tmp_path / "data", splits), tmp_path / "out")
    assert "in test.jsonl, which the run does not read: 1 row is refused" in result.reasons
    splits["train"].append(row(4) | {"tools": bad["tools"]})
    both = written(tmp_path / "data", splits)
    assert handed("openai", both, tmp_path / "out", allow_loss=True).fate.endswith(": 1 row is refused")
    assert about_target(lint([both], Config(target="openai"), cache=False)).endswith(": 2 rows are refused")


def test_a_set_that_the_service_refuses_as_a_whole_is_refused(tmp_path: Path) -> None:
    data = written(tmp_path / "data", {"train": [row(n) for n in range(9)]})
    with pytest.raises(UsageError, match="openai would refuse the set: 9 training rows"):
        handed("openai", data, tmp_path / "out")


def test_an_error_that_was_decided_to_be_kept_stops_nothing(tmp_path: Path) -> None:
    rows = [row(n) for n in range(12)]
    rows[3]["messages"][-1]["content"] = rows[3]["messages"][-2]["content"]  # ANS010
    data = written(tmp_path / "data", {"train": rows})
    report = lint([data], Config(target="openai"), cache=False)
    (wrong,) = (finding for finding in report.findings if finding.severity == "error")
    kept = Decision("keep", wrong.row, wrong.id, wrong.code, who="ana", when="2026-01-01T00:00:00+00:00", id="1")
    with pytest.raises(UsageError, match="1 row has an error"):
        handed("openai", data, tmp_path / "out")
    log = data / ".curator" / "decisions.jsonl"
    log.parent.mkdir()
    log.write_bytes(decisions.as_lines([kept]))
    assert handed("openai", data, tmp_path / "out").fate.endswith("none loses its answer")


@pytest.mark.parametrize(
    ("tool", "told"),
    [
        ("mlx", "mask_prompt: false"),
        ("trl", 'dataset_text_field: "text"'),
        ("unsloth", '"max_length": 512'),
        ("axolotl", 'type: "completion"'),
        ("llama-factory", 'stage: "pt"'),
    ],
)
def test_texts_are_handed_over_as_the_tool_trains_on_them(tool: str, told: str, tmp_path: Path) -> None:
    texts = [{"text": f"The ferry to the island number {n} leaves at {n + 6} o'clock."} for n in range(12)]
    data = written(tmp_path / "data", {"train": texts, "valid": texts[:1] * 4})
    result = handed(tool, data, tmp_path / "out")
    assert result.shape == "text" and result.fate.endswith("none loses its answer")
    assert (tmp_path / "out/data/train.jsonl").read_bytes() == (data / "train.jsonl").read_bytes()
    assert told in (tmp_path / "out" / SETTINGS[tool]).read_text("utf-8")
    if tool == "llama-factory":
        entries = json.loads((tmp_path / "out/data/dataset_info.json").read_bytes())
        assert entries["valid"] == {"file_name": "valid.jsonl", "columns": {"prompt": "text"}}


def test_texts_are_refused_by_a_tool_that_takes_conversations_alone(tmp_path: Path) -> None:
    data = written(tmp_path / "data", {"train": [{"text": f"The ferry leaves at {n}."} for n in range(12)]})
    with pytest.raises(UsageError, match="openai takes no texts without turns"):
        handed("openai", data, tmp_path / "out", allow_loss=True)


@pytest.mark.parametrize("tool", [name for name in TOOLS if name != "openai"])
@pytest.mark.parametrize("method", METHODS)
def test_every_setting_written_is_one_the_tool_reads(tool: str, method: Any, splits: Path, tmp_path: Path) -> None:
    recipe = Recipe(model="org/model", method=method)
    if method not in TOOLS[tool].methods:
        with pytest.raises(UsageError, match=f"does not train with {method}"):
            handed(tool, splits, tmp_path / "out", recipe)
        return
    handed(tool, splits, tmp_path / "out", recipe)  # refuses what the released version does not read


def test_what_the_recipe_says_reaches_the_settings(splits: Path, tmp_path: Path) -> None:
    """An option that nothing reads would change no file."""
    base = {"model": "org/model", "accumulation": 1}
    usual = Recipe(**base)  # type: ignore[arg-type]
    other = {"model": "org/other", "method": "rslora", "epochs": 5.0, "learning_rate": 1e-3, "rank": 7, "alpha": 9,
             "dropout": 0.5, "batch": 3, "accumulation": 2, "max_length": 99, "warmup": 0.4, "weight_decay": 0.2,
             "seed": 5}  # fmt: skip
    for tool in set(TOOLS) - {"openai"}:
        handed(tool, splits, tmp_path / tool, usual)
        plain = (tmp_path / tool / SETTINGS[tool]).read_text("utf-8")
        for name, value in other.items():
            changed = Recipe(**{**base, name: value})  # type: ignore[arg-type]
            handed(tool, splits, tmp_path / tool, changed)
            assert (tmp_path / tool / SETTINGS[tool]).read_text("utf-8") != plain, f"{tool} leaves {name} out"


def test_a_misspelt_setting_is_refused_with_the_nearest(splits: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        handed("axolotl", splits, tmp_path / "out", changes={"lora_rr": 3})
    assert "no setting 'lora_rr'" in str(error.value) and "'lora_r'" in str(error.value)
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match=r"lora_parameters\.rnak"):
        handed("mlx", splits, tmp_path / "out", changes={"lora_parameters.rnak": 3})


def test_a_setting_of_the_tool_replaces_ours(splits: Path, tmp_path: Path) -> None:
    handed("mlx", splits, tmp_path / "out", changes={"num_layers": 4, "lora_parameters.scale": 10.5})
    said = (tmp_path / "out" / "lora.yaml").read_text("utf-8")
    assert "num_layers: 4\n" in said and "  scale: 10.5\n" in said


def test_numbers_are_written_so_that_every_yaml_reader_takes_them_for_numbers() -> None:
    text = settings.as_yaml({"a": 1e-5, "b": [2e-4, 3], "c": {"d": None, "e": True}, "f": [{"g": "x: y"}], "h": 2.0})
    assert text == 'a: 0.00001\nb: [0.0002, 3]\nc:\n  d: null\n  e: true\nf:\n  - g: "x: y"\nh: 2.0\n'


def test_the_scale_of_an_adapter_is_kept_where_the_tool_has_no_alpha(splits: Path, tmp_path: Path) -> None:
    for method, scale in (("lora", "2.0"), ("rslora", "8.0")):
        handed("mlx", splits, tmp_path / "out", Recipe(model="m", method=method, rank=16, alpha=32))  # type: ignore[arg-type]
        assert f"scale: {scale}\n" in (tmp_path / "out" / "lora.yaml").read_text("utf-8")


def test_rows_the_tool_drops_are_counted(tmp_path: Path) -> None:
    long = row(1)
    long["messages"][2]["content"] = "word " * 900
    data = written(tmp_path / "d", {"train": [row(n) for n in range(9)] + [long]})
    handed("axolotl", data, tmp_path / "out", changes={"excess_length_strategy": "drop"})
    assert "1 row will be dropped" in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_what_becomes_of_long_rows_is_said_by_the_strategy_that_is_written(tmp_path: Path) -> None:
    long = row(1)
    long["messages"][2]["content"] = "word " * 900
    data = written(tmp_path / "d", {"train": [row(n) for n in range(9)] + [long], "test": [long]})
    raised = "1 row of more than 512 tokens: excess_length_strategy raise stops the run at a row above sequence_len"
    with pytest.raises(UsageError, match=raised):
        handed("axolotl", data, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    allowed = handed("axolotl", data, tmp_path / "out", allow_loss=True)
    assert allowed.fate.endswith(": 1 row stops the run") and allowed.reasons == (raised,) and not allowed.notes
    for strategy, fate in (("drop", "1 row will be dropped in silence"), ("truncate", "1 row is cut")):
        told = handed("axolotl", data, tmp_path / "out", changes={"excess_length_strategy": strategy})
        assert told.fate.endswith(f": {fate}") and told.reasons and not told.notes
        assert all(reason.startswith(f"1 row: excess_length_strategy {strategy}") for reason in told.reasons)
    longer = handed("axolotl", data, tmp_path / "out", changes={"sequence_len": 4096})
    assert "no row is dropped" in longer.fate and not longer.reasons and not longer.notes
    with pytest.raises(UsageError, match="'wrap' is not known"):
        handed("axolotl", data, tmp_path / "out", changes={"excess_length_strategy": "wrap"})


def test_notes_on_long_rows_are_for_sets_that_hold_some(tmp_path: Path) -> None:
    long = row(1)
    long["messages"][2]["content"] = "word " * 900
    short = written(tmp_path / "short", {"train": [row(n) for n in range(9)]})
    data = written(tmp_path / "long", {"train": [row(n) for n in range(9)] + [long]})
    for tool, said in (
        ("llama-factory", "cutoff_len is shared between prompt and answer in proportion"),
        ("unsloth", "the script leaves out rows above max_length, and counts them"),
    ):
        for set_, told in ((short, False), (data, True)):
            page = tmp_path / "out" / "README.md"
            handed(tool, set_, tmp_path / "out")
            assert (f"1 row: {said}" in page.read_text("utf-8")) == told
            assert any(word in page.read_text("utf-8") for word in ("max_length", "cutoff_len")) == told


def test_trl_without_a_length_cuts_no_row(tmp_path: Path) -> None:
    long = row(1)
    long["messages"][2]["content"] = "word " * 2000
    data = written(tmp_path / "d", {"train": [row(n) for n in range(9)] + [long]})
    assert handed("trl", data, tmp_path / "out").fate.endswith(": 1 row is cut")
    free = handed("trl", data, tmp_path / "out", changes={"max_length": None})
    assert "no row is dropped" in free.fate and not free.reasons
    assert "max_length: null\n" in (tmp_path / "out" / "sft.yaml").read_text("utf-8")
    with pytest.raises(UsageError, match="max_seq_length null is no number of tokens"):
        handed("mlx", data, tmp_path / "mlx", changes={"max_seq_length": None})


@pytest.mark.parametrize(
    ("changes", "steps"),
    [({}, 30), ({"per_device_train_batch_size": 4}, 15), ({"num_train_epochs": 5}, 150), ({"max_steps": 40}, 20),
     ({"gradient_accumulation_steps": 2, "max_steps": -1}, 15), ({"warmup_steps": 7, "max_steps": 40}, 7)],
)  # fmt: skip
def test_a_warm_up_in_steps_follows_the_settings(
    changes: dict[str, Any], steps: int, splits: Path, tmp_path: Path
) -> None:
    asked = Recipe(model="m", epochs=1, batch=2, warmup=0.5)
    data = written(tmp_path / "d", {"train": [row(n) for n in range(120)]})
    handed("llama-factory", data, tmp_path / "out", asked, changes=changes)
    assert f"warmup_steps: {steps}\n" in (tmp_path / "out" / "train.yaml").read_text("utf-8")
    with pytest.raises(UsageError, match="num_train_epochs 0 is no number above 0"):
        handed("llama-factory", data, tmp_path / "out", asked, changes={"num_train_epochs": 0})


def test_a_trainer_is_called_by_the_name_of_its_package_too(splits: Path, tmp_path: Path) -> None:
    from curator import targets

    for name in ("mlx-lm", "mlx_lm", "LLaMA-Factory", "llama_factory", "llamafactory", "TRL"):
        assert handed(name, splits, tmp_path / name).tool == targets.load(name).name
    assert {targets.load(name).name for name in TOOLS} == {tool.target for tool in TOOLS.values()}


def test_long_pairs_meet_the_strategy_too(tmp_path: Path) -> None:
    def pair(asked: str, chosen: str) -> dict[str, Any]:
        said = {"prompt": ("user", asked), "chosen": ("assistant", chosen), "rejected": ("assistant", "No.")}
        return {key: [{"role": role, "content": text}] for key, (role, text) in said.items()}

    pairs = [pair("Why?", "word " * 900), pair("word " * 900, "Yes."), *(pair(f"Part {n}?", "Yes.") for n in range(8))]
    data = written(tmp_path / "d", {"train": pairs})
    with pytest.raises(UsageError, match="2 rows of more than 512 tokens"):
        handed("axolotl", data, tmp_path / "out")
    told = handed("axolotl", data, tmp_path / "out", changes={"excess_length_strategy": "truncate"})
    assert told.fate.endswith(": 1 row will be dropped in silence, 1 row is cut")


@pytest.mark.parametrize(
    ("batch", "changes", "left", "steps"),
    [(8, {}, 5, 2), (4, {}, 1, 5), (7, {}, 0, 3), (8, {"batch_size": 6}, 3, 3), (4, {"iters": 9}, 1, 9)],
)
def test_rows_left_over_are_those_of_the_batch_that_is_written(
    batch: int, changes: dict[str, Any], left: int, steps: int, tmp_path: Path
) -> None:
    data = written(tmp_path / "d", {"train": [row(n) for n in range(21)], "valid": [row(n) for n in range(30, 41)]})
    result = handed("mlx", data, tmp_path / "out", Recipe(model="m", epochs=1, batch=batch), changes=changes)
    batch = changes.get("batch_size", batch)
    said = (tmp_path / "out" / "lora.yaml").read_text("utf-8")
    assert f"batch_size: {batch}\n" in said and f"iters: {steps}\n" in said
    by = f"batches are full or not made: the rows left over by batch_size {batch} are never drawn"
    assert result.reasons == ((f"{left} row{'s' * (left != 1)}: {by}",) if left else ())
    assert [note.partition(" of ")[0] for note in result.notes] == [f"{11 % batch} rows"]


def test_a_batch_that_stops_the_run_is_refused(splits: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"batch_size 5 stops the run: valid.jsonl has 4 rows"):
        handed("mlx", splits, tmp_path / "out", changes={"batch_size": 5})
    with pytest.raises(UsageError, match="no number of rows"):
        handed("mlx", splits, tmp_path / "out", changes={"batch_size": 0})
    assert any("batch_size is 4" in note for note in handed("mlx", splits, tmp_path / "out", Recipe(model="m")).notes)


def test_conversations_are_trained_in_all_answers_where_the_tool_can(tmp_path: Path) -> None:
    data = written(tmp_path / "d", {"train": [row(n, answers=2) for n in range(8)]})
    assert handed("trl", data, tmp_path / "a").shape == "openai-chat"
    assert "assistant_only_loss: true" in (tmp_path / "a" / "sft.yaml").read_text("utf-8")
    mlx = handed("mlx", data, tmp_path / "b")
    assert mlx.reasons[-1].startswith("8 of 16 answers in train are not trained: mask_prompt trains the last answer")
    assert "none loses its answer" not in mlx.fate and any("mask_prompt=false" in note for note in mlx.notes)
    every = handed("mlx", data, tmp_path / "c", changes={"mask_prompt": False})
    assert not any("mask_prompt" in said for said in (*every.reasons, *every.notes))


def test_defaults_are_those_of_train() -> None:
    from curator import recipe
    from curator.cli.handoff import command

    ours, theirs = Recipe(model="m"), recipe.Recipe()
    same = ("method", "epochs", "rank", "alpha", "dropout", "batch", "accumulation", "warmup", "weight_decay", "seed")
    assert {name: getattr(ours, name) for name in same} == {name: getattr(theirs, name) for name in same}
    assert ours.learning_rate == theirs.rate
    shown = {option.name: option.default for option in command.params}
    assert {name: shown[name] for name in ("epochs", "batch", "accumulation", "rank", "alpha", "dropout", "seed")} == {
        name: getattr(theirs, name) for name in ("epochs", "batch", "accumulation", "rank", "alpha", "dropout", "seed")
    }


def test_preference_pairs_make_a_dpo_run(tmp_path: Path) -> None:
    pairs = [{"prompt": [{"role": "user", "content": f"Part {n}?"}],
              "chosen": [{"role": "assistant", "content": f"It costs {n}."}],
              "rejected": [{"role": "assistant", "content": "No idea."}]} for n in range(12)]  # fmt: skip
    data = written(tmp_path / "d", {"train": pairs})
    assert handed("trl", data, tmp_path / "trl").command == "trl dpo --config dpo.yaml"
    handed("openai", data, tmp_path / "openai")
    assert json.loads((tmp_path / "openai" / "job.json").read_text())["method"]["type"] == "dpo"
    with pytest.raises(UsageError, match="preference pairs"):
        handed("mlx", data, tmp_path / "mlx")


def test_nothing_is_written_while_something_would_be_lost(tmp_path: Path) -> None:
    rows = [{**row(n), "messages": [{**turn, "name": "Ada"} for turn in row(n)["messages"]]} for n in range(6)]
    data = written(tmp_path / "d", {"train": rows})
    result = hand_off("llama-factory", data, tmp_path / "out", Config(), RECIPE)
    assert isinstance(result, Conversion) and not result.ok
    assert not list((tmp_path / "out").rglob("*")) if (tmp_path / "out").exists() else True
    handed("llama-factory", data, tmp_path / "out", allow_loss=True)


def test_folders_of_the_users_own_are_not_overwritten(splits: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(UsageError, match="not from a hand-off"):
        handed("mlx", splits, tmp_path / "mine")
    handed("mlx", splits, tmp_path / "out")
    handed("mlx", splits, tmp_path / "out")  # its own


def test_data_of_an_earlier_hand_off_do_not_stay_behind(splits: Path, tmp_path: Path) -> None:
    handed("trl", splits, tmp_path / "out")
    alone = written(tmp_path / "d", {"train": [row(n) for n in range(40, 52)]})
    handed("trl", alone, tmp_path / "out")
    assert {file.name for file in (tmp_path / "out" / "data").iterdir()} == {"train.jsonl"}


def test_answers_of_weight_0_are_told_where_the_tool_trains_them(tmp_path: Path) -> None:
    rows = [row(n, answers=2) for n in range(9)]
    rows[3]["messages"][2]["weight"] = 0
    data = written(tmp_path / "d", {"train": rows})
    for tool in TOOLS:
        result = hand_off(tool, data, tmp_path / tool, Config(), RECIPE, allow_loss=True)
        assert isinstance(result, Handoff)
        said = [note for note in result.notes if "weight 0" in note]
        unheeded = tool not in ("openai", "unsloth", "axolotl", "mlx")  # mlx leaves all answers but the last out
        assert len(said) == unheeded, tool
        assert not said or said[0].startswith("1 row with answers of weight 0")
    assert 'message_field_training: "weight"' in (tmp_path / "axolotl" / "config.yaml").read_text("utf-8")
    rows[3]["messages"][-1]["weight"] = 0
    result = handed("mlx", written(tmp_path / "last", {"train": rows}), tmp_path / "mlx-last", allow_loss=True)
    assert any(note.startswith("1 row with answers of weight 0") for note in result.notes)


def test_a_weight_of_1_is_no_loss_and_nothing_to_set(tmp_path: Path) -> None:
    rows = [row(n) for n in range(12)]
    rows[3]["messages"][-1]["weight"] = 1
    data = written(tmp_path / "d", {"train": rows})
    for tool in TOOLS:
        handed(tool, data, tmp_path / tool)
    assert "message_field_training" not in (tmp_path / "axolotl" / "config.yaml").read_text("utf-8")


def test_answers_labelled_as_bad_are_told_where_the_label_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "kto").mkdir()
    asked, answered = [{"role": "user", "content": "Is it open?"}], [{"role": "assistant", "content": "It is open."}]
    rows = [{"prompt": asked, "completion": answered, "label": n < 3} for n in range(8)]
    (tmp_path / "kto" / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = hand_off("mlx", tmp_path / "kto", tmp_path / "out", Config(), Recipe(model="m"), allow_loss=True)
    assert isinstance(made, Handoff)
    assert "5 rows with an answer labelled as bad: without the label it is learnt like any other" in made.notes


def test_what_the_service_is_not_told_is_said(splits: Path, tmp_path: Path) -> None:
    asked = Recipe(model="gpt-4.1-2025-04-14", rank=8, batch=2, epochs=3, learning_rate=1e-4)
    _, note = handed("openai", splits, tmp_path / "out", asked, changes={"batch_size": 2}).notes
    assert "not told: learning-rate 0.0001, rank 8;" in note and "batch 2" not in note
    assert note in (tmp_path / "out" / "README.md").read_text("utf-8")
    plain = handed("openai", splits, tmp_path / "plain", Recipe(model="gpt-4.1-2025-04-14", epochs=3))
    assert len(plain.notes) == 1


@pytest.mark.parametrize(("model", "strange"), [("gpt-4.1-mini", False), ("ft:gpt-4o:us::1", False), ("gpt-9", True)])
def test_a_model_that_the_service_is_not_known_to_tune_is_told(
    model: str, strange: bool, splits: Path, tmp_path: Path
) -> None:
    notes = handed("openai", splits, tmp_path / "out", Recipe(model=model)).notes
    assert any(note.startswith(f"{model} is not known to be tuned by OpenAI") for note in notes) == strange


def test_a_service_that_closes_is_told(splits: Path, tmp_path: Path) -> None:
    note, *_ = handed("openai", splits, tmp_path / "out").notes
    assert "OpenAI fine-tuning is deprecated: closed to new users since" in note and "https://" in note
    assert note in (tmp_path / "out" / "README.md").read_text("utf-8")
    assert not any("deprecated" in note for note in handed("trl", splits, tmp_path / "trl").notes)


def test_a_length_that_the_service_is_not_told_cuts_no_row(splits: Path, tmp_path: Path) -> None:
    result = handed("openai", splits, tmp_path / "out", Recipe(model="m", max_length=10))
    assert "no row is dropped in silence" in result.fate and "max-length 10" in result.notes[-1]


@pytest.mark.parametrize(("asked", "told"), [(1.5, 2), (2.5, 3), (0.2, 1), (2.0, 2)])
def test_parts_of_an_epoch_are_told_where_the_service_takes_whole_ones(
    asked: float, told: int, splits: Path, tmp_path: Path
) -> None:
    notes = handed("openai", splits, tmp_path / "out", Recipe(model="m", epochs=asked)).notes
    job = json.loads((tmp_path / "out" / "job.json").read_text("utf-8"))
    assert job["method"]["supervised"]["hyperparameters"]["n_epochs"] == told
    said = f"n_epochs is {told}, not {asked:g}: the service takes whole passes"
    assert (said in notes) == (asked != told)
    named = handed("openai", splits, tmp_path / "out", Recipe(model="m", epochs=asked), changes={"n_epochs": 4})
    assert not any(note.startswith("n_epochs") for note in named.notes)


def test_a_crash_leaves_no_half_of_a_folder(splits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import curator.handoff as module

    earlier = handed("trl", splits, tmp_path / "out")

    def crash(*args: Any, **named: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_finished", crash)
    for folder in ("out", "new"):
        with pytest.raises(KeyboardInterrupt):
            handed("mlx", splits, tmp_path / folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "splits"]
    record = json.loads((tmp_path / "out" / "handoff.json").read_text())
    assert record["tool"] == "trl" and record["hashes"] == earlier.hashes


def test_what_a_trainer_has_written_stays(splits: Path, tmp_path: Path) -> None:
    handed("trl", splits, tmp_path / "out")
    (tmp_path / "out" / "output").mkdir()
    (tmp_path / "out" / "output" / "weights").write_text("w")
    handed("mlx", splits, tmp_path / "out")
    there = {str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*") if file.is_file()}
    assert "output/weights" in there and "lora.yaml" in there and "sft.yaml" not in there


def test_the_demo_model_is_named_as_others_know_it(splits: Path, tmp_path: Path) -> None:
    handed("trl", splits, tmp_path / "out", Recipe(model="demo"))
    assert 'model_name_or_path: "HuggingFaceTB/SmolLM2-135M-Instruct"' in (tmp_path / "out" / "sft.yaml").read_text()


def test_a_train_split_is_asked_for(tmp_path: Path) -> None:
    data = written(tmp_path / "d", {"valid": [row(1)], "test": [row(2)]})
    with pytest.raises(SourceError, match="no file of the split train"):
        handed("mlx", data, tmp_path / "out")


def test_the_command_line(splits: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    out = str(tmp_path / "out")
    done = run(cli, ["handoff", "trl", str(splits), "--model", "org/m", "-o", out, "--set", "logging_steps=1"])
    assert done.exit_code == 0 and "trl sft --config sft.yaml" in done.output
    assert "logging_steps: 1\n" in (tmp_path / "out" / "sft.yaml").read_text("utf-8")
    record = json.loads(run(cli, ["handoff", "trl", str(splits), "--model", "m", "-o", out, "--format", "json"]).output)
    assert record["tool"] == "trl" and record["recipe"]["rank"] == 16
    assert "name the folder" in run(cli, ["handoff", "trl", str(splits), "--model", "m"]).output
    assert "name the model" in run(cli, ["handoff", "trl", str(splits), "-o", out]).output
    assert "for openai" in run(cli, ["handoff", "trl", str(splits), "-o", out, "--submit"]).output


# ---------------------------------------------------------------------- jobs

SECRET = "sk-test-6f1c0ffee5ecret"


class Stub(BaseHTTPRequestHandler):
    """A service that speaks the interface of fine-tuning jobs, and fails as it is told to."""

    failures: list[str]
    uploads: list[bytes]
    created: list[dict[str, Any]]
    calls: list[str]
    cancelled: bool
    polls: int
    later: str  # what the next job gets for an answer once it is created

    def log_message(self, *args: Any) -> None:
        pass

    def _fail(self) -> bool:
        if not self.failures:
            return False
        kind = self.failures.pop(0)
        if kind == "cut":
            self.connection.close()
        elif kind == "cut after":
            return False
        elif kind == "insufficient_quota":
            self._say({"error": {"message": "You have spent it all", "code": kind}}, 429)
        else:
            self._say({"error": {"message": f"trouble for {self.headers['Authorization']}"}}, int(kind))
        return True

    def _say(self, body: Any, status: int = 200) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "0")
        if status == 307:
            self.send_header("Location", f"http://example.org{self.path}")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def _job(self) -> dict[str, Any]:
        done = type(self).polls >= 2
        status = "cancelled" if self.cancelled else "succeeded" if done else "running"
        about: dict[str, Any] = {"id": f"ftjob-{max(1, len(self.created))}", "status": status}
        about["fine_tuned_model"] = "ft:m" if status == "succeeded" else None
        return {**about, **(self.created[-1] if self.created else {})}

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.calls.append(f"POST {self.path}")
        cut_after = self.failures[:1] == ["cut after"]
        if self._fail():
            return
        if self.path.endswith("/files"):
            self.uploads.append(body)
            self._say({"id": f"file-{len(self.uploads)}"})
        elif self.path.endswith("/cancel"):
            type(self).cancelled = True
            self._say(self._job())
        else:
            self.created.append(json.loads(body))
            if cut_after:
                self.failures.pop(0)
                self.connection.close()
            elif self.later:
                self._say({"error": {"message": "the gateway gave up"}}, int(self.later))
                type(self).later = ""
            else:
                self._say(self._job())

    def do_GET(self) -> None:
        self.calls.append(f"GET {self.path}")
        if self._fail():
            return
        if "/events" in self.path:
            _, _, after = self.path.partition("&after=ev-")
            type(self).polls += not after
            first = int(after) - 1 if after else type(self).polls
            told = [{"id": f"ev-{n}", "message": f"step {n}"} for n in range(first, max(0, first - 100), -1)]
            self._say({"data": told, "has_more": first > 100})
        elif "?" in self.path:
            self._say({"data": [self._job()] if self.created else []})
        else:
            self._say(self._job())


@pytest.fixture
def service() -> Iterator[tuple[str, type[Stub]]]:
    fresh: dict[str, Any] = {
        "failures": [], "uploads": [], "created": [], "calls": [], "cancelled": False, "polls": 0, "later": "",
    }  # fmt: skip
    stub = type("Fresh", (Stub,), fresh)
    server = ThreadingHTTPServer(("127.0.0.1", 0), stub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", stub
    server.shutdown()
    server.server_close()


@pytest.fixture
def job(splits: Path, tmp_path: Path) -> Path:
    handed("openai", splits, tmp_path / "job", Recipe(model="gpt-4.1-mini"))
    return tmp_path / "job"


def reached(url: str) -> jobs.Service:
    return jobs.Service(url, SECRET, pause=0.01, timeout=5)


def test_a_job_is_created_and_followed(job: Path, service: tuple[str, type[Stub]]) -> None:
    url, stub = service
    state = jobs.submit(job, reached(url), url)
    assert state.job == "ftjob-1" and len(stub.uploads) == 2
    assert (job / "data" / "train.jsonl").read_bytes() in stub.uploads[0]
    [body] = stub.created
    assert body["training_file"] == "file-1" and body["validation_file"] == "file-2"
    assert body["method"] == {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}}
    said = list(jobs.follow(job, reached(url), url, every=0))
    assert said == ["step 1", "step 2", "step 3", "ftjob-1: succeeded, ft:m"]


@pytest.mark.parametrize("failure", ["429", "500", "503", "cut"])
def test_failures_that_pass_are_tried_again(job: Path, service: tuple[str, type[Stub]], failure: str) -> None:
    url, stub = service
    stub.failures += [failure, failure]
    assert jobs.submit(job, reached(url), url).job == "ftjob-1"
    assert len(stub.created) == 1


def test_a_job_that_was_created_while_the_line_was_cut_is_not_created_again(
    job: Path, service: tuple[str, type[Stub]]
) -> None:
    url, stub = service
    sent = reached(url)
    state = jobs.Submission(url)
    for name in ("train", "valid"):
        state.files[jobs.sha256(job / "data" / f"{name}.jsonl")] = f"file-{name}"
    jobs._keep(job, state)
    stub.failures.append("cut after")
    assert jobs.submit(job, sent, url).job == "ftjob-1"
    assert len(stub.created) == 1 and not stub.uploads


def test_a_submission_goes_on_where_it_stopped(job: Path, service: tuple[str, type[Stub]]) -> None:
    url, stub = service
    original = reached(url)
    first = original.upload(job / "data" / "train.jsonl")
    state = jobs.Submission(url, files={jobs.sha256(job / "data" / "train.jsonl"): first})
    jobs._keep(job, state)
    jobs.submit(job, original, url)
    jobs.submit(job, original, url)  # a job is there: nothing is sent
    assert len(stub.uploads) == 2 and len(stub.created) == 1


def test_a_job_is_not_created_twice_where_a_gateway_gave_up_after_it_was(
    job: Path, service: tuple[str, type[Stub]]
) -> None:
    url, stub = service
    stub.later = "504"
    assert jobs.submit(job, reached(url), url).job == "ftjob-1"
    assert len(stub.created) == 1


def test_a_job_is_not_created_twice_where_curator_ended_before_it_heard_of_it(
    job: Path, service: tuple[str, type[Stub]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, stub = service
    create = jobs.Service.create

    def killed(self: jobs.Service, *args: Any) -> Any:
        create(self, *args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(jobs.Service, "create", killed)
        jobs.submit(job, reached(url), url)
    assert jobs.submit(job, reached(url), url).job == "ftjob-1"
    assert len(stub.created) == 1 and len(stub.uploads) == 2


def test_a_folder_that_is_written_anew_is_another_job(job: Path, splits: Path, service: tuple[str, type[Stub]]) -> None:
    url, stub = service
    assert jobs.submit(job, reached(url), url).job == "ftjob-1"
    handed("openai", splits, job, Recipe(model="gpt-4.1-mini", epochs=5))
    with pytest.raises(UsageError, match=r"ftjob-1 \(running\) was created from other data") as caught:
        jobs.submit(job, reached(url), url)
    assert "--cancel" in str(caught.value)
    jobs.cancel(job, reached(url), url)
    stub.cancelled = False
    stub.polls = 2  # it has ended
    assert jobs.submit(job, reached(url), url).job == "ftjob-2"
    assert [body["method"]["supervised"]["hyperparameters"]["n_epochs"] for body in stub.created] == [3, 5]
    assert len(stub.uploads) == 2  # the data are the same
    assert jobs.submit(job, reached(url), url).job == "ftjob-2" and len(stub.created) == 2


def test_events_are_told_however_many_came_since(job: Path, service: tuple[str, type[Stub]]) -> None:
    url, stub = service
    jobs.submit(job, reached(url), url)
    stub.polls = 249
    said = list(jobs.follow(job, reached(url), url, every=0))
    assert said[:2] == ["step 1", "step 2"] and said[-2] == "step 250"


def test_no_waiting_helps_where_the_money_is_spent(job: Path, service: tuple[str, type[Stub]]) -> None:
    url, stub = service
    stub.failures.append("insufficient_quota")
    with pytest.raises(CuratorError, match="You have spent it all") as caught:
        jobs.submit(job, reached(url), url)
    assert "insufficient_quota" in str(caught.value) and len(stub.calls) == 1


def test_the_key_goes_to_no_other_address(job: Path, service: tuple[str, type[Stub]]) -> None:
    url, stub = service
    stub.failures.append("307")
    with pytest.raises(CuratorError, match=r"refused \(307\)") as caught:
        jobs.submit(job, reached(url), url)
    assert "http://example.org/v1/files" in str(caught.value) and "--base-url" in str(caught.value)


def test_a_key_in_which_no_key_could_be_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(jobs.KEY, f"{SECRET}\nmore of it")
    with pytest.raises(UsageError) as caught:
        jobs.key()
    assert jobs.KEY in str(caught.value) and SECRET not in str(caught.value) and "more" not in str(caught.value)


def test_the_key_is_in_no_file_and_no_message(
    job: Path, service: tuple[str, type[Stub]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, stub = service
    stub.failures.append("401")
    monkeypatch.setenv(jobs.KEY, SECRET)
    said = CliRunner().invoke(cli, ["handoff", "openai", str(job), "--submit", "--base-url", url])
    assert isinstance(said.exception, CuratorError) and "refused (401)" in str(said.exception)
    assert SECRET not in str(said.exception) + said.output and "sk-test" not in str(said.exception)
    jobs.submit(job, reached(url), url)
    assert not [file for file in job.rglob("*") if file.is_file() and SECRET.encode() in file.read_bytes()]


def test_a_key_is_never_sent_in_clear_over_a_network() -> None:
    with pytest.raises(UsageError, match="sent in clear"):
        jobs.Service("http://example.org/v1", SECRET)


def test_a_job_that_failed_is_told_with_its_reason_and_asked_for_again(
    job: Path, service: tuple[str, type[Stub]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, stub = service
    about = {"message": "the key sk-123456789 may not tune", "param": "model"}
    failed = lambda self: {"id": f"ftjob-{len(self.created)}", "status": "failed", "error": about}  # noqa: E731
    monkeypatch.setattr(stub, "_job", failed)
    asked = jobs.Service(url, "sk-123456789", pause=0.01)
    jobs.submit(job, asked, url)
    said = list(jobs.follow(job, asked, url, every=0))
    assert said[-2] == "ftjob-1: failed: the key … may not tune (model)" and "asks for another job" in said[-1]
    assert jobs.submit(job, asked, url).job == "ftjob-2"
    assert len(stub.created) == 2 and len(stub.uploads) == 2


def test_a_job_is_cancelled(job: Path, service: tuple[str, type[Stub]], monkeypatch: pytest.MonkeyPatch) -> None:
    url, stub = service
    monkeypatch.setenv(jobs.KEY, SECRET)
    jobs.submit(job, reached(url), url)
    said = CliRunner().invoke(cli, ["handoff", "openai", str(job), "--cancel", "--base-url", url])
    assert said.output == "ftjob-1: cancelled\n" and stub.cancelled


# ---------------------------------------------------------------------- the tools themselves


@cache
def interpreter() -> str:
    named = os.environ.get("CURATOR_TRAINERS", "")
    if not named:
        return sys.executable
    return str(Path(named) / "bin" / "python") if Path(named).is_dir() else named


def run_in(folder: Path, package: str, *command: str) -> str:
    """What a command prints in the environment of the trainers; skipped where the package is not there."""
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1", "DISABLE_VERSION_CHECK": "1"}
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    if subprocess.run([interpreter(), "-c", code], check=False, env=quiet).returncode:
        pytest.skip(f"{package} is not installed: name an environment with CURATOR_TRAINERS")
    python = [interpreter(), *command]
    done = subprocess.run(python, cwd=folder, capture_output=True, text=True, check=False, env=quiet, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.fixture
def tiny(tmp_path: Path) -> Recipe:
    pytest.importorskip("transformers", reason="the tiny model is made with it")
    from tiny import tiny_model

    model = tiny_model(tmp_path / "model")
    return Recipe(model=str(model), epochs=1, batch=2, accumulation=1, max_length=512, rank=4, alpha=8)


ON_CPU = {"bf16": False, "gradient_checkpointing": False, "use_cpu": True}


@pytest.mark.slow
def test_trl_trains_on_its_folder(splits: Path, tmp_path: Path, tiny: Recipe) -> None:
    handed("trl", splits, tmp_path / "out", tiny, changes=ON_CPU)
    said = run_in(tmp_path / "out", "trl", "-c", "from trl.cli import main; main()", "sft", "--config", "sft.yaml")
    assert "train_loss" in said and list((tmp_path / "out" / "output").glob("adapter_model*"))


@pytest.mark.slow
def test_mlx_trains_on_its_folder(splits: Path, tmp_path: Path, tiny: Recipe) -> None:
    handed("mlx", splits, tmp_path / "out", tiny)
    run_in(tmp_path / "out", "mlx_lm", "-m", "mlx_lm", "lora", "--config", "lora.yaml")
    assert (tmp_path / "out" / "adapters" / "adapters.safetensors").exists()


@pytest.mark.slow
def test_unsloth_trains_on_its_folder(splits: Path, tmp_path: Path, tiny: Recipe) -> None:
    handed("unsloth", splits, tmp_path / "out", tiny)
    said = run_in(tmp_path / "out", "unsloth", "train.py")
    assert "train_loss" in said and list((tmp_path / "out" / "adapter").glob("adapter_model*"))


@pytest.mark.slow
def test_axolotl_reads_every_setting(splits: Path, tmp_path: Path, tiny: Recipe) -> None:
    handed("axolotl", splits, tmp_path / "out", tiny)
    code = (
        "import yaml; from axolotl.utils.schemas.config import AxolotlInputConfig as Known; "
        "told = yaml.safe_load(open('config.yaml')); Known(**told); print(set(told) - set(Known.model_fields))"
    )
    assert "set()" in run_in(tmp_path / "out", "axolotl", "-c", code)


@pytest.mark.slow
def test_llama_factory_reads_its_settings_and_its_entry(splits: Path, tmp_path: Path, tiny: Recipe) -> None:
    handed("llama-factory", splits, tmp_path / "out", tiny)
    code = (
        "import sys, types; from importlib.machinery import ModuleSpec\n"
        "sound = types.ModuleType('torchaudio'); sound.__spec__ = ModuleSpec('torchaudio', None)\n"
        "sys.modules.setdefault('torchaudio', sound)\n"
        "import yaml; from transformers import HfArgumentParser\n"
        "from llamafactory.data.parser import get_dataset_list; from llamafactory.hparams.parser import _TRAIN_ARGS\n"
        "told = yaml.safe_load(open('train.yaml')); HfArgumentParser(_TRAIN_ARGS).parse_dict(told)\n"
        "print(get_dataset_list([told['dataset']], told['dataset_dir'])[0])\n"
    )
    assert "train.jsonl" in run_in(tmp_path / "out", "llamafactory", "-c", code)


def test_a_full_disk_is_told_of_the_folder_that_was_asked_for(run, tmp_path, monkeypatch):
    (tmp_path / "data.jsonl").write_text(json.dumps(row(1)) + "\n")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("curator.writing.os.fsync", full)
    done = run("handoff", "axolotl", "data.jsonl", "--model", "a/b", "-o", "job")
    assert done.status == 2
    assert done.err.startswith(f"error: {tmp_path / 'job' / 'data'}")
    assert "cannot be written: No space left on device" in done.err
    assert ".part" not in done.err


def test_a_folder_in_which_nothing_can_be_written_is_told_by_its_name(run, tmp_path, monkeypatch):
    (tmp_path / "data.jsonl").write_text(json.dumps(row(1)) + "\n")

    def refuse(**_):
        raise OSError(errno.EROFS, "Read-only file system", "/there/.job.x1.part")

    monkeypatch.setattr("curator.writing.tempfile.TemporaryDirectory", refuse)
    done = run("handoff", "axolotl", "data.jsonl", "--model", "a/b", "-o", "job")
    assert (done.status, done.err.splitlines()[0]) == (
        2,
        f"error: {tmp_path / 'job'}: cannot be written: Read-only file system",
    )
