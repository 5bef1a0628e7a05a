"""The official OpenAI Python client, unmodified, makes, lists, fetches and deletes videos."""

import asyncio
import io
import unittest

import openai

from case import FAST
from gateway import Gateway
from samples import a_png


def setUpModule():
    global gateway, client
    gateway = Gateway()
    client = openai.OpenAI(base_url=gateway.url + "/v1", api_key="unused", max_retries=2)


def tearDownModule():
    client.close()
    gateway.close()


class MakingAVideo(unittest.TestCase):
    def test_create_and_poll_ends_with_a_completed_video_that_can_be_downloaded(self):
        video = client.videos.create_and_poll(model="animatic", prompt="A lighthouse in a storm", **FAST)

        self.assertEqual(video.status, "completed")
        self.assertEqual((video.progress, video.seconds, video.size), (100, "1", "640x360"))
        self.assertEqual(video.model, "animatic")
        content = client.videos.download_content(video.id, variant="video").read()
        self.assertEqual(content[4:8], b"ftyp")

    def test_a_created_video_has_every_field_of_the_specification(self):
        video = client.videos.create(prompt="A lighthouse", **FAST)

        fields = set(video.to_dict())
        wanted = {"id", "object", "model", "status", "progress", "created_at", "completed_at", "expires_at",
                  "prompt", "size", "seconds", "remixed_from_video_id", "error"}
        self.assertEqual(wanted - fields, set())
        self.assertEqual(client.videos.poll(video.id).status, "completed")

    def test_a_create_without_options_gets_the_documented_defaults(self):
        video = client.videos.create(prompt="A lighthouse")

        self.assertEqual((video.seconds, video.size), ("4", "720x1280"))
        client.post(f"/videos/{video.id}/cancel", cast_to=object)
        self.assertEqual(client.videos.poll(video.id).error.code, "cancelled")

    def test_a_picture_as_bytes_becomes_the_first_frame(self):
        video = client.videos.create_and_poll(prompt="It begins to rain", input_reference=a_png(640, 360), **FAST)

        self.assertEqual(video.status, "completed")

    def test_a_picture_as_a_file_becomes_the_first_frame(self):
        picture = ("first.png", io.BytesIO(a_png(640, 360)), "image/png")
        video = client.videos.create_and_poll(prompt="It begins to rain", input_reference=picture, **FAST)

        self.assertEqual(video.status, "completed")

    def test_a_create_as_json_is_read_as_well(self):
        video = client.videos.create(
            prompt="A lighthouse", extra_headers={"Content-Type": "application/json"}, **FAST
        )

        self.assertEqual(client.videos.poll(video.id).status, "completed")

    def test_extra_parameters_reach_the_model(self):
        extra = {"seed": 7, "negative_prompt": "people", "loop": True}
        first = client.videos.create_and_poll(prompt="A beach at dawn", extra_body=extra, **FAST)
        again = client.videos.create_and_poll(prompt="A beach at dawn", extra_body=extra, **FAST)

        self.assertEqual(first.to_dict()["retake"]["seed"], 7)
        digest = lambda video: video.to_dict()["retake"]["output"]["sha256"]
        self.assertEqual(digest(first), digest(again))

    def test_the_async_client_makes_a_video(self):
        async def make():
            async with openai.AsyncOpenAI(base_url=gateway.url + "/v1", api_key="unused") as aclient:
                video = await aclient.videos.create_and_poll(prompt="A lighthouse", **FAST)
                content = await aclient.videos.download_content(video.id)
                return video, content.read()

        video, content = asyncio.run(make())

        self.assertEqual(video.status, "completed")
        self.assertEqual(content[4:8], b"ftyp")


class TheListOfVideos(unittest.TestCase):
    def test_auto_paging_sees_every_video_once_newest_first(self):
        made = [client.videos.create(prompt=f"Shot {n}", **FAST).id for n in range(5)]

        listed = [video.id for video in client.videos.list(limit=2)]

        self.assertEqual(len(listed), len(set(listed)))
        self.assertEqual([id for id in listed if id in made], list(reversed(made)))
        for id in made:
            client.videos.poll(id)

    def test_the_oldest_come_first_when_asked(self):
        first = client.videos.create(prompt="one", **FAST).id
        second = client.videos.create(prompt="two", **FAST).id

        listed = [video.id for video in client.videos.list(order="asc")]

        self.assertLess(listed.index(first), listed.index(second))

    def test_a_limit_of_zero_and_an_unknown_cursor_are_no_errors(self):
        self.assertEqual(client.videos.list(after="after", limit=0).data, [])

    def test_a_deleted_video_is_gone(self):
        video = client.videos.create_and_poll(prompt="A lighthouse", **FAST)

        deleted = client.videos.delete(video.id)

        self.assertTrue(deleted.deleted)
        with self.assertRaises(openai.NotFoundError):
            client.videos.retrieve(video.id)
        with self.assertRaises(openai.NotFoundError):
            client.videos.download_content(video.id)


class Refusals(unittest.TestCase):
    def refused(self, error, code, param=None, **request):
        with self.assertRaises(error) as caught:
            client.videos.create(**request)
        self.assertEqual((caught.exception.code, caught.exception.param), (code, param))
        self.assertTrue(caught.exception.request_id.startswith("req_"))
        return caught.exception.message

    def test_bad_requests_name_their_parameter(self):
        bad = openai.BadRequestError
        self.refused(bad, "empty_prompt", "prompt", prompt="  ")
        self.refused(bad, "prompt_too_long", "prompt", prompt="x" * 32_001)
        self.refused(bad, "unsupported_seconds", "seconds", prompt="p", seconds="999")
        self.refused(bad, "unsupported_size", "size", prompt="p", size="123x457")
        self.refused(bad, "model_shut_down", "model", prompt="p", model="sora-2")
        self.refused(bad, "invalid_image", "input_reference", prompt="p", input_reference=b"no picture")
        self.refused(bad, "reference_size_mismatch", "input_reference", prompt="p", size="1280x720",
                     input_reference=a_png(64, 64))
        message = self.refused(bad, "model_not_found", "model", prompt="p", model="animatik")
        self.assertIn("`animatic`", message)

    def test_a_refused_request_leaves_no_video(self):
        before = [video.id for video in client.videos.list()]

        self.refused(openai.BadRequestError, "unsupported_seconds", "seconds", prompt="p", seconds="0")

        self.assertEqual([video.id for video in client.videos.list()], before)

    def test_an_unknown_video_is_not_found(self):
        for call in (client.videos.retrieve, client.videos.delete, client.videos.download_content):
            with self.assertRaises(openai.NotFoundError) as caught:
                call("video_00000000000000000000000000000000")
            self.assertEqual(caught.exception.code, "video_not_found")

    def test_an_unfinished_video_has_no_content_and_cannot_be_deleted(self):
        video = client.videos.create(prompt="A long journey", seconds="120", size="1280x720")

        for call, code in ((client.videos.download_content, "video_not_ready"), (client.videos.delete, "video_not_ended")):
            with self.assertRaises(openai.ConflictError) as caught:
                call(video.id)
            self.assertEqual(caught.exception.code, code)

        client.post(f"/videos/{video.id}/cancel", cast_to=object)
        cancelled = client.videos.poll(video.id)
        self.assertEqual((cancelled.status, cancelled.error.code), ("failed", "cancelled"))

    def test_the_models_say_what_they_accept(self):
        models = {model.id: model for model in client.models.list()}

        self.assertIn("animatic", models)
        self.assertIn("1280x720", models["animatic"].to_dict()["retake"]["accepts"]["sizes"])


if __name__ == "__main__":
    unittest.main()
