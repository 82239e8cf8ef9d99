// The HTTP/1.1 listener: connections, TLS, limits, time-outs. Beast and Asio stay inside (http/listener.cpp).
//
// Threads: `io_threads` threads of the listener's own. A connection lives on one of them; Service::serve() is
// called there, and an Exchange is only touched there. Io::post() is the way back from any other thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lockkeeper::http {

class Request {
 public:
  virtual std::string_view method() const = 0;  // as sent: case matters
  virtual std::string_view target() const = 0;  // as sent: "/lock/a%2Fb?x=1"; absolute form is stripped to its path
  virtual std::string_view body() const = 0;    // complete
  virtual std::string_view header(std::string_view name) const = 0;  // first of that name, any case; "" if absent

 protected:
  ~Request() = default;
};

// Pulls a long answer in slices, so that no thread is busy for long and no answer is held whole.
class Stream {
 public:
  virtual ~Stream() = default;
  // Calls `done(text, last)` once, now or later, on the exchange's I/O thread. Empty text with last=false is
  // not allowed. Destroyed when the client is gone (then a late `done` must not be called); outside of next(),
  // `done` itself may do that before it returns.
  virtual void next(std::function<void(std::string text, bool last)> done) = 0;
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json; charset=utf-8";  // empty: none
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::unique_ptr<Stream> stream;  // instead of body: chunked (HTTP/1.0: ended by closing)
  bool close = false;
};

// One request and its answer. Lives in the connection from serve() until the answer is written.
class Exchange {
 public:
  // Whatever the service hangs on it until it answers; destroyed after the answer, or with the connection.
  // (A connection is never destroyed between serve() and answer(), also when its client leaves, so what an
  // attachment points to stays valid.)
  class Attachment {
   public:
    virtual ~Attachment() = default;
  };

  virtual const Request& request() const = 0;
  virtual std::size_t io() const = 0;                               // index of its I/O thread
  virtual std::uint64_t id() const = 0;                             // unique in this process
  virtual std::string_view peer() const = 0;                        // "127.0.0.1:4711"
  virtual std::size_t listener() const = 0;                         // index into ListenerSettings::endpoints
  virtual std::chrono::steady_clock::time_point began() const = 0;  // when its first byte was read
  // Exactly once, on its I/O thread. Outside of serve() the answer may be written, the attachment destroyed and the
  // connection be gone before this returns.
  virtual void answer(Response&& response) = 0;
  // A look at what TCP knows now: the client closed its side, reset the connection, or it broke.
  virtual bool client_gone() const = 0;
  // For long polls. Once at most, on its I/O thread, within serve() or later, while the answer is due. `gone` is
  // called once on that thread, never from within this call or serve(), nor after answer(), as soon as the client
  // - closed its side: who half-closes and would still read gives up its answer; over TLS too the FIN counts,
  // - reset the connection, or the network said that it is broken,
  // - left TCP's keepalive probes unanswered for 50 s (or write_timeout if longer): it vanished without a FIN.
  //
  // A client that sends more meanwhile, as in pipelining, is not gone; when it leaves after that, it is noticed
  // within 1.5 s. Its FIN is not noticed when it sent more than the socket's buffer holds. The listener's own hard
  // end is not the client's leaving.
  //
  // answer() stays due, `gone` itself may call it: nothing is written, Service::finished() gets status 0, and the
  // connection ends. `gone` is destroyed after its call, or by answer(), or with the connection.
  virtual void when_client_gone(std::function<void()> gone) = 0;

  std::unique_ptr<Attachment> attachment;
  std::uint32_t mark = 0;  // the service's own word on this request; 0 when serve() is called

 protected:
  ~Exchange() = default;
};

class Service {
 public:
  virtual ~Service() = default;
  // On the exchange's I/O thread. Must lead to exchange.answer(), now or later. Must not throw or block.
  virtual void serve(Exchange& exchange) = 0;
  // What the listener answers by itself: 400 (not HTTP, bad length), 408, 413, 417, 431, 501, 503 (too many),
  // 505.
  virtual Response fault(unsigned status, std::string_view text) = 0;
  // After an answer was written (or failed to be): for the log. `status` 0: the client left before.
  virtual void finished(const Exchange& exchange, unsigned status, std::size_t body_bytes) = 0;
  // A fault answered without an exchange, or a failed TLS handshake; for the log. `id`: as an exchange's.
  virtual void faulted(std::uint64_t id, std::string_view peer, unsigned status, std::string_view text) = 0;
};

struct Endpoint {
  std::string address;     // "127.0.0.1", "::1", "0.0.0.0"
  std::uint16_t port = 0;  // 0: any free one; see Listener::ports()
};

// A connection whose request waits holds about 2 KiB of memory, over TLS about 72 KiB: OpenSSL's and Asio's
// records.
struct TlsSettings {
  std::string certificate_file;  // PEM chain
  std::string key_file;          // PEM
};

struct ListenerSettings {
  std::vector<Endpoint> endpoints;
  std::unique_ptr<TlsSettings> tls;  // none: plain
  std::size_t io_threads = 1;
  std::size_t connections = 16'384;  // more are answered 503 and closed
  std::size_t header_bytes = 8 * 1024;
  std::size_t body_bytes = 64 * 1024;
  std::chrono::milliseconds read_timeout = std::chrono::seconds(15);   // first byte of a request to its last
  std::chrono::milliseconds write_timeout = std::chrono::seconds(30);  // without progress
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(75);   // between requests
  std::chrono::milliseconds handshake_timeout = std::chrono::seconds(10);
};

struct ListenerCounters {
  std::uint64_t connections = 0;  // open now
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::uint64_t requests = 0;
};

// Thrown by Listener's constructor and reload(): cannot bind, bad certificate. For the operator.
class ListenError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Listener {
 public:
  // Binds and listens; nothing is accepted before start().
  Listener(ListenerSettings settings, Service& service);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start();                              // starts the I/O threads
  std::vector<std::uint16_t> ports() const;  // one an endpoint
  std::size_t io_threads() const;
  void post(std::size_t io, std::function<void()> task);  // any thread

  // Reads certificate and key again; connections that stand keep the old one. Throws ListenError and changes
  // nothing when they do not load. Any thread.
  void reload_tls();

  // Any thread but an I/O thread. Stops accepting, closes idle connections, lets requests under way be answered
  // (with Connection: close) for at most `grace`, closes the rest hard, ends the threads. Idempotent.
  void stop(std::chrono::milliseconds grace);

  ListenerCounters counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockkeeper::http
