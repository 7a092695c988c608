; By the function that copies them, for each lane that is there; once where all lanes copy the same.
; RUN: lanes
; CHECK: call void @llvm.memcpy.p0.p0.i64(ptr {{.*}}%out, ptr {{.*}}%in, i64 256, i1 false)
; CHECK: body.then:
; CHECK: lane:
; CHECK: [[LEFT:%.*]] = phi i32 [
; CHECK: call {{.*}}@llvm.cttz.i32(i32 [[LEFT]], i1 true)
; CHECK: call void @llvm.memcpy.p0.p0.i64(ptr {{.*}}, ptr {{.*}}, i64 48, i1 false)
; CHECK-NOT: llvm.memcpy
; CHECK: and i32 [[LEFT]],
define void @kernel(ptr %in, ptr %out, ptr %limit) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  call void @llvm.memcpy.p0.p0.i64(ptr %out, ptr %in, i64 256, i1 false)
  %n = load i32, ptr %limit
  %low = icmp ult i32 %x, %n
  br i1 %low, label %then, label %end
then:
  %p = getelementptr [64 x i8], ptr %in, i64 %wide
  %q = getelementptr [48 x i8], ptr %out, i64 %wide
  call void @llvm.memcpy.p0.p0.i64(ptr %q, ptr %p, i64 48, i1 false)
  br label %end
end:
  ret void
}
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
