"""What the caps on crowded bands cost and save: a simulation of their skew.

    python tests/bench/bands.py                         for the table of docs/scale.md

Rows fall into families: each row of a family shares a share of its words with the family's first row. Sizes of
families follow Zipf's law, as templates of generated sets do: the largest holds a tenth of the rows. For each exponent
the script prints the pairs that all buckets of all bands hold, those that are compared under the caps (all pairs of a
bucket of up to 64 rows; beyond, each row with the bucket's first and the next 16), and the share of the rows of
families that still stand in one component: what clusters and splits rest on.
"""

from __future__ import annotations

import argparse
from itertools import pairwise

import numpy as np

from curator.neighbours.graph import _BUCKET, _bands, _bucketed, _rows_a_band
from curator.neighbours.shingles import LANES

THRESHOLD = 0.7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--alike", type=float, default=0.9, help="similarity of a row and its family's first")
    args = parser.parse_args()
    print(f"{args.rows:,} rows, {LANES} lanes, caps from {_BUCKET} rows a bucket on")
    print(f"{'exponent':>9}{'largest':>10}{'hot':>6}{'all pairs':>16}{'compared':>13}{'saved':>8}{'joined':>8}")
    for exponent in (0.0, 0.6, 0.8, 1.0, 1.2):
        sizes = families(args.rows, exponent)
        print(row(exponent, sizes, args.alike), flush=True)


def families(rows: int, exponent: float) -> np.ndarray:
    """Sizes by Zipf's law that add up to about `rows`, the largest at most a tenth of them."""
    weights = np.arange(1, rows // 5 + 1, dtype=np.float64) ** -exponent
    return np.minimum(np.maximum(1, weights / weights.sum() * rows), rows // 10).astype(np.int64)


def row(exponent: float, sizes: np.ndarray, alike: float) -> str:
    rng = np.random.default_rng(1)
    family = np.repeat(np.arange(len(sizes)), sizes)
    family = family[rng.permutation(len(family))]
    ownlanes = rng.integers(0, 1 << 16, (len(sizes), LANES), dtype=np.uint16)
    signed = ownlanes[family]
    other = rng.random(signed.shape) > alike  # a lane agrees with the chance of the similarity
    signed[other] = rng.integers(0, 1 << 16, int(other.sum()), dtype=np.uint16)
    everywhere, hot = np.arange(len(family)), []
    every = compared = 0
    codes = []
    for lanes in _bands(_rows_a_band(THRESHOLD)):
        _, counts = np.unique(np.ascontiguousarray(signed[:, lanes]).view(np.uint64), return_counts=True)
        every += int((counts.astype(np.int64) * (counts - 1) // 2).sum())
        found = _bucketed(signed, everywhere, lanes, hot)
        compared += len(found)
        codes.append(found)
    pairs = np.unique(np.concatenate(codes))
    joined = same_component(pairs >> 32, pairs & 0xFFFFFFFF, family)
    largest = max(hot, default=int(sizes.max()))
    saved = 1 - compared / max(1, every)
    return f"{exponent:>9.1f}{largest:>10,}{len(hot):>6,}{every:>16,}{compared:>13,}{saved:>8.1%}{joined:>8.2%}"


def same_component(a: np.ndarray, b: np.ndarray, family: np.ndarray) -> float:
    """Share of the rows of families of two and more that stand in the largest component of their family."""
    root = np.arange(len(family))
    while True:  # the least number of a component walks through it
        least = root.copy()
        np.minimum.at(least, a, root[b])
        np.minimum.at(least, b, root[a])
        least = least[least]
        if (least == root).all():
            break
        root = least
    order = np.lexsort((root, family))
    stands = together = 0
    bounds = np.flatnonzero(np.diff(family[order], prepend=-1, append=-1))
    for low, high in pairwise(bounds.tolist()):
        if high - low > 1:
            _, counts = np.unique(root[order[low:high]], return_counts=True)
            stands += high - low
            together += int(counts.max())
    return together / max(1, stands)


if __name__ == "__main__":
    main()
