#!/usr/bin/env python3
"""Speed on an NVIDIA GPU beside what the machine reaches: one short table.

    measure.py ./anymetal ./libnvidia_events.so [--against ./anymetal_before] [--kernels a,b|all] [--products q4_0,f16]
               [--model FILE] [--parts ceilings,kernels,products,dispatch,model] [--json FILE] [--roofline FILE] [--clean]

Needs Python with PyTorch and NumPy for the ceilings and the products' data. GPU times are those between two events around a launch, after other
memory was written (event_driver.cpp): some 2 us more than the kernel alone. With --against both executables are measured in turns.
Without --kernels, a choice from every family. Kernels are measured at their large sizes where they have them. `--kernels all --roofline FILE`
measures the whole catalogue, prints what is below 60 % of its ceiling, and writes what scripts/roofline.py reads. With --clean what was written is read back before a launch, so that no kernel pays for its way to
memory; kernels that only read are faster so."""

import argparse
import concurrent.futures
import json
import os
import pathlib
import statistics
import struct
import subprocess
import tempfile

CHOICE = """elementwise_add_f32 elementwise_add_bf16 silu_f32 gelu_bf16 cast_f32_to_f16 softcap_f32 fused_gelu_mul silu_mul_f32 adam_update_f32
rms_norm_f32 rms_norm_f32_v2 rms_norm_backward_dw_f32 l2_norm_f32 fused_norm_add_f32_v2 softmax_f32 scale_mask_softmax_f32 row_sum_f32 argmax_f32
argsort_desc_f32 top_k_f32 softmax_sample_f32 rope_f32 rope_neox_bf16 rope_multi_f32 cumsum_f32 transpose_2d_f32 kv_cache_move
outer_product_f32 outer_product_backward_lhs_f32 outer_product_backward_rhs_f32 conv1d_depthwise_causal_forward_f32
conv1d_depthwise_causal_backward_dw_f32 ssm_conv_forward_f32 ssm_conv_forward_bf16 ssm_norm_gate_f32 tri_solve_lower_unit_f32 chunk_tri_solve_invert_f32
gated_delta_net_f32 gated_delta_net_kkt_bf16 gated_delta_net_recompute_wu_bf16 gated_delta_net_chunk_inter_state_bf16 gated_delta_net_chunk_o_bf16
fused_moe_wsum_norm_add_f32 moe_weighted_sum_seq_backward_weights_f32 moe_softmax_topk_f32 moe_gate fused_moe_routing_batch_f32 naive_matvec_f32
fwht_standalone_f32_d256 hadamard_quantize_kv_fast_d256 tq_dequantize_kv qdq_q4_0_f32 qdq_affine_forward_f32 embedding_gather_scale_batch_q4_0_f32
flash_attn_vec_dk256 flash_attn_vec_f16kv_dk512 attention_f16kv sdpa sdpa_decode steel_attention_float32_bq32_bk16_bd256_wm4_wn1_maskfloat32
steel_attention_bfloat16_bq32_bk16_bd256_wm4_wn1_maskbfloat16 steel_attention_bfloat16_bq8_bk8_bd512_wm1_wn1_maskbfloat16
kernel_mul_mv_q4_0_f32 kernel_mul_mv_q8_0_f32 kernel_mul_mv_q4_K_f32 kernel_mul_mv_q6_K_f32 dense_matvec_f16 kernel_mul_mm_id_q4_0_f32""".split()

# Bytes and elements of a block, and where its f16 factors lie.
BLOCKS = {"q4_0": (18, 32, [0]), "q4_1": (20, 32, [0, 2]), "q5_0": (22, 32, [0]), "q5_1": (24, 32, [0, 2]), "q8_0": (34, 32, [0]),
          "iq4_nl": (18, 32, [0]), "mxfp4": (17, 32, []), "q2_K": (84, 256, [80, 82]), "q3_K": (110, 256, [108]), "q4_K": (144, 256, [0, 2]),
          "q5_K": (176, 256, [0, 2]), "q6_K": (210, 256, [208]), "iq4_xs": (136, 256, [0])}
SIDE = 4096  # of the products' matrices
REPEATS = 9
EVENTS = 2.0  # microseconds that two events around a launch add


def launches(text):
    """Microseconds by (kernel, threadgroups, threads), in the order of lines."""
    found = {}
    for line in text.splitlines():
        name, microseconds, groups, threads = line.split()
        found.setdefault((name, groups, threads), []).append(float(microseconds))
    return found


def summary(text, runs):
    """Median and spread of the last `runs` launches of what was launched as often: of several launches a run, their sum."""
    lines = text.splitlines()
    if lines:  # a kernel of several shapes: the runs of the last one begin behind what ends the run before them
        last = launches(lines[-1]).keys()
        ends = [i for i, line in enumerate(lines) if launches(line).keys() == last]
        lines = lines[ends[-runs - 1] + 1 if len(ends) > runs else 0:]
    often = [times[-runs:] for times in launches("\n".join(lines)).values() if len(times) >= runs]
    if not often:
        raise ValueError("no launch was measured")
    return sum(statistics.median(t) for t in often), max(max(t) - min(t) for t in often)


def kernel_row(result, text, copy):
    """From `bench kernel --json` of one kernel and its events: times, and the rate as a part of the ceiling where memory counts."""
    us, spread = summary(text, result["runs"])
    row = {"us": us, "spread": spread, "shape": result["shape"]} | {key: result.get(key, 0) for key in ("bytes", "flops", "operations")}
    if result["flops"] > 0:
        row["rate"] = f"{result['flops'] / us * 1e-6:.1f} TFLOP/s"
    else:
        gigabytes = result["bytes"] / max(us - EVENTS, 0.5) * 1e-3
        row["rate"] = f"{gigabytes:.0f} GB/s" + (f", {100 * gigabytes / copy:.0f} %" if copy else "")
    return row


def product_row(us, spread, vendor):
    """Beside the vendor's microseconds, 0 where they are not known."""
    rate = f"{2e-6 * SIDE ** 3 / us:.0f} TFLOP/s" + (f", {100 * vendor / us:.0f} % of the vendor's" if vendor else "")
    return {"us": us, "spread": spread, "rate": rate}


def parameters_of_product(form):
    """MatMatParams of kernels/common/matmul_params.h for SIDE^3."""
    size, elements = (BLOCKS[form][0], BLOCKS[form][1]) if form in BLOCKS else (2, 1)
    row = SIDE // elements * size
    return struct.pack("<iiQQQiiQQQQiihhi", SIDE, 1, row, row * SIDE, row * SIDE, 1, 0, 4, 4 * SIDE, 4 * SIDE * SIDE, 4 * SIDE * SIDE, SIDE, SIDE, 1, 1, 0)


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, env=dict(os.environ, **more))
    if done.returncode != 0:
        raise ValueError((done.stderr or done.stdout).strip()[-200:])
    return done.stdout


class Measurement:
    def __init__(self, executable, events, folder, clean=False):
        self.executable = os.path.abspath(executable)
        self.name = os.path.basename(executable)
        self.events = os.path.abspath(events)
        self.settings = {"ANYMETAL_CUDA_DRIVER": self.events} | ({"ANYMETAL_EVENTS_CLEAN": "1"} if clean else {})
        self.folder = pathlib.Path(folder)
        self.cache = self.folder / ("cache_" + self.name)

    def __call__(self, label, *arguments):
        """What the program prints, and its launches."""
        file = self.folder / f"{self.name}.{label}.events"
        file.unlink(missing_ok=True)
        out = run([self.executable, *arguments, "--device", "cuda:0"], ANYMETAL_EVENTS=str(file), ANYMETAL_CACHE_DIR=str(self.cache), **self.settings)
        return out, file.read_text()

    def kernel(self, name, copy):
        out, text = self(name, "bench", "kernel", name, "--repeat", str(REPEATS), "--seconds", "0.3", "--json")
        result = json.loads(out)
        return kernel_row(result["kernels"][-1] if "kernels" in result else result, text, copy)

    def catalogue(self):
        """Every kernel that has a benchmark."""
        listed = run([self.executable, "bench", "kernel", "--list", "--sizes", "large"])
        return list(dict.fromkeys(line.split()[0] for line in listed.splitlines()))

    def start(self):
        """Microseconds of a launch of one threadgroup that writes a word a thread."""
        _, text = self("start", "run", "--kernel", "zero_buffer", "--buffer=0=zeros:f32:32", "--bytes=1=u32:32", "--grid", "1x1x1", "--group", "32", "--repeat", str(REPEATS))
        return summary(text, REPEATS)[0]

    def product(self, form, data, vendor):
        files = [f"--buffer={i}={self.folder / name}" for i, name in data]
        if form == "gemm":
            grid, kernel, more = f"{SIDE // 32}x{SIDE // 32}x1", "dense_gemm_f16", [f"--bytes=3=u32:{SIDE},{SIDE},{SIDE}", f"--buffer=2=zeros:f16:{SIDE * SIDE}"]
        else:
            kernel = f"hf2q_dense_mm_{form}_f32_tensor" if form in ("f16", "bf16") else f"kernel_mul_mm_{form}_tensor_f32"
            parameters = self.folder / f"{self.name}.{form}.parameters"
            parameters.write_bytes(parameters_of_product(form))
            grid, more = f"{SIDE // 32}x{SIDE // 64}x1", [f"--bytes=0=@{parameters}", f"--buffer=3=zeros:f32:{SIDE * SIDE}", "--threadgroup-memory=0=8192"]
        _, text = self(kernel, "run", "--kernel", kernel, *files, *more, "--grid", grid, "--group", "128", "--repeat", str(REPEATS))
        us, spread = summary(text, REPEATS)
        return product_row(us, spread, vendor)


def ceilings():
    """GB/s of a copy of 1 GiB and microseconds of the vendor's products."""
    import torch
    flushed = torch.zeros(64 << 20, dtype=torch.float32, device="cuda")

    def median(work, count):
        times = []
        for _ in range(count + 3):
            flushed.add_(1)
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begin.record()
            work()
            end.record()
            end.synchronize()
            times.append(begin.elapsed_time(end) * 1e3)
        return statistics.median(times[3:])

    source = torch.randn(1 << 28, device="cuda")
    target = torch.empty_like(source)
    found = {"gpu": torch.cuda.get_device_name(), "copy": 2 * source.numel() * 4e-3 / median(lambda: target.copy_(source), 12)}
    for name, dtype in (("f16", torch.float16), ("bf16", torch.bfloat16)):
        a, b = (torch.randn(SIDE, SIDE, device="cuda").to(dtype) for _ in range(2))
        found[name] = median(lambda: a @ b.T, 25)
    torch.backends.cuda.matmul.allow_tf32 = False
    a, b = (torch.randn(SIDE, SIDE, device="cuda") for _ in range(2))
    found["f32"] = median(lambda: a @ b.T, 8)
    return found


def random_blocks(random, form, shape):
    """u8 [*shape, bytes of a block] of NumPy's generator: any codes, factors of 0.0078 to 0.0312."""
    size, _, factors = BLOCKS[form]
    blocks = random.integers(0, 256, (*shape, size), dtype="uint8")
    for at in factors:
        blocks[..., at + 1] = 0x20 + blocks[..., at + 1] % 8
    if form == "mxfp4":
        blocks[..., 0] = 120 + blocks[..., 0] % 6
    return blocks


def write_products(folder, forms):
    """Random matrices as .npy; returns form -> [(buffer, file)]."""
    import numpy
    random = numpy.random.default_rng(1)
    numpy.save(folder / "x.npy", random.standard_normal((SIDE, SIDE), dtype=numpy.float32))
    data = {}
    for form in forms:
        if form == "gemm":
            for name in ("a", "b"):
                numpy.save(folder / f"{name}.npy", random.standard_normal((SIDE, SIDE), dtype=numpy.float32).astype(numpy.float16))
            data[form] = [(0, "a.npy"), (1, "b.npy")]
            continue
        if form in BLOCKS:
            weights = random_blocks(random, form, [SIDE * SIDE // BLOCKS[form][1]])
        else:
            weights = random.standard_normal((SIDE, SIDE), dtype=numpy.float32)
            weights = weights.astype(numpy.float16) if form == "f16" else (weights.view(numpy.uint32) >> 16).astype(numpy.uint16)
        numpy.save(folder / f"{form}.npy", weights)
        data[form] = [(1, f"{form}.npy"), (2, "x.npy")]
    return data


def table(title, results, executables):
    """Lines: a name, then the times by each executable, spreads in brackets, and the first one's rate."""
    lines = [title]
    for name, rows in sorted(results.items()):
        times = " ".join(f"{rows[e]['us']:9.1f} ({rows[e]['spread']:.1f})" if "us" in rows[e] else f"  failed: {rows[e]['error']}" for e in executables)
        lines.append(f"{name:44} {times}  {rows[executables[0]].get('rate', '')}")
    return lines


def under_ceilings(results, found, start):
    """What scripts/roofline.py reads, from the kernels' rows by one executable."""
    kernels = []
    for name, row in results.items():
        if "us" in row:
            us = max(row["us"] - EVENTS, 0.5)
            kernels.append({"kernel": name, "milliseconds": {"median": us * 1e-3, "spread": row["spread"] * 1e-3}, "times_plain_loop": None,
                            "gigabytes_per_second": row["bytes"] / us * 1e-3, "gigaflops": row["flops"] / us * 1e-3}
                           | {key: row[key] for key in ("shape", "bytes", "flops", "operations")})
    return {"kernels": kernels, "ceilings": {"device": found["gpu"], "copy_gigabytes_per_second": found["copy"], "read_gigabytes_per_second": found["copy"],
                                             "fma_gigaflops": 2e-3 * SIDE ** 3 / found["f32"], "start_microseconds": start}}


def below(results, found, part):
    """Names of kernels that reach less than this part of copy bandwidth, where memory is what should limit them, or failed."""
    peak = 2e-6 * SIDE ** 3 / found["f32"]  # TFLOP/s
    slow = []
    for name, row in results.items():
        limit = max(row.get("bytes", 0) / found["copy"] * 1e-3, (row.get("flops", 0) + 2 * row.get("operations", 0)) / peak * 1e-6)
        memory = "us" not in row or limit == row["bytes"] / found["copy"] * 1e-3
        if memory and limit < part * max(row.get("us", 1) - EVENTS, 0.5):
            slow.append(name)
    return slow


def attempt(work, *arguments):
    try:
        return work(*arguments)
    except (ValueError, KeyError, OSError, ImportError, RuntimeError, subprocess.SubprocessError) as error:
        return {"error": str(error).replace("\n", " ")[-120:]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("executable")
    parser.add_argument("events")
    parser.add_argument("--against")
    parser.add_argument("--kernels", default=",".join(CHOICE))
    parser.add_argument("--products", default=",".join(["gemm", "f16", "bf16", *BLOCKS]))
    parser.add_argument("--model")
    parser.add_argument("--parts", default="ceilings,kernels,products,dispatch,model")
    parser.add_argument("--json")
    parser.add_argument("--roofline")
    parser.add_argument("--clean", action="store_true")
    arguments = parser.parse_args()
    parts = arguments.parts.split(",")
    everything = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        measured = [Measurement(e, arguments.events, folder, arguments.clean) for e in [arguments.executable, arguments.against] if e]
        names = [m.name for m in measured]
        if len(set(names)) != len(names):
            parser.error("give the two executables different names")
        found = {}
        if "ceilings" in parts:
            found = everything["ceilings"] = attempt(ceilings)
            print(" ".join(f"{k} {v:.0f}" if isinstance(v, float) else f"{v}" for k, v in found.items()), flush=True)
        pool = concurrent.futures.ThreadPoolExecutor(max(1, (os.cpu_count() or 2) - 2))

        def by_all(names_of_rows, work):
            """Of each name by each executable work(measurement, name), in turns on the GPU."""
            rows = {(row, m.name): pool.submit(attempt, work, m, row) for row in names_of_rows for m in measured}
            return {row: {m.name: rows[row, m.name].result() for m in measured} for row in names_of_rows}

        if "kernels" in parts:
            whole = arguments.kernels == "all"
            chosen = measured[0].catalogue() if whole else arguments.kernels.split(",")
            shown = everything["kernels"] = by_all(chosen, lambda m, kernel: m.kernel(kernel, found.get("copy", 0)))
            first = {kernel: rows[names[0]] for kernel, rows in shown.items()}
            if arguments.roofline and "copy" in found:
                start = attempt(measured[0].start)
                pathlib.Path(arguments.roofline).write_text(json.dumps(under_ceilings(first, found, start), indent=1))
                print(f"a launch of one threadgroup: {start} us")
            if whole and "copy" in found:
                slow = below(first, found, 0.6)
                print(f"{len(first)} kernels, {len(slow)} below 60 % of copy bandwidth or failed:")
                shown = {kernel: shown[kernel] for kernel in slow}
            print("\n".join(table("kernels: us (spread) of " + ", ".join(names), shown, names)), flush=True)
        if "products" in parts:
            data = write_products(folder, arguments.products.split(","))
            everything["products"] = by_all(data, lambda m, form: m.product(form, data[form], found.get("bf16" if form == "bf16" else "f16", 0)))
            print("\n".join(table(f"products of {SIDE}^3: us (spread)", everything["products"], names)), flush=True)
        for part, command in (("dispatch", ["bench", "dispatch"]), ("model", ["bench", "model", arguments.model or "", "--prompt", "512", "--tokens", "128"])):
            if part not in parts or (part == "model" and not arguments.model):
                continue
            for m in measured:
                done = attempt(lambda: {"out": run([m.executable, *command, "--device", "cuda:0"], ANYMETAL_CACHE_DIR=str(m.cache))})
                everything.setdefault(part, {})[m.name] = done
                print(f"{part}, {m.name}:\n{done.get('out', done.get('error'))}", flush=True)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(everything, indent=1))


if __name__ == "__main__":
    main()
