#pragma once
/// \file
/// Which pipelines Gemma 3 asks for, known before the model file is read.

#include <anymetal/device.hpp>

#include <string>
#include <vector>

namespace anymetal::model {

/// Keys for `warm_up`: what a run of Gemma 3 270M in its published file's block formats asks for on this kind of device.
/// Larger models of the family share most of them.
std::vector<std::string> gemma3_manifest(const Device& device);

}  // namespace anymetal::model
