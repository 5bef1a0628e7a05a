"""A gateway of the tests' own: a free port, an empty data directory, stopped at the end."""

import json
import os
import subprocess
import tempfile
import time
import urllib.request


class Gateway:
    """Runs `retake serve`, with these variables set, until `close`."""

    def __init__(self, variables={}):
        self._folder = tempfile.TemporaryDirectory()
        home = self._folder.name
        binary = os.environ["RETAKE_BIN"]
        command = [binary, "--data-dir", os.path.join(home, "data"), "serve", "--bind", "127.0.0.1:0"]
        environment = {"HOME": home, "PATH": os.environ["PATH"]} | variables
        self._log = open(os.path.join(home, "log"), "w+b")
        self._process = subprocess.Popen(command, env=environment, cwd=home, stdout=self._log, stderr=self._log)
        self.url = self._wait_for_url(os.path.join(home, "data", "server.json"))

    def _wait_for_url(self, announcement):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                with open(announcement) as file:
                    url = json.load(file)["url"]
                urllib.request.urlopen(url + "/healthz", timeout=5).close()
                return url
            except (OSError, ValueError, KeyError):
                time.sleep(0.02)
        self._log.seek(0)
        raise RuntimeError("the gateway did not come up:\n" + self._log.read().decode(errors="replace"))

    def close(self):
        self._process.terminate()
        self._process.wait(timeout=30)
        self._log.close()
        self._folder.cleanup()
