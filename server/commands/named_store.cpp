#include "server/commands/named_store.h"

#include <algorithm>

#include "stores/store_url.h"

namespace lockkeeper::server {

bool take_flag(std::vector<std::string>& words, const std::string& flag) {
  const auto at = std::find(words.begin(), words.end(), flag);
  if (at == words.end()) return false;
  words.erase(at);
  return true;
}

std::vector<std::string> take_stores(std::vector<std::string> words, const Environment& environment,
                                     const std::vector<std::string>& variables) {
  std::vector<std::string> stores;
  const bool all_said = words.size() >= variables.size();
  for (const std::string& variable : variables) {
    const auto found = environment.find(variable);
    if (!all_said && found != environment.end() && !found->second.empty()) {
      stores.push_back(found->second);
      continue;
    }
    if (words.empty()) throw CommandError("a store is missing (--help tells more)");
    const std::string word = words.front();
    words.erase(words.begin());
    if (word.starts_with("-")) throw CommandError("there is no option " + word.substr(0, word.find('=')));
    if (stores::shows_password(word)) {
      throw CommandError(
          "a password on the command line can be read by everybody on the machine: put that URL into " + variable +
          ", or the password into a file of its own (password_file=FILE)");
    }
    stores.push_back(word);
  }
  if (!words.empty()) throw CommandError("there are too many words (--help tells more)");
  return stores;
}

}  // namespace lockkeeper::server
