#pragma once
// <metal_compute>: barriers and the memories they order.
#pragma clang system_header
#include "intrinsics.h"
#include "scalars.h"

namespace metal {

enum class mem_flags : uint {
  mem_none = 0,
  mem_device = 1,
  mem_threadgroup = 2,
  mem_texture = 4,
  mem_threadgroup_imageblock = 8,
  mem_object_data = 16,
};

__MSL_INLINE constexpr mem_flags operator|(mem_flags a, mem_flags b) {
  return static_cast<mem_flags>(static_cast<uint>(a) | static_cast<uint>(b));
}
__MSL_INLINE constexpr mem_flags operator&(mem_flags a, mem_flags b) {
  return static_cast<mem_flags>(static_cast<uint>(a) & static_cast<uint>(b));
}

// convergent: the call itself, until it is inlined, may not be duplicated into branches either.
__MSL_INLINE __attribute__((convergent)) void threadgroup_barrier(mem_flags flags) {
  __msl_threadgroup_barrier(static_cast<uint>(flags));
}
__MSL_INLINE __attribute__((convergent)) void simdgroup_barrier(mem_flags flags) {
  __msl_simdgroup_barrier(static_cast<uint>(flags));
}

}  // namespace metal
