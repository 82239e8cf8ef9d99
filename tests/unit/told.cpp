#include "told.h"

#include <set>
#include <sstream>
#include <variant>

namespace lockkeeper::test {

using namespace locks;

namespace {

std::string listed(const std::vector<Hold>& holds) {
  std::ostringstream out;
  for (const Hold& hold : holds) {
    out << ' ' << hold.holder << '*' << hold.count;
    out << '@' << hold.since.time_since_epoch().count() << (hold.metadata.empty() ? "" : "+meta");
  }
  return out.str();
}

struct Teller {
  std::string operator()(const Granted& it) const {
    std::uint64_t others = 0;
    std::set<std::string> holders;
    for (const Hold& hold : it.others) others += hold.count, holders.insert(hold.holder);
    std::ostringstream out;
    out << "granted v" << it.version << " token " << it.token << " since " << it.since.time_since_epoch().count()
        << " count " << it.count << (it.again ? " again" : "") << (it.took_over ? " taken over" : "") << " others "
        << others << (holders.size() > 1 ? " of several holders" : "");
    return out.str();
  }
  std::string operator()(const Refused& it) const {
    return "refused v" + std::to_string(it.version) + listed(it.holds);
  }
  std::string operator()(const Released& it) const {
    return "released v" + std::to_string(it.version) + " n=" + std::to_string(it.released) +
           (it.withdrawn ? " withdrawn" : "") + listed(it.holds);
  }
  std::string operator()(const NotYours& it) const {
    return "not yours v" + std::to_string(it.version) + listed(it.holds);
  }
  std::string operator()(const Gone& it) const {
    return "gone " + std::to_string(static_cast<int>(it.why)) + " v" + std::to_string(it.version) +
           listed(it.holds);
  }
  std::string operator()(const TooMany& it) const { return "too many v" + std::to_string(it.version); }
  std::string operator()(const Inspected& it) const { return "inspected " + told(it.record); }
  std::string operator()(const Unavailable&) const { return "unavailable"; }
};

}  // namespace

std::string told(const Command& command) {
  std::ostringstream out;
  if (const auto* acquire = std::get_if<Acquire>(&command.what)) {
    out << "acquire " << acquire->key << ' ' << acquire->holder << " claim=" << acquire->claim
        << " request=" << acquire->request << (acquire->metadata.empty() ? "" : " +meta");
  } else if (const auto* release = std::get_if<Release>(&command.what)) {
    out << "release " << release->key << ' ' << release->holder << " claim=" << release->claim
        << " request=" << release->request << (release->all ? " all" : "");
  } else {
    out << (std::holds_alternative<ForceRelease>(command.what) ? "force" : "inspect");
  }
  return out.str();
}

std::string told(const Record& record) {
  std::ostringstream out;
  const auto at = [](WallTime time) { return time.time_since_epoch().count(); };
  out << 'v' << record.head.version << " forgotten " << record.head.forgotten << " key '" << record.head.key
      << "' at " << at(record.head.changed);
  for (const Tally& it : record.head.tallies) {
    out << " {" << it.holder << '*' << it.count << ' ' << it.oldest << ".." << it.newest << '@' << at(it.since)
        << '}';
  }
  for (const Claim& it : record.claims) {
    out << " [" << it.name << ' ' << it.holder << " #" << it.token << '@' << at(it.since) << " r=" << it.request
        << " b=" << it.begun << (it.metadata.empty() ? "" : " +meta") << " by=" << it.by << " w=" << it.renewed
        << ']';
  }
  for (const ClosedName& it : record.closed) out << " (" << it.name << "<=" << it.up_to << '@' << at(it.at) << ')';
  return out.str();
}

std::string told(const Outcome& outcome) {
  return std::visit(Teller(), outcome);
}

}  // namespace lockkeeper::test
