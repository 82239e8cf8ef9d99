"""The manifests of deploy/kubernetes, as kubectl would send them: read strictly, patched as kustomize does it."""

import copy
import json
import pathlib

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/kubernetes"
SCHEMAS = ROOT / "tests/schemas/kubernetes"


class StrictLoader(yaml.SafeLoader):
    """A field that is there twice is an error, as it is for the API."""

    def construct_mapping(self, node, deep=False):
        names = [self.construct_object(name, deep=deep) for name, _ in node.value]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"twice in one object: {twice}", node.start_mark)
        return super().construct_mapping(node, deep)


def read(path):
    with open(path, encoding="utf-8") as file:
        return [one for one in yaml.load_all(file, StrictLoader) if one is not None]


def files():
    return sorted(FOLDER.rglob("*.yaml"))


def kind_of(document):
    """The name of its schema."""
    return "JsonPatch" if isinstance(document, list) else document["kind"]


def _definitions():
    merged = {}
    for path in sorted(SCHEMAS.glob("*.json")):
        for name, schema in json.loads(path.read_text())["$defs"].items():
            assert name not in merged, f"{path}: {name} is in another file, too"
            merged[name] = schema
    return merged


DEFINITIONS = _definitions()


def faults(document):
    """What is wrong with it, a line each."""
    kind = kind_of(document)
    if kind not in DEFINITIONS:
        return [f"no schema for {kind}"]
    schema = {"$ref": f"#/$defs/{kind}", "$defs": DEFINITIONS}
    found = jsonschema.Draft202012Validator(schema).iter_errors(document)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in found]


# ---- kustomize, as far as we use it


def rendered(*components):
    """What `kubectl apply -k` sends, with these components switched on."""
    root = read(FOLDER / "kustomization.yaml")[0]
    objects = [one for name in root["resources"] for one in read(FOLDER / name)]
    for component in components:
        described = read(FOLDER / component / "kustomization.yaml")[0]
        for patch in described["patches"]:
            target = patch["target"]
            hit = [one for one in objects
                   if (one["kind"], one["metadata"]["name"]) == (target["kind"], target["name"])]
            assert len(hit) == 1, f"{component}: {target} meets {len(hit)} objects"
            for step in read(FOLDER / component / patch["path"])[0]:
                _apply(hit[0], step)
    for one in objects:
        if one["kind"] != "Namespace":
            one["metadata"]["namespace"] = root["namespace"]
    for container in (container for one in objects for container in containers(one)):
        for image in root["images"]:
            if container["image"].rpartition(":")[0] == image["name"]:
                container["image"] = f"{image['newName']}:{image['newTag']}"
    return objects


def _apply(document, step):
    """RFC 6902: add, replace, remove, test."""
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]]
    place = document
    for part in way:
        place = place[int(part) if isinstance(place, list) else part]
    if isinstance(place, list):
        last = len(place) if last == "-" else int(last)
    value = copy.deepcopy(step.get("value"))
    there = last < len(place) if isinstance(place, list) else last in place
    if step["op"] == "add":
        if isinstance(place, list):
            place.insert(last, value)
        else:
            # Kustomize would replace what is there without a word; here that would be a slip.
            assert not there, f"{step['path']} is there already"
            place[last] = value
        return
    assert there, f"{step['path']} is not there"
    if step["op"] == "replace":
        place[last] = value
    elif step["op"] == "remove":
        del place[last]
    elif step["op"] == "test":
        assert place[last] == value, f"{step['path']} is {place[last]!r}"
    else:
        raise AssertionError(f"{step['op']} is not known here")


def containers(document):
    pod = document.get("spec", {}).get("template", {}).get("spec", {})
    return [*pod.get("initContainers", []), *pod.get("containers", [])]
