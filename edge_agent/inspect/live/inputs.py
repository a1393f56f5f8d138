"""Where triggers and readings come from: MQTT topics, Modbus devices, CSV files. What fails is tried again, told once."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import logging
import secrets
import time
from collections.abc import Callable
from typing import Any, Protocol

from edge_agent.inspect.live.messages import TriggerReader, reading_from, reading_of
from edge_agent.inspect.settings import CsvSource, LiveConfig, ModbusDevice, ModbusSource, ModbusTrigger, MqttTopic
from vision.delivery.mqtt_connection import Incoming
from vision.delivery.mqtt_link import Link
from vision.errors import InputError
from vision.inspect.sensors import Reading
from vision.inspect.trigger import Trigger

log = logging.getLogger("sightline.inspection")

_AGAIN_S = 1.0
_TIMEOUT_S = 1.0
_LINE = 65536  # characters of a CSV line at most


class Input(Protocol):
    """One source, in the event loop."""

    def start(self) -> None:
        """Begin; must not wait for the other side."""

    async def close(self) -> None:
        """End."""


class MqttInput:
    """Listens to one topic; what a broker has retained is old news and is left out."""

    def __init__(self, params: MqttTopic, heard: Callable[[bytes], None]) -> None:
        """Raises `ConfigError` where the password's variable is not set."""
        password = None if params.password is None else params.password.filled_in()
        client = params.client_id or f"sightline-in-{secrets.token_hex(6)}"

        def take(message: Incoming) -> None:
            if not message.retain:
                heard(message.payload)

        self._link = Link(params.settings(client, password), params.version, topics=(params.topic,), heard=take)

    def start(self) -> None:
        """Connect, and again whenever the connection is lost."""
        self._link.start()

    async def close(self) -> None:
        """Say good-bye."""
        await self._link.close()


class ModbusInput:
    """Asks a device over and over; `answered` gets each answer's coil or register."""

    def __init__(self, params: ModbusDevice, ask: str, address: int, answered: Callable[[Any], None]) -> None:
        """`ask` is the method of pymodbus. Raises `InputError` where the extra `modbus` is not installed."""
        try:
            from pymodbus.client import AsyncModbusTcpClient
        except ImportError:
            raise InputError('modbus needs an extra package: pip install "sightline[modbus]"') from None
        self._params, self._ask, self._address, self._answered = params, ask, address, answered
        self._client = AsyncModbusTcpClient
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ask."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="modbus-input")

    async def close(self) -> None:
        """Ask no more."""
        await _ended(self._task)

    async def _run(self) -> None:
        from pymodbus.exceptions import ModbusException

        place, told = f"{self._params.host}:{self._params.port}", False
        while True:
            client = self._client(
                self._params.host, port=self._params.port, timeout=_TIMEOUT_S, retries=0, reconnect_delay=0
            )
            try:
                if await client.connect():
                    told = False
                    await self._poll(client)
            except (ModbusException, TimeoutError, OSError) as error:
                log.debug("%s: %s", place, error)
            finally:
                client.close()
            if not told:
                log.warning("modbus device %s does not answer; it is tried again", place)
                told = True
            await asyncio.sleep(_AGAIN_S)

    async def _poll(self, client: Any) -> None:
        """Until an answer fails to come."""
        ask = getattr(client, self._ask)
        while True:
            answer = await ask(self._address, count=1, device_id=self._params.unit)
            if answer.isError():
                raise OSError(f"the device refuses: {answer}")
            self._answered(answer.bits[0] if "coil" in self._ask or "discrete" in self._ask else answer.registers[0])
            await asyncio.sleep(self._params.poll_s)


class CsvInput:
    """Reads the lines that another program appends to a file; what was in it before the start is old news."""

    def __init__(self, params: CsvSource, sensor: str, put: Callable[[Reading], object], clock: Callable[[], float]):
        self._params, self._sensor, self._put, self._clock = params, sensor, put, clock
        self._task: asyncio.Task[None] | None = None
        self._heading: list[str] = []
        self._at = 0
        self._rest = b""

    def start(self) -> None:
        """Skip what is there, then follow."""
        self._follow(silent=True)
        self._task = asyncio.get_running_loop().create_task(self._run(), name="csv-input")

    async def close(self) -> None:
        """Follow no more."""
        await _ended(self._task)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._params.poll_s)
            self._follow(silent=False)

    def _follow(self, *, silent: bool) -> None:
        for line in self._new_lines():
            row = next(csv.reader(io.StringIO(line)), [])
            if not self._heading:
                self._heading = [name.strip().lower() for name in row]
            elif row and not silent:
                self._put(reading_from(self._sensor, dict(zip(self._heading, row, strict=False)), self._clock()))

    def _new_lines(self) -> list[str]:
        """Whole lines that have come; a file that has become shorter is a new one."""
        try:
            with self._params.path.open("rb") as file:
                size = file.seek(0, 2)
                if size < self._at:
                    self._at, self._rest, self._heading = 0, b"", []
                file.seek(self._at)
                data = self._rest + file.read()
                self._at = size
        except OSError:
            return []
        whole, _, rest = data.rpartition(b"\n")
        self._rest = rest[-_LINE:]
        return [line for line in whole.decode("utf-8-sig", "replace").splitlines() if line.strip()][: 10 * _LINE]


def inputs_of(
    live: LiveConfig,
    trigger: Callable[[Trigger], object],
    reading: Callable[[Reading], object],
    clock: Callable[[], float] = time.time,
) -> list[Input]:
    """All sources of a line that have to be listened to or asked."""
    found: list[Input] = []
    for wanted in live.triggers:
        if isinstance(wanted, MqttTopic):
            found.append(_mqtt_trigger(wanted, trigger, clock))
        elif isinstance(wanted, ModbusTrigger):
            found.append(_modbus_trigger(wanted, trigger, clock))
    for sensor in live.sensors:
        source, name = sensor.source, sensor.name
        if isinstance(source, MqttTopic):
            found.append(MqttInput(source, _heard(name, reading, clock)))
        elif isinstance(source, ModbusSource):
            found.append(_modbus_sensor(source, name, reading, clock))
        elif isinstance(source, CsvSource):
            found.append(CsvInput(source, name, reading, clock))
    return found


def _mqtt_trigger(params: MqttTopic, trigger: Callable[[Trigger], object], clock: Callable[[], float]) -> Input:
    reader = TriggerReader("mqtt")
    return MqttInput(params, lambda payload: void(trigger(reader.read(payload, clock()))))


def _heard(sensor: str, reading: Callable[[Reading], object], clock: Callable[[], float]) -> Callable[[bytes], None]:
    return lambda payload: void(reading(reading_of(sensor, payload, clock())))


def _modbus_trigger(params: ModbusTrigger, trigger: Callable[[Trigger], object], clock: Callable[[], float]) -> Input:
    """A rising edge; what is on when the agent comes is no edge."""
    before = [True]

    def answered(on: Any) -> None:
        if on and not before[0]:
            trigger(Trigger(clock(), "modbus"))
        before[0] = bool(on)

    ask = "read_discrete_inputs" if params.discrete else "read_coils"
    return ModbusInput(params, ask, params.coil, answered)


def _modbus_sensor(
    params: ModbusSource, sensor: str, reading: Callable[[Reading], object], clock: Callable[[], float]
) -> Input:
    def answered(word: Any) -> None:
        number = int(word) - 65536 if params.signed and int(word) >= 32768 else int(word)
        reading(Reading(sensor, clock(), number * params.scale))

    ask = "read_input_registers" if params.kind == "input" else "read_holding_registers"
    return ModbusInput(params, ask, params.register_, answered)


def void(_: object) -> None:
    """What comes back does not matter."""


async def _ended(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
