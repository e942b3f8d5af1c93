// A redis-server of the test's own, on a free port of the loopback, with its data in a folder of its own.
#pragma once

#include <arpa/inet.h>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

namespace gopher {

class RedisServer {
 public:
  explicit RedisServer(std::vector<std::string> options = {}) : options_(std::move(options)) {
    std::string pattern = (std::filesystem::temp_directory_path() / "gopher-redis-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    // Another process may take the free port before the server does.
    for (int attempt = 0; attempt < 5 && pid_ < 0; ++attempt) {
      port_ = free_port();
      start();
    }
    EXPECT_GT(pid_, 0) << "redis-server did not start: is it installed?";
  }
  ~RedisServer() {
    kill();
    std::filesystem::remove_all(folder_);
  }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url() const { return "127.0.0.1:" + std::to_string(port_); }
  void signal(int number) const { ::kill(pid_, number); }
  void kill() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    close(output_);
    pid_ = -1;
  }

  // On the same port; with nothing in it, because nothing is saved. True when it accepts connections.
  bool start() {
    int pipe_ends[2];
    EXPECT_EQ(pipe2(pipe_ends, O_CLOEXEC), 0);
    const std::string port = std::to_string(port_);
    std::vector<const char*> arguments{"redis-server", "--port", port.c_str(),   "--bind", "127.0.0.1",
                                       "--save",       "",       "--appendonly", "no",     "--dir",
                                       folder_.c_str()};
    for (const std::string& option : options_)
      arguments.push_back(option.c_str());
    arguments.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      dup2(pipe_ends[1], STDOUT_FILENO);
      execvp(arguments[0], const_cast<char* const*>(arguments.data()));
      _exit(127);
    }
    close(pipe_ends[1]);
    output_ = pipe_ends[0];
    if (says_ready()) return true;
    kill();
    return false;
  }

 private:
  static std::uint16_t free_port() {
    const int socket_descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(bind(socket_descriptor, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(getsockname(socket_descriptor, reinterpret_cast<sockaddr*>(&address), &length), 0);
    close(socket_descriptor);
    return ntohs(address.sin_port);
  }

  bool says_ready() const {
    std::string said;
    char buffer[4096];
    for (;;) {
      pollfd readable{.fd = output_, .events = POLLIN, .revents = 0};
      if (poll(&readable, 1, 20'000) != 1) return false;
      const ssize_t count = read(output_, buffer, sizeof buffer);
      if (count <= 0) return false;
      said.append(buffer, static_cast<std::size_t>(count));
      if (said.find("eady to accept connections") != std::string::npos) return true;
    }
  }

  std::vector<std::string> options_;
  std::string folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
  int output_ = -1;
};

}  // namespace gopher
