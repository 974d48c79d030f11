"""Models that answer: many prompts at once say what each says alone; what is not there is said at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
for package in ("transformers", "peft", "accelerate"):
    pytest.importorskip(package)

from curator.training import answering
from tests.conftest import ROOT, Run
from tests.tiny import tiny_model


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module", params=["llama", "qwen3"])
def subject(request: Any, tmp_path_factory: pytest.TempPathFactory) -> answering.Subject:
    return answering.load(str(tiny_model(tmp_path_factory.mktemp("model"), request.param)))


PROMPTS = ("Hello", "What is the capital of France, and who asks?", "reset", "status ivory cobalt amber", "0123 456")


def test_prompts_are_answered_together_as_alone(subject: answering.Subject) -> None:
    ids = [subject.tokenizer.encode(prompt, add_special_tokens=False).ids for prompt in PROMPTS * 4]
    most = [5 + 3 * (n % 7) for n in range(len(ids))]
    together = answering.answers(subject, ids, [1], most)
    alone = [answering.answers(subject, [one], [1], [many])[0] for one, many in zip(ids, most, strict=True)]
    assert together == alone
    assert [len(made) for made, _ in together] == most, "a random model goes on to the end"


def test_an_answer_ends_with_the_first_stop(subject: answering.Subject) -> None:
    ids = [subject.tokenizer.encode(prompt, add_special_tokens=False).ids for prompt in PROMPTS]
    free = [made for made, _ in answering.answers(subject, ids, [], [12] * len(ids))]
    stop = free[0][3]
    found = answering.answers(subject, ids, [stop], [12] * len(ids))
    assert found[0] == (free[0][: free[0].index(stop) + 1], True)
    for (made, stopped), whole in zip(found, free, strict=True):
        assert stopped == (stop in whole) and made == whole[: len(made)]


def test_the_command_answers_each_text(tmp_path: Path, run: Run) -> None:
    model = tiny_model(tmp_path / "m")
    one = run("generate", model, "Hello", "--max-tokens", 5)
    assert one.status == 0 and one.out.endswith(" …\n"), one.err
    two = run("generate", model, "Hello", "Who?", "--system", "Be brief.", "--max-tokens", 5, "--format", "json")
    found = json.loads(two.out)
    assert [reply["prompt"] for reply in found] == ["Hello", "Who?"]
    assert all(reply["tokens"] == 5 and not reply["stopped"] for reply in found)
    assert found[0]["answer"] != one.out[:-3], "the system text is read"


@pytest.mark.parametrize("words", [("eval", "out/tuned"), ("compare", "demo", "out/tuned"), ("generate", "out", "Hi")])
def test_where_there_is_no_run_torch_is_not_loaded_to_say_so(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    code = (
        "import sys; from curator.cli import main; status = main(sys.argv[1:]);"
        "print(status, 'torch' in sys.modules, 'huggingface_hub' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=tmp_path, check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.split() == ["2", "False", "False"], done.stderr
    assert "out" in done.stderr and ("no run" in done.stderr or "no config.json" in done.stderr)
