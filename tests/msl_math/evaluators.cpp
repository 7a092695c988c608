// Compiled by Clang 19, once per floating-point mode; EVALUATORS names the table.
#include "evaluators.hpp"

#include <__msl/math_all.h>

namespace {

// A factor the compiler cannot see through: fast-math flags could move it into the function if they had leaked there.
volatile float opaque_one = 1.0f;

namespace math = __msl::math;

#define EVALUATOR(name, expression)                                                                         \
  {name, [](const float* __restrict x, const float* __restrict y, float* __restrict out, ArraySize count) { \
     (void)y;                                                                                               \
     const float one = opaque_one;                                                                          \
     for (ArraySize i = 0; i < count; ++i) out[i] = (expression) * one;                                     \
   }}
#define X (x[i] * one)
#define Y (y[i] * one)
#define UNARY(function) \
  EVALUATOR("precise::" #function, math::precise::function(X)), EVALUATOR("fast::" #function, math::fast::function(X))
#define BINARY(function)                                           \
  EVALUATOR("precise::" #function, math::precise::function(X, Y)), \
      EVALUATOR("fast::" #function, math::fast::function(X, Y))

template <class Function>
__attribute__((always_inline)) inline float second_result(Function function, float x) {
  float result = 0.0f;
  (void)function(x, result);
  return result;
}

template <class Function>
__attribute__((always_inline)) inline float first_result(Function function, float x) {
  float result = 0.0f;
  return function(x, result);
}

float __attribute__((always_inline)) frexp_exponent(float x) {
  int exponent = 0;
  (void)math::frexp(x, exponent);
  return static_cast<float>(exponent);
}

float __attribute__((always_inline)) frexp_fraction(float x) {
  int exponent = 0;
  return math::frexp(x, exponent);
}

int __attribute__((always_inline)) to_exponent(float y) {
  return math::is_nan(y) ? 0 : static_cast<int>(math::limit(y, -1000.0f, 1000.0f));
}

}  // namespace

extern "C" const Evaluator EVALUATORS[] = {
    UNARY(exp),
    UNARY(exp2),
    UNARY(exp10),
    UNARY(log),
    UNARY(log2),
    UNARY(log10),
    UNARY(sqrt),
    UNARY(rsqrt),
    UNARY(sin),
    UNARY(cos),
    UNARY(tan),
    UNARY(sinpi),
    UNARY(cospi),
    UNARY(tanpi),
    UNARY(asin),
    UNARY(acos),
    UNARY(atan),
    UNARY(sinh),
    UNARY(cosh),
    UNARY(tanh),
    UNARY(asinh),
    UNARY(acosh),
    UNARY(atanh),
    BINARY(pow),
    BINARY(powr),
    BINARY(atan2),
    BINARY(divide),
    EVALUATOR("precise::sincos sine", first_result(math::precise::sincos, X)),
    EVALUATOR("precise::sincos cosine", second_result(math::precise::sincos, X)),
    EVALUATOR("fast::sincos sine", first_result(math::fast::sincos, X)),
    EVALUATOR("fast::sincos cosine", second_result(math::fast::sincos, X)),
    EVALUATOR("fmod", math::fmod(X, Y)),
    EVALUATOR("fast::fmod", math::fast::fmod(X, Y)),
    EVALUATOR("fract", math::fract(X)),
    EVALUATOR("fdim", math::fdim(X, Y)),
    EVALUATOR("modf part", first_result(math::modf, X)),
    EVALUATOR("modf whole", second_result(math::modf, X)),
    EVALUATOR("frexp fraction", frexp_fraction(X)),
    EVALUATOR("frexp exponent", frexp_exponent(X)),
    EVALUATOR("ilogb", static_cast<float>(math::ilogb(X))),
    EVALUATOR("ldexp", math::ldexp(X, to_exponent(Y))),
    EVALUATOR("nextafter", math::nextafter(X, Y)),
    {nullptr, nullptr},
};
