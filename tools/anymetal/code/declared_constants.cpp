#include "code/declared_constants.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>

#include "msl/constant_values.hpp"
#include "msl/suggestions.hpp"

namespace anymetal::cli {

namespace {

std::string name_of(const ConstantSpec& spec) {
  return spec.which.index() == 0 ? fmt::format("{}", std::get<0>(spec.which)) : std::get<1>(spec.which);
}

std::unexpected<Error> wrong(const ConstantSpec& spec, std::string_view why) {
  return fail(ErrorCode::InvalidArgument, fmt::format("--constant {}={}: {}", name_of(spec), spec.written, why));
}

std::unexpected<Error> undeclared(const ConstantSpec& spec, std::span<const msl::ConstantDeclaration> declared) {
  if (declared.empty()) return wrong(spec, "the source declares no function constants");
  std::vector<std::string> names;
  for (const auto& d : declared) names.push_back(d.name);
  const auto closest =
      spec.which.index() == 0 ? std::vector<std::string>() : msl::closest_names(std::get<1>(spec.which), names);
  const std::string meant = closest.empty() ? "" : fmt::format(", did you mean '{}'?", closest.front());
  return wrong(spec, fmt::format("no function constant {} '{}'{}; the source declares {}",
                                 spec.which.index() == 0 ? "has the index" : "is named", name_of(spec), meant,
                                 fmt::join(names, ", ")));
}

}  // namespace

bool lacks_a_type(std::span<const ConstantSpec> specs) {
  return std::ranges::any_of(specs, [](const ConstantSpec& spec) { return !spec.value; });
}

Result<std::vector<FunctionConstant>> function_constants(std::span<const ConstantSpec> specs,
                                                         std::span<const msl::ConstantDeclaration> declared) {
  std::vector<FunctionConstant> constants;
  for (const ConstantSpec& spec : specs) {
    if (spec.value) {
      constants.push_back({spec.which, *spec.value});
      continue;
    }
    const msl::ConstantDeclaration* found = msl::find_declaration(declared, spec.which);
    if (found == nullptr) return undeclared(spec, declared);
    const auto value = constant_value(found->type, found->components, spec.written);
    if (!value) {
      return wrong(spec, fmt::format("'{}' is not a value of type {}, which '{}' has", spec.written,
                                     to_string(found->type, found->components), found->name));
    }
    constants.push_back({spec.which, *value});
  }
  return constants;
}

}  // namespace anymetal::cli
