"""The rules between folders, as data. design.md gives the reasons; check_layering.py applies them."""

import re

# Where source files stand. Everything else in the tree is not looked at.
SOURCE_FOLDERS = ("core", "io", "sim", "proxy", "sentinel", "docker", "tests", "fuzz", ".dev", ".ci")
SOURCE_SUFFIXES = (".h", ".cpp", ".py", ".sh", ".cmake")
SOURCE_NAMES = ("CMakeLists.txt", "dev", "run")

MAX_FILE_LINES = 500
MAX_LINE_COLUMNS = 120

BANNED_NAME_WORDS = {"manager", "util", "utils", "helper", "helpers", "common", "misc"}

# Folder (the longest that matches counts) → folders whose headers its files may include.
DATA_PATH = ("core/ports/", "core/async/", "core/http/", "core/limit/", "core/balance/", "core/upstream/", "core/session/")
MAY_INCLUDE = {
    "core/ports/": ("core/ports/", "core/async/"),
    "core/async/": ("core/ports/", "core/async/"),
    "core/http/": DATA_PATH,
    "core/limit/": DATA_PATH,
    "core/balance/": DATA_PATH,
    "core/upstream/": DATA_PATH,
    "core/session/": DATA_PATH,
    "core/": ("core/",),
    "io/redis/": ("core/", "io/redis/"),
    "io/": ("core/", "io/"),
    "sim/": ("core/", "sim/", "io/redis/"),
    "proxy/": ("core/", "io/", "proxy/"),
    "sentinel/": ("core/", "io/", "sentinel/"),
    "docker/": ("core/", "io/", "docker/"),
    "tests/unit/": ("core/", "tests/"),
    "tests/data_path/": ("core/", "sim/", "tests/"),
    "tests/": ("core/", "io/", "sim/", "tests/"),
    "fuzz/": ("core/", "io/", "sim/", "tests/", "fuzz/"),
}
WHY_NOT = {
    ("core/ports/", "core/"): "ports and the coroutine kit stand below everything else; move what both need down",
    ("core/async/", "core/"): "ports and the coroutine kit stand below everything else; move what both need down",
    ("core/", "core/"): "the data path never knows health, membership or admin: they meet only in the pool's snapshot",
    ("core/", "io/"): "core does no I/O; take a port of core/ports as a parameter",
    ("core/", "sim/"): "core never knows the simulator; take a port of core/ports as a parameter",
    ("sim/", "io/"): "the simulator has bindings of its own; of io/ it shares only the Redis client over Stream (io/redis)",
    ("io/redis/", "io/"): "the Redis client runs over any Stream, so that it can be simulated; take a port as a parameter",
    ("io/", "sim/"): "production code never knows the simulator",
}

# Written by CMake into the build folder: how their paths begin.
GENERATED_HEADERS = ("version_stamp.h", "embedded/")

STANDARD_HEADERS = set(
    """algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes climits
    clocale cmath codecvt compare complex concepts condition_variable coroutine csetjmp csignal cstdarg cstddef cstdint
    cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception execution expected filesystem format forward_list
    fstream functional future initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map
    memory memory_resource mutex new numbers numeric optional ostream queue random ranges ratio regex scoped_allocator
    semaphore set shared_mutex source_location span spanstream sstream stack stacktrace stdexcept stop_token streambuf
    string string_view strstream syncstream system_error thread tuple type_traits typeindex typeinfo unordered_map
    unordered_set utility valarray variant vector version""".split()
)

# Third-party and POSIX headers: pattern → path patterns of the files that may include it, and what to do elsewhere.
# The first pattern that matches a header counts. POSIX (anything in .h that nothing else matches) comes last.
OUTSIDE_HEADERS = (
    (r"boost/", r"^(io/.*\.cpp|tests/(io|contract|redis|end_to_end|bench)/.*|docker/.*\.cpp)$", "only io/*.cpp sees Asio: hide it behind a port or an opaque impl"),
    (r"liburing", r"^io/uring\w*\.(h|cpp)$", "only io/uring*: hide it behind a port or an opaque impl"),
    (r"spdlog/|fmt/", r"^(io/.*\.cpp|tests/io/.*)$", "only io/*.cpp sees spdlog: tell the Observer what happened"),
    (r"prometheus/", r"^(io/.*\.cpp|tests/io/.*)$", "only io/*.cpp sees prometheus-cpp: tell the Observer what happened"),
    (r"CLI/", r"^(io|sim|docker)/.*\.cpp$", "only the .cpp that reads settings sees CLI11: pass a settings struct"),
    (r"hiredis/", r"^(io/redis/.*\.cpp|tests/.*)$", "only io/redis/*.cpp sees hiredis: use the Registry port"),
    (r"nlohmann/|yaml-cpp/", r"^(io|sim|tests|docker)/.*\.cpp$", "only .cpp files outside core read JSON or YAML"),
    (r"llhttp\.h$", r"^(core/http|tests|fuzz)/", "only core/http sees llhttp: use the parser of core/http"),
    (r"g(test|mock)/|rapidcheck", r"^(tests|fuzz)/", "tests only"),
    (r"arpa/inet\.h$", r"^(core/ports/address\.cpp|io/.*\.cpp|tests/.*|docker/.*\.cpp)$", "use IpAddress and Endpoint of core/ports/address.h"),
    (r".*", r"^(io|docker|tests/(io|contract|redis|end_to_end|bench))/", "only io/ talks to the system: use a port of core/ports"),
)  # fmt: skip

# Code that must behave the same in the simulator: no real time, randomness, threads, environment, output.
SIMULATED = r"^(core|sim|io/redis)/(?!main\.cpp$)"
CORE = r"^(core|io/redis)/"

# Standard headers banned there: pattern of files, headers, what to use instead.
BANNED_HEADERS = (
    (SIMULATED, {"thread", "future", "condition_variable", "stop_token", "barrier", "latch", "semaphore"}, "coroutines and TaskGroup of core/async; threads are made in io/"),
    (SIMULATED, {"random"}, "the keyed streams of core/ports/random.h"),
    (SIMULATED, {"ctime", "csignal"}, "the Clock port of core/ports/clock.h; signals are io/'s"),
    (CORE, {"iostream", "fstream", "syncstream"}, "the Observer port; core neither prints nor opens files"),
    (CORE, {"filesystem", "format", "regex", "locale"}, "parse and write by hand: core opens no files and builds no locale"),
)  # fmt: skip

# Words banned there (comments and string literals are not looked at): files, pattern, what to use instead.
BANNED_WORDS = (
    (SIMULATED, r"\b(?:steady_clock|system_clock|high_resolution_clock|utc_clock|clock_gettime|gettimeofday)\b", "the time is a parameter: Clock of core/ports/clock.h"),
    (SIMULATED, r"\b(?:this_thread|usleep|nanosleep)\b", "co_await sleep_for of core/async/sleep.h"),
    (SIMULATED, r"\brandom_device\b|\bmt19937(?:_64)?\b|\bminstd_rand0?\b|\bdefault_random_engine\b|\b(?:std::|::|\b)s?rand\s*\(", "the keyed streams of core/ports/random.h"),
    (SIMULATED, r"\bstd::\w+_distribution\b|\bgenerate_canonical\b|\bstd::(?:ranges::)?(?:shuffle|sample)\b", "integer arithmetic of core/ports/random.h: std:: results differ between libraries"),
    (SIMULATED, r"\b(?:secure_)?getenv\b", "settings come as a struct; io/ reads flags and environment"),
    (SIMULATED, r"\bstd::(?:jthread|thread|async|promise|condition_variable)\b", "coroutines and TaskGroup of core/async"),
    (SIMULATED, r"(?<![\w>])::(?:socket|connect|accept|read|write|recv\w*|send\w*|poll)\s*\(|\b(?:epoll_\w+|getaddrinfo|setsockopt)\s*\(", "the Network port of core/ports/network.h"),
    (CORE, r"\b(?:std::)?(?:cout|cerr|clog|printf|puts)\b", "the Observer port; core prints nothing"),
    (r"^core/(?!async/check\.cpp$)", r"\b(?:std::)?(?:fprintf|stderr|stdout|fopen)\b|\bstd::(?:abort|exit)\b", "GOPHER_CHECK of core/async/check.h for what must hold; the Observer port for the rest"),
    (r"^core/(?!async/frame_pool\.cpp$)", r"\bthread_local\b", "no global state: make it a member of what the worker owns"),
    (SIMULATED, r"\bstd::hash\b", "a hash of our own: std:: results differ between libraries"),
    (r"\.(h|cpp)$", r"\bdelete\s+this\b", "an owner that joins it: TaskGroup, unique_ptr"),
)  # fmt: skip

# Words that no source file may hold, comments included.
LEFT_OPEN = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")

# What core's archive may leave undefined, in the linker's names, after the symbols of its own objects are taken away.
BANNED_SYMBOLS = (
    (r"_ZNSt6chrono3_V2\d+(?:steady|system)_clock.*|clock_gettime|gettimeofday|time|localtime(?:_r)?|gmtime(?:_r)?", "the Clock port"),
    (r"nanosleep|usleep|sleep|poll|ppoll|select", "timers of the Clock port, waits of the Network port"),
    (r"_ZNSt13random_device.*|s?rand(?:om|om_r|_r)?|getrandom|getentropy|arc4random.*", "the keyed streams of core/ports/random.h"),
    (r"_ZNSt6thread.*|pthread_create|pthread_join|fork|vfork|_ZNSt18condition_variable.*", "coroutines and TaskGroup of core/async"),
    (r"(?:secure_)?getenv|setenv", "settings come as a struct; io/ reads flags and environment"),
    (r"socket|connect|accept4?|bind|listen|recv(?:from|msg)?|send(?:to|msg)?|shutdown|(?:get|set)sockopt|getaddrinfo|epoll_\w+|eventfd|io_uring_\w+", "the Network port"),
    (r"f?open(?:64)?|close|read|write|readv|writev|fopen(?:64)?|fread|unlink|_ZNSt(?:14|13)basic_(?:if|of|file|f)\w+|_ZSt4c(?:out|err|log|in)|_ZNSt8ios_base4InitC1Ev", "core opens nothing: streams of the Network port, the Observer port for output"),
    (r"redis\w+|_ZN5boost.*|_ZN6spdlog.*|_ZN10prometheus.*", "core links the standard library and llhttp only"),
)  # fmt: skip
ALLOWED_SYMBOLS = re.compile(
    r"""
    _Z (?: N?K?St | NKSt | NSa | NSs | T[VISTC]N?K?S[tais] | T[VISTC]N10__cxxabiv1 | T[VIS][a-z] | na?[wm] | dl | da
       | N10__cxxabiv1 | GVZNSt | ZNSt | NS[aiost] | NKS[aiost] | S[tais] ) .*
  | __cxa_\w+ | __gxx_personality_v0 | _Unwind_\w+ | __stack_chk_fail | _GLOBAL_OFFSET_TABLE_ | __dso_handle
  | __tls_get_addr | __tls_init | _ITM_\w+ | __gmon_start__ | __cxa_thread_atexit | __errno_location | __libc_single_threaded
  | mem(?:cpy|move|set|cmp|chr|rchr|mem) | str(?:len|nlen|cmp|ncmp|chr|rchr|casecmp|ncasecmp|str|toll?|toull?|tod|toul)
  | __(?:mem|str|f?printf|vf?printf|snprintf|vsnprintf)\w*_chk | snprintf | bcmp | isdigit | isalpha | isspace | tolower | toupper
  | abort | fprintf | stderr | __assert_fail | malloc | free | calloc | realloc | aligned_alloc
  | inet_pton | inet_ntop | htons | ntohs | htonl | ntohl
  | pthread_(?:mutex_\w+|once|key_create|getspecific|setspecific|rwlock_\w+) | __pthread_key_create
  | (?:floor|ceil|round|lround|llround|trunc|sqrt|pow|exp2?|log2?|log10|log1p|fmod|ldexp|frexp|cos|sin)[fl]?
  | __(?:u?div|u?mod|mul)[a-z0-9]+ | __popcount\w+ | __clz\w+ | __float\w+ | __fix\w+
  | llhttp_\w+
  | __(?:asan|ubsan|tsan|sanitizer|lsan|msan|gcov|llvm)_\w+ | __sanitizer\w+ | _?_?dynamic_\w+
    """,
    re.VERBOSE,
)
