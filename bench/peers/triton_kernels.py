"""Kernels in Triton's language for triton_values.py: what programs in it are made of, each part once."""

import triton
import triton.language as tl


@triton.jit
def add(x, y, out, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    tl.store(out + i, tl.load(x + i, mask=i < n) + tl.load(y + i, mask=i < n), mask=i < n)


@triton.jit
def activations(x, out, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    v = tl.load(x + i, mask=i < n, other=0.0).to(tl.float32)
    tl.store(out + i, tl.sigmoid(v), mask=i < n)
    tl.store(out + n + i, v * 0.5 * (1 + tl.erf(v * 0.7071067811865476)), mask=i < n)
    tl.store(out + 2 * n + i, tl.where(v > 0, v, tl.exp(v) - 1), mask=i < n)
    tl.store(out + 3 * n + i, tl.log(1 + tl.exp2(v)), mask=i < n)
    tl.store(out + 4 * n + i, tl.sin(v) * tl.cos(v), mask=i < n)
    tl.store(out + 5 * n + i, tl.sqrt(tl.abs(v)) + tl.rsqrt(1 + v * v), mask=i < n)
    tl.store(out + 6 * n + i, tl.clamp(v, -0.5, 0.75) + tl.floor(v) + tl.ceil(v), mask=i < n)
    tl.store(out + 7 * n + i, tl.fma(v, v, v), mask=i < n)


@triton.jit
def integers(x, y, out, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    a = tl.load(x + i, mask=i < n, other=0)
    b = tl.load(y + i, mask=i < n, other=1)
    tl.store(out + i, a // b, mask=i < n)
    tl.store(out + n + i, a % b, mask=i < n)
    tl.store(out + 2 * n + i, (a ^ b) & (a | 12345), mask=i < n)
    tl.store(out + 3 * n + i, (a << (b & 7)) - (a >> (b & 3)), mask=i < n)
    tl.store(out + 4 * n + i, tl.minimum(a, b) * 3 - tl.maximum(a, b), mask=i < n)
    tl.store(out + 5 * n + i, tl.where((a < b) & (a != 7), -a, ~b), mask=i < n)


@triton.jit
def high_products(x, y, out, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    a = tl.load(x + i, mask=i < n, other=0)
    b = tl.load(y + i, mask=i < n, other=0)
    tl.store(out + i, tl.umulhi(a, b), mask=i < n)


@triton.jit
def casts(x, halves, bfloats, bytes_, words, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    v = tl.load(x + i, mask=i < n, other=0.0)
    tl.store(halves + i, v.to(tl.float16), mask=i < n)
    tl.store(bfloats + i, v.to(tl.bfloat16), mask=i < n)
    tl.store(bytes_ + i, v.to(tl.int8), mask=i < n)
    tl.store(words + i, v.to(tl.int32, bitcast=True), mask=i < n)


@triton.jit
def softmax(x, out, columns, B: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, B)
    v = tl.load(x + row * columns + i, mask=i < columns, other=-float("inf")).to(tl.float32)
    e = tl.exp(v - tl.max(v, axis=0))
    tl.store(out + row * columns + i, e / tl.sum(e, axis=0), mask=i < columns)


@triton.jit
def online_softmax(x, out, columns, B: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, B)
    top = tl.full([B], -float("inf"), tl.float32)
    total = tl.zeros([B], tl.float32)
    for start in range(0, columns, B):
        v = tl.load(x + row * columns + start + i, mask=start + i < columns, other=-1e30)
        new = tl.maximum(top, v)
        total = total * tl.exp(top - new) + tl.exp(v - new)
        top = new
    m = tl.max(top, axis=0)
    s = tl.sum(total * tl.exp(top - m), axis=0)
    for start in range(0, columns, B):
        v = tl.load(x + row * columns + start + i, mask=start + i < columns, other=0.0)
        tl.store(out + row * columns + start + i, tl.exp(v - m) / s, mask=start + i < columns)


@triton.jit
def layer_norm(x, w, b, out, mean, inverse, columns, eps, B: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, B)
    inside = i < columns
    v = tl.load(x + row * columns + i, mask=inside, other=0.0)
    m = tl.sum(v, axis=0) / columns
    d = tl.where(inside, v - m, 0.0)
    r = 1 / tl.sqrt(tl.sum(d * d, axis=0) / columns + eps)
    tl.store(mean + row, m)
    tl.store(inverse + row, r)
    tl.store(out + row * columns + i, d * r * tl.load(w + i, mask=inside) + tl.load(b + i, mask=inside), mask=inside)


@triton.jit
def reductions(x, out, R: tl.constexpr, C: tl.constexpr):
    p = tl.arange(0, R)[:, None] * C + tl.arange(0, C)[None, :]
    v = tl.load(x + p)
    r, c = tl.arange(0, R), tl.arange(0, C)
    tl.store(out + r, tl.sum(v, axis=1))
    tl.store(out + R + c, tl.sum(v, axis=0))
    tl.store(out + R + C + r, tl.max(v, axis=1))
    tl.store(out + 2 * R + C + c, tl.min(v, axis=0))


@triton.jit
def places(x, top, low, columns, B: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, B)
    v = tl.load(x + row * columns + i, mask=i < columns, other=-float("inf"))
    tl.store(top + row, tl.argmax(v, axis=0))
    v = tl.where(i < columns, v, float("inf"))
    tl.store(low + row, tl.argmin(v, axis=0))


@triton.jit
def welford(mean_a, m2_a, weight_a, mean_b, m2_b, weight_b):
    delta = mean_b - mean_a
    weight = weight_a + weight_b
    part = tl.where(weight == 0.0, 0.0, weight_b / weight)
    return mean_a + delta * part, m2_a + m2_b + delta * delta * weight_a * part, weight


@triton.jit
def variance(x, out, columns, B: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, B)
    v = tl.load(x + row * columns + i, mask=i < columns, other=0.0)
    one = tl.where(i < columns, 1.0, 0.0)
    m, m2, weight = tl.reduce((v, tl.zeros([B], tl.float32), one), 0, welford)
    tl.store(out + row * 2, m)
    tl.store(out + row * 2 + 1, m2 / weight)


@triton.jit
def sums_so_far(x, out, columns, B: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, B)
    v = tl.load(x + row * columns + i, mask=i < columns, other=0.0)
    tl.store(out + row * columns + i, tl.cumsum(v, axis=0), mask=i < columns)


@triton.jit
def recurrence_pair(a0, b0, a1, b1):
    return a0 * a1, b0 * a1 + b1


@triton.jit
def recurrence(a, b, out, B: tl.constexpr):
    """y[i] = a[i] y[i-1] + b[i]."""
    i = tl.program_id(0) * B + tl.arange(0, B)
    _, y = tl.associative_scan((tl.load(a + i), tl.load(b + i)), 0, recurrence_pair)
    tl.store(out + i, y)


@triton.jit
def sorted_rows(x, out, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    tl.store(out + i, tl.sort(tl.load(x + i)))


@triton.jit
def counts(x, out, n, B: tl.constexpr, BINS: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    v = tl.load(x + i, mask=i < n, other=0)
    h = tl.histogram(v, BINS, mask=i < n)
    tl.atomic_add(out + tl.arange(0, BINS), h)


@triton.jit
def product(a, b, out, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    m = tl.program_id(0) * BM + tl.arange(0, BM)
    n = tl.program_id(1) * BN + tl.arange(0, BN)
    total = tl.zeros((BM, BN), tl.float32)
    for start in range(0, K, BK):
        k = start + tl.arange(0, BK)
        x = tl.load(a + m[:, None] * K + k[None, :], mask=(m[:, None] < M) & (k[None, :] < K), other=0.0)
        y = tl.load(b + k[:, None] * N + n[None, :], mask=(k[:, None] < K) & (n[None, :] < N), other=0.0)
        total += tl.dot(x, y)
    tl.store(out + m[:, None] * N + n[None, :], total, mask=(m[:, None] < M) & (n[None, :] < N))


@triton.jit
def transposed(x, out, M, N, B: tl.constexpr):
    m = tl.program_id(0) * B + tl.arange(0, B)
    n = tl.program_id(1) * B + tl.arange(0, B)
    v = tl.load(x + m[:, None] * N + n[None, :], mask=(m[:, None] < M) & (n[None, :] < N), other=0.0)
    tl.store(out + n[:, None] * M + m[None, :], tl.trans(v), mask=(n[:, None] < N) & (m[None, :] < M))


@triton.jit
def scattered(i, x, out, top, n, B: tl.constexpr):
    p = tl.program_id(0) * B + tl.arange(0, B)
    place = tl.load(i + p, mask=p < n, other=0)
    v = tl.load(x + p, mask=p < n, other=0.0)
    tl.atomic_add(out + place, v, mask=p < n)
    tl.atomic_max(top + place, (v * 100).to(tl.int32), mask=p < n)


@triton.jit
def collatz(x, out, n, B: tl.constexpr):
    i = tl.program_id(0)
    v = tl.load(x + i)
    steps = 0
    while v != 1:
        v = tl.where(v % 2 == 0, v // 2, 3 * v + 1)
        steps += 1
    tl.store(out + i, steps)


@triton.jit
def dropout(x, out, n, seed, p, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    v = tl.load(x + i, mask=i < n, other=0.0)
    keep = tl.rand(seed, i) > p
    tl.store(out + i, tl.where(keep, v / (1 - p), 0.0), mask=i < n)


@triton.jit
def random_words(out, seed, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    a, b, c, d = tl.randint4x(seed, i)
    tl.store(out + i * 4, a)
    tl.store(out + i * 4 + 1, b)
    tl.store(out + i * 4 + 2, c)
    tl.store(out + i * 4 + 3, d)


@triton.jit
def cross_entropy(x, target, loss, gradient, columns, B: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, B)
    v = tl.load(x + row * columns + i, mask=i < columns, other=-float("inf"))
    label = tl.load(target + row)
    top = tl.max(v, 0)
    log_sum = tl.log(tl.sum(tl.exp(v - top), 0)) + top
    tl.store(loss + row, log_sum - tl.load(x + row * columns + label))
    tl.store(gradient + row * columns + i, tl.exp(v - log_sum) - tl.where(i == label, 1.0, 0.0), mask=i < columns)


@triton.jit
def rotated(x, cosines, sines, out, D: tl.constexpr):
    """Rotary embedding of a head a program, halves of pairs apart."""
    head = tl.program_id(0) * D
    i = tl.arange(0, D // 2)
    a, b = tl.load(x + head + i), tl.load(x + head + D // 2 + i)
    c, s = tl.load(cosines + tl.program_id(0) * (D // 2) + i), tl.load(sines + tl.program_id(0) * (D // 2) + i)
    tl.store(out + head + i, a * c - b * s)
    tl.store(out + head + D // 2 + i, a * s + b * c)


@triton.jit
def interleaved(x, y, out, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    tl.store(out + tl.program_id(0) * 2 * B + tl.arange(0, 2 * B), tl.interleave(tl.load(x + i), tl.load(y + i)))


@triton.jit
def flipped(x, out, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    tl.store(out + i, tl.flip(tl.load(x + i), 0))


@triton.jit
def gathered(x, i, out, R: tl.constexpr, C: tl.constexpr):
    p = tl.arange(0, R)[:, None] * C + tl.arange(0, C)[None, :]
    tl.store(out + p, tl.gather(tl.load(x + p), tl.load(i + p), 1))


@triton.jit
def convolution(x, w, out, length, WIDTH: tl.constexpr, B: tl.constexpr):
    """Causal, a channel a program of the second axis."""
    row = tl.program_id(1) * length
    i = tl.program_id(0) * B + tl.arange(0, B)
    total = tl.zeros([B], tl.float32)
    for j in tl.static_range(WIDTH):
        at = i - (WIDTH - 1) + j
        total += tl.load(x + row + at, mask=(at >= 0) & (at < length), other=0.0) * tl.load(w + tl.program_id(1) * WIDTH + j)
    tl.store(out + row + i, total * tl.sigmoid(total), mask=i < length)


@triton.jit
def delta_rule(q, k, v, beta, out, length, D: tl.constexpr):
    """A state of D x D, changed by one step after the other."""
    column, row = tl.arange(0, D)[None, :], tl.arange(0, D)[:, None]
    state = tl.zeros([D, D], tl.float32)
    for t in range(length):
        key = tl.load(k + t * D + column)
        change = tl.load(beta + t) * (tl.load(v + t * D + row) - tl.sum(state * key, 1, keep_dims=True))
        state += change * key
        tl.store(out + t * D + row, tl.sum(state * tl.load(q + t * D + column), 1, keep_dims=True))


@triton.jit
def small_product(a, b, bias, out, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr):
    """One tile, both operands turned where they are read, with a bias and a leaky relu."""
    m, n, k = tl.arange(0, M), tl.arange(0, N), tl.arange(0, K)
    x = tl.trans(tl.load(a + k[:, None] * M + m[None, :]))
    y = tl.trans(tl.load(b + n[:, None] * K + k[None, :]))
    total = tl.dot(x, y) + tl.load(bias + n)[None, :]
    tl.store(out + m[:, None] * N + n[None, :], tl.where(total >= 0, total, 0.01 * total))


@triton.jit
def products_so_far(x, out, R: tl.constexpr, C: tl.constexpr, AXIS: tl.constexpr, BACK: tl.constexpr):
    p = tl.arange(0, R)[:, None] * C + tl.arange(0, C)[None, :]
    tl.store(out + p, tl.cumprod(tl.load(x + p), AXIS, BACK))


@triton.jit
def swapped(locks, x, out, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    tl.store(out + i, tl.atomic_cas(locks + i, tl.load(x + i), i))
    tl.store(out + n + i, tl.atomic_xchg(x + i, -i))


@triton.jit
def gelu(v):
    u = 0.7978845608028654 * (v + 0.044715 * v * v * v)
    return 0.5 * v * (2 * tl.sigmoid(2 * u))


@triton.jit
def gated(gate, up, out, n, B: tl.constexpr, BY_GELU: tl.constexpr):
    i = tl.program_id(0).to(tl.int64) * B + tl.arange(0, B)
    g = tl.load(gate + i, mask=i < n, other=0.0).to(tl.float32)
    u = tl.load(up + i, mask=i < n, other=0.0).to(tl.float32)
    if BY_GELU:
        h = gelu(g)
    else:
        h = g * tl.sigmoid(g)
    tl.store(out + i, (h * u).to(out.dtype.element_ty), mask=i < n)


@triton.jit
def adam(x, gradient, first, second, n, rate, beta1, beta2, eps, step, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    g = tl.load(gradient + i, mask=i < n, other=0.0)
    m = beta1 * tl.load(first + i, mask=i < n, other=0.0) + (1 - beta1) * g
    v = beta2 * tl.load(second + i, mask=i < n, other=0.0) + (1 - beta2) * g * g
    unbiased_m = m / (1 - tl.exp(step * tl.log(beta1)))
    unbiased_v = v / (1 - tl.exp(step * tl.log(beta2)))
    tl.store(first + i, m, mask=i < n)
    tl.store(second + i, v, mask=i < n)
    tl.store(x + i, tl.load(x + i, mask=i < n) - rate * unbiased_m / (tl.sqrt(unbiased_v) + eps), mask=i < n)


@triton.jit
def quantised(x, codes, scales, columns, B: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, B)
    v = tl.load(x + row * columns + i, mask=i < columns, other=0.0)
    scale = tl.max(tl.abs(v), 0) / 127
    code = v / scale
    tl.store(codes + row * columns + i, tl.where(code >= 0, tl.floor(code + 0.5), tl.ceil(code - 0.5)).to(tl.int8), mask=i < columns)
    tl.store(scales + row, scale)


@triton.jit
def split_pairs(x, out, n, B: tl.constexpr):
    """Complex numbers times themselves."""
    p = tl.program_id(0) * 2 * B + tl.arange(0, 2 * B)
    a, b = tl.split(tl.reshape(tl.load(x + p), (B, 2)))
    tl.store(out + p, tl.reshape(tl.join(a * a - b * b, 2 * a * b), (2 * B,)))


@triton.jit
def sparse_rows(starts, columns, values, x, out, B: tl.constexpr):
    row = tl.program_id(0)
    begin, end = tl.load(starts + row), tl.load(starts + row + 1)
    total = tl.zeros([B], tl.float32)
    for at in range(begin, end, B):
        i = at + tl.arange(0, B)
        c = tl.load(columns + i, mask=i < end, other=0)
        total += tl.load(values + i, mask=i < end, other=0.0) * tl.load(x + c, mask=i < end, other=0.0)
    tl.store(out + row, tl.sum(total, 0))


@triton.jit
def mandelbrot(out, width, B: tl.constexpr, LIMIT: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, B)
    cx, cy = -2.0 + 3.0 * i / width, -1.5 + 3.0 * row / width
    x, y = tl.zeros([B], tl.float32), tl.zeros([B], tl.float32)
    count = tl.zeros([B], tl.int32)
    for _ in range(LIMIT):
        inside = x * x + y * y <= 4.0
        x, y = tl.where(inside, x * x - y * y + cx, x), tl.where(inside, 2 * x * y + cy, y)
        count += inside.to(tl.int32)
    tl.store(out + row * width + i, count, mask=i < width)
