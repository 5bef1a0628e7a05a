"""What stands around the objects: pages, headers, ranges and streams, by both clients."""

import hashlib

import openai

from case import FAST, GatewayCase, every, settled


class Pages(GatewayCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.made = [cls.client.videos.create(prompt=f"Shot {n}", **FAST).id for n in range(7)]

    async def test_auto_paging_sees_every_video_once_in_order(self):
        newest_first = list(reversed(self.made))
        for client in self.each_sdk():
            for limit in (1, 3, 7, 100):
                self.assertEqual([it.id for it in await every(client.videos.list(limit=limit))], newest_first)
            oldest_first = await every(client.videos.list(limit=2, order="asc"))
            self.assertEqual([it.id for it in oldest_first], self.made)

    async def test_a_page_says_whether_there_is_another_and_leads_there(self):
        for client in self.each_sdk():
            page = await settled(client.videos.list(limit=4, order="asc"))
            rest = await settled(page.get_next_page())

            self.assertEqual((page.first_id, page.last_id, page.has_more), (self.made[0], self.made[3], True))
            self.assertEqual([it.id for it in rest.data], self.made[4:])
            self.assertFalse(rest.has_next_page())

    async def test_what_a_list_cannot_be_asked_for_is_named(self):
        for client in self.each_sdk():
            for query, param in (({"limit": 101}, "limit"), ({"limit": -1}, "limit"), ({"order": "up"}, "order")):
                with self.assertRaises(openai.BadRequestError) as caught:
                    await every(client.videos.list(**query))
                self.assertEqual((caught.exception.code, caught.exception.param), ("invalid_value", param))


class Headers(GatewayCase):
    async def test_a_raw_answer_has_its_request_id_and_says_when_to_ask_again(self):
        for client in self.each_sdk():
            raw = await settled(client.videos.with_raw_response.create(prompt="A lighthouse", **FAST))
            video = raw.parse()

            self.assertTrue(raw.headers["x-request-id"].startswith("req_"))
            self.assertEqual(video._request_id, raw.headers["x-request-id"])
            self.assertGreater(int(raw.headers["openai-poll-after-ms"]), 0)
            self.assertEqual((await settled(client.videos.poll(video.id))).status, "completed")

    async def test_the_id_of_a_request_differs_from_call_to_call(self):
        for client in self.each_sdk():
            raws = [await settled(client.models.with_raw_response.list()) for _ in range(3)]

            self.assertEqual(len({raw.headers["x-request-id"] for raw in raws}), 3)


class Content(GatewayCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.video = cls.client.videos.create_and_poll(prompt="A lighthouse", **FAST)
        cls.output = cls.video.to_dict()["retake"]["output"]
        cls.whole = cls.client.videos.download_content(cls.video.id).read()

    async def part(self, client, asked):
        headers = {"Range": asked}
        raw = await settled(client.videos.with_raw_response.download_content(self.video.id, extra_headers=headers))
        return raw.http_response.status_code, raw.headers.get("content-range"), raw.http_response.content

    def test_the_content_is_what_the_video_says_of_it(self):
        self.assertEqual(len(self.whole), self.output["bytes"])
        self.assertEqual(hashlib.sha256(self.whole).hexdigest(), self.output["sha256"])

    async def test_a_range_is_a_part_of_the_content(self):
        size = len(self.whole)
        for client in self.each_sdk():
            self.assertEqual(
                await self.part(client, "bytes=4-11"), (206, f"bytes 4-11/{size}", self.whole[4:12])
            )
            self.assertEqual(
                await self.part(client, "bytes=-10"), (206, f"bytes {size - 10}-{size - 1}/{size}", self.whole[-10:])
            )

    async def test_a_range_beyond_the_content_is_refused_with_the_size(self):
        for client in self.each_sdk():
            with self.assertRaises(openai.APIStatusError) as caught:
                await self.part(client, f"bytes={len(self.whole)}-")

            self.assertEqual((caught.exception.status_code, caught.exception.code), (416, "range_not_satisfiable"))
            self.assertEqual(caught.exception.response.headers["content-range"], f"bytes */{len(self.whole)}")

    def test_content_is_streamed(self):
        with self.client.videos.with_streaming_response.download_content(self.video.id) as answer:
            streamed = b"".join(answer.iter_bytes(chunk_size=1000))

        self.assertEqual(answer.headers["content-type"], "video/mp4")
        self.assertEqual(streamed, self.whole)

    async def test_the_async_client_streams_content_too(self):
        client = self.async_sdk()
        async with client.videos.with_streaming_response.download_content(self.video.id) as answer:
            streamed = b"".join([piece async for piece in answer.iter_bytes(chunk_size=1000)])

        self.assertEqual(streamed, self.whole)

    async def test_an_unknown_variant_is_refused(self):
        for client in self.each_sdk():
            with self.assertRaises(openai.BadRequestError) as caught:
                await settled(client.videos.download_content(self.video.id, variant="hologram"))

            self.assertEqual((caught.exception.code, caught.exception.param), ("invalid_value", "variant"))
