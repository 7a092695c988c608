"""The counter-based random numbers that several libraries have in common."""

import numpy as np


def philox(counter, key, rounds=10):
    """Philox 4x32 (Salmon and others, Parallel random numbers: as easy as 1, 2, 3, 2011): arrays or numbers, four and two -> four words for each."""
    c = [np.asarray(word, np.uint64) for word in np.broadcast_arrays(*counter)]
    key, mask, half = list(key), np.uint64(0xffffffff), np.uint64(32)
    for _ in range(rounds):
        p, q = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(q >> half) ^ c[1] ^ np.uint64(key[0]), q & mask, (p >> half) ^ c[3] ^ np.uint64(key[1]), p & mask]
        key = [(key[0] + 0x9E3779B9) & 0xffffffff, (key[1] + 0xBB67AE85) & 0xffffffff]
    return np.stack(c)
