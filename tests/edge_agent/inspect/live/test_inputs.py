"""Triggers, readings and outputs over a real broker, a real Modbus server, a file that grows."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_agent.inspect.live.inputs import CsvInput, inputs_of
from edge_agent.inspect.settings import CsvSource, LiveConfig
from edge_agent.live.worker import Happening
from tests.edge_agent.inspect.live.line_of import Clock, line_of, part, show, until
from tests.peers.mosquitto import Broker, Heard, Listener, free_port
from vision.inspect.sensors import Reading
from vision.inspect.trigger import Trigger


class Gateway(Listener):
    """A rejector behind the broker: acknowledges every command at once."""

    def _message(self, client: Any, userdata: Any, message: Any) -> None:
        super()._message(client, userdata, message)
        if message.topic.endswith("/command"):
            told = {"id": json.loads(message.payload)["id"], "told": "done"}
            threading.Thread(target=client.publish, args=("line1/rejector/ack", json.dumps(told), 1)).start()

    @property
    def commands(self) -> list[dict[str, Any]]:
        """What was to be switched."""
        heard: list[Heard] = self.on("line1/rejector/command")
        return [json.loads(message.payload) for message in heard]


def test_mqtt_from_trigger_to_output(tmp_path: Path) -> None:
    told: list[Happening] = []

    def live(port: int) -> dict[str, Any]:
        broker = {"type": "mqtt", "host": "127.0.0.1", "port": port}
        scale = {"name": "scale", "max": 110, "tolerance_s": 20, "source": {**broker, "topic": "line1/scale"}}
        rejector = {**broker, "topic": "line1/rejector", "timeout_s": 30}
        return {
            "triggers": [{**broker, "topic": "line1/part"}],
            "window": {"before_s": 5, "after_s": 0, "same_part_s": 0.001},
            "sensors": [scale],
            "outputs": [{"name": "rejector", "deadline_s": 60, "pulse_s": 0.1, "actuator": rejector}],
        }

    async def run(broker: Broker, gateway: Gateway) -> None:
        clock = Clock()
        line = line_of(live(broker.port), tmp_path, told, clock)
        await asyncio.to_thread(gateway.publish, "line1/part", b'{"part": "old"}', retain=True)  # of before our time
        await line.start()
        await until(lambda: all(one._link.connection for one in line._inputs))  # type: ignore[attr-defined]  # both MQTT
        for name, file, weight in (("A", "line/01_good", 100), ("B", "line/03_hole", 100), ("C", "line/07_good", 140)):
            clock.skipped += 100  # what came before is out of its window
            show(line, part(file), clock)
            await asyncio.to_thread(gateway.publish, "line1/scale", json.dumps({"value": weight, "part": name}))
            await asyncio.to_thread(gateway.publish, "line1/part", json.dumps({"part": name}))
            await until(lambda name=name: any(h.event.facts["part"] == name for h in told))  # type: ignore[misc]  # bound now
            wanted = {"A": 0, "B": 1, "C": 2}[name]  # outputs so far: the clock must not skip before they are through
            await until(lambda wanted=wanted: len(line._outputs.switched) == wanted)  # type: ignore[misc]
        await line.close()

    with Broker(tmp_path) as broker, Gateway(broker, "line1/rejector/command") as gateway:
        asyncio.run(run(broker, gateway))
        by_part = {str(h.event.facts["part"]): h.event.facts["verdict"] for h in told if h.event.type == "defect"}
        assert by_part == {"A": "pass", "B": "reject", "C": "reject"}
        assert [(c["target"], c["reason"], c["open_s"]) for c in gateway.commands][:2] == [
            ("rejector", "reject", 0.1)
        ] * 2
        assert not [h for h in told if h.event.type == "output_missed"]


def test_modbus_coil_and_register() -> None:
    from pymodbus.server import ModbusTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    triggers: list[Trigger] = []
    readings: list[Reading] = []

    async def run() -> None:
        from pymodbus.client import AsyncModbusTcpClient

        port = free_port()
        device = {"type": "modbus", "host": "127.0.0.1", "port": port, "poll_s": 0.005}
        live = LiveConfig.model_validate(
            {
                "camera": "line",
                "triggers": [device | {"coil": 4}],
                "sensors": [{"name": "torque", "source": device | {"register": 7, "scale": 0.1, "kind": "holding"}}],
            }
        )
        inputs = inputs_of(live, triggers.append, readings.append)
        for one in inputs:
            one.start()  # before there is a device: it is tried again
        blocks = (
            [SimData(0, values=[False] * 16, datatype=DataType.BITS)],
            [SimData(0, values=[False] * 16, datatype=DataType.BITS)],
            [SimData(0, values=[0] * 7 + [125, 0xFFFF] + [0] * 7, datatype=DataType.REGISTERS)],
            [SimData(0, values=[0] * 16, datatype=DataType.REGISTERS)],
        )
        server = ModbusTcpServer(SimDevice(1, simdata=blocks), address=("127.0.0.1", port))
        serving = asyncio.create_task(server.serve_forever())
        try:
            await until(lambda: len(readings) > 3)
            client = AsyncModbusTcpClient("127.0.0.1", port=port)
            await client.connect()
            for number in (1, 2):
                await client.write_coil(4, True, device_id=1)
                await until(lambda number=number: len(triggers) == number)  # type: ignore[misc]  # bound now
                count = len(readings)
                await client.write_coil(4, False, device_id=1)
                await until(lambda count=count: len(readings) > count + 30)  # type: ignore[misc]  # seen as off meanwhile
            client.close()
        finally:
            for one in inputs:
                await one.close()
            await server.shutdown()
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(run())
    assert len(triggers) == 2  # rising edges alone
    assert {reading.value for reading in readings} == {12.5}


def test_csv_that_grows(tmp_path: Path) -> None:
    path, got = tmp_path / "weights.csv", list[Reading]()

    def appended(text: str) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)

    def read(many: int) -> Callable[[], bool]:
        return lambda: len(got) == many

    async def run() -> None:
        one = CsvInput(CsvSource(path=path, poll_s=0.01), "scale", got.append, lambda: 5.0)
        appended("t,value,unit,part\n1,99,g,old\n")
        one.start()  # what is there is old news
        appended("2,100,g,A\n3,10")
        await until(read(1))
        appended("1,g,B\n")  # half a line is no line
        await until(read(2))
        path.unlink()
        appended("value,part\n55,C\n")  # a new file with other columns, shorter than the old one
        await until(read(3))
        appended("what,is,this\n")
        await until(read(4))
        await one.close()

    asyncio.run(run())
    assert [(r.value, r.unit, r.part, r.sent) for r in got] == [
        (100.0, "g", "A", 2.0),
        (101.0, "g", "B", 3.0),
        (55.0, "", "C", None),
        (None, "", "is", None),
    ]
