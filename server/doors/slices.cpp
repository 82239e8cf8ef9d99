#include "server/doors/slices.h"

#include <functional>
#include <utility>

namespace lockkeeper::server {
namespace {

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

class SliceStream final : public http::Stream {
 public:
  SliceStream(FrontDesk& desk, std::size_t io, std::unique_ptr<SlicedText> text, std::string first)
      : desk_(desk), io_(io), text_(std::move(text)), first_(std::move(first)), call_(new SliceCall) {
    call_->arrived = [this] { arrived(); };
  }
  ~SliceStream() override {
    call_->owned = false;
    if (!call_->under_way) delete call_;
  }
  SliceStream(const SliceStream&) = delete;
  SliceStream& operator=(const SliceStream&) = delete;

  void next(std::function<void(std::string text, bool last)> done) override {
    if (!first_.empty()) return done(std::exchange(first_, {}), false);
    done_ = std::move(done);
    ask();
  }

 private:
  void ask() {
    call_->question = text_->next_scan();
    call_->under_way = true;
    desk_.ask(*call_, io_);
  }

  void arrived() {
    const auto* scanned = std::get_if<engine::Scanned>(&call_->answer);
    // The store went away half-way. The status has left already; the list stays open, so that nobody can take it
    // for a whole one.
    if (scanned == nullptr) return std::exchange(done_, nullptr)("\n", true);
    std::string text = text_->add(*scanned);
    const bool last = text_->done();
    if (text.empty() && !last) return ask();
    std::exchange(done_, nullptr)(std::move(text), last);  // may end this stream
  }

  FrontDesk& desk_;
  std::size_t io_;
  std::unique_ptr<SlicedText> text_;
  std::string first_;
  std::function<void(std::string text, bool last)> done_;
  SliceCall* call_;  // its own owner once this is gone and it is under way
};

class SliceVisit final : public Visit {
 public:
  SliceVisit(FrontDesk& desk, http::Exchange& to, std::string_view through, std::unique_ptr<SlicedText> text)
      : Visit(to, through), desk_(desk), text_(std::move(text)) {
    question = text_->next_scan();
  }

 protected:
  http::Response reply() override {
    const auto* scanned = std::get_if<engine::Scanned>(&answer);
    if (scanned == nullptr)
      return unavailable_reply(std::get<locks::Unavailable>(std::get<locks::Outcome>(answer)));
    http::Response response;
    std::string first = text_->add(*scanned);
    if (text_->done()) {
      response.body = std::move(first);
    } else {
      response.stream = std::make_unique<SliceStream>(desk_, exchange.io(), std::move(text_), std::move(first));
    }
    return response;
  }

 private:
  FrontDesk& desk_;
  std::unique_ptr<SlicedText> text_;
};

}  // namespace

void serve_slices(FrontDesk& desk, http::Exchange& exchange, std::unique_ptr<SlicedText> text,
                  std::string_view door, std::string user) {
  auto owned = std::make_unique<SliceVisit>(desk, exchange, door, std::move(text));
  SliceVisit& visit = *owned;
  visit.user = std::move(user);
  exchange.attachment = std::move(owned);
  desk.ask(visit, exchange.io());
}

}  // namespace lockkeeper::server
