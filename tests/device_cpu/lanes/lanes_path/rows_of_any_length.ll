; Lanes past the end of a row return at once; accesses are masked.
; RUN: lanes/ends16
; CHECK: icmp ult <16 x i32>
; CHECK: bitcast <16 x i1>
; CHECK: call <16 x i32> @llvm.masked.load.v16i32.p0
; CHECK: call void @llvm.masked.store.v16i32.p0
;
; In rows of multiples of 16 all lanes are there.
; RUN: lanes/16 x86-64-v4 WHOLE
; WHOLE-NOT: masked
; WHOLE: load <16 x i32>
; WHOLE: store <16 x i32>
define void @kernel(ptr %in, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p, align 4
  %r = mul i32 %v, %v
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %r, ptr %o, align 4
  ret void
}
