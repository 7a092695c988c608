; One for each lane that is there, in the order of the lanes.
; RUN: lanes
; CHECK: body.then:
; CHECK: br label %lane
; CHECK: lane:
; CHECK: [[LEFT:%.*]] = phi i32 [
; CHECK: call {{.*}}@llvm.cttz.i32(i32 [[LEFT]], i1 true)
; CHECK: atomicrmw add ptr %{{.*}}, i32 %{{.*}} monotonic
; CHECK-NOT: atomicrmw
; CHECK: and i32 [[LEFT]],
; CHECK: br i1
define void @kernel(ptr %in, ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  %low = icmp ult i32 %v, 100
  br i1 %low, label %then, label %end
then:
  %before = atomicrmw add ptr %out, i32 %v monotonic
  %o = getelementptr i32, ptr %in, i64 %wide
  store i32 %before, ptr %o
  br label %end
end:
  ret void
}
