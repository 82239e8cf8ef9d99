#include "server/doors/lock_list.h"

#include <algorithm>
#include <utility>

#include "locks/gate.h"
#include "wire/native_json.h"

namespace lockkeeper::server {
namespace {

// Locks a slice: large enough that a scan's start does not matter, small enough to keep no thread for long.
constexpr std::size_t slice = 500;

// A slice on its way, which may outlive the stream that asked for it.
class SliceCall final : public IoCall {
 public:
  std::function<void()> arrived;  // empty: the stream is gone
  void answered() noexcept override { finish(); }
  void orphaned() noexcept override {
    arrived = nullptr;
    under_way = false;
    if (!owned) delete this;
  }
  bool under_way = false;
  bool owned = true;

 private:
  void finish() {
    under_way = false;
    if (!owned) {
      delete this;
    } else if (arrived) {
      arrived();
    }
  }
};

class ListStream final : public http::Stream {
 public:
  ListStream(FrontDesk& desk, std::size_t io, ListText text, std::string first)
      : desk_(desk), io_(io), text_(std::move(text)), first_(std::move(first)), call_(new SliceCall) {
    call_->arrived = [this] { arrived(); };
  }
  ~ListStream() override {
    call_->owned = false;
    if (!call_->under_way) delete call_;
  }
  ListStream(const ListStream&) = delete;
  ListStream& operator=(const ListStream&) = delete;

  void next(std::function<void(std::string text, bool last)> done) override {
    if (!first_.empty()) return done(std::exchange(first_, {}), false);
    done_ = std::move(done);
    ask();
  }

 private:
  void ask() {
    call_->question = text_.next_scan();
    call_->under_way = true;
    desk_.ask(*call_, io_);
  }

  void arrived() {
    const auto* scanned = std::get_if<engine::Scanned>(&call_->answer);
    // The store went away half-way. The status has left already; the list stays open, so that nobody can take it
    // for a whole one.
    if (scanned == nullptr) return std::exchange(done_, nullptr)("\n", true);
    std::string text = text_.add(*scanned);
    const bool last = text_.done();
    if (text.empty() && !last) return ask();
    std::exchange(done_, nullptr)(std::move(text), last);  // may end this stream
  }

  FrontDesk& desk_;
  std::size_t io_;
  ListText text_;
  std::string first_;
  std::function<void(std::string text, bool last)> done_;
  SliceCall* call_;  // its own owner once this is gone and it is under way
};

class ListVisit final : public Visit {
 public:
  ListVisit(FrontDesk& desk, http::Exchange& to, std::string_view through, ListQuestion asked)
      : Visit(to, through), desk_(desk), text_(std::move(asked)) {
    question = text_.next_scan();
  }

 protected:
  http::Response reply() override {
    const auto* scanned = std::get_if<engine::Scanned>(&answer);
    if (scanned == nullptr)
      return unavailable_reply(std::get<locks::Unavailable>(std::get<locks::Outcome>(answer)));
    http::Response response;
    std::string first = text_.add(*scanned);
    if (text_.done()) {
      response.body = std::move(first);
    } else {
      response.stream = std::make_unique<ListStream>(desk_, exchange.io(), std::move(text_), std::move(first));
    }
    return response;
  }

 private:
  FrontDesk& desk_;
  ListText text_;
};

}  // namespace

std::variant<std::string, ListQuestion> parse_list_query(std::string_view query) {
  ListQuestion question;
  // Whatever else an old client appends was ignored by the original, and still is.
  const auto view = parameter(query, "view");
  if (!view) return question;
  if (*view != "full") return "view is not full";
  question.full = true;
  question.prefix = parameter(query, "prefix").value_or("");
  question.after = parameter(query, "after").value_or("");
  const auto state = parameter(query, "state");
  if (state && *state != "held") return "state is not held";
  question.held_only = state.has_value();
  if (const auto limit = parameter(query, "limit")) {
    question.limit = whole_number(*limit);
    if (!question.limit || *question.limit == 0) return "limit is not a whole number of 1 or more";
  }
  return question;
}

engine::Scan ListText::next_scan() const {
  engine::Scan scan;
  scan.after = std::max(question_.after, std::string(locks::gates_end));  // gates are not locks
  scan.prefix = question_.prefix;
  scan.held_only = question_.held_only;
  scan.limit = question_.limit ? std::min<std::uint64_t>(slice, *question_.limit) : slice;
  return scan;
}

std::string ListText::add(const engine::Scanned& scanned) {
  std::string text;
  if (!std::exchange(begun_, true)) text += question_.full ? "{\"locks\":[" : "{";
  for (const engine::NamedRecord& lock : scanned.locks) {
    if (!std::exchange(empty_, false)) text += ',';
    if (question_.full) {
      wire::write_lock_member(lock.lock, lock.record, text);
    } else {
      wire::write_old_lock_member(lock.lock, lock.record, text);
    }
  }
  if (!scanned.locks.empty()) question_.after = scanned.locks.back().lock;
  if (question_.limit) *question_.limit -= std::min<std::uint64_t>(*question_.limit, scanned.locks.size());
  done_ = !scanned.more || (question_.limit && *question_.limit == 0);
  if (done_) text += !question_.full ? "}\n" : scanned.more ? "],\"more\":true}\n" : "],\"more\":false}\n";
  return text;
}

void serve_list(FrontDesk& desk, http::Exchange& exchange, std::string_view query, std::string_view door,
                std::string user) {
  auto parsed = parse_list_query(query);
  if (const auto* fault = std::get_if<std::string>(&parsed)) return exchange.answer(error_reply(400, *fault));
  auto owned = std::make_unique<ListVisit>(desk, exchange, door, std::get<ListQuestion>(std::move(parsed)));
  ListVisit& visit = *owned;
  visit.user = std::move(user);
  exchange.attachment = std::move(owned);
  desk.ask(visit, exchange.io());
}

}  // namespace lockkeeper::server
