// The frame of a kernel and its control flow.
#include "random_kernel.hpp"

#include <fmt/format.h>

#include <array>

namespace anymetal::test {
namespace {

constexpr const char* kTypes = R"(#include <metal_stdlib>
using namespace metal;
struct Block { uint word[12]; };
struct Mixed { float x; uchar bytes[6]; ushort half_word; };
struct Item { float x; half h; char c[2]; uint w[2]; ulong l; short4 q; };
kernel void random(device const uint* in [[buffer(0)]], device uint* out [[buffer(1)]],
                   device uchar* all [[buffer(2)]], device atomic_uint* counts [[buffer(3)]],
                   device uchar* rows [[buffer(4)]], constant uint& n [[buffer(5)]],
)";
/// Threads know all there is to know of where they are.
constexpr const char* kEverywhere = R"(                   uint3 group [[threadgroup_position_in_grid]],
                   uint3 groups [[threadgroups_per_grid]], uint3 p [[thread_position_in_grid]],
                   uint3 at [[thread_position_in_threadgroup]], uint3 size [[threads_per_threadgroup]],
                   uint i [[thread_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]],
                   uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const uint place = ((group.z * groups.y + group.y) * groups.x + group.x) * kThreads + i;
)";
constexpr const char* kInGrid = R"(                   uint3 p [[thread_position_in_grid]]) {
  const uint place = p.x, i = p.x & 63u, lane = p.x & 31u, simdgroup = p.x >> 5 & 1u;
)";
constexpr const char* kMemoryOfGroup = R"(  threadgroup uint shared[kThreads];
  threadgroup uchar shared_bytes[kThreads * 4];
  threadgroup ulong shared_wide[kThreads];
  threadgroup half shared_half[kThreads];
  threadgroup Block blocks[kThreads];
  threadgroup atomic_uint tallies[8];
  shared[i] = in[i];
  shared_wide[i] = i;
  shared_half[i] = half(i);
  for (uint k = 0; k < 4; ++k) shared_bytes[4 * i + k] = uchar(in[i] >> (8 * k));
  for (uint k = 0; k < 12; ++k) blocks[i].word[k] = in[i] + k;
  if (i < 8) atomic_store_explicit(tallies + i, i, memory_order_relaxed);
)";
constexpr const char* kSlots = R"(  threadgroup uint slots[8];
  const uint slot = p.x * 5u & 7u;
)";
constexpr const char* kVariables = R"(  device uchar* own = all + place * kOwnBytes;
  device Item* items = (device Item*)own;
  device uint* result = out + place * kResults;
  uint s0 = in[i], s1 = i, s2 = lane * 3 + simdgroup, s3 = 7;
  float f0 = float(lane), f1 = 2.0f;
  half h0 = half(lane), h1 = 0.5h;
  bfloat b0 = bfloat(float(lane));
  char c0 = char(i);
  short t0 = short(s0);
  ulong l0 = s0;
  long l1 = long(i) - 20;
  bool flag = (s0 & 1u) != 0;
  uchar4 q = uchar4(1, 2, 3, uchar(i));
  short3 w = short3(1, short(i), 3);
  half4 g = half4(half(lane), 1.0h, 2.0h, 3.0h);
  uint words[4] = {i, 5, 6, 7};
  uchar bytes[8] = {1, 2, 3, 4, 5, 6, 7, uchar(i)};
  float numbers[4] = {0.0f, 1.0f, 2.0f, 3.0f};
  uint4 v = uint4(i, 1, 2, 3);
  Block block = {};
  Mixed mixed = {1.0f, {1, 2, 3, 4, 5, 6}, 9};
)";
constexpr const char* kResult = R"(  result[0] = s0;
  result[1] = s1;
  result[2] = s2;
  result[3] = s3;
  result[4] = as_type<uint>(f0);
  result[5] = as_type<uint>(f1 + numbers[s0 % 4] + mixed.x);
  result[6] = words[s1 % 4] + bytes[s2 % 8] + mixed.bytes[s3 % 6] + mixed.half_word;
  result[7] = v.x ^ v.y ^ v.z ^ v.w ^ block.word[s0 % 12];
  result[8] = uint(as_type<ushort>(h0)) << 16 | as_type<ushort>(h1);
  result[9] = uint(as_type<ushort>(b0)) << 16 | uint(uchar(c0)) << 8 | uint(flag);
  result[10] = uint(l0) ^ uint(l0 >> 32) ^ uint(l1) ^ uint(l1 >> 32) ^ uint(ushort(t0));
  result[11] = as_type<uint>(q) ^ as_type<uint>(w.xy) ^ as_type<uint>(g.xy) ^ as_type<uint>(g.zw) ^ uint(w.z);
}
)";

}  // namespace

std::string RandomKernel::text() {
  if (is_alone() && !is_apart() && chance(2)) bound();
  if (is_apart()) exchange();  // without a meeting there are no lanes
  statements(3, 9);
  const auto numbers = fmt::format(
      "constexpr constant unsigned kThreads = {}, kOwnBytes = {}, kResults = {}, kPlaces = {}, kRowBytes = {};\n",
      kThreads, kOwnBytes, kResults, kPlaces, kRowBytes);
  const bool in_grid = threads_ == Threads::Grid;
  const bool meets = !is_alone() || is_apart();
  return numbers + kTypes + (in_grid ? kInGrid : kEverywhere) + (meets ? kMemoryOfGroup : "") +
         (has_slots_ ? kSlots : "") + kVariables + body_ + kResult;
}

void RandomKernel::statements(unsigned depth, unsigned count) {
  for (unsigned n = 0; n < count; ++n) statement(depth);
}

void RandomKernel::statement(unsigned depth) {
  switch (pick(depth > 0 ? 24 : 18)) {
    case 0:
    case 1:
      return arithmetic();
    case 2:
      return load();
    case 3:
      return store();
    case 4:
      return array();
    case 5:
      return vector();
    case 6:
      return copy();
    case 7:
      return is_alone() ? arithmetic() : simdgroup();
    case 8:
      if (is_alone()) return has_slots_ ? slot() : load();
      return threads_ == Threads::Whole && together_ && !returned_ ? shuffle() : simdgroup();
    case 9:
      return together_ && (!is_alone() || is_apart()) ? exchange() : load();
    case 10:  // what is atomic is done thread by thread
      return is_alone() && !is_apart() && !chance(8) ? vector() : count();
    case 11:
      return narrow();
    case 12:
      return wide();
    case 13:
      return short_vector();
    case 14:
      return item();
    case 15:
      return address();
    case 16:
      return chance(2) ? address() : stride();
    case 17:
      return row();
    case 18:
    case 19:
      return branch(depth - 1);
    case 20:
      return choice(depth - 1);
    case 21:
      return chance(4) ? leave() : branch(depth - 1);
    case 22:
      return search();
    default:
      return loop(depth - 1);
  }
}

void RandomKernel::branch(unsigned depth) {
  const bool was_together = together_;
  const bool same = chance(3);
  together_ = together_ && same;
  line(fmt::format("if ({}) {{", same ? shared_condition() : condition()));
  ++indent_;
  statements(depth, 1 + pick(3));
  --indent_;
  if (chance(2)) {
    line("} else {");
    ++indent_;
    statements(depth, 1 + pick(3));
    --indent_;
  }
  line("}");
  together_ = was_together;
}

void RandomKernel::choice(unsigned depth) {
  const bool was_together = together_;
  together_ = false;
  line(fmt::format("switch ({}) {{", index(4)));
  for (unsigned way = 0; way < 3; ++way) {
    line(way == 2 ? std::string("default: {") : fmt::format("case {}: {{", way));
    ++indent_;
    statements(depth, 1 + pick(2));
    --indent_;
    line(chance(4) ? "}" : "} break;");
  }
  line("}");
  together_ = was_together;
}

void RandomKernel::loop(unsigned depth) {
  const bool was_together = together_;
  const bool same = chance(2), leaves = chance(2), skips = chance(3);
  together_ = together_ && same && !leaves && !skips;
  const auto counter = fmt::format("k{}", names_++);
  const auto rounds = same ? fmt::format("{}u", 1 + pick(6)) : index(8);
  line(fmt::format("for (uint {} = 0, rounds = {}; {} < rounds; ++{}) {{", counter, rounds, counter, counter));
  ++indent_;
  ++loops_;
  line(fmt::format("{} += {};", variable(), counter));
  statements(depth, 1 + pick(2));
  if (skips) line(fmt::format("if ({}) continue;", condition()));
  if (skips) statements(depth, 1);
  if (leaves) line(fmt::format("if ({}) break;", condition()));
  statements(depth, 1);
  --loops_;
  --indent_;
  line("}");
  together_ = was_together;
}

void RandomKernel::search() {
  const auto found = variable();
  switch (pick(4)) {
    case 0: {  // to a mark that may not be there
      const auto k = fmt::format("k{}", names_++);
      line(fmt::format("uint {} = {};", k, index(128)));
      line(fmt::format("while ({0} < {1}u && (in[{0}] & {2}u) != ({3} & {2}u)) ++{0};", k, 130 + pick(100),
                       1 + pick(15), variable()));
      return line(fmt::format("{} = {};", found, k));
    }
    case 1: {  // out of two loops at once
      const auto name = fmt::format("find{}", names_++);
      line(fmt::format("const auto {} = [&](uint from) -> uint {{", name));
      line(fmt::format("  for (uint a = 0; a < {}; ++a)", 1 + pick(4)));
      line(fmt::format("    for (uint b = {}; b < 8; ++b) {{", index(4)));
      line(fmt::format("      if ((in[(from + 8 * a + b) & 255u] & 15u) == ({} & 15u)) return a * 100 + b;", value(1)));
      if (chance(2)) line(fmt::format("      if ({}) continue;", condition()));
      line(fmt::format("      {} += b;", variable()));
      line("    }");
      line(fmt::format("  return {};", value(1)));
      line("};");
      return line(fmt::format("{} = {}({});", found, name, value(1)));
    }
    case 2: {  // the inner loop's end decides about the outer one's
      const auto stop = fmt::format("stop{}", names_++);
      line(fmt::format("bool {} = false;", stop));
      line(fmt::format("for (uint a = 0; a < {} && !{}; ++a) {{", index(6), stop));
      line("  uint b = a;");
      line("  do {");
      line(fmt::format("    if (in[(b * 3 + {}) & 255u] % 7u == a) {{ {} = true; break; }}", variable(), stop));
      line(fmt::format("    {} ^= b;", variable()));
      line(fmt::format("  }} while (++b < {}u);", 2 + pick(6)));
      line(fmt::format("  if ({}) continue;", condition()));
      line(fmt::format("  {} += b;", found));
      return line("}");
    }
    default: {  // a pointer that walks
      const auto step = 1 + pick(3);
      return line(
          fmt::format("for (device const uint *here = in + {}, *end = here + {}; here != end; here += {}) {} ^= *here;",
                      index(200), step * (1 + pick(9)), step, found));
    }
  }
}

/// Through what neighbours share, each thread from its own place on to a common end.
void RandomKernel::stride() {
  const auto k = fmt::format("k{}", names_++);
  const bool is_signed = chance(3);
  const char* start = std::array{"lane", "i", "place & 63u", "(2u * lane + 1u)"}[pick(4)];
  const auto begin = is_signed ? fmt::format("int({}) - {}", start, pick(50)) : std::string(start);
  const auto end = chance(2) ? fmt::format("{}", pick(200)) : fmt::format("n / {}u", 5 + pick(200));
  line(fmt::format("for ({0} {1} = {2}; {1} < {0}({3}); {1} += {4}) {{", is_signed ? "int" : "uint", k, begin, end,
                   std::array{32, 64, 1, 7, 33}[pick(5)]));
  line(fmt::format("  {} ^= in[{} & 255] + uint({});", variable(), k, k));
  if (chance(2)) line(fmt::format("  f{} = min(f{} + float({}), 1000.0f);", pick(2), pick(2), k));
  if (chance(3)) line(fmt::format("  if ({}) {} += 3u;", condition(), variable()));
  line("}");
}

void RandomKernel::leave() {
  returned_ = true;
  line(fmt::format("if ({} && {}) {{", condition(), condition()));
  line(fmt::format("  result[0] = {};", value()));
  line("  return;");
  line("}");
}

void RandomKernel::bound() {
  switch (pick(4)) {
    case 0:
      line("result[1] = 5;");
      break;
    case 1:
      count();
      break;
    default:
      break;
  }
  line(threads_ == Threads::Grid || chance(2) ? "if (p.x >= n) return;" : "if (p.x >= n || p.y >= (n & 3u)) return;");
}

}  // namespace anymetal::test
