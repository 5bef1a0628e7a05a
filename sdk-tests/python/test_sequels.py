"""Videos that are made from others, named by id or sent as files: remix, edit and extension, by both clients."""

import io
import pathlib
import tempfile

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
        cls.file = cls.client.videos.download_content(cls.source.id).read()

    def forms(self):
        """The file in every form in which this client sends files."""
        with tempfile.NamedTemporaryFile(suffix=".mp4") as named:
            named.write(self.file)
            named.flush()
            with open(named.name, "rb") as opened:
                yield opened
            yield pathlib.Path(named.name)
        yield self.file
        yield io.BytesIO(self.file)
        yield ("clip.mp4", self.file, "video/mp4")

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

    async def test_an_edit_of_a_file_is_as_long_and_as_large(self):
        for client in self.each_sdk():
            for form in self.forms():
                made = await settled(client.videos.edit(prompt="The same in snow", video=form))
                edit = await settled(client.videos.poll(made.id))

                self.assertEqual((edit.status, edit.error), ("completed", None))
                self.assertEqual((edit.seconds, edit.size, edit.model), ("1", "640x360", "animatic"))
                self.assertEqual((edit.remixed_from_video_id, self.told(edit)["made_by"]), (None, "edit"))

    async def test_an_extension_of_a_file_is_the_stitched_whole(self):
        for client in self.each_sdk():
            for form in self.forms():
                made = await settled(client.videos.extend(prompt="It begins to rain", seconds="1", video=form))
                whole = await settled(client.videos.poll(made.id))

                self.assertEqual((whole.status, whole.error), ("completed", None))
                self.assertEqual((whole.seconds, whole.size), ("2", "640x360"))
                self.assertEqual((whole.remixed_from_video_id, self.told(whole)["made_by"]), (None, "extension"))
                self.assertEqual(self.told(whole)["output"]["duration_ms"], 2000)

    async def test_a_file_that_is_no_video_is_refused(self):
        for client in self.each_sdk():
            for file in (b"", b"Example data", self.file[: len(self.file) // 2]):
                with self.assertRaises(openai.BadRequestError) as caught:
                    await settled(client.videos.extend(prompt="It begins to rain", seconds="1", video=file))

                self.assertEqual((caught.exception.code, caught.exception.param), ("invalid_video", "video"))

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
