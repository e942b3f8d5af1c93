// gopher-demo-backend: a backend to try GopherProxy with. Answers every request with the number of its server.
#include <cstdio>
#include <string>

#include "core/admin/http_server.h"
#include "core/async/task_group.h"
#include "io/config.h"
#include "io/event_loop.h"
#include "io/health_check.h"
#include "io/listening.h"
#include "io/shutdown_signals.h"

namespace {

class DemoPages final : public gopher::HttpPages {
 public:
  explicit DemoPages(std::uint32_t server)
      : body_("<h1>GopherProxy Demo: Response from SERVER " + std::to_string(server) + "</h1>\n") {}
  gopher::HttpPage respond(std::string_view) override {
    return {.content_type = "text/html; charset=utf-8", .body = body_};
  }

 private:
  std::string body_;
};

gopher::Task<void> serve(gopher::HttpServer& server, gopher::EventLoop& loop) {
  co_await server.run();
  loop.stop();
}

}  // namespace

int main(int argc, char** argv) {
  using namespace gopher;
  const auto config = parse_demo_backend_config(argc, argv, process_environment);
  if (!config) return print_refusal(config.error());

  if (config->health_check) {
    return print_refusal(ask_health("gopher-demo-backend", config->listen_address, config->port, "/"));
  }

  EventLoop loop;
  auto listener = listen_at(loop, {config->listen_address, config->port, "PORT"});
  if (!listener) return print_refusal({1, "gopher-demo-backend: " + listener.error()});
  std::printf("demo backend %u listens on %s\n", config->server, (*listener)->local().to_string().c_str());
  std::fflush(stdout);

  DemoPages pages(config->server);
  HttpServerSettings settings;
  settings.max_connections = 4096;
  settings.any_method = true;
  HttpServer server(loop.clock(), std::move(*listener), pages, settings);
  TaskGroup group;
  const ShutdownSignals signals(loop, [&](std::string_view) { server.close(); }, [] {});
  group.spawn(serve(server, loop));
  loop.run();
  return 0;
}
