// Runs a target on the files of the given paths (folders: every file within), without libFuzzer: for ctest, for g++ and
// for AFL++ (afl-fuzz … -- fuzz_TARGET @@). A broken invariant ends it.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

// In an order that does not depend on the file system.
std::set<std::filesystem::path> files_of(const std::filesystem::path& path) {
  std::set<std::filesystem::path> files;
  if (!std::filesystem::is_directory(path)) {
    files.insert(path);
  } else {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (entry.is_regular_file()) files.insert(entry.path());
    }
  }
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t count = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& path : files_of(argv[i])) {
      std::ifstream file(path, std::ios::binary);
      if (!file) {
        std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
        return 2;
      }
      const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
      // Before it runs, so that a run which does not come back has named its input.
      std::printf("%s\n", path.c_str());
      std::fflush(stdout);
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
      ++count;
    }
  }
  if (count == 0) {
    std::fprintf(stderr, "usage: %s FILE_OR_FOLDER…\n", argv[0]);
    return 2;
  }
  std::printf("%zu inputs, no finding\n", count);
  return 0;
}
