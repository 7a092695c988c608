"""Known answers for the Metal templates in the headers of PyTorch's wheel (`c10/metal`, `ATen/native/mps/kernels`): sorts, products, attention, special
functions, strided operators, reductions, random numbers. The programs here only instantiate them or call them once a thread."""

import math
import statistics
import struct

import numpy as np

from ggml_values import softmax, unset
from pytorch_values import longs
from random_words import philox

COMMON = "#pragma METAL fp math_mode(safe)\n" + "".join(f"#include <{name}>\n" for name in ("c10/metal/common.h", "c10/metal/utils.h", "metal_stdlib", "metal_simdgroup"))
COMMON += "using namespace metal;\nusing namespace c10::metal;\n"


def include(*headers):
    return COMMON + "".join(f"#include <{h}>\n" for h in headers)


SORTS = include("ATen/native/mps/kernels/SortTopK.h")
PRODUCTS = include("ATen/native/mps/kernels/LinearAlgebra.h", "ATen/native/mps/kernels/Gemv.h")
DECODE = include("ATen/native/mps/kernels/DecodeAttention.h")
PREFILL = include("ATen/native/mps/kernels/PrefillAttention.h")
MATRIX_UNITS = include("ATen/native/mps/kernels/MppAttention.h")


def called(header, name, arguments="x[i]"):
    """A program that evaluates one function, or an expression, for each element."""
    return include(header) + f"kernel void called(device float* y [[buffer(0)]], constant float* x [[buffer(1)]], uint i [[thread_position_in_grid]]) {{ y[i] = {name}({arguments}); }}\n"


def special(wanted, x, tolerance):
    def work(run, _):
        found = run.run("called", {0: unset(len(x)), 1: x}, [0], (len(x) // 32, 1, 1), (32, 1, 1))
        exact = np.array([wanted(v) for v in x.astype(float)])
        run.compare((found - exact) / np.maximum(np.abs(exact), 1e-3) + 1, np.ones(len(x)), tolerance)  # relative to each value
    return work


def mean_of_period(function):
    """The mean over t of a smooth function of period 2 pi: exact to rounding by equal steps."""
    t = 2 * np.pi * np.arange(400) / 400
    return lambda x: function(x, t).mean()


def over_half_line(function):
    """The integral over t > 0 of a function that falls like e^-e^t, by equal steps: converges as fast."""
    t = np.linspace(0, 12, 6001)
    return lambda x: ((v := function(x, t)).sum() - v[0] / 2) * 0.002


def digamma(x):
    """By recurrence up to x > 20, then the asymptotic series."""
    shift = 0.0
    while x < 20:
        shift, x = shift - 1 / x, x + 1
    return shift + math.log(x) - 1 / (2 * x) - 1 / (12 * x**2) + 1 / (120 * x**4) - 1 / (252 * x**6) + 1 / (240 * x**8)


def polynomial(basis, degree):
    return lambda x: basis(x, [0] * degree + [1])


def special_cases():
    """(name, wanted in float64, first and last x, tolerance relative to each value)"""
    normal = statistics.NormalDist()
    yield "erf", math.erf, (-3.5, 3.5), 2e-6
    yield "erfc", math.erfc, (-3, 3), 1e-5
    yield "erfinv", lambda y: normal.inv_cdf((y + 1) / 2) / math.sqrt(2), (-0.99, 0.99), 1e-5
    yield "erfcx", lambda x: math.exp(x * x) * math.erfc(x), (0.01, 5), 1e-5
    yield "log_gamma", math.lgamma, (2.5, 40), 1e-5
    yield "gamma", math.gamma, (0.3, 12), 2e-5
    yield "digamma", digamma, (2, 40), 1e-5
    yield "sinc", np.sinc, (-4.9, 4.9), 2e-4
    yield "spherical_bessel_j0", lambda x: np.sin(x) / x, (0.1, 3), 1e-5
    yield "entr", lambda x: -x * math.log(x), (0.01, 0.9), 1e-5
    yield "i0", mean_of_period(lambda x, t: np.exp(x * np.cos(t))), (-14, 14), 1e-5
    yield "i0e", mean_of_period(lambda x, t: np.exp(x * np.cos(t) - abs(x))), (-14, 14), 1e-5
    yield "i1", mean_of_period(lambda x, t: np.exp(x * np.cos(t)) * np.cos(t)), (0.1, 14), 1e-5
    yield "i1e", mean_of_period(lambda x, t: np.exp(x * np.cos(t) - abs(x)) * np.cos(t)), (0.1, 14), 1e-5
    yield "bessel_j0_forward", mean_of_period(lambda x, t: np.cos(x * np.sin(t))), (0.1, 2), 1e-5
    yield "bessel_j1_forward", mean_of_period(lambda x, t: np.cos(t - x * np.sin(t))), (0.1, 3), 1e-5
    yield "modified_bessel_i0_forward", mean_of_period(lambda x, t: np.exp(x * np.cos(t))), (0.1, 14), 1e-5
    yield "modified_bessel_i1_forward", mean_of_period(lambda x, t: np.exp(x * np.cos(t)) * np.cos(t)), (0.1, 14), 1e-5
    yield "modified_bessel_k0_forward", over_half_line(lambda x, t: np.exp(-x * np.cosh(t))), (0.1, 9), 1e-5
    yield "modified_bessel_k1_forward", over_half_line(lambda x, t: np.exp(-x * np.cosh(t)) * np.cosh(t)), (0.1, 9), 1e-5
    yield "scaled_modified_bessel_k0_forward", over_half_line(lambda x, t: np.exp(-x * np.cosh(t) + x)), (0.1, 9), 1e-5


def order(x, descending):
    """Places of the values in order, equal ones as they stood."""
    return np.argsort(-x.astype(float) if descending else x.astype(float), -1, kind="stable")


def sort_block(entry, dtype, descending, threads, count=None):
    """Rows that fit one threadgroup; of all elements or, with the place of the first and a number, of some."""
    def work(run, random):
        rows, size = 3, 4 * threads - 29
        x = random.integers(-40, 40, (rows, size)).astype(dtype) if "stable" in entry else np.stack([random.permutation(size) - 100 for _ in range(rows)]).astype(dtype)
        first, number = count or (0, size)
        scalars = {3: struct.pack("<i", size), 4: longs(1, size), 5: bytes([descending])} | ({6: struct.pack("<2i", first, number)} if count else {})
        values, index = run.run(entry, {0: x, 1: np.zeros((rows, number), dtype), 2: np.full((rows, number), -1, np.int64)}, [1, 2], (1, rows, 1), (threads, 1, 1), None, scalars)
        wanted = order(x, descending)[:, first:first + number]
        run.compare(index, wanted, 0)
        run.compare(values, np.take_along_axis(x, wanted, -1), 0)
    return work


def merge_sort(run, random):
    """Blocks of 128 sorted, then merged in pairs three times."""
    size, elements, rows = 1000, 128, 2
    blocks = -(-size // elements)
    x = np.stack([random.permutation(size) for _ in range(rows)]).astype(np.float32)
    state = run.run("mb_sort_block_float_tptg32_stable", {0: x, 1: unset(rows, size), 2: np.zeros((rows, size), np.uint32)}, [1, 2], (blocks, rows, 1), (32, 1, 1), None,
                    {3: struct.pack("<i", size), 4: longs(1, size), 5: b"\1"})
    for tiles in (2, 4, 8):
        last = tiles == 8
        state = run.run("mb_merge_final_float_tptg32" if last else "mb_merge_float_tptg32",
                        {0: state[0], 1: state[1], 2: unset(rows, size), 3: np.zeros((rows, size), np.int64 if last else np.uint32)}, [2, 3], (blocks, rows, 1),
                        (32, 1, 1), None, {4: struct.pack("<4i", size, tiles, 0, 0), 5: b"\1"})
    run.compare(state[1], order(x, True), 0)
    run.compare(state[0], -np.sort(-x, -1), 0)


def radix_sort(name, dtype, bits, digit, threads, per_thread, fused):
    """Passes over the digits from the lowest: counts, their sums up to each, places."""
    def work(run, random):
        rows, size = 2, 5000
        blocks = -(-size // (threads * per_thread))
        x = random.integers(-100, 100, (rows, size)).astype(dtype) if np.issubdtype(dtype, np.integer) else random.standard_normal((rows, size)).astype(dtype)
        suffix = f"{name}_{digit}bit"
        keys, index, wide = x, np.zeros((rows, size), np.uint32), struct.pack
        for shift in range(0, bits, digit):
            dims = {2: wide("<4i", size, blocks, shift, 0), 3: b"\0"}
            histogram = np.zeros((rows, blocks << digit), np.uint32)
            if fused:
                sums = run.run(f"radix_count_scan_{suffix}_mb4", {0: keys, 1: histogram}, [1], (1, rows, 1), (threads, 1, 1), None, dims)
            else:
                counts = run.run(f"radix_count_{suffix}", {0: keys, 1: histogram}, [1], (blocks, rows, 1), (threads, 1, 1), None, dims)
                sums = run.run("radix_scan", {0: counts}, [0], (1, rows, 1), (1024, 1, 1), None, {1: wide("<i", blocks << digit)})
            last = shift + digit == bits
            keys, index = run.run(f"radix_scatter_{'final_' if last else ''}{suffix}",
                                  {0: keys, 1: index, 2: np.zeros((rows, size), dtype), 3: np.zeros((rows, size), np.int64 if last else np.uint32), 4: sums}, [2, 3],
                                  (blocks, rows, 1), (threads, 1, 1), None, {5: wide("<4i", size, blocks, shift, 0), 6: bytes([0, shift == 0])})
        run.compare(keys, np.sort(x, -1), 0)
        run.compare(index, order(x, False), 0)
    return work


def gemv(entry, dtype, outputs, inner, simdgroups, block, transposed, tolerance):
    """y = alpha W x + beta bias (`ab`), or W x; W by rows or, transposed, by columns."""
    def work(run, random):
        w = random.standard_normal((inner, outputs) if transposed else (outputs, inner)).astype(dtype)
        x, bias = random.standard_normal(inner).astype(dtype), random.standard_normal(outputs).astype(dtype)
        dims = longs(outputs, inner, w.shape[1], 1, 1, *((0, 1) if transposed else (1, 0)))
        found = run.run(entry, {0: w, 1: x, 2: unset(outputs, dtype=dtype), 4: bias}, [2], (-(-outputs // block), 1, 1), (32 * simdgroups, 1, 1), None,
                        {3: dims, 5: struct.pack("<2f", 0.5, 2.0)})
        product = x.astype(float) @ (w if transposed else w.T).astype(float)
        run.compare(found, 0.5 * product + 2 * bias.astype(float) if "_ab" in entry else product, tolerance)
    return work


def attended(q, k, v, scale, hidden):
    k, v = (np.repeat(a.astype(float), q.shape[1] // k.shape[1], 1) for a in (k, v))
    scores = q.astype(float) @ k.transpose(0, 1, 3, 2) * scale
    return softmax(np.where(hidden, -np.inf, scores)) @ v


def decode_attention(entry, dim, dtype, masked, tolerance):
    """One query after another over all keys, those that a table of bool hides left out."""
    def work(run, random):
        batch, heads, kv_heads, queries, keys = 2, 4, 2, 3, 150
        q = random.standard_normal((batch, heads, queries, dim)).astype(dtype)
        k, v = random.standard_normal((2, batch, kv_heads, keys, dim)).astype(dtype)
        allowed = random.random((batch, heads, queries, keys)) < (0.7 if masked else 2)
        u = lambda *values: struct.pack(f"<{len(values)}I", *values)  # noqa: E731
        scalars = {4: u(heads // kv_heads), 5: u(keys), 6: u(queries * dim, keys * dim, keys * dim, 0), 7: u(dim, dim, dim, 0), 8: struct.pack("<f", dim ** -0.5),
                   10: u(1, keys, queries * keys, heads * queries * keys), 11: u(heads * queries * dim, *[kv_heads * keys * dim] * 2, heads)}
        found = run.run(entry, {0: q, 1: k, 2: v, 3: unset(*q.shape, dtype=dtype), 9: allowed.view(np.uint8)}, [3], (batch * heads, queries, 1), (1024, 1, 1), None, scalars)
        run.compare(found, attended(q, k, v, dim ** -0.5, ~allowed), tolerance)
    return work


def prefill_attention(entry, tile, dim, dtype, causal, tolerance):
    """Tiles of queries; where causal, the first query sees the first key alone."""
    def work(run, random):
        batch, heads, kv_heads, queries, keys = 1, 4, 2, 50, 75
        q = random.standard_normal((batch, heads, queries, dim)).astype(dtype)
        k, v = random.standard_normal((2, batch, kv_heads, keys, dim)).astype(dtype)
        strides = [(h * n * dim, n * dim, dim) for h, n in ((heads, queries), (kv_heads, keys), (kv_heads, keys), (heads, queries))]
        parameters = struct.pack("<6i2f12q", batch, heads, dim, queries, keys, heads // kv_heads, dim ** -0.5, 1.0, *(s for row in strides for s in row))
        hidden = causal & (np.arange(keys) > np.arange(queries)[:, None])
        found = run.run(entry, {0: q, 1: k, 2: v, 3: unset(*q.shape, dtype=dtype), 6: np.zeros(4, dtype)}, [3], (-(-queries // tile), heads, batch), (128, 1, 1), None,
                        {4: parameters, 5: longs(0, 0, 0, 0)})
        run.compare(found, attended(q, k, v, dim ** -0.5, hidden), tolerance)
    return work


OPERATORS = include("c10/metal/indexing.h") + """
struct square_functor { template <typename T> inline T operator()(const T x) { return T(x * x); } };
struct hypot_functor { template <typename T> inline T operator()(const T a, const T b) { return T(c10::metal::hypot(float(a), float(b))); } };
struct less_functor { template <typename T> inline bool operator()(const T a, const T b) { return a < b; } };
REGISTER_UNARY_OP(square, float, float);
REGISTER_UNARY_OP(square, half, half);
REGISTER_OPMATH_BINARY_OP(hypot, float, float);
REGISTER_BINARY_OP(less, int, bool);
"""
TYPES = {np.uint8: 0, np.int8: 1, np.int16: 2, np.int32: 3, np.int64: 4, np.float16: 5, np.float32: 6, np.uint16: 27, np.uint32: 28, np.uint64: 29}


def square_strided(run, random):
    x = random.standard_normal((5, 6, 8)).astype(np.float32)
    found = run.run("square_strided_float_float", {0: unset(5, 6, 8), 1: x}, [0], (8, 30, 1), (1, 1, 1), None,
                    {2: longs(8, 6, 5), 3: longs(4, 32, 192), 4: longs(120, 20, 4), 5: struct.pack("<I", 3)})
    run.compare(found.reshape(8, 6, 5).transpose(2, 1, 0), x.astype(float) ** 2, 1e-6)


def square_to(dtype):
    """Squares, turned into elements of a type that the kernel is told at run time."""
    def work(run, random):
        x = random.integers(0, 11, 101).astype(np.float16)
        size = np.dtype(dtype).itemsize
        found = run.run("square_dense_castout_ilp_half", {0: np.zeros(101, dtype), 1: x}, [0], (1, 1, 1), (26, 1, 1), None, {2: struct.pack("<4I", size, TYPES[dtype], 101, 0)})
        run.compare(found, x.astype(float) ** 2, 0)
    return work


def square_to_float8(run, _):
    """e4m3: three bits of the significand, at most 448."""
    x = np.linspace(0, 25, 101).astype(np.float16)
    found = run.run("square_dense_castout_ilp_half", {0: np.zeros(101, np.uint8), 1: x}, [0], (1, 1, 1), (26, 1, 1), None, {2: struct.pack("<4I", 1, 24, 101, 0)}).astype(int)
    values = np.where(found >> 3, (8 + (found & 7)) * 2.0 ** ((found >> 3) - 10), (found & 7) * 2.0 ** -9)
    exact = (x * x).astype(float)
    grid = np.array([(8 + m) * 2.0 ** (e - 10) if e else m * 2.0 ** -9 for e in range(16) for m in range(8)][:-1])
    run.compare(np.abs(values - exact), np.abs(grid[:, None] - exact).min(0), 0)


def binary_cast(entry, wanted, left, right, out):
    """Both operands of types known at run time only; the second one the same for all rows."""
    def work(run, random):
        a, b = random.integers(-50, 50, (12, 16)).astype(left), random.integers(0, 90, 16).astype(right)
        found = run.run(entry, {0: np.zeros((12, 16), out), 1: a, 2: b}, [0], (12, 1, 1), (16, 1, 1), None,
                        {3: longs(16, 12), 4: longs(np.dtype(out).itemsize, 16 * np.dtype(out).itemsize), 5: longs(a.itemsize, 16 * a.itemsize), 6: longs(b.itemsize, 0),
                         7: struct.pack("<4I", 2, TYPES[left], TYPES[right], 0)})
        run.compare(found, wanted(a.astype(float), b.astype(float)), 1e-6)
    return work


REDUCTIONS = include("c10/metal/reduction_utils.h") + """
template <typename T>
kernel void reduced(device T* y [[buffer(0)]], constant T* x [[buffer(1)]], device int* where [[buffer(2)]], uint i [[thread_position_in_grid]],
                    uint lid [[thread_index_in_threadgroup]], uint size [[threads_per_threadgroup]], uint row [[threadgroup_position_in_grid]]) {
  threadgroup opmath_t<T> sums[32];
  threadgroup T values[32];
  threadgroup int places[32];
  T v = x[i];
  T results[3];
  results[0] = T(threadgroup_sum(sums, v, lid, size));
  results[1] = threadgroup_max(values, v, lid, size);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  results[2] = threadgroup_min(values, v, lid, size);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  int first = threadgroup_argmax(values, places, v, int(lid), lid, size);
  if (lid == 0) {
    for (int k = 0; k < 3; ++k) y[3 * row + k] = results[k];
    where[row] = first;
  }
}
template [[host_name("reduced_float")]] kernel void reduced<float>(device float*, constant float*, device int*, uint, uint, uint, uint);
template [[host_name("reduced_int")]] kernel void reduced<int>(device int*, constant int*, device int*, uint, uint, uint, uint);
kernel void variance(device float* y [[buffer(0)]], constant float* x [[buffer(1)]], uint i [[thread_position_in_grid]], uint lid [[thread_index_in_threadgroup]],
                     uint size [[threads_per_threadgroup]], uint row [[threadgroup_position_in_grid]]) {
  threadgroup float3 parts[1024];
  parts[lid] = float3(x[i], 0, 1);
  float3 all = threadgroup_welford_combine(parts, lid, size);
  if (lid == 0) { y[2 * row] = all.x; y[2 * row + 1] = all.y / all.z; }
}
"""


def reduced(name, dtype, threads):
    def work(run, random):
        x = np.stack([random.permutation(threads) - threads // 3 for _ in range(4)]).astype(dtype)
        found, where = run.run(f"reduced_{name}", {0: np.zeros((4, 3), dtype), 1: x, 2: np.full(4, -1, np.int32)}, [0, 2], (4, 1, 1), (threads, 1, 1))
        run.compare(found, np.stack([x.astype(float).sum(-1), x.max(-1), x.min(-1)], 1), 0)
        run.compare(where, x.argmax(-1), 0)
    return work


def variance(run, random):
    x = (random.standard_normal((3, 500)) + 4).astype(np.float32)
    found = run.run("variance", {0: unset(3, 2), 1: x}, [0], (3, 1, 1), (500, 1, 1))
    run.compare(found, np.stack([x.astype(float).mean(-1), x.astype(float).var(-1)], 1), 1e-6)


RANDOM = include("c10/metal/random.h") + """
kernel void draws(device uint4* raw [[buffer(0)]], device float* uniform [[buffer(1)]], device long* whole [[buffer(2)]], constant long& seed [[buffer(3)]],
                  uint i [[thread_position_in_grid]]) {
  raw[i] = philox4::rand(seed, i);
  uniform[i] = c10::metal::rand(seed, i);
  whole[i] = randint64(seed, i, -5, 20);
}
"""


def draws(run, _):
    """As the library counts them: nine rounds and the words of key and counter high first."""
    seed = 0x123456789ABCDEF
    rows = philox([0, 0, 0, np.arange(64)], [seed >> 32, seed & 0xFFFFFFFF], 9).T
    raw, uniform, whole = run.run("draws", {0: np.zeros((64, 4), np.uint32), 1: unset(64), 2: np.zeros(64, np.int64)}, [0, 1, 2], (2, 1, 1), (32, 1, 1), None, {3: longs(seed)})
    run.compare(raw, rows, 0)
    uniforms = (rows[:, 0] & np.uint64(0x7FFFFFFF)) / 2.0**31
    run.compare(uniform, uniforms, 1e-6)
    run.compare(whole, np.floor(uniforms * 25) - 5, 0)


def cases():
    """(name, program, work(runner, random generator))"""
    f, h, i = np.float32, np.float16, np.int32
    for name, wanted, (first, last), tolerance in special_cases():
        yield name, called("c10/metal/special_math.h", "c10::metal::" + name), special(wanted, np.linspace(first, last, 64).astype(f), tolerance)
    for name, basis, degree in (("chebyshev_polynomial_t_forward", np.polynomial.chebyshev.chebval, 7), ("hermite_polynomial_h_forward", np.polynomial.hermite.hermval, 5),
                                ("hermite_polynomial_he_forward", np.polynomial.hermite_e.hermeval, 6), ("laguerre_polynomial_l_forward", np.polynomial.laguerre.lagval, 5)):
        yield name, called("c10/metal/special_math.h", "c10::metal::" + name, f"x[i], {degree}"), special(polynomial(basis, degree), np.linspace(1.05, 1.4, 64).astype(f), 1e-4)
    yield "log1p", called("c10/metal/utils.h", "c10::metal::log1p"), special(math.log1p, np.geomspace(1e-6, 50, 64).astype(f), 1e-6)
    yield "expm1f", called("c10/metal/expm1f.h", "c10::metal::expm1f"), special(math.expm1, np.geomspace(1e-6, 0.34, 64).astype(f), 1e-6)
    yield "sort_block_float_tptg64", SORTS, sort_block("sort_block_float_tptg64", f, 0, 64)
    yield "sort_block_int_tptg32_stable", SORTS, sort_block("sort_block_int_tptg32_stable", i, 1, 32)
    yield "sort_block_half_tptg256_stable", SORTS, sort_block("sort_block_half_tptg256_stable", h, 0, 256)
    yield "sort_block_long_tptg128", SORTS, sort_block("sort_block_long_tptg128", np.int64, 1, 128)
    yield "sort_block_topk_float_tptg128", SORTS, sort_block("sort_block_topk_float_tptg128", f, 1, 128, (0, 20))
    yield "sort_block_fkey_float_tptg64", SORTS, sort_block("sort_block_fkey_float_tptg64", f, 1, 64, (7, 30))
    yield "mb_sort_block, mb_merge", SORTS, merge_sort
    yield "radix sort of char", SORTS, radix_sort("char", np.int8, 8, 4, 512, 8, False)
    yield "radix sort of float", SORTS, radix_sort("float", f, 32, 8, 512, 4, False)
    yield "radix sort of short, fused", SORTS, radix_sort("short", np.int16, 16, 8, 1024, 4, True)
    yield "gemv_t_float_8_2_ab", PRODUCTS, gemv("gemv_t_float_8_2_ab", f, 150, 93, 8, 64, True, 1e-6)
    yield "gemv_t_half_16_2_none", PRODUCTS, gemv("gemv_t_half_16_2_none", h, 150, 93, 16, 64, True, 1e-3)
    yield "gemv_t2d_float_16_4_none", PRODUCTS, gemv("gemv_t2d_float_16_4_none", f, 72, 203, 16, 32, True, 1e-6)
    yield "gemv_nt_float_4_4_ab_xc", PRODUCTS, gemv("gemv_nt_float_4_4_ab_xc", f, 45, 1100, 4, 4, False, 1e-6)
    yield "gemv_nt_half_8_8_none_xc", PRODUCTS, gemv("gemv_nt_half_8_8_none_xc", h, 45, 1100, 8, 8, False, 1e-3)
    yield "sdpa_vector_float_64", DECODE, decode_attention("sdpa_vector_float_64_64_masknone", 64, f, False, 1e-5)
    yield "sdpa_vector_half_128 masked", DECODE, decode_attention("sdpa_vector_half_128_128_maskbool", 128, h, True, 2e-3)
    name = "prefill_attention_{}_bq32_bk{}_bd{}_wm4_wn1_hm0_dc{}_mask{}"
    yield "prefill_attention float32", PREFILL, prefill_attention(name.format("float32", 32, 64, 0, "float32"), 32, 64, f, False, 1e-5)
    yield "prefill_attention float16 causal", PREFILL, prefill_attention(name.format("float16", 16, 128, 1, "float16"), 32, 128, h, True, 2e-3)
    name = "prefill_attention_mpp_a{}_float16_bq64_bk32_bd{}_wm4_wn1_hm0_dc{}_maskfloat16"
    # Those named a9 take how a fragment lies in the registers of earlier GPUs for granted.
    yield "prefill_attention_mpp a10", MATRIX_UNITS, prefill_attention(name.format(10, 64, 0), 64, 64, h, False, 2e-3)
    yield "prefill_attention_mpp a10 causal", MATRIX_UNITS, prefill_attention(name.format(10, 128, 1), 64, 128, h, True, 2e-3)
    yield "square_strided", OPERATORS, square_strided
    for dtype in (np.uint8, np.int16, np.int64, f, np.uint32):
        yield f"square to {np.dtype(dtype).name}", OPERATORS, square_to(dtype)
    yield "square to float8", OPERATORS, square_to_float8
    yield "hypot of short and half", OPERATORS, binary_cast("hypot_strided_cast_float_float", np.hypot, np.int16, h, f)
    yield "less of char and long", OPERATORS, binary_cast("less_strided_cast_bool_int", np.less, np.int8, np.int64, np.uint8)
    for name, dtype, threads in (("float", f, 32), ("float", f, 1024), ("int", i, 256), ("int", i, 96)):
        yield f"threadgroup reductions of {threads} {name}", REDUCTIONS, reduced(name, dtype, threads)
    yield "threadgroup_welford_combine", REDUCTIONS, variance
    yield "philox", RANDOM, draws
