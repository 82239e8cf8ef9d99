// A client of an etcd cluster: one endpoint of those given at a time, another when it fails, a token where there is
// a user, one watch that goes on where it was interrupted.
//
// All of it happens on one thread of the client's own: the methods below the line are called there, from the Host's
// or from what was handed to them. Nothing is ever sent twice, but for what etcd refused because a token had
// expired.
//
// An endpoint that does not answer in time or loses its connection makes the client `away`: what is asked then
// fails at once, and all endpoints are asked, every quarter of a second, for a linearizable read; the first that
// answers is the one from then on.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "stores/etcd/messages.h"
#include "stores/etcd/transport.h"

namespace lockkeeper::stores::etcd {

using Time = std::chrono::steady_clock::time_point;

struct ClientOptions {
  std::vector<std::string> endpoints;  // HOST:PORT
  std::string user;                    // empty: nobody
  std::string password;
  Tls tls;
  std::chrono::milliseconds timeout{1500};
  std::string probe_key;  // read to find out whether an endpoint serves
};

struct WatchEvent {
  std::string key;
  std::string value;
  bool deleted = false;
};

struct WatchWish {
  std::string key;
  std::string end;
  std::int64_t from = 0;  // the first revision
  std::function<void(std::vector<WatchEvent>)> events;
  std::function<void()> missed;  // what came before now has been compacted, in part
};

struct Lease {
  std::int64_t id = 0;
  std::chrono::seconds ttl{0};
};

class Client final : private Transport::Work {
 public:
  // Called on the client's thread.
  class Host {
   public:
    virtual void woken() {}      // after wake()
    virtual void turn_over() {}  // all that had come back is through
    virtual void tick() {}       // every quarter of a second
    virtual void away() {}
    virtual void back() {}
    virtual void still_away() {}  // one endpoint more could not be reached: last_failure()

   protected:
    ~Host() = default;
  };

  template <class Reply>
  using Done = std::function<void(Result<Reply>)>;

  Client(ClientOptions options, Host& host);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Any thread.
  void start();
  void stop();  // what is under way comes back as unknown; not on its own thread
  void wake() { transport_.wake(); }
  bool ready() const { return ready_.load(std::memory_order_relaxed); }

  // ---- its own thread
  void txn(Txn txn, Time until, Done<TxnReply> done);
  void put(Put put, std::chrono::milliseconds timeout, Done<std::int64_t> done);  // the revision
  // With that number, so that it can be revoked where the answer is lost.
  void grant(std::int64_t lease, std::chrono::seconds ttl, Done<Lease> done);
  void keep_alive(std::int64_t lease, Done<Lease> done);  // ttl 0: it has gone
  void revoke(std::int64_t lease, Done<std::monostate> done);
  void status(std::size_t endpoint, Done<std::string> done);  // the server's version
  void watch(WatchWish wish);                                 // at most one
  // Why it is away; `hopeless`: trying again will not help (a wrong password).
  const Failure& last_failure() const { return last_failure_; }
  bool hopeless() const { return hopeless_; }

 private:
  struct Asked;
  class Watching;
  struct Endpoint {
    std::string name;
    bool probed = false;  // a probe is under way
  };
  using Answered = std::function<void(const Status&, std::string_view reply)>;

  void woken() override;
  void turn_over() override { host_.turn_over(); }
  void tick() override;

  void ask(const char* method, std::string request, Time until, Answered answered);
  void send(std::shared_ptr<Asked> asked);
  void returned(const std::shared_ptr<Asked>& asked, std::size_t endpoint, std::uint64_t token_edition,
                const Status& status, std::string_view reply);
  void broke(std::size_t endpoint, const Status& status);
  void probe_all();
  void probe(std::size_t endpoint);
  void probed(std::size_t endpoint, const Status& status);
  void authenticate(std::size_t endpoint, std::function<void(const Status&)> done);
  void renew_token();
  Failure failure(std::size_t endpoint, const Status& status) const;

  ClientOptions options_;
  Host& host_;
  Transport transport_;
  std::atomic<bool> ready_ = false;
  bool begun_ = false;

  std::vector<Endpoint> endpoints_;
  std::size_t current_ = 0;
  std::string token_;
  std::uint64_t token_edition_ = 0;
  bool renewing_ = false;
  std::vector<std::shared_ptr<Asked>> unauthorized_;  // wait for the token
  Failure last_failure_;
  bool hopeless_ = false;
  std::unique_ptr<Watching> watching_;
};

// What a status says of the request, in etcd's words; for tests.
Failure::Kind kind_of(const Status& status);

}  // namespace lockkeeper::stores::etcd
