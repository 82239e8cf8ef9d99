// The agent's loop, stepped: each test owns the clock, the lead and both APIs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/argo_server.h"
#include "agent/options.h"
#include "agent/vitals.h"
#include "tests/support/agent_stage.h"
#include "wire/time_text.h"

namespace lockkeeper::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Kind = Outcome::Kind;
using Api = ApiAnswer::Kind;
using lockkeeper::testing::FakeApi;
using namespace std::chrono_literals;

class AgentLoop : public ::testing::Test {
 protected:
  explicit AgentLoop(AgentSettings settings = {}) : agent(settings, clock, leader, log, tally) {}

  // Hears what was released and does all that is due.
  void turn() {
    agent.feed(gates);
    while (agent.work(gates, route)) {
    }
  }
  // From one due time to the next, without hearing anything new.
  void pass(std::chrono::milliseconds duration) {
    const auto end = clock.time + duration;
    while (agent.next() <= end) {
      clock.time = std::max(clock.time, agent.next());
      if (!agent.work(gates, route)) break;  // we do not lead
    }
    clock.time = std::max(clock.time, end);
  }
  std::size_t waiting(Kind kind) { return agent.waiting().kept[static_cast<std::size_t>(kind)]; }
  const std::string& note(const std::string& id) { return gates.gates.at(id).note; }

  lockkeeper::testing::FakeClock clock;
  lockkeeper::testing::FakeLeader leader;
  lockkeeper::testing::FakeLog log;
  lockkeeper::testing::FakeGates gates;
  FakeApi api;
  Tally tally;
  Agent agent;
  KubernetesRoute route{api, {clock, nullptr, [this] { return leader.leads(); }, "lockkeeper.dev"}, Verb::patch};
};

// ---- the table of docs/agent.md, row by row

TEST_F(AgentLoop, a_released_gate_resumes_its_workflow_with_a_mark_and_is_deleted) {
  api.suspended("w");
  gates.release("g", "w");
  turn();
  EXPECT_THAT(api.calls, ElementsAre("GET ci/w", "PATCH ci/w"));
  EXPECT_THAT(gates.events, ElementsAre("delete g"));
  EXPECT_THAT(api.objects["ci/w"], HasSubstr("lockkeeper.dev/resumed-g"));
  EXPECT_THAT(log.lines, ElementsAre("gate g: ci/w is resumed"));
  EXPECT_EQ(tally.tries(Kind::resumed), 1U);
  EXPECT_EQ(tally.deleted, 1U);
  EXPECT_EQ(agent.next(), Clock::Time::max());
}

TEST_F(AgentLoop, a_gate_is_not_deleted_before_the_resume_is_confirmed) {
  api.suspended("w");
  gates.release("g", "w");
  api.writes = {FakeApi::answer(Api::busy, 503, "apiserver is shutting down")};
  turn();
  EXPECT_THAT(gates.events, IsEmpty());
  pass(1s);
  EXPECT_THAT(gates.events, ElementsAre("delete g"));
}

TEST_F(AgentLoop, a_workflow_that_carries_the_mark_is_not_touched) {
  api.put("w", R"("suspend":true)");
  const std::string marks = R"("annotations":{"lockkeeper.dev/resumed-g":"2026-11-21T07:00:00Z"},"name")";
  api.objects["ci/w"].replace(api.objects["ci/w"].find("\"name\""), 6, marks);
  gates.release("g", "w");
  turn();
  EXPECT_THAT(api.calls, ElementsAre("GET ci/w"));
  EXPECT_THAT(gates.events, ElementsAre("delete g"));
  EXPECT_EQ(tally.tries(Kind::marked), 1U);
}

TEST_F(AgentLoop, a_release_that_comes_before_the_suspension_is_not_lost) {
  api.put("w", "");
  gates.release("g", "w");
  turn();
  pass(10min);
  EXPECT_THAT(gates.events, IsEmpty());
  EXPECT_EQ(api.count("PATCH"), 0U);
  EXPECT_EQ(note("g"), "the workflow is not suspended (yet)");
  EXPECT_GE(api.count("GET"), 24U);  // each poll, 25 s
  EXPECT_LE(api.count("GET"), 60U);
  api.suspended("w");
  pass(25s);
  EXPECT_EQ(api.resumed["ci/w"], 1);
  EXPECT_THAT(gates.events, ElementsAre("delete g"));
}

TEST_F(AgentLoop, a_finished_workflow_is_left_alone_and_its_gate_deleted) {
  api.put("w", R"("suspend":true)", "ci", "Failed");
  gates.release("g", "w");
  turn();
  EXPECT_THAT(api.calls, ElementsAre("GET ci/w"));
  EXPECT_THAT(gates.events, ElementsAre("delete g"));
  EXPECT_THAT(log.lines, ElementsAre("gate g: ci/w is already Failed"));
}

TEST_F(AgentLoop, an_absent_workflow_is_asked_for_slowly_and_given_up_after_a_day_but_its_gate_stays) {
  gates.release("g", "w");
  turn();
  EXPECT_THAT(note("g"), StartsWith("no such workflow since 20"));
  pass(23h + 58min);
  EXPECT_EQ(waiting(Kind::absent), 1U);
  EXPECT_LE(api.count("GET"), 24U * 60 * 2);
  EXPECT_EQ(log.count("no such workflow"), 1U);
  pass(3min);
  EXPECT_EQ(waiting(Kind::unresumable), 1U);
  EXPECT_THAT(note("g"), StartsWith("unresumable: no such workflow since 20"));
  EXPECT_EQ(log.count("unresumable"), 1U);
  const std::size_t asked = api.calls.size();
  api.suspended("w");
  pass(48h);
  EXPECT_EQ(api.calls.size(), asked);
  EXPECT_THAT(gates.events, IsEmpty());
  EXPECT_EQ(gates.notes, 2);
  gates.gates.clear();  // somebody deletes it
  pass(11min);
  EXPECT_EQ(waiting(Kind::unresumable), 0U);
}

TEST_F(AgentLoop, an_absent_workflow_is_given_up_after_a_day_of_several_agents) {
  gates.release("g", "w");
  gates.gates["g"].note = "no such workflow since " + wire::time_text(clock.wall() - 23h);
  turn();
  EXPECT_EQ(waiting(Kind::absent), 1U);
  pass(55min);
  EXPECT_EQ(waiting(Kind::absent), 1U);
  pass(10min);
  EXPECT_EQ(waiting(Kind::unresumable), 1U);
}

TEST_F(AgentLoop, another_gate_under_the_same_id_is_not_this_one_s_to_resume) {
  api.suspended("w");
  gates.release("g", "w");
  api.gets = {4, FakeApi::answer(Api::busy, 503)};
  turn();
  gates.gates["g"].created = "later";
  pass(2min);
  EXPECT_EQ(api.count("PATCH"), 0U);
  EXPECT_THAT(gates.events, IsEmpty());
}

TEST_F(AgentLoop, a_gate_that_was_given_up_is_tried_once_more_by_the_next_agent) {
  gates.release("g", "w");
  gates.gates["g"].note = "unresumable: no such workflow since 2026-11-20T07:00:00.000Z";
  turn();
  EXPECT_EQ(waiting(Kind::unresumable), 1U);
  EXPECT_EQ(gates.notes, 0);
  gates.release("h", "v");
  gates.gates["h"].note = "unresumable: no such workflow since 2026-11-20T07:00:00.000Z";
  api.suspended("v");
  turn();
  EXPECT_THAT(gates.events, ElementsAre("delete h"));
}

TEST_F(AgentLoop, a_workflow_that_is_submitted_late_is_resumed) {
  gates.release("g", "w");
  turn();
  pass(1h);
  api.suspended("w");
  pass(61s);
  EXPECT_EQ(api.resumed["ci/w"], 1);
}

TEST_F(AgentLoop, a_conflict_is_read_again_and_redone_at_once_five_times) {
  api.suspended("w");
  gates.release("g", "w");
  for (int i = 0; i < 5; ++i) api.writes.push_back(FakeApi::answer(Api::conflict, 409, "modified"));
  turn();
  EXPECT_EQ(api.count("GET"), 6U);
  EXPECT_EQ(api.count("PATCH"), 6U);
  EXPECT_THAT(clock.slept, ElementsAre(10ms, 20ms, 40ms, 80ms, 160ms));
  EXPECT_THAT(gates.events, ElementsAre("delete g"));
}

TEST_F(AgentLoop, a_workflow_that_is_always_in_conflict_waits_for_the_next_poll) {
  api.suspended("w");
  gates.release("g", "w");
  for (int i = 0; i < 6; ++i) api.writes.push_back(FakeApi::answer(Api::conflict, 409, "modified"));
  turn();
  EXPECT_EQ(api.count("PATCH"), 6U);
  EXPECT_EQ(waiting(Kind::conflict), 1U);
  pass(1s);
  EXPECT_EQ(api.resumed["ci/w"], 1);
}

TEST_F(AgentLoop, a_stale_read_is_not_written_over) {
  api.suspended("w");
  gates.release("g", "w");
  bool changed = false;
  api.before_write = [&] {
    if (std::exchange(changed, true)) return;
    std::string& object = api.objects["ci/w"];
    object.replace(object.find(R"("resourceVersion":"1")"), 21, R"("resourceVersion":"x")");
  };
  turn();
  EXPECT_EQ(api.count("PATCH"), 2U);
  EXPECT_EQ(api.resumed["ci/w"], 1);
}

TEST_F(AgentLoop, a_patch_without_an_answer_is_looked_for_by_its_mark) {
  api.suspended("w");
  gates.release("g", "w");
  api.writes = {FakeApi::answer(Api::unreachable, 0, "no whole answer within 30s")};
  api.carries_out = true;
  turn();
  EXPECT_THAT(gates.events, IsEmpty());
  pass(2s);
  EXPECT_THAT(api.calls, ElementsAre("GET ci/w", "PATCH ci/w", "GET ci/w"));
  EXPECT_THAT(gates.events, ElementsAre("delete g"));
  EXPECT_EQ(api.resumed["ci/w"], 1);
  EXPECT_EQ(tally.tries(Kind::marked), 1U);
}

TEST_F(AgentLoop, a_failed_deletion_is_tried_again_without_asking_the_workflows_api) {
  api.suspended("w");
  gates.release("g", "w");
  agent.feed(gates);
  gates.fail = [] { throw client::ServerError(503, "the store is away", 7s); };
  agent.work(gates, route);
  EXPECT_EQ(waiting(Kind::not_deleted), 1U);
  EXPECT_EQ(log.count("is not deleted yet: the store is away"), 1U);
  pass(6s);
  EXPECT_EQ(tally.tries(Kind::not_deleted), 1U);  // Retry-After
  gates.fail = [] {};
  api.all = FakeApi::answer(Api::unreachable, 0, "refused");
  pass(1s);
  EXPECT_THAT(gates.events, ElementsAre("delete g"));
  EXPECT_EQ(api.calls.size(), 2U);
  EXPECT_EQ(tally.tries(Kind::resumed), 1U);
}

TEST_F(AgentLoop, what_is_forbidden_is_kept_with_the_servers_words_and_tried_slowly) {
  const std::string why = "workflows.argoproj.io \"w\" is forbidden: cannot get resource in the namespace \"ci\"";
  api.all = FakeApi::answer(Api::forbidden, 403, why);
  gates.release("g", "w");
  turn();
  pass(1h);
  EXPECT_EQ(note("g"), why);
  EXPECT_EQ(log.count(why), 1U);
  EXPECT_LE(api.count("GET"), 130U);
  EXPECT_GE(api.count("GET"), 60U);
}

TEST_F(AgentLoop, update_does_where_patch_is_not_granted) {
  for (const std::string name : {"v", "w"}) api.suspended(name);
  gates.release("g", "v");
  gates.release("h", "w");
  api.writes = {FakeApi::answer(Api::forbidden, 403, "User cannot patch resource \"workflows\"")};
  turn();
  EXPECT_THAT(api.calls, ElementsAre("GET ci/v", "PATCH ci/v", "PUT ci/v", "GET ci/w", "PUT ci/w"));
  EXPECT_EQ(api.resumed["ci/v"], 1);
  EXPECT_EQ(api.resumed["ci/w"], 1);
  EXPECT_THAT(api.objects["ci/w"], HasSubstr("lockkeeper.dev/resumed-h"));
}

TEST_F(AgentLoop, who_may_neither_patch_nor_update_is_told_so) {
  api.suspended("w");
  gates.release("g", "w");
  api.writes = {FakeApi::answer(Api::forbidden, 403, "User cannot patch resource \"workflows\""),
                FakeApi::answer(Api::forbidden, 403, "User cannot update resource \"workflows\"")};
  turn();
  EXPECT_EQ(note("g"), "User cannot patch resource \"workflows\"");
}

TEST_F(AgentLoop, verb_put_never_patches) {
  KubernetesRoute put{api, {clock, nullptr, [] { return true; }, "lockkeeper.dev"}, Verb::put};
  api.suspended("w");
  gates.release("g", "w");
  agent.feed(gates);
  agent.work(gates, put);
  EXPECT_THAT(api.calls, ElementsAre("GET ci/w", "PUT ci/w"));
}

TEST_F(AgentLoop, what_a_person_has_to_mend_is_tried_rarely) {
  for (const Api kind : {Api::rejected, Api::too_large}) {
    FakeApi own;
    own.suspended("w");
    KubernetesRoute one{own, {clock, nullptr, [] { return true; }, "lockkeeper.dev"}, Verb::patch};
    for (int i = 0; i < 100; ++i) own.writes.push_back(FakeApi::answer(kind, 422, "no"));
    gates.release("g", "w");
    agent.feed(gates);
    const auto end = clock.time + 1h;
    while (clock.time < end) {
      agent.work(gates, one);
      clock.time += 1s;
    }
    EXPECT_THAT(own.count("PATCH"), ::testing::AllOf(::testing::Ge(6U), ::testing::Le(13U)));
    EXPECT_THAT(note("g"), kind == Api::rejected ? "no" : "workflow too large: no");
    gates.gates.clear();
    clock.time += 1h;
    agent.work(gates, one);  // sees that it is gone
  }
}

TEST_F(AgentLoop, what_cannot_be_resumed_over_this_api_is_kept_with_the_reason) {
  api.put("w", R"("suspend":true)");
  std::string& object = api.objects["ci/w"];
  object.replace(object.find(R"("phase")"), 7, R"("offloadNodeStatusVersion":"fnv:1","phase")");
  gates.release("g", "w");
  turn();
  EXPECT_EQ(api.count("PATCH"), 0U);
  EXPECT_THAT(note("g"), HasSubstr("offloaded"));
  EXPECT_EQ(waiting(Kind::cannot), 1U);
}

TEST_F(AgentLoop, a_bad_name_is_never_asked_for) {
  gates.release("g", "w/../../secrets/x");
  gates.release("h", "w", "kube system");
  gates.release("i", "@latest");
  turn();
  pass(48h);
  EXPECT_THAT(api.calls, IsEmpty());
  EXPECT_THAT(note("g"), HasSubstr("no Kubernetes name"));
  EXPECT_EQ(waiting(Kind::bad_name), 3U);
  EXPECT_EQ(log.lines.size(), 3U);
}

TEST_F(AgentLoop, what_may_pass_is_tried_again_after_a_second_doubled_up_to_a_minute_with_jitter) {
  gates.release("g", "w");
  api.all = FakeApi::answer(Api::busy, 503, "later");
  clock.chance = 0.999999;
  turn();
  std::vector<std::chrono::seconds> pauses;
  for (int i = 0; i < 9; ++i) {
    pauses.push_back(std::chrono::round<std::chrono::seconds>(agent.next() - clock.time));
    pass(std::chrono::ceil<std::chrono::milliseconds>(agent.next() - clock.time));
  }
  EXPECT_THAT(pauses, ElementsAre(1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s, 60s));
  EXPECT_EQ(log.count("later"), 1U);
  EXPECT_EQ(gates.notes, 1);
}

TEST_F(AgentLoop, retry_after_is_obeyed) {
  gates.release("g", "w");
  api.suspended("w");
  api.gets = {FakeApi::answer(Api::busy, 429, "too many requests", 17s)};
  turn();
  pass(16s);
  EXPECT_EQ(api.count("GET"), 1U);
  pass(1s);
  EXPECT_EQ(api.resumed["ci/w"], 1);
}

// ---- the API as a whole

class AsAWhole : public AgentLoop, public ::testing::WithParamInterface<Api> {};

TEST_P(AsAWhole, an_api_that_fails_for_all_is_asked_by_one_at_a_time_and_all_gates_are_kept) {
  constexpr int crowd = 1000;
  for (int i = 0; i < crowd; ++i) {
    gates.release("g" + std::to_string(i), "w" + std::to_string(i));
    api.suspended("w" + std::to_string(i));
  }
  api.all = FakeApi::answer(GetParam(), 0, "x509: certificate signed by unknown authority");
  turn();
  EXPECT_EQ(api.calls.size(), 1U);
  pass(1h);
  EXPECT_LE(api.calls.size(), 140U);
  EXPECT_GE(api.calls.size(), 60U);
  EXPECT_THAT(gates.events, IsEmpty());
  EXPECT_EQ(log.count("all gates wait"), 1U);
  EXPECT_TRUE(tally.api_away);
  for (int i = 0; i < crowd; ++i) {
    ASSERT_EQ(note("g" + std::to_string(i)), "x509: certificate signed by unknown authority") << i;
  }
  EXPECT_EQ(gates.notes, crowd);
  api.all.reset();
  pass(2min);
  EXPECT_EQ(gates.events.size(), static_cast<std::size_t>(crowd));
  EXPECT_EQ(log.count("the API answers again"), 1U);
  EXPECT_FALSE(tally.api_away);
}

INSTANTIATE_TEST_SUITE_P(Failures, AsAWhole,
                         ::testing::Values(Api::certificate, Api::unauthorized, Api::no_such_api,
                                           Api::unreachable));

TEST_F(AgentLoop, a_short_outage_writes_no_notes) {
  for (int i = 0; i < 10; ++i) gates.release("g" + std::to_string(i), "w");
  api.all = FakeApi::answer(Api::unreachable, 0, "refused");
  turn();
  pass(20s);
  EXPECT_EQ(gates.notes, 0);
}

TEST_F(AgentLoop, one_bad_gate_never_stops_the_others) {
  gates.release("bad", "bad");
  gates.release("worse", "w/w");
  int number = 0;
  for (const Api kind :
       {Api::busy, Api::unreachable, Api::rejected, Api::forbidden, Api::absent, Api::unreachable}) {
    api.special["ci/bad"] = FakeApi::answer(kind, 500, "trouble");
    pass(20min);
    const std::string name = "good" + std::to_string(++number);
    api.suspended(name);
    gates.release("g-" + name, name);
    turn();
    pass(3s);
    EXPECT_EQ(api.resumed["ci/" + name], 1) << name;
  }
  EXPECT_GE(api.count("GET ci/bad"), 60U);
  EXPECT_LE(api.count("GET ci/bad"), 300U);
}

// ---- the lead

TEST_F(AgentLoop, who_does_not_lead_asks_nobody) {
  leader.wins = false;
  gates.release("g", "w");
  EXPECT_EQ(agent.feed(gates), 3000ms);
  EXPECT_FALSE(agent.work(gates, route));
  EXPECT_EQ(gates.polls, 0);
  EXPECT_FALSE(tally.leads);
}

TEST_F(AgentLoop, a_lead_that_is_lost_before_the_write_prevents_it) {
  api.suspended("w");
  gates.release("g", "w");
  agent.feed(gates);
  KubernetesRoute loses{api, {clock, nullptr, [this] { return leader.leading = false; }, "d"}, Verb::patch};
  agent.work(gates, loses);
  EXPECT_EQ(api.count("PATCH"), 0U);
  leader.wins = false;
  turn();
  pass(1min);
  EXPECT_EQ(api.calls.size(), 1U);
  leader.wins = true;
  turn();
  EXPECT_EQ(api.resumed["ci/w"], 1);
}

TEST_F(AgentLoop, a_new_leader_hears_of_all_gates_again) {
  gates.release("g", "w");
  turn();
  EXPECT_EQ(waiting(Kind::absent), 1U);
  leader.leading = leader.wins = false;
  agent.feed(gates);
  gates.release("h", "v");
  api.suspended("w");  // meanwhile
  api.suspended("v");
  leader.wins = true;
  turn();
  EXPECT_THAT(gates.events, ElementsAre("delete g", "delete h"));
}

// ---- the lock API

TEST_F(AgentLoop, a_lock_api_that_fails_is_asked_with_growing_pauses_and_told_of_once) {
  gates.fail = [] { throw http::HttpError(http::HttpError::Kind::connect, "http://locks: refused"); };
  clock.chance = 0.999999;
  std::vector<std::chrono::seconds> pauses;
  for (int i = 0; i < 7; ++i) pauses.push_back(std::chrono::round<std::chrono::seconds>(agent.feed(gates)));
  EXPECT_THAT(pauses, ElementsAre(1s, 2s, 4s, 8s, 16s, 30s, 30s));
  EXPECT_EQ(log.count("refused"), 1U);
  gates.fail = [] { throw client::ServerError(503, "draining", 90s); };
  EXPECT_EQ(agent.feed(gates), 90s);
  gates.fail = [] {};
  EXPECT_EQ(agent.feed(gates), 0ms);
  EXPECT_EQ(log.count("the lock API answers again"), 1U);
  EXPECT_EQ(tally.feed_failures, 8U);
}

TEST_F(AgentLoop, a_restarted_server_tells_of_everything_again_and_nothing_is_tried_sooner_for_it) {
  gates.release("g", "w");
  turn();
  const std::size_t asked = api.calls.size();
  gates.life = "2-";
  turn();
  turn();
  EXPECT_EQ(api.calls.size(), asked);
  EXPECT_EQ(waiting(Kind::absent), 1U);
}

TEST_F(AgentLoop, a_gate_that_somebody_deleted_meanwhile_leaves_its_workflow_alone) {
  api.suspended("w");
  api.gets = {FakeApi::answer(Api::busy, 503, "later", 10s)};
  gates.release("g", "w");
  turn();
  gates.gates.clear();
  pass(1min);
  EXPECT_EQ(api.resumed["ci/w"], 0);
  EXPECT_EQ(api.calls.size(), 1U);
  EXPECT_EQ(agent.next(), Clock::Time::max());
}

TEST_F(AgentLoop, no_note_is_written_twice) {
  gates.release("g", "w");
  turn();
  pass(1h);
  EXPECT_EQ(gates.notes, 1);
  leader.leading = false;  // and back again: the note is read with the gate
  turn();
  EXPECT_EQ(gates.notes, 1);
}

TEST_F(AgentLoop, nothing_new_begins_once_it_is_to_stop) {
  api.suspended("w");
  gates.release("g", "w");
  agent.feed(gates);
  agent.stop();
  EXPECT_FALSE(agent.work(gates, route));
  EXPECT_THAT(api.calls, IsEmpty());
}

TEST_F(AgentLoop, delays_are_counted_from_the_moment_at_which_it_was_told) {
  api.suspended("w");
  gates.release("g", "w");
  agent.feed(gates);
  clock.time += 300ms;
  agent.work(gates, route);
  EXPECT_DOUBLE_EQ(tally.delays().sum, 0.3);
}

// ---- by an Argo Server

class ByArgoServer : public AgentLoop {
 protected:
  static AgentSettings settings() {
    AgentSettings settings;
    settings.always_look = true;
    return settings;
  }
  ByArgoServer() : AgentLoop(settings()) {}

  ApiAnswer send(const EndpointRequest& request) {
    calls.push_back(request.method + " " + request.path + (request.body.empty() ? "" : " " + request.body));
    if (request.method == "PUT" && carries_out) api.put("w", "");
    if (request.method == "PUT") return resume;
    return api.get_workflow("ci", "w", nullptr);
  }

  ApiAnswer resume{.kind = Api::ok, .status = 200, .body = "{}"};
  bool carries_out = false;  // whatever it answers
  std::vector<std::string> calls;
  ArgoServerRoute argo{[this](const EndpointRequest& request, const http::Interrupt*) { return send(request); },
                       {clock, nullptr, [] { return true; }, "lockkeeper.dev"}};
};

TEST_F(ByArgoServer, a_suspended_workflow_is_resumed_even_if_its_nodes_are_offloaded) {
  api.suspended("w");
  std::string& object = api.objects["ci/w"];
  object.replace(object.find(R"("phase")"), 7, R"("offloadNodeStatusVersion":"fnv:1","phase")");
  gates.release("g", "w");
  agent.feed(gates);
  agent.work(gates, argo);
  EXPECT_THAT(calls, ElementsAre("GET /api/v1/workflows/ci/w", "PUT /api/v1/workflows/ci/w/resume {}"));
  EXPECT_THAT(gates.events, ElementsAre("delete g"));
}

TEST_F(ByArgoServer, what_is_not_suspended_or_finished_is_not_resumed) {
  api.put("w", "");
  gates.release("g", "w");
  agent.feed(gates);
  agent.work(gates, argo);
  EXPECT_EQ(waiting(Kind::not_suspended), 1U);
  api.put("w", "", "ci", "Succeeded");
  clock.time += 25s;
  agent.work(gates, argo);
  EXPECT_THAT(gates.events, ElementsAre("delete g"));
  EXPECT_EQ(calls.size(), 2U);
}

TEST_F(ByArgoServer, the_newest_workflow_is_never_meant) {
  gates.release("g", "@latest");
  agent.feed(gates);
  agent.work(gates, argo);
  EXPECT_THAT(calls, IsEmpty());
}

TEST_F(ByArgoServer, a_gate_is_looked_at_before_since_there_is_no_mark) {
  api.suspended("w");
  gates.release("g", "w");
  agent.feed(gates);
  gates.gates.clear();  // another agent was quicker
  agent.work(gates, argo);
  EXPECT_THAT(calls, IsEmpty());
}

TEST_F(ByArgoServer, a_resume_without_an_answer_is_looked_for_at_once) {
  api.suspended("w");
  resume = FakeApi::answer(Api::unreachable, 0, "no whole answer within 30s");
  gates.release("g", "w");
  agent.feed(gates);
  agent.work(gates, argo);
  EXPECT_EQ(waiting(Kind::unreachable), 1U);  // it is suspended as before
  carries_out = true;
  clock.time += 1s;
  agent.work(gates, argo);
  EXPECT_THAT(gates.events, ElementsAre("delete g"));
}

TEST_F(ByArgoServer, its_errors_are_kept_as_reasons) {
  api.suspended("w");
  resume = FakeApi::answer(Api::busy, 500, "raw output parameter 'X' has not been set");
  gates.release("g", "w");
  agent.feed(gates);
  for (int i = 0; i < 3; ++i) {
    agent.work(gates, argo);
    clock.time += 1min;
  }
  EXPECT_EQ(note("g"), "raw output parameter 'X' has not been set");
  EXPECT_THAT(gates.events, IsEmpty());
}

// ---- parts

TEST(AgentOutcome, of_every_answer_follows_what_the_table_says) {
  using Next = Treatment::Next;
  struct Row {
    Api answer;
    Kind kind;
    Next next;
    bool whole_api;
  };
  for (const Row& row :
       {Row{Api::ok, Kind::resumed, Next::remove, false}, Row{Api::absent, Kind::absent, Next::slowly, false},
        Row{Api::no_such_api, Kind::no_such_api, Next::back_off, true},
        Row{Api::conflict, Kind::conflict, Next::poll, false},
        Row{Api::unauthorized, Kind::unauthorized, Next::back_off, true},
        Row{Api::forbidden, Kind::forbidden, Next::slowly, false},
        Row{Api::rejected, Kind::rejected, Next::rarely, false},
        Row{Api::too_large, Kind::too_large, Next::rarely, false},
        Row{Api::busy, Kind::busy, Next::back_off, false},
        Row{Api::unreachable, Kind::unreachable, Next::back_off, true},
        Row{Api::certificate, Kind::untrusted, Next::back_off, true},
        Row{Api::interrupted, Kind::interrupted, Next::again, false}}) {
    const Outcome outcome = outcome_of(FakeApi::answer(row.answer, 0, "why", 3s));
    EXPECT_EQ(outcome.kind, row.kind);
    EXPECT_EQ(outcome.retry_after, 3s);
    EXPECT_EQ(treatment(outcome.kind).next, row.next) << treatment(outcome.kind).label;
    EXPECT_EQ(treatment(outcome.kind).whole_api, row.whole_api) << treatment(outcome.kind).label;
  }
}

TEST(AgentBackoff, is_between_half_and_the_whole_of_what_it_may_be) {
  EXPECT_EQ(pause_after(1, {}, 0), 500ms);
  EXPECT_EQ(pause_after(3, {}, 0), 2s);
  EXPECT_GT(pause_after(3, {}, 0.999), 3900ms);
  EXPECT_EQ(pause_after(4'000'000'000, {}, 0), 30s);
  EXPECT_EQ(pause_after(1, {}, 0, 90s), 90s);
  EXPECT_EQ(pause_after(1, {}, 0, 72h), 1h);
  EXPECT_EQ(pause_after(7, {}, 0, 1s), 30s);
}

TEST(AgentVitals, tell_of_a_thread_that_does_not_come_back) {
  lockkeeper::testing::FakeClock clock;
  Vitals vitals(2, clock);
  EXPECT_TRUE(vitals.well());
  vitals.turn(1, 10s);
  clock.time += 10s;
  EXPECT_TRUE(vitals.well());
  clock.time += 1ms;
  EXPECT_FALSE(vitals.well());
  vitals.rest(1);
  EXPECT_TRUE(vitals.well());
}

// ---- options

std::variant<Options, Farewell> read(const std::vector<std::string>& arguments,
                                     std::map<std::string, std::string> environment = {}) {
  return read_options(arguments, [environment](const char* name) {
    const auto at = environment.find(name);
    return at == environment.end() ? std::string() : at->second;
  });
}

std::string refusal(const std::vector<std::string>& arguments,
                    std::map<std::string, std::string> environment = {}) {
  const auto result = read(arguments, std::move(environment));
  const auto* farewell = std::get_if<Farewell>(&result);
  return farewell && farewell->code == 2 ? farewell->err : "accepted";
}

TEST(AgentOptions, are_those_of_the_readme) {
  const auto flag = std::get<Options>(read({"--api-endpoint", "http://locks:8081", "--kubeconfig", "/etc/kube"}));
  EXPECT_EQ(flag.api_endpoint, "http://locks:8081");
  EXPECT_EQ(flag.kubeconfig, "/etc/kube");
  EXPECT_EQ(flag.give_up_after, 24h);
  EXPECT_FALSE(flag.listen);
  EXPECT_EQ(std::get<Options>(read({}, {{"API_ENDPOINT", "http://a"}})).api_endpoint, "http://a");
  EXPECT_EQ(std::get<Options>(read({"--api-endpoint=http://b"}, {{"API_ENDPOINT", "http://a"}})).api_endpoint,
            "http://b");
}

TEST(AgentOptions, that_make_no_sense_are_refused_with_a_sentence) {
  EXPECT_THAT(refusal({}), HasSubstr("--api-endpoint"));
  EXPECT_THAT(refusal({"--api-endpoint", "ftp://x"}), HasSubstr("--api-endpoint"));
  const auto with = [](const std::string& flag) { return refusal({"--api-endpoint=http://a", flag}); };
  for (const std::string flag :
       {"--workers=0", "--poll=25", "--verb=post", "--mark-domain=A", "--listen=8090", "--leader-ttl=1s",
        "--give-up-after=-1h", "--leader-lock=", "--argo-ca=x", "--log-level=loud", "--no-such-flag"}) {
    EXPECT_THAT(with(flag), ::testing::AllOf(HasSubstr(flag.substr(0, flag.find('='))), ::testing::EndsWith("\n")));
  }
  EXPECT_THAT(refusal({"--api-endpoint=http://a", "--argo-server=https://x", "--kubeconfig=y"}),
              HasSubstr("exclude"));
  EXPECT_THAT(refusal({"--api-endpoint=http://a"}, {{"LOCK_AUTH_USER", "me"}}), HasSubstr("LOCK_AUTH_PASS"));
}

TEST(AgentOptions, credentials_are_never_on_the_command_line) {
  const auto ours = std::get<Options>(read({"--api-endpoint=http://a"}, {{"LOCK_AUTH_USER", "me"},
                                                                         {"LOCK_AUTH_PASS", "pass"},
                                                                         {"AUTH_USER", "server"},
                                                                         {"AUTH_PASS", "server"},
                                                                         {"ARGO_TOKEN", "Bearer v2:abc"}}));
  EXPECT_EQ(ours.auth_user + ":" + ours.auth_pass, "me:pass");
  EXPECT_EQ(ours.argo_token, "v2:abc");
  const auto shared =
      std::get<Options>(read({"--api-endpoint=http://a"}, {{"AUTH_USER", "ci"}, {"AUTH_PASS", "secret"}}));
  EXPECT_EQ(shared.auth_user + ":" + shared.auth_pass, "ci:secret");
}

TEST(AgentOptions, the_native_api_is_beside_the_workflow_door_or_below_its_own_address) {
  EXPECT_EQ(native_api("http://h:3000/workflow"), "http://h:3000/native");
  EXPECT_EQ(native_api("http://h:3000/workflow/"), "http://h:3000/native");
  EXPECT_EQ(native_api("http://h:3000/locks/workflow"), "http://h:3000/locks/native");
  EXPECT_EQ(native_api("http://h:8081"), "http://h:8081/native");
  EXPECT_EQ(native_api("https://u:p@h:8081/"), "https://u:p@h:8081/native");
}

}  // namespace
}  // namespace lockkeeper::agent
