; Each lane from its own copies: 4 bytes for each lane before it.
; RUN: lanes
; CHECK: <i64 0, i64 4, i64 8, i64 12,
; CHECK: masked.gather.v32f32
define void @kernel(ptr %in, ptr %which, ptr %out) {
  %array = alloca [16 x float]
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr float, ptr %in, i64 %wide
  %v = load float, ptr %p
  %a = getelementptr float, ptr %array, i64 3
  store float %v, ptr %a
  %w = getelementptr i64, ptr %which, i64 %wide
  %n = load i64, ptr %w
  %b = getelementptr float, ptr %array, i64 %n
  %r = load float, ptr %b
  %o = getelementptr float, ptr %out, i64 %wide
  store float %r, ptr %o
  ret void
}
