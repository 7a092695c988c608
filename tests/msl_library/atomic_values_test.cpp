// Every atomic function (MSL book 5.10) of every type, in both spaces: totals after all threads used it at once.

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "msl_library/run_support.hpp"

namespace anymetal::tests {
namespace {

constexpr std::uint32_t kThreads = 1000, kGroup = 100, kGroups = kThreads / kGroup;

/// One function used by every thread on one object; the order must not matter to what is left in it.
template <class T>
struct Operation {
  std::string_view statement;  ///< on `a`, with the thread's number i
  T (*after)(T now, std::uint32_t i);
};

#define CAS(value) \
  "T e = atomic_load_explicit(a, R); while (!atomic_compare_exchange_weak_explicit(a, &e, " value ", R, R)) {}"

template <class T>
std::vector<Operation<T>> integer_operations() {
  return {
      {"atomic_fetch_add_explicit(a, T(i * 7), R);",
       [](T now, std::uint32_t i) { return static_cast<T>(static_cast<std::uint32_t>(now) + i * 7); }},
      {"atomic_fetch_sub_explicit(a, T(2), R);",
       [](T now, std::uint32_t) { return static_cast<T>(static_cast<std::uint32_t>(now) - 2); }},
      {"atomic_fetch_min_explicit(a, T(2000 - i), R);",
       [](T now, std::uint32_t i) { return std::min(now, static_cast<T>(2000 - i)); }},
      {"atomic_fetch_max_explicit(a, T(i * 3), R);",
       [](T now, std::uint32_t i) { return std::max(now, static_cast<T>(i * 3)); }},
      {"atomic_fetch_and_explicit(a, T(~(1u << (i % 7))), R);",
       [](T now, std::uint32_t i) { return static_cast<T>(static_cast<std::uint32_t>(now) & ~(1U << (i % 7))); }},
      {"atomic_fetch_or_explicit(a, T(1u << (i % 9)), R);",
       [](T now, std::uint32_t i) { return static_cast<T>(static_cast<std::uint32_t>(now) | 1U << (i % 9)); }},
      {"atomic_fetch_xor_explicit(a, T(i), R);",
       [](T now, std::uint32_t i) { return static_cast<T>(static_cast<std::uint32_t>(now) ^ i); }},
      {CAS("e + T(3)"), [](T now, std::uint32_t) { return static_cast<T>(static_cast<std::uint32_t>(now) + 3); }},
  };
}

std::vector<Operation<float>> float_operations() {
  return {
      {"atomic_fetch_add_explicit(a, 0.5f, R);", [](float now, std::uint32_t) { return now + 0.5f; }},
      {"atomic_fetch_sub_explicit(a, 0.25f, R);", [](float now, std::uint32_t) { return now - 0.25f; }},
      {CAS("e + 2.0f"), [](float now, std::uint32_t) { return now + 2.0f; }},
  };
}

std::vector<Operation<std::uint64_t>> long_operations() {
  return {
      {"atomic_fetch_add_explicit(a, T(i) << 33, R);",
       [](std::uint64_t now, std::uint32_t i) { return now + (std::uint64_t{i} << 33); }},
      {"atomic_max_explicit(a, ~T(0) - i, R);",
       [](std::uint64_t now, std::uint32_t i) { return std::max(now, ~std::uint64_t{i}); }},
      {"atomic_min_explicit(a, (T(2000) - i) << 33, R);",
       [](std::uint64_t now, std::uint32_t i) { return std::min(now, (std::uint64_t{2000} - i) << 33); }},
      {CAS("e + (T(1) << 40)"), [](std::uint64_t now, std::uint32_t) { return now + (std::uint64_t{1} << 40); }},
  };
}

class AtomicValues : public LibraryRun {
 protected:
  /// Every object starts as the poison of the output. `o` holds the objects in device memory, then those of each
  /// threadgroup.
  template <class T>
  void check(const char* type, const std::vector<Operation<T>>& operations, bool is_shared_too) {
    T poison{};
    std::memset(&poison, kPoison, sizeof(T));
    const std::size_t n = operations.size();
    std::string on_device;
    std::string on_threadgroup;
    for (std::size_t k = 0; k < n; ++k) {
      on_device +=
          fmt::format("  {{ device atomic<T>* a = (device atomic<T>*)o + {}; {} }}\n", k, operations[k].statement);
      if (is_shared_too)
        on_threadgroup +=
            fmt::format("  {{ threadgroup atomic<T>* a = local + {}; {} }}\n", k, operations[k].statement);
    }
    const std::string local = fmt::format(R"(
  threadgroup atomic<T> local[{0}];
  if (t < {0}) atomic_store_explicit(local + t, o[{0} * (1 + g) + t], R);
  threadgroup_barrier(mem_flags::mem_threadgroup);
{1}  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (t < {0}) o[{0} * (1 + g) + t] = atomic_load_explicit(local + t, R);
)",
                                          n, on_threadgroup);
    const std::string text = fmt::format(
        "typedef {} T;\n#define R memory_order_relaxed\nkernel void k(device T* o [[buffer(0)]], uint i "
        "[[thread_position_in_grid]], uint t "
        "[[thread_index_in_threadgroup]], uint g [[threadgroup_position_in_grid]]) {{\n{}{}}}\n",
        type, on_device, is_shared_too ? local : "");
    const auto got = run<T>(text, {}, n * (1 + (is_shared_too ? kGroups : 0)), {kThreads}, {kGroup});
    ASSERT_FALSE(got.empty()) << text;
    for (std::size_t k = 0; k < got.size(); ++k) {
      const auto group = static_cast<std::uint32_t>(k / n);  // 0: the device's
      T expected = poison;
      for (std::uint32_t i = group == 0 ? 0 : (group - 1) * kGroup; i < (group == 0 ? kThreads : group * kGroup); ++i)
        expected = operations[k % n].after(expected, i);
      EXPECT_EQ(got[k], expected) << type << (group == 0 ? " device: " : " threadgroup: ")
                                  << operations[k % n].statement;
    }
  }
};

TEST_F(AtomicValues, Int) { check<std::int32_t>("int", integer_operations<std::int32_t>(), true); }
TEST_F(AtomicValues, Uint) { check<std::uint32_t>("uint", integer_operations<std::uint32_t>(), true); }
TEST_F(AtomicValues, Float) { check<float>("float", float_operations(), true); }
TEST_F(AtomicValues, Ulong) { check<std::uint64_t>("ulong", long_operations(), false); }

TEST_F(AtomicValues, ExchangesHandEveryValueOnOnce) {
  // Each thread puts its number in and adds what it found: all numbers but the last one are found, and the poison.
  for (const char* type : {"int", "uint", "float", "ulong"}) {
    const auto got = run<std::uint32_t>(fmt::format(R"(
typedef {} T;
struct Cells {{ atomic<T> turn; atomic_uint found[1000], firsts; T last; }};
kernel void k(device Cells& c [[buffer(0)]], uint i [[thread_position_in_grid]]) {{
  const T old = atomic_exchange_explicit(&c.turn, T(i), memory_order_relaxed);
  if (old >= T(0) && old < T(1000) && old == T(uint(old)) && old != T(-1)) atomic_exchange_explicit(&c.found[uint(old)], i, memory_order_relaxed);
  else atomic_fetch_add_explicit(&c.firsts, 1u, memory_order_relaxed);
}}
)",
                                                    type),
                                        {}, 1006, {kThreads}, {kGroup});
    ASSERT_EQ(got.size(), 1006U);
    const std::size_t first = std::string_view(type) == "ulong" ? 2 : 1;
    EXPECT_EQ(std::count(got.begin() + static_cast<std::ptrdiff_t>(first),
                         got.begin() + static_cast<std::ptrdiff_t>(first + kThreads), 0xa5a5a5a5U),
              1)
        << type << ": the last one";
    EXPECT_EQ(got[first + kThreads], 0xa5a5a5a5U + 1) << type << ": who found the poison";
  }
}

TEST_F(AtomicValues, BoolsAreSetOnceEach) {
  const auto got = run<std::uint32_t>(R"(
#define R memory_order_relaxed
kernel void k(device uint* o [[buffer(0)]], uint i [[thread_position_in_grid]], uint t [[thread_index_in_threadgroup]], uint g [[threadgroup_position_in_grid]]) {
  threadgroup atomic<bool> taken, wanted; threadgroup atomic_uint winners;
  if (t == 0) { atomic_store_explicit(&taken, false, R); atomic_store_explicit(&wanted, false, R); atomic_store_explicit(&winners, 0, R); }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (!atomic_exchange_explicit(&taken, true, R)) atomic_fetch_add_explicit(&winners, 1u, R);
  bool e = false;
  if (atomic_compare_exchange_weak_explicit(&wanted, &e, true, R, R)) atomic_fetch_add_explicit(&winners, 100u, R);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (t == 0) o[g] = atomic_load_explicit(&winners, R) + 1000 * atomic_load_explicit(&taken, R);
}
)",
                                      {}, kGroups, {kThreads}, {kGroup});
  EXPECT_EQ(got, std::vector<std::uint32_t>(kGroups, 1101U));
}

}  // namespace
}  // namespace anymetal::tests
