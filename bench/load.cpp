// The load generator of the bench: one thread, N connections, each with one request under way. The same loop
// speaks to Lockkeeper (lock and unlock in turn), to nginx (the same requests) and to Redis (SET), so that the
// figures differ by the server alone. Only answers that are a success count; anything else is an error.
//
//   load --what lock|hold|redis|lockd|lease|leased|keepalive|renew --port P --connections C --locks L --seconds S |
//   --requests N
// `lock`: PUT then DELETE, each one operation; connection i goes round the locks i, i+C, i+2C ... (with fewer
// locks than connections some share one, under one key and each as its own holder). `hold`: PUT of L different
// 32-byte names, once each. `lockd`: as `lock`, at lockd's door; nobody shares there, so there have to be as many
// locks as connections. `lease` and `leased`: new leases on new names, at shared-lock's door and at the native one.
// `keepalive` and `renew`: each connection renews a lease of its own, likewise. Prints one JSON object.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string what = "lock";
  std::uint16_t port = 0;
  std::uint64_t connections = 1;
  std::uint64_t locks = 64;
  std::uint64_t requests = 0;
  double seconds = 5;
};

struct Connection {
  int socket = -1;
  std::uint64_t index = 0;
  std::uint64_t turn = 0;  // requests made
  std::string answer;
  std::string request;
  std::string lease;  // its id, or empty
  Clock::time_point sent;
};

std::string name(std::uint64_t lock) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "bench-lock-%021llu", static_cast<unsigned long long>(lock));
  return text.data();
}

// As random as the numbers that the server gives, and as long (splitmix64).
std::uint64_t scattered(std::uint64_t number) {
  number += 0x9e3779b97f4a7c15U;
  number = (number ^ (number >> 30U)) * 0xbf58476d1ce4e5b9U;
  number = (number ^ (number >> 27U)) * 0x94d049bb133111ebU;
  return (number ^ (number >> 31U)) >> 1U;
}

class Load {
 public:
  explicit Load(Options options) : options_(std::move(options)), poll_(epoll_create1(0)) {}

  void run() {
    connections_.resize(options_.connections);
    for (std::uint64_t index = 0; index < options_.connections; ++index) connect(connections_[index], index);
    began_ = Clock::now();
    const auto warm = began_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
                                   options_.requests != 0 ? 0 : options_.seconds * 0.2));
    const auto end =
        warm + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.seconds));
    for (Connection& connection : connections_) send(connection);
    std::array<epoll_event, 512> events{};
    bool counting = false;
    while (under_way_ > 0) {
      const int ready = epoll_wait(poll_, events.data(), static_cast<int>(events.size()), 5000);
      if (ready <= 0) throw std::runtime_error("no answer for 5 seconds");
      const auto now = Clock::now();
      if (!counting && now >= warm) {
        counting = true;
        began_ = now;
        successes_ = errors_ = 0;
        latencies_.clear();
      }
      stopping_ = options_.requests != 0 ? false : now >= end;
      if (stopping_ && ended_ == Clock::time_point()) ended_ = now, counted_ = successes_;
      for (int at = 0; at < ready; ++at) read(connections_[events[at].data.u64]);
    }
    if (ended_ == Clock::time_point()) ended_ = Clock::now(), counted_ = successes_;
  }

  void print() {
    std::sort(latencies_.begin(), latencies_.end());
    const auto at = [&](double part) {
      return latencies_.empty()
                 ? 0
                 : latencies_[static_cast<std::size_t>(part * static_cast<double>(latencies_.size() - 1))];
    };
    const double seconds = std::chrono::duration<double>(ended_ - began_).count();
    std::printf(
        "{\"operations\":%llu,\"asked\":%llu,\"errors\":%llu,\"seconds\":%.3f,\"per_second\":%.0f,\"p50_us\":%u,"
        "\"p99_us\":%u}\n",
        static_cast<unsigned long long>(counted_), static_cast<unsigned long long>(asked_),
        static_cast<unsigned long long>(errors_), seconds, static_cast<double>(counted_) / seconds, at(0.5),
        at(0.99));
  }

 private:
  void connect(Connection& connection, std::uint64_t index) {
    connection.index = index;
    connection.socket = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options_.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(connection.socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
    }
    const int one = 1;
    setsockopt(connection.socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    epoll_ctl(poll_, EPOLL_CTL_ADD, connection.socket, &event);
  }

  // False: this connection has nothing more to ask.
  bool make_request(Connection& connection) {
    const std::uint64_t step = connection.turn++;
    std::string& text = connection.request;
    if (options_.what == "hold") {
      if (next_ >= options_.locks) return false;
      http(text, "PUT", next_++, 0);
      return true;
    }
    if (options_.requests != 0 && next_++ >= options_.requests) return false;
    const std::uint64_t mine = std::max<std::uint64_t>(1, options_.locks / options_.connections);
    const std::uint64_t lock = (connection.index + (step / 2 % mine) * options_.connections) % options_.locks;
    if (options_.what == "lockd") {
      http(text, step % 2 == 0 ? "POST" : "DELETE", "/lockd/lock/" + name(lock), "");
    } else if (options_.what == "lease" || (options_.what == "keepalive" && step == 0)) {
      http(text, "POST", "/shared-lock/lease",
           "{\"key\":\"" + name(connection.index + step * options_.connections) + "\",\"value\":\"bench\"}",
           "x-lease-ttl: 1h\r\n");
    } else if (options_.what == "leased" || (options_.what == "renew" && step == 0)) {
      // What the other door makes of its request: a number that nothing else has, as key, name and request.
      const std::uint64_t lock_number = connection.index + step * options_.connections;
      connection.lease = std::to_string(scattered(lock_number));
      http(text, "PUT", "/lock/" + name(lock_number),
           "{\"key\":\"" + connection.lease + "\",\"requestor\":\"bench\",\"claim\":\"bench:" + connection.lease +
               "\",\"request\":\"" + connection.lease + "\",\"ttl\":\"1h\",\"metadata\":{\"lease\":\"" +
               connection.lease + "\"}}");
    } else if (options_.what == "keepalive") {
      http(text, "POST", "/shared-lock/keepalive", connection.lease);
    } else if (options_.what == "renew") {
      http(text, "POST", "/lock/" + name(connection.index) + "/renew",
           "{\"key\":\"" + connection.lease + "\",\"claim\":\"bench:" + connection.lease + "\"}");
    } else if (options_.what == "redis") {
      const std::string key = name(lock);
      text = "*3\r\n$3\r\nSET\r\n$" + std::to_string(key.size()) + "\r\n" + key +
             "\r\n$28\r\n{\"key\":\"bench\",\"held\":true} \r\n";
    } else {
      http(text, step % 2 == 0 ? "PUT" : "DELETE", lock, connection.index);
    }
    return true;
  }

  static void http(std::string& text, const char* method, std::uint64_t lock, std::uint64_t holder) {
    http(text, method, "/lock/" + name(lock),
         "{\"key\":\"bench\",\"requestor\":\"c" + std::to_string(holder) + "\"}");
  }

  static void http(std::string& text, const char* method, const std::string& path, const std::string& body,
                   const char* headers = "") {
    text = std::string(method) + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + headers +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  void send(Connection& connection) {
    if (stopping_ || !make_request(connection)) return;
    connection.sent = Clock::now();
    ++under_way_;
    ++asked_;
    if (::send(connection.socket, connection.request.data(), connection.request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(connection.request.size())) {
      throw std::runtime_error("short write");
    }
  }

  void read(Connection& connection) {
    std::array<char, 8192> buffer{};
    const ssize_t got = recv(connection.socket, buffer.data(), buffer.size(), 0);
    if (got <= 0) throw std::runtime_error("the server closed a connection");
    connection.answer.append(buffer.data(), static_cast<std::size_t>(got));
    const int success = complete(connection.answer);
    if (success < 0) return;
    if (options_.what == "keepalive" && connection.lease.empty()) {
      connection.lease = connection.answer.substr(connection.answer.find("\r\n\r\n") + 4);
    }
    connection.answer.clear();
    --under_way_;
    if (success == 1) {
      ++successes_;
      latencies_.push_back(static_cast<std::uint32_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - connection.sent).count()));
    } else {
      ++errors_;
    }
    send(connection);
  }

  // -1: not whole yet; 0: an error; 1: a success.
  int complete(std::string_view answer) const {
    if (options_.what == "redis") return answer.find("\r\n") == std::string_view::npos ? -1 : answer == "+OK\r\n";
    const std::size_t end = answer.find("\r\n\r\n");
    if (end == std::string_view::npos) return -1;
    const std::size_t at = answer.find("Content-Length: ");
    if (at == std::string_view::npos || at > end) throw std::runtime_error("an answer without Content-Length");
    const std::size_t length = std::strtoull(answer.data() + at + 16, nullptr, 10);
    if (answer.size() < end + 4 + length) return -1;
    return answer.substr(9, 3) == "200" || answer.substr(9, 3) == "201";
  }

  Options options_;
  int poll_;
  std::vector<Connection> connections_;
  std::vector<std::uint32_t> latencies_;
  std::uint64_t successes_ = 0, errors_ = 0, counted_ = 0, asked_ = 0, under_way_ = 0, next_ = 0;
  bool stopping_ = false;
  Clock::time_point began_, ended_;
};

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> given;
  for (int at = 1; at + 1 < argc; at += 2) given[argv[at]] = argv[at + 1];
  Options options;
  const auto number = [&](const char* flag, std::uint64_t otherwise) {
    return given.count(flag) != 0 ? std::strtoull(given[flag].c_str(), nullptr, 10) : otherwise;
  };
  if (given.count("--what") != 0) options.what = given["--what"];
  options.port = static_cast<std::uint16_t>(number("--port", 0));
  options.connections = number("--connections", 1);
  options.locks = number("--locks", 64);
  options.requests = number("--requests", 0);
  if (given.count("--seconds") != 0) options.seconds = std::atof(given["--seconds"].c_str());
  try {
    Load load(options);
    load.run();
    load.print();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "load: %s\n", error.what());
    return 1;
  }
}
