; RUN: lanes
; CHECK-COUNT-5: add <32 x i32>
; CHECK-NOT: add <32 x i32>
; CHECK: store <32 x i32>
define void @kernel(ptr %in, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  %s = call i32 @__msl_simd_prefix_inclusive_sum_u32(i32 %v)
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %s, ptr %o
  ret void
}
