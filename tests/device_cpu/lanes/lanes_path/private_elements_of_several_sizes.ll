; RUN: obstacle
; CHECK: obstacle: a private array is accessed in elements of several sizes
define void @kernel(ptr %out) {
  %array = alloca [16 x i32]
  store i32 5, ptr %array
  %v = load i16, ptr %array
  store i16 %v, ptr %out
  ret void
}
