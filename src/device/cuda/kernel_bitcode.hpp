#pragma once
/// \file
/// A specialised kernel as bytes, from which another form of it can be compiled later.

#include <anymetal/error.hpp>

#include "msl/parsed_source.hpp"

#include <string>

namespace anymetal::device::cuda {

/// The kernel's module and its entry's name.
std::string write_kernel(const msl::SpecialisedKernel& kernel);
/// InternalError where `bytes` are not what `write_kernel` gave.
Result<msl::SpecialisedKernel> read_kernel(const std::string& bytes, const msl::EntryReflection& reflection);

}  // namespace anymetal::device::cuda
