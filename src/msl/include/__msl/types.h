#pragma once
// Force-included before every source: the type names are visible without any include.
#pragma clang system_header
#include "address_spaces.h"
#include "bfloat.h"
#include "scalars.h"
#include "vec.h"

// What the front end puts behind a `?` (conditional_values.hpp): an object of class type, wherever it lies, as a value.
namespace __msl {
struct value_of {};
template <class T>
  requires(__is_class(T) && __is_constructible(plain<T>, const T&))
constexpr const plain<T> operator,(value_of, const T& object) {
  return object;
}
}  // namespace __msl
constexpr __msl::value_of __msl_value() { return {}; }
