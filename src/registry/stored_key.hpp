#pragma once
/// \file
/// The identity of what is kept on disk: every input that can change it, each with its length.

#include "device/backend.hpp"
#include "registry/pipeline_key.hpp"
#include "registry/source.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal::registry {

/// Digest of the sources of the front end and the back ends this library was built from.
std::string_view library_identity();

/// What a source found in its include directories.
using FileDependencies = std::vector<msl::FileDependency>;

/// Key of the list of files that the source reads from its include directories: what they hold is no part of it.
std::string files_key(const Source& source, msl::Target target);

/// Key of a kernel after the front end, of a source that found these files.
std::string entry_key(const Source& source, msl::Target target, std::string_view kernel, std::span<const msl::FileDependency> files);

/// Key of a compiled pipeline: the entry's, the constants, and what the device says of its code generation.
std::string pipeline_key(std::string_view entry_key, std::span<const KeyConstant> constants, std::string_view device_identity);

/// Key of another form of a compiled pipeline's code.
std::string form_key(std::string_view pipeline_key, std::string_view form);

}  // namespace anymetal::registry
