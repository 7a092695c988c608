; RUN: obstacle
; CHECK: obstacle: the address of a private array is kept or compared
define void @kernel(ptr %out) {
  %array = alloca [16 x i32]
  store ptr %array, ptr %out
  ret void
}
