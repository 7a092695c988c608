#!/usr/bin/env python3
"""Runs what triton-msl makes of kernels in Triton's language, and compares the results with NumPy in float64.

    bench/peers/triton_values.py --anymetal build/release/anymetal [--device cuda:0] [--cases product,softmax] [--folder /tmp/libraries]

The kernels are those of triton_kernels.py; Triton's front end and passes and triton-msl's code generator run as on a Mac up to the Metal text.
Needs NumPy, triton 3.7.1 and triton-msl 0.3.0 (PyPI; `pip install --no-deps triton-msl`).
"""

import math
import sys

import numpy as np

import kernel_values
import triton_kernels as kernels
from random_words import philox
from triton_metal import KINDS, bfloat, dispatch, empty, value


def add(run, random):
    x, y = random.standard_normal((2, 1000)).astype(np.float32)
    run.compare(dispatch(run, kernels.add, [x, y, empty(1000), 1000], [2], (4, 1, 1), {"B": 256}), x.astype(float) + y, 1e-7)


def activations(warps):
    def work(run, random):
        x = random.standard_normal(1000).astype(np.float32)
        found = dispatch(run, kernels.activations, [x, empty(8 * 1000), 1000], [1], (2, 1, 1), {"B": 512}, num_warps=warps).reshape(8, -1)
        x = x.astype(float)
        erf = np.vectorize(math.erf)(x / np.sqrt(2))
        for one, wanted in zip(found, [1 / (1 + np.exp(-x)), x / 2 * (1 + erf), np.where(x > 0, x, np.expm1(x)), np.log1p(2**x), np.sin(x) * np.cos(x),
                                       np.sqrt(abs(x)) + (1 + x * x)**-0.5, np.clip(x, -0.5, 0.75) + np.floor(x) + np.ceil(x), x * x + x], strict=True):
            run.compare(one, wanted, 2e-6)
    return work


def integers(dtype):
    def work(run, random):
        x, y = random.integers(-10000, 10000, 700).astype(dtype), random.integers(1, 50, 700).astype(dtype)
        found = dispatch(run, kernels.integers, [x, y, empty(6 * 700, dtype=dtype), 700], [2], (3, 1, 1), {"B": 256}).reshape(6, -1)
        quotient = np.trunc(x / y).astype(dtype)
        wanted = [quotient, x - quotient * y, (x ^ y) & (x | 12345), (x << (y & 7)) - (x >> (y & 3)), np.minimum(x, y) * 3 - np.maximum(x, y),
                  np.where((x < y) & (x != 7), -x, ~y)]
        for one, exact in zip(found, wanted, strict=True):
            run.compare(one, exact, 0)
    return work


def high_products(run, random):
    x, y = random.integers(0, 2**32, (2, 600), dtype=np.uint32)
    found = dispatch(run, kernels.high_products, [x, y, empty(600, dtype=np.uint32), 600], [2], (3, 1, 1), {"B": 256})
    run.compare(found, (x.astype(np.uint64) * y) >> 32, 0)


def casts(run, random):
    x = (random.standard_normal(900) * 40).astype(np.float32)
    out = [empty(900, dtype=d) for d in (np.float16, np.uint16, np.int8, np.int32)]
    halves, bfloats, bytes_, words = dispatch(run, kernels.casts, [x, *out, 900], [1, 2, 3, 4], (2, 1, 1), {"B": 512})
    run.compare(halves, x.astype(np.float16), 0)
    run.compare(bfloats, bfloat(x), 0)
    run.compare(bytes_[abs(x) < 127], np.trunc(x[abs(x) < 127]), 0)
    run.compare(words, x.view(np.int32), 0)


def softmax(kernel, columns, block, kind="f32"):
    def work(run, random):
        make, tolerance = KINDS[kind]
        x = make(random.standard_normal((5, columns)) * 3)
        found = dispatch(run, kernel, [x, empty(*x.shape, dtype=x.dtype), columns], [1], (5, 1, 1), {"B": block})
        e = np.exp(value(x) - value(x).max(1, keepdims=True))
        run.compare(value(found), e / e.sum(1, keepdims=True), tolerance)
    return work


def layer_norm(columns, block):
    def work(run, random):
        x, (w, b) = random.standard_normal((6, columns)).astype(np.float32), random.standard_normal((2, columns)).astype(np.float32)
        out, mean, inverse = dispatch(run, kernels.layer_norm, [x, w, b, empty(6, columns), empty(6), empty(6), columns, 1e-5], [3, 4, 5], (6, 1, 1), {"B": block})
        x = x.astype(float)
        d = x - x.mean(1, keepdims=True)
        r = ((d * d).mean(1) + 1e-5)**-0.5
        run.compare(mean, x.mean(1), 2e-6)
        run.compare(inverse, r, 2e-6)
        run.compare(out, d * r[:, None] * w + b, 2e-6)
    return work


def reductions(rows, columns):
    def work(run, random):
        x = random.standard_normal((rows, columns)).astype(np.float32)
        found = dispatch(run, kernels.reductions, [x, empty(2 * (rows + columns))], [1], (1, 1, 1), {"R": rows, "C": columns})
        x = x.astype(float)
        run.compare(found, np.concatenate([x.sum(1), x.sum(0), x.max(1), x.min(0)]), 1e-6)
    return work


def places(run, random):
    x = random.integers(-50, 50, (9, 300)).astype(np.float32)  # with equal ones: the first counts
    top, low = dispatch(run, kernels.places, [x, empty(9, dtype=np.int32), empty(9, dtype=np.int32), 300], [1, 2], (9, 1, 1), {"B": 512})
    run.compare(top, x.argmax(1), 0)
    run.compare(low, x.argmin(1), 0)


def variance(run, random):
    x = (random.standard_normal((4, 700)) + 3).astype(np.float32)
    found = dispatch(run, kernels.variance, [x, empty(4, 2), 700], [1], (4, 1, 1), {"B": 1024})
    run.compare(found, np.stack([x.astype(float).mean(1), x.astype(float).var(1)], 1), 2e-6)


def sums_so_far(dtype):
    def work(run, random):
        x = (random.standard_normal((3, 500)) * 20).astype(dtype)
        found = dispatch(run, kernels.sums_so_far, [x, empty(3, 500, dtype=dtype), 500], [1], (3, 1, 1), {"B": 512})
        run.compare(found, np.cumsum(x.astype(float), 1), 2e-6 if dtype == np.float32 else 0)
    return work


def recurrence(run, random):
    a, b = random.uniform(0.2, 1.1, (2, 256)).astype(np.float32), random.standard_normal((2, 256)).astype(np.float32)
    found = dispatch(run, kernels.recurrence, [a, b, empty(2, 256)], [2], (2, 1, 1), {"B": 256})
    wanted = np.zeros((2, 256))
    for i in range(256):
        wanted[:, i] = a[:, i].astype(float) * wanted[:, i - 1] * (i > 0) + b[:, i]
    run.compare(found, wanted, 5e-6)


def sorted_rows(dtype, block):
    def work(run, random):
        x = (random.standard_normal((3, block)) * 1000).astype(dtype)
        run.compare(dispatch(run, kernels.sorted_rows, [x, empty(3, block, dtype=dtype)], [1], (3, 1, 1), {"B": block}), np.sort(x, 1), 0)
    return work


def counts(run, random):
    x = random.integers(0, 64, 3000).astype(np.int32)
    found = dispatch(run, kernels.counts, [x, np.zeros(64, np.int32), 3000], [1], (6, 1, 1), {"B": 512, "BINS": 64})
    run.compare(found, np.bincount(x, minlength=64), 0)


def product(kind, m, n, k, bm, bn, bk, warps=4):
    def work(run, random):
        make, tolerance = KINDS[kind]
        a, b = make(random.standard_normal((m, k))), make(random.standard_normal((k, n)))
        grid = (-(-m // bm), -(-n // bn), 1)
        found = dispatch(run, kernels.product, [a, b, empty(m, n), m, n, k], [2], grid, {"BM": bm, "BN": bn, "BK": bk}, num_warps=warps)
        run.compare(found, value(a) @ value(b), 1e-5)
    return work


def transposed(run, random):
    x = random.standard_normal((70, 45)).astype(np.float32)
    run.compare(dispatch(run, kernels.transposed, [x, empty(45, 70), 70, 45], [1], (3, 2, 1), {"B": 32}), x.T, 0)


def scattered(run, random):
    i, x = random.integers(0, 20, 1000).astype(np.int32), random.standard_normal(1000).astype(np.float32)
    out, top = dispatch(run, kernels.scattered, [i, x, np.zeros(20, np.float32), np.full(20, -2**31, np.int32), 1000], [2, 3], (4, 1, 1), {"B": 256})
    run.compare(out, np.bincount(i, x.astype(float)), 2e-6)
    run.compare(top, [np.trunc(x[i == p] * np.float32(100)).max() for p in range(20)], 0)


def collatz(run, random):
    x = random.integers(1, 5000, 40).astype(np.int32)

    def steps(v):
        return 0 if v == 1 else 1 + steps(3 * v + 1 if v % 2 else v // 2)
    run.compare(dispatch(run, kernels.collatz, [x, empty(40, dtype=np.int32), 40], [1], (40, 1, 1), {"B": 1}), [steps(int(v)) for v in x], 0)


def words(seed, count):
    return philox([np.arange(count), 0, 0, 0], [seed, 0]).astype(np.uint32)


def random_words(run, _):
    found = dispatch(run, kernels.random_words, [empty(512, 4, dtype=np.int32), 1234], [0], (2, 1, 1), {"B": 256})
    run.compare(found, np.ascontiguousarray(words(1234, 512).T).view(np.int32), 0)


def dropout(run, random):
    x = random.standard_normal(1000).astype(np.float32)
    found = dispatch(run, kernels.dropout, [x, empty(1000), 1000, 77, 0.4], [1], (4, 1, 1), {"B": 256})
    first = words(77, 1000)[0].view(np.int32).astype(np.int64)
    uniform = np.where(first < 0, -first - 1, first) * 4.6566127342e-10
    run.compare(found, np.where(uniform > 0.4, x / 0.6, 0), 1e-6)


def cross_entropy(run, random):
    x, target = (random.standard_normal((7, 400)) * 4).astype(np.float32), random.integers(0, 400, 7).astype(np.int32)
    loss, gradient = dispatch(run, kernels.cross_entropy, [x, target, empty(7), empty(7, 400), 400], [2, 3], (7, 1, 1), {"B": 512})
    x = x.astype(float)
    log_sum = np.log(np.exp(x).sum(1))
    run.compare(loss, log_sum - x[np.arange(7), target], 2e-6)
    run.compare(gradient, np.exp(x - log_sum[:, None]) - np.eye(400)[target], 2e-6)


def rotated(run, random):
    x, angle = random.standard_normal((10, 64)).astype(np.float32), random.uniform(0, 6, (10, 32))
    c, s = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    found = dispatch(run, kernels.rotated, [x, c, s, empty(10, 64)], [3], (10, 1, 1), {"D": 64})
    a, b, c, s = (v.astype(float) for v in (x[:, :32], x[:, 32:], c, s))
    run.compare(found, np.concatenate([a * c - b * s, a * s + b * c], 1), 1e-6)


def interleaved(run, random):
    x, y = random.standard_normal((2, 2, 128)).astype(np.float32)
    run.compare(dispatch(run, kernels.interleaved, [x, y, empty(2, 256)], [2], (2, 1, 1), {"B": 128}), np.stack([x, y], 2), 0)


def flipped(run, random):
    x = random.standard_normal((2, 256)).astype(np.float32)
    run.compare(dispatch(run, kernels.flipped, [x, empty(2, 256)], [1], (2, 1, 1), {"B": 256}), x[:, ::-1], 0)


def gathered(run, random):
    x, i = random.standard_normal((8, 32)).astype(np.float32), random.integers(0, 32, (8, 32)).astype(np.int32)
    run.compare(dispatch(run, kernels.gathered, [x, i, empty(8, 32)], [2], (1, 1, 1), {"R": 8, "C": 32}), np.take_along_axis(x, i, 1), 0)


def convolution(run, random):
    x, w = random.standard_normal((3, 300)).astype(np.float32), random.standard_normal((3, 4)).astype(np.float32)
    found = dispatch(run, kernels.convolution, [x, w, empty(3, 300), 300], [2], (3, 3, 1), {"WIDTH": 4, "B": 128})
    total = np.stack([np.convolve(a, b[::-1])[:300] for a, b in zip(x.astype(float), w.astype(float))])
    run.compare(found, total / (1 + np.exp(-total)), 2e-6)


def delta_rule(run, random):
    q, k, v = random.standard_normal((3, 20, 32)).astype(np.float32)
    k /= np.linalg.norm(k, axis=1, keepdims=True)
    beta = random.uniform(0, 1, 20).astype(np.float32)
    found = dispatch(run, kernels.delta_rule, [q, k, v, beta, empty(20, 32), 20], [4], (1, 1, 1), {"D": 32})
    state, wanted = np.zeros((32, 32)), []
    for a, b, c, d in zip(*(x.astype(float) for x in (q, k, v, beta))):
        state = state + np.outer(d * (c - state @ b), b)
        wanted.append(state @ a)
    run.compare(found, wanted, 5e-6)


def small_product(kind):
    def work(run, random):
        make, _ = KINDS[kind]
        a, b, bias = make(random.standard_normal((32, 32))), make(random.standard_normal((32, 32))), random.standard_normal(32).astype(np.float32)
        found = dispatch(run, kernels.small_product, [a, b, bias, empty(32, 32)], [3], (1, 1, 1), {"M": 32, "N": 32, "K": 32})
        wanted = value(a).T @ value(b).T + bias
        run.compare(found, np.where(wanted >= 0, wanted, 0.01 * wanted), 1e-5)
    return work


def products_so_far(axis, back):
    def work(run, random):
        x = random.uniform(0.5, 1.5, (16, 16)).astype(np.float32)
        found = dispatch(run, kernels.products_so_far, [x, empty(16, 16)], [1], (1, 1, 1), {"R": 16, "C": 16, "AXIS": axis, "BACK": back})
        x = np.flip(x.astype(float), axis) if back else x.astype(float)
        run.compare(found, np.flip(np.cumprod(x, axis), axis) if back else np.cumprod(x, axis), 2e-6)
    return work


def swapped(run, random):
    locks, x = random.integers(0, 3, (2, 256)).astype(np.int32)
    out, left, now = dispatch(run, kernels.swapped, [locks, x, empty(512, dtype=np.int32), 256], [2, 1, 0], (2, 1, 1), {"B": 128})
    run.compare(out, np.concatenate([locks, x]), 0)
    run.compare(left, -np.arange(256), 0)
    run.compare(now, np.where(locks == x, np.arange(256), locks), 0)


def gated(kind, by_gelu):
    def work(run, random):
        make, tolerance = KINDS[kind]
        g, u = make(random.standard_normal(1000)), make(random.standard_normal(1000))
        found = dispatch(run, kernels.gated, [g, u, empty(1000, dtype=g.dtype), 1000], [2], (4, 1, 1), {"B": 256, "BY_GELU": by_gelu})
        x = value(g)
        inner = 2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3) if by_gelu else x
        run.compare(value(found), x / (1 + np.exp(-inner)) * value(u), tolerance)
    return work


def adam(run, random):
    x, g, m, v = random.standard_normal((4, 700)).astype(np.float32)
    v = abs(v)
    found = dispatch(run, kernels.adam, [x, g, m, v, 700, 0.01, 0.9, 0.99, 1e-6, 3], [0, 2, 3], (3, 1, 1), {"B": 256})
    x, g, m, v = (a.astype(float) for a in (x, g, m, v))
    m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
    for one, wanted in zip(found, [x - 0.01 * (m / (1 - 0.9**3)) / (np.sqrt(v / (1 - 0.99**3)) + 1e-6), m, v], strict=True):
        run.compare(one, wanted, 5e-6)


def quantised(run, random):
    x = random.standard_normal((5, 300)).astype(np.float32)
    codes, scales = dispatch(run, kernels.quantised, [x, empty(5, 300, dtype=np.int8), empty(5), 300], [1, 2], (5, 1, 1), {"B": 512})
    run.compare(scales, abs(x).max(1).astype(float) / 127, 1e-6)
    run.compare(codes * scales[:, None].astype(float), x, 0.5 / 127 * 1.001)


def split_pairs(run, random):
    x = random.standard_normal((256, 2)).astype(np.float32)
    z = x.astype(float) @ [1, 1j]
    run.compare(dispatch(run, kernels.split_pairs, [x, empty(512), 256], [1], (2, 1, 1), {"B": 128}), np.stack([(z * z).real, (z * z).imag], 1), 1e-6)


def sparse_rows(run, random):
    lengths = random.integers(0, 200, 20)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    columns, values = random.integers(0, 500, starts[-1]).astype(np.int32), random.standard_normal(starts[-1]).astype(np.float32)
    x = random.standard_normal(500).astype(np.float32)
    found = dispatch(run, kernels.sparse_rows, [starts, columns, values, x, empty(20)], [4], (20, 1, 1), {"B": 64})
    run.compare(found, [values[a:b].astype(float) @ x[columns[a:b]] for a, b in zip(starts, starts[1:])], 2e-6)


def mandelbrot(run, _):
    found = dispatch(run, kernels.mandelbrot, [empty(60 * 60, dtype=np.int32), 60], [0], (60, 1, 1), {"B": 64, "LIMIT": 30})
    c = -2 + 3 * np.arange(60) / 60 + 1j * (-1.5 + 3 * np.arange(60)[:, None] / 60)
    z, count = np.zeros_like(c), np.zeros(c.shape)
    for _ in range(30):
        inside = abs(z)**2 <= 4
        z = np.where(inside, z * z + c, z)
        count += inside
    if (found.reshape(60, 60) != count).sum() > 5:  # points at the border may go either way in float
        raise RuntimeError(f"{(found.reshape(60, 60) != count).sum()} of 3600 counts differ")
    run.compare(found, found, 0)


def cases():
    yield "add", add
    yield from ((f"activations, {w} warps", activations(w)) for w in (1, 4, 16))
    yield from ((f"integers {d.__name__}", integers(d)) for d in (np.int32, np.int64))
    yield from (("high products", high_products), ("casts", casts))
    yield from ((f"softmax {k} {c}", softmax(kernels.softmax, c, b, k)) for k in KINDS for c, b in ((100, 128), (1000, 1024), (1500, 2048)))
    yield "softmax by blocks", softmax(kernels.online_softmax, 1300, 256)
    yield from ((f"layer norm {c}", layer_norm(c, b)) for c, b in ((200, 256), (1024, 1024), (1900, 2048)))
    yield from ((f"reductions {r}x{c}", reductions(r, c)) for r, c in ((16, 16), (8, 128), (4, 32)))
    yield from (("argmax and argmin", places), ("variance", variance))
    yield from ((f"sums so far {d.__name__}", sums_so_far(d)) for d in (np.float32, np.int32))
    yield "recurrence", recurrence
    yield from ((f"sort {d.__name__} {b}", sorted_rows(d, b)) for d in (np.float32, np.int32) for b in (32, 128, 256))
    yield "counts", counts
    for kind in KINDS:
        yield f"product {kind}", product(kind, 64, 64, 64, 32, 32, 32)
        yield f"product {kind}, odd sizes", product(kind, 50, 70, 45, 32, 32, 16)
        yield f"product {kind}, tiles of 64", product(kind, 128, 64, 96, 64, 64, 32, 8)
        yield f"product {kind}, tiles of 16", product(kind, 48, 48, 64, 16, 16, 16, 1)
        yield f"product {kind}, one tile", small_product(kind)
        yield f"gated {kind}", gated(kind, False)
        yield f"gated {kind} by gelu", gated(kind, True)
    yield from ((f"products so far, axis {a}{' back' * b}", products_so_far(a, b)) for a in (0, 1) for b in (False, True))
    yield from ((f.__name__.replace("_", " "), f) for f in (transposed, scattered, collatz, random_words, dropout, cross_entropy, rotated, interleaved, flipped,
                                                          gathered, convolution, delta_rule, swapped, adam, quantised, split_pairs, sparse_rows,
                                                          mandelbrot))


def main():
    options = kernel_values.parser_of(__doc__).parse_args()
    return kernel_values.compare(options, lambda folder: [(name, work, folder, folder) for name, work in cases()])


if __name__ == "__main__":
    sys.exit(main())
