"""Makes Metal kernels of Triton's by triton-msl and runs them, for triton_values.py."""

import hashlib
import pathlib
import re
import sys
import threading
import types

import numpy as np
import triton  # noqa: F401  (it imports its back ends; they cannot import it)
import triton_msl

sys.modules["triton_msl.inductor"] = types.ModuleType("triton_msl.inductor")  # its own needs PyTorch
sys.modules["triton_msl.inductor"].__path__ = [str(pathlib.Path(triton_msl.__file__).parent / "inductor")]

import triton_msl.backend.compiler as back_end  # noqa: E402
from triton._C.libtriton import ir  # noqa: E402
from triton.backends.compiler import GPUTarget  # noqa: E402
from triton.compiler.compiler import ASTSource  # noqa: E402
from triton_msl.backend import device_detect  # noqa: E402

TYPES = {"float32": "fp32", "float16": "fp16", "uint16": "bf16", "int32": "i32", "uint32": "u32", "int64": "i64", "int8": "i8", "uint8": "u8"}
BACK_END = back_end.MetalBackend(GPUTarget("metal", "apple-m4", 32))
ONE_AT_A_TIME = threading.Lock()
back_end._msl_cache_key = lambda *request: hashlib.sha256(repr(request).encode()).hexdigest()  # its own looks at a Mac's frameworks
device_detect._cached_info = device_detect.DeviceInfo("M4", "base", 10, 1024, "3.2", False, True, False, False)
back_end._stash_msl = lambda *_, **__: None


def metal(kernel, signature, constants, **options):
    """(the Metal text, what the host must know of it)"""
    source = ASTSource(kernel, signature, constants)
    chosen = BACK_END.parse_options(options)
    context = ir.context()
    ir.load_dialects(context)
    BACK_END.load_dialects(context)
    module = source.make_ir(BACK_END.target, chosen, BACK_END.get_codegen_implementation(chosen), BACK_END.get_module_map(), context)
    facts = chosen.__dict__ | {"name": kernel.__name__, "target": BACK_END.target}
    module = BACK_END.make_ttgir(BACK_END.make_ttir(module, facts, chosen), facts, chosen)
    return BACK_END.make_msl(module, facts, chosen), facts


def dispatch(run, kernel, arguments, outputs, grid, constants, **options):
    """Arrays and numbers in the order of the kernel's parameters -> the arrays at `outputs`."""
    names = [name for name in kernel.arg_names if name not in constants]
    signature = {name: "*" + TYPES[a.dtype.name] if isinstance(a, np.ndarray) else "fp32" if isinstance(a, float) else "i32"
                 for name, a in zip(names, arguments, strict=True)}
    with ONE_AT_A_TIME:
        text, facts = metal(kernel, {name: signature.get(name, "constexpr") for name in kernel.arg_names}, constants, **options)
    run.file = run.folder / f"{kernel.__name__}.metal"
    run.file.write_text(text)
    entry = re.search(r"kernel void (\w+)", text)[1]
    arrays = [a if isinstance(a, np.ndarray) else np.array([a], np.float32 if isinstance(a, float) else np.int32) for a in arguments]
    values = {int(i) for i in re.findall(r"constant \w+& \w+ \[\[buffer\((\d+)\)", text)}  # numbers of some kernels are pointers
    bytes_ = {i: a.tobytes() for i, a in enumerate(arrays) if i in values}
    return run.run(entry, {i: a for i, a in enumerate(arrays) if i not in values}, outputs, grid, (facts["block_size"], 1, 1), bytes_=bytes_)


def empty(*shape, dtype=np.float32):
    array = np.empty(shape, dtype)
    array.view(np.uint8)[...] = 0xff
    return array


def bfloat(array):
    """The bits of the nearest bfloat16 values."""
    words = array.astype(np.float32).view(np.uint32)
    return ((words + 0x7fff + (words >> 16 & 1)) >> 16).astype(np.uint16)


def value(array):
    return (array.astype(np.uint32) << 16).view(np.float32).astype(float) if array.dtype == np.uint16 else array.astype(float)


KINDS = {"f32": (lambda a: a.astype(np.float32), 1e-5), "f16": (lambda a: a.astype(np.float16), 2e-3), "bf16": (bfloat, 1.6e-2)}
