#pragma once
/// \file
/// The library's own messages on their way to whoever set a callback.

#include <string_view>

namespace anymetal::log {

/// One sentence. Thread contract: safe from any thread.
void warning(std::string_view text);

}  // namespace anymetal::log
