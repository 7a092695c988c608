#pragma once
/// \file
/// Functions that call themselves, but whatever the data only a few times.

namespace llvm {
class Function;
}

namespace anymetal::msl {

/// Inlines the calls of a kernel's function round by round, where after a few rounds none is left: `f(x)` that calls
/// `f(-x)` where x is negative, two functions each of which hands the other its own half of the numbers. Where calls
/// remain, or the function becomes too long, it stays as it was.
void inline_ending_recursion(llvm::Function& kernel);

}  // namespace anymetal::msl
