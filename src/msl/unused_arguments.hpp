#pragma once
/// \file
/// Arguments that a specialised kernel never looks at.

namespace llvm {
class Argument;
}

namespace anymetal::msl {

/// Whether nothing that the function does depends on the argument. It is kept in variables of its own all the same where nothing has been
/// simplified yet; what was inlined may hand it on. False is always safe.
[[nodiscard]] bool is_unused(const llvm::Argument& argument);

}  // namespace anymetal::msl
