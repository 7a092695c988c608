#pragma once
// Elementary functions on float, for every device: __msl::math::precise and __msl::math::fast, and the exact ones
// directly in __msl::math. The overload sets of MSL are made from these elsewhere.
#pragma clang system_header
#include "math_bits.h"
#include "math_exact.h"
#include "math_exp.h"
#include "math_fast.h"
#include "math_inverse_trig.h"
#include "math_log.h"
#include "math_pow.h"
#include "math_root.h"
#include "math_trig.h"
