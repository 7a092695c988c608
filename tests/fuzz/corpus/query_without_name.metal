constant int n [[function_constant(0)]];
constant int n_or = is_function_constant_defined ? n : 32;
constant int span = n_or * 7 - 1;
kernel void width(device uchar* o) { o[0] = span < 20 ? 1 : 2; }
