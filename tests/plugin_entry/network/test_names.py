"""Look-ups: shared, remembered, bounded, and never in the way of other names."""

import asyncio
import resource
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest

from plugin_entry.network import names
from plugin_entry.network.names import NameLookups, NameTimeoutError, domain_of
from tests.servers.name_service import NameService, naming

HERE = ("127.0.0.1",)


def run(work: Callable[[NameLookups], Awaitable[Any]]) -> Any:
    """On a loop of its own, as the command line has one."""

    async def with_lookups() -> Any:
        return await asyncio.wait_for(work(NameLookups()), 10)

    return asyncio.run(with_lookups())


async def many(lookups: NameLookups, wanted: list[str], owner: str = "") -> list[asyncio.Task[Any]]:
    tasks = [asyncio.ensure_future(lookups.addresses(name, owner)) for name in wanted]
    await asyncio.sleep(0)
    return tasks


async def asked(service: NameService, count: int) -> list[str]:
    """What was asked, once it is so many names; threads need a moment to begin."""
    for _ in range(10_000):
        if len(service.asked) >= count:
            break
        await asyncio.sleep(0.001)
    return service.asked


def test_one_look_up_for_all_who_wait() -> None:
    async def work(lookups: NameLookups) -> None:
        waiting = await many(lookups, ["a.example"] * 50)
        assert await asyncio.gather(*waiting) == [HERE] * 50

    with naming({"a.example": HERE}) as service:
        run(work)
        assert service.asked == ["a.example"]


def test_answers_and_failures_are_believed_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(lookups: NameLookups) -> None:
        for _ in range(3):
            assert await lookups.addresses("a.example") == HERE
            with pytest.raises(socket.gaierror):
                await lookups.addresses("b.example")
        assert service.asked == ["a.example", "b.example"]
        monkeypatch.setattr(names, "KNOWN_S", -1.0)
        monkeypatch.setattr(names, "FAILED_S", -1.0)
        await lookups.addresses("a.example")
        assert service.asked == ["a.example", "b.example", "a.example"]

    with naming({"a.example": HERE}) as service:
        run(work)


def test_slow_names_leave_others_their_threads() -> None:
    """More slow names than there are threads, of several domains: other names are answered as ever."""
    slow = [f"n{number}.d{number % 3}.slow" for number in range(names.THREADS * 2)]

    async def work(lookups: NameLookups) -> None:
        assert await lookups.addresses("good.example") == HERE
        waiting = await many(lookups, slow)
        assert await lookups.addresses("good.example") == HERE, "believed"
        answer = lookups._answers.get("good.example")
        assert answer is not None
        lookups._answers.put("good.example", attrs.evolve(answer, came=-1e9))
        assert await lookups.addresses("good.example") == HERE, "asked anew"
        service.release()
        assert all(isinstance(error, socket.gaierror) for error in await asyncio.gather(*waiting, return_exceptions=True))

    with naming({"good.example": HERE}, slow=(".slow",)) as service:
        run(work)
        assert sorted(set(service.asked)) == sorted([*slow, "good.example"])


def test_slow_names_of_one_domain_leave_new_names_their_threads() -> None:
    async def work(lookups: NameLookups) -> None:
        waiting = await many(lookups, [f"n{number}.evil.slow" for number in range(100)])
        assert await lookups.addresses("new.example") == HERE
        assert len(await asked(service, names.OF_ONE_DOMAIN + 1)) == names.OF_ONE_DOMAIN + 1
        service.release()
        await asyncio.gather(*waiting, return_exceptions=True)

    with naming({"new.example": HERE}, slow=(".slow",)) as service:
        run(work)


def test_links_of_one_tenant_have_two_at_a_time() -> None:
    async def work(lookups: NameLookups) -> None:
        waiting = await many(lookups, [f"n.d{number}.slow" for number in range(30)], owner="tenant")
        other = await many(lookups, ["n.other.slow"], owner="other")
        assert sorted(await asked(service, names.OF_ONE_OWNER + 1)) == ["n.d0.slow", "n.d1.slow", "n.other.slow"]
        service.release()
        await asyncio.gather(*waiting, *other, return_exceptions=True)
        assert len(service.asked) == 31

    with naming({}, slow=(".slow",)) as service:
        run(work)


def test_a_name_that_takes_too_long_is_told_so_and_the_next_who_asks_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "PATIENCE_S", 0.02)

    async def work(lookups: NameLookups) -> None:
        with pytest.raises(NameTimeoutError):
            await lookups.addresses("a.slow")
        monkeypatch.setattr(names, "PATIENCE_S", 0.0)
        with pytest.raises(NameTimeoutError):
            await lookups.addresses("a.slow")
        assert service.asked == ["a.slow"]

    with naming({}, slow=(".slow",)) as service:
        run(work)


def test_what_nobody_wants_any_more_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "THREADS", 9)

    async def work(lookups: NameLookups) -> None:
        first, *others = await many(lookups, ["a.slow", "b.slow", "c.slow"])
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        service.release()
        await asyncio.gather(first, return_exceptions=True)
        assert service.asked == ["a.slow"]

    with naming({}, slow=(".slow",)) as service:
        run(work)


def test_without_descriptors_the_error_says_so() -> None:
    """The resolver calls every name unknown when it cannot open its files."""

    async def work(lookups: NameLookups) -> OSError:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # No number at all is left: one that is free today may be closed by whatever else runs here, in the middle of the test.
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        try:
            with pytest.raises(OSError, match="no descriptor is left") as caught:
                await lookups.addresses("a.example")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return caught.value

    with naming({}):
        assert run(work).errno in {24}


def test_the_systems_own_names() -> None:
    async def work(lookups: NameLookups) -> Any:
        return await lookups.addresses("localhost")

    assert "127.0.0.1" in run(work)


@pytest.mark.parametrize("name", ["", "a" * 300, "\udcff.example", "a..b", "x" * 64 + ".example"])
def test_names_that_are_none(name: str) -> None:
    async def work(lookups: NameLookups) -> None:
        with pytest.raises(OSError):  # noqa: PT011 - whatever the system calls it
            await lookups.addresses(name)

    with naming({}):
        run(work)


@pytest.mark.parametrize(
    ("name", "domain"),
    [("a.b.evil.example", "evil.example"), ("ollama", "ollama"), ("A.Example.", "a.example"), ("example", "example"), ("", "")],
)
def test_domain(name: str, domain: str) -> None:
    assert domain_of(name) == domain
