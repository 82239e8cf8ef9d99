#include "stores/postgresql/watch.h"

#include <utility>

#include "stores/postgresql/notes.h"
#include "stores/postgresql/opening.h"

namespace lockkeeper::stores::postgresql {
namespace {

constexpr std::chrono::seconds between_questions{2};
// As long as nobody listens, everything may have changed, every so often.
constexpr std::chrono::seconds while_deaf{1};

}  // namespace

Watch::Watch(const Options& options, std::unique_ptr<Connection> listens, engine::Completions& completions,
             Bell& bell)
    : options_(options), completions_(completions), listens_(std::move(listens)) {
  if (!options_.watch) return;
  connector_ = std::make_unique<Connector>([&options](int stop) { return connect_watch(options, stop); }, bell);
  next_ = std::chrono::steady_clock::now() + between_questions;
}

void Watch::look(Time now, bool readable) {
  if (!connector_) return;
  if (!listens_) {
    auto made = connector_->take();
    if (!made.empty()) {
      listens_ = std::move(made.front());
      asked_ = false;
      next_ = now + between_questions;
      completions_.missed();
      tell();
    } else if (now >= next_) {
      completions_.missed();
      next_ = now + while_deaf;
    }
    return;
  }
  if (readable) {
    const bool answered = listens_->advance();
    tell();
    if (listens_->lost()) return lose(now);
    if (answered && asked_) {
      const bool well = !listens_->take().fault;
      if (!well) return lose(now);
      asked_ = false;
      next_ = now + between_questions;
    }
  }
  if (now < next_) return;
  if (asked_ || !listens_->send("SELECT 1", {})) return lose(now);
  asked_ = true;
  next_ = now + options_.timeout;
}

void Watch::start_again(Time now) {
  if (listens_) lose(now);
}

void Watch::lose(Time now) {
  listens_.reset();
  connector_->take();
  connector_->want(1);
  next_ = now + while_deaf;
}

void Watch::tell() {
  std::vector<engine::Changed> changes;
  bool understood = true;
  for (const auto& payload : listens_->notifications()) {
    if (payload.starts_with('?')) continue;  // of a server that starts: whether it hears itself
    understood = read_notes(payload, changes) && understood;
  }
  if (!changes.empty()) completions_.changed(std::move(changes));
  if (!understood) completions_.missed();
}

}  // namespace lockkeeper::stores::postgresql
