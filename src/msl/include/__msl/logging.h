#pragma once
// <metal_logging>: messages are accepted and dropped.
#pragma clang system_header
#include "config.h"

namespace metal {

enum class log_type { debug, info, standard, error, fault };

struct os_log {
  __MSL_MEMBER constexpr os_log(const char*, const char*) {}
  template <class... A>
  __MSL_MEMBER void log_with_type(log_type, const char*, A...) const {}
  template <class... A>
  __MSL_MEMBER void log(const char*, A...) const {}
  template <class... A>
  __MSL_MEMBER void log_debug(const char*, A...) const {}
  template <class... A>
  __MSL_MEMBER void log_info(const char*, A...) const {}
  template <class... A>
  __MSL_MEMBER void log_error(const char*, A...) const {}
  template <class... A>
  __MSL_MEMBER void log_fault(const char*, A...) const {}
};

inline constexpr os_log os_log_default("", "");

}  // namespace metal
