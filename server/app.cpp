#include "server/app.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "engine/store_error.h"
#include "locks/duration.h"
#include "server/access_log.h"
#include "server/auth.h"
#include "server/descriptors.h"
#include "server/doors/doors.h"
#include "server/engine_thread.h"
#include "server/grpc_desk.h"
#include "server/grpc_module.h"
#include "server/half_copy.h"
#include "server/hardening.h"
#include "server/open_store.h"
#include "server/service.h"
#include "server/signals.h"
#include "server/time_limit.h"
#include "wire/native_json.h"
#include "wire/time_text.h"

namespace lockkeeper::server {
namespace {

// For the store, after the grace for requests under way: it checkpoints 16 MiB at most.
constexpr std::chrono::seconds time_to_close{5};

// Change ids must differ among servers and starts.
std::string random_prefix() {
  std::random_device random;
  char text[18];
  std::snprintf(text, sizeof text, "%08x%08x-", random(), random());
  return text;
}

http::ListenerSettings listener_settings(Options& options, Log& log) {
  http::ListenerSettings settings = std::move(options.http);
  const std::size_t descriptors = raise_descriptor_limit();
  // gRPC's connections take the other half, if there are any.
  const std::size_t ours = options.grpc.empty() ? descriptors : descriptors / 2;
  const std::size_t fit = connections_that_fit(settings.connections, ours, settings.io_threads);
  if (fit < settings.connections) {
    log.warn("at most " + std::to_string(fit) + " connections instead of " + std::to_string(settings.connections) +
             ": this process may have " + std::to_string(descriptors) + " files open (ulimit -Hn)");
    settings.connections = fit;
  }
  settings.endpoints = options.endpoints;
  for (const auto& [name, choice] : options.doors) {
    settings.endpoints.insert(settings.endpoints.end(), choice.endpoints.begin(), choice.endpoints.end());
  }
  if (!options.ssl_cert.empty()) {
    // The original's words for a file that is not there (compat: locker, start-half-tls).
    for (const std::string& file : {options.ssl_cert, options.ssl_key}) {
      if (access(file.c_str(), R_OK) == 0) continue;
      const bool missing = errno == ENOENT;
      throw http::ListenError("open " + file + (missing ? ": no such file or directory" : ": permission denied"));
    }
    settings.tls = std::make_unique<http::TlsSettings>(http::TlsSettings{options.ssl_cert, options.ssl_key});
  }
  return settings;
}

// All that is listened on, in the order of the listener's endpoints: the main listener's, then each door's own.
struct Address {
  http::Endpoint endpoint;
  std::string door;  // empty: the main listener
};
std::vector<Address> addresses(const Options& options) {
  std::vector<Address> all;
  for (const http::Endpoint& endpoint : options.endpoints) all.push_back({endpoint, ""});
  for (const auto& [name, choice] : options.doors) {
    for (const http::Endpoint& endpoint : choice.endpoints) all.push_back({endpoint, name});
  }
  return all;
}

// Whole or not at all: whoever waits for the file must not read half a number.
void write_port_file(const std::string& path, const std::vector<Address>& all,
                     const std::vector<std::uint16_t>& ports, const std::vector<std::uint16_t>& grpc_ports) {
  if (path.empty()) return;
  const std::string beside = path + ".new";
  std::ofstream file(beside);
  file << ports.front() << '\n';
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i].door.empty()) file << all[i].door << ' ' << ports[i] << '\n';
  }
  for (const std::uint16_t port : grpc_ports) file << grpc_door << ' ' << port << '\n';
  file.close();
  if (!file || std::rename(beside.c_str(), path.c_str()) != 0)
    throw StartError("--port-file: cannot write " + path);
}

void announce_one(const Options& options, const http::Endpoint& endpoint, std::uint16_t port,
                  const std::string& door, Log& log) {
  const std::string& address = endpoint.address;
  const bool loopback = address.starts_with("127.") || address == "::1";
  const std::string host = address.find(':') == std::string::npos ? address : "[" + address + "]";
  const std::string scheme = options.ssl_cert.empty() ? "http://" : "https://";
  log.info("listening on " + scheme + host + ":" + std::to_string(port) + (door.empty() ? "" : " (" + door + ")"));
  if (!loopback && options.auth_user.empty()) log.warn("anybody who reaches " + host + " can lock and unlock");
}

void announce(const Options& options, const http::Listener& listener, const GrpcDoor* grpc, Log& log) {
  const auto ports = listener.ports();
  const auto grpc_ports = grpc == nullptr ? std::vector<std::uint16_t>() : grpc->ports();
  const auto all = addresses(options);
  for (std::size_t i = 0; i < ports.size(); ++i) announce_one(options, all[i].endpoint, ports[i], all[i].door, log);
  for (std::size_t i = 0; i < grpc_ports.size(); ++i) {
    announce_one(options, options.grpc[i], grpc_ports[i], std::string(grpc_door), log);
  }
  write_port_file(options.port_file, all, ports, grpc_ports);
}

// Every door under its prefix on the main listener, each on its own addresses, and the native one on all: what
// speaks another dialect may need it beside (the agent leads by a lease).
class OpenDoors {
 public:
  OpenDoors(const Options& options, Service& service) {
    constexpr std::size_t main = 0;
    std::vector<std::size_t> groups(options.endpoints.size(), main);
    std::map<std::string, std::size_t> group_of;
    for (const Address& address : addresses(options)) {
      if (address.door.empty()) continue;
      groups.push_back(group_of.try_emplace(address.door, group_of.size() + 1).first->second);
    }
    const DoorKind& native = door_kinds().front();
    for (const DoorKind& kind : door_kinds()) {
      const auto choice = options.doors.find(std::string(kind.name));
      if (choice != options.doors.end() && !choice->second.open) continue;
      Door& door = *doors_.emplace_back(kind.make(service));
      service.mount(main, std::string(kind.prefix), door, kind);
      const bool is_native = kind.name == native.name;
      if (is_native) service.mount(main, "", door, kind);
      for (const auto& [name, group] : group_of) {
        if (is_native) service.mount(group, std::string(kind.prefix), door, kind);
        if (name == kind.name) service.mount(group, "", door, kind);
      }
    }
    service.group_endpoints(std::move(groups));
  }

 private:
  std::vector<std::unique_ptr<Door>> doors_;
};

// What holds on this server are subject to.
void tell_terms(const engine::Settings& settings, Log& log) {
  const auto text = [](std::chrono::milliseconds duration) { return locks::exact_duration(duration); };
  for (const locks::TermsOf& terms : settings.terms_by_name) {
    if (terms.max_hold) log.info("holds on " + terms.pattern + " end after " + text(*terms.max_hold));
    if (terms.warn_after) {
      log.info("holds on " + terms.pattern + " are warned of after " + text(*terms.warn_after));
    }
  }
  const locks::Terms& terms = settings.terms;
  if (terms.max_hold) log.info("holds end after " + text(*terms.max_hold));
  if (terms.warn_after) log.info("holds are warned of after " + text(*terms.warn_after));
  if (terms.place_for_refused) {
    log.info("a refused request keeps a place in the queue for " + text(*terms.place_for_refused));
  }
}

// For the engine's thread: names and holders are the clients' words, so they come quoted.
std::string standing_text(const engine::StandingHold& standing) {
  std::string line;
  wire::write_text(standing.lock, line);
  line += " is held by ";
  wire::write_text(standing.hold.holder, line);
  line += " since " + wire::time_text(standing.hold.since) + ": " + locks::format_duration(standing.stood) +
          ", longer than its warn-after";
  return line;
}

GrpcSettings grpc_settings(const Options& options, const http::ListenerSettings& http) {
  GrpcSettings settings;
  settings.endpoints = options.grpc;
  settings.certificate_file = options.ssl_cert;
  settings.key_file = options.ssl_key;
  constexpr std::size_t others = 64;
  settings.most_descriptors = static_cast<int>(
      std::min({raise_descriptor_limit() / 2, 2 * http.connections + others, std::size_t{1} << 30}));
  settings.message_bytes = http.body_bytes;
  settings.metadata_bytes = http.header_bytes;
  settings.idle_timeout = http.idle_timeout;
  settings.handshake_timeout = http.handshake_timeout;
  return settings;
}

void reload(http::Listener& listener, GrpcDoor* grpc, bool tls, AccessLog& log) {
  if (!tls) return log.say(LogLevel::info, "SIGHUP: nothing to read again");
  try {
    listener.reload_tls();
    if (grpc != nullptr) grpc->reload_tls();
    log.say(LogLevel::info, "SIGHUP: certificate and key were read again");
  } catch (const std::runtime_error& error) {
    log.say(LogLevel::error, std::string("SIGHUP: the old certificate stays: ") + error.what());
  }
}

void serve(Options& options, Log& log) {
  engine::SystemClock clock;
  const auto store = open_store(options, log);
  options.engine.change_prefix = random_prefix();
  http::ListenerSettings settings = listener_settings(options, log);
  const std::size_t grpc_log_buffer = settings.io_threads;
  AccessLog access_log(log, clock, {.io_threads = settings.io_threads + (options.grpc.empty() ? 0 : 1)});
  options.engine.standing_long = [&access_log](const engine::StandingHold& standing) {
    access_log.say(LogLevel::warn, standing_text(standing));
  };
  engine::Engine engine(*store, clock, options.engine);
  const BasicAuth auth = options.auth_user.empty() ? BasicAuth() : BasicAuth(options.auth_user, options.auth_pass);
  wipe(options.auth_pass);

  Service service(engine, auth, options.engine.limits, access_log);
  const OpenDoors doors(options, service);
  std::optional<HouseGrpcDesk> grpc_desk;
  if (!options.grpc.empty()) {
    grpc_desk.emplace(engine, auth, options.engine.limits, access_log, grpc_log_buffer);
    service.add_metrics([&grpc_desk] { return grpc_desk->families(); });
  }
  const GrpcSettings grpc_terms = grpc_settings(options, settings);
  http::Listener listener(std::move(settings), service);
  service.connect(listener);

  {
    const EngineThread running(engine, log);
    refuse_half_copy(engine);
    const auto grpc = grpc_desk ? open_grpc_door(*grpc_desk, grpc_terms) : nullptr;
    listener.start();
    tell_terms(options.engine, log);
    announce(options, listener, grpc.get(), log);
    // From here on this thread logs by way of the access log: signals are heard also when nobody reads the log.
    while (next_signal() == Signal::reload) reload(listener, grpc.get(), !options.ssl_cert.empty(), access_log);
    end_within(options.shutdown_grace + time_to_close, 1);
    access_log.say(LogLevel::info, "stopping");
    service.send_waiters_home(listener);
    if (grpc) grpc->stop(options.shutdown_grace);
    listener.stop(options.shutdown_grace);
  }
  // All is answered and on the disk: only words are left.
  end_within(time_for_last_words, 0);
  service.disconnect();
  access_log.say(LogLevel::info, "stopped");
}

}  // namespace

int run(Options options) {
  Log log(options.log_format, options.log_level);
  try {
    serve(options, log);
    end_at_leisure();
    return 0;
  } catch (const http::ListenError& error) {
    std::cerr << "Error running webserver: " << error.what() << '\n';
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
  }
  return 1;
}

}  // namespace lockkeeper::server
