#include "server/doors/shared_lock_words.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "server/doors/go_duration.h"

namespace lockkeeper::server {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds default_ttl = std::chrono::seconds(10);
// The longest that clocks count to without a thought; the original's etcd knew 285 years.
constexpr milliseconds longest_ttl = std::chrono::hours(100 * 365 * 24);

constexpr std::string_view lease_label = "lease";
constexpr std::string_view value_label = "value";
constexpr std::uint64_t id_mask = std::numeric_limits<std::int64_t>::max();

std::string claim_of(std::string_view id) {
  return "lease:" + std::string(id);
}

// FNV-1a: the same on every server and in every version.
class Digest {
 public:
  void add(std::string_view text) {
    for (const char c : text) add_byte(static_cast<unsigned char>(c));
    add_byte(0);
  }
  std::uint64_t value() const { return hash_; }

 private:
  void add_byte(unsigned char byte) {
    hash_ ^= byte;
    hash_ *= 0x100000001b3U;
  }
  std::uint64_t hash_ = 0xcbf29ce484222325U;
};

// The id that a claim taken here has in its metadata, first.
bool is_lease(const locks::Hold& hold) {
  if (hold.metadata.empty() || hold.metadata.front().first != lease_label) return false;
  const std::string& id = hold.metadata.front().second;
  return named_lease(id) == id && id.front() != '-' && id != "0";
}

// For a label that is called as ours are.
std::string free_name(std::string name, const locks::Metadata& labels) {
  do {
    name.insert(0, "label ");
  } while (std::any_of(labels.begin(), labels.end(), [&name](const auto& label) { return label.first == name; }));
  return name;
}

}  // namespace

std::optional<milliseconds> lease_ttl(std::string_view header) {
  if (header.empty()) return default_ttl;
  const auto duration = parse_go_duration(header);
  if (!duration || duration->count() <= 0) return std::nullopt;
  return std::min(std::chrono::floor<milliseconds>(*duration), longest_ttl);
}

std::optional<std::string> lease_id(std::string_view random) {
  std::uint64_t number = 0;
  std::from_chars(random.data(), random.data() + 16, number, 16);
  number &= id_mask;
  return number == 0 ? std::nullopt : std::optional(std::to_string(number));
}

std::optional<std::string> named_lease(std::string_view body) {
  constexpr std::string_view space = " \t\r\n";
  const auto first = body.find_first_not_of(space);
  if (first == std::string_view::npos) return std::nullopt;
  body = body.substr(first, body.find_last_not_of(space) + 1 - first);
  if (body.front() == '+' && body.substr(1, 1) != "-") body.remove_prefix(1);
  std::int64_t number = 0;
  const char* end = body.data() + body.size();
  const auto [at, wrong] = std::from_chars(body.data(), end, number);
  if (wrong != std::errc() || at != end) return std::nullopt;
  return std::to_string(number);
}

locks::Acquire acquire_lease(wire::LeaseBody&& body, const std::string& id, milliseconds ttl,
                             const locks::Limits& limits) {
  locks::Acquire acquire{
      .key = id, .holder = "lease " + id, .claim = claim_of(id), .request = id, .begun = {}, .ttl = ttl};
  acquire.metadata.emplace_back(lease_label, id);
  // The original kept labels nowhere and showed the value to nobody: what there is no room for is no reason to
  // refuse a lease.
  std::size_t bytes = lease_label.size() + id.size();
  const auto keep = [&](std::string name, std::string value) {
    const std::size_t more = name.size() + value.size();
    if (acquire.metadata.size() >= limits.metadata_pairs || bytes + more > limits.metadata_bytes) return;
    bytes += more;
    acquire.metadata.emplace_back(std::move(name), std::move(value));
  };
  if (!body.value.empty() && body.value.size() <= limits.key_bytes) {
    acquire.holder = std::move(body.value);
  } else if (!body.value.empty()) {
    keep(std::string(value_label), std::move(body.value));
  }
  for (auto& [name, value] : body.labels) {
    if (name == lease_label || name == value_label) name = free_name(name, body.labels);
  }
  for (auto& [name, value] : body.labels) keep(std::move(name), std::move(value));
  return acquire;
}

locks::Renew renew_lease(std::string id) {
  std::string claim = claim_of(id);
  return locks::Renew{.key = std::move(id), .claim = std::move(claim), .token = {}, .ttl = {}};
}

std::string winner(std::string_view lock, const std::vector<locks::Hold>& holds) {
  Digest digest;
  digest.add(lock);
  if (!holds.empty()) {
    const locks::Hold& hold = holds.front();
    if (is_lease(hold)) return hold.metadata.front().second;
    digest.add(hold.holder);
    digest.add(std::to_string(hold.since.time_since_epoch().count()));
  }
  const std::uint64_t number = digest.value() & id_mask;
  return std::to_string(number == 0 ? 1 : number);
}

}  // namespace lockkeeper::server
