"""Takes webhooks and keeps them for a test to look at."""

import http.server
import queue
import threading


class Receiver:
    """Listens on a free port until `close`; `next` gives the body and the headers of each delivery in turn."""

    def __init__(self):
        deliveries = self._deliveries = queue.Queue()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                deliveries.put((body, {name.lower(): value for name, value in self.headers.items()}))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def next(self):
        return self._deliveries.get(timeout=60)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
