"""A coil of a Modbus TCP device (PLC, remote I/O), with pymodbus.

The coil is set, held for the command's time and cleared again in any case; where the device has a timer of its own, give
its register as `timer_register` (tenths of a second) and the device itself ends the pulse: then a broken network cannot
leave a valve open. Without it the device needs a watchdog that clears its outputs when it is not heard from. The coil is
read back after each write: that is the acknowledgement. `flow_register` is a counter (32 bits, high word first) before and
after.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field

from vision.delivery.actuators.base import Actuator, ActuatorError, ActuatorParams, Command, Done, register
from vision.errors import InputError


class ModbusParams(ActuatorParams):
    """A coil of a Modbus TCP device."""

    type: Literal["modbus"] = "modbus"
    host: str = Field(min_length=1, description="The device's host name or address.")
    port: int = Field(502, ge=1, le=65535, description="Its port.")
    unit: int = Field(1, ge=0, le=247, description="Its unit (slave) number.")
    coil: int = Field(ge=0, le=65535, description="Address of the coil, counted from 0.")
    timer_register: int | None = Field(
        None, ge=0, le=65535, description="Holding register of the device's own timer for the coil, in 0.1 s."
    )
    flow_register: int | None = Field(
        None, ge=0, le=65534, description="First of two input registers of the flow counter (32 bits, high word first)."
    )
    flow_scale: float = Field(1.0, gt=0, description="Amount in the dose's unit for one count of the flow counter.")


@register
class ModbusActuator(Actuator[ModbusParams]):
    """Connects for each command; the coil is cleared whatever happens."""

    Params = ModbusParams

    def __init__(self, params: ModbusParams, clock: Callable[[], float]) -> None:
        """Raises `InputError` where the extra `modbus` is not installed."""
        super().__init__(params, clock)
        try:
            from pymodbus.client import AsyncModbusTcpClient
        except ImportError:
            raise InputError('actuator modbus needs an extra package: pip install "sightline[modbus]"') from None
        self._client = AsyncModbusTcpClient

    async def switch(self, command: Command) -> Done:
        """Set, hold, clear; read back each."""
        client = await self._connected()
        try:
            before = await self._flow(client)
            if self.clock() > command.expires:
                raise ActuatorError("the command expired before it could be sent", certain=True)
            held = await self._pulse(client, command.open_s)
            after = await self._flow(client)
        finally:
            client.close()
        flow = None if before is None or after is None else ((after - before) % 2**32) * self.params.flow_scale
        return Done(f"coil {self.params.coil} set for {held:g} s, read back as cleared", flow, held)

    async def stop(self, target: str) -> None:
        """Clear the coil."""
        client = await self._connected()
        try:
            await self._write(client, on=False)
        finally:
            client.close()

    async def probe(self) -> str:
        """Read the coil."""
        client = await self._connected()
        try:
            return f"coil {self.params.coil} is {'set' if await self._read(client) else 'clear'}"
        finally:
            client.close()

    async def _connected(self) -> Any:
        p = self.params
        client = self._client(p.host, port=p.port, timeout=p.timeout_s, retries=0, reconnect_delay=0)
        try:
            connected = await asyncio.wait_for(client.connect(), p.timeout_s)
        except (TimeoutError, OSError):
            connected = False
        if not connected:
            client.close()
            raise ActuatorError(f"{p.host}:{p.port} cannot be reached", certain=True)
        return client

    async def _pulse(self, client: Any, seconds: float) -> float:
        """Returns how long the coil was set."""
        register_ = self.params.timer_register
        if register_ is not None:
            tenths = max(1, min(65535, round(seconds * 10)))
            await self._asked(client.write_register(register_, tenths, device_id=self.params.unit), certain=True)
        try:
            await self._write(client, on=True)
            await asyncio.sleep(seconds)
        finally:
            await asyncio.shield(self._cleared(client))
        return seconds

    async def _cleared(self, client: Any) -> None:
        """Clear and see that it is clear; three tries, for this one must not fail."""
        for attempt in range(3):
            try:
                await self._write(client, on=False)
            except ActuatorError:
                if attempt == 2:
                    raise
                await asyncio.sleep(0.2)
            else:
                return

    async def _write(self, client: Any, *, on: bool) -> None:
        await self._asked(client.write_coil(self.params.coil, on, device_id=self.params.unit), certain=False)
        if await self._read(client) != on:
            own_end = not on or self.params.timer_register is None
            if own_end:  # a very short pulse of the device's own timer may be over already
                raise ActuatorError(
                    f"coil {self.params.coil} does not read as {'set' if on else 'clear'}", certain=False
                )

    async def _read(self, client: Any) -> bool:
        answer = await self._asked(
            client.read_coils(self.params.coil, count=1, device_id=self.params.unit), certain=False
        )
        return bool(answer.bits[0])

    async def _flow(self, client: Any) -> int | None:
        first = self.params.flow_register
        if first is None:
            return None
        answer = await self._asked(
            client.read_input_registers(first, count=2, device_id=self.params.unit), certain=False
        )
        return int(answer.registers[0]) << 16 | int(answer.registers[1])

    async def _asked(self, call: Any, *, certain: bool) -> Any:
        from pymodbus.exceptions import ModbusException

        try:
            answer = await asyncio.wait_for(call, self.params.timeout_s)
        except (ModbusException, TimeoutError, OSError) as error:
            raise ActuatorError(f"the device does not answer ({type(error).__name__})", certain=certain) from None
        if answer.isError():
            raise ActuatorError(f"the device refuses: {answer}", certain=certain)
        return answer
