// A kubeconfig, written by whoever runs the agent or by a tool of theirs: read, made one with itself, each of its
// contexts chosen. A fault is a sentence, and no alias or nesting makes more of the text than there is room for.
#include "agent/kubeconfig_choice.h"
#include "fuzzed.h"

namespace agent = lockkeeper::agent;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    agent::Kubeconfig config = agent::parse_kubeconfig(text_of(data, size), "/folder/config");
    const std::size_t users = config.users.size();
    agent::merge_kubeconfig(config, agent::parse_kubeconfig(text_of(data, size), "/other/config"));
    PROMISE(config.users.size() == users);
    for (const auto& [name, context] : config.contexts) {
      try {
        const agent::ChosenContext chosen = agent::choose_context(config, name);
        PROMISE(!chosen.server.url.empty());
        PROMISE(chosen.user.certificate_file.empty() || chosen.user.certificate_data.empty());
      } catch (const agent::ConfigError& fault) {
        PROMISE(std::string_view(fault.what()).size() > 0);
      }
    }
  } catch (const agent::ConfigError& fault) {
    PROMISE(std::string_view(fault.what()).starts_with("/folder/config"));
  }
  return 0;
}
