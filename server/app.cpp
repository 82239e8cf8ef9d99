#include "server/app.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>
#include <random>
#include <thread>

#include "engine/store_error.h"
#include "server/access_log.h"
#include "server/auth.h"
#include "server/doors/locker.h"
#include "server/hardening.h"
#include "server/open_store.h"
#include "server/service.h"
#include "server/signals.h"

namespace lockkeeper::server {
namespace {

// Change ids must differ among servers and starts.
std::string random_prefix() {
  std::random_device random;
  char text[18];
  std::snprintf(text, sizeof text, "%08x%08x-", random(), random());
  return text;
}

http::ListenerSettings listener_settings(Options& options) {
  http::ListenerSettings settings = std::move(options.http);
  settings.endpoints = options.endpoints;
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

// Whole or not at all: whoever waits for the file must not read half a number.
void write_port_file(const std::string& path, std::uint16_t port) {
  if (path.empty()) return;
  const std::string beside = path + ".new";
  std::ofstream file(beside);
  file << port << '\n';
  file.close();
  if (!file || std::rename(beside.c_str(), path.c_str()) != 0)
    throw StartError("--port-file: cannot write " + path);
}

void announce(const Options& options, const http::Listener& listener, Log& log) {
  const auto ports = listener.ports();
  const bool tls = !options.ssl_cert.empty();
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const std::string& address = options.endpoints[i].address;
    const bool loopback = address.starts_with("127.") || address == "::1";
    const std::string host = address.find(':') == std::string::npos ? address : "[" + address + "]";
    log.info("listening on " + std::string(tls ? "https://" : "http://") + host + ":" + std::to_string(ports[i]));
    if (!loopback && options.auth_user.empty()) log.warn("anybody who reaches " + host + " can lock and unlock");
  }
  write_port_file(options.port_file, ports.front());
}

void run_engine(engine::Engine& engine, Log& log) noexcept {
  try {
    engine.run();
  } catch (const std::exception& error) {
    log.error(std::string("the engine failed: ") + error.what());
    std::_Exit(1);  // its state cannot be trusted, and nothing of it may reach the store
  }
}

// Runs the engine, and ends it however serve() is left.
class EngineThread {
 public:
  EngineThread(engine::Engine& engine, Log& log)
      : engine_(engine), thread_([&engine, &log] { run_engine(engine, log); }) {}
  ~EngineThread() {
    engine_.stop();
    thread_.join();
  }
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

 private:
  engine::Engine& engine_;
  std::thread thread_;
};

void reload(http::Listener& listener, bool tls, Log& log) {
  if (!tls) return log.info("SIGHUP: nothing to read again");
  try {
    listener.reload_tls();
    log.info("SIGHUP: certificate and key were read again");
  } catch (const http::ListenError& error) {
    log.error(std::string("SIGHUP: the old certificate stays: ") + error.what());
  }
}

void serve(Options& options, Log& log) {
  engine::SystemClock clock;
  const auto store = open_store(options, log);
  options.engine.change_prefix = random_prefix();
  engine::Engine engine(*store, clock, options.engine);
  const BasicAuth auth = options.auth_user.empty() ? BasicAuth() : BasicAuth(options.auth_user, options.auth_pass);
  wipe(options.auth_pass);

  http::ListenerSettings settings = listener_settings(options);
  AccessLog access_log(log, clock, {.io_threads = settings.io_threads});
  Service service(engine, auth, options.engine.limits, access_log);
  service.mount("", std::make_unique<LockerDoor>(service));
  http::Listener listener(std::move(settings), service);
  service.connect(listener);

  {
    const EngineThread running(engine, log);
    listener.start();
    announce(options, listener, log);
    while (next_signal() == Signal::reload) reload(listener, !options.ssl_cert.empty(), log);
    log.info("stopping");
    listener.stop(options.shutdown_grace);
  }
  service.disconnect();
  log.info("stopped");
}

}  // namespace

int run(Options options) {
  Log log(options.log_format, options.log_level);
  try {
    serve(options, log);
    return 0;
  } catch (const http::ListenError& error) {
    std::cerr << "Error running webserver: " << error.what() << '\n';
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
  }
  return 1;
}

}  // namespace lockkeeper::server
