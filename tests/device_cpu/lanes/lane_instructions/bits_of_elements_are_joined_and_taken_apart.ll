; Four bytes of a lane become one word: shifts and ors of vectors, nothing lane by lane.
; RUN: lanes
; CHECK-COUNT-3: shl nuw {{.*}}<32 x i32>
; CHECK-NOT: extractelement
; CHECK: store <32 x i32>
define void @kernel(ptr %in, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr <4 x i8>, ptr %in, i64 %wide
  %v = load <4 x i8>, ptr %p
  %word = bitcast <4 x i8> %v to i32
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %word, ptr %o
  ret void
}
