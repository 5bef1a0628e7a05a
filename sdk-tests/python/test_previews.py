"""Thumbnails, spritesheets and characters, by both clients."""

import openai

from case import FAST, GatewayCase, settled


class Previews(GatewayCase):
    async def test_a_finished_video_has_a_thumbnail_and_a_spritesheet(self):
        video = self.client.videos.create_and_poll(prompt="A lighthouse", **FAST)
        for client in self.each_sdk():
            for variant, kind, begins in (
                ("thumbnail", "image/webp", b"RIFF"), ("spritesheet", "image/jpeg", b"\xff\xd8\xff")
            ):
                content = await settled(client.videos.download_content(video.id, variant=variant))

                self.assertEqual(content.response.headers["content-type"], kind)
                self.assertTrue(content.content.startswith(begins))


class Characters(GatewayCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        video = cls.client.videos.create_and_poll(prompt="A keeper", seconds="2", size="1280x720")
        cls.clip = ("clip.mp4", cls.client.videos.download_content(video.id).read(), "video/mp4")

    async def test_a_clip_becomes_a_character_that_appears_in_a_video(self):
        for client in self.each_sdk():
            made = await settled(client.videos.create_character(name="Keeper", video=self.clip))
            known = await settled(client.videos.get_character(made.id))
            self.assertEqual((known.id, known.name, known.created_at), (made.id, "Keeper", made.created_at))

            video = await settled(client.videos.create_and_poll(
                prompt="Keeper climbs the stairs", extra_body={"characters": [{"id": made.id}]}, **FAST
            ))
            self.assertEqual((video.status, video.error), ("completed", None))

    async def test_a_clip_that_is_none_and_a_character_that_is_unknown_are_refused(self):
        for client in self.each_sdk():
            with self.assertRaises(openai.BadRequestError) as broken:
                await settled(client.videos.create_character(name="Keeper", video=b"Example data"))
            with self.assertRaises(openai.NotFoundError) as unknown:
                await settled(client.videos.get_character("char_00000000000000000000000000000000"))

            self.assertEqual((broken.exception.code, broken.exception.param), ("invalid_video", "video"))
            self.assertEqual(unknown.exception.code, "character_not_found")
