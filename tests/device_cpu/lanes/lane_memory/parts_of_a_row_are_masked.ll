; Where the processor has masked accesses of that width; else the whole is read if all lanes are there, and each lane's
; element if they are not: nothing is read or written for a lane that is elsewhere.
; RUN: lanes
; RUN: lanes x86-64-v3 AVX2
; RUN: lanes aarch64-linux-gnu:neoverse-n1 NEON
; CHECK: [[HALF:%.*]] = call <32 x i16> @llvm.masked.load.v32i16.p0(ptr %{{.*}}, i32 2, <32 x i1> [[MASK:%.*]], <32 x i16> poison)
; CHECK: call void @llvm.masked.store.v32i32{{.*}}<32 x i1> [[MASK]])
; AVX2: [[ALL:%.*]] = icmp eq i32 {{.*}}, -1
; AVX2: br i1 [[ALL]], label %fast, label %general
; AVX2: fast:
; AVX2: load <32 x half>
; AVX2: general:
; AVX2: call <32 x i16> @lanes.gather.near.2(
; AVX2: call void @llvm.masked.store.v32i32{{.*}}<32 x i1>
; NEON: [[ALL:%.*]] = icmp eq i32 {{.*}}, -1
; NEON: br i1 [[ALL]], label
; NEON: call void @lanes.gather.2(
; NEON: call void @lanes.scatter.4(
; NEON-NOT: masked
define void @kernel(ptr %in, ptr %out, ptr %limit) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %n = load i32, ptr %limit
  %low = icmp ult i32 %x, %n
  br i1 %low, label %then, label %end
then:
  %p = getelementptr half, ptr %in, i64 %wide
  %h = load half, ptr %p, align 2
  %v = fpext half %h to float
  %o = getelementptr float, ptr %out, i64 %wide
  store float %v, ptr %o
  br label %end
end:
  ret void
}
