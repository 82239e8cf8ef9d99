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

void Questions::ask(const engine::Commit& question, Time until, Answered answered) {
  auto done = answering(answered, true, [this](TxnReply& reply) -> Answer {
    if (reply.succeeded) return engine::Committed{};
    engine::Found found = layout_.found(reply.steps);
    return engine::Conflict{std::move(found.record), found.floor};
  });
  gathering_.change([this, &question] { return layout_.commit(question.lock, question.change); }, until,
                    [this, &question, until, answered, done = std::move(done)](Result<TxnReply> result) {
                      const auto* failure = std::get_if<Failure>(&result);
                      if (failure == nullptr || failure->kind != Failure::Kind::no_room) {
                        return done(std::move(result));
                      }
                      look_whether_done(question, *failure, until, answered);
                    });
}

// A Txn that etcd refuses for want of room may have been carried out (client.cpp: kind_of), and then is by now:
// reads need no room. Its events tell, by their change's id; without them it is known only that nothing came to be.
void Questions::look_whether_done(const engine::Commit& question, const Failure& failure, Time until,
                                  Answered answered) {
  using Kind = engine::Failed::Kind;
  const auto version = question.change.head.version;
  Txn txn;
  txn.then.emplace_back(Range{layout_.head(question.lock)});
  txn.then.emplace_back(Range{layout_.events(question.lock, version)});
  auto look = [&question, version, why = failure.why](const TxnReply& reply) -> Answer {
    const auto& heads = reply.steps.at(0).kvs;
    const auto& events = reply.steps.at(1).kvs;
    if (!events.empty()) {
      if (events.front().value == encode_events(question.change.events)) return engine::Committed{};
      return engine::Failed{Kind::no_room, why};
    }
    const bool passed = !heads.empty() && version_of(heads.front().value) >= version;
    return engine::Failed{passed ? Kind::unknown : Kind::no_room, why};
  };
  gathering_.read(std::move(txn), until, [answered, look = std::move(look)](const Result<TxnReply>& result) {
    const auto* unseen = std::get_if<Failure>(&result);
    answered(unseen == nullptr ? look(std::get<TxnReply>(result))
                               : Answer(engine::Failed{Kind::unknown, unseen->why}));
  });
}

void Questions::ask(const engine::Read& question, Time until, Answered answered) {
  gathering_.read(layout_.read(question.lock), until,
                  answering(std::move(answered), false,
                            [this](TxnReply& reply) -> Answer { return layout_.found(reply.steps); }));
}

// Not gathered with others: two of them would raise the floor twice in one Txn, which etcd refuses.
void Questions::ask(const engine::Prune& question, Time until, Answered answered) {
  const auto look_first = [this, &question, until, answered](TxnReply& reply) {
    const auto found = layout_.found(reply.steps);
    if (!found.record || found.record->head.version != question.expected || locks::held(*found.record) ||
        !found.record->waiters.empty()) {
      return answered(engine::Pruned{false});
    }
    // What was seen belongs to that version: the condition on it is enough.
    client_.txn(
        layout_.prune(question.lock, question.expected), until,
        answering(answered, true, [](TxnReply& pruned) -> Answer { return engine::Pruned{pruned.succeeded}; }));
  };
  gathering_.read(layout_.read(question.lock), until, going_on(answered, false, look_first));
}

}  // namespace lockkeeper::stores::etcd
