#pragma once
/// \file
/// The table behind docs/msl-conformance.md: one small program per feature of the language, with known answers.

#include <anymetal/function_constant.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace msl_conformance {

struct Feature {
  std::string_view name;  ///< what the row of the document says
  std::string_view top;   ///< program scope; holds the kernel `k` itself where `body` is empty
  std::string_view body;  ///< of kernel `k`: `o` is the output, `n` holds 0, 1, 2, ..., `t` is the thread's position
  std::vector<int> expected;  ///< o[0], o[1], ...
  unsigned threads = 1;       ///< of the one threadgroup
  std::string_view standard = "metal4.0";
  std::vector<anymetal::FunctionConstant> constants = {};
};

/// What lies outside the compute subset: parsing or asking for the kernel fails with a message that says so.
struct Refusal {
  std::string_view name;
  std::string_view program;
  std::string_view message;  ///< part of it
};

/// One table a chapter; `tag` makes test names.
struct Chapter {
  std::string_view tag, title;
  std::span<const Feature> features;
};

std::span<const Feature> scalar_types();
std::span<const Feature> vector_types();
std::span<const Feature> matrix_types();
std::span<const Feature> other_types();
std::span<const Feature> address_spaces();
std::span<const Feature> kernels();
std::span<const Feature> function_constants();
std::span<const Feature> library_functions();
std::span<const Feature> simdgroup_functions();
std::span<const Feature> tensors();
std::span<const Feature> preprocessor();
std::span<const Feature> execution();
std::span<const Refusal> refusals();

std::vector<Chapter> chapters();

/// The whole source of a feature, and the name its kernel is asked for.
std::string source_of(const Feature& feature);

/// docs/msl-conformance.md.
std::string markdown();

}  // namespace msl_conformance
