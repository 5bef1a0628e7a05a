"""The official replicate client, unmodified, against the lab's emulator: whether that is faithful, its own client judges."""

import io
import urllib.error
import urllib.request

import replicate
from replicate.exceptions import ModelError, ReplicateError
from replicate.webhook import InvalidSignatureError, Webhooks as Signatures

from lab import LabCase
from receiver import Receiver

MODEL = "bytedance/seedance-1-pro"
INPUT = {"prompt": "a cat", "duration": 5, "resolution": "480p"}


def fetch(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read()


class ReplicateCase(LabCase):
    def setUp(self):
        self.client = self.sdk()

    def sdk(self, token="r8_lab"):
        client = replicate.Client(api_token=token, base_url=self.lab.urls["replicate"])
        client.poll_interval = 0.02
        self.addCleanup(lambda: client._client.close())
        return client

    def create(self, prompt="a cat", client=None, **options):
        client = client or self.client
        return client.models.predictions.create(MODEL, INPUT | {"prompt": prompt}, **options)

    def ended(self, prompt):
        prediction = self.create(prompt)
        prediction.wait()
        return prediction

    def refused(self, prompt):
        with self.assertRaises(ReplicateError) as caught:
            self.create(prompt)
        return caught.exception


class Predictions(ReplicateCase):
    # verifies: replicate: text, download
    def test_a_model_is_run_and_its_video_downloaded(self):
        url = self.client.run(MODEL, INPUT)
        self.assertEqual(fetch(str(url))[4:8], b"ftyp")

    def test_a_prediction_is_polled_to_its_end(self):
        prediction = self.create()
        early = prediction.status
        prediction.wait()

        self.assertEqual((early, prediction.status), ("starting", "succeeded"))
        self.assertEqual(prediction.progress.percentage, 1.0)
        self.assertGreater(prediction.metrics["total_time"], prediction.metrics["predict_time"])
        self.assertEqual(self.lab.entry(prediction.id)["billed_micros"], 300_000)

    def test_a_version_and_a_deployment_are_run_too(self):
        version = self.client.models.get(MODEL).latest_version
        by_id = self.client.run(f"{MODEL}:{version.id}", INPUT)
        deployment = self.client.deployments.create(
            name="mine", model=MODEL, version=version.id, hardware="gpu-h100", min_instances=0, max_instances=1
        )
        deployed = self.client.deployments.predictions.create("retake-lab/mine", INPUT)
        deployed.wait()

        self.assertTrue(by_id)
        self.assertEqual(deployment.current_release.model, MODEL)
        self.assertEqual((deployed.status, deployed.version), ("succeeded", version.id))

    # verifies: replicate: cancel
    def test_a_prediction_is_cancelled(self):
        prediction = self.create("lab:stuck")
        prediction.cancel()
        self.assertEqual(prediction.status, "canceled")

    # verifies: replicate: look-up
    def test_predictions_are_listed_newest_first(self):
        client = self.sdk("r8_list")
        ids = [self.create(f"video {nth}", client).id for nth in range(3)]

        page = client.predictions.list()

        self.assertEqual([it.id for it in page.results], ids[::-1])
        self.assertIsNone(page.next)

    # verifies: replicate: image
    def test_a_file_is_uploaded_given_as_input_and_deleted(self):
        client = self.sdk("r8_files")
        file = client.files.create(io.BytesIO(b"Example data"), filename="first.png", metadata={"of": "a cat"})
        url = client.run(MODEL, INPUT | {"image": io.BytesIO(b"Example data")})

        self.assertTrue(url)
        self.assertEqual((file.size, file.content_type, file.metadata), (12, "image/png", {"of": "a cat"}))
        self.assertEqual(len(client.files.list()), 2)
        self.assertTrue(client.files.delete(file.id))
        with self.assertRaises(ReplicateError):
            client.files.get(file.id)

    def test_data_are_removed_and_a_link_expires(self):
        prediction = self.ended("a cat")
        stale = self.ended("lab:expired-link").output
        self.lab.advance("61m")
        late = prediction.output
        prediction.reload()

        self.assertIsNone(prediction.output)
        for url in (stale, late):
            with self.assertRaises(urllib.error.HTTPError) as caught:
                fetch(url)
            caught.exception.close()


class Failures(ReplicateCase):
    # verifies: replicate: failures
    def test_every_cause_fails_a_prediction_and_its_truth_is_in_the_ledger(self):
        shapes = {
            "runtime_error": "E1000",
            "content_moderation": "E005",
            "capacity": "E003",
            "invalid_request": "E1001",
            "dependency_timeout": "E9825",
        }
        for cause, code in shapes.items():
            with self.subTest(cause):
                prediction = self.ended(f"lab:fail={cause}/{code}")
                self.assertEqual(prediction.status, "failed")
                self.assertIn(f"({code})", prediction.error)
                self.assertEqual(self.lab.entry(prediction.id)["true_cause"], cause)

    def test_a_run_raises_what_the_model_says(self):
        for prompt, text in [
            ("[unsafe] cat", "E005"),
            ("lab:fail=content_moderation/nsfw", "NSFW"),
            ("lab:fail=account", "insufficient balance"),
            ("lab:fail-generic=capacity", "unknown reason"),
        ]:
            with self.subTest(prompt), self.assertRaisesRegex(ModelError, text):
                self.client.run(MODEL, INPUT | {"prompt": prompt})

    def test_refusals_are_errors_with_a_status(self):
        cases = [
            ("lab:credit-out", 402),
            ("lab:soft-block", 403),
            ("lab:rate-limited", 429),
            ("lab:refused=runtime_error/bad_gateway", 502),
            ("lab:refused=dependency_timeout", 504),
            ("lab:load-shedding", 503),
            ("lab:error-after-accept=runtime_error/internal", 500),
        ]
        for nth, (prompt, status) in enumerate(cases):
            with self.subTest(prompt):
                self.client = self.sdk(f"r8_{nth}")
                error = self.refused(prompt)
                self.assertEqual(error.status, status)
                self.assertTrue(error.detail)

    # verifies: replicate: parameters
    def test_an_input_is_held_against_the_schema(self):
        schema = self.client.models.get(MODEL).latest_version.openapi_schema
        allowed = schema["components"]["schemas"]["duration"]["enum"]
        with self.assertRaises(ReplicateError) as caught:
            self.client.models.predictions.create(MODEL, {"prompt": "a cat", "duration": 99})

        self.assertNotIn(99, allowed)
        self.assertEqual((caught.exception.status, caught.exception.title), (422, "Input validation failed"))

    def test_an_unknown_token_model_and_version_are_told_apart(self):
        self.lab.play('[defaults]\nkeys = ["r8_known"]\n')
        error = self.refused("a cat")
        client = self.sdk("r8_known")
        with self.assertRaises(ReplicateError) as model:
            client.models.get("nobody", "nothing")
        with self.assertRaises(ReplicateError) as version:
            client.predictions.create(version="0" * 64, input=INPUT)

        self.assertEqual((error.status, error.title), (401, "Unauthenticated"))
        self.assertEqual((model.exception.status, version.exception.status), (404, 422))

    def test_the_client_does_not_know_that_a_prediction_can_be_aborted(self):
        prediction = self.create("lab:fail=capacity/aborted")
        self.lab.advance("1h")
        with self.assertRaises(ValueError):
            prediction.reload()


class Account(ReplicateCase):
    # verifies: replicate: credits
    def test_an_account_has_a_name(self):
        self.assertEqual(self.client.accounts.current().type, "user")

    def test_models_and_hardware_are_listed(self):
        self.assertIn(MODEL, [it.id for it in self.client.models.list().results])
        self.assertIn("gpu-h100", [it.sku for it in self.client.hardware.list()])


class Webhooks(ReplicateCase):
    def setUp(self):
        super().setUp()
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.secret = self.client.webhooks.default.secret()

    def next(self):
        body, headers = self.receiver.next()
        Signatures.validate(headers=headers, body=body.decode(), secret=self.secret, tolerance=300)
        return body.decode(), headers["webhook-id"]

    # verifies: replicate: notices
    def test_the_start_and_the_end_are_told_and_signed(self):
        self.create(webhook=self.receiver.url, webhook_events_filter=["start", "completed"])
        start, end = self.next()[0], self.next()[0]
        self.assertIn('"status":"processing"', start)
        self.assertIn('"status":"succeeded"', end)

    def test_a_duplicate_has_the_same_id_and_a_forgery_the_wrong_signature(self):
        only = {"webhook": self.receiver.url, "webhook_events_filter": ["completed"]}
        self.create("lab:webhook-twice", **only)
        ids = [self.next()[1] for _ in range(2)]
        self.create("lab:webhook-forged", **only)

        self.assertEqual(ids[0], ids[1])
        with self.assertRaises(InvalidSignatureError):
            self.next()
        self.assertIn('"status":"succeeded"', self.next()[0])
