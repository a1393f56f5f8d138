"""Every actuator against a gateway that does it, refuses, says nothing, or is not there; what is certain and what is not."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.peers.mosquitto import Broker, free_port
from tests.vision.delivery.actuators.gateway import SECRET, command, http_gateway, mqtt_gateway
from vision.delivery.actuators.base import ActuatorError, actuator_types, build_actuator
from vision.delivery.actuators.http import HttpActuator, HttpParams
from vision.delivery.actuators.modbus import ModbusActuator, ModbusParams
from vision.delivery.actuators.mqtt import MqttActuator, MqttActuatorParams
from vision.delivery.actuators.simulated import SimulatedActuator, SimulatedParams


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_SECRET", SECRET)


def test_every_kind_is_known() -> None:
    assert list(actuator_types()) == ["http", "modbus", "mqtt", "simulated"]
    assert isinstance(build_actuator(SimulatedParams(), time.time), SimulatedActuator)


# HTTP.


def http(url: str, **more: Any) -> HttpActuator:
    values = {"url": url, "secret": "${GATEWAY_SECRET}", "timeout_s": 20.0, **more}
    return HttpActuator(HttpParams.model_validate(values), time.time)


async def redirect(_: web.Request) -> web.StreamResponse:
    raise web.HTTPTemporaryRedirect("/elsewhere")


async def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


HTTP: list[tuple[Any, bool | None, str]] = [
    ({"told": "open for 0.2 s", "flow": 4.1}, None, "open for 0.2 s"),
    ({}, None, "acknowledged"),
    ({"error": "tank lid open"}, True, "tank lid open"),
    (403, True, "refuses with 403"),
    (409, True, "refuses with 409"),
    (500, False, "answers with 500"),  # it may have opened before it broke
    (redirect, False, "answers with 307"),  # never followed
    (hang_up, False, "no answer"),
    ([1, 2], False, "no JSON object"),
    ({"flow": "much"}, False, "flow is no number"),
    ({"flow": True}, False, "flow is no number"),
]


@pytest.mark.parametrize(("answer", "certain", "told"), HTTP)
def test_http(answer: Any, certain: bool | None, told: str) -> None:
    async def play() -> None:
        async with http_gateway(answer) as (url, heard):
            actuator = http(url)
            try:
                if certain is None:
                    assert (await actuator.switch(command())).told == told
                else:
                    with pytest.raises(ActuatorError, match=told) as caught:
                        await actuator.switch(command())
                    assert caught.value.certain is certain
                assert [(method, said["id"], said["open_s"]) for method, said in heard] == [("POST", "cmd-1", 0.2)]
            finally:
                await actuator.close()

    asyncio.run(play())


def test_http_stop_and_probe() -> None:
    async def play() -> None:
        async with http_gateway({}) as (url, heard):
            actuator = http(url)
            await actuator.stop("valve")
            assert "200" in await actuator.probe()
            await actuator.close()
            assert [(method, said) for method, said in heard] == [("DELETE", {"target": "valve"})]

    asyncio.run(play())


def test_http_nobody_there_is_certain() -> None:
    async def play() -> None:
        actuator = http(f"http://127.0.0.1:{free_port()}/")
        with pytest.raises(ActuatorError, match="cannot be reached") as caught:
            await actuator.switch(command())
        assert caught.value.certain
        await actuator.close()

    asyncio.run(play())


def test_http_silence_is_not_certain() -> None:
    async def play() -> None:
        async def wait(_: web.Request) -> web.StreamResponse:
            await asyncio.sleep(30)
            return web.Response()

        async with http_gateway(wait) as (url, heard):
            actuator = http(url, timeout_s=1.0)
            with pytest.raises(ActuatorError, match="no answer") as caught:
                await actuator.switch(command())
            assert not caught.value.certain
            assert len(heard) == 1  # sent once, not again
            await actuator.close()

    asyncio.run(play())


# MQTT, against a real broker.


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("broker")) as made:
        yield made


def mqtt(broker: Broker, **more: Any) -> MqttActuator:
    values = {"host": broker.host, "port": broker.port, "topic": "farm", "timeout_s": 20.0, **more}
    return MqttActuator(MqttActuatorParams.model_validate(values), time.time)


def test_mqtt(broker: Broker) -> None:
    async def play() -> None:
        async with mqtt_gateway(broker, {"told": "done", "flow": 3.9}) as heard:
            done = await mqtt(broker).switch(command("cmd-7"))
            assert (done.told, done.flow) == ("done", 3.9)
            await mqtt(broker).stop("valve")
            assert heard[0]["id"] == "cmd-7"
            assert heard[1]["stop"] is True
            assert "MQTT 5" in await mqtt(broker).probe()

    asyncio.run(play())


def test_mqtt_a_refusal_is_certain_and_silence_is_not(broker: Broker) -> None:
    async def play() -> None:
        async with mqtt_gateway(broker, {"error": "no water"}):
            with pytest.raises(ActuatorError, match="no water") as caught:
                await mqtt(broker).switch(command())
            assert caught.value.certain
        async with mqtt_gateway(broker, None) as heard:
            with pytest.raises(ActuatorError, match="no acknowledgement") as caught:
                await mqtt(broker, timeout_s=1.5).switch(command())
            assert not caught.value.certain
            assert len(heard) == 1

    asyncio.run(play())


def test_mqtt_no_broker_is_certain(tmp_path: Path) -> None:
    actuator = MqttActuator(MqttActuatorParams(host="127.0.0.1", port=free_port()), time.time)
    with pytest.raises(ActuatorError, match="cannot be used") as caught:
        asyncio.run(actuator.switch(command()))
    assert caught.value.certain


# Modbus TCP, against pymodbus' own server.


class Plc:
    """A device with coil 3, a timer register 10 and a flow counter in input registers 20 and 21."""

    def __init__(self, port: int) -> None:
        from pymodbus.server import ModbusTcpServer
        from pymodbus.simulator import DataType, SimData, SimDevice

        blocks = (
            [SimData(0, values=[False] * 16, datatype=DataType.BITS)],
            [SimData(0, values=[False] * 16, datatype=DataType.BITS)],
            [SimData(0, values=[0] * 32, datatype=DataType.REGISTERS)],
            [SimData(0, values=[0] * 20 + [1, 100] + [0] * 10, datatype=DataType.REGISTERS)],
        )
        self.server = ModbusTcpServer(SimDevice(1, simdata=blocks), address=("127.0.0.1", port))


def modbus(port: int, **more: Any) -> ModbusActuator:
    values = {"host": "127.0.0.1", "port": port, "coil": 3, "timeout_s": 20.0, **more}
    return ModbusActuator(ModbusParams.model_validate(values), time.time)


def test_modbus() -> None:
    async def play() -> None:
        port = free_port()
        plc = Plc(port)
        serving = asyncio.create_task(plc.server.serve_forever())
        try:
            await reachable(port)
            actuator = modbus(port, flow_register=20, flow_scale=0.5, timer_register=10)
            task = asyncio.create_task(actuator.switch(command(open_s=1.0)))
            await seen(modbus(port), "coil 3 is set")
            done = await task
            assert (done.open_s, done.flow) == (1.0, 0.0)
            assert "cleared" in done.told
            assert await modbus(port).probe() == "coil 3 is clear"
            await modbus(port).stop("valve")
        finally:
            await plc.server.shutdown()
            await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(play())


def test_modbus_cleared_when_the_task_is_cancelled() -> None:
    async def play() -> None:
        port = free_port()
        plc = Plc(port)
        serving = asyncio.create_task(plc.server.serve_forever())
        try:
            await reachable(port)
            task = asyncio.create_task(modbus(port).switch(command(open_s=60)))
            await seen(modbus(port), "coil 3 is set")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await seen(modbus(port), "coil 3 is clear")
        finally:
            await plc.server.shutdown()
            await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(play())


def test_modbus_faults() -> None:
    async def play() -> None:
        port = free_port()
        with pytest.raises(ActuatorError, match="cannot be reached") as caught:
            await modbus(port, timeout_s=2).switch(command())
        assert caught.value.certain
        plc = Plc(port)
        serving = asyncio.create_task(plc.server.serve_forever())
        try:
            await reachable(port)
            with pytest.raises(ActuatorError, match="refuses"):
                await modbus(port, coil=999).switch(command())
            with pytest.raises(ActuatorError, match="expired") as caught:
                await modbus(port).switch(command(expires=time.time() - 1))
            assert caught.value.certain
        finally:
            await plc.server.shutdown()
            await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(play())


async def reachable(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        else:
            return


async def seen(actuator: ModbusActuator, told: str) -> None:
    deadline = time.monotonic() + 30
    while await actuator.probe() != told:
        assert time.monotonic() < deadline, told
        await asyncio.sleep(0.02)


# Simulated.


def test_a_good_gateway_does_nothing_twice_and_nothing_late() -> None:
    async def play() -> None:
        gateway = SimulatedActuator(SimulatedParams(speed=1e6), time.time)
        first = await gateway.switch(command("cmd-1"))
        assert await gateway.switch(command("cmd-1")) == first
        assert [pulse.flow for pulse in gateway.pulses] == [pytest.approx(4.0)]
        with pytest.raises(ActuatorError, match="expired"):
            await gateway.switch(command("cmd-2", expires=0.0))

    asyncio.run(play())
