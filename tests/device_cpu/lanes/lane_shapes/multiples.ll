; A row of the threadgroup is a multiple of 32 long: numbers of rows of 32 in the grid are the same in all lanes, and the place in
; them is the lane's number.
; RUN: shapes
; CHECK: at: linear 1
; CHECK: row: uniform
; CHECK: place: linear 1 lane
; CHECK: wide: linear 1
; CHECK-NOT: conditional
; CHECK: odd: divergent
;
; Where the last lanes may be missing a row may have any length.
; RUN: shapes/ends32 x86-64-v4 ENDS
; ENDS: row: divergent
define void @kernel(ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %group = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %size = call i32 @__msl_dispatch_threads_per_threadgroup(i32 0)
  %origin = mul i32 %group, %size
  %at = add i32 %origin, %x
  %row = lshr i32 %at, 5
  store volatile i32 %row, ptr %out
  %place = and i32 %at, 31
  store volatile i32 %place, ptr %out
  %wide = zext i32 %at to i64
  store volatile i64 %wide, ptr %out
  %shifted = add i32 %at, 1
  %odd = lshr i32 %shifted, 5
  store volatile i32 %odd, ptr %out
  ret void
}
