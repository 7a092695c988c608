; RUN: obstacle
; CHECK: obstacle: it contains 'cmpxchg'
define void @kernel(ptr %out) {
  %pair = cmpxchg ptr %out, i32 0, i32 1 monotonic monotonic
  ret void
}
