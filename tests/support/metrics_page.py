"""A strict reader of Prometheus's text format, version 0.0.4: whatever a scraper could stumble over is refused, and
so is what its conventions forbid."""

import math
import re

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
NUMBER = re.compile(r"[+-]?(\d+(\.\d+)?([eE][+-]?\d+)?|Inf)|NaN")


class Family:
    def __init__(self, help):
        self.help = help
        self.type = None
        self.samples = {}  # by the sample's own name and its labels, sorted: in the page's order


class Malformed(Exception):
    pass


def need(condition, *what):
    if not condition:
        raise Malformed(*what)


def labels_of(text):
    labels = {}
    while text:
        one = LABEL.match(text)
        need(one, "labels", text)
        name, value, more = one.groups()
        need(name not in labels, "a label twice", text)
        labels[name] = re.sub(r'\\(.)', lambda at: "\n" if at[1] == "n" else at[1], value)
        text = text[one.end():]
        need(text or not more, "a comma at the end")
    return tuple(sorted(labels.items()))


def read(text):
    """{name: Family}"""
    need(text == "" or text.endswith("\n"), "the last line does not end")
    families, current = {}, None
    for line in text.split("\n")[:-1]:
        if head := re.fullmatch(rf"# HELP ({NAME}) (.+)", line):
            need(head[1] not in families, "two HELPs", line)
            need(re.fullmatch(r"([^\\]|\\[\\n])*", head[2]), "a bad escape", line)
            families[head[1]] = Family(head[2])
            current = head[1]
        elif head := re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge|histogram)", line):
            need(head[1] == current and families[current].type is None, "a TYPE that does not follow its HELP", line)
            families[current].type = head[2]
        else:
            sample = SAMPLE.fullmatch(line)
            need(sample and NUMBER.fullmatch(sample[3]), "no sample", line)
            family = families.get(current)
            need(family and family.type, "a sample without HELP and TYPE", line)
            parts = ("_bucket", "_sum", "_count") if family.type == "histogram" else ("",)
            need(sample[1] in [current + part for part in parts], "a sample outside of its family", line)
            key = sample[1], labels_of(sample[2] or "")
            need(key not in family.samples, "a sample twice", line)
            family.samples[key] = float(sample[3].replace("Inf", "inf"))
    for name, family in families.items():
        check(name, family)
    return families


def check(name, family):
    need(family.type, "no TYPE", name)
    need(name.endswith("_total") == (family.type == "counter"), "counters, and only they, end in _total", name)
    need(not re.search(r"_(gauge|counter|histogram|summary|count|sum|bucket)$", name), "a type in the name", name)
    need(not re.search(r"_(milliseconds?|ms|minutes|hours|days|kilobytes|mb|percent)(_|$)", name), "no base unit", name)
    if family.type != "gauge":
        need(all(value >= 0 for value in family.samples.values()), "less than nothing", name)
    names = {tuple(label for label, _ in labels if label != "le") for _, labels in family.samples}
    need(len(names) <= 1, "samples of one family have the same labels", name)
    if family.type == "histogram":
        check_histogram(name, family)


def check_histogram(name, family):
    series = {}
    for (part, labels), value in family.samples.items():
        others = tuple(one for one in labels if one[0] != "le")
        one = series.setdefault(others, {"buckets": []})
        if part == name + "_bucket":
            one["buckets"].append((float(dict(labels)["le"].replace("Inf", "inf")), value))
        else:
            one[part.removeprefix(name)] = value
    for one in series.values():
        bounds, counts = zip(*one["buckets"])
        need(list(bounds) == sorted(set(bounds)) and bounds[-1] == math.inf, "bounds ascend to +Inf", name)
        need(list(counts) == sorted(counts), "buckets add up", name)
        need(one["_count"] == counts[-1] and "_sum" in one, "_count is that of +Inf, and _sum is there", name)


class Page:
    """One scrape. page["lockkeeper_waiters"]; page("lockkeeper_events_total", event="granted") is 0 if absent."""

    def __init__(self, text):
        self.text = text
        self.families = read(text)
        self.samples = {key: value for family in self.families.values() for key, value in family.samples.items()}

    def __getitem__(self, name):
        return self.samples[name, ()]

    def __call__(self, name, **labels):
        return self.samples.get((name, tuple(sorted(labels.items()))), 0)


def scrape(server, path="/metrics", **rest):
    answer = server.request("GET", path, **rest)
    assert answer.status == 200, answer.text
    assert answer.headers["Content-Type"] == CONTENT_TYPE
    return Page(answer.text)
