; What each way brings is taken for the lanes that came that way.
; RUN: lanes
; CHECK: [[LOW:%.*]] = icmp ult <32 x i32>
; CHECK: [[LANES:%.*]] = freeze <32 x i1> [[LOW]]
; CHECK: [[MASK:%.*]] = bitcast <32 x i1> [[LANES]] to i32
; CHECK: [[REST:%.*]] = xor i32 [[MASK]], -1
; CHECK: [[LESS:%.*]] = sub <32 x i32>
; CHECK: [[OTHERS:%.*]] = bitcast i32 [[REST]] to <32 x i1>
; CHECK: masked.store{{.*}}<32 x i32> [[LESS]],{{.*}}<32 x i1> [[OTHERS]])
; CHECK: body.then:
; CHECK: [[TIMES:%.*]] = mul <32 x i32>
; CHECK: masked.store{{.*}}<32 x i32> [[TIMES]],{{.*}}<32 x i1> [[LANES]])
; CHECK: [[BOTH:%.*]] = select <32 x i1> [[LANES]], <32 x i32> [[TIMES]], <32 x i32>
; CHECK: phi <32 x i32> [ [[BOTH]],
; CHECK: store <32 x i32>
define void @kernel(ptr %in, ptr %out, ptr %limit) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %o = getelementptr i32, ptr %out, i64 %wide
  %v = load i32, ptr %p
  %n = load i32, ptr %limit
  %low = icmp ult i32 %v, %n
  br i1 %low, label %then, label %else
then:
  %a = mul i32 %v, 3
  store i32 %a, ptr %p
  br label %meet
else:
  %b = sub i32 %v, %n
  store i32 %b, ptr %p
  br label %meet
meet:
  %r = phi i32 [ %a, %then ], [ %b, %else ]
  store i32 %r, ptr %o
  ret void
}
