"""The configuration: what a file may say, what it comes to, and what is refused."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from curator.cli import cli
from curator.config import (
    Config,
    Plan,
    Settings,
    family,
    find_config,
    load_config,
    load_rules,
    map_file,
    profiles,
    recipe,
    save_map,
)
from curator.errors import ConfigError, UsageError
from curator.model import Flag
from curator.rule import RULES, RowRule, option

Configure = Callable[..., Config]


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """The configuration that a `curator.toml` with that text gives."""

    def _configure(text: str, **overrides: Any) -> Config:
        (tmp_path / "curator.toml").write_text(text, "utf-8")
        return load_config(tmp_path / "data.jsonl", None, overrides)

    return _configure


@pytest.fixture
def try_rules() -> Iterator[None]:
    """A family of rules with options of every kind, for the length of a test."""

    class TryOne(RowRule, frozen=True):
        """One.

        Why.
        """

        code = "TRY001"
        severity = "error"
        least: Annotated[int, option("The least.", ge=1)] = 1
        share: Annotated[float, option("The share.", ge=0, le=1)] = 0.5
        words: Annotated[tuple[str, ...], option("The words.")] = ("a",)
        loud: Annotated[bool, option("Loud.")] = False

        def check(self, example: Any) -> Iterator[Flag]:
            return iter(())

    class TryTwo(TryOne, frozen=True):
        """Two."""

        code = "TRY002"
        severity = "warning"
        preview = True

    class TryThree(TryOne, frozen=True):
        """Three."""

        code = "TRY003"
        severity = "info"
        needs = "template"

    yield
    for code in ("TRY001", "TRY002", "TRY003"):
        del RULES[code]


def python(code: str, *arguments: str, seed: str = "0") -> str:
    """What a Python process of its own prints."""
    env = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout


def codes(plan: Plan, letters: str = "TRY") -> list[str]:
    return [rule.code for rule in plan.rules if rule.code.startswith(letters)]


# ---------------------------------------------------------------------- finding the file


def test_the_nearest_file_upwards_is_taken(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "curator.toml").write_text('profile = "strict"')
    (deep / "pyproject.toml").write_text("[project]\nname = 'curator-like'\n")
    assert find_config(deep / "x.jsonl") == tmp_path / "curator.toml"
    (tmp_path / "a" / "pyproject.toml").write_text('[tool.curator]\nprofile = "minimal"\n')
    assert load_config(deep / "x.jsonl").profile == "minimal"
    (tmp_path / "a" / "curator.toml").write_text('fail-on = "info"')
    assert load_config(deep).fail_on == "info"


def test_the_search_ends_at_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / "data").mkdir(parents=True)
    (tmp_path / "curator.toml").write_text('profile = "strict"')
    monkeypatch.setenv("HOME", str(home))
    assert find_config(home / "data") is None
    (home / "curator.toml").write_text("")
    assert find_config(home / "data") == home / "curator.toml"


def test_a_broken_pyproject_of_something_else_is_none_of_our_business(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project\n")
    assert load_config(tmp_path).profile == "default"


def test_an_explicit_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such configuration file"):
        load_config(tmp_path, tmp_path / "missing.toml")


def test_without_a_file_the_defaults_apply(tmp_path: Path) -> None:
    config = load_config(tmp_path / "x.jsonl")
    assert config.source == ""
    assert config == Config()


def test_paths_in_a_file_are_relative_to_it(configure: Configure, tmp_path: Path) -> None:
    assert configure('packs = ["my/rules.toml"]').pack_files == (str(tmp_path / "my" / "rules.toml"),)


# ---------------------------------------------------------------------- what is refused

REFUSED = [
    ('selct = ["ANS"]', "unknown key 'selct'", "did you mean 'select'?"),
    ('select = "ANS"', "select: expected a list of text", ""),
    ('select = ["ROL", 3]', "select[1]: expected text, got the number 3", ""),
    ('select = ["ROL0O7"]', "select: no rule 'ROL0O7'", "did you mean 'ROL007'?"),
    ('ignore = ["empty-tun"]', "ignore: no rule 'empty-tun'", "did you mean 'empty-turn'?"),
    ("max-length = 0", "max-length: expected a whole number of at least 1, got the number 0", ""),
    ('max-length = "8k"', 'max-length: expected a whole number of at least 1, got the text "8k"', ""),
    ("workers = true", "workers: expected a whole number of at least 1, got true", ""),
    ('cache = "no"', 'cache: expected true or false, got the text "no"', ""),
    ('fail-on = "erorr"', "fail-on: expected one of info, warning, error, never", "did you mean 'error'?"),
    ('profile = "strickt"', "profile: no profile 'strickt'", "did you mean 'strict'?"),
    ('[severity]\nROL = "wrning"', "severity.ROL: expected one of info, warning", "did you mean 'warning'?"),
    ('[severity]\nRLO007 = "off"', "severity: no rule 'RLO007'", "did you mean 'ROL007'?"),
    ("[rules]\nROL007 = 3", "rules.ROL007: expected a table, got the number 3", ""),
    ("[rules.ROL099]", "rules: no rule 'ROL099'", "did you mean"),
    ("[rules.ROL]\nmost = 1", "rules: 'ROL' is a family, not a rule", ""),
    ("[rules.TRY001]\nleats = 1", "rules.TRY001: no option 'leats'", "did you mean 'least'?"),
    ("[rules.TRY001]\nleast = 0", "rules.TRY001.least: expected a whole number of at least 1, got the number 0", ""),
    ("[rules.TRY001]\nshare = 1.5", "rules.TRY001.share: expected a number of at least 0 and at most 1", ""),
    ('[rules.TRY001]\nwords = ["a", 1]', "rules.TRY001.words[1]: expected text, got the number 1", ""),
    ("[rules.TRY001]\nleast = 1\n[rules.try-one]\nleast = 2", "rules: TRY001 is given twice", ""),
    ('[limits]\nDUP001 = "2"', 'limits.DUP001: expected a whole number of at least 0 or a share such as "2%"', ""),
    ("[limits]\nDUP001 = -1", "limits.DUP001: expected", ""),
    ("[limits]\nDUP01 = 1", "limits: no rule 'DUP01'", "did you mean 'DUP001'?"),
    ('[limits]\nDUP = "2%"', "limits: 'DUP' is a family, not a rule", "name one code"),
    ('[per-file-ignores]\n"*.jsonl" = ["AN"]', "per-file-ignores: no rule 'AN'", ""),
    ("fail_on = 'error'\nfail-on = 'error'", "'fail-on' is given twice, with hyphen and underscore", ""),
    ("x = ", "is not TOML", ""),
]


@pytest.mark.parametrize(("text", "what", "hint"), REFUSED, ids=[text.replace("\n", " ") for text, *_ in REFUSED])
def test_what_cannot_be_honoured_names_file_key_and_next_step(
    configure: Configure, try_rules: None, text: str, what: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        configure(text).plan()
    assert what in caught.value.what
    assert caught.value.where.endswith("curator.toml")
    assert hint in caught.value.hint


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "curator.toml").write_bytes(b'profile = "\xff"')
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load_config(tmp_path)


def test_the_same_said_on_the_command_line_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no rule 'ROL0O7'"):
        load_config(tmp_path, None, {"select": ("ROL0O7",)}).plan()
    with pytest.raises(UsageError, match="expected a whole number of at least 1"):
        load_config(tmp_path, None, {"workers": 0})


def test_what_the_command_line_says_is_not_blamed_on_the_file(configure: Configure) -> None:
    for override in ({"select": ("ROL0O7",)}, {"ignore": ("ROL0O7",)}, {"profile": "lenient"}):
        with pytest.raises(UsageError):
            configure("", **override).plan()


def test_options_of_rules_that_do_not_run_are_checked_too(configure: Configure, try_rules: None) -> None:
    with pytest.raises(ConfigError, match=r"rules\.TRY001\.least"):
        configure('ignore = ["ALL"]\n[rules.TRY001]\nleast = 0').plan()


def test_a_tokenizer_file_is_found_beside_the_configuration(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    config = configure('tokenizer = "tokenizer.json"')
    assert config.tokenizer == str(tmp_path / "tokenizer.json")
    before = config.plan().hash
    (tmp_path / "tokenizer.json").write_text("{ }")
    assert config.plan().hash != before
    assert configure('tokenizer = "estimate"').tokenizer == "estimate"


@given(
    st.dictionaries(
        st.sampled_from([field.encode_name for field in msgspec.structs.fields(Settings)] + ["odd"]),
        st.recursive(
            st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
            max_leaves=4,
        ),
    )
)
def test_whatever_is_given_is_taken_or_refused_in_words(given_values: dict[str, Any]) -> None:
    try:
        load_config(Path("/"), None, given_values).plan()
    except (UsageError, ConfigError) as error:
        assert error.what


# ---------------------------------------------------------------------- selecting


def test_the_default_profile_runs_every_rule_out_of_preview(tmp_path: Path) -> None:
    rules = load_rules()
    expected = [code for code, rule in rules.items() if not rule.preview and not rule.needs]
    assert codes(load_config(tmp_path).plan(), "") == expected


def test_the_minimal_profile_runs_errors_alone(tmp_path: Path) -> None:
    plan = Config(profile="minimal").plan()
    assert plan.rules
    assert {rule.severity for rule in plan.rules} == {"error"}
    assert not any(rule.preview for rule in plan.rules)


def test_the_strict_profile_runs_all_and_fails_on_warnings(try_rules: None) -> None:
    plan = Config(profile="strict").plan()
    assert codes(plan) == ["TRY001", "TRY002"]
    assert plan.fail_on == "warning"
    assert Config(profile="strict", fail_on="never").plan().fail_on == "never"


def test_every_profile_can_be_planned() -> None:
    assert set(profiles()) == {"minimal", "default", "strict"}
    for name in profiles():
        assert Config(profile=name).plan().rules


@pytest.mark.parametrize(
    ("select", "ignore", "runs"),
    [
        (("TRY",), (), ["TRY001"]),
        (("TRY00",), (), ["TRY001"]),
        (("try-one",), (), ["TRY001"]),
        (("try001",), (), ["TRY001"]),
        (("TRY", "TRY002"), (), ["TRY001", "TRY002"]),
        (("try-two",), (), ["TRY002"]),
        (("TRY",), ("TRY001",), []),
        (("TRY001",), ("TRY",), ["TRY001"]),
        (("ALL",), ("TRY",), []),
        (("TRY00",), ("TRY",), ["TRY001"]),
        (("TRY",), ("TRY00",), []),
        (("TRY001",), ("TRY001",), []),
        (("TRY001",), ("ALL",), ["TRY001"]),
    ],
)
def test_the_most_specific_selector_wins(
    try_rules: None, select: tuple[str, ...], ignore: tuple[str, ...], runs: list[str]
) -> None:
    assert codes(Config(select=select, ignore=ignore).plan()) == runs


def test_the_command_line_comes_on_top_of_the_file(configure: Configure, try_rules: None) -> None:
    file = 'select = ["TRY001", "ROL001"]\nignore = ["TRY002"]'
    assert codes(configure(file, ignore=("TRY",)).plan()) == []
    assert codes(configure(file, extend_select=("TRY002",)).plan()) == ["TRY001", "TRY002"]
    assert codes(configure(file, select=("TRY002",)).plan(), "") == ["TRY002"]


def test_an_override_replaces_what_the_file_says(configure: Configure) -> None:
    assert configure("max-length = 10", max_length=20).plan().max_length == 20
    assert configure("max-length = 10", max_length=None).plan().max_length == 10
    assert configure("[map]\na = 'user'", map={"b": "user"}).plan().columns == {"b": "user"}


def test_preview_rules_come_with_preview_or_by_name(try_rules: None) -> None:
    assert "TRY002" not in codes(Config().plan())
    assert "TRY002" in codes(Config(preview=True).plan())
    assert "TRY002" in codes(Config(extend_select=("try-two",)).plan())
    assert "TRY002" not in codes(Config(extend_select=("TRY",)).plan())


def test_severities_can_be_changed_and_rules_turned_off(try_rules: None) -> None:
    plan = Config(severity={"TRY": "info", "try-one": "warning"}).plan()
    assert plan.severities["TRY001"] == "warning"
    assert codes(Config(severity={"TRY001": "off"}).plan()) == []


def test_level_leaves_out_what_is_below_it(try_rules: None) -> None:
    assert codes(Config(level="error", preview=True).plan()) == ["TRY001"]
    assert codes(Config(level="error", extend_select=("TRY002",)).plan()) == ["TRY001", "TRY002"]
    assert codes(Config(level="error", severity={"TRY001": "info"}).plan()) == []


def test_a_rule_that_lacks_something_is_named_with_what_unlocks_it(try_rules: None) -> None:
    plan = Config(select=("TRY",)).plan()
    (missing,) = plan.not_run
    assert missing.codes == ("TRY003",)
    assert "template" in missing.reason
    assert missing.unlock


def test_options_reach_the_rules(try_rules: None) -> None:
    plan = Config(select=("TRY001",), rules={"try-one": {"least": 5, "words": ["x"]}}).plan()
    (rule,) = plan.rules
    assert (rule.least, rule.share, rule.words) == (5, 0.5, ("x",))


def test_max_length_is_the_limit_of_over_context() -> None:
    (rule,) = Config(select=("LEN001",), max_length=77).plan().rules
    assert rule.max_tokens == 77


def test_files_can_be_ignored_and_excluded(configure: Configure, tmp_path: Path) -> None:
    config = configure('exclude = ["old/*"]\n[per-file-ignores]\n"drafts/*" = ["ROL"]\n"b.jsonl" = ["DUP001"]')
    plan = config.plan()
    assert "ROL007" in plan.ignored(tmp_path / "drafts" / "deep" / "a.jsonl")
    assert plan.ignored(tmp_path / "x" / "b.jsonl") == {"DUP001"}
    assert plan.ignored(tmp_path / "a.jsonl") == frozenset()
    assert config.excluded(tmp_path / "old" / "a.jsonl")
    assert not config.excluded(tmp_path / "new" / "a.jsonl")


def test_limits_are_kept_by_code(configure: Configure) -> None:
    assert configure("[limits]\nexact-duplicate = 3\nDUP002 = '2.5%'").plan().limits == {"DUP001": 3, "DUP002": "2.5%"}


PACK = """
[[rule]]
kind = "phrases"
code = "MINE001"
name = "says-foobar"
severity = "warning"
summary = "An answer says foobar."
why = "It should not."
message = "says {found}"
phrases = ["foobar thing"]
good = [{ user = "a", assistant = "b" }]
bad = [{ user = "a", assistant = "a foobar thing" }]
"""


def test_rules_of_ones_own_run_where_they_are_named(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(PACK)
    plan = configure('packs = ["mine.toml"]').plan()
    assert codes(plan, "MINE") == ["MINE001"]
    assert pickle.loads(pickle.dumps(plan)).hash == plan.hash
    assert codes(Config().plan(), "MINE") == []
    (tmp_path / "mine.toml").write_text(PACK.replace("foobar", "barfoo"))
    assert configure('packs = ["mine.toml"]').plan().hash != plan.hash


# ---------------------------------------------------------------------- the plan


def test_a_plan_survives_pickling() -> None:
    plan = Config(profile="strict", severity={"ROL": "info"}, per_file_ignores={"*": ("DUP",)}).plan()
    assert pickle.loads(pickle.dumps(plan)) == plan


def test_a_plan_can_be_read_by_a_spawned_process(tmp_path: Path) -> None:
    plan = Config().plan()
    (tmp_path / "plan").write_bytes(pickle.dumps(plan))
    code = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).hash)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "plan")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == plan.hash


def test_the_hash_tells_what_findings_depend_on() -> None:
    base = Config().plan().hash
    assert re.fullmatch("[0-9a-f]{32}", base)
    assert Config().plan().hash == base
    changed = [
        Config(ignore=("ROL007",)),
        Config(severity={"ROL007": "info"}),
        Config(shape="openai-chat"),
        Config(map={"q": "user"}),
        Config(map={"q": "user", "a": "assistant"}),
        Config(map={"a": "assistant", "q": "user"}),
        Config(tokenizer="estimate"),
        Config(max_length=5),
        Config(rules={"ROL010": {"most": 7}}),
    ]
    assert len({base, *(config.plan().hash for config in changed)}) == len(changed) + 1
    same = [Config(fail_on="info"), Config(limits={"DUP001": 1}), Config(workers=3), Config(cache=False)]
    assert {config.plan().hash for config in same} == {base}


def test_the_hash_is_the_same_in_every_process() -> None:
    code = "from curator.config import Config; print(Config(per_file_ignores={'*': ('ROL',)}).plan().hash)"
    hashes = {python(code, seed=seed) for seed in ("1", "2")}
    assert len(hashes) == 1


# ---------------------------------------------------------------------- the column map

TEXT = """# mine
profile = "strict"  # yes

[map] # columns
# asked
old = "user"

[limits]
DUP001 = 1
"""


def test_the_map_is_replaced_and_all_else_kept(tmp_path: Path) -> None:
    file = tmp_path / "curator.toml"
    file.write_text(TEXT)
    assert save_map(file, {"question": "user", "the answer": "assistant"})
    assert file.read_text() == TEXT.replace(
        '# asked\nold = "user"\n', 'question = "user"\n"the answer" = "assistant"\n# asked\n'
    )
    assert not save_map(file, {"question": "user", "the answer": "assistant"})


def test_the_map_is_added_where_there_is_none(tmp_path: Path) -> None:
    file = tmp_path / "curator.toml"
    save_map(file, {"q": "user"})
    assert load_config(file).map == {"q": "user"}
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_bytes(b'[tool.curator]\r\nprofile = "strict"\r\n[tool.other]\r\nx = 1')
    save_map(pyproject, {"q": "user"})
    assert pyproject.read_bytes().startswith(b'[tool.curator]\r\nprofile = "strict"\r\n[tool.other]\r\nx = 1\r\n')
    assert tomllib.loads(pyproject.read_text())["tool"]["curator"]["map"] == {"q": "user"}


def test_a_map_in_a_form_that_is_not_line_by_line_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "curator.toml"
    file.write_text('map = { q = "user" }\n')
    with pytest.raises(ConfigError, match="cannot replace the column map") as caught:
        save_map(file, {"a": "assistant"})
    assert '[map]\na = "assistant"' in caught.value.hint
    assert file.read_text() == 'map = { q = "user" }\n'


@given(st.dictionaries(st.text(max_size=8), st.sampled_from(["user", "assistant", "system"]), min_size=1))
def test_any_column_name_can_be_saved(columns: dict[str, str]) -> None:
    import tempfile

    try:
        str(columns).encode()
    except UnicodeEncodeError:
        return  # a lone surrogate is no TOML
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "curator.toml"
        file.write_text(TEXT, "utf-8")
        save_map(file, columns)
        assert list(tomllib.loads(file.read_text("utf-8"))["map"].items()) == list(columns.items())


def test_a_new_map_goes_beside_the_data_or_into_the_file_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    assert map_file(Config(), data / "x.csv") == data / "curator.toml"
    monkeypatch.chdir(tmp_path)
    assert map_file(Config(), data / "x.csv") == tmp_path / "curator.toml"
    (tmp_path / "curator.toml").write_text("")
    assert map_file(load_config(data), data / "x.csv") == tmp_path / "curator.toml"


def test_families_are_the_letters_of_codes() -> None:
    assert family("ANS005") == "ANS"


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
@pytest.mark.parametrize("name", ["learning_rate", "epochs", "clip"])
def test_a_number_of_a_run_is_finite(name: str, value: float) -> None:
    with pytest.raises(UsageError, match="expected a number"):
        recipe({name: value}, None)


def test_a_number_in_a_file_is_finite(configure: Configure) -> None:
    with pytest.raises(ConfigError, match="a number of at least 0, got the number"):
        configure("[rules.ANS005]\nunclosed = nan\n").plan()


@pytest.mark.parametrize("arguments", [("handoff", "--epochs", "inf"), ("stats", "--price", "nan")])
def test_a_flag_is_finite(arguments: tuple[str, str, str], tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, [*arguments, str(tmp_path)])
    assert done.exit_code == 2 and "no finite number" in done.output


# ---------------------------------------------------------------------- options on top


def options_of(config: Config, code: str) -> Any:
    return next(rule for rule in config.plan().rules if rule.code == code)


def test_options_on_top_go_before_the_file_and_its_keys(configure: Configure) -> None:
    text = 'max-length = 100\n[rules.LEN002]\nmax-tokens = 50\nkeep = "end"\n'
    found = options_of(configure(text, rules={"LEN002": {"max_tokens": "7"}}), "LEN002")
    assert (found.max_tokens, found.keep) == (7, "end")


def test_a_limit_on_top_goes_before_that_of_the_target(configure: Configure) -> None:
    found = options_of(configure("", target="openai", rules={"over-context": {"max-tokens": "9"}}), "LEN001")
    assert (found.max_tokens, found.target) == (9, "")


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"LEN001": {"max_tokens": "0"}}, "--set LEN001.max-tokens: expected a whole number of at least 1, got"),
        ({"LEN001": {"max_tokens": "many"}}, 'expected a whole number of at least 1, got the text "many"'),
        ({"LEN002": {"keep": "middle"}}, '--set LEN002.keep: expected one of start, end, got the text "middle"'),
        ({"LEN006": {"share": "nan"}}, "--set LEN006.share: expected a number of more than 0 and less than 1"),
        ({"ANS003": {"allow": "TBD"}}, '--set ANS003.allow: expected a list of text, got the text "TBD"'),
        ({"LEN001": {"tokens": "5"}}, "--set LEN001: no option 'tokens'"),
        ({"LEN": {"max_tokens": "5"}}, "--set: 'LEN' is a family, not a rule"),
        ({"XYZ001": {"max_tokens": "5"}}, "--set: no rule 'XYZ001'"),
    ],
)  # fmt: skip
def test_a_wrong_option_on_top_is_told_with_what_it_may_be(configure: Configure, rules: Any, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)) as fault:
        configure("[rules.LEN001]\nmax-tokens = 5\n", rules=rules).plan()
    assert not fault.value.where  # the file is not to blame


def test_every_option_of_every_rule_can_be_given_on_top(tmp_path: Path) -> None:
    """As text, as it is typed: its default comes to the default, and what it cannot be is refused by name."""
    for code, rule in load_rules().items():
        for field in msgspec.structs.fields(rule):
            default = getattr(rule(), field.name)
            written = default if isinstance(default, str) else json.dumps(default)
            config = load_config(tmp_path, None, {"rules": {code: {field.name: written}}, "select": (code,)})
            built = {each.code: each for each in config.plan().rules}
            assert code not in built or getattr(built[code], field.name) == default
            if not isinstance(default, str):
                wrong = load_config(tmp_path, None, {"rules": {code: {field.name: "no such value"}}})
                with pytest.raises(UsageError, match=f"--set {code}.{field.encode_name.replace('_', '-')}: expected"):
                    wrong.plan()
