"""The official Runway SDK, unmodified, against the lab's emulator: whether that is faithful, its own client judges."""

import urllib.error
import urllib.request

import runwayml
from runwayml.lib.polling import TaskFailedError

from lab import LabCase

GENEROUS = "[providers.runway]\nconcurrency = 1000\n"


class RunwayCase(LabCase):
    scenario = GENEROUS

    def setUp(self):
        self.client = self.sdk()

    def sdk(self, **options):
        options = {"base_url": self.lab.urls["runway"], "api_key": "key_lab", "max_retries": 0} | options
        client = runwayml.RunwayML(**options)
        self.addCleanup(client.close)
        return client

    def create(self, prompt="a cat", **options):
        options = {"model": "gen4.5", "ratio": "1280:720", "duration": 5} | options
        return self.client.text_to_video.create(prompt_text=prompt, **options)

    def finished(self, prompt="a cat", **options):
        """A task that has come to its end, after ten minutes of the lab's."""
        made = self.create(prompt, **options)
        self.lab.advance("10m")
        return self.client.tasks.retrieve(made.id)

    def download(self, url):
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.read()

    def refused(self, error, call):
        with self.assertRaises(error) as caught:
            call()
        return caught.exception


class Tasks(RunwayCase):
    # verifies: runway: text, download
    def test_a_task_is_created_waited_for_and_downloaded(self):
        made = self.create()
        task = made.wait_for_task_output(timeout=60)

        self.assertEqual(made.estimated_cost.credits, 60)
        self.assertEqual((task.status, task.cost.credits), ("SUCCEEDED", 60))
        self.assertEqual(self.download(task.output[0])[4:8], b"ftyp")
        self.assertEqual(self.lab.entry(made.id)["billed_micros"], 600_000)

    # verifies: runway: image
    def test_an_image_is_uploaded_and_animated(self):
        upload = self.client.uploads.create_ephemeral(file=("a.png", b"\x89PNG\r\n\x1a\n" + bytes(1024)))
        made = self.client.image_to_video.create(
            model="gen4_turbo", prompt_image=upload.uri, ratio="960:960", duration=2
        )
        self.lab.advance("10m")

        self.assertEqual(self.client.tasks.retrieve(made.id).status, "SUCCEEDED")
        gone = lambda: self.client.image_to_video.create(
            model="gen4_turbo", prompt_image="runway://gone", ratio="960:960"
        )
        self.assertEqual(self.refused(runwayml.BadRequestError, gone).body["issues"][0]["path"], ["promptImage"])

    def test_a_task_is_throttled_above_the_concurrency(self):
        self.lab.play("[providers.runway]\nconcurrency = 1\n")
        self.client = self.sdk(api_key="key_of_its_own")
        first, second = self.create("lab:stuck"), self.create()
        self.lab.advance("10m")

        self.assertEqual(self.client.tasks.retrieve(second.id).status, "THROTTLED")
        self.client.tasks.delete(first.id)
        self.lab.advance("10m")
        self.assertEqual(self.client.tasks.retrieve(second.id).status, "SUCCEEDED")

    # verifies: runway: cancel
    def test_a_deleted_task_is_gone(self):
        made = self.create("lab:stuck")
        self.client.tasks.delete(made.id)

        self.refused(runwayml.NotFoundError, lambda: self.client.tasks.retrieve(made.id))
        self.refused(runwayml.NotFoundError, lambda: self.client.tasks.delete(made.id))

    def test_an_expired_link_is_renewed_by_another_look(self):
        task = self.finished()
        self.lab.advance("25h")

        error = self.refused(urllib.error.HTTPError, lambda: self.download(task.output[0]))
        self.assertEqual(error.code, 403)
        error.close()
        renewed = self.client.tasks.retrieve(task.id)
        self.assertEqual(self.download(renewed.output[0])[4:8], b"ftyp")


class Failures(RunwayCase):
    # verifies: runway: failures
    def test_every_cause_has_its_failure_code_and_its_cost(self):
        for cause, code, credits in [
            ("runtime_error", "INTERNAL.BAD_OUTPUT.CODE01", 0),
            ("content_moderation", "SAFETY.INPUT.IMAGE", 60),
            ("capacity", "THIRD_PARTY.UNAVAILABLE", 0),
            ("invalid_request", "ASSET.INVALID", 0),
            ("dependency_timeout", "INTERNAL", 0),
            ("account", None, 0),
        ]:
            with self.subTest(cause):
                task = self.finished(f"lab:fail={cause}/{code}")
                self.assertEqual((task.status, task.failure_code), ("FAILED", code))
                self.assertEqual(task.cost.credits, credits)
                self.assertTrue(task.failure)
                self.assertEqual(self.lab.entry(task.id)["true_cause"], cause)

    def test_the_waiter_raises_for_a_failed_task(self):
        made = self.create("an [unsafe-output] thing")
        error = self.refused(TaskFailedError, lambda: made.wait_for_task_output(timeout=60))

        self.assertEqual(error.task_details.failure_code, "SAFETY.OUTPUT.VIDEO")

    def test_a_refused_create_raises_by_its_status(self):
        for prompt, error, status in [
            ("lab:refused=runtime_error", runwayml.InternalServerError, 500),
            ("lab:refused=content_moderation", runwayml.BadRequestError, 400),
            ("lab:refused=capacity/503", runwayml.InternalServerError, 503),
            ("lab:refused=invalid_request", runwayml.BadRequestError, 400),
            ("lab:refused=dependency_timeout", runwayml.InternalServerError, 504),
            ("lab:refused=account/suspended", runwayml.AuthenticationError, 401),
            ("lab:refused=account/credits", runwayml.BadRequestError, 400),
            ("lab:credit-out", runwayml.BadRequestError, 400),
            ("lab:rate-limited", runwayml.RateLimitError, 429),
        ]:
            with self.subTest(prompt):
                self.assertEqual(self.refused(error, lambda: self.create(prompt)).status_code, status)

    def test_the_daily_limit_tells_when_to_come_again(self):
        self.lab.play("[providers.runway]\ncreates_per_day = 1\n")
        self.client = self.sdk(api_key="key_of_a_small_account")
        self.create()

        error = self.refused(runwayml.RateLimitError, self.create)
        self.assertIn("daily", error.body["error"])
        self.assertGreater(int(error.response.headers["retry-after"]), 0)

    # verifies: runway: parameters
    def test_a_wrong_parameter_is_listed_as_an_issue(self):
        error = self.refused(runwayml.BadRequestError, lambda: self.create(duration=11))

        issue = error.body["issues"][0]
        self.assertEqual((issue["code"], issue["path"], issue["maximum"]), ("too_big", ["duration"], 10))

    def test_another_version_of_the_api_is_refused(self):
        old = self.sdk(runway_version="2023-01-01")
        self.refused(runwayml.BadRequestError, lambda: old.tasks.retrieve("any"))

    def test_a_create_that_was_cut_off_is_accepted_nevertheless(self):
        self.refused(runwayml.APIConnectionError, lambda: self.create("lab:drop-after-accept"))

        entry = self.lab.ledger("runway")["entries"][-1]
        self.assertTrue(entry["accepted"])


class Account(RunwayCase):
    # verifies: runway: credits
    def test_credits_limits_and_usage_are_told(self):
        self.client = self.sdk(api_key="key_of_the_books")
        before = self.client.organization.retrieve()
        self.finished()
        after = self.client.organization.retrieve()
        usage = self.client.organization.retrieve_usage()

        self.assertEqual(before.credit_balance - after.credit_balance, 60)
        self.assertEqual(after.tier.models["gen4.5"].max_concurrent_generations, 1000)
        self.assertEqual(after.usage.models["gen4.5"].daily_generations, 1)
        self.assertEqual((usage.models, usage.results[0].used_credits[0].amount), (["gen4.5"], 60))
