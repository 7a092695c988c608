#!/usr/bin/env python3
"""Writes a Metal source of N kernel instantiations: make_instantiations.py N > many.metal

A reduction and an elementwise template over types, widths and operations, each instantiated under a name of its own: what
`anymetal compile --all` is measured with."""
import itertools
import sys

HEAD = """#include <metal_stdlib>
using namespace metal;
struct Add { template <typename T> T operator()(T a, T b) const thread { return a + b; } };
struct Mul { template <typename T> T operator()(T a, T b) const thread { return a * b; } };
struct Max { template <typename T> T operator()(T a, T b) const thread { return a > b ? a : b; } };
struct Min { template <typename T> T operator()(T a, T b) const thread { return a < b ? a : b; } };
template <typename T, typename Op, int N>
kernel void map(device const T* a [[buffer(0)]], device const T* b [[buffer(1)]], device T* o [[buffer(2)]],
                uint i [[thread_position_in_grid]]) {
  for (int k = 0; k < N; ++k) o[N * i + k] = Op()(a[N * i + k], b[N * i + k]);
}
"""
TYPES = ["float", "half", "bfloat", "int", "uint", "short", "ushort", "char", "uchar", "long", "ulong"]
OPERATIONS = ["Add", "Mul", "Max", "Min"]


def main() -> None:
    count = int(sys.argv[1])
    print(HEAD)
    variants = ((width, kind, operation) for width in itertools.count(1) for kind in TYPES for operation in OPERATIONS)
    for width, kind, operation in itertools.islice(variants, count):
        name = f"map_{operation.lower()}_{kind}_{width}"
        print(f'template [[host_name("{name}")]] kernel void map<{kind}, {operation}, {width}>'
              f"(device const {kind}*, device const {kind}*, device {kind}*, uint);")


main()
