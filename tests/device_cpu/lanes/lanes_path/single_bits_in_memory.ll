; RUN: obstacle
; CHECK: obstacle: it stores single bits
define void @kernel(ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %odd = trunc i32 %x to i1
  store i1 %odd, ptr %out
  ret void
}
