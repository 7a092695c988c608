#!/usr/bin/env python3
"""Runs the Metal kernels that the Python package zmlx hands to mx.fast.metal_kernel, and compares the results with NumPy in float64.

    bench/peers/zmlx_values.py --anymetal build/release/anymetal [--device cuda:0] [--cases norms,rope] [--folder /tmp/libraries]

As mlx_lm_values.py does for mlx-lm. zmlx 0.10.0 and the headers of mlx-metal 0.32.4 come from PyPI; needs NumPy and MLX for the processor
(mlx[cpu] 0.32.4).
"""

import importlib
import platform
import sys

import mlx.core as mx
import numpy as np

import mlx_lm_values
from mlx_lm_values import exact, log_softmax, rms, sigmoid

ZMLX = ("zmlx==0.10.0", ["--only-binary=:all:"])
FLOATS = ((mx.float32, 3e-6), (mx.float16, 2e-3))  # most of its kernels assign floats to results, which are no bfloat then


def load(folder):
    sys.path.insert(0, str(mlx_lm_values.unpacked(ZMLX, folder)))
    platform.system, platform.machine = lambda: "Darwin", lambda: "arm64"
    mlx_lm_values.on_a_mac()


def module(name):
    return importlib.import_module("zmlx.kernels." + name)


def silu(x):
    return x * sigmoid(x)


def gelu(x):
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def centred(x, epsilon):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon)


class Cases(mlx_lm_values.Cases):
    def unary(self):
        functions = {"exp": np.exp, "tanh": np.tanh, "sigmoid": sigmoid, "relu": lambda x: np.maximum(x, 0), "relu2": lambda x: np.maximum(x, 0)**2, "silu": silu,
                     "gelu_tanh": gelu, "softplus": lambda x: np.log1p(np.exp(x)), "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
                     "elu": lambda x: np.where(x > 0, x, np.expm1(x))}
        for dtype, allowed in FLOATS:
            x = self.normal(7, 90, dtype=dtype, scale=2)
            for name, function in functions.items():
                yield exact(getattr(module("activations"), name)()(x)), function(exact(x)), allowed
        x = self.uniform(0.1, 9, 700)
        yield exact(module("activations").log()(x)), np.log(exact(x)), 1e-6

    def gradients(self):
        """Of the sum of a function, by a difference in float64."""
        functions = {"exp": np.exp, "tanh": np.tanh, "sigmoid": sigmoid, "silu": silu, "gelu_tanh": gelu, "softplus": lambda x: np.log1p(np.exp(x)),
                     "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))), "relu2": lambda x: np.maximum(x, 0)**2}
        for name, function in functions.items():
            x, f = self.normal(300, scale=2), getattr(module("activations"), name + "_grad")()
            gradient = mx.grad(lambda a, f=f: f(a).sum())(x)
            yield exact(gradient), (function(exact(x) + 1e-5) - function(exact(x) - 1e-5)) / 2e-5, 5e-6

    def pairs(self):
        fused, blocks = module("fused"), module("transformer")
        for dtype, allowed in FLOATS:
            x, y, wide, bias = self.normal(5, 128, dtype=dtype), self.normal(5, 128, dtype=dtype), self.normal(5, 256, dtype=dtype), self.normal(256, dtype=dtype)
            a, b, w = exact(x), exact(y), exact(wide)
            yield exact(fused.add()(x, y)), a + b, allowed
            yield exact(fused.mul()(x, y)), a * b, allowed
            yield exact(blocks.swiglu(wide)), silu(w[:, :128]) * w[:, 128:], allowed
            yield exact(blocks.geglu(wide)), gelu(w[:, :128]) * w[:, 128:], allowed
            yield exact(blocks.swiglu2(x, y)), silu(a) * b, allowed
            yield exact(blocks.geglu2(x, y)), gelu(a) * b, allowed
            w = w + exact(bias)
            yield exact(blocks.bias_swiglu(wide, bias)), silu(w[:, :128]) * w[:, 128:], allowed
            yield exact(blocks.bias_geglu(wide, bias)), gelu(w[:, :128]) * w[:, 128:], allowed
            yield exact(module("vlsp").silu_mul_residual(x, y, x)), silu(a) * b + a, allowed

    def norms(self):
        one, blocks = module("norms"), module("transformer")
        for (dtype, allowed), dim in zip(FLOATS, (300, 512)):
            x, y, w, b = (self.normal(*shape, dtype=dtype) for shape in ((2, 5, dim), (2, 5, dim), (dim,), (dim,)))
            p, q, u, v = (exact(a) for a in (x, y, w, b))
            yield exact(one.rmsnorm(x, w)), rms(p, 1e-6) * u, allowed
            yield exact(one.rms_norm_no_weight(x)), rms(p, 1e-6), allowed
            yield exact(one.layer_norm_no_weight(x)), centred(p, 1e-5), allowed
            yield exact(one.layernorm(x, w, b)), centred(p, 1e-5) * u + v, allowed
            for function in (blocks.fused_add_rmsnorm, one.residual_rmsnorm):
                yield exact(function(x, y, w)), rms(p + q, 1e-6) * u, allowed
            for function in (blocks.rmsnorm_residual, one.add_rms_norm):
                normed, total = function(x, y, w)
                yield exact(normed), rms(p + q, 1e-6) * u, allowed
                yield exact(total), p + q, allowed
            yield exact(blocks.fused_add_layernorm(x, y, w, b)), centred(p + q, 1e-5) * u + v, allowed
            yield exact(blocks.layernorm_residual(x, y, w, b)[0]), centred(p + q, 1e-5) * u + v, allowed
            yield exact(module("deltanet").gated_rmsnorm_silu(x, y, w)), rms(p, 1e-6) * u * silu(q), allowed
            yield exact(module("vlsp").fused_recurrent_step(x, w, y, mx.array([0.5]).astype(dtype))), p + 0.5 * silu(rms(p, 1e-6) * u) * q, allowed
        x, w, g = self.normal(4, 200), self.normal(200), self.normal(4, 200)
        p, u, c = exact(x), exact(w), exact(g)
        scale = 1 / np.sqrt((p * p).mean(-1, keepdims=True) + 1e-6)
        found = one.rmsnorm_grad(x, w, g)
        found = found[0] if isinstance(found, (tuple, list)) else found
        yield exact(found), scale * (c * u - p * scale**2 * (c * u * p).mean(-1, keepdims=True)), 3e-6

    def rows(self):
        sums, soft = module("reductions"), module("softmax")
        for (dtype, allowed), dim in zip(FLOATS, (1000, 300)):
            x, g = self.normal(6, dim, dtype=dtype), self.normal(6, dim, dtype=dtype)
            p = exact(x)
            for found, wanted in ((sums.sum_lastdim(x), p.sum(-1)), (sums.sum_lastdim(x, kahan=True), p.sum(-1)), (sums.mean_lastdim(x), p.mean(-1)),
                                  (sums.max_lastdim(x), p.max(-1)), (sums.var_lastdim(x), p.var(-1)), (sums.std_lastdim(x), np.sqrt(p.var(-1) + 1e-6))):
                yield exact(found).reshape(-1), wanted, allowed
            yield exact(sums.argmax_lastdim(x)).reshape(-1), p.argmax(-1), 0
            values, places = sums.topk_lastdim(x, 5)
            yield exact(values), -np.sort(-p, 1)[:, :5], 0
            yield np.take_along_axis(p, np.array(places).astype(int), 1), -np.sort(-p, 1)[:, :5], 0
            y = soft.softmax_lastdim(x)
            yield exact(y), np.exp(log_softmax(p)), allowed
            yield exact(soft.log_softmax_lastdim(x)), log_softmax(p), allowed
            q, c = exact(y), exact(g)
            yield exact(soft.softmax_grad(y, g)), q * (c - (q * c).sum(-1, keepdims=True)), allowed
            yield exact(module("attention").logsumexp_lastdim(x)).reshape(-1), np.log(np.exp(p).sum(-1)), allowed
            mask = self.uniform(0, 1, 6, dim) > 0.4
            kept = np.where(np.array(mask), p, -np.inf)
            yield exact(module("attention").masked_softmax(x, mask)), np.exp(log_softmax(kept)), allowed
            yield exact(module("attention").scale_mask_softmax(x, mask, 0.25)), np.exp(log_softmax(kept * 0.25)), allowed
        x = self.normal(5, 256)
        yield exact(module("scan").cumsum_lastdim(x)), np.cumsum(exact(x), 1), 2e-6
        yield exact(module("scan").cumsum_grad(x)), np.cumsum(exact(x)[:, ::-1], 1)[:, ::-1], 2e-6
        logits, targets = self.normal(8, 500, scale=3), mx.array(self.random.integers(0, 500, 8).astype(np.uint32))
        found = module("loss").softmax_cross_entropy(logits, targets)
        yield exact(found), -log_softmax(exact(logits))[np.arange(8), np.array(targets)], 2e-6
        r = self.normal(6, 48)
        centre = exact(r) - exact(r).mean(1, keepdims=True)
        yield exact(module("vlsp").grpo_advantage_norm(r)), centre / (np.sqrt((centre**2).mean(1, keepdims=True)) + 1e-6), 3e-6

    def attention(self):
        q, k = self.normal(16, 64), self.normal(16, 64)
        yield exact(module("attention").attention_tile_proto(q, k)), exact(q) @ exact(k).T, 2e-6
        for dtype, allowed in FLOATS:
            q, keys, values = self.normal(2, 4, 64, dtype=dtype), self.normal(9, 8, 2, 64, dtype=dtype), self.normal(9, 8, 2, 64, dtype=dtype)
            table, lengths = mx.array(np.array([[3, 1, 7], [8, 0, 2]], np.uint32)), mx.array(np.array([21, 10], np.uint32))
            found = exact(module("attention").paged_attention(q, keys, values, table, lengths, 0.125))
            wanted = np.zeros((2, 4, 64))
            for b in range(2):
                kk, vv = (exact(a)[np.array(table)[b]].reshape(24, 2, 64)[:int(lengths[b].item())] for a in (keys, values))
                for h in range(4):
                    p = np.exp(log_softmax(kk[:, h // 2] @ exact(q)[b, h] * 0.125))
                    wanted[b, h] = p @ vv[:, h // 2]
            yield found.reshape(wanted.shape), wanted, allowed

    def rope(self):
        rope = module("rope")
        for dtype, allowed in (*FLOATS, (mx.bfloat16, 1.5e-2)):
            angles = np.arange(6)[:, None] * 10.0 ** -(np.arange(16) / 8)
            c, s = (mx.array(f(angles).astype(np.float32)).astype(dtype) for f in (np.cos, np.sin))
            u, v = exact(c), exact(s)
            x = self.normal(2, 3, 6, 32, dtype=dtype)
            p = exact(x)
            a, b = p[..., :16], p[..., 16:]
            yield exact(rope.apply_rope(x, c, s)), np.concatenate([a * u - b * v, a * v + b * u], -1), allowed
            a, b = p[..., ::2], p[..., 1::2]
            yield exact(rope.apply_rope_interleaved(x, c, s)), np.stack([a * u - b * v, a * v + b * u], -1).reshape(p.shape), allowed

    def codes(self):
        quant, bits = module("quant"), module("bits")
        x = mx.array(self.random.integers(0, 2, 640).astype(np.uint8))
        packed = bits.pack_bits(x)
        yield exact(packed), np.packbits(np.array(x), bitorder="little"), 0
        yield exact(bits.unpack_bits(packed)).reshape(-1), exact(x), 0
        scale, codes = mx.array([0.75]), self.random.integers(-128, 128, 500).astype(np.int8)
        yield exact(quant.dequantize_int8(mx.array(codes), scale)), codes * 0.75, 1e-7
        every = np.arange(256, dtype=np.uint8)
        exponent, mantissa, sign = every >> 3 & 15, every & 7, np.where(every >> 7, -1.0, 1.0)
        e4m3 = sign * np.where(exponent == 0, mantissa * 2.0**-9, (8 + mantissa) * 2.0**(exponent.astype(int) - 10))
        finite = (every & 127) != 127
        yield exact(quant.dequantize_fp8(mx.array(every), scale))[finite], e4m3[finite] * 0.75, 1e-7
        e5m2 = (every.astype(np.uint16) << 8).view(np.float16).astype(float)
        finite = np.isfinite(e5m2)
        yield exact(quant.dequantize_fp8(mx.array(every), scale, variant="e5m2"))[finite], e5m2[finite] * 0.75, 1e-7
        for width in (2, 4, 8):
            w = self.normal(16, 256)
            packed, scales, biases = mx.quantize(w, group_size=64, bits=width)
            wanted = exact(mx.dequantize(packed, scales, biases, group_size=64, bits=width))
            yield exact(quant.dequantize_affine_packed(packed, scales, biases, bits=width, group_size=64)), wanted, 1e-6
            yield exact(quant.dequantize_affine_packed_silu(packed, scales, biases, bits=width, group_size=64)), silu(wanted), 3e-6
            yield exact(quant.dequantize_affine_packed_gelu(packed, scales, biases, bits=width, group_size=64)), gelu(wanted), 3e-6
        for width in (4, 8):
            x, (gate, up) = self.normal(1, 256), (mx.quantize(self.normal(64, 256), group_size=64, bits=width) for _ in range(2))
            g, u = (exact(x) @ exact(mx.dequantize(*m, group_size=64, bits=width)).T for m in (gate, up))
            yield exact(quant.fused_quantized_swiglu_gemv(x, *gate, *up, group_size=64, bits=width)), silu(g) * u, 3e-6

    def places(self):
        source, index, other = self.normal(50, 33), mx.array(self.random.integers(0, 50, 20).astype(np.uint32)), self.normal(20, 33)
        yield exact(module("indexing").fused_gather_add(source, index, other)), exact(source)[np.array(index)] + exact(other), 1e-7
        wanted = np.zeros((50, 33))
        np.add.at(wanted, np.array(index), exact(other))
        yield exact(module("indexing").fused_scatter_add(index, other, (50, 33))), wanted, 1e-6
        x, w = self.normal(2, 7, 9, 5), self.normal(3, 3, 5)
        padded = np.pad(exact(x), ((0, 0), (1, 1), (1, 1), (0, 0)))
        wanted = sum(padded[:, i:i + 7, j:j + 9] * exact(w)[i, j] for i in range(3) for j in range(3))
        yield exact(module("image").depthwise_conv_3x3(x, w)), wanted, 2e-6
        state, w = self.normal(2, 4, 96), self.normal(96, 4)
        out, after = module("deltanet").fused_conv1d_silu(state, w.reshape(96, 1, 4, 1))
        yield exact(out)[:, 0], silu((exact(state) * exact(w).T).sum(1)), 2e-6
        yield exact(after), exact(state)[:, 1:], 0

    def products(self):
        linear = module("linear")
        x, w, b = self.normal(9, 70), self.normal(40, 70), self.normal(40)
        y = exact(x) @ exact(w).T
        yield exact(linear.fused_linear_bias_silu(x, w, b)), silu(y + exact(b)), 2e-6
        yield exact(linear.fused_linear_bias_gelu(x, w, b)), gelu(y + exact(b)), 2e-6
        yield exact(linear.fused_linear_rmsnorm(x, w, b)), rms(y, 1e-6) * exact(b), 3e-6

    def experts(self):
        moe = module("moe")
        for dtype, allowed in FLOATS:
            x, y, g = self.normal(6, 16, dtype=dtype), self.normal(6, 4, 96, dtype=dtype), self.uniform(0, 1, 6, 4).astype(dtype)
            p = exact(x)
            order = np.argsort(-p, 1, kind="stable")
            for k, (weights, chosen) in ((2, moe.top2_gating_softmax(x)), (4, moe.topk_gating_softmax(x, 4))):
                best = np.take_along_axis(p, order[:, :k], 1)
                yield np.take_along_axis(p, np.array(chosen).astype(int), 1), best, 0
                yield exact(weights), np.exp(log_softmax(best)), allowed
            wanted = (exact(y) * exact(g)[..., None]).sum(1)
            for name in ("moe_combine", "moe_combine_no_fma", "moe_combine_fp32", "moe_combine_fp32_no_fma"):
                yield exact(getattr(moe, name)(y, g)), wanted, allowed
            chosen = mx.array(self.random.integers(0, 6, (6, 4)).astype(np.uint32))
            yield exact(moe.moe_dispatch(x, chosen)), np.repeat(p[:, None], 4, 1), 0


def main():
    names = [n for n in vars(Cases) if not n.startswith("_")]
    return mlx_lm_values.compare(__doc__, load, lambda: {name: getattr(Cases(), name) for name in names})


if __name__ == "__main__":
    sys.exit(main())
