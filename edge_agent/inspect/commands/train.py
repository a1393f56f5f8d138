"""`sightline inspect train`: what good parts look like, learned from pictures of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from edge_agent.inspect.store import DEFAULT_STORE


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("train")(train_command)


def train_command(
    good: Annotated[
        Path, typer.Argument(metavar="GOOD_DIR", help="Folder of pictures of good parts.", show_default=False)
    ],
    name: Annotated[str, typer.Option(help="What the inspection is called from now on.", show_default=False)],
    false_reject: Annotated[
        float, typer.Option(min=0.0001, max=0.5, help="Share of good parts that may be rejected.")
    ] = 0.02,
    store: Annotated[Path, typer.Option(help="Where trained inspections lie.")] = DEFAULT_STORE,
    backbone: Annotated[
        Path | None, typer.Option(help="An ONNX network whose features are used; default: the one that comes with it.")
    ] = None,
    locate: Annotated[
        Literal["whole", "part"],
        typer.Option(help="Look at the whole picture, or only at the part where it lies free on an even table."),
    ] = "whole",
    side: Annotated[int, typer.Option(min=96, max=1024, help="Side of the network's input in pixels.")] = 224,
    memory: Annotated[int, typer.Option(min=100, max=20000, help="Places of good parts that are remembered.")] = 1500,
    with_reviews: Annotated[
        bool,
        typer.Option("--with-reviews", help="Also learn from parts that people call good; leave out those called bad."),
    ] = False,
    reviews: Annotated[Path | None, typer.Option(help="Where people's labels lie; default: the store.")] = None,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Leave the version in use in use: compare first, see `inspect shadow`.")
    ] = False,
) -> None:
    """Learn from good parts alone; sets the threshold by parts held out, and says how sure it is."""
    from rich.console import Console
    from rich.markup import escape

    from edge_agent.inspect.console import Bar
    from edge_agent.inspect.line.labels import Labels
    from edge_agent.inspect.line.learning import reviewed
    from edge_agent.inspect.pictures import files_of
    from edge_agent.inspect.train import train
    from vision.inspect.anomaly.fit import Settings

    settings = Settings(false_reject=false_reject, side=side, memory=memory)
    files, origin = files_of([good]), dict[str, str]()
    if with_reviews:
        learned = reviewed(files, Labels(name, reviews or store))
        files, origin = learned.files, learned.origin
    with Bar("learning") as bar:
        done = train(
            files, name, store, settings, backbone=backbone, locate=locate, progress=lambda _, n, of: bar.show(n, of),
            origin=origin, shadow=shadow,
        )  # fmt: skip
    console = Console(highlight=False, soft_wrap=True)
    limit = done.fitted.threshold
    console.print(
        f"{name}, version {done.version.version}: {limit.parts} good parts, {done.seconds:.0f} s, {done.size / 1e6:.2f} MB, "
        f"backbone {escape(done.version.backbone)}"
    )
    if with_reviews:
        console.print(f"{learned.added} parts that people call good were added, {learned.left_out} called bad left out")
    console.print(str(limit))
    low, high = limit.seen
    console.print(
        f"{limit.above} of {limit.parts} held-out parts were above it: by that count alone between {low:.2%} and {high:.2%}"
    )
    for note in (*done.left_out, *done.fitted.warnings):
        console.print(f"[yellow]note[/yellow] {escape(note)}")
    console.print(f"next: sightline inspect run PICTURES --name {name} --store {store} --out OUT", markup=False)
