#include "stores/redis/server_facts.h"

#include <string_view>

namespace lockkeeper::stores::redis {
namespace {

std::string line(std::string_view info, std::string_view name) {
  for (std::size_t at = 0; at < info.size();) {
    const auto end = info.find('\n', at);
    std::string_view one = info.substr(at, end == info.npos ? end : end - at);
    if (one.ends_with('\r')) one.remove_suffix(1);
    if (one.size() > name.size() && one.starts_with(name) && one[name.size()] == ':') {
      return std::string(one.substr(name.size() + 1));
    }
    at = end == info.npos ? info.size() : end + 1;
  }
  return {};
}

std::string pair(const Reply& reply, std::string_view name) {
  for (std::size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    if (reply.elements[i].is(name)) return reply.elements[i + 1].text;
  }
  return {};
}

}  // namespace

void ServerFacts::from_info(const Reply& reply) {
  if (reply.kind != Reply::Kind::text) return;
  run_id = line(reply.text, "run_id");
  role = line(reply.text, "role");
  mode = line(reply.text, "redis_mode");
  if (const auto enabled = line(reply.text, "aof_enabled"); !enabled.empty())
    appendonly = enabled == "1" ? "yes" : "no";
  policy = line(reply.text, "maxmemory_policy");
}

void ServerFacts::from_hello(const Reply& reply) {
  if (reply.kind != Reply::Kind::array) return;
  if (role.empty()) role = pair(reply, "role");
  if (mode.empty()) mode = pair(reply, "mode");
}

void ServerFacts::from_config(const Reply& reply) {
  if (reply.kind == Reply::Kind::array) appendfsync = pair(reply, "appendfsync");
}

std::optional<std::string> ServerFacts::refusal() const {
  if (role == "slave" || role == "replica") return "it is a replica: give the address that leads to the master";
  if (mode == "cluster")
    return "it runs as a cluster, which this store does not speak to: give it a Redis of its own";
  if (mode == "sentinel") return "it is a Sentinel: give the address that leads to the master";
  return std::nullopt;
}

std::vector<std::string> ServerFacts::warnings() const {
  std::vector<std::string> all;
  if (appendonly.empty()) {
    all.emplace_back(
        "Redis does not let this user see INFO: whether appendonly is yes is not known; without it, locks "
        "may be lost when Redis stops");
  } else if (appendonly != "yes") {
    all.emplace_back("Redis runs with appendonly " + appendonly +
                     ": locks may be lost when it stops; set appendonly yes and appendfsync always");
  }
  if (appendonly != "no") {
    if (appendfsync.empty()) {
      all.emplace_back(
          "Redis does not let this user see CONFIG GET: whether appendfsync is always is not known; "
          "without it, locks may be lost when its machine stops");
    } else if (appendfsync != "always") {
      all.emplace_back("Redis runs with appendfsync " + appendfsync +
                       ": locks may be lost when its machine stops; set appendfsync always");
    }
  }
  if (!policy.empty() && policy != "noeviction") {
    all.emplace_back("Redis runs with maxmemory-policy " + policy +
                     ": it may drop locks when memory is full; set maxmemory-policy noeviction");
  }
  return all;
}

}  // namespace lockkeeper::stores::redis
