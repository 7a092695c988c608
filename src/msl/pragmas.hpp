#pragma once
/// \file
/// The pragmas `METAL fp ...` in Clang's spelling.

#include <string>
#include <string_view>
#include <vector>

namespace anymetal::msl {

inline constexpr std::string_view kPragmaOperator = "_Pragma";

/// Clang's spelling of what stands behind `#pragma`; empty where it is no pragma of Metal's.
std::string metal_pragma(std::string_view text);

/// Clang's pragma as `_Pragma("...")`. Its pragmas for a mode set contraction too, which has one of its own in Metal:
/// where `contract(off)` is in force, it is said again.
std::string pragma_operators(std::string_view pragma, bool contracts_off);

/// Whether `contract(off)` is in force, followed through the braces of a file.
class Contraction {
 public:
  void token(std::string_view spelling);
  /// `text` as written, `replacement` from metal_pragma.
  void pragma(std::string_view text, std::string_view replacement);
  [[nodiscard]] bool is_off() const { return off_.back(); }

 private:
  std::vector<bool> off_ = {false};
};

}  // namespace anymetal::msl
