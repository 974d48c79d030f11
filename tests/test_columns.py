"""Columns of a batch: what is computed once, and the same however long a text is."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.text.hashed import _ROOM, Column, hash_words, slice_hashes


@settings(max_examples=40)
@given(
    size=st.integers(0, 3).flatmap(lambda parts: st.integers(max(parts * _ROOM - 3, 0), parts * _ROOM + 3)),
    seed=st.integers(0, 2**32),
    cuts=st.lists(st.floats(0, 1), min_size=2, max_size=12),
)
def test_a_slice_has_the_hash_of_its_bytes_alone(size, seed, cuts):
    data = np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)
    places = np.sort(np.array([int(cut * size) for cut in cuts]))
    starts, ends = places[:-1], places[1:]
    for start, end, found in zip(starts, ends, slice_hashes(data, starts, ends), strict=True):
        part = data[start:end]
        assert slice_hashes(part, np.array([0]), np.array([len(part)]))[0] == found


def test_the_words_of_a_text_of_megabytes_hash_as_elsewhere():
    words = ["river", "stone", "garden", "é", "漢"] * 200_000
    text = " ".join(words).encode()
    short = " ".join(words[:5]).encode()
    long = hash_words(Column(text, np.array([0]), np.array([len(text)])))
    alone = hash_words(Column(short, np.array([0]), np.array([len(short)])))
    assert np.array_equal(long.hashes, np.tile(alone.hashes, 200_000))
