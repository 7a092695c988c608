; Whether all lanes are there or some of them.
; RUN: lanes
; CHECK: store atomic i32 1, ptr %out monotonic
; CHECK-NOT: store atomic
; CHECK: body.then:
; CHECK: store atomic i32 2, ptr %out monotonic
; CHECK-NOT: store atomic
; CHECK-NOT: @llvm.cttz
; CHECK: ret void
define void @kernel(ptr %in, ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  store atomic i32 1, ptr %out monotonic, align 4
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  %low = icmp ult i32 %v, 100
  br i1 %low, label %then, label %end
then:
  store atomic i32 2, ptr %out monotonic, align 4
  br label %end
end:
  ret void
}
