// The gRPC server, and what the module exports.
#include <grpc/support/log.h>
#include <grpcpp/ext/health_check_service_server_builder_option.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <lockapi.grpc.pb.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "server/doors/grpc/acceptor.h"
#include "server/doors/grpc/certificate.h"
#include "server/doors/grpc/lock_call.h"

namespace lockkeeper::server {
namespace {

constexpr std::size_t memory_for_calls = 256 * 1024 * 1024;
constexpr int calls_per_connection = 4096;
constexpr int seconds = 1000;  // in gRPC's milliseconds

// The messages' bytes as they are: what does not parse is answered by us, with gRPC's own code for that.
using Bytes = grpc::ByteBuffer;
using RawService = lockapi::Locking::WithRawCallbackMethod_IsLocked<
    lockapi::Locking::WithRawCallbackMethod_Lock<lockapi::Locking::WithRawCallbackMethod_Unlock<
        lockapi::Locking::WithRawCallbackMethod_Renew<lockapi::Locking::Service>>>>;

class Locking final : public RawService {
 public:
  explicit Locking(GrpcDesk& desk) : desk_(desk) {}

  grpc::ServerUnaryReactor* IsLocked(grpc::CallbackServerContext* context, const Bytes* in, Bytes* out) override {
    return new LockCall(desk_, calls, LockdAct::is_locked, *context, *in, *out);
  }
  grpc::ServerUnaryReactor* Lock(grpc::CallbackServerContext* context, const Bytes* in, Bytes* out) override {
    return new LockCall(desk_, calls, LockdAct::lock, *context, *in, *out);
  }
  grpc::ServerUnaryReactor* Unlock(grpc::CallbackServerContext* context, const Bytes* in, Bytes* out) override {
    return new LockCall(desk_, calls, LockdAct::unlock, *context, *in, *out);
  }
  grpc::ServerUnaryReactor* Renew(grpc::CallbackServerContext* context, const Bytes* in, Bytes* out) override {
    return new LockCall(desk_, calls, LockdAct::renew, *context, *in, *out);
  }

  OpenCalls calls;

 private:
  GrpcDesk& desk_;
};

// Calls of what there is not: refused as gRPC itself would, and logged.
class Elsewhere final : public grpc::CallbackGenericService {
 public:
  explicit Elsewhere(GrpcDesk& desk) : desk_(desk) {}

 private:
  class Call final : public grpc::ServerGenericBidiReactor {
   public:
    Call(GrpcDesk& desk, const grpc::GenericCallbackServerContext& context) : desk_(desk), context_(context) {
      Finish({grpc::StatusCode::UNIMPLEMENTED, "unknown method " + context.method()});
    }
    void OnDone() override {
      const std::string peer = peer_text(context_.peer());
      GrpcCall call;
      call.path = context_.method();
      call.code = grpc::StatusCode::UNIMPLEMENTED;
      call.took = std::chrono::steady_clock::now() - began_;
      call.peer = peer;
      desk_.finished(call);
      delete this;
    }

   private:
    const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    GrpcDesk& desk_;
    const grpc::GenericCallbackServerContext& context_;
  };

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    return new Call(desk_, *context);
  }

  GrpcDesk& desk_;
};

int milliseconds(std::chrono::milliseconds duration) {
  return static_cast<int>(std::min<std::chrono::milliseconds::rep>(duration.count(), 1'000'000'000));
}

void limit(grpc::ServerBuilder& builder, const GrpcSettings& settings) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(settings.message_bytes));
  builder.SetResourceQuota(grpc::ResourceQuota("lockkeeper").Resize(memory_for_calls));
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(settings.metadata_bytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, calls_per_connection);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, milliseconds(settings.idle_timeout));
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, milliseconds(settings.handshake_timeout));
  // A client that vanished without a word is noticed within 50 s, as at the other doors; one that waits may probe
  // us.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30 * seconds);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20 * seconds);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5 * seconds);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
}

// gRPC tells of every bad handshake in a form of its own, between the lines of our log. Why it ends the process is
// worth that.
void last_words_only(gpr_log_func_args* line) {
  if (std::strstr(line->message, "assertion failed") != nullptr) std::cerr << "gRPC: " << line->message << '\n';
}

class Door final : public GrpcDoor {
 public:
  Door(GrpcDesk& desk, const GrpcSettings& settings)
      : acceptor_(settings.endpoints, settings.most_descriptors), service_(desk), elsewhere_(desk) {
    gpr_set_log_function(last_words_only);
    grpc::EnableDefaultHealthCheckService(true);
    if (!settings.certificate_file.empty()) certificate_.emplace(settings.certificate_file, settings.key_file);
    grpc::ServerBuilder builder;
    limit(builder, settings);
    for (std::size_t i = 0; i < settings.endpoints.size(); ++i) {
      handlers_.push_back(builder.experimental().AddExternalConnectionAcceptor(
          grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
          certificate_ ? certificate_->credentials() : grpc::InsecureServerCredentials()));
    }
    builder.RegisterService(&service_);
    builder.RegisterCallbackGenericService(&elsewhere_);
    server_ = builder.BuildAndStart();
    if (!server_) throw std::runtime_error("gRPC does not start");
    acceptor_.start(handlers_);
  }

  ~Door() override {
    stop(std::chrono::milliseconds(0));
    stopping_.join();
  }

  const std::vector<std::uint16_t>& ports() const override { return acceptor_.ports(); }

  void reload_tls() override {
    if (certificate_) certificate_->read_again();
  }

  void stop(std::chrono::milliseconds grace) override {
    if (stopping_.joinable()) return;
    acceptor_.stop();
    service_.calls.close();
    // gRPC's own grace would also wait for clients that have no call open, and do not look at their connections.
    stopping_ = std::thread([this, grace] {
      service_.calls.wait_for_end(grace);
      server_->Shutdown(std::chrono::system_clock::now());
    });
  }

 private:
  std::optional<Certificate> certificate_;
  std::vector<Acceptor::Handler> handlers_;
  Acceptor acceptor_;
  Locking service_;
  Elsewhere elsewhere_;
  std::unique_ptr<grpc::Server> server_;
  std::thread stopping_;
};

}  // namespace
}  // namespace lockkeeper::server

extern "C" {

__attribute__((visibility("default"))) const char* lockkeeper_grpc_door_version() {
  return LOCKKEEPER_VERSION;
}

__attribute__((visibility("default"))) lockkeeper::server::GrpcDoor* lockkeeper_grpc_door(
    lockkeeper::server::GrpcDesk& desk, const lockkeeper::server::GrpcSettings& settings) {
  return new lockkeeper::server::Door(desk, settings);
}
}
