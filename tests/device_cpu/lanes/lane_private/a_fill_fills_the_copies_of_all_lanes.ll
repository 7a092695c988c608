; RUN: lanes
; CHECK: call void @llvm.memset.p0.i64(ptr {{.*}}%private, i8 0, i64 2048, i1 false)
define void @kernel(ptr %in, ptr %out, ptr %limit) {
  %array = alloca [16 x float]
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  call void @llvm.memset.p0.i64(ptr %array, i8 0, i64 64, i1 false)
  %n = load i32, ptr %limit
  %at = zext i32 %n to i64
  %b = getelementptr float, ptr %array, i64 %at
  %r = load float, ptr %b
  %o = getelementptr float, ptr %out, i64 %wide
  store float %r, ptr %o
  ret void
}
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
