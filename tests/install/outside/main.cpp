#include <anymetal/error.hpp>
#include <cstdio>
int main() { std::puts(std::string(anymetal::to_string(anymetal::ErrorCode::IoError)).c_str()); }
