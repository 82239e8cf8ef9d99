#include "told.h"

#include <cstdint>
#include <optional>
#include <set>
#include <sstream>
#include <variant>

namespace lockkeeper::test {

using namespace locks;

namespace {

std::int64_t at(WallTime time) {
  return time.time_since_epoch().count();
}

std::string listed(const std::vector<Hold>& holds) {
  std::ostringstream out;
  for (const Hold& hold : holds) {
    out << ' ' << hold.holder << '*' << hold.count;
    out << '@' << at(hold.since) << (hold.metadata.empty() ? "" : "+meta");
  }
  return out.str();
}

// " ttl=500ms", or nothing.
std::string lasting(const char* what, const std::optional<milliseconds>& duration) {
  return duration ? std::string(" ") + what + '=' + std::to_string(duration->count()) + "ms" : std::string();
}

std::string ended(const std::optional<End>& end) {
  static constexpr const char* words[] = {" ended by release", " ended by lapse", " ended by force"};
  return end ? words[static_cast<std::size_t>(*end)] : "";
}

std::string version_of(Version version) {
  return " v" + std::to_string(version);
}

struct Teller {
  std::string operator()(const Granted& it) const {
    std::uint64_t others = 0;
    std::set<std::string> holders;
    for (const Hold& hold : it.others) others += hold.count, holders.insert(hold.holder);
    std::ostringstream out;
    out << "granted v" << it.version << " token " << it.token << " since " << at(it.since) << " count " << it.count
        << (it.again ? " again" : "") << (it.took_over ? " taken over" : "") << " others " << others
        << (holders.size() > 1 ? " of several holders" : "") << lasting("ttl", it.ttl)
        << lasting("max_hold", it.max_hold);
    return out.str();
  }
  std::string operator()(const Refused& it) const { return "refused" + version_of(it.version) + listed(it.holds); }
  std::string operator()(const Released& it) const {
    return "released" + version_of(it.version) + " n=" + std::to_string(it.released) +
           (it.withdrawn ? " withdrawn" : "") + listed(it.holds) + ended(it.ended);
  }
  std::string operator()(const Queued& it) const {
    std::ostringstream out;
    out << "queued v" << it.version << " place " << it.place.id << " position " << it.position << " of "
        << it.waiters << " since " << at(it.since) << " behind";
    for (const Ahead& ahead : it.ahead) out << ' ' << ahead.holder << '@' << at(ahead.since);
    out << " and" << listed(it.holds) << lasting("estimate", it.estimate);
    return out.str();
  }
  std::string operator()(const Renewed& it) const {
    return "renewed" + version_of(it.version) + " token " + std::to_string(it.token) + lasting("ttl", it.ttl) +
           lasting("max_hold", it.max_hold);
  }
  std::string operator()(const Gated&) const { return "gated"; }
  std::string operator()(const Noted& it) const {
    return "noted" + version_of(it.version) + (it.changed ? " changed" : "");
  }
  std::string operator()(const NotYours& it) const {
    return "not yours" + version_of(it.version) + listed(it.holds);
  }
  std::string operator()(const Gone& it) const {
    return "gone " + std::to_string(static_cast<int>(it.why)) + version_of(it.version) + listed(it.holds) +
           ended(it.end);
  }
  std::string operator()(const TooMany& it) const { return "too many" + version_of(it.version); }
  std::string operator()(const Inspected& it) const { return "inspected " + told(it.record); }
  std::string operator()(const Unavailable&) const { return "unavailable"; }
};

struct CommandTeller {
  std::string operator()(const Acquire& it) const {
    return "acquire " + it.key + ' ' + it.holder + named(it.claim, it.request) +
           (it.metadata.empty() ? "" : " +meta") + lasting("ttl", it.ttl) + lasting("wait", it.wait);
  }
  std::string operator()(const Release& it) const {
    return "release " + it.key + ' ' + it.holder + named(it.claim, it.request) + (it.all ? " all" : "");
  }
  std::string operator()(const Inspect&) const { return "inspect"; }
  std::string operator()(const ForceRelease&) const { return "force"; }
  std::string operator()(const Renew& it) const {
    return "renew " + it.key + " claim=" + it.claim + (it.token ? " token=" + std::to_string(*it.token) : "") +
           lasting("ttl", it.ttl);
  }
  std::string operator()(const Lapse& it) const {
    return std::string("lapse ") + (it.kind == RowKind::waiter ? "waiter " : "claim ") + it.id + " mark " +
           std::to_string(it.mark) + (it.max_hold ? " max_hold" : "");
  }
  std::string operator()(const GiveBack& it) const {
    return "give back" + named(it.claim, it.request) + " token " + std::to_string(it.token);
  }
  std::string operator()(const KeepPlace& it) const { return "keep place " + it.id; }
  std::string operator()(const OfGate&) const { return "of a gate"; }

  static std::string named(const std::string& claim, const std::string& request) {
    return " claim=" + claim + " request=" + request;
  }
};

void tell(std::ostream& out, const Claim& it) {
  out << " [" << it.name << ' ' << it.holder << " #" << it.token << '@' << at(it.since) << " r=" << it.request
      << " b=" << it.begun << (it.metadata.empty() ? "" : " +meta") << " by=" << it.by << " w=" << it.renewed
      << " g=" << it.granted << lasting("ttl", it.ttl) << lasting("max_hold", it.max_hold)
      << lasting("offered", it.offered) << ']';
}

void tell(std::ostream& out, const Waiter& it) {
  out << " <" << it.name << " '" << it.key << "' " << it.holder << " #" << it.place << '@' << at(it.since)
      << " r=" << it.request << " b=" << it.begun << (it.metadata.empty() ? "" : " +meta") << " by=" << it.by << '/'
      << it.door << " w=" << it.renewed << lasting("ttl", it.ttl) << lasting("max_hold", it.max_hold)
      << lasting("grace", it.grace) << '>';
}

}  // namespace

std::string told(const Command& command) {
  return std::visit(CommandTeller(), command.what);
}

std::string told(const Record& record) {
  std::ostringstream out;
  out << 'v' << record.head.version << " forgotten " << record.head.forgotten << " key '" << record.head.key
      << "' at " << at(record.head.changed) << " timed " << record.head.timed << " mean "
      << record.head.mean_hold.count();
  for (const Tally& it : record.head.tallies) {
    out << " {" << it.holder << '*' << it.count << ' ' << it.oldest << ".." << it.newest << '@' << at(it.since)
        << '}';
  }
  for (const Claim& it : record.claims) tell(out, it);
  for (const Waiter& it : record.waiters) tell(out, it);
  for (const ClosedName& it : record.closed) {
    out << " (" << it.name << "<=" << it.up_to << '@' << at(it.at) << ended(it.end) << ')';
  }
  return out.str();
}

std::string told(const Outcome& outcome) {
  return std::visit(Teller(), outcome);
}

}  // namespace lockkeeper::test
