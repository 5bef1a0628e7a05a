"""Google's own SDKs, unmodified, against the lab's emulator: google-genai for its three wires, google-auth for the tokens,
google-cloud-storage for the bucket, standardwebhooks and PyJWT for the two kinds of webhooks.

google-genai 3 has dropped the operations of the Gemini API; that class runs with an earlier one (2.34.0) installed.
"""

import base64
import datetime
import http.server
import json
import queue
import threading
import time
import unittest
import warnings

import jwt
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google import genai
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.cloud import storage
from google.genai import errors, types
from google.genai import _interactions as interactions
from google.oauth2 import service_account
from standardwebhooks import Webhook, WebhookVerificationError

from lab import LabCase

GENEROUS = "[defaults]\ncreates_per_minute = 10000\nconcurrency = 10000\n"
VEO = "veo-3.1-fast-generate-001"
OMNI = "gemini-omni-1.2-flash"
CAUSES = ["runtime_error", "capacity", "invalid_request", "dependency_timeout", "account"]
IS_EARLIER = int(genai.__version__.split(".")[0]) < 3


def private_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pkcs8 = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption()).decode()


KEY = private_key()


class GoogleCase(LabCase):
    scenario = GENEROUS

    def setUp(self):
        warnings.simplefilter("ignore")
        self.url = self.lab.urls["google"]

    def credentials(self, email="robot@lab.invalid"):
        """A service account whose JSON names the lab as its token server."""
        info = {
            "type": "service_account",
            "project_id": "lab",
            "private_key_id": "not-a-real-key",
            "private_key": KEY,
            "client_email": email,
            "token_uri": self.url + "/token",
        }
        scopes = ["https://www.googleapis.com/auth/cloud-platform"]
        return service_account.Credentials.from_service_account_info(info, scopes=scopes)

    def vertex(self, email="robot@lab.invalid"):
        options = {"base_url": self.url, "api_version": "v1"}
        place = {"project": "lab", "location": "us-central1"}
        client = genai.Client(vertexai=True, credentials=self.credentials(email), http_options=options, **place)
        self.addCleanup(client.close)
        return client

    def gemini(self, key="lab-key"):
        options = {"base_url": self.url, "retry_options": {"attempts": 1}}
        client = genai.Client(vertexai=False, api_key=key, http_options=options)
        self.addCleanup(client.close)
        return client

    def end(self, client, operation):
        """Polls as Google's samples do."""
        until = time.monotonic() + 60
        while not operation.done:
            self.assertLess(time.monotonic(), until, "it took too long")
            self.lab.advance("30s")
            operation = client.operations.get(operation)
        return operation


class Vertex(GoogleCase):
    def create(self, prompt="a cat", client=None, **config):
        client = client or self.client
        return client.models.generate_videos(model=VEO, prompt=prompt, config=types.GenerateVideosConfig(**config))

    def setUp(self):
        super().setUp()
        self.client = self.vertex()

    # verifies: google: text, download
    def test_a_video_comes_inline(self):
        config = {"duration_seconds": 4, "resolution": "720p", "aspect_ratio": "9:16", "seed": 7, "generate_audio": False}
        made = self.create(**config)
        operation = self.end(self.client, made)

        video = operation.response.generated_videos[0].video
        self.assertEqual((video.video_bytes[4:8], video.mime_type), (b"ftyp", "video/mp4"))
        self.assertEqual(self.lab.entry(made.name)["billed_micros"], 4 * 80_000)

    def test_videos_go_to_a_bucket_and_are_read_there(self):
        operation = self.end(self.client, self.create(number_of_videos=2, output_gcs_uri="gs://results/day"))
        uris = [it.video.uri for it in operation.response.generated_videos]
        options = {"api_endpoint": self.url}
        bucket = storage.Client(project="lab", credentials=self.credentials(), client_options=options).bucket("results")

        blobs = list(bucket.client.list_blobs("results", prefix="day/"))
        content = bucket.blob(uris[0].removeprefix("gs://results/")).download_as_bytes(checksum=None)

        self.assertEqual(sorted(f"gs://results/{it.name}" for it in blobs), sorted(uris))
        self.assertEqual((content[4:8], len(content)), (b"ftyp", blobs[0].size))

    # verifies: google: image
    def test_an_image_is_sent_and_an_extended_video_grows(self):
        image = types.Image(image_bytes=b"not looked into", mime_type="image/png")
        config = {"output_gcs_uri": "gs://results/"}
        started = self.client.models.generate_videos(model=VEO, prompt="it runs", image=image, config=config)
        uri = self.end(self.client, started).response.generated_videos[0].video.uri

        longer = self.client.models.generate_videos(model=VEO, video=types.Video(uri=uri, mime_type="video/mp4"))
        self.end(self.client, longer)

        self.assertEqual(self.lab.entry(longer.name)["billed_micros"], 7 * 100_000)

    def test_what_the_filters_take_is_no_error(self):
        none = self.end(self.client, self.create("lab:fail=content_moderation/celebrity"))
        some = self.end(self.client, self.create("lab:partial", number_of_videos=4))

        self.assertIsNone(none.error)
        self.assertFalse(none.response.generated_videos)
        self.assertEqual(none.response.rai_media_filtered_count, 1)
        self.assertRegex(none.response.rai_media_filtered_reasons[0], "29310472|15236754")
        self.assertEqual(len(some.response.generated_videos), 2)
        self.assertEqual(some.response.rai_media_filtered_count, 2)

    # verifies: google: failures
    def test_every_other_cause_is_the_operation_s_error_and_its_truth_is_in_the_ledger(self):
        for cause in CAUSES:
            with self.subTest(cause):
                made = self.create(f"a cat lab:fail={cause}")
                ended = self.end(self.client, made)
                self.assertTrue(ended.error["code"] and ended.error["message"])
                self.assertEqual(self.lab.entry(made.name)["true_cause"], cause)

    def test_every_refusal_is_an_error_with_its_status(self):
        cases = [
            ("lab:refused=runtime_error/internal", 500, "INTERNAL"),
            ("lab:refused=content_moderation", 400, "INVALID_ARGUMENT"),
            ("lab:refused=capacity/resource-exhausted", 429, "RESOURCE_EXHAUSTED"),
            ("lab:refused=capacity/unavailable", 503, "UNAVAILABLE"),
            ("lab:refused=invalid_request/invalid-argument", 400, "INVALID_ARGUMENT"),
            ("lab:refused=dependency_timeout", 504, "DEADLINE_EXCEEDED"),
            ("lab:refused=account/failed-precondition", 400, "FAILED_PRECONDITION"),
            ("lab:generic=capacity", 500, "INTERNAL"),
            ("lab:rate-limited", 429, "RESOURCE_EXHAUSTED"),
            ("lab:load-shedding", 503, "UNAVAILABLE"),
            ("lab:credit-out", 403, "PERMISSION_DENIED"),
            ("[unsafe]", 400, "INVALID_ARGUMENT"),
        ]
        for prompt, code, status in cases:
            with self.subTest(prompt), self.assertRaises(errors.APIError) as caught:
                self.create(prompt)
            self.assertEqual((caught.exception.code, caught.exception.status), (code, status))

    # verifies: google: parameters
    def test_wrong_parameters_and_retired_models_are_refused(self):
        for config in ({"duration_seconds": 5}, {"resolution": "1080p", "duration_seconds": 4}, {"number_of_videos": 9}):
            with self.subTest(config), self.assertRaises(errors.ClientError) as caught:
                self.create(**config)
            self.assertEqual(caught.exception.status, "INVALID_ARGUMENT")
        with self.assertRaises(errors.ClientError) as caught:
            self.client.models.generate_videos(model="veo-3.0-generate-001", prompt="a cat")
        self.assertEqual(caught.exception.code, 404)

    def test_the_eleventh_at_a_time_is_one_too_many(self):
        self.lab.play("[providers.google]\nconcurrency = 1")
        client = self.vertex("busy@lab.invalid")
        self.create("lab:stuck", client)
        with self.assertRaises(errors.ClientError) as caught:
            self.create("a cat", client)
        self.assertEqual((caught.exception.code, caught.exception.status), (429, "RESOURCE_EXHAUSTED"))

    def test_an_expired_token_is_refused_and_a_new_one_is_given_out(self):
        token = self.credentials()
        token.refresh(Request())
        url = f"{self.url}/v1/projects/lab/locations/us-central1/publishers/google/models/{VEO}:fetchPredictOperation"
        body = {"operationName": self.create().name}
        headers = {"authorization": f"Bearer {token.token}"}
        fresh = requests.post(url, json=body, headers=headers)
        self.lab.advance("2h")
        stale = requests.post(url, json=body, headers=headers)

        self.assertEqual((fresh.status_code, stale.status_code), (200, 401))
        self.assertEqual(stale.json()["error"]["status"], "UNAUTHENTICATED")
        self.create()

    def test_an_unknown_account_gets_no_token(self):
        self.lab.play('[providers.google]\nkeys = ["known@lab.invalid"]')
        with self.assertRaises(RefreshError):
            self.create(client=self.vertex("stranger@lab.invalid"))


@unittest.skipUnless(IS_EARLIER, "google-genai 3 has no operations of the Gemini API")
class GeminiOperations(GoogleCase):
    model = "veo-3.1-generate-preview"

    # verifies: google/gemini-operations: text, download
    def test_a_video_is_created_polled_and_downloaded(self):
        client = self.gemini()
        made = client.models.generate_videos(model=self.model, prompt="a cat", config={"duration_seconds": 4})
        video = self.end(client, made).response.generated_videos[0].video

        content = client.files.download(file=video)

        self.assertEqual(content[4:8], b"ftyp")
        self.lab.advance("72h")
        with self.assertRaises(errors.ClientError) as caught:
            client.files.download(file=video)
        self.assertEqual(caught.exception.code, 403)

    # verifies: google/gemini-operations: failures
    def test_failures_are_errors_or_reasons(self):
        client = self.gemini()
        for cause in CAUSES:
            with self.subTest(cause):
                made = client.models.generate_videos(model=self.model, prompt=f"lab:fail={cause}")
                self.assertTrue(self.end(client, made).error["code"])
        made = client.models.generate_videos(model=self.model, prompt="lab:fail=content_moderation/violence")
        self.assertTrue(self.end(client, made).response.rai_media_filtered_reasons)

    def test_a_wrong_key_and_a_foreign_parameter_are_refused(self):
        self.lab.play('[providers.google]\nkeys = ["lab-key"]')
        with self.assertRaises(errors.ClientError) as caught:
            self.gemini("other").models.generate_videos(model=self.model, prompt="a cat")
        self.assertEqual((caught.exception.code, caught.exception.status), (400, "INVALID_ARGUMENT"))


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.deliveries.put((body, dict(self.headers)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class OmniCase(GoogleCase):
    def setUp(self):
        super().setUp()
        self.client = self.gemini()

    def create(self, prompt="a cat", client=None, **options):
        options = {"model": OMNI, "background": True, "response_format": {"type": "video", "duration": "3s"}} | options
        return (client or self.client).interactions.create(input=prompt, **options)

    def finish(self, made):
        until = time.monotonic() + 60
        while made.status in ("queued", "in_progress"):
            self.assertLess(time.monotonic(), until, "it took too long")
            self.lab.advance("30s")
            made = self.client.interactions.get(made.id)
        return made


class Interactions(OmniCase):
    def test_a_video_is_waited_for(self):
        made = self.create(background=False, response_format={"type": "video", "duration": "4s", "resolution": "360p"})
        self.assertEqual(made.status, "completed")
        self.assertEqual(base64.b64decode(made.output_video.data)[4:8], b"ftyp")
        self.assertEqual(self.lab.entry(made.id)["billed_micros"], 4 * 34_000)

    # verifies: google/interactions: text, download
    def test_a_video_in_the_background_is_polled_and_downloaded_by_its_address(self):
        made = self.create(response_format={"type": "video", "delivery": "uri", "duration": "3s"})
        done = self.finish(made)

        content = self.client.files.download(file=types.Video(uri=done.output_video.uri))

        self.assertEqual((done.status, content[4:8]), ("completed", b"ftyp"))

    def test_a_video_is_edited_and_extended(self):
        first = self.finish(self.create())
        config = lambda task: {"video_config": {"task": task}}
        edited = self.create("at night", previous_interaction_id=first.id, generation_config=config("edit"))
        longer = self.create("it runs", previous_interaction_id=first.id, generation_config=config("extend"))
        self.assertEqual({self.finish(it).status for it in (edited, longer)}, {"completed"})
        self.assertEqual(self.lab.entry(longer.id)["billed_micros"], 300_000)

    # verifies: google/interactions: cancel
    def test_a_run_in_the_background_is_cancelled_and_deleted(self):
        made = self.create("lab:stuck")
        cancelled = self.client.interactions.cancel(made.id)
        self.client.interactions.delete(made.id)
        self.assertEqual(cancelled.status, "cancelled")
        with self.assertRaises(interactions.BadRequestError) as caught:
            self.client.interactions.get(made.id)
        self.assertIn("Invalid interaction name", str(caught.exception))

    # verifies: google/interactions: failures
    def test_every_cause_fails_and_a_soft_refusal_is_completed_without_video(self):
        for cause in CAUSES + ["content_moderation/failed"]:
            with self.subTest(cause):
                failed = self.finish(self.create(f"lab:fail={cause}"))
                self.assertEqual(failed.status, "failed")
                self.assertTrue(failed.errors[0].code and failed.errors[0].message)
        soft = self.finish(self.create("lab:fail=content_moderation/no-video"))
        self.assertEqual((soft.status, soft.output_video), ("completed", None))
        self.assertTrue(soft.output_text)

    def test_every_refusal_is_an_error_of_its_class(self):
        cases = [
            ("lab:refused=runtime_error/internal", interactions.InternalServerError),
            ("lab:refused=content_moderation", interactions.BadRequestError),
            ("lab:refused=capacity/resource-exhausted", interactions.RateLimitError),
            ("lab:refused=invalid_request/array", interactions.BadRequestError),
            ("lab:refused=dependency_timeout", interactions.InternalServerError),
            ("lab:refused=account/permission-denied", interactions.PermissionDeniedError),
            ("lab:rate-limited", interactions.RateLimitError),
            ("lab:error-after-accept", interactions.InternalServerError),
        ]
        for prompt, expected in cases:
            with self.subTest(prompt), self.assertRaises(expected):
                self.create(prompt)

    def test_vertex_serves_the_same_to_a_token(self):
        client = self.vertex()
        made = self.create(client=client, background=False)
        self.assertEqual(client.interactions.get(made.id).status, "completed")


class Webhooks(OmniCase):
    def setUp(self):
        super().setUp()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        self.deliveries = server.deliveries = queue.Queue()
        self.hook = f"http://127.0.0.1:{server.server_port}/hook"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)

    def next(self):
        body, headers = self.deliveries.get(timeout=60)
        return body, {name.lower(): value for name, value in headers.items()}

    def test_a_registered_webhook_is_verified_with_its_secret_also_after_a_rotation(self):
        events = ["interaction.completed", "interaction.failed"]
        hook = self.client.webhooks.create(uri=self.hook, subscribed_events=events, name="lab")
        secret = self.client.webhooks.rotate_signing_secret(
            hook.id, revocation_behavior="revoke_previous_secrets_after_h24"
        ).secret
        made = self.create()

        body, headers = self.next()

        for key in (hook.new_signing_secret, secret):
            event = Webhook(key).verify(body, headers)
            self.assertEqual((event["type"], event["data"]["id"]), ("interaction.completed", made.id))
        self.assertIn(hook.id, [it.id for it in self.client.webhooks.list().webhooks])
        self.client.webhooks.delete(hook.id)

    def test_a_forged_webhook_does_not_verify(self):
        hook = self.client.webhooks.create(uri=self.hook, subscribed_events=["interaction.completed", "interaction.failed"])
        self.create("lab:webhook-forged")
        with self.assertRaises(WebhookVerificationError):
            Webhook(hook.new_signing_secret).verify(*self.next())
        self.assertEqual(Webhook(hook.new_signing_secret).verify(*self.next())["type"], "interaction.completed")
        self.client.webhooks.delete(hook.id)

    # verifies: google/interactions: notices
    def test_a_dynamic_webhook_is_verified_with_the_key_set_and_comes_twice(self):
        config = {"uris": [self.hook], "user_metadata": {"job": "j-1"}}
        made = self.create("lab:webhook-twice", webhook_config=config)

        (body, headers), (_, again) = self.next(), self.next()

        token = headers["webhook-signature"]
        key = jwt.PyJWKClient(self.url + "/.well-known/jwks.json").get_signing_key_from_jwt(token)
        claims = jwt.decode(token, key, algorithms=["RS256"], audience=self.hook)
        event = json.loads(body)
        self.assertEqual((claims["data"], event["data"]), ({"id": made.id}, {"id": made.id}))
        self.assertEqual(event["user_metadata"], {"job": "j-1"})
        self.assertEqual(headers["webhook-id"], again["webhook-id"])
        sent = datetime.datetime.fromtimestamp(int(headers["webhook-timestamp"]))
        self.assertLess(abs(datetime.datetime.now() - sent), datetime.timedelta(minutes=5))

