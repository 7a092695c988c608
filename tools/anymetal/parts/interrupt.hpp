#pragma once
/// \file
/// Ctrl-C as a flag.

#include <atomic>

namespace anymetal::cli {

/// The flag the first Ctrl-C sets; the second one ends the program as usual.
const std::atomic<bool>& interrupt_flag();

}  // namespace anymetal::cli
