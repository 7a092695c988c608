#pragma once
/// \file
/// The identity of what is kept on disk: every input that can change it, each with its length.

#include "device/backend.hpp"
#include "registry/pipeline_key.hpp"
#include "registry/source.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace anymetal::registry {

/// Digest of the sources of the front end and the back ends this library was built from.
std::string_view library_identity();

/// Key of a kernel after the front end. Nothing where the source reads files of the file system: what they hold is only
/// known after a parse, so such a source is not kept.
std::optional<std::string> entry_key(const Source& source, msl::Target target, std::string_view kernel);

/// Key of a compiled pipeline: the entry's, the constants, and what the device says of its code generation.
std::string pipeline_key(std::string_view entry_key, std::span<const KeyConstant> constants, std::string_view device_identity);

}  // namespace anymetal::registry
