// The vectors of code that runs a whole threadgroup on one core.
#pragma once
#include "common/lanes.h"

namespace anymetal {

typedef Lanes<16> Wide;
typedef Wide::F WideF;
typedef Wide::U WideU;

}  // namespace anymetal
