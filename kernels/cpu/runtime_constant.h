// Numbers that kernels read when they run, though they are known when they are compiled.
#pragma once
#include <metal_stdlib>

// `value`, made of function constants that decide nothing about the code: no loop's length, no branch of weight. Kernels that
// differ in such numbers only have the same code, which is compiled once.
extern "C" __attribute__((nothrow, const)) uint __msl_runtime_constant(uint value);
