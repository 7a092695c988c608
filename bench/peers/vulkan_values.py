#!/usr/bin/env python3
"""Runs llama.cpp's Vulkan shaders as Metal kernels and compares the results with NumPy in float64.

    bench/peers/vulkan_values.py --anymetal build/release/anymetal [--device cuda:0] [--cases dequant,q4_k] [--folder /tmp/libraries]

The shaders are GLSL, from the source package of stable-diffusion-cpp-python 0.4.7 (PyPI): glslc makes SPIR-V of them, spirv-cross Metal, one
program for each choice of types, as llama.cpp's build does. Needs NumPy, and glslc and spirv-cross (Debian's packages of these names).
"""

import math
import re
import struct
import subprocess
import sys
import tarfile

import numpy as np

import block_formats
import kernel_libraries
import kernel_values

SHADERS = "/ggml-vulkan/vulkan-shaders/"
FORMATS = ["q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "iq4_nl", "mxfp4", "q2_K", "q3_K", "q4_K", "q5_K", "q6_K", "iq4_xs"]
LOADED_AT_ONCE = {"q4_0": 8, "q4_1": 8, "q5_1": 8, "q5_0": 4, "q8_0": 4, "iq4_nl": 4, "mxfp4": 4, "q2_K": 4, "q4_K": 4, "q5_K": 4, "iq4_xs": 4}
FLOATS = {"FLOAT_TYPE": "float", "FLOAT_TYPE_VEC2": "vec2", "FLOAT_TYPE_VEC4": "vec4", "FLOAT_TYPE_VEC8": "mat2x4"}
HALVES = {"FLOAT_TYPE": "float16_t", "FLOAT_TYPE_VEC2": "f16vec2", "FLOAT_TYPE_VEC4": "f16vec4", "FLOAT_TYPE_VEC8": "f16mat2x4"}
SCALARS = {np.float32: "float", np.float16: "float16_t"}


def shaders(folder):
    """The folder of the shaders."""
    root = folder / "vulkan"
    if not root.exists():
        with tarfile.open(kernel_libraries.fetch(*kernel_libraries.GGML, folder)) as archive:
            archive.extractall(root, [m for m in archive if m.isfile() and SHADERS in m.name], filter="data")
    return next(root.rglob("mul_mm.comp")).parent


class Shader:
    """A shader as a Metal kernel `main0`, run by what a kernel_values.Runner runs."""

    def __init__(self, run, name, defines, constants=None):
        """Constants: id -> value, for the specialisation; the first is the number of threads."""
        self.run, self.constants = run, constants or {}
        code, self.file = (run.folder / (name + end) for end in (".spv", ".metal"))
        words = [f"-D{key}={value}" for key, value in defines.items()]
        self.call("glslc", "-fshader-stage=compute", "--target-env=vulkan1.2", *words, str(run.include / f"{name}.comp"), "-o", str(code))
        self.call("spirv-cross", "--msl", "--msl-version", "30100", "--msl-fixed-subgroup-size", "32", "--output", str(self.file), str(code))
        text = self.file.read_text()
        self.parameters = re.findall(r"(\w+)[&*] (\w+) \[\[buffer\((\d+)\)\]\]", re.search(r"kernel void main0\(.*", text)[0])
        self.function_constants = {n: kind for kind, n in re.findall(r"constant (\w+) \w+ \[\[function_constant\((\d+)\)\]\]", text)}
        self.file.write_text("".join(f"#define SPIRV_CROSS_CONSTANT_ID_{i} {value}u\n" for i, value in self.constants.items()) + text)

    @staticmethod
    def call(*command):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError((done.stderr or done.stdout)[-400:])

    def __call__(self, parameters, arrays, output, grid, group):
        """Arrays in the order of the shader's bindings, by the letter that the names of its blocks begin with; `output` is what is written."""
        self.run.file = self.file
        buffers, bytes_ = {}, {}
        for kind, name, index in self.parameters:
            if kind == "parameter":
                bytes_[int(index)] = parameters + bytes(-len(parameters) % 16)
            elif kind == "void":  # blocks of several types at one binding
                buffers[int(index)] = list(arrays.values())[int(name[-1])]
            else:
                buffers[int(index)] = arrays[kind[0]]
        written = next(i for i, array in buffers.items() if array is arrays[output])
        constants = {n: f"{kind}:{self.constants[int(n)]}" for n, kind in self.function_constants.items() if int(n) in self.constants}
        return self.run.run("main0", buffers, [written], grid, (group, 1, 1), constants, bytes_)


def words(*values):
    return b"".join(struct.pack("<f" if isinstance(value, float) else "<I", value) for value in values)


def division(divisor):
    """Factor and shift of a division of 32-bit numbers by multiplication."""
    shift = (divisor - 1).bit_length()
    return (2 ** 32 * (2 ** shift - divisor) // divisor + 1) % 2 ** 32, shift


def unary(name, formula, dtype, tolerance):
    def work(run, random):
        x = random.standard_normal(3000).astype(dtype)
        shader = Shader(run, name, {"A_TYPE": SCALARS[dtype], "D_TYPE": SCALARS[dtype]})
        found = shader(words(x.size, 1, 0.0, 0.0, 0.0, 0.0), {"X": x, "D": np.full_like(x, np.nan)}, "D", (6, 1, 1), 512)
        run.compare(found, formula(x.astype(float)), tolerance)
    return work


def blocks(random, form, rows, columns):
    return block_formats.random_blocks(random, form, (rows, columns // block_formats.BLOCKS[form][1]))


def dequantised(form):
    def work(run, random):
        rows, columns = 8, 512
        weights = blocks(random, form, rows, columns)
        shader = Shader(run, "dequant_" + form.lower(), FLOATS | {"DATA_A_" + form.upper(): 1, "D_TYPE": "float16_t"})
        threads = int(re.search(r"gl_WorkGroupSize .*uint3\((\d+)u", shader.file.read_text())[1])
        out = np.full(rows * columns, np.nan, np.float16)
        found = shader(words(rows, columns, columns, columns, out.size), {"A": weights, "D": out}, "D", (8, 1, 1), threads)
        run.compare(found, block_formats.decode(form, weights), 1e-3)
    return work


def vector_product(form, with_subgroups):
    """Weights times a vector, a SIMD-group for each row."""
    def work(run, random):
        rows, columns = 8, 512
        weights, x, none = blocks(random, form, rows, columns), random.standard_normal(columns).astype(np.float32), np.zeros(16, np.float32)
        name = "mul_mat_vec" + ("_" + form.lower() if form.endswith("K") else "")
        defines = FLOATS | {"DATA_A_" + form.upper(): 1, "B_TYPE": "float", "B_TYPE_VEC2": "vec2", "B_TYPE_VEC4": "vec4", "D_TYPE": "float"}
        shader = Shader(run, name, defines | ({"USE_SUBGROUP_ADD": 1} if with_subgroups else {}), {0: 32})
        sizes = words(columns, columns, columns, rows, weights.size, columns, rows, 0, 0, 1, 1, 1, 1)
        arrays = {"A": weights, "B": x, "D": np.full(rows, np.nan, np.float32), "F": none}
        run.compare(shader(sizes, arrays, "D", (rows, 1, 1), 32), block_formats.decode(form, weights) @ x.astype(float), 1e-6)
    return work


def product(form, floats, tolerance):
    """D^T = A B^T by tiles of 64 x 64 in threadgroup memory; rows of quantised weights are read up to the end of a tile."""
    def work(run, random):
        m, n, k = 70, 50, 256
        if form == "f16":
            weights = random.standard_normal((m, k)).astype(np.float16)
            numbers = weights.astype(float)
        else:
            weights = np.concatenate([blocks(random, form, m, k), np.zeros((58, *blocks(random, form, 1, k).shape[1:]), np.uint8)])
            numbers = block_formats.decode(form, weights)[:m]
        x = random.standard_normal((n, k)).astype(np.float32)
        constants = dict(enumerate([128, 64, 64, 16 if form == "f16" else 32, 32, 32, 2, 4, 2, 1, 32]))
        defines = {"DATA_A_" + form.upper(): 1, "LOAD_VEC_A": LOADED_AT_ONCE.get(form, 1 if form == "f16" else 2), "B_TYPE": "float", "D_TYPE": "float",
                   "ACC_TYPE": "float", "ACC_TYPE_VEC2": "vec2"} | floats | ({"FLOAT16": 1} if floats is HALVES else {})
        shader = Shader(run, "mul_mm", defines, constants)
        sizes = words(m, n, k, k, k, m, m * k, n * k, m * n, 0, 1, k, 1, 1, 1, 1)
        found = shader(sizes, {"A": weights, "B": x, "D": np.full((n, m), np.nan, np.float32)}, "D", (2, 1, 1), 128)
        run.compare(found, x.astype(float) @ numbers.T, tolerance)
    return work


def rows_(name, constants, formula, tolerance):
    """Sums and scans of rows."""
    def work(run, random):
        rows, columns = 6, 1000
        x = random.standard_normal((rows, columns)).astype(np.float32)
        wanted = formula(x.astype(float))
        out = np.full(wanted.shape, np.nan, np.float32)
        step = out.size // rows
        sizes = words(columns, rows, 1, columns, x.size, x.size, step, out.size, out.size, 1.0, 0, *division(rows), *division(rows))
        shader = Shader(run, name, FLOATS | {"A_TYPE": "float", "D_TYPE": "float"}, constants)
        run.compare(shader(sizes, {"A": x, "D": out}, "D", (rows, 1, 1), constants[0]), wanted, tolerance)
    return work


def softmax(threads, has_mask):
    def work(run, random):
        rows, columns = 6, 1000
        x, mask = (random.standard_normal((rows, columns)).astype(np.float32) for _ in range(2))
        shader = Shader(run, "soft_max", FLOATS | {"A_TYPE": "float", "B_TYPE": "float", "D_TYPE": "float"}, {0: threads})
        sizes = words(columns, rows if has_mask else 0, columns, rows, 1, 1, 1, columns, x.size, x.size, 0.5, 0.0, 1.0, 1.0, 1, rows, 0)
        found = shader(sizes, {"X": x, "Y": mask, "Z": np.zeros(4, np.float32), "D": np.full_like(x, np.nan)}, "D", (rows, 1, 1), threads)
        e = np.exp(x.astype(float) * 0.5 + (mask if has_mask else 0))
        run.compare(found, e / e.sum(1, keepdims=True), 1e-6)
    return work


def sorted_rows(descending):
    def work(run, random):
        x = random.permutation(1400).astype(np.float32).reshape(7, 200)  # a row more: the shader reads past the end of the last
        shader = Shader(run, "argsort", {"A_TYPE": "float"}, {0: 256, 1: 8})
        found = shader(words(200, 256, 8, 6, descending, 0, 8, 0, 100), {"A": x, "D": np.zeros((6, 200), np.int32)}, "D", (1, 6, 1), 256)
        run.compare(found, np.argsort(-x[:6] if descending else x[:6], 1), 0)
    return work


def cases():
    """(name, what runs it)"""
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    formulas = {
        "abs": np.abs, "ceil": np.ceil, "floor": np.floor, "neg": np.negative, "trunc": np.trunc, "relu": lambda x: np.maximum(x, 0), "tanh": np.tanh,
        "sigmoid": sigmoid, "silu": lambda x: x * sigmoid(x), "softplus": lambda x: np.log1p(np.exp(x)), "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
        "gelu": lambda x: x * sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)), "gelu_quick": lambda x: x * sigmoid(1.702 * x),
        "gelu_erf": lambda x: x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2, "hardsigmoid": lambda x: np.clip((x + 3) / 6, 0, 1),
        "hardswish": lambda x: x * np.clip((x + 3) / 6, 0, 1),
    }
    for name, formula in formulas.items():
        yield name + " f32", unary(name, formula, np.float32, 1e-6)
        yield name + " f16", unary(name, formula, np.float16, 1e-3)
    for form in FORMATS:
        yield "dequant " + form, dequantised(form)
        yield "mul_mat_vec " + form, vector_product(form, False)
        yield f"mul_mat_vec {form} subgroup", vector_product(form, True)
    for form in ["f16", *FORMATS]:
        yield "matmul " + form, product(form, FLOATS, 2e-6)
        yield f"matmul {form} in f16", product(form, HALVES, 2e-3)
    yield "sum_rows", rows_("sum_rows", {0: 32}, lambda x: x.sum(1), 1e-6)
    yield "cumsum", rows_("cumsum", {0: 128, 1: 32, 2: 4}, lambda x: x.cumsum(1), 2e-6)
    for threads in (32, 512):
        for has_mask in (False, True):
            yield f"soft_max {threads}" + (" mask" if has_mask else ""), softmax(threads, has_mask)
    yield "argsort", sorted_rows(0)
    yield "argsort descending", sorted_rows(1)


def main():
    def find(folder):
        include = shaders(folder)
        return [(name, work, None, include) for name, work in cases()]

    return kernel_values.compare(kernel_values.parser_of(__doc__).parse_args(), find)


if __name__ == "__main__":
    sys.exit(main())
