// One call of lockapi.Locking, from its coming to the end of its answer. One that waits is watched: its client may
// cancel it or let its deadline pass, and the server may stop.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

#include "server/doors/grpc/messages.h"
#include "server/doors/grpc_door.h"

namespace lockkeeper::server {

class LockCall;

// The calls under way. Any thread.
class OpenCalls {
 public:
  // False: the server is stopping, and the call is none of these.
  bool enter();
  void over();

  // False: the server is stopping, so it is not to wait.
  bool wait(LockCall& call);
  void waited(LockCall& call);

  // Those that wait are answered soon, their places kept; nobody enters any more.
  void close();
  bool closed() const { return closed_; }
  // Until all are over.
  void wait_for_end(std::chrono::milliseconds limit);

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  std::size_t open_ = 0;
  std::unordered_set<LockCall*> waiting_;
  std::atomic<bool> closed_ = false;
};

class LockCall final : public grpc::ServerUnaryReactor, public IoCall {
 public:
  // Answers by itself, and ends itself after that.
  LockCall(GrpcDesk& desk, OpenCalls& calls, LockdAct act, const grpc::CallbackServerContext& context,
           const grpc::ByteBuffer& request, grpc::ByteBuffer& response);

  void leave() noexcept;  // ends its waiting now; its place is kept, and its answer still comes

  void OnCancel() override;
  void OnDone() override;
  void answered() noexcept override;

 private:
  void begin(const grpc::ByteBuffer& request);
  locks::Command command();
  void watch(locks::Acquire& acquire, bool nameless);
  grpc::Status conclude();
  void finish(grpc::Status status) noexcept;
  bool give_back() noexcept;
  void take_back() noexcept;
  bool say(decltype(engine::Call::question)&& word) noexcept;

  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  GrpcDesk& desk_;
  OpenCalls& calls_;
  const LockdAct act_;
  const grpc::CallbackServerContext& context_;
  grpc::ByteBuffer& response_;

  LockdMessage message_;
  std::string user_;
  std::string claim_, request_;  // of a poll
  std::optional<locks::Command>
      out_;  // of one that can't come back, since nobody was told its name: what takes its place or claim back
  bool waits_ = false;  // it is a poll
  bool gave_back_ = false;
  std::atomic<bool> left_ = false;  // the client
  bool entered_ = false;
  int code_ = 0;
};

// "ipv4:127.0.0.1:4711" as "127.0.0.1:4711".
std::string peer_text(const std::string& peer);

}  // namespace lockkeeper::server
