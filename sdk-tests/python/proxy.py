"""A line between client and gateway that can lose answers: requests arrive, and nobody hears of it."""

import re
import socket
import threading


class Line:
    """Carries bytes to `url` and back, and notes the head of every request."""

    def __init__(self, url):
        host, port = url.removeprefix("http://").split(":")
        self._to = (host, int(port))
        self._lose = None
        self._lock = threading.Lock()
        self._open = []
        self.requests = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self._listener.getsockname()[1]
        self._start(self._accept)

    def lose_next_answer(self, how):
        """`cut` closes the connection instead of answering, `silence` keeps it open and says nothing."""
        self._lose = how

    def retry_counts(self, path):
        """What the client said, in each request for `path`, of how often it had sent that before."""
        heads = [head for head in self.requests if head.split(" ")[1] == path]
        return [re.search(r"(?im)^x-stainless-retry-count: *(\d+)", head)[1] for head in heads]

    def close(self):
        with self._lock:
            sockets = [self._listener, *self._open]
        for one in sockets:
            self._hang_up(one)

    def _start(self, work, *arguments):
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            gateway = socket.create_connection(self._to)
            with self._lock:
                self._open += [client, gateway]
            self._start(self._carry_requests, client, gateway)
            self._start(self._carry_answers, gateway, client)

    def _carry_requests(self, client, gateway):
        for data in self._received(client):
            if re.match(rb"[A-Z]+ /\S* HTTP/1\.1\r\n", data):
                self.requests.append(data.split(b"\r\n\r\n")[0].decode("latin-1"))
            self._send(gateway, data)
        self._hang_up(gateway)

    def _carry_answers(self, gateway, client):
        for data in self._received(gateway):
            with self._lock:
                lost, self._lose = self._lose, None
            if lost == "cut":
                self._hang_up(client)
                return
            if lost != "silence":
                self._send(client, data)
        self._hang_up(client)

    @staticmethod
    def _received(one):
        while True:
            try:
                data = one.recv(65536)
            except OSError:
                return
            if not data:
                return
            yield data

    @staticmethod
    def _send(one, data):
        try:
            one.sendall(data)
        except OSError:
            pass

    @staticmethod
    def _hang_up(one):
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        one.close()
