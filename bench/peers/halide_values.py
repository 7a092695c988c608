#!/usr/bin/env python3
"""Runs what Halide's code generator for Metal makes of pipelines, and compares the results with NumPy in float64.

    bench/peers/halide_values.py --anymetal build/release/anymetal [--device cuda:0] [--cases blur,integers]

Halide makes an object of a pipeline for this processor with Metal for its loops on a GPU. halide_device.c takes the place of the part of its
runtime that talks to Apple's libraries, and each kernel is run by `anymetal run`, on host memory. Needs NumPy, Halide (PyPI, written for 21.0.0) and gcc.
"""

import argparse
import ctypes as c
import pathlib
import re
import subprocess
import sys
import tempfile

import halide as hl
import numpy as np

TARGET = "x86-64-linux-metal-no_runtime"
HERE = pathlib.Path(__file__).resolve().parent
TYPES = {np.float32: hl.Float(32), np.float16: hl.Float(16), np.int8: hl.Int(8), np.uint8: hl.UInt(8), np.int16: hl.Int(16), np.uint16: hl.UInt(16),
         np.int32: hl.Int(32), np.uint32: hl.UInt(32)}


class Type(c.Structure):
    _fields_ = [("code", c.c_uint8), ("bits", c.c_uint8), ("lanes", c.c_uint16)]


class Dimension(c.Structure):
    _fields_ = [("min", c.c_int32), ("extent", c.c_int32), ("stride", c.c_int32), ("flags", c.c_uint32)]


class Buffer(c.Structure):
    """halide_buffer_t over an array, the last axis first; `changed`: the host has what the device has not."""
    _fields_ = [("device", c.c_uint64), ("interface", c.c_void_p), ("host", c.c_void_p), ("flags", c.c_uint64), ("type", Type), ("dimensions", c.c_int32),
                ("dim", c.POINTER(Dimension)), ("padding", c.c_void_p)]

    def __init__(self, array, changed):
        axes = [Dimension(0, n, stride // array.itemsize, 0) for n, stride in zip(array.shape[::-1], array.strides[::-1])]
        self.kept = (array, (Dimension * array.ndim)(*axes))
        kind = Type("iuf".index(array.dtype.kind), array.itemsize * 8, 1)
        super().__init__(0, None, array.ctypes.data, int(changed), kind, array.ndim, self.kept[1], None)


LAUNCH = c.CFUNCTYPE(None, c.c_void_p, c.c_int, c.c_char_p, c.POINTER(c.c_int), c.c_int, c.c_void_p, c.c_int, c.c_int, c.POINTER(c.c_void_p), c.POINTER(c.c_size_t))


class Runner:
    def __init__(self, options, folder):
        self.options, self.folder, self.kernels, self.message = options, folder, 0, ""
        hl.compile_standalone_runtime(str(folder / "runtime.o"), hl.Target("x86-64-linux"))
        self.launch = LAUNCH(self.dispatch)

    def dispatch(self, text, size, entry, extents, shared, scalars, scalar_bytes, buffers, addresses, sizes):
        """What no exception may leave: the message is kept instead."""
        own = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        (own / "kernel.metal").write_bytes(c.string_at(text, size).rstrip(b"\0"))
        command = [self.options.anymetal, "run", own / "kernel.metal", "--entry", entry.decode(), "--device", self.options.device,
                   "--grid", "x".join(map(str, extents[:3])), "--group", "x".join(map(str, extents[3:6]))]
        command += ["--threadgroup-memory", f"0={shared}"] if shared else []
        if scalar_bytes:
            (own / "scalars").write_bytes(c.string_at(scalars, scalar_bytes) + bytes(8))
            command += ["--bytes", f"0=@{own / 'scalars'}"]
        arrays = [np.ctypeslib.as_array((c.c_uint8 * sizes[i]).from_address(addresses[i])) for i in range(buffers)]
        for i, array in enumerate(arrays, int(scalar_bytes > 0)):
            np.save(own / f"{i}.npy", array)
            command += ["--buffer", f"{i}={own / str(i)}.npy", "--dump", f"{i}={own / 'out'}{i}.npy"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        self.kernels += 1
        if done.returncode:
            self.message = self.message or done.stderr.strip()[-400:]
            return
        for i, array in enumerate(arrays, int(scalar_bytes > 0)):
            array[:] = np.load(own / f"out{i}.npy")

    def run(self, name, func, inputs, arrays, out):
        """The pipeline `func` of inputs (Halide's parameters) that are arrays, into `out`."""
        name, self.message = re.sub(r"\W", "_", name), ""
        func.compile_to({hl.OutputFileType.object: str(self.folder / f"{name}.o")}, inputs, "pipeline_" + name, hl.Target(TARGET))
        library = self.folder / f"{name}.so"
        build = subprocess.run(["gcc", "-shared", "-fPIC", "-w", "-Wl,-Bsymbolic", "-I", pathlib.Path(hl.__file__).parent / "include", HERE / "halide_device.c",
                                self.folder / f"{name}.o", self.folder / "runtime.o", "-o", library, "-lpthread", "-ldl", "-lm"], capture_output=True, text=True)
        if build.returncode:
            raise RuntimeError(build.stderr[-400:])
        loaded = c.CDLL(str(library))
        loaded.set_launch(self.launch)
        buffers = [Buffer(array, True) for array in arrays] + [Buffer(out, False)]
        status = getattr(loaded, "pipeline_" + name)(*(c.byref(b) for b in buffers)) or loaded.halide_copy_to_host(None, c.byref(buffers[-1]))
        if self.message or status:
            raise RuntimeError(self.message or f"status {status}")


x, y, z, xo, yo, xi, yi, lane = (hl.Var(name) for name in ("x", "y", "z", "xo", "yo", "xi", "yi", "lane"))


def tiled(func, vector=1, size=(8, 8)):
    """Tiles of threads, each with `vector` elements of a row."""
    if vector > 1:
        func.split(x, x, lane, vector).vectorize(lane)
    return func.gpu_tile(x, y, xo, yo, xi, yi, *size)


def mapped(expression, vector=1):
    """A function of the elements of all inputs."""
    def build(*inputs):
        func = hl.Func("mapped")
        func[x, y] = expression(*(p[x, y] for p in inputs))
        return tiled(func, vector)
    return build


def blur(p):
    rows, both = hl.Func("rows"), hl.Func("both")
    rows[x, y] = (p[x, y] + p[x + 1, y] + p[x + 2, y]) / 3
    both[x, y] = (rows[x, y] + rows[x, y + 1] + rows[x, y + 2]) / 3
    tiled(both, size=(12, 7))
    rows.compute_at(both, xo).gpu_threads(x, y)
    return both


def product(a, b):
    r = hl.RDom([(0, 80)])
    total, out = hl.Func("total"), hl.Func("out")
    total[x, y] = hl.f32(0)
    total[x, y] += hl.f32(a[r, y]) * hl.f32(b[x, r])
    out[x, y] = total[x, y]
    tiled(out)
    total.compute_at(out, xi)
    a.in_().compute_at(out, xo)
    return out


def scan(p):
    r = hl.RDom([(1, 95)])
    func = hl.Func("scan")
    func[x, y] = p[x, y]
    func[r, y] += func[r - 1, y]
    tiled(func)
    func.update().gpu_tile(y, yo, yi, 16)
    return func


def row_sums(p):
    r = hl.RDom([(0, 96)])
    func, outer, inner, part = hl.Func("sums"), hl.RVar("outer"), hl.RVar("inner"), hl.Var("part")
    func[y] = hl.f32(0)
    func[y] += p[r, y]
    parts = func.update().split(r.x, outer, inner, 8).rfactor(inner, part)
    func.gpu_tile(y, yo, yi, 8)
    func.update().gpu_tile(y, yo, yi, 8)
    parts.compute_root().gpu_tile(part, y, xo, yo, xi, yi, 8, 8)
    parts.update().gpu_tile(part, y, xo, yo, xi, yi, 8, 8)
    return func


def transposed(p):
    func = hl.Func("transposed")
    func[x, y] = p[y, x]
    tiled(func)
    p.in_().compute_at(func, xo)
    return func


def sorted_eights(p):
    values = [p[x * 8 + i, y] for i in range(8)]
    for k, j in ((2, 1), (4, 2), (4, 1), (8, 4), (8, 2), (8, 1)):
        for i in range(8):
            if i ^ j > i:
                pair = hl.min(values[i], values[i ^ j]), hl.max(values[i], values[i ^ j])
                values[i], values[i ^ j] = pair if i & k == 0 else pair[::-1]
    func = hl.Func("sorted")
    func[z, x, y] = hl.mux(z, values)
    func.bound(z, 0, 8).gpu_tile(x, y, xo, yo, xi, yi, 4, 8).reorder(z, xi, yi, xo, yo).unroll(z)
    return func


def cases():
    """(name, pipeline, arrays, what it should be, type of the result, error allowed as a part of the largest value)"""
    random = np.random.default_rng(9)
    a = random.standard_normal((64, 96)).astype(np.float32)
    e = a.astype(float)
    positive = random.uniform(0.05, 1.4, (16, 64)).astype(np.float32)
    for name in ("exp", "log", "sqrt", "sin", "tan", "atan", "tanh", "sinh", "asinh", "floor", "ceil", "trunc"):
        formula = getattr(np, {"atan": "arctan", "asinh": "arcsinh"}.get(name, name))
        yield name, mapped(getattr(hl, name)), [positive], formula(positive.astype(float)), np.float32, 1e-6
    rows = (e[:, :-2] + e[:, 1:-1] + e[:, 2:]) / 3
    yield "blur", blur, [a], (rows[:-2] + rows[1:-1] + rows[2:]) / 3, np.float32, 1e-6
    yield "scan", scan, [a], e.cumsum(1), np.float32, 2e-6
    yield "sums of rows", row_sums, [a], e.sum(1), np.float32, 1e-6
    yield "transposed", transposed, [a], e.T, np.float32, 0
    yield "sorts of eight", sorted_eights, [a], np.sort(a.reshape(64, 12, 8), 2), np.float32, 0
    for dtype in (np.float32, np.float16):
        m, n = random.standard_normal((64, 80)).astype(dtype), random.standard_normal((80, 48)).astype(dtype)
        yield "product " + dtype.__name__, product, [m, n], m.astype(float) @ n.astype(float), np.float32, 1e-6
    chosen = ((e > 0) & ((e < 1) | (e > 1.5))) + (a > np.float32(0.2)) * 2
    yield "vectors of bools", mapped(lambda v: hl.select((v > 0) & ((v < 1) | (v > 1.5)), hl.i32(1), hl.i32(0)) + hl.i32(v > hl.f32(0.2)) * 2, 4), [a], chosen, np.int32, 0
    for dtype in list(TYPES)[2:]:
        limits = np.iinfo(dtype)
        v, w = random.integers(limits.min, limits.max + 1, (32, 64)).astype(dtype), random.integers(1, 100, (32, 64)).astype(dtype)
        m, n = v.astype(np.int64), w.astype(np.int64)
        wanted = (m // n) ^ (m % n) ^ np.maximum(m, n) ^ np.abs(m - n) ^ (m >> 3) ^ (m << 2) ^ np.where(m > n, m - n, m + n)
        for vector in (1, 2, 4):
            def expression(a, b, kind=TYPES[dtype]):
                return (a / b) ^ (a % b) ^ hl.max(a, b) ^ hl.cast(kind, hl.absd(a, b)) ^ (a >> 3) ^ (a << 2) ^ hl.select(a > b, a - b, a + b)
            yield f"integers {dtype.__name__} by {vector}", mapped(expression, vector), [v, w], wanted.astype(dtype), dtype, 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anymetal", type=lambda name: pathlib.Path(name).absolute(), required=True)
    parser.add_argument("--device", default="cpu", help="cpu or cuda:0")
    parser.add_argument("--cases", default="", help="parts of names, with commas: those cases only")
    options = parser.parse_args()
    parts = [part for part in options.cases.split(",") if part]
    good = all_ = 0
    with tempfile.TemporaryDirectory() as temporary:
        runner = Runner(options, pathlib.Path(temporary))
        for name, build, arrays, wanted, dtype, allowed in cases():
            if parts and not any(part in name for part in parts):
                continue
            inputs = [hl.ImageParam(TYPES[array.dtype.type], array.ndim, f"input{i}") for i, array in enumerate(arrays)]
            out, error, message = np.zeros(wanted.shape, dtype), np.nan, ""
            try:
                runner.run(name, build(*inputs), inputs, arrays, out)
                error = np.abs(out.astype(float) - wanted).max() / max(np.abs(wanted).max(), 1)
                message = "" if error <= allowed else f"  {allowed:.0e} allowed"
            except RuntimeError as failure:
                message = f"  {failure}"
            all_, good = all_ + 1, good + (not message)
            print(f"{name:24} {error:.1e}{message}", flush=True)
        print(f"{good} of {all_} compute what they should, {runner.kernels} kernels")
    return 0 if good == all_ and all_ else 1


if __name__ == "__main__":
    sys.exit(main())
