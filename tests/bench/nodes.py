"""Whether two Ray nodes, of which one is lost midway, find byte for byte what one process finds.

    python tests/bench/nodes.py data.jsonl                one process, then two nodes; the second dies halfway
    python tests/bench/nodes.py data.jsonl --lose join    the second dies while rows are compared
    python tests/bench/nodes.py data.jsonl --whole        none dies
    python tests/bench/nodes.py data.jsonl --thorough     with the costly rules, which compare rows with rows

Prints the findings of each, a hash over all of them as they are reported, and seconds: by the clock, of CPU in this
process, and of CPU in the work that the nodes did.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--lose", choices=["scan", "join"], default="scan", help="when the second node dies")
    parser.add_argument("--whole", action="store_true", help="lose no node")
    parser.add_argument("--thorough", action="store_true", help="with the costly rules")
    args = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [sys.path[0], os.environ.get("PYTHONPATH", "")]))
    import ray
    from ray.cluster_utils import Cluster

    one = hashed(args.data, args.thorough, "one process", 1)
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    left = [] if args.whole else [nodes.add_node(num_cpus=1)]
    if args.whole:
        nodes.add_node(num_cpus=1)

    def lose(when: str, after: str) -> None:
        if left and args.lose == when:
            nodes.remove_node(left.pop(), allow_graceful=False)
            print(f"the second node is lost after {after}", flush=True)

    def reading(done: int, size: int) -> None:
        if done > size / 2:
            lose("scan", f"{done / 1e6:,.0f} of {size / 1e6:,.0f} MB")

    def judging(done: int, rules: int, at: str) -> None:
        if ", part " in at:
            lose("join", at)

    two = hashed(args.data, args.thorough, "two nodes", Counting(nodes.address), reading, judging)
    ray.shutdown()  # the first node does not go while this process is joined to it
    nodes.shutdown()
    print("the same, byte for byte" if one == two else "NOT THE SAME")
    return int(one != two)


class Counting:
    """The nodes of a cluster, and the CPU seconds of the work that they did."""

    apart = True

    def __init__(self, address: str) -> None:
        self.address, self.seconds = address, 0.0

    def map(self, work: Any, items: Any, lost: Any = None) -> Iterator[Any]:
        from curator.scan.cluster import Ray

        given_up = None if lost is None else lambda item, why: (lost(item, why), 0.0)
        for result, seconds in Ray(self.address).map(Timed(work), items, given_up):
            self.seconds += seconds
            yield result


class Timed:
    """Work whose result comes with its CPU seconds."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        self.work = work

    def __call__(self, item: Any) -> tuple[Any, float]:
        started = time.process_time()
        return self.work(item), time.process_time() - started


def hashed(data: Path, thorough: bool, name: str, workers: Any, progress: Any = None, judging: Any = None) -> str:
    """The hash of all findings."""
    from curator import engine
    from curator.config import load_config

    started, spent = time.perf_counter(), time.process_time()
    config = load_config(data, None, {"thorough": thorough or None})
    report = engine.lint([data], config, workers=workers, cache=False, progress=progress, judging=judging)
    digest = hashlib.sha256()
    for finding in report.findings:
        digest.update(msgspec.json.encode(finding))
    there = f", {workers.seconds:,.0f} s on the nodes" if isinstance(workers, Counting) else ""
    print(
        f"{name:<12} {report.rows:>10,} rows {len(report.findings):>10,} findings  sha256 {digest.hexdigest()[:16]}  "
        f"{time.perf_counter() - started:,.0f} s by the clock, {time.process_time() - spent:,.0f} s of CPU here{there}",
        flush=True,
    )
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
