#pragma once
/// \file
/// The end of a run whose kernel has accessed memory that is nobody's.

#include <anymetal/error.hpp>

namespace anymetal::cli {

/// From now on an access to no memory at all ends the program as `report(error, json)` would, instead of by a signal;
/// those of the compiler's own steps stay with their handlers. Prepared beforehand, as a signal's handler may neither
/// allocate nor lock.
void report_wild_accesses(const Error& error, bool json);

}  // namespace anymetal::cli
