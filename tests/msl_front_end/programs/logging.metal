// Logging behind the version
#include <metal_stdlib>
using namespace metal;
#if defined(__METAL_VERSION__) && (__METAL_VERSION__ >= 320)
#include <metal_logging>
using log_t = metal::os_log;
#else
struct log_t { constexpr log_t(constant char*, constant char*) constant {} template <typename... A> void log_debug(constant char*, A...) const constant {} };
#endif
constant log_t logger("area", "x42");
kernel void x42(device float* o [[buffer(0)]], uint i [[thread_position_in_grid]]) { if (o[i] < 0) logger.log_debug("bad %u", i); o[i] += 1; }
