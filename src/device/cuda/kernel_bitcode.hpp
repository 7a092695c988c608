#pragma once
/// \file
/// A specialised kernel as bytes, from which another form of it can be compiled later.

#include <anymetal/error.hpp>

#include "device/cuda/launched_threadgroups.hpp"
#include "msl/parsed_source.hpp"

#include <string>
#include <string_view>

namespace anymetal::device::cuda {

/// The kernel's module and its entry's name.
std::string write_kernel(const msl::SpecialisedKernel& kernel);
/// InternalError where `bytes` are not what `write_kernel` gave.
Result<msl::SpecialisedKernel> read_kernel(const std::string& bytes, const msl::EntryReflection& reflection);

/// What an artifact's metadata says beside its code.
struct KernelMetadata {
  LaunchedThreadgroups threadgroups;
  std::string_view bitcode;       ///< what `write_kernel` gave, or nothing
};
std::string write_metadata(const KernelMetadata& metadata);
/// A view of `bytes`. InternalError where they are neither empty nor what `write_metadata` gave.
Result<KernelMetadata> read_metadata(std::string_view bytes);

}  // namespace anymetal::device::cuda
