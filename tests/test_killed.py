"""A command that is killed at any moment and started again ends with the same bytes as one never killed.

Killed in two ways: just before the n-th change it makes to the file system (found by an audit hook, so that every
such moment can be hit), and after a random time, in the midst of writing or of anything else. CURATOR_KILLS is how
many kills are made in all (22 unless it says otherwise).
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from curator import decisions, scratch
from curator.cli import ending
from curator.training.checkpoints import is_whole
from curator.writing import Replacement, passing_folder, recover, write_whole
from tests.conftest import ROOT

KILLS = int(os.environ.get("CURATOR_KILLS", "22"))

# Runs curator, and kills itself before change number argv[1]; argv[2] is a file that is told how many there were.
KILLER = """
import atexit, os, signal, sys
last, told = int(sys.argv[1]), sys.argv[2]
count, CHANGES = 0, {"os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "os.truncate", "fcntl.flock"}
def hook(event, args):
    global count
    if event in CHANGES or (event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)):
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
if told:
    atexit.register(lambda: os.write(os.open(told, os.O_CREAT | os.O_WRONLY), b"%d" % count))
from curator.cli import main
status = main(sys.argv[3:])
sys.exit(status)
"""


def messages(asked: str, answer: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}], **more}


def data(folder: Path) -> None:
    """Rows of all sorts: mended, dropped, broken, and many that are well."""
    rows = [messages(f"What is {n} plus {n + 1}?", f"{n} plus {n + 1} is {2 * n + 1}.") for n in range(300)]
    rows += [messages("Is it sealed?", "No. It isn\u00e2\u20ac\u2122t sealed."), rows[3], rows[3], messages("Who?", "")]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    lines.insert(50, '{"messages": [')
    (folder / "data.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    shutil.copytree(ROOT / "samples" / "sop", folder / "documents")


COMMANDS = {
    "lint": ["lint", "data.jsonl", "--ignore", "SPL,LNG", "--format", "jsonl", "--output", "out/report.jsonl"],
    "fix": ["lint", "data.jsonl", "--ignore", "SPL,LNG", "--fix"],
    "clean": ["clean", "data.jsonl", "--ignore", "SPL,LNG", "-o", "out/clean.jsonl"],
    "split": ["split", "data.jsonl", "-o", "out"],
    "convert": ["convert", "data.jsonl", "--to", "sharegpt", "-o", "out/new.jsonl.gz", "--allow-loss"],
    "sop": ["sop", "documents/blister-line-clearance.html", "-o", "out/rows.jsonl", "--json", "out/documents"],
    "handoff": ["handoff", "axolotl", "data.jsonl", "--model", "org/none", "--allow-loss", "-o", "out/job"],
    "prepare": ["prepare", "data.jsonl", "--ignore", "SPL,LNG", "-o", "out"],
}
STAMPED = "report.html"  # tells how long each rule took


class Place:
    """A folder with the data, and a command run in it."""

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        self.folder, self.arguments = folder, arguments
        folder.mkdir()
        (folder / "out").mkdir()
        data(folder)
        hidden = {"CURATOR_CACHE_DIR": str(folder / "cache"), "TMPDIR": str(folder / "tmp")}
        (folder / "tmp").mkdir()
        self.env = {**os.environ, **hidden, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT)}

    def start(self, last: int = 0, told: str = "") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", KILLER, str(last), told, *self.arguments]
        return subprocess.Popen(
            command, cwd=self.folder, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def run(self, last: int = 0, told: str = "") -> int:
        process = self.start(last, told)
        _, said = process.communicate(timeout=120)
        assert process.returncode in (0, 1, -signal.SIGKILL), said.decode()
        return process.returncode

    def files(self) -> dict[str, bytes]:
        """What stands in the folder for the user to see."""
        found = {}
        for path in [self.folder / "data.jsonl", *sorted((self.folder / "out").rglob("*"))]:
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(self.folder).parts):
                found[str(path.relative_to(self.folder))] = path.read_bytes()
        return found


# ---------------------------------------------------------------------- what a killed process leaves behind


def left_over(folder: Path, age: float) -> Path:
    """A passing file as a killed process leaves it."""
    file = folder / ".x.jsonl.abc.part"
    file.write_bytes(b"half a li")
    os.utime(file, (time.time() - age,) * 2)
    return file


def test_the_next_to_write_a_file_removes_what_was_left_of_it(tmp_path: Path) -> None:
    fresh, other = left_over(tmp_path, 1), tmp_path / ".y.jsonl.abc.part"
    other.write_bytes(b"")
    os.utime(other, (0, 0))
    write_whole(tmp_path / "x.jsonl", b"{}\n")
    assert fresh.exists()  # its writer may be at work
    old = left_over(tmp_path, 60)
    write_whole(tmp_path / "x.jsonl", b"{}\n")
    assert not old.exists()
    assert other.exists()


def test_a_passing_file_that_is_being_written_is_never_removed(tmp_path: Path) -> None:
    with Replacement(tmp_path / "x.jsonl") as slow:
        slow.file.write(b"first\n")
        os.utime(slow.passing, (0, 0))
        write_whole(tmp_path / "x.jsonl", b"second\n")
        slow.commit()
    assert (tmp_path / "x.jsonl").read_bytes() == b"first\n"


def begun(folder: Path, **names: str) -> None:
    """A commit of two files, killed before the second was moved; one file was to go."""
    (folder / "a").write_text("new")
    (folder / "b").write_text("old")
    (folder / "c").write_text("gone")
    (folder / ".b.part").write_text("new")
    stamps = {name: [s.st_size, s.st_mtime_ns, s.st_ino] for name in "abc" for s in [(folder / name).stat()]}
    files = [
        {"passing": ".a.part", "name": "a", "stamp": None},
        {"passing": ".b.part", "name": "b", "stamp": stamps["b"]},
    ]
    files[1] |= names
    listed = {"files": files, "gone": [{"name": "c", "stamp": stamps["c"]}]}
    (folder / ".curator-commit").write_text(json.dumps(listed))


def test_a_commit_that_was_killed_midway_is_ended(tmp_path: Path) -> None:
    begun(tmp_path)
    recover(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "new", "b": "new"}
    recover(tmp_path)


def test_a_file_that_was_changed_since_is_not_overwritten(tmp_path: Path) -> None:
    begun(tmp_path)
    (tmp_path / "b").write_text("my own words")
    recover(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "a": "new",
        "b": "my own words",
        "c": "gone",
    }


@pytest.mark.parametrize("names", [{"name": "../victim"}, {"name": "/victim"}, {"passing": "../victim"}, {"name": 1}])
def test_a_list_that_names_files_elsewhere_moves_nothing(tmp_path: Path, names: Any) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (tmp_path / "victim").write_text("safe")
    begun(folder, **names)
    recover(folder)
    assert (tmp_path / "victim").read_text() == "safe"
    assert ((folder / "b").read_text(), (folder / "c").read_text()) == ("old", "gone")
    assert not (folder / ".curator-commit").exists()


# ---------------------------------------------------------------------- commands


@pytest.mark.slow
@pytest.mark.parametrize("verb", COMMANDS)
def test_killed_at_any_moment_it_ends_with_the_same_bytes(verb: str, tmp_path: Path) -> None:
    whole = Place(tmp_path / "whole", COMMANDS[verb])
    before, started = whole.files(), time.monotonic()
    assert whole.run(told=str(tmp_path / "count")) in (0, 1)
    seconds, changes = time.monotonic() - started, int((tmp_path / "count").read_text())
    after = whole.files()
    old, new = same(before), same(after)
    allowed = {name: {old.get(name, b""), new.get(name, b"")} for name in {*old, *new}}

    broken = Place(tmp_path / "broken", COMMANDS[verb])
    draw, kills = random.Random(verb), -(-KILLS // len(COMMANDS))
    moments = draw.sample(range(1, changes + 1), min(changes, kills - kills // 3))
    killed = 0
    for moment in moments:
        killed += broken.run(last=moment) == -signal.SIGKILL
        check(broken, allowed, before)
    assert killed or len(moments) < 3
    for _ in range(kills // 3):
        process = broken.start()
        time.sleep(draw.uniform(0, seconds))
        process.kill()
        process.communicate()
        check(broken, allowed, before)
    assert broken.run() in (0, 1)
    assert same(broken.files()) == same(after)


@pytest.mark.slow
def test_a_training_killed_at_any_moment_ends_with_the_same_weights(tmp_path: Path) -> None:
    """Started again as curator says: plainly, with --resume from the first checkpoint on, with --force before."""
    from tests.tiny import tiny_model

    model = tiny_model(tmp_path / "model")
    options = "--steps 6 --batch 4 --learning-rate 2e-3 --evaluate-every 2 --dropout 0.1 --facts off --waive all"
    words = ["train", "run", "set", "--model", str(model), *options.split(), "-o", "out/tuned"]
    whole, broken = Place(tmp_path / "whole", words), Place(tmp_path / "broken", words)
    for place in (whole, broken):
        place.env |= {"OMP_NUM_THREADS": "1"}
        (place.folder / "set").mkdir()
        for name, rows in (("train", range(16)), ("valid", range(16, 20))):
            lines = [json.dumps(messages(f"What is {n} plus {n + 1}?", f"It is {2 * n + 1}.")) for n in rows]
            (place.folder / "set" / f"{name}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    started = time.monotonic()
    assert whole.run(told=str(tmp_path / "count")) == 0
    seconds, changes = time.monotonic() - started, int((tmp_path / "count").read_text())
    wanted = weights(whole.folder / "out" / "tuned" / "adapter")
    assert wanted

    draw, kills = random.Random("train"), max(3, KILLS // (len(COMMANDS) + 1))
    resumed = 0
    for number in range(kills):
        broken.arguments = [*words, *again(broken.folder / "out" / "tuned")]
        resumed += "--resume" in broken.arguments
        if number % 3:
            broken.run(last=draw.randrange(changes // 2, changes + 1))
        else:
            process = broken.start()
            time.sleep(draw.uniform(seconds / 2, seconds))
            process.kill()
            process.communicate()
        adapter = broken.folder / "out" / "tuned" / "adapter"
        assert not adapter.exists() or weights(adapter) == wanted, "half an adapter stands there"
    while more := again(broken.folder / "out" / "tuned"):
        broken.arguments = [*words, *more]
        assert broken.run() == 0
        if json.loads((broken.folder / "out" / "tuned" / "run.json").read_bytes())["status"] == "done":
            break
    assert weights(broken.folder / "out" / "tuned" / "adapter") == wanted
    assert told(broken.folder / "out" / "tuned") == told(whole.folder / "out" / "tuned")
    print(f"{kills} kills among {changes} changes, {resumed} times resumed")


# Exports runs again and again in children that kill themselves or are killed; argv: kills, then FORM RUN OUT by turns.
EXPORTER = """
import json, os, random, shutil, signal, sys, time
from pathlib import Path
import torch
from curator.export import Ask, export
torch.set_num_threads(1)
CHANGES = {"os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "os.truncate"}
def child(work, last=0, wait=None):
    told, tell = os.pipe()
    pid = os.fork()
    if not pid:
        count = 0
        def hook(event, args):
            nonlocal count
            writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
            if event in CHANGES or writes:
                count += 1
                if count == last:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hook)
        try:
            work()
        finally:
            os.write(tell, str(count).encode())
            os._exit(0)
    os.close(tell)
    if wait is not None:
        time.sleep(wait)
        os.kill(pid, signal.SIGKILL)
    said = os.read(told, 20)
    os.close(told)
    os.waitpid(pid, 0)
    return int(said or 0)
def files(folder):
    found = {path.name: path.read_bytes() for path in sorted(folder.iterdir())} if folder.is_dir() else {}
    if "export.json" in found:
        found["export.json"] = {**json.loads(found["export.json"]), "made": "", "command": ""}
    return found
def work(form, run, out):
    return lambda: export(form, Ask(run, Path(out)))
kills, (form, first, second, home) = int(sys.argv[1]), sys.argv[2:]
home, draw = Path(home), random.Random(form)
work(form, first, home / "old")()  # imports what there is to import
began = time.monotonic()
work(form, second, home / "whole")()
seconds, old, new = time.monotonic() - began, files(home / "old"), files(home / "whole")
changes = child(work(form, second, home / "counted"))
allowed = {name: [old.get(name), new.get(name)] for name in {*old, *new}}
bad, killed = [], 0
for stands in (False, True):
    out = home / f"out-{stands}"
    ends = range(max(1, changes - 15), changes + 1)  # where it is put in place
    moments = [*ends, *(draw.randrange(1, changes + 1) for _ in range(kills)), *(0 for _ in range(kills))]
    for number, moment in enumerate(moments):
        if stands and number % 4 == 0:
            work(form, first, out)()
        killed += not child(work(form, second, out), moment, None if moment else draw.uniform(0, seconds))
        bad += [f"{name} is neither old nor new" for name, text in files(out).items() if text not in allowed[name]]
        if not stands:
            bad += ["half an export stands there"] if files(out) not in ({}, new) else []
            shutil.rmtree(out, ignore_errors=True)
    work(form, second, out)()
    bad += [f"{out.name} ends otherwise"] if files(out) != new else []
print(json.dumps({"bad": bad, "killed": killed, "changes": changes}))
"""


@pytest.mark.slow
def test_an_export_killed_at_any_moment_leaves_no_half_file_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    """Into a folder that is not there, and over an export of another adapter."""
    from tests.test_export import adapter
    from tests.tiny import tiny_model

    model = tiny_model(tmp_path / "model")
    runs = [str(adapter(model, tmp_path / str(rank), r=rank)) for rank in (4, 8)]
    kills = max(4, KILLS // len(COMMANDS))
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", EXPORTER, str(kills), "gguf-lora", *runs, str(tmp_path)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["bad"] == [] and told["killed"] >= kills


def test_what_a_killed_process_left_beside_a_folder_goes_and_what_is_written_stays(tmp_path: Path) -> None:
    with passing_folder(tmp_path / "tuned") as alive:
        left = tmp_path / ".tuned.abc.part"
        (left / "new").mkdir(parents=True)
        for folder in (alive, left):
            os.utime(folder, (0, 0))
        with passing_folder(tmp_path / "tuned"):
            assert alive.is_dir() and not left.exists()
    assert not list(tmp_path.iterdir())


def again(output: Path) -> list[str]:
    """How a training that was killed is to be started again."""
    if not (output / "run.json").is_file():
        return ["--force"]
    if json.loads((output / "run.json").read_bytes())["status"] == "done":
        return ["--force"]
    return ["--resume"] if any(map(is_whole, output.glob("checkpoints/checkpoint-*"))) else ["--force"]


def weights(adapter: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(adapter.iterdir())} if adapter.is_dir() else {}


def told(output: Path) -> Any:
    """What run.json says, but for times and for where the data stands."""
    record = json.loads((output / "run.json").read_bytes())
    return {name: value for name, value in record.items() if name not in ("times", "data_folder")}


def check(place: Place, allowed: dict[str, set[bytes]], before: dict[str, bytes]) -> None:
    """Every file is as it was or as it is to be; and the user's own is never lost."""
    for name, content in same(place.files()).items():
        assert content in allowed[name], f"{name} is neither old nor new"
    kept = place.folder / ".curator" / "backup" / "data.jsonl.1"
    assert before["data.jsonl"] in {
        (place.folder / "data.jsonl").read_bytes(),
        kept.read_bytes() if kept.exists() else b"",
    }


def same(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files that every run writes alike, without the hash of the one that it does not and the time of the run."""
    hash_of = rb'"report.html": "[0-9a-f]{64}"|README.md": "[0-9a-f]{64}"|report.html`? *[|:]? *`?[0-9a-f]{12,64}'
    hash_of += rb'|"made": "[^"]*"'
    return {name: re.sub(hash_of, b"", text) for name, text in files.items() if Path(name).name != STAMPED}


@pytest.mark.slow
def test_no_recorded_decision_is_lost_or_torn(tmp_path: Path) -> None:
    """Each decision is reported as recorded (exit 0) or not; what was reported is there after all kills."""
    log = "decisions.jsonl"
    draw, recorded, place = random.Random(0), [], Place(tmp_path / "x", [])
    for number in range(max(6, KILLS // 5)):
        line = draw.randrange(1, 40)
        options = ["--verdict", "drop", "--who", "me", "--why", f"reason {number}", "--log", log, "--ignore", "SPL,LNG"]
        place.arguments = ["decisions", "add", "data.jsonl", str(line), *options]
        if place.run(last=draw.randrange(1, 25)) == 0:
            recorded.append(f"reason {number}")
        content = (place.folder / log).read_bytes() if (place.folder / log).exists() else b""
        assert content == b"" or content.endswith(b"\n")
    place.arguments = ["decisions", "add", "data.jsonl", "50", "--verdict", "drop", "--who", "me", "--why", "last"]
    place.arguments += ["--log", log, "--ignore", "SPL,LNG"]
    assert place.run() == 0
    read = decisions.read(place.folder / log)
    assert not read.unread
    assert set(recorded) | {"last"} <= {decision.why for decision in read.decisions}


@pytest.fixture
def heeding():
    """No request is ignored, as `nohup` has it for all that it starts."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("heeding")
@pytest.mark.parametrize("asking", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_asked_to_end_takes_its_passing_files_along(asking, tmp_path):
    """As a container that is stopped, a scheduler or a terminal that is closed asks."""
    (passing := tmp_path / "tmp").mkdir()
    rows = [json.dumps(messages(f"What is {n} plus {n}?", f"It comes to {2 * n} in all.")) for n in range(150_000)]
    (tmp_path / "data.jsonl").write_text("\n".join(rows))
    command = [sys.executable, "-m", "curator", "lint", "data.jsonl", "--no-cache", "--workers", "2"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=os.environ | {"TMPDIR": str(passing)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        while process.poll() is None and not any(passing.glob("curator-lint-*")):
            time.sleep(0.01)
        process.send_signal(asking)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + asking
    assert b"Traceback" not in said
    assert not list(passing.iterdir())


ASKED_AT_A_FORK = """
import os, signal
from curator.cli import ending
from curator.scan.mappers import Processes

moments = [lambda: os.kill(os.getpid(), signal.SIGTERM)]
os.register_at_fork(before=lambda: moments.pop()() if moments else None)  # what is raised there goes no further
try:
    with ending.in_order():
        list(Processes(2).map(abs, range(4)))
except ending.Ended as ended:
    print(ended.status, list(Processes(2).map(abs, range(4))))
"""


def test_a_request_to_end_that_comes_while_workers_are_started_is_heeded():
    """In a process of its own: with other threads about, what is raised may leave a lock of logging held."""
    asked = subprocess.run(
        [sys.executable, "-c", ASKED_AT_A_FORK], capture_output=True, text=True, timeout=60, check=False
    )
    assert asked.stdout == "143 [0, 1, 2, 3]\n", asked.stderr


KILLED_FROM_A_WORKER = """
import os, signal
from curator.scan.mappers import Processes

def work(item):
    os.kill(os.getppid(), signal.SIGKILL)

list(Processes(2).map(work, range(4)))
"""


def test_workers_end_when_their_command_is_killed():
    """They hold its output open: whoever reads it would wait for ever."""
    killed = subprocess.run([sys.executable, "-c", KILLED_FROM_A_WORKER], capture_output=True, timeout=30, check=False)
    assert killed.returncode == -signal.SIGKILL


@pytest.mark.usefixtures("heeding")
def test_a_request_to_end_that_python_swallows_is_asked_again():
    class Leaving:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGHUP)

    hook = sys.unraisablehook
    with pytest.raises(ending.Ended) as ended, ending.in_order():
        Leaving()
        time.sleep(10)
    assert ended.value.status == 129
    assert sys.unraisablehook is hook
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


def test_what_a_killed_run_left_is_taken_away_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))
    script = "import os; from curator.scratch import Scratch; left = Scratch('lint'); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", script], env=os.environ | {"TMPDIR": str(tmp_path)}, cwd=ROOT, check=False)
    left = list(tmp_path.iterdir())
    live = scratch.Scratch("live")
    other = tmp_path / "curator-of-somebody"
    other.mkdir()
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    scratch._clear.cache_clear()
    with scratch.Scratch("lint") as new:
        kept = {Path(new), Path(live.name), other}
        assert len(left) == 1
        assert set(tmp_path.iterdir()) == kept
    live.cleanup()
    assert set(tmp_path.iterdir()) == {other}
