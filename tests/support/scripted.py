"""Answers that no real server gives on demand."""

import http.server
import json
import threading

PATIENCE = 60


class Scripted:
    """Answers with what it is told, in turn: (status, headers, body), or "cut" (no answer), or "hang"; the last one
    for ever. Remembers what was asked."""

    def __init__(self, *answers):
        script = self
        self.answers = list(answers)
        self.asked = []
        self.headers = []
        self.over = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                script.asked.append((self.command, self.path, body))
                script.headers.append(dict(self.headers))
                answer = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
                if answer == "hang":
                    script.over.wait(PATIENCE)
                if isinstance(answer, str):
                    self.close_connection = True
                    return
                status, headers, text = answer
                self.send_response(status)
                for name, value in (headers | {"Content-Length": len(text)}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"


def error(status, text="planted", **headers):
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps({"error": text})
