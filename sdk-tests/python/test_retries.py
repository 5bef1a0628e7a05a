"""Answers that are lost on their way: the client repeats its request by itself, and one video is made."""

from case import FAST, GatewayCase, every, settled
from proxy import Line
from samples import a_png


class LostAnswers(GatewayCase):
    def setUp(self):
        super().setUp()
        self.line = Line(self.gateway.url)
        self.addCleanup(self.line.close)
        self.before = [video.id for video in self.client.videos.list()]

    def new_videos(self):
        return [video.id for video in self.client.videos.list() if video.id not in self.before]

    async def check_one_video_is_made(self, how, client, **request):
        self.line.lose_next_answer(how)
        self.line.requests.clear()

        video = await settled(client.videos.create(prompt="A lighthouse", **request, **FAST))

        self.assertEqual(self.line.retry_counts("/v1/videos"), ["0", "1"])
        self.assertEqual(self.new_videos(), [video.id])
        self.assertEqual((await settled(client.videos.poll(video.id))).status, "completed")
        self.before += [video.id]

    async def test_a_create_whose_connection_breaks_is_repeated_and_makes_one_video(self):
        for client in self.each_sdk(self.line.url):
            await self.check_one_video_is_made("cut", client)

    async def test_a_create_whose_answer_never_comes_is_repeated_and_makes_one_video(self):
        for client in self.each_sdk(self.line.url, timeout=2):
            await self.check_one_video_is_made("silence", client)

    async def test_a_create_with_a_picture_is_known_again(self):
        for client in self.each_sdk(self.line.url):
            await self.check_one_video_is_made("cut", client, input_reference=a_png(640, 360))

    async def test_a_remix_is_repeated_and_makes_one_video(self):
        source = self.client.videos.create_and_poll(prompt="A lighthouse", **FAST)
        self.before += [source.id]
        for client in self.each_sdk(self.line.url):
            self.line.lose_next_answer("cut")

            remix = await settled(client.videos.remix(source.id, prompt="A kite"))

            self.assertEqual(self.new_videos(), [remix.id])
            self.before += [remix.id]

    async def test_a_deliberate_second_create_makes_a_second_video(self):
        for client in self.each_sdk(self.line.url):
            first = await settled(client.videos.create(prompt="A kite", **FAST))
            second = await settled(client.videos.create(prompt="A kite", **FAST))

            self.assertNotEqual(second.id, first.id)

    async def test_lists_and_content_come_whole_after_a_lost_answer(self):
        video = self.client.videos.create_and_poll(prompt="A lighthouse", **FAST)
        for client in self.each_sdk(self.line.url):
            self.line.lose_next_answer("cut")
            content = (await settled(client.videos.download_content(video.id))).read()
            self.line.lose_next_answer("cut")
            listed = await every(client.videos.list(limit=3))

            self.assertEqual(len(content), video.to_dict()["retake"]["output"]["bytes"])
            self.assertEqual(len({it.id for it in listed}), len(listed))
            self.assertIn(video.id, [it.id for it in listed])

    async def test_a_conflict_is_told_once_since_asking_again_is_pointless(self):
        running = self.client.videos.create(prompt="A long journey", seconds="60", size="640x360")
        path = f"/v1/videos/{running.id}/content"
        for client in self.each_sdk(self.line.url):
            self.line.requests.clear()
            with self.assertRaises(Exception) as caught:
                await settled(client.videos.download_content(running.id))

            self.assertEqual(caught.exception.code, "video_not_ready")
            self.assertEqual(self.line.retry_counts(path), ["0"])
        self.client.post(f"/videos/{running.id}/cancel", cast_to=object)
