#include "server/grpc_desk.h"

#include <algorithm>
#include <array>
#include <exception>

namespace lockkeeper::server {
namespace {

// gRPC's codes by number, and what HTTP calls the like: so a log is searched for both in one way.
struct Code {
  std::string_view name;
  unsigned status;
};
constexpr std::array<Code, 17> codes = {{{"OK", 200},
                                         {"CANCELLED", 0},  // the client left, as in the log of HTTP
                                         {"UNKNOWN", 500},
                                         {"INVALID_ARGUMENT", 400},
                                         {"DEADLINE_EXCEEDED", 504},
                                         {"NOT_FOUND", 404},
                                         {"ALREADY_EXISTS", 409},
                                         {"PERMISSION_DENIED", 403},
                                         {"RESOURCE_EXHAUSTED", 429},
                                         {"FAILED_PRECONDITION", 400},
                                         {"ABORTED", 409},
                                         {"OUT_OF_RANGE", 400},
                                         {"UNIMPLEMENTED", 404},
                                         {"INTERNAL", 400},  // as of old: a message that does not parse
                                         {"UNAVAILABLE", 503},
                                         {"DATA_LOSS", 500},
                                         {"UNAUTHENTICATED", 401}}};

const Code& code(int number) {
  return codes[number >= 0 && static_cast<std::size_t>(number) < codes.size() ? static_cast<std::size_t>(number)
                                                                              : 2];
}

constexpr std::array<double, 18> bounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                           0.1,    0.25,    0.5,    1,     2.5,    5,     10,   60,    600};

}  // namespace

void GrpcCounts::count(const GrpcCall& call) {
  const double seconds = std::chrono::duration<double>(call.took).count();
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin();
  // What there is not is the client's word, of which there may be any number.
  std::string method = call.known ? std::string(call.path.substr(call.path.rfind('/') + 1)) : "none";
  const std::lock_guard guard(mutex_);
  ++calls_[{std::move(method), call.code}];
  Times& times = times_[call.waits ? 1 : 0];
  times.counts.resize(bounds.size() + 1);
  ++times.counts[static_cast<std::size_t>(bucket)];
  times.sum += seconds;
}

std::vector<http::Family> GrpcCounts::families() const {
  http::Family calls{
      "lockkeeper_grpc_requests_total",
      "gRPC calls answered, by method and status code; CANCELLED: the client left before its answer.",
      http::MetricType::counter,
      {},
      {}};
  http::Family durations{"lockkeeper_grpc_request_duration_seconds",
                         "From a gRPC call's coming to its answer's leaving, by whether it asked to wait.",
                         http::MetricType::histogram,
                         {},
                         {}};
  const std::string door(grpc_door);
  const std::lock_guard guard(mutex_);
  for (const auto& [of, count] : calls_) {
    calls.samples.push_back({{{"door", door}, {"method", of.first}, {"code", std::string(code(of.second).name)}},
                             static_cast<double>(count)});
  }
  for (const bool waits : {false, true}) {
    const Times& times = times_[waits ? 1 : 0];
    http::HistogramSample sample{
        {{"door", door}, {"wait", waits ? "yes" : "no"}}, {bounds.begin(), bounds.end()}, times.counts, times.sum};
    sample.counts.resize(bounds.size() + 1);
    durations.histograms.push_back(std::move(sample));
  }
  return {std::move(calls), std::move(durations)};
}

HouseGrpcDesk::HouseGrpcDesk(engine::Engine& engine, const BasicAuth& auth, const locks::Limits& limits,
                             AccessLog& log, std::size_t log_buffer)
    : engine_(engine),
      auth_(auth),
      limits_(limits),
      log_(log),
      log_buffer_(log_buffer),
      mailbox_([this](std::function<void()> task) {
        {
          const std::lock_guard guard(mutex_);
          tasks_.push_back(std::move(task));
        }
        wake_.notify_one();
      }),
      thread_([this] { run(); }) {}

HouseGrpcDesk::~HouseGrpcDesk() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void HouseGrpcDesk::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

bool HouseGrpcDesk::admits(std::string_view authorization, std::string& user) const {
  if (!auth_.admits(authorization)) return false;
  user = auth_.user();
  return true;
}

void HouseGrpcDesk::ask(IoCall& call) noexcept {
  call.mailbox = &mailbox_;
  call.next = nullptr;
  engine_.submit(call);
}

void HouseGrpcDesk::finished(const GrpcCall& call) noexcept {
  try {
    counts_.count(call);
    AccessLine line;
    line.id = ++last_id_;
    line.method = "gRPC";
    line.path = call.path;
    line.status = code(call.code).status;
    line.code = code(call.code).name;
    line.took = call.took;
    line.body_bytes = call.body_bytes;
    line.peer = call.peer;
    line.user = call.user;
    line.door = grpc_door;
    log_.add(log_buffer_, line);
  } catch (const std::exception&) {
    // Out of memory: a line less.
  }
}

}  // namespace lockkeeper::server
