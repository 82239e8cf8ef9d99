#include "stores/etcd/client.h"

#include <rpc.pb.h>

#include <algorithm>
#include <utility>

#include "stores/etcd/encoding.h"
#include "stores/etcd/watching.h"

namespace lockkeeper::stores::etcd {
namespace {

namespace pb = etcdserverpb;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr const char* kTxn = "/etcdserverpb.KV/Txn";

bool says(const Status& status, std::string_view words) {
  return status.message.find(words) != std::string::npos;
}

// The endpoint or the way to it is to blame, not the request.
bool is_broken(const Status& status) {
  switch (status.code) {
    case Code::cancelled:
    case Code::unknown:
    case Code::deadline_exceeded:
    case Code::aborted:
    case Code::internal:
    case Code::unavailable:
      return true;
    default:
      return false;
  }
}

bool is_unauthorized(const Status& status) {
  return status.code == Code::unauthenticated || says(status, "revision of auth store is old");
}

bool is_wrong_account(const Status& status) {
  return status.code == Code::permission_denied || says(status, "authentication failed") ||
         says(status, "user name is empty");
}

template <class Message>
bool parse(std::string_view bytes, Message& message) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace

// The kinds that say "not carried out" are those that etcd checks before it would apply a request. Of room it asks
// then as well, and once more while it applies: what does not fit is applied even so, and answered as refused.
Failure::Kind kind_of(const Status& status) {
  if (is_unauthorized(status)) return Failure::Kind::unauthorized;
  switch (status.code) {
    case Code::resource_exhausted:
      return says(status, "space") ? Failure::Kind::no_room : Failure::Kind::refused;
    case Code::out_of_range:
      return Failure::Kind::compacted;
    case Code::invalid_argument:
    case Code::permission_denied:
    case Code::failed_precondition:
      return Failure::Kind::refused;
    default:
      return Failure::Kind::unknown;
  }
}

struct Client::Asked {
  const char* method = nullptr;
  std::string request;
  Time until;
  milliseconds patience{0};  // what the last try had
  Answered answered;
  int tries = 0;
};

Client::Client(ClientOptions options, Host& host)
    : options_(std::move(options)), host_(host), transport_(options_.endpoints, options_.tls) {
  for (const auto& each : options_.endpoints) endpoints_.push_back({each});
  last_failure_ = {Failure::Kind::refused, "etcd has not been asked yet"};
}

Client::~Client() {
  stop();
}

void Client::start() {
  transport_.start(*this);
  wake();
}

void Client::woken() {
  if (!std::exchange(begun_, true)) probe_all();
  host_.woken();
}

void Client::stop() {
  transport_.stop();
}

Failure Client::failure(std::size_t endpoint, const Status& status) const {
  std::string why = status.message;
  if (status.code == Code::deadline_exceeded) why = "no answer in time";
  return {kind_of(status), "etcd at " + endpoints_[endpoint].name + ": " + why};
}

// ---- requests

void Client::ask(const char* method, std::string request, Time until, Answered answered) {
  auto asked = std::make_shared<Asked>();
  asked->method = method;
  asked->request = std::move(request);
  asked->until = until;
  asked->answered = std::move(answered);
  send(std::move(asked));
}

void Client::send(std::shared_ptr<Asked> asked) {
  asked->patience = std::max(std::chrono::ceil<milliseconds>(asked->until - Clock::now()), milliseconds(1));
  ++asked->tries;
  transport_.call(
      current_, asked->method, asked->request, asked->patience, token_,
      [this, asked, at = current_, edition = token_edition_](const Status& status, std::string_view reply) {
        returned(asked, at, edition, status, reply);
      });
}

void Client::returned(const std::shared_ptr<Asked>& asked, std::size_t endpoint, std::uint64_t token_edition,
                      const Status& status, std::string_view reply) {
  if (is_unauthorized(status) && !options_.user.empty() && asked->tries < 3) {
    // It was not carried out, so it may be sent again.
    if (token_edition != token_edition_) return send(asked);
    unauthorized_.push_back(asked);
    return renew_token();
  }
  // The last step of many had too little time to tell anything of the endpoint.
  const bool hurried = status.code == Code::deadline_exceeded && asked->patience < options_.timeout / 2;
  if (is_broken(status) && !hurried) broke(endpoint, status);
  asked->answered(status, reply);
}

void Client::broke(std::size_t endpoint, const Status& status) {
  if (!ready() || endpoint != current_) return;
  last_failure_ = failure(endpoint, status);
  ready_ = false;
  host_.away();
  probe_all();
}

void Client::txn(Txn txn, Time until, Done<TxnReply> done) {
  if (!ready()) return done(Failure{Failure::Kind::refused, last_failure_.why});
  if (Clock::now() >= until) {
    return done(Failure{Failure::Kind::refused, "etcd at " + endpoints_[current_].name + ": no answer in time"});
  }
  ask(kTxn, encode(std::move(txn)), until,
      [this, at = current_, done = std::move(done)](const Status& status, std::string_view bytes) {
        if (!status.ok()) return done(failure(at, status));
        TxnReply reply;
        if (!decode(bytes, reply)) return done(Failure{Failure::Kind::unknown, "etcd's answer is not one"});
        done(std::move(reply));
      });
}

void Client::put(Put put, milliseconds timeout, Done<std::int64_t> done) {
  if (!ready()) return done(Failure{Failure::Kind::refused, last_failure_.why});
  ask("/etcdserverpb.KV/Put", encode(std::move(put)), Clock::now() + timeout,
      [this, at = current_, done = std::move(done)](const Status& status, std::string_view bytes) {
        if (!status.ok()) return done(failure(at, status));
        pb::PutResponse reply;
        if (!parse(bytes, reply)) return done(Failure{Failure::Kind::unknown, "etcd's answer is not one"});
        done(reply.header().revision());
      });
}

void Client::grant(std::int64_t lease, std::chrono::seconds ttl, Done<Lease> done) {
  if (!ready()) return done(Failure{Failure::Kind::refused, last_failure_.why});
  pb::LeaseGrantRequest request;
  request.set_ttl(ttl.count());
  request.set_id(lease);
  ask("/etcdserverpb.Lease/LeaseGrant", request.SerializeAsString(), Clock::now() + options_.timeout,
      [this, at = current_, done = std::move(done)](const Status& status, std::string_view bytes) {
        if (!status.ok()) return done(failure(at, status));
        pb::LeaseGrantResponse reply;
        if (!parse(bytes, reply) || reply.id() == 0) {
          return done(Failure{Failure::Kind::unknown, "etcd gave no lease: " + reply.error()});
        }
        done(Lease{reply.id(), std::chrono::seconds(reply.ttl())});
      });
}

void Client::revoke(std::int64_t lease, Done<std::monostate> done) {
  if (!ready()) return done(Failure{Failure::Kind::refused, last_failure_.why});
  pb::LeaseRevokeRequest request;
  request.set_id(lease);
  ask("/etcdserverpb.Lease/LeaseRevoke", request.SerializeAsString(), Clock::now() + options_.timeout,
      [this, at = current_, done = std::move(done)](const Status& status, std::string_view) {
        if (!status.ok()) return done(failure(at, status));
        done(std::monostate());
      });
}

// A stream by its nature, of which we use one question and one answer.
void Client::keep_alive(std::int64_t lease, Done<Lease> done) {
  if (!ready()) return done(Failure{Failure::Kind::refused, last_failure_.why});
  pb::LeaseKeepAliveRequest request;
  request.set_id(lease);
  auto slot = std::make_shared<std::shared_ptr<Transport::Stream>>();
  *slot = transport_.stream(current_, "/etcdserverpb.Lease/LeaseKeepAlive", token_,
                            {[slot, done](std::string_view bytes) {
                               const auto stream = std::exchange(*slot, nullptr);
                               if (stream) stream->close();
                               pb::LeaseKeepAliveResponse reply;
                               if (!parse(bytes, reply)) {
                                 return done(Failure{Failure::Kind::unknown, "etcd's answer is not one"});
                               }
                               done(Lease{reply.id(), std::chrono::seconds(reply.ttl())});
                             },
                             [this, slot, done, at = current_](const Status& status) {
                               slot->reset();
                               done(failure(at, status));
                             }});
  (*slot)->send(request.SerializeAsString());
}

void Client::status(std::size_t endpoint, Done<std::string> done) {
  transport_.call(endpoint, "/etcdserverpb.Maintenance/Status", {}, options_.timeout, token_,
                  [this, endpoint, done = std::move(done)](const Status& status, std::string_view bytes) {
                    if (!status.ok()) return done(failure(endpoint, status));
                    pb::StatusResponse reply;
                    if (!parse(bytes, reply)) {
                      return done(Failure{Failure::Kind::unknown, "etcd's answer is not one"});
                    }
                    done(reply.version());
                  });
}

// ---- away and back

void Client::tick() {
  if (!ready()) {
    probe_all();
  } else if (watching_) {
    watching_->tick();
    if (!watching_->is_open() && !renewing_) watching_->open(current_, token_);
  }
  host_.tick();
}

void Client::probe_all() {
  for (std::size_t i = 0; i < endpoints_.size(); ++i) probe(i);
}

void Client::probe(std::size_t endpoint) {
  if (std::exchange(endpoints_[endpoint].probed, true)) return;
  if (!options_.user.empty() && token_.empty()) {
    return authenticate(endpoint, [this, endpoint](const Status& status) {
      endpoints_[endpoint].probed = false;
      if (!status.ok()) return probed(endpoint, status);
      probe(endpoint);
    });
  }
  pb::RangeRequest request;
  request.set_key(options_.probe_key);
  transport_.call(endpoint, "/etcdserverpb.KV/Range", request.SerializeAsString(), options_.timeout, token_,
                  [this, endpoint, edition = token_edition_](const Status& status, std::string_view) {
                    endpoints_[endpoint].probed = false;
                    if (is_unauthorized(status) && edition == token_edition_) token_.clear();
                    probed(endpoint, status);
                  });
}

void Client::probed(std::size_t endpoint, const Status& status) {
  if (ready()) return;
  if (!status.ok()) {
    last_failure_ = failure(endpoint, status);
    hopeless_ = is_wrong_account(status);
    return host_.still_away();
  }
  current_ = endpoint;
  hopeless_ = false;
  ready_ = true;
  if (watching_ && (!watching_->is_open() || watching_->endpoint() != current_)) watching_->open(current_, token_);
  host_.back();
}

void Client::watch(WatchWish wish) {
  watching_ = std::make_unique<Watching>(transport_, std::move(wish), [this] { renew_token(); });
  if (ready()) watching_->open(current_, token_);
}

// ---- who we are

void Client::authenticate(std::size_t endpoint, std::function<void(const Status&)> done) {
  pb::AuthenticateRequest request;
  request.set_name(options_.user);
  request.set_password(options_.password);
  transport_.call(endpoint, "/etcdserverpb.Auth/Authenticate", request.SerializeAsString(), options_.timeout / 2,
                  {}, [this, done = std::move(done)](const Status& status, std::string_view bytes) {
                    pb::AuthenticateResponse reply;
                    // A cluster without users lets everybody in.
                    if (says(status, "authentication is not enabled")) {
                      token_ = "-";
                      ++token_edition_;
                      return done(Status());
                    }
                    if (!status.ok()) return done(status);
                    if (!parse(bytes, reply)) return done({Code::unknown, "the answer to Authenticate is not one"});
                    token_ = reply.token();
                    ++token_edition_;
                    done(status);
                  });
}

void Client::renew_token() {
  if (options_.user.empty() || std::exchange(renewing_, true)) return;
  authenticate(current_, [this, at = current_](const Status& status) {
    renewing_ = false;
    if (is_broken(status)) broke(at, status);
    for (const auto& each : std::exchange(unauthorized_, {})) {
      if (status.ok()) {
        send(each);
      } else {
        each->answered({Code::unauthenticated, status.message}, {});
      }
    }
  });
}

}  // namespace lockkeeper::stores::etcd
