"""`sightline inspect calibrate`: print the pattern, then make pixels into millimetres from pictures of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from vision.inspect.pattern import Pattern

_KINDS = (".png", ".svg", ".pdf")


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("calibrate")(calibrate_command)


def calibrate_command(
    pictures: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Pictures of the pattern by the camera; in the first it lies where the parts will. Five or more, the "
            "others tilted, measure the lens too.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where the calibration goes: FILE.json.")] = None,
    print_to: Annotated[
        Path | None, typer.Option("--print", help="Write the pattern to print: FILE.png, .svg or .pdf.")
    ] = None,
    columns: Annotated[int, typer.Option(help="Squares across.")] = 7,
    rows: Annotated[int, typer.Option(help="Squares down.")] = 10,
    square_mm: Annotated[float, typer.Option(help="Side of a square on the paper, measured, in millimetres.")] = 25.0,
) -> None:
    """Calibrate a camera: with --print the pattern to print, then with pictures of it the file for `calibration:`."""
    from edge_agent.inspect.pictures import files_of, pixels_of
    from vision.errors import InputError
    from vision.inspect.pattern import Pattern, calibrate

    pattern = Pattern(columns, rows, square_mm)
    if print_to is not None:
        _print(pattern, print_to)
    if not pictures:
        if print_to is None:
            raise InputError("say what to do: --print FILE.pdf for the pattern, or pictures of it and --out FILE.json")
        return
    if out is None:
        raise InputError("say where the calibration goes: --out FILE.json")
    seen = []
    for file in files_of(pictures):
        pixels = pixels_of(file.read_bytes())
        if isinstance(pixels, str):
            raise InputError(f"{file}: {pixels}; take it again")
        seen.append((str(file), pixels))
    made = calibrate(pattern, seen)
    _write(out, (made.model_dump_json(indent=2) + "\n").encode())
    scale = made.mm_per_px((made.width / 2, made.height / 2))
    lens = f"lens from {made.pictures} pictures" if made.distortion else "lens taken as free of distortion"
    typer.echo(
        f"{scale:.4f} mm a pixel in the middle; {made.corners} corners, off by {made.rms_mm:.3f} mm (rms); {lens}"
    )
    if made.rms_mm > 0.01 * square_mm:
        typer.echo(
            "the corners do not lie flat: the paper is not, or the lens bends; lay it on glass, or give five pictures",
            err=True,
        )
    typer.echo(f"calibration: {out}")


def _print(pattern: Pattern, path: Path) -> None:
    from vision.errors import InputError

    kind = path.suffix.lower()
    if kind not in _KINDS:
        raise InputError(f"--print {path}: ends in {kind or 'nothing'}; allowed: {', '.join(_KINDS)}")
    made = pattern.png() if kind == ".png" else pattern.pdf() if kind == ".pdf" else pattern.svg().encode()
    _write(path, made)
    width, height = pattern.size_mm
    typer.echo(f"pattern: {path} ({width:g} x {height:g} mm; print at 100 %, then measure a square)")


def _write(path: Path, data: bytes) -> None:
    from vision.errors import InputError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); name another") from None
