#pragma once
// One program through everything that is done with it before it runs.

#include <cstdint>
#include <string>
#include <string_view>

namespace fuzz {

/// How far a program came.
enum class Reached : std::uint8_t { Nothing, Parsed, Entry, Specialised, Code };

struct Outcome {
  Reached reached = Reached::Nothing;
  std::string defect;  ///< what the compile guard had to stop, or what contradicts a promise; empty where all is well
};

/// Parses the program, makes each of its first kernels and generates code for the CPU.
Outcome run_front_end(std::string_view text);

}  // namespace fuzz
