#pragma once
/// \file
/// What one compilation may use up. The compiler runs in this process: a source must not be able to exhaust it.

namespace anymetal {

/// Each limit ends a compilation that passes it in an error that names the limit; 0 lifts it. No part of any cache key: a
/// limit decides only whether there is a result.
struct CompileLimits {
  unsigned tokens = 16'000'000;          ///< after macro expansion, of a source and all it includes
  unsigned template_depth = 512;         ///< nested template instantiations
  unsigned constexpr_steps = 1'048'576;  ///< statements evaluated for one constant expression
  unsigned seconds = 300;                ///< processor time of each step: parsing, one entry, one specialisation, its code
  unsigned megabytes = 2048;             ///< memory of each step

  friend bool operator==(const CompileLimits&, const CompileLimits&) = default;
};

/// The limits of every compilation that starts from now on, in the whole process. Safe from any thread.
///
/// \code
///   auto limits = anymetal::compile_limits();
///   limits.seconds = 10;
///   anymetal::set_compile_limits(limits);
/// \endcode
void set_compile_limits(const CompileLimits& limits);
CompileLimits compile_limits();

}  // namespace anymetal
