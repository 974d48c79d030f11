"""Every pair of rows that may be alike, for certain, where the set is not too large for it.

Two sets whose Jaccard similarity is t or more share an element even among the rarest of either, one more than the
share 1 - t of them: what is rare brings few rows together (prefix filtering: Bayardo, Ma and Srikant, "Scaling up
all pairs similarity search", 2007).
"""

from __future__ import annotations

import numpy as np

from curator.text.hashed import unique

_AT_ONCE = 1 << 22  # pairs laid out at a time
_MOST = 1 << 26  # pairs that are looked at: beyond, too much of the set is one wording


def every_pair(numbers: np.ndarray, sizes: np.ndarray, low: float) -> np.ndarray | None:
    """int64 codes (a << 32 | b, a < b) that hold all pairs of sets with a similarity of `low` or more.

    `numbers` are the elements of the sets, one set after the other, each element of a set once; `sizes` says how many
    each set has. None where the pairs to look at are too many.
    """
    rank = (np.bincount(numbers)[numbers].astype(np.int64) << 32) | numbers  # the rarest first
    owners = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((rank, owners))
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = place < np.repeat(sizes - np.ceil(low * sizes - 1e-6).astype(np.int64) + 1, sizes)
    element, owner = numbers[order][kept], owners[kept]
    order = np.lexsort((owner, sizes[owner], element))
    element, owner = element[order], owner[order]
    return _within(element, owner, sizes, low)


def _within(element: np.ndarray, owner: np.ndarray, sizes: np.ndarray, low: float) -> np.ndarray | None:
    """The pairs of owners of one element that are not too unlike in size; sorted by element, then by size."""
    size = sizes[owner]
    keys = element.astype(np.float64) * (2.0 * float(sizes.max(initial=1)) / low) + size
    ends = np.searchsorted(keys, keys - size + size / low + 1e-6, side="right")
    counts = ends - np.arange(len(owner)) - 1
    if int(counts.sum()) > _MOST:
        return None
    found = [np.empty(0, np.int64)]
    done = np.cumsum(counts)
    start = 0
    while start < len(owner):
        before = int(done[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(done, before + _AT_ONCE)))
        some = counts[start:stop]
        first = np.repeat(np.arange(start, stop), some)
        second = first + 1 + np.arange(len(first)) - np.repeat(np.cumsum(some) - some, some)
        a, b = owner[first], owner[second]
        found.append(unique((np.minimum(a, b) << 32) | np.maximum(a, b)))
        start = stop
    return unique(np.concatenate(found))
