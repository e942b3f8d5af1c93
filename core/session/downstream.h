// Downstream: the client's side of a session.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "core/async/input_buffer.h"
#include "core/async/stream_reader.h"

namespace gopher {

struct Downstream {
  Downstream(std::unique_ptr<Stream> accepted, BufferPool& buffers)
      : stream(std::move(accepted)), reader(*stream), input(buffers), peer_text(stream->peer().ip.to_string()) {}

  std::unique_ptr<Stream> stream;
  StreamReader reader;
  InputBuffer input;
  const std::string peer_text;
  // The event loop has had its turn since the last request: what upstream connections have to say has been heard.
  bool waited = false;
  // No request is read after this one.
  bool last_request = false;
};

}  // namespace gopher
