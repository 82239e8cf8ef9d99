// Answers as the client reads them, also from a server that is none of ours: a view or a WireError. And any text
// at all, written as an answer, is read as that text.
#include <string>

#include "fuzzed.h"
#include "locks/limits.h"
#include "wire/native_json.h"
#include "wire/record_json.h"

namespace wire = lockkeeper::wire;

namespace {

template <class Read>
void try_reading(std::string_view text, Read read) {
  try {
    read(text);
  } catch (const wire::WireError&) {
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  try_reading(text, wire::read_lock);
  try_reading(text, wire::read_granted);
  try_reading(text, wire::read_released);
  try_reading(text, wire::read_denied);
  try_reading(text, wire::read_renewed);
  try_reading(text, wire::read_old_locks);
  try_reading(text, [](std::string_view json) {
    const wire::HistoryView view = wire::read_history(json);
    std::string written;
    wire::write_history("lock", view.version, view.oldest, view.more, view.events, written);
    const wire::HistoryView again = wire::read_history(written);
    PROMISE(again.version == view.version && again.events.size() == view.events.size());
  });
  PROMISE(lockkeeper::locks::valid_utf8(wire::read_error(text)));

  std::string written;
  wire::write_denied(text, text, 1, "", {}, {}, written);
  PROMISE(lockkeeper::locks::valid_utf8(written));
  const wire::DeniedView denied = wire::read_denied(written);
  PROMISE(denied.error == text || !lockkeeper::locks::valid_utf8(text));
  PROMISE(!denied.queued);

  written.clear();
  const lockkeeper::locks::Queued place{.version = 1, .position = 2, .waiters = 3};
  wire::write_queued(text, text, text, text, place, written);
  const wire::DeniedView queued = wire::read_denied(written);
  PROMISE(queued.queued && queued.queued->position == 2);
  PROMISE(queued.queued->claim == text || !lockkeeper::locks::valid_utf8(text));
  return 0;
}
