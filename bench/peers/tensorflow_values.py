#!/usr/bin/env python3
"""Runs the Metal kernels of a TensorFlow plug-in, unmodified, and compares what they compute with NumPy in float64.

    bench/peers/tensorflow_values.py --anymetal build/release/anymetal [--device cuda:0] [--cases pool,fft] [--folder /tmp/libraries]

The kernels are the text within tensorflow-metal-plugin 0.4.1 (a source package of PyPI), nothing of which is installed or run; TensorFlow's
documentation says what its operations mean. The formulas are written here anew. Needs NumPy.
"""

import sys

import numpy as np

import kernel_values
from random_words import philox
from tensorflow_images import crop, dilation, pool, projected, resized, volume_patches
from tensorflow_metal import COUNTER, KINDS, SEED, dispatch, empty, normal, program, zeros


def draws(count, attempt=0, stream=0):
    return philox([np.arange(count), COUNTER, attempt, stream], SEED)


def unit(words):
    return (words >> np.uint64(8)).astype(float) / 2**24


def gaussian(words):
    return np.sqrt(-2 * np.log(np.maximum(unit(words[0]), 1e-7))) * np.cos(2 * np.pi * unit(words[1]))


def filled(run, random):
    run.compare(dispatch(run, "tf_fill_const_half", [empty(700, dtype=np.float16)], [0], 700, [700, 2.5, 0, 0]), np.full(700, 2.5), 0)
    run.compare(dispatch(run, "tf_fill_float", [empty(700), np.array([-3], np.float32)], [0], 700, [700, 0.0, 0, 0]), np.full(700, -3), 0)


def uniform(run, _):
    found = dispatch(run, "tf_random_uniform_float", [empty(1000)], [0], 1000, [1000, *SEED, COUNTER])
    run.compare(found, unit(draws(1000)[0]), 0)
    found = dispatch(run, "tf_random_uniform_half", [empty(1000, dtype=np.float16)], [0], 1000, [1000, *SEED, COUNTER])
    run.compare(found, np.minimum(unit(draws(1000)[0]).astype(np.float16), 1 - 2**-11), 0)


def whole(run, _):
    found = dispatch(run, "tf_random_uniform_int", [empty(1000, dtype=np.int32)], [0], 1000, [1000, *SEED, COUNTER, -40, 91, 0, 0])
    run.compare(found, (draws(1000)[0] % np.uint64(91)).astype(int) - 40, 0)


def normals(run, _):
    found = dispatch(run, "tf_random_normal_float", [empty(1000)], [0], 1000, [1000, *SEED, COUNTER])
    run.compare(found, gaussian(draws(1000)), 2e-6)


def truncated_normals(run, _):
    wanted = np.full(1000, np.nan)
    for attempt in range(8):
        found = gaussian(draws(1000, attempt))
        wanted = np.where(np.isnan(wanted) & (abs(found) <= 2), found, wanted)
    run.compare(dispatch(run, "tf_truncated_normal_float", [empty(1000)], [0], 1000, [1000, *SEED, COUNTER]), wanted, 2e-6)


def multinomial(run, random):
    logits = normal(random, 4, 9)
    found = dispatch(run, "tf_multinomial_float_i64", [logits, empty(4, 50, dtype=np.int64)], [1], 200, [200, *SEED, COUNTER, 4, 9, 50, 0])
    scores = np.stack([-np.log(-np.log(np.maximum(unit(draws(200, c, 1)[0]), 1e-7))) for c in range(9)], 1)
    run.compare(found, (logits.astype(float).repeat(50, 0) + scores).argmax(1), 0)



def optimizer(entry, state, rates, formula, nesterov):
    """Arrays that change, numbers, the gradient; what `formula` makes of them."""
    def work(run, random):
        for name, dtype, tolerance in KINDS:
            arrays = [abs(normal(random, 500, dtype=dtype)) for _ in range(state)]
            gradient, numbers = normal(random, 500, dtype=dtype), [np.array([r], dtype) for r in rates]
            wanted = formula(*(a.astype(float) for a in arrays), gradient.astype(float), *(float(n[0]) for n in numbers), nesterov)
            order = {"tf_apply_gradient_descent": [*arrays, *numbers, gradient], "tf_apply_momentum": [*arrays, numbers[0], gradient, *numbers[1:]],
                     "tf_apply_keras_momentum": [*arrays, numbers[0], gradient, *numbers[1:]]}.get(entry, [*arrays, *numbers, gradient])
            found = dispatch(run, f"{entry}_{name}", order, list(range(state)), 500, [500, nesterov, 0, 0])
            for one, exact in zip(found if state > 1 else [found], wanted, strict=True):
                run.compare(one, exact, tolerance)
    return work


def descent(x, g, rate, _):
    return [x - rate * g]


def momentum(x, a, g, rate, m, nesterov):
    a = a * m + g
    return [x - rate * (g + a * m if nesterov else a), a]


def keras_momentum(x, a, g, rate, m, nesterov):
    a = a * m - g * rate
    return [x + (a * m - g * rate if nesterov else a), a]


def rms_prop(x, s, m, g, rate, rho, factor, eps, _):
    s = rho * s + (1 - rho) * g * g
    m = m * factor + g * rate / np.sqrt(s + eps)
    return [x - m, s, m]


def adam(x, m, v, g, power1, power2, rate, beta1, beta2, eps, nesterov):
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
    step = rate * np.sqrt(1 - power2) / (1 - power1)
    return [x - step * (m * beta1 + (1 - beta1) * g if nesterov else m) / (np.sqrt(v) + eps), m, v]


def bins(run, random):
    values, rows = random.integers(-3, 25, 600), np.arange(600) // 60
    inside = (values >= 0) & (values < 20)
    coords = np.stack([rows, random.integers(0, 9, 600)], 1)
    splits = np.concatenate([[0], np.sort(random.integers(0, 600, 9)), [600]]).astype(np.int64)
    ragged = np.searchsorted(splits, np.arange(600), "right") - 1
    for index, dtype in (("i32", np.int32), ("i64", np.int64)):
        for kind, weights in (("float", normal(random, 600)), ("int", random.integers(-9, 9, 600).astype(np.int32))):
            for row, entry, arrays, length in ((rows, "tf_bincount", [], 60), (rows, "tf_sparse_bincount", [coords.astype(np.int64)], 2),
                                               (ragged, "tf_ragged_bincount", [splits], 10)):
                at = (row * 20 + values)[inside]
                for binary, weighted, wanted in ((0, 1, np.bincount(at, weights[inside].astype(float), 200)), (0, 0, np.bincount(at, minlength=200)),
                                                 (1, 0, np.bincount(at, minlength=200) > 0)):
                    found = dispatch(run, f"{entry}_{kind}_{index}", [values.astype(dtype), *arrays, weights, np.zeros(200, weights.dtype)], [len(arrays) + 2], 600,
                                     [600, 20, length, binary, weighted, 0, 0, 0])
                    run.compare(found, wanted, 1e-6)


def rows(run, random):
    data, index = random.integers(0, 2**32, (40, 7), dtype=np.uint32), random.permutation(44).astype(np.int32)[:30] - 2
    inside = (index >= 0) & (index < 40)
    found = dispatch(run, "tf_gather_rows_u32", [data, index, empty(30, 7, dtype=np.uint32)], [2], 210, [210, 7, 40, 0])
    run.compare(found, np.where(inside[:, None], data[np.clip(index, 0, 39)], 0), 0)
    wanted = np.zeros((40, 7))
    wanted[index[inside]] = data[:30][inside]
    run.compare(dispatch(run, "tf_scatter_rows_u32", [data[:30], index, np.zeros((40, 7), np.uint32)], [2], 210, [210, 7, 40, 0]), wanted, 0)


def classification(run, random):
    """Loss by all alignments of a short sequence, its gradient by differences."""
    times, classes, labels = 6, 4, np.array([[1, 2, 0], [2, 2, 0], [3, 0, 0]], np.int32)
    lengths, steps, logits = np.array([2, 2, 1], np.int32), np.array([6, 5, 4], np.int32), normal(random, times, 3, classes)

    def loss(x, b):
        p = np.exp(x - np.log(np.exp(x).sum(1, keepdims=True)))
        paths = np.stack(np.meshgrid(*[range(classes)] * steps[b], indexing="ij"), -1).reshape(-1, steps[b])
        total = 0.0
        for path in paths:
            said = [int(k) for i, k in enumerate(path) if k != 0 and (i == 0 or path[i - 1] != k)]
            total += p[range(steps[b]), path].prod() if said == list(labels[b][:lengths[b]]) else 0
        return -np.log(total)

    values, gradient, _ = dispatch(run, "tf_ctc_loss_float", [logits, labels, lengths, steps, empty(3), zeros(times, 3, classes), zeros(3, 2, times, 7)], [4, 5, 6], 3,
                                   [3, times, classes, 0, 3, 0, 0, 0])
    run.compare(values, [loss(logits[:steps[b], b].astype(float), b) for b in range(3)], 2e-6)
    for b, t, k in ((0, 0, 1), (0, 3, 0), (1, 2, 2), (1, 4, 1), (2, 1, 3), (2, 3, 0)):
        up, down = (logits[:steps[b], b].astype(float) for _ in range(2))
        up[t, k] += 1e-4
        down[t, k] -= 1e-4
        run.compare([gradient[t, b, k]], [(loss(up, b) - loss(down, b)) / 2e-4], 1e-4)


def segments(run, random):
    for index, ids in ((np.int32, np.int32), (np.int32, np.int64), (np.int64, np.int32), (np.int64, np.int64)):
        name = f"i{index(0).itemsize * 8}_i{ids(0).itemsize * 8}"
        data, row = normal(random, 30, 5), random.integers(0, 30, 50).astype(index)
        segment = np.sort(random.integers(0, 8, 50)).astype(ids)
        counts = np.bincount(segment, minlength=9)
        parameters = [50, 5, 9, 30, 0, 250, 0, 0]
        total = np.zeros((9, 5))
        np.add.at(total, segment, data[row].astype(float))
        found, counted = dispatch(run, f"tf_sparse_segment_forward_{name}", [data, row, segment, zeros(9, 5), np.zeros(9, np.int32)], [3, 4], 250, parameters)
        run.compare(found, total, 1e-6)
        run.compare(counted, counts, 0)
        run.compare(dispatch(run, f"tf_sparse_segment_counts_{name[-3:]}", [segment, np.zeros(9, np.int32)], [1], 50, parameters), counts, 0)
        for mode, divisor in ((1, np.maximum(counts, 1)), (2, np.sqrt(np.maximum(counts, 1)))):
            sized = [50, 5, 9, 30, mode, 45, 0, 0]
            run.compare(dispatch(run, "tf_sparse_segment_normalise_float", [found, counted], [0], 45, sized), total / divisor[:, None], 1e-6)
            g = normal(random, 9, 5)
            back = np.zeros((30, 5))
            np.add.at(back, row, (g / divisor[:, None])[segment])
            sized[5] = 250
            run.compare(dispatch(run, f"tf_sparse_segment_grad_{name}", [g, row, segment, counted, zeros(30, 5)], [4], 250, sized), back, 1e-6)


def transform(length, inner, inverse):
    def work(run, random):
        x = normal(random, 3, length, inner, 2)
        found, _ = dispatch(run, "tf_fft_axis_float", [x, zeros(3 * inner, 2, length, 2)], [0, 1], 3 * inner, [3, length, inner, 3 * inner, inverse, inverse, 0, 0])
        z = x[..., 0].astype(float) + 1j * x[..., 1]
        z = np.fft.ifft(z, axis=1) if inverse else np.fft.fft(z, axis=1)
        run.compare(found, np.stack([z.real, z.imag], -1), 2e-5 if length & (length - 1) else 2e-6)
    return work


def spectra(run, random):
    x, z = normal(random, 5, 12), normal(random, 5, 9, 2)
    parameters = [5, 16, 12, 5, 0, 0, 0, 0]
    packed = dispatch(run, "tf_fft_pack_real_float", [x, empty(5, 16, 2)], [1], 80, parameters)
    run.compare(packed, np.stack([np.pad(x, ((0, 0), (0, 4))), np.zeros((5, 16))], -1), 0)
    run.compare(dispatch(run, "tf_fft_unpack_real_float", [packed, empty(5, 12)], [1], 60, parameters), x, 0)
    parameters[2] = 9
    mirrored = dispatch(run, "tf_fft_mirror_spectrum_float", [z, empty(5, 16, 2)], [1], 80, parameters)
    run.compare(mirrored, np.concatenate([z, z[:, 7:0:-1] * [1, -1]], 1), 0)
    run.compare(dispatch(run, "tf_fft_crop_spectrum_float", [mirrored, empty(5, 9, 2)], [1], 45, parameters), z, 0)
    y = normal(random, 3, 4, 5, 2)
    parameters = [3, 90, 0, 0, *(3, 4, 5, 0, 0, 0, 0, 0), *(2, 5, 9, 0, 0, 0, 0, 0)]
    run.compare(dispatch(run, "tf_fft_resize_float", [y, empty(2, 5, 9, 2)], [1], 90, parameters), np.pad(y, ((0, 0), (0, 1), (0, 4), (0, 0)))[:2], 0)


def sparse(run, random):
    for index in (np.int32, np.int64):
        name, values = f"i{index(0).itemsize * 8}", normal(random, 40)
        at = np.stack(np.unravel_index(random.permutation(6 * 7 * 8)[:40], (6, 7, 8)), 1).astype(index)
        wanted = np.zeros((6, 7, 8))
        wanted[tuple(at.T)] = values
        found = dispatch(run, f"tf_sparse_to_dense_{name}", [at, values, zeros(6, 7, 8)], [2], 40, [40, 3, 40, 0, 0, 0, 0, 0, 6, 7, 8, 0, 0, 0, 0, 0])
        run.compare(found, wanted, 0)
        for across, turned in ((0, 0), (1, 1)):
            at = random.integers(0, (9, 12), (40, 2))
            a = np.zeros((9, 12))
            np.add.at(a, tuple(at.T), values.astype(float))
            b = normal(random, 5, 12) if turned else normal(random, 12, 5)
            entries = (at[:, ::-1] if across else at).astype(index)
            found = dispatch(run, f"tf_sparse_dense_matmul_{name}", [entries, values, b, zeros(9, 5)], [3], 200,
                             [40, 2, 200, 5, 0, across, turned, 0, 9, 12, 0, 0, 0, 0, 0, 0])
            run.compare(found, a @ (b.T if turned else b), 1e-6)


def incomplete_beta(run, random):
    a, b, x = random.uniform(0.5, 8, 400).astype(np.float32), random.uniform(0.5, 8, 400).astype(np.float32), random.uniform(0, 1, 400).astype(np.float32)
    # By t = sin(u)^2 the integrand has no pole; Gauss and Legendre, 200 points.
    nodes, weights = np.polynomial.legendre.leggauss(200)

    def integral(end):
        u = end[:, None] * (nodes + 1) / 2
        return (np.sin(u) ** (2 * a[:, None] - 1.0) * np.cos(u) ** (2 * b[:, None] - 1.0)) @ weights * end / 2
    wanted = integral(np.arcsin(np.sqrt(x.astype(float)))) / integral(np.full(400, np.pi / 2))
    run.compare(dispatch(run, "tf_betainc_float", [a, b, x, empty(400)], [3], 400, [400, 0, 0, 0]), wanted, 3e-5)


def health(run, random):
    x = normal(random, 800)
    x[5:9], x[40:42], x[100:103], x[300:305] = np.inf, -np.inf, np.nan, 0
    counts = np.array([0, 0, (x == -np.inf).sum(), (x == np.inf).sum(), np.isnan(x).sum()])
    run.compare(dispatch(run, "tf_debug_concise_health_float", [x, zeros(5)], [1], 800, [800, 0, 0, 0] + [0.0] * 10), counts, 0)
    run.compare(dispatch(run, "tf_debug_curt_health_float", [x, zeros(2)], [1], 800, [800, 0, 0, 0] + [0.0] * 10), [0, 1], 0)
    wanted = [0] * 5 + [(x == -np.inf).sum(), (x == np.inf).sum(), np.isnan(x).sum(), (np.isfinite(x) & (x < 0)).sum(), (x == 0).sum(), (np.isfinite(x) & (x > 0)).sum()]
    run.compare(dispatch(run, "tf_debug_full_health_float", [x, zeros(11)], [1], 800, [800, 0, 0, 0] + [0.0] * 10), wanted, 0)
    found = dispatch(run, "tf_debug_three_slots_float", [x, zeros(3)], [1], 800, [800, 0, 0, 0] + [0.0] * 10)
    run.compare([found[0] == -np.inf, found[1] == np.inf, np.isnan(found[2])], [1, 1, 1], 0)
    run.compare(dispatch(run, "tf_debug_prefix_float", [empty(10)], [0], 10, [0, 10, 0, 0, *map(float, range(10))]), range(10), 0)
    for kind, dtype in (("float", np.float32), ("half", np.float16)):
        run.compare(dispatch(run, f"tf_check_numerics_{kind}", [x.astype(dtype), np.zeros(3, np.uint32)], [1], 800, [800, 0, 0, 0]), [1, 1, 1], 0)
        y, d = normal(random, 300, dtype=dtype), normal(random, 300, dtype=dtype)
        found = dispatch(run, f"tf_assign_update_{kind}", [y, d], [0], 300, [300, -1.0, 0, 0])
        run.compare(found, y.astype(float) - d, 1e-7 if kind == "float" else 1e-3)


def cases():
    for function in (filled, uniform, whole, normals, truncated_normals, multinomial, dilation, bins, projected, resized, volume_patches, rows, classification,
                     segments, spectra, sparse, incomplete_beta, health):
        yield function.__name__.replace("_", " "), function
    yield "gradient descent", optimizer("tf_apply_gradient_descent", 1, [0.125], descent, 0)
    for nesterov in (0, 1):
        yield f"momentum {nesterov}", optimizer("tf_apply_momentum", 2, [0.0625, 0.75], momentum, nesterov)
        yield f"keras momentum {nesterov}", optimizer("tf_apply_keras_momentum", 2, [0.0625, 0.75], keras_momentum, nesterov)
        yield f"adam {nesterov}", optimizer("tf_apply_adam", 3, [0.75, 0.875, 0.0625, 0.875, 0.9375, 0.001953125], adam, nesterov)
    yield "rms prop", optimizer("tf_apply_rms_prop", 3, [0.0625, 0.875, 0.75, 0.001953125], rms_prop, 0)
    yield from ((f"pool {k} {i} {b}", pool(k, i, b)) for k in ("float", "half") for i in ("i32", "i64") for b in (0, 1))
    yield from ((f"crop {'nearest' if n else 'bilinear'}", crop(n)) for n in (0, 1))
    yield from ((f"transform {n}{' inverse' * v}", transform(n, i, v)) for n, i in ((64, 1), (16, 5), (60, 1), (21, 4)) for v in (0, 1))


def main():
    return kernel_values.compare(kernel_values.parser_of(__doc__).parse_args(), lambda folder: [(name, work, program(folder), folder) for name, work in cases()])


if __name__ == "__main__":
    sys.exit(main())
