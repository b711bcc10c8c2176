"""Images of one program each: the pause container, the BYO agent, the real controller and Go runtime."""

from pathlib import Path

from tests.lab.images.archive import Entry, Image, Layer, write_archive, write_layer
from tests.lab.images.libraries import library_entries
from tests.lab.images.shelf import Shelf, key_of, run

PAUSE = "lab.local/pause:lab"
BYO_AGENT = "lab.local/byo-agent:lab"
BYO_AGENT_NEXT = "lab.local/byo-agent:next"
CONTROLLER = "ghcr.io/kagent-dev/kagent/controller:lab"
GO_RUNTIME = "ghcr.io/kagent-dev/kagent/golang-adk:lab"

HERE = Path(__file__).parent
PAUSE_SOURCE = HERE / "pause.c"
BYO_SOURCE = HERE.parent / "agents" / "byo"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
NOBODY = 65532


def system_entries() -> list[Entry]:
    """What programs expect of any system: users, /tmp, a home and the certificate authorities."""
    passwd = f"root:x:0:0:root:/root:/\nnonroot:x:{NOBODY}:{NOBODY}:nonroot:/home/nonroot:/\n"
    group = f"root:x:0:\nnonroot:x:{NOBODY}:\n"
    entries = [
        Entry("etc"),
        Entry("etc/group", data=group.encode(), mode=0o644),
        Entry("etc/nsswitch.conf", data=b"hosts: files dns\n", mode=0o644),
        Entry("etc/passwd", data=passwd.encode(), mode=0o644),
        Entry("home"),
        Entry("home/nonroot", owner=NOBODY, mode=0o700),
        Entry("root", mode=0o700),
        Entry("tmp", mode=0o1777),
    ]
    if CERTIFICATES.exists():
        entries.append(Entry(f"etc/ssl/certs/{CERTIFICATES.name}", source=CERTIFICATES.resolve(), mode=0o644))
    return entries


def pause(shelf: Shelf) -> Path:
    def build(scratch: Path, target: Path) -> None:
        binary = scratch / "pause"
        run(["gcc", "-static", "-Os", "-s", "-o", binary, PAUSE_SOURCE], "building the pause container")
        layer = write_layer(scratch / "layer.tar", [Entry("pause", source=binary)])
        write_archive(target, [Image(PAUSE, [layer], ["/pause"])])

    return shelf.archive("pause", key_of(_recipe(), PAUSE_SOURCE), build)


def byo_agent(shelf: Shelf) -> Path:
    """Two tags that differ in the version they answer with, so that a new image can be rolled out."""

    def build(scratch: Path, target: Path) -> None:
        binary = scratch / "app"
        command: list[str | Path] = ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "."]
        run(command, "building the BYO agent", cwd=BYO_SOURCE, CGO_ENABLED="0")
        layers = _layers(scratch, binary)
        versions = {BYO_AGENT: "lab", BYO_AGENT_NEXT: "next"}
        images = [Image(name, layers, ["/app"], {"IMAGE_VERSION": v}) for name, v in versions.items()]
        write_archive(target, images)

    return shelf.archive("byo-agent", key_of(_recipe(), BYO_SOURCE), build)


def go_program(shelf: Shelf, name: str, image: str, binary: Path) -> Path:
    """An image around a binary that was built elsewhere; its arguments come from the pod."""

    def build(scratch: Path, target: Path) -> None:
        write_archive(target, [Image(image, _layers(scratch, binary), ["/app"])])

    return shelf.archive(name, key_of(_recipe(), image, binary), build)


def _layers(scratch: Path, binary: Path) -> list[Layer]:
    system = write_layer(scratch / "system.tar", system_entries())
    libraries = library_entries([binary], own=scratch)
    program = write_layer(scratch / "program.tar", [*libraries, Entry("app", source=binary)])
    return [system, program]


def _recipe() -> str:
    """This code is part of what an image is made from."""
    return key_of(*(HERE / name for name in ("archive.py", "libraries.py", "static.py")))
