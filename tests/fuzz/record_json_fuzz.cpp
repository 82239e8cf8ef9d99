// Rows as stores give them back: damage is a WireError, everything else comes back the same a second time. The
// first byte chooses the kind.
#include <string>

#include "fuzzed.h"
#include "wire/record_json.h"

namespace locks = lockkeeper::locks;
namespace wire = lockkeeper::wire;

namespace {

template <class Value, class Decode>
void round_trip(const Value& value, Decode decode) {
  std::string text;
  wire::encode(value, text);
  PROMISE(decode(text) == value);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = text_of(data + 1, size - 1);
  try {
    switch (data[0]) {
      case 'h':
        round_trip(wire::decode_head(text), wire::decode_head);
        break;
      case 'e':
        round_trip(wire::decode_event(text), wire::decode_event);
        break;
      default: {
        const auto kind = static_cast<locks::RowKind>(data[0] - '0');
        const locks::Row row = wire::decode_row(kind, text);
        round_trip(row, [&](std::string_view again) { return wire::decode_row(kind, again); });
        locks::Record record;
        wire::insert(record, row);
        PROMISE(record.claims.size() + record.waiters.size() + record.closed.size() == 1);
      }
    }
  } catch (const wire::WireError&) {
  }
  return 0;
}
