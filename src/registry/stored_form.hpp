#pragma once
/// \file
/// Artifacts and entry modules as bytes, and back from bytes nobody vouches for.

#include "device/backend.hpp"
#include "msl/parsed_source.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal::registry {

/// A compiled pipeline with its source's warnings.
struct StoredPipeline {
  device::Artifact artifact;
  std::vector<Diagnostic> warnings;
};

/// A kernel after the front end with its source's warnings.
struct StoredEntry {
  msl::EntryModule module;
  std::vector<Diagnostic> warnings;
};

/// What a source found in its include directories.
struct StoredFiles {
  std::vector<msl::FileDependency> files;
};

std::string to_bytes(const StoredPipeline& pipeline);
std::string to_bytes(const StoredEntry& entry);
std::string to_bytes(const StoredFiles& files);
/// Nothing where the bytes are not whole or hold impossible values.
std::optional<StoredPipeline> pipeline_from_bytes(std::string_view bytes);
std::optional<StoredEntry> entry_from_bytes(std::string_view bytes);
std::optional<StoredFiles> files_from_bytes(std::string_view bytes);

}  // namespace anymetal::registry
