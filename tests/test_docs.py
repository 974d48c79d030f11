"""Pages and schema are derived from the rules, and those in `docs/` are current."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from curator import docs
from curator.config import Config, family, load_config, load_rules
from curator.errors import CuratorError
from curator.rule import DROPPED, Bad, RowRule

DOCS = Path(__file__).resolve().parent.parent / "docs"
RULES = load_rules()
HIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def test_the_generated_files_are_current() -> None:
    """Written anew by `python -m curator.docs`."""
    assert [path.name for path in docs.stale(docs.generated(DOCS), DOCS)] == []


def test_check_names_what_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs" / "rules").mkdir(parents=True)
    (tmp_path / "docs" / "configuration.md").write_text("<!-- keys -->\n<!-- end -->\n")
    gone = tmp_path / "docs" / "rules" / "OLD001.md"
    gone.write_text("# a rule that is no more\n")
    monkeypatch.setattr(docs, "__file__", str(tmp_path / "curator" / "docs" / "__init__.py"))
    assert docs.main(["--check"]) == 1
    assert "stale: docs/rules/OLD001.md" in capsys.readouterr().err
    assert gone.exists()
    assert docs.main([]) == 0
    assert not gone.exists()
    assert docs.main(["--check"]) == 0


def test_every_family_has_a_title() -> None:
    assert {family(code) for code in RULES} <= set(docs.FAMILIES)


@pytest.mark.parametrize("code", RULES)
def test_every_rule_can_be_explained(code: str) -> None:
    rule = RULES[code]
    page = docs.explain(rule, "md")
    assert rule.summary() in page and rule.why() in page
    assert "\n## Why\n\n" in page and "\n## Flagged\n" in page
    known = json.loads(docs.explain(rule, "json"))
    assert len(known["bad"]) == len(rule.BAD)
    assert [[flag["at"] for flag in bad["flags"]] for bad in known["bad"]] == [list(bad.places) for bad in rule.BAD]
    assert known["fix"] == rule.fixable()
    assert docs.explain(rule).startswith(f"{code} {rule.slug()} ({rule.severity}, ")


@pytest.mark.parametrize("code", RULES)
def test_no_page_holds_what_cannot_be_seen(code: str) -> None:
    for form in ("text", "md"):
        page = docs.explain(RULES[code], form)
        assert not re.search(
            "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]", page
        )


def example(row: Any, **more: Any) -> type[RowRule]:
    """A rule, unregistered, that flags the whole of its one example."""

    class Odd(RowRule, frozen=True):
        """It is odd. And so on.

        Because.
        """

        BAD = [Bad(row, at="", **more)]

        def check(self, example: Any) -> Any:
            from curator.model import Flag

            yield Flag("", "says `x` | *y*", fix=None)

    return Odd


def test_a_page_survives_markdown_in_its_examples() -> None:
    row = {"messages": [{"role": "user", "content": "````\ncode\n````"}]}
    page = docs.explain(example(row), "md")
    assert "\n`````json\n" in page
    assert "* the row: says \\`x\\` \\| \\*y\\*\n" in page


def test_long_texts_are_cut_and_dropped_rows_named() -> None:
    row = {"messages": [{"role": "user", "content": "x" * 5000}]}
    page = docs.explain(example(row, fixed=DROPPED), "md")
    assert len(page) < 1500
    assert "4,600 characters" in page
    assert "The fix drops the row." in page


# ---------------------------------------------------------------------- the schema and the configuration page


def schema_errors(text: str) -> list[str]:
    schema = json.loads(docs.schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    return [error.json_path for error in validator.iter_errors(tomllib.loads(text))]


def test_the_schema_takes_what_curator_takes() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", (DOCS / "configuration.md").read_text("utf-8"), re.DOTALL)
    assert schema_errors(block) == []


def test_the_example_of_the_configuration_page_works(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", (DOCS / "configuration.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "curator.toml").write_text(block)
    assert load_config(tmp_path).plan().rules


@pytest.mark.parametrize(
    "text",
    [
        'selct = ["ANS"]',
        'select = "ANS"',
        "max-length = 0",
        'fail-on = "erorr"',
        'profile = "lenient"',
        'shape = "sharegtp"',
        "[rules.ROL010]\nmsot = 3",
        "[rules.too-many-turns]\nmost = 0",
        '[limits]\nDUP001 = "2"',
        '[severity]\nROL = "bad"',
    ],
)
def test_the_schema_refuses_what_curator_refuses(text: str, tmp_path: Path) -> None:
    assert schema_errors(text)
    (tmp_path / "curator.toml").write_text(text)
    with pytest.raises(CuratorError):
        config = load_config(tmp_path)
        config.plan()
        from curator.formats import Reader

        Reader(config.shape)


def test_every_option_of_every_rule_can_be_set_to_its_default(tmp_path: Path) -> None:
    """What the pages print under Options is valid TOML, valid by the schema, and taken."""
    blocks = [
        block
        for code in RULES
        for block in re.findall(r"```toml\n(.*?)```", docs.explain(RULES[code], "md"), re.DOTALL)
    ]
    text = "\n".join(blocks)
    assert schema_errors(text) == []
    (tmp_path / "curator.toml").write_text(text, "utf-8")
    assert load_config(tmp_path).plan().rules == Config().plan().rules
