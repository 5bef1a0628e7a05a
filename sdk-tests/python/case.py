"""What the tests share: a gateway for each class of tests, and one way to write for both clients."""

import asyncio
import inspect
import unittest
import warnings

import openai

from gateway import Gateway


FAST = {"seconds": "1", "size": "640x360"}


class GatewayCase(unittest.IsolatedAsyncioTestCase):
    """Tests with a gateway of their own, and a sync client for it."""

    # What the gateway's environment says besides.
    variables = {}

    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway(cls.variables)
        cls.addClassCleanup(cls.gateway.close)
        cls.client = openai.OpenAI(base_url=cls.gateway.url + "/v1", api_key="unused")
        cls.addClassCleanup(cls.client.close)

    def setUp(self):
        # The client says of every call that OpenAI's own service has ended.
        warnings.simplefilter("ignore", DeprecationWarning)

    async def asyncSetUp(self):
        # In debug mode, which this kind of test case turns on, every sync call would be reported as slow.
        asyncio.get_running_loop().set_debug(False)

    def sdk(self, url=None, **options):
        """Another sync client, closed when the test is over."""
        options = {"base_url": (url or self.gateway.url) + "/v1", "api_key": "unused"} | options
        client = openai.OpenAI(**options)
        self.addCleanup(client.close)
        return client

    def async_sdk(self, url=None, **options):
        """An async client, closed when the test is over."""
        options = {"base_url": (url or self.gateway.url) + "/v1", "api_key": "unused"} | options
        client = openai.AsyncOpenAI(**options)
        self.addAsyncCleanup(client.close)
        return client

    def each_sdk(self, url=None, **options):
        """The sync client, then the async one, each in a subtest of its own."""
        for make in (self.sdk, self.async_sdk):
            client = make(url, **options)
            with self.subTest(client=type(client).__name__):
                yield client


async def settled(answer):
    """The answer of either client."""
    return await answer if inspect.isawaitable(answer) else answer


async def every(pages):
    """All items of a list, of either client, with as many requests as that takes."""
    return [item async for item in pages] if hasattr(pages, "__aiter__") else list(pages)
