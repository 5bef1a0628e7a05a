"""Webhooks: endpoints are managed with the client, and what arrives passes its `unwrap`."""

import http.server
import os
import pathlib
import queue
import re
import socket
import subprocess
import sys
import threading
import time

import openai

from case import FAST, GatewayCase, every, settled


GUIDE = pathlib.Path(__file__).parents[2] / "docs" / "webhooks.md"
BOTH = ["video.completed", "video.failed"]
PATIENCE = 60


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

    def next(self):
        return self.deliveries.get(timeout=PATIENCE)

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Webhooks(GatewayCase):
    # Receivers of tests are on this machine.
    variables = {"RETAKE_SERVER__ALLOW_PRIVATE_ADDRESSES": "true"}

    def receiver(self):
        receiver = Receiver()
        self.addCleanup(receiver.close)
        return receiver

    def endpoint(self, url, event_types=BOTH):
        endpoint = self.client.webhooks.create(name="tests", url=url, event_types=event_types)
        self.addCleanup(self.client.webhooks.delete, endpoint.id)
        return endpoint

    async def test_endpoints_are_managed_with_the_client(self):
        for client in self.each_sdk():
            made = await settled(client.webhooks.create(
                name="shop", url="https://shop.example/hook", event_types=["video.completed"]))
            self.assertEqual((made.object, made.event_types), ("webhook_endpoint", ["video.completed"]))
            self.assertTrue(made.signing_secret.startswith("whsec_"))

            changed = await settled(client.webhooks.update(made.id, name="another", event_types=BOTH))
            shown = await settled(client.webhooks.retrieve(made.id))
            self.assertEqual((shown.name, shown.event_types), ("another", BOTH))
            self.assertEqual(shown.to_dict(), changed.to_dict())
            self.assertNotIn(made.signing_secret, shown.to_json())
            rotated = await settled(client.webhooks.rotate_secret(made.id))
            self.assertNotEqual(rotated.signing_secret, made.signing_secret)
            listed = [endpoint.id for endpoint in await every(client.webhooks.list(limit=1))]
            self.assertEqual(listed, [made.id])
            deleted = await settled(client.webhooks.delete(made.id))
            self.assertEqual((deleted.deleted, deleted.object), (True, "webhook_endpoint.deleted"))
            with self.assertRaises(openai.NotFoundError) as caught:
                await settled(client.webhooks.retrieve(made.id))
            self.assertEqual(caught.exception.code, "webhook_endpoint_not_found")
            types = await settled(client.webhooks.event_types.list())
            self.assertEqual(types.data, BOTH)

    def test_what_arrives_is_unwrapped(self):
        receiver = self.receiver()
        endpoint = self.endpoint(receiver.url)

        video = self.client.videos.create_and_poll(prompt="A lighthouse", **FAST)
        body, headers = receiver.next()

        event = self.client.webhooks.unwrap(body, headers, secret=endpoint.signing_secret)
        self.assertEqual((event.type, event.data.id), ("video.completed", video.id))
        self.assertEqual(event.id, headers["webhook-id"])
        with self.assertRaises(openai.InvalidWebhookSignatureError):
            self.client.webhooks.unwrap(body + b" ", headers, secret=endpoint.signing_secret)
        with self.assertRaises(openai.InvalidWebhookSignatureError):
            self.client.webhooks.unwrap(body, headers, secret="whsec_" + "A" * 43 + "=")

    def test_a_cancelled_video_is_told_as_failed(self):
        receiver = self.receiver()
        endpoint = self.endpoint(receiver.url, ["video.failed"])

        video = self.client.videos.create(prompt="A long journey", seconds="60", size="640x360")
        self.client.post(f"/videos/{video.id}/cancel", cast_to=object)
        body, headers = receiver.next()

        event = self.client.webhooks.unwrap(body, headers, secret=endpoint.signing_secret)
        self.assertEqual((event.type, event.data.id), ("video.failed", video.id))

    def test_a_test_delivery_is_signed_with_both_secrets_while_one_is_replaced(self):
        receiver = self.receiver()
        old = self.endpoint(receiver.url)
        new = self.client.webhooks.rotate_secret(old.id, keep_old_secret_active_for_24_hours=True)

        result = self.client.webhooks.test(old.id, event_type="video.failed")

        self.assertEqual((result.status_code, result.success), (204, True))
        self.assertEqual((result.object, result.webhook_endpoint_id), ("webhook_endpoint.test", old.id))
        body, headers = receiver.next()
        for secret in (old.signing_secret, new.signing_secret):
            event = self.client.webhooks.unwrap(body, headers, secret=secret)
            self.assertEqual(event.type, "video.failed")

    def test_refusals_are_the_error_classes_of_the_client(self):
        for url, code in (("http://169.254.169.254/", "address_not_allowed"), ("receiver", "invalid_value")):
            with self.assertRaises(openai.BadRequestError) as caught:
                self.client.webhooks.create(name="n", url=url, event_types=BOTH)
            self.assertEqual((caught.exception.code, caught.exception.param), (code, "url"))
        nobody = self.endpoint("http://127.0.0.1:1/")
        with self.assertRaises(openai.UnprocessableEntityError) as caught:
            self.client.webhooks.test(nobody.id, event_type="video.failed")
        self.assertEqual(caught.exception.code, "webhook_test_failed")

    def test_the_receiver_of_the_guide_works(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        endpoint = self.endpoint(f"http://127.0.0.1:{port}/hook")
        indented = re.search(r"^   ```python\n(.*?)^   ```$", GUIDE.read_text(), re.M | re.S).group(1)
        example = re.sub(r"^   ", "", indented, flags=re.M)
        self.assertIn("PORT = 9000", example)
        receiver = subprocess.Popen(
            [sys.executable, "-c", example.replace("PORT = 9000", f"PORT = {port}")],
            env=os.environ | {"OPENAI_WEBHOOK_SECRET": endpoint.signing_secret},
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(receiver.stdout.close)
        self.addCleanup(receiver.wait)
        self.addCleanup(receiver.kill)
        self.until("the receiver listens", lambda: self.listens(port))

        video = self.client.videos.create_and_poll(prompt="A lighthouse", **FAST)

        self.assertEqual(receiver.stdout.readline(), f"video.completed {video.id}\n")
        path = f"/webhook_endpoints/{endpoint.id}/deliveries"
        tries = self.until("the try is on record",
                           lambda: self.client.get(path, cast_to=object)["data"][0]["tries"])
        self.assertEqual([one["status_code"] for one in tries], [204])
        replaced = self.client.webhooks.rotate_secret(endpoint.id)
        self.assertNotEqual(replaced.signing_secret, endpoint.signing_secret)
        self.assertEqual(self.client.webhooks.test(endpoint.id, event_type="video.failed").status_code, 400)

    def listens(self, port):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        except OSError:
            return False

    def until(self, what, look):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if seen := look():
                return seen
            time.sleep(0.02)
        self.fail(f"not in time: {what}")
