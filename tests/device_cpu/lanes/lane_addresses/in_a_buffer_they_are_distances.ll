; From the middle of the largest buffer, 2^31 - 2^16 bytes on, so that 32 bits reach all of it; in 32-bit arithmetic.
; RUN: lanes
; RUN: lanes aarch64-linux-gnu:neoverse-n1 NEON
; CHECK: buffers: below 4 GiB
; CHECK: [[MIDDLE:%.*]] = getelementptr i8, ptr %in, i64 2147418112
; CHECK: [[BYTES:%.*]] = shl <32 x i32> %{{.*}}, <i32 2,
; CHECK: [[FAR:%.*]] = add <32 x i32> [[BYTES]], <i32 -2147418112,
; CHECK: [[INDEX:%.*]] = sext <32 x i32> [[FAR]] to <32 x i64>
; CHECK: [[AT:%.*]] = getelementptr i8, ptr [[MIDDLE]], <32 x i64> [[INDEX]]
; CHECK: masked.gather.v32i32.v32p0(<32 x ptr> [[AT]],
; NEON: buffers: any
; NEON: call void @lanes.gather.4(
define void @kernel(ptr %in, ptr %picks, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %picks, i64 %wide
  %pick = load i32, ptr %p
  %picked = sext i32 %pick to i64
  %from = getelementptr i32, ptr %in, i64 %picked
  %v = load i32, ptr %from
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %v, ptr %o
  ret void
}
