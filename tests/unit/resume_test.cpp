// Objects as Argo Workflows 4.1 writes them.
#include "agent/resume.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include "agent/base64.h"
#include "agent/merge_patch.h"
#include "agent/packed_nodes.h"

namespace lockkeeper::agent {
namespace {

using testing::HasSubstr;
using What = Decision::What;

const std::string gate = "e9205d4a-2545-4c58-86ae-d0e7b3ecec23";
const std::string mark = "lockkeeper.dev/resumed-" + gate;
const std::chrono::sys_seconds now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) +
                                     std::chrono::hours(7) + std::chrono::minutes(19) + std::chrono::seconds(54);

// Single quotes for double ones: easier on the eyes.
std::string json(std::string text) {
  for (char& c : text) c = c == '\'' ? '"' : c;
  return text;
}

std::string in_order(const std::string& text) {  // equal objects have equal texts
  rapidjson::Document document;
  EXPECT_TRUE(parse_json(text, document)) << text;
  return json_text(document);
}

Decision decide(const std::string& workflow, const std::string& id = gate) {
  return decide_resume(json(workflow), id, now, "lockkeeper.dev");
}

std::string workflow(const std::string& spec, const std::string& status, const std::string& metadata = "") {
  return "{'apiVersion':'argoproj.io/v1alpha1','kind':'Workflow','metadata':{'name':'w','namespace':'ci',"
         "'resourceVersion':'297'" +
         metadata + "},'spec':" + spec + ",'status':" + status + "}";
}

std::string suspended_node(const std::string& more = "") {
  return "{'id':'w-414637326','name':'w[0].gate','displayName':'gate','type':'Suspend','phase':'Running',"
         "'startedAt':'2026-11-21T07:00:00Z'" +
         more + "}";
}

const std::string marked_metadata =
    "{'resourceVersion':'297','annotations':{'" + mark + "':'2026-11-21T07:19:54Z'}}";

// The patch as JSON text, with sorted expectations made of the same parts.
void expect_patch(const Decision& decision, const std::string& expected) {
  ASSERT_EQ(decision.what, What::patch) << decision.text;
  rapidjson::Document ours, theirs;
  ASSERT_TRUE(parse_json(decision.text, ours)) << decision.text;
  ASSERT_TRUE(parse_json(json(expected), theirs)) << expected;
  EXPECT_TRUE(ours == theirs) << decision.text << "\n" << json(expected);
}

TEST(Resume, clears_spec_suspend_of_a_workflow_that_is_suspended_as_a_whole) {
  expect_patch(decide(workflow("{'suspend':true}", "{'phase':'Running'}")),
               "{'metadata':" + marked_metadata + ",'spec':{'suspend':null}}");
}

TEST(Resume, ends_every_active_suspend_node_and_touches_no_other) {
  const std::string nodes =
      "{'w':{'id':'w','type':'Steps','phase':'Running'},"
      "'w-1':{'id':'w-1','type':'Suspend','phase':'Running'},"
      "'w-2':{'id':'w-2','type':'Suspend','phase':'Running','message':'waits for QA'},"
      "'w-3':{'id':'w-3','type':'Suspend','phase':'Pending'},"
      "'w-4':{'id':'w-4','type':'Suspend','phase':'Succeeded'},"
      "'w-5':{'id':'w-5','type':'Pod','phase':'Running'}}";
  const auto done = [](const std::string& message) {
    return "{'phase':'Succeeded','finishedAt':'2026-11-21T07:19:54Z','message':'" + message + "'}";
  };
  expect_patch(decide(workflow("{}", "{'phase':'Running','nodes':" + nodes + "}")),
               "{'metadata':" + marked_metadata + ",'status':{'nodes':{'w-1':" + done("resumed by lockagt") +
                   ",'w-2':" + done("waits for QA; resumed by lockagt") + "}}}");
}

TEST(Resume, does_both_at_once) {
  const Decision both =
      decide(workflow("{'suspend':true}", "{'phase':'Running','nodes':{'n':" + suspended_node() + "}}"));
  ASSERT_EQ(both.what, What::patch);
  EXPECT_THAT(both.text, HasSubstr(R"("spec":{"suspend":null})"));
  EXPECT_THAT(both.text, HasSubstr(R"("nodes":{"n":{"phase":"Succeeded")"));
}

TEST(Resume, gives_outputs_their_defaults_and_sends_every_parameter_again) {
  const std::string outputs =
      ",'outputs':{'parameters':["
      "{'name':'answer','enum':['yes','no'],'globalName':'g','valueFrom':{'supplied':{},'default':'yes'}},"
      "{'name':'set','value':'before'},"
      "{'name':'count','valueFrom':{'supplied':{},'default':3}},"
      "{'name':'path','valueFrom':{'path':'/tmp/x','default':'d'}}]}";
  expect_patch(decide(workflow("{}", "{'phase':'Running','nodes':{'n':" + suspended_node(outputs) + "}}")),
               "{'metadata':" + marked_metadata +
                   ",'status':{'nodes':{'n':{'phase':'Succeeded','finishedAt':'2026-11-21T07:19:54Z',"
                   "'message':'resumed by lockagt','outputs':{'parameters':["
                   "{'name':'answer','enum':['yes','no'],'globalName':'g','value':'yes'},"
                   "{'name':'set','value':'before'},{'name':'count','value':3},"
                   "{'name':'path','valueFrom':{'path':'/tmp/x','default':'d'}}]}}}}}");
}

TEST(Resume, resumes_nothing_when_an_output_has_no_default) {
  const std::string outputs = ",'outputs':{'parameters':[{'name':'answer','valueFrom':{'supplied':{}}}]}";
  const Decision decision =
      decide(workflow("{'suspend':true}", "{'phase':'Running','nodes':{'n':" + suspended_node(outputs) + "}}"));
  EXPECT_EQ(decision.what, What::cannot);
  EXPECT_EQ(decision.text, "output parameter 'answer' of node 'w[0].gate' has not been set and has no default");
}

TEST(Resume, does_nothing_twice) {
  const std::string metadata = ",'annotations':{'" + mark + "':'2026-11-21T07:00:00Z'}";
  EXPECT_EQ(decide(workflow("{'suspend':true}", "{'phase':'Running'}", metadata)).what, What::marked);
  EXPECT_EQ(decide(workflow("{'suspend':true}", "{'phase':'Running'}", metadata), "another").what, What::patch);
}

TEST(Resume, leaves_a_finished_workflow_alone) {
  for (const std::string phase : {"Succeeded", "Failed", "Error"}) {
    const Decision decision = decide(workflow("{'suspend':true}", "{'phase':'" + phase + "'}"));
    EXPECT_EQ(decision.what, What::finished);
    EXPECT_EQ(decision.text, phase);
  }
  const Decision labelled = decide(
      workflow("{'suspend':true}", "{'phase':'Running'}", ",'labels':{'workflows.argoproj.io/completed':'true'}"));
  EXPECT_EQ(labelled.what, What::finished);
  EXPECT_EQ(labelled.text, "completed");
  const Decision deleted =
      decide(workflow("{'suspend':true}", "{'phase':'Running'}", ",'deletionTimestamp':'2026-11-21T07:00:00Z'"));
  EXPECT_EQ(deleted.what, What::finished);
  EXPECT_EQ(deleted.text, "being deleted");
}

TEST(Resume, takes_a_workflow_that_is_being_shut_down_as_any_other) {
  EXPECT_EQ(decide(workflow("{'suspend':true,'shutdown':'Stop'}", "{'phase':'Running'}")).what, What::patch);
  EXPECT_EQ(decide(workflow("{'shutdown':'Terminate'}", "{'phase':'Running'}")).what, What::not_suspended);
}

TEST(Resume, waits_for_what_is_not_suspended_yet) {
  for (const std::string status : {"{}", "{'phase':''}", "{'phase':'Pending'}", "{'phase':'Running','nodes':{}}",
                                   "null", "{'phase':'Running','nodes':{'n':{'type':'Suspend','phase':'Pending'}}}",
                                   "{'phase':'Running','nodes':{'n':'odd'}}"}) {
    EXPECT_EQ(decide(workflow("{'suspend':false}", status)).what, What::not_suspended) << status;
  }
}

TEST(Resume, changes_packed_nodes_and_packs_them_again_with_gzip) {
  const std::string nodes =
      json("{'w':{'type':'Steps','phase':'Running','big':18446744073709551615,'part':0.1},'n':" + suspended_node() +
           "}");
  std::string zstd(ZSTD_compressBound(nodes.size()), '\0');
  zstd.resize(ZSTD_compress(zstd.data(), zstd.size(), nodes.data(), nodes.size(), 1));
  for (const std::string& packed : {pack_nodes(nodes), encode_base64(zstd)}) {
    const Decision decision = decide(workflow("{}", "{'phase':'Running','compressedNodes':'" + packed + "'}"));
    ASSERT_EQ(decision.what, What::patch) << decision.text;
    rapidjson::Document patch;
    ASSERT_TRUE(parse_json(decision.text, patch));
    EXPECT_FALSE(patch["status"].HasMember("nodes"));
    const std::string text = patch["status"]["compressedNodes"].GetString();
    EXPECT_TRUE(text.starts_with("H4sI"));
    const std::string expected = json(
        "{'w':{'type':'Steps','phase':'Running','big':18446744073709551615,'part':0.1},'n':{'id':'w-414637326',"
        "'name':'w[0].gate','displayName':'gate','type':'Suspend','phase':'Succeeded',"
        "'startedAt':'2026-11-21T07:00:00Z','finishedAt':'2026-11-21T07:19:54Z',"
        "'message':'resumed by lockagt'}}");
    EXPECT_EQ(in_order(std::get<std::string>(unpack_nodes(text))), in_order(expected));
  }
}

TEST(Resume, ignores_packed_nodes_beside_unpacked_ones) {
  const Decision decision = decide(
      workflow("{}", "{'phase':'Running','compressedNodes':'rubbish','nodes':{'n':" + suspended_node() + "}}"));
  ASSERT_EQ(decision.what, What::patch) << decision.text;
  EXPECT_THAT(decision.text, Not(HasSubstr("compressedNodes")));
}

TEST(Resume, says_what_it_cannot_reach) {
  const auto why = [](const std::string& status) {
    const Decision decision = decide(workflow("{'suspend':true}", status));
    EXPECT_EQ(decision.what, What::cannot) << decision.text;
    return decision.text;
  };
  EXPECT_THAT(why("{'phase':'Running','offloadNodeStatusVersion':'fnv:784127'}"), HasSubstr("offloaded"));
  EXPECT_THAT(why("{'phase':'Running','compressedNodes':'CwOAe30D'}"), HasSubstr("nodes packed with brotli"));
  EXPECT_EQ(why("{'phase':'Running','compressedNodes':'" + pack_nodes("[]") + "'}"),
            "the packed nodes are not a JSON object");
  const std::string deep = pack_nodes(std::string(100'000, '['));
  EXPECT_EQ(why("{'phase':'Running','compressedNodes':'" + deep + "'}"), "the packed nodes are not a JSON object");
}

TEST(Resume, takes_no_other_answer_for_a_workflow) {
  for (const std::string body : {"", "<html>Sign in</html>", "[]", "{}", "{'metadata':{'resourceVersion':7}}"}) {
    EXPECT_EQ(decide(body).what, What::cannot) << body;
  }
  EXPECT_EQ(decide(std::string(1'000'000, '[')).what, What::cannot);
}

TEST(Resume, puts_the_whole_object_where_only_update_is_granted) {
  const std::string before = json(workflow("{'entrypoint':'main','suspend':true}",
                                           "{'phase':'Running','nodes':{'n':" + suspended_node() + "}}",
                                           ",'annotations':{'theirs':'stays'}"));
  const std::string after = patched(before, decide(before).text);
  rapidjson::Document document;
  ASSERT_TRUE(parse_json(after, document));
  EXPECT_STREQ(document["kind"].GetString(), "Workflow");
  EXPECT_STREQ(document["metadata"]["resourceVersion"].GetString(), "297");
  EXPECT_STREQ(document["metadata"]["annotations"]["theirs"].GetString(), "stays");
  EXPECT_TRUE(document["metadata"]["annotations"].HasMember(mark.c_str()));
  EXPECT_FALSE(document["spec"].HasMember("suspend"));
  EXPECT_STREQ(document["spec"]["entrypoint"].GetString(), "main");
  EXPECT_STREQ(document["status"]["nodes"]["n"]["phase"].GetString(), "Succeeded");
  EXPECT_STREQ(document["status"]["nodes"]["n"]["displayName"].GetString(), "gate");
  EXPECT_EQ(decide(after).what, What::marked);
}

TEST(Resume, marks_with_names_that_an_annotation_may_have) {
  EXPECT_EQ(mark_name("lockkeeper.dev", gate), mark);
  const std::string fits(55, 'a');
  EXPECT_EQ(mark_name("d", fits), "d/resumed-" + fits);
  for (const std::string& odd : {fits + "a", std::string(""), std::string("a/b"), std::string("ends-"),
                                 std::string("two words"), std::string("\xc3\xa4")}) {
    const std::string name = mark_name("d", odd).substr(2);
    EXPECT_TRUE(name.starts_with("resumed-sha256-")) << name;
    EXPECT_LE(name.size(), 63U);
    EXPECT_NE(mark_name("d", odd), mark_name("d", odd + "x"));
  }
}

TEST(MergePatch, numbers_come_out_as_they_went_in) {
  for (const std::string text : {"0", "-1", "9223372036854775807", "-9223372036854775808", "18446744073709551615",
                                 "0.1", "1e-7", "0.30000000000000004", "1.7976931348623157e308"}) {
    rapidjson::Document document, again;
    ASSERT_TRUE(parse_json("[" + text + "]", document)) << text;
    ASSERT_TRUE(parse_json(json_text(document), again)) << json_text(document);
    EXPECT_TRUE(document == again) << text << " " << json_text(document);
    EXPECT_EQ(document[0].GetDouble(), std::stod(text));
  }
  rapidjson::Document document;
  EXPECT_TRUE(parse_json("[0e44]", document));
  for (const std::string text : {"[1e999]", "[01]", "[.5]", "[1]x", "[1", "", "nul"}) {
    EXPECT_FALSE(parse_json(text, document)) << text;
  }
}

TEST(MergePatch, is_that_of_rfc_7396) {
  // RFC 7396, appendix A; where the target is an object.
  const std::vector<std::array<std::string, 3>> examples = {
      {"{'a':'b'}", "{'a':'c'}", "{'a':'c'}"},
      {"{'a':'b'}", "{'b':'c'}", "{'a':'b','b':'c'}"},
      {"{'a':'b'}", "{'a':null}", "{}"},
      {"{'a':'b','b':'c'}", "{'a':null}", "{'b':'c'}"},
      {"{'a':['b']}", "{'a':'c'}", "{'a':'c'}"},
      {"{'a':'c'}", "{'a':['b']}", "{'a':['b']}"},
      {"{'a':{'b':'c'}}", "{'a':{'b':'d','c':null}}", "{'a':{'b':'d'}}"},
      {"{'a':[{'b':'c'}]}", "{'a':[1]}", "{'a':[1]}"},
      {"{'e':null}", "{'a':1}", "{'e':null,'a':1}"},
      {"{}", "{'a':{'bb':{'ccc':null}}}", "{'a':{'bb':{}}}"},
      {"{'a':'foo'}", "null", "null"},
  };
  for (const auto& [target, patch, result] : examples) {
    rapidjson::Document document, changes;
    ASSERT_TRUE(parse_json(json(target), document) && parse_json(json(patch), changes));
    merge(document, changes, document.GetAllocator());
    EXPECT_EQ(json_text(document), json(result)) << target << " " << patch;
  }
}

}  // namespace
}  // namespace lockkeeper::agent
