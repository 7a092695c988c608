#pragma once
/// \file
/// Readable forms of one kernel's code.

#include <anymetal/device.hpp>
#include <anymetal/error.hpp>
#include <string>
#include <string_view>

#include "msl/parsed_source.hpp"

namespace anymetal::cli {

/// The specialised module as LLVM IR text.
Result<std::string> ir_text(const msl::SpecialisedKernel& kernel);
/// What the device's compiler makes of it: assembly on the CPU, PTX on NVIDIA.
Result<std::string> code_text(msl::SpecialisedKernel kernel, const Device& device, std::string_view label);

}  // namespace anymetal::cli
