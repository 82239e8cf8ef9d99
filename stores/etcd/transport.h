// gRPC as the client sees it: bytes to a method at one of a few endpoints, streams, and the one thread on which all
// comes back. This is the only file's pair that knows gRPC.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lockkeeper::stores::etcd {

// The texts of PEM files.
struct Tls {
  bool on = false;
  std::string ca;  // empty: the system's
  std::string certificate;
  std::string key;
  std::string server_name;  // instead of the endpoint's host; empty: that one
};

// gRPC's status codes that mean something here.
enum class Code : int {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  aborted = 10,
  out_of_range = 11,
  internal = 13,
  unavailable = 14,
  unauthenticated = 16
};

struct Status {
  Code code = Code::ok;
  std::string message;
  bool ok() const { return code == Code::ok; }
};

class Transport {
 public:
  // What runs on the transport's thread.
  class Work {
   public:
    virtual void woken() = 0;      // after wake()
    virtual void turn_over() = 0;  // all that had come back is through
    virtual void tick() = 0;       // every quarter of a second
   protected:
    ~Work() = default;
  };

  // Both are called on the transport's thread, `ended` once and last.
  struct StreamEnds {
    std::function<void(std::string_view)> received;
    std::function<void(const Status&)> ended;
  };

  class Stream {
   public:
    virtual ~Stream() = default;
    virtual void send(std::string bytes) = 0;
    virtual void close() = 0;  // neither of the ends is called any more
  };

  using Done = std::function<void(const Status&, std::string_view reply)>;

  Transport(const std::vector<std::string>& endpoints, const Tls& tls);
  ~Transport();

  void start(Work& work);
  void stop();  // gives up what is under way; any thread but its own
  void wake();  // any thread

  // On its thread only. `endpoint` is an index. An empty token is not sent.
  void call(std::size_t endpoint, const char* method, const std::string& request, std::chrono::milliseconds timeout,
            const std::string& token, Done done);
  std::shared_ptr<Stream> stream(std::size_t endpoint, const char* method, const std::string& token,
                                 StreamEnds ends);

 private:
  class Wires;
  std::unique_ptr<Wires> wires_;
};

}  // namespace lockkeeper::stores::etcd
