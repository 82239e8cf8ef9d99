#include "server/service.h"

#include <algorithm>
#include <exception>

#include "http/process_metrics.h"
#include "server/shown_counters.h"

namespace lockkeeper::server {

Service::Service(engine::Engine& engine, const BasicAuth& auth, const locks::Limits& limits, AccessLog& log)
    : engine_(engine), auth_(auth), limits_(limits), log_(log) {
  metrics_.add(http::process_metrics);
  metrics_.add([] { return std::vector{http::build_info(LOCKKEEPER_VERSION)}; });
  metrics_.add([this] { return engine_families(engine_.counters(), engine_.ready()); });
  metrics_.add([this] { return requests_.families(); });
}

void Service::mount(std::size_t group, std::string prefix, Door& door, const DoorKind& kind) {
  if (mounts_.size() <= group) mounts_.resize(group + 1);
  mounts_[group].push_back({std::move(prefix), &door, requests_.add(kind.name, kind.routes())});
  std::sort(mounts_[group].begin(), mounts_[group].end(),
            [](const Mount& a, const Mount& b) { return a.prefix.size() > b.prefix.size(); });
}

void Service::connect(http::Listener& listener) {
  polls_.resize(listener.io_threads());
  requests_.start(listener.io_threads());
  metrics_.add([&listener] { return listener_families(listener.counters()); });
  for (std::size_t io = 0; io < listener.io_threads(); ++io) {
    mailboxes_.push_back(std::make_unique<IoMailbox>(
        [&listener, io](std::function<void()> task) { listener.post(io, std::move(task)); }));
  }
}

void Service::disconnect() {
  for (const auto& mailbox : mailboxes_) mailbox->orphan();
}

void Service::send_waiters_home(http::Listener& listener) {
  for (std::size_t io = 0; io < polls_.size(); ++io) {
    listener.post(io, [&polls = polls_[io]] { polls.close(); });
  }
}

void Service::serve(http::Exchange& exchange) {
  try {
    Target target = split_target(exchange.request().target());
    for (const Mount& mount : mounts_[groups_[exchange.listener()]]) {
      const std::size_t length = mount.prefix.size();
      if (!target.path.starts_with(mount.prefix)) continue;
      if (length != 0 && target.path.size() > length && target.path[length] != '/') continue;
      target.path.remove_prefix(length);
      exchange.mark = mount.mark;
      return mount.door->serve(exchange, target);
    }
    exchange.answer(error_reply(404, "not found"));
  } catch (const std::exception&) {
    // Out of memory, in practice: a door answers or asks as the last thing it does.
    exchange.answer(error_reply(500, "internal error"));
  }
}

http::Response Service::fault(unsigned status, std::string_view text) {
  return error_reply(status, text);
}

void Service::finished(const http::Exchange& exchange, unsigned status, std::size_t body_bytes) {
  auto* visit = static_cast<Visit*>(exchange.attachment.get());
  AccessLine line;
  line.id = exchange.id();
  line.method = exchange.request().method();
  line.path = split_target(exchange.request().target()).path;
  line.status = status;
  line.took = std::chrono::steady_clock::now() - exchange.began();
  line.body_bytes = body_bytes;
  line.peer = exchange.peer();
  if (visit != nullptr) {
    line.user = visit->user;
    line.door = visit->door;
    if (status == 0) visit->unheard();
  }
  requests_.count(exchange.io(), exchange.mark, status, visit != nullptr && visit->waits, line.took);
  log_.add(exchange.io(), line);
}

void Service::faulted(std::uint64_t id, std::string_view peer, unsigned status, std::string_view text) {
  requests_.count_fault(status);
  AccessLine line;
  line.id = id;
  line.status = status;
  line.peer = peer;
  line.fault = text;
  log_.add(0, line);
}

bool Service::admits(const http::Request& request, std::string& user) const {
  if (!auth_.admits(request.header("Authorization"))) return false;
  user = auth_.user();
  return true;
}

void Service::ask(IoCall& call, std::size_t io) {
  call.mailbox = mailboxes_[io].get();
  call.next = nullptr;
  engine_.submit(call);
}

bool Service::ready() const {
  return engine_.ready();
}

}  // namespace lockkeeper::server
