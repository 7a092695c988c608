#include "registry/precompiled_kernels.hpp"

#include <utility>
#include <vector>

#include "registry/builtin_catalogue.hpp"

namespace anymetal::registry {

namespace {

Result<msl::PrecompiledHeaders> read(msl::Target target) {
  const EmbeddedPch embedded = embedded_pch(target);
  msl::PrecompiledHeaders::Texts given;
  for (const auto& header : builtin_headers()) given.emplace_back(header.name, header.text);
  return msl::PrecompiledHeaders::read(target, embedded.pch, embedded.manifest, std::move(given));
}

}  // namespace

Result<const msl::PrecompiledHeaders*> precompiled_kernels(msl::Target target) {
  static const auto host = read(msl::Target::Host);
  static const auto nvptx = read(msl::Target::Nvptx);
  const auto& headers = target == msl::Target::Nvptx ? nvptx : host;
  if (!headers) return std::unexpected(headers.error());
  return &*headers;
}

}  // namespace anymetal::registry
