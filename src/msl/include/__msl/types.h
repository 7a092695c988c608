#pragma once
// Force-included before every source: the type names are visible without any include.
#pragma clang system_header
#include "address_spaces.h"
#include "bfloat.h"
#include "scalars.h"
#include "vec.h"
