; RUN: obstacle
; CHECK: obstacle: a private array is filled in divergent flow
define void @kernel(ptr %in, ptr %out) {
entry:
  %array = alloca [16 x i32]
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %low = icmp ult i32 %x, 9
  br i1 %low, label %then, label %end
then:
  call void @llvm.memset.p0.i64(ptr %array, i8 0, i64 64, i1 false)
  br label %end
end:
  %v = load i32, ptr %array
  store i32 %v, ptr %out
  ret void
}
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
