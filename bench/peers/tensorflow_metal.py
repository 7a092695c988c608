"""Finds and runs the Metal kernels of a TensorFlow plug-in, for tensorflow_values.py."""

import re
import struct
import tarfile

import numpy as np

import kernel_libraries

PACKAGE = ("tensorflow-metal-plugin==0.4.1", [])
SEED, COUNTER = (0x12345678, 0x9abcdef0), 5
GROUP = 64
KINDS = [("float", np.float32, 2e-6), ("half", np.float16, 1e-3)]


def program(folder):
    """The file of the kernels."""
    file = folder / "tensorflow.metal"
    if not file.exists():
        with tarfile.open(kernel_libraries.fetch(*PACKAGE, folder)) as archive:
            member = next(m for m in archive if m.name.endswith("/metal_shader_library.mm"))
            file.write_text(re.search(r'R"(\w*)\((.*?)\)\1"', archive.extractfile(member).read().decode(), re.S)[2])
    return file


def dispatch(run, entry, arrays, outputs, threads, parameters):
    """Arrays by position, then the parameters: int, negative ints and floats of four bytes."""
    words = b"".join(struct.pack("<f" if isinstance(p, float) else "<i" if p < 0 else "<I", p) for p in parameters)
    return run.run(entry, dict(enumerate(arrays)), outputs, (-(-threads // GROUP), 1, 1), (GROUP, 1, 1), bytes_={len(arrays): words})


def empty(*shape, dtype=np.float32):
    array = np.empty(shape, dtype)
    array.view(np.uint8)[...] = 0xff
    return array


def zeros(*shape):
    return np.zeros(shape, np.float32)


def normal(random, *shape, dtype=np.float32):
    return random.standard_normal(shape).astype(dtype)
