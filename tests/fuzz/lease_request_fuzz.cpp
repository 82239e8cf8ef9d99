// Requests at shared-lock's door: whatever comes as x-lease-ttl and as a body is a command the rules can take, or
// is refused. An input is the header's line; the rest is the body.
#include <set>

#include "fuzzed.h"
#include "locks/limits.h"
#include "server/doors/go_duration.h"
#include "server/doors/shared_lock_words.h"
#include "wire/lease_body.h"

namespace locks = lockkeeper::locks;
namespace server = lockkeeper::server;
namespace wire = lockkeeper::wire;

namespace {

void look_at_ttl(std::string_view header) {
  const auto duration = server::parse_go_duration(header);
  const auto ttl = server::lease_ttl(header);
  PROMISE(header.empty() || ttl.has_value() == (duration && duration->count() > 0));
  if (ttl) PROMISE(ttl->count() >= 0 && *ttl <= std::chrono::years(101));
  if (duration) PROMISE(server::parse_go_duration(std::to_string(duration->count()) + "ns") == duration);
}

void look_at_lease(std::string_view body, std::chrono::milliseconds ttl) {
  auto lease = wire::parse_lease_body(body);
  if (!lease) return;
  PROMISE(locks::valid_utf8(lease->key) && locks::valid_utf8(lease->value));
  for (const auto& [name, value] : lease->labels) PROMISE(locks::valid_utf8(name) && locks::valid_utf8(value));
  const auto acquire = server::acquire_lease(std::move(*lease), "5", ttl, locks::Limits());
  PROMISE(acquire.key == "5" && acquire.claim == "lease:5" && !acquire.holder.empty() && !acquire.wait);
  PROMISE(acquire.metadata.front() == (std::pair<std::string, std::string>("lease", "5")));
  std::set<std::string> names;
  for (const auto& [name, value] : acquire.metadata) PROMISE(names.insert(name).second);
  // What is not the metadata's or the ttl's fault is taken.
  locks::Command command{"a", {}, acquire};
  auto& plain = std::get<locks::Acquire>(command.what);
  plain.metadata.clear();
  plain.ttl.reset();
  PROMISE(!locks::fault(command, locks::Limits()));
}

void look_at_id(std::string_view body) {
  const auto id = server::named_lease(body);
  if (id) PROMISE(server::named_lease(*id) == id && id->size() <= 20);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  const auto end = text.find('\n');
  const std::string_view header = text.substr(0, end);
  const std::string_view body = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  look_at_ttl(header);
  look_at_lease(body, server::lease_ttl(header).value_or(std::chrono::seconds(10)));
  look_at_id(body);
  return 0;
}
