#pragma once
/// \file
/// The functions of the MSL math library as loops over arrays, to be called from code of any compiler.

/// std::size_t, without a header: the file is also compiled for targets that have none.
using ArraySize = decltype(sizeof(0));

/// One function under test; unary ones ignore `y`.
struct Evaluator {
  const char* name;  ///< "precise::exp", "fast::exp", "fmod"
  void (*run)(const float* x, const float* y, float* out, ArraySize count);
};

/// The same functions compiled as strict code and with the flags of MSL's fast mode; both end with a null name.
extern "C" const Evaluator evaluators_strict[];
extern "C" const Evaluator evaluators_relaxed[];
