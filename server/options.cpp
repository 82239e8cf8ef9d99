#include "server/options.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <fstream>
#include <functional>
#include <limits>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "locks/duration.h"
#include "server/shared_lock_environment.h"
#include "server/target.h"
#include "stores/store_url.h"

namespace lockkeeper::server {
namespace {

namespace po = boost::program_options;
using std::chrono::milliseconds;

struct Wrong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Names of the original's, which are not LOCKKEEPER_ and the flag.
const std::map<std::string, std::string> original_names = {
    {"LOCKER_CONFIG", "locker-config"}, {"PORT", "port"},         {"AUTH_USER", "auth-user"},
    {"AUTH_PASS", "auth-pass"},         {"SSL_CERT", "ssl-cert"}, {"SSL_KEY", "ssl-key"}};

// Holds, places and waits: as the least ttl.
constexpr milliseconds least_term = locks::Limits().ttl_least;

milliseconds duration(const std::string& flag, const std::string& text, milliseconds least) {
  auto parsed = locks::parse_duration(text);
  if (const auto* fault = std::get_if<locks::DurationFault>(&parsed)) throw Wrong("--" + flag + ": " + fault->text);
  if (std::get<milliseconds>(parsed) < least) {
    throw Wrong("--" + flag + ": " + text + " is too short: " + locks::exact_duration(least) + " at least");
  }
  return std::get<milliseconds>(parsed);
}

// "deploy-*=1h": a pattern may have equals signs too.
locks::TermsOf terms_of(const std::string& flag, const std::string& text,
                        std::optional<milliseconds> locks::TermsOf::*term) {
  const auto equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0) {
    throw Wrong("--" + flag + ": \"" + text + "\" is not PATTERN=DURATION, as deploy-*=1h");
  }
  locks::TermsOf terms{.pattern = text.substr(0, equals)};
  terms.*term = duration(flag, text.substr(equals + 1), least_term);
  return terms;
}

std::uint16_t port_number(const std::string& where, std::string_view text) {
  const auto number = whole_number(text);
  if (!number || *number > std::numeric_limits<std::uint16_t>::max()) {
    throw Wrong(where + ": \"" + std::string(text) + "\" is not a port");
  }
  return static_cast<std::uint16_t>(*number);
}

// "127.0.0.1:3000", "[::1]:3000"
http::Endpoint endpoint(const std::string& flag, const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) throw Wrong(flag + ": \"" + text + "\" is not ADDRESS:PORT");
  std::string address = text.substr(0, colon);
  if (address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  } else if (address.find(':') != std::string::npos) {
    throw Wrong(flag + ": write an IPv6 address in brackets, as [::1]:3000");
  }
  return {std::move(address), port_number(flag, std::string_view(text).substr(colon + 1))};
}

constexpr std::string_view grpc_door = "lockd-grpc";

std::string door_names() {
  std::string names;
  for (const DoorKind& kind : door_kinds()) names += std::string(kind.name) + ", ";
  return names + std::string(grpc_door);
}

// "lockd=127.0.0.1:2081", "lockd=off"
void take_door(const std::string& text, Options& options) {
  const auto equals = text.find('=');
  const std::string name = text.substr(0, equals);
  const auto kinds = door_kinds();
  const bool known =
      std::any_of(kinds.begin(), kinds.end(), [&](const DoorKind& kind) { return kind.name == name; });
  if (equals == std::string::npos || (!known && name != grpc_door)) {
    throw Wrong("--door: \"" + text + "\" is not NAME=ADDRESS:PORT or NAME=off with one of " + door_names());
  }
  const std::string where = text.substr(equals + 1);
  if (name == grpc_door) {
    if (where != "off") options.grpc.push_back(endpoint("--door", where));
  } else if (where == "off") {
    options.doors[name].open = false;
  } else {
    options.doors[name].endpoints.push_back(endpoint("--door", where));
  }
}

// A table of the numbers and durations: flag, what it is for, where it goes.
struct Numbers {
  Options& options;
  struct Number {
    const char* flag;
    const char* help;
    std::uint64_t least, most;
    std::function<void(std::uint64_t)> set;
    std::string value;
  };
  struct Duration {
    const char* flag;
    const char* help;
    milliseconds least;
    std::function<void(milliseconds)> set;
    std::string value;  // empty: not given, and none
  };
  std::vector<Number> numbers;
  std::vector<Duration> durations;

  template <typename T>
  void number(const char* flag, T& place, const char* help, std::uint64_t least = 1,
              std::uint64_t most = std::numeric_limits<T>::max()) {
    numbers.push_back(
        {flag, help, least, most, [&place](std::uint64_t n) { place = static_cast<T>(n); }, std::to_string(place)});
  }
  void duration_of(const char* flag, milliseconds& place, milliseconds least, const char* help) {
    durations.push_back({flag, help, least, [&place](milliseconds d) { place = d; }, locks::exact_duration(place)});
  }

  void duration_of(const char* flag, std::optional<milliseconds>& place, milliseconds least, const char* help) {
    durations.push_back({flag, help, least, [&place](milliseconds d) { place = d; }, ""});
  }

  explicit Numbers(Options& to) : options(to) {
    number("io-threads", to.http.io_threads, "threads for connections", 1, 1024);
    number("connections", to.http.connections, "connections at most; more are answered 503");
    number("in-flight", to.engine.in_flight, "requests under way at most; more are answered 503");
    number("header-bytes", to.http.header_bytes, "request line and header at most", 64, 1 << 20);
    number("body-bytes", to.http.body_bytes, "body at most", 1, 1 << 30);
    number("name-bytes", to.engine.limits.name_bytes, "a lock's name at most");
    number("key-bytes", to.engine.limits.key_bytes, "key, holder, claim and request at most");
    number("metadata-pairs", to.engine.limits.metadata_pairs, "pairs of metadata a claim", 0);
    number("metadata-bytes", to.engine.limits.metadata_bytes, "metadata a claim", 0);
    number("claims-per-lock", to.engine.limits.claim_rows, "named or described claims a lock");
    number("holders-per-lock", to.engine.limits.holders, "holders of unnamed claims a lock");
    number("waiters-per-lock", to.engine.limits.waiters, "places in a lock's queue");
    number("history-per-lock", to.engine.history_per_lock, "events kept a lock");
    number("cached-locks", to.engine.cached_locks, "locks kept in memory");
    // Shorter ones would end what is still under way, or forget what unknown outcomes are looked up in.
    duration_of("history-for", to.engine.history_for, std::chrono::hours(1), "how long events are kept");
    duration_of("free-for", to.engine.free_for, std::chrono::hours(1), "how long a free lock is remembered");
    duration_of("commit-deadline", to.engine.deadline, milliseconds(100),
                "after that a commit's outcome is unknown: 503");
    duration_of("max-hold", to.engine.terms.max_hold, least_term,
                "the longest hold; then it lapses, renewed or not");
    duration_of("warn-after", to.engine.terms.warn_after, least_term,
                "holds that stand longer get a warning in the log");
    duration_of("waiter-grace", to.engine.terms.grace, least_term,
                "how long a place in a queue, and an offer, waits for a client that has left");
    duration_of("longest-wait", to.engine.longest_wait, least_term, "a poll that asks for more is answered then");
    duration_of("hold-place-for-refused", to.engine.terms.place_for_refused, least_term,
                "a refused request that does not wait keeps a place for so long, under its key and holder");
    duration_of("read-timeout", to.http.read_timeout, milliseconds(100), "for a request to come whole");
    duration_of("write-timeout", to.http.write_timeout, milliseconds(100),
                "for a client to take some of its answer");
    duration_of("idle-timeout", to.http.idle_timeout, milliseconds(100), "between two requests of a connection");
    duration_of("handshake-timeout", to.http.handshake_timeout, milliseconds(100), "for TLS to be set up");
    duration_of("shutdown-grace", to.shutdown_grace, milliseconds(0),
                "for requests under way when the server is stopped");
  }

  void describe(po::options_description& description) {
    for (auto& n : numbers) {
      description.add_options()(n.flag, po::value(&n.value)->default_value(n.value)->value_name("N"), n.help);
    }
    for (auto& d : durations) {
      auto* value = po::value(&d.value)->value_name("DURATION");
      if (!d.value.empty()) value->default_value(d.value);
      description.add_options()(d.flag, value, d.help);
    }
  }

  void take() {
    for (const auto& n : numbers) {
      const auto parsed = whole_number(n.value);
      if (!parsed || *parsed < n.least || *parsed > n.most) {
        throw Wrong(std::string("--") + n.flag + ": \"" + n.value + "\" is not a whole number from " +
                    std::to_string(n.least) + " to " + std::to_string(n.most));
      }
      n.set(*parsed);
    }
    for (const auto& d : durations) {
      if (!d.value.empty()) d.set(duration(d.flag, d.value, d.least));
    }
  }
};

struct Texts {
  std::string config, port = "3000", auth_file, auth_pass, log_format = "text", log_level = "info";
  std::vector<std::string> listen, doors, hold_for, warn_for;
};

po::options_description flags(Options& options, Texts& texts, Numbers& numbers) {
  po::options_description all(
      "Options (each also as LOCKKEEPER_FLAG_NAME in the environment, or as a line "
      "flag-name=value of the --config file; a flag wins over the environment, and that over "
      "the file)");
  all.add_options()("help,h", "this text")("version,v", "the version")(
      "config", po::value(&texts.config)->value_name("FILE"), "more options, one a line")(
      "store", po::value(&options.store)->value_name("STORE"),
      "sqlite:PATH, memory: for tests, or a store that many servers share: etcd://, postgresql://, redis://, "
      "rediss://, dynamodb:// (docs/stores.md)")(
      "locker-config", po::value(&options.locker_config)->value_name("PATH"),
      "[LOCKER_CONFIG] instead of --store: the database; or an original locker's data file, whose locks are taken "
      "over once into PATH.db")("port", po::value(&texts.port)->default_value(texts.port)->value_name("PORT"),
                                "[PORT] 0: any free one")(
      "listen", po::value(&texts.listen)->value_name("ADDR:PORT"),
      "instead of --port; may be repeated. Without it and without credentials: loopback only")(
      "door", po::value(&texts.doors)->value_name("NAME=ADDR:PORT|off"),
      "an address of its own for a door, or none at all; may be repeated. Doors: locker (the native one), lockd, "
      "lockd-grpc, shared-lock, workflow")(
      "port-file", po::value(&options.port_file)->value_name("FILE"),
      "where to write the port that was bound, and a line NAME PORT for each address of a door")(
      "auth-user", po::value(&options.auth_user)->value_name("NAME"),
      "[AUTH_USER] with AUTH_PASS in the environment")("auth-file", po::value(&texts.auth_file)->value_name("FILE"),
                                                       "instead: one line, NAME:PASSWORD")(
      "ssl-cert", po::value(&options.ssl_cert)->value_name("FILE"), "[SSL_CERT] PEM; read again on SIGHUP")(
      "ssl-key", po::value(&options.ssl_key)->value_name("FILE"), "[SSL_KEY] PEM")(
      "hold-for", po::value(&texts.hold_for)->value_name("PATTERN=DURATION"),
      "as --max-hold, for locks of such names (* and ?); may be repeated, the first that matches counts")(
      "warn-for", po::value(&texts.warn_for)->value_name("PATTERN=DURATION"), "as --warn-after, likewise")(
      "log-format", po::value(&texts.log_format)->default_value(texts.log_format)->value_name("text|json"), "")(
      "log-level", po::value(&texts.log_level)->default_value(texts.log_level)->value_name("LEVEL"),
      "debug, info (a line a request), warn, error, off");
  numbers.describe(all);
  return all;
}

// Without --config, --help and --version. An empty value is none, as in the original.
po::basic_parsed_options<char> from_environment(const Environment& environment,
                                                const po::options_description& description) {
  po::basic_parsed_options<char> parsed(&description);
  for (const auto& [name, value] : environment) {
    std::string flag;
    if (const auto original = original_names.find(name); original != original_names.end()) {
      flag = original->second;
    } else if (name.starts_with("LOCKKEEPER_")) {
      flag = name.substr(sizeof "LOCKKEEPER_" - 1);
      std::transform(flag.begin(), flag.end(), flag.begin(), [](char c) {
        return c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      });
      // Kubernetes sets LOCKKEEPER_PORT and others beside a service called lockkeeper: PORT has its own name, and
      // what is not a flag is not for us.
      if (flag == "help" || flag == "version" || flag == "config" || flag == "port") continue;
    }
    const auto& options = description.options();
    const bool known = std::any_of(options.begin(), options.end(),
                                   [&](const auto& option) { return option->long_name() == flag; });
    if (value.empty() || !known) continue;
    po::basic_option<char> option;
    option.string_key = flag;
    option.original_tokens = {name, value};
    option.value = {value};
    parsed.options.push_back(std::move(option));
  }
  return parsed;
}

SharedLockSettings from_shared_lock(const Environment& environment) {
  auto settings = read_shared_lock_environment(environment);
  if (const auto* fault = std::get_if<std::string>(&settings)) throw Wrong(*fault);
  return std::get<SharedLockSettings>(std::move(settings));
}

po::basic_parsed_options<char> parsed_flags(const std::vector<std::pair<std::string, std::string>>& flags,
                                            const po::options_description& description) {
  po::basic_parsed_options<char> parsed(&description);
  for (const auto& [flag, value] : flags) parsed.options.emplace_back(flag, std::vector{value});
  return parsed;
}

// What a --door says of it wins.
void open_at_port(const char* door, std::optional<std::uint16_t> port, const Machine& machine, Options& options) {
  if (!port || options.doors.contains(door)) return;
  options.doors[door].endpoints = endpoints({}, !options.auth_user.empty(), *port, machine.ipv6);
}

void read_auth_file(const std::string& path, Options& options) {
  std::ifstream file(path);
  std::string line;
  if (!file || !std::getline(file, line)) throw Wrong("--auth-file: cannot read " + path);
  const auto colon = line.find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == line.size()) {
    throw Wrong("--auth-file: " + path + " has no line NAME:PASSWORD");
  }
  options.auth_user = line.substr(0, colon);
  options.auth_pass = line.substr(colon + 1);
  std::fill(line.begin(), line.end(), '\0');
}

// The texts and the exit code of the original (compat: locker, start-half-auth, start-half-tls).
void both_or_none(const std::string& first, const char* first_name, const std::string& second,
                  const char* second_name) {
  if (first.empty() == second.empty()) return;
  const bool has_first = !first.empty();
  throw Wrong(std::string(has_first ? first_name : second_name) + " specified, but no " +
              (has_first ? second_name : first_name) + " was provided. Bailing out.");
}

template <typename T>
T one_of(const char* flag, const std::string& text, const std::vector<std::pair<const char*, T>>& choices) {
  for (const auto& [name, value] : choices) {
    if (text == name) return value;
  }
  throw Wrong(std::string("--") + flag + ": \"" + text + "\" is not one of those in --help");
}

void finish(Options& options, const Texts& texts, const Machine& machine) {
  if (!texts.auth_file.empty()) {
    if (!options.auth_user.empty()) throw Wrong("--auth-file and AUTH_USER exclude each other");
    read_auth_file(texts.auth_file, options);
  }
  both_or_none(options.auth_user, "AUTH_USER", options.auth_pass, "AUTH_PASS");
  both_or_none(options.ssl_cert, "SSL_CERT", options.ssl_key, "SSL_KEY");
  if (options.store.empty() && options.locker_config.empty()) {
    throw Wrong("No LOCKER_CONFIG file specified. Bailing out.");
  }
  if (!options.store.empty() && !options.locker_config.empty()) {
    throw Wrong("--store and LOCKER_CONFIG exclude each other");
  }
  if (options.auth_user.find(':') != std::string::npos) {
    throw Wrong("AUTH_USER has a colon: no client could ever send it");
  }
  for (const std::string& text : texts.hold_for) {
    options.engine.terms_by_name.push_back(terms_of("hold-for", text, &locks::TermsOf::max_hold));
  }
  for (const std::string& text : texts.warn_for) {
    options.engine.terms_by_name.push_back(terms_of("warn-for", text, &locks::TermsOf::warn_after));
  }
  options.log_format =
      one_of<LogFormat>("log-format", texts.log_format, {{"text", LogFormat::text}, {"json", LogFormat::json}});
  options.log_level = one_of<LogLevel>("log-level", texts.log_level,
                                       {{"debug", LogLevel::debug},
                                        {"info", LogLevel::info},
                                        {"warn", LogLevel::warn},
                                        {"error", LogLevel::error},
                                        {"off", LogLevel::off}});
  std::vector<http::Endpoint> listen;
  for (const auto& text : texts.listen) listen.push_back(endpoint("--listen", text));
  for (const auto& text : texts.doors) take_door(text, options);
  for (const auto& [name, choice] : options.doors) {
    if (!choice.open && !choice.endpoints.empty()) throw Wrong("--door: " + name + " is both off and on");
  }
  options.endpoints = endpoints(listen, !options.auth_user.empty(), port_number("PORT", texts.port), machine.ipv6);
}

}  // namespace

std::vector<http::Endpoint> endpoints(const std::vector<http::Endpoint>& listen, bool credentials,
                                      std::uint16_t port, bool ipv6) {
  if (!listen.empty()) return listen;
  if (!credentials) return {{"127.0.0.1", port}};
  // On Linux [::] takes IPv4 too.
  return {{ipv6 ? "::" : "0.0.0.0", port}};
}

std::variant<Options, Farewell> read_options(const std::vector<std::string>& arguments,
                                             const Environment& environment, const Machine& machine) {
  Options options;
  // The engine and the store have a thread each; connections get the other half of the machine.
  options.http.io_threads = std::max(1U, machine.cores / 2);
  Texts texts;
  Numbers numbers(options);
  const po::options_description shown = flags(options, texts, numbers);
  po::options_description secret;
  secret.add_options()("auth-pass", po::value(&options.auth_pass));
  po::options_description known;
  known.add(shown).add(secret);
  try {
    po::variables_map values;
    // --auth-pass is no flag: what is in argv, everybody on the machine can read.
    constexpr int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(arguments).options(shown).positional({}).style(style).run(), values);
    if (values.count("store") != 0 && stores::shows_password(values["store"].as<std::string>())) {
      throw Wrong(
          "--store: a password on the command line can be read by everybody on the machine: put it into "
          "LOCKKEEPER_STORE, the --config file, or a file of its own (password_file=FILE)");
    }
    if (values.count("help") != 0) {
      std::ostringstream text;
      text << "Usage: lockkeeper [options]\n"
           << "       lockkeeper copy FROM TO    (from one store to another; --help tells more)\n"
           << "       lockkeeper schema URL      (makes a store's tables)\n\n"
           << shown;
      return Farewell{0, text.str(), ""};
    }
    if (values.count("version") != 0) return Farewell{0, "lockkeeper " LOCKKEEPER_VERSION "\n", ""};
    po::store(from_environment(environment, known), values);
    const SharedLockSettings shared_lock = from_shared_lock(environment);
    po::store(parsed_flags(shared_lock.flags, known), values);
    if (values.count("config") != 0) {
      const auto path = values["config"].as<std::string>();
      std::ifstream file(path);
      if (!file) throw Wrong("--config: cannot read " + path);
      po::store(po::parse_config_file(file, known), values);
    }
    po::notify(values);
    numbers.take();
    finish(options, texts, machine);
    open_at_port("shared-lock", shared_lock.port, machine, options);
  } catch (const Wrong& wrong) {
    return Farewell{1, "", std::string(wrong.what()) + "\n"};
  } catch (const po::error& error) {
    return Farewell{1, "", std::string(error.what()) + "\n(lockkeeper --help lists the options)\n"};
  }
  return options;
}

}  // namespace lockkeeper::server
