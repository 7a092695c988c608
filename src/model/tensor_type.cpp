#include "model/tensor_type.hpp"

namespace anymetal::model {

std::optional<TensorTypeTraits> find_tensor_type(std::uint32_t number) {
  switch (static_cast<TensorType>(number)) {
    case TensorType::F32:
      return TensorTypeTraits{"F32", 1, 4};
    case TensorType::F16:
      return TensorTypeTraits{"F16", 1, 2};
    case TensorType::Q4_0:
      return TensorTypeTraits{"Q4_0", 32, 18};
    case TensorType::Q4_1:
      return TensorTypeTraits{"Q4_1", 32, 20};
    case TensorType::Q5_0:
      return TensorTypeTraits{"Q5_0", 32, 22};
    case TensorType::Q5_1:
      return TensorTypeTraits{"Q5_1", 32, 24};
    case TensorType::Q8_0:
      return TensorTypeTraits{"Q8_0", 32, 34};
    case TensorType::Q8_1:
      return TensorTypeTraits{"Q8_1", 32, 36};
    case TensorType::Q2_K:
      return TensorTypeTraits{"Q2_K", 256, 84};
    case TensorType::Q3_K:
      return TensorTypeTraits{"Q3_K", 256, 110};
    case TensorType::Q4_K:
      return TensorTypeTraits{"Q4_K", 256, 144};
    case TensorType::Q5_K:
      return TensorTypeTraits{"Q5_K", 256, 176};
    case TensorType::Q6_K:
      return TensorTypeTraits{"Q6_K", 256, 210};
    case TensorType::Q8_K:
      return TensorTypeTraits{"Q8_K", 256, 292};
    case TensorType::IQ2_XXS:
      return TensorTypeTraits{"IQ2_XXS", 256, 66};
    case TensorType::IQ2_XS:
      return TensorTypeTraits{"IQ2_XS", 256, 74};
    case TensorType::IQ3_XXS:
      return TensorTypeTraits{"IQ3_XXS", 256, 98};
    case TensorType::IQ1_S:
      return TensorTypeTraits{"IQ1_S", 256, 50};
    case TensorType::IQ4_NL:
      return TensorTypeTraits{"IQ4_NL", 32, 18};
    case TensorType::IQ3_S:
      return TensorTypeTraits{"IQ3_S", 256, 110};
    case TensorType::IQ2_S:
      return TensorTypeTraits{"IQ2_S", 256, 82};
    case TensorType::IQ4_XS:
      return TensorTypeTraits{"IQ4_XS", 256, 136};
    case TensorType::I8:
      return TensorTypeTraits{"I8", 1, 1};
    case TensorType::I16:
      return TensorTypeTraits{"I16", 1, 2};
    case TensorType::I32:
      return TensorTypeTraits{"I32", 1, 4};
    case TensorType::I64:
      return TensorTypeTraits{"I64", 1, 8};
    case TensorType::F64:
      return TensorTypeTraits{"F64", 1, 8};
    case TensorType::IQ1_M:
      return TensorTypeTraits{"IQ1_M", 256, 56};
    case TensorType::BF16:
      return TensorTypeTraits{"BF16", 1, 2};
    case TensorType::TQ1_0:
      return TensorTypeTraits{"TQ1_0", 256, 54};
    case TensorType::TQ2_0:
      return TensorTypeTraits{"TQ2_0", 256, 66};
    case TensorType::MXFP4:
      return TensorTypeTraits{"MXFP4", 32, 17};
  }
  return std::nullopt;
}

TensorTypeTraits traits(TensorType type) {
  return find_tensor_type(static_cast<std::uint32_t>(type)).value_or(TensorTypeTraits{"unknown", 1, 0});
}

}  // namespace anymetal::model
