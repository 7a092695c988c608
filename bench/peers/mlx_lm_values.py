#!/usr/bin/env python3
"""Runs the Metal kernels that the Python package mlx-lm hands to mx.fast.metal_kernel, and compares the results with NumPy in float64.

    bench/peers/mlx_lm_values.py --anymetal build/release/anymetal [--device cuda:0] [--cases delta,loss] [--folder /tmp/libraries]

The package is called as on a Mac, with a class in the place of MLX's that writes a kernel's declaration around the body, as MLX does, and runs it by
`anymetal run`. mlx-lm 0.32.2 and the headers of mlx-metal 0.32.4 come from PyPI; needs NumPy and MLX for the processor (mlx[cpu] 0.32.4).
"""

import argparse
import importlib
import pathlib
import re
import subprocess
import sys
import tempfile
import types
import zipfile

import mlx.core as mx
import numpy as np

import kernel_libraries

MLX_LM = ("mlx-lm==0.32.2", ["--only-binary=:all:"])
NAMES = {mx.float32: "float", mx.float16: "half", mx.bfloat16: "bfloat16_t", mx.int32: "int", mx.uint32: "uint", mx.uint8: "uint8_t",
         mx.int8: "int8_t", mx.bool_: "bool"}
VECTORS = ["thread_position_in_grid", "thread_position_in_threadgroup", "threadgroup_position_in_grid", "threads_per_threadgroup", "threads_per_grid"]
SCALARS = ["thread_index_in_simdgroup", "simdgroup_index_in_threadgroup", "thread_index_in_threadgroup"]
BARRIER = "threadgroup_barrier(mem_flags::mem_threadgroup);"


def bits(array):
    """bfloat16 travels as its bits."""
    return np.array(array.view(mx.uint16) if array.dtype == mx.bfloat16 else array)


def exact(array):
    return np.array(array.astype(mx.float32)).astype(float) if array.dtype in (mx.float16, mx.bfloat16) else np.array(array).astype(float)


class Kernel:
    """What mx.fast.metal_kernel gives."""

    runs = None  # (anymetal, device, include, folder)
    kernels = set()

    def __init__(self, name, input_names, output_names, source, header="", atomic_outputs=False, **_):
        self.name, self.inputs, self.outputs, self.source, self.header = name, input_names, output_names, source, header
        self.result = "atomic<{}>" if atomic_outputs else "{}"

    def text(self, inputs, dtypes, template):
        """(the program, and what of the host's to bind besides the inputs: index -> numbers)"""
        index, bound, parameters = 0, {}, []

        def bind(declaration):
            nonlocal index
            parameters.append(f"{declaration} [[buffer({index})]]")
            index += 1
            return index - 1

        for name, array in zip(self.inputs, inputs):
            space = "constant" if array.size < 8 else "device"
            bound[bind(f"const {space} {NAMES[array.dtype]}{'*' if array.ndim else '&'} {name}")] = array
            if f"{name}_shape" in self.source:
                bound[bind(f"const constant int* {name}_shape")] = np.array(array.shape, np.int32)
            if f"{name}_strides" in self.source:
                strides = [int(np.prod(array.shape[k + 1:])) for k in range(array.ndim)]
                bound[bind(f"const constant int64_t* {name}_strides")] = np.array(strides, np.int64)
        places = [bind(f"device {self.result.format(NAMES[dtype])}* {name}") for name, dtype in zip(self.outputs, dtypes)]
        for attributes, kind in ((VECTORS, "uint3"), (SCALARS, "uint")):
            parameters += [f"{kind} {a} [[{a}]]" for a in attributes if re.search(rf"\b{a}\b", self.source)]
        words = {mx.Dtype: "typename", bool: "bool", int: "int"}
        declared = f"template <{', '.join(f'{words[type(value)]} {name}' for name, value in template)}>\n" if template else ""
        program = f'#include "{kernel_libraries.KERNELS}utils.h"\n{self.header}{declared}[[kernel]] void {self.name}({", ".join(parameters)}) {{{self.source}}}\n'
        if template:
            values = ", ".join(NAMES[v] if isinstance(v, mx.Dtype) else str(v).lower() for _, v in template)
            program += f'template [[host_name("{self.name}_0")]] [[kernel]] decltype({self.name}<{values}>) {self.name}<{values}>;\n'
        return program, bound, places

    def __call__(self, *, inputs, output_shapes, output_dtypes, grid, threadgroup, template=(), init_value=None, **_):
        anymetal, device, include, folder = self.runs
        inputs = [array if isinstance(array, mx.array) else mx.array(array) for array in inputs]
        program, bound, places = self.text(inputs, output_dtypes, template)
        own = pathlib.Path(tempfile.mkdtemp(dir=folder))
        (own / "kernel.metal").write_text(program)
        group = [min(pair) for pair in zip(grid, threadgroup)]
        command = [anymetal, "run", own / "kernel.metal", "--entry", self.name + "_0" * bool(template), "-I", include, "--device", device,
                   "--threads", "x".join(map(str, grid)), "--group", "x".join(map(str, group))]
        for i, array in bound.items():
            np.save(own / f"{i}.npy", bits(array).reshape(-1) if isinstance(array, mx.array) else array)
            command += ["--buffer", f"{i}={own / str(i)}.npy"]
        for i, shape, dtype in zip(places, output_shapes, output_dtypes):
            empty = bits(mx.zeros(shape, dtype)).reshape(-1)
            empty.view(np.uint8)[:] = 0xff  # no number
            if init_value is not None:
                empty[:] = bits(mx.array([init_value]).astype(dtype))
            np.save(own / f"{i}.npy", empty)
            command += ["--buffer", f"{i}={own / str(i)}.npy", "--dump", f"{i}={own / 'out'}{i}.npy"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise RuntimeError(done.stderr.strip()[-400:])
        self.kernels.add((self.name, str(template)))
        found = [mx.array(np.load(own / f"out{i}.npy")) for i in places]
        return [(a.view(d) if d == mx.bfloat16 else a).reshape(s) for a, s, d in zip(found, output_shapes, output_dtypes)]


def on_a_mac():
    """Has MLX say that it runs on a Mac, and kernels run here."""
    mx.metal.is_available = lambda: True
    mx.default_device = lambda: mx.gpu
    mx.fast.metal_kernel = Kernel
    mx.compile = lambda f=None, **_: f or (lambda g: g)


def unpacked(package, folder):
    """The folder of a wheel's files."""
    root = folder / (package[0].split("==")[0].replace("-", "_") + "_sources")
    if not root.exists():
        with zipfile.ZipFile(kernel_libraries.fetch(*package, folder)) as archive:
            archive.extractall(root)
    return root


def load(folder):
    """Makes modules of the package importable without the packages that it needs for models."""
    root = unpacked(MLX_LM, folder)
    for name in ("mlx_lm", "mlx_lm.models", "mlx_lm.tuner"):
        package = types.ModuleType(name)
        package.__path__ = [str(root / name.replace(".", "/"))]
        sys.modules[name] = package
    sys.modules["mlx_lm.utils"] = types.ModuleType("mlx_lm.utils")
    sys.modules["mlx_lm.utils"].can_run_metal = lambda: True
    on_a_mac()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rms(x, epsilon):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon)


def log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


class Cases:
    """Each gives pairs of what was computed and what should be, and the error allowed as a part of the largest value."""

    def __init__(self):
        self.random = np.random.default_rng(3)

    def normal(self, *shape, dtype=mx.float32, scale=1.0):
        return mx.array((self.random.standard_normal(shape) * scale).astype(np.float32)).astype(dtype)

    def uniform(self, low, high, *shape):
        return mx.array(self.random.uniform(low, high, shape).astype(np.float32))

    def delta(self):
        module = importlib.import_module("mlx_lm.models.gated_delta")
        for keys, values, by_key, has_mask, dtype, allowed in [
                (128, 64, False, False, mx.float32, 1e-6), (64, 32, False, True, mx.float32, 1e-6), (96, 32, True, False, mx.float32, 1e-6),
                (64, 32, True, True, mx.float32, 1e-6), (128, 128, False, False, mx.float16, 2e-3), (128, 64, False, False, mx.bfloat16, 1e-2)]:
            q, k = (self.normal(2, 5, 2, keys, dtype=dtype, scale=keys ** -0.5) for _ in range(2))
            v, state = self.normal(2, 5, 4, values, dtype=dtype), self.normal(2, 4, values, keys)
            g, beta = self.uniform(0.5, 1, *((2, 5, 4) + ((keys,) if by_key else ()))), self.uniform(0, 1, 2, 5, 4).astype(dtype)
            mask = self.uniform(0, 1, 2, 5) > 0.3 if has_mask else None
            wanted = self.delta_steps(*(exact(a) for a in (q, k, v, g, beta, state)), None if mask is None else np.array(mask))
            kept = 1 if mask is None else np.array(mask)[:, :, None, None]
            forms = ["gated_delta_kernel"] + (["gated_delta_kernel_unpacked"] if keys == 128 and dtype == mx.float32 else [])
            for form in forms:
                y, after = getattr(module, form)(q, k, v, g, beta, state, mask)
                yield exact(y) * kept, wanted[0] * kept, allowed
                yield exact(after), wanted[1], allowed

    @staticmethod
    def delta_steps(q, k, v, g, beta, state, mask):
        q, k = (np.repeat(a, v.shape[2] // a.shape[2], 2) for a in (q, k))
        y = np.zeros(v.shape)
        for t in range(q.shape[1]):
            decayed = state * (g[:, t, :, None, None] if g.ndim == 3 else g[:, t, :, None])
            change = (v[:, t] - (decayed * k[:, t, :, None]).sum(-1)) * beta[:, t, :, None]
            new = decayed + k[:, t, :, None] * change[..., None]
            y[:, t] = (new * q[:, t, :, None]).sum(-1)
            state = new if mask is None else np.where(mask[:, t, None, None, None], new, state)
        return y, state

    def ssm(self):
        module = importlib.import_module("mlx_lm.models.ssm")
        for dtype, allowed in ((mx.float32, 1e-6), (mx.float16, 2e-3)):
            x, b, c = self.normal(2, 1, 4, 16, dtype=dtype), self.normal(2, 1, 2, 64, dtype=dtype), self.normal(2, 1, 2, 64, dtype=dtype)
            a, d, dt, bias, state = self.normal(4, scale=0.5), self.normal(4), self.normal(2, 1, 4), self.normal(4), self.normal(2, 4, 16, 64)
            y, after = module.ssm_update_kernel(x, a, b, c, d, dt, bias, state, (0.001, 100.0))
            step = np.clip(np.log1p(np.exp(exact(dt) + exact(bias))), 0.001, 100)[:, 0, :, None, None]
            wide = [np.repeat(exact(m)[:, 0], 2, 1)[:, :, None] for m in (b, c)]
            new = exact(state) * np.exp(-np.exp(exact(a))[:, None, None] * step) + exact(x)[:, 0, ..., None] * step * wide[0]
            yield exact(y)[:, 0], (new * wide[1]).sum(-1) + exact(x)[:, 0] * exact(d)[:, None], allowed
            yield exact(after), new, 1e-6

    def wkv(self):
        module = importlib.import_module("mlx_lm.models.rwkv7")
        r, k, v, a, b = (self.normal(2, 4, 3, 64, scale=0.3) for _ in range(5))
        w, state = self.uniform(0.5, 1, 2, 4, 3, 64), self.normal(2, 3, 64, 64)
        y, after = module.wkv7_kernel(r, w, k, v, a, b, state)
        s = exact(state)
        for t in range(4):
            now = {name: exact(array)[:, t] for name, array in zip("rkvabw", (r, k, v, a, b, w))}
            s = s * now["w"][:, :, None] + now["v"][..., None] * now["k"][:, :, None] + (s @ now["a"][..., None]) * now["b"][:, :, None]
            yield exact(y)[:, t], (s @ now["r"][..., None])[..., 0], 2e-6
        yield exact(after), s, 2e-6

    def routing(self):
        module = importlib.import_module("mlx_lm.kernels.expert_routing")
        logits, bias = self.normal(9, 200, dtype=mx.bfloat16), self.normal(200, scale=0.1)
        chosen, weights = module.expert_routing(logits, bias, top_k=6, multiplier=0.7, score_eps=1e-6, route_scale=2.5)
        scores = sigmoid(exact(logits) * 0.7)
        order = np.argsort(-(scores + exact(bias)), 1, kind="stable")[:, :6]
        best = np.take_along_axis(scores, order, 1)
        yield exact(chosen), order, 0
        yield exact(weights), best / (best.sum(1, keepdims=True) + 1e-6) * 2.5, 1e-6

    def norms(self):
        kernels = {name: importlib.import_module("mlx_lm.kernels." + name) for name in ("qk_norm", "qk_norm_rope", "rms_norm_sigmoid_gate")}
        for dim, dtype, allowed in ((64, mx.float32, 2e-6), (128, mx.float16, 2e-3)):
            x = self.normal(2, 7, 12 * dim, dtype=dtype)
            wanted = rms(exact(x)[..., :6 * dim].reshape(2, 7, 6, dim), 1e-5) * np.array([0.25] * 4 + [1] * 2)[:, None]
            heads = {"n_heads": 4, "n_kv_heads": 2, "head_dim": dim, "eps": 1e-5, "query_scale": 0.25}
            q, k = kernels["qk_norm"].qk_norm(x, **heads)
            yield np.concatenate([exact(q), exact(k)], 2), wanted, allowed
            q, k = kernels["qk_norm_rope"].qk_norm_rope(x, **heads, rope_base=10000.0, offset=mx.array([3, 11]))
            angles = (np.array([3, 11])[:, None] + np.arange(7))[..., None, None] * 10000.0 ** (-np.arange(0, dim, 2) / dim)
            turned = (wanted[..., ::2] + 1j * wanted[..., 1::2]) * np.exp(1j * angles)
            yield np.concatenate([exact(q), exact(k)], 2), np.stack([turned.real, turned.imag], -1).reshape(wanted.shape), allowed
            x, gate = self.normal(2, 3, 5, dim, dtype=dtype), self.normal(2, 5, 3 * dim, dtype=dtype)
            wanted = rms(exact(x), 1e-6).transpose(0, 2, 1, 3).reshape(2, 5, 3 * dim) * sigmoid(exact(gate))
            yield exact(kernels["rms_norm_sigmoid_gate"].rms_norm_sigmoid_gate(x, gate, eps=1e-6)), wanted, allowed

    def loss(self):
        """Its kernels keep sums where other simdgroups still read maxima: they get the barriers that are missing."""
        module = importlib.import_module("mlx_lm.tuner.losses")
        for kernel in (module._kl_forward_kernel, module._js_forward_kernel):
            kernel.source = re.sub(r"\n\s*if \(simd_lane_id == 0\)", rf"\n{BARRIER}\g<0>", kernel.source)
        for width, dtype, allowed in ((1000, mx.float32, 2e-6), (5001, mx.float16, 2e-3)):
            q, p = self.normal(6, width, dtype=dtype), self.normal(6, width, dtype=dtype)
            log_q, log_p = log_softmax(exact(q)), log_softmax(exact(p))
            yield exact(module._kl_div_loss(q, p)), (np.exp(log_p) * (log_p - log_q)).sum(-1), allowed
            mixed = np.log((np.exp(log_p) + np.exp(log_q)) / 2)
            wanted = (np.exp(log_p) * (log_p - mixed)).sum(-1) + (np.exp(log_q) * (log_q - mixed)).sum(-1)
            yield exact(module._js_div_loss(q, p)[0]), wanted / 2, allowed

    def ternary(self):
        module = importlib.import_module("mlx_lm.models.bitlinear_layers")
        for dtype, allowed in ((mx.float32, 1e-6), (mx.bfloat16, 1e-2)):
            weights = self.random.integers(-1, 2, (64, 256))
            layer = module.BitLinear(256, 64, bias=False)
            layer.weight = mx.array(((weights.reshape(4, 16, 256) + 1) << np.array([0, 2, 4, 6])[:, None, None]).sum(0).astype(np.uint8))
            layer.weight_scale = mx.array([1.5]).astype(dtype)
            x = self.normal(3, 256, dtype=dtype)
            yield exact(layer(x)), exact(x) @ weights.T * 1.5, allowed

    def sinkhorn(self):
        module = importlib.import_module("mlx_lm.models.deepseek_v41")
        start = self.uniform(0.1, 2, 50, 4, 4)
        wanted = exact(start)
        for step in range(11):
            wanted = wanted / (wanted.sum(-1 if step % 2 else -2, keepdims=True) + 1e-6)
        yield exact(module._sinkhorn(start, iters=6, eps=mx.array([1e-6]))), wanted, 1e-6


def compare(description, load, cases):
    """Runs cases(), name -> a function that yields (found, wanted, allowed), a line for each; the exit code."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anymetal", type=lambda name: pathlib.Path(name).absolute(), required=True)
    parser.add_argument("--device", default="cpu", help="cpu or cuda:0")
    parser.add_argument("--cases", default="", help="parts of names, with commas: those cases only")
    parser.add_argument("--folder", type=pathlib.Path, help="where the packages are kept (default: thrown away)")
    options = parser.parse_args()
    wanted_parts = [part for part in options.cases.split(",") if part]
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or pathlib.Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        load(folder)
        Kernel.runs = (options.anymetal, options.device, kernel_libraries.mlx_headers(folder), tempfile.mkdtemp(dir=folder))
        chosen = {name: case for name, case in cases().items() if not wanted_parts or any(part in name for part in wanted_parts)}
        good = results = 0
        for name, case in chosen.items():
            errors, message = [], ""
            try:
                for found, wanted, allowed in case():
                    largest = np.abs(wanted).max() or 1.0
                    errors.append(np.abs(found - wanted).max() / largest if np.shape(found) == np.shape(wanted) else np.inf)
                    if not errors[-1] <= allowed:
                        message = message or f"  error {errors[-1]:.2e} of the largest value, {allowed:.0e} allowed, in result {len(errors)}"
            except RuntimeError as failure:
                message = f"  {failure}"
            good += not message
            results += len(errors)
            print(f"{name:12} {len(errors):3} results, {max(errors, default=0):.1e}{message}", flush=True)
        print(f"{good} of {len(chosen)} compute what they should, {results} results of {len(Kernel.kernels)} kernels")
    return 0 if good == len(chosen) and chosen else 1


def main():
    names = [n for n in vars(Cases) if not n.startswith("_") and n not in ("normal", "uniform", "delta_steps")]
    return compare(__doc__, load, lambda: {name: getattr(Cases(), name) for name in names})


if __name__ == "__main__":
    sys.exit(main())
