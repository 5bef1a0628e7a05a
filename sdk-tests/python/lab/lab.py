"""A lab of the tests' own: `retake lab` on free ports, stopped at the end, and its own API."""

import json
import os
import subprocess
import tempfile
import unittest
import urllib.request


class Lab:
    """Runs `retake lab` with this scenario (TOML, or a name) until `close`.

    `urls` holds the addresses by the name of the provider, and those of `control` and `status`.
    """

    def __init__(self, scenario="", speed=60):
        self._folder = tempfile.TemporaryDirectory()
        home = self._folder.name
        path = os.path.join(home, "scenario.toml")
        with open(path, "w") as file:
            file.write(scenario)
        command = [os.environ["RETAKE_BIN"], "--json", "lab", "--scenario", path, "--speed", str(speed)]
        self._log = open(os.path.join(home, "log"), "w+b")
        environment = {"HOME": home, "PATH": os.environ["PATH"]}
        self._process = subprocess.Popen(command, env=environment, cwd=home, stdout=subprocess.PIPE, stderr=self._log)
        self.urls = self._read_urls()

    def _read_urls(self):
        text = b""
        for line in self._process.stdout:
            text += line
            if line.rstrip() == b"}":
                return json.loads(text)
        self._log.seek(0)
        raise RuntimeError("the lab did not come up:\n" + self._log.read().decode(errors="replace"))

    def _call(self, method, path, body=None):
        request = urllib.request.Request(self.urls["control"] + path, data=body, method=method)
        if body is not None:
            request.add_header("content-type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def play(self, scenario):
        """Plays another scenario (TOML) from now on."""
        self._call("PUT", "/__lab/scenario", scenario.encode())

    def advance(self, time):
        """Puts the lab's clock forward, for example by "1h"."""
        self._call("POST", "/__lab/clock", json.dumps({"advance": time}).encode())

    def ledger(self, provider=None):
        """What was asked of the emulators and what became of it."""
        query = f"?provider={provider}" if provider else ""
        return json.loads(self._call("GET", "/__lab/ledger" + query))

    def entry(self, remote_id):
        """The ledger's entry of one job."""
        return next(it for it in self.ledger()["entries"] if it["remote_id"] == remote_id)

    def close(self):
        self._process.terminate()
        self._process.wait(timeout=30)
        self._process.stdout.close()
        self._log.close()
        self._folder.cleanup()


class LabCase(unittest.TestCase):
    """Tests with a lab of their own, which renders in a second.

    Its clock runs on while this machine is busy: the shortest that anything lasts there, an hour, is a minute here.
    """

    scenario = ""
    speed = 60

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab(cls.scenario, cls.speed)
        cls.addClassCleanup(cls.lab.close)

    def tearDown(self):
        self.lab.play(self.scenario)
