// The frame of an evaluated kernel: its arguments and variables, and how a dispatch is evaluated.
#include "evaluated_kernel.hpp"

#include <fmt/format.h>

namespace anymetal::test {
namespace {

constexpr const char* kPrologue = R"(#include <metal_stdlib>
using namespace metal;
// A call keeps a product from being fused with a sum.
template <class T> T times(T a, T b) { return a * b; }
template <class T> T tame(T x) {
  const T bounded = clamp(select(x, T(-2048.0f), isnan(x)), T(-2048.0f), T(2048.0f));
  return select(bounded, T(0.0f), (bounded < T(0.0009765625f)) && (bounded > T(-0.0009765625f)));
}
template <uint N, class T> T turned(T a, T b) {
  if constexpr (N == 0) return b;
  else return turned<N - 1, T>(b, T(a ^ b));
}
template <class T, bool Both> struct Joined {
  static T of(T a, T b) { return a | b; }
};
template <class T> struct Joined<T, true> {
  static T of(T a, T b) { return a & b; }
};
constant int chosen [[function_constant(0)]];
constant bool flagged [[function_constant(1)]];
)";
constexpr const char* kArguments =
    R"(kernel void evaluated(device const uchar* in [[buffer(0)]], device const uchar* reals [[buffer(1)]], device ulong* out [[buffer(2)]],
                      device uchar* all_own [[buffer(3)]], device uchar* rows [[buffer(4)]], device atomic_uint* counts [[buffer(5)]],
)";
constexpr const char* kEverywhere =
    R"(                      uint3 group [[threadgroup_position_in_grid]], uint3 groups [[threadgroups_per_grid]],
                      uint3 p [[thread_position_in_grid]], uint3 size [[threads_per_threadgroup]],
                      uint3 full [[dispatch_threads_per_threadgroup]], uint i [[thread_index_in_threadgroup]],
                      uint lane [[thread_index_in_simdgroup]]) {
  const uint threads = size.x * size.y * size.z;
  const uint place = ((group.z * groups.y + group.y) * groups.x + group.x) * (full.x * full.y * full.z) + i;
)";
constexpr const char* kInGrid = R"(                      uint3 p [[thread_position_in_grid]]) {
  const uint place = p.x, i = p.x & 255u;
)";

}  // namespace

EvaluatedKernel::EvaluatedKernel(unsigned seed, Meetings meetings) : random_(seed), meetings_(meetings) {
  declarations();
  statements(3, 2 + pick(10));
  results();
  text_ = frame();
}

unsigned EvaluatedKernel::slot(unsigned count) {
  slots_ += count;
  return slots_ - count;
}

const EvaluatedKernel::Variable& EvaluatedKernel::some_variable(bool writable) {
  for (;;) {
    const auto& found = variables_[pick(static_cast<unsigned>(variables_.size()))];
    if (found.is_writable || !writable) return found;
  }
}

const EvaluatedKernel::Variable& EvaluatedKernel::declare(Type type, const std::string& text, bool is_writable) {
  variables_.push_back({type, text, slot(), is_writable});
  return variables_.back();
}

void EvaluatedKernel::declarations() {
  const auto is_met = meetings_ != Meetings::None && meetings_ != Meetings::Grid;
  declare({Scalar::Uint}, "i", false);
  declare({Scalar::Uint}, "place", false);
  declare({Scalar::Uint}, "p.x", false);
  if (meetings_ != Meetings::Grid) {
    declare({Scalar::Uint, 3}, "p", false);
    declare({Scalar::Uint}, "lane", false);
    declare({Scalar::Uint}, "threads", false);
  }
  const int number = static_cast<int>(pick(200)) - 100;
  const bool flag = chance(2);
  constants_ = {FunctionConstant{0U, number}, FunctionConstant{1U, flag}};
  for (const auto& [type, name, constant] : {std::tuple{Scalar::Int, "chosen", of_integer(Scalar::Int, number)},
                                             std::tuple{Scalar::Bool, "flagged", Component{flag}}}) {
    const auto variable = declare({type}, name, false);
    does([slot = variable.slot, constant](Group& group, const Mask& mask) {
      each(group, mask, [&](Thread& thread) { thread.slots[slot] = {constant}; });
    });
  }
  const auto begin = [&](Type type, const std::string& name) {
    const auto what = tame_value(type, 1);
    line(fmt::format("{} {} = {};", spelling(type), name, what.text));
    const auto variable = declare(type, name);
    does(set(variable, what));
  };
  for (unsigned n = 0; n < 12; ++n) begin(some_type(), fmt::format("v{}", n));
  for (unsigned n = 0; n < 3; ++n) {
    auto type = some_type();
    const unsigned count = 2 + pick(4);
    const auto name = fmt::format("a{}", n);
    const auto first = slot(count);
    const auto what = tame_value(type, 1);
    line(fmt::format("{} {}[{}];", spelling(type), name, count));
    line(fmt::format("for (uint k = 0; k < {}; ++k) {}[k] = {};", count, name, what.text));
    does([first, count, value = what.value](Group& group, const Mask& mask) {
      each(group, mask, [&](Thread& thread) { std::fill_n(thread.slots.begin() + first, count, value(thread)); });
    });
    arrays_.push_back({type, name, first, count});
  }
  for (unsigned n = 0; n < 3; ++n) fields_.push_back(some_type());
  for (unsigned n = 0; n < 2; ++n) {
    const auto name = fmt::format("item{}", n);
    std::vector<unsigned> slots;
    std::string values;
    for (unsigned f = 0; f < fields_.size(); ++f) {
      const auto what = tame_value(fields_[f], 1);
      values += (f > 0 ? ", " : "") + what.text;
      Variable field{fields_[f], fmt::format("{}.f{}", name, f), slot(), true};
      does(set(field, what));
      slots.push_back(field.slot);
    }
    line(fmt::format("Item {} = {{{}}};", name, values));
    for (unsigned f = 0; f < fields_.size(); ++f)
      variables_.push_back({fields_[f], fmt::format("{}.f{}", name, f), slots[f], true});
    structs_.push_back(slots);
    struct_names_.push_back(name);
  }
  for (auto& type : row_types_) {
    type = some_type();
    if (type.scalar == Scalar::Bool || (is_float(type.scalar) && chance(2))) type.scalar = Scalar::Uchar;
    if (type.width > 1 && bits(type.scalar) > 32) type.width = 2;
  }
  if (!is_met) return;
  for (unsigned n = 0; n < 3; ++n) {
    auto type = some_type();
    if (bits(type.scalar) * type.width > 128 || (bits(type.scalar) == 64 && type.width > 1)) type.width = 1;
    shared_.push_back({type, fmt::format("shared{}", n), shared_slots_, kMostThreads});
    shared_slots_ += kMostThreads;
  }
}

void EvaluatedKernel::results() {
  unsigned place = 0;
  const auto write = [&](Type type, const std::string& text, unsigned from) {
    for (unsigned c = 0; c < type.width && place < kResults; ++c, ++place) {
      auto component = type.width > 1 ? fmt::format("{}.{}", text, "xyzw"[c]) : text;
      if (is_float(type.scalar)) component = fmt::format("as_type<uint>(float({}))", component);
      line(fmt::format("result[{}] = ulong({});", place, component));
      does([from, c, place](Group& group, const Mask& mask) {
        each(group, mask, [&](Thread& thread) {
          store(Scalar::Ulong, thread.slots[from][c], group.memory->out,
                (std::size_t{thread.place} * kResults + place) * 8);
        });
      });
    }
  };
  for (const auto& variable : variables_)
    if (variable.is_writable) write(variable.type, variable.text, variable.slot);
  for (const auto& array : arrays_)
    for (unsigned n = 0; n < array.count; ++n) write(array.type, fmt::format("{}[{}]", array.name, n), array.slot + n);
}

std::string EvaluatedKernel::frame() {
  std::string item = "struct Item {", changes;
  for (unsigned f = 0; f < fields_.size(); ++f) {
    item += fmt::format(" {} f{};", spelling(fields_[f]), f);
    changes += fmt::format("void change{0}(thread Item* item, {1} value) {{ item->f{0} = value; }}\n", f,
                           spelling(fields_[f]));
  }
  std::string memory;
  for (const auto& array : shared_)
    memory += fmt::format("  threadgroup {} {}[{}];\n", spelling(array.type), array.name, array.count);
  if (!shared_.empty()) memory += "  threadgroup atomic_uint tallies[4];\n";
  for (const auto& array : shared_)
    memory += fmt::format("  for (uint k = i; k < {}u; k += threads) {}[k] = {}(0);\n", array.count, array.name,
                          spelling(array.type));
  return kPrologue + item + " };\n" + changes + kArguments + (meetings_ == Meetings::Grid ? kInGrid : kEverywhere) +
         memory +
         fmt::format(
             "  device ulong* result = out + place * {0};\n"
             "  device uchar* own = all_own + place * {1};\n"
             "  device const uchar* floats = reals;\n"
             "  device const uchar* halves = reals + {2};\n"
             "  device const uchar* bfloats = reals + {3};\n",
             kResults, kOwnBytes, 4 * kReals, 6 * kReals) +
         body_ + "}\n";
}

void EvaluatedKernel::run(Memory& memory, Size threads, Size size) const {
  const auto groups = [](std::size_t all, std::size_t one) { return (all + one - 1) / one; };
  std::uint32_t first = 0;
  for (std::size_t z = 0; z < groups(threads.z, size.z); ++z)
    for (std::size_t y = 0; y < groups(threads.y, size.y); ++y)
      for (std::size_t x = 0; x < groups(threads.x, size.x); ++x) {
        Group group;
        group.memory = &memory;
        group.shared.resize(shared_slots_);
        const Size clipped{std::min(size.x, threads.x - x * size.x), std::min(size.y, threads.y - y * size.y),
                           std::min(size.z, threads.z - z * size.z)};
        const auto count = clipped.x * clipped.y * clipped.z;
        group.threads.resize(count);
        Mask mask;
        for (std::uint32_t n = 0; n < count; ++n) {
          Thread& thread = group.threads[n];
          thread.group = &group;
          thread.place = first + n;
          thread.position = {static_cast<std::uint32_t>(x * size.x + n % clipped.x),
                             static_cast<std::uint32_t>(y * size.y + n / clipped.x % clipped.y),
                             static_cast<std::uint32_t>(z * size.z + n / (clipped.x * clipped.y))};
          if (meetings_ == Meetings::Grid) thread.place = thread.position[0];
          thread.index = n;
          thread.slots.resize(slots_);
          const auto index = meetings_ == Meetings::Grid ? thread.place & 255U : n;
          // In the order of `declarations`.
          thread.slots[0] = {index};
          thread.slots[1] = {thread.place};
          thread.slots[2] = {thread.position[0]};
          if (meetings_ != Meetings::Grid) {
            thread.slots[3] = {thread.position[0], thread.position[1], thread.position[2]};
            thread.slots[4] = {n % 32};
            thread.slots[5] = {count};
          }
          mask.set(n);
        }
        block_->run(group, mask);
        first += static_cast<std::uint32_t>(size.x * size.y * size.z);
      }
}

}  // namespace anymetal::test
