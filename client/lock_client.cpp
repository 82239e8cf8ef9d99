#include "client/lock_client.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "client/server_answer.h"

namespace lockkeeper::client {

namespace {

using http::ClientResponse;

// What an original locker says to every method and path it does not know (compat: locker, fact 12).
bool unknown_route(const ClientResponse& response) {
  return response.status == 404 && response.content_type.starts_with("text/plain") &&
         response.body.starts_with("404 page not found");
}

// An original has counts, no claims; counts of 0 and less hold nothing.
wire::LockView view_of(const wire::OldLockView& old) {
  wire::LockView view;
  view.lock = old.lock;
  view.held = !old.key.empty();  // a key without holders holds too (compat: file-key-without-holders)
  for (const auto& [holder, count] : old.locked_by) {
    if (!view.held || count <= 0) continue;
    wire::HoldView hold;
    hold.holder = holder;
    hold.count = static_cast<std::uint64_t>(count);
    view.count += hold.count;
    view.holders.push_back(std::move(hold));
  }
  return view;
}

wire::LockPage old_page(const std::vector<wire::OldLockView>& old, const std::string& prefix,
                        const std::string& after) {
  wire::LockPage page;
  for (const wire::OldLockView& one : old) {
    if (!one.lock.starts_with(prefix) || one.lock <= after) continue;
    wire::LockView view = view_of(one);
    if (view.held) page.locks.push_back(std::move(view));
  }
  std::sort(page.locks.begin(), page.locks.end(),
            [](const wire::LockView& one, const wire::LockView& other) { return one.lock < other.lock; });
  return page;
}

std::uint64_t count_of(const wire::LockView& view, const std::string& holder) {
  const auto found = std::find_if(view.holders.begin(), view.holders.end(),
                                  [&holder](const wire::HoldView& hold) { return hold.holder == holder; });
  return found == view.holders.end() ? 0 : found->count;
}

}  // namespace

class LockClient::Impl {
 public:
  explicit Impl(Settings settings)
      : base_(without_end_slashes(std::move(settings.uri))),
        client_(std::move(settings.http)),
        timeout_(settings.request_timeout) {
    http::require_base_url(base_);
  }

  wire::LockView lock(const std::string& name) {
    if (kind_ != ServerKind::original) {
      const ClientResponse response = send("GET", path(name), {});
      if (!unknown_route(response)) {
        require_ok(response);
        auto view = read(response, wire::read_lock);
        kind_ = ServerKind::lockkeeper;
        return view;
      }
    }
    auto view = view_of(old_lock(name));
    kind_ = ServerKind::original;
    return view;
  }

  std::variant<wire::GrantedView, wire::DeniedView> acquire(const std::string& name, const Identity& identity,
                                                            const Intention& intention,
                                                            const AcquireOptions& options) {
    wire::AcquireBody body;
    set_identity(body, identity, intention);
    body.metadata = options.metadata;
    body.ttl = options.ttl;
    body.wait = options.wait;
    const ClientResponse response =
        send("PUT", path(name), wire::write_body(body), options.wait.value_or(std::chrono::milliseconds(0)));
    if (denied(response)) return read_denied(response);
    require_ok(response);
    auto granted = read(response, wire::read_granted);
    learn(granted.native);
    return granted;
  }

  std::variant<wire::RenewedView, wire::DeniedView> renew(const std::string& name, const wire::RenewBody& body) {
    const ClientResponse response = send("POST", path(name) + "/renew", wire::write_body(body));
    if (denied(response)) return read_denied(response);
    require_ok(response);
    return read(response, wire::read_renewed);
  }

  std::variant<wire::ReleasedView, wire::DeniedView> release(const std::string& name, const Identity& identity,
                                                             const Intention& intention, bool all) {
    wire::ReleaseBody body;
    set_identity(body, identity, intention);
    body.all = all;
    std::uint64_t before = 1;  // an original does not say how many it took away
    if (kind_ == ServerKind::original) before = count_of(view_of(old_lock(name)), holder(identity));
    const ClientResponse response = send("DELETE", path(name), wire::write_body(body));
    if (denied(response)) return read_denied(response);
    require_ok(response);
    auto released = read(response, wire::read_released);
    learn(released.native);
    if (kind_ == ServerKind::original) {
      released.released = before;
      released.holders = require_released(name, identity);
    }
    return released;
  }

  wire::LockPage list(const std::string& prefix, const std::string& after, std::size_t limit) {
    const ClientResponse response =
        send("GET",
             "/locks?view=full&state=held&prefix=" + http::encode_segment(prefix) +
                 "&after=" + http::encode_segment(after) + "&limit=" + std::to_string(limit),
             {});
    require_ok(response);
    if (kind_ == ServerKind::lockkeeper) return read(response, wire::read_lock_page);
    try {
      auto page = wire::read_lock_page(response.body);
      kind_ = ServerKind::lockkeeper;
      return page;
    } catch (const wire::WireError&) {
      // An original takes no notice of the query, and all members are locks.
      auto page = old_page(read(response, wire::read_old_locks), prefix, after);
      kind_ = ServerKind::original;
      return page;
    }
  }

  wire::ReleasedView force_release(const std::string& name, const std::string& reason) {
    const ClientResponse response = send("POST", path(name) + "/force-release", wire::write_force_body(reason));
    require_native(response, "forced release: an unlock with the key that GET /locks shows frees a lock");
    return read(response, wire::read_released);
  }

  std::string text(const char* target, const char* what) {
    ClientResponse response = send("GET", target, {});
    require_native(response, what);
    return std::move(response.body);
  }

  wire::HistoryView history(const std::string& name, locks::Version after, std::size_t limit, bool newest) {
    const ClientResponse response =
        send("GET",
             path(name) + "/history?after=" + std::to_string(after) + "&limit=" + std::to_string(limit) +
                 (newest ? "&order=newest" : "&order=oldest"),
             {});
    require_ok(response);
    return read(response, wire::read_history);
  }

  const http::Interrupt* interrupt = nullptr;
  void set_timeout(std::chrono::milliseconds timeout) { timeout_ = timeout; }
  ServerKind kind() const { return kind_; }
  std::string url() const { return http::without_userinfo(base_); }

 private:
  static std::string path(const std::string& name) { return "/lock/" + http::encode_segment(name); }

  static const std::string& holder(const Identity& identity) {
    return identity.holder.empty() ? identity.key : identity.holder;
  }

  template <typename Body>
  static void set_identity(Body& body, const Identity& identity, const Intention& intention) {
    body.key = identity.key;
    body.holder = identity.holder;
    body.claim = intention.claim;
    body.request = intention.request;
    body.has_begun = intention.begun.has_value();
    body.begun = intention.begun.value_or(0);
  }

  // `longer`: the server may take that much more time than for any other request.
  ClientResponse send(const char* method, const std::string& target, std::string body,
                      std::chrono::milliseconds longer = std::chrono::milliseconds(0)) {
    http::ClientRequest request;
    request.method = method;
    request.url = base_ + target;
    request.body = std::move(body);
    request.timeout = timeout_ + longer;
    return client_.send(request, interrupt);
  }

  static bool denied(const ClientResponse& response) { return response.status == 423 || response.status == 410; }

  wire::DeniedView read_denied(const ClientResponse& response) {
    auto view = read(response, wire::read_denied);
    learn(view.native);
    return view;
  }

  void learn(bool native) { kind_ = native ? ServerKind::lockkeeper : ServerKind::original; }

  void require_ok(const ClientResponse& response) const { client::require_ok(base_, response); }

  void require_native(const ClientResponse& response, const char* what) const {
    if (unknown_route(response)) {
      throw ServerError(404, url() + " is an original locker server: it has no " + what, std::nullopt);
    }
    require_ok(response);
  }

  template <typename View>
  View read(const ClientResponse& response, View (*reader)(std::string_view)) const {
    return read_answer(base_, response, reader);
  }

  wire::OldLockView old_lock(const std::string& name) {
    const ClientResponse response = send("GET", "/locks", {});
    require_ok(response);
    auto locks = read(response, wire::read_old_locks);
    const auto found = std::find_if(locks.begin(), locks.end(),
                                    [&name](const wire::OldLockView& one) { return one.lock == name; });
    if (found != locks.end()) return std::move(*found);
    wire::OldLockView free;
    free.lock = name;
    return free;
  }

  // An original says 200 to a release before it wrote anything down; the list tells. Who holds the lock now.
  std::vector<wire::HoldView> require_released(const std::string& name, const Identity& identity) {
    const wire::OldLockView old = old_lock(name);
    auto view = view_of(old);
    if (old.key == identity.key && count_of(view, holder(identity)) > 0) {
      throw ServerError(500,
                        http::without_userinfo(base_) + " said that the lock is released, but still lists '" +
                            holder(identity) + "' as holding it",
                        std::nullopt);
    }
    return std::move(view.holders);
  }

  std::string base_;
  http::Client client_;
  std::chrono::milliseconds timeout_;
  ServerKind kind_ = ServerKind::unknown;
};

LockClient::LockClient(Settings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}
LockClient::~LockClient() = default;

void LockClient::set_interrupt(const http::Interrupt* interrupt) {
  impl_->interrupt = interrupt;
}
void LockClient::set_request_timeout(std::chrono::milliseconds timeout) {
  impl_->set_timeout(timeout);
}
ServerKind LockClient::kind() const {
  return impl_->kind();
}
std::string LockClient::url() const {
  return impl_->url();
}

wire::LockView LockClient::lock(const std::string& name) {
  return impl_->lock(name);
}

std::variant<wire::GrantedView, wire::DeniedView> LockClient::acquire(const std::string& name,
                                                                      const Identity& identity,
                                                                      const Intention& intention,
                                                                      const AcquireOptions& options) {
  return impl_->acquire(name, identity, intention, options);
}

std::variant<wire::RenewedView, wire::DeniedView> LockClient::renew(const std::string& name, const std::string& key,
                                                                    const std::string& claim, locks::Version token,
                                                                    std::optional<std::chrono::milliseconds> ttl) {
  return impl_->renew(name, {.key = key, .claim = claim, .token = token, .ttl = ttl});
}

std::variant<wire::ReleasedView, wire::DeniedView> LockClient::release(const std::string& name,
                                                                       const Identity& identity, bool all) {
  return impl_->release(name, identity, {}, all);
}

std::variant<wire::ReleasedView, wire::DeniedView> LockClient::release_claim(const std::string& name,
                                                                             const Identity& identity,
                                                                             const std::string& claim) {
  return impl_->release(name, identity, Intention{claim, {}, std::nullopt}, false);
}

std::variant<wire::ReleasedView, wire::DeniedView> LockClient::withdraw(const std::string& name,
                                                                        const Identity& identity,
                                                                        const Intention& intention) {
  return impl_->release(name, identity, intention, false);
}

wire::LockPage LockClient::list(const std::string& prefix, const std::string& after, std::size_t limit) {
  return impl_->list(prefix, after, limit);
}

wire::ReleasedView LockClient::force_release(const std::string& name, const std::string& reason) {
  return impl_->force_release(name, reason);
}

std::string LockClient::status() {
  return impl_->text("/status", "status");
}

std::string LockClient::version() {
  return impl_->text("/version", "version");
}

wire::HistoryView LockClient::history(const std::string& name, locks::Version after, std::size_t limit,
                                      bool newest) {
  return impl_->history(name, after, limit, newest);
}

std::string new_request_id() {
  std::array<unsigned char, 16> bytes;
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw std::system_error(errno, std::generic_category(), "no random bytes");
  }
  static const char digits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

}  // namespace lockkeeper::client
