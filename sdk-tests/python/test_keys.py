"""API keys as the clients meet them: every refusal arrives as the error class that OpenAI documents."""

import threading

import openai

from case import FAST, GatewayCase, every, settled


LONG = {"prompt": "A long journey", "seconds": "60", "size": "640x360"}


class Keys(GatewayCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = cls.a_key("admin", "unused", admin=True)

    @classmethod
    def a_key(cls, name, by=None, **wish):
        client = cls.client.with_options(api_key=by or cls.admin)
        return client.post("/../retake/v1/keys", body={"name": name, **wish}, cast_to=object)["key"]

    async def test_an_unknown_key_is_an_authentication_error(self):
        for client in self.each_sdk(api_key="rtk_unknown"):
            for call in (lambda: client.videos.create(prompt="A lighthouse", **FAST), client.models.list):
                with self.assertRaises(openai.AuthenticationError) as caught:
                    await every(await settled(call()))
                self.assertEqual((caught.exception.status_code, caught.exception.code), (401, "invalid_api_key"))
                self.assertTrue(caught.exception.request_id.startswith("req_"))

    async def test_a_revoked_key_is_an_authentication_error(self):
        client = self.client.with_options(api_key=self.admin)
        made = client.post("/../retake/v1/keys", body={"name": "short"}, cast_to=object)
        client.delete(f"/../retake/v1/keys/{made['id']}", cast_to=object)

        for client in self.each_sdk(api_key=made["key"]):
            with self.assertRaisesRegex(openai.AuthenticationError, "was revoked"):
                await settled(client.videos.retrieve("video_00000000000000000000000000000000"))

    async def test_managing_keys_without_admin_rights_is_a_permission_error(self):
        for client in self.each_sdk(api_key=self.a_key("plain")):
            with self.assertRaises(openai.PermissionDeniedError) as caught:
                await settled(client.post("/../retake/v1/keys", body={"name": "more"}, cast_to=object))

            self.assertEqual((caught.exception.status_code, caught.exception.code), (403, "permission_denied"))

    async def test_videos_of_another_key_are_not_found_and_not_listed(self):
        north, south = self.a_key("north"), self.a_key("south")
        video = self.sdk(api_key=north).videos.create_and_poll(prompt="A lighthouse", **FAST)

        for client in self.each_sdk(api_key=south):
            calls = (client.videos.retrieve, client.videos.download_content, client.videos.delete)
            for call in (*calls, lambda id: client.videos.remix(id, prompt="A kite")):
                with self.assertRaises(openai.NotFoundError) as caught:
                    await settled(call(video.id))
                self.assertEqual(caught.exception.code, "video_not_found")
            self.assertEqual(await every(client.videos.list()), [])
        self.assertEqual([it.id for it in self.sdk(api_key=north).videos.list()], [video.id])

    async def test_a_key_with_too_many_open_videos_is_rate_limited_and_told_when_to_come_back(self):
        key = self.a_key("narrow", max_open=1)
        running = self.sdk(api_key=key).videos.create(**LONG)

        for client in self.each_sdk(api_key=key, max_retries=0):
            with self.assertRaises(openai.RateLimitError) as caught:
                await settled(client.videos.create(**LONG))
            self.assertEqual((caught.exception.status_code, caught.exception.code), (429, "concurrency_limit_exceeded"))
            self.assertGreater(int(caught.exception.response.headers["retry-after"]), 0)

        self.sdk(api_key=key).post(f"/videos/{running.id}/cancel", cast_to=object)

    def test_a_client_that_waits_as_told_gets_a_video_of_its_own(self):
        key = self.a_key("patient", max_open=1)
        client = self.sdk(api_key=key)
        running = client.videos.create(**LONG)
        # Once the first create was refused and before the client comes back.
        cancel = threading.Timer(1, lambda: client.post(f"/videos/{running.id}/cancel", cast_to=object))
        cancel.start()

        # The very same request as before: it is meant, and must not be taken for a repetition.
        second = client.videos.create(**LONG)

        cancel.join()
        client.post(f"/videos/{second.id}/cancel", cast_to=object)
        self.assertNotEqual(second.id, running.id)


class Idempotency(GatewayCase):
    async def test_an_idempotency_key_gives_one_video_and_refuses_another_request(self):
        for client in self.each_sdk():
            key = {"Idempotency-Key": f"order-{type(client).__name__}"}
            first = await settled(client.videos.create(prompt="A lighthouse", extra_headers=key, **FAST))
            again = await settled(client.videos.create(prompt="A lighthouse", extra_headers=key, **FAST))
            with self.assertRaises(openai.UnprocessableEntityError) as caught:
                await settled(client.videos.create(prompt="A kite", extra_headers=key, **FAST))

            self.assertEqual(again.id, first.id)
            self.assertEqual((caught.exception.status_code, caught.exception.code), (422, "idempotency_key_reused"))
        self.assertEqual(len(list(self.client.videos.list())), 2)
