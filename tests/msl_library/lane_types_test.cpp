// Every SIMD-group and quad-group function on the types it takes, against a model of the lanes: two full groups, a
// short last one, and a branch that not all lanes take.

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>

#include "msl_library/run_support.hpp"

namespace anymetal::tests {
namespace {

constexpr std::size_t kThreads = 77;

/// Values of the lanes that execute a call, lowest first; `at` is the position of the one that is asked about.
struct Group {
  std::vector<int> values;
  std::vector<std::size_t> lanes;  ///< their indices within the group
  std::size_t at = 0;
  int width = 32;

  [[nodiscard]] int fold(std::size_t end, int start, const std::function<int(int, int)>& with) const {
    for (std::size_t i = 0; i < end; ++i) start = with(start, values[i]);
    return start;
  }
  [[nodiscard]] int all(int start, const std::function<int(int, int)>& with) const {
    return fold(values.size(), start, with);
  }
  [[nodiscard]] int own() const { return values[at]; }
  /// The value of a lane, where that executes the call; else the asking lane's own.
  [[nodiscard]] int of(long lane) const {
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      if (static_cast<long>(lanes[i]) == lane) return values[i];
    }
    return own();
  }
  [[nodiscard]] long lane() const { return static_cast<long>(lanes[at]); }
};

int sum(int a, int b) { return a + b; }
int product(int a, int b) { return a * b; }

enum class Takes { Any, Integers };

struct Function {
  std::string_view call;  ///< of x, with P_ for simd_ or quad_
  int (*reference)(const Group&);
  Takes takes = Takes::Any;
  bool needs_source = false;  ///< reads a lane that has to be active
};

const Function kFunctions[] = {
    {"P_sum(x)", [](const Group& g) { return g.all(0, sum); }},
    {"P_product(x)", [](const Group& g) { return g.all(1, product); }},
    {"P_min(x)", [](const Group& g) { return g.all(g.own(), [](int a, int b) { return std::min(a, b); }); }},
    {"P_max(x)", [](const Group& g) { return g.all(g.own(), [](int a, int b) { return std::max(a, b); }); }},
    {"P_and(x)", [](const Group& g) { return g.all(-1, [](int a, int b) { return a & b; }); }, Takes::Integers},
    {"P_or(x)", [](const Group& g) { return g.all(0, [](int a, int b) { return a | b; }); }, Takes::Integers},
    {"P_xor(x)", [](const Group& g) { return g.all(0, [](int a, int b) { return a ^ b; }); }, Takes::Integers},
    {"P_prefix_inclusive_sum(x)", [](const Group& g) { return g.fold(g.at + 1, 0, sum); }},
    {"P_prefix_exclusive_sum(x)", [](const Group& g) { return g.fold(g.at, 0, sum); }},
    {"P_prefix_inclusive_product(x)", [](const Group& g) { return g.fold(g.at + 1, 1, product); }},
    {"P_prefix_exclusive_product(x)", [](const Group& g) { return g.fold(g.at, 1, product); }},
    {"P_broadcast_first(x)", [](const Group& g) { return g.values[0]; }},
    {"P_broadcast(x, ushort(1))", [](const Group& g) { return g.of(1); }, Takes::Any, true},
    {"P_shuffle(x, ushort((t * 3 + 1) % W))", [](const Group& g) { return g.of((g.lane() * 3 + 1) % g.width); },
     Takes::Any, true},
    {"P_shuffle_up(x, ushort(1))", [](const Group& g) { return g.of(g.lane() - 1); }, Takes::Any, true},
    {"P_shuffle_down(x, ushort(1))", [](const Group& g) { return g.of(g.lane() + 1); }, Takes::Any, true},
    {"P_shuffle_xor(x, ushort(3))", [](const Group& g) { return g.of(g.lane() ^ 3); }, Takes::Any, true},
    {"P_shuffle_rotate_up(x, ushort(1))", [](const Group& g) { return g.of((g.lane() + g.width - 1) % g.width); },
     Takes::Any, true},
    {"P_shuffle_rotate_down(x, ushort(1))", [](const Group& g) { return g.of((g.lane() + 1) % g.width); }, Takes::Any,
     true},
    {"P_shuffle_and_fill_up(x, T(3), ushort(1))", [](const Group& g) { return g.lane() < 1 ? 3 : g.of(g.lane() - 1); },
     Takes::Any, true},
    {"P_shuffle_and_fill_down(x, T(3), ushort(1))",
     [](const Group& g) { return g.lane() + 1 < g.width ? g.of(g.lane() + 1) : 3; }, Takes::Any, true},
    {"P_shuffle_and_fill_up(x, T(3), ushort(1), ushort(2))",
     [](const Group& g) { return g.lane() % 2 < 1 ? 3 : g.of(g.lane() - 1); }, Takes::Any, true},
    {"P_shuffle_and_fill_down(x, T(3), ushort(1), ushort(2))",
     [](const Group& g) { return g.lane() % 2 < 1 ? g.of(g.lane() + 1) : 3; }, Takes::Any, true},
};

/// Small enough that sums and products of a whole group are exact in every type, `char` too.
int input(std::size_t thread, std::size_t component) { return (thread + 5 * component) % 13 == 4 ? 2 : 1; }

struct Type {
  const char* name;
  std::size_t components = 1;
  bool is_integer = true;
};

class LaneTypes : public LibraryRun {
 protected:
  void check(const Type& type, const std::string& prefix, int width, bool is_divergent) {
    const auto is_used = [&](const Function& f) {
      return (type.is_integer || f.takes == Takes::Any) && !(is_divergent && f.needs_source);
    };
    std::string text = fmt::format(
        "typedef {} T; typedef {} E;\nkernel void k(device int* o [[buffer(0)]], uint t [[thread_position_in_grid]]) "
        "{{\n  constexpr uint W = {};\n  T x;\n",
        type.name, std::string(type.name).substr(0, std::string(type.name).size() - (type.components > 1 ? 1 : 0)),
        width);
    std::size_t outputs = 0;
    for (std::size_t c = 0; c < type.components; ++c) {
      text += fmt::format("  x{} = E((t + {}) % 13 == 4 ? 2 : 1);\n",
                          type.components == 1 ? std::string() : fmt::format("[{}]", c), 5 * c);
    }
    std::string calls;
    for (const Function& f : kFunctions) {
      if (!is_used(f)) continue;
      std::string call(f.call);
      call.replace(0, 1, prefix);
      for (std::size_t c = 0; c < type.components; ++c) {
        calls += fmt::format("    q[{}] = int(({}){});\n", outputs++, call,
                             type.components == 1 ? std::string() : fmt::format("[{}]", c));
      }
    }
    text += fmt::format(
        "  device int* q = o + {} * t;\n  for (int i = 0; i < {}; ++i) q[i] = -99;\n  if ({}) {{\n{}  }}\n}}\n",
        outputs, outputs, is_divergent ? "t % 3 != 1" : "true", calls);
    const auto got = run<std::int32_t>(text, {}, outputs * kThreads, {kThreads}, {kThreads});
    ASSERT_EQ(got.size(), outputs * kThreads) << text;
    for (std::size_t t = 0; t < kThreads; ++t)
      compare(type, prefix, width, is_divergent, t, std::span(got).subspan(outputs * t, outputs), is_used);
  }

 private:
  static bool active(std::size_t t, bool is_divergent) { return t < kThreads && (!is_divergent || t % 3 != 1); }

  static void compare(const Type& type, const std::string& prefix, int width, bool is_divergent, std::size_t t,
                      std::span<const std::int32_t> got, const std::function<bool(const Function&)>& is_used) {
    const auto w = static_cast<std::size_t>(width);
    std::size_t next = 0;
    for (const Function& f : kFunctions) {
      if (!is_used(f)) continue;
      for (std::size_t c = 0; c < type.components; ++c) {
        Group group;
        group.width = width;
        for (std::size_t i = t / w * w; i < t / w * w + w; ++i) {
          if (!active(i, is_divergent)) continue;
          if (i == t) group.at = group.values.size();
          group.values.push_back(input(i, c));
          group.lanes.push_back(i % w);
        }
        const bool is_whole = group.values.size() == w;  // else a source may be missing: no value is promised
        const int expected = active(t, is_divergent) ? f.reference(group) : -99;
        const int value = got[next++];
        if (f.needs_source && !is_whole) continue;
        EXPECT_EQ(value, expected) << type.name << ' ' << prefix << f.call.substr(1)
                                   << (is_divergent ? " in a branch" : "") << ", thread " << t << " component " << c;
      }
    }
  }
};

const Type kTypes[] = {{"char"},           {"ushort"},          {"int"},
                       {"half", 1, false}, {"float", 1, false}, {"bfloat", 1, false},
                       {"uchar4", 4},      {"half3", 3, false}, {"float2", 2, false}};

TEST_F(LaneTypes, SimdGroups) {
  for (const Type& type : kTypes) check(type, "simd", 32, false);
}
TEST_F(LaneTypes, SimdGroupsInABranch) {
  for (const Type& type : {kTypes[0], kTypes[2], kTypes[4], kTypes[7]}) check(type, "simd", 32, true);
}
TEST_F(LaneTypes, QuadGroups) {
  for (const Type& type : {kTypes[0], kTypes[3], kTypes[4], kTypes[5], kTypes[7]}) check(type, "quad", 4, false);
}
TEST_F(LaneTypes, QuadGroupsInABranch) {
  for (const Type& type : {kTypes[1], kTypes[3], kTypes[8]}) check(type, "quad", 4, true);
}

TEST_F(LaneTypes, Votes) {
  const auto got = run<std::uint32_t>(R"(
kernel void k(device uint* o [[buffer(0)]], uint t [[thread_position_in_grid]]) {
  device uint* q = o + 5 * t;
  q[0] = simd_is_first() + 2 * quad_is_first(); q[1] = quad_vote::vote_t(quad_ballot(t % 3 == 0)); q[2] = quad_vote::vote_t(quad_active_threads_mask());
  q[3] = quad_all(t % 3 == 0) + 2 * quad_any(t % 3 == 0); q[4] = simd_all(t < 64) + 2 * simd_any(t >= 64);
}
)",
                                      {}, 5 * kThreads, {kThreads}, {kThreads});
  ASSERT_EQ(got.size(), 5 * kThreads);
  for (std::size_t t = 0; t < kThreads; ++t) {
    const std::size_t quad = t / 4 * 4, members = std::min<std::size_t>(4, kThreads - quad);
    std::uint32_t ballot = 0;
    for (std::size_t i = 0; i < members; ++i) ballot |= (quad + i) % 3 == 0 ? 1U << i : 0U;
    EXPECT_EQ(got[5 * t], (t % 32 == 0 ? 1U : 0U) + (t % 4 == 0 ? 2U : 0U));
    EXPECT_EQ(got[5 * t + 1], ballot);
    EXPECT_EQ(got[5 * t + 2], (1U << members) - 1);
    EXPECT_EQ(got[5 * t + 3], (ballot == (1U << members) - 1 ? 1U : 0U) + (ballot != 0 ? 2U : 0U));
    EXPECT_EQ(got[5 * t + 4], t < 64 ? 1U : 2U);
  }
}

}  // namespace
}  // namespace anymetal::tests
