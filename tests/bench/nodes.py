"""Whether two Ray nodes, of which one is lost midway, find byte for byte what one process finds.

    python tests/bench/nodes.py data.jsonl                one process, then two nodes; the second dies halfway
    python tests/bench/nodes.py data.jsonl --whole        the same, and none dies
    python tests/bench/nodes.py data.jsonl --thorough     with the costly rules, of which DUP003 looks for rows alike

Prints the findings of each, a hash over all of them as they are reported, and CPU and wall seconds.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--whole", action="store_true", help="lose no node")
    parser.add_argument("--thorough", action="store_true", help="with the costly rules")
    args = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [sys.path[0], os.environ.get("PYTHONPATH", "")]))
    import ray
    from ray.cluster_utils import Cluster

    from curator.scan.cluster import Ray

    one = hashed(args.data, args.thorough, "one process", 1)
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = nodes.add_node(num_cpus=1)
    lost = args.whole

    def lose(done: int, size: int) -> None:
        nonlocal lost
        if not lost and done > size / 2:
            lost = True
            nodes.remove_node(second, allow_graceful=False)
            print(f"the second node is lost after {done / 1e6:,.0f} of {size / 1e6:,.0f} MB", flush=True)

    two = hashed(args.data, args.thorough, "two nodes", Ray(nodes.address), lose)
    ray.shutdown()  # the first node does not go while this process is joined to it
    nodes.shutdown()
    print("the same, byte for byte" if one == two else "NOT THE SAME")
    return int(one != two)


def hashed(data: Path, thorough: bool, name: str, workers: object, progress: object = None) -> str:
    """The hash of all findings."""
    from curator import engine
    from curator.config import load_config

    started, spent = time.perf_counter(), time.process_time()
    config = load_config(data, None, {"thorough": thorough or None})
    report = engine.lint([data], config, workers=workers, cache=False, progress=progress)
    digest = hashlib.sha256()
    for finding in report.findings:
        digest.update(msgspec.json.encode(finding))
    print(
        f"{name:<12} {report.rows:>10,} rows {len(report.findings):>10,} findings  sha256 {digest.hexdigest()[:16]}  "
        f"{time.perf_counter() - started:,.0f} s by the clock, {time.process_time() - spent:,.0f} s of CPU here",
        flush=True,
    )
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
