#include "cli/stormlock/stormlock.h"

#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>
#include <variant>

#include "cli/stormlock/options.h"
#include "cli/stormlock/stop_signal.h"

namespace lockkeeper::cli::stormlock {
namespace {

class Run {
 public:
  Run(const Surroundings& surroundings, const Options& options)
      : surroundings_(surroundings),
        options_(options),
        configuration_(Configuration::find(options.config, surroundings.environment)) {}

  int command() {
    const std::string& resource = options_.resource;
    const std::string name = configuration_.backend(resource);
    configuration_.require_ttl(resource);
    switch (options_.command) {
      case Command::acquire:
        return acquire(name);
      case Command::release:
        backend(name)->release(resource, options_.lease_id);
        return Exit::done;
      case Command::renew:
        return renew(name);
      case Command::current:
        return current(name);
      case Command::is_held:
        break;
    }
    return backend(name)->is_held(resource, options_.lease_id) ? Exit::done : Exit::none_or_not_held;
  }

 private:
  std::unique_ptr<Backend> backend(const std::string& name) const {
    return surroundings_.backend(name, configuration_.backend_section(name));
  }

  void say(const std::string& line) const { surroundings_.err(line + '\n'); }

  int acquire(const std::string& name) {
    // As with the original, the configured ttl has to be sound also where --ttl is given.
    const auto configured = configuration_.ttl(options_.resource);
    const Wish wish{options_.resource, configuration_.principal(options_.resource, surroundings_.environment),
                    options_.ttl.value_or(configured)};
    const auto database = backend(name);
    if (options_.wait && !database->can_wait()) {
      throw usage_error(Command::acquire, "argument --wait: " + name +
                                              " keeps no queue: leave --wait away, or use backend = lockkeeper");
    }
    const StopSignal stop(*database);
    const auto result = taken(*database, wish, stop);
    if (const auto* held = std::get_if<Held>(&result)) {
      if (stop.heard() != 0) end_by(stop.heard());
      return show(*held);
    }
    const Lease& lease = std::get<Lease>(result);
    if (stop.heard() == 0 && surroundings_.out(lease.id + '\n')) {
      if (stop.heard() == 0) return Exit::done;
    }
    const int error = errno;
    give_back(*database, wish.resource, lease.id);
    if (stop.heard() != 0) end_by(stop.heard());
    say("stormlock: cannot write the lease's id: " + std::string(std::strerror(error)) +
        "; the lock is free again");
    return Exit::failed;
  }

  std::variant<Lease, Held> taken(Backend& database, const Wish& wish, const StopSignal& stop) const {
    try {
      if (!options_.wait) return database.acquire(wish);
      return database.acquire(wish, *options_.wait, [this](const std::string& line) { say(line); });
    } catch (const std::exception&) {
      if (stop.heard() != 0) end_by(stop.heard());
      throw;
    }
  }

  void give_back(Backend& database, const std::string& resource, const std::string& id) const {
    try {
      database.release(resource, id);
    } catch (const std::exception& error) {
      throw BackendError("the lease " + id + " of " + resource +
                         " could not be given back and lives until its ttl is over: " + error.what());
    }
  }

  int show(const Held& held) const {
    say("Lock held");
    if (held.by) {
      surroundings_.out(held.by->id + '\n');
    } else {
      say("Held lock not found, try again?");
    }
    return Exit::held_or_usage;
  }

  int renew(const std::string& name) {
    const auto ttl = options_.ttl ? *options_.ttl : configuration_.ttl(options_.resource);
    if (backend(name)->renew(options_.resource, options_.lease_id, ttl)) return Exit::done;
    say("Lock expired");
    return Exit::expired;
  }

  int current(const std::string& name) {
    const auto lease = backend(name)->current(options_.resource);
    if (!lease) {
      say("no lock held");
      return Exit::none_or_not_held;
    }
    if (surroundings_.out(shown(*lease, options_.format))) return Exit::done;
    say("stormlock: cannot write what was found: " + std::string(std::strerror(errno)));
    return Exit::failed;
  }

  const Surroundings& surroundings_;
  const Options& options_;
  Configuration configuration_;
};

}  // namespace

int stormlock(const std::vector<std::string>& arguments, const Surroundings& surroundings) {
  try {
    const auto read = read_options(arguments);
    if (const auto* farewell = std::get_if<Farewell>(&read)) {
      return surroundings.out(farewell->text) ? Exit::done : Exit::failed;
    }
    return Run(surroundings, std::get<Options>(read)).command();
  } catch (const UsageError& error) {
    surroundings.err(error.what());
    return Exit::held_or_usage;
  } catch (const std::exception& error) {
    surroundings.err(std::string("stormlock: ") + error.what() + '\n');
    return Exit::failed;
  }
}

}  // namespace lockkeeper::cli::stormlock
