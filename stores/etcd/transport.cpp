#include "stores/etcd/transport.h"

#include <grpc/grpc.h>
#include <grpcpp/alarm.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

namespace lockkeeper::stores::etcd {
namespace {

constexpr std::chrono::milliseconds kTick{250};

// What the completion queue gives back.
class Tag {
 public:
  virtual void done(bool ok) = 0;

 protected:
  ~Tag() = default;
};

grpc::ByteBuffer buffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

// Calls `use` with what is in it.
template <class Use>
void read(grpc::ByteBuffer& buffer, Use use) {
  grpc::Slice slice;
  if (!buffer.TrySingleSlice(&slice).ok() && !buffer.DumpToSingleSlice(&slice).ok()) return use(std::string_view());
  use(std::string_view(reinterpret_cast<const char*>(slice.begin()), slice.size()));
}

Status status_of(const grpc::Status& status) {
  return {static_cast<Code>(status.error_code()), status.error_message()};
}

std::string system_roots() {
  for (const char* path : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"}) {
    std::ifstream file(path);
    if (file) return {std::istreambuf_iterator<char>(file), {}};
  }
  return {};
}

std::shared_ptr<grpc::Channel> channel(const std::string& endpoint, const Tls& tls, int number) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // nobody sends a Txn twice behind our back
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);  // how long one try to connect may take
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, 1000);
  // etcd hangs up on who pings more often than every 5 s.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 3'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  // Channels with equal arguments would share a connection: two stores in one process do not.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt("lockkeeper.channel", number);
  if (!tls.on) return grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), arguments);
  if (!tls.server_name.empty()) arguments.SetSslTargetNameOverride(tls.server_name);
  const grpc::SslCredentialsOptions pem{tls.ca.empty() ? system_roots() : tls.ca, tls.key, tls.certificate};
  return grpc::CreateCustomChannel(endpoint, grpc::SslCredentials(pem), arguments);
}

void describe(grpc::ClientContext& context, const std::string& token) {
  if (!token.empty()) context.AddMetadata("token", token);
  // A member that has lost its leader says so instead of waiting for one.
  context.AddMetadata("hasleader", "true");
}

}  // namespace

class Transport::Wires {
 public:
  Wires(const std::vector<std::string>& endpoints, const Tls& tls) {
    int number = 0;
    for (const auto& each : endpoints) stubs_.emplace_back(channel(each, tls, number++));
  }

  void start(Work& work) {
    work_ = &work;
    thread_ = std::thread([this] { run(); });
  }

  void stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    wake();
    no_more_wakes_ = true;
    thread_.join();
  }

  void wake() {
    if (!woken_.exchange(true)) alarm_.Set(&queue_, gpr_inf_past(GPR_CLOCK_MONOTONIC), &waking_);
  }

  class Call;
  class TwoWay;

  void call(std::size_t endpoint, const char* method, const std::string& request, std::chrono::milliseconds timeout,
            const std::string& token, Done done);
  std::shared_ptr<Stream> stream(std::size_t endpoint, const char* method, const std::string& token,
                                 StreamEnds ends);

 private:
  class Waking final : public Tag {
   public:
    explicit Waking(Wires& wires) : wires_(wires) {}
    void done(bool) override {
      wires_.woken_ = false;
      if (wires_.stopping_) return wires_.give_up();
      wires_.work_->woken();
    }

   private:
    Wires& wires_;
  };

  void run();
  void give_up();

  std::vector<grpc::GenericStub> stubs_;
  grpc::CompletionQueue queue_;
  Work* work_ = nullptr;
  std::atomic<bool> woken_ = false;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> no_more_wakes_ = false;  // an alarm must not be set once the queue is shut
  grpc::Alarm alarm_;
  Waking waking_{*this};
  std::thread thread_;

  // The thread's.
  bool given_up_ = false;
  Call* calls_ = nullptr;  // all that are under way, linked both ways
  std::vector<std::weak_ptr<TwoWay>> streams_;
  std::size_t open_ = 0;  // tags that will come back
};

class Transport::Wires::Call final : public Tag {
 public:
  Call(Wires& wires, Done done) : wires_(wires), done_(std::move(done)), next_(wires.calls_) {
    if (next_ != nullptr) next_->previous_ = this;
    wires.calls_ = this;
    ++wires.open_;
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() {
    (previous_ != nullptr ? previous_->next_ : wires_.calls_) = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
    --wires_.open_;
  }

  void begin(grpc::GenericStub& stub, const char* method, const std::string& request,
             std::chrono::milliseconds timeout, const std::string& token) {
    describe(context_, token);
    context_.set_deadline(gpr_time_from_millis(timeout.count(), GPR_TIMESPAN));
    reader_ = stub.PrepareUnaryCall(&context_, method, buffer(request), &wires_.queue_);
    reader_->StartCall();
    reader_->Finish(&reply_, &status_, this);
  }

  void cancel() { context_.TryCancel(); }
  Call* next() const { return next_; }

  void done(bool) override {
    const std::unique_ptr<Call> self(this);
    if (!status_.ok()) return done_(status_of(status_), {});
    read(reply_, [this](std::string_view bytes) { done_(Status(), bytes); });
  }

 private:
  Wires& wires_;
  Done done_;
  Call* next_;
  Call* previous_ = nullptr;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader_;
  grpc::ByteBuffer reply_;
  grpc::Status status_;
};

// Keeps itself alive until each of its tags is back.
class Transport::Wires::TwoWay final : public Stream, public std::enable_shared_from_this<TwoWay> {
 public:
  TwoWay(Wires& wires, StreamEnds ends) : wires_(wires), ends_(std::move(ends)) {}

  void begin(grpc::GenericStub& stub, const char* method, const std::string& token) {
    describe(context_, token);
    line_ = stub.PrepareCall(&context_, method, &wires_.queue_);
    line_->StartCall(expect(&TwoWay::started));
    // The queue has the tag, and gives it back to done().
  }  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks)

  void send(std::string bytes) override {
    to_send_.push_back(std::move(bytes));
    if (started_ && !sending_ && !finishing_) send_next();
  }

  void close() override {
    closed_ = true;
    context_.TryCancel();
  }

 private:
  using Step = void (TwoWay::*)(bool);
  class Expected final : public Tag {
   public:
    Expected(std::shared_ptr<TwoWay> owner, Step step) : owner_(std::move(owner)), step_(step) {
      ++owner_->wires_.open_;
    }
    void done(bool ok) override {
      const std::unique_ptr<Expected> self(this);
      --owner_->wires_.open_;
      ((*owner_).*step_)(ok);
    }

   private:
    std::shared_ptr<TwoWay> owner_;
    Step step_;
  };

  void* expect(Step step) { return static_cast<Tag*>(new Expected(shared_from_this(), step)); }

  void started(bool ok) {
    if (!ok) return finish();
    started_ = true;
    receive_next();
    if (!to_send_.empty()) send_next();
  }

  void receive_next() { line_->Read(&incoming_, expect(&TwoWay::received)); }

  void received(bool ok) {
    if (!ok) return finish();
    read(incoming_, [this](std::string_view bytes) {
      if (!closed_) ends_.received(bytes);
    });
    receive_next();
  }

  void send_next() {
    sending_ = true;
    line_->Write(buffer(to_send_.front()), expect(&TwoWay::sent));
    to_send_.pop_front();
  }

  void sent(bool ok) {
    sending_ = false;
    if (ok && !finishing_ && !to_send_.empty()) send_next();
  }

  void finish() {
    if (std::exchange(finishing_, true)) return;
    line_->Finish(&status_, expect(&TwoWay::finished));
  }

  void finished(bool) {
    const StreamEnds ends = std::exchange(ends_, {});
    if (!std::exchange(closed_, true)) ends.ended(status_of(status_));
  }

  Wires& wires_;
  StreamEnds ends_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> line_;
  grpc::ByteBuffer incoming_;
  grpc::Status status_;
  std::deque<std::string> to_send_;
  bool started_ = false, sending_ = false, finishing_ = false, closed_ = false;
};

void Transport::Wires::call(std::size_t endpoint, const char* method, const std::string& request,
                            std::chrono::milliseconds timeout, const std::string& token, Done done) {
  auto* one = new Call(*this, std::move(done));
  one->begin(stubs_[endpoint], method, request, timeout, token);
}

std::shared_ptr<Transport::Stream> Transport::Wires::stream(std::size_t endpoint, const char* method,
                                                            const std::string& token, StreamEnds ends) {
  auto one = std::make_shared<TwoWay>(*this, std::move(ends));
  std::erase_if(streams_, [](const auto& each) { return each.expired(); });
  streams_.push_back(one);
  one->begin(stubs_[endpoint], method, token);
  return one;
}

void Transport::Wires::give_up() {
  given_up_ = true;
  for (Call* each = calls_; each != nullptr; each = each->next()) each->cancel();
  for (const auto& each : streams_) {
    if (const auto one = each.lock()) one->close();
  }
}

void Transport::Wires::run() {
  using Clock = std::chrono::steady_clock;
  auto next_tick = Clock::now() + kTick;
  while (!given_up_ || open_ > 0 || !no_more_wakes_) {
    // One wait, then whatever is there already. Not "now": gRPC rounds that up, and would wait for a millisecond.
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next_tick - Clock::now());
    auto until = gpr_time_from_millis(std::max<std::int64_t>(wait.count(), 0), GPR_TIMESPAN);
    for (int taken = 0; taken < 256; ++taken) {
      void* tag = nullptr;
      bool ok = false;
      if (queue_.AsyncNext(&tag, &ok, until) != grpc::CompletionQueue::GOT_EVENT) break;
      static_cast<Tag*>(tag)->done(ok);
      until = gpr_inf_past(GPR_CLOCK_MONOTONIC);
    }
    if (!given_up_ && Clock::now() >= next_tick) {
      next_tick = Clock::now() + kTick;
      work_->tick();
    }
    work_->turn_over();
  }
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

Transport::Transport(const std::vector<std::string>& endpoints, const Tls& tls)
    : wires_((grpc_init(), std::make_unique<Wires>(endpoints, tls))) {}

// A handshake may still go on in a thread of gRPC's, which lets go of gRPC when it is over: OpenSSL must not be
// taken down by exit() meanwhile. gRPC has nothing to wait on for that; where somebody else uses it too, it never
// comes.
Transport::~Transport() {
  stop();
  wires_.reset();
  grpc_shutdown();
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
  while (grpc_is_initialized() != 0 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void Transport::start(Work& work) {
  wires_->start(work);
}

void Transport::stop() {
  wires_->stop();
}

void Transport::wake() {
  wires_->wake();
}

void Transport::call(std::size_t endpoint, const char* method, const std::string& request,
                     std::chrono::milliseconds timeout, const std::string& token, Done done) {
  wires_->call(endpoint, method, request, timeout, token, std::move(done));
}

std::shared_ptr<Transport::Stream> Transport::stream(std::size_t endpoint, const char* method,
                                                     const std::string& token, StreamEnds ends) {
  return wires_->stream(endpoint, method, token, std::move(ends));
}

}  // namespace lockkeeper::stores::etcd
