#!/usr/bin/env python3
"""Speed of llama.cpp beside anymetal's: the same model file, the same number of threads, alternating in one run.

    bench/peers/llama_cpp.py --anymetal build/release/anymetal --model ~/.cache/anymetal/models/gemma-3-270m-q4_k_m.gguf

Installs the wheel xllamacpp (llama.cpp behind a Python interface) from PyPI into an environment that is deleted at the end,
or takes it from --wheel. Prints the median and the range of the runs, and what instruction sets the peer was built for.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import venv

PACKAGE = "xllamacpp==2026.10.11549"


def peer(options):
    """Runs inside the environment: one JSON object a run on stdout."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = options.model
    params.n_ctx = options.prompt + options.tokens + 64
    params.n_parallel = 1
    params.n_batch = params.n_ubatch = 512
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads = options.threads
    server = xllamacpp.Server(params)
    print(json.dumps({"system": xllamacpp.get_system_info()}), flush=True)
    for line in sys.stdin:  # one run for each line
        seed = int(line)
        answer = server.handle_completions({
            "prompt": [(seed + 37 * i) % 30000 + 1000 for i in range(options.prompt)],
            "n_predict": options.tokens, "ignore_eos": True, "cache_prompt": False, "temperature": 0,
        })
        answer = json.loads(answer) if isinstance(answer, str) else answer
        print(json.dumps(answer["timings"]), flush=True)


class Peer:
    def __init__(self, folder, options):
        venv.create(folder, with_pip=True)
        python = str(folder / "bin" / "python")
        wheel = [str(options.wheel), "--no-deps"] if options.wheel else [PACKAGE, "--no-deps"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wheel], check=True, stdout=sys.stderr)
        command = [python, __file__, "--peer", "--model", options.model, "--threads", str(options.threads),
                   "--prompt", str(options.prompt), "--tokens", str(options.tokens)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.system = self.read()["system"]

    def read(self):
        """The next line that is JSON: the library prints of its own."""
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise SystemExit("the peer ended without an answer")

    def run(self, seed):
        self.process.stdin.write(f"{seed}\n")
        self.process.stdin.flush()
        timings = self.read()
        return timings["prompt_per_second"], timings["predicted_per_second"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def ours(options):
    command = [options.anymetal, "bench", "model", options.model, "--prompt", str(options.prompt), "--tokens",
               str(options.tokens), "--threads", str(options.threads), "--repeat", "1", "--device", "cpu", "--json"]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return answer["prefill_tokens_per_second"], answer["decode_tokens_per_second"], answer["memory_limit_tokens_per_second"]


def show(name, values):
    print(f"  {name:<10} {statistics.median(values):8.1f} tokens/s  ({min(values):.1f} to {max(values):.1f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--anymetal", default="build/release/anymetal")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--wheel", type=pathlib.Path, help="a wheel on disk instead of PyPI's")
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        return peer(options)
    with tempfile.TemporaryDirectory() as folder:
        other = Peer(pathlib.Path(folder), options)
        other.run(0)  # pages of the file, and both sides' first use
        ours(options)
        theirs, mine = [], []
        for run in range(options.runs):
            theirs.append(other.run(run + 1))
            mine.append(ours(options))
        other.close()
    print(f"{PACKAGE} on: {other.system}")
    for what, at in (("prefill", 0), ("decode", 1)):
        print(f"{what}, prompt of {options.prompt}, {options.tokens} tokens written, {options.threads} threads")
        show("llama.cpp", [t[at] for t in theirs])
        show("anymetal", [m[at] for m in mine])
        print(f"  ratio      {statistics.median(m[at] for m in mine) / statistics.median(t[at] for t in theirs):8.2f}")
    print(f"memory limit of decoding: {statistics.median(m[2] for m in mine):.0f} tokens/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
