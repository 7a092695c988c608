// Whether a kernel's form for NVIDIA GPUs is compiled in. ANYMETAL_EMULATE_NVIDIA asks for it on other devices; it is the
// compute capability whose instructions are emulated, times 10: 80 or 90.
#pragma once
#include <metal_stdlib>

#if defined(__MSL_NVPTX__) || defined(ANYMETAL_EMULATE_NVIDIA)
#define ANYMETAL_NVIDIA 1
#include <anymetal_nvidia>

namespace anymetal {

// Whether four simdgroups multiply together. Known when code is generated.
inline bool have_warpgroup_products() {
#if defined(ANYMETAL_EMULATE_NVIDIA)
  return ANYMETAL_EMULATE_NVIDIA >= 90;
#else
  return nvidia::has_warpgroup_products();
#endif
}

}  // namespace anymetal
#endif
