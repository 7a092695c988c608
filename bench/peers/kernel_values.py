#!/usr/bin/env python3
"""Runs Metal kernels of published libraries, unmodified, and compares what they compute with NumPy in float64.

    bench/peers/kernel_values.py --anymetal build/release/anymetal [--device cuda:0] [--only ggml] [--cases mul_mv,rope] [--folder /tmp/libraries]

The kernels are those of kernel_libraries.py (llama.cpp's and MLX's, from PyPI) and PyTorch's (its source package of Debian, and the headers in its
wheel for macOS); a folder that one run has filled needs no network. Each is dispatched as its library does it. The formulas are written here anew.
Needs NumPy.
"""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import ggml_values
import kernel_libraries
import library_styles
import mlx_values
import pytorch_header_values
import pytorch_values

TORCH = ("torch", "2.15.0")


class Runner:
    """Runs kernels of one file through `anymetal run`. Failures are RuntimeErrors with its message."""

    def __init__(self, options, file, include, folder):
        self.options, self.file, self.include, self.folder = options, file, include, folder
        self.errors = []
        self.commands = 0

    def run(self, entry, buffers, outputs, grid, group, constants=None, bytes_=None, threadgroup_memory=None):
        """Arrays of `buffers` by index -> those of `outputs`, after one dispatch of grid x group threads. `constants`: name or index -> "type:value"."""
        self.commands += 1
        own = self.folder / f"{entry}.{self.commands}"
        own.mkdir()
        command = [str(self.options.anymetal), "run", str(self.file), "-I", str(self.include), "--entry", entry, "--device", self.options.device]
        command += ["--grid", "x".join(map(str, grid)), "--group", "x".join(map(str, group))]
        for i, array in buffers.items():
            np.save(own / f"{i}.npy", np.ascontiguousarray(array))
            command += ["--buffer", f"{i}={own / str(i)}.npy"]
        for i, value in (bytes_ or {}).items():
            (own / f"{i}.bytes").write_bytes(value)
            command += ["--bytes", f"{i}=@{own / str(i)}.bytes"]
        for i, size in (threadgroup_memory or {}).items():
            command += ["--threadgroup-memory", f"{i}={size}"]
        for name, value in (constants or {}).items():
            command += ["--constant", f"{name}={value}"]
        for i in outputs:
            command += ["--dump", f"{i}={own / 'out'}{i}.npy"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise RuntimeError(done.stderr.strip()[-400:])
        found = [np.load(own / f"out{i}.npy") for i in outputs]
        return found[0] if len(found) == 1 else found

    def compare(self, found, wanted, tolerance):
        """The largest error as a part of the largest value; more than `tolerance`, or what is no number, fails the case."""
        found, wanted = np.asarray(found, float).reshape(-1), np.asarray(wanted, float).reshape(-1)
        if found.shape != wanted.shape or not np.isfinite(found).all():
            raise RuntimeError(f"{np.count_nonzero(~np.isfinite(found))} of {found.size} values are not finite, {wanted.size} wanted")
        error = np.abs(found - wanted).max() / max(np.abs(wanted).max(), 1e-30)
        self.errors.append(error)
        if error > tolerance:
            raise RuntimeError(f"error {error:.2e} of the largest value, {tolerance:.0e} allowed")


def attempt(options, case, folder):
    """(name, largest error or None, message)"""
    name, work, file, include = case
    with tempfile.TemporaryDirectory(dir=folder) as own:
        runner = Runner(options, file, include, pathlib.Path(own))
        try:
            work(runner, np.random.default_rng(7))
        except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as failure:
            return name, max(runner.errors, default=None), str(failure)
        return name, max(runner.errors), ""


def ggml(folder):
    file, include = next(kernel_libraries.ggml(folder))
    ggml_values.read_arguments(include / "ggml-metal-impl.h")
    return [(name, work, file, include) for name, work in ggml_values.cases()]


def mlx(folder):
    include = kernel_libraries.mlx_headers(folder)
    return [(name, work, kernel_libraries.mlx_program(folder, name.replace(" ", "_"), headers, [kernel]), include)
            for name, headers, kernel, work in mlx_values.cases()]


def pytorch(folder):
    root = next(library_styles.debian(*library_styles.DEBIAN["pytorch"], folder).rglob("kernels"))
    found = [(name, work, root / f"{file}.metal", root) for name, file, work in pytorch_values.cases()]
    include = library_styles.wheel(*TORCH, folder, r"include/(c10/metal|ATen/native/mps/kernels)/.*\.h$") / "torch/include"
    for name, program, work in pytorch_header_values.cases():
        file = folder / f"pytorch_{name.replace(' ', '_')}.metal"
        file.write_text(program)
        found.append((name, work, file, include))
    return found


def parser_of(description):
    """What every script that compares cases with known answers takes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anymetal", type=lambda name: pathlib.Path(name).absolute(), required=True)
    parser.add_argument("--device", default="cpu", help="cpu or cuda:0")
    parser.add_argument("--cases", default="", help="parts of names, with commas: those cases only")
    parser.add_argument("--folder", type=pathlib.Path, help="where the sources are kept (default: thrown away)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    return parser


def compare(options, find):
    """Runs the cases that find(folder) gives, a line for each; the exit code."""
    wanted = [part for part in options.cases.split(",") if part]
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or pathlib.Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        chosen = [case for case in find(folder) if not wanted or any(part in case[0] for part in wanted)]
        failed = 0
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for name, error, message in pool.map(lambda case: attempt(options, case, temporary), chosen):
                failed += bool(message)
                print(f"{name:44} " + (f"{error:.1e}" if error is not None else "       ") + ("  " + message if message else ""), flush=True)
        print(f"{len(chosen) - failed} of {len(chosen)} compute what they should")
    return 1 if failed or not chosen else 0


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--only", choices=["ggml", "mlx", "pytorch"])
    options = parser.parse_args()
    libraries = [library for library in (ggml, mlx, pytorch) if options.only in (None, library.__name__)]
    return compare(options, lambda folder: [case for library in libraries for case in library(folder)])


if __name__ == "__main__":
    sys.exit(main())
