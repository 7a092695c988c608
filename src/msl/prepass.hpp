#pragma once
/// \file
/// The line-preserving rewrite that turns MSL's attributes and qualifiers into forms Clang's C++ parser accepts.

#include "msl/column_map.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace anymetal::msl {

/// Whether function constants have values when the result is parsed: `if constexpr` on them stays one then.
enum class LateConstants : std::uint8_t { Open, Given };

struct Prepassed {
  std::string text;  ///< as many lines as the input
  ColumnMap columns;
};

/// Rewrites one file, before preprocessing:
///  - digraphs and words that a backslash at a line's end cuts in two are undone (plain_spelling.hpp);
///  - `[[buffer(0)]]` becomes `__attribute__((annotate("msl:buffer", 0)))`; standard C++ attributes stay. All that is written into the
///    text has reserved names (library_macros.hpp), so that no macro of the user's touches it;
///  - `template [[...]] kernel ...` becomes an explicit instantiation *declaration*, so that its body is only
///    instantiated when the entry is asked for;
///  - `constant T x [[function_constant(i)]]` becomes `extern`, so that nothing folds it before specialisation;
///  - address-space qualifiers that trail a member function are dropped, and so are declarations that then repeat an
///    earlier one of the same scope token by token;
///  - `void f() __asm("air.x")` becomes a declaration with an annotation (air_functions.hpp);
///  - `#undef kernel` becomes a pragma that gives the keyword back (keyword_macros.hpp);
///  - `1.0h` becomes `1.0f16`, `#pragma METAL fp ...` becomes Clang's own.
Prepassed prepass(std::string_view written, LateConstants constants = LateConstants::Open);

}  // namespace anymetal::msl
