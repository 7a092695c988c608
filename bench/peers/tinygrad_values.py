#!/usr/bin/env python3
"""Runs what tinygrad's code generator makes of tensor expressions, as Metal kernels on anymetal, and compares the results with NumPy in float64.

    bench/peers/tinygrad_values.py --anymetal build/release/anymetal [--device cuda:0] [--cases scan,conv] [--keep FOLDER]

tinygrad's Metal back end needs a Mac; here a device of the same name takes its place, whose programs are run by `anymetal run`, each kernel
with the threadgroups that tinygrad has chosen. Needs NumPy and tinygrad (PyPI, written for 0.14.0).
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import types

import numpy as np


class Kernels:
    """Runs programs by the command line, each source in a folder of its own."""

    def __init__(self, options, folder):
        self.options, self.folder, self.count, self.sources = options, folder, 0, set()

    def run(self, source, entry, buffers, values, grid, group):
        """Buffers are changed in place; values are 32-bit integers bound behind them."""
        self.sources.add(source)
        own = self.folder / f"{self.count:04}_{entry[:60]}"
        self.count += 1
        own.mkdir(parents=True)
        (own / "kernel.metal").write_text(source)
        command = [str(self.options.anymetal), "run", str(own / "kernel.metal"), "--entry", entry, "--device", self.options.device,
                   "--grid", "x".join(map(str, grid)), "--group", "x".join(map(str, group))]
        for i, buffer in enumerate(buffers):
            np.save(own / f"{i}.npy", buffer)
            command += ["--buffer", f"{i}={own / str(i)}.npy", "--dump", f"{i}={own / 'out'}{i}.npy"]
        for i, value in enumerate(values):
            command += ["--bytes", f"{len(buffers) + i}=i32:{value}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise RuntimeError(done.stderr.strip()[-400:])
        for i, buffer in enumerate(buffers):
            buffer[:] = np.load(own / f"out{i}.npy")


def install_device(kernels):
    """Puts a module in the place of tinygrad's own that talks to Apple's libraries."""
    from tinygrad.device import Allocator, Compiled, Compiler, Program
    from tinygrad.renderer.cstyle import MetalRenderer

    class MetalAllocator(Allocator):
        def _alloc(self, size, options):
            return np.zeros(size, np.uint8)

        def _copyin(self, dest, src):
            dest[:] = np.frombuffer(src, np.uint8)

        def _copyout(self, dest, src):
            dest[:] = src.tobytes()

        def _offset(self, buf, size, offset):
            return buf[offset:offset + size]

    class MetalProgram(Program):
        def __init__(self, device, compiled):
            self.source, self.entry = compiled.lib.decode(), compiled.name

        def __call__(self, *buffers, global_size=(1, 1, 1), local_size=(1, 1, 1), vals=(), wait=False, **_):
            kernels.run(self.source, self.entry, buffers, vals, global_size, local_size)
            return 1e-3

    class MetalDevice(Compiled):
        def __init__(self, device):
            super().__init__(device, MetalAllocator(self, supports_copy_from_disk=False, supports_transfer=False), [MetalRenderer], MetalProgram, None, "Apple9")

    module = types.ModuleType("tinygrad.runtime.ops_metal")
    module.MetalDevice, module.MetalCompiler = MetalDevice, Compiler
    sys.modules[module.__name__] = module


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def convolved(x, w, stride=1, pad=0):
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    return np.einsum("bchwij,ocij->bohw", windows, w)


def attended(q, k, v):
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    scores[..., np.triu(np.ones(scores.shape[-2:], bool), 1)] = -np.inf
    return softmax(scores) @ v


def layer_norm(x):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def cases(tensor):
    """(name, inputs, expression of tensors, the same of float64 arrays, tolerance of the largest value)"""
    random = np.random.default_rng(7)

    def normal(*shape, dtype=np.float32):
        return random.standard_normal(shape).astype(dtype)

    def integers(low, high, *shape, dtype=np.int32):
        return random.integers(low, high, shape).astype(dtype)

    yield "sum of all", [normal(300, 77)], lambda x: x.sum(), lambda x: x.sum(), 1e-5
    yield "sum of columns", [normal(300, 77)], lambda x: x.sum(0), lambda x: x.sum(0), 1e-5
    yield "maximum of rows", [normal(33, 1000)], lambda x: x.max(1), lambda x: x.max(1), 0
    yield "argmax", [normal(33, 1000)], lambda x: x.argmax(1), lambda x: x.argmax(1), 0
    yield "product of bools", [integers(0, 2, 9, 50, dtype=bool)], lambda x: x.any(1), lambda x: x.any(1), 0
    yield "variance", [normal(16, 500) + 3], lambda x: x.var(1), lambda x: x.var(1, ddof=1), 1e-5
    yield "product of f32 matrices", [normal(64, 96), normal(96, 80)], lambda a, b: a @ b, lambda a, b: a @ b, 1e-5
    yield "product of f16 matrices", [normal(64, 128, dtype=np.float16), normal(128, 64, dtype=np.float16)], lambda a, b: a @ b, lambda a, b: a @ b, 2e-3
    yield "product of odd matrices", [normal(37, 53), normal(53, 29)], lambda a, b: a @ b, lambda a, b: a @ b, 1e-5
    yield "product of i32 matrices", [integers(-99, 99, 24, 40), integers(-99, 99, 40, 16)], lambda a, b: a @ b, lambda a, b: a @ b, 0
    yield "matrix and vector", [normal(200, 1024), normal(1024)], lambda a, b: a @ b, lambda a, b: a @ b, 1e-5
    yield "softmax", [normal(20, 333)], lambda x: x.softmax(-1), softmax, 1e-5
    yield "log_softmax", [normal(20, 333)], lambda x: x.log_softmax(-1), lambda x: np.log(softmax(x)), 1e-5
    yield "layer norm", [normal(20, 256)], lambda x: x.layernorm(), layer_norm, 1e-5
    yield "attention", [normal(2, 4, 40, 32) for _ in range(3)], lambda q, k, v: q.scaled_dot_product_attention(k, v, is_causal=True), attended, 1e-5
    yield "convolution", [normal(2, 6, 17, 15), normal(8, 6, 3, 3)], lambda x, w: x.conv2d(w, stride=2, padding=1), lambda x, w: convolved(x, w, 2, 1), 1e-5
    yield "max_pool", [normal(2, 3, 16, 12)], lambda x: x.max_pool2d(2), lambda x: x.reshape(2, 3, 8, 2, 6, 2).max((3, 5)), 0
    yield "scan", [normal(12, 700)], lambda x: x.cumsum(1), lambda x: x.cumsum(1), 1e-5
    yield "scan of maxima", [normal(12, 90)], lambda x: x.cummax(1)[0], lambda x: np.maximum.accumulate(x, 1), 0
    yield "sort", [normal(5, 200)], lambda x: x.sort(1)[0], lambda x: np.sort(x, 1), 0
    yield "sort of u8", [integers(0, 256, 5, 64, dtype=np.uint8)], lambda x: x.sort(1, True)[0], lambda x: -np.sort(-x, 1), 0
    yield "topk", [normal(5, 150)], lambda x: x.topk(7)[1], lambda x: np.argsort(-x, 1)[:, :7], 0
    yield "gather of rows", [normal(50, 33), integers(0, 50, 20)], lambda x, i: x[i], lambda x, i: x[i.astype(int)], 0
    yield "scatter", [integers(0, 7, 4, 30), normal(4, 30)], lambda i, x: tensor.zeros(4, 7).scatter_reduce(1, i, x, "sum"), \
        lambda i, x: np.stack([np.bincount(a.astype(int), b, 7) for a, b in zip(i, x)]), 1e-5
    yield "one hot", [integers(0, 10, 40)], lambda i: i.one_hot(10), lambda i: np.eye(10)[i.astype(int)], 0
    yield "permute, pad, flip", [normal(5, 6, 7)], lambda x: x.permute(2, 0, 1).pad(((1, 2), (0, 3), (2, 0))).flip(1), \
        lambda x: np.pad(x.transpose(2, 0, 1), ((1, 2), (0, 3), (2, 0)))[:, ::-1], 0
    for name, domain in (("exp", 1), ("log", 0), ("sqrt", 0), ("sin", 4), ("tanh", 1), ("sigmoid", 1), ("erf", 1), ("rsqrt", 0), ("exp2", 1), ("log2", 0)):
        x = np.abs(normal(500)) + np.float32(0.1) if domain == 0 else normal(500) * np.float32(domain)
        wanted = {"sigmoid": lambda x: 1 / (1 + np.exp(-x)), "rsqrt": lambda x: x ** -0.5, "erf": np.vectorize(__import__("math").erf)}
        yield name, [x], lambda x, name=name: getattr(x, name)(), wanted.get(name) or getattr(np, name), 2e-6
    yield "floor division of i32", [integers(-1000, 1000, 500), integers(1, 60, 500)], lambda a, b: a // b, lambda a, b: np.floor(a / b), 0
    yield "remainder of i64", [integers(-10**12, 10**12, 500, dtype=np.int64), integers(1, 10**6, 500, dtype=np.int64)], lambda a, b: a % b, lambda a, b: np.mod(a, b), 0
    yield "shifts of u32", [integers(0, 2**32, 200, dtype=np.uint32)], lambda x: (x << 7) ^ (x >> 9), lambda x: ((x.astype(np.uint32) << 7) ^ (x.astype(np.uint32) >> 9)), 0
    yield "sum of bf16", [normal(40, 100)], lambda x: x.cast("bfloat16").sum(1).float(), lambda x: x.sum(1), 1e-2
    yield "u8 to f32", [integers(0, 256, 777, dtype=np.uint8)], lambda x: x.float() / 255, lambda x: x / 255, 1e-6
    yield "f32 to i8", [normal(777) * np.float32(50)], lambda x: x.clip(-120, 120).cast("int8"), lambda x: np.trunc(np.clip(x, -120, 120)), 0
    yield "gradient", [normal(20, 30), normal(30, 8)], lambda a, b: (a.matmul(b).gelu().square().sum()).gradient(b)[0], gelu_gradient, 1e-4


def gelu_gradient(a, b):
    """Of the sum of gelu(a b)^2 in b, gelu by tanh."""
    y = a @ b
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (y + 0.044715 * y**3))
    gelu = 0.5 * y * (1 + t)
    slope = 0.5 * (1 + t) + 0.5 * y * (1 - t * t) * c * (1 + 3 * 0.044715 * y * y)
    return a.T @ (2 * gelu * slope)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anymetal", type=lambda name: pathlib.Path(name).absolute(), required=True)
    parser.add_argument("--device", default="cpu", help="cpu or cuda:0")
    parser.add_argument("--cases", default="", help="parts of names, with commas: those cases only")
    parser.add_argument("--keep", type=pathlib.Path, help="where sources and buffers stay")
    options = parser.parse_args()
    os.environ |= {"DEV": "METAL", "CACHELEVEL": "0", "JIT": "0", "CCACHE": "0", "PARALLEL": "0"}
    parts = [re.escape(part) for part in options.cases.split(",") if part]
    with tempfile.TemporaryDirectory() as temporary:
        kernels = Kernels(options, (options.keep or pathlib.Path(temporary)).absolute())
        install_device(kernels)
        from tinygrad import Tensor
        good = count = 0
        for name, inputs, expression, wanted, tolerance in cases(Tensor):
            if parts and not re.search("|".join(parts), name):
                continue
            count += 1
            before = kernels.count
            try:
                found = expression(*(Tensor(x) for x in inputs)).numpy().astype(float)
                exact = np.asarray(wanted(*(x.astype(float) for x in inputs)), float)
                error = np.abs(found - exact).max() / max(np.abs(exact).max(), 1e-30) if found.shape == exact.shape else np.inf
                message = "" if error <= tolerance else f"  {tolerance:.0e} allowed"
            except (RuntimeError, subprocess.SubprocessError) as failure:
                error, message = np.nan, f"  {failure}"
            good += not message
            print(f"{name:28} {kernels.count - before:4} kernels {error:.1e}{message}", flush=True)
        print(f"{good} of {count} compute what they should, by {len(kernels.sources)} programs in {kernels.count} dispatches")
    return 0 if good == count and count else 1


if __name__ == "__main__":
    sys.exit(main())
