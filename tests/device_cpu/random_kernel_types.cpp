// Types beside uint, float and uint4; memory seen through structs and pointers; addresses that threads make together.
#include <fmt/format.h>

#include <array>

#include "random_kernel.hpp"

namespace anymetal::test {

void RandomKernel::narrow() {
  switch (pick(12)) {
    case 0:
      return line(fmt::format("h0 = clamp(h1 + half({} & 63u), -1000.0h, 1000.0h);", value()));
    case 1:
      return line(fmt::format("h1 = {} ? half(f{}) : h0 * 0.5h;", condition(), pick(2)));
    case 2:
      return line(fmt::format("b0 = bfloat(clamp(float(b0) - {}, -4096.0f, 4096.0f));", number()));
    case 3:
      return line(fmt::format("f{} = clamp(float(h{}) - float(b0), -4096.0f, 4096.0f);", pick(2), pick(2)));
    case 4:
      return line(fmt::format("c0 = char(c0 * 3 + int({} & 255u));", value()));
    case 5:
      return line(
          fmt::format("c0 = {}(c0, char({}));", std::array{"addsat", "subsat", "min", "hadd"}[pick(4)], value()));
    case 6:
      return line(
          fmt::format("t0 = {}(t0, short({}));", std::array{"max", "absdiff", "addsat", "rhadd"}[pick(4)], value()));
    case 7:
      return line(fmt::format("t0 = short(t0 {} short({}));", std::array{"^", "*", "-"}[pick(3)], value()));
    case 8:
      return line(fmt::format("{} ^= uint(as_type<ushort>(h{})) << 16 | as_type<ushort>(b0);", variable(), pick(2)));
    case 9:
      return line(
          fmt::format("{} += uint({});", variable(), std::array{"c0", "t0", "clz(t0)", "popcount(c0)"}[pick(4)]));
    case 10:
      return line(fmt::format("c0 = char(clamp(f{}, -100.0f, 100.0f));", pick(2)));
    default:
      return line(fmt::format("flag = flag != {};", condition()));
  }
}

void RandomKernel::wide() {
  switch (pick(10)) {
    case 0:
      return line(fmt::format("l0 = l0 * 6364136223846793005ul + {};", value()));
    case 1:
      return line(fmt::format("l0 ^= l0 {} ({} & 63u);", chance(2) ? ">>" : "<<", value()));
    case 2:
      return line(fmt::format("l1 = long(l0) >> ({} & 63u);", value()));
    case 3:
      return line(fmt::format("l1 = (l1 >> 8) {} long({} | 1u);", chance(2) ? "/" : "%", value()));
    case 4:
      return line(fmt::format("l0 = mulhi(l0, ulong({}) << 32 | {});", value(), variable()));
    case 5:
      return line(fmt::format("{} = uint(l0 >> {});", variable(), pick(33)));
    case 6:
      return line(
          fmt::format("{} += uint({});", variable(), std::array{"l1", "clz(l0)", "popcount(l0)", "l1 < 0"}[pick(4)]));
    case 7:
      return line(fmt::format("l0 = rotate(l0, ulong({}));", index(64)));
    case 8:
      return line(fmt::format("f{} = float(l0 & 4095ul);", pick(2)));
    default:
      return line(fmt::format("l0 = ulong(clamp(f{}, 0.0f, 4096.0f)) + max(l0, ulong({}));", pick(2), value()));
  }
}

void RandomKernel::short_vector() {
  switch (pick(9)) {
    case 0:
      return line(fmt::format("q = as_type<uchar4>({});", value()));
    case 1:
      return line(fmt::format("q += q.{};", std::array{"yzwx", "wwxy", "xyxy"}[pick(3)]));
    case 2:
      return line(fmt::format("q = max(q, uchar4(uchar({})));", value()));
    case 3:
      return line(fmt::format("{} ^= as_type<uint>(q);", variable()));
    case 4:
      return line(fmt::format("w = short3(t0, short({}), short(i)) + w.{};", value(), chance(2) ? "zxy" : "yyx"));
    case 5:
      return line(fmt::format("{} += uint(w[{}]);", variable(), index(3)));
    case 6:
      return line("g = clamp(g.wxyz + half4(h0), -1000.0h, 1000.0h);");
    case 7:
      return line(fmt::format("{} ^= as_type<uint>(half2(g.{}));", variable(), chance(2) ? "xz" : "yw"));
    default:
      return line(fmt::format("g[{}] = half({} & 255u);", index(4), value()));
  }
}

void RandomKernel::item() {
  const auto one = "items[" + index(4) + "]";
  switch (pick(9)) {
    case 0:
      return line(fmt::format("{}.w[{}] = {};", one, index(2), value()));
    case 1:
      return line(fmt::format("{} ^= {}.w[{}];", variable(), one, index(2)));
    case 2:
      return line(chance(2) ? fmt::format("{}.l = l0;", one) : fmt::format("l0 ^= {}.l;", one));
    case 3:
      return line(fmt::format("{}.h = half({} & 255u);", one, value()));
    case 4:
      return line(fmt::format("{} += as_type<uint>({}.x);", variable(), one));
    case 5: {
      const auto name = fmt::format("it{}", names_++);
      line(fmt::format("device Item* {} = {} ? items : items + {};", name, condition(), index(4)));
      line(fmt::format("{}->c[{}] = char({});", name, index(2), value()));
      return line(fmt::format("{} += uint({}->c[1]);", variable(), name));
    }
    case 6:
      return line(fmt::format("{}.q = short4(w, t0);", one));
    case 7:
      return line(fmt::format("{} += uint({}.q[{}]);", variable(), one, index(4)));
    default:
      return line(fmt::format("for (device Item* it = items + {}; it < items + 4; ++it) {} += it->w[{}];", index(4),
                              variable(), index(2)));
  }
}

void RandomKernel::address() {
  const auto to = variable();
  switch (pick(15)) {
    case 0:
      return line(fmt::format("{} = in[(n & 7u) * {}u + i];", to, pick(20)));
    case 1:
      return line(fmt::format("{} ^= in[uchar(i * {}u + {})];", to, 1 + pick(7), variable()));
    case 2:
      return line(fmt::format("{} = (in + 64)[int(i) - {}];", to, pick(64)));
    case 3:
      return line(fmt::format("{} += in[ushort(i) * {}u];", to, 1 + pick(4)));
    case 4:
      return line(fmt::format("{} = in[{}u - i];", to, 63 + pick(190)));
    case 5:
      return line(fmt::format("{} = in[({} & 127u) + i];", to, chance(2) ? "n" : variable()));
    case 6:  // n - 95 + i wraps around between the fifth thread and the sixth
      return line(fmt::format("{} = i >= 5u ? in[n - 95u + i] : {};", to, value()));
    case 7: {  // the same in 16 and in 8 bits
      const auto k = fmt::format("k{}", names_++);
      line(fmt::format("const {0} {1} = {0}({0}(i) + {0}(n - 95u));", chance(2) ? "ushort" : "uchar", k));
      return line(fmt::format("{} += i >= 5u ? in[{}] : {};", to, k, value()));
    }
    case 8:
      return line(fmt::format("{} += ((device const uchar*)in)[i * {}u + {}u];", to, 1 + pick(8), pick(8)));
    case 9:
      return line(fmt::format("{} = uint(((device const short*)in)[long(i) * {} + {}]);", to, 1 + pick(3), pick(9)));
    case 10:
      return line(fmt::format("v.xy ^= ((device const uint2*)in)[i + {}u];", pick(32)));
    case 11:
      return line(fmt::format("v.zyx += uint3(((device const packed_uint3*)in)[i + {}u]);", pick(16)));
    case 12:
      return line(fmt::format("q ^= ((device const uchar4*)in)[{}];", chance(2) ? "i" : index(kInputWords)));
    case 13:
      return line(fmt::format("w += ((device const short3*)in)[i + {}u];", pick(32)));
    default:
      return line(fmt::format("l0 += ((device const ulong*)in)[i + {}u];", pick(64)));
  }
}

void RandomKernel::row() {
  // Every slot has one type, so that the places of threads are apart.
  const auto at = [](const char* type, unsigned slot, const char* where = "place") {
    return fmt::format("((device {}*)(rows + {}u * kRowBytes))[{}]", type, slot, where);
  };
  switch (pick(18)) {
    case 0:
      return line(fmt::format("{} = {};", at("uint", 0), value()));
    case 1:
      return line(fmt::format("{} ^= {};", variable(), at("uint", 0)));
    case 2:
      return line(fmt::format("{} = uchar({});", at("uchar", 1), value()));
    case 3:
      return line(fmt::format("{} += uint({});", variable(), at("char", 1)));
    case 4:
      return line(fmt::format("{} = h{};", at("half", 2), pick(2)));
    case 5:
      return line(fmt::format("{} ^= {};", variable(), at("ushort", 2)));
    case 6:
      return line(fmt::format("{} = l0;", at("ulong", 3)));
    case 7:
      return line(fmt::format("l1 ^= {};", at("long", 3)));
    case 8:
      return line(fmt::format("{} = v.{};", at("uint2", 4), chance(2) ? "xy" : "wz"));
    case 9:
      return line(fmt::format("{} += {};", variable(), at("uint", 4, chance(2) ? "2 * place" : "2 * place + 1")));
    case 10:
      return line(fmt::format("{} = packed_uint3(v.{});", at("packed_uint3", 5), chance(2) ? "xyz" : "wxw"));
    case 11:
      return line(fmt::format("{} = v;", at("uint4", 6)));
    case 12:
      return line(fmt::format("{} = {};", at("uint", 7, "kPlaces - 1 - place"), value()));
    case 13:
      return line(fmt::format("{} ^= {};", variable(), at("uint", 7, "kPlaces - 1 - place")));
    case 14:
      return line(fmt::format("{} = f{};", at("float", 8), pick(2)));
    case 15:
      return line(fmt::format("{} = packed_short3(w);", at("packed_short3", 9)));
    case 16:
      return line(fmt::format("{} = q;", at("uchar4", 10)));
    default:
      return line(fmt::format("{} = b0;", at("bfloat", 11)));
  }
}

}  // namespace anymetal::test
