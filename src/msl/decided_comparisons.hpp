#pragma once
/// \file
/// Floating-point comparisons whose outcome other comparisons have settled before.

namespace llvm {
class Function;
}

namespace anymetal::msl {

/// Replaces each comparison of a number, its opposite or its magnitude with a constant by its outcome where the
/// branches taken to get there settle that: inside `if (x < 0)` a test of `-x < 0` is false. LLVM's own passes do so
/// for integers only.
void fold_decided_comparisons(llvm::Function& function);

}  // namespace anymetal::msl
