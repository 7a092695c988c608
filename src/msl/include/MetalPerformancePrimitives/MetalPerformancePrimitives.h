#pragma once
#include <metal_stdlib>
#include <metal_tensor>
#include <metal_cooperative_tensor>
#include "__msl/matmul2d.h"
#include "__msl/convolution2d.h"
