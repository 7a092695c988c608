#pragma once
/// \file
/// `--constant` of `run` and `compile`: `100=int:4`, `use_mask=bool:true`, `scale=0.5`.

#include <anymetal/error.hpp>
#include <anymetal/function_constant.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace anymetal::cli {

/// One `--constant`. Without a type in the text the source's declaration says what `written` is.
struct ConstantSpec {
  decltype(FunctionConstant::which) which;
  std::optional<ConstantValue> value;
  std::string written;
};

/// `IDX=TYPE:VALUE`, `NAME=TYPE:VALUE`, `IDX=VALUE` or `NAME=VALUE`; vectors as `float4:1,2,3,4`. TYPE is an MSL scalar
/// or vector type. InvalidArgument with the text and the form that was expected.
Result<ConstantSpec> parse_constant(std::string_view text);

/// `values`, separated by commas, as a value of this type; nothing where it is none.
std::optional<ConstantValue> constant_value(ConstantType type, unsigned components, std::string_view values);

}  // namespace anymetal::cli
