#pragma once
/// \file
/// What instructions a processor has, by LLVM's names of features.

#include <map>
#include <string>

namespace anymetal::device::cpu {

using Features = std::map<std::string, bool>;

/// Of the processor this program runs on. Of AArch64 what the kernel says in the auxiliary vector: unlike the name of
/// the processor this holds under emulators and where a kernel has switched something off.
Features features_of_this_processor();

/// Of a processor by its name, "neoverse-n1"; only what it has. Empty where the name implies them to LLVM alone, or is
/// unknown.
Features features_of(const std::string& triple, const std::string& cpu);

/// "+a,-b".
std::string as_text(const Features& features);

}  // namespace anymetal::device::cpu
