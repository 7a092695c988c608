#pragma once
/// \file
/// How many components a brace list gives to a vector.

namespace clang {
class CXXConstructExpr;
}

namespace anymetal::msl {

class Compilation;

/// Reports braces that give a vector more components than it has: `float2{x, y, z}`.
void check_components(Compilation& compilation, const clang::CXXConstructExpr& construction);

}  // namespace anymetal::msl
