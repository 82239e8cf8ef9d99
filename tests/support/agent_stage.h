// The agent's world in a test's hands: clock, lead, log, lock API and Kubernetes API.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/agent.h"
#include "agent/kubernetes_route.h"
#include "agent/merge_patch.h"

namespace lockkeeper::testing {

class FakeClock : public agent::Clock {
 public:
  Time now() override { return time; }
  std::chrono::sys_seconds wall() override {
    return std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) +
           std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch());
  }
  double random() override { return chance; }
  void sleep(std::chrono::milliseconds duration) override {
    slept.push_back(duration);
    time += duration;
  }
  Time time{};
  double chance = 0.5;
  std::vector<std::chrono::milliseconds> slept;
};

class FakeLeader : public agent::Leader {
 public:
  bool leads() override { return leading; }
  std::chrono::milliseconds campaign() override {
    ++campaigns;
    leading = leading || wins;
    return std::chrono::milliseconds(leading ? 0 : 3000);
  }
  bool leading = false, wins = true;
  int campaigns = 0;
};

class FakeLog : public agent::Log {
 public:
  void say(agent::LogLevel, std::string_view message) override { lines.emplace_back(message); }
  // How many lines contain that.
  std::size_t count(const std::string& part) const {
    std::size_t found = 0;
    for (const std::string& line : lines) found += line.find(part) != std::string::npos;
    return found;
  }
  std::vector<std::string> lines;
};

class FakeGates : public agent::Gates {
 public:
  client::GateFeed released(const std::string& cursor, std::chrono::milliseconds) override {
    ++polls;
    fail();
    client::GateFeed feed;
    feed.reset = !cursor.empty() && cursor.substr(0, life.size()) != life;
    std::size_t from = cursor.empty() || feed.reset ? 0 : std::stoul(cursor.substr(life.size()));
    for (; from < order.size(); ++from) {
      if (gates.contains(order[from])) feed.gates.push_back(gates[order[from]]);
    }
    feed.cursor = life + std::to_string(from);
    return feed;
  }
  std::optional<client::Gate> get(const std::string& id) override {
    fail();
    const auto at = gates.find(id);
    return at == gates.end() ? std::nullopt : std::optional(at->second);
  }
  void remove(const std::string& id) override {
    fail();
    events.push_back("delete " + id);
    gates.erase(id);
  }
  void note(const std::string& id, const std::string& text) override {
    fail();
    ++notes;
    if (gates.contains(id)) gates[id].note = text;
  }
  void release(const std::string& id, const std::string& workflow, const std::string& workflow_namespace = "ci") {
    gates[id] = {id, "released", workflow, workflow_namespace, "", "", "", "{}"};
    order.push_back(id);
  }
  std::map<std::string, client::Gate> gates;
  std::vector<std::string> order, events;
  std::string life = "1-";
  std::function<void()> fail = [] {};
  int polls = 0, notes = 0;
};

// Objects with resourceVersions and merge patches; answers can be put in their place.
class FakeApi : public agent::WorkflowApi {
 public:
  using Answer = agent::ApiAnswer;
  using Kind = Answer::Kind;

  Answer get_workflow(const std::string& space, const std::string& name, const http::Interrupt*) override {
    calls.push_back("GET " + space + "/" + name);
    if (auto scripted = next(gets)) return *scripted;
    if (all) return *all;
    if (const auto at = special.find(space + "/" + name); at != special.end()) return at->second;
    const auto at = objects.find(space + "/" + name);
    if (at == objects.end()) return answer(Kind::absent, 404, "workflows.argoproj.io \"" + name + "\" not found");
    return {.kind = Kind::ok, .status = 200, .body = at->second};
  }
  Answer patch_workflow(const std::string& space, const std::string& name, const std::string& patch,
                        const http::Interrupt*) override {
    calls.push_back("PATCH " + space + "/" + name);
    if (before_write) before_write();
    if (auto scripted = next(writes)) {
      if (carries_out) write(space + "/" + name, patch, true);
      return *scripted;
    }
    return write(space + "/" + name, patch, true);
  }
  Answer put_workflow(const std::string& space, const std::string& name, const std::string& object,
                      const http::Interrupt*) override {
    calls.push_back("PUT " + space + "/" + name);
    if (auto scripted = next(writes)) return *scripted;
    return write(space + "/" + name, object, false);
  }

  static Answer answer(Kind kind, unsigned status, const std::string& message = "",
                       std::optional<std::chrono::seconds> retry_after = std::nullopt) {
    return {.kind = kind, .status = status, .body = "", .message = message, .retry_after = retry_after};
  }
  void suspended(const std::string& name, const std::string& space = "ci") {
    put(name, R"("suspend":true)", space);
  }
  void put(const std::string& name, const std::string& spec, const std::string& space = "ci",
           const std::string& phase = "Running") {
    objects[space + "/" + name] = R"({"kind":"Workflow","metadata":{"name":")" + name +
                                  R"(","resourceVersion":"1"},"spec":{)" + spec + R"(},"status":{"phase":")" +
                                  phase + R"("}})";
  }
  std::size_t count(const std::string& call) const {
    std::size_t found = 0;
    for (const std::string& one : calls) found += one.starts_with(call);
    return found;
  }

  std::map<std::string, std::string> objects;
  std::vector<std::string> calls;
  std::deque<Answer> gets, writes;        // taken first
  std::optional<Answer> all;              // to every GET
  std::map<std::string, Answer> special;  // to a GET of that one
  bool carries_out = false;               // a scripted write happens all the same
  std::function<void()> before_write;
  std::map<std::string, int> resumed;

 private:
  static std::optional<Answer> next(std::deque<Answer>& script) {
    if (script.empty()) return std::nullopt;
    Answer first = script.front();
    script.pop_front();
    return first;
  }
  Answer write(const std::string& key, const std::string& text, bool merging) {
    rapidjson::Document object, change;
    agent::parse_json(objects[key], object);
    agent::parse_json(text, change);
    if (object["metadata"]["resourceVersion"] != change["metadata"]["resourceVersion"]) {
      return answer(Kind::conflict, 409, "the object has been modified");
    }
    const bool was = object["spec"].HasMember("suspend");
    if (merging) {
      agent::merge(object, change, object.GetAllocator());
    } else {
      object.CopyFrom(change, object.GetAllocator());
    }
    const std::string version = std::to_string(++version_);
    object["metadata"]["resourceVersion"].SetString(version.c_str(), object.GetAllocator());
    objects[key] = agent::json_text(object);
    if (was && !object["spec"].HasMember("suspend")) ++resumed[key];
    return {.kind = Kind::ok, .status = 200, .body = objects[key]};
  }
  int version_ = 1;
};

}  // namespace lockkeeper::testing
