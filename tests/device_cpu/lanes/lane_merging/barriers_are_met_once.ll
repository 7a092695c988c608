; Two threads a simdgroup apart: each has its own element, what is the same in both is computed once.
; RUN: merged/32x2
; CHECK: [[X:%.*]] = add nuw nsw i32 [[FIRST:%.*]], 32
; CHECK: %same = load i32, ptr %size
; CHECK-NOT: load i32, ptr %size
; CHECK: %mine = getelementptr i32, ptr %in, i32 [[FIRST]]
; CHECK-NEXT: getelementptr i32, ptr %in, i32 [[X]]
; CHECK: store i32 %same, ptr %mine
; CHECK-NEXT: store i32 %same
; CHECK-NEXT: call void @__msl_threadgroup_barrier
; CHECK-NOT: call void @__msl_threadgroup_barrier
; CHECK: ret void
define void @kernel(ptr %in, ptr %out, ptr %size) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %same = load i32, ptr %size
  %mine = getelementptr i32, ptr %in, i32 %x
  store i32 %same, ptr %mine
  call void @__msl_threadgroup_barrier(i32 2)
  %v = load i32, ptr %mine
  %o = getelementptr i32, ptr %out, i32 %x
  store i32 %v, ptr %o
  ret void
}
