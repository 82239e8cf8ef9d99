#include "stores/redis/scripts.h"

namespace lockkeeper::stores::redis {
namespace {

constexpr const char* kOpen = R"(
local found = redis.call('HMGET', P .. 'meta', 'layout', 'epoch', 'floor')
if not found[1] and not found[2] and not found[3] then
  redis.call('HSET', P .. 'meta', 'layout', ARGV[1], 'epoch', ARGV[2], 'floor', ARGV[4])
  return {ARGV[1], ARGV[2], ARGV[4]}
end
if ARGV[3] ~= '' and found[2] ~= ARGV[3] and tonumber(found[3]) < tonumber(ARGV[4]) then
  redis.call('HSET', P .. 'meta', 'floor', ARGV[4])
  found[3] = ARGV[4]
end
return found
)";

// All that may say no comes before the first write. unpack() takes 8,000 at most; an index changes once a call, for
// all of its locks.
constexpr const char* kCommit = R"(
local KEYS, ARGV, call, sub, byte = KEYS, ARGV, redis.call, string.sub, string.byte
local function many(command, key, from, to)
  local answer
  for i = from, to - 1, 4000 do
    answer = call(command, key, unpack(ARGV, i, math.min(i + 4000, to) - 1))
  end
  return answer
end
local groups, before, told, answers, floor, at = {}, {}, {}, nil, nil, 1
for i = 1, #KEYS do
  local expected, now = ARGV[at], call('HGET', KEYS[i], 'v')
  local fits = now and sub(now, 1, #expected) == expected
  if not fits then
    floor = floor or call('HGET', P .. 'meta', 'floor')
    if not floor then return redis.error_reply('LOST what was here is gone') end
    fits = not now and '+' .. floor == expected
  end
  if fits then
    groups[i], before[i] = at, now and byte(now, #expected + 1) - 48 or -1
    told[#told + 1] = ARGV[at + 1]
  else
    answers = answers or {}
    answers[i] = {call('HGETALL', KEYS[i]), floor}
  end
  at = at + 8 + ARGV[at + 5] + ARGV[at + 6] + ARGV[at + 7]
end
if told[1] then call('PUBLISH', P .. 'changed', table.concat(told)) end
local comes = {names = {}, held = {}, timed = {}, histories = {}}
local goes = {held = {}, timed = {}}
local function change(index, there, name)
  local list = there and comes[index] or goes[index]
  if there then list[#list + 1] = '0' end
  list[#list + 1] = name
end
for i = 1, #KEYS do
  local group = groups[i]
  if group then
    local key, was, is = KEYS[i], before[i], tonumber(ARGV[group + 4])
    local name = sub(key, NAME)
    call('HSET', key, 'v', ARGV[group + 2], 'h', ARGV[group + 3])
    local from = group + 8
    local to = from + ARGV[group + 5]
    many('HSET', key, from, to)
    from, to = to, to + ARGV[group + 6]
    many('HDEL', key, from, to)
    from, to = to, to + ARGV[group + 7]
    if many('RPUSH', P .. 'history:' .. name, from, to) == to - from then change('histories', true, name) end
    if was ~= is then
      if was < 0 then
        change('names', true, name)
        was = 0
      end
      if was % 2 ~= is % 2 then change('held', is % 2 == 1, name) end
      if (was > 1) ~= (is > 1) then change('timed', is > 1, name) end
    end
  end
end
for index, words in pairs(comes) do
  if words[1] then call('ZADD', P .. index, unpack(words)) end
end
for index, words in pairs(goes) do
  if words[1] then call('ZREM', P .. index, unpack(words)) end
end
if not answers then return 1 end
for i = 1, #KEYS do answers[i] = answers[i] or 1 end
return answers
)";

constexpr const char* kPrune = R"(
local now = redis.call('HGET', KEYS[1], 'v')
if not now then return 0 end
local version, flags = string.match(now, '^(%d+):(%d)')
if version ~= ARGV[1] or flags ~= '0' then return 0 end
local floor = redis.call('HGET', P .. 'meta', 'floor')
if not floor then return redis.error_reply('LOST what was here is gone') end
local name = string.sub(KEYS[1], NAME)
redis.call('PUBLISH', P .. 'changed', '0:' .. #name .. ':' .. name)
redis.call('DEL', KEYS[1])
redis.call('ZREM', P .. 'names', name)
if tonumber(floor) < tonumber(version) then redis.call('HSET', P .. 'meta', 'floor', version) end
return 1
)";

constexpr const char* kFindFree = R"(
local names = redis.call('ZRANGEBYLEX', P .. 'names', '[' .. ARGV[1], '+', 'LIMIT', 0, ARGV[4])
local found, before, limit = {}, tonumber(ARGV[2]), tonumber(ARGV[3])
for i, name in ipairs(names) do
  if #found == limit then return {found, name} end
  local now = redis.call('HGET', P .. 'lock:' .. name, 'v')
  local flags, changed = string.match(now or '', '^%d+:(%d):(%-?%d+)')
  if flags == '0' and tonumber(changed) < before then found[#found + 1] = name end
end
if #names < tonumber(ARGV[4]) then return {found, ''} end
return {found, names[#names] .. '\0'}
)";

constexpr const char* kHistory = R"(
local key, after, limit = P .. 'history:' .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local function version(event) return string.match(event, '^%d+') end
local number = redis.call('LLEN', key)
if number == 0 then return {'0', 0, {}} end
local oldest = version(redis.call('LINDEX', key, 0))
local low, high = 0, number
while low < high do
  local middle = math.floor((low + high) / 2)
  if tonumber(version(redis.call('LINDEX', key, middle))) > after then high = middle else low = middle + 1 end
end
local more = number - low > limit and 1 or 0
if low == number or limit == 0 then return {oldest, more, {}} end
if ARGV[4] == '0' then return {oldest, more, redis.call('LRANGE', key, low, low + limit - 1)} end
local events = redis.call('LRANGE', key, math.max(low, number - limit), -1)
local turned = {}
for i = #events, 1, -1 do turned[#turned + 1] = events[i] end
return {oldest, more, turned}
)";

// Writes that take away come first: they are let through when memory is full.
constexpr const char* kTrim = R"(
local name, before, per_lock, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local looked, dropped = 0, 0
local names = redis.call('ZRANGEBYLEX', P .. 'histories', '[' .. name, '+', 'LIMIT', 0, limit + 1)
for _, each in ipairs(names) do
  local key = P .. 'history:' .. each
  local number, away = redis.call('LLEN', key), 0
  looked = looked + 1
  local done = false
  while not done do
    if looked > limit or dropped + away >= limit then break end
    local events = redis.call('LRANGE', key, away, away + 31)
    if #events == 0 then done = true end
    for _, event in ipairs(events) do
      if looked > limit or dropped + away >= limit then break end
      local at = tonumber(string.match(event, '^%d+ (%-?%d+)'))
      if number - away <= per_lock and at >= before then
        done = true
        break
      end
      away, looked = away + 1, looked + 1
    end
  end
  if away > 0 then
    redis.call('LTRIM', key, away, -1)
    dropped = dropped + away
  end
  if away == number then redis.call('ZREM', P .. 'histories', each) end
  if not done then return {dropped, each} end
end
if #names > limit then return {dropped, names[#names]} end
return {dropped, ''}
)";

Script script(const std::string& prefix, const char* text) {
  const std::string keys = prefix + ":";
  return {"local P, NAME = '" + keys + "', " + std::to_string(keys.size() + std::string("lock:").size() + 1) + text,
          {}};
}

}  // namespace

Scripts::Scripts(const std::string& prefix)
    : open(script(prefix, kOpen)),
      commit(script(prefix, kCommit)),
      prune(script(prefix, kPrune)),
      find_free(script(prefix, kFindFree)),
      history(script(prefix, kHistory)),
      trim(script(prefix, kTrim)) {}

}  // namespace lockkeeper::stores::redis
