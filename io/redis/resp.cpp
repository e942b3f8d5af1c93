#include "io/redis/resp.h"

#include <cstdlib>
#include <new>
#include <utility>

#include <hiredis/hiredis.h>

#include "core/async/check.h"

namespace gopher {

std::string encode(std::span<const RedisCommand> commands) {
  std::string bytes;
  std::vector<const char*> arguments;
  std::vector<std::size_t> lengths;
  for (const RedisCommand& command : commands) {
    arguments.clear();
    lengths.clear();
    for (const std::string& argument : command) {
      arguments.push_back(argument.data());
      lengths.push_back(argument.size());
    }
    char* formatted = nullptr;
    const auto length =
        redisFormatCommandArgv(&formatted, static_cast<int>(arguments.size()), arguments.data(), lengths.data());
    if (length < 0) throw std::bad_alloc();
    bytes.append(formatted, static_cast<std::size_t>(length));
    redisFreeCommand(formatted);
  }
  return bytes;
}

// hiredis calls back for each value that it has read; the tree is ours, so that nothing is allocated for what a header
// merely announces, and a type of a newer protocol is refused instead of guessed at.
struct RespReader::Impl {
  explicit Impl(const RespLimits& bounds) : limits(bounds) {
    functions.createString = [](const redisReadTask* task, char* text, std::size_t length) -> void* {
      RespValue::Type type = RespValue::Type::bulk;
      if (task->type == REDIS_REPLY_ERROR) {
        type = RespValue::Type::error;
      } else if (task->type == REDIS_REPLY_STATUS) {
        type = RespValue::Type::status;
      } else if (task->type != REDIS_REPLY_STRING) {
        return nullptr;
      }
      RespValue* value = place(task, type);
      if (value) value->text.assign(text, length);
      return value;
    };
    set_create_array(functions.createArray);
    functions.createInteger = [](const redisReadTask* task, long long integer) -> void* {
      RespValue* value = place(task, RespValue::Type::integer);
      if (value) value->integer = integer;
      return value;
    };
    functions.createNil = [](const redisReadTask* task) -> void* {
      // An absent bulk string or array; hiredis 1.x also knows the newer protocol's "_".
      return task->type == REDIS_REPLY_NIL ? nullptr : place(task, RespValue::Type::nil);
    };
    functions.freeObject = [](void*) {};
    refuse_newer_types(functions);
    reader.reset(redisReaderCreateWithFunctions(&functions));
    if (!reader) throw std::bad_alloc();
    reader->privdata = this;
  }

  // Where the value of `task` belongs; null, which ends the reading, when a bound is passed. A parent's elements grow
  // one by one and only while no child of it is being read, so pointers to values under way stay good.
  static RespValue* place(const redisReadTask* task, RespValue::Type type) {
    auto& self = *static_cast<Impl*>(task->privdata);
    std::size_t depth = 0;
    for (const redisReadTask* parent = task->parent; parent; parent = parent->parent)
      ++depth;
    if (++self.values > self.limits.max_values || depth > self.limits.max_depth) {
      self.over_limit = true;
      return nullptr;
    }
    RespValue* value = &self.root;
    if (task->parent) {
      value = &static_cast<RespValue*>(task->parent->obj)->elements.emplace_back();
    } else {
      self.root = RespValue();
    }
    value->type = type;
    return value;
  }

  // The count is an int in hiredis 0.14 and a size_t in 1.x.
  template <class Count>
  static void set_create_array(void* (*&create_array)(const redisReadTask*, Count)) {
    create_array = [](const redisReadTask* task, Count) -> void* {
      return task->type == REDIS_REPLY_ARRAY ? place(task, RespValue::Type::array) : nullptr;
    };
  }

  // hiredis 1.x makes up a pointer for a double or a boolean when nobody takes it.
  template <class Functions>
  static void refuse_newer_types(Functions& all) {
    if constexpr (requires { all.createDouble; }) {
      all.createDouble = [](const redisReadTask*, double, char*, std::size_t) -> void* { return nullptr; };
      all.createBool = [](const redisReadTask*, int) -> void* { return nullptr; };
    }
  }

  struct FreeReader {
    void operator()(redisReader* unneeded) const noexcept { redisReaderFree(unneeded); }
  };

  RespLimits limits;
  redisReplyObjectFunctions functions{};
  std::unique_ptr<redisReader, FreeReader> reader;
  RespValue root;
  std::size_t bytes = 0;
  std::size_t unclaimed = 0;  // bytes that belong to no reply taken so far; hiredis may have read into them
  std::size_t values = 0;
  bool over_limit = false;
};

RespReader::RespReader(const RespLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
RespReader::~RespReader() = default;

void RespReader::begin() noexcept { impl_->bytes = 0; }

std::expected<void, ErrorKind> RespReader::feed(std::span<const std::byte> bytes) {
  impl_->bytes += bytes.size();
  if (impl_->bytes > impl_->limits.max_bytes) return std::unexpected(ErrorKind::too_large);
  const auto* data = reinterpret_cast<const char*>(bytes.data());
  if (redisReaderFeed(impl_->reader.get(), data, bytes.size()) != REDIS_OK) {
    return std::unexpected(ErrorKind::malformed);
  }
  impl_->unclaimed += bytes.size();
  return {};
}

std::expected<std::optional<RespValue>, ErrorKind> RespReader::next() {
  void* reply = nullptr;
  if (redisReaderGetReply(impl_->reader.get(), &reply) != REDIS_OK) {
    return std::unexpected(impl_->over_limit ? ErrorKind::too_large : ErrorKind::malformed);
  }
  if (!reply) return std::nullopt;
  GOPHER_CHECK(reply == &impl_->root);
  impl_->values = 0;
  impl_->unclaimed = impl_->reader->len - impl_->reader->pos;
  return std::exchange(impl_->root, RespValue());
}

bool RespReader::has_leftover() const noexcept { return impl_->unclaimed > 0; }

}  // namespace gopher
