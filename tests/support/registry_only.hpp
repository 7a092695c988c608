#pragma once
// The one catalogue name without a function.

#include <string_view>

namespace anymetal::test {

/// The name exists in the registry only, by its sheet: its pipeline cannot be made.
inline constexpr std::string_view kRegistryOnly = "placeholder";

}  // namespace anymetal::test
