"""CPU seconds and memory of `curator sop` on pages.

    python tests/bench/sop.py [PAGES]

The authored procedures in the shells of `tests/quality/shells`, PAGES in all (100): converted in two halves, so that
memory that grows with the number of pages would show. One process, no workers.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "quality"))

import shells  # noqa: E402

from curator.sop.run import convert  # noqa: E402


def memory() -> float:
    """The most memory this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(count: int) -> int:
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "samples" / "sop").glob("*.md"))]
    names = list(shells.SHELLS)
    with tempfile.TemporaryDirectory() as folder:
        pages = [Path(folder) / f"{n:04d}.html" for n in range(count)]
        for n, page in enumerate(pages):
            page.write_text(shells.framed(names[n % len(names)], texts[n // len(names) % len(texts)]), encoding="utf-8")
        ticks: list[tuple[int, int]] = []
        output = Path(folder) / "rows.jsonl"
        convert([str(pages[0])], output)  # imports
        marks = [memory()]
        start = time.process_time()
        for half in (pages[: count // 2], pages[count // 2 :]):
            result = convert([*map(str, half)], output, progress=lambda done, whole: ticks.append((done, whole)))
            assert not result.failed, result.failed
            marks.append(memory())
        spent = time.process_time() - start
    print(f"{count} pages: {spent:.1f} CPU s, {1000 * spent / count:.0f} ms a page; {len(ticks)} reports of progress")
    print(f"memory: {marks[0]:.0f} MB after one page, {marks[1]:.0f} MB after half, {marks[2]:.0f} MB after all")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
