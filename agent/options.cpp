#include "agent/options.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <sstream>
#include <stdexcept>

#include "http/client.h"
#include "locks/duration.h"

namespace lockkeeper::agent {
namespace {

namespace po = boost::program_options;
using std::chrono::milliseconds;

struct Wrong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Texts {
  std::string verb = "patch", workers = "8", poll = "25s", give_up_after = "24h", leader_ttl = "15s", listen;
  std::string log_format = "text", log_level = "info";
};

milliseconds duration(const std::string& flag, const std::string& text, milliseconds least, milliseconds most) {
  auto parsed = locks::parse_duration(text);
  if (const auto* fault = std::get_if<locks::DurationFault>(&parsed)) throw Wrong("--" + flag + ": " + fault->text);
  const auto value = std::get<milliseconds>(parsed);
  if (value < least || value > most) {
    throw Wrong("--" + flag + ": " + text + " is not from " + locks::exact_duration(least) + " to " +
                locks::exact_duration(most));
  }
  return value;
}

template <typename T>
T number(const std::string& flag, std::string_view text, T least, T most) {
  T value{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    throw Wrong("--" + flag + ": \"" + std::string(text) + "\" is not a whole number from " +
                std::to_string(least) + " to " + std::to_string(most));
  }
  return value;
}

http::Endpoint endpoint(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) throw Wrong("--listen: \"" + text + "\" is not ADDRESS:PORT");
  std::string address = text.substr(0, colon);
  if (address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  } else if (address.find(':') != std::string::npos) {
    throw Wrong("--listen: write an IPv6 address in brackets, as [::1]:9090");
  }
  return {std::move(address), number<std::uint16_t>("listen", std::string_view(text).substr(colon + 1), 0, 65535)};
}

template <typename T>
T one_of(const char* flag, const std::string& text, const std::vector<std::pair<const char*, T>>& choices) {
  for (const auto& [name, value] : choices) {
    if (text == name) return value;
  }
  throw Wrong(std::string("--") + flag + ": \"" + text + "\" is not one of those in --help");
}

// The prefix of an annotation's name: a DNS subdomain.
bool is_domain(const std::string& text) {
  const auto inner = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 253 && inner(text.front()) && inner(text.back()) &&
         text.find("..") == std::string::npos &&
         std::all_of(text.begin(), text.end(), [&](char c) { return inner(c) || c == '-' || c == '.'; });
}

po::options_description flags(Options& options, Texts& texts) {
  po::options_description all("Options");
  const auto text = [](std::string* place, const char* name) { return po::value(place)->value_name(name); };
  const auto preset = [](std::string* place, const char* name) {
    return po::value(place)->value_name(name)->default_value(*place);
  };
  auto add = all.add_options();
  add("help,h", "this text");
  add("version,v", "the version");
  add("api-endpoint", text(&options.api_endpoint, "URL"),
      "[API_ENDPOINT] where the gates are: a lockkeeper's workflow door, as http://host:3000/workflow. Credentials "
      "come from LOCK_AUTH_USER and LOCK_AUTH_PASS (or AUTH_USER and AUTH_PASS), or stand in the URL");
  add("api-ca", text(&options.api_ca, "FILE"), "PEM certificates trusted for it beside the system's");
  add("kubeconfig", text(&options.kubeconfig, "FILE"),
      "the cluster whose workflows are resumed; else KUBECONFIG, else the pod's service account, else "
      "~/.kube/config");
  add("context", text(&options.context, "NAME"), "instead of the kubeconfig's current-context");
  add("verb", preset(&texts.verb, "patch|put"), "put: where `update` is granted and `patch` is not");
  add("argo-server", text(&options.argo_server, "URL"),
      "resume by an Argo Server instead, as https://argo:2746: the way to workflows whose nodes are offloaded to a "
      "database. Its token comes from ARGO_TOKEN or --argo-token-file");
  add("argo-token-file", text(&options.argo_token_file, "FILE"), "read again about once a minute");
  add("argo-ca", text(&options.argo_ca, "FILE"), "PEM certificates trusted for it instead of the system's");
  add("argo-insecure-skip-tls-verify", po::bool_switch(&options.argo_insecure), "anybody can pose as that server");
  add("workers", preset(&texts.workers, "N"), "workflows that are resumed at a time");
  add("poll", preset(&texts.poll, "DURATION"), "how long a poll of the lock API may take");
  add("give-up-after", preset(&texts.give_up_after, "DURATION"),
      "a gate whose workflow is absent for so long is unresumable: it stays, and is tried no more");
  add("mark-domain", preset(&options.mark_domain, "DOMAIN"),
      "of the annotation DOMAIN/resumed-GATE on resumed workflows; the same for all agents of a cluster");
  add("leader-lock", preset(&options.leader_lock, "NAME"),
      "the lock by which several agents agree on one that resumes");
  add("leader-ttl", preset(&texts.leader_ttl, "DURATION"), "another leads that much later when it is killed");
  add("alone", po::bool_switch(&options.alone), "there is no other agent: no lock is taken");
  add("listen", text(&texts.listen, "ADDR:PORT"), "for /health and /metrics; without it there are none");
  add("port-file", text(&options.port_file, "FILE"), "where to write the port that was bound");
  add("log-format", preset(&texts.log_format, "text|json"), "");
  add("log-level", preset(&texts.log_level, "LEVEL"), "debug, info, warn, error, off");
  return all;
}

// LOCK_AUTH_*, or the names that the server has for its own: a pod of both may have one secret.
void take_credentials(Options& options, const std::function<std::string(const char*)>& environment) {
  for (const std::string prefix : {"LOCK_", ""}) {
    const std::string user = prefix + "AUTH_USER", pass = prefix + "AUTH_PASS";
    options.auth_user = environment(user.c_str());
    options.auth_pass = environment(pass.c_str());
    if (options.auth_user.empty() != options.auth_pass.empty())
      throw Wrong(user + " and " + pass + " need each other");
    if (!options.auth_user.empty()) return;
  }
}

void finish(Options& options, const Texts& texts, const std::function<std::string(const char*)>& environment) {
  if (options.api_endpoint.empty()) options.api_endpoint = environment("API_ENDPOINT");
  if (options.api_endpoint.empty()) throw Wrong("--api-endpoint (or API_ENDPOINT) is missing");
  try {
    http::require_base_url(options.api_endpoint);
  } catch (const http::HttpError& error) {
    throw Wrong(std::string("--api-endpoint: ") + error.what());
  }
  take_credentials(options, environment);
  options.argo_token = environment("ARGO_TOKEN");
  if (options.argo_token.starts_with("Bearer ")) options.argo_token.erase(0, 7);
  if (!options.argo_server.empty() && !(options.kubeconfig.empty() && options.context.empty())) {
    throw Wrong("--argo-server and --kubeconfig exclude each other");
  }
  if (options.argo_server.empty() &&
      !(options.argo_ca.empty() && options.argo_token_file.empty() && !options.argo_insecure)) {
    throw Wrong("--argo-ca, --argo-token-file and --argo-insecure-skip-tls-verify go with --argo-server");
  }
  if (options.argo_insecure && !options.argo_ca.empty()) {
    throw Wrong("--argo-ca and --argo-insecure-skip-tls-verify exclude each other");
  }
  if (!is_domain(options.mark_domain)) throw Wrong("--mark-domain: \"" + options.mark_domain + "\" is no domain");
  if (options.leader_lock.empty()) throw Wrong("--leader-lock: it is empty (--alone needs none)");
  options.verb = one_of<Verb>("verb", texts.verb, {{"patch", Verb::patch}, {"put", Verb::put}});
  options.workers = number<std::size_t>("workers", texts.workers, 1, 256);
  using namespace std::chrono_literals;
  options.poll = duration("poll", texts.poll, 1s, 10min);
  options.give_up_after = duration("give-up-after", texts.give_up_after, 1s, 24h * 3650);
  options.leader_ttl = duration("leader-ttl", texts.leader_ttl, 2s, 1h);
  if (!texts.listen.empty()) options.listen = endpoint(texts.listen);
  options.log_format =
      one_of<LogFormat>("log-format", texts.log_format, {{"text", LogFormat::text}, {"json", LogFormat::json}});
  options.log_level = one_of<LogLevel>("log-level", texts.log_level,
                                       {{"debug", LogLevel::debug},
                                        {"info", LogLevel::info},
                                        {"warn", LogLevel::warn},
                                        {"error", LogLevel::error},
                                        {"off", LogLevel::off}});
}

}  // namespace

std::string native_api(const std::string& workflow_door) {
  std::string url = workflow_door;
  while (url.ends_with('/')) url.pop_back();
  constexpr std::string_view door = "/workflow";
  if (url.ends_with(door)) url.resize(url.size() - door.size());
  return url + "/native";
}

std::variant<Options, Farewell> read_options(const std::vector<std::string>& arguments,
                                             const std::function<std::string(const char*)>& environment) {
  Options options;
  Texts texts;
  const po::options_description known = flags(options, texts);
  try {
    po::variables_map values;
    constexpr int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(arguments).options(known).positional({}).style(style).run(), values);
    if (values.count("help") != 0) {
      std::ostringstream text;
      text << "Usage: lockagt --api-endpoint URL [--kubeconfig FILE] [options]\n\n"
           << "Waits for released gates, resumes their Argo workflows, and deletes the gates.\n\n"
           << known;
      return Farewell{0, text.str(), ""};
    }
    if (values.count("version") != 0) return Farewell{0, "lockagt " LOCKKEEPER_VERSION "\n", ""};
    po::notify(values);
    finish(options, texts, environment);
  } catch (const Wrong& wrong) {
    return Farewell{2, "", std::string(wrong.what()) + "\n"};
  } catch (const po::error& error) {
    return Farewell{2, "", std::string(error.what()) + "\n(lockagt --help lists the options)\n"};
  }
  return options;
}

}  // namespace lockkeeper::agent
