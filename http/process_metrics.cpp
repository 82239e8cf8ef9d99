#include "http/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

namespace lockkeeper::http {
namespace {

struct Stat {
  double cpu_seconds = 0;
  double started_after_boot = 0;  // seconds
  double virtual_bytes = 0;
  double resident_bytes = 0;
};

// /proc/self/stat, proc(5). The program's name may hold blanks and parentheses: fields count from the last one.
std::optional<Stat> read_stat() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  const auto end = line.rfind(')');
  if (end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(end + 1));
  fields.imbue(std::locale::classic());
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  for (int field = 16; field < 22; ++field) fields >> skipped;
  double started = 0;
  double virtual_bytes = 0;
  double resident_pages = 0;
  fields >> started >> virtual_bytes >> resident_pages;
  if (!fields) return std::nullopt;
  const auto tick = static_cast<double>(sysconf(_SC_CLK_TCK));
  return Stat{(user + system) / tick, started / tick, virtual_bytes,
              resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE))};
}

// In seconds since 1970.
std::optional<double> boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    double at = 0;
    if (word == "btime" && file >> at) return at;
  }
  return std::nullopt;
}

// Asked once: the kernel's answer moves when somebody sets the clock.
std::optional<double> start_time(const Stat& stat) {
  static const std::optional<double> boot = boot_time();
  if (!boot) return std::nullopt;
  return *boot + stat.started_after_boot;
}

std::optional<double> open_files() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), closedir);
  if (!folder) return std::nullopt;
  int files = 0;
  while (const dirent* entry = readdir(folder.get())) files += entry->d_name[0] == '.' ? 0 : 1;
  return files - 1;  // without the folder
}

std::optional<double> most_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  return static_cast<double>(limit.rlim_cur);
}

Family family(std::string name, std::string help, MetricType type, std::optional<double> value) {
  Family result{std::move(name), std::move(help), type, {}, {}};
  if (value) result.samples.push_back({{}, *value});
  return result;
}

}  // namespace

std::vector<Family> process_metrics() {
  const std::optional<Stat> stat = read_stat();
  const auto of = [&stat](double Stat::*field) {
    return stat ? std::optional<double>(*stat.*field) : std::nullopt;
  };
  std::vector<Family> families;
  families.push_back(family("process_cpu_seconds_total", "Processor time used, user's and system's, in seconds.",
                            MetricType::counter, of(&Stat::cpu_seconds)));
  families.push_back(family("process_resident_memory_bytes", "Resident memory in bytes.", MetricType::gauge,
                            of(&Stat::resident_bytes)));
  families.push_back(family("process_virtual_memory_bytes", "Virtual memory in bytes.", MetricType::gauge,
                            of(&Stat::virtual_bytes)));
  families.push_back(family("process_start_time_seconds", "When the process began, in seconds since 1970.",
                            MetricType::gauge, stat ? start_time(*stat) : std::nullopt));
  families.push_back(family("process_open_fds", "Open file descriptors.", MetricType::gauge, open_files()));
  families.push_back(
      family("process_max_fds", "File descriptors that may be open.", MetricType::gauge, most_files()));
  return families;
}

Family build_info(std::string_view version) {
  return {"lockkeeper_build_info",
          "Always 1; the version is a label.",
          MetricType::gauge,
          {{{{"version", std::string(version)}}, 1}},
          {}};
}

}  // namespace lockkeeper::http
