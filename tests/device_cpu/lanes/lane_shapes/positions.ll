; x counts up with the lane, y and z are those of the row; the number of the lane is known, that of its simdgroup shared.
; RUN: shapes
; CHECK: xw: linear 1
; CHECK: yw: uniform
; CHECK: indexw: linear 1
; CHECK: lane: linear 1 lane
; CHECK: simdgroup: uniform
; CHECK: half: divergent
; CHECK: column: linear 1
; CHECK: row: uniform
; CHECK: groupw: uniform
define void @kernel(ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %y = call i32 @__msl_thread_position_in_threadgroup(i32 1)
  %index = call i32 @__msl_thread_index_in_threadgroup()
  %group = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %xw = zext i32 %x to i64
  store volatile i64 %xw, ptr %out
  %yw = zext i32 %y to i64
  store volatile i64 %yw, ptr %out
  %indexw = zext i32 %index to i64
  store volatile i64 %indexw, ptr %out
  %lane = and i32 %index, 31
  store volatile i32 %lane, ptr %out
  %simdgroup = lshr i32 %index, 5
  store volatile i32 %simdgroup, ptr %out
  %half = lshr i32 %index, 4
  store volatile i32 %half, ptr %out
  %column = urem i32 %x, 96
  store volatile i32 %column, ptr %out
  %row = udiv i32 %x, 96
  store volatile i32 %row, ptr %out
  %groupw = zext i32 %group to i64
  store volatile i64 %groupw, ptr %out
  ret void
}
