; Sixteen lanes count up from a multiple of sixteen.
; RUN: shapes/16
; CHECK: xw: linear 1
; CHECK: lane: linear 1
; CHECK-NOT: lane: linear 1 lane
; CHECK: low: linear 1 lane
; CHECK: half: uniform
; CHECK: quarter: divergent
define void @kernel(ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %index = call i32 @__msl_thread_index_in_threadgroup()
  %xw = zext i32 %x to i64
  store volatile i64 %xw, ptr %out
  %lane = and i32 %index, 31
  store volatile i32 %lane, ptr %out
  %low = and i32 %index, 15
  store volatile i32 %low, ptr %out
  %half = lshr i32 %index, 4
  store volatile i32 %half, ptr %out
  %quarter = lshr i32 %index, 3
  store volatile i32 %quarter, ptr %out
  ret void
}
