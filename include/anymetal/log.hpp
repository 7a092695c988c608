#pragma once
/// \file
/// Where anymetal's own messages go.

#include <anymetal/error.hpp>
#include <functional>
#include <string_view>

namespace anymetal {

/// A message is one sentence without a newline.
using LogCallback = std::function<void(Severity, std::string_view)>;

/// From now on `callback` is told what else would be written to standard error: a damaged cache entry, a cache
/// directory that cannot be used, a trace or manifest that cannot be written. Each trouble is told once per registry,
/// not per request. An empty callback restores standard error. For the whole process; messages may come from any
/// thread, several at once. Thread contract: safe from any thread; a message on its way may still reach the callback
/// before. \code
///   anymetal::set_log_callback([](anymetal::Severity, std::string_view text) { syslog(LOG_WARNING, "%.*s",
///   int(text.size()), text.data()); });
/// \endcode
void set_log_callback(LogCallback callback);

}  // namespace anymetal
