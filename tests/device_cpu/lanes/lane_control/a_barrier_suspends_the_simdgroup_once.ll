; Its number goes to the site, and the function returns there; the kernel goes on from there in the resume function.
; RUN: lanes
; CHECK: define internal void @k.lanes(
; CHECK: store i32 11, ptr %out
; CHECK: store i32 -2147483648, ptr
; CHECK: icmp eq i8 -1, 0
; CHECK-NEXT: br i1 {{.*}}, label %resumed, label %[[RETURN:.*]]
; CHECK: define internal fastcc void @k.lanes.resume(
; CHECK-NOT: store i32 11
; CHECK-NOT: store i32 -2147483648
; CHECK: store i32 22, ptr
; CHECK: store i32 -2147483647, ptr
; CHECK: store i32 33, ptr
; CHECK: store i32 -1, ptr
; CHECK: switch i1
; CHECK-NEXT: label %resume.0
; CHECK-NEXT: label %resume.1
define void @kernel(ptr %out) {
  store i32 11, ptr %out
  call void @__msl_threadgroup_barrier(i32 2)
  store i32 22, ptr %out
  call void @__msl_threadgroup_barrier(i32 2)
  store i32 33, ptr %out
  ret void
}
