#pragma once
// Spelling helpers of the library headers; nothing here is visible to MSL code under a lower-case name.
#pragma clang system_header

// Every library function is inlined: back ends see only `__msl_` calls and LLVM intrinsics (docs/entry-ir.md).
#define __MSL_INLINE inline __attribute__((always_inline, nodebug))
#define __MSL_MEMBER __attribute__((always_inline, nodebug))

// The language's own name for the same, part of the public interface.
#define METAL_FUNC inline __attribute__((__always_inline__))

// The math functions have approximate instructions to use there.
#if defined(__NVPTX__)
#define __MSL_NVPTX__ 1
#endif
