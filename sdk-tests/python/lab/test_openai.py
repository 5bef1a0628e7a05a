"""The official OpenAI SDK, unmodified, against the lab's emulator: whether that is faithful, its own client judges."""

import http.server
import queue
import threading
import warnings

import openai

from lab import LabCase

GENEROUS = "[defaults]\ncreates_per_minute = 10000\n"
CAUSES = [
    "runtime_error",
    "content_moderation",
    "capacity",
    "invalid_request",
    "dependency_timeout",
    "account",
]


class OpenAiCase(LabCase):
    scenario = GENEROUS

    def setUp(self):
        # The client says of every call that OpenAI's own service has ended.
        warnings.simplefilter("ignore", DeprecationWarning)
        self.client = self.sdk()

    def sdk(self, **options):
        options = {"base_url": self.lab.urls["openai"] + "/v1", "api_key": "lab-key", "max_retries": 0} | options
        client = openai.OpenAI(**options)
        self.addCleanup(client.close)
        return client

    def create(self, prompt="a cat", **options):
        return self.client.videos.create_and_poll(prompt=prompt, model="sora-2", **options)


class Videos(OpenAiCase):
    # verifies: openai: text, download
    def test_a_video_is_created_polled_and_downloaded(self):
        video = self.create(seconds="8", size="1280x720")
        content = self.client.videos.download_content(video.id).read()
        thumbnail = self.client.videos.download_content(video.id, variant="thumbnail").read()
        sheet = self.client.videos.download_content(video.id, variant="spritesheet").read()

        self.assertEqual((video.status, video.progress, video.seconds, video.size), ("completed", 100, "8", "1280x720"))
        self.assertEqual(content[4:8], b"ftyp")
        self.assertEqual((thumbnail[8:12], sheet[:2]), (b"WEBP", b"\xff\xd8"))
        self.assertEqual(self.lab.entry(video.id)["billed_micros"], 800_000)

    # verifies: openai: look-up
    def test_videos_are_listed_and_deleted(self):
        client = self.sdk(api_key="a key of its own")
        ids = [client.videos.create(prompt=f"video {nth}").id for nth in range(3)]

        listed = [video.id for video in client.videos.list(limit=2, order="asc")]
        self.lab.advance("1m")
        deleted = client.videos.delete(ids[0])

        self.assertEqual(listed, ids)
        self.assertTrue(deleted.deleted)
        with self.assertRaises(openai.NotFoundError):
            client.videos.retrieve(ids[0])

    def test_a_video_is_remixed_edited_and_extended(self):
        video = self.create()
        # The client takes an object for a file, unless it stands in the rest of the body.
        source = {"video": openai.omit, "extra_body": {"video": {"id": video.id}}}

        remix = self.client.videos.remix(video.id, prompt="a dog")
        edit = self.client.videos.edit(prompt="a bird", **source)
        longer = self.client.videos.extend(prompt="it runs", seconds="4", **source)

        self.assertEqual(remix.remixed_from_video_id, video.id)
        self.assertEqual((edit.prompt, longer.seconds), ("a bird", "8"))

    def test_a_character_is_made_and_found(self):
        made = self.client.videos.create_character(name="Mossy", video=b"Example data")
        found = self.client.videos.get_character(made.id)
        self.assertEqual((found.id, found.name), (made.id, "Mossy"))


class Failures(OpenAiCase):
    # verifies: openai: failures
    def test_every_cause_ends_a_video_with_a_code_and_its_truth_is_in_the_ledger(self):
        for cause in CAUSES:
            with self.subTest(cause):
                video = self.create(f"a cat lab:fail={cause}")
                self.assertEqual(video.status, "failed")
                self.assertTrue(video.error.code and video.error.message)
                self.assertEqual(self.lab.entry(video.id)["true_cause"], cause)

    def test_every_refusal_is_an_error_of_its_class(self):
        cases = [
            ("lab:refused=runtime_error", openai.InternalServerError),
            ("lab:refused=content_moderation", openai.BadRequestError),
            ("lab:refused=capacity/slow_down", openai.RateLimitError),
            ("lab:refused=invalid_request", openai.BadRequestError),
            ("lab:refused=dependency_timeout", openai.InternalServerError),
            ("lab:refused=account/unverified_organization", openai.PermissionDeniedError),
            ("lab:generic=capacity", openai.InternalServerError),
            ("lab:rate-limited", openai.RateLimitError),
            ("lab:credit-out", openai.RateLimitError),
            ("lab:error-after-accept", openai.InternalServerError),
            ("[unsafe]", openai.BadRequestError),
        ]
        for prompt, expected in cases:
            with self.subTest(prompt), self.assertRaises(expected) as caught:
                self.client.videos.create(prompt=prompt)
            self.assertTrue(caught.exception.request_id.startswith("req_"))

    def test_a_revoked_key_is_refused_from_then_on(self):
        client = self.sdk(api_key="soon revoked")
        for call in (lambda: client.videos.create(prompt="lab:key-revoked"), client.videos.list):
            with self.assertRaises(openai.AuthenticationError):
                call()

    def test_a_create_that_the_client_repeats_after_a_lost_answer_is_billed_twice(self):
        client = self.sdk(api_key="twice", max_retries=1)
        self.lab.play(GENEROUS + '[[fault]]\nwhen = { prompt = ["lost"] }\nwhat = { kind = "drop-after-accept" }')

        with self.assertRaises(openai.APIConnectionError):
            client.videos.create(prompt="lost")
        self.lab.advance("1h")

        entries = [it for it in self.lab.ledger("openai")["entries"] if it["prompt"] == "lost"]
        self.assertEqual([it["billed_micros"] for it in entries], [400_000, 400_000])

    def test_a_truncated_download_is_noticed(self):
        video = self.create("lab:truncated")
        with self.assertRaises(Exception):
            self.client.videos.download_content(video.id).read()


class Receiver:
    """Takes every delivery and keeps it."""

    def __init__(self):
        self.deliveries = queue.Queue()
        deliveries = self.deliveries

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                deliveries.put((body, dict(self.headers)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Webhooks(OpenAiCase):
    SECRET = "whsec_bGFiIHNlY3JldCBmb3IgdGVzdHM="

    def setUp(self):
        super().setUp()
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        hook = f'[[providers.openai.webhooks]]\nurl = "{self.receiver.url}"\nsecret = "{self.SECRET}"\n'
        self.lab.play(GENEROUS + hook)

    def next(self):
        body, headers = self.receiver.deliveries.get(timeout=60)
        return self.client.webhooks.unwrap(body, headers, secret=self.SECRET)

    # verifies: openai: notices
    def test_the_end_of_a_video_is_told_and_signed(self):
        done = self.client.videos.create(prompt="a cat")
        event = self.next()
        failed = self.client.videos.create(prompt="lab:fail=runtime_error")
        other = self.next()

        self.assertEqual((event.type, event.data.id), ("video.completed", done.id))
        self.assertEqual((other.type, other.data.id), ("video.failed", failed.id))

    def test_a_duplicate_has_the_same_id_and_a_forgery_the_wrong_signature(self):
        self.client.videos.create(prompt="lab:webhook-twice")
        twice = [self.receiver.deliveries.get(timeout=60)[1]["webhook-id"] for _ in range(2)]
        self.client.videos.create(prompt="lab:webhook-forged")

        with self.assertRaises(openai.InvalidWebhookSignatureError):
            self.next()
        self.assertEqual(self.next().type, "video.completed")
        self.assertEqual(twice[0], twice[1])


class Reviewer(OpenAiCase):
    def test_a_chat_answers_whole_and_in_pieces(self):
        question = [{"role": "user", "content": "Is this safe? Answer in JSON: a fight [unsafe]"}]

        whole = self.client.chat.completions.create(model="gpt-6-luna", messages=question)
        pieces = self.client.chat.completions.create(model="gpt-6-luna", messages=question, stream=True)

        text = whole.choices[0].message.content
        self.assertIn('"verdict":"refuse"', text)
        self.assertEqual("".join(piece.choices[0].delta.content or "" for piece in pieces), text)

    def test_a_phrase_that_the_scenario_refuses_is_flagged(self):
        judged = self.client.moderations.create(input=["a cat", "a cat [unsafe]"])
        self.assertEqual([it.flagged for it in judged.results], [False, True])
        self.assertGreater(judged.results[1].category_scores.violence, 0.9)

    def test_models_are_listed(self):
        self.assertIn("sora-2", [model.id for model in self.client.models.list()])
