// What the workflow door reads and writes.
#include <gtest/gtest.h>

#include "wire/gate_json.h"
#include "wire/record_json.h"

namespace lockkeeper::wire {
namespace {

using namespace std::chrono_literals;

const std::string id = "e9205d4a-2545-4c58-86ae-d0e7b3ecec23";

std::string fault_of(std::string_view body) {
  const auto parsed = parse_create_gate(body);
  const auto* fault = std::get_if<std::string>(&parsed);
  return fault != nullptr ? *fault : "";
}

CreateGateBody fields_of(std::string_view body) {
  const auto parsed = parse_create_gate(body);
  EXPECT_EQ(fault_of(body), "");
  return std::holds_alternative<CreateGateBody>(parsed) ? std::get<CreateGateBody>(parsed) : CreateGateBody{};
}

TEST(CreateGateBody, IsReadAsTheReadmeWritesItWithItsLastComma) {
  const auto body = fields_of("{\n  \"workflow\": \"workflow-name\",\n  \"namespace\": \"namespace\",\n}\n");
  EXPECT_EQ(body.workflow, "workflow-name");
  EXPECT_EQ(body.workflow_namespace, "namespace");
  EXPECT_EQ(body.id, "");
  EXPECT_EQ(fields_of(R"({"namespace":"n","workflow":"w"})").workflow, "w");
}

TEST(CreateGateBody, MayHaveAnIdAndWhatIsNotKnown) {
  const auto body =
      fields_of(R"({"labels":{"a":[1,{"b":null},],},"workflow":"w","namespace":"n","id":"x","n":1e5})");
  EXPECT_EQ(body.workflow, "w");
  EXPECT_EQ(body.id, "x");
}

TEST(CreateGateBody, OfTwoFieldsOfOneNameTakesTheLast) {
  EXPECT_EQ(fields_of(R"({"workflow":"a","namespace":"n","workflow":"b"})").workflow, "b");
}

TEST(CreateGateBody, WithoutAFieldOrOfAWrongTypeIsAFault) {
  EXPECT_EQ(fault_of(R"({"namespace":"n"})"), "workflow is missing");
  EXPECT_EQ(fault_of(R"({"workflow":"w","namespace":null})"), "namespace is missing");
  EXPECT_EQ(fault_of(R"({"workflow":1,"namespace":"n"})"), "workflow must be a text");
  EXPECT_EQ(fault_of(R"({"workflow":"w","namespace":["n"]})"), "namespace must be a text");
  EXPECT_EQ(fault_of(R"({"workflow":"w","namespace":"n","id":{}})"), "id must be a text");
  EXPECT_EQ(fault_of(R"({"Workflow":"w","namespace":"n"})"), "workflow is missing");
}

TEST(CreateGateBody, ThatIsNoJsonObjectIsAFault) {
  for (const char* body : {"", " ", "{", "{,}", "{\"workflow\":\"w\",,}", "workflow=w", "{\"workflow\":\"w\"} x",
                           "{\"workflow\":\"\xFF\",\"namespace\":\"n\"}", "{\"workflow\":\"\\ud800\"}"}) {
    EXPECT_EQ(fault_of(body).substr(0, 20), "the body is not JSON") << body;
  }
  for (const char* body : {"[]", "null", "\"w\"", "1"}) {
    EXPECT_EQ(fault_of(body), "the body is not a JSON object") << body;
  }
}

TEST(CreateGateBody, OfNothingButBracketsCostsNoStack) {
  const std::size_t deep = 1'000'000;
  EXPECT_NE(fault_of(std::string(deep, '[')), "");
  EXPECT_NE(fault_of("{\"a\":" + std::string(deep, '[') + std::string(deep, ']') + "}"), "");
}

TEST(NoteGateBody, IsATextThatMayBeEmpty) {
  EXPECT_EQ(std::get<NoteGateBody>(parse_note_gate(R"({"note":"not there",})")).note, "not there");
  EXPECT_EQ(std::get<NoteGateBody>(parse_note_gate(R"({"note":""})")).note, "");
  EXPECT_EQ(std::get<std::string>(parse_note_gate(R"({})")), "note is missing");
  EXPECT_EQ(std::get<std::string>(parse_note_gate(R"({"note":true})")), "note must be a text");
}

TEST(GateJson, IsWrittenAsTheReadmeShowsItWithWorkflowAndNamespaceBehind) {
  const auto at =
      locks::WallTime(std::chrono::sys_days(std::chrono::year(2019) / 5 / 28)) + 8h + 30min + 24s + 595ms;
  const locks::Gate gate{"nightly", "argo", locks::Gate::Status::locked, at, at + 1min, ""};
  std::string out;
  write_gate(id, gate, out);
  EXPECT_EQ(out,
            "{\"id\":\"" + id +
                "\",\"status\":\"locked\",\"created\":\"2019-05-28T08:30:24.595Z\","
                "\"lastChange\":\"2019-05-28T08:31:24.595Z\",\"workflow\":\"nightly\",\"namespace\":\"argo\"}\n");
}

TEST(GateJson, ComesBackAsItWasWritten) {
  const locks::Gate gate{"a\"b<", "\xC3\xA9", locks::Gate::Status::released, {}, locks::WallTime(1ms), "why\n"};
  std::string out;
  write_gate(id, gate, out);
  const GateView view = read_gate(out);
  EXPECT_EQ(view.id, id);
  EXPECT_EQ(view.status, "released");
  EXPECT_EQ(view.workflow, "a\"b<");
  EXPECT_EQ(view.workflow_namespace, "\xC3\xA9");
  EXPECT_EQ(view.note, "why\n");
  EXPECT_EQ(view.created, "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(view.last_change, "1970-01-01T00:00:00.001Z");
  EXPECT_EQ(read_gate(view.json).note, "why\n");
}

TEST(GateJson, OfAnotherServerMayHaveLessAndMore) {
  const GateView view = read_gate(R"({"status":"odd","id":"7","colour":"red","deep":[[[]]]})");
  EXPECT_EQ(view.status, "odd");
  EXPECT_EQ(view.workflow, "");
  EXPECT_EQ(view.json, R"({"status":"odd","id":"7","colour":"red"})");
  EXPECT_THROW(read_gate(R"({"id":"7"})"), WireError);
  EXPECT_THROW(read_gate("<html>"), WireError);
  EXPECT_THROW(read_gate(R"({"id":7,"status":"locked"})"), WireError);
}

TEST(GateJson, AFeedSaysWhereItGoesOn) {
  const auto feed = read_gate_feed(R"({"locks":[{"id":"1","status":"released"},{"id":"2","status":"released"}],)"
                                   R"("cursor":"abc-g2","reset":true})");
  EXPECT_EQ(feed.gates.size(), 2U);
  EXPECT_EQ(feed.gates.at(1).id, "2");
  EXPECT_EQ(feed.cursor, "abc-g2");
  EXPECT_TRUE(feed.reset);
  EXPECT_FALSE(read_gate_feed(R"({"locks":[],"cursor":"c"})").reset);
  EXPECT_THROW(read_gate_feed(R"({"locks":[]})"), WireError);
  EXPECT_THROW(read_gate_feed(R"({"cursor":"c"})"), WireError);
}

TEST(GateJson, AnUnknownIdIsToldFromAnUnknownPath) {
  std::string out;
  write_unknown_gate("there is no lock with this id", "a\"b", out);
  EXPECT_EQ(out, "{\"error\":\"there is no lock with this id\",\"id\":\"a\\\"b\"}\n");
  EXPECT_TRUE(is_unknown_gate(out));
  EXPECT_FALSE(is_unknown_gate("{\"error\":\"not found\"}"));
  EXPECT_FALSE(is_unknown_gate("404 page not found"));
  EXPECT_FALSE(is_unknown_gate(""));
}

TEST(GateId, IsAUuidInLowerCase) {
  EXPECT_EQ(parse_uuid(id), id);
  EXPECT_EQ(parse_uuid("E9205D4A-2545-4C58-86AE-D0E7B3ECEC23"), id);
  for (const char* text :
       {"", "e9205d4a", "e9205d4a25454c5886aed0e7b3ecec23", "e9205d4a-2545-4c58-86ae-d0e7b3ecec2",
        "e9205d4a-2545-4c58-86ae-d0e7b3ecec234", "g9205d4a-2545-4c58-86ae-d0e7b3ecec23",
        "e9205d4a-2545-4c58-86ae+d0e7b3ecec23", "e9205d4a-2545-4c58-86aed-0e7b3ecec23"}) {
    EXPECT_EQ(parse_uuid(text), std::nullopt) << text;
  }
}

TEST(GateId, ThatIsRandomIsOfVersionFour) {
  EXPECT_EQ(random_uuid("00000000000000000000000000000000"), "00000000-0000-4000-8000-000000000000");
  EXPECT_EQ(random_uuid("ffffffffffffffffffffffffffffffff"), "ffffffff-ffff-4fff-bfff-ffffffffffff");
  EXPECT_EQ(random_uuid("0123456789abcdef0123456789abcdef"), "01234567-89ab-4def-8123-456789abcdef");
}

}  // namespace
}  // namespace lockkeeper::wire
