// An original locker's data file: one JSON object, name -> {"locked_by": {holder: count}, "key": "k"}.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lockkeeper::stores::sqlite {

struct LockerLock {
  std::string name;
  std::string key;                               // not empty: the original's sign that it is held
  std::map<std::string, std::uint64_t> holders;  // counts are positive
};

// The locks that are held; one with a key but without holders is (recorded case file-key-without-holders), by
// its key. Throws engine::StoreError whose text names the lock that makes no sense.
std::vector<LockerLock> read_locker_file(const std::string& path);

}  // namespace lockkeeper::stores::sqlite
