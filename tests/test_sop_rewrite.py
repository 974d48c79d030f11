"""Prompts by a model: what is sent and kept, what is refused, and every failure of an endpoint. Loopback only."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from curator.cli import main
from curator.errors import UsageError
from curator.sop.rewrite import Writer, refusal

ANSWER = "Title: Cleaning of the Pump\n\n1.0 Procedure:\n1.1 Switch the pump off at the wall and hang up the tag.\n1.2 Rinse it twice with warm water."
TITLE = "Cleaning of the Pump"
GOOD = [
    "How do we clean the pump after a shift?",
    "Please write the SOP for pump cleaning.",
    "I need the cleaning steps for our pump.",
]


class Endpoint:
    """A loopback endpoint that answers each request with the next of `replies`, then the last one again."""

    def __init__(self) -> None:
        self.replies: list[Callable[[BaseHTTPRequestHandler], None]] = []
        self.asked: list[tuple[str, dict[str, str], dict]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append((self.path, dict(self.headers), body))
                reply = outer.replies.pop(0) if len(outer.replies) > 1 else outer.replies[0]
                reply(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def says(content: object, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """A chat completion with this content, as JSON where it is none yet."""
    text = content if isinstance(content, str) else json.dumps(content)
    data = json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return reply


def cut(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices"')


def drips(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(20):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def raw(data: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return reply


def writer(endpoint: Endpoint, pauses: list[float] | None = None, **options: object) -> Writer:
    return Writer(
        endpoint.url, "small", "key-1", seconds=0.3, sleep=(pauses if pauses is not None else []).append, **options
    )  # type: ignore[arg-type]


def ask(made: Writer, count: int = 3) -> tuple[list[str], str]:
    return made.prompts(ANSWER, TITLE, "en", count)


def test_a_reply_becomes_prompts_and_the_key_goes_in_the_header_alone(endpoint: Endpoint) -> None:
    endpoint.replies = [says(GOOD)]
    assert ask(writer(endpoint)) == (GOOD, "")
    path, headers, body = endpoint.asked[0]
    assert path == "/v1/chat/completions" and headers["Authorization"] == "Bearer key-1"
    assert body["model"] == "small" and body["messages"][1]["content"] == ANSWER
    assert "Cleaning of the Pump" in body["messages"][0]["content"] and "key-1" not in json.dumps(body)


@pytest.mark.parametrize(
    "content",
    [
        "```json\n" + json.dumps(GOOD) + "\n```",
        "1. " + "\n2. ".join(GOOD),
        "<think>[hm]</think>" + json.dumps(GOOD),
    ],
)
def test_fences_lists_and_thoughts_around_the_prompts_do_no_harm(endpoint: Endpoint, content: str) -> None:
    endpoint.replies = [says(content)]
    assert ask(writer(endpoint)).texts == GOOD  # type: ignore[attr-defined]


@pytest.mark.parametrize("failure", [says("x", 429), says("x", 503), cut, drips, raw(b"<html>"), raw(b"{}")])
def test_a_failure_that_may_pass_is_asked_again_after_growing_pauses(endpoint: Endpoint, failure: Callable) -> None:
    endpoint.replies = [failure, failure, says(GOOD)]
    pauses: list[float] = []
    assert ask(writer(endpoint, pauses)).texts == GOOD  # type: ignore[attr-defined]
    assert pauses == [1.0, 2.0] and len(endpoint.asked) == 3


def test_the_pause_a_server_asks_for_is_made_up_to_a_minute(endpoint: Endpoint) -> None:
    endpoint.replies = [says("x", 429, Retry_After="7"), says("x", 429, Retry_After="9999"), says(GOOD)]
    pauses: list[float] = []
    ask(writer(endpoint, pauses))
    assert pauses == [7.0, 60.0]


def test_nothing_is_asked_after_three_answers_without_a_reply(endpoint: Endpoint) -> None:
    endpoint.replies = [says("x", 500)]
    made = writer(endpoint, tries=2)
    problems = [ask(made)[1] for _ in range(4)]
    assert problems[:3] == ["no reply: status 500"] * 3 and "did not reply" in problems[3]
    assert len(endpoint.asked) == 6


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = Writer("http://127.0.0.1:9/v1", "m", tries=1).prompts(ANSWER, TITLE, "en", 1)
    assert found.texts == [] and found.problem.startswith("no reply")


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_that_will_not_pass_stops_the_run_and_never_shows_the_key(endpoint: Endpoint, status: int) -> None:
    endpoint.replies = [says("key-1 is wrong", status)]
    with pytest.raises(UsageError, match=str(status)) as found:
        ask(writer(endpoint))
    assert "key-1" not in str(found.value) and len(endpoint.asked) == 1


def test_a_redirect_is_not_followed_with_the_key(endpoint: Endpoint) -> None:
    endpoint.replies = [says("", 302, Location="http://127.0.0.1:9/elsewhere")]
    with pytest.raises(UsageError, match="302"):
        ask(writer(endpoint))


@pytest.mark.parametrize(
    ("prompt", "why"),
    [
        ("Pump?", "words"),
        ("How do I hand in my travel receipts?", "subject"),
        ("Write pump cleaning: switch the pump off at the wall and hang up the tag.", "quotes"),
        ("Bitte schreibe die Anweisung, wie wir die Pump reinigen und was danach zu tun ist.", "language"),
        ("how do we clean the pump after a shift", "another"),
    ],
)
def test_a_prompt_that_is_none_is_refused(prompt: str, why: str) -> None:
    assert why in refusal(prompt, ANSWER, TITLE, "en", [GOOD[0]])


def test_good_prompts_are_taken() -> None:
    assert [refusal(prompt, ANSWER, TITLE, "en", GOOD[:n]) for n, prompt in enumerate(GOOD)] == ["", "", ""]


def test_an_answer_keeps_its_own_wording_where_no_prompt_passes(endpoint: Endpoint) -> None:
    endpoint.replies = [says(["What is the weather?"])]
    assert ask(writer(endpoint)) == ([], "a prompt that does not name the subject")
    assert len(endpoint.asked) == 2


def test_prompts_are_kept_by_all_that_was_sent(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.replies = [says(GOOD)]
    ask(writer(endpoint, cache=tmp_path))
    assert ask(writer(endpoint, cache=tmp_path)) == (GOOD, "")
    assert len(endpoint.asked) == 1
    writer(endpoint, cache=tmp_path).prompts(ANSWER + " Twice.", TITLE, "en", 3)
    assert len(endpoint.asked) == 2
    for file in tmp_path.iterdir():
        assert "key-1" not in file.read_text()
        file.write_bytes(b"broken")
    assert ask(writer(endpoint, cache=tmp_path)).texts == GOOD  # type: ignore[attr-defined]


# ---------------------------------------------------------------------- the command

PAGE = (
    "# Cleaning of the Pump\n\n## Scope\n\nAll pumps.\n\n## Procedure\n\n1. Switch it off.\n2. Rinse it.\n3. Dry it.\n"
)


def test_the_command_changes_prompts_and_nothing_else(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("markdown_it")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MY_KEY", "secret-77")
    Path("pump.md").write_text(PAGE)
    assert main(["sop", "pump.md", "-o", "own.jsonl", "--variants", "3", "--sections"]) == 0
    endpoint.replies = [says(GOOD), says(["What does the pump cleaning SOP cover in its scope?"]), says([])]
    words = ["sop", "pump.md", "-o", "new.jsonl", "--variants", "3", "--sections", "--rewrite", "small"]
    assert main([*words, "--endpoint", endpoint.url, "--key-env", "MY_KEY"]) == 0
    shown = capsys.readouterr()
    assert "rewritten 80%" in shown.out and "own wording kept, 1 times: a reply without prompts" in shown.out
    own, new = (
        [json.loads(line) for line in Path(name).read_text().splitlines()] for name in ("own.jsonl", "new.jsonl")
    )
    assert [row["messages"][-1] for row in new] == [row["messages"][-1] for row in own]
    assert len({row["group"] for row in new}) == 1
    assert [row["messages"][0]["content"] for row in new[:3]] == GOOD
    assert endpoint.asked[0][1]["Authorization"] == "Bearer secret-77"
    kept = "".join(str(p) + p.read_text(errors="replace") for p in tmp_path.rglob("*") if p.is_file())
    assert "secret-77" not in shown.out + shown.err + kept

    asked = len(endpoint.asked)
    endpoint.replies = [says("x", 500)]  # what was kept is not asked for again
    monkeypatch.setattr(time, "sleep", lambda _: None)
    assert (
        main(
            ["sop", "pump.md", "-o", "again.jsonl", "--variants", "3", "--rewrite", "small", "--endpoint", endpoint.url]
        )
        == 0
    )
    assert len(endpoint.asked) == asked


def test_a_run_in_which_every_request_failed_is_no_success_but_has_its_rows(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("markdown_it")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    Path("pump.md").write_text(PAGE)
    endpoint.replies = [says("x", 503)]
    words = ["sop", "pump.md", "--rewrite", "small", "--endpoint", endpoint.url]
    assert main([*words, "-o", "new.jsonl"]) == 1
    assert "no prompt was rewritten by small: no reply: status 503" in capsys.readouterr().err
    assert main(["sop", "pump.md", "-o", "own.jsonl"]) == 0
    assert Path("new.jsonl").read_bytes() == Path("own.jsonl").read_bytes()


def test_a_model_and_an_endpoint_go_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sop", "x.md", "-o", str(tmp_path / "o.jsonl"), "--rewrite", "small"]) == 2
    assert "go together" in capsys.readouterr().err
    assert main(["sop", "x.md", "-o", str(tmp_path / "o.jsonl"), "--rewrite", "m", "--endpoint", "file:///etc"]) == 2
    assert "no web address" in capsys.readouterr().err
