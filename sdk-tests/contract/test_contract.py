"""Schemathesis against a gateway: no request breaks it, and every answer is as /openapi.json describes it."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "python"))

from gateway import Gateway  # noqa: E402

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
]
# Its own limit of time; the tool may need as long again to shrink what it found.
LONGEST_S = 150


class Contract(unittest.TestCase):
    def test_no_request_breaks_the_gateway_or_gets_an_answer_that_is_not_described(self):
        gateway = Gateway()
        self.addCleanup(gateway.close)
        wish = json.dumps({"name": "contract", "admin": True}).encode()
        headers = {"content-type": "application/json"}
        made = urllib.request.Request(gateway.url + "/retake/v1/keys", wish, headers)
        with urllib.request.urlopen(made, timeout=10) as answer:
            key = json.load(answer)["key"]

        with tempfile.TemporaryDirectory() as folder:
            command = [
                sys.executable,
                "-c",
                "from schemathesis.cli import schemathesis; schemathesis()",
                "run",
                gateway.url + "/openapi.json",
                "--checks=" + ",".join(CHECKS),
                "--phases=examples,coverage,fuzzing",
                "--mode=all",
                "--max-examples=30",
                f"--max-time={LONGEST_S}",
                "--seed=1",
                "--workers=1",
                "--request-timeout=20",
                "--suppress-health-check=all",
                "--continue-on-failure",
                "--warnings=off",
                # These answers do not end by themselves.
                "--exclude-path-regex=/events$",
                f"--header=Authorization: Bearer {key}",
            ]
            environment = {**os.environ, "HOME": folder, "NO_COLOR": "1"}
            ended = subprocess.run(
                command, cwd=folder, env=environment, timeout=LONGEST_S * 4,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            )

        self.assertEqual(ended.returncode, 0, ended.stdout[-20000:])


if __name__ == "__main__":
    unittest.main()
