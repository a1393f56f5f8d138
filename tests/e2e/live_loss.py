"""A network of its own with packet loss: a namespace behind a veth pair; nftables drops UDP packets at random."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from tests.conftest import missing

_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class LossyNetwork:
    """`name` of the namespace, and its `address` as seen from outside."""

    name: str
    address: str

    def dropped(self) -> int:
        """Packets that the rule has dropped so far."""
        listing = _run("ip", "netns", "exec", self.name, "nft", "list", "table", "inet", "loss")
        return sum(map(int, re.findall(r"counter packets (\d+)", listing)))


def _run(*words: str) -> str:
    return subprocess.run(
        words, check=True, capture_output=True, text=True, timeout=20, env={**os.environ, "PATH": _PATH}
    ).stdout


@contextlib.contextmanager
def lossy_network(*, percent: int) -> Iterator[LossyNetwork]:
    """So many percent of the UDP packets that leave the namespace are lost; what it made is gone afterwards."""
    for program in ("ip", "nft"):
        if shutil.which(program, path=_PATH) is None:
            missing(f"no {program}; apt-get install iproute2 nftables")
    tag = f"{random.randrange(16**6):06x}"
    name, outside, inside = f"sl-{tag}", f"slo{tag}", f"sli{tag}"
    # 198.18.0.0/15 is set aside for tests of networks (RFC 2544).
    net = f"198.18.{random.randrange(256)}.{4 * random.randrange(64)}"
    base = net.rpartition(".")
    ours, theirs = (f"{base[0]}.{int(base[2]) + last}" for last in (1, 2))
    try:
        _run("ip", "netns", "add", name)
    except subprocess.CalledProcessError as error:
        missing(f"cannot make a network namespace: {error.stderr.strip()}")
    try:
        _run("ip", "link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name)
        _run("ip", "addr", "add", f"{ours}/30", "dev", outside)
        _run("ip", "link", "set", outside, "up")
        _run("ip", "-n", name, "addr", "add", f"{theirs}/30", "dev", inside)
        _run("ip", "-n", name, "link", "set", inside, "up")
        _run("ip", "-n", name, "link", "set", "lo", "up")
        nft = ("ip", "netns", "exec", name, "nft")
        _run(*nft, "add", "table", "inet", "loss")
        _run(*nft, "add", "chain", "inet", "loss", "out", "{ type filter hook output priority 0; }")
        chance = ("numgen", "random", "mod", "100", "<", str(percent))
        _run(
            *nft,
            "add",
            "rule",
            "inet",
            "loss",
            "out",
            "oifname",
            inside,
            "meta",
            "l4proto",
            "udp",
            *chance,
            "counter",
            "drop",
        )
        yield LossyNetwork(name, theirs)
    finally:
        _run("ip", "netns", "del", name)  # takes the pair of interfaces with it
