#include <fmt/format.h>

#include "msl_conformance/features.hpp"

namespace msl_conformance {

std::vector<Chapter> chapters() {
  return {{"scalars", "Scalars, literals, conversions", scalar_types()},
          {"vectors", "Vectors and packed vectors", vector_types()},
          {"matrices", "Matrices", matrix_types()},
          {"types", "Structs, arrays, templates, other types", other_types()},
          {"spaces", "Address spaces", address_spaces()},
          {"kernels", "Kernels, their parameters and inputs", kernels()},
          {"constants", "Function constants", function_constants()},
          {"library", "Library functions", library_functions()},
          {"lanes", "SIMD-groups, quad-groups, simdgroup_matrix", simdgroup_functions()},
          {"tensors", "Tensors and matmul2d", tensors()},
          {"preprocessor", "Preprocessor, pragmas, math modes, headers", preprocessor()},
          {"execution", "Execution model, barriers, atomics", execution()}};
}

std::string source_of(const Feature& feature) {
  std::string text = "#include <metal_stdlib>\nusing namespace metal;\n";
  text += feature.top;
  if (!feature.body.empty()) {
    text += fmt::format(
        "\nkernel void k(device int* o [[buffer(0)]], device const int* n [[buffer(1)]], uint t "
        "[[thread_position_in_grid]]) {{\n{}\n}}",
        feature.body);
  }
  return text + "\n";
}

std::string markdown() {
  std::string text = R"(# What of the Metal Shading Language is there

Generated from the tables in `tests/msl_conformance`; `Document.IsTheTable` fails where this file is not theirs. Every row is a program: it is
accepted, run on the CPU device with known answers, and compiled to PTX for sm_90. A row is here because its test does all three.
What functions compute beyond these answers is compared with float64 and integer references elsewhere ([testing.md](testing.md)):
`tests/msl_functions`, `tests/msl_math` (accuracy in ULP), `tests/msl_library` (lanes, tensors, layouts).

)";
  for (const Chapter& chapter : chapters()) {
    text += fmt::format("## {}\n\n| feature | accepted | on the CPU | to PTX | test |\n|---|---|---|---|---|\n",
                        chapter.title);
    for (std::size_t i = 0; i < chapter.features.size(); ++i) {
      std::string name;
      for (const char c : chapter.features[i].name) name += c == '|' ? std::string("\\|") : std::string(1, c);
      text += fmt::format("| {} | yes | yes | yes | `Conformance.{}_{}` |\n", name, chapter.tag, i + 1);
    }
    text += "\n";
  }
  text +=
      "## Outside the compute subset\n\nRefused with a message that says so (`Refusals.SayWhatIsOutOfScope`).\n\n| "
      "feature | message contains |\n|---|---|\n";
  for (const Refusal& refusal : refusals()) text += fmt::format("| {} | {} |\n", refusal.name, refusal.message);
  return text;
}

}  // namespace msl_conformance
