#pragma once
/// \file
/// Where anymetal's own messages go.

#include <anymetal/error.hpp>
#include <functional>
#include <string_view>

namespace anymetal {

/// A message is one sentence without a newline.
using LogCallback = std::function<void(Severity, std::string_view)>;

/// From now on `callback` is told what else would be written to standard error: a damaged cache entry, a directory or
/// file that cannot be used. Each trouble is told once per registry, not per request. Empty: standard error again.
/// For the whole process. Messages may come from any thread, several at once; one on its way may still reach the callback
/// before.
/// Thread contract: safe from any thread.
/// \code
///   anymetal::set_log_callback([](anymetal::Severity, std::string_view text) { my_log.warn(text); });
/// \endcode
void set_log_callback(LogCallback callback);

}  // namespace anymetal
