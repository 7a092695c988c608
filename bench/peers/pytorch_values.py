"""Known answers for kernels of PyTorch's MPS back end (`aten/src/ATen/native/mps/kernels/*.metal`), dispatched as its host code does."""

import struct

import numpy as np

from ggml_values import unset


def places(random, count, *sizes):
    """Byte offsets of `count` elements of each of three arrays, as uint3 of 16 bytes: each array in an order of its own."""
    offsets = np.zeros((count, 4), np.uint32)
    for i, size in enumerate(sizes):
        offsets[:, i] = random.permutation(count) * size
    return offsets


def longs(*values):
    return struct.pack(f"<{len(values)}q", *values)


def bessel(order):
    """I_n(x) as the mean of e^(x cos t) cos(n t): exact to rounding, since the integrand is periodic and smooth."""
    def values(x):
        t = 2 * np.pi * np.arange(400) / 400
        return (np.exp(x.astype(float)[:, None] * np.cos(t)) * np.cos(order * t)).mean(-1)
    return values


def unary(entry, wanted, x, tolerance):
    def work(run, random):
        found = run.run(entry, {0: x, 1: unset(len(x), dtype=x.dtype)}, [1], (len(x) // 16, 1, 1), (16, 1, 1))
        run.compare(found, wanted(x), tolerance)
    return work


def normal(random, dtype):
    return random.standard_normal((2, 96)).astype(dtype)


def binary(entry, wanted, dtype, tolerance=0, width=1, out=None, make=normal):
    """Elements of `width` numbers, read and written in three different orders."""
    def work(run, random):
        a, b = make(random, dtype)
        size = width * np.dtype(out or dtype).itemsize
        offsets = places(random, 96, size, a.nbytes // 96, b.nbytes // 96)
        found = run.run(entry, {0: a, 1: b, 2: np.zeros((96, width), out or dtype), 3: offsets}, [2], (3, 1, 1), (32, 1, 1)).reshape(96, width)
        in_order = found[offsets[:, 0] // size]
        x, y = (v.reshape(96, -1)[offsets[:, i] // (v.nbytes // 96)] for i, v in ((1, a), (2, b)))
        run.compare(in_order, wanted(x, y), tolerance)
    return work


def complex_normal(random, dtype):
    return random.standard_normal((2, 192)).astype(dtype)


def with_nan(random, dtype):
    a, b = random.standard_normal((2, 96)).astype(dtype)
    a[::5] = np.nan
    return a, b


def integers(random, dtype):
    return random.integers(-100, 100, (2, 96)).astype(dtype)


def neighbours(random, dtype):
    a, b = random.standard_normal((2, 96)).astype(dtype)
    a[:4], b[:4] = [0, 0, 1, -1], [1, -1, 1, 5]
    return a, b


def complex_product(x, y):
    product = x.astype(float).view(complex) * y.astype(float).view(complex)
    return product.view(float)


def polar(magnitude, angle):
    return magnitude.astype(float) * np.concatenate([np.cos(angle.astype(float)), np.sin(angle.astype(float))], 1)


def cross(entry, dtype, tolerance):
    """Three numbers a vector, `stride` elements apart."""
    def work(run, random):
        x, y = (random.standard_normal((2, 3, 64)).astype(dtype) if dtype == np.float32 else random.integers(-90, 90, (2, 3, 64)).astype(dtype))
        offsets = places(random, 64, x.itemsize, x.itemsize, x.itemsize)
        stride = longs(64)
        found = run.run(entry, {0: x, 1: y, 2: np.zeros((3, 64), dtype), 3: offsets}, [2], (2, 1, 1), (32, 1, 1), None, {4: stride, 5: stride, 6: stride})
        o, a, b = (offsets[:, i] // x.itemsize for i in range(3))
        run.compare(found[:, o], np.cross(x[:, a].astype(float), y[:, b].astype(float), axis=0), tolerance)
    return work


def unfold_backward(run, random):
    """Gradients of windows of 5, 2 apart, along the middle of three axes. Axes are counted from the last."""
    window, step, windows, shape = 5, 2, 9, (3, 21, 4)
    g = random.standard_normal((3, windows, 4, window)).astype(np.float32)
    wanted = np.zeros(shape)
    for i in range(windows):
        wanted[:, i * step:i * step + window] += g[:, i].transpose(0, 2, 1)
    strides = longs(*(s // 4 for s in g.strides))
    found = run.run("unfold_backward_float", {0: g, 1: unset(*shape)}, [1], (21, 1, 1), (12, 1, 1), None,
                    {2: strides, 3: longs(*shape), 4: longs(84, 4, 1), 5: struct.pack("<4I", 1, window, step, 3)})
    run.compare(found, wanted, 1e-6)


def triangle(entry, dtype, upper, rows, columns):
    def work(run, random):
        wanted = np.stack((np.triu_indices if upper else np.tril_indices)(rows, 0, columns)).astype(float)
        count = wanted.shape[1]
        # offset, the first row's length, columns, how many lie in the part of equal rows (upper) or in the trapezoid (lower), all
        first = columns if upper else 1
        part = 0 if upper else min(rows, columns) * (min(rows, columns) + 1) // 2
        found = run.run(entry, {0: np.full((2, count), -1, dtype)}, [0], (count, 1, 1), (1, 1, 1), None,
                        {i + 1: longs(v) for i, v in enumerate((0, first, columns, part, count))})
        run.compare(found, wanted, 0)
    return work


def histogram(algorithm):
    """Of points in two dimensions with weights, an own histogram for each point."""
    def work(run, random):
        points, bins = 64, (5, 7)
        x = random.random((points, 2)).astype(np.float32) * 1.2 - 0.1
        weight = random.random(points).astype(np.float32)
        edges = [np.linspace(0, 1, b + 1, dtype=np.float32) for b in bins]
        found = run.run("histogramdd_float", {0: x, 1: weight, 2: np.zeros((points, *bins), np.float32), 3: np.arange(2 * points, dtype=np.uint32),
                                              5: np.concatenate(edges), 6: np.array([b + 1 for b in bins], np.int64), 7: np.zeros(2, np.float32),
                                              8: np.ones(2, np.float32), 9: np.array([35, 7, 1], np.int64)},
                        [2], (2, 1, 1), (32, 1, 1), None, {4: struct.pack("<Q", 2), 10: bytes([algorithm]), 11: b"\1"})
        wanted, _ = np.histogramdd(x.astype(float), [e.astype(float) for e in edges], weights=weight.astype(float))
        run.compare(found.astype(float).sum(0), wanted, 1e-6)
    return work


def searchsorted(entry, dtype, out, right, sorter):
    def work(run, random):
        rows, per_row, edges = 3, 40, 25
        values = random.integers(-50, 50, (rows, edges)).astype(dtype)
        x = random.integers(-60, 60, (rows, per_row)).astype(dtype)
        order = np.argsort(values, -1, kind="stable")
        ordered = np.take_along_axis(values, order, -1)
        wanted = np.stack([np.searchsorted(ordered[i], x[i], "right" if right else "left") for i in range(rows)])
        buffers = {0: x, 1: values if sorter else ordered, 2: np.full((rows, per_row), -1, out)}
        if sorter:  # places are counted from the row's start, and so is where they are looked up
            buffers[8] = order.astype(np.int64)
        found = run.run(entry, buffers, [2], (2, 1, 1), (64, 1, 1), None, {3: longs(per_row), 4: longs(edges), 5: longs(x.size), 6: longs(right), 7: longs(0)})
        run.compare(found, wanted, 0)
    return work


def strided_product(entry, dtype, tolerance):
    def work(run, random):
        m, k, n = 12, 37, 16
        a, b = random.standard_normal((k, m)).astype(dtype), random.standard_normal((k, n)).astype(dtype)  # the left is stored transposed
        strides = struct.pack("<6Q", 1, m, n, 1, n, 1)
        found = run.run(entry, {0: a, 1: b, 2: unset(m, n, dtype=dtype)}, [2], (n, 1, 1), (m, 1, 1), None, {3: strides, 4: struct.pack("<4I", m, k, n, 0)})
        run.compare(found, a.T.astype(float) @ b.astype(float), tolerance)
    return work


def repeat_interleave(entry, dtype):
    def work(run, random):
        counts = random.integers(0, 6, 40).astype(dtype)
        wanted = np.repeat(np.arange(40), counts)
        found = run.run(entry, {0: counts, 1: np.cumsum(counts).astype(np.int64), 2: np.full(len(wanted), -1, dtype)}, [2], (5, 1, 1), (8, 1, 1))
        run.compare(found, wanted, 0)
    return work


def im2col(entry, dtype):
    """Windows of 3 x 2, dilation 2 x 1, padding 1 x 2, steps 2 x 1 (x before y) of two images with three channels."""
    def work(run, random):
        batch, channels, height, width = 2, 3, 6, 7
        x = random.standard_normal((batch, channels, height, width)).astype(dtype)
        (kx, ky), (dx, dy), (px, py), (sx, sy) = (3, 2), (2, 1), (1, 2), (2, 1)
        columns = (width + 2 * px - dx * (kx - 1) - 1) // sx + 1
        rows = (height + 2 * py - dy * (ky - 1) - 1) // sy + 1
        wide = np.pad(x, ((0, 0), (0, 0), (py, py), (px, px)))
        wanted = np.stack([wide[:, :, j * dy:j * dy + sy * (rows - 1) + 1:sy, i * dx:i * dx + sx * (columns - 1) + 1:sx] for j in range(ky) for i in range(kx)], 2)
        length = rows * columns
        found = run.run(entry, {0: x, 1: unset(batch, channels * ky * kx, length, dtype=dtype)}, [1], (length, channels, batch), (1, 1, 1), None,
                        {2: struct.pack("<4I", kx, ky, dx, dy), 3: struct.pack("<4i", px, py, sx, sy), 4: struct.pack("<4Q", 1, width, height * width, x[0].size),
                         5: struct.pack("<4Q", 1, length, channels * kx * ky * length, columns), 6: longs(width, height, channels, batch)})
        run.compare(found, wanted, 0)
    return work


def cubic(length, source, aligned):
    """The matrix that resizes `source` samples to `length` by cubic convolution (Keys, a = -0.75), samples beyond the ends repeated."""
    scale = (source - 1) / (length - 1) if aligned else source / length
    matrix = np.zeros((length, source))
    for i in range(length):
        at = scale * i if aligned else scale * (i + 0.5) - 0.5
        for tap in range(int(np.floor(at)) - 1, int(np.floor(at)) + 3):
            d, a = abs(at - tap), -0.75
            weight = ((a + 2) * d - (a + 3)) * d * d + 1 if d <= 1 else ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
            matrix[i, min(max(tap, 0), source - 1)] += weight
    return matrix


def bicubic(entry, dtype, tolerance, aligned, backward):
    def work(run, random):
        batch, channels, (h, w), (oh, ow) = 2, 3, (6, 5), (11, 8)
        down, across = cubic(oh, h, aligned), cubic(ow, w, aligned)
        x = random.standard_normal((batch, channels, *((oh, ow) if backward else (h, w)))).astype(dtype)
        scales = [(a - 1) / (b - 1) if aligned else a / b for a, b in ((w, ow), (h, oh))]
        sizes = {2: struct.pack("<4Q", 1, w, h * w, channels * h * w), 3: struct.pack("<4Q", 1, ow, oh * ow, channels * oh * ow),
                 4: longs(w, h, channels, batch), 5: longs(ow, oh, channels, batch), 6: struct.pack("<2f", *scales), 7: bytes([aligned])}
        if backward:
            found = run.run(entry, {0: np.zeros((batch, channels, h, w), dtype), 1: x}, [0], (oh, 1, 1), (ow, 1, 1), None, sizes)
            wanted = np.einsum("bcij,iy,jx->bcyx", x.astype(float), down, across)
        else:
            found = run.run(entry, {0: x, 1: unset(batch, channels, oh, ow, dtype=dtype)}, [1], (oh, 1, 1), (ow, 1, 1), None, sizes)
            wanted = np.einsum("bcyx,iy,jx->bcij", x.astype(float), down, across)
        run.compare(found, wanted, tolerance)
    return work


def int4_product(entry, group, dtype, tolerance):
    """Nibbles less 8, times the group's scale, plus its zero; first element of a byte in its lower nibble."""
    def work(run, random):
        m, k, n = 3, 512, 24
        x = random.standard_normal((m, k)).astype(dtype)
        codes = random.integers(0, 16, (n, k)).astype(np.uint8)
        scales = (random.random((k // group, n, 2)) * 0.1).astype(dtype)
        by_column = np.repeat(scales.astype(float), group, 0)
        weights = (codes.T.astype(float) - 8) * by_column[..., 0] + by_column[..., 1]
        found = run.run(entry, {0: x, 1: codes[:, ::2] | codes[:, 1::2] << 4, 2: scales, 3: unset(m, n, dtype=dtype)}, [3], (n // 4, 1, m), (32, 1, 1), None,
                        {4: struct.pack("<4I", m, k, n, 0)})
        run.compare(found, x.astype(float) @ weights, tolerance)
    return work


def pack_int4(run, random):
    """The bytes of each word turned round, and in each byte the nibbles."""
    words = random.integers(0, 1 << 32, (8, 12), dtype=np.uint64).astype(np.uint32)
    by_byte = words.view(np.uint8)
    found = run.run("weight_to_int4pack", {0: words.view(np.int32), 1: np.zeros((8, 48), np.uint8)}, [1], (8, 12, 1), (1, 1, 1), None, {2: struct.pack("<2I", 8, 12)})
    run.compare(found, by_byte << 4 | by_byte >> 4, 0)


def int8_product(entry, dtype, tolerance):
    """Rows of weights times their scales. Its sibling for many rows, `large_m_int8pack_mm_*`, is left out: it reads tiles before the simdgroups that fill them
    have met, twice; with those two barriers it computes what it should."""
    def work(run, random):
        k, n = 256, 64
        x = random.standard_normal((3, k)).astype(dtype)
        codes = random.integers(-128, 128, (n, k)).astype(np.int8)
        scales = (random.random(n) * 0.01).astype(dtype)
        found = run.run(entry, {0: x, 1: codes, 2: scales, 3: unset(3, n, dtype=dtype)}, [3], (n // 8, 3, 1), (32, 2, 1), None, {4: struct.pack("<4I", 3, k, n, 0)}, {0: 32})
        run.compare(found, x.astype(float) @ (codes.astype(float) * scales.astype(float)[:, None]).T, tolerance)
    return work


def index_offsets(run, random):
    """Offsets in three arrays of every place of a 4 x 3 x 5 iteration, the first axis the fastest."""
    shape, strides = np.array([4, 3, 5], np.uint32), random.integers(0, 50, (3, 3)).astype(np.uint32)
    found = run.run("kernel_index_offsets_32", {0: strides, 1: np.zeros((60, 4), np.uint32)}, [1], (5, 1, 1), (12, 1, 1), None,
                    {2: shape.tobytes(), 3: struct.pack("<I", 3)})
    at = np.stack(np.unravel_index(np.arange(60), shape, order="F"), 1)
    run.compare(found[:, :3], at @ strides, 0)


def renorm(run, random):
    norm = (random.random(64) * 4).astype(np.float32)
    found = run.run("renorm_float", {0: norm, 1: unset(64)}, [1], (2, 1, 1), (32, 1, 1), None, {2: struct.pack("<f", 1.5)})
    run.compare(found, np.where(norm > 1.5, 1.5 / (norm.astype(float) + 1e-7), 1), 1e-6)


def cases():
    """(name, file, work(runner, random generator))"""
    f, h = np.float32, np.float16
    x = np.linspace(-12, 12, 96).astype(f)
    for name, order in (("i0", 0), ("i1", 1)):
        yield f"{name}_float_float", "SpecialOps", unary(f"{name}_float_float", bessel(order), x, 1e-6)
        yield f"{name}_half_half", "SpecialOps", unary(f"{name}_half_half", bessel(order), (x / 3).astype(h), 2e-3)
    for name, wanted in (("fmax", np.fmax), ("fmin", np.fmin)):
        yield f"{name}_float", "BinaryKernel", binary(f"{name}_float", wanted, f, make=with_nan)
        yield f"{name}_half", "BinaryKernel", binary(f"{name}_half", wanted, h, make=with_nan)
    yield "copysign_float", "BinaryKernel", binary("copysign_float", np.copysign, f)
    for name, dtype in (("int", np.int32), ("long", np.int64), ("short", np.int16), ("char", np.int8)):
        yield f"copysign_{name}", "BinaryKernel", binary(f"copysign_{name}", lambda a, b: np.copysign(a.astype(float), b), dtype, out=f, make=integers)
    yield "polar_float", "BinaryKernel", binary("polar_float", polar, f, 1e-6, 2)
    yield "complex_mul_float", "BinaryKernel", binary("complex_mul_float", complex_product, f, 1e-6, 2, make=complex_normal)
    yield "nextafter_float", "BinaryKernel", binary("nextafter_kernel_float", np.nextafter, f, make=neighbours)
    yield "nextafter_half", "BinaryKernel", binary("nextafter_kernel_half", np.nextafter, h, make=neighbours)
    yield "complex_float", "BinaryKernel", binary("complex_kernel_float", lambda a, b: np.concatenate([a, b], 1), f, 0, 2)
    for name, dtype, tolerance in (("float", f, 1e-6), ("int", np.int32, 0), ("long", np.int64, 0)):
        yield f"cross_{name}", "CrossKernel", cross(f"cross_{name}", dtype, tolerance)
    yield "unfold_backward_float", "UnfoldBackward", unfold_backward
    yield "renorm_float", "RenormKernel", renorm
    yield "triu_indices_int", "TriangularOps", triangle("triu_indices_int", np.int32, True, 30, 41)
    yield "tril_indices_long", "TriangularOps", triangle("tril_indices_long", np.int64, False, 50, 29)
    for algorithm, name in enumerate(("interpolation", "interpolation and search", "binary search")):
        yield f"histogramdd {name}", "HistogramKernel", histogram(algorithm)
    for name, dtype, out, right, sorter in (("float_int", f, np.int32, 0, False), ("half_long", h, np.int64, 1, False), ("char_int", np.int8, np.int32, 1, False),
                                            ("long_long", np.int64, np.int64, 0, False)):
        yield f"searchsorted_{name}", "Bucketization", searchsorted(f"searchsorted_{name}", dtype, out, right, sorter)
    yield "naive_matmul_float", "LinearAlgebra", strided_product("naive_matmul_float", f, 1e-6)
    yield "naive_matmul_half", "LinearAlgebra", strided_product("naive_matmul_half", h, 5e-3)
    yield "repeat_interleave_int32_t", "Repeat", repeat_interleave("repeat_interleave_int32_t", np.int32)
    yield "repeat_interleave_int64_t", "Repeat", repeat_interleave("repeat_interleave_int64_t", np.int64)
    yield "im2col_float", "Im2Col", im2col("im2col_float", f)
    yield "im2col_half", "Im2Col", im2col("im2col_half", h)
    yield "upsample_bicubic2d_float", "UpSample", bicubic("upsample_bicubic2d_float", f, 2e-6, False, False)
    yield "upsample_bicubic2d_float aligned", "UpSample", bicubic("upsample_bicubic2d_float", f, 2e-6, True, False)
    yield "upsample_bicubic2d_half", "UpSample", bicubic("upsample_bicubic2d_half", h, 2e-3, False, False)
    yield "upsample_bicubic2d_backward_float", "UpSample", bicubic("upsample_bicubic2d_backward_float", f, 2e-6, False, True)
    yield "upsample_bicubic2d_backward_half", "UpSample", bicubic("upsample_bicubic2d_backward_half", h, 5e-3, True, True)
    for group, name, dtype, tolerance in ((32, "float", f, 1e-6), (256, "float", f, 1e-6), (64, "half", h, 2e-3)):
        yield f"int4pack_mm_{group}_{name}", "Quantized", int4_product(f"int4pack_mm_{group}_{name}", group, dtype, tolerance)
    yield "weight_to_int4pack", "Quantized", pack_int4
    yield "int8pack_mv_float", "Quantized", int8_product("int8pack_mv_float", f, 1e-6)
    yield "int8pack_mv_half", "Quantized", int8_product("int8pack_mv_half", h, 2e-3)
    yield "kernel_index_offsets_32", "Indexing", index_offsets
