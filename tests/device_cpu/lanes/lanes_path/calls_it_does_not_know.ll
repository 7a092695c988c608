; RUN: obstacle
; CHECK: obstacle: it calls 'llvm.prefetch.p0'
define void @kernel(ptr %in) {
  call void @llvm.prefetch.p0(ptr %in, i32 0, i32 3, i32 1)
  ret void
}
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)
