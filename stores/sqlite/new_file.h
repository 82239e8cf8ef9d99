// A file that is to be there whole or not at all: it is written under a temporary name beside its path, by one
// process at a time, and then renamed. What a process that was killed left of it, the next one takes over.
#pragma once

#include <string>

namespace lockkeeper::stores::sqlite {

class NewFile {
 public:
  // An empty file for its owner only (keys will be in it). Throws engine::StoreError: another process is making it
  // at this moment, the folder cannot be written to.
  explicit NewFile(std::string path);
  ~NewFile();  // removes what was not put in place
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  // Nothing has it open by then. (Closing any descriptor of a file, as the destructor does, drops the POSIX locks
  // that SQLite holds on it: fcntl(2).)
  const std::string& temporary() const { return temporary_; }

  // What was synced is then durable at `path`. False: there is something by now, which stays.
  bool put_in_place();

 private:
  bool take();

  const std::string path_;
  const std::string temporary_;
  int file_ = -1;
  bool in_place_ = false;
};

// Makes what happened to the entries of the folder of `path` durable. Throws engine::StoreError.
void sync_folder_of(const std::string& path);

}  // namespace lockkeeper::stores::sqlite
