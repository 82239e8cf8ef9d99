#include "stores/etcd/watching.h"

#include <rpc.pb.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace lockkeeper::stores::etcd {
namespace {

namespace pb = etcdserverpb;
using std::chrono::milliseconds;

constexpr milliseconds kAsk{1000};       // how often a silent stream is asked for a sign of life
constexpr milliseconds kPatience{3000};  // how long it may owe one

}  // namespace

Client::Watching::Watching(Transport& transport, WatchWish wish, std::function<void()> unauthorized)
    : transport_(transport), wish_(std::move(wish)), unauthorized_(std::move(unauthorized)) {}

void Client::Watching::open(std::size_t endpoint, const std::string& token) {
  close();
  endpoint_ = endpoint;
  created_ = false;
  heard_ = asked_ = Clock::now();
  pb::WatchRequest request;
  auto& create = *request.mutable_create_request();
  create.set_key(wish_.key);
  create.set_range_end(wish_.end);
  create.set_start_revision(anew_ ? 0 : wish_.from);
  stream_ = transport_.stream(endpoint, "/etcdserverpb.Watch/Watch", token,
                              {[this](std::string_view bytes) { received(bytes); },
                               [this](const Status& status) {
                                 stream_.reset();
                                 if (status.code == Code::unauthenticated) unauthorized_();
                               }});
  stream_->send(request.SerializeAsString());
}

void Client::Watching::close() {
  if (stream_) std::exchange(stream_, nullptr)->close();
}

void Client::Watching::tick() {
  if (!stream_) return;
  const auto now = Clock::now();
  if (now - heard_ > kPatience) return close();
  if (!created_ || now - std::max(heard_, asked_) < kAsk) return;
  asked_ = now;
  pb::WatchRequest request;
  request.mutable_progress_request();
  stream_->send(request.SerializeAsString());
}

void Client::Watching::received(std::string_view bytes) {
  heard_ = Clock::now();
  pb::WatchResponse response;
  if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return close();
  if (response.canceled()) {
    close();
    // A token that is not good any more is refused here, in words only, and never has a compact_revision.
    if (response.compact_revision() != 0) {
      anew_ = true;
    } else {
      unauthorized_();
    }
    return;
  }
  if (response.created()) {
    created_ = true;
    if (std::exchange(anew_, false)) {
      wish_.from = response.header().revision() + 1;
      wish_.missed();
    }
  }
  // Only events tell how far it is: the header's revision may be ahead of those still to come.
  std::vector<WatchEvent> events;
  events.reserve(static_cast<std::size_t>(response.events_size()));
  for (auto& each : *response.mutable_events()) {
    wish_.from = std::max<std::int64_t>(wish_.from, each.kv().mod_revision() + 1);
    events.push_back({std::move(*each.mutable_kv()->mutable_key()), std::move(*each.mutable_kv()->mutable_value()),
                      each.type() == pb::Event::DELETE});
  }
  if (!events.empty()) wish_.events(std::move(events));
}

}  // namespace lockkeeper::stores::etcd
