"""Luma's two official SDKs, unmodified, against the lab's emulator: `lumaai` for the Dream Machine, `luma-agents`."""

import http.server
import json
import queue
import threading
import urllib.error
import urllib.request

import luma_agents
import lumaai

from lab import LabCase

GENEROUS = "[providers.luma]\nconcurrency = 1000\ncreates_per_minute = 1000\n"


class Receiver:
    """Takes callbacks, until it is closed."""

    def __init__(self):
        self.bodies = bodies = queue.Queue()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                bodies.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?job=42"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def next(self):
        return self.bodies.get(timeout=30)

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class LumaCase(LabCase):
    scenario = GENEROUS

    def download(self, url):
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.read()

    def refused(self, error, call):
        with self.assertRaises(error) as caught:
            call()
        return caught.exception


class DreamMachine(LumaCase):
    def setUp(self):
        self.client = self.sdk()

    def sdk(self, token="luma-lab"):
        base_url = self.lab.urls["luma"] + "/dream-machine/v1"
        client = lumaai.LumaAI(auth_token=token, base_url=base_url, max_retries=0)
        self.addCleanup(client.close)
        return client

    def create(self, prompt="a cat", **options):
        return self.client.generations.create(**({"model": "ray-2", "prompt": prompt} | options))

    def finished(self, prompt="a cat", **options):
        made = self.create(prompt, **options)
        self.lab.advance("10m")
        return self.client.generations.get(made.id)

    def test_a_generation_is_created_polled_and_downloaded(self):
        made = self.create(aspect_ratio="16:9", duration="9s", resolution="540p")
        self.lab.advance("10m")
        done = self.client.generations.get(made.id)

        self.assertEqual((made.state, made.request.duration), ("queued", "9s"))
        self.assertEqual((done.state, done.generation_type, done.failure_reason), ("completed", "video", None))
        self.assertEqual(self.download(done.assets.video)[4:8], b"ftyp")

    # verifies: luma: parameters
    def test_a_generation_is_extended_upscaled_given_sound_and_changed(self):
        before = self.finished()
        frame = {"type": "generation", "id": before.id}
        media = {"url": "https://example.com/a.mp4"}
        made = [
            self.create(keyframes={"frame0": frame}),
            self.client.generations.upscale(before.id, resolution="1080p"),
            self.client.generations.audio(before.id, prompt="rain"),
            self.client.generations.video.modify(
                generation_type="modify_video", media=media, mode="flex_1", model="ray-2"
            ),
            self.client.generations.video.reframe(
                generation_type="reframe_video", media=media, aspect_ratio="1:1", model="ray-flash-2"
            ),
        ]
        self.lab.advance("10m")

        self.assertEqual({self.client.generations.get(it.id).state for it in made}, {"completed"})

    # verifies: luma: text, look-up, cancel
    def test_generations_are_listed_with_their_requests_and_deleted(self):
        self.client = self.sdk("luma-of-the-list")
        ids = [self.create(f"video {nth}").id for nth in range(3)]
        page = self.client.generations.list(limit=2, offset=0)
        rest = self.client.generations.list(limit=2, offset=2)
        self.client.generations.delete(ids[0])

        self.assertEqual((page.count, page.has_more, rest.has_more), (2, True, False))
        self.assertEqual({it.id for it in page.generations + rest.generations}, set(ids))
        self.assertEqual(rest.generations[0].request.prompt, "video 0")
        self.refused(lumaai.NotFoundError, lambda: self.client.generations.get(ids[0]))

    # verifies: luma: failures
    def test_every_cause_has_its_failure_reason(self):
        for prompt, reason in [
            ("lab:fail=runtime_error", "Job failed"),
            ("lab:fail=content_moderation/frame", "Frame moderation failed"),
            ("lab:fail=capacity", "Error dispatching job"),
            ("lab:fail=invalid_request", "Failed to read user input frames"),
            ("lab:fail=dependency_timeout", "Prompt processing failed"),
            ("lab:fail=account", "Insufficient credits"),
        ]:
            with self.subTest(prompt):
                done = self.finished(prompt)
                self.assertEqual((done.state, done.failure_reason), ("failed", reason))

    def test_a_refused_create_raises_by_its_status(self):
        for prompt, error, status in [
            ("lab:refused=runtime_error", lumaai.InternalServerError, 500),
            ("lab:refused=content_moderation", lumaai.BadRequestError, 400),
            ("lab:refused=capacity/concurrency", lumaai.RateLimitError, 429),
            ("lab:refused=invalid_request/keyframes", lumaai.BadRequestError, 400),
            ("lab:refused=dependency_timeout", lumaai.InternalServerError, 504),
            ("lab:refused=account/key", lumaai.AuthenticationError, 401),
            ("lab:credit-out", lumaai.BadRequestError, 400),
            ("ab", lumaai.BadRequestError, 400),
        ]:
            with self.subTest(prompt):
                self.assertEqual(self.refused(error, lambda: self.create(prompt)).status_code, status)

    def test_the_eleventh_at_once_is_refused(self):
        self.lab.play("[providers.luma]\ncreates_per_minute = 1000\n")
        self.client = self.sdk("luma-of-the-crowd")
        for _ in range(10):
            self.create("lab:stuck")

        error = self.refused(lumaai.RateLimitError, self.create)
        self.assertIn("concurrent", error.body["detail"])

    # verifies: luma: notices
    def test_callbacks_tell_of_the_start_and_of_the_end(self):
        receiver = Receiver()
        self.addCleanup(receiver.close)
        made = self.create(callback_url=receiver.url)
        first, second = receiver.next(), receiver.next()

        self.assertEqual({first["id"], second["id"]}, {made.id})
        self.assertIn(first["state"], ("dreaming", "completed"))
        self.assertEqual((second["state"], second["request"]["callback_url"]), ("completed", receiver.url))

    # verifies: luma: credits
    def test_credits_ping_and_concepts_are_answered(self):
        self.client = self.sdk("luma-of-the-books")
        before = self.client.credits.get().credit_balance
        self.finished()

        self.assertEqual(round(before - self.client.credits.get().credit_balance), 71)
        self.assertEqual(self.client.ping.check().message, "pong")
        self.assertIn("dolly_zoom", self.client.generations.concepts.list())


class Agents(LumaCase):
    def setUp(self):
        self.client = self.sdk()

    def sdk(self, token="luma-api-lab", path="/agents/v1"):
        client = luma_agents.Luma(auth_token=token, base_url=self.lab.urls["luma"] + path, max_retries=0)
        self.addCleanup(client.close)
        return client

    def create(self, prompt="a cat", **options):
        return self.client.generations.create(**({"model": "ray-3.2", "type": "video", "prompt": prompt} | options))

    def finished(self, prompt="a cat", **options):
        made = self.create(prompt, **options)
        self.lab.advance("10m")
        return self.client.generations.get(made.id)

    def test_a_generation_is_created_polled_and_downloaded(self):
        done = self.finished(aspect_ratio="9:16", video={"resolution": "540p", "duration": "10s"})

        self.assertEqual((done.state, done.type, done.output[0].type), ("completed", "video", "video"))
        self.assertEqual(self.download(done.output[0].url)[4:8], b"ftyp")
        self.assertEqual(self.lab.entry(done.id)["billed_micros"], 450_000)
        self.assertEqual(self.sdk(path="/v1").generations.get(done.id).id, done.id)

    def test_every_answer_has_an_id_and_creates_tell_the_limits(self):
        call = {"model": "ray-3.2", "type": "video", "prompt": "a cat", "extra_headers": {"X-Request-Id": "mine"}}
        answer = self.client.generations.with_raw_response.create(**call)

        self.assertEqual((answer.status_code, answer.headers["x-request-id"]), (201, "mine"))
        self.assertEqual(answer.headers["x-ratelimit-limit"], "1000")
        self.assertEqual(answer.headers["x-api-version"], "2026-04-01")

    # verifies: luma/agents: text, download
    def test_an_hour_later_the_link_is_refused_and_another_look_renews_it(self):
        done = self.finished()
        self.lab.advance("61m")

        error = self.refused(urllib.error.HTTPError, lambda: self.download(done.output[0].url))
        self.assertEqual(error.code, 403)
        error.close()
        renewed = self.client.generations.get(done.id).output[0].url
        self.assertEqual(self.download(renewed)[4:8], b"ftyp")

    # verifies: luma/agents: failures
    def test_every_failure_code_can_be_had(self):
        for cause, code in [
            ("runtime_error", "generation_failed"),
            ("runtime_error", "output_not_found"),
            ("content_moderation", "content_moderated"),
            ("capacity", "rate_limited"),
            ("invalid_request", "corrupt_input"),
            ("dependency_timeout", "generation_failed"),
            ("account", "budget_exhausted"),
        ]:
            with self.subTest(code):
                done = self.finished(f"lab:fail={cause}/{code}")
                self.assertEqual((done.state, done.failure_code), ("failed", code))
                self.assertEqual(self.lab.entry(done.id)["true_cause"], cause)

    def test_a_refused_create_raises_by_its_status(self):
        for prompt, error, status in [
            ("lab:refused=runtime_error", luma_agents.InternalServerError, 500),
            ("lab:refused=content_moderation", luma_agents.UnprocessableEntityError, 422),
            ("lab:refused=capacity/rate", luma_agents.RateLimitError, 429),
            ("lab:refused=invalid_request/413", luma_agents.APIStatusError, 413),
            ("lab:refused=dependency_timeout/502", luma_agents.InternalServerError, 502),
            ("lab:refused=account/402", luma_agents.APIStatusError, 402),
            ("lab:refused=account/403", luma_agents.PermissionDeniedError, 403),
        ]:
            with self.subTest(prompt):
                self.assertEqual(self.refused(error, lambda: self.create(prompt)).status_code, status)

    # verifies: luma/agents: parameters
    def test_an_excluded_combination_is_refused(self):
        call = lambda: self.create(video={"loop": True, "duration": "10s"})
        self.assertIn("loop", self.refused(luma_agents.UnprocessableEntityError, call).body["detail"])

    def test_the_two_kinds_of_too_many_differ_by_their_text(self):
        self.lab.play("[providers.luma]\nconcurrency = 1\ncreates_per_minute = 2\n")
        self.client = self.sdk("luma-api-crowd")
        self.create("lab:stuck")
        at_once = self.refused(luma_agents.RateLimitError, self.create)
        too_fast = self.refused(luma_agents.RateLimitError, self.create)

        self.assertEqual(at_once.body["detail"], "Too many concurrent jobs")
        self.assertEqual(too_fast.body["detail"], "Rate limit exceeded")
        self.assertIn("retry-after", too_fast.response.headers)

    # verifies: luma/agents: image
    def test_a_file_is_uploaded_used_and_deleted(self):
        content = b"\x89PNG\r\n\x1a\n" + bytes(100)
        ticket = self.client.files.create(mime_type="image/png", size_bytes=len(content))
        put = urllib.request.Request(
            ticket.upload.url, data=content, method=ticket.upload.method, headers=ticket.upload.headers
        )
        urllib.request.urlopen(put, timeout=30).close()
        file = self.client.files.complete(ticket.id)

        self.assertEqual((ticket.state, file.state), ("pending", "ready"))
        self.assertEqual(self.finished(video={"start_frame": {"file_id": file.id}}).state, "completed")
        self.assertIn(file.id, [it.id for it in self.client.files.list().data])
        self.client.files.delete(file.id)
        self.assertEqual(self.client.files.get(file.id).state, "deleted")
