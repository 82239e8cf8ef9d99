#include "agent/app.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "agent/agent.h"
#include "agent/argo_server.h"
#include "agent/cluster_access.h"
#include "agent/kubernetes_route.h"
#include "agent/page.h"
#include "agent/vitals.h"

namespace lockkeeper::agent {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kGrace{5};        // for what is under way when we stop
constexpr std::chrono::minutes kLongestTry{10};  // several requests, perhaps a plugin: longer is stuck
constexpr std::chrono::minutes kLongestTurn{2};  // of the feeding thread, beside its poll

sigset_t held() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&set, signal);
  return set;
}

class RealClock : public Clock {
 public:
  explicit RealClock(const http::Interrupt& stop) : stop_(stop) {}
  Time now() override { return std::chrono::steady_clock::now(); }
  std::chrono::sys_seconds wall() override {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  }
  double random() override {
    thread_local std::minstd_rand source{std::random_device{}()};
    return std::uniform_real_distribution<double>()(source);
  }
  void sleep(milliseconds duration) override { stop_.sleep(duration); }

 private:
  const http::Interrupt& stop_;
};

// What ends what: `stop` every pause, `feed` the long poll, `work` the requests for workflows.
struct Interrupts {
  http::Interrupt stop, feed, work;
};

std::string file_text(const std::string& path, const char* flag) {
  std::ifstream file(path);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) throw ConfigError(std::string(flag) + ": cannot read " + path);
  return text.str();
}

client::Settings lock_api(const Options& options, const std::string& url) {
  client::Settings settings;
  settings.uri = url;
  settings.http.username = options.auth_user;
  settings.http.password = options.auth_pass;
  settings.http.user_agent = "lockagt/" LOCKKEEPER_VERSION;
  if (!options.api_ca.empty()) settings.http.ca_cert = file_text(options.api_ca, "--api-ca");
  return settings;
}

ClusterAccess argo_access(const Options& options, const Surroundings& surroundings) {
  ClusterAccess access;
  access.source = "the Argo Server";
  access.server.url = options.argo_server;
  access.server.ca_file = options.argo_ca;
  access.server.insecure_skip_tls_verify = options.argo_insecure;
  UserSettings user;
  user.source = access.source;
  user.token = options.argo_token;
  user.token_file = options.argo_token_file;
  access.credentials = std::make_shared<Credentials>(std::move(user), surroundings);
  return access;
}

std::string host_and_process() {
  char host[256] = "?";
  gethostname(host, sizeof host - 1);
  return std::string("lockagt ") + host + " " + std::to_string(getpid());
}

void write_port_file(const std::string& path, std::uint16_t port) {
  if (path.empty()) return;
  const std::string beside = path + ".new";
  std::ofstream file(beside);
  file << port << '\n';
  file.close();
  if (!file || std::rename(beside.c_str(), path.c_str()) != 0) {
    throw ConfigError("--port-file: cannot write " + path);
  }
}

// A worker's own connections.
struct Worker {
  Worker(const Options& options, const ClusterAccess& access, const RouteTerms& terms)
      : endpoint(access.server, access.credentials), api(endpoint) {
    if (options.argo_server.empty()) {
      route = std::make_unique<KubernetesRoute>(api, terms, options.verb);
    } else {
      const auto send = [this](const EndpointRequest& request, const http::Interrupt* interrupt) {
        return endpoint.send(request, interrupt);
      };
      route = std::make_unique<ArgoServerRoute>(send, terms);
    }
  }
  Endpoint endpoint;
  KubernetesApi api;
  std::unique_ptr<Route> route;
};

class App {
 public:
  App(const Options& options, Log& log)
      : options_(options),
        log_(log),
        clock_(interrupts_.stop),
        access_(find_access()),
        gates_api_(lock_api(options, options.api_endpoint)),
        leader_(make_leader()),
        agent_(settings(), clock_, *leader_, log, tally_),
        vitals_(options.workers + 1, clock_),
        page_(agent_, tally_, [this] { return vitals_.well(); }) {
    const RouteTerms terms{clock_, &interrupts_.work, [this] { return leader_->leads(); }, options.mark_domain};
    for (std::size_t i = 0; i < options.workers; ++i) {
      workers_.push_back(std::make_unique<Worker>(options, access_, terms));
      worker_gates_.push_back(std::make_unique<RemoteGates>(gates_api_, &interrupts_.work));
    }
    feed_gates_ = std::make_unique<RemoteGates>(gates_api_, &interrupts_.feed);
    listen();
  }

  void run() {
    log_.say(LogLevel::info, "gates of " + http::without_userinfo(options_.api_endpoint) + ", workflows of " +
                                 access_.source + " (" + access_.server.url + ")");
    if (options_.argo_insecure) log_.say(LogLevel::warn, "the Argo Server's certificate is not verified");
    if (listener_) listener_->start();
    std::thread feeding([this] { feed(); });
    std::vector<std::thread> working;
    for (std::size_t i = 0; i < workers_.size(); ++i) working.emplace_back([this, i] { work(i); });
    const sigset_t set = held();
    int signal = 0;
    while (sigwait(&set, &signal) != 0) {
    }
    log_.say(LogLevel::info, "stopping");
    agent_.stop();
    stopping_ = true;
    interrupts_.stop.raise();
    interrupts_.feed.raise();
    feeding.join();
    if (!all_workers_back()) interrupts_.work.raise();
    for (std::thread& worker : working) worker.join();
    leader_.reset();  // gives the lead back
    if (listener_) listener_->stop(milliseconds(500));
    log_.say(LogLevel::info, "stopped");
  }

 private:
  ClusterAccess find_access() {
    const Surroundings surroundings =
        real_surroundings([this](const std::string& line) { log_.say(LogLevel::warn, line); });
    if (!options_.argo_server.empty()) return argo_access(options_, surroundings);
    return find_cluster({options_.kubeconfig, options_.context}, surroundings);
  }

  std::unique_ptr<Leader> make_leader() {
    if (options_.alone) return std::make_unique<AlwaysLeads>();
    LeaseLeader::Terms terms;
    terms.api = lock_api(options_, native_api(options_.api_endpoint));
    terms.lock = options_.leader_lock;
    terms.ttl = options_.leader_ttl;
    terms.holder = host_and_process();
    terms.won = [this] {
      interrupts_.work.clear();
      interrupts_.feed.clear();
      if (stopping_) interrupts_.feed.raise();
    };
    // No request of ours may outlast our lead by more than it takes to end it.
    terms.lost = [this] {
      interrupts_.work.raise();
      interrupts_.feed.raise();
    };
    return std::make_unique<LeaseLeader>(std::move(terms), clock_, log_, &interrupts_.stop);
  }

  AgentSettings settings() const {
    AgentSettings settings;
    settings.poll = options_.poll;
    settings.schedule.poll.cap = options_.poll;
    settings.schedule.give_up_after = options_.give_up_after;
    settings.always_look = !options_.argo_server.empty();
    return settings;
  }

  void listen() {
    if (!options_.listen) return;
    http::ListenerSettings settings;
    settings.endpoints = {*options_.listen};
    settings.connections = 64;
    settings.body_bytes = 1024;
    listener_ = std::make_unique<http::Listener>(std::move(settings), page_);
    write_port_file(options_.port_file, listener_->ports().front());
  }

  void feed() {
    const std::size_t own = workers_.size();
    while (!stopping_) {
      vitals_.turn(own, options_.poll + kLongestTurn);
      const milliseconds pause = agent_.feed(*feed_gates_);
      if (pause.count() == 0) continue;
      vitals_.turn(own, pause + kLongestTurn);
      clock_.sleep(pause);
    }
    vitals_.rest(own);
  }

  void work(std::size_t index) {
    while (!stopping_) {
      vitals_.turn(index, kLongestTry);
      if (!agent_.work(*worker_gates_[index], *workers_[index]->route)) agent_.wait();
    }
    vitals_.rest(index);
    const std::scoped_lock lock(mutex_);
    ++back_;
    came_back_.notify_all();
  }

  bool all_workers_back() {
    std::unique_lock lock(mutex_);
    return came_back_.wait_for(lock, kGrace, [this] { return back_ == workers_.size(); });
  }

  const Options& options_;
  Log& log_;
  Interrupts interrupts_;
  std::atomic<bool> stopping_{false};
  RealClock clock_;
  const ClusterAccess access_;
  const client::Settings gates_api_;
  Tally tally_;
  std::unique_ptr<Leader> leader_;
  Agent agent_;
  Vitals vitals_;
  Page page_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::unique_ptr<Gates>> worker_gates_;
  std::unique_ptr<Gates> feed_gates_;
  std::unique_ptr<http::Listener> listener_;
  std::mutex mutex_;
  std::condition_variable came_back_;
  std::size_t back_ = 0;
};

}  // namespace

void keep_memory_private() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
}

void hold_signals() {
  const sigset_t set = held();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int run(const Options& options) {
  StderrLog log(options.log_format, options.log_level);
  try {
    App(options, log).run();
    return 0;
  } catch (const std::exception& error) {
    log.say(LogLevel::error, error.what());
  }
  return 1;
}

}  // namespace lockkeeper::agent
