#include "in/fetched.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "resource/standing.h"

namespace lockkeeper::in {
namespace {

constexpr std::size_t kPage = 100;  // lines of history a request

const wire::ClaimView* claim_with(const wire::LockView& view, locks::Version token) {
  const auto at = std::find_if(view.claims.begin(), view.claims.end(),
                               [&](const wire::ClaimView& claim) { return claim.token == token; });
  return at == view.claims.end() ? nullptr : &*at;
}

// The claim that was granted at that version and still stands tells the same as its line of history.
locks::Event event_of(const wire::ClaimView& claim) {
  locks::Event event;
  event.version = claim.token;
  event.at = claim.since;
  event.what = locks::What::acquired;
  event.holder = claim.holder;
  event.claim = claim.claim;
  event.token = claim.token;
  return event;
}

// How long the claim that `event` grants stood in the queue, as far as `history` before it tells.
std::optional<std::chrono::milliseconds> time_queued(const locks::Event& event,
                                                     const std::vector<locks::Event>& history) {
  if (event.what != locks::What::granted) return std::chrono::milliseconds(0);
  std::optional<std::chrono::milliseconds> queued;
  for (const locks::Event& one : history) {
    const bool came = one.what == locks::What::queued || (one.what == locks::What::taken_over && one.token == 0);
    if (came && one.claim == event.claim && one.version < event.version) queued = event.at - one.at;
  }
  return queued;
}

// The server tells nobody a key. A claim's name is a digest over it, so that a key can be tried: the one that was
// given to this step, and the one that the claim's build has without being given any.
std::string key_of(const Fetched& fetched, const std::string& concourse, const std::optional<std::string>& given) {
  const std::string build = resource::metadata_value(fetched.claim_metadata, "build");
  for (const std::string& key : {given.value_or(""), resource::default_key(concourse, build)}) {
    if (key.empty() || build.empty()) continue;
    const client::Identity identity{key, fetched.event->holder};
    if (resource::claim_name(concourse, build, fetched.lock, identity) == fetched.event->claim) return key;
  }
  return {};
}

void member(const char* name, const std::string& value, std::string& out) {
  if (out.back() != '{') out += ',';
  wire::write_text(name, out);
  out += ':';
  wire::write_text(value, out);
}

void write_file(const std::string& folder, const char* name, const std::string& text, mode_t mode = 0644) {
  const std::string path = folder + "/" + name;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (file) chmod(path.c_str(), mode);
  file << text << std::flush;
  if (!file) throw resource::StepFailed(path + " cannot be written");
}

}  // namespace

Fetched fetch(resource::LockServer& server, resource::Patience& patience, const std::string& url,
              const std::string& lock, const resource::GivenVersion& version, const std::string& concourse,
              const std::optional<std::string>& given_key) {
  const auto ask = [&](auto ask_once) {
    return patience.ask(url, [&](std::chrono::milliseconds timeout) {
      server.set_request_timeout(timeout);
      return ask_once();
    });
  };
  Fetched fetched;
  fetched.lock = lock;
  fetched.now = ask([&] { return server.lock(lock); });
  for (const auto& [name, value] : version) {
    if (name == "revision") fetched.revision = value;
  }
  const auto number = resource::revision(version);
  if (!number || *number == 0 || *number > fetched.now.version || server.kind() == client::ServerKind::original) {
    return fetched;
  }
  const wire::ClaimView* claim = claim_with(fetched.now, *number);
  const locks::Version before = *number > kPage ? *number - kPage : 0;
  const wire::HistoryView history = ask([&] { return server.history(lock, before, kPage, false); });
  for (const locks::Event& event : history.events) {
    if (event.version == *number) fetched.event = event;
  }
  if (fetched.event) fetched.queued = time_queued(*fetched.event, history.events);
  if (claim != nullptr) {
    if (!fetched.event) fetched.event = event_of(*claim);
  } else {
    if (!fetched.event) return fetched;
    claim = resource::standing(fetched.now, fetched.event->claim, fetched.event->token, [&](locks::Version after) {
      return ask([&] { return server.history(lock, after, kPage, false); });
    });
  }
  if (claim != nullptr) {
    fetched.stands = true;
    fetched.claim_metadata = claim->metadata;
    fetched.ttl = claim->ttl;
    fetched.key = key_of(fetched, concourse, given_key);
  }
  return fetched;
}

std::string lock_json(const Fetched& fetched) {
  std::string text = "{";
  member("lock", fetched.lock, text);
  if (!fetched.revision.empty()) member("revision", fetched.revision, text);
  if (fetched.event) {
    member("what", locks::text(fetched.event->what), text);
    member("lock_by", fetched.event->holder, text);
    if (!fetched.event->claim.empty()) member("claim", fetched.event->claim, text);
    if (fetched.event->token != 0) text += ",\"token\":" + std::to_string(fetched.event->token);
  }
  text += std::string(",\"stands\":") + (fetched.stands ? "true" : "false");
  text += ",\"now\":{\"version\":" + std::to_string(fetched.now.version);
  text += std::string(",\"held\":") + (fetched.now.held ? "true" : "false") + ",\"holders\":[";
  for (const wire::HoldView& hold : fetched.now.holders) {
    if (text.back() != '[') text += ',';
    text += '{';
    member("lock_by", hold.holder, text);
    text += ",\"count\":" + std::to_string(hold.count) + "}";
  }
  return text + "]}}\n";
}

void write_files(const Fetched& fetched, const std::string& folder) {
  write_file(folder, "lock.json", lock_json(fetched));
  write_file(folder, "lock", fetched.lock);
  if (!fetched.revision.empty()) write_file(folder, "revision", fetched.revision);
  if (fetched.event) {
    write_file(folder, "lock_by", fetched.event->holder);
    if (!fetched.event->claim.empty()) write_file(folder, "claim", fetched.event->claim);
    if (fetched.event->token != 0) write_file(folder, "token", std::to_string(fetched.event->token));
  } else if (!fetched.now.holders.empty()) {
    write_file(folder, "lock_by", fetched.now.holders.front().holder);
  }
  if (!fetched.key.empty()) write_file(folder, "key", fetched.key, 0600);
}

}  // namespace lockkeeper::in
