#pragma once
/// \file
/// The end of a program that has accessed memory that is nobody's: by a kernel that it runs, or in a file that is gone.

#include <anymetal/error.hpp>
#include <string>

namespace anymetal::cli {

/// From now on an access to no memory at all ends the program as `report(error, json)` would, instead of by a signal;
/// those of the compiler's own steps stay with their handlers. `beside` is for an access right beside threadgroup
/// memory of the CPU device. Prepared beforehand, as a signal's handler may neither allocate nor lock.
void report_wild_accesses(const Error& error, const Error& beside, bool json);

/// The same for a mapped file that is cut, or cannot be read, while it is in use.
void report_lost_file(const std::string& path, bool json);

}  // namespace anymetal::cli
