"""A Kubernetes API server's workflows, and an Argo Server's, as far as an agent sees them: TLS, a token, content types,
resourceVersions, merge patches (RFC 7396), the errors' shapes, faults on demand; and the workflow controller, as far
as a resume matters to it.

    with FakeKubernetes(tmp_path) as kubernetes:
        kubernetes.submit("ci", "build-7", suspended())
        agent(..., "--kubeconfig", kubernetes.kubeconfig())
        assert kubernetes.resumes("ci", "build-7") == 1

A workflow of two gates is suspended by the second one as soon as the first is resumed: who resumes twice for one
release is seen.
"""

import base64
import collections
import copy
import gzip
import http.server
import json
import pathlib
import re
import socket
import ssl
import subprocess
import threading
import time

WORKFLOW = re.compile(r"/apis/argoproj\.io/v1alpha1/namespaces/([^/]+)/workflows/([^/]+)$")
ARGO = re.compile(r"/api/v1/workflows/([^/]+)/([^/]+)(/resume)?$")

# What a fault does to one request.
Refuse = collections.namedtuple("Refuse", "status reason message headers", defaults=("", "", {}))
CUT = "cut"                # the connection, before anything happens
CUT_AFTER = "cut after"    # the connection, after it was carried out
HANG = "hang"              # no answer until release_hanging()


def suspended():
    return {"spec": {"entrypoint": "main", "suspend": True}, "status": {"phase": "Running"}}


def gate_node(number, **more):
    name = f"w-{number}"
    return {name: {"id": name, "name": f"w[{number}].gate", "displayName": "gate", "type": "Suspend",
                   "phase": "Running", "startedAt": "2026-11-21T07:00:00Z"} | more}


def at_a_gate(gates=1, **more):
    return {"spec": {"entrypoint": "main"}, "gates": gates,
            "status": {"phase": "Running", "nodes": {"w": {"id": "w", "type": "Steps", "phase": "Running"}}
                       | gate_node(1, **more)}}


def packed(nodes):
    return base64.b64encode(gzip.compress(json.dumps(nodes).encode())).decode()


def merge(target, patch):
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


def nodes_of(workflow):
    status = workflow.get("status", {})
    if status.get("nodes"):
        return status["nodes"]
    if status.get("compressedNodes"):
        return json.loads(gzip.decompress(base64.b64decode(status["compressedNodes"])))
    return {}


def waiting_in(workflow):
    """What holds it up."""
    held = {name for name, node in nodes_of(workflow).items()
            if node.get("type") == "Suspend" and node.get("phase") == "Running"}
    return held | ({"spec.suspend"} if workflow["spec"].get("suspend") else set())


class Denied(Exception):
    def __init__(self, status, reason, message, **details):
        super().__init__(message)
        self.status = status
        self.body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": reason,
                     "message": message, "code": status, "details": details}


class FakeKubernetes:
    def __init__(self, directory, *, token="the-token", verbs=("get", "patch"), name="kubernetes"):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.token, self.verbs, self.name = token, set(verbs), name
        self.lock = threading.Lock()
        self.objects = {}
        self.requests = collections.Counter()   # by "GET 200"
        self.asked = collections.Counter()      # by (namespace, name)
        self.resumed = collections.defaultdict(list)  # the times of what ended a suspension, by (namespace, name)
        self.fault = lambda method, key: None
        self.installed = True
        self.hanging = threading.Event()
        self.hung = threading.Event()  # somebody hangs
        self._version = 100
        self._make_certificate()

    # ---- its life

    def _make_certificate(self):
        self.ca = self.directory / f"{self.name}.pem"
        self._key = self.directory / f"{self.name}.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", f"/CN={self.name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", str(self._key), "-out", str(self.ca)], check=True, capture_output=True)

    def __enter__(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca, self._key)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True,
                                                  do_handshake_on_connect=False)
        self._server.kubernetes = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.release_hanging()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self):
        return f"https://127.0.0.1:{self._server.server_address[1]}"

    def kubeconfig(self, *, ca=None, token=None, file="kubeconfig"):
        path = self.directory / file
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "agent"}}],
            "clusters": [{"name": "here", "cluster": {"server": self.url,
                                                      "certificate-authority": str(ca or self.ca)}}],
            "users": [{"name": "agent", "user": {"token": token or self.token}}]}))
        return str(path)

    def release_hanging(self):
        self.hanging.set()

    # ---- its workflows

    def submit(self, namespace, name, workflow):
        workflow = copy.deepcopy(workflow)
        workflow |= {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"}
        labels = {"workflows.argoproj.io/completed": "false"}
        workflow["metadata"] = {"name": name, "namespace": namespace, "labels": labels,
                                "annotations": {"theirs": "stays"}} | workflow.get("metadata", {})
        with self.lock:
            self._store((namespace, name), workflow)

    def workflow(self, namespace, name):
        with self.lock:
            return copy.deepcopy(self.objects[namespace, name])

    def change(self, namespace, name, patch):
        with self.lock:
            self._store((namespace, name), merge(self.objects[namespace, name], patch))

    def resumes(self, namespace, name):
        with self.lock:
            return len(self.resumed[namespace, name])

    def _store(self, key, workflow):
        self._version += 1
        workflow["metadata"]["resourceVersion"] = str(self._version)
        self.objects[key] = workflow

    def _written(self, key, before, after):
        """The controller's part: it goes on to the next gate, if there is one."""
        self._store(key, after)
        ended = waiting_in(before) - waiting_in(after)
        if not ended:
            return
        self.resumed[key].append(time.time())
        gates = after.get("gates", 1)
        if gates > len(self.resumed[key]) and not waiting_in(after):
            after["status"].setdefault("nodes", {}).update(gate_node(len(self.resumed[key]) + 1))
            self._store(key, after)

    # ---- requests, as the API server treats them

    def get(self, key):
        self._may("get", key)
        return json.dumps(self.objects[key]).encode()

    def patch(self, key, content_type, body):
        if content_type != "application/merge-patch+json":
            raise Denied(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
        self._may("patch", key)
        return self._write(key, merge(self.objects[key], json.loads(body)), json.loads(body).get("metadata", {}))

    def put(self, key, content_type, body):
        if content_type != "application/json":
            raise Denied(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
        self._may("update", key)
        after = json.loads(body)
        return self._write(key, after, after.get("metadata", {}))

    def _write(self, key, after, metadata):
        before = self.objects[key]
        version = metadata.get("resourceVersion")
        if version is not None and version != before["metadata"]["resourceVersion"]:
            raise Denied(409, "Conflict", f'Operation cannot be fulfilled on workflows.argoproj.io "{key[1]}": the '
                         "object has been modified; please apply your changes to the latest version and try again",
                         kind="workflows")
        for name, node in (after.get("status") or {}).get("nodes", {}).items():
            if not node.get("id"):
                raise Denied(422, "Invalid", f"status.nodes.{name}.id: Required value", kind="Workflow")
        if after["spec"].get("suspend") not in (None, True, False):
            raise Denied(422, "Invalid", "spec.suspend: Invalid value", kind="Workflow")
        self._written(key, before, after)
        return json.dumps(after).encode()

    def _may(self, verb, key):
        namespace, name = key
        if verb not in self.verbs:
            raise Denied(403, "Forbidden", f'workflows.argoproj.io "{name}" is forbidden: User "agent" cannot {verb} '
                         f'resource "workflows" in API group "argoproj.io" in the namespace "{namespace}"',
                         kind="workflows")
        if key not in self.objects:
            raise Denied(404, "NotFound", f'workflows.argoproj.io "{name}" not found', kind="workflows", name=name)

    # ---- and as an Argo Server does, which has rights of its own

    def argo_resume(self, key):
        workflow = copy.deepcopy(self.objects[key])
        workflow["spec"].pop("suspend", None)
        for node in workflow["status"].get("nodes", {}).values():
            if node.get("type") == "Suspend" and node.get("phase") == "Running":
                node["phase"] = "Succeeded"
        workflow["status"].pop("offloadNodeStatusVersion", None)  # it writes what it read from its database
        self._written(key, self.objects[key], workflow)
        return copy.deepcopy(workflow)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # a client that left


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120

    def log_message(self, *_):
        pass

    def _answer(self, status, body, content_type="application/json", headers=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {content_type}", f"Content-Length: {len(data)}"]
        head += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.wfile.write("\r\n".join([*head, "", ""]).encode() + data)
        self.server.kubernetes.requests[f"{self.command} {status}"] += 1

    def _cut(self):
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _serve(self):
        kubernetes = self.server.kubernetes
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        match, argo = WORKFLOW.match(self.path), ARGO.match(self.path)
        key = (match or argo).groups()[:2] if match or argo else None
        kubernetes.asked[key] += 1
        fault = kubernetes.fault(self.command, key)
        if fault == HANG:
            kubernetes.hung.set()
            kubernetes.hanging.wait()
            return self._cut()
        if fault == CUT:
            return self._cut()
        if isinstance(fault, Refuse):
            status = {"kind": "Status", "status": "Failure", "reason": fault.reason, "message": fault.message,
                      "code": fault.status}
            return self._answer(fault.status, status, headers=fault.headers)
        try:
            if self.headers.get("Authorization") != f"Bearer {kubernetes.token}":
                raise Denied(401, "Unauthorized", "Unauthorized")
            if not kubernetes.installed or key is None:
                return self._answer(404, b"404 page not found\n", "text/plain; charset=utf-8")
            with kubernetes.lock:
                answer = self._argo(key, argo.group(3)) if argo else self._kubernetes(key, body)
        except Denied as denied:
            return self._answer(denied.status, denied.body)
        if fault == CUT_AFTER:
            return self._cut()
        self._answer(200, answer)

    def _kubernetes(self, key, body):
        content_type = self.headers.get("Content-Type", "")
        if self.command == "GET":
            return self.server.kubernetes.get(key)
        if self.command == "PATCH":
            return self.server.kubernetes.patch(key, content_type, body)
        if self.command == "PUT":
            return self.server.kubernetes.put(key, content_type, body)
        raise Denied(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")

    def _argo(self, key, resume):
        if key not in self.server.kubernetes.objects:
            denied = Denied(404, "", "")
            denied.body = {"code": 5, "message": f'workflows.argoproj.io "{key[1]}" not found'}
            raise denied
        if resume and self.command == "PUT":
            return self.server.kubernetes.argo_resume(key)
        return copy.deepcopy(self.server.kubernetes.objects[key])

    do_GET = do_PATCH = do_PUT = do_POST = do_DELETE = _serve
