"""Rules that cannot run or need not: what they lack, and how a user supplies it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from pathlib import Path

from curator import extras, targets, templates, tokens
from curator.config.selectors import bad_value, one_rule
from curator.config.settings import Config
from curator.model import NotRun
from curator.rule import DatasetRule, Rule

# What a rule may need (Rule.needs) beside its options, and how a user supplies it.
_UNLOCK = {
    "max_length": ("no context length is named", "--max-length N"),
    "modelfile": ("no Modelfile is named", "--modelfile FILE"),
    "ollama": ("no Modelfile and chat template are named", "--modelfile FILE with --model or --template"),
    "model": ("no model is named", "name a model: --model FOLDER"),
    "target": ("no target is named", "--target openai"),
    "embeddings": ("no model that embeds texts is named", "--embeddings FOLDER"),
    "method": ("no training method is named", "--method lora"),
    "facts": ("no training run is named", "--facts RUN, a run of curator train"),
    "template": ("no chat template is named", "name a model or template: --model, --template"),
}
_OPTION = re.compile(r"--[a-z-]+")
_RENDERED = ("model", "template")  # needs that only a chat template meets


def unlock(need: str) -> tuple[str, str]:
    """What a rule lacks that needs this, and how a user supplies it."""
    said = need.replace("_", " ").replace("-", " ")
    return _UNLOCK.get(need, (f"no {said} is named", f"name a {said}"))


def waiting_for(codes: Sequence[str], rules: Mapping[str, type[Rule]], config: Config) -> tuple[NotRun, ...]:
    """The rules that lack something, by what they lack; a model that is named lacks its chat template.

    The options that are named as missing are those that were not given.
    """
    model = config.model
    given = {"--template"} if config.template or model else set()
    given |= {"--model"} if model else set()
    given |= {"--modelfile"} if config.modelfile else set()
    bare = (f"no chat template in {model}", "name one as well: --template chatml")
    said = {code: bare if model and rules[code].needs in _RENDERED else unlock(rules[code].needs) for code in codes}
    return tuple(
        NotRun(
            tuple(code for code in codes if said[code] == why),
            *why,
            options=() if why == bare else _still(why[1], given),
        )
        for why in dict.fromkeys(said.values())
    )


def _still(unlocked_by: str, given: Set[str]) -> tuple[str, ...]:
    """The options that an unlocking text names and that are not given; of `--model or --template` one is enough."""
    named = _OPTION.findall(unlocked_by)
    if "--template" in named and "--template" in given:
        given = {*given, "--model"}
    return tuple(option for option in named if option not in given)


def not_installed(codes: Sequence[str], rules: Mapping[str, type[Rule]]) -> tuple[NotRun, ...]:
    """The rules whose packages are missing, by the extra that brings them."""
    return tuple(
        NotRun(
            tuple(code for code in codes if rules[code].extra == extra),
            f"{' and '.join(extras.missing(extra))} not installed",
            f'pip install "finetune-curator[{extra}]"',
        )
        for extra in dict.fromkeys(rules[code].extra for code in codes)
    )


def told_by_target(
    config: Config, chosen: Sequence[str], target: targets.Profile | None, rules: Mapping[str, type[Rule]]
) -> dict[str, NotRun]:
    """LEN001 where a rule on targets says the same: at the limit of a service, or of a trainer that drops rows.

    LEN002 where the target does not keep the first tokens, it drops the row, or cuts prompt and answer alike, and
    at the limit of a service. Rules that are given options of their own are run.
    """
    if target is None or target.tokens is None:
        return {}
    named = {one_rule(config, "rules", name, rules) for name in (*config.rules, *config.then.options)}
    over = target.tokens.over
    found = {}
    by = "TGT010" if over == "dropped" else "TGT003" if target.kind == "service" else ""
    if {"LEN001", by} <= {*chosen} - (named & {"LEN001", by}):
        found["LEN001"] = NotRun(
            ("LEN001",), f"{by} judges length by the limit of the target", "--set LEN001.max_tokens=N"
        )
    by = by or {"shared": "TGT013"}.get(over, "")
    if {"LEN002", by} <= {*chosen} - (named & {"LEN002", by}):
        lost = {"dropped": "drops rows over its limit", "shared": "cuts prompt and answer alike"}.get(
            over, "has a limit of its own"
        )
        found["LEN002"] = NotRun(("LEN002",), f"{target.title} {lost}: {by} judges that", "leave --target out")
    return found


def told_by_modelfile(config: Config) -> dict[str, NotRun]:
    """TPL017 where Ollama writes prompts by something that is not in the Modelfile, and not here to compare.

    Raises:
        SourceError: the Modelfile cannot be read.
        TemplateError: its template is no Go template.
    """
    if config.modelfile_path is None:
        return {}
    from curator.ollama.gosyntax import TemplateError
    from curator.ollama.modelfile import read_modelfile
    from curator.ollama.prompt import OllamaTemplate

    said = read_modelfile(config.modelfile_path)
    if said.template is not None:
        try:
            OllamaTemplate(said.template)
        except TemplateError as fault:
            where = f"{config.modelfile_path}, {fault.where}" if fault.where else config.modelfile_path
            raise TemplateError(fault.what, where=where, hint=fault.hint) from None
    return {"TPL017": NotRun(("TPL017",), *said.unseen)} if said.unseen else {}


def told_by_template(spec: str, chosen: Sequence[str], rules: Mapping[str, type[Rule]]) -> dict[str, NotRun]:
    """What an abridged template cannot tell, where no rule that runs sees the whole set and counts those rows."""
    judging = [code for code in chosen if rules[code].needs == "template"]
    if not spec or not judging or any(issubclass(rules[code], DatasetRule) for code in judging):
        return {}
    template = templates.load(spec)
    return {template.name: template.beyond(judging, "rows with tools are")} if template.abridged else {}


def unread_questions(config: Config) -> dict[str, NotRun]:
    """What of the user's files of questions cannot be looked for, by file."""
    if not config.benchmark_files:
        return {}
    from curator import benchmarks

    found: dict[str, NotRun] = {}
    for file in config.benchmark_files:
        lines, first, of = benchmarks.unread(Path(file))
        if lines == of:
            hint = 'write a question a line: {"question": "…"}, or rows of any shape that curator reads'
            raise bad_value(config, "benchmarks", f"no line of {file} holds a question of four words or more", hint)
        if lines:
            which = f"{lines:,} of {of:,} lines hold no question of four words or more, the first is {first}"
            reason = f"{Path(file).name}: {which}"
            found[file] = NotRun(("SPT007",), reason, "put what is asked under question, prompt or messages")
    return found


def told_by_tokenizer(config: Config, chosen: Sequence[str]) -> dict[str, NotRun]:
    """Rules that count tokens, where a model is named and its own tokenizer cannot be read."""
    counting = tuple(code for code in chosen if code in _COUNTING)
    if not config.model or config.counter or not counting:
        return {}
    why = f"tokens are counted with {tokens.backend()}, since no tokenizer is read in {Path(config.model).name}"
    return {"tokenizer": NotRun(counting, why, "name the model's: --tokenizer path/to/tokenizer.json")}


_COUNTING = ("LEN001", "LEN002", "LEN006", "TGT003", "TGT010", "TGT013")
