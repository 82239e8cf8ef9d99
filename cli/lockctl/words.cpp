#include "cli/lockctl/words.h"

#include "cli/lockctl/moment.h"
#include "cli/shown/text.h"
#include "client/waiting_text.h"

namespace lockkeeper::cli::lockctl {

std::string holders_text(const std::vector<wire::HoldView>& holders) {
  return harmless(client::holders_text(holders, wall_now()));
}

std::string metadata_text(const locks::Metadata& metadata) {
  std::string text;
  for (const auto& [name, value] : metadata) {
    text += (text.empty() ? "" : " ") + harmless(name) + "=" + harmless(value);
  }
  return text;
}

std::string quoted(const std::string& word) {
  constexpr const char* plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string text = "'";
  for (const char one : word) text += one == '\'' ? std::string("'\\''") : std::string(1, one);
  return text + "'";
}

}  // namespace lockkeeper::cli::lockctl
