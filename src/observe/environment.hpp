#pragma once
/// \file
/// The environment variables that the library reads, and whether their values are some that they take.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal::environment {

/// The variables that the library reads.
std::span<const std::string_view> names();

/// A sentence for each variable whose value is none that it takes, with the name, the value and what it takes. Those
/// that name a device, a processor, a file or a directory are left to who opens it.
std::vector<std::string> complaints();

/// Whether a variable is 1; `otherwise` where it is neither that nor 0.
bool is_on(const char* variable, bool otherwise);

/// Warns of each of these, once a process: what reads such a variable does as if it were not set. Thread contract: safe
/// from any thread.
void check();

}  // namespace anymetal::environment
