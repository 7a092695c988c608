#pragma once
// What holds of the pre-pass for any bytes.

#include <string>
#include <string_view>

namespace fuzz {

/// Lines stay, and every position of the result has one of the user's. Says what does not hold; empty where all does.
std::string check_prepass(std::string_view text);

}  // namespace fuzz
