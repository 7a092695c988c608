; RUN: obstacle
; CHECK: obstacle: it calls 'llvm.memmove.p0.p0.i64'
define void @kernel(ptr %in, ptr %out) {
  call void @llvm.memmove.p0.p0.i64(ptr %out, ptr %in, i64 64, i1 false)
  ret void
}
declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)
