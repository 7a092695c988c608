#pragma once
/// \file
/// From a specialised kernel to an object for the host.

#include "device/backend.hpp"

#include <string_view>

namespace anymetal::device::cpu {

/// Chooses the path a kernel takes, generates its code and emits the object. Depends on nothing but its arguments and
/// host_target().
/// `lanes` allows the lanes path.
Result<Artifact> compile_kernel(msl::SpecialisedKernel kernel, std::string_view label, bool lanes);

/// The same kernel as coroutines, which take every threadgroup and buffer, from the artifact of its lanes form.
Result<Artifact> compile_general(const Artifact& lanes, std::string_view label);

}  // namespace anymetal::device::cpu
