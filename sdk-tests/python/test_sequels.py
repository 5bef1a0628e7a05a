"""Videos that are made from others: remix, edit and extension, by both clients."""

import openai

from case import FAST, GatewayCase, settled


def naming(video):
    """A source video as the client can be made to send it: its own way of naming one by id raises an error."""
    return {"video": openai.omit, "extra_body": {"video": {"id": video.id}}}


class Sequels(GatewayCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.source = cls.client.videos.create_and_poll(prompt="A lighthouse at dusk", **FAST)

    def told(self, video):
        return video.to_dict()["retake"]

    async def test_a_remix_is_the_same_scene_under_another_prompt(self):
        for client in self.each_sdk():
            made = await settled(client.videos.remix(self.source.id, prompt="A kite at night"))
            remix = await settled(client.videos.poll(made.id))

            self.assertEqual((remix.status, remix.prompt), ("completed", "A kite at night"))
            self.assertEqual(remix.remixed_from_video_id, self.source.id)
            self.assertEqual((remix.seconds, remix.size, remix.model), ("1", "640x360", self.source.model))
            self.assertEqual(self.told(remix)["seed"], self.told(self.source)["seed"])

    async def test_an_edit_changes_a_video_named_by_id(self):
        for client in self.each_sdk():
            made = await settled(client.videos.edit(prompt="The same in snow", **naming(self.source)))
            edit = await settled(client.videos.poll(made.id))

            self.assertEqual((edit.status, edit.prompt), ("completed", "The same in snow"))
            self.assertEqual((edit.seconds, edit.size), ("1", "640x360"))
            self.assertNotEqual(self.told(edit)["output"]["sha256"], self.told(self.source)["output"]["sha256"])

    async def test_an_extension_is_the_stitched_whole(self):
        for client in self.each_sdk():
            made = await settled(
                client.videos.extend(prompt="It begins to rain", seconds="1", **naming(self.source))
            )
            extension = await settled(client.videos.poll(made.id))

            self.assertEqual((extension.status, extension.error), ("completed", None))
            self.assertEqual((extension.seconds, extension.size), ("2", "640x360"))
            self.assertEqual(self.told(extension)["output"]["duration_ms"], 2000)

    async def test_a_source_that_is_unfinished_or_unknown_is_refused(self):
        running = self.client.videos.create(prompt="A long journey", seconds="60", size="640x360")
        unknown = running.model_copy(update={"id": "video_00000000000000000000000000000000"})
        for client in self.each_sdk():
            with self.assertRaises(openai.ConflictError) as early:
                await settled(client.videos.edit(prompt="In snow", **naming(running)))
            with self.assertRaises(openai.NotFoundError) as missing:
                await settled(client.videos.edit(prompt="In snow", **naming(unknown)))

            self.assertEqual((early.exception.code, missing.exception.code), ("video_not_ready", "video_not_found"))
        self.client.post(f"/videos/{running.id}/cancel", cast_to=object)

    async def test_what_is_missing_is_named(self):
        for client in self.each_sdk():
            with self.assertRaises(openai.BadRequestError) as caught:
                await settled(client.videos.edit(prompt="In snow", video=openai.omit))

            self.assertEqual((caught.exception.code, caught.exception.param), ("missing_required_parameter", "video"))
