; RUN: lanes
; CHECK: [[FIRST:%.*]] = mul i32 {{.*}}, 3
; CHECK: insertelement <32 x i32> poison, i32 [[FIRST]], i64 0
; CHECK: add {{.*}}<i32 0, i32 3, i32 6, i32 9,
; CHECK-NOT: mul <32 x i32>
define void @kernel(ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %index = call i32 @__msl_thread_index_in_threadgroup()
  %third = mul i32 %x, 3
  %wide = zext i32 %index to i64
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %third, ptr %o
  ret void
}
