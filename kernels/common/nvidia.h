// Whether a kernel's form for NVIDIA GPUs is compiled in. ANYMETAL_EMULATE_NVIDIA asks for it on other devices.
#pragma once
#include <metal_stdlib>

#if defined(__MSL_NVPTX__) || defined(ANYMETAL_EMULATE_NVIDIA)
#define ANYMETAL_NVIDIA 1
#include <anymetal_nvidia>
#endif
