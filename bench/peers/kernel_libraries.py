#!/usr/bin/env python3
"""Compiles the Metal kernels of published libraries, unmodified, and says how many compile and how long that takes.

    bench/peers/kernel_libraries.py --anymetal build/release/anymetal [--device cuda:sm_90a [--ptxas /usr/local/cuda/bin/ptxas]] [--only ggml]
                                    [--folder /tmp/libraries]

Takes packages from PyPI and unpacks only their Metal sources: the file of llama.cpp's (in the source package of
stable-diffusion-cpp-python) whole, and the kernel templates of MLX (headers in its wheel for macOS) for a choice of types and sizes
as MLX instantiates them. Nothing of them is installed or run (kernel_values.py runs some). Messages of what fails go to FOLDER/*.log. With --ptxas
the PTX of each kernel is assembled, too; what is refused, and which kernels spill, is in FOLDER/*.ptxas.
"""

import argparse
import concurrent.futures
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile

GGML = ("stable-diffusion-cpp-python==0.4.7", [])
MLX = ("mlx-metal==0.32.4", ["--only-binary=:all:", "--platform", "macosx_14_0_arm64", "--python-version", "312"])
KERNELS = "mlx/backend/metal/kernels/"
FLOATS = ["float", "half", "bfloat16_t"]
TYPES = FLOATS + ["int32_t", "uint8_t", "int64_t", "bool", "complex64_t"]
BITS = [2, 3, 4, 5, 6, 8]


def mlx_programs():
    """Name of a program -> headers it includes, and pairs of a template and its arguments."""
    both = ["true", "false"]
    unary = ["Abs", "Negative", "Exp", "Erf", "Sqrt", "Sigmoid", "Log1p", "Tanh", "Square", "Round"]
    binary = ["Add", "Subtract", "Multiply", "Divide", "Maximum", "Power", "Remainder"]
    gemm, conv = ["utils.h", "steel/gemm/gemm.h"], ["utils.h", "steel/gemm/mma.h", "steel/conv/conv.h", "steel/conv/params.h"]
    quantized = [(f, f"{t}, 64, {b}{more}") for b in BITS for f, t, more in [
        ("affine_quantize", "float", ""), ("affine_dequantize", "bfloat16_t", ""), ("affine_qmv", "float", ", true"),
        ("affine_qmv_fast", "half", ", false"), ("affine_qvm", "half", ", false"), ("affine_qvm_split_k", "half", ""),
        ("affine_qmm_n", "float", ", false"), ("affine_qmm_t", "bfloat16_t", ", true, false"),
        ("affine_gather_qmv", "bfloat16_t", ""), ("affine_gather_qmm_t", "half", ", true"),
        ("affine_gather_qmm_rhs", "bfloat16_t", ", 16, 32, 32, 1, 2, true")]]
    fp = [(f, f"{t}, {g}, {b}{more}") for g, b in [(32, 4), (16, 4), (32, 8)] for f, t, more in [
        ("fp_qmv_fast", "half", ", false"), ("fp_qmv", "bfloat16_t", ", true"), ("fp_qmm_t", "bfloat16_t", ", true, false"),
        ("fp_quantize", "float", ", false"), ("fp_dequantize", "bfloat16_t", ", false"), ("fp_gather_qmm_t", "half", ", true")]]
    scans = [(f, f"{t}, {t}, {o}<{t}>, 4, {i}, {r}") for f in ["contiguous_scan", "strided_scan"] for t in ["float", "int32_t", "bfloat16_t"]
             for o in ["CumSum", "CumProd", "CumMax"] for i in both for r in both]
    return {
        "unary": (["utils.h", "unary_ops.h", "unary.h"],
                  [("unary_v", f"{t}, {t}, {o}") for t in FLOATS for o in unary] + [("unary_g", f"{t}, {t}, {o}, 4") for t in FLOATS for o in unary]
                  + [("unary_v2", f"complex64_t, complex64_t, {o}") for o in ["Exp", "Square", "Sin", "Cos", "Tan", "Log", "Sqrt"]]),
        "binary": (["utils.h", "binary_ops.h", "binary.h"],
                   [(f, f"{t}, {t}, {o}") for t in FLOATS + ["int32_t", "complex64_t"] for o in binary for f in ["binary_ss", "binary_vv2", "binary_g_nd2"]]
                   + [("binary_g", f"{t}, bool, Less, 4, int") for t in TYPES]),
        "ternary": (["utils.h", "ternary_ops.h", "ternary.h"], [("ternary_g", f"{t}, Select, 4, int") for t in TYPES]),
        "copy": (["utils.h", "copy.h"], [(f, f"{a}, {b}") for a in TYPES for b in TYPES for f in ["copy_v", "copy_g_nd2", "copy_gg_dynamic_nd3"]
                                         if (a, b) != ("complex64_t", "bool")]),
        "softmax": (["utils.h", "softmax.h", "logsumexp.h", "cross_entropy.h"],
                    [("softmax_single_row", "float"), ("softmax_looped", "bfloat16_t, float"), ("logsumexp", "half"), ("cross_entropy_vjp", "half")]),
        "reduce": (["utils.h", "atomic.h", "reduction/ops.h", "reduce.h"],
                   [("all_reduce", "bfloat16_t, float, Sum<float>"), ("all_reduce", "bool, bool, Or<bool>"), ("col_reduce_small", "float, float, Sum<float>, int, 2"),
                    ("col_reduce_looped", "float, float, Sum<float>, int, 2, 32, 32"), ("row_reduce_simple", "float, float, Min<float>"),
                    ("row_reduce_looped", "complex64_t, complex64_t, Sum<complex64_t>, int, 2")]),
        "scan": (["utils.h", "binary_ops.h", "scan.h"], scans),
        "sort": (["utils.h", "sort.h"], [("block_sort", f"{t}, {t}, false, 256, 8") for t in ["float", "int32_t", "bfloat16_t", "complex64_t"]]
                 + [("mb_block_merge", "float, uint32_t, true, 256, 8")]),
        "fft": (["utils.h", "fft.h"], [("fft", "1024, float, float2"), ("rader_fft", "1024, float2, float2"), ("bluestein_fft", "2048, float2, float2")]),
        "hadamard": (["utils.h", "hadamard.h"], [("hadamard_n", "float, 512, 16, 4")]),
        "sdpa_vector": (["utils.h", "sdpa_vector.h"], [("sdpa_vector", "bfloat16_t, 256"), ("sdpa_vector_2pass_1", "half, 128")]),
        "quantized": (gemm + ["quantized_utils.h", "quantized.h"], quantized),
        "fp_quantized": (gemm + ["quantized_utils.h", "fp_quantized.h"], fp),
        "gemm": (gemm + ["steel/gemm/kernels/steel_gemm_fused.h"],
                 [("gemm", f"{t}, {s}, {a}, {b}") for t, s, a, b in itertools.product(FLOATS, ["32, 32, 16, 2, 2", "64, 64, 16, 1, 2"], both, both)]),
        "gemm_masked": (gemm + ["steel/gemm/kernels/steel_gemm_masked.h"],
                        [("block_masked_gemm", "half, bool, bool, 32, 32, 16, 2, 2, false, true, true, true")]),
        "attention": (["utils.h", "steel/attn/attn.h", "steel/attn/kernels/steel_attention.h"],
                      [("attention", "half, 32, 16, 128, 128, 4, 1, half"), ("attention", "bfloat16_t, 32, 32, 64, 64, 4, 1, bool")]),
        "conv": (conv + ["steel/conv/kernels/steel_conv.h"], [("implicit_gemm_conv_2d", "half, 32, 32, 16, 2, 2, 0, false")]),
        "tensor_gemm": (["utils.h", "steel/gemm/gemm_nax.h", "steel/gemm/kernels/steel_gemm_fused_nax.h"],
                        [("gemm", "half, 64, 64, 256, 2, 2, false, true")]),
        "tensor_attention": (["utils.h", "steel/attn/nax.h", "steel/attn/kernels/steel_attention_nax.h"],
                             [("attention_nax", "half, 64, 32, 128, 128, 4, 1, half")]),
    }


def fetch(package, options, folder):
    """The one archive of a package, downloaded once."""
    name = package.split("==")[0].replace("-", "_")
    if not (found := list(folder.glob(name + "-*"))):
        source = options or ["--no-binary=:all:"]
        done = subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *source, "-d", str(folder), package])
        found = list(folder.glob(name + "-*"))
        if not found:
            sys.exit(f"{package} could not be downloaded (pip ended with {done.returncode})")
    return found[0]


def compile_file(options, file, include):
    """(entries that compiled, entries, seconds); the messages go beside the file."""
    command = [str(options.anymetal), "compile", str(file), "-I", str(include), "--device", options.device, "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    file.with_suffix(".log").write_text(done.stderr)
    entries = json.loads(done.stdout)["entries"] if done.stdout else []
    return sum(e["ok"] for e in entries), len(entries), sum(e["milliseconds"] for e in entries) / 1000


def assemble(options, file, include):
    """How many kernels of a file ptxas takes; what it refuses, and what it spills, goes beside the file."""
    command = [str(options.anymetal), "compile", str(file), "-I", str(include), "--device", options.device, "--emit", "ptx"]
    text = subprocess.run(command, capture_output=True, text=True).stdout
    kernels = ["//" + part for part in text.split("//\n// Generated by LLVM NVPTX Back-End")[1:]]

    def one(ptx):
        with tempfile.NamedTemporaryFile("w", suffix=".ptx") as source:
            source.write(ptx)
            source.flush()
            target = re.search(r"^\.target (\w+)", ptx, re.M)[1]
            done = subprocess.run([options.ptxas, "-v", "-arch=" + target, "-o", source.name + ".cubin", source.name], capture_output=True, text=True)
            pathlib.Path(source.name + ".cubin").unlink(missing_ok=True)
        name = re.search(r"\.entry (\w+)", ptx)[1]
        spills = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores", done.stderr)
        if done.returncode:
            return False, f"{name} refused: {done.stderr.strip()}"
        return True, f"{name}: stack {spills[1]} bytes, spills {spills[2]}" if spills and spills[1] != "0" else ""

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        found = list(pool.map(one, kernels))
    file.with_suffix(".ptxas").write_text("".join(line + "\n" for _, line in found if line))
    return sum(ok for ok, _ in found)


def ggml(folder):
    names = ("ggml-metal.metal", "ggml-metal-impl.h", "ggml-common.h")
    target = folder / "ggml"
    target.mkdir(exist_ok=True)
    if not all((target / name).exists() for name in names):
        with tarfile.open(fetch(*GGML, folder)) as archive:
            for member in archive:
                name = pathlib.PurePath(member.name).name
                if name in names:
                    (target / name).write_bytes(archive.extractfile(member).read())
    file = target / names[0]
    text = file.read_text()
    if not text.startswith("#define GGML_METAL_HAS_BF16"):  # what llama.cpp defines on a machine that has both
        file.write_text("#define GGML_METAL_HAS_BF16 1\n#define GGML_METAL_HAS_TENSOR 1\n" + text)
    yield file, target


def mlx_headers(folder):
    """The folder that the headers of MLX are included from."""
    target = folder / "mlx"
    if not target.exists():
        with zipfile.ZipFile(fetch(*MLX, folder)) as archive:
            archive.extractall(target, [n for n in archive.namelist() if KERNELS in n and n.endswith(".h")])
    return target / "mlx/include"


def mlx_program(folder, name, headers, kernels):
    """A file that instantiates pairs of a template and its arguments, named TEMPLATE_0, TEMPLATE_1 ..."""
    file = folder / f"mlx_{name}.metal"
    lines = ["#include <metal_stdlib>", *(f'#include "{KERNELS}{h}"' for h in headers)]
    lines += [f'instantiate_kernel("{kernel}_{i}", {kernel}, {arguments})' for i, (kernel, arguments) in enumerate(kernels)]
    file.write_text("\n".join(lines) + "\n")
    return file


def mlx(folder):
    include = mlx_headers(folder)
    for name, (headers, kernels) in mlx_programs().items():
        yield mlx_program(folder, name, headers, kernels), include


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anymetal", type=lambda name: pathlib.Path(name).absolute(), required=True)
    parser.add_argument("--device", default="cpu", help="cpu or cuda:sm_90a (no GPU needed)")
    parser.add_argument("--only", choices=["ggml", "mlx"])
    parser.add_argument("--folder", type=pathlib.Path, help="where packages and messages are kept (default: thrown away)")
    parser.add_argument("--ptxas", help="assembles what was compiled for cuda:sm_...")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2, help="of ptxas at once")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        totals = []
        print(f"{'program':24} {'kernels':>8} {'compiled':>9} {'s a kernel':>11}" + (f" {'assembled':>10}" if options.ptxas else ""))
        for library in [ggml, mlx]:
            if options.only not in (None, library.__name__):
                continue
            for file, include in library(folder):
                compiled, entries, seconds = compile_file(options, file, include)
                assembled = assemble(options, file, include) if options.ptxas else compiled
                totals.append((assembled, entries))
                each = f"{seconds / entries:11.3f}" if entries else " does not compile"
                print(f"{file.stem:24} {entries:8} {compiled:9} {each}" + (f" {assembled:10}" if options.ptxas else ""), flush=True)
        good, entries = (sum(column) for column in zip(*totals))
        print(f"{'all':24} {entries:8} {good:9}")
    return 0 if good == entries and all(count for _, count in totals) else 1


if __name__ == "__main__":
    sys.exit(main())
