; It begins at its first thread, so that the lanes below 40 are known.
; RUN: lanes/group32x2
; CHECK: buffers:
; CHECK-NOT: frame:
; CHECK: define internal void @k.lanes(
; CHECK-NOT: coro
; CHECK: store <32 x i32>
; CHECK: call void @llvm.masked.store.v32i32.p0(<32 x i32> {{.*}}, <32 x i1> <i1 true, i1 true, i1 true, i1 true, i1 true, i1 true, i1 true, i1 true, i1 false,
; CHECK: ret void
define void @kernel(ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %o = getelementptr i32, ptr %out, i64 %wide
  %c = icmp ult i32 %x, 40
  call void @__msl_threadgroup_barrier(i32 2)
  br i1 %c, label %low, label %after
low:
  store i32 %x, ptr %o
  br label %after
after:
  ret void
}
