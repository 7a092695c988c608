#pragma once
/// \file
/// Runs the recursive parts of the compiler where deep recursion cannot crash the caller.

#include <functional>

namespace anymetal::msl {

/// Runs `work` on a thread with a large stack and waits for it.
void on_deep_stack(const std::function<void()>& work);

}  // namespace anymetal::msl
