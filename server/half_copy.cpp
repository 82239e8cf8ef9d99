#include "server/half_copy.h"

#include <future>
#include <variant>

#include "server/commands/copy.h"
#include "server/open_store.h"

namespace lockkeeper::server {
namespace {

class OneAnswer final : public engine::Mailbox {
 public:
  void deliver(engine::Call* /*chain*/) noexcept override { arrived_.set_value(); }
  void wait() { arrived_.get_future().wait(); }

 private:
  std::promise<void> arrived_;
};

class Question final : public engine::Call {};

}  // namespace

void refuse_half_copy(engine::Engine& engine) {
  OneAnswer answer;
  Question call;
  call.question = engine::Scan{.after = {}, .prefix = copy_mark, .limit = 1};
  call.mailbox = &answer;
  engine.submit(call);
  answer.wait();
  const auto* found = std::get_if<engine::Scanned>(&call.answer);
  if (found == nullptr) throw StartError("the store does not answer");
  if (!found->locks.empty()) {
    throw StartError(
        "the store has what is left of a `lockkeeper copy` that did not come to its end: empty it, and copy again");
  }
}

}  // namespace lockkeeper::server
