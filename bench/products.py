#!/usr/bin/env python3
"""Speed of the matrix products on the CPU device, every weight type, beside what the machine reaches in the same run.

    bench/products.py --anymetal build/release/anymetal [--formats q4_0 q6_K f16] [--rows 4096] [--length 14336]

Prints for each type the bandwidth of the product with one vector (bytes of weights by time; `--repeat` runs, the median) and
the arithmetic rate of the product with `--columns` vectors, and both as shares of the read bandwidth and of the f32 multiply-add
peak that `anymetal bench ceilings` measured just before. Weights are random.
"""

import argparse
import json
import os
import pathlib
import struct
import subprocess
import tempfile

# Elements and bytes of a block, and where it has f16 scales.
BLOCKS = {
    "q4_0": (32, 18, [0]), "q4_1": (32, 20, [0, 2]), "q5_0": (32, 22, [0]), "q5_1": (32, 24, [0, 2]), "q8_0": (32, 34, [0]),
    "iq4_nl": (32, 18, [0]), "mxfp4": (32, 17, []), "q2_K": (256, 84, [80, 82]), "q3_K": (256, 110, [108]),
    "q4_K": (256, 144, [0, 2]), "q5_K": (256, 176, [0, 2]), "q6_K": (256, 210, [208]), "iq4_xs": (256, 136, [0]),
    "f16": (1, 2, [0]), "bf16": (1, 2, [0]), "f32": (1, 4, [2]),
}


def weights(path, name, elements):
    """A .npy file of bytes: half a megabyte of random blocks, over and over."""
    per_block, size, halves = BLOCKS[name]
    tile = bytearray(os.urandom(1 << 19))
    tile = tile[: len(tile) // size * size]
    for block in range(0, len(tile), size):
        for at in halves:  # between 2^-9 and 2^-5 in f16, between 2^-99 and 2^-83 in bf16 and in the upper half of f32
            tile[block + at + 1] = 0x18 | (tile[block + at + 1] & 0x0f)
        if name == "mxfp4":
            tile[block] = 120 + tile[block] % 8
    total = elements // per_block * size
    header = repr({"descr": "|u1", "fortran_order": False, "shape": (total,)}).encode().ljust(117) + b"\n"
    with open(path, "wb") as out:
        out.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
        for at in range(0, total, len(tile)):
            out.write(tile[: min(len(tile), total - at)])
    return total


def run(options, *arguments):
    command = [options.anymetal, "run", "--device", "cpu", "--json", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def mat_vec(options, folder, name, file):
    rows, length = options.rows, options.length
    x = ["--buffer", f"1=random:f32:{length}", "--buffer", f"2=zeros:f32:{rows}"]
    if BLOCKS[name][0] == 1:
        kernel = {"f32": "dense_matvec_f32", "f16": "dense_matvec_f16w_f32io", "bf16": "dense_matvec_bf16w_f32io"}[name]
        buffers = ["--buffer", f"0=random:f32:{length}", "--buffer", f"1={file}", "--buffer", f"2=zeros:f32:{rows}"]
        return run(options, "--kernel", kernel, *buffers, "--bytes", f"3=u32:1,{rows},{length}", "--repeat", options.repeat,
                   "--grid", f"{-(-rows // 8)}x1x1", "--group", "32x2x1")
    params = folder / "mv.bin"
    params.write_bytes(struct.pack("<7qII", length, rows, 1, length, 1, rows, 1, 1, 1))
    large = BLOCKS[name][0] == 256
    per_group = 4 if name == "q6_K" else 2 if large else 8
    kernel = f"kernel_mul_mv_{name}_f32" + ("_nr2" if name == "q6_K" else "")
    return run(options, "--kernel", kernel, "--buffer", f"0={file}", *x, "--bytes", f"3=@{params}", "--repeat",
               options.repeat, "--grid", f"{-(-rows // per_group)}x1x1", "--group", "2x32x1" if large else "8x8x1")


def mat_mat(options, folder, name, file):
    rows, length, columns = options.rows, options.length, options.columns
    per_block, size, _ = BLOCKS[name]
    row = length // per_block * size
    params = folder / "mm.bin"
    params.write_bytes(struct.pack("<iiQQQiiQQQQiihhi", length, 1, row, row * rows, row * rows, 1, 0, 4, 4 * length,
                                   4 * length * columns, 4 * length * columns, rows, columns, 1, 1, 0))
    kernel = f"kernel_mul_mm_{name}_f32" if per_block > 1 else f"hf2q_dense_mm_{name}_f32_tensor"
    return run(options, "--kernel", kernel, "--bytes", f"0=@{params}", "--buffer", f"1={file}", "--buffer",
               f"2=random:f32:{length * columns}", "--buffer", f"3=zeros:f32:{rows * columns}", "--threadgroup-memory", "0=16384",
               "--repeat", 3, "--grid", f"{-(-columns // 32)}x{-(-rows // 64)}x1", "--group", "128x1x1")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anymetal", required=True)
    parser.add_argument("--formats", nargs="*", default=list(BLOCKS), choices=list(BLOCKS))
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--length", type=int, default=14336)
    parser.add_argument("--columns", type=int, default=512, help="0: no product with several vectors")
    parser.add_argument("--repeat", type=int, default=25)
    options = parser.parse_args()
    ceilings = json.loads(subprocess.run([options.anymetal, "bench", "ceilings", "--threads", "2", "--json"], check=True,
                                         capture_output=True, text=True).stdout)
    print(json.dumps(ceilings))
    read, peak = ceilings["read_gigabytes_per_second"], ceilings["fma_gigaflops"]
    print("| type | one vector, GB/s | of read | GFLOP/s | of multiply-add |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for name in options.formats:
            file = folder / "w.npy"
            total = weights(file, name, options.rows * options.length)
            vector = total / mat_vec(options, folder, name, file)["milliseconds"]["median"] / 1e6
            line = f"| {name} | {vector:.1f} | {vector / read:.0%} |"
            if options.columns:
                flops = 2.0 * options.rows * options.length * options.columns
                rate = flops / mat_mat(options, folder, name, file)["milliseconds"]["median"] / 1e6
                line += f" {rate:.0f} | {rate / peak:.0%} |"
            print(line, flush=True)


if __name__ == "__main__":
    main()
