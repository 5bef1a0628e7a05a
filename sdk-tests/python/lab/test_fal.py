"""The official fal-client against the lab's emulator: whether that is faithful, its own client judges.

The client builds its addresses with `https://` and has variables for the hosts only. So the four constants that hold
the addresses are set to the lab's; nothing else of it is touched.
"""

import base64
import hashlib
import json
import unittest.mock
import urllib.error
import urllib.request

import fal_client
import fal_client.client as wire
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fal_client.client import FalClientHTTPError

from lab import LabCase
from receiver import Receiver

MODEL = "fal-ai/kling-video/v2.5-turbo/pro/text-to-video"
FROM_PICTURE = "fal-ai/kling-video/v2.5-turbo/pro/image-to-video"
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


def fetch(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
        return answer.read()


class FalCase(LabCase):
    def setUp(self):
        base = self.lab.urls["fal"]
        addresses = {
            "QUEUE_URL_FORMAT": f"{base}/",
            "RUN_URL_FORMAT": f"{base}/fal.run/",
            "REST_URL": f"{base}/rest.fal.ai",
            "CDN_URL": f"{base}/v3.fal.media",
        }
        for name, address in addresses.items():
            patch = unittest.mock.patch.object(wire, name, address)
            patch.start()
            self.addCleanup(patch.stop)
        self.client = self.sdk()

    def sdk(self, key="lab-id:lab-secret"):
        client = fal_client.SyncClient(key=key)
        self.addCleanup(lambda: client._client.close())
        return client

    def platform(self, path, key="lab-id:lab-secret"):
        return json.loads(fetch(self.lab.urls["fal"] + "/api.fal.ai/v1" + path, Authorization=f"Key {key}"))

    def failed(self, prompt, call=None):
        with self.assertRaises(FalClientHTTPError) as caught:
            (call or self.client.subscribe)(MODEL, {"prompt": prompt})
        return caught.exception


class Videos(FalCase):
    # verifies: fal: text, download
    def test_a_video_is_subscribed_to_and_downloaded(self):
        seen = []
        output = self.client.subscribe(
            MODEL, {"prompt": "a cat", "duration": "5"}, with_logs=True, on_queue_update=seen.append
        )
        content = fetch(output["video"]["url"])

        self.assertIsInstance(seen[-1], fal_client.Completed)
        self.assertIsNone(seen[-1].error)
        self.assertTrue(seen[-1].logs[0]["message"])
        self.assertEqual(content[4:8], b"ftyp")
        self.assertEqual(len(content), output["video"]["file_size"])

    def test_a_handle_tells_of_the_queue_and_of_the_work(self):
        self.lab.play('speed = 0.01\n[defaults]\nqueue = "100s"\nrender = "100s"\n')
        handle = self.client.submit(MODEL, {"prompt": "a cat"})
        waiting = handle.status()
        self.lab.advance("150s")
        working = handle.status(with_logs=True)
        self.lab.advance("1h")
        done = self.client.status(MODEL, handle.request_id)
        self.lab.play("speed = 60\n")

        self.assertEqual(waiting, fal_client.Queued(position=0))
        self.assertIsInstance(working, fal_client.InProgress)
        self.assertGreater(done.metrics["inference_time"], 50)
        self.assertIn("video", self.client.result(MODEL, handle.request_id))
        self.assertEqual(self.lab.entry(handle.request_id)["billed_micros"], 350_000)

    def test_the_synchronous_host_answers_with_the_output(self):
        output = self.client.run(MODEL, {"prompt": "a cat", "seed": 7})
        self.assertEqual((output["seed"], output["video"]["content_type"]), (7, "video/mp4"))

    # verifies: fal: image
    def test_a_picture_is_uploaded_and_made_to_move(self):
        for repository in ("fal_v3", "fal"):
            with self.subTest(repository):
                url = self.client.upload(PNG, "image/png", "first.png", repository=repository)
                output = self.client.subscribe(FROM_PICTURE, {"prompt": "a cat", "image_url": url})
                self.assertEqual(fetch(url), PNG)
                self.assertTrue(output["video"]["url"])

    # verifies: fal: cancel
    def test_a_request_is_cancelled_once(self):
        handle = self.client.submit(MODEL, {"prompt": "lab:stuck"})
        handle.cancel()

        with self.assertRaises(FalClientHTTPError) as caught:
            handle.cancel()
        self.assertEqual(json.loads(caught.exception.message)["status"], "ALREADY_COMPLETED")
        self.assertEqual(handle.status().error_type, "client_cancelled")
        with self.assertRaises(FalClientHTTPError) as caught:
            handle.get()
        self.assertEqual(caught.exception.status_code, 499)

    def test_a_link_expires(self):
        output = self.client.subscribe(MODEL, {"prompt": "lab:expired-link"})
        with self.assertRaises(urllib.error.HTTPError) as caught:
            fetch(output["video"]["url"])
        caught.exception.close()
        self.assertEqual(caught.exception.code, 403)


class Failures(FalCase):
    # verifies: fal: failures
    def test_every_cause_ends_in_an_error_and_its_truth_is_in_the_ledger(self):
        causes = ["runtime_error", "content_moderation", "capacity", "invalid_request", "dependency_timeout", "account"]
        for cause in causes:
            with self.subTest(cause):
                handle = self.client.submit(MODEL, {"prompt": f"a cat lab:fail={cause}"})
                with self.assertRaises(FalClientHTTPError):
                    handle.get()
                self.assertTrue(handle.status().error)
                self.assertEqual(self.lab.entry(handle.request_id)["true_cause"], cause)

    def test_errors_of_the_platform_have_a_type(self):
        cases = [
            ("runtime_error/runner_disconnected", 503),
            ("runtime_error/runner_incomplete_response", 502),
            ("capacity/startup_timeout", 504),
            ("capacity/runner_scheduling_failure", 503),
            ("dependency_timeout/runner_connection_timeout", 503),
        ]
        for shape, status in cases:
            with self.subTest(shape):
                error = self.failed(f"lab:fail={shape}")
                self.assertEqual((error.error_type, error.status_code), (shape.split("/")[1], status))

    def test_errors_of_a_model_are_a_list(self):
        cases = [
            ("lab:fail=content_moderation/content_policy_violation", "content_policy_violation", 422),
            ("[unsafe] cat", "content_policy_violation", 422),
            ("[unsafe-output] cat", "no_media_generated", 422),
            ("lab:fail=invalid_request/image_too_small", "image_too_small", 422),
            ("lab:fail=dependency_timeout/generation_timeout", "generation_timeout", 504),
            ("lab:fail-generic=capacity", "internal_server_error", 500),
        ]
        for prompt, kind, status in cases:
            with self.subTest(prompt):
                error = self.failed(prompt)
                self.assertEqual((error.message[0]["type"], error.status_code), (kind, status))

    # verifies: fal: parameters
    def test_an_input_is_validated_at_once(self):
        with self.assertRaises(FalClientHTTPError) as caught:
            self.client.submit(FROM_PICTURE, {"duration": "99"})
        wrong = {(it["type"], it["loc"][-1]) for it in caught.exception.message}
        self.assertEqual(wrong, {("missing", "prompt"), ("missing", "image_url"), ("one_of", "duration")})

    def test_refusals_are_errors(self):
        cases = [
            ("lab:refused=account/balance", 403),
            ("lab:credit-out", 403),
            ("lab:load-shedding", 503),
            ("lab:error-after-accept=runtime_error/internal_error", 500),
            ("lab:generic=capacity", 500),
        ]
        for prompt, status in cases:
            with self.subTest(prompt):
                self.assertEqual(self.failed(prompt, self.client.submit).status_code, status)

    def test_an_unknown_key_an_unknown_app_and_an_unknown_request_are_told_apart(self):
        self.lab.play('[defaults]\nkeys = ["the-only:one"]\n')
        error = self.failed("a cat", self.client.submit)
        known = self.sdk("the-only:one")

        self.assertEqual((error.status_code, error.error_type), (401, "auth_error"))
        for call in (lambda: known.submit("nobody/nothing", {}), lambda: known.status(MODEL, "nobody")):
            with self.assertRaises(FalClientHTTPError) as caught:
                call()
            self.assertEqual(caught.exception.status_code, 404)

    def test_a_request_that_cannot_start_in_time_is_the_callers_own_timeout(self):
        self.lab.play("[defaults]\nconcurrency = 1\n")
        client = self.sdk("a-key:of-its-own")
        client.submit(MODEL, {"prompt": "lab:stuck"})
        handle = client.submit(MODEL, {"prompt": "a cat"}, start_timeout=30)

        with self.assertRaises(FalClientHTTPError) as caught:
            handle.get()
        error = caught.exception
        self.assertEqual((error.status_code, error.error_type), (504, "request_timeout"))
        self.assertEqual(error.response_headers["x-fal-request-timeout-type"], "user")

    def test_the_client_waits_out_a_rate_limit_by_itself(self):
        self.lab.play("[defaults]\ncreates_per_minute = 1\n")
        client = self.sdk("too:fast")
        ids = [client.submit(MODEL, {"prompt": "hurry"}).request_id for _ in range(3)]

        entries = [it for it in self.lab.ledger("fal")["entries"] if it["prompt"] == "hurry"]
        self.assertEqual(len(set(ids)), 3)
        self.assertTrue(any(it["outcome"] == "refused" and it["true_cause"] == "capacity" for it in entries))

    def test_a_word_that_nobody_documented_is_too_much_for_the_client(self):
        self.lab.play('[defaults]\nqueue = "0s"\nrender = "10h"\n')
        handle = self.client.submit(MODEL, {"prompt": "lab:odd-status"})
        with self.assertRaises(ValueError):
            handle.status()


class Account(FalCase):
    # verifies: fal: look-up
    def test_requests_are_listed_with_their_payloads_and_forgotten(self):
        key = "a-list:of-its-own"
        handle = self.sdk(key).submit(MODEL, {"prompt": "a cat"})
        handle.get()
        path = f"/models/requests/by-endpoint?endpoint_id={MODEL}&expand=payloads&status=success"
        item = self.platform(path, key)["items"][0]
        forget = urllib.request.Request(
            f"{self.lab.urls['fal']}/api.fal.ai/v1/models/requests/{handle.request_id}/payloads",
            headers={"Authorization": f"Key {key}"},
            method="DELETE",
        )
        urllib.request.urlopen(forget, timeout=60).close()

        self.assertEqual((item["request_id"], item["status_code"]), (handle.request_id, 200))
        self.assertEqual(item["json_input"], {"prompt": "a cat"})
        self.assertTrue(item["json_output"]["video"]["url"])
        self.assertEqual(self.platform(path, key)["items"], [])

    # verifies: fal: credits
    def test_prices_usage_and_balance_fit_together(self):
        self.lab.play("[defaults]\ncredit_micros = 5_000_000\n")
        key = "a-purse:of-its-own"
        self.sdk(key).subscribe(MODEL, {"prompt": "a cat", "duration": "10"})

        price = self.platform(f"/models/pricing?endpoint_id={MODEL}", key)["prices"][0]["unit_price"]
        used = self.platform("/models/usage", key)["time_series"][0]["results"][0]
        left = self.platform("/account/billing?expand=credits", key)["credits"]["current_balance"]

        self.assertEqual((used["endpoint_id"], used["quantity"]), (MODEL, 10))
        self.assertAlmostEqual(left, 5 - 10 * price)


class Webhooks(FalCase):
    def setUp(self):
        super().setUp()
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)

    def submit(self, prompt):
        return self.client.submit(MODEL, {"prompt": prompt}, webhook_url=self.receiver.url).request_id

    def next(self):
        """The next delivery, verified as fal's documentation says."""
        body, headers = self.receiver.next()
        header = lambda name: headers[f"x-fal-webhook-{name}"]
        lines = [header("request-id"), header("user-id"), header("timestamp"), hashlib.sha256(body).hexdigest()]
        keys = json.loads(fetch(self.lab.urls["fal"] + "/rest.fal.ai/.well-known/jwks.json"))["keys"]
        public = base64.urlsafe_b64decode(keys[0]["x"] + "=")
        key = Ed25519PublicKey.from_public_bytes(public)
        key.verify(bytes.fromhex(header("signature")), "\n".join(lines).encode())
        return json.loads(body)

    # verifies: fal: notices
    def test_the_end_of_a_request_is_told_and_signed(self):
        done, good = self.submit("a cat"), self.next()
        failed, bad = self.submit("lab:fail=content_moderation/content_policy_violation"), self.next()

        self.assertEqual((good["request_id"], good["status"], good["error"]), (done, "OK", None))
        self.assertTrue(good["payload"]["video"]["url"])
        self.assertEqual((bad["request_id"], bad["status"]), (failed, "ERROR"))
        self.assertEqual(bad["payload"]["detail"][0]["type"], "content_policy_violation")

    def test_a_duplicate_is_the_same_and_a_forgery_is_found_out(self):
        twice = self.submit("lab:webhook-twice")
        self.assertEqual([self.next()["request_id"] for _ in range(2)], [twice, twice])

        self.submit("lab:webhook-forged")
        with self.assertRaises(InvalidSignature):
            self.next()
        self.assertEqual(self.next()["status"], "OK")
