#pragma once
// Scalar type names, global and in `metal`, and the half literal.
#pragma clang system_header
#include "config.h"

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef _Float16 half;
typedef char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long int64_t;
typedef unsigned long uint64_t;
typedef unsigned long size_t;
typedef long ptrdiff_t;
typedef long intptr_t;
typedef unsigned long uintptr_t;
typedef decltype(nullptr) nullptr_t;

#define offsetof(type, member) __builtin_offsetof(type, member)

// M once for each number type that the host knows too; bool and bfloat have rules of their own.
#define __MSL_EACH_NUMBER(M) M(char) M(uchar) M(short) M(ushort) M(int) M(uint) M(long) M(ulong) M(half) M(float)

static_assert(sizeof(long) == 8 && sizeof(void*) == 8, "MSL is LP64 on every target");

namespace metal {
using ::half;
using ::int16_t;
using ::int32_t;
using ::int64_t;
using ::int8_t;
using ::intptr_t;
using ::nullptr_t;
using ::ptrdiff_t;
using ::size_t;
using ::uchar;
using ::uint;
using ::uint16_t;
using ::uint32_t;
using ::uint64_t;
using ::uint8_t;
using ::uintptr_t;
using ::ulong;
using ::ushort;
}  // namespace metal

// One rounding, from the literal's full precision.
consteval half operator""h(long double value) { return static_cast<half>(value); }

// Brace lists of vectors: the only thing of namespace std the language needs.
namespace std {
template <class E>
class initializer_list {
  const E* first_;
  unsigned long size_;

 public:
  constexpr initializer_list() noexcept : first_(nullptr), size_(0) {}
  constexpr unsigned long size() const noexcept { return size_; }
  constexpr const E* begin() const noexcept { return first_; }
  constexpr const E* end() const noexcept { return first_ + size_; }
};
}  // namespace std
namespace metal {
using std::initializer_list;
}
