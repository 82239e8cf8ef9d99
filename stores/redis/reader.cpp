#include "stores/redis/reader.h"

#include <hiredis/read.h>

namespace lockkeeper::stores::redis {

struct Reader::Inside {
  redisReader* parser = nullptr;
  Reply root;  // hiredis gives it back with the reply: there is one at a time

  Reply* place(const redisReadTask* task, Reply::Kind kind) {
    Reply* reply = &root;
    if (task->parent != nullptr) {
      reply = &static_cast<Reply*>(task->parent->obj)->elements[static_cast<std::size_t>(task->idx)];
    } else {
      root.elements.clear();
    }
    reply->kind = kind;
    return reply;
  }
};

namespace {

Reply* place(const redisReadTask* task, Reply::Kind kind) {
  return static_cast<Reader::Inside*>(task->privdata)->place(task, kind);
}

void* make_string(const redisReadTask* task, char* bytes, std::size_t number) {
  Reply* reply = place(task, task->type == REDIS_REPLY_ERROR ? Reply::Kind::error : Reply::Kind::text);
  reply->text.assign(bytes, number);
  return reply;
}

void* make_array(const redisReadTask* task, int elements) {
  Reply* reply = place(task, Reply::Kind::array);
  reply->elements.assign(static_cast<std::size_t>(elements), Reply());
  return reply;
}

void* make_integer(const redisReadTask* task, long long value) {
  Reply* reply = place(task, Reply::Kind::integer);
  reply->integer = value;
  return reply;
}

void* make_nil(const redisReadTask* task) {
  return place(task, Reply::Kind::nil);
}

void free_reply(void*) {}

redisReplyObjectFunctions functions{make_string, make_array, make_integer, make_nil, free_reply};

}  // namespace

Reader::Reader() : inside_(std::make_unique<Inside>()) {
  inside_->parser = redisReaderCreateWithFunctions(&functions);
  if (inside_->parser == nullptr) throw std::bad_alloc();
  inside_->parser->privdata = inside_.get();
}

Reader::~Reader() {
  redisReaderFree(inside_->parser);
}

void Reader::feed(const char* bytes, std::size_t number) {
  if (redisReaderFeed(inside_->parser, bytes, number) != REDIS_OK) throw ProtocolError(inside_->parser->errstr);
}

Reply* Reader::next() {
  void* reply = nullptr;
  if (redisReaderGetReply(inside_->parser, &reply) != REDIS_OK) throw ProtocolError(inside_->parser->errstr);
  return static_cast<Reply*>(reply);
}

}  // namespace lockkeeper::stores::redis
