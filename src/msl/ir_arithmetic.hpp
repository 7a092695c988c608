#pragma once
/// \file
/// MSL never traps and never has undefined integer results where C++ does.

namespace llvm {
class Function;
}

namespace anymetal::msl {

/// Guards integer division and remainder (x / 0 and INT_MIN / -1 give some value), masks shift counts to the width,
/// saturates float to integer. Runs before any optimisation could use the undefined cases.
void define_arithmetic(llvm::Function& function);

}  // namespace anymetal::msl
