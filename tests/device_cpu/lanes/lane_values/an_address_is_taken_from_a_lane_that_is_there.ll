; Lane 0's index may have wrapped around: the first lane of the mask is asked, and stepped back.
; RUN: lanes
; CHECK: buffers: below 4 GiB
; CHECK: [[LANE:%.*]] = {{.*}}call {{.*}}@llvm.cttz.i32(i32 [[MASK:%.*]], i1 true)
; CHECK: [[OWN:%.*]] = add i32 {{.*}}[[LANE]]
; CHECK: zext i32 [[OWN]] to i64
; CHECK: masked.load.v32i32
; CHECK-NOT: masked.gather
define void @kernel(ptr %in, ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %before = add i32 %x, -8
  %there = icmp ugt i32 %x, 7
  br i1 %there, label %add, label %end
add:
  %wide = zext i32 %before to i64
  %q = getelementptr i32, ptr %in, i64 %wide
  %w = load i32, ptr %q
  %own = zext i32 %x to i64
  %o = getelementptr i32, ptr %out, i64 %own
  store i32 %w, ptr %o
  br label %end
end:
  ret void
}
