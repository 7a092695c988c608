#pragma once
/// \file
/// Everything: devices, buffers, command encoders, the kernel registry.

#include <anymetal/command_encoder.hpp>
#include <anymetal/device.hpp>
#include <anymetal/disk_cache.hpp>
#include <anymetal/error.hpp>
#include <anymetal/function_constant.hpp>
#include <anymetal/log.hpp>
#include <anymetal/pipeline.hpp>
#include <anymetal/pipeline_future.hpp>
#include <anymetal/recorded_commands.hpp>
#include <anymetal/registry.hpp>
#include <anymetal/source_options.hpp>
#include <anymetal/submission.hpp>
#include <anymetal/warm_up.hpp>
