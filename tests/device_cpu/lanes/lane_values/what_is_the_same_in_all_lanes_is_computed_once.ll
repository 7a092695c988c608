; RUN: lanes
; CHECK: [[N:%.*]] = load i32, ptr %limit
; CHECK: [[M:%.*]] = mul i32 [[N]], [[N]]
; CHECK: insertelement <32 x i32> poison, i32 [[M]], i64 0
; CHECK: add <32 x i32>
; CHECK-NOT: mul <32 x i32>
define void @kernel(ptr %in, ptr %out, ptr %limit) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  %n = load i32, ptr %limit
  %m = mul i32 %n, %n
  %r = add i32 %v, %m
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %r, ptr %o
  ret void
}
