#include "resource/process.h"

#include <sys/random.h>
#include <unistd.h>

#include <cstdlib>
#include <istream>
#include <list>
#include <memory>
#include <ostream>

#include "resource/descriptor_stream.h"
#include "resource/remote_server.h"
#include "resource/signals.h"
#include "resource/verb.h"

namespace lockkeeper::resource {
namespace {

class RealWorld : public World {
 public:
  explicit RealWorld(const http::Interrupt& interrupt) : interrupt_(interrupt) {}
  std::chrono::steady_clock::time_point now() override { return std::chrono::steady_clock::now(); }
  locks::WallTime wall() override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
  bool sleep(std::chrono::milliseconds duration) override { return interrupt_.sleep(duration); }
  bool interrupted() override { return interrupt_.raised(); }
  double random() override {
    std::uint32_t bits = 0;
    if (getrandom(&bits, sizeof bits, 0) != sizeof bits) return 0.5;
    return bits / 4294967296.0;
  }
  std::string request_id() override { return client::new_request_id(); }

 private:
  const http::Interrupt& interrupt_;
};

}  // namespace

void run_process(int argc, char** argv, void (*verb)(Stage& stage)) {
  static http::Interrupt interrupt;  // the handlers' own: never destroyed before the process ends
  end_on_signals(interrupt);
  DescriptorBuffer in(STDIN_FILENO), out(STDOUT_FILENO), err(STDERR_FILENO);
  std::istream input(&in);
  std::ostream output(&out), log(&err);
  RealWorld world(interrupt);
  // Not destroyed either: closing a connection may have to wait for a thread that resolves a name.
  std::list<std::unique_ptr<LockServer>> servers;
  std::list<http::Client> clients;

  Stage stage{.arguments = std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc),
              .input = input,
              .output = output,
              .log = log,
              .environment = [](const char* name) -> std::optional<std::string> {
                const char* value = std::getenv(name);
                return value == nullptr ? std::nullopt : std::optional<std::string>(value);
              },
              .world = world,
              .connect = [&](const Source& source) -> LockServer& {
                return *servers.emplace_back(remote_server(source, interrupt));
              },
              .fetch =
                  [&](const http::ClientSettings& settings, const http::ClientRequest& request) {
                    return clients.emplace_back(settings).send(request, &interrupt);
                  }};
  const int code = run_verb(stage, verb);
  output.flush();
  log.flush();
  _exit(code);
}

}  // namespace lockkeeper::resource
