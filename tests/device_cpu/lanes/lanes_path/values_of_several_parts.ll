; RUN: obstacle
; CHECK: obstacle: it has a value of a type made of several parts in 'load'
define void @kernel(ptr %in, ptr %out) {
  %pair = load { i32, float }, ptr %in
  store { i32, float } %pair, ptr %out
  ret void
}
