#include "parts/large_pages.hpp"

#include <sstream>
#include <string>

namespace anymetal::cli {

std::optional<double> large_page_share(std::istream& smaps, std::string_view path) {
  const std::string end = " " + std::string(path);
  double resident = 0;
  double large = 0;
  bool is_of_file = false;
  for (std::string line; std::getline(smaps, line);) {
    std::istringstream words(line);
    std::string name;
    double kilobytes = 0;
    words >> name;
    if (!name.ends_with(':')) {  // "7f00-7f10 r--p ... path" begins a mapping
      is_of_file = line.ends_with(end);
    } else if (is_of_file && words >> kilobytes) {
      if (name == "Rss:") resident += kilobytes;
      if (name == "FilePmdMapped:") large += kilobytes;
    }
  }
  if (resident == 0) return std::nullopt;
  return large / resident;
}

}  // namespace anymetal::cli
