#include "cli/stormlock/etcd/record.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <string_view>

namespace lockkeeper::cli::stormlock {
namespace {

using namespace stores::etcd;
using std::chrono::microseconds;

// As Python's datetime.fromtimestamp() rounds.
std::optional<Moment> moment_of(std::string_view bytes) {
  if (bytes.size() != 8) return std::nullopt;
  std::uint64_t bits = 0;
  for (std::size_t i = 8; i-- > 0;) bits = bits << 8 | static_cast<unsigned char>(bytes[i]);
  const auto value = std::bit_cast<double>(bits);
  constexpr double year_10000 = 253'402'300'800;
  if (!(std::abs(value) < year_10000)) return std::nullopt;
  double whole = 0;
  const double fraction = std::modf(value, &whole);
  return Moment(microseconds(static_cast<std::int64_t>(whole) * 1'000'000 +
                             static_cast<std::int64_t>(std::nearbyint(fraction * 1e6))));
}

Range range(const std::string& key) {
  Range one;
  one.key = key;
  return one;
}

}  // namespace

Keys::Keys(const std::string& prefix, const std::string& resource)
    : id(prefix + resource + "/id"), principal(prefix + resource + "/p"), created(prefix + resource + "/c") {}

std::vector<Step> reading(const Keys& keys) {
  std::vector<Step> steps;
  for (const auto* key : {&keys.id, &keys.principal, &keys.created}) steps.emplace_back(range(*key));
  return steps;
}

std::optional<Record> record_of(const TxnReply& reply) {
  if (reply.steps.size() < 3 || reply.steps[0].kvs.empty()) return std::nullopt;
  const KeyValue& id = reply.steps[0].kvs.front();
  Record record;
  record.id = id.value;
  record.etcd_lease = id.lease;
  if (!reply.steps[1].kvs.empty()) record.principal = reply.steps[1].kvs.front().value;
  if (!reply.steps[2].kvs.empty()) record.created = moment_of(reply.steps[2].kvs.front().value);
  return record;
}

std::string created_bytes(Moment created) {
  const double seconds = static_cast<double>(created.time_since_epoch().count()) / 1e6;
  auto bits = std::bit_cast<std::uint64_t>(seconds);
  std::string bytes;
  for (int i = 0; i < 8; ++i, bits >>= 8) bytes += static_cast<char>(bits & 0xff);
  return bytes;
}

std::string lease_id(std::int64_t etcd_lease) {
  std::array<char, 20> text{};
  const auto [end, fault] =
      std::to_chars(text.data(), text.data() + text.size(), static_cast<std::uint64_t>(etcd_lease), 16);
  return {text.data(), end};
}

// As loosely as the original: in either case, with 0x, leading zeros, blanks around it.
std::int64_t etcd_lease(const std::string& id) {
  std::string_view text = id;
  const std::string_view blanks = " \t\n\v\f\r";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  text.remove_suffix(text.size() - (text.find_last_not_of(blanks) + 1));
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (fault == std::errc() && end == text.data() + text.size() && value > 0) return value;
  throw BackendError("'" + id + "' is no lease id: that is a hexadecimal number, as acquire has printed it");
}

}  // namespace lockkeeper::cli::stormlock
