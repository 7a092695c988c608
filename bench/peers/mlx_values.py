"""Known answers for kernels of MLX, dispatched as its host code does."""

import struct

import numpy as np

from ggml_values import softmax, unset

GEMM = ["utils.h", "steel/gemm/gemm.h"]
QUANTIZED = GEMM + ["quantized_utils.h", "quantized.h"]
C_NAMES = {np.float32: "float", np.float16: "half"}


def flags(**named):
    return {name: f"bool:{str(bool(value)).lower()}" for name, value in named.items()}


def integer(value):
    return struct.pack("<i", value)


def gemm(shape, tile, transposed, dtype):
    """C = A B of shape (M, N, K); A, B transposed or not; tile: BM, BN, BK, WM, WN."""
    def work(run, random):
        (m, n, k), (bm, bn, bk, wm, wn), (ta, tb) = shape, tile, transposed
        a = random.standard_normal((k, m) if ta else (m, k)).astype(dtype)
        b = random.standard_normal((n, k) if tb else (k, n)).astype(dtype)
        columns, rows = -(-n // bn), -(-m // bm)
        # M, N, K, leading extents of A, B, D, tiles of N and M; strides of batches of A, B, D; swizzle, whole steps of K, extents of the batch
        sizes = struct.pack("<8i3q3i4x", m, n, k, a.shape[1], b.shape[1], n, columns, rows, 0, 0, 0, 0, k // bk, 1)
        constants = flags(has_batch=0, use_out_source=0, do_axpby=0, align_M=m % bm == 0, align_N=n % bn == 0, align_K=k % bk == 0)
        found = run.run("gemm_0", {0: a, 1: b, 3: unset(m, n, dtype=dtype)}, [3], (columns, rows, 1), (32 * wm * wn, 1, 1), constants, {4: sizes})
        run.compare(found, (a.T if ta else a).astype(float) @ (b.T if tb else b).astype(float), 1e-3 if dtype == np.float16 else 1e-6)
    return work


def attention(entry, block, dim, queries, keys, causal):
    def work(run, random):
        heads, kv_heads, (bq, bk) = 4, 2, block
        q = random.standard_normal((heads, queries, dim)).astype(np.float16)
        k, v = random.standard_normal((2, kv_heads, keys, dim)).astype(np.float16)
        scale = dim ** -0.5
        parts = -(-queries // bq)
        sizes = struct.pack("<6if7i", 1, heads, dim, queries, keys, heads // kv_heads, scale, parts, -(-keys // bk), queries // bq, keys // bk, queries % bq, keys % bk,
                            keys - queries)
        for count, length in ((heads, queries), (kv_heads, keys), (kv_heads, keys), (heads, queries)):  # strides of q, k, v, o
            sizes += struct.pack("<3q", count * length * dim, length * dim, dim)
        constants = flags(align_Q=queries % bq == 0, align_K=keys % bk == 0, has_mask=0, do_causal=causal, has_sinks=0, save_lse=0)
        found = run.run(entry, {0: q, 1: k, 2: v, 3: unset(*q.shape, dtype=np.float16)}, [3], (parts, heads, 1), (128, 1, 1), constants, {4: sizes})
        run.compare(found, attended(q, k, v, scale, causal), 2e-3)
    return work


def attended(q, k, v, scale, causal):
    k, v = (np.repeat(a.astype(float), len(q) // len(k), 0) for a in (k, v))
    scores = q.astype(float) @ k.transpose(0, 2, 1) * scale
    if causal:
        ahead = k.shape[1] - q.shape[1]
        scores[:, np.arange(k.shape[1]) > np.arange(q.shape[1])[:, None] + ahead] = -np.inf
    return softmax(scores) @ v


def sdpa_vector(run, random):
    heads, kv_heads, dim, keys = 4, 2, 256, 300
    q = random.standard_normal((heads, 3, dim)).astype(np.float16)
    k, v = random.standard_normal((2, kv_heads, keys, dim)).astype(np.float16)
    scalars = {4: integer(heads // kv_heads), 5: integer(keys), 10: struct.pack("<f", dim ** -0.5)}
    scalars |= {i: struct.pack("<Q", stride) for i, stride in ((6, keys * dim), (7, dim), (8, keys * dim), (9, dim))}
    constants = flags(has_mask=0, query_transposed=0, do_causal=1, bool_mask=0, float_mask=0, has_sinks=0)
    found = run.run("sdpa_vector_0", {0: q, 1: k, 2: v, 3: unset(*q.shape, dtype=np.float16)}, [3], (heads, 3, 1), (1024, 1, 1), constants, scalars)
    run.compare(found, attended(q, k, v, dim ** -0.5, True), 1e-3)


def packed(random, bits, rows, elements, dtype):
    """(words, scales, biases, values) of weights in groups of 64; the bits of a row follow each other, lowest first."""
    codes = random.integers(0, 1 << bits, (rows, elements))
    stream = (codes[..., None] >> np.arange(bits) & 1).reshape(rows, -1).astype(np.uint8)
    scales = (random.random((rows, elements // 64)) * 0.1 + 0.01).astype(dtype)
    biases = (random.standard_normal((rows, elements // 64)) * 0.1).astype(dtype)
    values = codes * np.repeat(scales.astype(float), 64, 1) + np.repeat(biases.astype(float), 64, 1)
    return np.packbits(stream, axis=1, bitorder="little").view(np.uint32), scales, biases, values


def affine_qmv(bits):
    def work(run, random):
        w, scales, biases, values = packed(random, bits, 64, 1024, np.float16)
        x = random.standard_normal(1024).astype(np.float16)
        found = run.run("affine_qmv_fast_0", {0: w, 1: scales, 2: biases, 3: x, 4: unset(64, dtype=np.float16)}, [4], (1, 8, 1), (32, 2, 1), None,
                        {5: integer(1024), 6: integer(64)})
        run.compare(found, values @ x.astype(float), 2e-3)
    return work


def affine_qmm(bits):
    def work(run, random):
        rows, columns, elements = 45, 96, 256
        w, scales, biases, values = packed(random, bits, columns, elements, np.float32)
        x = random.standard_normal((rows, elements)).astype(np.float32)
        found = run.run("affine_qmm_t_0", {0: w, 1: scales, 2: biases, 3: x, 4: unset(rows, columns)}, [4], (3, 2, 1), (32, 2, 2), None,
                        {5: integer(elements), 6: integer(columns), 7: integer(rows)})
        run.compare(found, x.astype(float) @ values.T, 1e-5)
    return work


def affine_dequantize(bits):
    def work(run, random):
        w, scales, biases, values = packed(random, bits, 16, 256, np.float32)
        together = {3: 8, 5: 8, 6: 4}.get(bits, 8 // bits)
        found = run.run("affine_dequantize_0", {0: w, 1: scales, 2: biases, 3: unset(16, 256)}, [3], (256 // together // 8, 16, 1), (8, 1, 1))
        run.compare(found, values, 1e-6)
    return work


def rows_of_softmax(entry, group, elements):
    def work(run, random):
        x = random.standard_normal((4, elements)).astype(np.float32)
        found = run.run(entry, {0: x, 1: unset(4, elements)}, [1], (4, 1, 1), (group, 1, 1), None, {2: integer(elements)})
        run.compare(found, softmax(x.astype(float)), 1e-5)
    return work


def logsumexp(run, random):
    x = random.standard_normal((5, 900)).astype(np.float32)
    found = run.run("logsumexp_0", {0: x, 1: unset(5)}, [1], (5, 1, 1), (256, 1, 1), None, {2: integer(900)})
    run.compare(found, np.log(np.exp(x.astype(float)).sum(-1)), 1e-6)


def scan(inclusive, reverse):
    def work(run, random):
        x = random.standard_normal((3, 700)).astype(np.float32)
        found = run.run("contiguous_scan_0", {0: x, 1: unset(3, 700)}, [1], (1, 3, 1), (128, 1, 1), None, {2: struct.pack("<Q", 700)})
        y = x.astype(float)[:, ::-1] if reverse else x.astype(float)
        sums = np.cumsum(y, -1) - (0 if inclusive else y)
        run.compare(found, sums[:, ::-1] if reverse else sums, 1e-5)
    return work


def sort(arguments):
    def work(run, random):
        x = np.stack([random.permutation(1500) for _ in range(4)]).astype(np.float32)
        found = run.run("block_sort_0", {0: x, 1: np.full((4, 1500), 0xFFFFFFFF, np.uint32) if arguments else unset(4, 1500)}, [1], (1, 4, 1), (256, 1, 1), None,
                        {i: integer(v) for i, v in ((2, 1500), (3, 1), (4, 1), (5, 1500), (6, 1500))})
        run.compare(found, np.argsort(x, -1) if arguments else np.sort(x, -1), 0)
    return work


def cases():
    """(name, headers, (template, its arguments), work(runner, random generator))"""
    fused = GEMM + ["steel/gemm/kernels/steel_gemm_fused.h"]
    for shape, tile, transposed, dtype in [((96, 64, 64), (32, 32, 16, 2, 2), (True, True), np.float32), ((70, 50, 37), (32, 32, 16, 2, 2), (False, False), np.float32),
                                           ((70, 50, 37), (64, 64, 16, 1, 2), (False, True), np.float16), ((128, 128, 96), (64, 64, 16, 1, 2), (True, False), np.float16)]:
        arguments = ", ".join([C_NAMES[dtype], *map(str, tile), *(str(t).lower() for t in transposed)])
        yield f"gemm {arguments} {shape[0]}", fused, ("gemm", arguments), gemm(shape, tile, transposed, dtype)
    for shape in ((128, 64, 512), (100, 50, 300)):
        yield f"tensor_gemm {shape[0]}", ["utils.h", "steel/gemm/gemm_nax.h", "steel/gemm/kernels/steel_gemm_fused_nax.h"], (
            "gemm", "half, 64, 64, 256, 2, 2, false, true"), gemm(shape, (64, 64, 256, 2, 2), (False, True), np.float16)
    for queries, keys, causal in ((64, 96, False), (50, 75, True), (70, 75, True)):
        yield f"attention {queries} of {keys}", ["utils.h", "steel/attn/attn.h", "steel/attn/kernels/steel_attention.h"], (
            "attention", "half, 32, 16, 128, 128, 4, 1, half"), attention("attention_0", (32, 16), 128, queries, keys, causal)
        yield f"tensor_attention {queries} of {keys}", ["utils.h", "steel/attn/nax.h", "steel/attn/kernels/steel_attention_nax.h"], (
            "attention_nax", "half, 64, 32, 128, 128, 4, 1, half"), attention("attention_nax_0", (64, 32), 128, queries, keys, causal)
    yield "sdpa_vector", ["utils.h", "sdpa_vector.h"], ("sdpa_vector", "half, 256"), sdpa_vector
    for bits in (2, 3, 4, 5, 6, 8):
        yield f"affine_qmv_fast {bits} bits", QUANTIZED, ("affine_qmv_fast", f"half, 64, {bits}, false"), affine_qmv(bits)
        yield f"affine_qmm_t {bits} bits", QUANTIZED, ("affine_qmm_t", f"float, 64, {bits}, true, false"), affine_qmm(bits)
        yield f"affine_dequantize {bits} bits", QUANTIZED, ("affine_dequantize", f"float, 64, {bits}"), affine_dequantize(bits)
    yield "softmax of a row", ["utils.h", "softmax.h"], ("softmax_single_row", "float"), rows_of_softmax("softmax_single_row_0", 256, 1000)
    yield "softmax in a loop", ["utils.h", "softmax.h"], ("softmax_looped", "float"), rows_of_softmax("softmax_looped_0", 1024, 5003)
    yield "logsumexp", ["utils.h", "logsumexp.h"], ("logsumexp", "float"), logsumexp
    for inclusive in (True, False):
        for reverse in (True, False):
            yield f"scan inclusive={inclusive} reverse={reverse}", ["utils.h", "binary_ops.h", "scan.h"], (
                "contiguous_scan", f"float, float, CumSum<float>, 4, {str(inclusive).lower()}, {str(reverse).lower()}"), scan(inclusive, reverse)
    yield "block_sort", ["utils.h", "sort.h"], ("block_sort", "float, float, false, 256, 8"), sort(False)
    yield "block_sort of places", ["utils.h", "sort.h"], ("block_sort", "float, uint32_t, true, 256, 8"), sort(True)
