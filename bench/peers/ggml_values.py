"""Known answers for llama.cpp's Metal kernels, dispatched as its host code does."""

import ctypes
import re

import numpy as np

import block_formats

C_TYPES = {"int": ctypes.c_int32, "int16_t": ctypes.c_int16, "int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64, "uint64_t": ctypes.c_uint64, "size_t": ctypes.c_uint64,
           "float": ctypes.c_float, "bool": ctypes.c_bool}
ARGUMENTS = {}
# Rows of a simdgroup, simdgroups, bytes of threadgroup memory: of mat-vec kernels.
MUL_MV = {"q4_0": (4, 2, 0), "q4_1": (4, 2, 0), "q5_0": (4, 2, 0), "q5_1": (4, 2, 0), "q8_0": (2, 4, 256), "mxfp4": (2, 2, 128), "iq4_nl": (2, 2, 128),
          "q2_K": (4, 2, 0), "q3_K": (2, 2, 0), "q4_K": (2, 2, 0), "q5_K": (1, 2, 0), "q6_K": (2, 2, 0), "iq4_xs": (2, 2, 128)}


def read_arguments(header):
    """Makes a structure of each `typedef struct` of the library's arguments."""
    for body, name in re.findall(r"typedef struct\s*\{([^}]*)\}\s*ggml_metal_kargs_(\w+);", header.read_text()):
        fields = re.findall(r"^\s*(\w+)\s+(\w+)(?:\[(\d+)\])?;", body, re.M)
        ARGUMENTS[name] = type(name, (ctypes.Structure,), {"_fields_": [(f, C_TYPES[t] * int(n) if n else C_TYPES[t]) for t, f, n in fields]})


def arguments(name, **values):
    made = ARGUMENTS[name]()
    for field, value in values.items():
        setattr(made, field, tuple(value) if isinstance(value, list) else value)
    return {0: bytes(made)}


def strides(prefix, shape, row_bytes, element=None):
    """nbX0.. of a dense tensor whose shape is written from the innermost extent on."""
    found = {prefix + "1": row_bytes, prefix + "2": row_bytes * shape[1], prefix + "3": row_bytes * shape[1] * shape[2]}
    if element is not None:
        found[prefix + "0"] = element
    return found


def bf16(values):
    """Rounded to nearest, as u16, and the values."""
    bits = np.asarray(values, np.float32).view(np.uint32).astype(np.uint64)
    words = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
    return words, (words.astype(np.uint32) << 16).view(np.float32).astype(float)


def weights(random, name, rows, elements):
    """(what the kernel reads, values, bytes of a row, bytes of an element or block)"""
    if name in block_formats.BLOCKS:
        blocks = block_formats.random_blocks(random, name, (rows, elements // block_formats.BLOCKS[name][1]))
        return blocks.reshape(-1), block_formats.decode(name, blocks), blocks[0].size, blocks.shape[-1]
    values = random.standard_normal((rows, elements))
    if name == "bf16":
        words, exact = bf16(values)
        return words, exact, 2 * elements, 2
    data = values.astype(np.float16 if name == "f16" else np.float32)
    return data, data.astype(float), data[0].nbytes, data.itemsize


def unset(*shape, dtype=np.float32):
    return np.full(shape, np.nan, dtype)


def product_arguments(elements, rows, columns, batch, row_bytes, block):
    """What mat-vec and mat-mat share: one weight matrix for `batch` matrices of activations."""
    x = {"ne10": elements, "ne11": columns, "ne12": batch, **strides("nb1", (elements, columns, batch), 4 * elements, 4)}
    return {"ne00": elements, "ne01": rows, "ne02": 1, **strides("nb0", (elements, rows, 1), row_bytes, block), **x, "ne0": rows, "ne1": columns,
            "r2": batch, "r3": 1}


def product(kernel, elements, rows, columns, batch, name, suffix=""):
    def work(run, random):
        data, w, row_bytes, block = weights(random, name, rows, elements)
        x = random.standard_normal((batch, columns, elements)).astype(np.float32)
        values = product_arguments(elements, rows, columns, batch, row_bytes, block)
        memory, constants = {}, {}
        if kernel == "mul_mv_ext":
            entry, tolerance, per_row = f"kernel_mul_mv_ext_{name}_f32_r1_4", 1e-5, 8
            grid, group = (-(-rows // (32 // per_row * 2)), -(-columns // 4), batch), (32, 2, 1)
            constants = {600: "short:2", 601: f"short:{per_row}"}
        elif kernel == "mul_mm":
            entry, tolerance = f"kernel_mul_mm_{name}_f32", 6e-3 if name == "bf16" else 1e-3
            outside = rows % 64 != 0 or columns % 32 != 0
            grid, group = (-(-columns // 32), -(-rows // 64), batch), (128, 1, 1)
            constants = {700: f"bool:{str(elements % 32 != 0).lower()}", 701: f"bool:{str(outside).lower()}"}
            memory = {0: 8192 if outside else 6144}
        else:
            entry, tolerance = f"kernel_mul_mv_{name}_f32{suffix}", 1e-5
            own, groups, bytes_ = MUL_MV.get(name, (2, min(4, -(-elements // 128)), 256))
            values["nr0"] = own
            together = own if name in ("f32", "f16", "bf16", "q8_0") else own * groups
            grid, group, memory = (-(-rows // together), columns, batch), (32, groups, 1), {0: max(bytes_, 16)}
            constants = {600: f"short:{groups}"}
        allowed = {field for field, _ in ARGUMENTS[kernel]._fields_}
        found = run.run(entry, {1: data, 2: x, 3: unset(batch, columns, rows)}, [3], grid, group, constants,
                        arguments(kernel, **{k: v for k, v in values.items() if k in allowed}), memory)
        run.compare(found, x.astype(float) @ w.T, tolerance)
    return work


def get_rows(name):
    def work(run, random):
        rows, elements = 24, 512
        data, w, row_bytes, _ = weights(random, name, rows, elements)
        index = random.integers(0, rows, 9).astype(np.int32)
        values = arguments("get_rows", ne00t=elements // 16, ne00=elements, **strides("nb0", (elements, rows, 1), row_bytes), ne10=9, nb10=4, nb11=36, nb12=36,
                           **strides("nb", (elements, 9, 1), 4 * elements))
        found = run.run(f"kernel_get_rows_{name}", {1: data, 2: index, 3: unset(9, elements)}, [3], (9, 1, 1), (elements // 16, 1, 1), None, values)
        run.compare(found, w[index], 1e-6)
    return work


def softmax(scores, sinks=None):
    """Over the last axis; a sink takes its part and is no result."""
    most = scores.max(-1, keepdims=True)
    if sinks is not None:
        most = np.maximum(most, sinks)
    parts = np.exp(scores - most)
    return parts / (parts.sum(-1, keepdims=True) + (0 if sinks is None else np.exp(sinks - most)))


def slopes_of(heads, bias):
    """What a head multiplies its mask with, and the fields that say so."""
    below = 1 << (heads.bit_length() - 1)
    m0, m1 = 2.0 ** (-bias / below), 2.0 ** (-bias / 2 / below)
    slopes = np.array([m0 ** (h + 1) if h < below else m1 ** (2 * (h - below) + 1) for h in range(heads)])
    return slopes if bias else np.ones(heads), {"max_bias": bias, "m0": m0, "m1": m1, "n_head_log2": below}


def random_mask(random, rows, keys):
    """f16: some are -inf, the first key of a row never."""
    mask = np.where(random.random((rows, keys)) < 0.3, -np.inf, random.standard_normal((rows, keys))).astype(np.float16)
    mask[:, 0] = 0
    return mask


def soft_max(suffix, elements, bias):
    def work(run, random):
        rows, heads = 5, 6
        x = random.standard_normal((2, heads, rows, elements)).astype(np.float32)
        mask, sinks = random_mask(random, rows, elements), random.standard_normal(heads).astype(np.float32)
        slopes, fields = slopes_of(heads, bias)
        shape = (elements, rows, heads)
        values = arguments("soft_max", ne00=elements, ne01=rows, ne02=heads, **strides("nb0", shape, 4 * elements), ne11=rows, ne12=1, ne13=1, scale=0.3,
                           **strides("nb1", (elements, rows, 1), 2 * elements), **strides("nb", shape, 4 * elements), **fields)
        found = run.run("kernel_soft_max_f16" + suffix, {1: x, 2: mask, 3: sinks, 4: unset(*x.shape)}, [4], (rows, heads, 2), (64, 1, 1), None, values, {0: 128})
        scores = np.float32(0.3) * x.astype(float) + slopes[:, None, None] * mask.astype(float)
        run.compare(found, softmax(scores, sinks[None, :, None, None]), 1e-5)
    return work


def norm(kind, fused, elements):
    def work(run, random):
        rows, planes = 7, 3
        x = random.standard_normal((planes, rows, elements)).astype(np.float32) + np.float32(0.5)
        factor, term = random.standard_normal((2, elements)).astype(np.float32)
        suffix = "_4" if elements % 4 == 0 else ""
        parts = elements // 4 if suffix else elements
        rows_of = [[rows, 1, 1], [planes, 1, 1], [1, 1, 1]]
        values = arguments("norm", ne00=elements, ne00_t=parts, **strides("nb", (elements, rows, planes), 4 * elements), eps=1e-5, nef1=rows_of[0], nef2=rows_of[1],
                           nef3=rows_of[2], nbf1=[4 * elements] * 3, nbf2=[4 * elements * rows, 4 * elements, 4 * elements],
                           nbf3=[4 * elements * rows * planes, 4 * elements, 4 * elements])
        found = run.run(f"kernel_{kind}{fused}_f32{suffix}", {1: x, 2: factor, 3: term, 4: unset(*x.shape)}, [4], (rows, planes, 1), (min(parts, 256), 1, 1), None,
                        values, {0: 128})
        y = x.astype(float)
        if kind == "norm":
            y -= y.mean(-1, keepdims=True)
        y /= np.sqrt((y * y).mean(-1, keepdims=True) + np.float32(1e-5))
        run.compare(found, y * (factor if "mul" in fused else 1) + (term if "add" in fused else 0), 1e-5)
    return work


def rope(kind, dtype, sections=(0, 0, 0, 0), interleaved=False):
    def work(run, random):
        heads, tokens, dim, turned = 3, 6, 96, 64
        x = random.standard_normal((tokens, heads, dim)).astype(dtype)
        positions = random.integers(0, 3000, (4, tokens)).astype(np.int32)
        factors = (1 + random.random(turned // 2)).astype(np.float32)
        shape, row = (dim, heads, tokens), x[0, 0].nbytes
        values = arguments("rope", ne00=dim, ne01=heads, ne02=tokens, ne03=1, **strides("nb0", shape, row, x.itemsize), ne0=dim, ne1=heads, ne2=tokens, ne3=1,
                           **strides("nb", shape, row, x.itemsize), n_dims=turned, n_ctx_orig=4096, freq_base=10000, freq_scale=1, attn_factor=1, beta_fast=32,
                           beta_slow=1, sect_0=sections[0], sect_1=sections[1], sect_2=sections[2], sect_3=sections[3], src2=True)
        name = f"kernel_rope_{kind}_{'f16' if dtype == np.float16 else 'f32'}"
        found = run.run(name, {1: x, 2: positions, 3: factors, 4: unset(*x.shape, dtype=dtype)}, [4], (heads, tokens, 1), (dim, 1, 1),
                        {800: f"bool:{str(interleaved).lower()}"}, values)
        pair = np.arange(turned // 2)
        axis = np.zeros(turned // 2, int)
        if kind == "multi":
            place, ends = pair % sum(sections), np.cumsum(sections)
            if interleaved:
                axis = np.where(place < 3 * np.array(sections)[place % 3], place % 3, 3)
            else:
                axis = (place[:, None] >= ends[:3]).sum(-1)
        angle = positions[axis].T * 10000.0 ** (-2 * pair / turned) / factors.astype(float)  # [token, pair]
        cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
        first, second = (2 * pair, 2 * pair + 1) if kind == "norm" else (pair, pair + turned // 2)
        y = x.astype(float)
        a, b = y[..., first].copy(), y[..., second].copy()
        y[..., first], y[..., second] = a * cos - b * sin, a * sin + b * cos
        run.compare(found, y, 1e-3)  # an angle of 3000 in float is off by 1e-4
    return work


def argsort(order, elements):
    def work(run, random):
        rows, threads = 3, min(1024, 1 << (elements - 1).bit_length())
        x = np.stack([random.permutation(elements) for _ in range(rows)]).astype(np.float32) - 100
        shape = {"ne00": elements, "ne01": rows, "ne02": 1, "ne03": 1, **strides("nb0", (elements, rows, 1), 4 * elements, 4), "ne0": elements, "ne1": rows, "ne2": 1,
                 "ne3": 1}
        parts = -(-elements // threads)
        nothing = np.full((rows, elements), -1, np.int32)
        found = run.run(f"kernel_argsort_f32_i32_{order}", {1: x, 2: nothing}, [2], (parts * rows, 1, 1), (threads, 1, 1), None,
                        arguments("argsort", top_k=threads, **shape), {0: 4 * threads})
        length = threads
        while length < elements:
            merges = -(-elements // (2 * length))
            found = run.run(f"kernel_argsort_merge_f32_i32_{order}", {1: x, 2: found, 3: nothing}, [3], (merges * rows, 1, 1), (512, 1, 1), None,
                            arguments("argsort_merge", top_k=elements, len=length, **shape))
            length *= 2
        run.compare(found, np.argsort(x if order == "asc" else -x, axis=-1), 0)
    return work


class Attention:
    """Queries [heads, queries, dim] f32 over keys and values [kv heads, keys, dim] of any format."""

    def __init__(self, random, name, dim, queries, keys, sinks, softcap, bias):
        self.heads, self.kv_heads, self.dim, self.queries, self.keys, self.name = 4, 2, dim, queries, keys, name
        self.q = random.standard_normal((self.heads, queries, dim)).astype(np.float32)
        self.k, k, self.row, self.element = weights(random, name, self.kv_heads * keys, dim)
        self.v, v, _, _ = weights(random, name, self.kv_heads * keys, dim)
        if name in block_formats.BLOCKS:  # their values are small or large, scores should not be
            self.scale = float(1 / (k.std() * dim ** 0.5))
        else:
            self.scale = dim ** -0.5
        self.mask = random_mask(random, queries, keys)
        self.sinks = random.standard_normal(self.heads).astype(np.float32) if sinks else None
        self.softcap = softcap
        slopes, fields = slopes_of(self.heads, bias)
        k, v = (np.repeat(a.reshape(self.kv_heads, keys, dim), self.heads // self.kv_heads, 0) for a in (k, v))
        scores = self.q.astype(float) @ k.transpose(0, 2, 1) * self.scale
        if softcap:
            scores = softcap * np.tanh(scores / softcap)
        p = softmax(scores + slopes[:, None, None] * self.mask.astype(float), None if self.sinks is None else self.sinks[:, None, None])
        self.wanted = (p @ v).transpose(1, 0, 2)  # [query, head, dim]
        plane = self.row * keys
        self.cache = {"ne11": keys, "ne_12_2": self.kv_heads, "ne_12_3": 1, "nb11": self.row, "nb12": plane, "nb13": plane * self.kv_heads, "nb21": self.row, "nb22": plane,
                      "nb23": plane * self.kv_heads, "ne31": queries, "ne32": 1, "ne33": 1, **strides("nb3", (keys, queries, 1), 2 * keys)}
        self.fields = {"ne01": queries, "ne02": self.heads, "ne03": 1, **strides("nb0", (dim, queries, self.heads), 4 * dim), **self.cache, "ns10": self.row // self.element,
                       "ns20": self.row // self.element, "ne1": self.heads, "ne2": queries, "ne3": 1, "scale": self.scale / softcap if softcap else self.scale,
                       "logit_softcap": softcap, **fields}
        self.has_bias = bias != 0

    def constants(self, first, keys_together, more):
        flags = (True, self.sinks is not None, self.has_bias, self.softcap != 0, self.keys % keys_together != 0)
        found = {first + i: f"bool:{str(f).lower()}" for i, f in enumerate(flags)}
        return found | {first + 20: f"int:{self.row // self.element}", first + 21: f"int:{self.row // self.element}"} | more

    def padded(self, run, keys_together):
        """The keys, values and mask of the last, ragged part."""
        size = keys_together * (2 * self.row * self.kv_heads + 2 * self.queries)
        pad = np.zeros(size, np.uint8)
        if self.keys % keys_together == 0:
            return pad
        return run.run("kernel_flash_attn_ext_pad", {1: self.k, 2: self.v, 3: self.mask, 4: pad}, [4], (keys_together, self.kv_heads, 1), (32, 1, 1),
                       {100: "bool:true", 125: f"int:{keys_together}"}, arguments("flash_attn_ext_pad", **self.cache))

    def inputs(self):
        return {1: self.q, 2: self.k, 3: self.v, 4: self.mask, 5: self.q if self.sinks is None else self.sinks}


def padded_to(value, multiple):
    return -(-value // multiple) * multiple


def flash_attention(name, dim, queries, keys, sinks=False, softcap=0, bias=0):
    def work(run, random):
        a = Attention(random, name, dim, queries, keys, sinks, softcap, bias)
        parts, blocks = -(-queries // 8), -(-keys // 64)
        whole = np.concatenate([a.mask.reshape(-1), np.zeros(8 * keys, np.float16)])  # the last block of queries is read beyond the last query
        mask_blocks = run.run("kernel_flash_attn_ext_blk", {1: whole, 2: np.zeros(padded_to(parts * blocks, 32), np.int8)}, [2], (blocks, parts, 1), (32, 1, 1),
                              {224: "int:8", 225: "int:64"},
                              arguments("flash_attn_ext_blk", ne01=queries, ne30=keys, ne31=queries, ne32=1, ne33=1, **strides("nb3", (keys, queries, 1), 2 * keys)))
        groups = 8 if dim >= 512 else 4
        memory = 2 * (8 * (dim + 2 * padded_to(dim, 64) + 256) + (16 * 32 * groups if name in block_formats.BLOCKS else 0))
        found = run.run(f"kernel_flash_attn_ext_{name}_dk{dim}_dv{dim}", a.inputs() | {6: a.padded(run, 64), 7: mask_blocks, 8: unset(queries, a.heads, dim)}, [8],
                        (parts, a.heads, 1), (32, groups, 1), a.constants(300, 64, {310: f"bool:{str(queries % 8 != 0).lower()}", 322: f"int:{groups}"}),
                        arguments("flash_attn_ext", **a.fields), {0: padded_to(memory, 16)})
        run.compare(found, a.wanted, 8e-3 if name == "bf16" else 1e-3)
    return work


def flash_attention_vec(name, dim, keys, sinks=False, softcap=0, bias=0):
    def work(run, random):
        a = Attention(random, name, dim, 2, keys, sinks, softcap, bias)
        workgroups, groups = 32, 2
        memory = 2 * groups * (padded_to(dim, 128) + 128 + 2 * padded_to(dim, 128))
        rows = a.queries * a.heads
        parts = run.run(f"kernel_flash_attn_ext_vec_{name}_dk{dim}_dv{dim}", a.inputs() | {6: a.padded(run, 32), 7: unset(rows * workgroups * (dim + 2))}, [7],
                        (a.queries, a.heads, workgroups), (32, groups, 1), a.constants(400, 32, {422: f"int:{groups}", 423: f"int:{workgroups}"}),
                        arguments("flash_attn_ext_vec", **a.fields), {0: padded_to(memory, 16)})
        found = run.run("kernel_flash_attn_ext_vec_reduce", {1: parts, 2: unset(rows, dim)}, [2], (rows, 1, 1), (32 * workgroups, 1, 1),
                        {500: f"int:{dim}", 501: f"int:{workgroups}"}, arguments("flash_attn_ext_vec_reduce", nrows=rows))
        run.compare(found, a.wanted, 8e-3 if name == "bf16" else 1e-3)
    return work


def cases():
    """(name, work(runner, random generator))"""
    for name in block_formats.BLOCKS:
        yield f"mul_mv {name}", product("mul_mv", 512, 40, 2, 2, name)
        yield f"mul_mm {name}", product("mul_mm", 512, 70, 41, 2, name)
        yield f"get_rows {name}", get_rows(name)
        if name != "iq4_xs":
            yield f"mul_mv_ext {name}", product("mul_mv_ext", 512, 44, 4, 2, name)
    for name in ("f32", "f16", "bf16"):
        yield f"mul_mv {name}", product("mul_mv", 130, 30, 3, 2, name)
        yield f"mul_mv_4 {name}", product("mul_mv", 516, 30, 3, 2, name, "_4")
        yield f"mul_mm {name}", product("mul_mm", 96, 64, 32, 3, name)
        yield f"mul_mm {name}, ragged", product("mul_mm", 84, 70, 41, 2, name)
    for suffix, elements in (("", 131), ("_4", 600)):
        yield f"soft_max{suffix}", soft_max(suffix, elements, 0)
        yield f"soft_max{suffix}, bias", soft_max(suffix, elements, 8)
    for kind in ("norm", "rms_norm"):
        for fused in ("", "_mul", "_mul_add"):
            yield f"{kind}{fused}", norm(kind, fused, 301)
            yield f"{kind}{fused}_4", norm(kind, fused, 640)
    for dtype in (np.float32, np.float16):
        yield f"rope_norm {dtype.__name__}", rope("norm", dtype)
        yield f"rope_neox {dtype.__name__}", rope("neox", dtype)
        yield f"rope_multi {dtype.__name__}", rope("multi", dtype, (10, 8, 8, 6))
        yield f"rope_multi {dtype.__name__}, interleaved", rope("multi", dtype, (11, 11, 10, 0), True)
    for order in ("asc", "desc"):
        for elements in (100, 3000):
            yield f"argsort {order} {elements}", argsort(order, elements)
    for name in ("f16", "bf16", "q4_0", "q8_0"):
        yield f"flash_attn {name}", flash_attention(name, 128, 24, 192)
        yield f"flash_attn {name}, ragged, sinks", flash_attention(name, 128, 19, 150, sinks=True)
        yield f"flash_attn_vec {name}", flash_attention_vec(name, 128, 3000)
        yield f"flash_attn_vec {name}, ragged, softcap", flash_attention_vec(name, 64, 777, softcap=5)
    yield "flash_attn f16, 256, bias, softcap", flash_attention("f16", 256, 16, 128, softcap=4, bias=8)
