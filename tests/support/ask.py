"""One request to a server of tests/support/server.py, JSON in and out."""

import http.client
import json


def ask(server, method, path, body=None, timeout=10):
    """(status, decoded body, headers)"""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text else None, dict(response.getheaders())
    finally:
        connection.close()


def get(server, path):
    status, body, _ = ask(server, "GET", path)
    assert status == 200, (path, status, body)
    return body
