; RUN: obstacle
; CHECK: obstacle: a private array is copied as a block of memory
define void @kernel(ptr %in, ptr %out) {
  %array = alloca [16 x i32]
  call void @llvm.memcpy.p0.p0.i64(ptr %array, ptr %in, i64 64, i1 false)
  %v = load i32, ptr %array
  store i32 %v, ptr %out
  ret void
}
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
