// Every function of the library (MSL book, section 5) has a test that compares what it computes with a reference. This
// is the list of the functions, and of the tables that name them.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Section {
  const char* name;
  std::vector<std::string_view> tables;  ///< files below tests/
  std::string_view functions;            ///< separated by spaces
};

const Section kSections[] = {
    {"5.3 common", {"msl_functions/common_test.cpp"}, "clamp saturate mix sign step smoothstep"},
    {"5.4 integer",
     {"msl_functions/integer_test.cpp"},
     "abs absdiff addsat subsat madsat hadd rhadd mulhi madhi mul24 mad24 min max min3 max3 median3 clamp clz ctz "
     "popcount rotate reverse_bits "
     "extract_bits insert_bits"},
    {"5.5 relational",
     {"msl_functions/relational_test.cpp"},
     "all any not isfinite isinf isnan isnormal signbit isordered isunordered select"},
    {"5.6 math, exact",
     {"msl_functions/common_test.cpp"},
     "fabs abs copysign fma fmin fmax min max fmin3 fmax3 fmedian3 min3 max3 median3 trunc floor ceil round rint"},
    {"5.6 math, within limits",
     {"msl_math/cases.cpp"},
     "fdim fract modf frexp ldexp ilogb nextafter divide fmod sqrt rsqrt exp exp2 exp10 log log2 log10 pow powr sin "
     "cos tan asin acos atan atan2 sinh cosh "
     "tanh asinh acosh atanh sinpi cospi tanpi sincos"},
    {"5.7 geometric",
     {"msl_functions/geometric_test.cpp"},
     "dot length length_squared distance distance_squared cross normalize faceforward reflect refract"},
    {"5.7 matrix", {"msl_library/vector_values_test.cpp"}, "determinant transpose"},
    {"5.8 and 5.9, SIMD-groups and quad-groups alike",
     {"msl_library/lane_types_test.cpp"},
     "P_sum P_product P_min P_max P_and P_or P_xor P_prefix_inclusive_sum P_prefix_inclusive_product "
     "P_prefix_exclusive_sum P_prefix_exclusive_product "
     "P_broadcast P_broadcast_first P_shuffle P_shuffle_up P_shuffle_down P_shuffle_xor P_shuffle_rotate_up "
     "P_shuffle_rotate_down P_shuffle_and_fill_up "
     "P_shuffle_and_fill_down simd_all simd_any simd_is_first quad_ballot quad_all quad_any quad_is_first "
     "quad_active_threads_mask"},
    {"5.8 votes", {"msl_library/lane_values_test.cpp"}, "simd_ballot simd_active_threads_mask"},
    {"5.10 atomics",
     {"msl_library/atomic_values_test.cpp"},
     "atomic_store_explicit atomic_load_explicit atomic_exchange_explicit atomic_compare_exchange_weak_explicit "
     "atomic_fetch_add_explicit "
     "atomic_fetch_sub_explicit atomic_fetch_min_explicit atomic_fetch_max_explicit atomic_fetch_and_explicit "
     "atomic_fetch_or_explicit "
     "atomic_fetch_xor_explicit atomic_min_explicit atomic_max_explicit"},
    {"5.10 and 5.11, fences and barriers",
     {"msl_conformance/execution.cpp"},
     "atomic_thread_fence threadgroup_barrier simdgroup_barrier"},
    {"5.12 simdgroup matrices",
     {"msl_library/lane_values_test.cpp"},
     "make_filled_simdgroup_matrix simdgroup_load simdgroup_store simdgroup_multiply simdgroup_multiply_accumulate "
     "thread_elements"},
    {"5.13 pack",
     {"msl_library/pack_values_test.cpp"},
     "as_type unorm4x8 snorm4x8 unorm4x8_srgb srgb_unorm4x8 unorm2x16 snorm2x16 unorm10a2 unorm565 snorm10a2 float "
     "half"},
    {"5.14 limits", {"msl_conformance/scalar_types.cpp"}, "numeric_limits"},
    {"5.16 tensors and products",
     {"msl_library/tensor_values_test.cpp", "msl_conformance/tensors.cpp"},
     "slice get_extent get_destination_cooperative_tensor get_multidimensional_index run store load"},
};

/// The words of a file, as C++ separates them.
std::set<std::string> words_of(std::string_view file) {
  std::stringstream text;
  text << std::ifstream(std::string(ANYMETAL_SOURCE_DIR "/tests/") + std::string(file)).rdbuf();
  std::set<std::string> words;
  std::string word;
  for (const char c : text.str() + ' ') {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') {
      word += c;
    } else {
      words.insert(std::move(word));
      word.clear();
    }
  }
  return words;
}

TEST(Coverage, EveryFunctionOfTheLibraryIsComparedWithAReference) {
  for (const Section& section : kSections) {
    std::set<std::string> words;
    for (const std::string_view table : section.tables) words.merge(words_of(table));
    ASSERT_GT(words.size(), 20U) << section.tables[0] << " is not there";
    std::istringstream names{std::string(section.functions)};
    for (std::string name; names >> name;)
      EXPECT_TRUE(words.contains(name)) << section.name << ": no value test of '" << name << "' in "
                                        << section.tables[0];
  }
}

}  // namespace
