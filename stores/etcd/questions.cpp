#include "stores/etcd/questions.h"

#include <utility>

#include "wire/record_json.h"

namespace lockkeeper::stores::etcd {

engine::Failed failed(const Failure& failure, bool writes) {
  using Kind = engine::Failed::Kind;
  switch (failure.kind) {
    case Failure::Kind::no_room:
      return {Kind::no_room, failure.why};
    case Failure::Kind::unknown:
      return {writes ? Kind::unknown : Kind::unavailable, failure.why};
    case Failure::Kind::refused:
    case Failure::Kind::unauthorized:
    case Failure::Kind::compacted:
      break;
  }
  return {Kind::unavailable, failure.why};
}

Client::Done<TxnReply> going_on(Answered answered, bool writes, std::function<void(TxnReply&)> use) {
  return [answered = std::move(answered), writes, use = std::move(use)](Result<TxnReply> result) {
    if (const auto* failure = std::get_if<Failure>(&result)) return answered(failed(*failure, writes));
    try {
      use(std::get<TxnReply>(result));
    } catch (const wire::WireError& error) {
      answered(engine::Failed{engine::Failed::Kind::unavailable, std::string("damaged: ") + error.what()});
    }
  };
}

Client::Done<TxnReply> answering(Answered answered, bool writes, std::function<Answer(TxnReply&)> use) {
  return going_on(answered, writes, [answered, use = std::move(use)](TxnReply& reply) { answered(use(reply)); });
}

void Questions::ask(const engine::Commit& question, Answered answered) {
  gathering_.change([this, &question] { return layout_.commit(question.lock, question.change); },
                    answering(std::move(answered), true, [this](TxnReply& reply) -> Answer {
                      if (reply.succeeded) return engine::Committed{};
                      engine::Found found = layout_.found(reply.steps);
                      return engine::Conflict{std::move(found.record), found.floor};
                    }));
}

void Questions::ask(const engine::Read& question, Answered answered) {
  gathering_.read(layout_.read(question.lock),
                  answering(std::move(answered), false,
                            [this](TxnReply& reply) -> Answer { return layout_.found(reply.steps); }));
}

// Not gathered with others: two of them would raise the floor twice in one Txn, which etcd refuses.
void Questions::ask(const engine::Prune& question, Answered answered) {
  const auto look_first = [this, &question, answered](TxnReply& reply) {
    const auto found = layout_.found(reply.steps);
    if (!found.record || found.record->head.version != question.expected || locks::held(*found.record) ||
        !found.record->waiters.empty()) {
      return answered(engine::Pruned{false});
    }
    // What was seen belongs to that version: the condition on it is enough.
    client_.txn(
        layout_.prune(question.lock, question.expected), timeout_,
        answering(answered, true, [](TxnReply& pruned) -> Answer { return engine::Pruned{pruned.succeeded}; }));
  };
  gathering_.read(layout_.read(question.lock), going_on(answered, false, look_first));
}

}  // namespace lockkeeper::stores::etcd
