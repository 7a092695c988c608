#pragma once
/// \file
/// From a specialised kernel to an object for the host.

#include <string_view>

#include "device/backend.hpp"
#include "device/cpu/forms.hpp"
#include "device/cpu/lanes_path.hpp"

namespace anymetal::device::cpu {

/// Which ways of running threads are allowed.
struct Paths {
  bool lanes = true;          ///< the lanes path
  bool one_thread = true;     ///< one thread for a threadgroup, where the kernel says that any size is right
  LanesOptions vectors = {};  ///< of the lanes path
};

class CodeGenerator;

/// Chooses the path a kernel takes and makes the functions that run its threads, all but the code: `kernel.module` is
/// what is to be optimised and emitted.
Result<Artifact> lower_kernel(msl::SpecialisedKernel& kernel, std::string_view label, const Paths& paths,
                              const CodeGenerator& generator);

/// Chooses the path a kernel takes, generates its code and emits the object. Depends on nothing but its arguments and
/// host_target().
Result<Artifact> compile_kernel(msl::SpecialisedKernel kernel, std::string_view label, const Paths& paths);

/// The same kernel in another form, from the artifact of its main one: as coroutines where it cannot be made as
/// vectors.
Result<Artifact> compile_form(const Artifact& main, std::string_view label, Form form, const LanesOptions& vectors);

}  // namespace anymetal::device::cpu
