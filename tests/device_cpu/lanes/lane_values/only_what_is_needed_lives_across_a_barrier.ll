; One vector of what differs between lanes: what can be computed again from one other is, and the position is lane 0's
; number.
; RUN: lanes
; CHECK: frame: %k.lanes.Frame = type { ptr, ptr, ptr, ptr, i32, i1, <32 x i32> }
; CHECK: define internal void @k.lanes(
; CHECK: load <32 x i32>
; CHECK: store <32 x i32> %{{.*}}, ptr %{{.*}}spill
; CHECK: define internal fastcc void @k.lanes.resume(
; CHECK: [[V:%.*]] = load <32 x i32>, ptr %{{.*}}reload
; CHECK-NOT: load <32 x i32>
; CHECK: add <32 x i32> [[V]],
; CHECK: mul <32 x i32>
define void @kernel(ptr %in, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  %dropped = add i32 %v, 5
  %kept = mul i32 %dropped, %v
  call void @__msl_threadgroup_barrier(i32 2)
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %kept, ptr %o
  ret void
}
