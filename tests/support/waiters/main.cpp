// waiters --story hand_over|cut|lapses --port P --connections N ...: a crowd at a server.
#include <sys/resource.h>

#include <boost/program_options.hpp>
#include <cstdio>
#include <exception>
#include <map>

#include "tests/support/waiters/stories.h"

namespace {

using namespace lockkeeper::waiters;
namespace po = boost::program_options;

const std::map<std::string, int (*)(const Options&)> stories = {
    {"hand_over", hand_over}, {"cut", cut_connections}, {"lapses", lapses}};

Options read(int count, const char* const* words) {
  Options options;
  std::int64_t hold = 0, ttl = 0, within = 0;
  po::options_description flags;
  flags.add_options()("story", po::value(&options.story))("port", po::value(&options.port))(
      "connections", po::value(&options.connections))("locks", po::value(&options.locks))(
      "hold-ms", po::value(&hold))("ttl-ms", po::value(&ttl))("within-ms", po::value(&within));
  po::variables_map values;
  po::store(po::command_line_parser(count, words).options(flags).positional({}).run(), values);
  po::notify(values);
  options.hold = std::chrono::milliseconds(hold);
  options.ttl = std::chrono::milliseconds(ttl);
  options.within = std::chrono::milliseconds(within);
  return options;
}

}  // namespace

int main(int count, char** words) try {
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_cur = descriptors.rlim_max;
  setrlimit(RLIMIT_NOFILE, &descriptors);
  const Options options = read(count, words);
  return stories.at(options.story)(options);
} catch (const std::exception& wrong) {
  std::printf("wrong: %s\n", wrong.what());
  return 1;
}
