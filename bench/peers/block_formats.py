"""Blocks of quantised weights as numbers, from the layouts of their bytes."""

import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "nvidia"))
from measure import BLOCKS, random_blocks  # noqa: E402, F401

IQ4 = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], float)
FP4 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6])


def decode(name, blocks):
    """f64 [rows, elements] of u8 [rows, blocks, bytes]."""
    values = globals()["_" + name](blocks)
    return values.reshape(len(blocks), -1)


def _f16(b, at):
    return np.ascontiguousarray(b[..., at:at + 2]).view(np.float16).astype(float)


def _nibbles(bytes_):
    """Low nibbles, then high nibbles."""
    return np.concatenate([bytes_ & 15, bytes_ >> 4], -1).astype(int)


def _fifth_bits(b, at):
    """32 of them, lowest first, times 16."""
    return 16 * np.unpackbits(b[..., at:at + 4], axis=-1, bitorder="little").astype(int)


def _q4_0(b):
    return _f16(b, 0) * (_nibbles(b[..., 2:]) - 8)


def _q4_1(b):
    return _f16(b, 0) * _nibbles(b[..., 4:]) + _f16(b, 2)


def _q5_0(b):
    return _f16(b, 0) * (_nibbles(b[..., 6:]) + _fifth_bits(b, 2) - 16)


def _q5_1(b):
    return _f16(b, 0) * (_nibbles(b[..., 8:]) + _fifth_bits(b, 4)) + _f16(b, 2)


def _q8_0(b):
    return _f16(b, 0) * b[..., 2:].view(np.int8)


def _iq4_nl(b):
    return _f16(b, 0) * IQ4[_nibbles(b[..., 2:])]


def _mxfp4(b):
    return 2.0 ** (b[..., :1].astype(int) - 127) * FP4[_nibbles(b[..., 1:])]


def _pairs(b, at):
    """2-bit codes [.., 2 halves, 4 shifts, 32]."""
    halves = b[..., at:at + 64].reshape(*b.shape[:-1], 2, 1, 32)
    return (halves >> np.arange(0, 8, 2, dtype=np.uint8)[:, None] & 3).astype(int)


def _spread(scales):
    """A scale for 16 elements each: [.., 16] to [.., 2, 4, 32]."""
    return np.repeat(scales, 16, -1).reshape(*scales.shape[:-1], 2, 4, 32)


def _q2_K(b):
    scales = b[..., :16]
    d, least = _f16(b, 80)[..., None, None], _f16(b, 82)[..., None, None]
    return d * _spread((scales & 15).astype(float)) * _pairs(b, 16) - least * _spread((scales >> 4).astype(float))


def _q3_K(b):
    packed = b[..., 96:108].astype(int)
    low = np.concatenate([packed[..., :8] & 15, packed[..., :8] >> 4], -1)
    high = np.concatenate([packed[..., 8:] >> shift & 3 for shift in (0, 2, 4, 6)], -1)
    masks = b[..., :32].reshape(*b.shape[:-1], 1, 1, 32) >> np.arange(8, dtype=np.uint8).reshape(2, 4, 1) & 1
    return _f16(b, 108)[..., None, None] * _spread((low | high << 4) - 32.0) * (_pairs(b, 32) - 4 + 4 * masks.astype(int))


def _six_bits(b, at):
    """Eight scales and eight minima of 6 bits."""
    p = b[..., at:at + 12].astype(int)
    scales = np.concatenate([p[..., :4] & 63, p[..., 8:] & 15 | p[..., :4] >> 6 << 4], -1)
    return scales[..., None], np.concatenate([p[..., 4:8] & 63, p[..., 8:] >> 4 | p[..., 4:8] >> 6 << 4], -1)[..., None]


def _k_codes(b, at):
    """Low and high nibbles of 32 bytes each: [.., 8, 32]."""
    quarters = b[..., at:at + 128].reshape(*b.shape[:-1], 4, 1, 32)
    return (quarters >> np.array([0, 4], np.uint8)[:, None] & 15).astype(int).reshape(*b.shape[:-1], 8, 32)


def _q4_K(b):
    scales, minima = _six_bits(b, 4)
    return _f16(b, 0)[..., None] * scales * _k_codes(b, 16) - _f16(b, 2)[..., None] * minima


def _q5_K(b):
    scales, minima = _six_bits(b, 4)
    fifth = b[..., None, 16:48] >> np.arange(8, dtype=np.uint8)[:, None] & 1
    return _f16(b, 0)[..., None] * scales * (_k_codes(b, 48) + 16 * fifth.astype(int)) - _f16(b, 2)[..., None] * minima


def _q6_K(b):
    low = b[..., :128].reshape(*b.shape[:-1], 2, 1, 64)
    low = (low >> np.array([0, 4], np.uint8)[:, None] & 15).reshape(*b.shape[:-1], 2, 4, 32).astype(int)
    scales = b[..., 192:208].view(np.int8).astype(float)
    return _f16(b, 208)[..., None, None] * _spread(scales) * ((low | _pairs(b, 128) << 4) - 32)


def _iq4_xs(b):
    high = np.ascontiguousarray(b[..., 2:4]).view(np.uint16).astype(int)
    low = (b[..., 4:8, None] >> np.array([0, 4], np.uint8) & 15).reshape(*b.shape[:-1], 8).astype(int)
    scales = (low | (high >> np.arange(0, 16, 2) & 3) << 4) - 32
    return _f16(b, 0)[..., None] * scales[..., None] * IQ4[_nibbles(b[..., 8:].reshape(*b.shape[:-1], 8, 16))]
