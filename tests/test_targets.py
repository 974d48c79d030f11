"""Targets: what a service refuses and a trainer does in silence, judged by dated profiles."""

from __future__ import annotations

import datetime
import io
import json
import shlex
from pathlib import Path

import pytest

from curator import Config, lint, targets
from curator.errors import ConfigError, UsageError
from curator.formats import SHAPES
from curator.report import render
from curator.rule import all_rules, chat

SHARED = Path(__file__).parents[2] / "shared" / "data"

PROFILES = {name: targets.load(name) for name in targets.shipped()}
every_profile = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
BY_TARGET = {code for code, rule in all_rules().items() if rule.needs == "target"}


def found(path, **settings):
    """{(code, line, path)} of the rules on targets."""
    settings.setdefault("select", ("TGT",))
    report = lint([path], Config(**settings), cache=False)
    return {(f.code, f.line, f.path) for f in report.findings if f.code != "TGT011"}


def said(report, form="text"):
    stream = io.BytesIO()
    render(report, form, stream, width=400)
    return stream.getvalue().decode()


# ---------------------------------------------------------------------- the profiles that ship


def test_the_services_and_trainers_people_use_are_there():
    asked = "openai azure together fireworks nova claude-haiku bedrock-llama gemini mistral mlx trl axolotl"
    assert {*asked.split(), "llama-factory", "unsloth"} <= PROFILES.keys()


@every_profile
def test_a_profile_says_how_old_it_is_and_where_its_facts_come_from(profile):
    assert datetime.date(2026, 1, 1) < profile.verified_on <= datetime.date(2026, 12, 31)
    assert profile.source.startswith("https://")
    assert profile.status == "open" or profile.status_note


@every_profile
def test_a_trainer_says_by_which_of_its_rules(profile):
    if profile.kind == "trainer":
        assert profile.tokens is not None
        assert profile.tokens.by
        assert profile.tokens.setting
        assert profile.weights is not None
    assert all(behaviour.by for behaviour in profile.behaviour)


LEGAL = {
    "openai": {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Is it open?"},
            {"role": "assistant", "content": "Yes?", "weight": 0},
            {"role": "user", "content": "Sure?"},
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "hours", "arguments": '{"day": "Monday"}'}}
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "9 to 5"},
            {"role": "assistant", "content": "From 9 to 5.", "weight": 1},
        ],
        "tools": [{"type": "function", "function": {"name": "hours", "parameters": {"type": "object"}}}],
        "parallel_tool_calls": False,
    },
    "together": {**chat(system="Be brief.", user="Is it open?", assistant="Yes."), "weight": 0.5},
    "fireworks": chat(system="Be brief.", user="Is it open?", assistant="Yes."),
    "nova": {
        "schemaVersion": "bedrock-conversation-2024",
        "system": [{"text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [{"text": "Is it open?"}]},
            {"role": "assistant", "content": [{"text": "Yes, says the assistant: until five."}]},
        ],
    },
    "claude-haiku": {"system": "Be brief.", **chat(user="Is it open?", assistant="Yes.")},
    "bedrock-llama": {"prompt": "Is it open?", "completion": "Yes."},
    "gemini": {
        "systemInstruction": {"role": "system", "parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Is it open?"}]},
            {"role": "model", "parts": [{"text": "Yes."}]},
        ],
    },
    "mistral": chat(system="Be brief.", user="Is it open?", assistant="Yes.", user2="Sure?", assistant2="Sure."),
    "mlx": chat(system="Be brief.", user="Is it open?", assistant="Yes."),
    "trl": {"prompt": [{"role": "user", "content": "Hi"}], "completion": [{"role": "assistant", "content": "Yes."}]},
    "axolotl": {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yes."}]},
    "llama-factory": {"instruction": "Say yes.", "input": "", "output": "Yes."},
    "unsloth": {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yes."}]},
}
LEGAL["llama-factory-v1"] = {
    "messages": [
        {"role": "user", "content": [{"type": "text", "value": "Is it open?"}], "loss_weight": 0.0},
        {
            "role": "assistant",
            "content": [{"type": "reasoning", "value": "It is Monday."}, {"type": "text", "value": "Yes."}],
            "loss_weight": 1.0,
        },
    ]
}
LEGAL["azure"] = LEGAL["openai"]
LEGAL["ollama"] = LEGAL["openai"]
LEGAL["trl-reward"] = {"prompt": "Is it open?", "chosen": " Yes.", "rejected": " Who knows."}


def test_the_context_of_the_model_is_the_limit_where_the_target_has_none(write, tmp_path):
    """GRPOTrainer gives the model the whole of each prompt: what the model cannot hold is told all the same."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text('{"max_position_embeddings": 50}')
    path = write("train.jsonl", [{"prompt": "word " * 90}, {"prompt": "word " * 9}])
    settings = Config(target="trl", model=str(tmp_path / "model"), select=("LEN001",))
    (finding,) = lint([path], settings, cache=False).findings
    assert (finding.line, finding.evidence["limit"]) == (1, 50)
    assert found(path, target="trl") == set()


@every_profile
def test_a_set_of_legal_rows_raises_nothing(profile, write):
    path = write("train.jsonl", [LEGAL[profile.name]] * 40)
    assert found(path, target=profile.name) == set()


PUBLIC = [
    ("openai", "openai_cookbook/drone_training.jsonl"),
    ("azure", "azure/generated_labels_context_switching_prepared_train.jsonl"),
    ("together", "openai_cookbook/drone_training.jsonl"),
    ("fireworks", "fireworks/food_reasoning.jsonl"),
    ("mlx", "mlx_wikisql"),
    ("llama-factory", "llamafactory/alpaca_en_demo.json"),
    ("llama-factory", "llamafactory/alpaca_zh_demo.json"),
    ("llama-factory", "llamafactory/dpo_en_demo.json"),
    ("llama-factory", "llamafactory/glaive_toolcall_en_demo.json"),
    ("llama-factory", "llamafactory/mllm_demo.json"),
    ("unsloth", "sharegpt_fastchat/dummy_conversation.json"),
]


@pytest.mark.parametrize(("target", "name"), PUBLIC)
def test_the_sets_that_a_target_ships_raise_nothing(target, name):
    path = SHARED / name
    if not path.exists():
        pytest.skip("the shared data are not here")
    assert found(path, target=target) == set()


# ---------------------------------------------------------------------- a profile of one's own


def profile(folder: Path, text: str, name: str = "ours.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


HEAD = 'title = "Ours"\nkind = "service"\nstatus = "open"\nverified-on = 2026-01-02\nsource = "https://example.com/x"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('titel = "x"\n', "unknown key 'titel'\n  did you mean 'title'?"),
        ("[rows]\nleats = 3\n", "unknown key 'rows.leats'\n  did you mean 'least'?"),
        ("[[order]]\nalternates = true\n", "unknown key 'order[0].alternates'\n  did you mean 'alternate'?"),
        ('[tokens]\nmost = 9\nover = "gone"\n', "tokens.over: 'gone' is not known\n  known are refused, dropped,"),
        (
            '[[behaviour]]\nwhen = "no-answer-train"\neffect = "dropped"\nby = "x"\n',
            "behaviour[0].when: 'no-answer-train' is not known\n  did you mean 'no-answer-trained'?",
        ),
        ('[[order]]\nfirst = ["bot"]\n', "order[0].first[0]: 'bot' is not known\n  known are system, user,"),
        ("[tokens]\nmost = 9\n", "tokens: it lacks 'over'\n  add the key"),
        (
            '[tokens]\nmost = "9"\nover = "cut"\n',
            "tokens.most: a whole number is due, not a text\n  write it in digits",
        ),
        ("[tokens]\nmost = -1\n", "tokens.most: a whole number from 0 on is due"),
        ("rows = 3\n", "rows: a table is due, not a whole number"),
        ('shapes = ["openai"]\n', "shapes: no shape 'openai'\n  did you mean"),
        ('[tools]\nid = "("\n', "tools.id is no regular expression"),
        ('status = "gone"\n', "Cannot overwrite a value"),
        ("[rows]\nleast = 9\nmost = 3\n", "'least' is above 'most'"),
        ('extends = "opnai"\n', "no target 'opnai' ships with curator\n  it may extend what ships, and no file: "),
        ('name = "x"\n', "unknown key 'name'"),
    ],
)
def test_a_profile_that_says_something_unknown_is_an_error_that_names_it(tmp_path, text, says):
    head = "" if text.startswith("extends") else HEAD
    path = profile(tmp_path, text + head if not text.startswith("[") else head + text)
    if text.startswith("status"):
        path.write_text(head + text)
    with pytest.raises(ConfigError) as fault:
        targets.load(str(path))
    assert says in str(fault.value)
    assert str(path) in str(fault.value)
    assert fault.value.hint


def test_a_profile_may_extend_another_and_change_a_table(tmp_path, write):
    path = profile(tmp_path, 'extends = "openai"\n[rows]\nleast = 2\n')
    ours = targets.load(str(path))
    assert (ours.title, ours.rows.least, ours.name) == (PROFILES["openai"].title, 2, "ours")
    data = write("train.jsonl", [chat(user="Hi", assistant="Hello.")] * 2)
    assert ("TGT001", 1, "") in found(data, target="openai")
    assert found(data, target=str(path)) == set()


def test_a_name_that_is_no_target_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'openai'"):
        targets.load("opnai")
    with pytest.raises(ConfigError, match="No such file"):
        targets.load("nowhere.toml")


def test_a_file_named_in_the_configuration_is_relative_to_it(tmp_path, write, run):
    folder = tmp_path / "set"
    folder.mkdir()
    profile(folder, HEAD + "[rows]\nleast = 5\n")
    (folder / "curator.toml").write_text('target = "ours.toml"\n')
    data = write("set/train.jsonl", [chat(user="Hi", assistant="Hello.")])
    done = run("lint", data, "--select", "TGT", "--format", "jsonl")
    assert [json.loads(line)["code"] for line in done.out.splitlines()] == ["TGT001"]
    assert json.loads(done.out)["message"] == "1 training row: Ours takes at least 5"


def test_a_changed_profile_changes_the_plan_and_is_not_recalled(tmp_path, write, run):
    import os

    path = profile(tmp_path, HEAD + "[rows]\nleast = 1\n")
    data = write("train.jsonl", [chat(user="Hi", assistant="Hello.")])
    for file in (path, data):
        os.utime(file, (1_700_000_000, 1_700_000_000))
    first = Config(target=str(path), select=("TGT",)).plan().hash
    assert run("lint", data, "--select", "TGT", "--target", path).status == 0
    profile(tmp_path, HEAD + "[rows]\nleast = 3\n")
    os.utime(path, (1_700_000_009, 1_700_000_009))
    assert Config(target=str(path), select=("TGT",)).plan().hash != first
    assert run("lint", data, "--select", "TGT", "--target", path).status == 1


# ---------------------------------------------------------------------- what a target turns on


def test_without_a_target_its_rules_are_not_run_and_say_how_to_unlock_them(write):
    data = write("train.jsonl", [chat(user="Hi", assistant="Hello.")])
    report = lint([data], Config(), cache=False)
    (missing,) = [item for item in report.not_run if "TGT001" in item.codes]
    assert set(missing.codes) == BY_TARGET
    assert missing.unlock == "--target openai"
    assert "target" not in json.loads(said(report, "json"))["summary"]


def test_the_limit_of_a_trainer_is_that_of_len001(write):
    rows = [chat(user="Hi", assistant="It rains. " * 600), chat(user="Hi", assistant="Hello.")]
    data = write("train.jsonl", rows)
    assert found(data, target="trl", select=("LEN001",)) == {("LEN001", 1, "")}
    assert found(data, select=("LEN001",)) == set()
    assert found(data, target="trl", max_length=9000, select=("LEN001",)) == set()
    assert found(data, target="trl", rules={"LEN001": {"max-tokens": 9000}}, select=("LEN001",)) == set()


def test_the_limit_of_a_service_is_told_once(write, tmp_path):
    path = profile(tmp_path, HEAD + '[tokens]\nmost = 50\nover = "refused"\n')
    data = write("train.jsonl", [chat(user="Hi", assistant="It rains. " * 60)])
    both = ("TGT003", "LEN001")
    assert found(data, target=str(path), select=both) == {("TGT003", 1, "")}
    assert found(data, target=str(path), select=("LEN001",)) == {("LEN001", 1, "")}
    assert found(data, target=str(path), select=(*both, "LEN002"), max_length=60) == {("TGT003", 1, "")}
    assert found(data, target=str(path), select=both, rules={"LEN001": {"max-tokens": 60}}) == {
        ("TGT003", 1, ""),
        ("LEN001", 1, ""),
    }
    report = lint([data], Config(target=str(path), select=both), cache=False)
    assert [item.codes for item in report.not_run] == [("LEN001",)]


def test_what_a_trainer_cuts_in_its_own_way_is_not_told_as_a_cut_at_the_end(write):
    data = write("train.jsonl", [chat(user="Hi " * 90, assistant="It rains.")])
    for target, by in (("llama-factory", "TGT013"), ("axolotl", "TGT010")):
        report = lint([data], Config(target=target, max_length=64, template="qwen2.5"), cache=False)
        assert "LEN002" not in {finding.code for finding in report.findings}
        assert any(item.codes == ("LEN002",) and by in item.reason for item in report.not_run)


def test_where_a_byte_order_mark_is_demanded_its_lack_is_the_fault(write, run):
    row = json.dumps(chat(user="Hi", assistant="Hello.")).encode()
    plain, marked = write("plain.jsonl", [row]), write("marked.jsonl", [b"\xef\xbb\xbf" + row])
    for target, faulty in (("azure", plain), ("openai", marked)):
        for path in (plain, marked):
            expected = {("FIL003", 1, "")} if path == faulty else set()
            assert found(path, target=target, select=("FIL003",)) == expected
    run("lint", plain, "--select", "FIL003", "--target", "azure", "--fix")
    assert plain.read_bytes() == b"\xef\xbb\xbf" + row + b"\n"


def test_a_key_nobody_reads_is_a_warning_where_keys_are_refused():
    assert Config(target="openai").plan().severities["SCH007"] == "warning"
    assert Config(target="trl").plan().severities["SCH007"] == "info"
    assert Config(target="openai", severity={"SCH007": "error"}).plan().severities["SCH007"] == "error"


def test_validation_rows_have_limits_of_their_own(write):
    row = LEGAL["claude-haiku"]
    write("set/train.jsonl", [row] * 40)
    valid = write("set/valid.jsonl", [row] * 3)
    report = lint([valid.parent], Config(target="claude-haiku", select=("TGT001",)), cache=False)
    (finding,) = report.findings
    assert (Path(finding.file).name, finding.line) == ("valid.jsonl", 1)
    assert finding.message.startswith("3 validation rows")


def test_a_file_over_the_limit_is_told_for_that_file_alone(write):
    row = chat(user="Hi", assistant="Hello.")
    write("set/train.jsonl", [row] * 40)
    valid = write("set/valid.jsonl", [row] * 3)
    told = Config(target="openai", select=("TGT002",), rules={"TGT002": {"max-bytes": 1000}})
    (finding,) = lint([valid.parent], told, cache=False).findings
    assert Path(finding.file).name == "train.jsonl"
    assert finding.evidence["bytes"] == (valid.parent / "train.jsonl").stat().st_size


def test_findings_do_not_depend_on_the_number_of_workers(write):
    rows = [LEGAL["unsloth"], chat(user="Hi", assistant="Hello.", user2="Bye"), chat(assistant="Hello.")] * 40
    data = write("train.jsonl", rows)
    for target in ("openai", "llama-factory", "mlx"):
        config = Config(target=target, select=("TGT",))
        one, two = (list(lint([data], config, cache=False, workers=n).findings) for n in (1, 2))
        assert one == two
        assert one


# ---------------------------------------------------------------------- what reports say of it


def test_a_report_says_how_many_rows_are_lost_and_by_which_rule(write):
    rows = [
        {"prompt": "Say it again. " * 400, "completion": "It rains."},
        {"prompt": "Is it open?", "completion": "Yes."},
    ]
    report = lint([write("train.jsonl", rows)], Config(target="trl"), cache=False)
    text = said(report)
    assert "target TRL 1.16 SFTTrainer (open, verified 2026-11-21): 1 row will be dropped in silence\n" in text
    assert "  1 row: sequences are cut to max_length" in text
    summary = json.loads(said(report, "json"))["summary"]["target"]
    assert (summary["name"], summary["status"], summary["verified_on"]) == ("trl", "open", "2026-11-21")
    assert summary["source"].startswith("https://")
    assert [outcome["rows"] for outcome in summary["outcomes"]] == [1]
    page = said(report, "html")
    assert "<h2>Target</h2>" in page
    assert "will be dropped in silence" in page


def test_rows_over_the_limit_that_keep_a_trained_token_are_cut(write):
    rows = [chat(user="Hi", assistant="It rains. " * 600), chat(user="It rains. " * 600, assistant="Yes.")]
    report = lint([write("train.jsonl", rows)], Config(target="trl"), cache=False)
    assert "1 row loses its answer, 2 rows are cut\n" in said(report)


def test_a_clean_report_says_so(write):
    report = lint([write("train.jsonl", [LEGAL["trl"]])], Config(target="trl", select=("TGT",)), cache=False)
    assert "no row is dropped in silence, none loses its answer" in said(report)
    unjudged = lint([write("train.jsonl", [LEGAL["trl"]])], Config(target="trl", select=("FIL",)), cache=False)
    assert "not judged" in said(unjudged)


def test_a_fault_of_the_whole_set_is_told_once_and_counted_whole(write):
    report = lint([write("train.jsonl", [LEGAL["unsloth"]] * 30)], Config(target="openai"), cache=False)
    assert [f.line for f in report.findings if f.code == "TGT012"] == [1]
    assert "30 rows are refused" in said(report)
    report = lint([write("train.jsonl", [LEGAL["unsloth"]] * 4)], Config(target="openai"), cache=False)
    assert [f.line for f in report.findings if f.code == "TGT012"] == [1, 2, 3, 4]
    assert "4 rows are refused" in said(report)
    report = lint([write("train.jsonl", [LEGAL["unsloth"]] * 30)], Config(target="trl"), cache=False)
    assert [f.line for f in report.findings if f.code == "TGT014"] == [1]
    assert "30 rows are read as something else" in said(report)


@pytest.mark.parametrize(
    ("target", "reads"),
    [
        ("mlx", "given the messages whole, and the tools of the row"),  # tuner/datasets.py: ChatDataset.process
        ("trl", "given the messages whole"),  # sft_trainer.py: tokenize_fn
        ("llama-factory", "also tool_calls"),  # data/converter.py: OpenAIDatasetConverter
    ],
)
def test_why_a_weight_is_ignored_says_what_the_trainer_reads_besides(write, target, reads):
    row = chat(user="2+2?", assistant="5")
    row["messages"][1]["weight"] = 0
    (found,) = lint([write("train.jsonl", [row])], Config(target=target, select=("TGT009",)), cache=False).findings
    assert reads in found.message


def test_a_message_names_the_trainer_that_takes_the_shape(write):
    chosen, rejected = ({"role": "assistant", "content": text} for text in ("Eleven.", "Twelve."))
    pair = {"prompt": [chat(user="2+9?")["messages"][0]], "chosen": [{**chosen, "weight": 0}], "rejected": [rejected]}
    rows = [pair, *[chat(user=f"Two and {n}?", assistant=str(n + 2)) for n in range(9)]]
    report = lint([write("train.jsonl", [pair])], Config(target="trl", select=("TGT009",)), cache=False)
    assert [f.message.split(" does")[0] for f in report.findings] == ["TRL 1.16 DPOTrainer"]
    steps = {"prompt": "a", "completions": ["b", "c"], "labels": [True, False]}
    report = lint([write("train.jsonl", [*rows, steps])], Config(target="trl", select=("TGT012",)), cache=False)
    (message,) = {f.message for f in report.findings if "stepwise" in f.message}
    assert "SFTTrainer reads openai-chat, sharegpt, prompt-completion, text and tokenized; " in message
    for trainer, shape in (("DPO", "trl-preference"), ("KTO", "trl-kto"), ("GRPO", "prompt-only")):
        assert f"TRL 1.16 {trainer}Trainer reads {shape}" in message


@pytest.mark.parametrize(("target", "refused"), [("openai", True), ("trl", True), ("gemini", True), ("mlx", False)])
def test_columns_of_ones_own_are_refused_where_no_setting_can_name_them(write, target, refused):
    rows = write("rows.jsonl", [{"ask": f"Two and {n}?", "said": str(n + 2)} for n in range(9)])
    config = Config(target=target, select=("TGT012",), map={"ask": "user", "said": "assistant"})
    messages = [f.message for f in lint([rows], config, cache=False).findings]
    assert bool(messages) is refused
    assert all(message.startswith("9 rows have columns of their own: ") for message in messages)


def test_a_map_over_columns_that_the_target_reads_anyway_changes_nothing(write):
    rows = write("rows.jsonl", [{"prompt": f"Two and {n}?", "completion": str(n + 2)} for n in range(9)])
    config = Config(target="openai", select=("TGT012",), map={"prompt": "user", "completion": "assistant"})
    assert not list(lint([rows], config, cache=False).findings)


def test_the_profiles_can_be_listed_and_printed(run):
    listed = run("config", "targets").out
    assert all(name in listed for name in PROFILES)
    assert "verified 2026-08-21" in listed
    assert run("config", "targets", "mlx").out == targets.shipped()["mlx"].read_text("utf-8")
    assert run("config", "targets", "mlxx").status == 2


def test_a_target_goes_with_the_verbs_that_run_rules(write, run):
    data = write("train.jsonl", [LEGAL["unsloth"]])
    assert "TGT012" in run("explain", data, "1", "--target", "openai").out
    assert run("clean", data, "-o", "clean.jsonl", "--target", "openai").status == 0


# ---------------------------------------------------------------------- single rules


def test_an_id_is_mended_alike_in_the_call_and_in_its_result(write, run):
    call = {"id": "call_9f", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    row = {
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_9f", "content": "x"},
            {"role": "assistant", "content": "Hello."},
        ]
    }
    data = write("train.jsonl", [row])
    run("lint", data, "--select", "TGT008", "--target", "mistral", "--fix")
    messages = json.loads(data.read_text())["messages"]
    made = messages[1]["tool_calls"][0]["id"]
    assert made == messages[2]["tool_call_id"]
    assert len(made) == 9
    assert found(data, target="mistral", select=("TGT008",)) == set()


@pytest.mark.parametrize("place", [0, 1])
def test_a_reserved_word_may_stand_in_no_text(write, place):
    """AWS's validator of sets for Nova looks for them in the texts of answers as well."""
    row = json.loads(json.dumps(LEGAL["nova"]))
    row["messages"][place]["content"][0]["text"] = "Who is the User: me?"
    data = write("train.jsonl", [row] * 8)
    assert ("TGT007", 1, f"messages[{place}].content[0].text") in found(data, target="nova")


def test_a_preference_row_is_judged_by_its_prompt(write):
    row = {
        "input": {"messages": [{"role": "user", "content": "Hi"}]},
        "preferred_output": [{"role": "assistant", "content": "Hello."}],
        "non_preferred_output": [{"role": "assistant", "content": "What?"}],
    }
    assert found(write("train.jsonl", [row] * 10), target="together") == set()
    row["input"]["messages"].append({"role": "assistant", "content": "Yes?"})
    assert ("TGT005", 1, "input.messages[1]") in found(write("train.jsonl", [row] * 10), target="together")


def test_shapes_are_names_that_are_known():
    assert all(shape in SHAPES for profile in PROFILES.values() for shape in profile.shapes)


ASKED, TOLD = [{"role": "user", "content": "Hi"}], [{"role": "assistant", "content": "Hello."}]
WORSE = [{"role": "assistant", "content": "What?"}]
BEFORE = {"conversations": [{"from": "human", "value": "Hi"}]}
OF_TRL = [
    {"prompt": "Hi", "chosen": "Hello.", "rejected": "What?"},
    {"prompt": ASKED, "chosen": TOLD, "rejected": WORSE},
    {"chosen": ASKED + TOLD, "rejected": ASKED + WORSE},
    {"prompt": "Hi", "completion": "Hello.", "label": True},
    {"prompt": ASKED, "completion": TOLD, "label": False},
]
OF_OTHERS = [
    {**BEFORE, "chosen": {"from": "gpt", "value": "Hello."}, "rejected": {"from": "gpt", "value": "What?"}},
    {"question": "Hi", "chosen": "Hello.", "rejected": "What?"},
    {"prompt": "Hi", "chosen": TOLD, "rejected": WORSE},
    {"messages": ASKED, "chosen": TOLD, "rejected": WORSE},
    {"prompt": "Hi", "chosen_response": "Hello.", "rejected_response": "What?"},
    {"messages": ASKED + TOLD, "label": True},
    {"conversations": [*BEFORE["conversations"], {"from": "gpt", "value": "Hello."}], "kto_tag": True},
]


def refusals(rows, write, target):
    report = lint([write("rows.jsonl", rows)], Config(target=target, select=("TGT012",)), cache=False)
    return {finding.line - 1 for finding in report.findings}


@pytest.mark.parametrize("row", OF_TRL)
def test_a_trainer_with_columns_of_its_own_reads_pairs_and_verdicts_that_have_them(row, write):
    assert refusals([row], write, "trl") == set()


@pytest.mark.parametrize("row", OF_OTHERS)
def test_a_trainer_with_columns_of_its_own_refuses_pairs_and_verdicts_in_those_of_others(row, write):
    assert refusals([row], write, "trl") == {0}
    assert refusals([row], write, "llama-factory") == set(), "its settings name the columns"


@pytest.mark.parametrize("row", OF_OTHERS)
def test_what_a_trainer_refuses_for_its_columns_it_reads_once_converted_as_the_report_says(row, write, run, tmp_path):
    done = run("lint", write("rows.jsonl", [row]), "--target", "trl")
    line = next(line for line in done.out.splitlines() if "a shape that the target reads" in line)
    words = shlex.split(line.partition(":  ")[2])
    assert run(*words[1:-1], tmp_path / "made.jsonl").status == 0
    assert run("lint", tmp_path / "made.jsonl", "--target", "trl", "--select", "TGT012").status == 0


def test_pairs_of_llama_factory_are_called_so_wherever_a_shape_is_named(write, run):
    path = write("rows.jsonl", OF_OTHERS[:1])
    assert "a row of shape llama-factory" in run("lint", path, "--target", "trl").out
    assert "shapes    llama-factory" in run("stats", path).out
    assert "llama-factory" in run("explain", path, 1).out.splitlines()[0]
    assert "of llama-factory" in run("convert", path, "--to", "sharegpt", "-o", path.parent / "b.jsonl").out


def test_a_pair_that_axolotl_leaves_out_for_its_length_is_said_to_be_dropped_whatever_rule_finds_it(write):
    pair = {"prompt": "Hi", "chosen": "It rains. " * 60, "rejected": "No."}
    data = write("pairs.jsonl", [pair, {"prompt": "Hi", "chosen": "Hello.", "rejected": "No."}])
    for code in ("TGT010", "LEN001"):
        report = lint([data], Config(target="axolotl", max_length=64, select=(code,)), cache=False)
        assert [(finding.code, finding.line) for finding in report.findings] == [(code, 1)]
        assert "1 row will be dropped in silence" in said(report)


def test_the_target_is_called_by_the_trainer_that_takes_the_rows(write):
    pair, verdict = OF_TRL[0], OF_TRL[3]
    for rows, trainer in (([pair], "DPO"), ([verdict], "KTO"), ([chat(user="Hi", assistant="Yes.")], "SFT")):
        assert f"target TRL 1.16 {trainer}Trainer" in said(lint([write("a.jsonl", rows)], Config(target="trl")))
    assert "target TRL 1.16 SFTTrainer" in said(lint([write("a.jsonl", [pair, verdict])], Config(target="trl")))


def test_tokens_counted_without_the_tokenizer_of_the_model_of_a_template_are_called_an_estimate(write, run):
    path = write("a.jsonl", [chat(user="Hi", assistant="Hello there.")])
    for command in (("lint", path), ("stats", path), ("explain", path, 1)):
        assert "for llama-3 an estimate: name its --tokenizer" in run(*command, "--template", "llama-3").out
        assert "an estimate" not in run(*command).out
        assert "an estimate" not in run(*command, "--template", "llama-3", "--tokenizer", "o200k_base").out
